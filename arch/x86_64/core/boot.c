// From the loader's hands to the generic start (kernel/boot/): the core's own address space, the
// CPU's registers, and where things lie.
#include "kernel/boot/boot.h"

#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/time.h"
#include "arch/x86_64/core/apic.h"
#include "arch/x86_64/core/boot.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/loader.h"
#include "arch/x86_64/core/svm.h"
#include "arch/x86_64/core/tables.h"
#include "arch/x86_64/core/time.h"
#include "arch/x86_64/core/trap.h"
#include "kernel/cpu.h"
#include "kernel/sched/sched.h"

// From the linker script. The image, then (below the boot bundle) the core's page tables and stack.
extern char image_begin[], text_end[], rodata_end[], boot_bundle[];

// In syscall.S: where SYSCALL leads.
extern char vector_syscall[];

struct cpu boot_cpu;

#define GIGABYTE (1ull << 30)
#define DIRECT_ENTRY 256u // of the root: ARCH_DIRECT_BASE
#define DIRECT_TABLES (ARCH_PHYSICAL_LIMIT / (512 * GIGABYTE))

// The tables, in this order.
enum { ROOT, DIRECT, UPPER = DIRECT + DIRECT_TABLES, MIDDLE, LOW, BESIDE, TABLES };

#define ENTRY_TABLE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)
#define ENTRY_DATA (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL)

// CPUID: what the core needs, and what it takes where it is there.
#define HAS_NO_EXECUTE (1u << 20)
#define HAS_GIGAPAGES (1u << 26)
#define LEAF_FEATURES 7u
#define HAS_FSGSBASE (1u << 0)
#define HAS_SMEP (1u << 7)
#define HAS_SMAP (1u << 20)

static void boot_check(void) {
    const uint32_t pages = HAS_NO_EXECUTE | HAS_GIGAPAGES;
    struct cpuid extended = cpu_id(LEAF_EXTENDED), features = cpu_id(LEAF_FEATURES);
    panic_unless((extended.d & pages) == pages,
                 "this CPU has no gigapages, or no no-execute bit; CPUID 80000001 EDX is",
                 extended.d);
    panic_unless(features.b & HAS_FSGSBASE, "this CPU lacks RDFSBASE and WRFSBASE; CPUID 7 EBX is",
                 features.b);
}

// The entry that leads to table NUMBER.
static uint64_t boot_table(unsigned number) {
    return boot_physical(boot_tables + number * 512ul) | ENTRY_TABLE;
}

// Done while the tables of start.S are in use: everything up to the bundle is seen there.
static void boot_map(void) {
    uint64_t *root = boot_tables;
    memset(root, 0, TABLES * PAGE_SIZE);
    // All physical memory: never executable.
    for (uint64_t i = 0; i < ARCH_PHYSICAL_LIMIT / GIGABYTE; i++) {
        root[DIRECT * 512ul + i] = i * GIGABYTE | ENTRY_DATA | PTE_LARGE | PTE_NEVER_EXECUTE;
    }
    for (unsigned i = 0; i < DIRECT_TABLES; i++) {
        root[DIRECT_ENTRY + i] = boot_table(DIRECT + i);
    }
    // But not the image's two megabytes, which nothing is to write but as the image's parts say.
    for (uint64_t i = 0; i < 512; i++) {
        root[BESIDE * 512ul + i] = i << 21 | ENTRY_DATA | PTE_LARGE | PTE_NEVER_EXECUTE;
    }
    root[BESIDE * 512ul + (boot_physical(image_begin) >> 21)] = 0;
    root[DIRECT * 512ul] = boot_table(BESIDE);
    // The image, by its parts: never writable and executable.
    root[511] = boot_table(UPPER);
    root[UPPER * 512ul + 510] = boot_table(MIDDLE);
    root[MIDDLE * 512ul + (boot_physical(image_begin) >> 21)] = boot_table(LOW);
    for (uint64_t at = (uint64_t)image_begin; at < (uint64_t)boot_bundle; at += PAGE_SIZE) {
        uint64_t rights = at < (uint64_t)text_end ? ENTRY_DATA & ~PTE_WRITE
                          : at < (uint64_t)rodata_end
                              ? (ENTRY_DATA & ~PTE_WRITE) | PTE_NEVER_EXECUTE
                              : ENTRY_DATA | PTE_NEVER_EXECUTE;
        root[LOW * 512ul + (at >> 12 & 511)] = boot_physical((void *)at) | rights;
    }
    cpu_write(cr3, boot_physical(boot_tables));
}

static void boot_registers(void) {
    uint32_t features = cpu_id(LEAF_FEATURES).b;
    cpu_write(cr4, CR4_PAE | CR4_GLOBAL | CR4_FXSR | CR4_XMMEXCEPT | CR4_FSGSBASE |
                       (features & HAS_SMEP ? CR4_SMEP : 0) | (features & HAS_SMAP ? CR4_SMAP : 0));
    // Floating point traps in tasks until it is theirs (fp.c).
    cpu_write(cr0, (cpu_read(cr0) | CR0_MONITOR | CR0_TASK_SWITCHED) & ~(1ull << 2));
    cpu_msr_write(MSR_EFER, cpu_msr_read(MSR_EFER) | EFER_SYSCALL | EFER_NO_EXECUTE);
    cpu_msr_write(MSR_STAR, (uint64_t)TABLES_CORE_CODE << 32 | (uint64_t)TABLES_SYSRET_BASE << 48);
    cpu_msr_write(MSR_LSTAR, (uint64_t)vector_syscall);
    cpu_msr_write(MSR_SFMASK, RFLAGS_SYSCALL_MASK);
}

struct context *boot_x86_64(uint32_t magic, uint64_t start);
struct context *boot_x86_64(uint32_t magic, uint64_t start) {
    struct cpu *cpu = &boot_cpu;
    uint64_t begin = arch_instructions();
    boot_check();
    boot_map();
    tables_load();
    boot_registers();
    uint64_t told = loader_take(magic, start);
    svm_init();
    apic_init();
    uint64_t frequency = time_init();
    cpu->core.kind = CONTEXT_CORE;
    cpu->core.cpu = cpu;
    cpu->ready = &cpu->core;
    cpu->stack_top = (uint64_t)boot_bundle;
    const struct boot_info boot = {
        .cpu = cpu,
        .image = HPA(boot_physical(image_begin)),
        .bundle = HPA(boot_physical(boot_bundle)),
        .argument = {told, frequency, begin},
    };
    boot_main(&boot);
    cpu->next_tick = arch_now() + ARCH_TICK;
    cpu->next_event = cpu->next_tick;
    arch_timer_set(cpu->next_tick);
    return sched_next(cpu);
}
