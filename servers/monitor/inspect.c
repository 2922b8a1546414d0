// One server: what it has, what it said.
#include <stdio.h>
#include <string.h>

#include "ipc/cap.h"
#include "ipc/config.h"
#include "servers/monitor/monitor.h"

static const char *rights_text(char text[static 4], uint64_t rights) {
    snprintf(text, 4, "%c%c%c", rights & RIGHT_R ? 'r' : '-', rights & RIGHT_W ? 'w' : '-',
             rights & RIGHT_X ? 'x' : '-');
    return text;
}

// Portals carry no rights in a config: to call is all that they are given for. Nor do vCPUs, which
// may only be read.
static void list_cap(struct report *report, const struct config_entry *entry) {
    char rights[4];
    if (entry->size != 0)
        report_line(report, "%-7s  %-23s  %4u  %-6s  %14s  %14s  0x%010llx", "frame", entry->name,
                    entry->slot, rights_text(rights, entry->rights), "-",
                    REPORT_GROUPED(entry->size), (unsigned long long)entry->physical);
    else
        report_line(report, "%-7s  %-23s  %4u  %-6s  %14s  %14s  %12s",
                    strncmp(entry->name, "vcpu-", 5) == 0 ? "vcpu" : "portal", entry->name,
                    entry->slot, strncmp(entry->name, "vcpu-", 5) == 0 ? "read" : "call", "-", "-",
                    "-");
}

static void list_window(struct report *report, const struct config_entry *entry) {
    char rights[4];
    report_line(report, "%-7s  %-23s  %4s  %-6s  0x%012llx  %14s  0x%010llx", "window", entry->name,
                "-", rights_text(rights, entry->rights), (unsigned long long)entry->address,
                REPORT_GROUPED(entry->size), (unsigned long long)entry->physical);
}

static void list_config(const struct monitor *monitor, size_t bytes, struct report *report) {
    struct config config;
    if (bytes < sizeof(config)) {
        report_fail(report, "its config is too short: init has written none");
        return;
    }
    look_entry(monitor, 0, &config, sizeof(config));
    size_t most = (bytes - sizeof(config)) / sizeof(struct config_entry);
    report_line(report, "%-7s  %-23s  %4s  %-6s  %14s  %14s  %12s", "KIND", "NAME", "SLOT",
                "RIGHTS", "ADDRESS", "BYTES", "HOST");
    for (size_t i = 0; i < config.count && i < most; i++) {
        struct config_entry entry;
        memcpy(&entry, monitor->window + sizeof(config) + i * sizeof(entry), sizeof(entry));
        entry.name[CONFIG_NAME - 1] = '\0';
        if (entry.kind == CONFIG_CAP)
            list_cap(report, &entry);
        else if (entry.kind == CONFIG_WINDOW)
            list_window(report, &entry);
    }
}

void inspect_caps(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                  char *const *word) {
    (void)count;
    struct report *report = &monitor->report[origin];
    unsigned index, bytes;
    if (!look_find(monitor, word[1], &index, report))
        return;
    if (index + 1 == monitor->server_count) {
        report_line(report, "init has all memory and all objects: it hands them out");
        return;
    }
    enum status status = look(monitor, MONITOR_CONFIG, index, 1, &bytes);
    if (status != STATUS_OK)
        report_fail(report, "init does not tell: %s", status_text(status));
    else
        list_config(monitor, bytes, report);
}

// The text from AT on up to, not including, END; returns what is behind its newline.
static size_t list_line(const struct monitor *monitor, size_t at, size_t end,
                        struct report *report) {
    size_t length = 0;
    while (at + length < end && monitor->window[at + length] != '\n')
        length++;
    if (at + length < end || length != 0)
        report_line(report, "%.*s", (int)length, (const char *)monitor->window + at);
    return at + length + 1;
}

void inspect_log(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                 char *const *word) {
    struct report *report = &monitor->report[origin];
    unsigned index, bytes;
    if (!look_find(monitor, count > 1 ? word[1] : "init", &index, report))
        return;
    enum status status = look(monitor, MONITOR_LOG, index, 1, &bytes);
    if (status != STATUS_OK) {
        report_fail(report, "init does not tell: %s", status_text(status));
        return;
    }
    size_t at = 0;
    // Of a ring that has gone round, the first line may be half a line.
    if (bytes >= RING_BYTES) {
        while (at < bytes && monitor->window[at++] != '\n')
            continue;
    }
    while (at < bytes)
        at = list_line(monitor, at, bytes, report);
    if (bytes == 0)
        report_line(report, "(nothing was said so far)");
}
