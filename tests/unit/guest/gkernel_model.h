// What processes' memory must do, said as simply as possible: a few pages, each with rights and one
// byte, and no tables. The random tests compare gkernel with it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/gkernel/space.h"

#define MODEL_SPACES 4
#define MODEL_PAGES 24

struct model_page {
    bool there, shared;
    uint8_t rights, kind;
    uint8_t byte;  // of a private page
    unsigned cell; // of a shared one: which of the model's cells is its byte
};
struct model {
    bool exists;
    struct model_page page[MODEL_PAGES];
};
extern struct model model[MODEL_SPACES];

// Where page `page` of the model is in a space, and where its byte is in that: elsewhere in each.
uint64_t model_start(unsigned page);
uint64_t model_address(unsigned page);
uint8_t *model_byte(struct model_page *page);

// The results that region_add, region_protect and an access must have when memory is not short.
int model_expects_add(const struct model *space, const struct space_region *region);
int model_expects_protect(const struct model *space, unsigned first, unsigned end, unsigned rights);
enum space_answer model_expects(const struct model_page *page, unsigned access);

// What they change, when they have changed something.
void model_add(struct model *space, const struct space_region *region);
void model_protect(struct model *space, unsigned first, unsigned end, unsigned rights);
void model_remove(struct model *space, unsigned first, unsigned end);
