// Looks after its own memory while others misbehave: says a hash of it, its program included, again
// and again, changes it in between, and uses everything that its servers do. What it prints depends
// on nothing but the number of rounds (rounds=N). Behind them it waits until somebody from outside
// stores 1 into `finish`.
#include "tests/system/guests/check.h"
#include "tests/system/guests/timer.h"

#define WORDS (128u << 10)
#define PROGRAM 512 // of the program's text, which comes first
#define ROUNDS 20
#define LAST 64 // rounds that are kept

volatile uint64_t finish;

// What it has printed, for whoever looks from outside.
volatile uint64_t made, hashes[LAST];

extern char image_start[];
static uint64_t pattern[WORDS];

static uint64_t hash(uint64_t value, const uint64_t *words, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        value = (value ^ words[i]) * UINT64_C(0x100000001b3);
        value ^= value >> 29;
    }
    return value;
}

static uint64_t rounds_of(const struct machine *machine) {
    char text[16];
    uint64_t rounds = 0;
    if (!machine_bootarg(machine, "rounds", text, sizeof(text)))
        return ROUNDS;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        rounds = rounds * 10 + (uint64_t)(*at - '0');
    return rounds;
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    const uint64_t rounds = rounds_of(machine);
    const uint64_t millisecond = timer_second(machine) / 1000;
    struct machine_range rtc;
    const bool has_rtc = machine_device(machine, "google,goldfish-rtc", 0, &rtc);
    timer_begin();
    for (unsigned i = 0; i < WORDS; i++)
        pattern[i] = check_random();
    print("guard: begins\n");
    for (uint64_t round = 1; round <= rounds; round++) {
        uint64_t value = hash(0, (const uint64_t *)(void *)image_start, PROGRAM);
        value = hash(value, pattern, WORDS);
        print("guard: round %lu: %016lx\n", round, value);
        hashes[round % LAST] = value;
        made = round;
        for (unsigned i = 0; i < WORDS / 64; i++)
            pattern[check_random() % WORDS] ^= check_random();
        check(timer_wait(timer_now() + millisecond), "a timer in round %lu", round);
        if (has_rtc) {
            const uint64_t low = *(volatile uint32_t *)rtc.base;
            const uint64_t high = *(volatile uint32_t *)(rtc.base + 4);
            check((high << 32 | low) != 0, "the time of day in round %lu", round);
        }
    }
    while (!finish)
        timer_wait(timer_now() + millisecond);
    return check_end("guard");
}
