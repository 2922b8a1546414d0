// Loads and stores by any bytes, in any kind of code segment, in any order: each gets an answer
// that the core takes, and what a server has kept of the ones before, for its shorter ways, changes
// no answer: servers that each serve one of them, over the same state, give the same.
#include <stdlib.h>
#include <string.h>

#include "servers/npf-pager/pager.h"
#include "tests/unit/fakert/fakert.h"

int npf_pager_main(void); // servers/npf-pager/main.c's main

#define VM 9
#define LAPIC 7
#define RTC_BASE 0xd0000000ull
#define XAPIC_BASE 0xfee00000ull
#define CODE_BYTES 64
#define CODE_PC 0x1fffe0ull // over the end of a page
#define RECORDS 16

static struct {
    const uint8_t *at, *end;
} input;

static uint8_t code[CODE_BYTES];
static _Alignas(8) uint8_t state[4096];

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static uint64_t fetch(uint64_t pc) {
    uint64_t bytes = 0;
    if (pc - CODE_PC >= CODE_BYTES) {
        return RT_NO_INSTRUCTION;
    }
    for (unsigned i = 0; i < 8 && pc + i - CODE_PC < CODE_BYTES; i++) {
        bytes |= (uint64_t)code[pc + i - CODE_PC] << 8 * i;
    }
    return bytes;
}

static void answer(unsigned portal, struct rt_words *words) {
    if (portal == LAPIC) {
        *words = (struct rt_words){.word = {STATUS_OK, words->word[3] * 0x10001, words->word[4]}};
    }
}

static void device(const char *name, uint64_t base) {
    struct config_entry *entry = fakert_entry(name, CONFIG_NUMBER);
    entry->guest = base;
    entry->size = 0x1000;
}

static void begin(void) {
    fakert_reset();
    fakert_entry("init", CONFIG_CAP)->slot = 6;
    fakert_entry("lapic", CONFIG_CAP)->slot = LAPIC;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = 30;
    struct config_entry *window = fakert_entry("state", CONFIG_WINDOW);
    window->address = (uint64_t)(uintptr_t)state;
    window->size = sizeof(state);
    device("device-9:goldfish-rtc", RTC_BASE);
    device("device-9:xapic", XAPIC_BASE);
    fakert.on_fetch = fetch;
    fakert.on_call = answer;
    fakert.has_register_0 = true;
    for (unsigned i = 0; i < FAKERT_REGISTERS; i++) {
        fakert.reg[i] = RTC_BASE + 0x123456789 * i;
    }
}

static struct message next_record(uint64_t seq) {
    static const uint64_t modes[] = {0xa9bull << 32, 0xc9bull << 32, 0x9bull << 32, 0xa9bull << 32,
                                     0xc9bull << 32 | 8};
    struct message record = fakert_record(EXIT_STAGE2, VM, 0, seq);
    uint8_t what = next();
    record.word[1] = what & 1 ? ACCESS_WRITE : ACCESS_READ;
    record.word[0] = (what & 2 ? XAPIC_BASE : RTC_BASE) + (next() & 0x3fu) * (what & 4 ? 4ull : 1);
    record.word[2] = modes[(what >> 3) % 5];
    record.pc = CODE_PC + next() % CODE_BYTES;
    return record;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct message record[RECORDS];
    static struct reply reply[RECORDS];
    unsigned count = 0;
    input.at = data;
    input.end = data + size;
    for (unsigned i = 0; i < CODE_BYTES; i++) {
        code[i] = next();
    }
    memset(state, 0, sizeof(state));
    begin();
    for (; input.at < input.end && count < RECORDS; count++) {
        record[count] = next_record(count + 1);
        fakert_send(&record[count]);
    }
    require(fakert_run(npf_pager_main) == FAKERT_WAITING && fakert.answered == count);
    memcpy(reply, fakert.answer, count * sizeof(reply[0]));
    memset(state, 0, sizeof(state));
    for (unsigned i = 0; i < count; i++) {
        require(fakert_is_valid(&record[i], &reply[i]));
        begin();
        fakert_send(&record[i]);
        require(fakert_run(npf_pager_main) == FAKERT_WAITING);
        require(fakert.answer[0].flags == reply[i].flags &&
                fakert.answer[0].word[0] == reply[i].word[0] &&
                fakert.answer[0].word[1] == reply[i].word[1] &&
                fakert.answer[0].word[2] == reply[i].word[2] &&
                fakert.answer[0].word[6] == reply[i].word[6]);
    }
    return 0;
}
