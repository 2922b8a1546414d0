// What init tells. The window is init's to write and nobody else's; still nothing in it is believed
// to be terminated, counted or in range.
#include <stdio.h>
#include <string.h>

#include "ipc/init.h"
#include "servers/monitor/monitor.h"

enum status look(const struct monitor *monitor, enum monitor_look what, uint64_t number,
                 size_t size, unsigned *count) {
    struct rt_words words = {.word = {INIT_LOOK, what, number}};
    *count = 0;
    if (monitor->init == 0 || monitor->window == NULL)
        return STATUS_NOT_FOUND;
    enum status status = rt_call(monitor->init, &words);
    if (status == STATUS_OK)
        status = (enum status)words.word[0];
    if (status != STATUS_OK)
        return status;
    uint64_t most = monitor->window_size / size;
    *count = (unsigned)(words.word[1] < most ? words.word[1] : most);
    return STATUS_OK;
}

void look_entry(const struct monitor *monitor, unsigned index, void *to, size_t size) {
    memcpy(to, monitor->window + index * size, size);
}

bool look_servers(struct monitor *monitor, struct report *report) {
    unsigned count;
    enum status status = look(monitor, MONITOR_SERVERS, 0, sizeof(struct monitor_server), &count);
    if (status != STATUS_OK || count == 0) {
        report_fail(report, "init does not tell of its servers: %s", status_text(status));
        return false;
    }
    monitor->server_count = count < MONITOR_SERVERS_MAX ? count : MONITOR_SERVERS_MAX;
    for (unsigned i = 0; i < monitor->server_count; i++) {
        struct monitor_server *server = &monitor->server[i];
        look_entry(monitor, i, server, sizeof(*server));
        server->name[sizeof(server->name) - 1] = '\0';
    }
    return true;
}

bool look_find(struct monitor *monitor, const char *name, unsigned *index, struct report *report) {
    if (!look_servers(monitor, report))
        return false;
    for (*index = 0; *index < monitor->server_count; ++*index) {
        if (strcmp(monitor->server[*index].name, name) == 0)
            return true;
    }
    report_fail(report, "there is no server `%.64s`: name one of ", name);
    for (unsigned i = 0; i < monitor->server_count; i++) {
        if (i != 0)
            report_fail_more(report, ", ");
        report_fail_more(report, monitor->server[i].name);
    }
    return false;
}
