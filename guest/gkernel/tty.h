// The console's input: lines, echoed as they are typed. Backspace takes back a character, Ctrl-U
// the line; Ctrl-D at a line's beginning is the end of the input, and ends an unfinished line
// elsewhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Waits for a line. Returns how many bytes of it were taken, at most `size` (the rest is for the
// next call), 0 at the input's end, -EINTR when the thread is killed meanwhile.
int64_t tty_read(char *to, size_t size);
