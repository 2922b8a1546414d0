// A console that dies at any instruction of taking what is typed, and its successors at any of
// finishing that, leave everybody with the bytes, and the focus, that one leaves that lives.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/console/world.h"

#define ESCAPE "\x14"
#define GUEST 1
#define MONITOR 2

static const struct scene {
    const char *before; // in an interrupt that is over
    const char *text;
    const char *guest, *monitor; // what they have got in the end
    enum console_focus focus;
    bool leaves;   // the monitor asks to be left meanwhile
    uint64_t head; // of the guest's ring, which is empty
} scenes[] = {
    {"", "a", "a", "", CONSOLE_FOCUS_GUEST, false, 0},
    {"x", "aa", "xaa", "", CONSOLE_FOCUS_GUEST, false, RING_BYTES - 3},
    {"x", ESCAPE "p", "x", "p", CONSOLE_FOCUS_MONITOR, false, 0},
    {"", ESCAPE ESCAPE "a", ESCAPE "a", "", CONSOLE_FOCUS_GUEST, false, 0},
    {ESCAPE, ESCAPE, ESCAPE, "", CONSOLE_FOCUS_GUEST, false, 0},
    {ESCAPE "p", "p" ESCAPE "a", "a", "pp", CONSOLE_FOCUS_GUEST, false, 0},
    {ESCAPE "p", "a" ESCAPE "p", "a", "pp", CONSOLE_FOCUS_MONITOR, true, 0},
};

static void prepare(const struct scene *scene) {
    world_reset();
    world_client(0, CONSOLE_CLIENT_HYPERVISOR, "init");
    world_client(GUEST, CONSOLE_CLIENT_GUEST, "guest");
    world_client(MONITOR, CONSOLE_CLIENT_MONITOR, "monitor");
    world.in[GUEST].head = world.in[GUEST].tail = scene->head;
    world_start();
    world_type(scene->before);
    world_send(EXIT_IRQ, 0, 1);
    world_type(scene->text);
    if (scene->leaves)
        world.out[MONITOR].reserved = CONSOLE_FOCUS_LEAVE;
}

static void expect_input(unsigned client, const char *text) {
    const struct ring *ring = &world.in[client];
    uint64_t at = ring->tail;
    for (; *text != '\0'; text++, at++)
        assert_int_equal(ring->data[at % RING_BYTES], *text);
    assert_int_equal(ring->head, at);
}

static void expect_end(const struct scene *scene) {
    assert_int_equal(world_taken(), strlen(scene->text));
    expect_input(GUEST, scene->guest);
    expect_input(MONITOR, scene->monitor);
    assert_int_equal(console_focus(&world.console), scene->focus);
    assert_int_equal(world.in[MONITOR].reserved, scene->focus);
    assert_int_equal(world.out[MONITOR].reserved, CONSOLE_FOCUS_GUEST);
    world_expect_awake();
}

static void serve(void *unused) {
    (void)unused;
    world_send(EXIT_IRQ, 0, 1);
}

static void take_over(void *unused) {
    (void)unused;
    world_take_over();
}

static void take_input(void *unused) {
    (void)unused;
    console_input(&world.console, true);
}

static bool step(void (*body)(void *), struct step_images *images) {
    return step_run(body, NULL, world.kept, sizeof(*world.kept), images);
}

// The next one, with what is left in IMAGE; it gets the interrupt that was not answered.
static void succeed(const struct scene *scene, const uint8_t *image) {
    memcpy(world.kept, image, sizeof(*world.kept));
    world_start();
    serve(NULL);
    expect_end(scene);
}

// The next one dies as well, anywhere in BODY.
static void die_in(void (*body)(void *), const struct scene *scene) {
    struct step_images images;
    assert_true(step(body, &images));
    for (unsigned i = 0; i < images.count; i++)
        succeed(scene, images.image[i]);
    step_free(&images);
}

static void die_again(const struct scene *scene, const uint8_t *image) {
    world.early_deaths = 0;
    memcpy(world.kept, image, sizeof(*world.kept));
    world_configure();
    if (scene == &scenes[0]) // stepping takes long, and this is the same in all of them
        die_in(take_over, scene);
    memcpy(world.kept, image, sizeof(*world.kept));
    world_configure();
    world_take_over();
    die_in(take_input, scene);
}

static void test_death_at_any_instruction_changes_nothing(void **context) {
    (void)context;
    for (unsigned number = 0; number < sizeof(scenes) / sizeof(scenes[0]); number++) {
        const struct scene *scene = &scenes[number];
        prepare(scene);
        serve(NULL);
        expect_end(scene); // it lives
        struct step_images images;
        prepare(scene);
        if (!step(serve, &images))
            skip();
        assert_true(images.count > 5 * strlen(scene->text));
        for (unsigned i = 0; i < images.count; i++) {
            world.early_deaths = i % 3;
            succeed(scene, images.image[i]);
            die_again(scene, images.image[i]);
        }
        step_free(&images);
    }
}

static void die_taking(enum world_death how) {
    world.take.at = world.take.calls + 1;
    world.take.how = how;
    if (setjmp(world.grave) == 0)
        serve(NULL);
    assert_int_equal(world.take.at, 0);
}

// Takes the byte that only the dead server's register held.
static void test_byte_in_the_hand_outlives_early_deaths(void **context) {
    (void)context;
    prepare(&scenes[0]);
    world.early_deaths = 2;
    die_taking(WORLD_BETWEEN);
    expect_input(GUEST, "");
    world_start();
    expect_end(&scenes[0]);
}

// It was typed while the monitor had the focus.
static void test_byte_taken_before_the_monitor_leaves_is_its_own(void **context) {
    (void)context;
    static const struct scene scene = {ESCAPE, "pa", "a", "p", CONSOLE_FOCUS_GUEST, false, 0};
    for (unsigned how = WORLD_BETWEEN; how < WORLD_DEATHS; how++) {
        prepare(&scene);
        die_taking((enum world_death)how);
        world.out[MONITOR].reserved = CONSOLE_FOCUS_LEAVE;
        world_start();
        expect_end(&scene);
    }
}

// Up to then another server may serve, and init may have to tell the next one of the same death.
static void test_nothing_is_taken_before_the_take_over(void **context) {
    (void)context;
    prepare(&scenes[0]);
    unsigned signals = world.signals;
    world_configure();
    assert_int_equal(console_adopt(&world.console, world.region, WORLD_REGION, &world.death),
                     STATUS_OK);
    world_begin_uart();
    assert_int_equal(world_taken(), 0);
    assert_int_equal(world.signals, signals);
    world_send(EXIT_CALL, 1, CONSOLE_FLUSH); // any record
    expect_end(&scenes[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_death_at_any_instruction_changes_nothing),
        cmocka_unit_test(test_byte_in_the_hand_outlives_early_deaths),
        cmocka_unit_test(test_byte_taken_before_the_monitor_leaves_is_its_own),
        cmocka_unit_test(test_nothing_is_taken_before_the_take_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
