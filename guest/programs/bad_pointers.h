// System calls with pointers that the kernel must not follow.
#pragma once

// Makes them all, prints a line each, and returns how many were refused with EFAULT and without any
// other effect; *calls becomes how many there are.
unsigned bad_pointers_refused(unsigned *calls);
