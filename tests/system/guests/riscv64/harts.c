// Harts that interrupt, fence and wait for one another and for their timers, each at random, so
// that a wake-up falls into every gap that there may be. A wake-up that is lost shows as a run that
// does not end, one that is late as a failed check. On the command line: seed=N, rounds=N for each
// hart, and case=stimecmp for the hardware's timer (Sstc) in place of the firmware's.
#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"

#define HARTS_MAX 4
#define STACK_SIZE 4096
#define LIVES 3
#define LATE_MS 500 // all the others may have a turn first, several times
#define SHORT 2048  // ticks: what a hart waits or works at most

struct hart {
    uint64_t id;     // the firmware's name for it
    uint64_t random; // xorshift64*
    uint64_t asked;  // the number of its last question
    unsigned timers, questions;
    volatile uint64_t question[HARTS_MAX]; // by who asks, the last that came
    volatile uint64_t answer[HARTS_MAX];   // by who answers
    volatile bool sleeps;                  // until it is interrupted
    bool late, early;
};

static struct hart hart[HARTS_MAX];
static unsigned harts;
static uint64_t rounds = 60, late;
static bool use_stimecmp;
static _Alignas(16) __attribute__((used)) unsigned char stack[HARTS_MAX][STACK_SIZE];

// Nothing else here uses tp: it is the hart's number.
static unsigned me(void) {
    uint64_t number;
    __asm__ volatile("mv %0, tp" : "=r"(number));
    return (unsigned)number;
}

static uint64_t random_below(uint64_t limit) {
    uint64_t *state = &hart[me()].random;
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % limit;
}

static void arm(uint64_t deadline) {
    if (use_stimecmp)
        __asm__ volatile("csrw %0, %1" ::"i"(CSR_STIMECMP), "r"(deadline));
    else
        SBI_CALL(SBI_TIME, SBI_TIME_SET_TIMER, deadline);
}

static void interrupt(uint64_t mask) {
    if (SBI_CALL(SBI_IPI, SBI_IPI_SEND, mask, 0).error != SBI_SUCCESS)
        check(false, "send_ipi to 0x%lx", mask);
}

// Answers all that was asked, and wakes who sleeps meanwhile.
static void answer_all(void) {
    struct hart *own = &hart[me()];
    uint64_t wake = 0;
    csr_clear(sip, SIE_SSIE);
    for (unsigned i = 0; i < harts; i++) {
        const uint64_t question = __atomic_load_n(&own->question[i], __ATOMIC_SEQ_CST);
        if (hart[i].answer[me()] == question)
            continue;
        own->questions++;
        __atomic_store_n(&hart[i].answer[me()], question, __ATOMIC_SEQ_CST);
        if (i != me() && hart[i].sleeps)
            wake |= UINT64_C(1) << hart[i].id;
    }
    if (wake)
        interrupt(wake);
}

uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc) {
    if (cause == SCAUSE_SOFTWARE) {
        answer_all();
    } else if (cause == SCAUSE_TIMER) {
        hart[me()].timers++;
        arm(UINT64_MAX);
    } else {
        print("FAILED: scause 0x%lx, stval 0x%lx, sepc 0x%lx\n", cause, value, pc);
        guest_end(true);
    }
    return pc;
}

static void work(uint64_t ticks) {
    const uint64_t until = csr_read(time) + ticks;
    while (csr_read(time) < until) {
    }
}

// In one of the two ways that there are. With sstatus.SIE off both still end when an interrupt is
// pending, so none is missed.
static void sleep_once(void) {
    if (random_below(4) == 0)
        SBI_CALL(SBI_HSM, SBI_HSM_SUSPEND, 0);
    else
        __asm__ volatile("wfi");
}

static uint64_t some_harts(void) { return 1 + random_below((UINT64_C(1) << harts) - 1); }

static bool all_answered(uint64_t asked) {
    for (unsigned i = 0; i < harts; i++) {
        if (asked >> i & 1 && hart[me()].answer[i] != hart[me()].asked)
            return false;
    }
    return true;
}

// Asks some, at once or one after the other, and sleeps or works until all have answered. Nothing
// but their interrupts ends that sleep.
static void ask(void) {
    struct hart *own = &hart[me()];
    const uint64_t asked = some_harts();
    const bool sleeps = random_below(3) != 0;
    own->asked++;
    __atomic_store_n(&own->sleeps, sleeps, __ATOMIC_SEQ_CST);
    uint64_t mask = 0;
    for (unsigned i = 0; i < harts; i++) {
        if (asked >> i & 1) {
            __atomic_store_n(&hart[i].question[me()], own->asked, __ATOMIC_SEQ_CST);
            mask |= UINT64_C(1) << hart[i].id;
        }
    }
    interrupt(mask);
    while (!all_answered(asked)) {
        if (sleeps) {
            csr_clear(sstatus, SSTATUS_SIE);
            if (!all_answered(asked))
                sleep_once();
            csr_set(sstatus, SSTATUS_SIE);
        }
    }
    own->sleeps = false;
}

static void fence(void) {
    const uint64_t function = random_below(3);
    uint64_t mask = 0;
    for (uint64_t left = some_harts(), i = 0; left; left >>= 1, i++)
        mask |= (left & 1) << hart[i].id;
    if (SBI_CALL(SBI_RFENCE, function, mask, 0, 0, UINT64_MAX).error != SBI_SUCCESS)
        check(false, "remote fence %lu of 0x%lx", function, mask);
}

// The timer, set anew while it may just expire, then waited for.
static void wait_for_timer(void) {
    struct hart *own = &hart[me()];
    csr_clear(sstatus, SSTATUS_SIE);
    for (uint64_t i = random_below(3); i; i--) {
        arm(csr_read(time) + random_below(SHORT / 4));
        work(random_below(SHORT / 4));
    }
    const unsigned before = own->timers;
    const uint64_t deadline = csr_read(time) + random_below(SHORT) - SHORT / 8;
    arm(deadline);
    while (own->timers == before) {
        if (random_below(2))
            sleep_once();
        csr_set(sstatus, SSTATUS_SIE);
        csr_clear(sstatus, SSTATUS_SIE);
    }
    const uint64_t now = csr_read(time);
    csr_set(sstatus, SSTATUS_SIE);
    own->early |= now < deadline;
    own->late |= now > deadline + late;
}

static void live(void) {
    csr_write(sie, SIE_SSIE | SIE_STIE);
    csr_set(sstatus, SSTATUS_SIE);
    for (uint64_t round = 0; round < rounds; round++) {
        switch (random_below(5)) {
        case 0:
        case 1:
            ask();
            break;
        case 2:
            fence();
            break;
        case 3:
            wait_for_timer();
            break;
        default:
            work(random_below(SHORT));
        }
    }
}

static volatile unsigned done;

// What others still ask is answered, until nobody is left who might.
static void finish(void) {
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < harts) {
        csr_clear(sstatus, SSTATUS_SIE);
        arm(csr_read(time) + SHORT);
        __asm__ volatile("wfi");
        csr_set(sstatus, SSTATUS_SIE);
    }
    csr_clear(sstatus, SSTATUS_SIE);
    csr_write(sie, 0);
}

static __attribute__((used)) _Noreturn void other_main(void) {
    live();
    finish();
    SBI_CALL(SBI_HSM, SBI_HSM_STOP, 0);
    // A hart that goes on after it was stopped shows as one that never stops.
    for (;;)
        __asm__ volatile("wfi");
}

static __attribute__((naked)) void other_start(void) {
    __asm__ volatile("mv tp, a1\n"
                     "la t0, bare_vector\n"
                     "csrw stvec, t0\n"
                     "la sp, %[stack]\n"
                     "li t0, %[size]\n"
                     "addi t1, a1, 1\n"
                     "mul t0, t0, t1\n"
                     "add sp, sp, t0\n"
                     "tail %[main]\n" ::[stack] "i"(stack),
                     [size] "i"(STACK_SIZE), [main] "i"(other_main));
}

static uint64_t number(const struct machine *machine, const char *name, uint64_t otherwise) {
    char text[24];
    if (!machine_bootarg(machine, name, text, sizeof(text)))
        return otherwise;
    uint64_t value = 0;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

static void one_life(void) {
    done = 0;
    for (unsigned i = 1; i < harts; i++) {
        const uint64_t entry = (uint64_t)other_start;
        check(SBI_CALL(SBI_HSM, SBI_HSM_START, hart[i].id, entry, i).error == SBI_SUCCESS,
              "hart %lu to start", hart[i].id);
    }
    live();
    finish();
    for (unsigned i = 1; i < harts; i++) {
        while (SBI_CALL(SBI_HSM, SBI_HSM_STATUS, hart[i].id).value != SBI_HSM_STOPPED)
            work(SHORT);
    }
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    const uint64_t seed = number(machine, "seed", 1);
    rounds = number(machine, "rounds", rounds);
    late = machine->timebase / 1000 * LATE_MS;
    use_stimecmp = check_case(machine, "stimecmp", false);
    __asm__ volatile("mv tp, zero");
    hart[0].id = cpu;
    harts = 1;
    for (unsigned i = 0; i < machine->cpus && harts < HARTS_MAX; i++) {
        if (machine->cpu_id[i] != cpu)
            hart[harts++].id = machine->cpu_id[i];
    }
    for (unsigned i = 0; i < harts; i++)
        hart[i].random = UINT64_C(0x9e3779b97f4a7c15) * (seed * HARTS_MAX + i + 1);
    for (unsigned i = 0; i < LIVES; i++)
        one_life();
    for (unsigned i = 0; i < harts; i++) {
        print("harts: %lu was asked %u times, its timer came %u times\n", hart[i].id,
              hart[i].questions, hart[i].timers);
        check(hart[i].questions > 0 && hart[i].timers > 0, "hart %lu took no part", hart[i].id);
        check(!hart[i].early, "an interrupt before the deadline of hart %lu", hart[i].id);
        check(!hart[i].late, "one long behind it of hart %lu", hart[i].id);
    }
    return check_end("harts");
}
