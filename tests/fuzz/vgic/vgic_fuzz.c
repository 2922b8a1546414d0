// Three games by one row of bytes. Any accesses to the frames of a virtual GICv3 or v2, of any size
// and anywhere, among lines, SGIs and reports of ends, true or not: it stays within its state,
// has a last output, and asks nothing of vCPUs that are not there. And moves that a guest may make:
// a machine of each version does what a naive GIC does, with servers that die meanwhile.
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vgic/play.h"
#include "tests/unit/vgic/world.h"

struct move {
    uint8_t what, vcpu;
    uint32_t offset;
    uint64_t value;
} __attribute__((packed));

#define GICD_SGIR 0xf00

// More than there can be of interrupts and vCPUs, twice.
#define OUTPUTS_MAX (4 * VGIC_PLACES)

static unsigned look(void *context, unsigned vcpu, unsigned intid) {
    const struct vgic *vgic = context;
    world_require(vcpu < vgic->vcpus && intid < VGIC_INTIDS);
    return (vcpu * 31 + intid * 7) & 3; // what a guest has made of it
}

static void move(struct vgic *vgic, const struct move *m) {
    unsigned size = 1u << (m->what >> 6);
    uint64_t offset = m->offset;
    switch (m->what & 7) {
    case 0:
    case 1:
        if (vgic->version == VGIC_V2) {
            vgic_banked_write(vgic, m->vcpu % 9, offset % 0x1100, size, m->value);
        } else {
            vgic_distributor_write(vgic, offset % 0x8000, size, m->value);
        }
        break;
    case 2:
    case 3:
        if (vgic->version == VGIC_V2) {
            vgic_banked_write(vgic, m->vcpu % 8, GICD_SGIR, 4, m->value);
            break;
        }
        vgic_redistributor_write(vgic, offset % (17 * VGIC_REDISTRIBUTOR_SIZE), size, m->value);
        break;
    case 4:
        if (vgic->version == VGIC_V3) {
            vgic_sgi(vgic, m->vcpu % vgic->vcpus, m->value);
        }
        break;
    case 5:
        vgic_line(vgic, m->offset, m->vcpu, m->value & 1);
        break;
    default:
        vgic_ended(vgic, m->vcpu, m->offset);
    }
    vgic_banked_read(vgic, m->vcpu, offset, size);
    vgic_distributor_read(vgic, offset, size);
    vgic_redistributor_read(vgic, offset, size);
}

static void play_anything(const uint8_t *data, size_t size) {
    struct vgic_output output;
    unsigned vcpus = 1 + (size ? data[0] % VGIC_VCPUS : 0);
    size &&data[0] & 0x80 ? world_begin_v2(1 + vcpus % VGIC_V2_VCPUS) : world_begin(vcpus);
    world.vgic.look = look;
    world.vgic.context = &world.vgic;
    for (struct move m; size >= sizeof(m); data += sizeof(m), size -= sizeof(m)) {
        memcpy(&m, data, sizeof(m));
        move(&world.vgic, &m);
        unsigned count = 0;
        while (vgic_next(&world.vgic, &output)) {
            world_require(output.vcpus != 0 && output.vcpus >> world.vgic.vcpus == 0);
            world_require(output.intid < VGIC_INTIDS && (output.priority & 7) == 0);
            world_require(output.sender < world.vgic.vcpus);
            world_require(++count < OUTPUTS_MAX);
        }
        state_commit(&world.state);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    play_anything(data, size);
    size = size < 400 ? size : 400;
    play(VGIC_V3, data, size);
    play(VGIC_V2, data, size);
    return 0;
}
