// What a server is given when it starts: a page or more, mapped read-only, whose address is the
// argument of its entry. init writes it from the manifest. It lists everything the server has:
// capabilities by slot, memory by address, numbers, texts. Names are the manifest's.
#pragma once

#include <assert.h>
#include <stdint.h>

#define CONFIG_MAGIC 0x31474643u // "CFG1"
#define CONFIG_NAME 24

// Behind the name of a window on a device: the text that says which one, as device trees have it.
#define CONFIG_COMPATIBLE ":compatible"

enum config_kind {
    CONFIG_CAP,    // slot
    CONFIG_WINDOW, // memory mapped at address, size bytes; its frame in slot when not 0
    CONFIG_NUMBER, // address is the number
    CONFIG_TEXT,   // address is that of a NUL-terminated text in the config itself
};

struct config_entry {
    char name[CONFIG_NAME]; // "console", "state", "guest-ram", …
    uint32_t kind;          // enum config_kind
    uint32_t slot;
    uint64_t address;
    uint64_t size;
    uint64_t physical; // of a window: host-physical, for DMA and for the guest-physical map
    uint64_t guest;  // of a window on guest memory: its guest-physical address; on several devices
                     // of a kind: the distance from one to the next, 0: a page
    uint64_t rights; // enum rights
};

struct config {
    uint32_t magic;
    uint32_t count;
    uint64_t size;          // of all of it, texts included
    char name[CONFIG_NAME]; // of the server
    uint64_t incarnation;   // 1 at the first start, one more at every restart
    uint64_t timebase;      // ticks of the counter a second
    struct config_entry entry[];
};

static_assert(sizeof(struct config_entry) == 72, "init and the servers see one layout");
static_assert(sizeof(struct config) == 56, "init and the servers see one layout");
