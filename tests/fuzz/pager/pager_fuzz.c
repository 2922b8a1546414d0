// Any faults by any instructions, in any order, with refusals of the core among them: each gets an
// answer that the core takes, or ends the server by a refusal that is not about a mapping; whatever
// is mapped lies in one of the VM's regions; and a config of nonsense is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/pager/world.h"

static struct {
    const uint8_t *at, *end;
} input;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static uint64_t next_word(void) {
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | next();
    }
    return word;
}

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t next_address(void) {
    static const uint64_t edges[] = {0,          RTC_BASE,   RTC_BASE + RTC_SIZE,     FLASH_BASE,
                                     BIG_BASE,   SMALL_BASE, FLASH_BASE + FLASH_SIZE, ODD_BASE,
                                     1ull << 63, RTC_BASE,   BIG_BASE + BIG_SIZE,     OTHER_BASE};
    uint8_t which = next();
    if (which >= 0xf0) {
        return next_word();
    }
    return edges[which % (sizeof(edges) / sizeof(edges[0]))] +
           (uint64_t)(int64_t)(int16_t)(next() << 8 | next());
}

// An instruction that accesses memory, or any.
static uint32_t instructions[FAKERT_RECORDS];
static unsigned count;

static uint32_t next_instruction(void) {
    uint32_t word = (uint32_t)next_word();
    switch (next() % 4) {
    case 0:
        return (word & ~0x7fu) | 0x03;
    case 1:
        return (word & ~0x7fu) | 0x23;
    case 2:
        return 0x0005a503; // lw a0, 0(a1): again and again, so that the shortest way is taken
    default:
        return word;
    }
}

static uint64_t fetch(uint64_t pc) { return instructions[(pc - 0x80200000) / 4 % FAKERT_RECORDS]; }

static struct message next_record(void) {
    uint8_t what = next();
    struct message record = world_fault(next_address(), what & 7);
    record.badge = what & 8 ? WORLD_OTHER : WORLD_VM;
    record.pc += 4 * count;
    instructions[count] = next_instruction();
    if (what & 0x10) {
        record.word[3] = next_instruction() & ~0xf8000u;
    }
    if (what >= 0xf0) {
        record.info = MESSAGE_INFO(EXIT_REFUSED, 0, 1);
        record.word[0] = STATUS_NO_MEMORY;
    }
    return record;
}

static void check_mapping(const struct message *record, const struct reply *reply) {
    static const struct {
        uint64_t vm, base, size, slot;
    } regions[] = {
        {WORLD_VM, BIG_BASE, BIG_SIZE, BIG_SLOT},
        {WORLD_VM, ODD_BASE, ODD_SIZE, ODD_SLOT},
        {WORLD_VM, SMALL_BASE, SMALL_SIZE, SMALL_SLOT},
        {WORLD_VM, FLASH_BASE, FLASH_SIZE, FLASH_SLOT},
        {WORLD_OTHER, OTHER_BASE, OTHER_SIZE, OTHER_SLOT},
    };
    uint64_t page = reply->word[2];
    uint64_t size = 1ull << REPLY_MAPPING_BITS(reply->word[3]);
    require(record->word[0] - page < size);
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (regions[i].slot == REPLY_MAPPING_SLOT(reply->word[3])) {
            require(regions[i].vm == record->badge);
            require(reply->word[5] == page - regions[i].base);
            require(page >= regions[i].base && page + size <= regions[i].base + regions[i].size);
            return;
        }
    }
    abort();
}

static void check_answers(void) {
    for (uint32_t i = 0; i < fakert.answered; i++) {
        const struct message *record = &fakert.answered_record[i];
        require(fakert_is_valid(record, &fakert.answer[i]));
        if (fakert.answer[i].flags & REPLY_MAP) {
            check_mapping(record, &fakert.answer[i]);
        }
    }
}

// Entries of a config that init would never write.
static void spoil_config(void) {
    static const char *const names[] = {"ram-9",  "passthrough-9", "device-9:goldfish-rtc",
                                        "vcpu-9", "ram-0",         "state"};
    for (unsigned entries = next() % 8; entries > 0; entries--) {
        struct config_entry *entry = fakert_entry(names[next() % 6], CONFIG_CAP);
        entry->slot = next();
        entry->guest = next_address() & (next() % 2 ? -0x1000ull : UINT64_MAX);
        entry->size = next() % 2 ? next() * 0x1000ull : next_word();
        entry->physical = next() * 0x1000ull;
        entry->rights = next();
        entry->address = next();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + size;
    world_begin(NULL);
    bool spoilt = next() >= 0xe0;
    if (spoilt) {
        spoil_config();
    }
    fakert.on_fetch = fetch;
    for (unsigned reg = 0; reg < FAKERT_REGISTERS; reg += 5) {
        fakert.reg[reg] = next_word();
    }
    fakert.now = next_word();
    for (count = 0; input.at < input.end && count < FAKERT_RECORDS / 2; count++) {
        struct message record = next_record();
        fakert_send(&record);
    }
    enum fakert_end end = fakert_run(npf_pager_main);
    require(end == FAKERT_WAITING || end == FAKERT_DIED);
    if (!spoilt) {
        check_answers();
    }
    return 0;
}
