// From the firmware's hands to the generic start (kernel/boot/): the core's own address space, the
// CPU's registers, and where things lie.
#include "kernel/boot/boot.h"

#include "arch/panic.h"
#include "arch/riscv64/core/boot.h"
#include "arch/riscv64/core/csr.h"
#include "arch/riscv64/core/trap.h"
#include "arch/riscv64/core/vcpu.h"
#include "arch/space.h"
#include "arch/time.h"
#include "kernel/cpu.h"
#include "kernel/sched/sched.h"

// From the linker script. The image, then (below the boot bundle) the core's page tables and stack.
extern char image_begin[], text_end[], rodata_end[], boot_bundle[];

static struct cpu cpus[1];

#define IMAGE_OFFSET 0xffffffff00000000ull // as in core.ld
// The root's entries where ARCH_DIRECT_BASE and the image begin: bits 30…38 of their addresses.
#define DIRECT_ROOT 256u
#define IMAGE_ROOT 510u

// Runs before translation is on, so at the physical address: what it calls and touches is found
// relative to the program counter. Returns the value for satp.
uint64_t boot_map(void);
uint64_t boot_map(void) {
    uint64_t *root = boot_tables;
    uint64_t *middle = root + 512;
    uint64_t *low = middle + 512;
    uint64_t *beside = low + 512;
    for (uint64_t *entry = root; entry < beside; entry++) {
        *entry = 0;
    }
    // All physical memory, in gigapages from ARCH_DIRECT_BASE on.
    for (uint64_t i = 0; i < ARCH_PHYSICAL_LIMIT >> 30; i++) {
        root[DIRECT_ROOT + i] = PTE_PPN(i << 30) | PTE_V | PTE_R | PTE_W | PTE_G | PTE_A | PTE_D;
    }
    // But not the image's two megabytes, which nothing is to write but as the image's parts say.
    uint64_t begin = (uint64_t)image_begin;
    for (uint64_t i = 0; i < 512; i++) {
        beside[i] = root[DIRECT_ROOT + (begin >> 30)] + PTE_PPN(i << 21);
    }
    beside[begin >> 21 & 511] = 0;
    root[DIRECT_ROOT + (begin >> 30)] = PTE_PPN((uint64_t)beside) | PTE_V;
    // The image, by its parts: never writable and executable.
    root[IMAGE_ROOT] = PTE_PPN((uint64_t)middle) | PTE_V;
    middle[begin >> 21 & 511] = PTE_PPN((uint64_t)low) | PTE_V;
    for (uint64_t at = begin; at < (uint64_t)boot_bundle; at += PAGE_SIZE) {
        uint64_t rights = at < (uint64_t)text_end     ? PTE_R | PTE_X
                          : at < (uint64_t)rodata_end ? PTE_R
                                                      : PTE_R | PTE_W;
        low[at >> 12 & 511] = PTE_PPN(at) | PTE_V | PTE_G | PTE_A | PTE_D | rights;
    }
    return SATP_SV39 | (uint64_t)root >> PAGE_BITS;
}

static uint64_t boot_physical(const void *symbol) { return (uint64_t)symbol - IMAGE_OFFSET; }

uint64_t boot_satp(void) { return SATP_SV39 | boot_physical(boot_tables) >> PAGE_BITS; }

// No guest is loaded: what it will have of these registers comes with it (vcpu_load_slow). Traps
// and interrupts that are a guest's own go to it (hedeleg, hideleg); its WFI does not
// (HSTATUS_VTW).
static void boot_cpu(struct cpu *cpu) {
    csr_write(hedeleg, HEDELEG_ALL);
    csr_write(hideleg, HVIP_SOFTWARE | HVIP_TIMER | HVIP_EXTERNAL);
    csr_write(hvip, 0);
    csr_write(hie, 0);
    csr_write(senvcfg, 0);
    csr_write(hcounteren, HCOUNTEREN_TM);
    csr_write(htimedelta, 0);
    csr_write(henvcfg, 0);
    csr_write(hgatp, 0);
    csr_write(vsatp, 0);
    csr_write(scounteren, SCOUNTEREN_ALL); // servers read the time and count instructions
    csr_write(hstatus, HSTATUS_VSXL_64 | HSTATUS_VTW);
    csr_write(sstatus, SSTATUS_UXL_64);
    asm volatile("hfence.gvma\n hfence.vvma" ::: "memory");
    cpu->core.kind = CONTEXT_CORE;
    cpu->core.cpu = cpu;
    cpu->ready = &cpu->core;
    cpu->stack_top = (uint64_t)boot_bundle;
    csr_write(sscratch, cpu);
}

struct context *boot_riscv64(uint64_t hart, uint64_t tree, uint64_t instructions);
struct context *boot_riscv64(uint64_t hart, uint64_t tree, uint64_t instructions) {
    struct cpu *cpu = &cpus[0];
    boot_cpu(cpu);
    timer_init();
    if (timer_has_sstc()) {
        csr_write(vstimecmp, DEADLINE_NEVER);
    }
    const struct boot_info info = {
        .cpu = cpu,
        .image = HPA(boot_physical(image_begin)),
        .bundle = HPA(boot_physical(boot_bundle)),
        .argument = {tree, hart, instructions},
    };
    boot_main(&info);
    cpu->next_tick = arch_now() + ARCH_TICK;
    cpu->next_event = cpu->next_tick;
    arch_timer_set(cpu->next_tick);
    csr_write(sie, 1 << IRQ_S_TIMER | 1 << IRQ_S_EXTERNAL);
    return sched_next(cpu);
}
