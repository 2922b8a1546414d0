// x86_64's npf-pager: accesses to device registers by the instruction that stands there, whatever
// its length and its operands, and to a local interrupt controller by the server that plays it,
// each once wherever either of the two dies.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/lapic.h"
#include "libs/insn/insn.h"
#include "servers/npf-pager/pager.h"
#include "tests/unit/fakert/fakert.h"
#include "tests/unit/fakert/step.h"

int npf_pager_main(void); // servers/npf-pager/main.c's main

#define VM 9
#define INIT 6
#define LAPIC 7
#define VCPU 30
#define RAM_SLOT 11
#define FLASH_SLOT 12
#define RAM_SIZE 0x2000000ull
#define FLASH_BASE 0xffc00000ull
#define FLASH_SIZE 0x3c0000ull
#define RTC_BASE 0xd0000000ull
#define XAPIC_BASE 0xfee00000ull
#define STATE_SIZE 4096

#define NOW 0x1122334455667788ull // what the clock shows: it counts nanoseconds
#define OTHER_BITS 0xfedcba9876543210ull
#define PC 0x200400ull
#define NEXT_PAGE 0x201000ull

// How code is read: present code segments (APM volume 2, 4.7.2), with the base below.
#define CODE_64 (0xa9bull << 32)
#define CODE_32 (0xc9bull << 32)
#define CODE_16 (0x9bull << 32)

enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    CR0 = 17,
    EFER = 21,
    CS_BASE,
    DS_BASE,
    ES_BASE,
    FS_BASE
};

static uint8_t *state;
static uint64_t last_seq;
static uint8_t code[32];     // what stands
static uint64_t code_at;     // there,
static uint64_t code_absent; // and from there on nothing can be read

static uint64_t fetch(uint64_t pc) {
    uint64_t bytes = 0;
    if (pc >= code_absent || pc - code_at >= sizeof(code)) {
        return RT_NO_INSTRUCTION;
    }
    for (unsigned i = 0; i < 8 && pc + i < code_absent && pc + i - code_at < sizeof(code); i++) {
        bytes |= (uint64_t)code[pc + i - code_at] << 8 * i;
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

static void configure(void) {
    fakert_entry("init", CONFIG_CAP)->slot = INIT;
    fakert_entry("lapic", CONFIG_CAP)->slot = LAPIC;
    struct config_entry *window = fakert_entry("state", CONFIG_WINDOW);
    window->address = (uint64_t)(uintptr_t)state;
    window->size = STATE_SIZE;
    memory("ram-9", RAM_SLOT, 0, RAM_SIZE, RIGHT_R | RIGHT_W | RIGHT_X);
    memory("passthrough-9", FLASH_SLOT, FLASH_BASE, FLASH_SIZE, RIGHT_R);
    struct config_entry *rtc = fakert_entry("device-9:goldfish-rtc", CONFIG_NUMBER);
    rtc->guest = RTC_BASE;
    rtc->size = 0x1000;
    struct config_entry *xapic = fakert_entry("device-9:xapic", CONFIG_NUMBER);
    xapic->guest = XAPIC_BASE;
    xapic->size = 0x1000;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = VCPU;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = VCPU + 1;
    fakert.on_fetch = fetch;
    fakert.has_register_0 = true;
    fakert_timebase(1000000000);
    fakert.now = NOW;
}

static int begin(void **unused) {
    (void)unused;
    if (!state) {
        state = step_memory(STATE_SIZE);
    }
    memset(state, 0, STATE_SIZE);
    last_seq = 0;
    code_at = PC;
    code_absent = UINT64_MAX;
    fakert_reset();
    configure();
    for (unsigned i = 0; i < FAKERT_REGISTERS; i++) {
        fakert.reg[i] = OTHER_BITS + i;
    }
    return 0;
}

static void instruct(const uint8_t *bytes, size_t size) {
    memset(code, 0x90, sizeof(code));
    memcpy(code, bytes, size);
}
#define INSTRUCT(...) instruct((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static struct message fault(uint64_t address, uint64_t access, uint64_t mode) {
    struct message record = fakert_record(EXIT_STAGE2, VM, 0, ++last_seq);
    record.word[0] = address;
    record.word[1] = access;
    record.word[2] = mode;
    record.pc = code_at;
    return record;
}

// Runs it anew, over the state that there is.
static enum fakert_end run(const struct message *record, unsigned times, unsigned kill_at) {
    struct fakert before = fakert;
    fakert_reset();
    configure();
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    fakert.on_call = before.on_call;
    fakert.kill_at = kill_at;
    for (unsigned i = 0; i < times; i++) {
        fakert_send(record);
    }
    return fakert_run(npf_pager_main);
}

// Twice by one server: the second time the shortest way, if there is one for it.
static struct reply serve(const struct message *record) {
    assert_int_equal(run(record, 2, 0), FAKERT_WAITING);
    assert_int_equal(fakert.answered, 2);
    assert_memory_equal(&fakert.answer[0], &fakert.answer[1], sizeof(struct reply));
    assert_true(fakert_is_valid(record, &fakert.answer[0]));
    return fakert.answer[0];
}

static struct reply touch(uint64_t address, uint64_t access, uint64_t mode) {
    struct message record = fault(address, access, mode);
    return serve(&record);
}

static void expect_load(struct reply reply, unsigned reg, uint64_t value, unsigned length) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(reg));
    assert_int_equal(reply.word[0], value);
    assert_int_equal(reply.word[6], length);
}

// The clock's registers have 4 bytes; the low half stands at 0.
#define LOW (NOW & 0xffffffff)

static void test_maps_memory(void **unused) {
    (void)unused;
    const uint64_t accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE, ACCESS_WALK,
                                 ACCESS_WALK | ACCESS_WRITE};
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        struct reply reply = touch(0x234567, accesses[i], CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_MAP);
        assert_int_equal(reply.word[2], 0x234000);
        assert_int_equal(REPLY_MAPPING_SLOT(reply.word[3]), RAM_SLOT);
        assert_int_equal(reply.word[5], 0x234000);
    }
    struct reply reply = touch(FLASH_BASE + 8, ACCESS_READ, CODE_32);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_MAP);
    assert_int_equal(REPLY_MAPPING_SLOT(reply.word[3]), FLASH_SLOT);
    assert_int_equal(REPLY_MAPPING_RIGHTS(reply.word[3]), RIGHT_R);
    assert_int_equal(fakert.requests, 0);
}

static void test_loads(void **unused) {
    (void)unused;
    fakert.reg[RDI] = RTC_BASE;
    INSTRUCT(0x8b, 0x07); // mov eax, [rdi]
    expect_load(touch(RTC_BASE, ACCESS_READ, CODE_64), RAX, LOW, 2);
    INSTRUCT(0x44, 0x8b, 0x4f, 0x00); // mov r9d, [rdi + 0]
    expect_load(touch(RTC_BASE, ACCESS_READ, CODE_64), 9, LOW, 4);
    INSTRUCT(0x48, 0x63, 0x17);                                          // movsxd rdx, [rdi]
    expect_load(touch(RTC_BASE, ACCESS_READ, CODE_64 | 4), RDX, LOW, 3); // 64-bit code has no base
}

static void test_reads_code_as_its_segment_says(void **unused) {
    (void)unused;
    fakert.reg[DS_BASE] = 0;
    INSTRUCT(0xa1, 0x00, 0x00, 0x00, 0xd0, 0x90, 0x90, 0x90, 0x90); // mov eax, [0xd0000000]
    expect_load(touch(RTC_BASE, ACCESS_READ, CODE_32), RAX, LOW, 5);
    memset(&code[5], 0, 4); // the same with an address of 64 bits
    expect_load(touch(RTC_BASE, ACCESS_READ, CODE_64), RAX, LOW, 9);
    // In 16-bit code, whose segment has a base, with prefixes for both sizes.
    INSTRUCT(0x66, 0x67, 0xa1, 0x00, 0x00, 0x00, 0xd0);
    struct message record = fault(RTC_BASE, ACCESS_READ, CODE_16 | 0x200000);
    record.pc = 0x400;
    expect_load(serve(&record), RAX, LOW, 7);
    assert_int_equal(fakert_find(FAKERT_FETCH, 0)->word[0], PC);
}

static void test_the_second_load_is_quick(void **unused) {
    (void)unused;
    INSTRUCT(0x8b, 0x47, 0x04); // mov eax, [rdi + 4]
    expect_load(touch(RTC_BASE + 4, ACCESS_READ, CODE_64), RAX, 0, 3);
    assert_int_equal(fakert.requests, 2); // each time one fetch
    // The same bytes in another mode are another instruction.
    INSTRUCT(0x8b, 0x87, 0x04, 0x00, 0x00, 0x00); // in 16-bit code: mov ax, [bx + 4]
    struct message records[] = {fault(RTC_BASE + 4, ACCESS_READ, CODE_32),
                                fault(RTC_BASE + 4, ACCESS_READ, CODE_32),
                                fault(RTC_BASE + 4, ACCESS_READ, CODE_64)};
    for (unsigned i = 0; i < 3; i++) {
        fakert_send(&records[i]);
    }
    struct fakert before = fakert;
    fakert_reset();
    configure();
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    for (unsigned i = 0; i < 3; i++) {
        fakert_send(&records[i]);
    }
    struct message other = fault(RTC_BASE + 4, ACCESS_READ, CODE_16);
    fakert_send(&other);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    for (unsigned i = 0; i < 3; i++) {
        expect_load(fakert.answer[i], RAX, 0, 6);
    }
    assert_int_equal(fakert.answer[3].flags, REPLY_FLAGS | REPLY_STOP); // 2 bytes: not there
}

// Page fault, then what the access would need of registers; RTC has no accesses of other sizes, so
// the local interrupt controller, which has none either, is not asked.
static void test_refuses_sizes_that_a_device_does_not_have(void **unused) {
    (void)unused;
    fakert.reg[RDI] = XAPIC_BASE + 0x20;
    INSTRUCT(0x8a, 0x07); // mov al, [rdi]
    assert_int_equal(touch(XAPIC_BASE + 0x20, ACCESS_READ, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->slot, INIT);
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[2], REPORT_DENIED);
    INSTRUCT(0x8b, 0x07);
    assert_int_equal(touch(XAPIC_BASE + 0x22, ACCESS_READ, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
}

static void test_needs_all_of_a_long_instruction(void **unused) {
    (void)unused;
    // mov dword fs:[rdi + 4 * rcx + 0x80], imm32: 12 bytes
    INSTRUCT(0x64, 0xc7, 0x84, 0x8f, 0x80, 0, 0, 0, 0x78, 0x56, 0x34, 0x12);
    for (unsigned split = 0; split <= 12; split++) {
        code_at = NEXT_PAGE - split;
        struct reply reply = touch(XAPIC_BASE + 0x80, ACCESS_WRITE, CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
        assert_int_equal(reply.word[6], 12);
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[4], 0x12345678);
        // The second page is not there any more: the guest finds out by itself.
        code_absent = NEXT_PAGE;
        reply = touch(XAPIC_BASE + 0x80, ACCESS_WRITE, CODE_64);
        bool is_whole = split == 12;
        assert_int_equal(reply.flags,
                         is_whole ? REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE : REPLY_FLAGS);
        code_absent = UINT64_MAX;
    }
}

// What is behind the first eight bytes counts, too.
static void test_tells_long_instructions_apart(void **unused) {
    (void)unused;
    static const uint8_t values[] = {1, 2, 2};
    struct message records[3];
    INSTRUCT(0xc7, 0x04, 0x25, 0xb0, 0x00, 0xe0, 0xfe, 1, 0, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        code[8] = values[i];
        records[i] = fault(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64);
        assert_int_equal(run(&records[i], 1, 0), FAKERT_WAITING);
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[4], 1 | values[i] << 8);
    }
}

// A device with registers of all sizes.
static uint64_t wide_stored;
static uint64_t wide_read(struct state *unused, const uint64_t *word, uint64_t offset,
                          uint64_t now) {
    (void)unused, (void)word, (void)offset, (void)now;
    return 0x80818283848586f7;
}
static void wide_write(struct state *unused, const uint64_t *word, uint64_t offset, uint64_t now,
                       uint64_t value) {
    (void)unused, (void)word, (void)offset, (void)now;
    wide_stored = value;
}
static const struct device_model wide = {
    .name = "wide", .sizes = 1 | 2 | 4 | 8, .read = wide_read, .write = wide_write};

// What a register keeps when a part of it is loaded (APM volume 1, 3.1.2), and which part of one is
// stored.
static void test_parts_of_registers(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[10];
        uint8_t length, access, reg;
        uint64_t value; // of the register behind it, or of what is stored
    } cases[] = {
        {{0x8a, 0x07}, 2, ACCESS_READ, RAX, 0xfedcba98765432f7},             // mov al, [rdi]
        {{0x8a, 0x27}, 2, ACCESS_READ, RAX, 0xfedcba987654f710},             // mov ah, [rdi]
        {{0x8a, 0x3f}, 2, ACCESS_READ, RBX, 0xfedcba987654f710 + 3},         // mov bh, [rdi]
        {{0x40, 0x8a, 0x27}, 3, ACCESS_READ, RSP, 0xfedcba98765432f7},       // mov spl, [rdi]
        {{0x66, 0x8b, 0x0f}, 3, ACCESS_READ, RCX, 0xfedcba98765486f7},       // mov cx, [rdi]
        {{0x8b, 0x0f}, 2, ACCESS_READ, RCX, 0x848586f7},                     // mov ecx, [rdi]
        {{0x48, 0x8b, 0x0f}, 3, ACCESS_READ, RCX, 0x80818283848586f7},       // mov rcx, [rdi]
        {{0x66, 0x0f, 0xb6, 0x0f}, 4, ACCESS_READ, RCX, 0xfedcba98765400f7}, // movzx cx, byte
        {{0x66, 0x0f, 0xbe, 0x0f}, 4, ACCESS_READ, RCX, 0xfedcba987654fff7}, // movsx cx, byte
        {{0x0f, 0xbe, 0x0f}, 3, ACCESS_READ, RCX, 0xfffffff7},               // movsx ecx, byte
        {{0x48, 0x0f, 0xbf, 0x0f}, 4, ACCESS_READ, RCX, 0xffffffffffff86f7}, // movsx rcx, word
        {{0x0f, 0xb7, 0x0f}, 3, ACCESS_READ, RCX, 0x86f7},                   // movzx ecx, word
        {{0x48, 0x63, 0x0f}, 3, ACCESS_READ, RCX, 0xffffffff848586f7},       // movsxd rcx, dword
        {{0x88, 0x07}, 2, ACCESS_WRITE, RAX, 0x10},                          // mov [rdi], al
        {{0x88, 0x27}, 2, ACCESS_WRITE, RAX, 0x32},                          // mov [rdi], ah
        {{0x66, 0x89, 0x07}, 3, ACCESS_WRITE, RAX, 0x3210},                  // mov [rdi], ax
        {{0x48, 0x89, 0x07}, 3, ACCESS_WRITE, RAX, OTHER_BITS},              // mov [rdi], rax
        {{0x0f, 0xc3, 0x07}, 3, ACCESS_WRITE, RAX, 0x76543210},              // movnti [rdi], eax
        {{0xc6, 0x07, 0xfe}, 3, ACCESS_WRITE, RAX, 0xfe},                    // mov byte [rdi], -2
        {{0x48, 0xc7, 0x07, 0xfe, 0xff, 0xff, 0xff}, 7, ACCESS_WRITE, RAX, 0xfffffffffffffffe},
    };
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &wide};
    struct message first = fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(run(&first, 1, 0), FAKERT_WAITING);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        instruct(cases[i].byte, sizeof(cases[i].byte));
        struct message record = fault(region.base + 8, cases[i].access, CODE_64);
        struct reply reply = {0};
        pager_emulate(&pager, &region, &record, &reply);
        uint64_t found = wide_stored;
        if (cases[i].access == ACCESS_READ) {
            assert_int_equal(REPLY_REGISTER_OF(reply.flags), cases[i].reg);
            found = reply.word[0];
        }
        if (found != cases[i].value || reply.word[6] != cases[i].length) {
            fail_msg("case %zu: 0x%llx, length %llu", i, (unsigned long long)found,
                     (unsigned long long)reply.word[6]);
        }
    }
}

#define FLAGS(flags) (REPLY_WRITE_SECOND | REPLY_SECOND(16)), (flags)
#define TO(reg) (REPLY_WRITE | REPLY_REGISTER(reg) | REPLY_WRITE_SECOND | REPLY_SECOND(16))

#define BEFORE (INSN_FLAGS & ~INSN_ZF)

// What is computed with a register of the device, which holds 0x80818283848586f7, goes where it
// belongs. The flags before are all set but for ZF.
static void test_computes(void **unused) {
    (void)unused;
    enum { C = INSN_CF, P = INSN_PF, A = INSN_AF, Z = INSN_ZF, S = INSN_SF, O = INSN_OF };
    static const struct {
        uint8_t byte[10];
        uint8_t length, is_write;
        uint64_t effects, flags;
        uint64_t stored, loaded;
    } cases[] = {
        {{0x85, 0x0f}, 2, 0, FLAGS(P), 0, 0},                           // test [rdi], ecx
        {{0xf6, 0x07, 0x08}, 3, 0, FLAGS(Z | P), 0, 0},                 // test byte [rdi], 8
        {{0xf7, 0x07, 0, 0, 0, 0x80}, 6, 0, FLAGS(S | P), 0, 0},        // test dword [rdi], 1 << 31
        {{0x80, 0x3f, 0xf7}, 3, 0, FLAGS(Z | P), 0, 0},                 // cmp byte [rdi], 0xf7
        {{0x48, 0x3b, 0x17}, 3, 0, FLAGS(P | A), 0, 0},                 // cmp rdx, [rdi]
        {{0x32, 0x27}, 2, 0, TO(RAX), S | P, 0, 0xfedcba987654c510},    // xor ah, [rdi]
        {{0x66, 0x23, 0x17}, 3, 0, TO(RDX), P, 0, 0xfedcba9876540212},  // and dx, [rdi]
        {{0x23, 0x17}, 2, 0, TO(RDX), P, 0, 0x04040212},                // and edx, [rdi]
        {{0x09, 0x17}, 2, 1, FLAGS(S), 0xf6d5b6f7, 0},                  // or [rdi], edx
        {{0xf0, 0x83, 0x0f, 0x08}, 4, 1, FLAGS(S | P), 0x848586ff, 0},  // lock or dword [rdi], 8
        {{0x10, 0x37}, 2, 1, FLAGS(C), 0x2a, 0},                        // adc [rdi], dh
        {{0xff, 0x0f}, 2, 1, FLAGS(S | P | C), 0x848586f6, 0},          // dec dword [rdi]
        {{0xf6, 0x17}, 2, 1, FLAGS(BEFORE), 0x08, 0},                   // not byte [rdi]
        {{0xc0, 0x27, 0x04}, 3, 1, FLAGS(C | O), 0x70, 0},              // shl byte [rdi], 4
        {{0x0f, 0xba, 0x37, 0x02}, 4, 1, FLAGS(BEFORE), 0x848586f3, 0}, // btr dword [rdi], 2
        {{0x0f, 0xa3, 0x0f}, 3, 0, FLAGS(BEFORE & ~C), 0, 0},           // bt [rdi], ecx
        {{0x87, 0x17}, 2, 1, TO(RDX), BEFORE, 0x76543212, 0x848586f7},  // xchg [rdi], edx
        {{0x86, 0x37}, 2, 1, TO(RDX), BEFORE, 0x32, 0xfedcba987654f712},      // xchg [rdi], dh
        {{0x0f, 0xc0, 0x17}, 3, 1, TO(RDX), C | P, 0x09, 0xfedcba98765432f7}, // xadd [rdi], dl
        // cmpxchg [rdi], edx; then dl, where AL is no other
        {{0x0f, 0xb1, 0x17}, 3, 1, TO(RAX), C | A | S | O, 0x848586f7, 0x848586f7},
        {{0x0f, 0xb0, 0x17}, 3, 1, TO(RAX), C | A, 0xf7, 0xfedcba98765432f7},
    };
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &wide};
    struct message first = fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(run(&first, 1, 0), FAKERT_WAITING);
    fakert.reg[16] = BEFORE | 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        // The CPU may check either first where it loads and stores.
        for (uint64_t access = ACCESS_READ; access <= cases[i].is_write; access++) {
            instruct(cases[i].byte, sizeof(cases[i].byte));
            struct message record = fault(region.base + 8, access, CODE_64);
            struct reply reply = {0};
            wide_stored = 0;
            pager_emulate(&pager, &region, &record, &reply);
            if (reply.flags != (REPLY_FLAGS | REPLY_ADVANCE | cases[i].effects) ||
                reply.word[6] != cases[i].length || reply.word[1] != cases[i].flags ||
                wide_stored != cases[i].stored ||
                ((reply.flags & REPLY_WRITE) && reply.word[0] != cases[i].loaded)) {
                fail_msg("case %zu: flags 0x%llx, 0x%llx stored, 0x%llx to the register, effects "
                         "0x%llx, length %llu",
                         i, (unsigned long long)reply.word[1], (unsigned long long)wide_stored,
                         (unsigned long long)reply.word[0], (unsigned long long)reply.flags,
                         (unsigned long long)reply.word[6]);
            }
            assert_true(fakert_is_valid(&record, &reply));
        }
    }
    // Nothing else has been stored by an instruction that only loads, and none by a store's exit.
    INSTRUCT(0x85, 0x0f);
    struct message record = fault(region.base + 8, ACCESS_WRITE, CODE_64);
    struct reply reply = {0};
    pager_emulate(&pager, &region, &record, &reply);
    assert_int_equal(reply.flags, REPLY_FLAGS);
}

// cmpxchg where the accumulator is what is there: no register but the flags is written.
static void test_exchanges_what_is_equal(void **unused) {
    (void)unused;
    struct region region = {.base = 0xe0000000, .size = 0x1000, .model = &wide};
    struct message first = fault(0, ACCESS_READ, CODE_64);
    assert_int_equal(run(&first, 1, 0), FAKERT_WAITING);
    fakert.reg[RAX] = 0x848586f7;
    INSTRUCT(0xf0, 0x0f, 0xb1, 0x17); // lock cmpxchg [rdi], edx
    struct message record = fault(region.base + 8, ACCESS_WRITE, CODE_64);
    struct reply reply = {0};
    pager_emulate(&pager, &region, &record, &reply);
    assert_int_equal(reply.flags,
                     REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE_SECOND | REPLY_SECOND(16));
    assert_int_equal(reply.word[1], INSN_ZF | INSN_PF);
    assert_int_equal(wide_stored, 0x76543212);
}

static void expect_lapic(const struct fakert_request *call, uint64_t seq, uint64_t offset,
                         uint64_t value) {
    assert_non_null(call);
    assert_int_equal(call->slot, LAPIC);
    const uint64_t expected[MESSAGE_WORDS] = {LAPIC_ACCESS, VM, 0, offset, value, seq};
    assert_memory_equal(call->word, expected, sizeof(expected));
}

static void answer_lapic(unsigned portal, struct rt_words *words) {
    if (portal == LAPIC) {
        *words = (struct rt_words){.word = {STATUS_OK, 0xfffffff0, 0x123456}};
    }
}

static void test_hands_on_the_lapic(void **unused) {
    (void)unused;
    fakert.on_call = answer_lapic;
    INSTRUCT(0x8b, 0x0c, 0x25, 0x20, 0x00, 0xe0, 0xfe); // mov ecx, [0xfee00020]
    expect_load(touch(XAPIC_BASE + 0x20, ACCESS_READ, CODE_64), RCX, 0xfffffff0, 7);
    expect_lapic(fakert_find(FAKERT_CALL, 0), last_seq, 0x20, 0);
    INSTRUCT(0x89, 0x86, 0x80, 0x03, 0x00, 0x00); // mov [rsi + 0x380], eax
    struct reply reply = touch(XAPIC_BASE + 0x380, ACCESS_WRITE, CODE_64);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
    assert_int_equal(reply.word[2], 0x123456);
    expect_lapic(fakert_find(FAKERT_CALL, 0), last_seq, 0x380 | LAPIC_WRITE, 0x76543210);
    expect_lapic(fakert_find(FAKERT_CALL, 1), last_seq, 0x380 | LAPIC_WRITE, 0x76543210);
}

// One that plays the controller by the rules: an access with the number of the last one is it
// again.
static struct {
    uint64_t seq;
    unsigned effects;
    uint64_t deadline;
} player;

static void play(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, LAPIC);
    if ((words->word[3] & LAPIC_WRITE) && words->word[5] != player.seq) {
        player.seq = words->word[5];
        player.effects++;
        player.deadline += words->word[4];
    }
    *words = (struct rt_words){.word = {STATUS_OK, 0, player.deadline}};
}

static void test_each_store_counts_once_wherever_it_dies(void **unused) {
    (void)unused;
    INSTRUCT(0x89, 0x86, 0x80, 0x03, 0x00, 0x00); // mov [rsi + 0x380], eax
    fakert.on_call = play;
    fakert.reg[RAX] = 1000;
    bool killed = true;
    for (unsigned at = 1; killed; at++) {
        memset(&player, 0, sizeof(player));
        struct message record = fault(XAPIC_BASE + 0x380, ACCESS_WRITE, CODE_64);
        killed = run(&record, 1, at) == FAKERT_KILLED;
        assert_true(killed || at > 3); // fetch, register, call
        assert_int_equal(run(&record, 1, 0), FAKERT_WAITING);
        assert_int_equal(player.effects, 1);
        assert_int_equal(fakert.answer[0].flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE);
        assert_int_equal(fakert.answer[0].word[2], 1000);
    }
}

// The same of one that loads before it stores: what was loaded is the first time's.
static struct {
    uint64_t value, seq;
    unsigned effects;
} cell;

static void play_cell(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, LAPIC);
    uint64_t value = cell.value;
    if ((words->word[3] & LAPIC_WRITE) && words->word[5] != cell.seq) {
        cell.seq = words->word[5];
        cell.effects++;
        cell.value = words->word[4];
    }
    *words = (struct rt_words){.word = {STATUS_OK, value, 77}};
}

static void test_computes_once_wherever_it_dies(void **unused) {
    (void)unused;
    static const uint8_t instructions[][8] = {
        {0x0f, 0xc1, 0x86, 0x80, 0x03}, // xadd [rsi + 0x380], eax
        {0xff, 0x86, 0x80, 0x03},       // inc dword [rsi + 0x380]
    };
    fakert.on_call = play_cell;
    fakert.reg[RAX] = 1;
    for (unsigned i = 0; i < 2; i++) {
        instruct(instructions[i], sizeof(instructions[i]));
        bool killed = true;
        for (unsigned at = 1; killed; at++) {
            memset(&cell, 0, sizeof(cell));
            cell.value = 0xffffffff;
            struct message record = fault(XAPIC_BASE + 0x380, ACCESS_READ, CODE_64);
            killed = run(&record, 1, at) == FAKERT_KILLED;
            assert_true(killed || at > 4); // fetch, register or flags, two calls
            struct reply reply = serve(&record);
            assert_int_equal(cell.effects, 1);
            assert_int_equal(cell.value, 0);
            uint64_t wanted = i == 0 ? TO(RAX) : REPLY_WRITE_SECOND | REPLY_SECOND(16);
            assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE | wanted);
            assert_int_equal(reply.word[0], i == 0 ? 0xffffffff : 0);
            assert_int_equal(reply.word[1] & INSN_ZF, INSN_ZF);
            assert_int_equal(reply.word[2], 77);
        }
    }
}

static void test_a_wrong_controller_is_none(void **unused) {
    (void)unused;
    fakert.on_call = NULL;
    INSTRUCT(0x8b, 0x07);
    expect_load(touch(XAPIC_BASE + 0x20, ACCESS_READ, CODE_64), RAX, 0, 2);
    // Nobody plays it.
    fakert_reset();
    fakert_entry("init", CONFIG_CAP)->slot = INIT;
    struct config_entry *window = fakert_entry("state", CONFIG_WINDOW);
    window->address = (uint64_t)(uintptr_t)state;
    window->size = STATE_SIZE;
    memset(state, 0, STATE_SIZE);
    struct config_entry *xapic = fakert_entry("device-9:xapic", CONFIG_NUMBER);
    xapic->guest = XAPIC_BASE;
    xapic->size = 0x1000;
    struct message record = fault(XAPIC_BASE, ACCESS_READ, CODE_64);
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, "lapic"));
}

// An access that begins in the page before is not one of the device's first register.
static void test_tells_what_begins_elsewhere(void **unused) {
    (void)unused;
    static const uint64_t begins[] = {XAPIC_BASE, XAPIC_BASE - 2};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t expected = i == 0 ? REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE
                                   : REPLY_FLAGS | (uint64_t)REPLY_STOP;
        fakert.reg[RDI] = begins[i];
        INSTRUCT(0x89, 0x07); // mov [rdi], eax
        assert_int_equal(touch(XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 0x30;
        fakert.reg[RCX] = 4;
        INSTRUCT(0x89, 0x44, 0xcf, 0x10); // mov [rdi + 8 * rcx + 16], eax
        assert_int_equal(touch(XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 0x1230;
        fakert.reg[FS_BASE] = 0x1230;
        INSTRUCT(0x64, 0x89, 0x07); // mov fs:[rdi], eax
        assert_int_equal(touch(XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        uint32_t from_pc = (uint32_t)(begins[i] - PC - 6);
        INSTRUCT(0x89, 0x05, (uint8_t)from_pc, (uint8_t)(from_pc >> 8), (uint8_t)(from_pc >> 16),
                 (uint8_t)(from_pc >> 24)); // mov [rip + from_pc], eax
        assert_int_equal(touch(XAPIC_BASE, ACCESS_WRITE, CODE_64).flags, expected);
        fakert.reg[RDI] = begins[i] - 8;
        fakert.reg[RCX] = 64 + 5;
        INSTRUCT(0x0f, 0xab, 0x0f); // bts [rdi], ecx: in the operand after the next
        expected |= i == 0 ? REPLY_WRITE_SECOND | REPLY_SECOND(16) : 0;
        assert_int_equal(touch(XAPIC_BASE, ACCESS_READ, CODE_64).flags, expected);
        expected &= ~(REPLY_WRITE_SECOND | REPLY_SECOND(16));
        fakert.reg[DS_BASE] = 0x1230;
        fakert.reg[RDI] = begins[i] - 0x1230;
        INSTRUCT(0x89, 0x07);
        assert_int_equal(touch(XAPIC_BASE, ACCESS_WRITE, CODE_32).flags, expected);
    }
}

// Behind a load that has made the next one short, by another instruction.
static void test_tells_it_on_the_shortest_way_too(void **unused) {
    (void)unused;
    for (unsigned before = 0; before < 4; before++) {
        INSTRUCT(0x8b, 0x07, 0x8b, 0x46, 0x10); // mov eax, [rdi]; mov eax, [rsi + 16]
        struct message good = fault(RTC_BASE, ACCESS_READ, CODE_64);
        struct message other = fault(RTC_BASE, ACCESS_READ, CODE_64);
        other.pc += 2;
        fakert_reset();
        configure();
        fakert.reg[RDI] = RTC_BASE;
        fakert.reg[RSI] = RTC_BASE - 0x10 - before;
        fakert_send(&good);
        fakert_send(&other);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        expect_load(fakert.answer[0], RAX, LOW, 2);
        if (before == 0) {
            expect_load(fakert.answer[1], RAX, LOW, 3);
        } else {
            assert_int_equal(fakert.answer[1].flags, REPLY_FLAGS | (uint64_t)REPLY_STOP);
        }
    }
}

static void test_names_what_it_refuses(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[4];
        const char *text;
    } cases[] = {
        {{0x0f, 0xc7, 0x0f, 0x90}, "atomic"},       // cmpxchg8b [rdi]
        {{0xf3, 0xab, 0x90, 0x90}, "string"},       // rep stosd
        {{0xf7, 0x27, 0x90, 0x90}, "computes"},     // mul dword [rdi]
        {{0x0f, 0x11, 0x07, 0x90}, "vector"},       // movups [rdi], xmm0
        {{0x0f, 0x0b, 0x90, 0x90}, "no access to"}, // ud2
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        instruct(cases[i].byte, sizeof(cases[i].byte));
        struct reply reply = touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64);
        assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
        assert_non_null(strstr(fakert.text, cases[i].text));
        assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[2], REPORT_INSTRUCTION);
    }
}

// The guest's code, or its tables, are others now.
static void test_lets_the_guest_look_again(void **unused) {
    (void)unused;
    code_absent = PC;
    assert_int_equal(touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64).flags, REPLY_FLAGS);
    code_absent = UINT64_MAX;
    INSTRUCT(0x8b, 0x07); // a load, but a store has exited
    assert_int_equal(touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_64).flags, REPLY_FLAGS);
    assert_int_equal(fakert_count(FAKERT_CALL), 0);
    // A page-table walk has no instruction.
    assert_int_equal(touch(XAPIC_BASE + 0xb0, ACCESS_WALK | ACCESS_WRITE, CODE_64).flags,
                     REPLY_FLAGS | REPLY_STOP);
    assert_int_equal(fakert_count(FAKERT_FETCH), 0);
}

// An INIT, or the VM's end, came during the service: nobody waits, and nothing is stored.
static void test_a_stopped_vcpu_needs_no_answer(void **unused) {
    (void)unused;
    static const struct {
        uint8_t byte[2];
        uint64_t access;
    } cases[] = {{{0x89, 0x07}, ACCESS_WRITE}, {{0x66, 0x90}, ACCESS_READ}};
    for (unsigned i = 0; i < 2; i++) {
        instruct(cases[i].byte, sizeof(cases[i].byte));
        code_absent = i == 0 ? UINT64_MAX : PC;
        const struct message record = fault(XAPIC_BASE + 0xb0, cases[i].access, CODE_64);
        fakert_reset();
        configure();
        fakert.is_stopped = true;
        fakert_send(&record);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        assert_int_equal(fakert_only_answer()->flags, 0);
        assert_int_equal(fakert_count(FAKERT_CALL), 0);
    }
}

// Who pages without long mode is told so, and does not exit for ever.
static void test_code_by_tables_of_32_bits(void **unused) {
    (void)unused;
    code_absent = PC;
    fakert.reg[CR0] = 0x80000011;
    fakert.reg[EFER] = 0x1000;
    struct reply reply = touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_32);
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    assert_non_null(strstr(fakert.text, "without long mode"));
    assert_int_equal(fakert_find(FAKERT_CALL, 0)->word[2], REPORT_INSTRUCTION);
    fakert.reg[EFER] = 0x1500;
    assert_int_equal(touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_32).flags, REPLY_FLAGS);
    fakert.reg[CR0] = 0x11;
    fakert.reg[EFER] = 0x1000;
    assert_int_equal(touch(XAPIC_BASE + 0xb0, ACCESS_WRITE, CODE_32).flags, REPLY_FLAGS);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(maps_memory),
        TEST(loads),
        TEST(parts_of_registers),
        TEST(computes),
        TEST(exchanges_what_is_equal),
        TEST(reads_code_as_its_segment_says),
        TEST(the_second_load_is_quick),
        TEST(refuses_sizes_that_a_device_does_not_have),
        TEST(needs_all_of_a_long_instruction),
        TEST(tells_long_instructions_apart),
        TEST(hands_on_the_lapic),
        TEST(each_store_counts_once_wherever_it_dies),
        TEST(computes_once_wherever_it_dies),
        TEST(a_wrong_controller_is_none),
        TEST(tells_what_begins_elsewhere),
        TEST(tells_it_on_the_shortest_way_too),
        TEST(names_what_it_refuses),
        TEST(lets_the_guest_look_again),
        TEST(a_stopped_vcpu_needs_no_answer),
        TEST(code_by_tables_of_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
