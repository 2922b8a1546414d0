#include "tests/unit/console/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "libs/uart/uart_16550.h"
#include "libs/uart/uart_pl011.h"
#include "servers/console/put.h"
#include "servers/console/take.h"

struct world world;

// Two addresses each, one behind the other, where the real ones are in code.
__asm__(".section .rodata.console_put,\"a\"\n"
        ".global console_put_sent\nconsole_put_sent: .byte 0\n"
        ".global console_put_counted\nconsole_put_counted: .byte 0\n"
        ".global console_take_loaded\nconsole_take_loaded: .byte 0\n"
        ".global console_take_kept\nconsole_take_kept: .byte 0\n"
        ".text\n");

static void maybe_die(struct world_kill *kill, enum world_death here, uint64_t pc) {
    if (kill->at == 0 || kill->calls != kill->at || kill->how != here)
        return;
    kill->at = 0;
    world.death.pc = pc;
    longjmp(world.grave, 1);
}

void console_put(volatile uint8_t *data, uint8_t byte, volatile uint64_t *counter, uint64_t next) {
    world.put.calls++;
    maybe_die(&world.put, WORLD_BEFORE, 0);
    assert_ptr_equal(data, world.console.data);
    assert_true(world.written < WORLD_SCREEN);
    assert_true(world.room > 0); // else the byte would be lost
    world.room--;
    world.screen[world.written++] = byte;
    maybe_die(&world.put, WORLD_BETWEEN, (uintptr_t)console_put_sent);
    *counter = next;
    maybe_die(&world.put, WORLD_BEHIND, (uintptr_t)console_put_counted);
}

unsigned world_taken(void) { return (uint32_t)world.kept->taken; }

void console_take(volatile uint8_t *data, volatile uint64_t *input, uint64_t rest) {
    world.take.calls++;
    maybe_die(&world.take, WORLD_BEFORE, 0);
    assert_ptr_equal(data, world.console.data);
    assert_int_equal(rest & 0xff, 0);
    unsigned at = world_taken();
    assert_true(at < world.typed_count); // else the UART would give anything
    world.kept->taken = (at + 1) | WORLD_TAKING;
    maybe_die(&world.take, WORLD_BETWEEN, (uintptr_t)console_take_loaded);
    *input = world.typed[at] | rest;
    world.kept->taken = at + 1;
    maybe_die(&world.take, WORLD_BEHIND, (uintptr_t)console_take_kept);
}

// Whoever died with a byte in its hand did so there, with it in the register; the register's other
// bits are anything.
static void note_death(void) {
    if (world.kept->taken & WORLD_TAKING)
        world.death = (struct console_death){(uintptr_t)console_take_loaded,
                                             world.typed[world_taken() - 1] | ~0xffull};
}

// The UART's registers, by the data sheet; the console only ever needs these.
static uint32_t read_16550(void *context, unsigned offset) {
    assert_ptr_equal(context, &world);
    switch (offset) {
    case UART_16550_FIFO:
        return world.has_fifo ? 0xc1 : 0x01;
    case UART_16550_LINE_STATUS:
        world.polls++;
        return (uint32_t)((world_taken() < world.typed_count ? 0x01 : 0) |
                          (world.room >= (world.has_fifo ? 16 : 1) ? 0x60 : 0));
    default:
        fail_msg("the console read register %u", offset);
        return 0;
    }
}

static void write_16550(void *context, unsigned offset, uint32_t value) {
    assert_ptr_equal(context, &world);
    assert_int_not_equal(offset, UART_16550_DATA); // that is console_put's and console_take's
    if (offset == UART_16550_INTERRUPT_ENABLE)
        world.enabled = value;
}

// Arm DDI 0183G, 3.3: as the firmware leaves them.
static uint32_t read_pl011(void *context, unsigned offset) {
    assert_ptr_equal(context, &world);
    switch (offset) {
    case UART_PL011_FLAGS:
        world.polls++;
        return (world_taken() < world.typed_count ? 0 : 1u << 4) | (world.room == 0 ? 1u << 5 : 0) |
               (world.room >= 16 ? 1u << 7 : 1u << 3);
    case UART_PL011_LINE_CONTROL:
    case UART_PL011_RAW:
        return 0;
    case UART_PL011_CONTROL:
        return 0x300;
    default:
        fail_msg("the console read register 0x%x", offset);
        return 0;
    }
}

static void write_pl011(void *context, unsigned offset, uint32_t value) {
    assert_ptr_equal(context, &world);
    assert_int_not_equal(offset, UART_PL011_DATA);
    if (offset == UART_PL011_MASK)
        world.enabled = value;
}

static const struct {
    const struct uart_driver *driver;
    struct uart_access access;
} uarts[] = {
    {&uart_16550, {read_16550, write_16550, &world}},
    {&uart_pl011, {read_pl011, write_pl011, &world}},
};

const uint32_t world_enabled[] = {WORLD_UART == 0 ? 0x01 : 0x50, WORLD_UART == 0 ? 0x03 : 0x70};

void world_begin_uart(void) {
    console_start(&world.console, uarts[WORLD_UART].driver, &uarts[WORLD_UART].access);
}

void rt_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world.last_log, sizeof(world.last_log), format, arguments);
    va_end(arguments);
    world.logs++;
}

enum status rt_signal(unsigned portal) {
    world.signals++;
    world.last_signal = portal;
    unsigned client = portal - WORLD_SIGNALS;
    assert_true(client < WORLD_CLIENTS);
    world.kept->seen_head[client] = world.in[client].head;
    world.kept->seen_reserved[client] = world.in[client].reserved;
    return STATUS_OK;
}

enum status rt_signal_later(unsigned portal) {
    assert_int_equal(portal, WORLD_SELF);
    world.later++;
    return STATUS_OK;
}

uint64_t rt_now(void) { return world.now; }

enum status rt_call(unsigned portal, struct rt_words *words) {
    assert_int_equal(portal, world.console.init);
    world.calls++;
    world.last_call = *words;
    words->word[0] = STATUS_OK;
    return STATUS_OK;
}

void world_reset(void) {
    static struct world_kept *kept;
    if (kept == NULL)
        kept = step_memory(sizeof(*kept));
    memset(kept, 0, sizeof(*kept));
    memset(&world, 0, sizeof(world));
    world.kept = kept;
    world.out = kept->out;
    world.in = kept->in;
    world.region = kept->region;
    world.has_fifo = true;
    world.room = WORLD_SCREEN;
    world.config = (struct config *)world.config_memory;
    world.config->magic = CONFIG_MAGIC;
    world_entry("init", CONFIG_CAP, 0)->slot = 9;
}

struct config_entry *world_entry(const char *name, enum config_kind kind, uint64_t address) {
    assert_true(world.config->count < WORLD_ENTRIES);
    struct config_entry *entry = &world.config->entry[world.config->count++];
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->kind = kind;
    entry->address = address;
    entry->size = kind == CONFIG_WINDOW ? sizeof(struct ring) : 0;
    return entry;
}

static struct config_entry *numbered(const char *what, unsigned number, enum config_kind kind,
                                     uint64_t address) {
    char name[CONFIG_NAME];
    snprintf(name, sizeof(name), "%s-%u", what, number);
    return world_entry(name, kind, address);
}

void world_client(unsigned number, enum console_client kind, const char *name) {
    numbered("out", number, CONFIG_WINDOW, (uintptr_t)&world.out[number]);
    numbered("kind", number, CONFIG_NUMBER, kind);
    numbered("name", number, CONFIG_TEXT, (uintptr_t)name);
    if (kind == CONSOLE_CLIENT_HYPERVISOR)
        return;
    numbered("in", number, CONFIG_WINDOW, (uintptr_t)&world.in[number]);
    numbered("signal", number, CONFIG_CAP, 0)->slot = WORLD_SIGNALS + number;
}

void world_has_patience(void) {
    world.config->timebase = WORLD_TIMEBASE;
    world_entry("self", CONFIG_CAP, 0)->slot = WORLD_SELF;
}

void world_tick(unsigned ms) {
    world.now += ms;
    if (world.later > 0) {
        world.later = 0;
        world_send(EXIT_SIGNAL, 0, 1);
    }
}

void world_configure(void) {
    const char *wrong = "", *why = "";
    if (console_configure(&world.console, world.config, &wrong, &why) != STATUS_OK)
        fail_msg("%s %s", wrong, why);
    static uint8_t data;
    world.console.data = &data;
}

void world_take_over(void) {
    struct console *console = &world.console;
    note_death();
    // Whoever dies before it has told init that it took over is followed by one that is told of the
    // same death.
    for (unsigned i = 0; i <= world.early_deaths; i++) {
        assert_int_equal(console_adopt(console, world.region, WORLD_REGION, &world.death),
                         STATUS_OK);
        world_begin_uart();
    }
    // It has told init, and what kills it from now on is another death.
    world.kept->taken = world_taken();
    world.death = (struct console_death){0};
}

void world_start(void) {
    world_configure();
    world_take_over();
    world_send(EXIT_SIGNAL, 0, 1); // init's
}

void world_type(const char *text) {
    world.kept->taken = 0;
    world.typed_count = 0;
    for (; *text != '\0'; text++)
        world.typed[world.typed_count++] = (uint8_t)*text;
}

void world_expect_awake(void) {
    for (unsigned client = 0; client < world.console.count; client++) {
        const struct ring *ring = &world.in[client];
        if (world.console.peer[client].in == NULL || world.console.peer[client].signal == 0)
            continue;
        assert_int_equal(world.kept->seen_reserved[client], ring->reserved);
        if (ring->head != ring->tail)
            assert_int_equal(world.kept->seen_head[client], ring->head);
    }
}

void world_write_bytes(unsigned number, const void *bytes, size_t size) {
    struct ring *ring = &world.out[number];
    assert_true(ring_writable(ring->head, ring->tail) >= size);
    for (size_t i = 0; i < size; i++)
        ring->data[(ring->head + i) % RING_BYTES] = ((const char *)bytes)[i];
    ring_store(&ring->head, ring->head + size);
}

void world_write(unsigned number, const char *text) {
    world_write_bytes(number, text, strlen(text));
}

uint64_t world_send(enum exit_class class, uint64_t badge, uint64_t word) {
    struct message record = {
        .word = {word}, .info = MESSAGE_INFO(class, 0, 0), .seq = 1, .badge = badge};
    struct reply reply = {0};
    console_handle(&world.console, &record, &reply);
    assert_int_equal(reply.flags, 0);
    return reply.word[0];
}

const char *world_rendered(void) {
    static char text[WORLD_SCREEN + 1];
    static const char erase[] = "\033[K";
    unsigned begin = 0, at = 0, length = 0; // of the last line; of all
    for (unsigned i = 0; i < world.written; i++) {
        char byte = (char)world.screen[i];
        if (byte == '\r') {
            at = begin;
        } else if (world.written - i >= 3 && memcmp(&world.screen[i], erase, 3) == 0) {
            length = at;
            i += 2;
        } else if (byte == '\n') {
            text[length++] = byte;
            begin = at = length;
        } else {
            text[at++] = byte;
            length = at > length ? at : length;
        }
    }
    text[length] = '\0';
    return text;
}

const char *world_screen(void) {
    static char text[WORLD_SCREEN + 1];
    memcpy(text, world.screen, world.written);
    text[world.written] = '\0';
    return text;
}
