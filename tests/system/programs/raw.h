// What the C library would not do: threads that it knows nothing of, and all registers of a kind at
// once.
#pragma once

#include <stdbool.h>

// Makes a thread whose first system call is the function's own, on that stack. Without a thread
// pointer of its own it must stay away from the C library but for plain system calls. Returns its
// id, or a negative errno.
long raw_thread(void *stack_end, void (*function)(void));

// Puts this into every floating-point register.
void raw_fill_fp(double value);

// Whether all floating-point registers are positive zeroes, rounding is to nearest and no exception
// has been noted: as a program begins.
bool raw_fp_is_fresh(void);
