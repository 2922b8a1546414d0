// x86_64: the AMD64 architecture programmer's manual, volume 3 (24594), chapter 1 "Instruction
// encoding" and appendix A "Opcode and operand encodings".
//
// What is emulated are the moves, mov, movzx, movsx, movsxd, movnti, and what computes with memory
// as compilers make it (insn_x86_64_compute.c). Of all others nothing but what they are is found
// out.
#include "libs/insn/insn_x86_64.h"

const uint8_t insn_zero = INSN_NO_REGISTER;

// What an opcode says. The kinds of refusals, and behind them the moves: which operand is in
// memory and how long it is.
enum {
    OTHER = 0, // as what no table names
    ATOMIC = INSN_ATOMIC,
    COMPUTE = INSN_ARITHMETIC,
    STRING = INSN_STRING,
    MEMORY = INSN_MEMORY,
    VECTOR = INSN_FLOAT,
    STORE_BYTE = INSN_COUNT,
    STORE,
    LOAD_BYTE,
    LOAD,
    STORE_IMMEDIATE_BYTE,
    STORE_IMMEDIATE,
    LOAD_SIGNED_LONG,
    OFFSET_LOAD_BYTE,
    OFFSET_LOAD,
    OFFSET_STORE_BYTE,
    OFFSET_STORE,
    EXTEND_BYTE, // from here on of the second table
    EXTEND_WORD,
    SIGN_EXTEND_BYTE,
    SIGN_EXTEND_WORD,
    STORE_NO_CACHE,
    GROUPS, // and from here on enum insn_group
};

static_assert(GROUPS + INSN_GROUPS < 256, "the tables are of bytes");

#define GROUP(name) (GROUPS + INSN_##name)

// Each of the eight operations of the first opcodes: four forms with memory, two without, and two
// that push or adjust.
#define OPERATION(at)                                                                              \
    [(at)...((at) + 1)] = GROUP(TO_MEMORY), [((at) + 2)...((at) + 3)] = GROUP(TO_REGISTER)

// One byte (table A-1). What is not named does not access memory by an operand.
static const uint8_t one_byte[256] = {
    OPERATION(0x00),
    OPERATION(0x08),
    OPERATION(0x10),
    OPERATION(0x18),
    OPERATION(0x20),
    OPERATION(0x28),
    OPERATION(0x30),
    OPERATION(0x38),
    [0x50 ... 0x5f] = MEMORY, // push, pop
    [0x60 ... 0x62] = MEMORY, // pusha, popa, bound
    [0x63] = LOAD_SIGNED_LONG,
    [0x68] = MEMORY,  // push
    [0x69] = COMPUTE, // imul
    [0x6a] = MEMORY,
    [0x6b] = COMPUTE,
    [0x6c ... 0x6f] = STRING, // ins, outs
    [0x80 ... 0x83] = GROUP(IMMEDIATE),
    [0x84 ... 0x85] = GROUP(TEST_REGISTER),
    [0x86 ... 0x87] = GROUP(EXCHANGE),
    [0x88] = STORE_BYTE,
    [0x89] = STORE,
    [0x8a] = LOAD_BYTE,
    [0x8b] = LOAD,
    [0x8c] = MEMORY,          // mov from a segment register
    [0x8e ... 0x8f] = MEMORY, // mov to one, pop
    [0x9a] = MEMORY,          // call
    [0x9c ... 0x9d] = MEMORY, // pushf, popf
    [0xa0] = OFFSET_LOAD_BYTE,
    [0xa1] = OFFSET_LOAD,
    [0xa2] = OFFSET_STORE_BYTE,
    [0xa3] = OFFSET_STORE,
    [0xa4 ... 0xa7] = STRING, // movs, cmps
    [0xaa ... 0xaf] = STRING, // stos, lods, scas
    [0xc0 ... 0xc1] = GROUP(SHIFT_IMMEDIATE),
    [0xc2 ... 0xc3] = MEMORY, // ret
    [0xc4 ... 0xc5] = MEMORY, // les, lds
    [0xc6] = STORE_IMMEDIATE_BYTE,
    [0xc7] = STORE_IMMEDIATE,
    [0xc8 ... 0xcb] = MEMORY, // enter, leave, ret
    [0xcf] = MEMORY,          // iret
    [0xd0 ... 0xd1] = GROUP(SHIFT_ONCE),
    [0xd2 ... 0xd3] = GROUP(SHIFT_BY_CL),
    [0xd7] = MEMORY,          // xlat
    [0xd8 ... 0xdf] = VECTOR, // x87
    [0xe8] = MEMORY,          // call
    [0xf6 ... 0xf7] = GROUP(UNARY),
    [0xfe ... 0xff] = GROUP(STEP), // and call, jmp, push
};

// Behind 0x0f (table A-3).
static const uint8_t two_bytes[256] = {
    [0x00 ... 0x03] = MEMORY, // descriptors
    [0x0f] = VECTOR,          // 3DNow!
    [0x10 ... 0x17] = VECTOR,
    [0x28 ... 0x2f] = VECTOR,
    [0x40 ... 0x4f] = MEMORY, // cmov
    [0x50 ... 0x7f] = VECTOR,
    [0x90 ... 0x9f] = MEMORY, // set
    [0xa0 ... 0xa1] = MEMORY, // push, pop
    [0xa3] = GROUP(BIT_REGISTER),
    [0xa4 ... 0xa5] = COMPUTE,
    [0xa8 ... 0xa9] = MEMORY,
    [0xab] = GROUP(BIT_REGISTER),
    [0xac ... 0xad] = COMPUTE,
    [0xae] = VECTOR,  // fxsave and its like, fences, clflush
    [0xaf] = COMPUTE, // imul
    [0xb0 ... 0xb1] = GROUP(COMPARE_EXCHANGE),
    [0xb2] = MEMORY, // lss
    [0xb3] = GROUP(BIT_REGISTER),
    [0xb4 ... 0xb5] = MEMORY, // lfs, lgs
    [0xb6] = EXTEND_BYTE,
    [0xb7] = EXTEND_WORD,
    [0xb8] = COMPUTE, // popcnt
    [0xba] = GROUP(BIT_IMMEDIATE),
    [0xbb] = GROUP(BIT_REGISTER),
    [0xbc ... 0xbd] = COMPUTE,
    [0xbe] = SIGN_EXTEND_BYTE,
    [0xbf] = SIGN_EXTEND_WORD,
    [0xc0 ... 0xc1] = GROUP(EXCHANGE_ADD),
    [0xc2] = VECTOR,
    [0xc3] = STORE_NO_CACHE,
    [0xc4 ... 0xc6] = VECTOR,
    [0xc7] = ATOMIC, // cmpxchg8b
    [0xd0 ... 0xfe] = VECTOR,
};

// In the order of the moves above. 0: as long as the operand.
static const struct move {
    uint8_t size;
    uint8_t width; // of the register
    uint8_t is_write, sign_extend, is_immediate, is_offset, is_never_short;
} moves[] = {
    [STORE_BYTE - INSN_COUNT] = {.size = 1, .width = 1, .is_write = 1},
    [STORE - INSN_COUNT] = {.is_write = 1},
    [LOAD_BYTE - INSN_COUNT] = {.size = 1, .width = 1},
    [LOAD - INSN_COUNT] = {.size = 0},
    [STORE_IMMEDIATE_BYTE - INSN_COUNT] = {.size = 1, .width = 1, .is_write = 1, .is_immediate = 1},
    [STORE_IMMEDIATE - INSN_COUNT] = {.is_write = 1, .is_immediate = 1},
    [LOAD_SIGNED_LONG - INSN_COUNT] = {.size = 4, .sign_extend = 1},
    [OFFSET_LOAD_BYTE - INSN_COUNT] = {.size = 1, .width = 1, .is_offset = 1},
    [OFFSET_LOAD - INSN_COUNT] = {.is_offset = 1},
    [OFFSET_STORE_BYTE - INSN_COUNT] = {.size = 1, .width = 1, .is_write = 1, .is_offset = 1},
    [OFFSET_STORE - INSN_COUNT] = {.is_write = 1, .is_offset = 1},
    [EXTEND_BYTE - INSN_COUNT] = {.size = 1},
    [EXTEND_WORD - INSN_COUNT] = {.size = 2},
    [SIGN_EXTEND_BYTE - INSN_COUNT] = {.size = 1, .sign_extend = 1},
    [SIGN_EXTEND_WORD - INSN_COUNT] = {.size = 2, .sign_extend = 1},
    [STORE_NO_CACHE - INSN_COUNT] = {.is_write = 1, .is_never_short = 1},
};

static struct insn_reader begin(const struct insn_code *code) {
    struct insn_reader reader = {.bits = code->bits, .segment = INSN_NO_REGISTER};
    uint32_t count = code->count < INSN_BYTES ? code->count : INSN_BYTES;
    memcpy(reader.word, code->byte, sizeof(code->byte));
    reader.word[0] = insn_first_bytes(reader.word[0], count);
    reader.word[1] = count > 8 ? insn_first_bytes(reader.word[1], count - 8) : 0;
    return reader;
}

// The prefixes, in any order (1.2). Returns the first byte of the opcode. A REX counts only right
// before that.
static uint8_t prefixes(struct insn_reader *reader) {
    for (;;) {
        uint8_t byte = insn_next(reader);
        switch (byte) {
        case 0x66:
            reader->operand_prefix = true;
            break;
        case 0x67:
            reader->address_prefix = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            reader->segment = byte >> 3 & 3;
            break;
        case 0x64:
        case 0x65:
            reader->segment = byte & 7;
            break;
        case 0xf0:
            reader->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            reader->repeat = true;
            break;
        default:
            if ((byte & 0xf0) != 0x40 || reader->bits != 64) {
                return byte;
            }
            reader->rex = byte;
            continue;
        }
        reader->rex = 0;
    }
}

enum { REG_BX = 3, REG_SP = 4, REG_BP = 5, REG_SI = 6, REG_DI = 7 };

// 16-bit addressing (1.4.3, table 1-14).
static void short_address(struct insn_reader *reader, uint8_t modrm, struct insn_more *more,
                          uint8_t *base) {
    static const uint8_t bases[] = {REG_BX, REG_BX, REG_BP, REG_BP, REG_SI, REG_DI, REG_BP, REG_BX};
    unsigned mode = modrm >> 6, rm = modrm & 7;
    *base = bases[rm];
    more->index = rm < 4 ? REG_SI + (rm & 1) : INSN_NO_REGISTER;
    if (mode == 0 && rm == 6) {
        *base = INSN_NO_REGISTER;
        mode = 2;
    }
    more->displacement = insn_signed_number(reader, mode);
}

// 32- and 64-bit addressing (1.4.3 and 1.5, tables 1-15 to 1-17).
static void address(struct insn_reader *reader, uint8_t modrm, struct insn_more *more,
                    uint8_t *base) {
    static const uint8_t displacement[] = {0, 1, 4, 0};
    unsigned mode = modrm >> 6, rm = modrm & 7;
    unsigned bytes = displacement[mode];
    *base = (uint8_t)(rm | (reader->rex & 1) << 3);
    more->index = INSN_NO_REGISTER;
    if (rm == 4) {
        uint8_t sib = insn_next(reader);
        uint8_t index = (uint8_t)((sib >> 3 & 7) | (reader->rex & 2) << 2);
        rm = sib & 7;
        *base = (uint8_t)(rm | (reader->rex & 1) << 3);
        more->index = index == REG_SP ? INSN_NO_REGISTER : index;
        more->scale = sib >> 6;
        if (rm == 5 && mode == 0) {
            *base = INSN_NO_REGISTER;
            bytes = 4;
        }
    } else if (rm == 5 && mode == 0) {
        *base = reader->bits == 64 ? INSN_PC : INSN_NO_REGISTER;
        bytes = 4;
    }
    more->displacement = insn_signed_number(reader, bytes);
}

// Without a prefix, what is on the stack is in SS. In 64-bit code only FS and GS have bases.
static uint8_t segment(const struct insn_reader *reader, uint8_t base) {
    bool is_flat = reader->bits == 64 && reader->segment < INSN_FS;
    if (reader->segment == INSN_NO_REGISTER || is_flat) {
        return base == REG_SP || base == REG_BP ? INSN_SS : INSN_DS;
    }
    return reader->segment;
}

bool insn_memory(struct insn_reader *reader, uint8_t modrm, struct insn_more *more, uint8_t *base) {
    if (modrm >> 6 == 3) {
        return false;
    }
    more->address_bytes = insn_address_bytes(reader);
    (more->address_bytes == 2 ? short_address : address)(reader, modrm, more, base);
    more->segment = segment(reader, *base);
    return true;
}

struct insn_access insn_refuse(struct insn_more *more, enum insn_kind kind) {
    *more = (struct insn_more){.form = {.kind = (uint8_t)kind}};
    return (struct insn_access){.form = &more->form};
}

// MOVE as READER, which is behind the opcode, has it.
static struct insn_access decode_move(struct insn_reader *reader, const struct move *move,
                                      struct insn_more *more) {
    uint8_t operand = insn_operand_bytes(reader);
    if (operand == 2 && move->is_never_short) {
        operand = 4;
    }
    struct insn_access access = {.form = &more->form, .base = INSN_NO_REGISTER};
    more->form = (struct insn_form){
        .kind = INSN_ACCESS,
        .size = move->size ? move->size : operand,
        .width = move->width ? move->width : operand,
        .is_write = move->is_write,
        .sign_extend = move->sign_extend,
    };
    if (move->is_offset) {
        more->address_bytes = insn_address_bytes(reader);
        more->index = INSN_NO_REGISTER;
        more->displacement = (int64_t)insn_number(reader, more->address_bytes);
        more->segment = segment(reader, access.base);
    } else {
        uint8_t modrm = insn_next(reader);
        bool is_member = !move->is_immediate || (modrm >> 3 & 7) == 0;
        if (!is_member || !insn_memory(reader, modrm, more, &access.base)) {
            return insn_refuse(more, INSN_OTHER);
        }
        access.reg = insn_register(reader, modrm, more);
    }
    if (move->is_immediate) {
        more->is_immediate = 1;
        more->is_high = 0;
        more->value =
            (uint64_t)insn_signed_number(reader, more->form.size > 4 ? 4 : more->form.size);
        access.reg = INSN_NO_REGISTER;
    }
    more->form.length = (uint8_t)reader->at;
    return access;
}

// What the prefixes and the mode make of a move.
static unsigned with_prefixes(const struct insn_reader *reader, unsigned move) {
    bool is_other = move == STORE_NO_CACHE && (reader->operand_prefix || reader->repeat);
    if (reader->lock || is_other) {
        return OTHER;
    }
    bool is_long = reader->bits == 64 && insn_operand_bytes(reader) != 2; // else arpl, or 16 bits
    return move == LOAD_SIGNED_LONG && !is_long ? MEMORY : move;
}

static unsigned opcode(struct insn_reader *reader) {
    uint8_t byte = prefixes(reader);
    bool is_long = reader->bits == 64;
    if (byte == 0x0f) {
        byte = insn_next(reader);
        return byte == 0x38 || byte == 0x3a ? VECTOR : two_bytes[byte];
    }
    // VEX, XOP and EVEX are where 64-bit code has no instruction.
    if (is_long && (byte == 0xc4 || byte == 0xc5 || byte == 0x62)) {
        return VECTOR;
    }
    return one_byte[byte];
}

static __attribute__((noinline)) struct insn_access decode(const struct insn_code *code,
                                                           struct insn_more *more) {
    struct insn_reader reader = begin(code);
    *more = (struct insn_more){0};
    unsigned what = opcode(&reader);
    struct insn_access access;
    if (what >= INSN_COUNT && what < GROUPS) {
        what = with_prefixes(&reader, what);
    }
    if (what >= GROUPS) {
        access = insn_decode_compute(&reader, (enum insn_group)(what - GROUPS), more);
    } else if (what < INSN_COUNT) {
        access = insn_refuse(more, what == OTHER ? INSN_OTHER : (enum insn_kind)what);
    } else {
        access = decode_move(&reader, &moves[what - INSN_COUNT], more);
    }
    if (reader.at > code->count && code->count < INSN_BYTES) {
        return insn_refuse(more, INSN_CUT);
    }
    return reader.at > INSN_BYTES ? insn_refuse(more, INSN_OTHER) : access;
}

// What compilers make of an access to a device's register in 64-bit code: at most a REX, a mov's
// opcode, a base register and a displacement. The same as the general way says of it, in a quarter
// of the instructions. False: it is something else.
static bool decode_plain(const struct insn_code *code, struct insn_more *more,
                         struct insn_access *access) {
    uint64_t word;
    memcpy(&word, code->byte, sizeof(word));
    const unsigned rex = (word & 0xf0) == 0x40 ? word & 0xff : 0;
    word = rex ? word >> 8 : word;
    const unsigned what = one_byte[word & 0xff];
    const unsigned mode = word >> 14 & 3, rm = word >> 8 & 7;
    if (code->bits != 64 || code->count < sizeof(word) || what - STORE_BYTE > LOAD - STORE_BYTE ||
        mode == 3 || rm == REG_SP || (mode == 0 && rm == REG_BP)) {
        return false;
    }
    const bool is_byte = what == STORE_BYTE || what == LOAD_BYTE;
    const unsigned reg = (word >> 11 & 7) | (rex & 4) << 1;
    const bool is_high = is_byte && !rex && reg >= REG_SP;
    const uint8_t size = is_byte ? 1 : rex & 8 ? 8 : 4;
    const int64_t displacement = (int64_t)(word << 16) >> 32;
    *more = (struct insn_more){
        .form = {.kind = INSN_ACCESS,
                 .size = size,
                 .width = size,
                 .is_write = what <= STORE,
                 .length = (uint8_t)(2 + (rex != 0) + (mode == 2 ? 4 : mode))},
        .is_high = is_high,
        .index = INSN_NO_REGISTER,
        .segment = rm == REG_BP && !(rex & 1) ? INSN_SS : INSN_DS,
        .address_bytes = 8,
        .displacement = mode == 2   ? displacement
                        : mode == 1 ? (int8_t)displacement
                                    : 0,
    };
    *access = (struct insn_access){
        .form = &more->form,
        .reg = (uint8_t)(is_high ? reg - 4 : reg),
        .base = (uint8_t)(rm | (rex & 1) << 3),
    };
    return true;
}

struct insn_access insn_decode_code(const struct insn_code *code, struct insn_more *more) {
    struct insn_access plain;
    return decode_plain(code, more, &plain) ? plain : decode(code, more);
}
