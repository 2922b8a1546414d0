#include "tests/unit/fat32/disk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static enum status read_image(void *context, uint64_t sector, uint32_t count, void *buffer) {
    struct disk *disk = context;
    disk->reads++;
    disk->sectors += count;
    assert_true(count > 0);
    if (disk->bad_sector >= sector && disk->bad_sector - sector < count)
        return disk->bad_status;
    if (sector >= disk->reader.capacity || count > disk->reader.capacity - sector)
        return STATUS_RANGE;
    size_t size = (size_t)count * BLOCK_SECTOR_SIZE;
    ssize_t got = pread(disk->image, buffer, size, (off_t)(sector * BLOCK_SECTOR_SIZE));
    return got == (ssize_t)size ? STATUS_OK : STATUS_IO;
}

static void run_list(const struct disk *disk, const char *format, va_list arguments) {
    char command[1024];
    int length = vsnprintf(command, sizeof(command), format, arguments);
    assert_in_range(length, 1, sizeof(command) - 1);
    char line[1400];
    snprintf(
        line, sizeof(line),
        "cd %s && export PATH=$PATH:/sbin:/usr/sbin LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 && (%s) "
        "> log 2>&1 || { echo '%s:'; cat log; exit 1; } >&2",
        disk->directory, command, disk->directory);
    if (system(line) != 0)
        fail_msg("failed: %s", command);
}

void disk_run(const struct disk *disk, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    run_list(disk, format, arguments);
    va_end(arguments);
}

void disk_ask(const struct disk *disk, char *answer, size_t size, const char *command) {
    disk_run(disk, "%s", command);
    char log[64];
    snprintf(log, sizeof(log), "%s/log", disk->directory);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    assert_non_null(fgets(answer, (int)size, file));
    fclose(file);
}

void disk_make(struct disk *disk, unsigned sector_size, unsigned sectors, unsigned clusters) {
    memset(disk, 0, sizeof(*disk));
    strcpy(disk->directory, "/tmp/fat32-test-XXXXXX");
    assert_non_null(mkdtemp(disk->directory));
    uint64_t size = (uint64_t)sector_size * sectors * clusters + 1024 * 1024;
    disk_run(disk, "truncate -s %llu image && mkfs.fat -F 32 -S %u -s %u image",
             (unsigned long long)size / 4096 * 4096, sector_size, sectors);
    char path[64];
    snprintf(path, sizeof(path), "%s/image", disk->directory);
    disk->image = open(path, O_RDWR);
    assert_true(disk->image >= 0);
    struct stat stat;
    assert_int_equal(fstat(disk->image, &stat), 0);
    disk->reader = (struct block_reader){.read = read_image,
                                         .context = disk,
                                         .capacity = (uint64_t)stat.st_size / BLOCK_SECTOR_SIZE};
    disk->bad_sector = UINT64_MAX;
}

void disk_remove(struct disk *disk) {
    close(disk->image);
    char line[80];
    snprintf(line, sizeof(line), "rm -r %s", disk->directory);
    assert_int_equal(system(line), 0);
}

uint8_t *disk_content(uint32_t seed, size_t size) {
    uint8_t *bytes = malloc(size + 1); // something to free for an empty file too
    assert_non_null(bytes);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (uint8_t)(state >> 8);
    }
    return bytes;
}

void disk_put(const struct disk *disk, const char *path, uint32_t seed, size_t size) {
    char name[64];
    snprintf(name, sizeof(name), "%s/content", disk->directory);
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    uint8_t *bytes = disk_content(seed, size);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    free(bytes);
    assert_int_equal(fclose(file), 0);
    disk_run(disk, "mcopy -i image content '::%s'", path);
}

void disk_put_fragmented(const struct disk *disk, const char *path, uint32_t seed, size_t size,
                         size_t hole) {
    disk_run(disk,
             "head -c %zu /dev/zero > filler && mmd -i image ::/fill && "
             "for i in $(seq 24); do mcopy -i image filler ::/fill/$i || exit 1; done && "
             "for i in $(seq 1 2 24); do mdel -i image ::/fill/$i || exit 1; done",
             hole);
    // The FSInfo sector's hint where to look for free clusters: unknown, so from the beginning.
    uint16_t sector_size;
    assert_int_equal(pread(disk->image, &sector_size, 2, 11), 2);
    disk_poke32(disk, sector_size + 492u, 0xffffffffu);
    disk_put(disk, path, seed, size);
}

void disk_expect(struct fat32 *volume, const char *path, uint32_t seed, size_t size, size_t piece) {
    struct fat32_file file;
    if (fat32_open(volume, path, &file) != STATUS_OK)
        fail_msg("%s: %s", path, fat32_error_text(volume));
    assert_int_equal(file.size, size);
    uint8_t *expected = disk_content(seed, size);
    for (size_t offset = 0; offset <= size; offset += piece) {
        size_t left = size - offset < piece ? size - offset : piece;
        uint8_t *bytes = malloc(left + 1); // exactly as large, for the address sanitizer
        bytes[left] = 0xa5;
        size_t done;
        if (fat32_read(&file, offset, bytes, left, &done) != STATUS_OK)
            fail_msg("%s at %zu: %s", path, offset, fat32_error_text(volume));
        assert_int_equal(done, left);
        assert_memory_equal(bytes, expected + offset, left);
        assert_int_equal(bytes[left], 0xa5);
        free(bytes);
    }
    free(expected);
}

void disk_poke(const struct disk *disk, uint64_t at, const void *bytes, size_t size) {
    assert_int_equal(pwrite(disk->image, bytes, size, (off_t)at), size);
}

void disk_poke32(const struct disk *disk, uint64_t at, uint32_t value) {
    disk_poke(disk, at, &value, sizeof(value));
}

void disk_reset_counts(struct disk *disk) {
    disk->reads = 0;
    disk->sectors = 0;
}
