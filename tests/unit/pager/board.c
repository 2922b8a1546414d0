#include "tests/unit/pager/board.h"

#include <string.h>

#include "tests/unit/fakert/step.h"

// The base register does not count.
#define LDR_W10 0xb940016au // ldr w10, [x11]
#define STR_W10 0xb900016au // str w10, [x11]

#define SYSREG_SGI1R (3u << 20 | 5u << 17 | 12u << 10 | 7u << 5 | 11u << 1) // from x7

struct board *board;

static uint64_t last_seq;

struct board_core *board_core(unsigned vcpu) { return &board->core[board->now][vcpu]; }

static uint64_t core_look(unsigned slot, unsigned intid) {
    return board_core(slot - VCPU_SLOT)->state[intid];
}

static void core_interrupt(unsigned slot, enum vcpu_interrupt what, uint64_t interrupt,
                           uint64_t number) {
    if (number <= board_core(slot - VCPU_SLOT)->number) {
        return;
    }
    memcpy(board->core[!board->now], board->core[board->now], sizeof(board->core[0]));
    struct board_core *vcpu = &board->core[!board->now][slot - VCPU_SLOT];
    uint64_t *state = &vcpu->state[interrupt & 0xff];
    vcpu->number = number;
    switch (what) {
    case VCPU_INTERRUPT_RAISE:
        *state |= VCPU_LOOK_PENDING;
        vcpu->raised[interrupt & 0xff] = interrupt;
        vcpu->raises++;
        break;
    case VCPU_INTERRUPT_TAKE_BACK:
        *state &= ~(uint64_t)VCPU_LOOK_PENDING;
        break;
    case VCPU_INTERRUPT_DEACTIVATE:
        *state &= ~(uint64_t)VCPU_LOOK_ACTIVE;
        break;
    case VCPU_INTERRUPT_TIMER:
        vcpu->timer = interrupt;
    }
    __atomic_store_n(&board->now, !board->now, __ATOMIC_SEQ_CST);
}

static struct config_entry *number(const char *name, uint64_t guest, uint64_t size) {
    struct config_entry *entry = fakert_entry(name, CONFIG_NUMBER);
    entry->guest = guest;
    entry->size = size;
    return entry;
}

static void window(const char *name, void *memory, uint64_t size) {
    struct config_entry *entry = fakert_entry(name, CONFIG_WINDOW);
    entry->address = (uint64_t)(uintptr_t)memory;
    entry->size = size;
}

void board_config(void) {
    struct fakert before = fakert;
    fakert_reset();
    fakert_entry("init", CONFIG_CAP)->slot = 6;
    fakert_entry("console", CONFIG_CAP)->slot = 7;
    window("state", board->state, sizeof(board->state));
    number("device-9:pl011", UART, PL011_SIZE)->address = UART_LINE;
    if (board->is_v2) {
        number("device-9:gic-400", GICD, 0x10000);
    } else {
        number("device-9:gic-v3", GICD, 0x10000);
        number("device-9:gic-v3-rd", GICR, VCPUS * GICR_SECOND);
    }
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        fakert_entry("vcpu-9", CONFIG_CAP)->slot = VCPU_SLOT + vcpu;
    }
    window("console-out-9", &board->out, sizeof(board->out));
    window("console-in-9", &board->in, sizeof(board->in));
    memcpy(fakert.reg, before.reg, sizeof(fakert.reg));
    fakert.instruction = before.instruction;
    fakert.on_look = core_look;
    fakert.on_interrupt = core_interrupt;
}

int board_begin(void **unused) {
    (void)unused;
    if (!board) {
        board = step_memory(sizeof(*board));
    }
    memset(board, 0, sizeof(*board));
    board->out.magic = RING_MAGIC;
    board->in.magic = RING_MAGIC;
    last_seq = 0;
    fakert_reset();
    board_config();
    return 0;
}

int board_begin_v2(void **unused) {
    board_begin(unused);
    board->is_v2 = true;
    board_config();
    return 0;
}

struct message board_exit(enum exit_class c) { return fakert_record(c, VM, 0, ++last_seq); }

struct message board_access(uint64_t address, enum access access) {
    struct message record = board_exit(EXIT_STAGE2);
    record.word[0] = address;
    record.word[1] = access;
    fakert.instruction = access == ACCESS_WRITE ? STR_W10 : LDR_W10;
    return record;
}

void board_type(char byte) { board->in.data[board->in.head++ % RING_BYTES] = byte; }

void board_type_text(const char *text) {
    for (; *text; text++) {
        board_type(*text);
    }
}
