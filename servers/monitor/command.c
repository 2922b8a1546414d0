// The commands: one table.
#include <string.h>

#include "servers/monitor/monitor.h"

static command_function help, echo;

static const struct command {
    const char *name;
    const char *arguments;
    const char *what;
    unsigned least, most; // words behind the name
    command_function *run;
} commands[] = {
    {"help", "", "this list", 0, 0, help},
    {"ps", "", "servers: state, restarts, memory, the longest pauses in instructions", 0, 0,
     show_ps},
    {"vm", "", "guests and their CPUs", 0, 0, show_vm},
    {"exits", "[on|off]", "exits by class and server; on: instructions are counted as well", 0, 1,
     show_exits},
    {"caps", "NAME", "everything that a server has, with its rights", 1, 1, inspect_caps},
    {"log", "[NAME]", "the last lines of a server's log, or of init's", 0, 1, inspect_log},
    {"kill", "NAME [COUNT]", "ends a server, which is started again, COUNT times", 1, 2, act_kill},
    {"replace", "NAME [PATH]", "by a file on the disk; or by what it was started from", 1, 2,
     act_replace},
    {"echo", "WORD", "says it again", 1, 1, echo},
    {"exit", "", "back to the guest; Ctrl-T does it too", 0, 0, typing_exit},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                 char *const *word) {
    (void)count, (void)word;
    for (unsigned i = 0; i < COMMANDS; i++)
        report_line(&monitor->report[origin], "%-7s %-12s  %s", commands[i].name,
                    commands[i].arguments, commands[i].what);
}

static void echo(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                 char *const *word) {
    (void)count;
    report_line(&monitor->report[origin], "%s", word[1]);
}

// Cuts LINE into words; returns how many there are, one more than fit if there are too many.
static unsigned split(char *line, char **word) {
    unsigned count = 0;
    for (char *rest = NULL, *at = strtok_r(line, " \t", &rest); at != NULL;
         at = strtok_r(NULL, " \t", &rest)) {
        if (count == MONITOR_WORDS)
            return MONITOR_WORDS + 1;
        word[count++] = at;
    }
    return count;
}

void command_run(struct monitor *monitor, enum monitor_origin origin, char *line) {
    struct report *report = &monitor->report[origin];
    char *word[MONITOR_WORDS];
    report_begin(report);
    unsigned count = split(line, word);
    if (count == 0)
        return;
    for (unsigned i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, word[0]) != 0)
            continue;
        if (count - 1 < command->least || count - 1 > command->most)
            report_fail(report, "write: %s%s%s", command->name,
                        command->arguments[0] != '\0' ? " " : "", command->arguments);
        else
            command->run(monitor, origin, count, word);
        return;
    }
    report_fail(report, "there is no command `%.64s`: `help` names them all", word[0]);
}
