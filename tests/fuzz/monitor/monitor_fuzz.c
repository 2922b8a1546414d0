// Anything typed at the console and sent on the control line, in any pieces, to an init whose
// window holds anything, with monitors that die in between. Whatever comes, each record ends; what
// goes to the client has the form that it is to have; and behind the mark the line is what it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/monitor/world.h"

static struct {
    const uint8_t *at, *end;
} input;

static bool died;

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static void require(bool condition) {
    if (!condition)
        abort();
}

// What the input is made of besides single bytes, so that commands are found soon.
static const char *const pieces[] = {"help\n", "ps\n",      "vm\r",      "exits ",      "on\n",
                                     "caps ",  "log ",      "kill ",     "replace ",    "#20\n",
                                     "echo ",  "exit\r",    "console\n", "sbi-server ", "monitor ",
                                     "init\n", "/server\n", " ",         "\n",          "3\n"};

static unsigned take_text(char *text, unsigned most) {
    unsigned size = 0;
    for (unsigned n = next() % 12; n > 0 && size + 16 < most; n--) {
        uint8_t byte = next();
        if (byte < 0xc0) {
            text[size++] = (char)byte;
            continue;
        }
        const char *piece = pieces[byte % (sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(text + size, piece, strlen(piece));
        size += (unsigned)strlen(piece);
    }
    return size;
}

static void type(void) {
    char text[256];
    unsigned size = take_text(text, sizeof(text));
    for (unsigned i = 0; i < size; i++)
        world.in.data[world.in.head++ % RING_BYTES] = text[i];
    world_send(EXIT_SIGNAL, 0);
}

static void request(void) {
    char text[256];
    world_request_bytes(text, take_text(text, sizeof(text)));
}

static void scribble(void) {
    uint8_t *things[] = {(uint8_t *)world.server, (uint8_t *)world.vm, (uint8_t *)world.vcpu,
                         world.config, (uint8_t *)world.log};
    size_t sizes[] = {sizeof(world.server), sizeof(world.vm), sizeof(world.vcpu),
                      sizeof(world.config), sizeof(world.log)};
    unsigned which = next() % 5;
    size_t at = (next() * 256u + next()) % sizes[which];
    for (unsigned n = next() % 32; n > 0 && at < sizes[which]; n--, at++)
        things[which][at] = next();
}

static void do_step(void) {
    switch (next() % 16) {
    case 0 ... 3:
        type();
        break;
    case 4 ... 7:
        request();
        break;
    case 8:
        scribble();
        break;
    case 9:
        world.count_lie = (uint64_t)next() << next() % 64;
        world.look_status = next() % 8 == 0 ? (enum status)(next() % STATUS_COUNT) : STATUS_OK;
        break;
    case 10:
        world.in.reserved = next() % 2;
        world.out.reserved = 0;
        world_send(EXIT_SIGNAL, next() % 3);
        break;
    case 11:
        world_restart();
        died = true;
        break;
    case 12:
        world.outcome = (struct rt_words){.word = {0, next() % 7, next() % 5, next() % 14, next()}};
        world_send(EXIT_SIGNAL, 0);
        break;
    case 13:
        world.slow = next() % 2;
        world.server[next() % WORLD_SERVERS].serves = next() % 2;
        world.log_size = next() * 16u % RING_BYTES;
        world.file_bytes = next();
        break;
    case 14:
        world.room = next();
        world_send(EXIT_IRQ, 0);
        break;
    default:
        if (next() % 2)
            world.in.head = next() * 0x0101010101010101u >> next() % 64;
        else
            world.out.tail = next() * 0x0101010101010101u >> next() % 64;
        world.stuck = next() % 2;
        break;
    }
}

// Every line is a part of an answer, or its end.
static void check_lines(const char *text) {
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        require(text[length] == '\n');
        require(text[0] == ' ' || strncmp(text, "ok\n", 3) == 0 ||
                strncmp(text, "error: ", 7) == 0);
        for (size_t i = 0; i < length; i++)
            require(text[i] >= ' ' && text[i] <= '~');
        text += length + 1;
    }
}

// Who comes next finds the line as new, when what was being waited for is decided.
static void check_mark(void) {
    static const char wanted[] = " 4711\nok\n";
    world.room = UINT32_MAX;
    world.look_status = STATUS_OK;
    world.count_lie = 0;
    world.slow = false;
    world.stuck = false;
    world.outcome = (struct rt_words){.word = {0, MONITOR_FAILED}};
    for (unsigned i = 0; i < WORLD_SERVERS; i++)
        world.server[i].serves = 1;
    for (unsigned i = 0; i < 300 && monitor_state(&world.monitor)->job != MONITOR_IDLE; i++)
        world_send(EXIT_SIGNAL, 0);
    if (monitor_state(&world.monitor)->job != MONITOR_IDLE)
        return; // a great many kills
    for (unsigned i = 0; i < CONTROL_MARK; i++)
        world_request_bytes(&(uint8_t){(uint8_t)(255 - i)}, 1);
    (void)world_answer();
    if (monitor_state(&world.monitor)->job != MONITOR_IDLE)
        return; // what was sent before began another
    world_request("echo 4711\n");
    const char *answer = world_answer();
    require(strcmp(answer, wanted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + (size < 1024 ? size : 1024);
    world_reset();
    died = false;
    static char all[WORLD_STREAM];
    size_t used = 0;
    while (input.at < input.end && used < sizeof(all) / 2 && world.sent_size < WORLD_STREAM / 2) {
        do_step();
        (void)world_screen();
        memcpy(all + used, world.got, world.got_size);
        used += world.got_size;
        world.got_size = 0;
    }
    // An answer that a monitor died over, with the device full, has no end.
    all[used] = '\0';
    while (used > 0 && all[used - 1] != '\n')
        all[--used] = '\0';
    if (!died)
        check_lines(all);
    check_mark();
    return 0;
}
