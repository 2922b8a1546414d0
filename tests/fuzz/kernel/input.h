// The bytes of a fuzzing input, one after the other; zeroes behind its end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void input_begin(const uint8_t *data, size_t size);
bool input_ended(void);
uint8_t input_byte(void);
uint64_t input_long(void);
