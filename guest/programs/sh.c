// A minimal shell: reads lines, runs programs, says how they ended. `help` names what it does
// itself.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/report.h"
#include "guest/programs/ps.h"

#define LINE_MAX_LENGTH 256
#define WORDS_MAX 16
#define PROMPT "$ "

static const char help[] = "PROGRAM [ARGUMENT...] [&]  runs a program, with & beside the shell\n"
                           "ps                         shows the processes\n"
                           "exit [STATUS]              ends the shell; so does the end of input\n"
                           "help                       shows this\n";

// Reads up to the end of a line, which it leaves out, a byte at a time: what follows may be for the
// program that the line starts. What is too long for the buffer is dropped. Returns false at the
// end of input.
static bool read_line(char *line, size_t size) {
    size_t length = 0;
    char c;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
        if (length + 1 < size)
            line[length++] = c;
    }
    line[length] = '\0';
    return got == 1 || length > 0;
}

// Splits a line at its spaces. The words stay in the line; behind the last there is NULL. Those
// that are too many are dropped.
// How many there are; 0 as well when they are too many, which it says.
static unsigned split(char *line, char *words[WORDS_MAX + 1]) {
    unsigned count = 0;
    char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
    for (; word != NULL && count < WORDS_MAX; word = strtok_r(NULL, " \t\r", &rest))
        words[count++] = word;
    words[count] = NULL;
    if (word == NULL)
        return count;
    printf("sh: that is more than %d words\n", WORDS_MAX);
    return 0;
}

static void say_how_it_ended(const char *name, int status) {
    if (WIFSIGNALED(status))
        printf("sh: %s: killed by signal %d\n", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        printf("sh: %s: exit status %d\n", name, WEXITSTATUS(status));
}

// Those that ran beside the shell and have ended meanwhile.
static void reap(void) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        char name[16];
        snprintf(name, sizeof(name), "[%d]", pid);
        printf("%s ended\n", name);
        say_how_it_ended(name, status);
    }
}

static void run(char *words[], bool beside) {
    const pid_t pid = fork();
    if (pid < 0) {
        printf("sh: no process for %s: %s\n", words[0], strerror(errno));
        return;
    }
    if (pid == 0) {
        char *const environment[] = {NULL};
        execve(words[0], words, environment);
        printf("sh: %s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    if (beside) {
        printf("[%d]\n", pid);
        return;
    }
    int status;
    if (waitpid(pid, &status, 0) == pid)
        say_how_it_ended(words[0], status);
}

static void obey(char *words[], unsigned count) {
    const bool beside = strcmp(words[count - 1], "&") == 0;
    if (beside)
        words[--count] = NULL;
    if (count == 0)
        return;
    if (strcmp(words[0], "help") == 0)
        fputs(help, stdout);
    else if (strcmp(words[0], "ps") == 0)
        ps_show();
    else if (strcmp(words[0], "exit") == 0)
        exit(count > 1 ? atoi(words[1]) : 0);
    else
        run(words, beside);
}

int main(void) {
    report_begin("sh");
    char line[LINE_MAX_LENGTH], *words[WORDS_MAX + 1];
    for (;;) {
        reap();
        // The prompt is no whole line.
        fputs(PROMPT, stdout);
        fflush(stdout);
        if (!read_line(line, sizeof(line)))
            break;
        const unsigned count = split(line, words);
        if (count > 0)
            obey(words, count);
    }
    putchar('\n');
    return 0;
}
