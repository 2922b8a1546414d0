// Two of init's files have state of their own, which a test wants as it was: they are compiled
// here.
#include "servers/init/monitor.c" // NOLINT(bugprone-suspicious-include)
#include "servers/init/replace.c" // NOLINT(bugprone-suspicious-include)
#include "tests/unit/init/world.h"

static_assert(sizeof(replacement) <= sizeof(struct world_inside), "there is room for it");

void world_inside_keep(struct world_inside *to) {
    memcpy(to->bytes, &replacement, sizeof(replacement));
}

void world_inside_bring_back(const struct world_inside *from) {
    memcpy(&replacement, from->bytes, sizeof(replacement));
}

void world_inside_reset(void) {
    memset(&replacement, 0, sizeof(replacement));
    memset(traced, 0, sizeof(traced));
}

uint64_t world_inside_key(void) {
    return (uint64_t)replacement.outcome | (uint64_t)replacement.version << 8 |
           (uint64_t)(uintptr_t)replacement.file.content << 16;
}
