// The guest contract, seen from user mode.
#pragma once

// A system call with Linux's number on this architecture's generic table.
long user_syscall(long number, long argument);

// Written by the program; the architecture's start code passes its result to SYS_EXIT.
int main(void);
