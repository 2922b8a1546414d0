// /servers: the tasks that init starts, what each of them has, and whom it may call.
#include <libfdt.h>
#include <string.h>

#include "libs/manifest/parts.h"

#define DEADLINE_MAX_MS 60000u
#define AREA_MAX (64u << 20) // of a state region, and of memory for a device
#define SLOT_LEAST 0x100u    // VIRTIO 1.2, 4.2.2: the registers before a device's own

static const char *const window_rights[] = {"r", "rw", NULL};

static void read_windows(struct reader *reader, int node, struct manifest_server *server) {
    static const char *const properties[] = {"reg", "rights", "compatible", "slot-size", NULL};
    static const char *const children[] = {NULL};
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (server->window_count == MANIFEST_WINDOWS)
            reader_fail(reader, STATUS_NO_MEMORY, node, "",
                        "has more than %u windows; join some, or raise MANIFEST_WINDOWS",
                        MANIFEST_WINDOWS);
        if (reader_failed(reader))
            return;
        struct manifest_window *window = &server->window[server->window_count];
        reader_check_form(reader, child, &(struct reader_form){properties, NULL, children});
        reader_name(reader, child, window->name);
        window->host = reader_reg(reader, child, READER_PAGE, reader->arch->host_bits);
        window->rights = reader_rights(reader, child, "rights", window_rights);
        reader_text(reader, child, "compatible", window->compatible, sizeof(window->compatible),
                    READER_OPTIONAL);
        if (window->compatible[0] != '\0' &&
            strlen(window->name) + sizeof(CONFIG_COMPATIBLE) > MANIFEST_NAME)
            reader_fail(reader, STATUS_INVALID, child, "compatible",
                        "needs a window whose name has at most %u characters; shorten it",
                        (unsigned)(MANIFEST_NAME - sizeof(CONFIG_COMPATIBLE)));
        window->slot_size =
            (uint32_t)reader_number_or(reader, child, "slot-size", SLOT_LEAST, READER_PAGE, 0);
        if ((window->slot_size & (window->slot_size - 1)) != 0)
            reader_fail(reader, STATUS_INVALID, child, "slot-size", "is %u; choose a power of two",
                        window->slot_size);
        // By its name the server finds it.
        for (uint32_t i = 0; i < server->window_count; i++) {
            if (strcmp(server->window[i].name, window->name) == 0)
                reader_fail(reader, STATUS_EXISTS, child, "",
                            "is the second window called `%s`; choose another name", window->name);
        }
        reader_claim_host(reader, child, "reg", window->host, false);
        server->window_count++;
    }
}

// A line belongs to one server: its reply is what lets the line fire again.
static void check_line(struct reader *reader, int node, uint32_t line) {
    const struct manifest *manifest = reader->manifest;
    uint32_t last = reader->arch->line_last;
    if (line == 0 || line > last)
        reader_fail(reader, STATUS_INVALID, node, "interrupt-lines",
                    "names line %u; choose one from 1 to %u", line, last);
    for (uint32_t s = 0; s < manifest->server_count; s++) {
        const struct manifest_server *server = &manifest->server[s];
        for (uint32_t i = 0; i < server->interrupt_count; i++) {
            if (server->interrupt[i] == line)
                reader_fail(reader, STATUS_EXISTS, node, "interrupt-lines",
                            "names line %u, which /servers/%s has already; remove one", line,
                            server->name);
        }
    }
}

static void read_lines(struct reader *reader, int node, struct manifest_server *server) {
    int length = 0;
    const fdt32_t *cells = fdt_getprop(reader->fdt, node, "interrupt-lines", &length);
    if (cells == NULL)
        return;
    unsigned count = (unsigned)length / sizeof(fdt32_t);
    if (length % (int)sizeof(fdt32_t) != 0 || count == 0)
        reader_fail(reader, STATUS_INVALID, node, "interrupt-lines",
                    "has %u bytes; write one cell for each line: <10 11>", (unsigned)length);
    else if (count > MANIFEST_INTERRUPTS)
        reader_fail(reader, STATUS_NO_MEMORY, node, "interrupt-lines",
                    "names %u lines; at most %u are possible", count, MANIFEST_INTERRUPTS);
    else if (!reader->manifest->interrupt_controller.present)
        reader_fail(reader, STATUS_INVALID, node, "interrupt-lines",
                    "needs an interrupt controller; add the node `interrupt-controller@...` to "
                    "/host");
    for (unsigned i = 0; i < count && !reader_failed(reader); i++) {
        check_line(reader, node, fdt32_ld(&cells[i]));
        server->interrupt[server->interrupt_count++] = fdt32_ld(&cells[i]);
    }
}

static void read_emulates(struct reader *reader, int node, struct manifest_server *server) {
    int length = 0;
    if (!reader_has(reader, node, "emulates"))
        return;
    const char *value = reader_texts(reader, node, "emulates", &length);
    for (int at = 0; value != NULL && at < length; at += (int)strlen(value + at) + 1) {
        size_t size = strlen(value + at);
        if (server->emulates_count == MANIFEST_EMULATES)
            reader_fail(reader, STATUS_NO_MEMORY, node, "emulates",
                        "names more than %u devices; remove some, or raise MANIFEST_EMULATES",
                        MANIFEST_EMULATES);
        else if (size == 0 || size >= MANIFEST_COMPATIBLE_SIZE)
            reader_fail(reader, STATUS_INVALID, node, "emulates",
                        "holds a name of %u bytes; choose one of 1 to %u", (unsigned)size,
                        MANIFEST_COMPATIBLE_SIZE - 1);
        if (reader_failed(reader))
            return;
        memcpy(server->emulates[server->emulates_count++], value + at, size + 1);
    }
}

// init's reports and files go to one place each.
static void read_monitor(struct reader *reader, int node, struct manifest_server *server) {
    const struct manifest *manifest = reader->manifest;
    bool wanted = reader_flag(reader, node, "monitor");
    for (uint32_t i = 0; wanted && i < manifest->server_count; i++) {
        if (manifest->server[i].monitor)
            reader_fail(reader, STATUS_EXISTS, node, "monitor",
                        "makes this a second monitor, beside /servers/%s; remove it from one",
                        manifest->server[i].name);
    }
    server->monitor = wanted;
}

static void read_server(struct reader *reader, int node, struct manifest_server *server) {
    static const char *const properties[] = {
        "image",        "deadline-ms",     "state-size", "dma-size", "calls", "signals",
        "guest-access", "interrupt-lines", "emulates",   "monitor",  NULL};
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, NULL});
    reader_text(reader, node, "image", server->image, sizeof(server->image), READER_REQUIRED);
    server->deadline_ms = (uint32_t)reader_number(reader, node, "deadline-ms", 1, DEADLINE_MAX_MS);
    server->state_size =
        (uint32_t)reader_pages(reader, node, "state-size", AREA_MAX, READER_OPTIONAL);
    server->dma_size = (uint32_t)reader_pages(reader, node, "dma-size", AREA_MAX, READER_OPTIONAL);
    server->calls = reader_servers(reader, node, "calls");
    server->signals = reader_servers(reader, node, "signals");
    server->guest_access = reader_flag(reader, node, "guest-access");
    read_monitor(reader, node, server);
    read_windows(reader, node, server);
    read_lines(reader, node, server);
    read_emulates(reader, node, server);
}

// A caller waits for the reply. Servers that call each other in a circle could all be waiting, so
// there must be no circle. init is in none: it calls nobody.
static void check_calls(struct reader *reader, int servers) {
    const struct manifest *manifest = reader->manifest;
    uint32_t reach[MANIFEST_SERVERS];
    for (uint32_t i = 0; i < manifest->server_count; i++)
        reach[i] = manifest->server[i].calls;
    for (uint32_t through = 0; through < manifest->server_count; through++) {
        for (uint32_t i = 0; i < manifest->server_count; i++) {
            if ((reach[i] >> through & 1) != 0)
                reach[i] |= reach[through];
        }
    }
    uint32_t index = 0;
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, servers) {
        if ((reach[index] >> index & 1) != 0)
            reader_fail(reader, STATUS_INVALID, child, "calls",
                        "lets the server wait for itself, directly or through others; use "
                        "`signals`, which doesn't wait, on one of the ways");
        index++;
    }
}

// Names first, because a server may name those behind it.
static void read_names(struct reader *reader, int node) {
    struct manifest *manifest = reader->manifest;
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (manifest->server_count == MANIFEST_SERVERS)
            reader_fail(reader, STATUS_NO_MEMORY, node, "",
                        "has more than %u servers; remove some, or raise MANIFEST_SERVERS",
                        MANIFEST_SERVERS);
        if (reader_failed(reader))
            return;
        char *name = manifest->server[manifest->server_count].name;
        reader_name(reader, child, name);
        if (strcmp(name, "init") == 0)
            reader_fail(reader, STATUS_EXISTS, child, "",
                        "has the name of the task that starts the others; choose another");
        else if (strchr(fdt_get_name(reader->fdt, child, NULL), '@') != NULL)
            reader_fail(reader, STATUS_INVALID, child, "",
                        "is a server, which has no address; call it `%s`", name);
        else if (manifest_find_server(manifest, name) != MANIFEST_NONE)
            reader_fail(reader, STATUS_EXISTS, child, "", "is there twice; remove one");
        manifest->server_count++;
    }
    if (manifest->server_count == 0)
        reader_fail(reader, STATUS_INVALID, node, "", "has no servers; add them");
}

void servers_read(struct reader *reader, int node) {
    static const char *const properties[] = {NULL};
    reader_check_form(reader, node, &(struct reader_form){properties, NULL, NULL});
    read_names(reader, node);
    uint32_t index = 0;
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (reader_failed(reader))
            return;
        read_server(reader, child, &reader->manifest->server[index++]);
    }
    if (!reader_failed(reader))
        check_calls(reader, node);
}
