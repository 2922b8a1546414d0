// Does what no program may, each time in a process of its own, which must die of it. Then hands bad
// pointers to system calls, which must refuse them.
//
//     fault             all of it
//     fault NAME        one of the faults, in this process
#include "guest/fault.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/bad_pointers.h"
#include "guest/programs/lib/opaque.h"
#include "guest/programs/lib/report.h"

#define PAGE 4096

static const char constant[] = "written once, by the linker";
static char data[PAGE];
static volatile char sink;
static volatile uintptr_t nowhere;

// Addresses, not pointers: no compiler is to have an opinion about what one points to.
static void read_at(uintptr_t address) { sink = *(volatile char *)address; }

static void write_at(uintptr_t address) { *(volatile char *)address = 1; }

static void jump_to(uintptr_t address) { ((void (*)(void))address)(); }

static char *map(int rights) {
    char *page = mmap(NULL, PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        _exit(1);
    return page;
}

static void null_read(void) { read_at(nowhere); }
static void null_write(void) { write_at(nowhere); }
static void null_jump(void) { jump_to(nowhere); }
static void kernel_read(void) { read_at(fault_kernel_address()); }
static void kernel_write(void) { write_at(fault_kernel_address()); }
static void kernel_jump(void) { jump_to(fault_kernel_address()); }
static void text_write(void) { write_at((uintptr_t)null_read); }
static void constant_write(void) { write_at((uintptr_t)constant); }
static void illegal(void) { fault_illegal_instruction(); }

// The bytes are good instructions, but data.
static void data_jump(void) {
    memcpy(data, (const void *)fault_return, FAULT_RETURN_SIZE);
    jump_to((uintptr_t)data);
}

static void stack_jump(void) {
    char code[FAULT_RETURN_SIZE] __attribute__((aligned(16)));
    memcpy(code, (const void *)fault_return, sizeof(code));
    jump_to((uintptr_t)code);
}

// The volatile use behind the call keeps it from becoming a loop.
__attribute__((noinline)) static unsigned descend(unsigned depth) {
    volatile char frame[256];
    frame[0] = (char)depth;
    return frame[0] + (depth == 0 ? 0 : descend(depth + 1));
}

static void stack_overflow(void) { sink = (char)descend(1); }

static void no_rights(void) {
    char *page = map(PROT_READ | PROT_WRITE);
    *page = 1;
    if (mprotect(page, PAGE, PROT_NONE) == 0)
        read_at((uintptr_t)page);
}

static void read_only(void) {
    char *page = map(PROT_READ);
    read_at((uintptr_t)page);
    write_at((uintptr_t)page);
}

static void unmapped(void) {
    char *page = map(PROT_READ | PROT_WRITE);
    *page = 1;
    if (munmap(page, PAGE) == 0)
        read_at((uintptr_t)page);
}

// The first page behind the one that the heap ends in.
static void behind_heap(void) {
    const uintptr_t end = (uintptr_t)sbrk(0);
    write_at((end + PAGE - 1) / PAGE * PAGE + PAGE);
}

static const struct fault {
    const char *name;
    void (*make)(void);
    int signal;
} faults[] = {
    {"null-read", null_read, SIGSEGV},           {"null-write", null_write, SIGSEGV},
    {"null-jump", null_jump, SIGSEGV},           {"kernel-read", kernel_read, SIGSEGV},
    {"kernel-write", kernel_write, SIGSEGV},     {"kernel-jump", kernel_jump, SIGSEGV},
    {"text-write", text_write, SIGSEGV},         {"constant-write", constant_write, SIGSEGV},
    {"data-jump", data_jump, SIGSEGV},           {"stack-jump", stack_jump, SIGSEGV},
    {"stack-overflow", stack_overflow, SIGSEGV}, {"no-rights", no_rights, SIGSEGV},
    {"read-only", read_only, SIGSEGV},           {"unmapped", unmapped, SIGSEGV},
    {"behind-heap", behind_heap, SIGSEGV},       {"illegal", illegal, SIGILL},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static bool kills(const struct fault *fault) {
    const pid_t pid = fork();
    if (pid == 0) {
        fault->make();
        _exit(0);
    }
    int status = 0;
    const bool waited = pid > 0 && waitpid(pid, &status, 0) == pid;
    const bool ok = waited && WIFSIGNALED(status) && WTERMSIG(status) == fault->signal;
    if (ok)
        printf("%-14s killed by signal %d\n", fault->name, fault->signal);
    else
        printf("%-14s SURVIVED, status 0x%x\n", fault->name, (unsigned)status);
    return ok;
}

static int make_one(const char *name) {
    for (const struct fault *fault = faults; fault < faults + FAULTS; fault++) {
        if (strcmp(fault->name, name) == 0) {
            fault->make();
            return report_end(false, "%s: nothing happened", name);
        }
    }
    return report_end(false, "there is no %s", name);
}

int main(int argc, char **argv) {
    report_begin("fault");
    if (argc > 1)
        return make_one(argv[1]);

    memset(data, 'd', sizeof(data));
    unsigned killed = 0;
    for (const struct fault *fault = faults; fault < faults + FAULTS; fault++)
        killed += kills(fault);
    unsigned calls;
    const unsigned refused = bad_pointers_refused(&calls);

    // Nothing of what they did is seen here.
    bool clean = strcmp(opaque_pointer(constant), "written once, by the linker") == 0;
    for (unsigned i = 0; i < sizeof(data); i++)
        clean = clean && *(volatile char *)&data[i] == 'd';
    return report_end(killed == FAULTS && refused == calls && clean,
                      "%u of %zu faults killed, %u of %u bad pointers refused, own memory %s",
                      killed, FAULTS, refused, calls, clean ? "untouched" : "CHANGED");
}
