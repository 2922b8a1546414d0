#include "guest/gkernel/program.h"

#include <stddef.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/elf.h"
#include "guest/lib/string.h"

#define STACK_END UINT64_C(0x40000000)
#define STACK_SIZE (UINT64_C(64) << 10)

// program_images.S.
extern const uint8_t program_init[], program_init_end[];
extern const uint8_t program_fault[], program_fault_end[];

static const struct program {
    const char *name;
    const uint8_t *start, *end;
} programs[] = {
    {"init", program_init, program_init_end},
    {"fault", program_fault, program_fault_end},
};

static const struct program *find(const char *name) {
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strcmp(programs[i].name, name) == 0)
            return &programs[i];
    }
    return NULL;
}

static struct process *start_in(struct space *space, const struct program *program) {
    static const struct space_region stack = {
        .start = STACK_END - STACK_SIZE,
        .end = STACK_END,
        .rights = MMU_READ | MMU_WRITE,
    };
    uint64_t entry;
    if (!elf_load(space, program->start, (uint64_t)(program->end - program->start), &entry) ||
        !space_add(space, &stack)) {
        printk("program: %s is no program for this machine\n", program->name);
        return NULL;
    }
    struct process *process = process_create_user(program->name, 0, space, entry, STACK_END);
    if (process == NULL)
        printk("program: no process is free for %s\n", program->name);
    return process;
}

struct process *program_start(const char *name) {
    const struct program *program = find(name);
    if (program == NULL) {
        printk("program: there is no %s\n", name);
        return NULL;
    }
    struct space space;
    if (!space_create(&space)) {
        printk("program: no memory for %s\n", name);
        return NULL;
    }
    struct process *process = start_in(&space, program);
    if (process == NULL)
        space_destroy(&space);
    return process;
}
