// Uses a GICv3 or v2 as its specification allows (Arm IHI 0069, 0048), and expects what it
// promises: of many interrupts at once, priorities, disabled and active ones, a level-sensitive
// line, the virtual timer, other CPUs. `rounds=N` does all of it N times; `typing` then waits for a
// typed line. Needs a machine with two CPUs and a PL011. `unmoved`: its GICv2 keeps a pending
// interrupt for the CPU that it was for before its targets changed, as that of QEMU 7.2 does,
// which IHI 0048, 4.3.12, forbids.
#include "tests/system/guests/aarch64/interrupts.h"

#include "guest/lib/string.h"

// Nothing is left from the case before.
static void begin_case(const struct machine *machine) {
    gic_begin(machine);
    const unsigned intid = gic_take();
    check(intid == SPURIOUS, "interrupt %u from nowhere", intid);
}

static void enable_all(void) {
    for (unsigned n = 0; n < CASES; n++)
        gic_bit(ISENABLER, FIRST + n);
}

// Takes what is there, which may be all of the cases in any order as they are of one priority.
static void expect_all(void) {
    unsigned missing = (1u << CASES) - 1;
    for (unsigned n = 0; n < CASES; n++) {
        const unsigned intid = gic_take();
        check(intid - FIRST < CASES && missing >> (intid - FIRST) & 1, "interrupt %u", intid);
        if (intid != SPURIOUS)
            gic_end(intid);
        if (intid - FIRST < CASES)
            missing &= ~(1u << (intid - FIRST));
    }
    check(missing == 0, "of all, not 0x%x", missing);
}

// Takes INTID and ends it.
static void expect(unsigned wanted) {
    const unsigned intid = gic_take();
    check(intid == wanted, "interrupt %u, not %u", intid, wanted);
    if (intid != SPURIOUS)
        gic_end(intid);
}

// Several by one write, one that comes again while it is active, and an SGI to oneself beside them.
void try_edges(void) {
    enable_all();
    gic_bit(ISENABLER, 3);
    gic_priority(3, PRIORITY - 0x20);
    gic_forward(false);
    for (unsigned n = 0; n < CASES; n++)
        gic_bit(ISPENDR, FIRST + n);
    gic_send(3, 1u << this_cpu());
    check(gic_take() == SPURIOUS, "the distributor is off");
    gic_forward(true);
    expect(3);
    expect_all();
    expect(SPURIOUS);
    gic_bit(ISPENDR, FIRST);
    check(gic_take() == FIRST, "one");
    gic_bit(ISPENDR, FIRST);
    check(gic_is(ISPENDR, FIRST) && gic_is(ISACTIVER, FIRST), "active and pending");
    check(gic_take() == SPURIOUS, "not before it is ended");
    gic_end(FIRST);
    expect(FIRST);
    expect(SPURIOUS);
}

// More than list registers have room for, the most urgent ones last; and one that interrupts
// another's handler.
void try_priorities(void) {
    enable_all();
    for (unsigned n = 0; n < CASES; n++) {
        gic_priority(FIRST + n, 0xe0 - 16 * n);
        gic_bit(ISPENDR, FIRST + n);
    }
    for (unsigned n = CASES; n-- > 0;)
        expect(FIRST + n);
    gic_bit(ISPENDR, FIRST + 1);
    check(gic_take() == FIRST + 1, "one");
    check(gic_running() == 0xd0, "running at 0x%x", gic_running());
    gic_bit(ISPENDR, FIRST);
    check(gic_take() == SPURIOUS, "one that is less urgent");
    gic_bit(ISPENDR, FIRST + 2);
    expect(FIRST + 2);
    gic_end(FIRST + 1);
    gic_mask(0xe0);
    check(gic_take() == SPURIOUS, "it is masked");
    gic_mask(0xff);
    expect(FIRST);
}

// Disabled, cleared and routed away while it is pending.
void try_switches(void) {
    enable_all();
    gic_bit(ISPENDR, FIRST);
    gic_bit(ICENABLER, FIRST);
    check(gic_take() == SPURIOUS, "it is disabled");
    check(gic_is(ISPENDR, FIRST), "and pending");
    gic_bit(ISENABLER, FIRST);
    expect(FIRST);
    gic_bit(ISPENDR, FIRST);
    gic_bit(ICPENDR, FIRST);
    check(gic_take() == SPURIOUS && !gic_is(ISPENDR, FIRST), "it is cleared");
    gic_bit(ISPENDR, FIRST);
    gic_route(FIRST, 0xff);
    check(gic_take() == SPURIOUS, "it is nobody's");
    gic_route(FIRST, this_cpu());
    expect(FIRST);
}

void try_active(void) {
    enable_all();
    gic_bit(ISACTIVER, FIRST);
    gic_bit(ISPENDR, FIRST);
    check(gic_take() == SPURIOUS, "software made it active");
    gic_bit(ICACTIVER, FIRST);
    check(gic_take() == FIRST, "and not active");
    check(gic_is(ISACTIVER, FIRST), "active");
    gic_bit(ICACTIVER, FIRST);
    check(!gic_is(ISACTIVER, FIRST), "not active, before its end");
    gic_end(FIRST); // its priority
    gic_bit(ISPENDR, FIRST);
    // In two steps: the priority first.
    gic_split_ends(true);
    check(gic_take() == FIRST, "again");
    gic_end(FIRST);
    gic_bit(ISPENDR, FIRST);
    check(gic_take() == SPURIOUS && gic_is(ISACTIVER, FIRST), "it is active still");
    gic_deactivate(FIRST);
    check(gic_take() == FIRST, "behind the second step");
    gic_end(FIRST);
    gic_deactivate(FIRST);
    check(!gic_is(ISACTIVER, FIRST), "not active");
}

static unsigned rounds_of(const struct machine *machine) {
    char text[8];
    unsigned rounds = 0;
    if (!machine_bootarg(machine, "rounds", text, sizeof(text)))
        return 1;
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++)
        rounds = rounds * 10 + (unsigned)(*digit - '0');
    return rounds;
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    static void (*const cases[])(void) = {try_edges, try_priorities, try_switches, try_active,
                                          try_timer};
    (void)cpu;
    const struct machine *machine = bare_machine();
    char typing[4];
    for (unsigned round = rounds_of(machine); round > 0; round--) {
        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            begin_case(machine);
            cases[i]();
        }
        begin_case(machine);
        try_uart(machine);
        begin_case(machine);
        try_cpus(machine);
        if (gic_is_v2()) {
            begin_case(machine);
            try_groups();
            begin_case(machine);
            try_senders(machine);
        }
    }
    if (machine_bootarg(machine, "typing", typing, sizeof(typing))) {
        begin_case(machine);
        try_typing(machine);
    }
    return check_end("interrupts");
}
