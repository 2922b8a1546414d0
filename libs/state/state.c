#include "libs/state/state.h"

#include <string.h>

// Where a migration puts the whole new image: behind both the old slots and the new one's place.
static size_t image_place(uint32_t old_size, uint32_t new_size) {
    size_t old_end = STATE_SLOTS_AT + 2 * (size_t)old_size;
    size_t new_end = STATE_SLOTS_AT + (size_t)new_size;
    return old_end > new_end ? old_end : new_end;
}

static bool slots_fit(uint32_t slot_size, size_t size) {
    return slot_size % 8 == 0 && size >= STATE_SLOTS_AT && slot_size <= (size - STATE_SLOTS_AT) / 2;
}

static bool owner_is(const struct state_header *header, const char *owner) {
    return strncmp(header->owner, owner, sizeof(header->owner)) == 0;
}

// The header that counts: inside of a migration's image once that is complete. NULL: it is nowhere.
static struct state_header *find_header(void *region, size_t size) {
    struct state_header *header = region;
    uint64_t moved = header->moved;
    if (moved == 0) {
        return header;
    }
    if (moved % 8 != 0 || moved > size || size - moved < STATE_SLOTS_AT) {
        return NULL;
    }
    struct state_header *image = (void *)((uint8_t *)region + moved);
    bool whole = image->slot_size % 8 == 0 && image->slot_size <= size - moved - STATE_SLOTS_AT &&
                 moved >= STATE_SLOTS_AT + (uint64_t)image->slot_size;
    return whole ? image : NULL;
}

static void fill_header(struct state_header *header, const struct state_layout *layout) {
    header->version = layout->version;
    header->slot_size = layout->size;
    header->active = 0;
    memset(header->owner, 0, sizeof(header->owner));
    memcpy(header->owner, layout->owner, strnlen(layout->owner, sizeof(header->owner)));
}

// Only the magic, stored last, makes it a state.
static void begin(struct state_header *header, const struct state_layout *layout) {
    uint8_t *slot = (uint8_t *)header + STATE_SLOTS_AT;
    if (layout->initial) {
        memcpy(slot, layout->initial, layout->size);
    } else {
        memset(slot, 0, layout->size);
    }
    fill_header(header, layout);
    header->moved = 0;
    __atomic_store_n(&header->magic, STATE_MAGIC, __ATOMIC_RELEASE);
}

// Brings a complete image to its place. Dying in here does no harm: whoever comes next finds
// `moved` still set and begins this anew.
static void settle_image(struct state_header *header, const struct state_header *image) {
    memcpy((uint8_t *)header + STATE_SLOTS_AT, (const uint8_t *)image + STATE_SLOTS_AT,
           image->slot_size);
    header->version = image->version;
    header->slot_size = image->slot_size;
    header->active = 0;
    memcpy(header->owner, image->owner, sizeof(header->owner));
    __atomic_store_n(&header->moved, 0, __ATOMIC_RELEASE);
}

static enum status migrate(struct state_header *header, size_t size,
                           const struct state_layout *layout) {
    if (!layout->migrate) {
        return STATUS_UNSUPPORTED;
    }
    size_t place = image_place(header->slot_size, layout->size);
    if (size < place || size - place < STATE_SLOTS_AT + (size_t)layout->size) {
        return STATUS_NO_MEMORY;
    }
    struct state_header *image = (void *)((uint8_t *)header + place);
    uint8_t *to = (uint8_t *)image + STATE_SLOTS_AT;
    const uint8_t *from =
        (const uint8_t *)header + STATE_SLOTS_AT + header->active * header->slot_size;
    memset(image, 0, STATE_SLOTS_AT + (size_t)layout->size);
    enum status status = layout->migrate(header->version, from, header->slot_size, to);
    if (status != STATUS_OK) {
        return status;
    }
    fill_header(image, layout);
    image->magic = STATE_MAGIC;
    // The one word: before it the old version's state counts, from it on the new one's.
    __atomic_store_n(&header->moved, place, __ATOMIC_RELEASE);
    settle_image(header, image);
    return STATUS_OK;
}

static void attach(struct state *state, struct state_header *header, uint32_t slot_size) {
    uint8_t *slots = (uint8_t *)header + STATE_SLOTS_AT;
    state->header = header;
    state->slot_size = slot_size;
    state->current = slots + header->active * slot_size;
    state->spare = slots + !header->active * (size_t)slot_size;
    state->changes = 0;
    // The last server may have died with a change half made, or before it had caught up.
    memcpy(state->spare, state->current, slot_size);
}

// Takes over what is there: HEADER is where it has to be in the end, FOUND the one that counts.
static enum status adopt(struct state_header *header, struct state_header *found, size_t size,
                         const struct state_layout *layout) {
    if (!found || found->magic != STATE_MAGIC || found->active > 1 ||
        !owner_is(found, layout->owner)) {
        return STATUS_CORRUPT;
    }
    if (found->version > layout->version) {
        return STATUS_UNSUPPORTED;
    }
    bool same = found->version == layout->version;
    if (!slots_fit(found->slot_size, size) || (same && found->slot_size != layout->size)) {
        return STATUS_CORRUPT;
    }
    if (found != header) {
        settle_image(header, found);
    }
    return same ? STATUS_OK : migrate(header, size, layout);
}

enum status state_open(struct state *state, void *region, size_t size,
                       const struct state_layout *layout) {
    struct state_header *header = region;
    if (!slots_fit(layout->size, size)) {
        return STATUS_NO_MEMORY;
    }
    state->fresh = header->magic == 0;
    if (state->fresh) {
        begin(header, layout);
    } else {
        enum status status = adopt(header, find_header(region, size), size, layout);
        if (status != STATUS_OK) {
            return status;
        }
    }
    attach(state, header, layout->size);
    return STATUS_OK;
}

__attribute__((noinline, cold)) static void catch_up_whole(const struct state *state) {
    memcpy(state->spare, state->current, state->slot_size);
}

void state_commit(struct state *state) {
    struct state_header *header = state->header;
    const uint8_t *now = state->spare;
    uint8_t *old = (uint8_t *)(uintptr_t)state->current;
    uint32_t changes = state->changes;
    // The one word. The words of the change are in memory before it, and the other slot catches up
    // behind it.
    __atomic_store_n(&header->active, header->active ^ 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    state->current = now;
    state->spare = old;
    state->changes = 0;
    if (changes > STATE_CHANGES) {
        catch_up_whole(state);
        return;
    }
#pragma clang loop unroll(disable) // there are one or two
    while (changes-- > 0) {
        uint32_t offset = state->change[changes];
        *(uint64_t *)(void *)(old + offset) = *(const uint64_t *)(const void *)(now + offset);
    }
}
