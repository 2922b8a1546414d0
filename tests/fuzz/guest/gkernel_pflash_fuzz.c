// gkernel's flash image with any bytes at all, as they are and with checksums made right, since
// whoever can write a flash can do that too: every file that is found lies in the bank.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/gkernel/pflash.h"
#include "guest/lib/crc32.h"

#define HEADER_SIZE 16u
#define ENTRY_SIZE 48u

static void check(bool condition) {
    if (!condition)
        abort();
}

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void put32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof(value)); }

static void look_at_all(const uint8_t *bank, size_t size) {
    const char *wrong = pflash_open(bank, size);
    check((wrong == NULL) == (pflash_count() > 0));
    for (unsigned i = 0; i < pflash_count(); i++) {
        struct pflash_file file;
        const char *name = pflash_name(i);
        check(memchr(name, 0, PFLASH_NAME_SIZE) != NULL);
        const enum pflash_answer answer = pflash_find(name, &file);
        check(answer != PFLASH_NOT_FOUND);
        if (answer != PFLASH_FOUND)
            continue;
        check(file.size > 0 && file.data >= bank && file.data < bank + size);
        check(file.size <= (size_t)(bank + size - file.data));
        check(strcmp(file.name, name) == 0);
    }
}

// The files' checksums first: the table's is over them.
static void seal(uint8_t *bank, size_t size) {
    const uint64_t count = size >= HEADER_SIZE ? get32(bank + 8) : 0;
    const uint64_t table_size = count * ENTRY_SIZE;
    if (count > PFLASH_FILES_MAX || table_size > size - HEADER_SIZE)
        return;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *entry = bank + HEADER_SIZE + (size_t)i * ENTRY_SIZE;
        const uint64_t offset = get32(entry + 32), length = get32(entry + 36);
        if (offset <= size && length <= size - offset)
            put32(entry + 40, crc32(bank + offset, length));
    }
    put32(bank + 12, crc32(bank + HEADER_SIZE, table_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bank = malloc(size); // at an address of its own, watched by the address sanitizer
    memcpy(bank, data, size);
    look_at_all(bank, size);
    if (size >= HEADER_SIZE)
        seal(bank, size);
    look_at_all(bank, size);
    free(bank);
    return 0;
}
