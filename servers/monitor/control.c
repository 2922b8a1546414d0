// The control line, see control.h.
#include "servers/monitor/control.h"

#include <stdio.h>
#include <string.h>

#include "servers/monitor/monitor.h"

// Chunks that are read at one record. The device interrupts again for what is left.
#define CHUNKS_MAX 64u

// Where the answer to the last request is not all on its way, sends more. False: there is no room.
static bool send_answer(struct monitor *monitor) {
    struct monitor_control *control = &monitor->control;
    const struct monitor_device *device = control->device;
    const struct report *report = &monitor->report[MONITOR_CONTROL];
    if (!control->answering)
        return true;
    if (control->sent < report->used)
        control->sent += device->write(device->context, report->text + control->sent,
                                       report->used - control->sent);
    if (control->sent < report->used)
        return false;
    char end[REPORT_ERROR + 16];
    int length = report->error[0] == '\0'
                     ? snprintf(end, sizeof(end), "ok\n")
                     : snprintf(end, sizeof(end), "error: %s\n", report->error);
    size_t at = control->sent - report->used;
    control->sent += device->write(device->context, end + at, (size_t)length - at);
    control->answering = control->sent < report->used + (size_t)length;
    return !control->answering;
}

void control_answer(struct monitor *monitor) {
    if (monitor->control.device == NULL)
        return;
    monitor->control.sent = 0;
    monitor->control.answering = true;
    (void)send_answer(monitor);
}

void control_expect(struct monitor *monitor, uint64_t size, const char *name) {
    struct monitor_control *control = &monitor->control;
    control->size = control->left = size;
    control->spoiled = false;
    snprintf(control->name, sizeof(control->name), "%s", name);
}

static void run_line(struct monitor *monitor) {
    struct monitor_control *control = &monitor->control;
    struct report *report = &monitor->report[MONITOR_CONTROL];
    size_t length = control->length;
    bool too_long = control->too_long;
    control->length = 0;
    control->too_long = false;
    if (length > 0 && control->line[length - 1] == '\r')
        length--;
    if (length == 0 && !too_long)
        return;
    control->line[length] = '\0';
    report_begin(report);
    if (too_long)
        report_fail(report, "the line is longer than %u bytes", CONTROL_LINE);
    else
        command_run(monitor, MONITOR_CONTROL, control->line);
    if (control->left == 0 && !act_is_busy(monitor, MONITOR_CONTROL))
        control_answer(monitor);
}

// What is too long for its place is counted, and refused at its end.
static void take_file_byte(struct monitor *monitor, uint8_t byte) {
    struct monitor_control *control = &monitor->control;
    uint64_t at = control->size - control->left;
    if (at < monitor->file_size && !control->spoiled)
        monitor->file[at] = byte;
    control->left--;
    if (control->left != 0)
        return;
    act_received(monitor);
    if (!act_is_busy(monitor, MONITOR_CONTROL))
        control_answer(monitor);
}

// Guests stand still meanwhile, so what can't be the mark's beginning nor the file's end is copied
// in one go. Returns how many of the LENGTH bytes at FROM that are.
static size_t take_file_part(struct monitor *monitor, const uint8_t *from, size_t length) {
    struct monitor_control *control = &monitor->control;
    uint64_t at = control->size - control->left;
    if (control->left == 0 || control->mark != 0 || at >= monitor->file_size)
        return 0;
    uint64_t most =
        monitor->file_size - at < control->left - 1 ? monitor->file_size - at : control->left - 1;
    size_t part = length < most ? length : (size_t)most;
    const uint8_t *mark = memchr(from, 255, part);
    part = mark != NULL ? (size_t)(mark - from) : part;
    if (!control->spoiled)
        memcpy(monitor->file + at, from, part);
    control->left -= part;
    return part;
}

static void take_byte(struct monitor *monitor, uint8_t byte) {
    struct monitor_control *control = &monitor->control;
    // The mark's bytes count down from 255, so where it is broken off only a 255 begins it anew.
    if (byte == 255 - control->mark)
        control->mark++;
    else
        control->mark = byte == 255;
    if (control->mark == CONTROL_MARK) {
        control->mark = 0;
        control->left = 0;
        control->length = 0;
        control->too_long = false;
    } else if (control->left != 0) {
        take_file_byte(monitor, byte);
    } else if (byte == '\n') {
        run_line(monitor);
    } else if (control->length < CONTROL_LINE) {
        control->line[control->length++] = (char)byte;
    } else {
        control->too_long = true;
    }
}

void control_work(struct monitor *monitor) {
    struct monitor_control *control = &monitor->control;
    const struct monitor_device *device = control->device;
    if (device == NULL)
        return;
    for (unsigned n = 0; n < CHUNKS_MAX;) {
        // The next request waits for the end of the one before, and its answer.
        if (!send_answer(monitor) || act_is_busy(monitor, MONITOR_CONTROL))
            return;
        if (control->at == control->filled) {
            n++;
            control->at = 0;
            control->filled = device->read(device->context, control->chunk, sizeof(control->chunk));
            if (control->filled == 0)
                return;
        }
        control->at +=
            take_file_part(monitor, control->chunk + control->at, control->filled - control->at);
        if (control->at < control->filled)
            take_byte(monitor, control->chunk[control->at++]);
    }
}
