// A VM: its memory, its CPUs, its routes; its start and its end.
#include <stdio.h>
#include <string.h>

#include "arch/barrier.h"
#include "arch/vcpu_pages.h"
#include "servers/init/init.h"
#include "servers/init/machine.h"

#define VM_GIGA (1ull << 30)
#define VM_MEGA (1ull << 21)

// Regions that touch each other are one span of physical memory: images may lie across them.
static void vm_spans(struct vm *vm) {
    const struct manifest_vm *manifest = vm->manifest;
    for (unsigned i = 0; i < manifest->memory_count; i++) {
        const struct manifest_range *region = &manifest->memory[i].guest;
        struct span *last = vm->span_count ? &vm->span[vm->span_count - 1] : NULL;
        if (last && last->guest + last->size == region->address) {
            last->size += region->size;
        } else {
            vm->span[vm->span_count++] = (struct span){region->address, region->size, 0};
        }
    }
}

// How a span's memory is to lie for the largest page that can serve it, up to LARGEST bytes.
static uint64_t vm_align(const struct span *span, uint64_t largest) {
    uint64_t page = largest;
    while (page > 4096 && (span->size < page || span->guest % page != 0)) {
        page >>= 9;
    }
    return page;
}

// Memory for all spans of all VMs that gigapages can serve. False: there is not enough of it in
// pieces that begin where gigapages do, and nothing was taken.
static bool vm_place_giga(void) {
    struct memory_mark mark = memory_mark();
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        struct vm *vm = &init.vm[i];
        for (unsigned s = 0; s < vm->span_count; s++) {
            struct memory memory = memory_try(vm->span[s].size, vm_align(&vm->span[s], VM_GIGA));
            vm->span[s].physical = memory.physical;
            if (!memory.size) {
                memory_undo(&mark);
                return false;
            }
        }
    }
    return true;
}

void vm_place_all(void) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        init.vm[i].manifest = &init.manifest.vm[i];
        vm_spans(&init.vm[i]);
    }
    // What lies between such pieces might be what another VM needs.
    bool placed = vm_place_giga();
    for (unsigned i = 0; i < init.manifest.vm_count && !placed; i++) {
        struct vm *vm = &init.vm[i];
        for (unsigned s = 0; s < vm->span_count; s++) {
            struct span *span = &vm->span[s];
            uint64_t align = vm_align(span, VM_MEGA);
            span->physical = memory_take(span->size, align, vm->manifest->name).physical;
        }
    }
}

static uint64_t vm_physical(const struct vm *vm, uint64_t guest, uint64_t size) {
    for (unsigned i = 0; i < vm->span_count; i++) {
        const struct span *span = &vm->span[i];
        if (guest >= span->guest && size <= span->size &&
            guest - span->guest <= span->size - size) {
            return span->physical + (guest - span->guest);
        }
    }
    return 0;
}

static void vm_objects(struct vm *vm, unsigned index) {
    const struct manifest_vm *manifest = vm->manifest;
    const char *name = manifest->name;
    // Tables for every 2 MiB that may be mapped in small pages, and some to reach them.
    uint64_t bytes = 0;
    for (unsigned i = 0; i < vm->span_count; i++) {
        bytes += vm->span[i].size;
    }
    uint32_t pages = (uint32_t)(bytes >> 21) + 24;
    for (unsigned i = 0; i < manifest->passthrough_count; i++) {
        pages += (uint32_t)(manifest->passthrough[i].guest.size >> 21) / 512 + 3;
    }
    vm->space = objects_take(pages, 4, name);
    vm->vcpus = objects_take(manifest->vcpus * ARCH_VCPU_PAGES, 1, name);
    core_create(OBJECT_SPACE, vm->space, SLOT_VM(index) + VM_SLOT_SPACE, 1, 0, name);
    for (unsigned i = 0; i < manifest->vcpus; i++) {
        struct objects where = {vm->vcpus.first + i * ARCH_VCPU_PAGES, ARCH_VCPU_PAGES};
        unsigned slot = SLOT_VM(index) + VM_SLOT_VCPU + i;
        core_create(OBJECT_VCPU, where, slot, SLOT_VM(index) + VM_SLOT_SPACE, i, name);
        if (core_vcpu(slot, VCPU_FEATURES, manifest->features, 0, 0) != STATUS_OK) {
            init_refuse("init: /vms/%s: %s: leave it out", name, machine_lacks_feature);
            init_end(1);
        }
    }
}

static void vm_populate(const struct vm *vm, unsigned index) {
    const struct manifest_vm *manifest = vm->manifest;
    for (unsigned i = 0; i < manifest->memory_count; i++) {
        const struct manifest_memory *memory = &manifest->memory[i];
        if (memory->populate != MANIFEST_POPULATE_START) {
            rt_log("Guest RAM at 0x%lx, %lu MB, comes on demand...",
                   (unsigned long)memory->guest.address, (unsigned long)(memory->guest.size >> 20));
            continue;
        }
        rt_log("Pre-allocating %lu MB guest RAM at 0x%lx...",
               (unsigned long)(memory->guest.size >> 20), (unsigned long)memory->guest.address);
        core_map(SLOT_VM(index) + VM_SLOT_SPACE, memory->guest.address,
                 vm_physical(vm, memory->guest.address, memory->guest.size), memory->guest.size,
                 RIGHT_R | RIGHT_W | RIGHT_X, manifest->name);
    }
}

void vm_prepare(unsigned index) {
    struct vm *vm = &init.vm[index];
    vm->output = memory_take(sizeof(struct ring), 4096, vm->manifest->name);
    vm->input = memory_take(sizeof(struct ring), 4096, vm->manifest->name);
    memory_clear(vm->output);
    memory_clear(vm->input);
    ((struct ring *)memory_see(vm->output.physical))->magic = RING_MAGIC;
    ((struct ring *)memory_see(vm->input.physical))->magic = RING_MAGIC;
    vm_objects(vm, index);
    vm_populate(vm, index);
    for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
        uint8_t server = vm->manifest->exit[c];
        for (unsigned i = 0; i < vm->manifest->vcpus && server != MANIFEST_NONE; i++) {
            uint64_t route[] = {SLOT_VM(index) + VM_SLOT_VCPU + i,
                                c,
                                SLOT_SERVER(server) + SERVER_SLOT_PORTAL,
                                vm->manifest->id,
                                machine_routes[c].may,
                                machine_routes[c].write,
                                machine_routes[c].read};
            core_bind(BIND_ROUTE, route, 7, vm->manifest->name);
        }
    }
    rt_log("VM created success, loading images...");
}

void vm_start(struct vm *vm) {
    unsigned index = (unsigned)(vm - init.vm);
    void *tree = memory_see(vm_physical(vm, vm->tree, VM_TREE_BYTES));
    if (!tree_make(vm, tree, VM_TREE_BYTES)) {
        vm_stop(vm, VM_FAILED);
        return;
    }
    arch_memory_clean(tree, VM_TREE_BYTES);
    uint64_t entry = vm->manifest->entry_given ? vm->manifest->entry : vm->entry;
    if (vm->manifest->features & VCPU_FEATURE_COUNTERS) {
        // For a guest that measures: the way from the core's first instruction to its own.
        rt_log("bench core_begin %lu", (unsigned long)rt_argument[4]);
    }
    rt_log("Entering VM run loop...");
    vm->state = VM_RUNNING;
    // Linux's boot protocols, and Multiboot's.
    enum status status = core_vcpu(SLOT_VM(index) + VM_SLOT_VCPU, VCPU_START, entry,
                                   machine_start_argument, vm->tree);
    if (status != STATUS_OK) {
        rt_log("VM %s: can't start: %s", vm->manifest->name, status_text(status));
        vm_stop(vm, VM_FAILED);
    }
}

struct vm *vm_by_badge(uint64_t badge) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        if (init.manifest.vm[i].id == badge) {
            return &init.vm[i];
        }
    }
    return NULL;
}

// All VMs have ended: say so, and let the console finish before the machine goes.
static void vm_all_ended(void) {
    unsigned failed = 0;
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        if (init.vm[i].state != VM_ENDED && init.vm[i].state != VM_FAILED) {
            return;
        }
        failed += init.vm[i].state == VM_FAILED;
    }
    server_report_all();
    if (failed) {
        rt_log("Hypervisor: %u of %u VMs failed", failed, init.manifest.vm_count);
    } else {
        rt_log("Hypervisor ok!");
    }
    init_finish(failed != 0);
}

void vm_lose_server(unsigned server) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        struct vm *vm = &init.vm[i];
        bool needs = vm->manifest->console == server ||
                     (vm->state == VM_LOADING && vm->manifest->loader == server);
        for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
            needs |= vm->manifest->exit[c] == server;
        }
        if (needs && (vm->state == VM_LOADING || vm->state == VM_RUNNING)) {
            rt_log("VM %s: can't go on without its server %s", vm->manifest->name,
                   init.manifest.server[server].name);
            vm_stop(vm, VM_FAILED);
        }
    }
}

void vm_stop(struct vm *vm, enum vm_state state) {
    unsigned index = (unsigned)(vm - init.vm);
    if (vm->state == VM_ENDED || vm->state == VM_FAILED) {
        return;
    }
    for (unsigned i = 0; i < vm->manifest->vcpus; i++) {
        enum status status = core_vcpu(SLOT_VM(index) + VM_SLOT_VCPU + i, VCPU_STOP, 0, 0, 0);
        (void)status; // a vCPU that is off already is as it should be
    }
    vm->state = state;
    if (state == VM_ENDED) {
        rt_log("Shutdown vm normally!");
    } else {
        rt_log("VM %s: stopped", vm->manifest->name);
    }
    vm_all_ended();
}
