// Points what the hardware follows by itself at nonsense, and then makes it follow. The hypervisor
// must stop this VM with a report; the last two must go on until they are ended from outside.
//   case=root (the default): the page table's root is above RAM
//   case=leaf:   the page table is good and maps the code to memory above RAM
//   case=vector: the trap vector is where no memory is
//   case=stack:  the stack, to which the trap vector saves registers, is where no memory is
//   case=loop:   the trap vector is not mapped, so every fault faults again inside the guest
//   case=far:    the trap vector has more address bits than the machine
#include "arch/aarch64/guest/mmu.h"
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/check.h"

#define GIGABYTE (UINT64_C(1) << 30)

static _Alignas(PAGE_SIZE) uint64_t table[TABLE_ENTRIES];

static void paging_on(uint64_t root) {
    sysreg_write(mair_el1, MMU_ATTRIBUTES);
    sysreg_write(tcr_el1, TCR_T0SZ(MMU_VA_BITS) | TCR_CACHED | TCR_TG1_4K | TCR_T1SZ(MMU_VA_BITS) |
                              UINT64_C(2) << TCR_IPS_SHIFT);
    sysreg_write(ttbr0_el1, root);
    __asm__ volatile("dsb sy\n"
                     "tlbi vmalle1\n"
                     "dsb sy\n"
                     "isb\n" ::
                         : "memory");
    sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) | SCTLR_M);
    sysreg_sync();
}

static void trap(void) { __asm__ volatile("udf #0"); }

static void follow(const struct machine *machine) {
    const uint64_t base = machine->memory.base;
    const uint64_t above = base + machine->memory.size + (16 << 20);
    if (check_case(machine, "root", true)) {
        paging_on(above);
    } else if (check_case(machine, "leaf", false)) {
        // The gigabyte that this code is in becomes the next one.
        table[base / GIGABYTE] = (base + GIGABYTE) | PTE_VALID | PTE_ACCESSED |
                                 PTE_INNER_SHAREABLE | PTE_ATTRIBUTE(MMU_ATTRIBUTE_MEMORY);
        paging_on((uint64_t)table);
    } else if (check_case(machine, "vector", false)) {
        sysreg_write(vbar_el1, UINT64_C(0x7f00000000));
        sysreg_sync();
        trap();
    } else if (check_case(machine, "stack", false)) {
        __asm__ volatile("mov sp, %0\n"
                         "udf #0\n" ::"r"(UINT64_C(0x60000000)));
    } else if (check_case(machine, "loop", false)) {
        paging_on((uint64_t)table);
    } else if (check_case(machine, "far", false)) {
        sysreg_write(vbar_el1, UINT64_C(0x123456789000));
        sysreg_sync();
        trap();
    }
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    print("bad_tables: begins\n");
    follow(machine);
    print("FAILED: the nonsense was not followed\n");
    return false;
}
