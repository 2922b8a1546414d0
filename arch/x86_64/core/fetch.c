#include "arch/x86_64/core/fetch.h"

#include "arch/vcpu.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/vmcb.h"

#define LEVELS_LARGE 3        // that may have large pages
#define ROOT_OF_2 0xfffff000u // the address in CR3 (APM volume 2, 5.2.1, 5.3.2)
#define ROOT_OF_3 0xffffffe0u
#define BYTES 8 // of an instruction that one look reads
#define PREFIXES 14
#define OPCODES_MORE 0x0f
#define OPCODE_HALT 0xf4

uint64_t fetch_entry(const struct space *space, uint64_t address, unsigned *bits) {
    const uint64_t *table = space->root;
    *bits = 0;
    if (address >= arch_space_limit(space->kind)) {
        return 0;
    }
    for (unsigned level = 2;; level--) {
        unsigned span = PAGE_BITS + 9 * level;
        uint64_t entry = table[address >> span & 511];
        if (!arch_pte_present(entry) || arch_pte_leaf(entry, level)) {
            *bits = span;
            return entry;
        }
        table = arch_phys_to_virt(arch_pte_target(entry));
    }
}

const uint8_t *fetch_seen(struct fetch_page *page, const struct space *space, uint64_t address) {
    if (address - page->base >= page->size) {
        unsigned bits;
        uint64_t entry = fetch_entry(space, address, &bits);
        if (!arch_pte_present(entry) || (entry & PTE_NOT_CACHED)) {
            return NULL;
        }
        page->size = 1ull << bits;
        page->base = address & -page->size;
        page->seen = arch_phys_to_virt(arch_pte_target(entry));
    }
    return page->seen + (address - page->base);
}

// Guest-virtual ADDRESS by the guest's tables, of which one has entries for WIDTH bits of it: 9 of
// 8 bytes, 10 of 4 (APM volume 2, 5.2 and 5.3). The root is at TABLE.
static inline __attribute__((always_inline)) const uint8_t *
fetch_walk(const struct vcpu *vcpu, uint64_t address, uint64_t table, unsigned levels,
           unsigned width) {
    struct fetch_page page = {0};
    for (unsigned level = levels; level-- > 0;) {
        unsigned bits = PAGE_BITS + width * level;
        uint64_t index = address >> bits & ((1u << width) - 1);
        uint64_t entry = 0, bytes = width == 9 ? 8 : 4;
        const uint8_t *at = fetch_seen(&page, vcpu->space, table + index * bytes);
        if (at) {
            entry = bytes == 8 ? *(const volatile uint64_t *)at : *(const volatile uint32_t *)at;
        }
        if (!(entry & PTE_PRESENT)) {
            return NULL;
        }
        table = entry & PTE_ADDRESS;
        if (level == 0 || (level < LEVELS_LARGE && (entry & PTE_LARGE))) {
            uint64_t within = (1ull << bits) - 1;
            return fetch_seen(&page, vcpu->space, (table & ~within) | (address & within));
        }
    }
    return NULL;
}

static const uint8_t *fetch_byte(const struct vcpu *vcpu, uint64_t address) {
    const struct vmcb *vmcb = vmcb_of(vcpu);
    struct fetch_page page = {0};
    if (vmcb->efer & EFER_LONG_MODE_ACTIVE) {
        return fetch_walk(vcpu, address, vmcb->cr3 & PTE_ADDRESS, 4, 9);
    }
    address = (uint32_t)address;
    if (!(vmcb->cr0 & CR0_PAGING)) {
        return fetch_seen(&page, vcpu->space, address);
    }
    return vmcb->cr4 & CR4_PAE ? fetch_walk(vcpu, address, vmcb->cr3 & ROOT_OF_3, 3, 9)
                               : fetch_walk(vcpu, address, vmcb->cr3 & ROOT_OF_2, 2, 10);
}

// No prefix is a first byte of what exits: 0x0f, or HLT. What is plain is the kernel's, at whose
// addresses a guest's programs each have something else.
void fetch_prefixes(struct vcpu *vcpu) {
    struct vmcb *vmcb = vmcb_of(vcpu);
    uint64_t pc = vmcb->rip, *plain = &vcpu->arch.plain[pc % ARCH_PLAIN];
    uint64_t base = vmcb->cs.attributes & VMCB_SEGMENT_LONG ? 0 : vmcb->cs.base, count = 0;
    bool kernel = vmcb->cpl == 0;
    const uint8_t *at = kernel && *plain == pc ? NULL : fetch_byte(vcpu, base + pc);
    while (at && *at != OPCODES_MORE && *at != OPCODE_HALT && count < PREFIXES) {
        at = fetch_byte(vcpu, base + pc + ++count);
    }
    *plain = kernel && at && !count ? pc : *plain;
    vmcb->exit_code |= count << VMCB_EXIT_BITS | (vmcb->rflags & RFLAGS_TRAP) << VMCB_EXIT_STEP;
}

enum status arch_vcpu_fetch(struct vcpu *vcpu, uint64_t address, uint64_t *instruction) {
    const uint8_t *at = fetch_byte(vcpu, address);
    if (at && (address & PAGE_MASK) <= PAGE_SIZE - BYTES) {
        __builtin_memcpy(instruction, at, BYTES);
        return STATUS_OK;
    }
    *instruction = 0;
    for (unsigned i = 0; i < BYTES; i++) {
        if (i > 0) {
            at = ((address + i) & PAGE_MASK) == 0 ? fetch_byte(vcpu, address + i) : at + 1;
        }
        if (!at) {
            return i ? STATUS_OK : STATUS_NOT_FOUND; // it may end before
        }
        *instruction |= (uint64_t)*at << 8 * i;
    }
    return STATUS_OK;
}
