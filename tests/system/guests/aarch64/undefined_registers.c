// Every encoding of a system register, read and written, and every system instruction. What is not
// a guest's must come back to it as an undefined instruction (Arm DDI 0487, C5.1) and change
// nothing. The guest must survive them all.
#include "arch/aarch64/guest/sysreg.h"
#include "tests/system/guests/aarch64/code.h"
#include "tests/system/guests/check.h"

static struct {
    uint8_t op0, op1, crn, crm, op2;
} what[CODE_AT_ONCE];
static uint32_t instruction[CODE_AT_ONCE];
static bool defined[CODE_AT_ONCE]; // its read was
static unsigned refused;

// The fields that say a privilege level above a guest's, or that there is another security state.
static bool is_above(unsigned op1) { return op1 >= 4; }

// Read-only or without any meaning for the next instruction, whatever is there.
static bool is_written(unsigned i) {
    if (!defined[i])
        return true;
    return what[i].op0 == 3 && what[i].crn == 0 && what[i].op1 != 2;
}

// What can be written but not read. Interrupts end and come by some, which is other tests' matter.
static const struct {
    uint8_t op0, op1, crn, crm, op2;
} write_only[] = {
    {2, 0, 1, 0, 4},   // OSLAR_EL1
    {2, 0, 0, 5, 0},   // DBGDTRTX_EL0's other half
    {3, 0, 12, 8, 1},  // ICC_EOIR0_EL1
    {3, 0, 12, 11, 1}, // ICC_DIR_EL1
    {3, 0, 12, 11, 5}, // ICC_SGI1R_EL1
    {3, 0, 12, 11, 6}, // ICC_ASGI1R_EL1
    {3, 0, 12, 11, 7}, // ICC_SGI0R_EL1
    {3, 0, 12, 12, 1}, // ICC_EOIR1_EL1
};

static bool is_write_only(unsigned i) {
    for (unsigned n = 0; n < sizeof(write_only) / sizeof(write_only[0]); n++) {
        if (what[i].op0 == write_only[n].op0 && what[i].op1 == write_only[n].op1 &&
            what[i].crn == write_only[n].crn && what[i].crm == write_only[n].crm &&
            what[i].op2 == write_only[n].op2)
            return true;
    }
    return false;
}

// What no guest has, and may find empty: performance counters, which the manifest gives nobody, and
// debug registers, which would reach whoever else runs.
static bool is_empty(unsigned i) {
    const bool counters =
        what[i].op0 == 3 && ((what[i].op1 == 3 && what[i].crn == 9) ||
                             (what[i].op1 == 0 && what[i].crn == 9 && what[i].crm == 14) ||
                             (what[i].op1 == 3 && what[i].crn == 14 && what[i].crm >= 8));
    return counters || what[i].op0 == 2;
}

static void refuse(unsigned i, const struct code_trap *trap, const char *how) {
    const bool undefined = trap->count == 1 && ESR_CLASS(trap->syndrome) == ESR_UNKNOWN;
    check(undefined, "%s of S%u_%u_C%u_C%u_%u: %u traps, ESR 0x%lx", how, what[i].op0, what[i].op1,
          what[i].crn, what[i].crm, what[i].op2, trap->count, trap->syndrome);
    refused += undefined;
}

static void read(unsigned i) {
    const struct code_trap trap = code_run(i);
    defined[i] = trap.count == 0;
    if (trap.count != 0 || is_above(what[i].op1))
        refuse(i, &trap, "read");
    else if (is_empty(i))
        check(trap.value == 0, "S%u_%u_C%u_C%u_%u is 0x%lx", what[i].op0, what[i].op1, what[i].crn,
              what[i].crm, what[i].op2, trap.value);
}

static void write(unsigned i) {
    if (!is_written(i) || is_write_only(i) || (is_empty(i) && !is_above(what[i].op1)))
        return;
    const struct code_trap trap = code_run(i);
    refuse(i, &trap, "write");
}

static void all(bool reading, unsigned count, void (*one)(unsigned i)) {
    for (unsigned i = 0; i < count; i++)
        instruction[i] =
            CODE_SYSTEM(reading, what[i].op0, what[i].op1, what[i].crn, what[i].crm, what[i].op2);
    code_write(instruction, count);
    for (unsigned i = 0; i < count; i++)
        one(i);
}

// With one op0, op1 and two of CRn.
static void sweep(unsigned op0, unsigned op1, unsigned crn) {
    unsigned count = 0;
    for (unsigned n = 0; n < 2; n++) {
        for (unsigned crm = 0; crm < 16; crm++) {
            for (unsigned op2 = 0; op2 < 8; op2++, count++) {
                what[count].op0 = (uint8_t)op0;
                what[count].op1 = (uint8_t)op1;
                what[count].crn = (uint8_t)(crn + n);
                what[count].crm = (uint8_t)crm;
                what[count].op2 = (uint8_t)op2;
            }
        }
    }
    all(true, count, read);
    all(false, count, write);
}

// Of caches and translations, EL2's and EL3's; a guest's own are executed, with an address that is
// good.
static void system_instruction(unsigned i) {
    const struct code_trap trap = code_run(i);
    if (trap.count != 0 || is_above(what[i].op1))
        refuse(i, &trap, "instruction");
}

static void sweep_instructions(unsigned op1) {
    unsigned count = 0;
    for (unsigned crn = 7; crn <= 8; crn++) {
        for (unsigned crm = 0; crm < 16; crm++) {
            for (unsigned op2 = 0; op2 < 8; op2++, count++) {
                what[count].op0 = 1;
                what[count].op1 = (uint8_t)op1;
                what[count].crn = (uint8_t)crn;
                what[count].crm = (uint8_t)crm;
                what[count].op2 = (uint8_t)op2;
            }
        }
    }
    all(false, count, system_instruction);
}

static const struct {
    const char *name;
    uint32_t code;
} others[] = {
    {"udf", 0x00000000},   {"all ones", 0xffffffff}, {"hlt", 0xd45e0000},
    {"dcps1", 0xd4a00001}, {"dcps2", 0xd4a00002},    {"dcps3", 0xd4a00003},
    {"drps", 0xd6bf03e0},  {"reserved", 0xd4000000}, {"a bundle of sve", 0x04a0e3e0},
    {"rdsvl", 0x04bf5800}, {"ld64b", 0xf83fd000},    {"wfit", 0xd5031020},
};

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    sysreg_write(cpacr_el1, CPACR_FPEN);
    sysreg_sync();
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        code_write(&others[i].code, 1);
        const struct code_trap trap = code_run(0);
        const bool undefined = trap.count == 1 && ESR_CLASS(trap.syndrome) == ESR_UNKNOWN;
        check(undefined, "%s: %u traps, ESR 0x%lx", others[i].name, trap.count, trap.syndrome);
        refused += undefined;
    }
    for (unsigned op1 = 0; op1 < 8; op1++)
        sweep_instructions(op1);
    for (unsigned op0 = 2; op0 <= 3; op0++) {
        for (unsigned op1 = 0; op1 < 8; op1++) {
            for (unsigned crn = 0; crn < 16; crn += 2)
                sweep(op0, op1, crn);
        }
    }
    print("undefined_registers: %u accesses refused\n", refused);
    return check_end("undefined_registers");
}
