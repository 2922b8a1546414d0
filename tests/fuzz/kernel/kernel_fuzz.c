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
#define MEMORY (1ull << 30) // physical, of the servers' frames
#define LINES 4             // interrupt lines that may be asserted

static struct server servers[2];
static struct guest guest;

// A world with an init that has everything, two servers with little, and a guest.
static void begin(void) {
    world_begin_pages(PAGES);
    unsigned shape = input_byte();
    machine.fast = shape & 1;
    for (unsigned i = 0; i < 2; i++) {
        server_make(&servers[i], input_byte() % 8, 1 + i);
    }
    guest_make(&guest, &servers[0], 0x42);
    for (unsigned i = 0; i < 2; i++) {
        const struct server *server = &servers[i];
        server_grant(server, 1, servers[1 - i].portal_slot, RIGHT_CALL, 0x10 + i, 0);
        server_grant(server, 2, INIT_SLOT_HIGH, RIGHT_R | (i ? RIGHT_W : 0),
                     MEMORY - world.init->cap[INIT_SLOT_HIGH].base, 16ull << 21);
        server_grant(server, 3, guest.vcpu_slot[i], RIGHT_R, 0, 0);
        server_grant(server, 4, world.init_portal, RIGHT_CALL, 0x20 + i, 0);
    }
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        unsigned which = input_byte();
        guest_route(&guest, 1, (enum exit_class)c, servers[which & 1].portal_slot, which,
                    MAY_ALL & ~((uint64_t)which << 4), ~0u << (which & 7), ~0u);
    }
    for (unsigned i = 0; i < GUEST_VCPUS && (shape & 4); i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_STOP));
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i],
                 WORDS(VCPU_FEATURES, VCPU_FEATURE_TIMER));
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_START));
    }
    for (unsigned i = 1; i < GUEST_VCPUS && (shape & 2); i++) {
        world_do(world.init, SYSCALL_DESTROY, guest.vcpu_slot[i], WORDS(0));
    }
}

// The slot of TASK's that holds the WHICHth capability of TYPE, or 0.
static uint64_t slot_of(const struct task *task, enum object_type type, unsigned which) {
    uint64_t found = 0;
    for (uint32_t i = 0; i < 100 && i < task->cap_count; i++) {
        if (task->cap[i].type == type) {
            found = i;
            if (which-- == 0) {
                break;
            }
        }
    }
    return found;
}

// A number of the kind that KIND says, for TASK, which makes sense more often than not.
static uint64_t number(const struct task *task, char kind) {
    unsigned byte = input_byte();
    if (byte == 0xff) {
        return input_long();
    }
    static const char types[OBJECT_COUNT + 1] = "NFOTSVPI"; // by enum object_type
    const char *type = kind ? strchr(types, kind) : NULL;
    if (type && byte < 0xf0) {
        return slot_of(task, (enum object_type)(type - types), byte % 16);
    }
    switch (kind) {
    case 'e': // most likely an empty slot
        return byte < 0xe0 ? 24 + byte % 40 : byte % 2 ? task->cap_count : byte;
    case 'p': // a page of the object memory
        return byte < 0xe0 ? world.first_free + byte % 100u : byte;
    case 'n': // pages of an object
        return byte < 0x80 ? 1 : byte % 14;
    case 'a': // an address
    case 'z': // a size
        return (uint64_t)(byte & 15) << (byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30);
    case 'r': // rights
        return byte % (RIGHTS_ALL + 1);
    case 't': // a time
        return machine.now + byte * (ARCH_TICK / 16ull);
    case 'm': // a mapping of a reply
        return REPLY_MAPPING(byte & 3, byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30, byte >> 3 & 7);
    case 'b': // a kind of space
        return byte % 64 ? byte & 1 : byte;
    case 'i': // a small number
        return byte % 16;
    case 'j': // a smaller one
        return byte % 10;
    default: // any slot
        return byte < 0xe0 ? byte % 48 : byte;
    }
}

// The arguments of each system call, by their kinds: selector, then words.
static const char *const shapes[SYSCALL_COUNT + 1] = {
    [SYSCALL_REPLY_WAIT] = "f",  [SYSCALL_CALL] = "Piiii",   [SYSCALL_SIGNAL] = "P",
    [SYSCALL_CREATE] = "iOpne",  [SYSCALL_DESTROY] = "s",    [SYSCALL_MAP] = "SaFazr",
    [SYSCALL_UNMAP] = "Saz",     [SYSCALL_GRANT] = "Tesraz", [SYSCALL_BIND] = "issssiii",
    [SYSCALL_TASK] = "Tiaaaaaa", [SYSCALL_VCPU] = "Vjiaii",  [SYSCALL_EXIT] = "ii",
    [SYSCALL_COUNT] = "ii",
};

// What each kind of CREATE takes; a frame and a pool can't be made.
static const char *const creates[OBJECT_COUNT] = {
    [OBJECT_NONE] = "Opne",    [OBJECT_FRAME] = "Opne",  [OBJECT_POOL] = "Opne",
    [OBJECT_TASK] = "OpneS",   [OBJECT_SPACE] = "Opneb", [OBJECT_VCPU] = "OpneSi",
    [OBJECT_PORTAL] = "Opnei", [OBJECT_IRQ] = "OpneiFi",
};

// What each BIND takes.
static const char *const binds[] = {
    [BIND_PORTAL] = "PT",
    [BIND_ROUTE] = "ViPiiii",
    [BIND_FAULT] = "TPi",
    [BIND_IRQ] = "IPi",
};

static uint64_t reply_flags(void) {
    unsigned byte = input_byte();
    if (byte < 0x40) {
        return byte & 1;
    }
    uint64_t numbers = REPLY_REGISTER(input_byte() % 34) | REPLY_INTERRUPT(input_byte() % 4);
    if (byte < 0xa0) {
        return REPLY_FLAGS | 1u << byte % 12 | 1u << (byte >> 2) % 12 | numbers;
    }
    uint64_t flags = byte < 0xf0 ? REPLY_FLAGS : 0;
    return flags | input_byte() | (uint64_t)(input_byte() & 0x1f) << 8 | numbers;
}

// The words of an answer: those of MAP fit together more often than not.
static void reply_words(const struct task *task, uint64_t flags, uint64_t word[MESSAGE_WORDS]) {
    word[0] = input_byte();
    word[1] = input_byte();
    word[6] = number(task, 'i');
    if (flags & REPLY_MAP) {
        unsigned bits = input_byte() % 4 ? 12 : 21;
        unsigned place = input_byte();
        word[2] = (uint64_t)(place & 7) << bits;
        word[3] = place < 0xe0
                      ? REPLY_MAPPING(2, bits, place >> 6 & 1 ? RIGHT_R : RIGHT_R | RIGHT_W)
                      : number(task, 'm');
        word[5] = (uint64_t)(place >> 3 & 7) << bits;
    } else {
        word[2] = flags & REPLY_START ? number(task, 'i') : number(task, 't');
        word[3] = number(task, 'a');
        word[4] = flags & (REPLY_RAISE | REPLY_FENCE) ? input_byte() & 15 : number(task, 'i');
    }
}

static enum status checked_call(struct task *task, enum syscall call, uint64_t selector,
                                const uint64_t *words) {
    struct authority_step step = {.task = task, .call = call, .selector = selector};
    memcpy(step.word, words, sizeof(step.word));
    authority_before(&step);
    bool returned = world_call(task, call, selector, words) == &task->context;
    authority_after(&step);
    return returned ? (enum status)machine.regs.status : STATUS_OK;
}

// init makes another task, as it would for a server's new version: bound to a portal before or
// after its first steps, whoever is bound there now.
static void spawn(struct task *init) {
    unsigned how = input_byte();
    uint64_t page = number(init, 'p') & ~1ull;
    uint64_t slot = 64 + 2 * (how % 16);
    uint64_t portal = number(init, 'P');
    uint64_t watcher = number(init, 'P');
    checked_call(init, SYSCALL_CREATE, OBJECT_SPACE, WORDS(INIT_SLOT_POOL, page, 5, slot));
    checked_call(init, SYSCALL_CREATE, OBJECT_TASK,
                 WORDS(INIT_SLOT_POOL, page + 5, 1, slot + 1, slot));
    checked_call(init, SYSCALL_BIND, BIND_FAULT, WORDS(slot + 1, watcher, 9));
    if (how & 0x40) {
        checked_call(init, SYSCALL_BIND, BIND_PORTAL, WORDS(portal, slot + 1));
    }
    checked_call(init, SYSCALL_TASK, slot + 1, WORDS(TASK_START, 0x1000));
    if (how & 0x80) {
        checked_call(init, SYSCALL_GRANT, slot + 1, WORDS(1, portal, RIGHT_CALL, how));
    }
}

static void system_call(struct task *task) {
    unsigned byte = input_byte();
    // What servers do most is to answer.
    unsigned limit = task == world.init ? 195 : 80;
    enum syscall call =
        byte >= limit ? SYSCALL_REPLY_WAIT : (enum syscall)(byte % (SYSCALL_COUNT + 1));
    if (call == SYSCALL_EXIT && task == world.init && byte % 5) {
        call = SYSCALL_REPLY_WAIT;
    }
    if (byte >= 240 && task == world.init) {
        spawn(task);
        return;
    }
    struct authority_step step = {.task = task, .call = call};
    if (call == SYSCALL_REPLY_WAIT) {
        step.selector = reply_flags();
        reply_words(task, step.selector, step.word);
    } else {
        const char *shape = shapes[call];
        step.selector = number(task, *shape++);
        if (call == SYSCALL_BIND) {
            step.selector %= BIND_IRQ + 2;
        }
        if (call == SYSCALL_BIND && step.selector <= BIND_IRQ) {
            shape = binds[step.selector];
        } else if (call == SYSCALL_CREATE && step.selector < OBJECT_COUNT) {
            shape = creates[step.selector];
        }
        for (unsigned i = 0; i < MESSAGE_WORDS && shape[i]; i++) {
            step.word[i] = number(task, shape[i]);
        }
    }
    checked_call(task, call, step.selector, step.word);
}

static void guest_exit(struct vcpu *vcpu) {
    unsigned byte = input_byte();
    struct arch_vcpu *state = machine_guest(vcpu);
    state->enabled = byte >> 5;
    if (byte & 1) {
        state->own_time = number(world.init, 't');
    }
    machine.regs.user = (byte & 6) == 6;
    if (byte & 16) {
        world_time(machine.timer); // the tick, or a deadline, meets the guest
    } else if (byte & 8) {
        world_hypercall(vcpu, WORDS(byte, number(world.init, 't')));
    } else {
        world_exit(vcpu, (enum exit_class)(input_byte() % EXIT_GUEST_CLASSES),
                   WORDS(number(world.init, 'a'), byte, number(world.init, 'a'), byte));
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
        world_time(machine.now + input_byte() * (ARCH_TICK / 16ull));
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
        machine.regs.pc = number(world.init, 'a');
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
