// The parts of the program `awkward`.
#pragma once

#include <stdbool.h>

// Whether a call's result says that it failed, by that error.
bool awkward_fails(long result, int error);

// Whether a process that does this is killed by that signal.
bool awkward_dies_of(void (*function)(void), int signal);

// Whether they are as on Linux: a process without its own text or stack; brk(); mmap() and its like
// with arguments of no use.
bool awkward_own_memory_dropped(void);
bool awkward_heap_games(void);
bool awkward_odd_maps(void);
