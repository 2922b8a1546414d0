// System calls, by Linux's generic numbers.
#pragma once

#include <stdint.h>

#include "guest/trap.h"

// The result for the caller, negative errno when it failed. SYS_EXIT does not return.
int64_t syscall_handle(const struct trap_syscall *call);
