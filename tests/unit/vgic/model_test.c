// Over many moves of guests, devices and dying servers the machine, with its list registers, shows
// and delivers what a naive GIC does: nothing is lost, nothing doubled, nothing goes to another.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/vgic/play.h"

static void compare_games(enum vgic_version version) {
    static uint8_t moves[3000];
    struct play_count all = {0};
    uint64_t chance = 1;
    for (unsigned game = 0; game < 300; game++) {
        for (size_t i = 0; i < sizeof(moves); i++) {
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            moves[i] = (uint8_t)(chance >> 56);
        }
        struct play_count count = play(version, moves, sizeof(moves));
        all.acknowledged += count.acknowledged;
        all.outputs += count.outputs;
        all.deaths += count.deaths;
        all.taken_back += count.taken_back;
    }
    printf("acknowledged %u, outputs %u, deaths %u, taken back %u\n", all.acknowledged, all.outputs,
           all.deaths, all.taken_back);
    // Much has happened.
    assert_true(all.acknowledged > 10000 && all.outputs > 20000 && all.deaths > 5000 &&
                all.taken_back > 2000);
}

static void test_v3_is_the_same_as_the_model(void **state) {
    (void)state;
    compare_games(VGIC_V3);
}

static void test_v2_is_the_same_as_the_model(void **state) {
    (void)state;
    compare_games(VGIC_V2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_v3_is_the_same_as_the_model),
                                       cmocka_unit_test(test_v2_is_the_same_as_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
