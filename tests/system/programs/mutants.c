// Runs damaged programs, m0, m1 and so on as far as there are any: each for a short time, and then
// whatever has become of it is killed. The machine must be as before.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/supply.h"

#define LIFE (5 * MEASURE_MILLISECOND)
#define NOT_THERE 126

// Whether there was such a program.
static bool run(int number) {
    char name[16];
    snprintf(name, sizeof(name), "m%d", number);
    const pid_t pid = fork();
    if (pid == 0) {
        char *const words[] = {name, "word", NULL};
        execv(name, words);
        _exit(errno == ENOENT ? NOT_THERE : 1);
    }
    const uint64_t last = measure_now() + LIFE;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0 && measure_now() < last)
        measure_sleep_until(measure_now() + LIFE / 10);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE);
}

int main(void) {
    report_begin("mutants");
    setpriority(PRIO_PROCESS, 0, -20);
    supply_warm_up();
    // Its own pages are made when they are first used: it does everything once.
    run(-1);
    supply_kill_others();
    putchar('\n');
    const long before = supply_pages();
    int number = 0, left_over = 0;
    while (run(number)) {
        number++;
        left_over += supply_kill_others() < 0;
    }
    const long lost = before - supply_pages();
    putchar('\n'); // whatever they have written
    return report_end(number > 0 && before > 0 && lost == 0 && left_over == 0,
                      "%d damaged programs run, %d would not go, %ld pages lost", number, left_over,
                      lost);
}
