// Points what the hardware follows by itself at nonsense, and then makes it follow. The hypervisor
// must stop this VM with a report; case=loop must go on until it is ended from outside.
//   case=satp (the default): the page table's root is above RAM
//   case=leaf:  the page table is good and maps the code to memory above RAM
//   case=stvec: the trap vector is where no memory can be
//   case=sp:    the stack pointer wraps around
//   case=loop:  the trap vector is not mapped, so every fault faults again inside the guest
#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/mmu.h"
#include "tests/system/guests/check.h"

static _Alignas(PAGE_SIZE) uint64_t table[TABLE_ENTRIES];

static void paging_on(uint64_t root) {
    __asm__ volatile("sfence.vma\n"
                     "csrw satp, %0\n"
                     "sfence.vma\n" ::"r"(SATP_SV39 | root >> PAGE_SHIFT)
                     : "memory");
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const struct machine *machine = bare_machine();
    const uint64_t above = machine->memory.base + machine->memory.size + (16 << 20);
    print("bad_tables: begins\n");
    if (check_case(machine, "satp", true)) {
        paging_on(above);
    } else if (check_case(machine, "leaf", false)) {
        // A gigabyte leaf for the gigabyte that this code is in.
        table[mmu_slot(0x80000000, 2)] = (UINT64_C(3) << 30 >> PAGE_SHIFT << PTE_PPN_SHIFT) |
                                         PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D;
        paging_on((uint64_t)table);
    } else if (check_case(machine, "stvec", false)) {
        csr_write(stvec, 0x123456789000);
        __asm__ volatile("ebreak");
    } else if (check_case(machine, "sp", false)) {
        __asm__ volatile("li sp, 8\n"
                         "sd zero, -16(sp)");
    } else if (check_case(machine, "loop", false)) {
        csr_write(stvec, 0x1000);
        paging_on((uint64_t)table);
    }
    print("FAILED: the nonsense was not followed\n");
    return false;
}
