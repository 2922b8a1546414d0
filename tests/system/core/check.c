// In init's place: makes a second task and a guest, and has them try all that the core for x86_64
// does for them. Says on the serial port what came of it, a line a step; ends with status 0 when
// all was as it must be.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/ports.h"
#include "arch/vcpu_pages.h"
#include "ipc/bundle.h"
#include "ipc/fault.h"
#include "libs/rt/rt.h"

#define SERIAL 0x3f8
#define VECTOR 0x40u
#define DEMAND 0x700000ull
#define TOUCHED 0x800000ull
#define GUEST_CODE 0x200000ull
#define PAGE 4096ull
#define CPUID_COUNTED 0x40000001u
#define EXIT_CODE_VMRUN 0x80u
#define MULTIBOOT 0x2badb002u
#define ROUNDS 100
#define DELAY 100000 // ticks of the counter until a deadline

enum slot { PORTAL = 8, SPACE2, TASK2, PORTAL2, TASK3, PORTAL3, GUEST, VCPU };
enum badge { BADGE_FAULT = 1, BADGE_GUEST, BADGE_FAULT3 };

const bool rt_has_config = false;

extern char second_begin[], third_begin[], guest_begin[], guest_end[];

static uint64_t bundle, high, memory, objects;
static unsigned failures;
static uint64_t armed;

static void put(char c) { __asm__ volatile("outb %%al, %%dx" ::"a"(c), "d"(SERIAL)); }

__attribute__((format(printf, 2, 3))) static void say(bool good, const char *format, ...) {
    char line[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    failures += !good;
    const char *verdict = good ? "ok: " : "WRONG: ";
    for (const char *c = verdict; *c; c++) {
        put(*c);
    }
    for (const char *c = line; *c; c++) {
        put(*c);
    }
    put('\r');
    put('\n');
}

static void call(enum syscall number, uint64_t selector, struct rt_words words, const char *what) {
    enum status status = rt_system_call(number, selector, &words);
    if (status != STATUS_OK) {
        say(false, "%s: %s", what, status_text(status));
    }
}
#define CALL(number, selector, ...)                                                                \
    call(SYSCALL_##number, selector, (struct rt_words){.word = {__VA_ARGS__}}, #number)

static uint64_t take_objects(uint64_t pages) {
    objects += pages;
    return objects - pages;
}

// PAGES of memory behind each other, that this task sees at the same address.
static uint64_t take_memory(uint64_t pages) {
    uint64_t at = memory;
    CALL(MAP, INIT_SLOT_SPACE, at, INIT_SLOT_HIGH, at - high, pages * PAGE, RIGHT_R | RIGHT_W);
    memory += pages * PAGE;
    memset((void *)at, 0, pages * PAGE);
    return at;
}

static void ports_begin(void) {
    uint64_t offset = PORTS_OFFSET(SERIAL);
    struct rt_words words = {.word = {PORTS_ADDRESS + offset, INIT_SLOT_HIGH,
                                      PORTS_PHYSICAL + offset - high, PAGE,
                                      RIGHT_R | RIGHT_W | RIGHT_DEVICE}};
    if (rt_system_call(SYSCALL_MAP, INIT_SLOT_SPACE, &words) == STATUS_OK) {
        say(true, "init runs in user mode, and its space has the serial port");
    }
}

// The task state would show a mix-up of registers here: 1.5 + 2.25, by the CPU itself.
static void floating_point(void) {
    static const double a = 1.5, b = 2.25;
    double sum;
    __asm__ volatile("movsd %1, %%xmm5\n addsd %2, %%xmm5\n movsd %%xmm5, %0"
                     : "=m"(sum)
                     : "m"(a), "m"(b));
    uint64_t bits;
    memcpy(&bits, &sum, sizeof(bits));
    say(bits == 0x400e000000000000ull, "floating point: %#lx", (unsigned long)bits);
}

static void second_task(void) {
    const struct bundle_header *header = (const void *)bundle;
    CALL(CREATE, OBJECT_SPACE, INIT_SLOT_POOL, take_objects(16), 16, SPACE2, 0);
    CALL(CREATE, OBJECT_TASK, INIT_SLOT_POOL, take_objects(2), 2, TASK2, SPACE2);
    CALL(CREATE, OBJECT_PORTAL, INIT_SLOT_POOL, take_objects(1), 1, PORTAL2, 100);
    for (unsigned i = 0; i < header->segment_count; i++) {
        const struct bundle_segment *segment = &header->segment[i];
        if (segment->rights & RIGHT_X) {
            CALL(MAP, SPACE2, segment->vaddr, INIT_SLOT_BUNDLE, segment->offset, segment->size,
                 segment->rights);
        }
    }
    CALL(BIND, BIND_PORTAL, PORTAL2, TASK2);
    CALL(BIND, BIND_FAULT, TASK2, PORTAL, BADGE_FAULT);
    CALL(TASK, TASK2, TASK_START, (uint64_t)second_begin, 0, 0, SYSCALL_TASK);
    struct rt_words words = {.word = {1, 2, 3, 4, 5, 6, 7, 8}};
    enum status status = rt_call(PORTAL2, &words);
    say(status == STATUS_OK && words.word[0] == 8 && words.word[1] == 7 && words.word[4] == 4 &&
            words.word[7] == 1,
        "a call, answered by a second task");
    uint64_t before = rt_counter();
    for (int i = 0; i < ROUNDS; i++) {
        words.word[0] = 1;
        if (rt_call_inline(PORTAL2, &words) != STATUS_OK) {
            failures++;
        }
    }
    say(true, "call and reply: ~%lu instructions", (unsigned long)(rt_counter() - before) / ROUNDS);
}

// Its first record must end it, and not the core.
static void third_task(void) {
    CALL(CREATE, OBJECT_TASK, INIT_SLOT_POOL, take_objects(2), 2, TASK3, SPACE2);
    CALL(CREATE, OBJECT_PORTAL, INIT_SLOT_POOL, take_objects(1), 1, PORTAL3, 100);
    CALL(BIND, BIND_PORTAL, PORTAL3, TASK3);
    CALL(BIND, BIND_FAULT, TASK3, PORTAL, BADGE_FAULT3);
    CALL(TASK, TASK3, TASK_START, (uint64_t)third_begin, 0, 0, SYSCALL_TASK);
    CALL(SIGNAL, PORTAL3, 0);
}

static void guest_start(void) {
    uint64_t code = take_memory(2), data = take_memory(32);
    memcpy((void *)code, guest_begin, (size_t)(guest_end - guest_begin));
    CALL(CREATE, OBJECT_SPACE, INIT_SLOT_POOL, take_objects(32), 32, GUEST, 1);
    CALL(CREATE, OBJECT_VCPU, INIT_SLOT_POOL, take_objects(ARCH_VCPU_PAGES), ARCH_VCPU_PAGES, VCPU,
         GUEST, 0);
    CALL(MAP, GUEST, GUEST_CODE, INIT_SLOT_HIGH, code - high, 2 * PAGE,
         RIGHT_R | RIGHT_W | RIGHT_X);
    CALL(MAP, GUEST, 0x300000, INIT_SLOT_HIGH, data - high, 32 * PAGE, RIGHT_R | RIGHT_W);
    for (uint64_t class = 0; class < EXIT_GUEST_CLASSES; class ++) {
        CALL(BIND, BIND_ROUTE, VCPU, class, PORTAL, BADGE_GUEST, 0x1fff, ~0u, ~0u);
    }
    CALL(VCPU, VCPU, VCPU_START, GUEST_CODE, MULTIBOOT, 0);
}

static void end(void) { CALL(EXIT, 0, failures != 0); }

// RFLAGS, as the core numbers what instructions can't name (arch/regs.h).
#define REGISTER_FLAGS 16

// What the guest counted, from this step on.
#define STEP_FIGURES 14
static const char *const figures[] = {"hypercall", "CPUID", "port read", "first touch"};

static void guest_step(const struct message *record, struct reply *reply) {
    static const uint32_t expected[STEP_FIGURES] = {
        0,  MULTIBOOT, 0x44332211, 0x5a,   0x1234, 0xfee00900, 6,
        13, VECTOR,    0,          VECTOR, 0,      0,          0x208d7};
    uint64_t step = record->word[0] & 0xff, found = record->word[1];
    reply->flags = REPLY_HYPERCALL;
    reply->word[0] = step;
    if (step < STEP_FIGURES) {
        say(found == expected[step], "guest, step %lu: %#lx", (unsigned long)step,
            (unsigned long)found);
    } else if (step < STEP_FIGURES + 4) {
        say(true, "%s: ~%lu instructions", figures[step - STEP_FIGURES],
            (unsigned long)found / ROUNDS);
    }
    if (step == 9) {
        reply->flags = REPLY_HYPERCALL_DEADLINE;
        reply->word[2] = armed = rt_counter() + DELAY;
    } else if (step == 11) {
        CALL(VCPU, VCPU, VCPU_INTERRUPT, VCPU_INTERRUPT_RAISE, INTERRUPT_WINDOW, 1);
    }
}

static void guest_instruction(const struct message *record, struct reply *reply) {
    uint32_t code = (uint32_t)record->word[0];
    if (code == 0x72) {
        // EAX, EBX; ECX, EDX.
        reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
        reply->word[0] = 0x40000001ull | 0x11ull << 32;
        reply->word[1] = 0x22ull | 0x44332211ull << 32;
    } else if (code == 0x7c && record->word[1] == 0x1b) {
        reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
        reply->word[0] = 0xfee00900;
    } else if (code == 0x7c && (record->word[1] == 0x1c || record->word[1] == 0x1d)) {
        reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE | REPLY_WRITE_SECOND |
                       REPLY_SECOND(REGISTER_FLAGS);
        reply->word[1] = record->word[1] == 0x1c ? ~0ull : 0;
    } else {
        reply->flags = REPLY_FLAGS | REPLY_INJECT;
        reply->word[0] = code == EXIT_CODE_VMRUN ? 6 : 13;
    }
}

static void guest_fault(const struct message *record, struct reply *reply) {
    static uint64_t page;
    uint64_t address = record->word[0] & ~(PAGE - 1);
    uint64_t instruction = rt_guest_fetch(record->pc);
    if (!page) {
        page = take_memory(1);
        say(address == DEMAND && (record->word[1] & ACCESS_KIND) == ACCESS_WRITE &&
                (instruction & 0xffff) == 0x03c7,
            "a nested page fault at %#lx, by %#lx", (unsigned long)record->word[0],
            (unsigned long)instruction);
    }
    reply->flags = REPLY_FLAGS | REPLY_MAP;
    reply->word[2] = address;
    reply->word[3] = REPLY_MAPPING(INIT_SLOT_HIGH, 12, RIGHT_R | RIGHT_W);
    reply->word[5] = page - high;
}

// Quick answers to what is done ROUNDS times, by what the records' words say.
void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                  uint64_t a6, uint64_t a7) {
    if (a0 == 0) {
        rt_reply_hypercall(0, 0);
    }
    rt_handle_rest(a0, a1, a2, a3, a4, a5, a6, a7);
}

void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    switch (MESSAGE_CLASS(rt_record.info)) {
    case EXIT_IO:
        rt_reply_write(REPLY_FLAGS | REPLY_WRITE | REPLY_ADVANCE, (word1 & ~0xffull) | 0x5a, 0);
    case EXIT_SYSREG:
        if ((uint32_t)word2 == CPUID_COUNTED) {
            rt_reply_registers(REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE, 0, 0, 0);
        }
        break;
    case EXIT_STAGE2:
        if (word0 >= TOUCHED) {
            rt_reply_map(word0 & ~(PAGE - 1), REPLY_MAPPING(INIT_SLOT_HIGH, 12, RIGHT_R | RIGHT_W),
                         memory - high);
        }
        break;
    default:
        break;
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}

static void guest_exit(const struct message *record, struct reply *reply) {
    switch (MESSAGE_CLASS(record->info)) {
    case EXIT_HYPERCALL:
        guest_step(record, reply);
        break;
    case EXIT_SYSREG:
        guest_instruction(record, reply);
        break;
    case EXIT_STAGE2:
        guest_fault(record, reply);
        break;
    case EXIT_IDLE:
        say(!record->word[1], "the guest waits");
        reply->flags = REPLY_FLAGS | REPLY_ADVANCE | REPLY_RAISE | REPLY_INTERRUPT(VECTOR);
        break;
    case EXIT_TIMER:
        say(record->word[0] == armed && record->word[1] >= armed, "the deadline has passed");
        reply->flags = REPLY_FLAGS | REPLY_RAISE | REPLY_INTERRUPT(VECTOR);
        break;
    case EXIT_WINDOW:
        say(true, "the guest would take an interrupt");
        reply->flags = REPLY_FLAGS;
        break;
    default:
        say(record->word[0] == 0x7f, "the guest has ended itself: %#lx",
            (unsigned long)record->word[0]);
        end();
    }
}

static void handle(void *state, const struct message *record, struct reply *reply) {
    (void)state;
    if (record->badge == BADGE_FAULT3) {
        uint64_t cause = record->word[FAULT_WORD_CAUSE];
        say(cause == FAULT_MEMORY || cause == FAULT_INSTRUCTION, "the third task died: %s",
            fault_text(cause));
        guest_start();
        return;
    }
    if (MESSAGE_CLASS(record->info) == EXIT_FAULT) {
        say(record->word[FAULT_WORD_CAUSE] == FAULT_MEMORY && record->word[FAULT_WORD_ADDRESS] == 8,
            "the second task died: %s", fault_text(record->word[FAULT_WORD_CAUSE]));
        third_task();
        return;
    }
    guest_exit(record, reply);
}

int main(void) {
    bundle = rt_argument[0];
    objects = rt_argument[6];
    high = rt_argument[7];
    memory = (high + PAGE - 1) & ~(PAGE - 1);
    ports_begin();
    CALL(MAP, INIT_SLOT_SPACE, bundle, INIT_SLOT_BUNDLE, 0, rt_argument[1], RIGHT_R);
    CALL(CREATE, OBJECT_PORTAL, INIT_SLOT_POOL, take_objects(1), 1, PORTAL, 0);
    CALL(BIND, BIND_PORTAL, PORTAL, INIT_SLOT_TASK);
    CALL(TASK, INIT_SLOT_TASK, TASK_GUEST, 1);
    second_task();
    floating_point();
    // This makes it fault, of which init is told by a record.
    CALL(SIGNAL, PORTAL2, 0);
    rt_serve(handle, NULL);
}
