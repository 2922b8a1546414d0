#include "libs/guestdt/guestdt.h"

#include <libfdt.h>
#include <string.h>

#include "libs/guestdt/cpus.h"
#include "libs/guestdt/devices.h"
#include "libs/guestdt/writer.h"
#include "libs/text/text.h"

static void write_chosen(struct writer *writer, const struct manifest_vm *vm,
                         const struct guestdt_params *params) {
    writer_begin(writer, "chosen");
    if (vm->cmdline[0] != '\0')
        writer_text(writer, "bootargs", vm->cmdline);
    if (params->initrd.size != 0) {
        writer_u64(writer, "linux,initrd-start", params->initrd.address);
        writer_u64(writer, "linux,initrd-end", params->initrd.address + params->initrd.size);
    }
    if (params->seed_size != 0)
        writer_bytes(writer, "rng-seed", params->seed, params->seed_size);
    const struct manifest_device *console = devices_console(vm);
    if (console != NULL) {
        char path[MANIFEST_NAME + sizeof("/@ffffffffffffffff")];
        text_format(path, sizeof(path), "/%s@%llx", console->name,
                    (unsigned long long)console->guest.address);
        writer_text(writer, "stdout-path", path);
    }
    writer_end(writer);
}

// How a region is populated is nothing to the guest: those that touch are one to it. The manifest
// has them in ascending order.
static void write_memory(struct writer *writer, const struct manifest_vm *vm) {
    uint32_t i = 0;
    while (i < vm->memory_count) {
        struct manifest_range range = vm->memory[i++].guest;
        for (; i < vm->memory_count && vm->memory[i].guest.address == range.address + range.size;
             i++)
            range.size += vm->memory[i].guest.size;
        writer_begin_at(writer, "memory", range);
        writer_text(writer, "device_type", "memory");
        writer_end(writer);
    }
}

static void write_reserved(struct writer *writer, const struct manifest_vm *vm) {
    if (vm->reserved_count == 0)
        return;
    writer_begin(writer, "reserved-memory");
    writer_cells(writer, 2, 2);
    writer_flag(writer, "ranges");
    for (uint32_t i = 0; i < vm->reserved_count; i++) {
        writer_begin_at(writer, vm->reserved[i].name, vm->reserved[i].guest);
        if (vm->reserved[i].no_map)
            writer_flag(writer, "no-map");
        writer_end(writer);
    }
    writer_end(writer);
}

static void write_devices(struct writer *writer, const struct manifest_vm *vm) {
    devices_write_common(writer, vm);
    for (uint32_t i = 0; i < vm->device_count; i++)
        devices_write(writer, &vm->device[i]);
    for (uint32_t i = 0; i < vm->passthrough_count; i++) {
        const struct manifest_passthrough *pass = &vm->passthrough[i];
        if (pass->compatible[0] == '\0')
            continue;
        writer_begin_at(writer, pass->name, pass->guest);
        writer_text(writer, "compatible", pass->compatible);
        if (pass->bank_width != 0)
            writer_u32(writer, "bank-width", pass->bank_width);
        writer_end(writer);
    }
}

enum status guestdt_make(const struct manifest_vm *vm, const struct guestdt_params *params,
                         void *buffer, size_t size, size_t *used) {
    struct writer writer;
    writer_start(&writer, buffer, size);
    writer_begin(&writer, "");
    writer_text(&writer, "model", "Exeunt virtual machine");
    writer_text(&writer, "compatible", cpus_root_compatible);
    writer_cells(&writer, 2, 2);
    devices_write_root(&writer, vm);
    write_chosen(&writer, vm, params);
    enum status status = cpus_write(&writer, vm, params);
    if (status != STATUS_OK)
        return status;
    write_memory(&writer, vm);
    write_reserved(&writer, vm);
    write_devices(&writer, vm);
    writer_end(&writer);
    writer_finish(&writer);
    if (writer.error == -FDT_ERR_NOSPACE)
        return STATUS_NO_MEMORY;
    if (writer.error != 0)
        return STATUS_INVALID;
    *used = fdt_totalsize(buffer);
    return STATUS_OK;
}
