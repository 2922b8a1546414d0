// The one set of status codes: system calls return them, libraries and servers use them too.
#pragma once

#include <stdint.h>

// X(name, what it means to whoever gets it)
#define STATUS_LIST(X)                                                                             \
    X(OK, "done")                                                                                  \
    X(INVALID, "an argument is malformed or contradicts another")                                  \
    X(NO_CAP, "the slot named holds no capability, or a dead one")                                 \
    X(WRONG_TYPE, "the capability named is for another kind of object")                            \
    X(DENIED, "the capability, or the route, lacks the right")                                     \
    X(RANGE, "an address or a size lies outside of what it must lie in")                           \
    X(EXISTS, "the place is taken")                                                                \
    X(NOT_FOUND, "there is nothing of that name or at that place")                                 \
    X(BUSY, "the object is still used by another")                                                 \
    X(NO_MEMORY, "the memory set aside for this purpose is used up")                               \
    X(IO, "the device failed or did not answer in time")                                           \
    X(CORRUPT, "the data contradicts itself or its checksum")                                      \
    X(UNSUPPORTED, "well formed, but of a kind that is not handled here")

#define STATUS_ENUM(name, text) STATUS_##name,
enum status { STATUS_LIST(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

// For functions that return a status nobody may ignore.
#define NODISCARD __attribute__((warn_unused_result))

// The name of STATUS, without its prefix, for printing; "?" for a value that is none.
static inline const char *status_name(enum status status) {
#define STATUS_NAME(name, text) #name,
    static const char *const names[] = {STATUS_LIST(STATUS_NAME)};
#undef STATUS_NAME
    return (uint32_t)status < STATUS_COUNT ? names[status] : "?";
}

// One sentence on what STATUS means, for a message that a person reads.
static inline const char *status_text(enum status status) {
#define STATUS_TEXT(name, text) text,
    static const char *const texts[] = {STATUS_LIST(STATUS_TEXT)};
#undef STATUS_TEXT
    return (uint32_t)status < STATUS_COUNT ? texts[status] : "?";
}
