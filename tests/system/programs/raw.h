// Threads that the C library knows nothing of, as it would not make them.
#pragma once

// Makes a thread whose first system call is the function's own, on that stack. Without a thread
// pointer of its own it must stay away from the C library but for plain system calls. Returns its
// id, or a negative errno.
long raw_thread(void *stack_end, void (*function)(void));
