#include "servers/sbi-server/pc/walk.h"

#include <string.h>

#include "servers/sbi-server/memory.h"

#define CR0_WRITE_PROTECT (1u << 16)
#define CR0_PAGING (1u << 31)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_SMAP (1u << 21)
#define EFER_LONG_MODE_ACTIVE (1u << 10)
#define RFLAGS_AC (1u << 18)

#define ENTRY_PRESENT (1u << 0)
#define ENTRY_WRITE (1u << 1)
#define ENTRY_USER (1u << 2)
#define ENTRY_ACCESSED (1u << 5)
#define ENTRY_DIRTY (1u << 6)
#define ENTRY_LARGE (1u << 7)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define ERROR_PRESENT (1u << 0)
#define ERROR_WRITE (1u << 1)
#define ERROR_USER (1u << 2)

#define VECTOR_PROTECTION 13
#define VECTOR_PAGE 14
#define PAGE_BITS 12
#define CANONICAL_BITS 48

// How tables look in one of the ways to page.
struct form {
    unsigned levels;
    unsigned entry_bytes;
    unsigned index_bits;
    bool has_large;
};

static struct form form_of(const struct walk *walk) {
    if (walk->efer & EFER_LONG_MODE_ACTIVE) {
        return (struct form){4, 8, 9, true};
    }
    if (walk->cr4 & CR4_PAE) {
        return (struct form){3, 8, 9, true};
    }
    return (struct form){2, 4, 10, (walk->cr4 & CR4_PSE) != 0};
}

// SIZE bytes of physical memory, which lie in one piece; NULL: they are not the guest's RAM.
static uint8_t *physical(const struct firmware_call *call, uint64_t address, uint64_t size) {
    uint64_t there = size;
    uint8_t *memory = memory_at(call->vm, address, &there);
    return there == size ? memory : NULL;
}

// The leaf's bits that say so are set, where this server may write. False: another CPU of the
// guest's has changed the leaf, which was VALUE, since; the hardware looks at it and sets them at
// once, too.
static bool mark(const struct firmware_call *call, uint64_t at, void *entry, unsigned size,
                 uint64_t value, bool writes) {
    const uint64_t marked = value | ENTRY_ACCESSED | (writes ? ENTRY_DIRTY : 0);
    if (marked == value || !memory_check(call->vm, at, size, true)) {
        return true;
    }
    if (size == sizeof(uint64_t)) {
        return __atomic_compare_exchange_n((uint64_t *)entry, &value, marked, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    uint32_t before = (uint32_t)value;
    return __atomic_compare_exchange_n((uint32_t *)entry, &before, (uint32_t)marked, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static uint32_t denied(const struct walk *walk, uint64_t rights, bool writes) {
    const bool is_user_page = (rights & ENTRY_USER) != 0;
    const bool keeps_out =
        walk->is_user ? !is_user_page
                      : is_user_page && (walk->cr4 & CR4_SMAP) && !(walk->flags & RFLAGS_AC);
    const bool is_protected =
        writes && !(rights & ENTRY_WRITE) && (walk->is_user || (walk->cr0 & CR0_WRITE_PROTECT));
    return keeps_out || is_protected ? ERROR_PRESENT : 0;
}

// Where ADDRESS is. False: *ERROR is the page fault's.
static bool translate(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                      bool writes, uint64_t *where, uint32_t *error) {
    if (!(walk->cr0 & CR0_PAGING)) {
        *where = address;
        return true;
    }
    const struct form form = form_of(walk);
    uint64_t table = walk->cr3 & (form.levels == 3 ? UINT64_C(0xffffffe0) : ENTRY_ADDRESS);
    uint64_t rights = ENTRY_WRITE | ENTRY_USER;
    *error = (writes ? ERROR_WRITE : 0) | (walk->is_user ? ERROR_USER : 0);
    for (unsigned level = form.levels; level-- > 0;) {
        const unsigned bits = PAGE_BITS + form.index_bits * level;
        const unsigned mask = form.levels == 3 && level == 2 ? 3 : (1u << form.index_bits) - 1;
        const uint64_t at = table + (address >> bits & mask) * form.entry_bytes;
        uint8_t *entry = physical(call, at, form.entry_bytes);
        uint64_t value = 0;
        if (entry) {
            memcpy(&value, entry, form.entry_bytes);
        }
        if (!(value & ENTRY_PRESENT)) {
            return false;
        }
        rights &= form.levels == 3 && level == 2 ? rights : value;
        const bool may_be_large = level == 1 ? form.has_large : level == 2 && form.levels == 4;
        if (level == 0 || (may_be_large && (value & ENTRY_LARGE))) {
            const uint64_t within = (UINT64_C(1) << bits) - 1;
            *error |= denied(walk, rights, writes);
            *where = (value & ENTRY_ADDRESS & ~within) | (address & within);
            if (*error & ERROR_PRESENT) {
                return false;
            }
            return mark(call, at, entry, form.entry_bytes, value, writes);
        }
        table = value & ENTRY_ADDRESS;
    }
    return false;
}

static bool is_canonical(const struct walk *walk, uint64_t address) {
    return !(walk->efer & EFER_LONG_MODE_ACTIVE) ||
           (uint64_t)((int64_t)(address << (64 - CANONICAL_BITS)) >> (64 - CANONICAL_BITS)) ==
               address;
}

bool walk_check(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                unsigned size, bool writes, struct walk_fault *found) {
    for (unsigned i = 0; i < size; i++) {
        uint64_t where = 0;
        *found = (struct walk_fault){.address = address + i, .vector = VECTOR_PROTECTION};
        if (!is_canonical(walk, address + i)) {
            return false;
        }
        if (!translate(call, walk, address + i, writes, &where, &found->error)) {
            found->vector = VECTOR_PAGE;
            return false;
        }
        if (!memory_check(call->vm, where, 1, writes)) {
            return false; // registers of devices are no operands here
        }
    }
    return true;
}

static uint8_t *byte_at(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                        bool writes) {
    uint64_t where;
    uint32_t error;
    return is_canonical(walk, address) && translate(call, walk, address, writes, &where, &error)
               ? physical(call, where, 1)
               : NULL;
}

bool walk_read(const struct firmware_call *call, const struct walk *walk, uint64_t address,
               uint8_t *into, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
        const uint8_t *byte = byte_at(call, walk, address + i, false);
        if (!byte) {
            return false;
        }
        into[i] = *byte;
    }
    return true;
}

void walk_write(const struct firmware_call *call, const struct walk *walk, uint64_t address,
                const uint8_t *from, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
        uint8_t *byte = byte_at(call, walk, address + i, true);
        if (byte) {
            *byte = from[i];
        }
    }
}
