// From the loader's hands to the generic start (kernel/boot/): the core's own address space, the
// CPU's registers, and where things lie.
#include "kernel/boot/boot.h"

#include "arch/aarch64/core/boot.h"
#include "arch/aarch64/core/panic.h"
#include "arch/aarch64/core/sysreg.h"
#include "arch/panic.h"
#include "arch/space.h"
#include "arch/time.h"
#include "ipc/bundle.h"
#include "kernel/cpu.h"
#include "kernel/sched/sched.h"

// From the linker script. The image, then (below the boot bundle) the core's page tables and stack.
extern char image_begin[], text_end[], rodata_end[], image_end[], boot_tables[], boot_bundle[];

static struct cpu cpus[1];

#define GIGABYTE (1ull << 30)
#define BLOCK (1ull << 21) // the image lies in one
// Where QEMU leaves the device tree when it starts an ELF file: the beginning of RAM.
#define BOOT_DEVICE_TREE 0x40000000ull
#define IMAGE_OFFSET 0xffffffff80000000ull // as in core.ld
#define IMAGE_ROOT 511u                    // the root's entry that shows the core's image

// The tables, in this order.
enum { ROOT, MIDDLE, LOW, BESIDE, IDENTITY, TABLES };

#define ENTRY_COMMON (PTE_VALID | PTE_AF | PTE_INNER_SHAREABLE)

// MAIR_EL2: number 0 is normal memory, cached; number 1 a device's (nGnRE).
#define MAIR 0x04ffull
// TCR_EL2, VHE's layout: 39 bits in both halves (T0SZ, T1SZ: 25), 4 KiB pages (TG1: 2), walks
// cached and shared (IRGN, ORGN, SH), physical addresses of 40 bits (IPS: 2), 16-bit ASIDs (AS)
// from TTBR0.
#define TCR_HALF (25ull | 1ull << 8 | 1ull << 10 | 3ull << 12)
#define TCR (TCR_HALF | TCR_HALF << 16 | 2ull << 30 | 2ull << 32 | 1ull << 36)
// SCTLR_EL2, VHE's layout. Translation and caches (bits 0, 2, 12: M, C, I); a server's stack is
// aligned (4: SA0); servers may zero and clean cache lines, read the cache's type, and wait for
// events (14, 26, 15, 18: DZE, UCI, UCT, nTWE); writable is never executable (19: WXN); the core's
// own accesses to servers' memory trap (23: SPAN, clear). Ones by the architecture: 7, 8, 11, 20,
// 22, 28, 29.
#define SCTLR                                                                                      \
    (1ull << 0 | 1ull << 2 | 1ull << 4 | 1ull << 7 | 1ull << 8 | 1ull << 11 | 1ull << 12 |         \
     1ull << 14 | 1ull << 15 | 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 22 | 1ull << 26 |    \
     1ull << 28 | 1ull << 29)
// VTCR_EL2: 40 bits (T0SZ: 24) from two tables of the second level on (SL0, bit 6), walks as in
// TCR, 40 bits of physical addresses (PS, 16), 16-bit VMIDs (VS, 19); bit 31 is 1.
#define VTCR                                                                                       \
    (1ull << 31 | 1ull << 19 | 2ull << 16 | 3ull << 12 | 1ull << 10 | 1ull << 8 | 1ull << 6 | 24)

static uint64_t boot_physical(const void *symbol) { return (uint64_t)symbol - IMAGE_OFFSET; }

uint64_t boot_no_space(void) { return boot_physical(boot_tables) + IDENTITY * PAGE_SIZE; }

// The functions up to boot_translate run before translation is on, at the physical address: what
// they touch is found relative to the program counter.
void boot_check(void);
void boot_check(void) {
    const struct bundle_header *bundle = (const void *)boot_bundle;
    panic_console = bundle->magic == BUNDLE_MAGIC ? bundle->console : 0;
    uint64_t midr = sysreg_read(midr_el1);
    panic_unless(CURRENT_EL() == 2,
                 "the core needs EL2 (QEMU: -machine virt,virtualization=on); this CPU's MIDR is",
                 midr);
    panic_unless(sysreg_field(id_aa64mmfr1_el1, 8),
                 "this CPU lacks the virtualization host extensions (VHE, Armv8.1), which the core "
                 "needs; use a Cortex-A76 or newer. Its MIDR is",
                 midr);
    panic_unless(sysreg_field(id_aa64mmfr1_el1, 4) >= 2,
                 "this CPU has no 16-bit VMIDs, which the core needs; its MIDR is", midr);
}

void boot_map(void);
void boot_map(void) {
    uint64_t *root = (uint64_t *)boot_tables;
    uint64_t *middle = root + MIDDLE * 512ul;
    uint64_t *low = root + LOW * 512ul;
    uint64_t *beside = root + BESIDE * 512ul;
    uint64_t *identity = root + IDENTITY * 512ul;
    const struct bundle_header *bundle = (const void *)boot_bundle;
    for (int i = 0; i < TABLES * 512; i++) {
        root[i] = 0;
    }
    // All physical memory, in blocks from ARCH_DIRECT_BASE on: never executable. Where the core's
    // own devices are, nothing is to be cached or read beforehand.
    for (uint64_t i = 0; i < ARCH_PHYSICAL_LIMIT / GIGABYTE; i++) {
        bool device = i == bundle->console / GIGABYTE;
        for (unsigned part = 0; part < BUNDLE_CONTROLLER_PARTS; part++) {
            device |= bundle->controller[part] && i == bundle->controller[part] / GIGABYTE;
        }
        root[i] =
            i * GIGABYTE | ENTRY_COMMON | PTE_PXN | PTE_UXN | (device ? PTE_DEVICE : PTE_NORMAL);
    }
    // But not the image, which nothing is to write but as its parts say.
    uint64_t begin = (uint64_t)image_begin;
    for (uint64_t i = 0; i < 512; i++) {
        beside[i] = root[begin / GIGABYTE] + i * BLOCK;
    }
    beside[begin / BLOCK % 512] = 0;
    root[begin / GIGABYTE] = (uint64_t)beside | PTE_VALID | PTE_TABLE;
    // The image, by its parts: never writable and executable.
    root[IMAGE_ROOT] = (uint64_t)middle | PTE_VALID | PTE_TABLE;
    middle[begin >> 21 & 511] = (uint64_t)low | PTE_VALID | PTE_TABLE;
    for (uint64_t at = begin; at < (uint64_t)boot_bundle; at += PAGE_SIZE) {
        uint64_t rights = at < (uint64_t)text_end     ? PTE_READ_ONLY | PTE_UXN
                          : at < (uint64_t)rodata_end ? PTE_READ_ONLY | PTE_PXN | PTE_UXN
                                                      : PTE_PXN | PTE_UXN;
        low[at >> 12 & 511] = at | ENTRY_COMMON | PTE_TABLE | PTE_NORMAL | rights;
    }
    // For the few instructions on the way up.
    identity[begin / GIGABYTE] =
        (begin & ~(GIGABYTE - 1)) | ENTRY_COMMON | PTE_NORMAL | PTE_UXN | PTE_READ_ONLY;
}

void boot_translate(void);
void boot_translate(void) {
    uint64_t root = (uint64_t)boot_tables;
    sysreg_write(hcr_el2, HCR_HOST);
    sysreg_sync();
    sysreg_write(cptr_el2, CPTR_FP_TASKS_TRAP);
    sysreg_write(mair_el2, MAIR);
    sysreg_write(tcr_el2, TCR);
    sysreg_write(ttbr0_el2, root + IDENTITY * PAGE_SIZE);
    // By number: without VHE's name assemblers know it as the guest's.
    sysreg_write(ttbr1_el1, root);
    asm volatile("dsb sy\n tlbi alle2\n ic iallu\n dsb sy\n isb" ::: "memory");
    sysreg_write(sctlr_el2, SCTLR);
    sysreg_sync();
}

// What guests can do without leaving, and who may read counters.
static void boot_cpu(struct cpu *cpu) {
    uint64_t *identity = (uint64_t *)(boot_tables + IDENTITY * PAGE_SIZE);
    identity[boot_physical(image_begin) / GIGABYTE] = 0;
    asm volatile("dsb sy\n tlbi alle2\n tlbi alle1\n dsb sy\n isb" ::: "memory");
    // Servers read the counters (EL0PCTEN, EL0VCTEN, PMUSERENR). Guests read them, too (EL1PCTEN);
    // the physical timer is not theirs: it traps.
    sysreg_write(cnthctl_el2, 1u << 0 | 1u << 1 | 1u << 10);
    sysreg_write(vtcr_el2, VTCR);
    if (sysreg_field(id_aa64pfr0_el1, 40)) { // MPAM
        sysreg_write(s3_4_c10_c5_0,
                     3ull << 48); // MPAM2_EL2: guests' own traps (TRAPMPAM0EL1, 1EL1)
    }
    sysreg_write(mdcr_el2, sysreg_read(pmcr_el0) >> 11 & 31); // HPMN: all event counters are EL1's
    sysreg_write(mdscr_el1, 0); // nobody's breakpoints and watchpoints
    sysreg_write(pmuserenr_el0, 0xd);
    sysreg_write(pmccfiltr_el0, 1u << 27); // counts at EL2, too
    sysreg_write(pmcntenset_el0, 1u << 31);
    sysreg_write(pmcr_el0, 1u << 0 | 1u << 2 | 1u << 6);
    sysreg_write(vpidr_el2, sysreg_read(midr_el1));
    sysreg_write(hstr_el2, 0);
    // By number, as assemblers for Armv8.2 do not know them. 0 traps what they are there for.
    if (sysreg_field(id_aa64mmfr0_el1, 56)) { // FGT
        sysreg_write(s3_4_c1_c1_4, 0);        // HFGRTR_EL2
        sysreg_write(s3_4_c1_c1_5, 0);        // HFGWTR_EL2
        sysreg_write(s3_4_c1_c1_6, 0);        // HFGITR_EL2
        sysreg_write(s3_4_c3_c1_4, 0);        // HDFGRTR_EL2
        sysreg_write(s3_4_c3_c1_5, 0);        // HDFGWTR_EL2
    }
    if (sysreg_field(id_aa64mmfr1_el1, 40)) { // HCX
        sysreg_write(s3_4_c1_c2_2, 0);        // HCRX_EL2
    }
    sysreg_write(cntv_ctl_el02, CNT_MASKED);
    sysreg_write(cnthp_ctl_el2, CNT_MASKED);
    sysreg_write(tpidr_el2, cpu); // for the trap vector
    cpu->core.kind = CONTEXT_CORE;
    cpu->core.cpu = cpu;
    cpu->ready = &cpu->core;
    cpu->stack_top = (uint64_t)boot_bundle;
}

struct context *boot_aarch64(void);
struct context *boot_aarch64(void) {
    struct cpu *cpu = &cpus[0];
    const struct bundle_header *bundle = arch_phys_to_virt(HPA(boot_physical(boot_bundle)));
    panic_console = bundle->console ? bundle->console + ARCH_DIRECT_BASE : 0;
    boot_cpu(cpu);
    const struct boot_info info = {
        .cpu = cpu,
        .image = HPA(boot_physical(image_begin)),
        .bundle = HPA(boot_physical(boot_bundle)),
        .argument = {BOOT_DEVICE_TREE, sysreg_read(mpidr_el1) & 0xff, 0},
    };
    boot_main(&info);
    cpu->next_tick = arch_now() + ARCH_TICK;
    cpu->next_event = cpu->next_tick;
    arch_timer_set(cpu->next_tick);
    return sched_next(cpu);
}
