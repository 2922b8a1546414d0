#include "guest/programs/ps.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The kernel's highest, and one more.
#define PIDS 1024

// proc(5) counts CPU time in ticks of a hundredth of a second.
#define TICK_MS 10

static bool read_stat(int pid, char *text, size_t size) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    const int file = open(path, O_RDONLY);
    if (file < 0)
        return false;
    const ssize_t got = read(file, text, size - 1);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

// The name stands in brackets and may hold anything: the last bracket closes it. Behind it are the
// state, the parent, and numbers of which the 14th, 15th and 19th of all fields matter here: user
// time, system time and nice.
static void show(int pid, char *text) {
    char *name = strchr(text, '('), *rest = strrchr(text, ')');
    if (name == NULL || rest == NULL)
        return;
    *rest = '\0';
    char state;
    int parent;
    long user, system, nice;
    if (sscanf(rest + 2, "%c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %ld %*s %*s %*s %ld",
               &state, &parent, &user, &system, &nice) == 5)
        printf("%5d %6d %c %4ld %7ld ms %s\n", pid, parent, state, nice, (user + system) * TICK_MS,
               name + 1);
}

void ps_show(void) {
    char text[512];
    puts("  PID PARENT S NICE  CPU TIME NAME");
    for (int pid = 0; pid < PIDS; pid++) {
        if (read_stat(pid, text, sizeof(text)))
            show(pid, text);
    }
}
