#include "arch/x86_64/core/svm.h"

#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/x86_64/core/boot.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/vmcb.h"
#include "kernel/cpu.h"

#define LEAF_SVM 0x8000000au
#define HAS_SVM (1u << 2)    // of LEAF_EXTENDED, in C
#define HAS_NESTED (1u << 0) // of LEAF_SVM, in D

#define IO_MAP_PAGES 3
#define MSR_MAP_PAGES 2
// The second part of the map of MSRs begins with 0xc0000000; two bits each (15.11).
#define MSR_MAP_HIGH 0x800u
#define MSR_HIGH 0xc0000000u

// Where VMRUN keeps the core's state, what VMSAVE keeps of it, and the maps.
static _Alignas(PAGE_SIZE) char host_save[PAGE_SIZE];
_Alignas(PAGE_SIZE) struct vmcb svm_host;
static _Alignas(PAGE_SIZE) uint8_t io_map[IO_MAP_PAGES * PAGE_SIZE];
static _Alignas(PAGE_SIZE) uint8_t msr_map[MSR_MAP_PAGES * PAGE_SIZE];

static uint32_t identifiers; // how many the CPU has; number 0 is the core's own

// One is given after the other; when there is none left, all begin anew, in the next generation.
static uint64_t generation = 1;
static uint32_t next_identifier = 1;
static bool flush_due = true;

// SYSENTER's (0x174…0x176), STAR to SFMASK, the bases of FS and GS, and KernelGsBase.
static void map_msrs(void) {
    memset(msr_map, 0xff, sizeof(msr_map));
    static const uint32_t own[] = {0x174,      0x175,      0x176,      0xc0000081, 0xc0000082,
                                   0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102};
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        uint32_t place = own[i] >= MSR_HIGH ? MSR_MAP_HIGH + (own[i] - MSR_HIGH) / 4 : own[i] / 4;
        msr_map[place] &= (uint8_t)~(3u << own[i] % 4 * 2);
    }
}

void svm_init(void) {
    struct cpuid extended = cpu_id(LEAF_EXTENDED), svm = cpu_id(LEAF_SVM);
    panic_unless((extended.c & HAS_SVM) && !(cpu_msr_read(MSR_VM_CR) & VM_CR_DISABLED),
                 "this CPU has no SVM, or its firmware has switched it off (QEMU: -cpu EPYC); "
                 "CPUID 80000001 ECX is",
                 extended.c);
    panic_unless((svm.d & HAS_NESTED) && svm.b >= 2,
                 "this CPU's SVM has no nested paging; CPUID 8000000A EDX is", svm.d);
    identifiers = svm.b;
    memset(io_map, 0xff, sizeof(io_map));
    map_msrs();
    cpu_msr_write(MSR_EFER, cpu_msr_read(MSR_EFER) | EFER_SVM);
    cpu_msr_write(MSR_VM_HSAVE, boot_physical(host_save));
    asm volatile("vmsave %%rax" ::"a"(boot_physical(&svm_host)) : "memory");
}

void svm_permissions(uint64_t *io, uint64_t *msr) {
    *io = boot_physical(io_map);
    *msr = boot_physical(msr_map);
}

void svm_forget(void) {
    generation++;
    next_identifier = 1;
    flush_due = true;
}

void svm_identify(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (vcpu->arch.generation != generation) {
        if (next_identifier == identifiers) {
            svm_forget();
        }
        vcpu->arch.generation = generation;
        vmcb->asid = next_identifier++;
        vmcb->clean &= ~VMCB_CLEAN_ASID;
    }
    vmcb->tlb_control = flush_due; // 1: all that is there of any guest goes (15.16.1)
    flush_due = false;
}
