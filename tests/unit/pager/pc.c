#include "tests/unit/pager/pc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fakert/step.h"

struct pc pc;

static uint64_t fetch(uint64_t at) {
    uint64_t bytes = 0;
    if (at >= pc.code_absent || at - pc.code_at >= sizeof(pc.code)) {
        return RT_NO_INSTRUCTION;
    }
    for (unsigned i = 0; i < 8 && at + i < pc.code_absent && at + i - pc.code_at < sizeof(pc.code);
         i++) {
        bytes |= (uint64_t)pc.code[at + i - pc.code_at] << 8 * i;
    }
    return bytes;
}

static void memory(const char *name, unsigned slot, uint64_t guest, uint64_t size,
                   uint64_t rights) {
    struct config_entry *entry = fakert_entry(name, CONFIG_CAP);
    entry->slot = slot;
    entry->guest = guest;
    entry->size = size;
    entry->physical = 0x40000000 + guest % 0x200000;
    entry->address = 12;
    entry->rights = rights;
}

void pc_configure(void) {
    fakert_entry("init", CONFIG_CAP)->slot = PC_INIT;
    fakert_entry("lapic", CONFIG_CAP)->slot = PC_LAPIC;
    struct config_entry *window = fakert_entry("state", CONFIG_WINDOW);
    window->address = (uint64_t)(uintptr_t)pc.state;
    window->size = PC_STATE_SIZE;
    memory("ram-9", PC_RAM_SLOT, 0, PC_RAM_SIZE, RIGHT_R | RIGHT_W | RIGHT_X);
    memory("passthrough-9", PC_FLASH_SLOT, PC_FLASH_BASE, PC_FLASH_SIZE, RIGHT_R);
    struct config_entry *rtc = fakert_entry("device-9:goldfish-rtc", CONFIG_NUMBER);
    rtc->guest = PC_RTC_BASE;
    rtc->size = 0x1000;
    struct config_entry *xapic = fakert_entry("device-9:xapic", CONFIG_NUMBER);
    xapic->guest = PC_XAPIC_BASE;
    xapic->size = 0x1000;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = PC_VCPU;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = PC_VCPU + 1;
    fakert.on_fetch = fetch;
    fakert.has_register_0 = true;
    fakert_timebase(1000000000);
    fakert.now = PC_NOW;
}

int pc_begin(void **unused) {
    (void)unused;
    if (!pc.state) {
        pc.state = step_memory(PC_STATE_SIZE);
    }
    memset(pc.state, 0, PC_STATE_SIZE);
    pc.last_seq = 0;
    pc.code_at = PC_AT;
    pc.code_absent = UINT64_MAX;
    fakert_reset();
    pc_configure();
    for (unsigned i = 0; i < FAKERT_REGISTERS; i++) {
        fakert.reg[i] = PC_OTHER_BITS + i;
    }
    return 0;
}

void pc_instruct(const uint8_t *bytes, size_t size) {
    memset(pc.code, 0x90, sizeof(pc.code));
    memcpy(pc.code, bytes, size);
}

struct message pc_fault(uint64_t address, uint64_t access, uint64_t mode) {
    struct message record = fakert_record(EXIT_STAGE2, PC_VM, 0, ++pc.last_seq);
    record.word[0] = address;
    record.word[1] = access;
    record.word[2] = mode;
    record.pc = pc.code_at;
    return record;
}

enum fakert_end pc_run(const struct message *record, unsigned times, unsigned kill_at) {
    struct fakert before = fakert;
    fakert_reset();
    pc_configure();
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    fakert.on_call = before.on_call;
    fakert.kill_at = kill_at;
    for (unsigned i = 0; i < times; i++) {
        fakert_send(record);
    }
    return fakert_run(npf_pager_main);
}

struct reply pc_serve(const struct message *record) {
    assert_int_equal(pc_run(record, 2, 0), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    assert_memory_equal(&fakert.answer[0], &fakert.answer[1], sizeof(struct reply));
    assert_true(fakert_is_valid(record, &fakert.answer[0]));
    return fakert.answer[0];
}

struct reply pc_touch(uint64_t address, uint64_t access, uint64_t mode) {
    struct message record = pc_fault(address, access, mode);
    return pc_serve(&record);
}

void pc_expect_load(struct reply reply, unsigned reg, uint64_t value, unsigned length) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(reg));
    assert_int_equal(reply.word[0], value);
    assert_int_equal(reply.word[6], length);
}

static uint64_t wide_read(struct state *unused, const uint64_t *word, uint64_t offset,
                          uint64_t now) {
    (void)unused, (void)word, (void)offset, (void)now;
    return 0x80818283848586f7;
}
static void wide_write(struct state *unused, const uint64_t *word, uint64_t offset, uint64_t now,
                       uint64_t value) {
    (void)unused, (void)word, (void)offset, (void)now;
    pc.wide_stored = value;
}
const struct device_model pc_wide = {
    .name = "wide", .sizes = 1 | 2 | 4 | 8, .read = wide_read, .write = wide_write};
