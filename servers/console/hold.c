#include "servers/console/hold.h"

static bool is_young(struct console *console, uint64_t since) {
    bool young = rt_now() - since < console->patience;
    console->waits |= young;
    return young;
}

bool hold_begun(struct console *console, unsigned index, uint64_t begin) {
    struct console_peer *peer = &console->peer[index];
    if (peer->line != begin) {
        peer->line = begin;
        peer->line_since = rt_now();
    }
    return is_young(console, peer->line_since);
}

void hold_written(struct console *console) { console->shown_since = rt_now(); }

bool hold_shown(struct console *console) { return is_young(console, console->shown_since); }

void hold_look_again(struct console *console) {
    if (console->waits && rt_signal_later(console->self) != STATUS_OK) {
        console->patience = 0; // nobody would wake this server for what it keeps back
    }
    console->waits = false;
}
