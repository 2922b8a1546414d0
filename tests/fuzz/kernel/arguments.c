#include "tests/fuzz/kernel/arguments.h"

#include <string.h>

#include "arch/fake/core/machine.h"
#include "arch/tick.h"
#include "ipc/cap.h"
#include "tests/fuzz/kernel/input.h"
#include "tests/unit/kernel/world.h"

// The slot of TASK's that holds the WHICHth capability of TYPE, or 0.
static uint64_t slot_of(const struct task *task, enum object_type type, unsigned which) {
    uint64_t found = 0;
    for (uint32_t i = 0; i < 100 && i < task->cap_count; i++) {
        if (task->cap[i].type == type) {
            found = i;
            if (which-- == 0) {
                break;
            }
        }
    }
    return found;
}

// A number of the kind that KIND says, for TASK, which makes sense more often
// than not.
uint64_t arguments_number(const struct task *task, char kind) {
    unsigned byte = input_byte();
    if (byte == 0xff) {
        return input_long();
    }
    static const char types[OBJECT_COUNT + 1] = "NFOTSVPI"; // by enum object_type
    const char *type = kind ? strchr(types, kind) : NULL;
    if (type && byte < 0xf0) {
        return slot_of(task, (enum object_type)(type - types), byte % 16);
    }
    switch (kind) {
    case 'e': // most likely an empty slot
        return byte < 0xe0 ? 24 + byte % 40 : byte % 2 ? task->cap_count : byte;
    case 'p': // a page of the object memory
        return byte < 0xe0 ? world.first_free + byte % 100u : byte;
    case 'n': // pages of an object
        return byte < 0x80 ? 1 : byte % 14;
    case 'a': // an address
    case 'z': // a size
        return (uint64_t)(byte & 15) << (byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30);
    case 'r': // rights
        return byte % (RIGHTS_ALL + 1);
    case 't': // a time
        return machine.now + byte * (ARCH_TICK / 16ull);
    case 'm': // a mapping of a reply
        return REPLY_MAPPING(byte & 3, byte & 0x80 ? 12 : byte & 0x40 ? 21 : 30, byte >> 3 & 7);
    case 'b': // a kind of space
        return byte % 64 ? byte & 1 : byte;
    case 'i': // a small number
        return byte % 16;
    case 'j': // a smaller one
        return byte % 10;
    default: // any slot
        return byte < 0xe0 ? byte % 48 : byte;
    }
}

// The arguments of each system call, by their kinds: selector, then words.
static const char *const shapes[SYSCALL_COUNT + 1] = {
    [SYSCALL_REPLY_WAIT] = "f", [SYSCALL_CALL] = "Piiii",    [SYSCALL_SIGNAL] = "P",
    [SYSCALL_CREATE] = "iOpne", [SYSCALL_DESTROY] = "s",     [SYSCALL_MAP] = "SaFazr",
    [SYSCALL_GRANT] = "Tesraz", [SYSCALL_BIND] = "issssiii", [SYSCALL_TASK] = "Tiaaaaaa",
    [SYSCALL_VCPU] = "Vjiaii",  [SYSCALL_EXIT] = "ii",       [SYSCALL_COUNT] = "ii",
};

// What each kind of CREATE takes; a frame and a pool can't be made.
static const char *const creates[OBJECT_COUNT] = {
    [OBJECT_NONE] = "Opne",    [OBJECT_FRAME] = "Opne",  [OBJECT_POOL] = "Opne",
    [OBJECT_TASK] = "OpneS",   [OBJECT_SPACE] = "Opneb", [OBJECT_VCPU] = "OpneSi",
    [OBJECT_PORTAL] = "Opnei", [OBJECT_IRQ] = "Opnei",
};

// What each BIND takes.
static const char *const binds[] = {
    [BIND_PORTAL] = "PT",
    [BIND_ROUTE] = "ViPiiii",
    [BIND_FAULT] = "TPi",
    [BIND_IRQ] = "IPi",
};

static uint64_t reply_flags(void) {
    unsigned byte = input_byte();
    if (byte < 0x40) {
        return byte & 1;
    }
    uint64_t numbers = REPLY_REGISTER(input_byte() % 34) | REPLY_INTERRUPT(input_byte() % 4);
    if (byte < 0xa0) {
        return REPLY_FLAGS | 1u << byte % 12 | 1u << (byte >> 2) % 12 | numbers;
    }
    uint64_t flags = byte < 0xf0 ? REPLY_FLAGS : 0;
    return flags | input_byte() | (uint64_t)(input_byte() & 0x1f) << 8 | numbers;
}

// The words of an answer: those of MAP fit together more often than not.
static void reply_words(const struct task *task, uint64_t flags, uint64_t word[MESSAGE_WORDS]) {
    word[0] = input_byte();
    word[1] = input_byte();
    word[6] = arguments_number(task, 'i');
    if (flags & REPLY_MAP) {
        unsigned bits = input_byte() % 4 ? 12 : 21;
        unsigned place = input_byte();
        word[2] = (uint64_t)(place & 7) << bits;
        word[3] = place < 0xe0
                      ? REPLY_MAPPING(2, bits, place >> 6 & 1 ? RIGHT_R : RIGHT_R | RIGHT_W)
                      : arguments_number(task, 'm');
        word[5] = (uint64_t)(place >> 3 & 7) << bits;
    } else {
        word[2] = flags & REPLY_START ? arguments_number(task, 'i') : arguments_number(task, 't');
        word[3] = arguments_number(task, 'a');
        word[4] =
            flags & (REPLY_RAISE | REPLY_FENCE) ? input_byte() & 15 : arguments_number(task, 'i');
    }
}

struct arguments arguments_of(const struct task *task, enum syscall call) {
    struct arguments arguments = {0};
    if (call == SYSCALL_REPLY_WAIT) {
        arguments.selector = reply_flags();
        reply_words(task, arguments.selector, arguments.word);
        return arguments;
    }
    const char *shape = shapes[call];
    arguments.selector = arguments_number(task, *shape++);
    if (call == SYSCALL_BIND) {
        arguments.selector %= BIND_IRQ + 2;
    }
    if (call == SYSCALL_BIND && arguments.selector <= BIND_IRQ) {
        shape = binds[arguments.selector];
    } else if (call == SYSCALL_CREATE && arguments.selector < OBJECT_COUNT) {
        shape = creates[arguments.selector];
    }
    for (unsigned i = 0; i < MESSAGE_WORDS && shape[i]; i++) {
        arguments.word[i] = arguments_number(task, shape[i]);
    }
    return arguments;
}
