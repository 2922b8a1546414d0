// What only single instructions can do: each must have its due end, and none may hang.
#include "tests/system/programs/odd.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define PATIENCE (20 * MEASURE_MILLISECOND)

// How it ended; a process that hangs is killed.
static int status_of(void (*act)(void)) {
    const pid_t pid = fork();
    if (pid == 0) {
        act();
        _exit(0);
    }
    const uint64_t last = measure_now() + PATIENCE;
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (measure_now() >= last)
            kill(pid, SIGKILL);
        measure_sleep_until(measure_now() + MEASURE_MILLISECOND);
    }
    return status;
}

int main(void) {
    report_begin("odd");
    unsigned well = 0;
    for (unsigned i = 0; i < odd_count; i++) {
        const int status = status_of(odd_acts[i].act);
        if (status == odd_acts[i].status)
            well++;
        else
            printf("odd: %s: status %#x, not %#x\n", odd_acts[i].name, status, odd_acts[i].status);
    }
    return report_end(well == odd_count, "%u of %u acts had their due end", well, odd_count);
}
