// gkernel's ELF loader with any bytes at all: what it accepts can be run, as far as memory goes,
// and nothing but the file is read; what it refuses has left nothing behind.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/fake/guest/mmu.h"
#include "guest/gkernel/elf.h"
#include "guest/gkernel/kernel_space.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/panic.h"
#include "guest/platform.h"

#define PAGES_TOUCHED 8u // of each region, from either end

const struct platform platform = {.elf_machine = 243};

_Noreturn void panic(const char *text, ...) {
    (void)text;
    abort();
}

static void check(bool condition) {
    if (!condition)
        abort();
}

static void boot(void) {
    static bool done;
    const struct phys from = {FAKE_RAM_START}, to = {FAKE_RAM_START + FAKE_RAM_SIZE};
    if (done)
        return;
    done = true;
    kernel_space_init();
    page_init(from, to);
    page_add(from, to);
}

static void touch(struct space *space, const struct space_region *region, uint64_t va) {
    static const uint8_t kinds[] = {MMU_READ, MMU_WRITE, MMU_EXECUTE};
    for (unsigned i = 0; i < sizeof(kinds); i++) {
        const enum space_answer answer = space_fault(space, va, kinds[i]);
        check(answer == (region->rights & kinds[i] ? SPACE_DONE : SPACE_NO_RIGHT));
        check((fake_mmu_access(va, kinds[i]) != NULL) == (answer == SPACE_DONE));
    }
}

static void run(struct space *space, const struct elf_program *program, const uint8_t *file,
                size_t size) {
    const uint8_t *headers = program->headers;
    const struct space_region *entry = region_find(space, program->entry);
    check(program->header_count >= 1 && program->header_count <= ELF_SEGMENTS_MAX);
    check(headers >= file && headers <= file + size &&
          (size_t)(file + size - headers) >= (size_t)program->header_count * ELF_SEGMENT_SIZE);
    check(entry != NULL && (entry->rights & MMU_EXECUTE) && !(entry->rights & MMU_WRITE));
    space_activate(space);
    for (unsigned i = 0; i < space->regions; i++) {
        const struct space_region *region = &space->region[i];
        check(region->start >= SPACE_START && region->end <= SPACE_MAP_END);
        check(region->end <= space->heap_start);
        for (uint64_t n = 0; n < PAGES_TOUCHED; n++) {
            const uint64_t at = n * PAGE_SIZE;
            if (at < region->end - region->start) {
                touch(space, region, region->start + at);
                touch(space, region, region->end - 1 - at);
            }
        }
    }
    space_activate(NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    boot();
    const uint64_t free_before = page_count_free();
    uint8_t *file = malloc(size); // at an address of its own, watched by the address sanitizer
    memcpy(file, data, size);
    struct space *space = space_create();
    struct elf_program program;
    check(space != NULL);
    if (elf_load(space, file, size, &program) == NULL)
        run(space, &program, file, size);
    space_release(space);
    check(page_count_free() == free_before);
    free(file);
    return 0;
}
