// The start: look at the machine, read the manifest, make everything, start everything in order.
#include <string.h>

#include "servers/init/init.h"
#include "servers/init/machine.h"

struct init init;

const bool rt_has_config = false;

static const char *const logo[] = {
    "",
    "    _____                      _",
    "   | ____|_  _____ _   _ _ __ | |_",
    "   |  _| \\ \\/ / _ \\ | | | '_ \\| __|",
    "   | |___ >  <  __/ |_| | | | | |_",
    "   |_____/_/\\_\\___|\\__,_|_| |_|\\__|   every exit is a call",
    "",
};

// The whole of memory, and the two devices that init needs when there is nobody else.
static void main_see_machine(void) {
    const struct machine *machine = &init.machine;
    for (unsigned i = 0; i < machine->ram_count; i++) {
        uint64_t end = machine->ram[i].address + machine->ram[i].size;
        uint64_t begin = machine->ram[i].address;
        begin = begin < init.high ? init.high : begin;
        if (begin < end) {
            core_map(INIT_SLOT_SPACE, INIT_DIRECT + begin, begin, end - begin, RIGHT_R | RIGHT_W,
                     "the machine's memory");
        }
    }
}

static void main_see_device(uint64_t address) {
    if (address) {
        uint64_t page = address & ~0xfffull;
        core_map(INIT_SLOT_SPACE, (uint64_t)(uintptr_t)memory_see_device(page), page, 4096,
                 RIGHT_R | RIGHT_W | RIGHT_DEVICE, "a device");
    }
}

static void main_read_manifest(void) {
    static struct manifest_error error;
    const struct bundle_file *file = server_bundle_file("manifest.dtb");
    if (!file) {
        init_refuse("init: the boot bundle has no file manifest.dtb");
        init_end(1);
    }
    const void *blob = (const char *)init.bundle + file->offset;
    enum status status = manifest_parse(blob, file->size, machine_arch, &init.manifest, &error);
    // Why there is no RAM the architecture knows.
    if (status == STATUS_OK && init.machine.ram_count) {
        status = manifest_check_machine(&init.manifest, init.machine.ram, init.machine.ram_count,
                                        memory_room(), &error);
    }
    const char *wrong = status == STATUS_OK ? machine_arch_refuse(&init.manifest) : error.text;
    if (wrong) {
        init_refuse("manifest refused: %s", wrong);
        init_end(1);
    }
}

static void main_start(void) {
    struct objects portal = objects_take(1, 1, "init's portal");
    core_create(OBJECT_PORTAL, portal, SLOT_INIT_PORTAL, 0, 0, "init's portal");
    uint64_t bind[] = {SLOT_INIT_PORTAL, INIT_SLOT_TASK};
    core_bind(BIND_PORTAL, bind, 2, "init's portal");
    init.log = memory_take(sizeof(struct ring), 4096, "init's log");
    memory_clear(init.log);
    ((struct ring *)memory_see(init.log.physical))->magic = RING_MAGIC;
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        server_find(i);
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        server_prepare(i);
    }
    monitor_prepare();
    rt_log_to(memory_see(init.log.physical),
              SLOT_SERVER(init.manifest.console) + SERVER_SLOT_PORTAL);
    for (unsigned i = 0; i < sizeof(logo) / sizeof(logo[0]); i++) {
        rt_log("%s", logo[i]);
    }
    rt_log("Starting virtualization...");
    vm_place_all();
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        vm_prepare(i);
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        load_list(i);
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        server_start(i);
    }
}

int main(void) {
    uint64_t bundle = rt_argument[0];
    init.object_count = (uint32_t)rt_argument[5];
    init.object_next = (uint32_t)rt_argument[6];
    init.high = rt_argument[7];
    init.bundle = memory_see(bundle);
    core_map_bundle(INIT_SLOT_SPACE, INIT_DIRECT + bundle, 0, rt_argument[1], RIGHT_R,
                    "the bundle");
    machine_read(&init.machine, rt_argument[2]);
    main_see_machine();
    main_see_device(init.machine.uart);
    if ((init.machine.reset ^ init.machine.uart) >> 12) {
        main_see_device(init.machine.reset);
    }
    init.sees_machine = true;
    memory_start(init.high);
    main_read_manifest();
    main_start();
    rt_serve(init_handle, NULL);
}
