// Awkward memory.
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/programs/awkward.h"

#define PAGE 4096ul

static void drop_text(void) {
    void *page = (void *)((uintptr_t)drop_text & ~(uintptr_t)(PAGE - 1));
    munmap(page, PAGE);
}
static void drop_stack(void) {
    const uintptr_t here = (uintptr_t)&here & ~(uintptr_t)(PAGE - 1);
    munmap((void *)here, PAGE);
}
static void drop_all(void) { syscall(SYS_munmap, PAGE, (uintptr_t)0x3ffff000 - PAGE); }

bool awkward_own_memory_dropped(void) {
    return awkward_dies_of(drop_text, SIGSEGV) && awkward_dies_of(drop_stack, SIGSEGV) &&
           awkward_dies_of(drop_all, SIGSEGV);
}

bool awkward_heap_games(void) {
    const uintptr_t end = (uintptr_t)syscall(SYS_brk, 0);
    bool ok = (uintptr_t)syscall(SYS_brk, 1) == end;
    ok = ok && (uintptr_t)syscall(SYS_brk, UINT64_MAX) == end;
    ok = ok && (uintptr_t)syscall(SYS_brk, end + 3) == end + 3;
    memset((void *)end, 'x', 3);
    ok = ok && (uintptr_t)syscall(SYS_brk, end + 3 * PAGE) == end + 3 * PAGE;
    ok = ok && *(char *)(end + 2) == 'x';
    ok = ok && munmap((void *)((end + PAGE) & ~(uintptr_t)(PAGE - 1)), PAGE) == 0;
    ok = ok && (uintptr_t)syscall(SYS_brk, end) == end;
    ok = ok && (uintptr_t)syscall(SYS_brk, end + 3 * PAGE) == end + 3 * PAGE;
    for (uintptr_t at = (end + PAGE - 1) & ~(uintptr_t)(PAGE - 1); at < end + 3 * PAGE; at++)
        ok = ok && *(char *)at == 0;
    return ok && (uintptr_t)syscall(SYS_brk, end) == end;
}

bool awkward_odd_maps(void) {
    const int private = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, private, -1, 0);
    bool ok = page != MAP_FAILED;
    ok = ok && awkward_fails(syscall(SYS_mmap, NULL, 0, PROT_READ, private, -1, 0), EINVAL);
    ok = ok && mmap(NULL, SIZE_MAX, PROT_READ, private, -1, 0) == MAP_FAILED && errno == ENOMEM;
    ok = ok && mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL;
    ok = ok && mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF;
    ok = ok && awkward_fails(munmap(page + 1, PAGE), EINVAL) &&
         awkward_fails(munmap(page, 0), EINVAL);
    ok = ok && munmap(page + PAGE, PAGE) == 0 && munmap(page + PAGE, PAGE) == 0;
    ok = ok && awkward_fails(mprotect(page, 3 * PAGE, PROT_READ), ENOMEM);
    ok = ok && awkward_fails(syscall(SYS_mprotect, page + 1, PAGE, PROT_READ), EINVAL) &&
         mprotect(page, 0, 0) == 0;
    return ok && munmap(page, 3 * PAGE) == 0;
}
