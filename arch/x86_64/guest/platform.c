#include "guest/platform.h"

#include <stddef.h>

#include "arch/x86_64/guest/apic.h"
#include "arch/x86_64/guest/clock.h"
#include "arch/x86_64/guest/hypervisor.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/multiboot.h"

// The flash lies where a PC's firmware has its own, below the first 256 KiB of that.
const struct platform platform = {
    .arch = "x86_64",
    .name = "x86-pc",
    .pflash = {0xffc00000},
    .pflash_size = 0x3c0000,
    .elf_machine = 62,
};

#define PIC_MASK_FIRST 0x21
#define PIC_MASK_SECOND 0xa1
#define PIC_MASK_ALL 0xff

// A PC's firmware leaves it to interrupt at vectors that are exceptions'.
static void silence_pic(void) {
    x86_out8(PIC_MASK_FIRST, PIC_MASK_ALL);
    x86_out8(PIC_MASK_SECOND, PIC_MASK_ALL);
}

const char *platform_describe(struct machine *machine, struct phys description,
                              machine_show *show) {
    return multiboot_read(machine, description, mmu_physical(image_start), show);
}

const char *platform_init(const struct machine *machine,
                          volatile void *(*map)(struct phys at, uint64_t size)) {
    (void)machine;
    if (!hypervisor_is_there())
        silence_pic();
    apic_init(map);
    return clock_init() ? NULL : "nothing says how fast the time stamp counter runs";
}
