// Writes a megabyte to the console, 16384 lines of 64 bytes (or lines=N, in decimal, a multiple of
// 64), then the bytes' FNV-1a hash. Nothing
// may be lost, doubled or out of order. In Python, line i of the flood and the hash over all of
// them:
//   "flood %08x " % i + "".join(chr(33 + (i * 7 + j * 13) % 94) for j in range(48)) + "\n"
//   h = 0xcbf29ce484222325; for b in all: h = (h ^ b) * 0x100000001b3 % 2**64
#include <stddef.h>

#include "tests/system/guests/check.h"

#define LINES 16384 // on the command line: lines=N
#define LINE_SIZE 64
#define AT_ONCE 64

static _Alignas(4096) char block[AT_ONCE * LINE_SIZE];

static void make_line(uint32_t number, char *line) {
    static const char prefix[] = "flood ";
    unsigned at = 0;
    for (; prefix[at] != '\0'; at++)
        line[at] = prefix[at];
    for (int shift = 28; shift >= 0; shift -= 4)
        line[at++] = "0123456789abcdef"[number >> shift & 15];
    line[at++] = ' ';
    for (unsigned j = 0; at < LINE_SIZE - 1; j++)
        line[at++] = (char)(33 + (number * 7 + j * 13) % 94);
    line[at] = '\n';
}

static uint32_t lines_of(const struct machine *machine) {
    char text[8];
    uint32_t lines = 0;
    if (!machine_bootarg(machine, "lines", text, sizeof(text)))
        return LINES;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        lines = lines * 10 + (uint32_t)(*at - '0');
    return lines / AT_ONCE * AT_ONCE;
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)cpu, (void)device_tree;
    const uint32_t lines = lines_of(bare_machine());
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < lines; i++) {
        char *line = &block[(size_t)(i % AT_ONCE) * LINE_SIZE];
        make_line(i, line);
        for (unsigned j = 0; j < LINE_SIZE; j++)
            hash = (hash ^ (unsigned char)line[j]) * UINT64_C(0x100000001b3);
        if (i % AT_ONCE == AT_ONCE - 1)
            print_bytes(block, sizeof(block));
    }
    print("flood_console: %u bytes, fnv1a %016lx\n", lines * LINE_SIZE, hash);
    return true;
}
