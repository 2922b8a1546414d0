#include "arch/x86_64/guest/bare.h"

#include <stddef.h>

#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/mmu.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/bare.h"
#include "guest/firmware.h"
#include "guest/lib/multiboot.h"

#define BIG_PAGE_SHIFT 21
#define MORE 3 // GiB, beside the one that the entry has mapped

extern char image_start[];

static struct machine machine;
static _Alignas(PAGE_SIZE) uint64_t more[MORE][TABLE_ENTRIES];

const struct machine *bare_machine(void) { return &machine; }

void print_bytes(const char *bytes, uint64_t size) { firmware_write(bytes, size); }

_Noreturn void guest_end(bool failed) { firmware_shutdown(failed); }

__attribute__((weak)) void bare_trap(struct trap_frame *frame) {
    print("FAILED: unexpected trap, vector %lu, error 0x%lx, CR2 0x%lx, RIP 0x%lx\n", frame->vector,
          frame->error, x86_read_cr(2), frame->rip);
    guest_end(true);
}

void trap_dispatch(struct trap_frame *frame) { bare_trap(frame); }

// Devices lie at the end of the 4 GiB: nothing above RAM is cached.
static void map_more(void) {
    for (uint64_t i = 0; i < MORE; i++) {
        for (uint64_t slot = 0; slot < TABLE_ENTRIES; slot++)
            more[i][slot] = ((i + 1) * TABLE_ENTRIES + slot) << BIG_PAGE_SHIFT | PTE_PRESENT |
                            PTE_WRITE | PTE_LARGE | PTE_NOT_CACHED | PTE_WRITE_THROUGH;
        entry_upper[i + 1] = (uint64_t)more[i] | PTE_PRESENT | PTE_WRITE;
    }
}

static const void *here(struct phys at, uint64_t size) {
    (void)size;
    return (const void *)(uintptr_t)at.raw;
}

// Multiboot does not say how many there are. They count from 0.
static void find_cpus(void) {
    const struct x86_cpuid features = x86_cpuid(CPUID_FEATURES);
    if (!(features.d & CPUID_FEATURES_D_SEVERAL))
        return;
    machine.cpus = features.b >> CPUID_FEATURES_B_CPUS_SHIFT & 0xff;
    for (unsigned i = 0; i < MACHINE_CPUS_MAX; i++)
        machine.cpu_id[i] = i;
}

_Noreturn void entry_begin(uint32_t magic, uint32_t information) {
    map_more();
    segments_init(vector_stubs, VECTOR_STUB_SIZE, vector_syscall);
    const struct phys inside = {(uint64_t)image_start};
    if (magic != MULTIBOOT_MAGIC ||
        multiboot_read(&machine, (struct phys){information}, inside, here) != NULL)
        guest_end(true);
    find_cpus();
    const uint32_t cpu = x86_cpuid(CPUID_FEATURES).b >> CPUID_FEATURES_B_APIC_ID_SHIFT;
    guest_end(!guest_main(cpu, (const void *)(uintptr_t)information));
}
