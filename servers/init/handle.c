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
        if (vm->manifest->exit[c] == message->badge) {
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
    if (message->word[2] == VM_END_REBOOT) {
        rt_log("Guest: SBI SRST reboot: VMs are not started again");
        failed = true;
    } else {
        rt_log("Guest: SBI SRST shutdown%s", failed ? ", reason: system failure" : "");
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

static enum status handle_call(const struct message *message) {
    switch ((enum init_op)message->word[0]) {
    case INIT_READY:
    case INIT_TAKEN:
    case INIT_REFUSED:
        return STATUS_OK;
    case INIT_VM_END:
        return handle_vm_end(message);
    case INIT_VM_REPORT:
        return handle_vm_report(message);
    case INIT_LOADED:
        vm_loaded(message->badge, message->word[1]);
        return STATUS_OK;
    case INIT_DRAINED:
        if (init.ending && message->badge == init.manifest.console) {
            init_end(init.failed);
        }
        return STATUS_OK;
    default:
        return STATUS_INVALID;
    }
}

// A server stays dead, and without it nothing can go on.
static void handle_give_up(uint64_t server) {
    if (server == init.manifest.console) {
        init_end(1); // nobody is left who could write what is in the rings
    }
    init_finish(true);
}

// A server died. It is started again; whoever waits for it will be served by the new one.
static void handle_fault(const struct message *message) {
    if (message->badge >= init.manifest.server_count) {
        return;
    }
    struct server *server = &init.server[message->badge];
    bool serving = message->word[FAULT_WORD_INFO] != UINT64_MAX;
    bool began = core_task_receives(SLOT_SERVER(message->badge) + SERVER_SLOT_TASK);
    report_fault(server, message);
    server->death_pc = message->word[FAULT_WORD_PC];
    if (serving && MESSAGE_CLASS(message->word[FAULT_WORD_INFO]) < EXIT_GUEST_CLASSES &&
        message->word[FAULT_WORD_ATTEMPT] >= ATTEMPTS_MAX) {
        struct vm *vm = vm_by_badge(message->word[FAULT_WORD_BADGE]);
        if (vm && vm->state == VM_RUNNING) {
            rt_log("VM %s: %u servers died on its exit %lu (%s): the VM is stopped",
                   vm->manifest->name, ATTEMPTS_MAX, (unsigned long)message->word[FAULT_WORD_SEQ],
                   exit_class_name(MESSAGE_CLASS(message->word[FAULT_WORD_INFO])));
            vm_stop(vm, VM_FAILED);
        }
    }
    if (serving && MESSAGE_CLASS(message->word[FAULT_WORD_INFO]) >= EXIT_GUEST_CLASSES &&
        message->word[FAULT_WORD_ATTEMPT] >= ATTEMPTS_MAX) {
        // No VM's: whoever comes next would die on it too, and guests would never have a turn.
        init_refuse("init: /servers/%s: %u of them died on one %s: not started again",
                    server->manifest->name, ATTEMPTS_MAX,
                    exit_class_name(MESSAGE_CLASS(message->word[FAULT_WORD_INFO])));
        handle_give_up(message->badge);
        return;
    }
    // One that can't even begin would die for ever.
    server->early_deaths = began ? 0 : server->early_deaths + 1;
    if (server->early_deaths >= ATTEMPTS_MAX) {
        init_refuse("init: /servers/%s: it died %u times before it served anything: not started "
                    "again",
                    server->manifest->name, ATTEMPTS_MAX);
        handle_give_up(message->badge);
        return;
    }
    server_restart((unsigned)message->badge);
}

void init_handle(void *state, const struct message *message, struct reply *reply) {
    (void)state;
    switch (MESSAGE_CLASS(message->info)) {
    case EXIT_CALL:
        reply->word[0] = handle_call(message);
        break;
    case EXIT_FAULT:
        handle_fault(message);
        break;
    default:
        break; // a signal: nothing to do
    }
}
