// The config's entries turned into the list of clients.
#include <stddef.h>
#include <string.h>

#include "libs/text/text.h"
#include "servers/console/console.h"

// Longer than it takes until each of four guests has had its turn, a tick of 10 ms.
#define PATIENCE_MS 50

// What the entry NAME says of client *NUMBER: the part of NAME that follows WHAT is decimal.
static bool is_entry(const char *name, const char *what, unsigned *number) {
    size_t length = strlen(what);
    if (strncmp(name, what, length) != 0 || name[length] == '\0')
        return false;
    *number = 0;
    for (const char *digit = name + length; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || *number > CONSOLE_CLIENTS)
            return false;
        *number = *number * 10 + (unsigned)(*digit - '0');
    }
    return true;
}

static const char *take_ring(struct ring **ring, const struct config_entry *entry) {
    if (entry->kind != CONFIG_WINDOW)
        return "is no window";
    if (entry->size < sizeof(struct ring) || entry->address % sizeof(uint64_t) != 0)
        return "is no ring: too small, or misaligned";
    *ring = (struct ring *)(uintptr_t)entry->address;
    return NULL;
}

static void take_name(struct console_peer *peer, const char *name) {
    peer->name = name;
    peer->prefix_length =
        (unsigned)text_format(peer->prefix, sizeof(peer->prefix), "[%.*s] ", CONFIG_NAME - 1, name);
}

// Takes what ENTRY says of a client, if it does. Returns what is wrong with it, or NULL.
static const char *take_entry(struct console *console, const struct config_entry *entry) {
    static const char *const prefixes[] = {"out-", "in-", "kind-", "name-", "signal-"};
    unsigned what = 0;
    unsigned number = 0;
    while (what < 5 && !is_entry(entry->name, prefixes[what], &number))
        what++;
    if (what == 5)
        return NULL;
    if (number >= CONSOLE_CLIENTS)
        return "has too high a number";
    struct console_peer *peer = &console->peer[number];
    switch (what) {
    case 0:
        return take_ring(&peer->out, entry);
    case 1:
        return take_ring(&peer->in, entry);
    case 2:
        if (entry->kind != CONFIG_NUMBER || entry->address > CONSOLE_CLIENT_MONITOR)
            return "is no kind of client";
        peer->kind = (enum console_client)entry->address;
        return NULL;
    case 3:
        if (entry->kind != CONFIG_TEXT)
            return "is no text";
        take_name(peer, (const char *)(uintptr_t)entry->address);
        return NULL;
    default:
        if (entry->kind != CONFIG_CAP)
            return "is no capability";
        peer->signal = entry->slot;
        return NULL;
    }
}

// Finds the guest that gets what is typed, and the monitor.
static void find_roles(struct console *console) {
    unsigned guests = 0;
    console->focus = console->monitor = CONSOLE_CLIENTS;
    for (unsigned i = 0; i < console->count; i++) {
        const struct console_peer *peer = &console->peer[i];
        if (peer->kind == CONSOLE_CLIENT_MONITOR && peer->in != NULL)
            console->monitor = i;
        if (peer->kind != CONSOLE_CLIENT_GUEST)
            continue;
        guests++;
        if (console->focus == CONSOLE_CLIENTS && peer->in != NULL)
            console->focus = i;
    }
    // Who is alone needs no name, and the hypervisor's lines are known by what they say.
    for (unsigned i = 0; i < console->count; i++) {
        if (guests < 2 || console->peer[i].kind != CONSOLE_CLIENT_GUEST)
            console->peer[i].prefix_length = 0;
    }
}

enum status console_configure(struct console *console, const struct config *config,
                              const char **wrong, const char **why) {
    memset(console, 0, sizeof(*console));
    for (unsigned i = 0; i < CONSOLE_CLIENTS; i++) {
        take_name(&console->peer[i], "?");
        console->peer[i].line = UINT64_MAX;
    }
    for (uint32_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entry[i];
        *wrong = entry->name;
        *why = take_entry(console, entry);
        if (*why != NULL)
            return STATUS_INVALID;
        if (strcmp(entry->name, "init") == 0)
            console->init = entry->slot;
        if (strcmp(entry->name, "self") == 0)
            console->self = entry->slot;
    }
    while (console->count < CONSOLE_CLIENTS && console->peer[console->count].out != NULL)
        console->count++;
    for (unsigned i = console->count; i < CONSOLE_CLIENTS; i++) {
        const struct console_peer *peer = &console->peer[i];
        if (peer->out == NULL && peer->in == NULL)
            continue;
        *wrong = "out-N";
        *why = "is missing for a number below others' numbers";
        return STATUS_INVALID;
    }
    unsigned monitors = 0;
    for (unsigned i = 0; i < console->count; i++) {
        const struct console_peer *peer = &console->peer[i];
        if (peer->kind != CONSOLE_CLIENT_MONITOR || (peer->in != NULL && monitors++ == 0))
            continue;
        *wrong = peer->in == NULL ? "in-N" : "kind-N";
        *why = peer->in == NULL ? "is missing for the monitor" : "says monitor of two";
        return STATUS_INVALID;
    }
    find_roles(console);
    if (console->self != 0)
        console->patience = config->timebase * PATIENCE_MS / 1000;
    return STATUS_OK;
}
