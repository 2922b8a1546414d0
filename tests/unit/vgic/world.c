#include "tests/unit/vgic/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

#define AT 16 // the machine is not all that the server keeps

static _Alignas(8) uint8_t region[2 * (AT + sizeof(struct vgic_state)) + STATE_SLOTS_AT];

void world_check(bool condition, const char *text, const char *file, int line) {
    if (!condition) {
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
        abort();
    }
}

static unsigned look(void *context, unsigned vcpu, unsigned intid) {
    (void)context;
    world.looks++;
    return world.lr[vcpu][intid].state;
}

// A server starts, where there is no state yet, or finds one.
static void start_server(enum vgic_version version, unsigned vcpus) {
    static _Alignas(8) uint8_t initial[AT + sizeof(struct vgic_state)];
    vgic_reset((struct vgic_state *)(void *)(initial + AT), version);
    const struct state_layout layout = {"vgic", 1, sizeof(initial), initial, NULL};
    world_require(state_open(&world.state, region, sizeof(region), &layout) == STATUS_OK);
    vgic_open(&world.vgic, version, &world.state, AT, vcpus, look, NULL);
}

static void begin(enum vgic_version version, unsigned vcpus) {
    memset(&world, 0, sizeof(world));
    memset(region, 0, sizeof(region));
    start_server(version, vcpus);
}

void world_begin(unsigned vcpus) { begin(VGIC_V3, vcpus); }

void world_begin_v2(unsigned vcpus) { begin(VGIC_V2, vcpus); }

// The core's timers are level-sensitive: asserted, forwarded and not in a list register means that
// they are raised.
static void settle_timer(unsigned vcpu) {
    struct world_lr *lr = &world.lr[vcpu][VGIC_TIMER];
    if (world.asserted[vcpu] && world.timer[vcpu] && lr->state == 0) {
        *lr = (struct world_lr){.state = WORLD_LR_PENDING,
                                .priority = world.timer[vcpu] & ~(WORLD_FORWARDED | WORLD_GROUP0),
                                .group0 = world.timer[vcpu] & WORLD_GROUP0};
    }
}

static void set_timer(unsigned vcpu, const struct vgic_output *output) {
    world_require(output->intid == VGIC_TIMER ||
                  (output->intid == 0 && output->priority == 0 && !output->group0));
    unsigned how = WORLD_FORWARDED | (output->group0 ? WORLD_GROUP0 : 0);
    world.timer[vcpu] = output->intid ? output->priority | how : 0;
    if (!world.timer[vcpu]) {
        world.lr[vcpu][VGIC_TIMER].state &= ~(unsigned)WORLD_LR_PENDING;
    }
}

// The core does OUTPUT for one vCPU.
static void do_output_there(unsigned vcpu, const struct vgic_output *output) {
    struct world_lr *lr = &world.lr[vcpu][output->intid];
    switch (output->effect) {
    case VGIC_RAISE:
        world_require(output->intid != VGIC_TIMER);
        world_require(lr->state == 0 || lr->sender == output->sender); // it has room for one
        lr->state |= WORLD_LR_PENDING;
        lr->priority = output->priority;
        lr->notify |= output->notify;
        lr->group0 = output->group0;
        lr->sender = output->sender;
        break;
    case VGIC_TAKE_BACK:
        world_require(output->intid != VGIC_TIMER);
        world_require(lr->state & WORLD_LR_PENDING);
        lr->state &= ~(unsigned)WORLD_LR_PENDING;
        break;
    case VGIC_DEACTIVATE:
        world_require(lr->state & WORLD_LR_ACTIVE);
        lr->state &= ~(unsigned)WORLD_LR_ACTIVE;
        break;
    case VGIC_SET_TIMER:
        set_timer(vcpu, output);
        break;
    case VGIC_NONE:
        world_require(false);
    }
    if (lr->state == 0) {
        lr->notify = false; // nobody ended it
    }
}

// The server gives OUTPUT to the core, in one call for each vCPU. Returns true if it dies over it.
static bool give(const struct vgic_output *output) {
    world_require(output->vcpus != 0 && output->vcpus >> world.vgic.vcpus == 0);
    bool is_new = false;
    for (unsigned vcpu = 0; vcpu < world.vgic.vcpus; vcpu++) {
        if (!(output->vcpus >> vcpu & 1)) {
            continue;
        }
        if (output->number > world.number[vcpu]) { // else it was done before a server died
            world.number[vcpu] = output->number;
            do_output_there(vcpu, output);
            is_new = true;
        }
        if (world.dies && world.dies()) {
            return true;
        }
    }
    if (is_new) {
        world.last = *output;
        world.outputs++;
    }
    return false;
}

// Commits and gives whatever is due. Returns true if the server dies over it.
static bool settle(void) {
    struct vgic_output output;
    while (vgic_next(&world.vgic, &output)) {
        if (world.dies && world.dies()) {
            return true;
        }
        state_commit(&world.state);
        if ((world.dies && world.dies()) || give(&output)) {
            return true;
        }
    }
    state_commit(&world.state); // what finding nothing has found out
    return false;
}

// The server has died. The next ones take over, until one lives.
static void succeed(void) {
    const enum vgic_version version = world.vgic.version;
    const unsigned vcpus = world.vgic.vcpus;
    bool dead = true;
    while (dead) {
        world.deaths++;
        memset(&world.state, 0xa5, sizeof(world.state));
        start_server(version, vcpus);
        struct vgic_output last = vgic_last(&world.vgic);
        dead = (last.effect != VGIC_NONE && give(&last)) || settle();
    }
}

// What an exit is about.
struct event {
    enum { DISTRIBUTOR, REDISTRIBUTOR, BANKED, SGI, LINE, ENDED } kind;
    unsigned vcpu, intid, offset, size;
    uint64_t value;
};

static void apply(const struct event *event) {
    struct vgic *vgic = &world.vgic;
    switch (event->kind) {
    case DISTRIBUTOR:
        vgic_distributor_write(vgic, event->offset, event->size, event->value);
        break;
    case REDISTRIBUTOR:
        vgic_redistributor_write(vgic, event->offset, event->size, event->value);
        break;
    case BANKED:
        vgic_banked_write(vgic, event->vcpu, event->offset, event->size, event->value);
        break;
    case SGI:
        vgic_sgi(vgic, event->vcpu, event->value);
        break;
    case LINE:
        vgic_line(vgic, event->intid, event->vcpu, event->value);
        break;
    case ENDED:
        vgic_ended(vgic, event->vcpu, event->intid);
        break;
    }
}

// The exit that EVENT is. Its first output and its sequence number are part of its commit, so a
// server that finds it done answers it, and does nothing more.
static void serve(struct event event) {
    struct vgic_output output;
    bool any;
    for (;;) {
        apply(&event);
        any = vgic_next(&world.vgic, &output);
        if (!world.dies || !world.dies()) {
            break;
        }
        succeed(); // before anything was committed
    }
    state_commit(&world.state);
    if ((world.dies && world.dies()) || (any && give(&output)) || settle()) {
        succeed();
    }
    for (unsigned vcpu = 0; vcpu < world.vgic.vcpus; vcpu++) {
        settle_timer(vcpu);
    }
}

void world_distributor(unsigned offset, unsigned size, uint64_t value) {
    serve((struct event){.kind = DISTRIBUTOR, .offset = offset, .size = size, .value = value});
}

void world_redistributor(unsigned vcpu, unsigned offset, unsigned size, uint64_t value) {
    serve((struct event){.kind = REDISTRIBUTOR,
                         .offset = vcpu * VGIC_REDISTRIBUTOR_SIZE + offset,
                         .size = size,
                         .value = value});
}

void world_banked(unsigned vcpu, unsigned offset, unsigned size, uint64_t value) {
    serve((struct event){
        .kind = BANKED, .vcpu = vcpu, .offset = offset, .size = size, .value = value});
}

void world_sgi(unsigned vcpu, uint64_t value) {
    serve((struct event){.kind = SGI, .vcpu = vcpu, .value = value});
}

void world_line(unsigned intid, unsigned vcpu, bool level) {
    serve((struct event){.kind = LINE, .vcpu = vcpu, .intid = intid, .value = level});
}

void world_timer(unsigned vcpu, bool asserted) {
    world.asserted[vcpu] = asserted;
    settle_timer(vcpu);
}

uint32_t world_read(unsigned offset) {
    return (uint32_t)vgic_distributor_read(&world.vgic, offset, 4);
}

uint32_t world_read_own(unsigned vcpu, unsigned offset) {
    return (uint32_t)vgic_redistributor_read(&world.vgic, vcpu * VGIC_REDISTRIBUTOR_SIZE + offset,
                                             4);
}

uint32_t world_read_banked(unsigned vcpu, unsigned offset) {
    return (uint32_t)vgic_banked_read(&world.vgic, vcpu, offset, 4);
}

unsigned world_acknowledge(unsigned vcpu) {
    unsigned best = WORLD_SPURIOUS, priority = 256;
    for (unsigned intid = 0; intid < VGIC_INTIDS; intid++) {
        struct world_lr *lr = &world.lr[vcpu][intid];
        if (lr->state == WORLD_LR_PENDING && lr->priority < priority) {
            best = intid;
            priority = lr->priority;
        }
    }
    if (best != WORLD_SPURIOUS) {
        world.lr[vcpu][best].state = WORLD_LR_ACTIVE;
    }
    return best;
}

void world_end(unsigned vcpu, unsigned intid) {
    struct world_lr *lr = &world.lr[vcpu][intid];
    lr->state &= ~(unsigned)WORLD_LR_ACTIVE;
    if (lr->state == 0 && lr->notify) {
        lr->notify = false;
        serve((struct event){.kind = ENDED, .vcpu = vcpu, .intid = intid});
    }
    settle_timer(vcpu);
}

uint32_t world_pending(unsigned intid) {
    uint32_t vcpus = 0;
    for (unsigned vcpu = 0; vcpu < world.vgic.vcpus; vcpu++) {
        vcpus |= world.lr[vcpu][intid].state == WORLD_LR_PENDING ? 1u << vcpu : 0;
    }
    return vcpus;
}

void world_start(void) {
    world_distributor(0x0, 4, 0x12);
    for (unsigned n = 1; n < VGIC_INTIDS / 32; n++) {
        world_distributor(0x80 + 4 * n, 4, 0xffffffff);
    }
    for (unsigned vcpu = 0; vcpu < world.vgic.vcpus; vcpu++) {
        world_redistributor(vcpu, 0x14, 4, 0);
        world_redistributor(vcpu, 0x10080, 4, 0xffffffff);
    }
}
