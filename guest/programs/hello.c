// Greets, shows what it was started with, starts itself once more by execve(), and there uses the
// heap.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/programs/lib/opaque.h"
#include "guest/programs/lib/report.h"

#define AGAIN "again"
#define ARGUMENTS_MAX 16

// From what lies many in a page to what has pages of its own: the largest comes by mmap().
static const size_t sizes[] = {1, 24, 100, 1000, 5000, 50000, 300000};
#define BLOCKS (sizeof(sizes) / sizeof(sizes[0]))

static bool is_filled(const uint8_t *block, size_t size, uint8_t value) {
    for (size_t i = 0; i < size; i++) {
        if (block[i] != value)
            return false;
    }
    return true;
}

// Every block is given out cleared, keeps what is written, and shares no byte with another.
static bool use_heap(size_t *total) {
    uint8_t *block[BLOCKS];
    bool ok = true;
    *total = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = opaque_pointer(calloc(sizes[i], 1));
        ok = ok && block[i] != NULL && is_filled(block[i], sizes[i], 0);
        if (ok)
            memset(block[i], (int)(i + 1), sizes[i]);
        *total += sizes[i];
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        ok = ok && is_filled(block[i], sizes[i], (uint8_t)(i + 1));
        free(block[i]);
    }
    return ok;
}

static void show_arguments(int argc, char **argv) {
    printf("argc = %d\n", argc);
    for (int i = 0; i < argc; i++)
        printf("argv[%d] = \"%s\"\n", i, argv[i]);
}

static int start_again(int argc, char **argv) {
    char *arguments[ARGUMENTS_MAX + 3] = {argv[0], AGAIN};
    char *const environment[] = {"GREETING=hello, new world", NULL};
    for (int i = 1; i < argc && i <= ARGUMENTS_MAX; i++)
        arguments[i + 1] = argv[i];
    execve("hello", arguments, environment);
    return report_end(false, "execve: %s", strerror(errno));
}

int main(int argc, char **argv) {
    report_begin("hello");
    if (argc < 2 || strcmp(argv[1], AGAIN) != 0) {
        printf("hello, world\n");
        show_arguments(argc, argv);
        return start_again(argc, argv);
    }
    show_arguments(argc, argv);
    const char *greeting = getenv("GREETING");
    printf("%s\n", greeting != NULL ? greeting : "(no greeting)");
    size_t total;
    const bool ok = use_heap(&total) && greeting != NULL;
    return report_end(ok, "%d arguments through execve, %zu bytes in %zu blocks of the heap", argc,
                      total, BLOCKS);
}
