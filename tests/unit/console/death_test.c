// A console that dies at any byte, before it is sent, between sent and counted, or behind that,
// leaves the same screen behind as one that lives.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/console/world.h"

// Two guests that need prefixes, lines cut short, held, empty, and a ring that wraps around.
static void prepare(void) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(1, CONSOLE_CLIENT_HYPERVISOR, "server");
    world_client(2, CONSOLE_CLIENT_GUEST, "first");
    world_client(3, CONSOLE_CLIENT_GUEST, "second");
    world.out[2].head = world.out[2].tail = RING_BYTES - 5;
    world.has_fifo = false;
}

static void run(void) {
    // Volatile: it keeps its value over the longjmp.
    static volatile unsigned step;
    step = 0;
    if (setjmp(world.grave) != 0) {
        world_start(); // the next incarnation, which first does what the dead one had to do
        step++;
    } else {
        world_start();
    }
    while (step < 5) {
        switch (step) {
        case 0:
            world_write(2, "one\n\ntwo\n\nunfini");
            world_write(0, "init\n");
            break;
        case 1:
            world_write(3, "second guest\nwaits");
            world_write(1, "server\nheld");
            break;
        case 2:
            world_write(2, "shed\nlast\n");
            break;
        case 3:
            world_write(3, "\n");
            world_write(1, " no more\nand then");
            break;
        default:
            break;
        }
        world_send(step == 4 ? EXIT_CALL : EXIT_SIGNAL, 1, CONSOLE_FLUSH);
        step++;
    }
    // A flush that the dead one did not answer is forwarded again.
    world_send(EXIT_CALL, 1, CONSOLE_FLUSH);
}

static void test_death_at_any_byte_changes_nothing(void **context) {
    (void)context;
    static char expected[WORLD_SCREEN];
    prepare();
    run();
    snprintf(expected, sizeof(expected), "%s", world_screen());
    assert_string_equal(expected, "[first] one\n[first] \n[first] two\n[first] \n[first] unfini\n"
                                  "init\n"
                                  "[second] second guest\n[second] waits\nserver\n"
                                  "[first] shed\n[first] last\n"
                                  "[second] \nheld no more\nand then\n");
    unsigned bytes = world.put.calls;
    for (unsigned at = 1; at <= bytes; at++) {
        for (unsigned how = 0; how < WORLD_DEATHS; how++) {
            prepare();
            world.early_deaths = at % 3;
            world.put.at = at;
            world.put.how = (enum world_death)how;
            run();
            assert_int_equal(world.put.at, 0); // it did die
            if (strcmp(world_screen(), expected) != 0)
                fail_msg("death %u at byte %u: %s", how, at, world_screen());
        }
    }
}

static enum status adopt_from(void *region, size_t size) {
    return console_adopt(&world.console, region, size, &(struct console_death){0});
}

static enum status adopt(void) { return adopt_from(world.region, WORLD_REGION); }

// Version 1, as servers of that time left it: six words in slots of 48 bytes.
static void test_older_state_is_migrated(void **context) {
    (void)context;
    static uint64_t region[64];
    const uint64_t old[] = {2, UINT64_MAX, 3, 1, 0x100, 1};
    prepare();
    world_start();
    struct state_header *header = (struct state_header *)region;
    *header = (struct state_header){
        .magic = STATE_MAGIC, .version = 1, .slot_size = 48, .active = 1, .owner = "console"};
    memcpy((uint8_t *)region + STATE_SLOTS_AT + 48, old, sizeof(old));
    assert_int_equal(adopt_from(region, 64 + 160), STATUS_NO_MEMORY);
    assert_int_equal(header->version, 1);
    assert_int_equal(adopt_from(region, sizeof(region)), STATUS_OK);
    assert_int_equal(header->version, 2);
    const volatile struct console_state *found = world.console.state;
    assert_int_equal(found->open, 2);
    assert_int_equal(found->ends, UINT64_MAX);
    assert_int_equal(found->prefix, 3);
    assert_int_equal(found->breaks, 1);
    assert_int_equal(found->told, 1);
    assert_int_equal(found->input | found->place | found->shown | found->erase, 0);
}

static void test_newer_state_is_refused(void **context) {
    (void)context;
    prepare();
    world_start();
    struct state_header *header = (struct state_header *)world.region;
    header->version++;
    uint64_t before[32];
    memcpy(before, world.region, sizeof(before));
    assert_int_equal(adopt(), STATUS_UNSUPPORTED);
    assert_memory_equal(before, world.region, sizeof(before));
    assert_int_equal(adopt_from(world.region, 223), STATUS_NO_MEMORY);
}

static void test_damaged_region_begins_anew(void **context) {
    (void)context;
    prepare();
    world_start();
    memset(world.region, 0x5a, WORLD_REGION);
    assert_int_equal(adopt(), STATUS_OK);
    assert_int_equal(world.console.state->open, CONSOLE_NOBODY);
    assert_int_equal(world.console.state->told, 0);
}

static void test_damaged_state_begins_anew(void **context) {
    (void)context;
    prepare();
    world_start();
    for (unsigned i = 0; i < 10; i++) {
        struct console_state state = {.open = CONSOLE_NOBODY};
        switch (i) {
        case 0:
            state.open = 4;
            break;
        case 1:
            state.open = 2;
            state.ends = UINT64_MAX;
            state.prefix = 9;
            break;
        case 2:
            state.target = 4;
            break;
        case 3:
            state.told = 2;
            break;
        case 4:
            state.breaks = 2;
            break;
        case 5: // there is no monitor
            state.input = CONSOLE_INPUT_MONITOR;
            break;
        case 6:
            state.input = CONSOLE_INPUT_END;
            break;
        case 7:
            state.erase = 1;
            break;
        case 8:
            state.target = 0x102;
            break;
        default:
            state.target = 0xff;
            break;
        }
        *world.console.state = state;
        assert_int_equal(adopt(), STATUS_OK);
        const volatile struct console_state *found = world.console.state;
        assert_int_equal(found->open, CONSOLE_NOBODY);
        assert_int_equal(found->target | found->told | found->breaks | found->input, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_death_at_any_byte_changes_nothing),
        cmocka_unit_test(test_newer_state_is_refused),
        cmocka_unit_test(test_older_state_is_migrated),
        cmocka_unit_test(test_damaged_region_begins_anew),
        cmocka_unit_test(test_damaged_state_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
