#include "tests/unit/vlapic/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/include/arch/inputs.h"
#include "ipc/lapic.h"
#include "servers/timer-server/pc/pc.h"

#define BASE 0x1bu

struct world world;

int timer_server_main(void);

static _Alignas(8) uint8_t region[8192];

void world_expect_inputs(unsigned vcpu, const uint64_t *input, unsigned count) {
    assert_int_equal(world.input_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(world.inputs[i].vcpu, vcpu);
        assert_int_equal(world.inputs[i].input, input[i]);
    }
    world.input_count = 0;
}

static uint64_t on_look(unsigned vcpu, unsigned interrupt) {
    return world.pending[vcpu][interrupt / 64] >> interrupt % 64 & 1 ? VCPU_LOOK_PENDING : 0;
}

static void on_interrupt(unsigned vcpu, enum vcpu_interrupt what, uint64_t interrupt,
                         uint64_t number) {
    if (number <= world.last_number[vcpu]) {
        return;
    }
    world.last_number[vcpu] = number;
    if (interrupt >= INPUT_NMI) {
        assert_true(world.input_count < sizeof(world.inputs) / sizeof(world.inputs[0]));
        world.inputs[world.input_count++] = (typeof(world.inputs[0])){vcpu, interrupt};
        if (interrupt == INPUT_INIT) {
            memset(world.pending[vcpu], 0, sizeof(world.pending[vcpu]));
        }
        return;
    }
    assert_true(interrupt >= 16 && interrupt < 256);
    const uint64_t bit = UINT64_C(1) << interrupt % 64;
    if (what == VCPU_INTERRUPT_RAISE) {
        world.pending[vcpu][interrupt / 64] |= bit;
    } else {
        assert_int_equal(what, VCPU_INTERRUPT_TAKE_BACK);
        world.pending[vcpu][interrupt / 64] &= ~bit;
    }
}

unsigned world_takes(unsigned vcpu) {
    for (unsigned vector = 255; vector > 0; vector--) {
        if (on_look(vcpu, vector)) {
            world.pending[vcpu][vector / 64] &= ~(UINT64_C(1) << vector % 64);
            return vector;
        }
    }
    return 0;
}

// Host CPUs differ: here all bits are set that the leaf's number does not say.
struct pc_cpuid_result pc_host_cpuid(uint32_t leaf, uint32_t subleaf) {
    (void)subleaf;
    return leaf == 0 || leaf == 0x80000000 ? (struct pc_cpuid_result){leaf + 0x1f, 1, 2, 3}
                                           : (struct pc_cpuid_result){-1u, -1u, -1u, -1u};
}

static void configure(void) {
    struct config_entry *state = fakert_entry("state", CONFIG_WINDOW);
    state->address = (uint64_t)(uintptr_t)region;
    state->size = sizeof(region);
    fakert_entry("vcpu-7", CONFIG_CAP)->slot = WORLD_VCPU;
    fakert_entry("vcpu-7", CONFIG_CAP)->slot = WORLD_VCPU + 1;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = WORLD_OTHER_VCPU;
    fakert.on_look = on_look;
    fakert.on_interrupt = on_interrupt;
    fakert_timebase(2000000);
}

static uint64_t on_fetch(uint64_t at) {
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 8 && at + i - WORLD_CODE_AT < sizeof(world.code); i++) {
        bytes |= (uint64_t)world.code[at + i - WORLD_CODE_AT] << 8 * i;
    }
    return bytes;
}

enum fakert_end world_run(const struct message *record, unsigned kill_at) {
    fakert_reset();
    configure();
    fakert.now = world.now;
    memcpy(fakert.reg, world.reg, sizeof(world.reg));
    fakert.kill_at = kill_at;
    fakert.on_fetch = on_fetch;
    fakert.fetch_fails = world.fetch_fails;
    fakert.is_stopped = world.is_stopped;
    fakert_send(record);
    return fakert_run(timer_server_main);
}

static struct reply serve(const struct message *record) {
    assert_int_equal(world_run(record, 0), FAKERT_WAITING);
    assert_true(fakert_is_valid(record, fakert_only_answer()));
    return *fakert_only_answer();
}

// What the core has as the vCPU's deadline behind the answer; what is told to the pager, it tells
// the core.
static uint64_t *hear(const struct message *record, const struct reply *reply) {
    const bool is_call = MESSAGE_CLASS(record->info) == EXIT_CALL;
    const uint64_t vm = is_call ? record->word[1] : record->badge;
    const uint64_t vcpu = is_call ? record->word[2] : MESSAGE_VCPU(record->info);
    if (vm != WORLD_VM || vcpu >= 2) {
        return NULL;
    }
    uint64_t *deadline = &world.deadline[vcpu];
    if (MESSAGE_CLASS(record->info) == EXIT_TIMER) {
        *deadline = DEADLINE_NEVER; // it has passed
    }
    const bool is_told = is_call ? reply->word[0] == STATUS_OK : reply->flags & REPLY_DEADLINE;
    if (is_told) {
        *deadline = reply->word[2];
    }
    return deadline;
}

struct reply world_serve(const struct message *record) {
    const struct reply reply = serve(record);
    hear(record, &reply);
    return reply;
}

// A deadline that the core has already need not be told again.
static void expect_same(const struct reply *one, const struct reply *other) {
    assert_int_equal(one->flags & ~(uint64_t)REPLY_DEADLINE,
                     other->flags & ~(uint64_t)REPLY_DEADLINE);
    assert_int_equal(one->word[0], other->word[0]);
    assert_int_equal(one->word[2], other->word[2]);
}

// Not one that tells what the time is.
static bool is_write(const struct message *record) {
    switch (MESSAGE_CLASS(record->info)) {
    case EXIT_SYSREG:
        return record->word[0] & WORLD_WRITES;
    case EXIT_CALL:
        return record->word[3] & LAPIC_WRITE;
    default:
        return true;
    }
}

// What has a short way (quick.c) takes it where nobody died: that is the answer behind the loop.
struct reply world_serve_after_deaths(const struct message *record) {
    unsigned deaths = 1;
    while (world_run(record, deaths) == FAKERT_KILLED) {
        deaths++;
    }
    const struct reply last = *fakert_only_answer();
    const uint64_t *deadline = hear(record, &last);
    const struct reply first = serve(record), second = serve(record);
    expect_same(&last, &first);
    assert_memory_equal(&first, &second, sizeof(first));
    if (deadline && (second.flags & REPLY_DEADLINE)) {
        assert_int_equal(*deadline, second.word[2]);
    }
    if (is_write(record)) {
        world.now += WORLD_DEATH;
        const struct reply later = serve(record);
        assert_memory_equal(&second, &later, sizeof(second));
        world.now -= WORLD_DEATH;
    }
    return second;
}

struct message world_record(enum exit_class c, uint64_t vm, unsigned vcpu) {
    return fakert_record(c, vm, vcpu, ++world.seq[vm != WORLD_VM][vcpu]);
}

struct message world_access(unsigned vcpu, uint64_t code, uint32_t ecx, uint64_t edx_eax) {
    struct message made = world_record(EXIT_SYSREG, WORLD_VM, vcpu);
    made.word[0] = code;
    made.word[1] = ecx;
    made.word[2] = edx_eax;
    return made;
}

struct reply world_write_from(unsigned vcpu, uint32_t msr, uint64_t value) {
    const struct message made = world_access(vcpu, WORLD_WRITES | WORLD_MSR, msr, value);
    return world_serve_after_deaths(&made);
}

void world_write(uint32_t msr, uint64_t value) {
    const struct reply reply = world_write_from(0, msr, value);
    assert_int_equal(reply.flags & ~(uint64_t)REPLY_DEADLINE, REPLY_FLAGS | REPLY_ADVANCE);
}

uint64_t world_read(uint32_t msr) {
    const struct message made = world_access(0, WORLD_MSR, msr, 0);
    const struct reply reply = world_serve_after_deaths(&made);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE);
    return reply.word[0];
}

void world_expect_fault(struct reply reply, unsigned vector) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_INJECT);
    assert_int_equal(reply.word[0], vector);
    assert_int_equal(reply.word[1], 0);
}

void world_expect_refused(uint32_t msr, uint64_t value) {
    world_expect_fault(world_write_from(0, msr, value), 13);
}

void world_turn_on(unsigned vcpu) {
    world_write_from(vcpu, BASE, 0xfee00c00 | (vcpu == 0 ? 0x100 : 0));
    world_write_from(vcpu, WORLD_X2APIC(0x0f), 0x1ff);
}

int world_begin(void **unused) {
    (void)unused;
    memset(region, 0, sizeof(region));
    world = (struct world){.now = 5000, .deadline = {DEADLINE_NEVER, DEADLINE_NEVER}};
    return 0;
}
