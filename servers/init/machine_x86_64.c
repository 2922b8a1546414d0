// A PC, as who loaded the core describes it, and ACPI: there is no device tree.
#include <string.h>

#include "arch/device.h"
#include "libs/uart/uart_16550.h"
#include "servers/init/acpi.h"
#include "servers/init/acpi_off.h"
#include "servers/init/machine.h"
#include "servers/init/pc.h"

const char *const machine_arch = "x86_64";
const char *const machine_lacks_feature = "property `counters`: this machine has none for guests";
const char *const machine_reset_device = NULL;      // ports, which are no device tree's
const uint64_t machine_start_argument = 0x2badb002; // Multiboot 0.6.96, 3.2: EAX

// 0 to 15 as instructions number them; of those behind (arch/regs.h) CR4, EFER, PAT can be written,
// and the flags of an instruction that computes with a device's registers.
// A hypercall has RAX, RCX, RDX, RBX, RSI, RDI and R8 to R13, and is answered in RAX and RDX.
#define ALL 0xffffu
#define FLAGS (1u << 16)
#define SYSTEM 0x3fff0000u
#define WRITABLE (ALL | 1u << 20 | 1u << 21 | 1u << 28)
#define ARGUMENTS 0x3fcfu
#define RESULTS 0x5u

const struct machine_route machine_routes[EXIT_GUEST_CLASSES] = {
    [EXIT_HYPERCALL] = {REPLY_RESULT | REPLY_ADVANCE | REPLY_WRITE | REPLY_PARK | REPLY_STOP |
                            REPLY_START | REPLY_INJECT,
                        RESULTS, ARGUMENTS},
    [EXIT_STAGE2] = {REPLY_WRITE | REPLY_WRITE_SECOND | REPLY_ADVANCE | REPLY_MAP | REPLY_STOP |
                         REPLY_INJECT | REPLY_DEADLINE, // stores to the local APIC's page
                     ALL | FLAGS, ALL | SYSTEM},
    [EXIT_TIMER] = {REPLY_DEADLINE | REPLY_PARK | REPLY_STOP, 0, 0},
    [EXIT_IDLE] = {REPLY_ADVANCE | REPLY_PARK | REPLY_STOP, 0, 0},
    [EXIT_SYSREG] = {REPLY_RESULT | REPLY_WRITE | REPLY_ADVANCE | REPLY_DEADLINE | REPLY_RAISE |
                         REPLY_CLEAR | REPLY_STOP | REPLY_INJECT,
                     WRITABLE, ALL | SYSTEM},
    [EXIT_IO] = {REPLY_RESULT | REPLY_WRITE | REPLY_ADVANCE | REPLY_RAISE | REPLY_STOP |
                     REPLY_INJECT,
                 ALL, ALL | SYSTEM},
    [EXIT_WINDOW] = {REPLY_RAISE | REPLY_STOP, 0, 0},
    [EXIT_SHUTDOWN] = {REPLY_STOP, 0, 0},
};

#define SERIAL_PORT 0x3f8

// QEMU's isa-debug-exit: a byte written there ends QEMU, with the status (byte << 1) | 1. Where it
// is, that tells of a clean end: a machine that is turned off might as well have failed.
#define DEBUG_EXIT_PORT 0x501
#define DEBUG_EXIT_CLEAN 0x10u

static struct pc pc;
static struct acpi acpi;

static bool in_ram(uint64_t address, uint64_t size) {
    const struct machine *machine = &init.machine;
    for (unsigned i = 0; i < machine->ram_count; i++) {
        const struct manifest_range *ram = &machine->ram[i];
        if (address < ram->address + ram->size && ram->address < address + size) {
            return true;
        }
    }
    return false;
}

// The bundle is seen already; what else is told, and ACPI's tables, lie beside the core's memory
// and what is handed out.
static const uint8_t *machine_see(uint64_t address, uint64_t size) {
    const uint64_t bundle = rt_argument[0], bundle_size = rt_argument[1];
    if (address >= PORTS_PHYSICAL || size > PORTS_PHYSICAL - address || in_ram(address, size)) {
        return NULL;
    }
    if (address >= bundle && address - bundle < bundle_size) {
        return size <= bundle_size - (address - bundle) ? memory_see(address) : NULL;
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

void machine_read(struct machine *machine, uint64_t told) {
    pc = pc_read(told, init.high, PORTS_PHYSICAL, machine_see);
    memcpy(machine->ram, pc.ram, sizeof(pc.ram));
    machine->ram_count = pc.ram_count;
    machine->timebase = rt_argument[3];
    machine->uart = PORTS_PHYSICAL + PORTS_OFFSET(SERIAL_PORT);
    machine->uart_driver = &uart_16550;
    machine->reset = PORTS_PHYSICAL + PORTS_OFFSET(DEBUG_EXIT_PORT);
    acpi = acpi_read(pc.rsdp, machine_see);
}

const char *machine_arch_refuse(const struct manifest *manifest) {
    const struct manifest_range core = {rt_argument[0], init.high - rt_argument[0]};
    return pc_refuse(&pc, &acpi, core, manifest);
}

// Ports that the machine's own description names.
static bool port_open(uint16_t port, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
        const uint64_t page = PORTS_PHYSICAL + PORTS_OFFSET((uint64_t)port + i);
        if (port + i > UINT16_MAX) {
            return false;
        }
        enum status mapped =
            rt_map(INIT_SLOT_SPACE, (uint64_t)(uintptr_t)memory_see_device(page), INIT_SLOT_HIGH,
                   page - init.high, 4096, RIGHT_R | RIGHT_W | RIGHT_DEVICE);
        if (mapped != STATUS_OK && mapped != STATUS_EXISTS) {
            return false;
        }
    }
    return true;
}

static uint16_t port_load16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %%dx, %0" : "=a"(value) : "d"(port) : "memory");
    return value;
}

static void port_store16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %%dx" ::"a"(value), "d"(port) : "memory");
}

static void port_store8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %%dx" ::"a"(value), "d"(port) : "memory");
}

static void turn_off(void) {
    const struct acpi_ports ports = {port_open,   port_load16, port_store16,
                                     port_store8, rt_now,      init.machine.timebase};
    acpi_off(&acpi, &ports);
}

// Of a failure the core tells whoever is there to hear.
void machine_arch_end(volatile void *registers, unsigned status) {
    if (status) {
        return;
    }
    arch_device_store8((volatile uint8_t *)registers + DEBUG_EXIT_PORT % 8, DEBUG_EXIT_CLEAN);
    turn_off();
}
