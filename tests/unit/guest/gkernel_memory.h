// gkernel's memory on the fake MMU: what the tests of pages, spaces and user memory have in common.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

// Boots: a group's set-up, once a program, since gkernel boots once.
int memory_boot(void **state);

// The space of a test that has one: made and ended as a test's set-up and tear-down. At the end
// everything must fit together, and all memory is back.
extern struct space *space;
int memory_make(void **state);
int memory_end(void **state);

// A region in it: region_add's answer. An access to it, and what gkernel must make of that.
int memory_add(uint64_t start, uint64_t end, unsigned rights, enum space_kind kind);
void memory_expect(uint64_t va, unsigned access, enum space_answer expected);

// Takes pages away until no more than `left` are free, and gives all of them back.
void memory_drain(uint64_t left);
void memory_refill(void);

// One access of a program in that space, with gkernel behind its page faults: SPACE_DONE and where
// the byte is, or why it is not allowed. Fails the test when an access faults again that gkernel
// has just made possible.
enum space_answer memory_access(struct space *space, uint64_t va, unsigned access, uint8_t **at);

// The same of one byte, which must be possible.
uint8_t memory_load(struct space *space, uint64_t va);
void memory_store(struct space *space, uint64_t va, uint8_t byte);
uint8_t memory_fetch(struct space *space, uint64_t va);

// A region of that kind, of memory that begins as zero.
struct space_region memory_region(uint64_t start, uint64_t end, unsigned rights,
                                  enum space_kind kind);

// Fails the test unless everything about these spaces fits together, by the tables alone: each page
// lies in a region and allows no more than it, none is writable and executable, who shares a
// private page can't write it, references are as many as entries, and every page of RAM that is not
// free is some space's. The spaces are all that there are.
void memory_check(struct space *const *spaces, unsigned count);
