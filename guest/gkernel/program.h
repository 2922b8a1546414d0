// The user programs that are built into the kernel.
#pragma once

#include "guest/gkernel/process.h"

// Starts the program of that name with a stack, nice 0. NULL, and a message, when it can't.
struct process *program_start(const char *name);
