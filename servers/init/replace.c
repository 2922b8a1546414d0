// A planned replacement: the new version is prepared while the old one serves, then its portal is
// given to it. Until the new one has taken over, the old one is kept as it was, and goes on when
// anything is wrong with the new one. One server is replaced at a time.
#include <string.h>

#include "arch/barrier.h"
#include "ipc/monitor.h"
#include "ipc/state.h"
#include "servers/init/init.h"

static struct {
    enum monitor_outcome outcome;
    struct server *server;
    struct file file;
    uint32_t version; // of the state that the new one writes
    enum status status;
    uint64_t pause;
    uint64_t incarnation; // of the new one: the pause is its own
} replacement;

static bool replace_is_on(void) {
    return replacement.outcome == MONITOR_PREPARING || replacement.outcome == MONITOR_SWITCHING;
}

bool replace_is_new(const struct server *server, bool side) {
    return replace_is_on() && replacement.server == server && side != server->side;
}

const struct file *replace_file(void) { return &replacement.file; }

static void replace_decide(enum monitor_outcome outcome, enum status status) {
    replacement.outcome = outcome;
    replacement.status = status;
    (void)!rt_signal(SLOT_SERVER(init.monitor) + SERVER_SLOT_PORTAL);
}

// Copies the ELF file that lies in the monitor's buffer, which can change at any time.
static enum status replace_copy(struct file *file, uint64_t bytes) {
    if (bytes > init.buffer.size) {
        return STATUS_RANGE;
    }
    if (!init.spare_file.size) {
        init.spare_file = memory_try(init.buffer.size, 4096);
    }
    if (!init.spare_file.size) {
        rt_log("init: there is no memory left for a new version of a server");
        return STATUS_NO_MEMORY;
    }
    char *to = memory_see(init.spare_file.physical);
    uint64_t end = (bytes + 0xfff) & ~0xfffull;
    memcpy(to, memory_see(init.buffer.physical), bytes);
    memset(to + bytes, 0, end - bytes); // its last page is mapped as a whole
    arch_memory_clean(to, end);         // and executed from where it lies
    *file = (struct file){
        .name = "new version",
        .content = (const uint8_t *)to,
        .size = bytes,
        .memory = init.spare_file,
    };
    return STATUS_OK;
}

static enum status replace_check(const struct server *server, const struct file *file) {
    const char *name = server->manifest->name;
    uint64_t writable;
    const char *why = body_check(file, &writable);
    if (!why && writable > init.spare->image.size) {
        why = "its data and its stack are larger than init has room for";
    }
    if (why) {
        rt_log("server %s: not replaced: %s", name, why);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status replace_begin(struct server *server, uint64_t bytes) {
    struct file file = server->file;
    if (replacement.outcome == MONITOR_PREPARING &&
        core_task_read(init.spare->slot).word[0] == TASK_WAITING) {
        rt_log("server %s: not replaced: the new one waits, but has not said that it is prepared",
               replacement.server->manifest->name);
        body_end(init.spare);
        replace_decide(MONITOR_FAILED, STATUS_OK);
    }
    if (replace_is_on() || (!server->taken && !server->given_up)) {
        return STATUS_BUSY; // or it is being started itself, and has something to repair
    }
    if (server->given_up || !(server->manifest->calls >> MANIFEST_INIT & 1)) {
        rt_log("server %s: not replaced: %s", server->manifest->name,
               server->given_up ? "it is not running any more"
                                : "it does not call init, which must know when it is prepared");
        return STATUS_UNSUPPORTED;
    }
    enum status status = bytes ? replace_copy(&file, bytes) : STATUS_OK;
    if (status == STATUS_OK) {
        status = replace_check(server, &file);
    }
    if (status != STATUS_OK) {
        return status;
    }
    replacement.outcome = MONITOR_PREPARING;
    replacement.server = server;
    replacement.file = file;
    replacement.pause = 0;
    body_start(init.spare, body_make(server, init.spare, &file, !server->side));
    replacement.incarnation = server->incarnation;
    return STATUS_OK;
}

// The version of the state that the old one keeps; 0: it keeps none.
static uint32_t replace_state_version(const struct server *server) {
    if (!server->state.size) {
        return 0;
    }
    const struct state_header *header = memory_see(server->state.physical);
    return header->magic == STATE_MAGIC ? header->version : 0;
}

// The new one has been ended, what it served is pending again: the old one goes on. TOUCHED: its
// device, or what it knows of it, may not be as it left it.
static void replace_undo(enum monitor_outcome outcome, enum status status, bool touched) {
    struct server *server = replacement.server;
    bool switching = replacement.outcome == MONITOR_SWITCHING;
    if (switching && touched && core_task_read(server->body->slot).word[0] == TASK_WAITING) {
        server_restart((unsigned)(server - init.server));
    } else if (switching) {
        server_bind(server, server->body, START_AGAIN);
    }
    replace_decide(outcome, status);
}

void replace_ready(uint32_t version) {
    struct server *server = replacement.server;
    uint32_t old = replace_state_version(server);
    if (replacement.outcome != MONITOR_PREPARING) {
        return;
    }
    if (old > version) {
        rt_log("server %s: not replaced: its state is of version %u, the new one understands %u "
               "and older; it carries on",
               server->manifest->name, old, version);
        body_end(init.spare);
        replace_undo(MONITOR_REFUSED, STATUS_UNSUPPORTED, false);
        return;
    }
    replacement.version = version;
    replacement.outcome = MONITOR_SWITCHING;
    server_bind(server, init.spare, START_REPLACEMENT);
    if (core_task_read(server->body->slot).word[0] == TASK_DEAD) {
        // It died just before, unheard so far, and may have left what only its successor is told
        // of.
        body_end(init.spare);
        replace_undo(MONITOR_FAILED, STATUS_BUSY, false);
    }
}

// What was the new one is the server now, and what the old one was made of is free.
static void replace_swap(void) {
    struct server *server = replacement.server;
    struct body *old = server->body;
    server->body = init.spare;
    init.spare = old;
    if (replacement.file.memory.size && replacement.file.content != server->file.content) {
        init.spare_file = server->file.memory;
    }
    server->file = replacement.file;
    server->side = !server->side;
    server->version = replacement.version;
    server->replacements++;
}

void replace_taken(void) {
    struct server *server = replacement.server;
    if (replacement.outcome != MONITOR_SWITCHING) {
        return;
    }
    body_end(server->body);
    replace_swap();
    server->taken = true;
    server->early_deaths = 0;
    rt_log("server %s: replaced", server->manifest->name);
    replace_decide(MONITOR_REPLACED, STATUS_OK);
}

void replace_refused(enum status status) {
    if (replacement.outcome == MONITOR_SWITCHING) {
        rt_log("server %s: not replaced: the new one can't take over its state: %s; it carries on",
               replacement.server->manifest->name, status_text(status));
        body_end(init.spare);
        replace_undo(MONITOR_REFUSED, status, false);
    }
}

// Whether the state is the new version's: the old one could not read it any more.
static bool replace_migrated(const struct server *server) {
    const struct state_header *header = memory_see(server->state.physical);
    return replacement.outcome == MONITOR_SWITCHING && server->state.size &&
           (replace_state_version(server) > server->version || header->moved);
}

// The new one has been ended. Where the state is its version's already, the old one's end has come
// as well, and the new version is started again.
static bool replace_go_on(struct server *server) {
    if (!replace_migrated(server)) {
        return false;
    }
    body_end(server->body);
    replace_swap();
    rt_log("server %s: replaced; its new version is started again", server->manifest->name);
    server_start_again(server);
    replace_decide(MONITOR_REPLACED, STATUS_OK);
    return true;
}

void replace_died(void) {
    struct server *server = replacement.server;
    body_end(init.spare); // only now the state can't change any more
    if (!replace_go_on(server)) {
        replace_undo(MONITOR_FAILED, STATUS_OK, true);
    }
}

bool replace_abandon(struct server *server) {
    if (!replace_is_on() || replacement.server != server) {
        return false;
    }
    body_end(init.spare);
    if (replace_go_on(server)) {
        return true;
    }
    rt_log("server %s: not replaced: the old one died meanwhile", server->manifest->name);
    replace_decide(MONITOR_FAILED, STATUS_OK);
    return false;
}

void replace_outcome(uint64_t word[MESSAGE_WORDS]) {
    const struct server *server = replacement.server;
    word[1] = replacement.outcome;
    if (!server) {
        return;
    }
    word[2] = (uint64_t)(server - init.server);
    word[3] = replacement.status;
    if (replacement.outcome == MONITOR_REPLACED && !replacement.pause &&
        server->incarnation == replacement.incarnation) {
        replacement.pause = core_task_read(server->body->slot).word[4];
    }
    word[4] = replacement.pause;
}
