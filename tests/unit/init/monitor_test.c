// What init writes down for the monitor, in its own bounds.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/fault.h"
#include "tests/unit/init/world.h"

static struct core_task *monitor(void) { return world_task(WORLD_MONITOR); }

static const void *page(void) { return memory_see(init.look.physical); }

// Returns how many it says there are.
static uint64_t look(enum monitor_look what, uint64_t number) {
    memset(memory_see(init.look.physical), 0xee, init.look.size);
    assert_int_equal(world_call(monitor(), INIT_LOOK, what, number), STATUS_OK);
    return monitor()->reply[1];
}

static void expect_nothing_behind(uint64_t bytes) {
    const uint8_t *at = page();
    for (uint64_t i = bytes; i < init.look.size; i++) {
        assert_int_equal(at[i], 0);
    }
    assert_int_equal(at[init.look.size], 0x77);
}

static int setup(void **state) {
    world_setup(state);
    // What lies behind the window is another's.
    ((uint8_t *)memory_see(init.look.physical))[init.look.size] = 0x77;
    return 0;
}

static void test_servers(void **state) {
    (void)state;
    const struct monitor_server *of = page();
    core.pause = 4321;
    world_fault(WORLD_WORKER);
    assert_int_equal(look(MONITOR_SERVERS, 0), WORLD_SERVERS + 1);
    assert_string_equal(of[WORLD_WORKER].name, "worker");
    assert_int_equal(of[WORLD_WORKER].state, TASK_READY);
    assert_int_equal(of[WORLD_WORKER].serves, MONITOR_STARTING);
    assert_int_equal(of[WORLD_WORKER].restarts, 1);
    assert_int_equal(of[WORLD_WORKER].early_deaths, 0);
    assert_int_equal(of[WORLD_CONSOLE].serves, MONITOR_SERVING);
    assert_int_equal(of[WORLD_CONSOLE].state, TASK_WAITING);
    assert_int_equal(of[WORLD_MONITOR].state, TASK_CALLING);
    assert_int_equal(of[WORLD_CONSOLE].state_version, WORLD_VERSION);
    // Image 0x20000, config 0x2000, 32 + 2 pages of space and task, its portal, log; and its own.
    const uint64_t all = 0x20000 + 0x2000 + 34 * 4096 + 4096 + 4096;
    assert_int_equal(of[WORLD_WORKER].memory, all + 8192);    // state
    assert_int_equal(of[WORLD_LOADER].memory, all + 4096);    // DMA
    assert_int_equal(of[WORLD_MONITOR].memory, all + 0x8000); // DMA
    assert_string_equal(of[WORLD_SERVERS].name, "init");
    assert_int_equal(of[WORLD_SERVERS].memory, 4096 + 0x20000 + 0x2000 + 34 * 4096 + 0x10000);
    expect_nothing_behind((WORLD_SERVERS + 1) * sizeof(*of));
    world_fault(WORLD_WORKER);
    look(MONITOR_SERVERS, 0);
    assert_int_equal(of[WORLD_WORKER].early_deaths, 1);
    assert_int_equal(of[WORLD_WORKER].pause_restart, 4321);
    assert_int_equal(of[WORLD_WORKER].pause_replace, 0);
    world_fault(WORLD_WORKER);
    world_fault(WORLD_WORKER);
    look(MONITOR_SERVERS, 0);
    assert_int_equal(of[WORLD_WORKER].serves, MONITOR_GIVEN_UP);
    assert_int_equal(of[WORLD_WORKER].state, TASK_DEAD);
}

static void test_replacements(void **state) {
    (void)state;
    const struct monitor_server *of = page();
    const uint64_t *reply = monitor()->reply;
    assert_int_equal(world_call(monitor(), INIT_OUTCOME, 0, 0), STATUS_OK);
    assert_int_equal(reply[1], MONITOR_NONE);
    struct file_plan plan = world_plan(WORLD_VERSION + 2);
    file_make(&plan, memory_see(init.buffer.physical));
    assert_int_equal(world_call(monitor(), INIT_REPLACE, WORLD_WORKER, FILE_BYTES), STATUS_OK);
    world_call(monitor(), INIT_OUTCOME, 0, 0);
    assert_int_equal(reply[1], MONITOR_PREPARING);
    assert_int_equal(reply[2], WORLD_WORKER);
    uint64_t own = 4096 + 0x20000 + 0x2000 + 34 * 4096 + 0x10000; // as in test_servers
    look(MONITOR_SERVERS, 0);
    assert_int_equal(of[WORLD_SERVERS].memory, own + MONITOR_FILE_BYTES);
    world_ready(world_spare_task(), WORLD_VERSION + 2);
    world_call(monitor(), INIT_OUTCOME, 0, 0);
    assert_int_equal(reply[1], MONITOR_SWITCHING);
    world_portal(WORLD_WORKER)->pause = 999; // its first answer
    world_taken(world_spare_task());
    world_call(monitor(), INIT_OUTCOME, 0, 0);
    assert_int_equal(reply[1], MONITOR_REPLACED);
    assert_int_equal(reply[3], STATUS_OK);
    assert_int_equal(reply[4], 999);
    look(MONITOR_SERVERS, 0);
    assert_int_equal(of[WORLD_WORKER].replacements, 1);
    assert_int_equal(of[WORLD_WORKER].restarts, 0);
    assert_int_equal(of[WORLD_WORKER].state_version, WORLD_VERSION + 2);
    assert_int_equal(of[WORLD_WORKER].pause_replace, 999);
    assert_int_equal(of[WORLD_WORKER].pause_restart, 0);
    core.pause = 5;
    world_fault(WORLD_WORKER); // and what it takes to start it again is another matter
    world_call(monitor(), INIT_OUTCOME, 0, 0);
    assert_int_equal(reply[4], 999);
}

static void test_vms(void **state) {
    (void)state;
    const struct monitor_vm *of = page();
    init.vm[1].state = VM_FAILED;
    assert_int_equal(look(MONITOR_VMS, 0), 2);
    assert_string_equal(of[0].name, "a");
    assert_int_equal(of[0].id, WORLD_VM_A);
    assert_int_equal(of[0].state, MONITOR_VM_RUNNING);
    assert_int_equal(of[0].vcpus, 1);
    assert_int_equal(of[0].memory, 4 << 20);
    assert_int_equal(of[0].server[EXIT_HYPERCALL], WORLD_WORKER);
    assert_int_equal(of[0].server[EXIT_STAGE2], WORLD_PAGER);
    assert_int_equal(of[0].server[EXIT_IDLE], MANIFEST_NONE);
    assert_int_equal(of[0].server[7], MANIFEST_NONE);
    assert_int_equal(of[1].id, WORLD_VM_B);
    assert_int_equal(of[1].state, MONITOR_VM_FAILED);
    assert_int_equal(of[1].server[EXIT_IDLE], WORLD_ONLY_B);
    expect_nothing_behind(2 * sizeof(*of));
}

static struct core_vcpu *vcpu(unsigned vm, unsigned number) {
    return core_vcpu_at(SLOT_VM(vm) + VM_SLOT_VCPU + number);
}

static void test_vcpus(void **state) {
    (void)state;
    const struct monitor_vcpu *of = page();
    vcpu(0, 0)->count[EXIT_STAGE2] = 12;
    vcpu(0, 0)->spent[EXIT_STAGE2] = 3400;
    vcpu(1, 1)->state = VCPU_PARKED;
    assert_int_equal(look(MONITOR_VCPUS, 0), 3);
    assert_int_equal(of[0].vm, 0);
    assert_int_equal(of[0].state, VCPU_RUNNABLE);
    assert_int_equal(of[0].traced, 0);
    assert_int_equal(of[0].pc, 0x80200000);
    assert_int_equal(of[0].exits, 77);
    assert_int_equal(of[0].count[EXIT_STAGE2], 12);
    assert_int_equal(of[0].instructions[EXIT_STAGE2], 3400);
    assert_int_equal(of[2].vm, 1);
    assert_int_equal(of[2].number, 1);
    assert_int_equal(of[2].state, VCPU_PARKED);
    expect_nothing_behind(3 * sizeof(*of));
}

// More than there is room for: the window ends before them.
static void test_more_vcpus_than_fit(void **state) {
    (void)state;
    const uint64_t room = init.look.size / sizeof(struct monitor_vcpu);
    init.manifest.vm[0].vcpus = 64;
    init.manifest.vm[1].vcpus = 64;
    assert_int_equal(look(MONITOR_VCPUS, 0), room);
    expect_nothing_behind(room * sizeof(struct monitor_vcpu));
}

// Of each class those exits count that were made while it was on, over all times that it was.
static void test_trace(void **state) {
    (void)state;
    const struct monitor_vcpu *of = page();
    uint64_t *count = &vcpu(0, 0)->count[EXIT_TIMER];
    *count = 100;
    assert_int_equal(world_call(monitor(), INIT_TRACE, 1, 0), STATUS_OK);
    assert_true(vcpu(0, 0)->traced && vcpu(1, 0)->traced && vcpu(1, 1)->traced);
    *count = 107;
    look(MONITOR_VCPUS, 0);
    assert_int_equal(of[0].traced, 1);
    assert_int_equal(of[0].traced_count[EXIT_TIMER], 7);
    assert_int_equal(of[0].count[EXIT_TIMER], 107);
    world_call(monitor(), INIT_TRACE, 1, 0); // on is on
    *count = 110;
    world_call(monitor(), INIT_TRACE, 0, 0);
    assert_false(vcpu(0, 0)->traced || vcpu(1, 0)->traced || vcpu(1, 1)->traced);
    *count = 150;
    look(MONITOR_VCPUS, 0);
    assert_int_equal(of[0].traced, 0);
    assert_int_equal(of[0].traced_count[EXIT_TIMER], 10);
    world_call(monitor(), INIT_TRACE, 0, 0);
    world_call(monitor(), INIT_TRACE, 1, 0);
    *count = 155;
    look(MONITOR_VCPUS, 0);
    assert_int_equal(of[0].traced_count[EXIT_TIMER], 15);
    world_call(monitor(), INIT_TRACE, 2, 0); // anything but 1 is off
    assert_false(vcpu(0, 0)->traced);
}

static void test_config(void **state) {
    (void)state;
    const struct config *config = page();
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        assert_int_equal(look(MONITOR_CONFIG, i), 8192);
        assert_int_equal(config->magic, CONFIG_MAGIC);
        assert_string_equal(config->name, init.manifest.server[i].name);
        assert_memory_equal(config, memory_see(init.server[i].body->config.physical), 8192);
        expect_nothing_behind(8192);
    }
    assert_int_equal(world_call(monitor(), INIT_LOOK, MONITOR_CONFIG, WORLD_SERVERS), STATUS_RANGE);
    assert_int_equal(world_call(monitor(), INIT_LOOK, MONITOR_CONFIG, UINT64_MAX), STATUS_RANGE);
    assert_int_equal(world_call(monitor(), INIT_LOOK, MONITOR_LOG + 1, 0), STATUS_INVALID);
    assert_int_equal(world_call(monitor(), INIT_LOOK, UINT64_MAX, 0), STATUS_INVALID);
}

static struct ring *ring_of(unsigned number) {
    return memory_see(number < WORLD_SERVERS ? init.server[number].log.physical
                                             : init.log.physical);
}

static void write_to(struct ring *ring, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; i++) {
        ring->data[ring->head % RING_BYTES] = (char)('a' + ring->head % 23);
        ring->head++;
    }
}

static void expect_log(unsigned number, uint64_t from, uint64_t to) {
    const char *text = page();
    assert_int_equal(look(MONITOR_LOG, number), to - from);
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(text[i - from], 'a' + i % 23);
    }
    expect_nothing_behind(to - from);
}

static void test_log(void **state) {
    (void)state;
    for (unsigned i = 0; i <= WORLD_SERVERS; i++) { // the last one is init's
        expect_log(i, 0, 0);
        write_to(ring_of(i), 100 + i);
        ring_of(i)->tail = 60; // what was read is still there
        expect_log(i, 0, 100 + i);
    }
    write_to(ring_of(WORLD_WORKER), RING_BYTES - 101);
    expect_log(WORLD_WORKER, 0, RING_BYTES);
    write_to(ring_of(WORLD_WORKER), 1); // it is written over from its beginning
    expect_log(WORLD_WORKER, 1, RING_BYTES + 1);
    write_to(ring_of(WORLD_WORKER), 5 * RING_BYTES + 77);
    expect_log(WORLD_WORKER, 5 * RING_BYTES + 78, 6 * RING_BYTES + 78);
    expect_log(WORLD_CONSOLE, 0, 100);
    assert_int_equal(world_call(monitor(), INIT_LOOK, MONITOR_LOG, WORLD_SERVERS + 1),
                     STATUS_RANGE);
    assert_int_equal(world_call(monitor(), INIT_LOOK, MONITOR_LOG, UINT64_MAX), STATUS_RANGE);
}

// A server writes the counters of its ring as it likes: nothing else is read.
static void test_log_of_a_hostile_ring(void **state) {
    (void)state;
    struct ring *ring = ring_of(WORLD_WORKER);
    const uint64_t heads[] = {UINT64_MAX, UINT64_MAX - RING_BYTES, 1ull << 63, RING_BYTES};
    memset(ring->data, 'x', RING_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        ring->head = heads[i];
        ring->tail = UINT64_MAX / 2;
        assert_int_equal(look(MONITOR_LOG, WORLD_WORKER), RING_BYTES);
        for (unsigned n = 0; n < RING_BYTES; n++) {
            assert_int_equal(((const char *)page())[n], 'x');
        }
        expect_nothing_behind(RING_BYTES);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_servers),
        TEST(test_replacements),
        TEST(test_vms),
        TEST(test_vcpus),
        TEST(test_more_vcpus_than_fit),
        TEST(test_trace),
        TEST(test_config),
        TEST(test_log),
        TEST(test_log_of_a_hostile_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
