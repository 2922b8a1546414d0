// From the boot code to the shutdown, in order.
#include <stddef.h>

#include "guest/clock.h"
#include "guest/cpu.h"
#include "guest/firmware.h"
#include "guest/gkernel/console.h"
#include "guest/gkernel/kernel_space.h"
#include "guest/gkernel/page.h"
#include "guest/gkernel/panic.h"
#include "guest/gkernel/pflash.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/program.h"
#include "guest/gkernel/timer.h"
#include "guest/lib/machine.h"
#include "guest/platform.h"
#include "guest/trap.h"

// Larger trees are damaged ones.
#define TREE_SIZE_MAX (UINT64_C(2) << 20)

static const char logo[] = "\n"
                           "        _                        _\n"
                           "   __ _| | _____ _ __ _ __   ___| |\n"
                           "  / _` | |/ / _ \\ '__| '_ \\ / _ \\ |\n"
                           " | (_| |   <  __/ |  | | | |  __/ |\n"
                           "  \\__, |_|\\_\\___|_|  |_| |_|\\___|_|\n"
                           "  |___/     gkernel, a guest of Exeunt\n"
                           "\n";

static void read_machine(struct machine *machine, struct phys device_tree) {
    const size_t size = machine_tree_size(kernel_space_window(device_tree, 8));
    if (size == 0 || size > TREE_SIZE_MAX)
        panic("no device tree at 0x%lx", device_tree.raw);
    if (!machine_read(machine, kernel_space_window(device_tree, size), size))
        panic("the device tree at 0x%lx is damaged", device_tree.raw);
    page_reserve(device_tree, (struct phys){device_tree.raw + size});
    for (unsigned i = 0; i < machine->reserved_count; i++) {
        const struct machine_range *range = &machine->reserved[i];
        page_reserve((struct phys){range->base}, (struct phys){range->base + range->size});
    }
}

// RAM below the image is left alone: where there is firmware, it lives there.
static void map_memory(const struct machine *machine) {
    const struct phys from = mmu_physical(image_end);
    const struct phys to = {machine->memory.base + machine->memory.size};
    if (from.raw < machine->memory.base || from.raw >= to.raw)
        panic("the kernel is outside RAM, which is 0x%lx to 0x%lx", machine->memory.base, to.raw);
    kernel_space_map(from, to.raw - from.raw, MMU_READ | MMU_WRITE);
    kernel_space_map(platform.pflash, platform.pflash_size, MMU_READ);
    page_add(from, to);
    if (!kernel_space_is_clean())
        panic("kernel space: something is writable and executable");
    printk("memory: %lu KiB at 0x%lx, %lu pages free, nothing both writable and executable\n",
           machine->memory.size >> 10, machine->memory.base, page_count_free());
}

// Clears pages while nobody with more weight wants the CPU.
static void clean_pages(void) {
    bool more = true;
    while (more) {
        cpu_interrupts_off();
        more = page_clean_one();
        cpu_interrupts_on();
    }
}

static int run_first_program(const struct machine *machine) {
    char name[32] = "init";
    machine_bootarg(machine, "init", name, sizeof(name));
    struct process *first = program_start(name);
    struct process *cleaner = process_create_thread("cleaner", CFS_NICE_MAX, clean_pages);
    if (first == NULL || cleaner == NULL)
        panic("the first process can't be started");
    const int code = process_join(first);
    process_join(cleaner);
    if (code == 0 && timer_ticks() == 0)
        panic("the timer never interrupted the first process");
    return code;
}

_Noreturn void gkernel_main(uint64_t cpu, struct phys device_tree) {
    static struct machine machine;
    trap_init();
    kernel_space_init();
    printk("%s", logo);
    printk("arch = %s\n", platform.arch);
    printk("platform = %s\n", platform.name);
    read_machine(&machine, device_tree);
    printk("smp = %u\n", machine.cpus);
    printk("boot: cpu %lu, device tree at 0x%lx\n", cpu, device_tree.raw);
    map_memory(&machine);
    pflash_probe();
    if (!clock_init(&machine))
        panic("the device tree does not say how fast the counter runs");
    process_init();

    const int code = run_first_program(&machine);
    printk("monolithic kernel exit [%d] %s!\n", code, code == 0 ? "normally" : "abnormally");
    firmware_shutdown(code != 0);
}
