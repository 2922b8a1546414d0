// Any tasks, any system calls, any exits, ticks and interrupts, in any order:
// the core keeps its own order (tests/unit/kernel/invariants.h), touches no
// memory but its own, and nobody comes by a capability that he could not have
// made from his own.
#include <stdlib.h>
#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/tick.h"
#include "ipc/status.h"
#include "kernel/object/pool.h"
#include "kernel/sched/sched.h"
#include "tests/fuzz/kernel/arguments.h"
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

// A world with an init that has everything, two servers with little, and a
// guest.
static void begin(void) {
    world_begin_pages(PAGES);
    unsigned shape = input_byte();
    machine.fast = shape & 1;
    for (unsigned i = 0; i < 2; i++) {
        server_make(&servers[i], input_byte() % 8, 1 + i);
    }
    unsigned vcpus = shape & 2 ? 1 : GUEST_VCPUS;
    guest_make_vcpus(&guest, &servers[0], 0x42, vcpus);
    for (unsigned i = 0; i < 2; i++) {
        const struct server *server = &servers[i];
        server_grant(server, 1, servers[1 - i].portal_slot, RIGHT_CALL, 0x10 + i, 0);
        server_grant(server, 2, INIT_SLOT_HIGH, RIGHT_R | (i ? RIGHT_W : 0),
                     MEMORY - world.init->cap[INIT_SLOT_HIGH].base, 16ull << 21);
        server_grant(server, 3, guest.vcpu_slot[i % vcpus], RIGHT_R, 0, 0);
        server_grant(server, 4, world.init_portal, RIGHT_CALL, 0x20 + i, 0);
    }
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES && vcpus > 1; c++) {
        unsigned which = input_byte();
        guest_route(&guest, 1, (enum exit_class)c, servers[which & 1].portal_slot, which,
                    MAY_ALL & ~((uint64_t)which << 4), ~0u << (which & 7), ~0u);
    }
    for (unsigned i = 0; i < vcpus && (shape & 4); i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_STOP));
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i],
                 WORDS(VCPU_FEATURES, VCPU_FEATURE_TIMER));
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_START));
    }
    // A guest waits for a server, and that for another: which init may be about to replace.
    if (shape & 8) {
        world_sleep();
        world_exit(guest.vcpu[0], (enum exit_class)((shape >> 5) % EXIT_GUEST_CLASSES),
                   WORDS(1, 2, 3));
        if ((shape & 16) && machine.current == &servers[0].task->context) {
            world_call(servers[0].task, SYSCALL_CALL, 1, WORDS(shape));
        }
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

// init makes another task, as it would for a server's new version: bound to a
// portal before or after its first steps, whoever is bound there now.
static void spawn(struct task *init) {
    unsigned how = input_byte();
    uint64_t page = arguments_number(init, 'p') & ~1ull;
    uint64_t slot = 64 + 2 * (how % 16);
    uint64_t portal = arguments_number(init, 'P');
    uint64_t watcher = arguments_number(init, 'P');
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

// A server's portal changes hands: to any task that init has, to the one that
// had it at first, or to nobody, because whoever is bound or still serves there
// ends.
static void hand_over(struct task *init) {
    unsigned how = input_byte();
    const struct server *server = &servers[how & 1];
    uint64_t receiver = how & 2 ? server->task_slot : arguments_number(init, 'T');
    enum status status = STATUS_OK;
    const struct portal *portal =
        cap_object(init, server->portal_slot, OBJECT_PORTAL, RIGHT_MANAGE, &status);
    if (portal && (how & 0xc) == 0xc) {
        const struct task *ends = how & 0x10 ? portal->held : portal->receiver;
        for (uint32_t i = 0; ends && i < init->cap_count; i++) {
            if (init->cap[i].type == OBJECT_TASK && pool_object(init->cap[i].index) == ends) {
                checked_call(init, how & 0x20 ? SYSCALL_DESTROY : SYSCALL_TASK, i,
                             WORDS(TASK_STOP, how));
                return;
            }
        }
    }
    checked_call(init, SYSCALL_BIND, BIND_PORTAL, WORDS(server->portal_slot, receiver));
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
    if (byte >= 220 && task == world.init) {
        (byte >= 240 ? spawn : hand_over)(task);
        return;
    }
    struct arguments arguments = arguments_of(task, call);
    checked_call(task, call, arguments.selector, arguments.word);
}

static void guest_exit(struct vcpu *vcpu) {
    unsigned byte = input_byte();
    struct arch_vcpu *state = machine_guest(vcpu);
    state->enabled = byte >> 5;
    if (byte & 1) {
        state->own_time = arguments_number(world.init, 't');
    }
    machine.regs.user = (byte & 6) == 6;
    if (byte & 16) {
        world_time(machine.timer); // the tick, or a deadline, meets the guest
    } else if (byte & 8) {
        world_hypercall(vcpu, WORDS(byte, arguments_number(world.init, 't')));
    } else {
        world_exit(vcpu, (enum exit_class)(input_byte() % EXIT_GUEST_CLASSES),
                   WORDS(arguments_number(world.init, 'a'), byte, arguments_number(world.init, 'a'),
                         byte));
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

// A server that was given the right to may have ended it.
static bool is_init_there(void) {
    uint32_t page = pool_index(world.init);
    return pool.page[page].type == OBJECT_TASK && pool.page[page].pages;
}

// Whatever goes on, init is woken and hands a portal over, or makes a task for
// that.
static void init_acts(void) {
    struct task *init = world.init;
    if (!is_init_there()) {
        return;
    }
    if (init->state == TASK_WAITING) {
        world_line(WORLD_WAKE_LINE);
    }
    if (init->context.queued) {
        trap_switch(&init->context);
    }
    if (machine.current == &init->context) {
        (input_byte() % 4 ? hand_over : spawn)(init);
    }
}

// Steers the fuzzer: what it can reach here is as good as another branch. In how many ways a portal
// is held: who serves what, who is to come, what waits.
static uint8_t reached[2][6][2][2][2] __attribute__((section("__libfuzzer_extra_counters")));

static void look_around(void) {
    for (unsigned i = 0; i < 2; i++) {
        enum status status = STATUS_OK;
        const struct portal *portal =
            cap_object(world.init, servers[i].portal_slot, OBJECT_PORTAL, RIGHT_MANAGE, &status);
        const struct task *held = portal ? portal->held : NULL;
        if (held) {
            unsigned kind = held->serving ? 1u + held->serving->owner : 0;
            reached[i][kind][held->state == TASK_CALLING][portal->receiver != NULL]
                   [portal->head != NULL] = 1;
        }
    }
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
    } else if (byte < 52) {
        init_acts();
    } else if (!machine.current) {
        world_time(world.cpu.next_event);
    } else if (machine.current->kind == CONTEXT_VCPU) {
        guest_exit(vcpu_of(machine.current));
    } else if (byte < 58) {
        machine.regs.pc = arguments_number(world.init, 'a');
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
        if (is_init_there()) {
            look_around();
        }
    }
    invariants_check_tables();
    return 0;
}
