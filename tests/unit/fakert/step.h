// Deaths at every instruction. A piece of code runs one instruction at a time in a process of its
// own, under the debugger interface of the host; whenever it has changed the memory that outlives
// it, what is there is kept. So the list at the end holds what a successor could find, wherever the
// code had died.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEP_IMAGES 4096

struct step_images {
    size_t size; // of one
    unsigned
        count; // the first is from before the first instruction, the last from behind the last one
    unsigned long instructions;
    uint8_t *image[STEP_IMAGES];
};

// Memory that the code, and whoever comes after it, sees at one address: SIZE bytes of zeros.
void *step_memory(size_t size);

// Runs BODY(ARGUMENT), watching the SIZE bytes at MEMORY, which are left as they were. False: the
// host does not let a process be traced.
bool step_run(void (*body)(void *), void *argument, void *memory, size_t size,
              struct step_images *images);

void step_free(struct step_images *images);
