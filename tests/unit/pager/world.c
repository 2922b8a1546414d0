#include "tests/unit/pager/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STATE_SIZE 4096

uint8_t *world_state;

static uint64_t last_seq;

static void memory(const char *name, unsigned slot, uint64_t guest, uint64_t size,
                   uint64_t physical, uint64_t bits, uint64_t rights) {
    struct config_entry *entry = fakert_entry(name, CONFIG_CAP);
    entry->slot = slot;
    entry->guest = guest;
    entry->size = size;
    entry->physical = physical;
    entry->address = bits;
    entry->rights = rights;
}

void world_config(void) {
    const uint64_t rwx = RIGHT_R | RIGHT_W | RIGHT_X;
    fakert_entry("init", CONFIG_CAP)->slot = WORLD_INIT;
    struct config_entry *state = fakert_entry("state", CONFIG_WINDOW);
    state->address = (uint64_t)(uintptr_t)world_state;
    state->size = STATE_SIZE;
    // Not in the order of their addresses.
    memory("ram-9", ODD_SLOT, ODD_BASE, ODD_SIZE, ODD_PHYSICAL, 21, rwx);
    memory("ram-9", BIG_SLOT, BIG_BASE, BIG_SIZE, BIG_PHYSICAL, 21, rwx);
    memory("ram-2", OTHER_SLOT, OTHER_BASE, OTHER_SIZE, 0xc0000000, 21, rwx);
    memory("passthrough-9", FLASH_SLOT, FLASH_BASE, FLASH_SIZE, FLASH_BASE, 21, RIGHT_R);
    memory("ram-9", SMALL_SLOT, SMALL_BASE, SMALL_SIZE, SMALL_PHYSICAL, 12, rwx);
    struct config_entry *rtc = fakert_entry("device-9:goldfish-rtc", CONFIG_NUMBER);
    rtc->guest = RTC_BASE;
    rtc->size = RTC_SIZE;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = WORLD_VCPU;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = WORLD_VCPU + 1;
}

int world_begin(void **unused) {
    (void)unused;
    if (!world_state) {
        world_state = step_memory(STATE_SIZE);
    }
    memset(world_state, 0, STATE_SIZE);
    last_seq = 0;
    fakert_reset();
    world_config();
    return 0;
}

struct message world_fault(uint64_t address, uint64_t access) {
    struct message record = fakert_record(EXIT_STAGE2, WORLD_VM, 0, ++last_seq);
    record.word[0] = address;
    record.word[1] = access;
    record.word[2] = 0xffffffd000000000 | (address & 0xfff);
    return record;
}

// Begins the fake anew but for what the test has set up.
static void restart(void) {
    struct fakert before = fakert;
    fakert_reset();
    world_config();
    fakert.now = before.now;
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    fakert.instruction = before.instruction;
    fakert.fetch_fails = before.fetch_fails;
}

struct reply world_serve(const struct message *record) {
    restart();
    fakert_send(record);
    fakert_send(record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    assert_memory_equal(&fakert.answer[0], &fakert.answer[1], sizeof(struct reply));
    assert_true(fakert_is_valid(record, &fakert.answer[0]));
    return fakert.answer[0];
}

struct reply world_access(uint64_t offset, uint64_t access, uint32_t instruction) {
    struct message record = world_fault(RTC_BASE + offset, access);
    fakert.instruction = instruction;
    return world_serve(&record);
}
