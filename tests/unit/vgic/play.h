// A game of many moves: guests, devices and dying servers do what a row of bytes says, to the
// machine and to the naive model, and after each move both must show the same.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libs/vgic/vgic.h"

struct play_count {
    unsigned acknowledged, outputs, deaths, taken_back;
};

// Ends the program where they differ.
struct play_count play(enum vgic_version version, const uint8_t *data, size_t size);
