// The start, and the records.
#include <string.h>

#include "servers/monitor/monitor.h"

static unsigned find_cap(const char *name) {
    const struct config_entry *entry = rt_find(name, 0);
    return entry != NULL && entry->kind == CONFIG_CAP ? entry->slot : 0;
}

// The window NAME, if it has at least SIZE bytes.
static void *find_window(const char *name, size_t size, size_t *found) {
    const struct config_entry *entry = rt_find(name, 0);
    if (entry == NULL || entry->kind != CONFIG_WINDOW || entry->size < size)
        return NULL;
    if (found != NULL)
        *found = entry->size;
    return (void *)(uintptr_t)entry->address;
}

void monitor_configure(struct monitor *monitor) {
    memset(monitor, 0, sizeof(*monitor));
    monitor->init = find_cap("init");
    monitor->console = find_cap("console");
    monitor->loader = find_cap("fs-loader");
    monitor->window = find_window("monitor", 1, &monitor->window_size);
    monitor->file = find_window("fs-buffer", 1, &monitor->file_size);
    monitor->typing.out = find_window("console-out", sizeof(struct ring), NULL);
    monitor->typing.in = find_window("console-in", sizeof(struct ring), NULL);
}

static bool is_valid(const struct monitor_state *state) {
    return state->open <= 1 && state->job <= MONITOR_KILLING && state->origin < MONITOR_ORIGINS &&
           state->server < MONITOR_SERVERS_MAX;
}

enum status monitor_adopt(struct monitor *monitor, void *region, size_t size) {
    const struct state_layout layout = {
        .owner = "monitor",
        .version = MONITOR_STATE_VERSION,
        .size = sizeof(struct monitor_state),
    };
    enum status status = state_open(&monitor->state, region, size, &layout);
    if (status == STATUS_OK && !is_valid(monitor_state(monitor)))
        status = STATUS_CORRUPT;
    if (status == STATUS_CORRUPT) {
        // What is lost by beginning anew is an answer that somebody waits for.
        memset(region, 0, sizeof(struct state_header));
        status = state_open(&monitor->state, region, size, &layout);
    }
    return status;
}

void monitor_work(struct monitor *monitor) {
    act_advance(monitor);
    typing_work(monitor);
    control_work(monitor);
}

void monitor_handle(void *state, const struct message *record, struct reply *reply) {
    struct monitor *monitor = state;
    const struct monitor_device *device = monitor->control.device;
    monitor->attempt = MESSAGE_ATTEMPT(record->info);
    switch (MESSAGE_CLASS(record->info)) {
    case EXIT_CALL:
        reply->word[0] = STATUS_UNSUPPORTED;
        break;
    case EXIT_IRQ:
        if (device != NULL)
            device->acknowledge(device->context);
        monitor_work(monitor);
        break;
    case EXIT_SIGNAL:
        monitor_work(monitor);
        break;
    default:
        break;
    }
}
