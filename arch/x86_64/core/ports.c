#include "arch/x86_64/core/ports.h"

#include "arch/ports.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/fetch.h"

// IN and OUT by DX: 0xec and 0xed, 0xee and 0xef; an odd one is of a word, by its prefix of 16
// bits.
#define OPCODES 0xecu
#define OPCODE_WIDE 1u
#define OPCODE_OUT 2u
#define PREFIX_16 0x66u

static_assert(PORTS_PHYSICAL + PORTS_SIZE == ARCH_PHYSICAL_LIMIT, "ports are the end of memory");

static bool ports_allowed(const struct space *space, uint16_t port, unsigned size, bool out) {
    for (unsigned i = 0; i < size; i++) {
        unsigned bits;
        uint64_t offset = PORTS_OFFSET(port + i);
        uint64_t entry = fetch_entry(space, PORTS_ADDRESS + offset, &bits);
        uint64_t begins = arch_pte_target(entry).v + (offset & ((1ull << bits) - 1) & ~PAGE_MASK);
        if (port + i > UINT16_MAX || !arch_pte_present(entry) ||
            begins != PORTS_PHYSICAL + offset || (out && !(entry & PTE_WRITE))) {
            return false;
        }
    }
    return true;
}

static void ports_in(uint64_t *rax, uint16_t port, unsigned size) {
    uint32_t value = size == 1 ? cpu_in8(port) : size == 2 ? cpu_in16(port) : cpu_in32(port);
    *rax = size == 4 ? value : (*rax & ~0ull << 8 * size) | value;
}

static void ports_out(uint64_t rax, uint16_t port, unsigned size) {
    size == 1   ? cpu_out8(port, (uint8_t)rax)
    : size == 2 ? cpu_out16(port, (uint16_t)rax)
                : cpu_out32(port, (uint32_t)rax);
}

bool ports_access(struct task *task) {
    struct regs *regs = &task->context.regs;
    struct fetch_page page = {0};
    const uint8_t *code = fetch_seen(&page, task->space, regs->pc);
    unsigned prefix = code && *code == PREFIX_16;
    if (prefix) {
        code = fetch_seen(&page, task->space, regs->pc + 1);
    }
    if (!code || (*code & ~3u) != OPCODES) {
        return false;
    }
    unsigned size = !(*code & OPCODE_WIDE) ? 1 : prefix ? 2 : 4;
    bool out = *code & OPCODE_OUT;
    uint16_t port = (uint16_t)regs->x[REG_RDX];
    if (!ports_allowed(task->space, port, size, out)) {
        return false;
    }
    uint64_t *rax = &regs->x[REG_RAX];
    out ? ports_out(*rax, port, size) : ports_in(rax, port, size);
    regs->pc += 1 + prefix;
    return true;
}
