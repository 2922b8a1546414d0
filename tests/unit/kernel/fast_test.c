// The shortest ways change nothing but the time they take: whatever happens, all that anyone can
// see is what the long ways would have made of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/tick.h"
#include "kernel/object/pool.h"
#include "tests/unit/kernel/world.h"

#define FRAME 3

static struct server server, other;
static struct guest guest;
static struct vcpu *vcpu;

static void prepare(bool fast) {
    world_begin(NULL);
    machine.fast = fast;
    server_make(&server, 0, 1);
    server_make(&other, 0, 2);
    guest_make(&guest, &server, 0x42);
    server_grant(&server, FRAME, INIT_SLOT_HIGH, RIGHT_R | RIGHT_W, 0, 1 << 20);
    server_grant(&server, 1, other.portal_slot, RIGHT_CALL, 0xa, 0);
    server_grant(&server, 2, guest.vcpu_slot[0], RIGHT_R, 0, 0);
    for (unsigned i = 1; i < GUEST_VCPUS; i++) {
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[i], WORDS(VCPU_START, 0x1000ull * i));
    }
    vcpu = guest.vcpu[0];
    world_sleep();
    world_enter(vcpu);
}

static int begin(void **state) {
    (void)state;
    prepare(true);
    return 0;
}

static void a_hypercall_and_its_answer_touch_no_record(void **state) {
    (void)state;
    world_hypercall(vcpu, WORDS(1, 2, 3, 4, 5, 6, 7, 8));
    assert_int_equal(machine.fast_calls, 1);
    assert_ptr_equal(world.cpu.fast, vcpu);
    assert_null(vcpu->record.portal);
    assert_ptr_equal(machine.current, &server.task->context);
    world_reply(server.task, REPLY_HYPERCALL, WORDS(11, 12));
    assert_int_equal(machine.fast_answers, 1);
    assert_null(world.cpu.fast);
    assert_ptr_equal(machine.current, &vcpu->context);
    assert_int_equal(machine.regs.general[0], 11);
    assert_int_equal(machine.regs.general[1], 12);
    assert_int_equal(machine.regs.general[2], 3);
    assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
}

static void a_deadline_goes_the_shortest_way_when_the_timer_is_set_before_it(void **state) {
    (void)state;
    world_hypercall(vcpu, WORDS(1));
    world_reply(server.task, REPLY_HYPERCALL_DEADLINE, WORDS(0, 0, world.cpu.next_event));
    assert_int_equal(machine.fast_answers, 1);
    assert_int_equal(vcpu->deadline, world.cpu.next_event);
    unsigned sets = machine.timer_sets;
    world_hypercall(vcpu, WORDS(1));
    world_reply(server.task, REPLY_HYPERCALL_DEADLINE, WORDS(0, 0, world.cpu.next_event - 1));
    assert_int_equal(machine.fast_answers, 1);
    assert_int_equal(machine.timer_sets, sets + 1);
    assert_int_equal(machine.timer, vcpu->deadline);
}

static void what_may_not_go_the_shortest_way_does_not(void **state) {
    (void)state;
    // From the guest's user mode, while tracing, with a busy server, without the rights.
    machine.regs.user = 1;
    world_hypercall(vcpu, WORDS(1));
    assert_int_equal(MESSAGE_MODE(world_message().info), 0);
    world_reply(server.task, REPLY_HYPERCALL, WORDS(0));
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_TRACE, 1));
    world_sleep();
    world_hypercall(vcpu, WORDS(1));
    world_reply(server.task, REPLY_HYPERCALL, WORDS(0));
    world_run(world.init);
    world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[0], WORDS(VCPU_TRACE, 0));
    for (unsigned missing = 0; missing < 3; missing++) {
        guest_route(&guest, 0, EXIT_HYPERCALL, server.portal_slot, 1, MAY_ALL & ~(1u << missing), 0,
                    0);
        assert_null(vcpu->fast_portal);
    }
    guest_route(&guest, 0, EXIT_HYPERCALL, server.portal_slot, 1, MAY_ALL, 0, 0);
    assert_ptr_equal(vcpu->fast_portal, server.portal);
    world_do(world.init, SYSCALL_SIGNAL, server.portal_slot, WORDS(0));
    trap_switch(&vcpu->context);
    world_hypercall(vcpu, WORDS(1));
    assert_ptr_equal(server.portal->head, &vcpu->record);
    assert_int_equal(machine.fast_calls, 0);
}

// What a settled record must look like, whoever comes in between.
static void settled(uint64_t seq) {
    const struct record *record = &vcpu->record;
    assert_null(world.cpu.fast);
    assert_int_equal(vcpu->state, VCPU_EXITED);
    assert_ptr_equal(record->portal, server.portal);
    assert_ptr_equal(record->server, server.task);
    assert_ptr_equal(server.task->serving, record);
    assert_int_equal(server.task->state, TASK_READY);
    assert_null(server.portal->waiting);
    assert_int_equal(record->info, MESSAGE_INFO(EXIT_HYPERCALL, 0, 1));
    assert_int_equal(record->pc, WORLD_GUEST_PC);
    assert_int_equal(record->seq, seq);
    assert_int_equal(record->badge, 0x42);
}

static void whatever_comes_first_writes_the_record_down(void **state) {
    (void)state;
    for (unsigned what = 0; what < 6; what++) {
        prepare(true);
        world_hypercall(vcpu, WORDS(1, 2));
        assert_ptr_equal(world.cpu.fast, vcpu);
        switch (what) {
        case 0:
            world_time(world.cpu.next_event);
            break;
        case 1:
            world_line(WORLD_WAKE_LINE);
            break;
        case 2:
            world_do(server.task, SYSCALL_SIGNAL, 1, WORDS(0));
            break;
        case 3:
            world_do(server.task, SYSCALL_VCPU, 2, WORDS(VCPU_READ, 1));
            assert_int_equal(machine.regs.status, STATUS_OK);
            assert_int_equal(world_result(0), 2);
            break;
        case 4:
            world_reply(server.task, 0x12345, WORDS(0)); // refused
            assert_int_equal(MESSAGE_CLASS(world_message().info), EXIT_REFUSED);
            break;
        default:
            world_run(world.init);
            break;
        }
        settled(1);
        world_run(server.task);
        world_reply(server.task, REPLY_HYPERCALL, WORDS(5, 6));
        assert_int_equal(vcpu->state, VCPU_RUNNABLE);
        world_sleep();
        world_run(other.task->state == TASK_READY ? other.task : world.init);
        world_enter(vcpu);
        assert_int_equal(machine.regs.general[0], 5);
        assert_int_equal(machine.regs.general[1], 6);
        assert_int_equal(machine.regs.pc, WORLD_GUEST_PC + 4);
    }
}

static void a_call_or_a_fault_of_the_server_writes_it_down_too(void **state) {
    (void)state;
    world_hypercall(vcpu, WORDS(1, 2));
    world_call(server.task, SYSCALL_CALL, 1, WORDS(9));
    assert_ptr_equal(machine.current, &other.task->context);
    assert_int_equal(server.task->state, TASK_CALLING);
    assert_ptr_equal(vcpu->record.server, server.task);
    world_reply(other.task, 0, WORDS(0));
    settled(1);
    world_fault(server.task, FAULT_MEMORY, 0, 0);
    assert_ptr_equal(server.portal->head, &vcpu->record);
    assert_int_equal(server.task->fault.word[FAULT_WORD_SEQ], 1);
}

// --- the same steps, the short ways and the long ways

static uint64_t seed;

static unsigned random_below(unsigned limit) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % limit;
}

// What anyone can see after a step.
struct view {
    uint32_t running; // page of the object that runs; 0: nobody
    struct regs regs;
    uint64_t now;
    struct {
        uint8_t state, due;
        uint64_t deadline, seq, pc, info, pending;
        uint64_t count[EXIT_GUEST_CLASSES];
    } vcpu[GUEST_VCPUS];
    uint8_t state[3];
    uint64_t next_event;
};

// Views are cleared before they are filled in, so their bytes are all there is.
static bool is_same(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

static struct view look(void) {
    struct view view;
    memset(&view, 0, sizeof(view));
    struct cpu *cpu = &world.cpu;
    if (machine.current) {
        view.running = pool_index(machine.current);
        view.regs = machine.regs;
    }
    view.now = machine.now;
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        struct vcpu *one = guest.vcpu[i];
        bool fast = cpu->fast == one;
        view.vcpu[i].state = fast ? VCPU_EXITED : one->state;
        view.vcpu[i].due = one->due;
        view.vcpu[i].deadline = one->deadline;
        view.vcpu[i].seq = one->record.seq;
        view.vcpu[i].pending = machine_guest(one)->pending;
        for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
            view.vcpu[i].count[c] = vcpu_count(one, (enum exit_class)c);
        }
        if (one->state == VCPU_EXITED) {
            view.vcpu[i].pc = one->record.pc;
            view.vcpu[i].info = one->record.info;
        } else if (fast) {
            view.vcpu[i].pc = regs_pc(&one->context.regs);
            view.vcpu[i].info = one->fast_info;
        }
    }
    view.state[0] = world.init->state;
    view.state[1] = cpu->fast ? TASK_READY : server.task->state;
    view.state[2] = other.task->state;
    view.next_event = cpu->next_event;
    return view;
}

static void guest_step(struct vcpu *one) {
    machine_guest(one)->enabled = random_below(8);
    switch (random_below(6)) {
    case 0 ... 2:
        machine.regs.user = random_below(8) == 0;
        world_hypercall(one, WORDS(random_below(100), 2, 3, 4, 5, 6, 2, 8));
        break;
    case 3:
        world_exit(one, EXIT_STAGE2, WORDS(0x80000000 + random_below(16) * 0x1000ull, 1, 2, 3));
        break;
    case 4:
        world_exit(one, (enum exit_class)(1 + random_below(EXIT_GUEST_CLASSES - 1)),
                   WORDS(random_below(100), 1, 2, 3));
        break;
    default:
        world_time(machine.now + random_below(ARCH_TICK));
        break;
    }
}

static void server_step(void) {
    struct task *task = server.task;
    uint64_t soon = machine.now + random_below(3 * ARCH_TICK);
    uint64_t mapping = REPLY_MAPPING(random_below(8) ? FRAME : 0, 12, RIGHT_R);
    uint64_t length = 2ull * random_below(3);
    const uint64_t *words =
        WORDS(random_below(100), 7, 0x80000000 + random_below(16) * 0x1000ull, mapping,
              random_below(3) ? 0 : random_below(8), random_below(4) * 0x1000ull, length, 8);
    uint64_t effects = REPLY_REGISTER(random_below(40)) | REPLY_INTERRUPT(random_below(4)) |
                       REPLY_SECOND(random_below(40));
    switch (random_below(12)) {
    case 0 ... 1:
        world_reply(task, REPLY_HYPERCALL, WORDS(random_below(100), 7, 8, 9, 10, 11, 2, 13));
        break;
    case 2 ... 3:
        world_reply(task, REPLY_HYPERCALL_DEADLINE, WORDS(1, 2, soon, 4, 5, 6, 2, 8));
        break;
    case 4:
        world_reply(task, REPLY_FLAGS | REPLY_ADVANCE, words);
        break;
    case 5:
        world_reply(task, REPLY_FLAGS | REPLY_MAP, words);
        break;
    case 6:
        world_reply(task, REPLY_FLAGS | REPLY_RAISE | effects, words);
        break;
    case 7:
        world_reply(task, REPLY_FLAGS | REPLY_WRITE | REPLY_ADVANCE | effects, words);
        break;
    case 8:
        world_reply(task, (random_below(8) ? REPLY_FLAGS : 0) | (1u << random_below(14)) | effects,
                    words);
        break;
    case 9:
        world_do(task, SYSCALL_SIGNAL, 1, words);
        break;
    case 10:
        world_call(task, SYSCALL_CALL, random_below(3), words);
        break;
    default:
        world_time(machine.now + random_below(ARCH_TICK));
        break;
    }
}

static void step(void) {
    if (random_below(16) == 0) {
        world_line(WORLD_WAKE_LINE);
    } else if (!machine.current) {
        world_time(world.cpu.next_event);
    } else if (machine.current->kind == CONTEXT_VCPU) {
        guest_step(vcpu_of(machine.current));
    } else if (machine.current == &server.task->context) {
        server_step();
    } else if (machine.current == &world.init->context && random_below(2)) {
        unsigned which = random_below(GUEST_VCPUS);
        uint64_t op = random_below(4) ? VCPU_START : random_below(2) ? VCPU_STOP : VCPU_TRACE;
        world_do(world.init, SYSCALL_VCPU, guest.vcpu_slot[which],
                 WORDS(op, random_below(2) ? 1 : 0x3000));
    } else {
        world_reply(task_of(machine.current), 0, WORDS(random_below(100)));
    }
}

static void any_steps_look_the_same_on_short_and_long_ways(void **state) {
    (void)state;
    enum { STEPS = 400, SEEDS = 60 };
    static struct view views[STEPS];
    unsigned short_ways = 0;
    for (unsigned s = 0; s < SEEDS; s++) {
        for (unsigned fast = 0; fast < 2; fast++) {
            prepare(fast);
            seed = s;
            for (unsigned i = 0; i < STEPS; i++) {
                step();
                struct view view = look();
                if (!fast) {
                    views[i] = view;
                } else {
                    if (!is_same(&view, &views[i], sizeof(view)))
                        print_message("seed %u step %u\n", s, i);
                    assert_memory_equal(&view, &views[i], sizeof(view));
                }
            }
        }
        short_ways += machine.fast_answers;
    }
    assert_true(short_ways > SEEDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_hypercall_and_its_answer_touch_no_record),
        TEST(a_deadline_goes_the_shortest_way_when_the_timer_is_set_before_it),
        TEST(what_may_not_go_the_shortest_way_does_not),
        TEST(whatever_comes_first_writes_the_record_down),
        TEST(a_call_or_a_fault_of_the_server_writes_it_down_too),
        TEST(any_steps_look_the_same_on_short_and_long_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
