// What is always true of the core between two steps: every object's pages belong to it alone, each
// record is in exactly one place, whoever waits really waits, queues and counts agree with what
// they count. Breaking one ends the program with a line that says which.
#pragma once

#include "kernel/cpu.h"

void invariants_check(const struct cpu *cpu);

// And what costs more to look at: no page table leads to the core's memory, no table is shared.
void invariants_check_tables(void);

// Object memory that belongs to no object must not be touched. It may only while pages are taken:
// between open and close.
void invariants_open(void);
void invariants_close(void);
