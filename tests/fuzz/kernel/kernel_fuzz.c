// Any tasks, any system calls, any exits, ticks and interrupts, in any order: the core keeps its
// own order (tests/unit/kernel/invariants.h), touches no memory but its own, and nobody comes by a
// capability that he could not have made from his own.
#include <stdlib.h>
#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/tick.h"
#include "ipc/status.h"
#include "kernel/object/pool.h"
#include "kernel/sched/sched.h"
#include "tests/fuzz/kernel/authority.h"
#include "tests/fuzz/kernel/input.h"
#include "tests/unit/kernel/invariants.h"
#include "tests/unit/kernel/world.h"

#define PAGES 240
#define STEPS 300
#define LINES 4 // interrupt lines that may be asserted

static struct server servers[2];
static struct guest guest;

// A world with an init that has everything, two servers with little, and a guest.
static void begin(void) {
    world_begin_pages(PAGES);
    machine.fast = input_byte() & 1;
    for (unsigned i = 0; i < 2; i++) {
        server_make(&servers[i], input_byte() % 8, 1 + i);
    }
    guest_make(&guest, &servers[0], 0x42);
    for (unsigned i = 0; i < 2; i++) {
        const struct server *server = &servers[i];
        server_grant(server, 1, servers[1 - i].portal_slot, RIGHT_CALL, 0x10 + i, 0);
        server_grant(server, 2, INIT_SLOT_HIGH, RIGHT_R | (i ? RIGHT_W : 0), 0x100000, 0x400000);
        server_grant(server, 3, guest.vcpu_slot[i], RIGHT_R, 0, 0);
        server_grant(server, 4, world.init_portal, RIGHT_CALL, 0x20 + i, 0);
    }
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        unsigned which = input_byte();
        guest_route(&guest, 1, (enum exit_class)c, servers[which & 1].portal_slot, which,
                    MAY_ALL & ~((uint64_t)which << 4), ~0u << (which & 7), ~0u);
    }
}

// A number of the kind that KIND says, which makes sense more often than not.
static uint64_t number(char kind) {
    unsigned byte = input_byte();
    if (byte == 0xff) {
        return input_long();
    }
    switch (kind) {
    case 's': // a slot
        return byte < 0xe0 ? byte % 48 : byte % 2 ? world.init->cap_count : byte;
    case 'p': // a page of the object memory
        return byte < 0xe0 ? world.first_free + byte % 100u : byte;
    case 'n': // pages of an object
        return byte < 0x80 ? 1 : byte % 14;
    case 'a': // an address
        return (uint64_t)(byte & 15) << (byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30);
    case 'z': // a size
        return (uint64_t)(byte & 15) << (byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30);
    case 'r': // rights
        return byte % (RIGHTS_ALL + 1);
    case 't': // a time
        return machine.now + byte * (ARCH_TICK / 16);
    case 'm': // a mapping of a reply
        return REPLY_MAPPING(byte & 3, byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30, byte >> 3 & 7);
    default: // a small number
        return byte % 16;
    }
}

// The arguments of each system call, by their kinds: selector, then words.
static const char *const shapes[SYSCALL_COUNT] = {
    [SYSCALL_REPLY_WAIT] = "f",    [SYSCALL_CALL] = "siiii",   [SYSCALL_SIGNAL] = "s",
    [SYSCALL_CREATE] = "ispnssss", [SYSCALL_DESTROY] = "s",    [SYSCALL_MAP] = "sasazr",
    [SYSCALL_UNMAP] = "saz",       [SYSCALL_GRANT] = "sssraz", [SYSCALL_BIND] = "isssiiii",
    [SYSCALL_TASK] = "siaaaaaa",   [SYSCALL_VCPU] = "siaii",   [SYSCALL_EXIT] = "ii",
};

static uint64_t reply_flags(void) {
    unsigned byte = input_byte();
    if (byte < 0x40) {
        return byte & 1;
    }
    uint64_t flags = byte < 0xf0 ? REPLY_FLAGS : 0;
    flags |= input_byte();
    flags |= (uint64_t)(input_byte() & 0x1f) << 8;
    return flags | REPLY_REGISTER(input_byte() % 40) | REPLY_INTERRUPT(input_byte() % 4);
}

static void system_call(struct task *task) {
    unsigned byte = input_byte();
    // What servers do most is to answer.
    unsigned limit = task == world.init ? 200 : 80;
    enum syscall call = byte >= limit ? SYSCALL_REPLY_WAIT : (enum syscall)(byte % SYSCALL_COUNT);
    if (call == SYSCALL_EXIT && task == world.init && byte % 5) {
        call = SYSCALL_REPLY_WAIT;
    }
    struct authority_step step = {.task = task, .call = call};
    if (call == SYSCALL_REPLY_WAIT) {
        step.selector = reply_flags();
        const uint64_t words[MESSAGE_WORDS] = {
            input_byte(), input_byte(), step.selector & REPLY_MAP ? number('a') : number('t'),
            number('m'),  input_byte(), number('a'),
            number('i'),  input_byte(),
        };
        memcpy(step.word, words, sizeof(words));
    } else {
        const char *shape = shapes[call];
        step.selector = number(shape[0]);
        for (unsigned i = 0; i < MESSAGE_WORDS && shape[i + 1]; i++) {
            step.word[i] = number(shape[i + 1]);
        }
    }
    authority_before(&step);
    world_call(task, call, step.selector, step.word);
    authority_after(&step);
}

static void guest_exit(struct vcpu *vcpu) {
    unsigned byte = input_byte();
    struct arch_vcpu *state = machine_guest(vcpu);
    state->enabled = byte >> 5;
    if (byte & 1) {
        state->own_time = number('t');
    }
    machine.regs.user = (byte & 6) == 6;
    if (byte & 8) {
        world_hypercall(vcpu, WORDS(byte, number('t')));
    } else {
        world_exit(vcpu, (enum exit_class)(input_byte() % EXIT_GUEST_CLASSES),
                   WORDS(number('a'), byte, number('a'), byte));
    }
}

// What was preempted comes again: another task, or guest when no task can run.
static void preempt(unsigned which) {
    struct run_queue *queue = world.cpu.tasks.head ? &world.cpu.tasks : &world.cpu.vcpus;
    struct context *to = queue->head;
    for (; to && to->next && which; which--) {
        to = to->next;
    }
    bool task_runs = machine.current && machine.current->kind == CONTEXT_TASK;
    if (!to || (to->kind == CONTEXT_VCPU && (task_runs || vcpu_of(to)->due))) {
        return;
    }
    trap_switch(to);
    invariants_check(&world.cpu);
}

static void one_step(void) {
    unsigned byte = input_byte();
    machine.instructions += byte;
    if (byte < 16) {
        world_time(machine.now + input_byte() * (ARCH_TICK / 16));
    } else if (byte < 24) {
        world_line(WORLD_WAKE_LINE + byte % LINES);
    } else if (byte < 28) {
        machine.line[WORLD_WAKE_LINE + byte % LINES].taken = false; // a controller that lies
    } else if (byte < 40) {
        preempt(byte % 4);
    } else if (!machine.current) {
        world_time(world.cpu.next_event);
    } else if (machine.current->kind == CONTEXT_VCPU) {
        guest_exit(vcpu_of(machine.current));
    } else if (byte < 44) {
        machine.regs.pc = number('a');
        world_fault(task_of(machine.current), (enum fault)(byte % FAULT_COUNT), 1, 2);
    } else {
        system_call(task_of(machine.current));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input_begin(data, size);
    begin();
    for (unsigned i = 0; i < STEPS && !input_ended(); i++) {
        one_step();
    }
    invariants_check_tables();
    return 0;
}
