#include "arch/aarch64/core/list_hardware.h"

#include "arch/aarch64/core/sysreg.h"
#include "arch/panic.h"

// A GICv2's.
#define GICH_HCR 0x000u
#define GICH_VTR 0x004u
#define GICH_VMCR 0x008u
#define GICH_APR 0x0f0u
#define GICH_LR 0x100u

#define VTR_REGISTERS(vtr) (((vtr) & 63) + 1)
#define VTR_PREEMPTION_BITS(vtr) (((vtr) >> 26 & 7) + 1)

static uint64_t memory; // of a GICv2; 0: system registers
unsigned list_hardware_registers;
static uint64_t none_in_use; // ICH_ELRSR_EL2 then; 0: there is none

static volatile uint32_t *v2(uint32_t offset) { return (volatile uint32_t *)(memory + offset); }

// One that both have.
#define CONTROL_READ(name, offset) (memory ? *v2(offset) : sysreg_read(name))
#define CONTROL_WRITE(name, offset, value)                                                         \
    if (memory) {                                                                                  \
        *v2(offset) = (uint32_t)(value);                                                           \
    } else {                                                                                       \
        sysreg_write(name, value);                                                                 \
    }

// The numbers of system registers are parts of their names. As many as there are, one after the
// other.
#define EACH(X)                                                                                    \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define READ(n)                                                                                    \
    if (n == list_hardware_registers) {                                                            \
        return;                                                                                    \
    }                                                                                              \
    list[n] = sysreg_read(ich_lr##n##_el2);
#define WRITE(n)                                                                                   \
    if (n == list_hardware_registers) {                                                            \
        return;                                                                                    \
    }                                                                                              \
    sysreg_write(ich_lr##n##_el2, list[n]);

static void read_v3(uint64_t *list) { EACH(READ) }
static void write_v3(const uint64_t *list) { EACH(WRITE) }

// GICH_LR<n>: the state at 28, the group and "by the hardware" at 30 and 31, the other way round,
// the upper five bits of the priority at 23. From 10 on is what ICH_LR has from 32 on: the physical
// interrupt, or the source of an SGI and LIST_END.
static uint64_t to_v2(uint64_t list) {
    return (list & 0x3ff) | (list >> 32 & 0x3ff) << 10 | (list >> 51 & 31) << 23 |
           (list >> 62 & 3) << 28 | (list >> 60 & 1) << 30 | (list >> 61 & 1) << 31;
}

static uint64_t from_v2(uint64_t list) {
    return (list & 0x3ff) | (list >> 10 & 0x3ff) << 32 | (list >> 23 & 31) << 51 |
           (list >> 28 & 3) << 62 | (list >> 30 & 1) << 60 | (list >> 31 & 1) << 61;
}

void list_hardware_init(uint64_t at) {
    memory = at;
    uint64_t type = CONTROL_READ(ich_vtr_el2, GICH_VTR);
    list_hardware_registers = (unsigned)VTR_REGISTERS(type);
    panic_unless(list_hardware_registers > 1 && list_hardware_registers <= ARCH_LIST_REGISTERS &&
                     VTR_PREEMPTION_BITS(type) == 5,
                 "the core needs 2 to 16 list registers and 5 bits of preemption; ICH_VTR is",
                 type);
    none_in_use = memory ? 0 : (1ull << list_hardware_registers) - 1;
}

void list_hardware_read(uint64_t *list) {
    for (unsigned i = 0; memory && i < list_hardware_registers; i++) {
        list[i] = from_v2(*v2(GICH_LR + 4 * i));
    }
    if (!memory) {
        read_v3(list);
    }
}

void list_hardware_write(const uint64_t *list, bool maintain) {
    CONTROL_WRITE(ich_hcr_el2, GICH_HCR, ICH_HCR_ENABLE | (maintain ? ICH_HCR_UNDERFLOW : 0))
    for (unsigned i = 0; memory && i < list_hardware_registers; i++) {
        *v2(GICH_LR + 4 * i) = (uint32_t)to_v2(list[i]);
    }
    if (!memory) {
        write_v3(list);
    }
}

void list_hardware_off(void) { CONTROL_WRITE(ich_hcr_el2, GICH_HCR, 0) }

// A GICv2 has the controls as ICH_VMCR_EL2 has them, and one register for both groups' priorities.
void list_hardware_save(struct arch_vcpu *arch) {
    arch->vmcr = CONTROL_READ(ich_vmcr_el2, GICH_VMCR);
    arch->ap0r = CONTROL_READ(ich_ap0r0_el2, GICH_APR);
    arch->ap1r = CONTROL_READ(ich_ap1r0_el2, GICH_APR);
}

void list_hardware_load(const struct arch_vcpu *arch){
    CONTROL_WRITE(ich_vmcr_el2, GICH_VMCR, arch -> vmcr)
        CONTROL_WRITE(ich_ap0r0_el2, GICH_APR, arch->ap0r)
            CONTROL_WRITE(ich_ap1r0_el2, GICH_APR, arch->ap1r)}

HOT bool list_hardware_quick(uint64_t value) {
    if (unlikely(!none_in_use || sysreg_read(ich_elrsr_el2) != none_in_use)) {
        return false;
    }
    sysreg_write(ich_lr0_el2, value);
    return true;
}
