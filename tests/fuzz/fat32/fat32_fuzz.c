// A FAT32 volume made by mkfs.fat and mtools, with the input's changes in it, never leads the
// library astray: it answers in bounded time, within its buffers, and says why when it refuses.
//
// Raw bytes would be refused at once, a whole volume is too large for an input. So an input is a
// list of changes to a sound volume: a place (its upper four bits choose the structure, the others
// the byte in it), a length and as many bytes. What is left at the end is a path to open.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/fat32/fat32.h"

#define CLUSTERS 66000u // below 65525 mtools takes it for FAT16
#define IMAGE_SIZE (CLUSTERS * 512u + 1024u * 1024u)
#define READ_MOST 70000u

static uint8_t *base;  // as it was made
static uint8_t *image; // with changes

// The structures that changes go to: the first sector, the table, the first directories' clusters.
static uint32_t places[16];

static uint32_t get(const uint8_t *bytes, unsigned size) {
    uint32_t value = 0;
    memcpy(&value, bytes, size);
    return value;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    char directory[] = "/tmp/fat32-fuzz-XXXXXX", line[1600];
    if (mkdtemp(directory) == NULL)
        abort();
    snprintf(line, sizeof(line),
             "cd %s && export PATH=$PATH:/sbin:/usr/sbin LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 && ("
             "truncate -s %u image && mkfs.fat -F 32 -S 512 -s 1 image && "
             "head -c 3000 /dev/zero > hole && head -c 60000 /dev/zero > file && "
             "mmd -i image ::/sbin ::/sbin/a ::/sbin/a/b '::/a directory with a long name' && "
             "for i in 1 2 3 4 5 6; do mcopy -i image hole ::/sbin/hole$i || exit 1; done && "
             "mdel -i image ::/sbin/hole2 ::/sbin/hole4 && "
             "printf '\\377\\377\\377\\377' | dd of=image bs=1 seek=1004 conv=notrunc && "
             "mcopy -i image file ::/sbin/gkernel && mcopy -i image hole ::/sbin/a/b/file && "
             "mcopy -i image hole '::/a directory with a long name/a file with a long name as well'"
             ") > log 2>&1 || { cat log; exit 1; } >&2",
             directory, IMAGE_SIZE);
    if (system(line) != 0)
        abort();
    base = malloc(IMAGE_SIZE);
    image = malloc(IMAGE_SIZE);
    snprintf(line, sizeof(line), "%s/image", directory);
    FILE *file = fopen(line, "rb");
    if (file == NULL || fread(base, 1, IMAGE_SIZE, file) != IMAGE_SIZE)
        abort();
    fclose(file);
    memcpy(image, base, IMAGE_SIZE);
    snprintf(line, sizeof(line), "rm -r %s", directory);
    if (system(line) != 0)
        abort();
    uint32_t table = get(base + 14, 2) * 512;
    uint32_t data = table + base[16] * get(base + 36, 4) * 512;
    places[0] = places[1] = 0;
    places[2] = table;
    places[3] = table + 4096;
    for (unsigned i = 4; i < 16; i++)
        places[i] = data + (i - 4) * 512;
    return 0;
}

// Applies or takes back the changes. Returns the rest of the input.
static const uint8_t *change(const uint8_t *input, const uint8_t *end, bool apply) {
    while (end - input >= 3) {
        uint32_t where = get(input, 2), size = input[2] % 34;
        if (size == 33)
            break; // the path follows
        input += 3;
        if (size > (size_t)(end - input))
            size = (uint32_t)(end - input);
        uint32_t at = places[where >> 12] + (where & 0xfff);
        memcpy(image + at, apply ? input : base + at, size);
        input += size;
    }
    return input;
}

static enum status read_image(void *context, uint64_t sector, uint32_t count, void *buffer) {
    unsigned *reads = context;
    if (++*reads > 100000)
        abort(); // nothing of that size is in this volume
    if (sector * 512 > IMAGE_SIZE || count == 0 || count > IMAGE_SIZE / 512 - sector)
        abort(); // beyond the disk, though its capacity is known
    memcpy(buffer, image + sector * 512, count * 512ull);
    return STATUS_OK;
}

static void check(struct fat32 *volume, enum status status) {
    if (status != STATUS_OK && volume->error[0] == '\0')
        abort();
    volume->error[0] = '\0';
}

static void read_file(struct fat32 *volume, const char *path) {
    struct fat32_file file;
    enum status status = fat32_open(volume, path, &file);
    check(volume, status);
    if (status != STATUS_OK)
        return;
    static const struct {
        uint64_t offset;
        size_t length;
    } parts[] = {{0, READ_MOST}, {1, 700}, {30000, 30000}, {512, 512}, {0xfffffe00, 513}};
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint8_t *buffer = malloc(parts[i].length); // the address sanitizer watches its end
        size_t done;
        status = fat32_read(&file, parts[i].offset, buffer, parts[i].length, &done);
        check(volume, status);
        if (done > parts[i].length || (done > 0 && parts[i].offset + done > file.size))
            abort();
        free(buffer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    static struct fat32 volume;
    unsigned reads = 0;
    const uint8_t *rest = change(input, input + size, true);
    const struct block_reader reader = {read_image, &reads, IMAGE_SIZE / 512};
    enum status status = fat32_mount(&volume, &reader);
    check(&volume, status);
    if (status == STATUS_OK) {
        read_file(&volume, "/sbin/gkernel");
        read_file(&volume, "/sbin/a/b/file");
        read_file(&volume, "/A directory with a long name/a file with a LONG name as well");
        char *path = strndup((const char *)rest, size - (size_t)(rest - input));
        read_file(&volume, path);
        free(path);
    }
    change(input, input + size, false);
    return 0;
}
