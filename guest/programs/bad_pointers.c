#include "guest/programs/bad_pointers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/fault.h"
#include "guest/programs/lib/opaque.h"

// Where a pointer can point to that is not for this process, or not for writing.
enum place { NOWHERE, KERNEL, LAST_PAGE, TEXT, CONSTANT, UNMAPPED, PLACES };

static const char *const place_names[PLACES] = {
    [NOWHERE] = "null",     [KERNEL] = "the kernel",  [LAST_PAGE] = "the last page",
    [TEXT] = "the program", [CONSTANT] = "constants", [UNMAPPED] = "unmapped",
};

static const char constant[64] __attribute__((aligned(64))) = "constant";

#define PAGE 4096

static long unmapped_page(void) {
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, PAGE);
    return (long)page;
}

static long address_of(enum place place) {
    switch (place) {
    case KERNEL:
        return (long)fault_kernel_address();
    case LAST_PAGE:
        return -PAGE;
    case TEXT:
        return (long)fault_return;
    case CONSTANT:
        return (long)constant;
    case UNMAPPED:
        return unmapped_page();
    default:
        return 0;
    }
}

// Each as Linux's system call takes it; the C library would look at some of the pointers itself.
// nanosleep() is not among them: QEMU's user mode, by which it is checked that Linux answers as is
// expected here, does not look at its pointer.
static long call_write(long bad) { return syscall(SYS_write, STDOUT_FILENO, bad, 8); }

static long call_writev(long bad) { return syscall(SYS_writev, STDOUT_FILENO, bad, 1); }

static long call_writev_part(long bad) {
    const struct iovec part = {(void *)bad, 8};
    return syscall(SYS_writev, STDOUT_FILENO, &part, 1);
}

static long call_clock(long bad) { return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad); }

static long call_usage(long bad) { return syscall(SYS_getrusage, 0, bad); }

static long call_open(long bad) { return syscall(SYS_openat, AT_FDCWD, bad, O_RDONLY); }

static long call_execve(long bad) { return syscall(SYS_execve, bad, 0, 0); }

static long call_futex(long bad) { return syscall(SYS_futex, bad, 0 /* FUTEX_WAIT */, 0, 0); }

// The child is there to be waited for. It stays when the call is refused: only its number could not
// be handed over.
static long call_wait(long bad) {
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    const long result = syscall(SYS_wait4, pid, bad, 0, 0);
    const int error = errno;
    waitpid(pid, NULL, 0);
    errno = error;
    return result;
}

#define READING (1 << NOWHERE | 1 << KERNEL | 1 << LAST_PAGE | 1 << UNMAPPED)
#define WRITING (1 << KERNEL | 1 << LAST_PAGE | 1 << UNMAPPED | 1 << TEXT | 1 << CONSTANT)

static const struct call {
    const char *name;
    long (*make)(long bad);
    unsigned places; // where it must refuse to look
} table[] = {
    {"write", call_write, READING},
    {"writev", call_writev, READING},
    {"writev's part", call_writev_part, READING},
    {"openat", call_open, READING},
    {"execve", call_execve, READING},
    {"futex", call_futex, READING},
    {"clock_gettime", call_clock, WRITING | 1 << NOWHERE},
    {"getrusage", call_usage, WRITING | 1 << NOWHERE},
    {"wait4", call_wait, WRITING},
};

static bool refuses(const struct call *call, enum place place) {
    errno = 0;
    const long result = call->make(address_of(place));
    if (result == -1 && errno == EFAULT)
        return true;
    printf("%s from %s: NOT REFUSED, result %ld, error %d\n", call->name, place_names[place],
           result, errno);
    return false;
}

unsigned bad_pointers_refused(unsigned *calls) {
    unsigned refused = 0;
    *calls = 0;
    for (const struct call *call = table; call < table + sizeof(table) / sizeof(table[0]); call++) {
        unsigned here = 0, tried = 0;
        for (enum place place = NOWHERE; place < PLACES; place++) {
            if (call->places & 1u << place) {
                tried++;
                here += refuses(call, place);
            }
        }
        printf("%-14s %u of %u bad pointers refused\n", call->name, here, tried);
        refused += here;
        *calls += tried;
    }
    return strcmp(opaque_pointer(constant), "constant") == 0 ? refused : 0;
}
