// Control registers whose accesses exit, and what a guest says about caches, which are nobody's but
// the hardware's here. Of such instructions the hardware says neither the length nor the register
// (but for newer CPUs): they are read as the guest would fetch them.
#include "arch/x86_64/include/arch/regs.h"
#include "servers/timer-server/pc/pc.h"

#define BYTES 15 // of the longest instruction (APM volume 3, 1.1)
#define FETCH_BYTES 8
#define PAGE_BYTES 4096u

#define CS_LONG (1u << 25) // of REGS_CS
#define EFER_LONG_MODE_ACTIVE (1u << 10)
#define CR4_PAE (1u << 5)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define CR4_FSGSBASE (1u << 16)
// TSD, DE, PSE, PAE, PGE, PCE, OSFXSR, OSXMMEXCPT: all CPUs have them.
#define CR4_ALWAYS 0x7bcu
#define LEAF_STRUCTURED 7
#define STRUCTURED_B_FSGSBASE (1u << 0)
#define STRUCTURED_B_SMEP (1u << 7)
#define STRUCTURED_B_SMAP (1u << 20)

struct instruction {
    uint8_t byte[BYTES + 1];
    unsigned count;  // of bytes that were read
    unsigned opcode; // where it is, behind all prefixes
    unsigned length;
    bool is_long; // 64-bit code
    uint8_t rex;
};

// A page's end is where less may be there than one fetch has.
static void fetch(const struct pc_exit *exit, struct instruction *into) {
    const bool is_long = (pc_register(exit, REGS_CS) & CS_LONG) != 0;
    const uint64_t base = is_long ? 0 : pc_register(exit, REGS_CS_BASE);
    *into = (struct instruction){.is_long = is_long};
    while (into->count < BYTES) {
        uint64_t at = base + exit->record->pc + into->count;
        at = is_long ? at : (uint32_t)at;
        const uint64_t bytes = rt_guest_fetch(at);
        unsigned more = PAGE_BYTES - (unsigned)(at % PAGE_BYTES);
        more = more < FETCH_BYTES ? more : FETCH_BYTES;
        if (bytes == RT_NO_INSTRUCTION) {
            return;
        }
        for (unsigned i = 0; i < more && into->count < BYTES; i++) {
            into->byte[into->count++] = (uint8_t)(bytes >> 8 * i);
        }
    }
}

static bool is_prefix(uint8_t byte) {
    switch (byte) {
    case 0x26: // segments
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66: // sizes
    case 0x67:
    case 0xf0: // LOCK, which makes CR0 mean CR8 (APM volume 3, MOV CRn)
    case 0xf2: // repetition
    case 0xf3:
        return true;
    default:
        return false;
    }
}

// Fills in where the opcode is, which begins with 0x0f, and the length with BEHIND bytes more than
// that and another. False: it can't be read.
static bool decode(const struct pc_exit *exit, struct instruction *into, unsigned behind) {
    fetch(exit, into);
    unsigned at = 0;
    while (at < into->count && is_prefix(into->byte[at])) {
        at++;
    }
    if (into->is_long && at < into->count && (into->byte[at] & 0xf0) == 0x40) {
        into->rex = into->byte[at++];
    }
    into->opcode = at;
    into->length = at + 2 + behind;
    return into->length <= into->count && into->byte[at] == 0x0f;
}

// The general register of a MOV to or from a control register: of its ModRM byte only that counts.
static unsigned general(const struct instruction *instruction) {
    return (instruction->byte[instruction->opcode + 2] & 7u) | (instruction->rex & 1u) << 3;
}

static void advance(struct reply *reply, const struct instruction *instruction) {
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    reply->word[6] = instruction->length;
}

static bool cr4_is_valid(const struct pc_exit *exit, uint64_t value) {
    const uint32_t has = pc_host_cpuid(LEAF_STRUCTURED, 0).b;
    const uint64_t may = CR4_ALWAYS | (has & STRUCTURED_B_FSGSBASE ? CR4_FSGSBASE : 0) |
                         (has & STRUCTURED_B_SMEP ? CR4_SMEP : 0) |
                         (has & STRUCTURED_B_SMAP ? CR4_SMAP : 0);
    const bool needs_pae = (pc_register(exit, REGS_EFER) & EFER_LONG_MODE_ACTIVE) != 0;
    return !(value & ~may) && (!needs_pae || (value & CR4_PAE));
}

static void write_cr4(struct pc_exit *exit, const struct instruction *instruction, uint64_t value,
                      struct reply *reply) {
    if (!cr4_is_valid(exit, value)) {
        pc_refuse(reply, PC_PROTECTION);
        return;
    }
    advance(reply, instruction);
    reply->flags |= REPLY_WRITE | REPLY_REGISTER(REGS_CR4);
    reply->word[0] = value;
}

static void write_cr8(struct pc_exit *exit, const struct instruction *instruction, uint64_t value,
                      struct reply *reply) {
    if (exit->is_new && !vlapic_write_cr8(&exit->lapic, value)) {
        pc_refuse(reply, PC_PROTECTION);
        return;
    }
    pc_settle(exit, NULL);
    advance(reply, instruction);
}

void pc_control(struct pc_exit *exit, struct reply *reply) {
    const uint32_t code = exit->record->word[PC_WORD_CODE] & PC_CODE_MASK;
    const bool is_move = code != PC_CODE_INVD && code != PC_CODE_WBINVD;
    struct instruction instruction;
    if (MESSAGE_MODE(exit->record->info) == 0) { // QEMU 10 asks for the intercept first
        pc_refuse(reply, PC_PROTECTION);
        return;
    }
    if (!decode(exit, &instruction, is_move ? 1 : 0)) {
        pc_refuse(reply, PC_UNDEFINED);
        return;
    }
    if (!is_move) {
        advance(reply, &instruction);
    } else {
        uint64_t value = pc_register(exit, general(&instruction));
        value = instruction.is_long ? value : (uint32_t)value;
        (code == PC_CODE_WRITE_CR4 ? write_cr4 : write_cr8)(exit, &instruction, value, reply);
    }
}
