// init's turns, and what it logs meanwhile.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "servers/init/init.h"
#include "tests/unit/init/core.h"

char core_line[CORE_LINES][RT_LOG_LINE];
unsigned core_lines;

static jmp_buf run_end;

_Noreturn void core_end(uint64_t status) {
    core.ended = true;
    core.end = status;
    longjmp(run_end, 1);
}

bool core_run(void (*body)(void *argument), void *argument) {
    if (setjmp(run_end) == 0) {
        body(argument);
        return true;
    }
    return false;
}

struct turn {
    struct message message;
    struct reply reply;
};

static void handle(void *argument) {
    struct turn *turn = argument;
    init_handle(NULL, &turn->message, &turn->reply);
}

// Whoever called goes on, unless init has ended it meanwhile.
static void reply(const struct core_record *record, const struct reply *reply) {
    struct core_task *task = &core.task[record->task];
    if (record->c == EXIT_CALL && task->exists && task->state == TASK_CALLING) {
        memcpy(task->reply, reply->word, sizeof(task->reply));
        task->state = TASK_READY;
    }
}

bool core_turn(void) {
    struct core_portal *portal = &core.portal[0];
    if (core.ended || portal->count == 0) {
        return false;
    }
    struct core_record record = portal->queue[0];
    portal->count--;
    memmove(portal->queue, portal->queue + 1, portal->count * sizeof(record));
    struct turn turn = {.message = {.info = MESSAGE_INFO(record.c, 0, 0), .badge = record.badge}};
    memcpy(turn.message.word, record.word, sizeof(record.word));
    if (!core_run(handle, &turn)) {
        return false;
    }
    reply(&record, &turn.reply);
    return true;
}

void core_turns(void) {
    while (core_turn()) {
    }
}

// As libs/rt/rt.c has it: what is too long is cut.
void rt_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *line = core_line[core_lines++ % CORE_LINES];
    (void)vsnprintf(line, RT_LOG_LINE - 1, format, arguments);
    va_end(arguments);
}

const char *core_find_line(const char *text) {
    for (unsigned i = core_lines; i > 0 && core_lines - i < CORE_LINES; i--) {
        if (strstr(core_line[(i - 1) % CORE_LINES], text)) {
            return core_line[(i - 1) % CORE_LINES];
        }
    }
    return NULL;
}
