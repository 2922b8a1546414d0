#include "tests/unit/monitor/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct world world;

static uint64_t put(const void *entries, size_t size, uint64_t count) {
    memset(world.window, 0, sizeof(world.window));
    memcpy(world.window, entries, size);
    return world.count_lie != 0 ? world.count_lie : count;
}

static void tell(struct rt_words *words) {
    uint64_t what = words->word[1], number = words->word[2];
    enum status status = world.look_status;
    uint64_t count = 0;
    if (what == MONITOR_SERVERS)
        count = put(world.server, sizeof(world.server), WORLD_SERVERS);
    else if (what == MONITOR_VMS)
        count = put(world.vm, sizeof(world.vm), 2);
    else if (what == MONITOR_VCPUS)
        count = put(world.vcpu, sizeof(world.vcpu), 3);
    else if (what == MONITOR_CONFIG && number < WORLD_SERVERS - 1)
        count = put(world.config, sizeof(world.config), sizeof(world.config));
    else if (what == MONITOR_LOG && number < WORLD_SERVERS)
        count = put(world.log, world.log_size, world.log_size);
    else
        status = STATUS_RANGE;
    *words = (struct rt_words){.word = {status, count}};
}

void world_serve(unsigned server) {
    world.server[server].serves = 1;
    world_send(EXIT_SIGNAL, 0);
}

static void call_init(struct rt_words *words) {
    uint64_t number = words->word[1];
    switch (words->word[0]) {
    case INIT_LOOK:
        tell(words);
        return;
    case INIT_KILL:
        words->word[0] = STATUS_RANGE;
        if (number >= WORLD_SERVERS - 1)
            return;
        world.kills[number]++;
        world.server[number].restarts++;
        world.server[number].serves = !world.slow;
        words->word[0] = STATUS_OK;
        return;
    case INIT_REPLACE:
        words->word[0] = STATUS_RANGE;
        if (number >= WORLD_SERVERS - 1)
            return;
        world.replaced = number;
        world.replaced_bytes = words->word[2];
        words->word[0] = world.replace_status;
        return;
    case INIT_OUTCOME:
        *words = world.outcome;
        return;
    case INIT_TRACE:
        world.traced = (int)number;
        words->word[0] = STATUS_OK;
        return;
    default:
        fail_msg("init was asked for %u", (unsigned)words->word[0]);
    }
}

static void drain(void) {
    uint64_t count = ring_readable(world.out.head, world.out.tail);
    for (; count > 0 && world.screen_size + 1 < WORLD_STREAM; count--)
        world.screen[world.screen_size++] = world.out.data[world.out.tail++ % RING_BYTES];
}

static void on_call(unsigned portal, struct rt_words *words) {
    if (portal == WORLD_INIT) {
        call_init(words);
    } else if (portal == WORLD_LOADER) {
        assert_int_equal(words->word[0], FS_READ);
        bool found = strcmp((const char *)world.file, "/server") == 0;
        memset(words, 0, sizeof(*words));
        words->word[0] = found ? world.read_status : STATUS_NOT_FOUND;
        words->word[1] = found ? world.file_bytes : 0;
    } else {
        assert_int_equal(portal, WORLD_CONSOLE);
        assert_int_equal(words->word[0], CONSOLE_FLUSH);
        if (!world.stuck)
            drain();
        words->word[0] = world.stuck ? STATUS_IO : STATUS_OK;
    }
    fakert.requests = 0;
}

static size_t read_device(void *context, void *bytes, size_t size) {
    (void)context;
    unsigned left = world.sent_size - world.sent_at;
    size = size < left ? size : left;
    memcpy(bytes, world.sent + world.sent_at, size);
    world.sent_at += (unsigned)size;
    return size;
}

static size_t write_device(void *context, const void *bytes, size_t size) {
    (void)context;
    size = size < world.room ? size : world.room;
    assert_true(world.got_size + size < WORLD_STREAM);
    memcpy(world.got + world.got_size, bytes, size);
    world.got_size += (unsigned)size;
    world.room -= (unsigned)size;
    return size;
}

static void acknowledge_device(void *context) { (void)context; }

static const struct monitor_device device = {read_device, write_device, acknowledge_device, NULL};

static void add_window(const char *name, void *address, size_t size) {
    struct config_entry *entry = fakert_entry(name, CONFIG_WINDOW);
    entry->address = (uintptr_t)address;
    entry->size = size;
}

static void add_cap(const char *name, unsigned slot) {
    fakert_entry(name, CONFIG_CAP)->slot = slot;
}

void world_restart(void) {
    monitor_configure(&world.monitor);
    assert_int_equal(monitor_adopt(&world.monitor, world.region, sizeof(world.region)), STATUS_OK);
    world.monitor.control.device = &device;
    typing_resume(&world.monitor);
}

static void name_server(unsigned index, const char *name) {
    struct monitor_server *server = &world.server[index];
    snprintf(server->name, sizeof(server->name), "%s", name);
    server->state = TASK_WAITING;
    server->serves = index + 1 < WORLD_SERVERS;
}

void world_reset(void) {
    memset(&world, 0, sizeof(world));
    fakert_reset();
    fakert.on_call = on_call;
    // The name of the monitor's own config.
    memcpy((char *)(uintptr_t)rt_config->name, "monitor", 8);
    add_cap("init", WORLD_INIT);
    add_cap("console", WORLD_CONSOLE);
    add_cap("fs-loader", WORLD_LOADER);
    add_window("monitor", world.window, sizeof(world.window));
    add_window("fs-buffer", world.file, sizeof(world.file));
    add_window("console-out", &world.out, sizeof(world.out));
    add_window("console-in", &world.in, sizeof(world.in));
    name_server(0, "console");
    name_server(1, "sbi-server");
    name_server(2, "monitor");
    name_server(3, "init");
    world.traced = -1;
    world.room = UINT32_MAX;
    world_restart();
}

void world_send(enum exit_class c, unsigned attempt) {
    struct message record = fakert_record(c, 0, 0, 1);
    record.info += attempt * MESSAGE_ONE_ATTEMPT;
    struct reply reply = {0};
    fakert.requests = 0;
    monitor_handle(&world.monitor, &record, &reply);
    assert_int_equal(reply.flags, 0);
}

void world_open(void) {
    world.in.reserved = CONSOLE_FOCUS_MONITOR;
    world_send(EXIT_SIGNAL, 0);
}

void world_type(const char *text) {
    for (; *text != '\0'; text++)
        world.in.data[world.in.head++ % RING_BYTES] = *text;
    world_send(EXIT_SIGNAL, 0);
}

const char *world_screen(void) {
    drain();
    world.screen[world.screen_size] = '\0';
    world.screen_size = 0;
    return world.screen;
}

void world_request_bytes(const void *bytes, unsigned size) {
    assert_true(world.sent_size + size <= WORLD_STREAM);
    memcpy(world.sent + world.sent_size, bytes, size);
    world.sent_size += size;
    world_send(EXIT_IRQ, 0);
}

void world_request(const char *text) { world_request_bytes(text, (unsigned)strlen(text)); }

const char *world_answer(void) {
    world.got[world.got_size] = '\0';
    world.got_size = 0;
    return world.got;
}
