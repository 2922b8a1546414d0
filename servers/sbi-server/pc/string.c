// INS and OUTS (APM volume 3): one element an exit, so that whatever ends in between, an interrupt
// or this server, ends between two of them: registers, memory and device change together. REP goes
// on by exiting again.
//
// The operand is in the guest's memory, behind the guest's own page tables, and so is the
// instruction, which alone says how wide the address is and of which segment.
#include "servers/sbi-server/pc/string.h"

#include "arch/x86_64/include/arch/regs.h"
#include "servers/sbi-server/pc/walk.h"

#define REG_NUMBER_RCX 1
#define REG_NUMBER_RSI 6
#define REG_NUMBER_RDI 7

#define CS_LONG (1u << 25) // of REGS_CS
#define CS_32 (1u << 26)
#define RFLAGS_BACKWARDS (1u << 10)

#define PREFIXES 14
#define OPCODES 0x6cu // INS and OUTS, each of bytes and of others

#define NO_SEGMENT 0xffu

struct string {
    struct walk walk;
    uint64_t base; // of the segment
    uint64_t mask; // of addresses and counts
    unsigned bits; // of the code: 16, 32, 64
};

// Does not return when the vCPU has been stopped; nothing has been changed before that.
static bool read_register(const struct firmware_call *call, unsigned number, uint64_t *value) {
    if (call->vcpu >= call->vm->slots) {
        return false;
    }
    enum status status = rt_vcpu_read(call->vm->slot[call->vcpu], number, value);
    if (status == STATUS_DENIED) {
        rt_reply_nobody();
    }
    return status == STATUS_OK;
}

// The base of the segment that PREFIX names; 0xff: it is no such prefix.
static unsigned segment_of(uint8_t prefix) {
    switch (prefix) {
    case 0x26:
        return REGS_ES_BASE;
    case 0x2e:
        return REGS_CS_BASE;
    case 0x36:
        return REGS_SS_BASE;
    case 0x3e:
        return REGS_DS_BASE;
    case 0x64:
        return REGS_FS_BASE;
    case 0x65:
        return REGS_GS_BASE;
    default:
        return NO_SEGMENT;
    }
}

// In 64-bit code segments but FS and GS have no base; elsewhere addresses have 32 bits.
static bool segment_base(const struct firmware_call *call, struct string *string, unsigned which) {
    if (string->bits == 64 && which != REGS_FS_BASE && which != REGS_GS_BASE) {
        string->base = 0;
        return true;
    }
    return read_register(call, which, &string->base);
}

static uint64_t linear(const struct string *string, uint64_t address) {
    return string->bits == 64 ? address : (uint32_t)address;
}

// What the prefixes say. False: the instruction can't be read.
static bool read_prefixes(const struct firmware_call *call, struct string *string, bool in) {
    uint64_t base = 0;
    unsigned bits = string->bits, segment = REGS_DS_BASE;
    if (string->bits != 64 && !read_register(call, REGS_CS_BASE, &base)) {
        return false;
    }
    for (unsigned i = 0; i <= PREFIXES; i++) {
        uint8_t byte;
        if (!walk_read(call, &string->walk, linear(string, base + call->pc + i), &byte, 1)) {
            return false;
        }
        if ((byte & ~3u) == OPCODES) {
            string->mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
            return segment_base(call, string, in ? REGS_ES_BASE : segment);
        }
        if (byte == 0x67) {
            bits = string->bits == 32 ? 16 : 32;
        } else if (segment_of(byte) != NO_SEGMENT) {
            segment = segment_of(byte);
        }
    }
    return false;
}

static bool begin(const struct firmware_call *call, struct string *string, bool in) {
    uint64_t cs = 0;
    struct walk *walk = &string->walk;
    *string = (struct string){.walk = {.is_user = call->is_user}};
    if (!read_register(call, REGS_CR0, &walk->cr0) || !read_register(call, REGS_CR3, &walk->cr3) ||
        !read_register(call, REGS_CR4, &walk->cr4) ||
        !read_register(call, REGS_EFER, &walk->efer) ||
        !read_register(call, REGS_RFLAGS, &walk->flags) || !read_register(call, REGS_CS, &cs)) {
        return false;
    }
    string->bits = cs & CS_LONG ? 64 : cs & CS_32 ? 32 : 16;
    return read_prefixes(call, string, in);
}

// A register of which an instruction has changed what its addresses are wide: 32 bits clear the
// rest.
static uint64_t changed(const struct string *string, uint64_t before, uint64_t after) {
    const uint64_t kept = string->mask == UINT16_MAX ? ~string->mask : 0;
    return (before & kept) | (after & string->mask);
}

static uint32_t fault(struct reply *reply, const struct walk_fault *found) {
    reply->flags = REPLY_FLAGS | REPLY_INJECT;
    reply->word[0] = found->vector | (uint64_t)found->error << 8;
    reply->word[1] = found->address;
    return 0;
}

uint32_t string_access(struct firmware_call *call, struct reply *reply, port_function *function,
                       struct port_access *access, bool repeats) {
    struct string string;
    uint64_t count = 0, pointer = 0;
    struct walk_fault found;
    if (!begin(call, &string, access->in) || !read_register(call, REG_NUMBER_RCX, &count) ||
        !read_register(call, access->in ? REG_NUMBER_RDI : REG_NUMBER_RSI, &pointer)) {
        return STRING_UNREADABLE;
    }
    if (repeats && (count & string.mask) == 0) {
        reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
        return 0;
    }
    const uint64_t at = linear(&string, string.base + (pointer & string.mask));
    if (!walk_check(call, &string.walk, at, access->size, access->in, &found)) {
        return fault(reply, &found);
    }
    if (!access->in) {
        access->value = 0;
        (void)walk_read(call, &string.walk, at, (uint8_t *)&access->value, access->size);
    }
    const uint32_t todo = function(call, access);
    if (access->in) {
        walk_write(call, &string.walk, at, (const uint8_t *)&access->value, access->size);
    }
    const uint64_t step =
        string.walk.flags & RFLAGS_BACKWARDS ? -(uint64_t)access->size : access->size;
    const bool is_last = !repeats || (count & string.mask) == 1;
    reply->flags = REPLY_FLAGS | REPLY_RESULT | (is_last ? REPLY_ADVANCE : 0);
    reply->word[0] = repeats ? changed(&string, count, count - 1) : count;
    reply->word[1] = changed(&string, pointer, pointer + step);
    return todo & FIRMWARE_COMMIT ? todo | firmware_keep(call, reply) : todo;
}
