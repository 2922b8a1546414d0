// The console server's protocol. Each client has a ring for its output and, where the manifest
// says so, one for its input; the client signals the console's portal after writing, the console
// signals the client's after adding input (when the client gave it a portal to signal).
//
// Calls: word[0] = enum console_op.
#pragma once

#include <stdint.h>

enum console_op {
    // Write before answering what the caller's ring (known by its badge) holds, but for a guest's
    // unfinished line that takes less than half of it. For a client whose ring is full.
    // Reply: word[0] = status; IO: the UART takes no more now.
    CONSOLE_FLUSH,
};

// What a client is decides how its lines are shown: the hypervisor's own lines never stand in the
// middle of a guest's line. The monitor's last line, as long as no newline ends it, is what is
// being typed: it always stands below everybody else's lines, and its bytes are read from the ring
// only when it has ended, or begun anew (carriage return).
enum console_client { CONSOLE_CLIENT_HYPERVISOR, CONSOLE_CLIENT_GUEST, CONSOLE_CLIENT_MONITOR };

// The `reserved` word of a guest's output ring: 1, the console was told that there is something,
// and has not looked since. Whoever writes to the ring sets it, behind the head, before a
// SIGNAL_LATER; the console takes it back before it looks (libs/ring/publish.h).

// The `reserved` word of the monitor's two rings. Of its input ring, the console's: what is typed
// goes to the monitor. Of its output ring, the monitor's: it shall not go there any more; the
// console takes that back when it has done it.
enum console_focus { CONSOLE_FOCUS_GUEST, CONSOLE_FOCUS_MONITOR, CONSOLE_FOCUS_LEAVE };
