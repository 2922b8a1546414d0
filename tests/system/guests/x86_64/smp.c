// Several CPUs as a PC's are (APM volume 2, 14.1, 16.5): INIT and STARTUP, interrupts between them
// in all ways of delivery, NMIs. By MSRs, or with case=page by memory.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/string.h"
#include "tests/system/guests/check.h"
#include "tests/system/guests/x86_64/lapic_access.h"

#define CPUS 4
#define LOGICAL 0x0d0
#define LVT_TIMER 0x320
#define INITIAL 0x380
#define DIVIDER 0x3e0
#define BY_1 0xb

#define LOWEST (1u << 8)
#define NMI (4u << 8)
#define INIT (5u << 8)
#define STARTUP (6u << 8)
#define BY_NAME (1u << 11)
#define ALL (2u << 18)
#define OTHERS (3u << 18)

#define VECTOR 0x41
#define TIMER 0x31
#define PAGE 8u        // where the others begin
#define PAUSE 25000000 // more than two turns of all CPUs
#define LONG 1000000   // enough for whoever has the machine's CPU to itself

static uint32_t cpus;

// What each CPU has seen. The first word says that it runs, and is counted on by it.
static volatile struct {
    uint64_t steps, born, interrupts, nmis, depth, deepest;
    uint64_t timers;
    uint32_t command; // what it is to do
    uint32_t count;   // that its timer is to have
} seen[CPUS];
// TIMED and what follows: its timer runs when it waits.
enum { SPIN, WAIT, WAIT_DEAF, SEND_BACK, FLOOD_SELF, TIMED, TIMED_MASKED, TIMED_DEAF };

static uint32_t own_number(void) { return lapic_get(LAPIC_ID) >> (lapic_page == NULL ? 0 : 24); }

static void send(uint32_t to, uint32_t command) {
    if (lapic_page == NULL) {
        x86_write_msr(MSR_X2APIC + LAPIC_COMMAND / 16, (uint64_t)to << 32 | command);
    } else {
        lapic_put(LAPIC_COMMAND_HIGH, to << 24);
        lapic_put(LAPIC_COMMAND, command);
    }
}

void bare_trap(struct trap_frame *frame) {
    const uint32_t cpu = own_number() % CPUS;
    if (frame->vector == VECTOR_NMI) {
        seen[cpu].nmis++;
        if (++seen[cpu].depth > seen[cpu].deepest)
            seen[cpu].deepest = seen[cpu].depth;
        if (seen[cpu].nmis == 1)
            send(cpu, NMI); // one in another: it waits for this one's end
        for (volatile unsigned i = 0; i < 1000; i++)
            ;
        seen[cpu].depth--;
        return;
    }
    if (frame->vector < VECTOR_EXCEPTIONS) {
        print("FAILED: trap %lu, error 0x%lx, at 0x%lx\n", frame->vector, frame->error, frame->rip);
        guest_end(true);
    }
    if (frame->vector == TIMER)
        seen[cpu].timers++;
    else
        seen[cpu].interrupts++;
    lapic_put(LAPIC_END, 0);
    if (seen[cpu].command == SEND_BACK)
        send(0, VECTOR);
}

// From real mode to 64-bit C, in a page below 1 MiB that it is copied to, with the tables of the
// CPU that was first.
extern char other_begin[], other_end[], other_root[], other_stack[];

__attribute__((naked, used)) static void other_code(void) {
    __asm__ volatile(".globl other_begin, other_end, other_root, other_stack\n"
                     ".code16\n"
                     "other_begin:\n"
                     ".set other_base, other_begin - 0x8000\n" // for what is not relative
                     "cli\n"
                     "mov %%cs, %%ax\n"
                     "mov %%ax, %%ds\n"
                     "lgdtl other_pointer - other_begin\n"
                     "mov $0x11, %%eax\n"
                     "mov %%eax, %%cr0\n"
                     "ljmpl $8, $(other_32 - other_base)\n"
                     ".code32\n"
                     "other_32:\n"
                     "mov $0x10, %%eax\n"
                     "mov %%eax, %%ds\n"
                     "mov %%eax, %%ss\n"
                     "mov (other_root - other_base), %%eax\n"
                     "mov %%eax, %%cr3\n"
                     "mov $%c[cr4], %%eax\n"
                     "mov %%eax, %%cr4\n"
                     "mov $%c[msr], %%ecx\n"
                     "mov $%c[efer], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "wrmsr\n"
                     "mov $%c[cr0], %%eax\n"
                     "mov %%eax, %%cr0\n"
                     "ljmp $0x18, $(other_64 - other_base)\n"
                     ".code64\n"
                     "other_64:\n"
                     "mov (other_stack - other_base), %%rsp\n"
                     "movabs $other_main, %%rax\n"
                     "call *%%rax\n"
                     "ud2\n"
                     ".balign 8\n"
                     "1: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff\n"
                     "other_pointer: .word other_pointer - 1b - 1\n"
                     ".long 1b - other_base\n"
                     ".balign 8\n"
                     "other_root: .quad 0\n"
                     "other_stack: .quad 0\n"
                     "other_end:\n" ::[cr4] "i"(CR4_PAE | CR4_FXSAVE),
                     [msr] "i"(MSR_EFER), [efer] "i"(EFER_LONG_MODE | EFER_SYSCALL),
                     [cr0] "i"(CR0_PROTECTION | CR0_PAGING | CR0_WRITE_PROTECT));
}

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct table_pointer traps;
static uint64_t descriptors[CPUS][7];
static struct segments_tss tss[CPUS];
static _Alignas(16) unsigned char stacks[CPUS][8192], safe_stacks[CPUS][2048];

static void load_tables(uint32_t cpu) {
    const uint64_t base = (uint64_t)&tss[cpu];
    const uint64_t flat[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff,
                             0x00affb000000ffff};
    memcpy(descriptors[cpu], flat, sizeof(flat));
    descriptors[cpu][5] = (sizeof(tss[0]) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                          (base >> 24 & 0xff) << 56;
    descriptors[cpu][6] = base >> 32;
    tss[cpu].ist[0] = (uint64_t)safe_stacks[cpu] + sizeof(safe_stacks[0]);
    const struct table_pointer segments = {sizeof(descriptors[0]) - 1, (uint64_t)descriptors[cpu]};
    __asm__ volatile("lgdt %0\n"
                     "lidt %1\n"
                     "ltr %w2\n"
                     "pushq $8\n"
                     "pushq $1f\n"
                     "lretq\n"
                     "1:" ::"m"(segments),
                     "m"(traps), "r"(5 * 8)
                     : "memory");
}

static void turn_on(void) {
    if (lapic_page == NULL)
        x86_write_msr(MSR_APIC_BASE, x86_read_msr(MSR_APIC_BASE) | 1u << 10);
    lapic_put(LAPIC_SPURIOUS, LAPIC_ENABLED | VECTOR_SPURIOUS);
}

static void arm_timer(uint32_t count) {
    lapic_put(LVT_TIMER, TIMER);
    lapic_put(DIVIDER, BY_1);
    lapic_put(INITIAL, count);
}

// With interrupts on, with the timer's vector masked by the priority, or with interrupts off.
static void wait_timed(uint32_t cpu) {
    __asm__ volatile("cli");
    const uint32_t command = seen[cpu].command;
    lapic_put(LAPIC_TPR, command == TIMED_MASKED ? TIMER & 0xf0 : 0);
    arm_timer(seen[cpu].count);
    if (command == TIMED_DEAF)
        __asm__ volatile("hlt\n sti" ::: "memory");
    else
        __asm__ volatile("sti\n hlt" ::: "memory");
    lapic_put(LAPIC_TPR, 0);
}

__attribute__((used)) void other_main(void);
void other_main(void) {
    turn_on();
    const uint32_t cpu = own_number() % CPUS;
    load_tables(cpu);
    if (lapic_page != NULL)
        lapic_put(LOGICAL, 1u << 24 << cpu);
    seen[cpu].born++;
    __asm__ volatile("sti");
    for (;;) {
        seen[cpu].steps++;
        if (seen[cpu].command == WAIT)
            __asm__ volatile("hlt" ::: "memory");
        if (seen[cpu].command == WAIT_DEAF)
            __asm__ volatile("cli\n hlt\n sti" ::: "memory");
        if (seen[cpu].command >= TIMED)
            wait_timed(cpu);
        if (seen[cpu].command == FLOOD_SELF)
            send(cpu, LAPIC_SELF | (VECTOR + seen[cpu].steps % 16));
    }
}

static bool reaches(volatile uint64_t *word, uint64_t wanted) {
    const uint64_t end = x86_time_stamp() + 8 * (uint64_t)PAUSE;
    while (*word < wanted && x86_time_stamp() < end)
        __asm__ volatile("pause");
    return *word >= wanted;
}

static void pause(void) {
    const uint64_t end = x86_time_stamp() + PAUSE;
    while (x86_time_stamp() < end)
        __asm__ volatile("pause");
}

static void start(uint32_t cpu) {
    *(uint64_t *)(uintptr_t)(PAGE << 12 | (uint32_t)(other_root - other_begin)) =
        (uint64_t)entry_root;
    *(uint64_t *)(uintptr_t)(PAGE << 12 | (uint32_t)(other_stack - other_begin)) =
        (uint64_t)stacks[cpu] + sizeof(stacks[0]);
    send(cpu, STARTUP | PAGE);
}

static void set_up(void) {
    memcpy((void *)(uintptr_t)(PAGE << 12), other_begin, (size_t)(other_end - other_begin));
    __asm__ volatile("sidt %0" : "=m"(traps));
    turn_on();
    if (lapic_page != NULL)
        lapic_put(LOGICAL, 1u << 24);
    __asm__ volatile("sti");
}

static void topology(void) {
    const struct x86_cpuid features = x86_cpuid(CPUID_FEATURES);
    check((features.b >> 16 & 0xff) == cpus, "CPUs by leaf 1: %u", features.b >> 16 & 0xff);
    check(features.d >> 28 & 1, "HTT is shown");
    check((x86_cpuid(0x80000008).c & 0xff) == cpus - 1, "by leaf 80000008: 0x%x",
          x86_cpuid(0x80000008).c);
    check(x86_cpuid(0).a >= 0xb && x86_cpuid(0xb).d == own_number(), "the number by leaf B");
}

static void birth(void) {
    for (uint32_t cpu = 1; cpu < cpus; cpu++) {
        check(seen[cpu].born == 0, "CPU %u waits", cpu);
        send(cpu, INIT);
        start(cpu);
        check(reaches(&seen[cpu].born, 1), "CPU %u is there", cpu);
        start(cpu);
        send(cpu, VECTOR);
        check(reaches(&seen[cpu].interrupts, 1) && seen[cpu].born == 1,
              "one that runs is not started: %lu", seen[cpu].born);
    }
}

// Whatever is sent to a CPU that is not there has no effect on any that is.
static void nobody(void) {
    const uint32_t wide[] = {99, 0x100, 1u << 16 | 1, UINT32_MAX - 1}, narrow[] = {99, 0xfe};
    const uint32_t what[] = {INIT, STARTUP | PAGE, NMI, VECTOR, LOWEST | VECTOR};
    for (uint32_t i = 0; i < (lapic_page == NULL ? 4 : 2); i++) {
        for (uint32_t j = 0; j < sizeof(what) / sizeof(what[0]); j++) {
            send(lapic_page == NULL ? wide[i] : narrow[i], what[j]);
            send(cpus, what[j]);
        }
    }
    const uint64_t steps = seen[1].steps;
    check(reaches(&seen[1].steps, steps + 1), "the others go on");
    for (uint32_t cpu = 0; cpu < cpus; cpu++)
        check(seen[cpu].born == (cpu != 0) && seen[cpu].nmis == 0 &&
                  seen[cpu].interrupts == (cpu != 0),
              "CPU %u has noticed nothing: %lu, %lu", cpu, seen[cpu].born, seen[cpu].interrupts);
}

static void interrupts(void) {
    check(seen[1].interrupts == 1, "by its number");
    seen[1].command = WAIT;
    pause();
    const uint64_t steps = seen[1].steps;
    send(1, VECTOR);
    check(reaches(&seen[1].interrupts, 2) && reaches(&seen[1].steps, steps + 1), "it wakes");
    seen[1].command = SEND_BACK;
    send(1, VECTOR);
    check(reaches(&seen[1].interrupts, 3) && reaches(&seen[0].interrupts, 1), "and back");
    seen[1].command = SPIN;
    send(0, ALL | VECTOR);
    check(reaches(&seen[0].interrupts, 2) && reaches(&seen[1].interrupts, 4), "to all");
    send(0, OTHERS | VECTOR);
    check(reaches(&seen[1].interrupts, 5), "to all others");
    send(0, LAPIC_SELF | VECTOR);
    check(reaches(&seen[0].interrupts, 3), "to itself");
    send(2, BY_NAME | VECTOR); // bit 1, in cluster 0
    check(reaches(&seen[1].interrupts, 6), "by its logical name");
    lapic_put(LAPIC_TPR, 0x30);
    send(3, BY_NAME | LOWEST | VECTOR);
    check(reaches(&seen[1].interrupts, 7), "to whom it disturbs least");
    lapic_put(LAPIC_TPR, 0);
    pause();
    check(seen[0].interrupts == 3 && seen[1].interrupts == 7, "none more: %lu, %lu",
          seen[0].interrupts, seen[1].interrupts);
}

static void nmis(void) {
    send(1, NMI);
    check(reaches(&seen[1].nmis, 2), "NMIs: %lu", seen[1].nmis);
    pause();
    check(seen[1].nmis == 2, "and no more: %lu", seen[1].nmis);
    check(seen[1].deepest == 1, "one after the other: %lu", seen[1].deepest);
    const uint64_t steps = seen[1].steps; // their stack is the same: the second one's frame
    check(reaches(&seen[1].steps, steps + 1), "what they interrupted goes on");
}

// With interrupts off, HLT ends with none but an NMI.
static void deafness(void) {
    seen[1].command = WAIT_DEAF;
    pause();
    const uint64_t steps = seen[1].steps;
    send(1, VECTOR);
    pause();
    check(seen[1].steps == steps && seen[1].interrupts == 7, "it hears nothing");
    seen[1].command = SPIN;
    send(1, NMI);
    check(reaches(&seen[1].steps, steps + 1) && seen[1].nmis == 3, "but NMIs");
    check(reaches(&seen[1].interrupts, 8), "and then what waits");
}

// Waits as long without keeping the machine's CPU from the others.
static void doze(uint32_t count) {
    const uint64_t before = seen[0].timers;
    __asm__ volatile("cli");
    arm_timer(count);
    while (seen[0].timers == before)
        __asm__ volatile("sti\n hlt\n cli" ::: "memory");
    __asm__ volatile("sti");
}

static void let_wait_timed(uint32_t how, uint32_t count) {
    seen[1].command = how;
    seen[1].count = count;
    send(1, VECTOR); // it waits
    doze(2 * LONG);
    const uint64_t steps = seen[1].steps, timers = seen[1].timers;
    doze(LONG);
    check(seen[1].steps == steps && seen[1].timers == timers, "a timer of %u ends no wait (%u)",
          count, how);
    seen[1].command = WAIT;
    send(1, how == TIMED_DEAF ? NMI : VECTOR);
    doze(LONG);
    check(seen[1].steps == steps + 1 && seen[1].timers == timers + 1, "what does lets it in: %lu",
          seen[1].timers - timers);
}

// A timer ends HLT by its interrupt alone, and what can't be taken does not, whether it fires
// before HLT, while that is being answered, or behind it.
static void timers(void) {
    seen[1].command = TIMED;
    seen[1].count = LONG / 10;
    const uint64_t before = seen[1].timers;
    doze(2 * LONG);
    check(seen[1].timers >= before + 10, "a timer ends a wait: %lu", seen[1].timers - before);
    seen[1].command = WAIT;
    doze(LONG);
    for (uint32_t count = 1; count < 4000; count += 100) {
        let_wait_timed(TIMED_MASKED, count);
        let_wait_timed(TIMED_DEAF, count);
    }
    let_wait_timed(TIMED_MASKED, LONG);
    let_wait_timed(TIMED_DEAF, LONG);
    seen[1].command = SPIN;
    send(1, VECTOR);
}

static void rebirth(void) {
    send(1, INIT);
    const uint64_t steps = seen[1].steps, interrupts = seen[1].interrupts, nmis = seen[1].nmis;
    send(1, VECTOR);
    send(1, NMI);
    pause();
    check(seen[1].steps == steps, "stopped it does nothing");
    start(1);
    check(reaches(&seen[1].born, 2) && reaches(&seen[1].steps, steps + 1), "started again");
    pause();
    check(seen[1].interrupts == interrupts && seen[1].nmis == nmis,
          "what came meanwhile is lost: %lu, %lu", seen[1].interrupts, seen[1].nmis);
}

static void flood(void) {
    seen[1].command = FLOOD_SELF;
    for (unsigned i = 0; i < 2000; i++)
        send(1, OTHERS | (VECTOR + i % 16));
    check(reaches(&seen[1].interrupts, 500), "flooded it goes on: %lu", seen[1].interrupts);
    send(1, INIT);
    const uint64_t steps = seen[1].steps;
    pause();
    check(seen[1].steps == steps, "and can be stopped");
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    if (check_case(bare_machine(), "page", false) ||
        !(x86_cpuid(CPUID_FEATURES).c & CPUID_FEATURES_C_X2APIC))
        lapic_page = (volatile uint8_t *)(x86_read_msr(MSR_APIC_BASE) & ~UINT64_C(0xfff));
    cpus = x86_cpuid(CPUID_FEATURES).b >> 16 & 0xff;
    set_up();
    check(cpus >= 2 && cpus <= CPUS, "%u CPUs", cpus);
    topology();
    birth();
    nobody();
    interrupts();
    nmis();
    deafness();
    timers();
    rebirth();
    flood();
    return check_end("smp");
}
