#include "guest/gkernel/tty.h"

#include <errno.h>
#include <stdbool.h>

#include "guest/firmware.h"
#include "guest/gkernel/console.h"
#include "guest/gkernel/timer.h"
#include "guest/gkernel/wait.h"
#include "guest/lib/string.h"

#define LINE_SIZE 256
#define TYPED_SIZE 64
// The firmware has no interrupt for what is typed: it is asked while somebody waits for a line.
#define POLL_INTERVAL UINT64_C(10000000) // ns

#define BACKSPACE '\b'
#define DELETE 0x7f
#define CTRL_D 0x04
#define CTRL_U 0x15
#define FIRST_PRINTABLE ' '

static char line[LINE_SIZE];
static size_t length; // of what is in it
static size_t taken;  // by readers
static bool complete; // nothing is added to it any more

// What the firmware has given and is in no line yet.
static char typed[TYPED_SIZE];
static size_t typed_count, typed_used;

static bool next_typed(char *c) {
    if (typed_used == typed_count) {
        typed_count = firmware_read(typed, sizeof(typed));
        typed_used = 0;
    }
    if (typed_used == typed_count)
        return false;
    *c = typed[typed_used++];
    return true;
}

static void rub_out(void) {
    static const char over[] = "\b \b";
    if (length == 0)
        return;
    length--;
    console_write(over, sizeof(over) - 1);
}

static void add(char c) {
    // One place is kept for the line's end.
    if (length == LINE_SIZE - 1 && c != '\n')
        return;
    line[length++] = c;
    console_write(&c, 1);
    complete = c == '\n';
}

static void accept(char c) {
    switch (c) {
    case '\r':
    case '\n':
        add('\n');
        break;
    case BACKSPACE:
    case DELETE:
        rub_out();
        break;
    case CTRL_U:
        while (length > 0)
            rub_out();
        break;
    case CTRL_D:
        complete = true;
        break;
    default:
        if ((unsigned char)c >= FIRST_PRINTABLE || c == '\t')
            add(c);
    }
}

static int64_t take(char *to, size_t size) {
    const size_t left = length - taken;
    const size_t count = left < size ? left : size;
    memcpy(to, line + taken, count);
    taken += count;
    if (taken == length) {
        length = taken = 0;
        complete = false;
    }
    return (int64_t)count;
}

int64_t tty_read(char *to, size_t size) {
    while (!complete) {
        char c;
        while (!complete && next_typed(&c))
            accept(c);
        console_flush();
        if (!complete && wait_in(NULL, timer_now() + POLL_INTERVAL) == WAIT_KILLED)
            return -EINTR;
    }
    return take(to, size);
}
