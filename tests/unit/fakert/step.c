#include "tests/unit/fakert/step.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define DONE 0
#define NO_TRACE 77

void *step_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

static void keep(struct step_images *images, const void *memory) {
    if (images->count == STEP_IMAGES) {
        fprintf(stderr, "step: too many different images\n");
        abort();
    }
    uint8_t *image = malloc(images->size);
    memcpy(image, memory, images->size);
    images->image[images->count++] = image;
}

// A function with a frame of its own lets the address sanitizer do what it has put off: that would
// be a quarter of a million instructions.
__attribute__((noinline)) static void settle_sanitizer(volatile char *byte) {
    volatile char frame[64];
    frame[*byte & 63] = *byte;
    *byte = frame[*byte & 63];
}

static _Noreturn void be_traced(void (*body)(void *), void *argument) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(NO_TRACE);
    }
    volatile char byte = 0;
    settle_sanitizer(&byte);
    raise(SIGSTOP);
    body(argument);
    raise(SIGSTOP);
    _exit(DONE);
}

bool step_run(void (*body)(void *), void *argument, void *memory, size_t size,
              struct step_images *images) {
    *images = (struct step_images){.size = size};
    keep(images, memory);
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        be_traced(body, argument);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        return false;
    }
    do {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ||
            waitpid(child, &status, 0) != child) {
            abort();
        }
        images->instructions++;
        if (memcmp(memory, images->image[images->count - 1], size) != 0) {
            keep(images, memory);
        }
    } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) {
        fprintf(stderr, "step: the code ended by itself, status 0x%x\n", (unsigned)status);
        abort();
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    memcpy(memory, images->image[0], size);
    return true;
}

void step_free(struct step_images *images) {
    for (unsigned i = 0; i < images->count; i++) {
        free(images->image[i]);
    }
    images->count = 0;
}
