// Killing and replacing. Both take longer than one record: what is under way stands in the state,
// so that the monitor itself can be killed and replaced, and its successor gives the answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/fs.h"
#include "ipc/init.h"
#include "servers/monitor/monitor.h"

#define KILLS_MAX 1000000u

static void set_job(struct monitor *monitor, enum monitor_job job, enum monitor_origin origin,
                    unsigned server, uint64_t wanted) {
    const struct monitor_state *now = monitor_state(monitor);
    state_set(&monitor->state, &now->job, job);
    state_set(&monitor->state, &now->origin, origin);
    state_set(&monitor->state, &now->server, server);
    state_set(&monitor->state, &now->wanted, wanted);
    state_set(&monitor->state, &now->done, 0);
    state_set(&monitor->state, &now->trusted, 0);
    if (server < monitor->server_count)
        state_set(&monitor->state, &now->deaths, monitor->server[server].restarts);
    state_commit(&monitor->state);
}

static void end_job(struct monitor *monitor) {
    state_set(&monitor->state, &monitor_state(monitor)->job, MONITOR_IDLE);
    state_commit(&monitor->state);
}

static enum status ask(const struct monitor *monitor, struct rt_words *words) {
    enum status status = monitor->init != 0 ? rt_call(monitor->init, words) : STATUS_NOT_FOUND;
    return status == STATUS_OK ? (enum status)words->word[0] : status;
}

// The server that a command is about; it must be one that can be restarted. False: REPORT says why.
static bool choose(struct monitor *monitor, const char *name, unsigned *server,
                   struct report *report) {
    if (monitor_state(monitor)->job != MONITOR_IDLE) {
        report_fail(report, "a server is still being killed or replaced: try again when it serves");
        return false;
    }
    if (!look_find(monitor, name, server, report))
        return false;
    if (*server + 1 == monitor->server_count)
        report_fail(report, "init can be neither killed nor replaced: it restarts all others");
    return report->error[0] == '\0';
}

static bool read_number(const char *text, uint64_t most, uint64_t *number) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= most;
}

// Goes on killing. True: that was the last time, or it can't go on.
static bool kill_on(struct monitor *monitor, struct report *report) {
    const struct monitor_state *state = monitor_state(monitor);
    if (!look_servers(monitor, report) || state->server >= monitor->server_count)
        return true;
    const struct monitor_server *server = &monitor->server[state->server];
    if (server->serves == MONITOR_GIVEN_UP) {
        report_fail(report, "%s died too often and is not started again", server->name);
        return true;
    }
    if (server->serves == MONITOR_STARTING)
        return false; // init says when it does
    if (server->restarts != state->deaths) {
        uint64_t done = state->done + 1;
        state_set(&monitor->state, &state->done, done);
        state_set(&monitor->state, &state->deaths, server->restarts);
        state_commit(&monitor->state);
        state = monitor_state(monitor);
        if (done >= state->wanted) {
            if (done == 1)
                report_line(report, "%s: killed, serves again", server->name);
            else
                report_line(report, "%s: killed %s times, serves again", server->name,
                            REPORT_GROUPED(done));
            return true;
        }
    }
    struct rt_words words = {.word = {INIT_KILL, state->server}};
    enum status status = ask(monitor, &words);
    if (status != STATUS_OK)
        report_fail(report, "init does not kill it: %s", status_text(status));
    return status != STATUS_OK;
}

static void tell_outcome(const struct monitor *monitor, const struct rt_words *words,
                         struct report *report) {
    const char *name = monitor->server[words->word[2]].name;
    const char *why = status_text((enum status)words->word[3]);
    switch ((enum monitor_outcome)words->word[1]) {
    case MONITOR_REPLACED:
        // Where nobody has waited for an answer, none was given yet.
        if (words->word[4] == 0)
            report_line(report, "%s: replaced", name);
        else
            report_line(report, "%s: replaced, guests paused %s instructions", name,
                        REPORT_GROUPED(words->word[4]));
        break;
    case MONITOR_REFUSED:
        report_fail(report,
                    "%s: the new one can't go on from the old one's state (%s): the old one "
                    "serves",
                    name, why);
        break;
    case MONITOR_FAILED:
        report_fail(report, "%s: the new one died before it served: the old one serves", name);
        break;
    default:
        report_fail(report, "%s: init knows of no replacement: try again", name);
        break;
    }
}

// Looks what became of a replacement. True: it is decided.
static bool replace_on(struct monitor *monitor, struct report *report) {
    const struct monitor_state *state = monitor_state(monitor);
    struct rt_words words = {.word = {INIT_OUTCOME}};
    if (state->trusted == 0) {
        report_fail(report, "the monitor died before it could ask init: try again");
        return true;
    }
    enum status status = ask(monitor, &words);
    if (status != STATUS_OK) {
        report_fail(report, "init does not tell what became of it: %s", status_text(status));
        return true;
    }
    if (words.word[1] == MONITOR_PREPARING || words.word[1] == MONITOR_SWITCHING)
        return false;
    if (!look_servers(monitor, report))
        return true;
    if (words.word[2] != state->server || words.word[2] >= monitor->server_count) {
        words.word[2] = state->server < monitor->server_count ? state->server : 0;
        words.word[1] = MONITOR_NONE;
    }
    tell_outcome(monitor, &words, report);
    return true;
}

// True: the job has ended, and its report is written.
static bool go_on(struct monitor *monitor) {
    const struct monitor_state *state = monitor_state(monitor);
    struct report *report = &monitor->report[state->origin % MONITOR_ORIGINS];
    report_begin(report);
    bool ended =
        state->job == MONITOR_KILLING ? kill_on(monitor, report) : replace_on(monitor, report);
    if (ended)
        end_job(monitor);
    return ended;
}

void act_advance(struct monitor *monitor) {
    const struct monitor_state *state = monitor_state(monitor);
    if (state->job == MONITOR_IDLE || !go_on(monitor))
        return;
    if (monitor_state(monitor)->origin == MONITOR_CONTROL)
        control_answer(monitor);
    else
        typing_answer(monitor);
}

void act_kill(struct monitor *monitor, enum monitor_origin origin, unsigned count,
              char *const *word) {
    struct report *report = &monitor->report[origin];
    unsigned server;
    uint64_t wanted = 1;
    if (count > 2 && (!read_number(word[2], KILLS_MAX, &wanted) || wanted == 0)) {
        report_fail(report, "`%.32s` is no count: write one from 1 to %u", word[2], KILLS_MAX);
        return;
    }
    if (!choose(monitor, word[1], &server, report))
        return;
    // Its successor gets the record that is being served now once more. A few deaths on one record,
    // and nobody would be started again.
    if (strncmp(word[1], rt_config->name, CONFIG_NAME) == 0 && (wanted > 1 || monitor->attempt)) {
        report_fail(report, "%s kills itself once at a time: try again", word[1]);
        return;
    }
    set_job(monitor, MONITOR_KILLING, origin, server, wanted);
    (void)go_on(monitor);
}

// Has fs-loader read the file PATH into the buffer.
static bool read_file(struct monitor *monitor, const char *path, uint64_t *bytes,
                      struct report *report) {
    if (monitor->loader == 0 || monitor->file == NULL || monitor->file_size < FS_PATH) {
        report_fail(report, "the monitor can't reach the disk: the manifest gives it no fs-loader");
        return false;
    }
    if (strlen(path) >= FS_PATH) {
        report_fail(report, "the path is longer than %u bytes", FS_PATH - 1);
        return false;
    }
    monitor->control.spoiled = true;
    memset(monitor->file, 0, FS_PATH);
    memcpy(monitor->file, path, strlen(path));
    struct rt_words words = {.word = {FS_READ}};
    enum status status = rt_call(monitor->loader, &words);
    if (status == STATUS_OK)
        status = (enum status)words.word[0];
    *bytes = words.word[1];
    if (status == STATUS_NOT_FOUND)
        report_fail(report, "%s is not on the disk: put it there, or send it by the control line",
                    path);
    else if (status == STATUS_RANGE || (status == STATUS_OK && *bytes > monitor->file_size))
        report_fail(report, "%s has %s bytes, at most %s fit: strip it", path,
                    REPORT_GROUPED(*bytes), REPORT_GROUPED(monitor->file_size));
    else if (status != STATUS_OK)
        report_fail(report, "%s can't be read (`log fs-loader` says more): %s", path,
                    status_text(status));
    else if (*bytes == 0)
        report_fail(report, "%s is empty: it must be an ELF file", path);
    return report->error[0] == '\0';
}

// Asks init for it: BYTES of the buffer are the file, 0 for what it was started from.
static void begin(struct monitor *monitor, enum monitor_origin origin, unsigned server,
                  uint64_t bytes) {
    struct report *report = &monitor->report[origin];
    set_job(monitor, MONITOR_REPLACING, origin, server, 1);
    struct rt_words words = {.word = {INIT_REPLACE, server, bytes}};
    enum status status = ask(monitor, &words);
    if (status == STATUS_OK) {
        state_set(&monitor->state, &monitor_state(monitor)->trusted, 1);
        state_commit(&monitor->state);
        return;
    }
    end_job(monitor);
    if (status == STATUS_INVALID)
        report_fail(report, "init does not take the file (`log` says why): the old one serves");
    else
        report_fail(report, "init does not replace it: %s", status_text(status));
}

void act_replace(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                 char *const *word) {
    struct report *report = &monitor->report[origin];
    unsigned server;
    uint64_t bytes = 0;
    if (count > 2 && word[2][0] == '#') {
        if (origin != MONITOR_CONTROL)
            report_fail(report, "a file can follow on the control line only: name one on the disk");
        else if (!read_number(word[2] + 1, UINT32_MAX, &bytes) || bytes == 0)
            report_fail(report, "`%.32s` is no size: write how many bytes follow", word[2]);
        else
            control_expect(monitor, bytes, word[1]);
        return;
    }
    if (!choose(monitor, word[1], &server, report))
        return;
    if (count > 2 && !read_file(monitor, word[2], &bytes, report))
        return;
    begin(monitor, origin, server, bytes);
}

void act_received(struct monitor *monitor) {
    struct monitor_control *control = &monitor->control;
    struct report *report = &monitor->report[MONITOR_CONTROL];
    unsigned server;
    report_begin(report);
    if (control->size > monitor->file_size)
        report_fail(report, "the file has %s bytes, at most %s fit: strip it",
                    REPORT_GROUPED(control->size), REPORT_GROUPED(monitor->file_size));
    else if (control->spoiled)
        report_fail(report, "somebody at the console used the file's place: try again");
    else if (choose(monitor, control->name, &server, report))
        begin(monitor, MONITOR_CONTROL, server, control->size);
}
