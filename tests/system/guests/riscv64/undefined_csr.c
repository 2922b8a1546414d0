// Every CSR that a supervisor may not have, read and written, and every instruction that only a
// hypervisor or a machine has: each must come back to the guest as an illegal instruction (RISC-V
// Privileged Architecture 1.12, §8.6.1 has the hypervisor turn virtual-instruction exceptions into
// these) and change nothing. The guest must survive them all.
#include "arch/riscv64/guest/bare.h"
#include "arch/riscv64/guest/csr.h"
#include "tests/system/guests/check.h"

#define INSTRUCTION_CSRRS(csr) ((csr) << 20 | 2 << 12 | 10 << 7 | 0x73)  // csrr a0, csr
#define INSTRUCTION_CSRRW(csr) ((csr) << 20 | 10 << 15 | 1 << 12 | 0x73) // csrw csr, a0
#define INSTRUCTION_RET 0x00008067

static struct {
    bool armed;
    unsigned count;
    uint64_t cause, value;
} trapped;

uint64_t bare_trap(uint64_t cause, uint64_t value, uint64_t pc) {
    if (!trapped.armed) {
        print("FAILED: unexpected trap, scause 0x%lx, stval 0x%lx, sepc 0x%lx\n", cause, value, pc);
        guest_end(true);
    }
    trapped.count++;
    trapped.cause = cause;
    trapped.value = value;
    // The low two bits tell a compressed instruction from a full one.
    return pc + ((*(const uint16_t *)pc & 3) == 3 ? 4 : 2);
}

// Runs one instruction; a0 and a1 point to memory that is good to be accessed.
static void run(uint32_t instruction) {
    static _Alignas(8) volatile uint32_t code[2];
    static uint64_t scratch[2];
    code[0] = instruction;
    code[1] = INSTRUCTION_RET;
    trapped.armed = true;
    trapped.count = 0;
    __asm__ volatile("fence.i\n"
                     "mv a0, %[scratch]\n"
                     "mv a1, %[scratch]\n"
                     "jalr %[code]\n" ::[scratch] "r"(scratch),
                     [code] "r"(code)
                     : "ra", "a0", "a1", "memory");
    trapped.armed = false;
}

static unsigned refused;

static bool refuse(uint32_t instruction, const char *what, uint32_t which) {
    run(instruction);
    const bool illegal = trapped.count == 1 && trapped.cause == SCAUSE_ILLEGAL;
    check(illegal, "%s 0x%x: %u traps, scause 0x%lx", what, which, trapped.count, trapped.cause);
    refused += illegal;
    return illegal;
}

// stval is the instruction or zero (§4.1.9 of the Privileged Architecture).
static void refuse_exactly(uint32_t instruction, const char *what, uint32_t which) {
    if (refuse(instruction, what, which))
        check(trapped.value == 0 || trapped.value == instruction, "%s 0x%x: stval 0x%lx", what,
              which, trapped.value);
}

// What a supervisor may find, by the ratified extensions; whether it is there is not this test's
// matter.
static const struct {
    uint16_t first, last;
} allowed[] = {
    {0x001, 0x003}, // FP
    {0x008, 0x00f}, // vector
    {0x015, 0x015}, // entropy source
    {0x017, 0x017}, // table jumps
    {0x100, 0x10f}, // supervisor trap set-up, counters, configuration, state enables
    {0x120, 0x120}, // counter inhibit
    {0x140, 0x146}, // supervisor trap handling
    {0x14d, 0x14d}, // stimecmp
    {0x150, 0x15c}, // advanced interrupts
    {0x180, 0x181}, // address translation
    {0x5a8, 0x5a8}, // scontext
    {0xc00, 0xc1f}, // counters
    {0xc20, 0xc22}, // vector
    {0xda0, 0xda0}, // counter overflow
    {0xdb0, 0xdb0}, // stopi
};

static bool is_allowed(uint32_t csr) {
    for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (csr >= allowed[i].first && csr <= allowed[i].last)
            return true;
    }
    return false;
}

// QEMU 7.2 leaves stval as it was when one of the hypervisor's loads and stores traps, so what the
// hypervisor can hand on is not checked for these.
static const struct {
    const char *name;
    uint32_t code;
} hypervisor_memory[] =
    {
        {"hlv.b", 0x6005c573},  {"hlv.bu", 0x6015c573},  {"hlv.h", 0x6405c573},
        {"hlv.hu", 0x6415c573}, {"hlvx.hu", 0x6435c573}, {"hlv.w", 0x6805c573},
        {"hlv.wu", 0x6815c573}, {"hlvx.wu", 0x6835c573}, {"hlv.d", 0x6c05c573},
        {"hsv.b", 0x62a5c073},  {"hsv.h", 0x66a5c073},   {"hsv.w", 0x6aa5c073},
        {"hsv.d", 0x6ea5c073},
},
  others[] = {
      {"hfence.vvma", 0x22000073},
      {"hfence.gvma", 0x62000073},
      {"mret", 0x30200073},
      {"uret", 0x00200073},
      {"dret", 0x7b200073},
      {"sixteen zero bits", 0x80820000}, // with a compressed return behind them
      {"thirty-two one bits", 0xffffffff},
      {"reserved SYSTEM", 0x8fff4073},
};

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    for (unsigned i = 0; i < sizeof(hypervisor_memory) / sizeof(hypervisor_memory[0]); i++) {
        // The time may be read, and a hypervisor may have to do it for the guest: what it saw then
        // must not be taken for what it sees now.
        (void)csr_read(time);
        refuse(hypervisor_memory[i].code, hypervisor_memory[i].name, hypervisor_memory[i].code);
    }
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        refuse_exactly(others[i].code, others[i].name, others[i].code);
    for (uint32_t csr = 0; csr < 4096; csr++) {
        if (is_allowed(csr))
            continue;
        refuse_exactly(INSTRUCTION_CSRRS(csr), "read of CSR", csr);
        refuse_exactly(INSTRUCTION_CSRRW(csr), "write of CSR", csr);
    }
    // The read-only ones that may be there can't be written.
    for (uint32_t csr = 0xc00; csr <= 0xc1f; csr++)
        refuse_exactly(INSTRUCTION_CSRRW(csr), "write of CSR", csr);
    print("undefined_csr: %u instructions refused\n", refused);
    return check_end("undefined_csr");
}
