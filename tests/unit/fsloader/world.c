#include "tests/unit/fsloader/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/init.h"
#include "libs/elf/elf.h"

struct world world;
const struct config *rt_config;

#define UNTOUCHED 0x5a

uint64_t rt_now(void) {
    if (world.at_now != NULL)
        world.at_now();
    return world.now++;
}

void rt_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world.line[world.lines % WORLD_LINES], sizeof(world.line[0]), format, arguments);
    va_end(arguments);
    world.lines++;
}

enum status rt_call(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, world.loader.init);
    world.calls++;
    world.last_call = *words;
    if (world.at_call != NULL)
        world.at_call();
    words->word[0] = STATUS_OK;
    return world.call_status;
}

int world_make_disk(void **state) {
    (void)state;
    disk_make(&world.disk, 512, 1, 131072);
    return 0;
}

int world_remove_disk(void **state) {
    (void)state;
    disk_remove(&world.disk);
    return 0;
}

int world_begin(void **state) {
    (void)state;
    struct disk disk = world.disk;
    memset(&world, 0, sizeof(world));
    world.disk = disk;
    world.disk.reader.context = &world.disk;
    world.ram = malloc(WORLD_RAM);
    world.piece = malloc(WORLD_PIECE);
    memset(world.ram, UNTOUCHED, WORLD_RAM);
    memset(world.piece, UNTOUCHED, WORLD_PIECE);
    rt_config = world.config = (struct config *)world.config_memory;
    world_entry("jobs", CONFIG_WINDOW, &world.jobs, sizeof(world.jobs));
    world_entry("guest-ram-0", CONFIG_WINDOW, world.ram, WORLD_RAM)->guest = WORLD_GUEST;
    world_entry("guest-ram-0", CONFIG_WINDOW, world.piece, WORLD_PIECE)->guest = WORLD_UPPER;
    struct loader *loader = &world.loader;
    loader->volume = &world.volume;
    loader->head = world.head;
    loader->machine = ELF_MACHINE_RISCV;
    loader->config = world.config;
    loader->jobs = &world.jobs;
    loader->init = 3;
    loader->disk_error = "";
    assert_int_equal(loader_adopt(loader, world.region, sizeof(world.region)), STATUS_OK);
    loader_mount(loader, &world.disk.reader);
    assert_int_equal(loader->mounted, STATUS_OK);
    return 0;
}

int world_end(void **state) {
    (void)state;
    free(world.ram);
    free(world.piece);
    return 0;
}

struct config_entry *world_entry(const char *name, enum config_kind kind, const void *address,
                                 uint64_t size) {
    assert_true(world.config->count < WORLD_ENTRIES);
    struct config_entry *entry = &world.config->entry[world.config->count++];
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->kind = kind;
    entry->address = (uintptr_t)address;
    entry->size = size;
    entry->rights = RIGHT_R | RIGHT_W;
    return entry;
}

struct fs_job *world_job(enum fs_job_kind kind, const char *path, uint64_t address,
                         uint64_t limit) {
    struct fs_job *job = &world.jobs.job[world.jobs.count++];
    job->kind = kind;
    job->address = address;
    job->limit = limit;
    strcpy(job->window, "guest-ram-0");
    snprintf(job->path, sizeof(job->path), "%s", path);
    return job;
}

void world_put(const char *path, const void *bytes, size_t size) {
    char name[] = "/tmp/fsloader-test-XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    assert_int_equal(close(file), 0);
    disk_run(&world.disk, "mcopy -o -i image %s '::%s'", name, path);
    assert_int_equal(unlink(name), 0);
}

uint8_t *world_guest(uint64_t address) {
    if (address >= WORLD_UPPER)
        return world.piece + (address - WORLD_UPPER);
    return world.ram + (address - WORLD_GUEST);
}

size_t world_changed(uint64_t begin, uint64_t end) {
    size_t changed = 0;
    for (const uint8_t *at = world_guest(begin); begin < end; begin++, at++)
        changed += *at != UNTOUCHED;
    return changed;
}
