// Threads wait for words in memory that is given back meanwhile. Whoever gets that memory next must
// not meet them there: a wake-up that they took would be missing where it was meant.
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/raw.h"
#include "tests/system/programs/supply.h"

#define PAGE 4096ul
#define WAITERS 100ul
#define STACK_SIZE 256
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define KEPT_FREE 50 // pages for others

static char stacks[WAITERS][STACK_SIZE] __attribute__((aligned(16)));
static char *shared;
static unsigned long waiters;

static void wait_for_word(void) {
    const unsigned long number = __atomic_fetch_add(&waiters, 1, __ATOMIC_RELAXED);
    for (;;)
        syscall(SYS_futex, shared + number * PAGE, FUTEX_WAIT, 0, NULL);
}

static char *share(unsigned long pages) {
    return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

// Lets threads wait, and takes the memory away from them.
static _Noreturn void abandon(void) {
    shared = share(WAITERS);
    for (unsigned long i = 0; shared != MAP_FAILED && i < WAITERS; i++)
        raw_thread(stacks[i] + STACK_SIZE, wait_for_word);
    measure_sleep_until(measure_now() + 20 * MEASURE_MILLISECOND);
    munmap(shared, WAITERS * PAGE);
    for (;;)
        measure_sleep_until(measure_now() + MEASURE_SECOND);
}

int main(void) {
    report_begin("recycled");
    supply_warm_up();
    const pid_t pid = fork();
    if (pid == 0)
        abandon();
    measure_sleep_until(measure_now() + 40 * MEASURE_MILLISECOND);
    // All the memory there is has been somebody's.
    const unsigned long pages = (unsigned long)(supply_pages() - KEPT_FREE);
    char *own = share(pages);
    if (own == MAP_FAILED)
        return report_end(false, "no memory");
    long met = 0;
    for (unsigned long i = 0; i < pages; i++)
        met += syscall(SYS_futex, own + i * PAGE, FUTEX_WAKE, 1);
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    return report_end(met == 0 && status == SIGKILL, "%ld foreign threads met in new memory", met);
}
