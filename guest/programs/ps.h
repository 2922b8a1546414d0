// The table of processes, as the kernel tells it in /proc.
#pragma once

// Prints a line for each process.
void ps_show(void);
