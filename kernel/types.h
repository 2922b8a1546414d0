// Addresses of the kinds that must never be mixed (the core's own are pointers), and the few words
// everyone needs.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/status.h"

// Host-physical: what the machine's memory bus sees.
typedef struct {
    uint64_t v;
} hpa_t;

// The address that a space translates: a task's virtual one, or a guest-physical one.
typedef struct {
    uint64_t v;
} space_addr_t;

#define HPA(value) ((hpa_t){(value)})
#define SPACE_ADDR(value) ((space_addr_t){(value)})

#define PAGE_BITS 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (PAGE_SIZE - 1)

#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define HOT __attribute__((always_inline))   // on the way of an exit: part of its caller
#define COLD __attribute__((noinline, cold)) // beside that way: kept out of it

// True when [offset, offset + size) lies in [0, limit), whatever the numbers are.
static inline bool range_within(uint64_t offset, uint64_t size, uint64_t limit) {
    return size <= limit && offset <= limit - size;
}
