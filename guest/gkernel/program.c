#include "guest/gkernel/program.h"

#include <elf.h>
#include <errno.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/elf.h"
#include "guest/gkernel/pflash.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/user_memory.h"
#include "guest/lib/string.h"
#include "guest/trap.h"

#define CODE_NOT_STARTED 127
#define CODE_KILLED 128
#define STACK_ALIGNMENT 16
#define AUXILIARY_COUNT 11

bool program_add_argument(struct program_arguments *arguments, const char *text) {
    const size_t size = strlen(text) + 1;
    if (size > PROGRAM_TEXT_SIZE - arguments->used)
        return false;
    memcpy(arguments->text + arguments->used, text, size);
    arguments->used += size;
    arguments->count++;
    return true;
}

// The first stack of a program, filled from its end downwards.
struct stack {
    struct space *space;
    uint64_t at;
    bool failed;
};

static void push(struct stack *stack, const void *from, size_t size) {
    stack->at -= size;
    if (!user_write(stack->space, stack->at, from, size))
        stack->failed = true;
}

static void push_word(struct stack *stack, uint64_t word) { push(stack, &word, sizeof(word)); }

// Pushes the addresses of `count` strings that end before `end` in `text`, which is at `at` in the
// program's memory; the first one is pushed last. Returns where the first begins.
static size_t push_addresses(struct stack *stack, const char *text, size_t end, uint64_t at,
                             unsigned count) {
    push_word(stack, 0);
    for (; count > 0; count--) {
        end--; // the string's own end
        while (end > 0 && text[end - 1] != '\0')
            end--;
        push_word(stack, at + end);
    }
    return end;
}

// The auxiliary vector, argv and envp as the System V ABI's chapter "Process Initialization" has
// them for every architecture. The program headers are not in any of our programs' segments: they
// lie on the stack.
static void push_all(struct stack *stack, const struct program_arguments *arguments,
                     const struct elf_program *elf) {
    push(stack, arguments->text, arguments->used);
    const uint64_t text = stack->at;
    stack->at &= ~(uint64_t)(STACK_ALIGNMENT - 1);
    push(stack, elf->headers, (size_t)elf->header_count * ELF_SEGMENT_SIZE);
    const uint64_t headers = stack->at;

    const uint64_t auxiliary[AUXILIARY_COUNT][2] = {
        {AT_PHDR, headers},
        {AT_PHENT, ELF_SEGMENT_SIZE},
        {AT_PHNUM, elf->header_count},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_ENTRY, elf->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_NULL, 0},
    };
    // Below come argc, and both lists with their ends.
    const uint64_t words = 1 + arguments->count + 1 + arguments->environment + 1;
    const uint64_t below = words * sizeof(uint64_t) + sizeof(auxiliary);
    stack->at -= (stack->at - below) % STACK_ALIGNMENT;
    push(stack, auxiliary, sizeof(auxiliary));
    const size_t middle =
        push_addresses(stack, arguments->text, arguments->used, text, arguments->environment);
    push_addresses(stack, arguments->text, middle, text, arguments->count);
    push_word(stack, arguments->count);
}

static int make_stack(struct program_image *image, const struct program_arguments *arguments,
                      const struct elf_program *elf) {
    const struct space_region stack = {
        .start = SPACE_STACK_END - SPACE_STACK_SIZE,
        .end = SPACE_STACK_END,
        .rights = MMU_READ | MMU_WRITE,
        .kind = SPACE_STACK,
    };
    const struct space_region guard = {
        .start = stack.start - PAGE_SIZE,
        .end = stack.start,
        .kind = SPACE_GUARD,
    };
    int error = region_add(image->space, &stack);
    if (error == 0)
        error = region_add(image->space, &guard);
    if (error != 0)
        return error;
    struct stack from_end = {.space = image->space, .at = SPACE_STACK_END};
    push_all(&from_end, arguments, elf);
    image->stack = from_end.at;
    return from_end.failed ? -ENOMEM : 0;
}

static const char *last_part(const char *path) {
    const char *part = path;
    for (; *path != '\0'; path++) {
        if (*path == '/')
            part = path + 1;
    }
    return part;
}

static int find_file(const char *name, struct pflash_file *file) {
    switch (pflash_find(name, file)) {
    case PFLASH_FOUND:
        return 0;
    case PFLASH_DAMAGED:
        printk("pflash: %s is damaged: its CRC-32 is not what the table says; it is not started\n",
               name);
        return -EIO;
    default:
        return -ENOENT;
    }
}

int program_load(const char *path, const struct program_arguments *arguments,
                 struct program_image *image) {
    struct pflash_file file;
    int error = find_file(last_part(path), &file);
    if (error != 0)
        return error;
    *image = (struct program_image){.space = space_create(), .name = file.name};
    if (image->space == NULL)
        return -ENOMEM;
    struct elf_program elf;
    const char *wrong = elf_load(image->space, file.data, file.size, &elf);
    if (wrong != NULL) {
        printk("program: %s can't be started: %s\n", file.name, wrong);
        error = -ENOEXEC;
    } else {
        image->entry = elf.entry;
        error = make_stack(image, arguments, &elf);
    }
    if (error != 0)
        space_release(image->space);
    return error;
}

// Splits "name,argument,argument" in place of a shell.
static bool split(const char *words, size_t length, struct program_arguments *arguments) {
    char word[PFLASH_NAME_SIZE * 2];
    for (size_t from = 0; from <= length;) {
        size_t to = from;
        while (to < length && words[to] != ',')
            to++;
        if (to - from >= sizeof(word))
            return false;
        memcpy(word, words + from, to - from);
        word[to - from] = '\0';
        if (!program_add_argument(arguments, word))
            return false;
        from = to + 1;
    }
    return true;
}

static struct process *start(const struct program_arguments *arguments) {
    struct program_image image;
    const char *name = arguments->text;
    const int error = program_load(name, arguments, &image);
    if (error == -ENOENT) {
        printk("program: there is no \"%s\"; the flash has", name);
        for (unsigned i = 0; i < pflash_count(); i++)
            printk(" %s", pflash_name(i));
        printk("%s\n", pflash_count() == 0 ? " none" : "");
    } else if (error == -ENOMEM) {
        printk("program: no memory for %s\n", name);
    }
    if (error != 0)
        return NULL;
    struct thread *first;
    struct process *process = process_create(process_kernel(), image.name, image.space, &first);
    if (process == NULL) {
        printk("program: no process is free for %s\n", name);
        space_release(image.space);
        return NULL;
    }
    process->is_program = true;
    printk("Enter user space: entry=0x%lx, ustack=VA:0x%lx\n", image.entry, SPACE_STACK_END);
    trap_frame_start(trap_user_frame(first->kernel_stack), image.entry, image.stack);
    sched_start(first);
    return process;
}

// Waits for that one, and frees orphans that end meanwhile.
static int wait_for(int pid) {
    int status = 0;
    struct process_usage usage;
    while (process_wait(process_kernel(), -1, true, &status, &usage) != pid)
        ;
    return status;
}

int program_run(const char *words, size_t length) {
    static char text[PROGRAM_TEXT_SIZE];
    struct program_arguments arguments = {.text = text};
    if (!split(words, length, &arguments)) {
        printk("program: the command line has a word that is too long\n");
        return CODE_NOT_STARTED;
    }
    const struct process *process = start(&arguments);
    if (process == NULL)
        return CODE_NOT_STARTED;
    const int status = wait_for(process->pid);
    const int signal = status & 0x7f;
    return signal != 0 ? CODE_KILLED + signal : status >> 8;
}
