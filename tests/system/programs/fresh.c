// What a process gets is empty, whoever had it before: each page of memory, on every way to get
// one, and the floating-point registers.
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"
#include "tests/system/programs/raw.h"
#include "tests/system/programs/supply.h"

#define PAGE 4096ul
#define SECRET UINT64_C(0x5ec4e75ec4e75ec5)
#define BSS_PAGES 64ul
#define STACK_PAGES 200l
#define KEPT_FREE 80 // for page tables, and for the parents' own needs
#define EXECUTED 40  // programs
#define WELL 3

static uint64_t bss[BSS_PAGES * PAGE / sizeof(uint64_t)];

// All memory is filled, and the registers are, and then the process is killed.
static void leave_secrets(long pages) {
    if (fork() == 0) {
        raw_fill_fp(1.25);
        uint64_t *memory = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        for (size_t i = 0; i < (size_t)pages * PAGE / sizeof(*memory); i++)
            memory[i] = SECRET;
        raw_fill_fp(1.25);
        kill(getpid(), SIGKILL);
    }
    wait(NULL);
}

static bool is_zero(const volatile uint64_t *memory, size_t size) {
    uint64_t all = 0;
    for (size_t i = 0; i < size / sizeof(*memory); i++)
        all |= memory[i];
    return all == 0;
}

static bool mapped_is_zero(int flags, long pages) {
    const size_t size = (size_t)pages * PAGE;
    uint64_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && is_zero(memory, size) && munmap(memory, size) == 0;
}

static bool heap_is_zero(long pages) {
    const size_t size = (size_t)pages * PAGE;
    const uintptr_t end = (uintptr_t)syscall(SYS_brk, 0);
    const uintptr_t first = (end + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    return (uintptr_t)syscall(SYS_brk, first + size) == first + size &&
           is_zero((const uint64_t *)first, size) && (uintptr_t)syscall(SYS_brk, end) == end;
}

// Below what has been used of it.
static bool stack_is_zero(void) {
    const uintptr_t here = (uintptr_t)&here & ~(uintptr_t)(PAGE - 1);
    return is_zero((const uint64_t *)(here - (uintptr_t)STACK_PAGES * PAGE),
                   (size_t)(STACK_PAGES - 2) * PAGE);
}

static bool all_is_zero(long pages) {
    return mapped_is_zero(MAP_PRIVATE, pages) && mapped_is_zero(MAP_SHARED, pages) &&
           heap_is_zero(pages) && stack_is_zero() && is_zero(bss, sizeof(bss));
}

static bool run(char *words[]) {
    const pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        execv("fresh", words);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == WELL << 8;
}

int main(int count, char *words[]) {
    (void)words;
    // Before anything has been computed.
    if (count > 1)
        return raw_fp_is_fresh() && is_zero(bss, sizeof(bss)) && stack_is_zero() ? WELL : 1;
    report_begin("fresh");
    const long pages = supply_pages() - KEPT_FREE;
    leave_secrets(pages);
    int status = -1;
    if (fork() == 0)
        _exit(all_is_zero(pages - 2 * STACK_PAGES) ? WELL : 1);
    wait(&status);
    int well = 0;
    for (int i = 0; i < EXECUTED; i++) {
        leave_secrets(pages);
        char *again[] = {"fresh", "again", NULL};
        well += run(again);
    }
    const bool zero = status == WELL << 8;
    return report_end(pages > 0 && zero && well == EXECUTED,
                      "memory on every way %s, %d of %d programs began empty",
                      zero ? "zero" : "NOT ZERO", well, EXECUTED);
}
