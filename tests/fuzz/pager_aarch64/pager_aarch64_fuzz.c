// What a guest with two CPUs does to its interrupt controller and its UART, and what a person types
// there, served twice: by one server that lives, and by servers that die at what they ask of the
// core. After each step the core has the same interrupts, raised as often, the rings hold the same,
// and the answer was the same.
#include <stdlib.h>
#include <string.h>

#include "tests/unit/pager/board.h"

#define STEPS_MAX 100

#define KINDS 10 // of things that happen

// What happens, from the fuzzer's bytes.
struct step {
    uint8_t what; // the kind, and KINDS times the instruction
    uint8_t vcpu;
    uint16_t where;
    uint32_t value;
    uint32_t deaths; // four bits each: at which request the next server dies; 0: it lives
} __attribute__((packed));

// What is seen of it.
struct seen {
    struct reply reply;
    struct board_core core[VCPUS];
    uint32_t sent, received;
};

static struct seen alive[STEPS_MAX];

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t gic_register(const struct step *step) {
    static const uint16_t blocks[] = {0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x100, 0x200};
    uint64_t bank = step->where % 4; // two vCPUs' own, and two of shared ones
    uint64_t base = bank < VCPUS ? GICR + bank * GICR_SECOND + 0x10000 : GICD + (bank - 1) * 4;
    switch (step->where >> 2 & 15) {
    case 0:
        return GICD; // CTLR
    case 1:
        return GICR + bank % VCPUS * GICR_SECOND + 0x14; // WAKER
    case 2:
        return base + 0x80; // IGROUPR
    case 3:
        return GICD + 0x6000 + 8ull * (32 + (step->where >> 6) % 64); // IROUTER
    case 4:
        return GICD + 0xc08 + (step->where >> 6) % 4 * 4ull; // ICFGR
    case 5:
        return (bank < VCPUS ? base : GICD) + 0x400 + (step->where >> 6) % 24 * 4ull; // IPRIORITYR
    default:
        return base + blocks[(step->where >> 2 & 15) % 8];
    }
}

// By which a device is accessed, and how far behind the base register, x11: plainly, as a pair, and
// with a change of the base. Some are refused.
static const struct {
    uint32_t stores, loads;
    int offset;
} instructions[] = {
    {0xb900016a, 0xb940016a, 0},  // str, ldr w10, [x11]
    {0x2900316a, 0x2940316a, 0},  // stp, ldp w10, w12, [x11]
    {0x2881316a, 0x28c17d6a, 0},  // stp w10, w12, [x11], #8; ldp w10, wzr, [x11], #8
    {0x29bf316a, 0x29ff317f, -8}, // stp w10, w12, [x11, #-8]!; ldp wzr, w12, [x11, #-8]!
    {0xa900316a, 0xa940316a, 0},  // stp, ldp x10, x12, [x11]
    {0x2900317f, 0x6940316a, 0},  // stp wzr, w12, [x11]; ldpsw x10, x12, [x11]
    {0xb800456a, 0xb840456a, 0},  // str, ldr w10, [x11], #4
    {0xb8004d6a, 0xb8404d6a, 4},  // str, ldr w10, [x11, #4]!
};

static struct message access_of(const struct step *step, uint64_t address, enum access access) {
    struct message record = board_access(address, access);
    const unsigned which = step->what / KINDS % (sizeof(instructions) / sizeof(instructions[0]));
    record.info = MESSAGE_INFO(EXIT_STAGE2, step->vcpu % VCPUS, 1);
    fakert.instruction =
        access == ACCESS_WRITE ? instructions[which].stores : instructions[which].loads;
    fakert.reg[10] = step->value;
    fakert.reg[11] = address - (uint64_t)(int64_t)instructions[which].offset;
    fakert.reg[12] = (uint32_t)(step->value * 0x9e3779b1u);
    return record;
}

// The guest's CPU takes a pending interrupt, or ends an active one. True: that is to be reported.
static bool move_interrupt(const struct step *step, struct message *record) {
    unsigned vcpu = step->vcpu % VCPUS;
    struct board_core *core = board_core(vcpu);
    bool ends = step->value & 1;
    for (unsigned n = 0; n < 96; n++) {
        unsigned intid = (step->where + n) % 96;
        uint64_t *state = &core->state[intid];
        if (!ends && *state == VCPU_LOOK_PENDING) {
            *state = VCPU_LOOK_ACTIVE;
            return false;
        }
        if (ends && (*state & VCPU_LOOK_ACTIVE)) {
            *state &= ~(uint64_t)VCPU_LOOK_ACTIVE;
            *record = board_exit(EXIT_WINDOW);
            record->info = MESSAGE_INFO(EXIT_WINDOW, vcpu, 1);
            record->word[intid / 64] = 1ull << intid % 64;
            return *state == 0 && (core->raised[intid] & INTERRUPT_NOTIFY);
        }
    }
    return false;
}

// True: there is a RECORD to serve.
static bool happen(const struct step *step, struct message *record) {
    switch (step->what % KINDS) {
    case 0:
    case 1:
    case 2:
        *record = access_of(step, gic_register(step), ACCESS_WRITE);
        return true;
    case 3:
        *record = access_of(step, gic_register(step), ACCESS_READ);
        return true;
    case 4:
        *record = access_of(step, UART + (step->where & 0x7f) * 4ull, ACCESS_WRITE);
        return true;
    case 5:
        *record = access_of(step, UART + (step->where & 0x3f) * 4ull, ACCESS_READ);
        return true;
    case 6:
        *record = board_exit(EXIT_SYSREG);
        record->info = MESSAGE_INFO(EXIT_SYSREG, step->vcpu % VCPUS, 1);
        record->word[0] = BOARD_SGI1R;
        record->word[1] = (step->value & 0x0f000003) | (uint64_t)(step->where & 1) << 40;
        return true;
    case 7:
        for (unsigned n = 0; n < step->where % 20; n++) {
            board_type((char)step->value);
        }
        *record = board_exit(EXIT_SIGNAL);
        return true;
    default:
        return move_interrupt(step, record);
    }
}

static struct pager living;

static struct reply serve_alive(const struct message *record) {
    struct reply reply = {0};
    board_config();
    pager_serve(&living, record, &reply);
    return reply;
}

static struct reply serve_dying(const struct message *record, uint32_t deaths) {
    enum fakert_end end = FAKERT_KILLED;
    while (end == FAKERT_KILLED) {
        board_config();
        fakert.kill_at = deaths & 15;
        deaths >>= 4;
        fakert_send(record);
        end = fakert_run(npf_pager_main);
    }
    require(end == FAKERT_WAITING && fakert.answered == 1);
    return fakert.answer[0];
}

static struct seen see(const struct reply *reply) {
    struct seen seen;
    memset(&seen, 0, sizeof(seen));
    seen.reply = *reply;
    memcpy(seen.core, board_core(0), sizeof(seen.core));
    seen.sent = board->out.head;
    seen.received = board->in.tail;
    return seen;
}

// All awake, in Group 1, enabled: else few inputs come as far as to interrupt.
static void start_guest(struct reply (*serve)(const struct message *record)) {
    static const struct {
        uint64_t address;
        uint32_t value;
    } stores[] = {{GICD, 2},
                  {GICD + 0x84, ~0u},
                  {GICD + 0x88, ~0u},
                  {GICD + 0x104, ~0u},
                  {GICR + 0x14, 0},
                  {GICR + 0x10080, ~0u},
                  {GICR + 0x10100, ~0u},
                  {GICR + GICR_SECOND + 0x14, 0},
                  {GICR + GICR_SECOND + 0x10080, ~0u},
                  {UART + PL011_IMSC, 0x70}};
    for (unsigned i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        fakert.reg[10] = stores[i].value;
        struct message record = board_access(stores[i].address, ACCESS_WRITE);
        serve(&record);
    }
}

static struct reply serve_once(const struct message *record) { return serve_dying(record, 0); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *wrong;
    unsigned count = (unsigned)(size / sizeof(struct step));
    count = count < STEPS_MAX ? count : STEPS_MAX;
    for (int dying = 0; dying < 2; dying++) {
        board_begin(NULL);
        if (!dying) {
            require(pager_configure(&living, rt_config, &wrong) == STATUS_OK);
            require(pager_adopt(&living, board->state, sizeof(board->state)) == STATUS_OK);
        }
        start_guest(dying ? serve_once : serve_alive);
        for (unsigned i = 0; i < count; i++) {
            struct step step;
            struct message record;
            struct reply reply = {0};
            memcpy(&step, data + i * sizeof(step), sizeof(step));
            if (happen(&step, &record)) {
                reply = dying ? serve_dying(&record, step.deaths) : serve_alive(&record);
                require(fakert_is_valid(&record, &reply));
            }
            struct seen seen = see(&reply);
            if (dying) {
                require(memcmp(&seen, &alive[i], sizeof(seen)) == 0);
            } else {
                alive[i] = seen;
            }
        }
    }
    return 0;
}
