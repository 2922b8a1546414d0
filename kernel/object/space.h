// A space: page tables, of a task or of a guest's second stage, written by one and the same code
// (kernel/mem/pagetable.c). Its tables come from the pages it was created with; when they are used
// up, mapping fails with NO_MEMORY, for this space alone.
#pragma once

#include "arch/space.h"
#include "kernel/types.h"

struct vcpu;

enum space_kind { SPACE_TASK, SPACE_GUEST };

struct space {
    uint64_t *root;
    char *tables;       // the pages that tables are made of
    uint32_t free;      // how many of them are left
    uint32_t users;     // tasks or vCPUs in it
    uint64_t last_base; // which 2 MiB (address >> 21) …
    uint64_t *last;     // … this table of smallest pages is for: the last one that was used. Tables
                        // live as long as their space, so it can't be stale
    uint16_t id;        // tags its translations in the TLB (riscv64: ASID)
    uint8_t kind;       // enum space_kind
    uint64_t begun;     // a guest's: when the first of its vCPUs was started, in ticks of the
                        // host's counter; 0: none was
    struct vcpu *vcpu[]; // a guest's: by number; SYSCALL_VCPUS_MAX of them
};

// Whether PAGES pages of the pool from index FIRST on can make a space. INVALID: no such kind.
// RANGE: FIRST is not aligned as the root must be, or nothing is left for tables.
NODISCARD enum status space_check(enum space_kind kind, uint32_t first, uint32_t pages);

// Makes the space in these pages, which are taken, the root and the struct zeroed. The root comes
// first, for its alignment; the struct follows it; what is left makes tables.
struct space *space_init(enum space_kind kind, uint32_t first, uint32_t pages);

// The space whose root begins at page FIRST of the pool.
struct space *space_at(uint32_t first);
