// Servers: what outlives their tasks, their first start and all further ones.
#include <string.h>

#include "servers/init/init.h"

#define TICKS_PER_SECOND_OF_CORE 100 // the core's tick is 10 ms at the usual timebase
#define BODY_IMAGE_LEAST 0x20000ull  // room for versions that are larger than those in the bundle

// What the largest server of this manifest writes to; all bodies have the same room.
static uint64_t image_bytes = BODY_IMAGE_LEAST;

const struct bundle_file *server_bundle_file(const char *name) {
    for (uint32_t i = 0; i < init.bundle->file_count && i < BUNDLE_FILES; i++) {
        if (strncmp(init.bundle->file[i].name, name, BUNDLE_NAME) == 0) {
            return &init.bundle->file[i];
        }
    }
    return NULL;
}

void server_find(unsigned index) {
    struct server *server = &init.server[index];
    const struct manifest_server *manifest = &init.manifest.server[index];
    const struct bundle_file *found = server_bundle_file(manifest->image);
    server->manifest = manifest;
    if (!found) {
        init_refuse("init: /servers/%s: property `image`: the boot bundle has no file `%s`",
                    manifest->name, manifest->image);
        init_end(1);
    }
    server->file = (struct file){
        .name = manifest->image,
        .content = (const uint8_t *)init.bundle + found->offset,
        .size = found->size,
        .offset = found->offset,
    };
    uint64_t writable;
    const char *why = body_check(&server->file, &writable);
    if (why) {
        init_refuse("init: /servers/%s: image `%s`: %s", manifest->name, manifest->image, why);
        init_end(1);
    }
    image_bytes = writable > image_bytes ? writable : image_bytes;
}

void server_prepare(unsigned index) {
    struct server *server = &init.server[index];
    const struct manifest_server *manifest = server->manifest;
    const char *name = manifest->name;
    if (index == 0) {
        init.spare = &init.body[init.manifest.server_count];
        body_prepare(init.spare, SLOT_BODY_SPARE, image_bytes, "a new version of a server");
    }
    server->body = &init.body[index];
    body_prepare(server->body, SLOT_SERVER(index) + SERVER_SLOT_BODY, image_bytes, name);
    server->log = memory_take(sizeof(struct ring), 4096, name);
    memory_clear(server->log);
    if (manifest->state_size) {
        server->state = memory_take(manifest->state_size, 4096, name);
        memory_clear(server->state);
    }
    if (manifest->dma_size) {
        server->dma = memory_take(manifest->dma_size, 4096, name);
    }
    server->portal = objects_take(1, 1, name);
    server->irq = objects_take(manifest->interrupt_count, 1, name);
    // The core counts whole ticks; one may pass at once.
    uint64_t ticks = (uint64_t)manifest->deadline_ms * TICKS_PER_SECOND_OF_CORE / 1000 + 1;
    core_create(OBJECT_PORTAL, server->portal, SLOT_SERVER(index) + SERVER_SLOT_PORTAL, ticks, 0,
                name);
}

// A pause of so many instructions has ended.
static void server_paused(struct server *server, uint64_t pause) {
    if (server->last == START_RESTART && pause > server->pause_restart) {
        server->pause_restart = pause;
    }
    if (server->last == START_REPLACEMENT && pause > server->pause_replace) {
        server->pause_replace = pause;
    }
}

void server_measure(struct server *server) {
    if (!server->given_up) {
        server_paused(server, core_task_read(server->body->slot).word[4]);
    }
}

// Before the first guest runs, and behind the last, nobody waits.
static bool server_guests_run(void) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        if (init.vm[i].state == VM_RUNNING) {
            return true;
        }
    }
    return false;
}

void server_bind(struct server *server, const struct body *body, enum server_start start) {
    unsigned portal = SLOT_SERVER(server - init.server) + SERVER_SLOT_PORTAL;
    uint64_t pause;
    if (core_bind_task(portal, body->slot, &pause) != STATUS_OK) {
        return; // it has died already, which will be told next
    }
    server_paused(server, pause);
    server->last = server_guests_run() ? start : START_AGAIN;
    (void)!rt_signal(portal); // its first record, if no other waits there
}

// Lines last as long as the portal: a restarted server gets what fired meanwhile.
static void server_interrupts(unsigned index) {
    const struct server *server = &init.server[index];
    for (unsigned i = 0; i < server->manifest->interrupt_count; i++) {
        unsigned slot = SLOT_SERVER(index) + SERVER_SLOT_IRQ + i;
        struct objects page = {server->irq.first + i, 1};
        core_create(OBJECT_IRQ, page, slot, server->manifest->interrupt[i], 0,
                    server->manifest->name);
        uint64_t bind[] = {slot, SLOT_SERVER(index) + SERVER_SLOT_PORTAL, 0};
        core_bind(BIND_IRQ, bind, 3, server->manifest->name);
    }
}

static void server_begin(struct server *server, enum server_start start) {
    server->taken = false;
    uint64_t entry = body_make(server, server->body, &server->file, server->side);
    server_bind(server, server->body,
                start); // first: whom no portal leads to takes turns with guests
    body_start(server->body, entry);
}

void server_start(unsigned index) {
    server_begin(&init.server[index], START_FIRST);
    server_interrupts(index);
}

void server_start_again(struct server *server) {
    server->restarts++;
    server_begin(server, START_RESTART);
}

void server_restart(unsigned index) {
    body_end(init.server[index].body);
    server_start_again(&init.server[index]);
}

static bool server_serves_exits(unsigned index) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        if (memchr(init.manifest.vm[i].exit, (int)index, sizeof(init.manifest.vm[i].exit))) {
            return true;
        }
    }
    return false;
}

// Whether a guest can be waiting for it: it serves exits, or is called by who does.
static bool server_is_waited_for(unsigned index) {
    bool is = server_serves_exits(index);
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        is |= (init.manifest.server[i].calls >> index & 1) && server_serves_exits(i);
    }
    return is;
}

static void server_report(struct server *server) {
    const char *name = server->manifest->name;
    server_measure(server);
    if (server_is_waited_for((unsigned)(server - init.server))) {
        rt_log("server %s: restarted %u times, longest pause %lu instructions; replaced %u times, "
               "longest pause %lu instructions",
               name, server->restarts, (unsigned long)server->pause_restart, server->replacements,
               (unsigned long)server->pause_replace);
    } else {
        rt_log("server %s: restarted %u times; replaced %u times", name, server->restarts,
               server->replacements);
    }
}

void server_report_all(void) {
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        if (init.server[i].restarts || init.server[i].replacements) {
            server_report(&init.server[i]);
        }
    }
}
