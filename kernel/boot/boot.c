#include "kernel/boot/boot.h"

#include "arch/irq.h"
#include "arch/panic.h"
#include "arch/space.h"
#include "ipc/bundle.h"
#include "kernel/cpu.h"
#include "kernel/mem/pagetable.h"
#include "kernel/object/space.h"
#include "kernel/object/task.h"

#define INIT_SPACE_PAGES 128 // root, struct, and tables enough to map gigabytes in small pages
// An object's page is its tag in the TLB, and the narrowest tag has 14 bits (riscv64's VMID).
#define OBJECT_MEMORY_MAX (PAGE_SIZE << 14)
#define INIT_TASK_PAGES 8 // some nine hundred capabilities

static const struct bundle_header *boot_bundle_check(hpa_t address) {
    const struct bundle_header *bundle = arch_phys_to_virt(address);
    panic_unless(bundle->magic == BUNDLE_MAGIC && bundle->version == BUNDLE_VERSION,
                 "no boot bundle (build/bundle.py makes it) at", address.v);
    panic_unless(bundle->segment_count <= BUNDLE_SEGMENTS && !(bundle->size & PAGE_MASK) &&
                     bundle->size <= 1ull << 30,
                 "the boot bundle's header is wrong; its size is", bundle->size);
    panic_unless(bundle->object_memory <= OBJECT_MEMORY_MAX,
                 "object-memory in the manifest is too large; it has bytes", bundle->object_memory);
    return bundle;
}

static hpa_t boot_pool(hpa_t begin, uint64_t size) {
    const uint64_t align = ARCH_SPACE_ALIGN_PAGES * PAGE_SIZE;
    uint64_t base = (begin.v + align - 1) & ~(align - 1);
    pool.base = arch_phys_to_virt(HPA(base));
    pool.page = (struct pool_page *)pool.base;
    pool.count = (uint32_t)(size / PAGE_SIZE);
    uint64_t bytes = pool.count * sizeof(struct pool_page);
    uint32_t own = (uint32_t)((bytes + PAGE_MASK) / PAGE_SIZE);
    panic_unless(own + INIT_SPACE_PAGES + INIT_TASK_PAGES + ARCH_SPACE_ALIGN_PAGES < pool.count,
                 "object-memory in the manifest is too small; it has bytes", size);
    for (uint32_t i = 0; i < pool.count; i++) {
        pool.page[i] = (struct pool_page){.type = i < own ? OBJECT_POOL : OBJECT_NONE};
    }
    return HPA(base + pool.count * PAGE_SIZE);
}

static void boot_map_segment(struct space *space, hpa_t bundle, const struct bundle_header *header,
                             const struct bundle_segment *segment) {
    panic_unless(range_within(segment->offset, segment->size, header->size),
                 "a segment of init lies outside of the bundle, at", segment->offset);
    for (uint64_t at = 0; at < segment->size; at += PAGE_SIZE) {
        enum status status = pagetable_map(space, SPACE_ADDR(segment->vaddr + at),
                                           HPA(bundle.v + segment->offset + at), PAGE_BITS,
                                           (unsigned)segment->rights);
        panic_unless(status == STATUS_OK, "can't map init at", segment->vaddr + at);
    }
}

static uint32_t boot_take(uint32_t first, uint32_t pages, uint32_t clear, enum object_type type) {
    panic_unless(pool_take(first, pages, clear, type) == STATUS_OK,
                 "object memory is not free at page", first);
    return first + pages;
}

void boot_main(const struct boot_info *info) {
    const struct bundle_header *bundle = boot_bundle_check(info->bundle);
    arch_irq_init(bundle);
    hpa_t end = boot_pool(HPA(info->bundle.v + bundle->size), bundle->object_memory);

    uint32_t space_first = 0;
    while (pool.page[space_first].type != OBJECT_NONE || space_first % ARCH_SPACE_ALIGN_PAGES) {
        space_first++;
    }
    uint32_t task_first =
        boot_take(space_first, INIT_SPACE_PAGES, ARCH_SPACE_ROOT_PAGES + 1, OBJECT_SPACE);
    uint32_t free = boot_take(task_first, INIT_TASK_PAGES, INIT_TASK_PAGES, OBJECT_TASK);
    struct space *space = space_init(SPACE_TASK, space_first, INIT_SPACE_PAGES);
    struct task *task = pool_object(task_first);
    task_init(task, INIT_TASK_PAGES, space, info->cpu);
    task->is_init = true;
    for (uint32_t i = 0; i < bundle->segment_count; i++) {
        boot_map_segment(space, info->bundle, bundle, &bundle->segment[i]);
    }

    cap_set_object(task, INIT_SLOT_POOL, 0);
    cap_set_object(task, INIT_SLOT_TASK, task_first);
    cap_set_object(task, INIT_SLOT_SPACE, space_first);
    const unsigned memory = RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_GRANT | RIGHT_DEVICE;
    cap_set_frame(task, INIT_SLOT_LOW, HPA(0), info->image.v, memory);
    cap_set_frame(task, INIT_SLOT_HIGH, end, ARCH_PHYSICAL_LIMIT - end.v, memory);
    cap_set_frame(task, INIT_SLOT_BUNDLE, info->bundle, bundle->size,
                  RIGHT_R | RIGHT_X | RIGHT_GRANT);

    task_start(task, bundle->entry, 0, 0, info->bundle.v);
    const uint64_t word[MESSAGE_WORDS] = {
        info->bundle.v,
        bundle->size,
        info->argument[0],
        info->argument[1],
        info->argument[2],
        pool.count,
        free,
        end.v,
    };
    task_set_words(task, word);
}
