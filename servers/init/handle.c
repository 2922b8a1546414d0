// What init does about each record.
#include "ipc/fault.h"
#include "ipc/init.h"
#include "servers/init/init.h"

#define ATTEMPTS_MAX 3 // servers that may die on one record before its VM is stopped

// The VM that a call is about; NULL when it is no VM whose exits the caller serves: what one server
// says of its guests is nothing to the others.
static struct vm *handle_vm(const struct message *message) {
    struct vm *vm = vm_by_badge(message->word[1]);
    for (unsigned c = 0; vm && c < EXIT_GUEST_CLASSES; c++) {
        if (vm->manifest->exit[c] == server_of_badge(message->badge)) {
            return vm;
        }
    }
    return NULL;
}

static enum status handle_vm_end(const struct message *message) {
    struct vm *vm = handle_vm(message);
    if (!vm) {
        return STATUS_NOT_FOUND;
    }
    if (vm->state != VM_RUNNING) {
        return STATUS_OK; // told twice: its server died after telling
    }
    bool failed = message->word[3] != 0;
    if (init.manifest.vm_count > 1) {
        rt_log("VM %s:", vm->manifest->name); // whose the lines are that follow
    }
    enum vm_end end = (enum vm_end)message->word[2];
    if (vm_end_is_reset(end)) {
        rt_log("Guest: %s: VMs are not started again", vm_end_name(end));
        failed = true;
    } else {
        rt_log("Guest: %s%s", vm_end_name(end), failed ? ", reason: system failure" : "");
    }
    vm_stop(vm, failed ? VM_FAILED : VM_ENDED);
    return STATUS_OK;
}

static enum status handle_vm_report(const struct message *message) {
    struct vm *vm = handle_vm(message);
    if (!vm) {
        return STATUS_NOT_FOUND;
    }
    if (vm->state == VM_RUNNING) {
        report_vm(vm, message);
        vm_stop(vm, VM_FAILED);
    }
    return STATUS_OK;
}

// What a server says of itself, at its start.
static enum status handle_start(struct server *server, bool new, const struct message *message) {
    switch ((enum init_op)message->word[0]) {
    case INIT_READY:
        if (new) {
            replace_ready((uint32_t)message->word[1]);
        } else {
            server->version = (uint32_t)message->word[1];
        }
        return STATUS_OK;
    case INIT_TAKEN:
        if (new) {
            replace_taken();
        }
        server->taken = true;
        server->early_deaths = 0;
        server->death_pc = 0;
        if (server->awaited) {
            server->awaited = false;
            (void)!rt_signal(SLOT_SERVER(init.monitor) + SERVER_SLOT_PORTAL);
        }
        return STATUS_OK;
    case INIT_REFUSED:
        if (new) {
            replace_refused((enum status)message->word[1]);
        } else if (!server->taken) {
            rt_log("server %s: can't take over the state that was left: %s", server->manifest->name,
                   status_text((enum status)message->word[1]));
        }
        return STATUS_OK;
    default:
        return STATUS_DENIED; // the old one still serves
    }
}

static void handle_call(const struct message *message, struct reply *reply) {
    unsigned index = server_of_badge(message->badge);
    if (index >= init.manifest.server_count) {
        return;
    }
    struct server *server = &init.server[index];
    bool new = replace_is_new(server, server_side_of_badge(message->badge));
    enum status status = STATUS_OK;
    if (new || message->word[0] <= INIT_REFUSED) {
        reply->word[0] = handle_start(server, new, message);
        return;
    }
    switch ((enum init_op)message->word[0]) {
    case INIT_VM_END:
        status = handle_vm_end(message);
        break;
    case INIT_VM_REPORT:
        status = handle_vm_report(message);
        break;
    case INIT_LOADED:
        load_done(index, message->word[1]);
        break;
    case INIT_DRAINED:
        if (init.ending && index == init.manifest.console) {
            init_end(init.failed);
        }
        break;
    case INIT_LOOK:
    case INIT_KILL:
    case INIT_REPLACE:
    case INIT_OUTCOME:
    case INIT_TRACE:
        status = index == init.monitor ? monitor_handle(message, reply) : STATUS_DENIED;
        break;
    default:
        status = STATUS_INVALID;
        break;
    }
    reply->word[0] = status;
}

// A server stays dead. Who needs it can't go on.
static void handle_give_up(unsigned index) {
    struct server *server = &init.server[index];
    server->given_up = true;
    if (server->awaited) {
        (void)!rt_signal(SLOT_SERVER(init.monitor) + SERVER_SLOT_PORTAL);
    }
    if (index == init.manifest.console) {
        init_refuse("init: there is no console any more");
        init_end(1); // nobody is left who could write what is in the rings
    }
    vm_lose_server(index);
}

// Three deaths on one call: the next server would die on it, too. The caller dies in its place;
// should its successor call the same again, in the end it is an exit on which three have died.
static void handle_poisonous_call(const struct message *message) {
    uint64_t caller = message->word[FAULT_WORD_BADGE] - 1; // see config_portals
    if (caller < init.manifest.server_count) {
        rt_log("server %s: three died on a call of its: it is ended too",
               init.manifest.server[caller].name);
        (void)!core_task_stop(init.server[caller].body->slot);
    }
}

// Three deaths on one exit: the next server would die on it, too.
static void handle_poison(const struct message *message) {
    uint64_t info = message->word[FAULT_WORD_INFO];
    if (info == UINT64_MAX || message->word[FAULT_WORD_ATTEMPT] < ATTEMPTS_MAX) {
        return;
    }
    enum exit_class c = MESSAGE_CLASS(info);
    if (c >= EXIT_GUEST_CLASSES) {
        handle_poisonous_call(message);
        return;
    }
    struct vm *vm = vm_by_badge(message->word[FAULT_WORD_BADGE]);
    if (vm && vm->state == VM_RUNNING) {
        rt_log("VM %s: %u servers died on its exit %lu (%s): the VM is stopped", vm->manifest->name,
               ATTEMPTS_MAX, (unsigned long)message->word[FAULT_WORD_SEQ], exit_class_name(c));
        vm_stop(vm, VM_FAILED);
    }
}

// Why SERVER, whose death MESSAGE tells of, is not to be started again; NULL: it is.
static const char *handle_hopeless(struct server *server, const struct message *message) {
    uint64_t info = message->word[FAULT_WORD_INFO];
    bool poison = info != UINT64_MAX && message->word[FAULT_WORD_ATTEMPT] >= ATTEMPTS_MAX;
    if (poison && (MESSAGE_CLASS(info) == EXIT_SIGNAL || MESSAGE_CLASS(info) == EXIT_IRQ)) {
        // No VM's: whoever comes next would die on it too, and guests would never have a turn.
        return "three of them died on this one: it is not started again";
    }
    // One that can't even begin would die for ever.
    bool tells = server->manifest->calls >> MANIFEST_INIT & 1;
    bool began = tells ? server->taken : core_task_read(server->body->slot).word[3] != 0;
    server->early_deaths = began ? 0 : server->early_deaths + 1;
    if (server->early_deaths >= ATTEMPTS_MAX) {
        return "three in a row died before they served anything: it is not started again";
    }
    return NULL;
}

// A server died. It is started again; whoever waits for it will be served by the new one.
static void handle_fault(const struct message *message) {
    unsigned index = server_of_badge(message->badge);
    if (index >= init.manifest.server_count) {
        return;
    }
    struct server *server = &init.server[index];
    if (replace_is_new(server, server_side_of_badge(message->badge))) {
        report_fault(server, replace_file(), "it was to be the new version", message);
        replace_died();
        return;
    }
    const struct file file = server->file; // of the one that died
    if (replace_abandon(server)) {
        report_fault(server, &file, "its new version goes on", message);
        return;
    }
    if (!server->death_pc) {
        // Until one has taken over, what the first one left is what matters.
        server->death_pc = message->word[FAULT_WORD_PC];
        server->death_word = core_task_read(server->body->slot).word[5];
    }
    const char *hopeless = handle_hopeless(server, message);
    report_fault(server, &server->file, hopeless ? hopeless : "restarting it", message);
    if (hopeless) {
        handle_give_up(index);
        return;
    }
    handle_poison(message);
    server_restart(index);
}

void init_handle(void *state, const struct message *message, struct reply *reply) {
    (void)state;
    switch (MESSAGE_CLASS(message->info)) {
    case EXIT_CALL:
        handle_call(message, reply);
        break;
    case EXIT_FAULT:
        handle_fault(message);
        break;
    default:
        break; // a signal: nothing to do
    }
}
