// gkernel, a small monolithic kernel: from the boot code to the shutdown, in order.
//
// Who wants to read all of it begins here and goes on with trap.c, where everything comes in that
// happens later: system calls (syscall.c, sys_*.c), faults, and the timer (timer.c). They work on
// processes and threads (process.c, thread.c), of which one runs (sched.c, by the rules of cfs.c)
// and others wait (wait.c, futex.c); on address spaces (space.c, region.c, mapping.c) made of page
// tables and pages (table.c, page.c); on programs (program.c, elf.c, pflash.c) and files (file.c,
// tty.c, console.c). user_memory.c is the only way to what a program points to. What differs by
// architecture is behind arch/include/guest.
//
// Interrupts are off in the kernel, and there is one CPU: that is the only lock. What happens
// between two calls that block (wait_in, or what leads to it) happens at once for everybody else.
// Only threads of the kernel's own turn interrupts on, while they touch nothing that others do.
#include <stddef.h>

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
#include "guest/gkernel/wait.h"
#include "guest/lib/machine.h"
#include "guest/platform.h"
#include "guest/trap.h"

// What runs when nothing is asked for.
#define FIRST_PROGRAM "init"
// Nanoseconds between two looks at how many clean pages there are.
#define CLEANER_PAUSE UINT64_C(20000000)

static const char logo[] = "\n"
                           "        _                        _\n"
                           "   __ _| | _____ _ __ _ __   ___| |\n"
                           "  / _` | |/ / _ \\ '__| '_ \\ / _ \\ |\n"
                           " | (_| |   <  __/ |  | | | |  __/ |\n"
                           "  \\__, |_|\\_\\___|_|  |_| |_|\\___|_|\n"
                           "  |___/     gkernel, a guest of Exeunt\n"
                           "\n";

static void read_machine(struct machine *machine, struct phys description) {
    const char *wrong = platform_describe(machine, description, kernel_space_window);
    if (wrong != NULL)
        panic("%s: at 0x%lx", wrong, description.raw);
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
    page_init(from, to);
    page_add(from, to);
    if (!kernel_space_is_clean())
        panic("kernel space: something is writable and executable");
    printk("memory: %lu KiB at 0x%lx, nothing both writable and executable\n",
           machine->memory.size >> 10, machine->memory.base);
}

static void open_flash(void) {
    const char *wrong = pflash_open(mmu_pointer(platform.pflash), platform.pflash_size);
    if (wrong != NULL)
        printk("pflash: no programs at 0x%lx: %s\n", platform.pflash.raw, wrong);
    else
        printk("pflash: %u programs at 0x%lx\n", pflash_count(), platform.pflash.raw);
}

// A thread of the kernel: clears pages while nobody with more weight wants the CPU.
static void clean_pages(void) {
    for (;;) {
        cpu_interrupts_off();
        if (!page_clean_one())
            wait_in(NULL, timer_now() + CLEANER_PAUSE);
        cpu_interrupts_on();
    }
}

// It works for longer than a tick: that the timer came is a part of its being well.
static int run_first_program(void) {
    const int code = program_run(FIRST_PROGRAM, sizeof(FIRST_PROGRAM) - 1);
    if (code == 0 && timer_ticks() == 0)
        panic("the timer never interrupted the first program");
    return code;
}

// The command line's words are programs, but for settings, whose name a "=" ends. Returns the exit
// code of the first program that failed, or 0.
static int run_programs(const char *words) {
    int first_failure = 0;
    bool any = false;
    while (*words != '\0') {
        size_t length = 0;
        bool is_setting = false, in_name = true;
        for (; words[length] != '\0' && words[length] != ' '; length++) {
            in_name = in_name && words[length] != ',';
            is_setting = is_setting || (in_name && words[length] == '=');
        }
        if (length > 0 && !is_setting) {
            const int code = program_run(words, length);
            first_failure = first_failure != 0 ? first_failure : code;
            any = true;
        }
        words += length;
        words += *words == ' ';
    }
    return any ? first_failure : run_first_program();
}

_Noreturn void gkernel_main(uint64_t cpu, struct phys description) {
    static struct machine machine;
    trap_init();
    kernel_space_init();
    read_machine(&machine, description);
    const char *missing = platform_init(&machine, kernel_space_device);
    printk("%s", logo);
    printk("arch = %s\n", platform.arch);
    printk("platform = %s\n", platform.name);
    if (missing != NULL)
        panic("%s", missing);
    printk("smp = %u\n", machine.cpus);
    printk("boot: cpu %lu\n", cpu);
    map_memory(&machine);
    open_flash();
    process_init();
    if (!thread_start_kernel(CFS_NICE_MAX, clean_pages))
        panic("no thread of the kernel can be started");

    const int code = run_programs(machine.bootargs);
    printk("monolithic kernel exit [%d] %s!\n", code, code == 0 ? "normally" : "abnormally");
    firmware_shutdown(code != 0);
}
