// A PC, as the PVH entry describes it (Xen's docs/misc/pvh.pandoc): there is no device tree.
#include "arch/device.h"
#include "libs/uart/uart_16550.h"
#include "servers/init/acpi.h"
#include "servers/init/machine.h"

const char *const machine_arch = "x86_64";
const char *const machine_reset_device = NULL;      // a port that ACPI names
const uint64_t machine_start_argument = 0x2badb002; // Multiboot 0.6.96, 3.2: EAX

// 0 to 15 as instructions number them; of those behind (arch/regs.h) EFER and PAT can be written.
// A hypercall has RAX, RCX, RDX, RBX, RSI, RDI and R8 to R13, and is answered in RAX and RDX.
#define ALL 0xffffu
#define SYSTEM 0x3fff0000u
#define WRITABLE (ALL | 1u << 21 | 1u << 28)
#define ARGUMENTS 0x3fcfu
#define RESULTS 0x5u

const struct machine_route machine_routes[EXIT_GUEST_CLASSES] = {
    [EXIT_HYPERCALL] = {REPLY_RESULT | REPLY_ADVANCE | REPLY_WRITE | REPLY_PARK | REPLY_STOP |
                            REPLY_START | REPLY_INJECT,
                        RESULTS, ARGUMENTS},
    [EXIT_STAGE2] = {REPLY_WRITE | REPLY_ADVANCE | REPLY_MAP | REPLY_STOP | REPLY_INJECT |
                         REPLY_DEADLINE, // stores to the local APIC's page
                     ALL, ALL | SYSTEM},
    [EXIT_TIMER] = {REPLY_DEADLINE | REPLY_STOP, 0, 0},
    [EXIT_IDLE] = {REPLY_ADVANCE | REPLY_PARK | REPLY_STOP, 0, 0},
    [EXIT_SYSREG] = {REPLY_RESULT | REPLY_WRITE | REPLY_ADVANCE | REPLY_DEADLINE | REPLY_RAISE |
                         REPLY_CLEAR | REPLY_STOP | REPLY_INJECT,
                     WRITABLE, ALL | SYSTEM},
    [EXIT_IO] = {REPLY_WRITE | REPLY_ADVANCE | REPLY_RAISE | REPLY_STOP, ALL, ALL | SYSTEM},
    [EXIT_WINDOW] = {REPLY_RAISE | REPLY_STOP, 0, 0},
    [EXIT_SHUTDOWN] = {REPLY_STOP, 0, 0},
};

#define START_MAGIC 0x336ec578u
#define ENTRIES_MOST 128u
#define ENTRY_RAM 1u

struct start {
    uint32_t magic, version, flags, modules;
    uint64_t module_list, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct start_memory {
    uint64_t address, size;
    uint32_t type, reserved;
};

#define SERIAL_PORT 0x3f8
#define SLEEP_ENABLE (1u << 13)

static uint16_t control_port, control_value;

static const uint8_t *machine_see(uint64_t address, uint64_t size) {
    if (address >= PORTS_PHYSICAL || size > PORTS_PHYSICAL - address) {
        return NULL;
    }
    for (uint64_t page = address & ~0xfffull; page < address + size; page += 4096) {
        unsigned frame = page >= init.high ? INIT_SLOT_HIGH : INIT_SLOT_LOW;
        enum status status = rt_map(INIT_SLOT_SPACE, INIT_DIRECT + page, frame,
                                    page - (page >= init.high ? init.high : 0), 4096, RIGHT_R);
        if (status != STATUS_OK && status != STATUS_EXISTS) {
            return NULL;
        }
    }
    return memory_see(address);
}

static void machine_ram(struct machine *machine, const struct start *start) {
    const uint64_t size = start->memory_map_entries * sizeof(struct start_memory);
    const struct start_memory *entry = NULL;
    if (start->version >= 1 && start->memory_map_entries <= ENTRIES_MOST) {
        entry = (const struct start_memory *)machine_see(start->memory_map, size);
    }
    for (uint32_t i = 0; entry && i < start->memory_map_entries && machine->ram_count < 4; i++) {
        if (entry[i].type == ENTRY_RAM && entry[i].address + entry[i].size > init.high) {
            machine->ram[machine->ram_count++] =
                (struct manifest_range){entry[i].address, entry[i].size};
        }
    }
}

void machine_read(struct machine *machine, uint64_t tree) {
    const struct start *start = (const struct start *)machine_see(tree, sizeof(*start));
    machine->timebase = rt_argument[3];
    machine->uart = PORTS_PHYSICAL + PORTS_OFFSET(SERIAL_PORT);
    machine->uart_driver = &uart_16550;
    if (start && start->magic == START_MAGIC) {
        struct acpi acpi = acpi_read(start->rsdp, machine_see);
        machine_ram(machine, start);
        control_port = acpi.control;
        control_value = (uint16_t)(acpi.sleep_type << 10 | SLEEP_ENABLE);
        machine->reset = control_port ? PORTS_PHYSICAL + PORTS_OFFSET(control_port) : 0;
    }
}

// Turning off says nothing of why: of a failure the core tells whoever is there to hear.
void machine_arch_end(volatile void *registers, unsigned status) {
    if (!status) {
        uint16_t port = (uint16_t)(arch_device_port(registers) + control_port % 8);
        __asm__ volatile("outw %0, %%dx" ::"a"(control_value), "d"(port) : "memory");
    }
}
