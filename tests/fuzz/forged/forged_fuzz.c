// A server that somebody else has taken over: with exactly the capabilities that init gave it, and
// whatever it serves just then, it makes any system calls with any arguments. What changes is what
// its capabilities allow, to the field (oracle.h); nobody's memory is mapped by anybody who was not
// given it (grants_check).
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "arch/panic.h"
#include "kernel/object/irq.h"
#include "kernel/object/pool.h"
#include "kernel/object/portal.h"
#include "tests/fuzz/forged/oracle.h"
#include "tests/fuzz/forged/system.h"
#include "tests/fuzz/kernel/arguments.h"
#include "tests/fuzz/kernel/input.h"
#include "tests/unit/kernel/invariants.h"
#include "tests/unit/kernel/world.h"

#define ATTACKS 24 // of an input
#define CALLS 12   // of an attack

// --- what the attacked server serves

static struct vcpu *ready_vcpu(unsigned which) {
    unsigned vms = start_vms();
    for (unsigned i = 0; i < vms; i++) {
        unsigned vm = (which + i) % vms;
        unsigned vcpus = start_vcpus(vm);
        for (unsigned n = 0; n < vcpus; n++) {
            struct vcpu *vcpu = system_vcpu(vm, (which / vms + n) % vcpus);
            if (vcpu->state == VCPU_RUNNABLE && !vcpu->due) {
                return vcpu;
            }
        }
    }
    return NULL;
}

// A guest's exit of a class that TASK answers, if it answers any.
static void send_exit(const struct task *task, unsigned which) {
    struct vcpu *vcpu = ready_vcpu(which);
    if (!vcpu || (machine.current && machine.current->kind == CONTEXT_TASK)) {
        return;
    }
    for (unsigned i = 0; i < EXIT_GUEST_CLASSES; i++) {
        enum exit_class c = (enum exit_class)((which / 8 + i) % EXIT_GUEST_CLASSES);
        if (vcpu->route[c].portal != task->portal) {
            continue;
        }
        machine_guest(vcpu)->enabled = which % 8;
        if (c == EXIT_HYPERCALL && (which & 1)) {
            world_hypercall(vcpu, WORDS(which, 2, 3, 4, 5, 6, 7, 8));
        } else {
            world_exit(vcpu, c, WORDS(0x80400000 + which * 0x1000ull, 2, 3, 4));
        }
        return;
    }
}

// A call of another server that may call it; or a signal when there is none.
static void send_call(const struct task *task, unsigned which) {
    for (unsigned i = 0; i < start_servers(); i++) {
        struct task *caller = system_server((which + i) % start_servers());
        for (uint32_t slot = 1; caller != task && slot < 16; slot++) {
            const struct cap *cap = &caller->cap[slot];
            if (cap->type == OBJECT_PORTAL && pool_object(cap->index) == task->portal &&
                caller->state == TASK_WAITING) {
                world_run(world.init);
                world_do(world.init, SYSCALL_SIGNAL,
                         start_portal_slot((which + i) % start_servers()), WORDS(0));
                world_run(caller);
                world_call(caller, SYSCALL_CALL, slot, WORDS(which, 2, 3, 4, 5, 6, 7, 8));
                return;
            }
        }
    }
}

static void send_line(const struct task *task) {
    for (unsigned line = 0; line < IRQ_LINES; line++) {
        const struct irq *irq = world.cpu.irq[line];
        if (irq && irq->route == task->portal && machine.line[line].enabled &&
            !machine.line[line].taken) {
            world_line(line);
            return;
        }
    }
}

static void send_signal(unsigned server) {
    world_run(world.init);
    world_do(world.init, SYSCALL_SIGNAL, start_portal_slot(server), WORDS(0));
    world_sleep();
}

static void send(unsigned server) {
    struct task *task = system_server(server);
    unsigned which = input_byte();
    switch (which & 3) {
    case 0:
        send_signal(server);
        break;
    case 1:
        send_call(task, which >> 2);
        break;
    case 2:
        send_line(task);
        break;
    default:
        send_exit(task, which >> 2);
        break;
    }
}

// --- what it does

static uint64_t forged(const struct task *task) {
    unsigned byte = input_byte();
    static const uint64_t numbers[] = {0,          1,          UINT64_MAX, UINT32_MAX, 1ull << 32,
                                       1ull << 63, 0xffff,     PAGE_SIZE,  ~PAGE_MASK, RIGHTS_ALL,
                                       1ull << 16, 1ull << 30, 1ull << 38, 0x80000000};
    const unsigned count = sizeof(numbers) / sizeof(numbers[0]);
    if (byte < count) {
        return numbers[byte];
    }
    switch (byte & 7) {
    case 0:
        return task->cap_count + (byte >> 3) % 4 - 1;
    case 1: // where the core, or another's object, is
        return (uint64_t)(uintptr_t)pool_object((uint32_t)(byte * 3) % pool.count);
    case 2:
        return MACHINE_MEMORY_BASE + byte * PAGE_SIZE;
    case 3: // a good slot, with something above it
        return (1ull << (16 + byte % 48)) | byte % 16;
    case 4:
        return input_long();
    default:
        return byte;
    }
}

static void forge_map(const struct task *task, struct attempt *attempt) {
    unsigned byte = input_byte();
    unsigned bits = byte & 3 ? 12 : byte & 4 ? 21 : 30;
    unsigned slot = byte >> 3 & 3;
    for (uint32_t i = 1; i < 24 && byte < 0xe0; i++) {
        if (task->cap[i].type == OBJECT_FRAME && slot-- == 0) {
            slot = i;
            break;
        }
    }
    unsigned where = input_byte();
    unsigned what = input_byte();
    attempt->word[2] = (byte & 0x40 ? 0x80400000 : 0x22000000) + (uint64_t)where * PAGE_SIZE;
    attempt->word[3] = REPLY_MAPPING(slot & 0xff, bits, what & 7);
    // Near either end of what it has, or far away.
    attempt->word[5] = what & 8 ? (uint64_t)(what >> 4) << 20 : (uint64_t)(what >> 4) * PAGE_SIZE;
}

static struct attempt forge(struct task *task) {
    unsigned byte = input_byte();
    struct attempt attempt = {.task = task, .number = byte % (SYSCALL_COUNT + 1)};
    if (byte >= 0xa0) {
        attempt.number = byte < 0xe0 ? SYSCALL_REPLY_WAIT : SYSCALL_SIGNAL;
    }
    struct arguments arguments = arguments_of(task, (enum syscall)attempt.number);
    attempt.selector = arguments.selector;
    memcpy(attempt.word, arguments.word, sizeof(attempt.word));
    if (byte >= 0xc0 && byte < 0xd0) {
        attempt.selector = REPLY_FLAGS | REPLY_MAP;
    }
    if (attempt.number == SYSCALL_REPLY_WAIT && (attempt.selector & REPLY_MAP)) {
        forge_map(task, &attempt);
    }
    unsigned which = input_byte();
    if (which & 1) {
        attempt.word[which >> 1 & 7] = forged(task);
    }
    if ((which & 0x30) == 0x30) {
        attempt.selector = forged(task);
    }
    if (which == 0xfe) {
        attempt.number = forged(task);
    }
    return attempt;
}

static void attack(unsigned server) {
    struct task *task = system_server(server);
    for (unsigned i = 0; i < CALLS && !input_ended(); i++) {
        if (task->context.queued) {
            trap_switch(&task->context);
        }
        if (machine.current != &task->context) {
            return; // it waits, calls, or has ended
        }
        struct attempt attempt = forge(task);
        memcpy(machine.regs.general, attempt.word, sizeof(attempt.word));
        machine.regs.selector = attempt.selector;
        machine.instructions += 10;
        oracle_before(&attempt);
        trap_syscall(attempt.number);
        oracle_after(&attempt);
        invariants_check(&world.cpu);
    }
}

// --- the system is made once, and brought back for each input

static struct {
    struct machine machine;
    struct world world;
    char *memory;
} made;

static void system_again(void) {
    if (!made.memory) {
        system_begin();
        grants_check();
        made.machine = machine;
        made.world = world;
        start_keep();
        made.memory = malloc(machine.memory_size);
        machine_require(made.memory, "no memory");
        ASAN_UNPOISON_MEMORY_REGION(machine.memory, machine.memory_size);
        memcpy(made.memory, machine.memory, machine.memory_size);
    }
    machine = made.machine;
    world = made.world;
    start_bring_back();
    ASAN_UNPOISON_MEMORY_REGION(machine.memory, machine.memory_size);
    memcpy(machine.memory, made.memory, machine.memory_size);
    invariants_close();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input_begin(data, size);
    system_again();
    machine.fast = input_byte() & 1;
    for (unsigned i = 0; i < ATTACKS && !input_ended(); i++) {
        unsigned byte = input_byte();
        unsigned server = byte % start_servers();
        for (unsigned n = 0; n <= byte >> 6; n++) {
            send(server);
        }
        attack(server);
        system_settle();
    }
    grants_check();
    invariants_check_tables();
    return 0;
}
