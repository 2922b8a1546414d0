// The architecture's way of making system calls, by include path.
#pragma once

#include "arch/rt_syscall.h"
