// What the machine has left, found by using it up.
#pragma once

// How many pages one more process can have. It takes them all and is killed for it: nobody else may
// want memory meanwhile. -1 when there can't be one more process.
long supply_pages(void);

// Kills every other process; returns how many there were. Comes back when they are gone, those that
// have become the kernel's children too, or -1 when some are still there after a second.
int supply_kill_others(void);

// Has the kernel make what it makes once and keeps: as many threads' stacks as there can be.
// Afterwards what supply_pages() finds is always the same.
void supply_warm_up(void);
