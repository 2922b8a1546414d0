// The console: a prompt, a line that can be edited, and the answers.
#include <string.h>

#include "ipc/console.h"
#include "servers/monitor/monitor.h"

#define PROMPT "exeunt> "
#define ANEW "\r\033[K" // the console takes a carriage return for the line's new beginning

enum {
    KEY_END = 0x04, // Ctrl-D
    KEY_BACKSPACE = 0x08,
    KEY_CLEAR = 0x15, // Ctrl-U
    KEY_ESCAPE = 0x1b,
    KEY_DELETE = 0x7f,
};

static void tell(const struct monitor *monitor) {
    if (monitor->console != 0)
        (void)!rt_signal(monitor->console);
}

// Writes all of TEXT. When the ring is full the console is asked to make room; one that can't makes
// none, and the rest is lost.
static void put(struct monitor *monitor, const char *text, size_t size) {
    struct ring *ring = monitor->typing.out;
    uint64_t head = ring->head;
    while (size > 0) {
        uint64_t room = ring_writable(head, ring_load(&ring->tail));
        if (room == 0) {
            struct rt_words words = {.word = {CONSOLE_FLUSH}};
            if (monitor->console != 0)
                (void)!rt_call(monitor->console, &words);
            room = ring_writable(head, ring_load(&ring->tail));
        }
        if (room == 0)
            return;
        for (; room > 0 && size > 0; room--, size--)
            ring->data[head++ % RING_BYTES] = *text++;
        ring_store(&ring->head, head);
    }
}

static void put_text(struct monitor *monitor, const char *text) {
    put(monitor, text, strlen(text));
}

static void draw(struct monitor *monitor) {
    put_text(monitor, ANEW PROMPT);
    put(monitor, monitor->typing.line, monitor->typing.length);
}

static void set_open(struct monitor *monitor, bool open) {
    monitor->typing.length = 0;
    state_set(&monitor->state, &monitor_state(monitor)->open, open);
    state_commit(&monitor->state);
}

static void open_prompt(struct monitor *monitor) {
    set_open(monitor, true);
    put_text(monitor, "monitor: `help` names the commands, Ctrl-T or `exit` leaves\n");
    if (!act_is_busy(monitor, MONITOR_CONSOLE))
        draw(monitor);
}

static void close_prompt(struct monitor *monitor) {
    set_open(monitor, false);
    put_text(monitor, ANEW "monitor: left, what is typed is for the guest\n");
}

void typing_exit(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                 char *const *word) {
    (void)count, (void)word;
    struct ring *ring = monitor->typing.out;
    if (origin != MONITOR_CONSOLE || ring == NULL)
        return;
    close_prompt(monitor);
    __atomic_store_n(&ring->reserved, CONSOLE_FOCUS_LEAVE, __ATOMIC_RELEASE);
}

void typing_answer(struct monitor *monitor) {
    const struct report *report = &monitor->report[MONITOR_CONSOLE];
    if (monitor->typing.out == NULL)
        return;
    put(monitor, report->text, report->used);
    if (report->error[0] != '\0') {
        put_text(monitor, " ");
        put_text(monitor, report->error);
        put_text(monitor, "\n");
    }
    if (monitor_state(monitor)->open)
        draw(monitor);
    tell(monitor);
}

void typing_resume(struct monitor *monitor) {
    if (monitor->typing.out == NULL || monitor_state(monitor)->open == 0)
        return;
    if (!act_is_busy(monitor, MONITOR_CONSOLE))
        draw(monitor);
    tell(monitor);
}

static void run_line(struct monitor *monitor) {
    struct monitor_typing *typing = &monitor->typing;
    typing->line[typing->length] = '\0';
    typing->length = 0;
    put_text(monitor, "\n");
    command_run(monitor, MONITOR_CONSOLE, typing->line);
    if (!act_is_busy(monitor, MONITOR_CONSOLE))
        typing_answer(monitor);
}

// The keys that move the cursor send three bytes or more, which are nobody's text.
static bool is_sequence(struct monitor_typing *typing, uint8_t byte) {
    if (typing->escape == 0 && byte == KEY_ESCAPE) {
        typing->escape = 1;
        return true;
    }
    if (typing->escape == 1) {
        typing->escape = byte == '[' || byte == 'O' ? 2 : 0;
        return typing->escape != 0;
    }
    if (typing->escape == 2) {
        typing->escape = byte >= '@' && byte <= '~' ? 0 : 2;
        return true;
    }
    return false;
}

static void take_key(struct monitor *monitor, uint8_t byte) {
    struct monitor_typing *typing = &monitor->typing;
    bool after_return = typing->after_return;
    typing->after_return = byte == '\r';
    if (is_sequence(typing, byte))
        return;
    switch (byte) {
    case '\n':
        if (after_return)
            return;
        run_line(monitor);
        return;
    case '\r':
        run_line(monitor);
        return;
    case KEY_END:
        if (typing->length == 0) {
            typing_exit(monitor, MONITOR_CONSOLE, 0, NULL);
            tell(monitor);
        }
        return;
    case KEY_CLEAR:
        typing->length = 0;
        draw(monitor);
        return;
    case KEY_BACKSPACE:
    case KEY_DELETE:
        typing->length -= typing->length > 0;
        draw(monitor);
        return;
    default:
        if (byte < ' ' || byte > '~' || typing->length + 1 == sizeof(typing->line))
            return;
        typing->line[typing->length++] = (char)byte;
        put(monitor, (const char *)&byte, 1);
    }
}

static bool has_focus(const struct monitor_typing *typing) {
    return __atomic_load_n(&typing->in->reserved, __ATOMIC_ACQUIRE) == CONSOLE_FOCUS_MONITOR &&
           __atomic_load_n(&typing->out->reserved, __ATOMIC_ACQUIRE) != CONSOLE_FOCUS_LEAVE;
}

void typing_work(struct monitor *monitor) {
    struct monitor_typing *typing = &monitor->typing;
    if (typing->in == NULL || typing->out == NULL)
        return;
    bool changed = has_focus(typing) != (monitor_state(monitor)->open != 0);
    if (changed && has_focus(typing))
        open_prompt(monitor);
    uint64_t count = ring_readable(ring_load(&typing->in->head), typing->in->tail);
    bool typed = count != 0;
    // One that waits for an answer reads on when it has it.
    for (; count > 0 && !act_is_busy(monitor, MONITOR_CONSOLE); count--) {
        uint64_t tail = typing->in->tail;
        uint8_t byte = (uint8_t)typing->in->data[tail % RING_BYTES];
        // Counted first: a command that ends this monitor is not to be given again by the next.
        ring_store(&typing->in->tail, tail + 1);
        if (monitor_state(monitor)->open)
            take_key(monitor, byte);
    }
    if (!has_focus(typing) && monitor_state(monitor)->open) {
        close_prompt(monitor);
        changed = true;
    }
    if (changed || typed)
        tell(monitor);
}
