#include "tests/recovery/servers/evil/evil.h"
#include "wrong.h"

// Not a path of the program's: the compiler must not know what these addresses are.
static volatile uint8_t *at(uint64_t address) {
    __asm__("" : "+r"(address));
    return (volatile uint8_t *)(uintptr_t)address;
}

static const uint64_t core[] = {WRONG_CORE};
static const uint64_t elsewhere[] = {WRONG_ELSEWHERE};

static uint64_t core_place(void) { return core[evil_below(5)] + evil_below(1 << 16); }
static uint64_t other_place(void) { return elsewhere[evil_below(12)] + evil_below(4096); }

static void jump(uint64_t to) { ((void (*)(void))(uintptr_t)at(to))(); }

#define TRY(number, text)                                                                          \
    case number:                                                                                   \
        __asm__ volatile(text ::: WRONG_CLOBBERED, "memory");                                      \
        break;

static void privileged(void) {
    switch (evil_below(16)) {
        WRONG_PRIVILEGED(TRY)
    default:
        break;
    }
}

// Deeper than any stack: the page below it is not mapped.
__attribute__((noinline)) static uint64_t deeper(uint64_t depth) {
    volatile uint8_t frame[1024];
    frame[depth % sizeof(frame)] = (uint8_t)depth;
    return depth == 0 ? 0 : deeper(depth - 1) + frame[depth % sizeof(frame)];
}

static void hang(void) {
    bool calling = evil_below(2);
    for (;;) {
        struct rt_words words = {0};
        if (calling && rt_system_call(SYSCALL_SIGNAL, 0, &words) == STATUS_OK) {
            break; // slot 0 is empty
        }
    }
}

// The next record, the one it serves now once more, arrives there.
static void receive_nowhere(void) {
    struct rt_words words = {.word = {TASK_RECEIVE, evil_number(), evil_number(), evil_number(),
                                      evil_number(), evil_number(), evil_number()}};
    enum status status = rt_system_call(SYSCALL_TASK, 0, &words);
    (void)status;
    // A reply that nothing allows is refused, and that is a record.
    rt_reply_effect_registers(REPLY_FLAGS | 0x7fff0000u, 0, 0, 0);
}

void evil_die(enum evil_death how) {
    evil_tally->deaths[how]++;
    switch (how) {
    case EVIL_LOAD_CORE:
        (void)*at(core_place());
        break;
    case EVIL_STORE_CORE:
        *at(core_place()) = 0;
        break;
    case EVIL_LOAD_OTHER:
        (void)*at(other_place());
        break;
    case EVIL_STORE_OTHER:
        *at(other_place()) = 0;
        break;
    case EVIL_STORE_TEXT:
        *at((uint64_t)&evil_die) = 0;
        break;
    case EVIL_STORE_CONFIG:
        *at((uint64_t)rt_config) = 0;
        break;
    case EVIL_JUMP_CORE:
        jump(core_place() & ~3ull);
        break;
    case EVIL_JUMP_DATA:
        jump((uint64_t)evil_tally);
        break;
    case EVIL_PRIVILEGED:
        privileged();
        break;
    case EVIL_GUEST_MEMORY:
        (void)wrong_load_guest(evil_number());
        break;
    case EVIL_BREAKPOINT:
        wrong_breakpoint();
        break;
    case EVIL_STACK:
        (void)deeper(1000);
        break;
    case EVIL_HANG:
        hang();
        break;
    case EVIL_EXIT: {
        struct rt_words words = {.word = {evil_number()}};
        enum status status = rt_system_call(SYSCALL_EXIT, 0, &words);
        (void)status;
        break;
    }
    case EVIL_RECEIVE:
        receive_nowhere();
        break;
    case EVIL_DEATHS:
        break;
    }
    evil_tally->outlived[how]++;
}
