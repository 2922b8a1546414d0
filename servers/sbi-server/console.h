// The guest's console, as two rings. Bytes go into the output ring beyond its published head and
// come from the input ring without its published tail moving; both counters are part of the state
// and are published behind the commit (FIRMWARE_OUTPUT, FIRMWARE_INPUT). So a byte counts exactly
// when the call that wrote or read it does.
#pragma once

#include "servers/sbi-server/firmware.h"

// Bytes that the output ring takes now; 0 as well when there is no ring.
uint64_t console_room(const struct firmware_call *call);

// What is to be done about a call that needs room where there is none: the console is asked to make
// some; when that was no use, nothing, and the call has failed, as its answer must say.
uint32_t console_full(const struct firmware_call *call);

// Adds SIZE bytes, of which there must be no more than console_room. Part of the next commit.
uint32_t console_write(struct firmware_call *call, const uint8_t *bytes, uint64_t size);

// Bytes of input that wait; 0 as well when there is no ring.
uint64_t console_waiting(const struct firmware_call *call);

// Takes SIZE bytes, of which there must be no more than console_waiting. Part of the next commit.
uint32_t console_read(struct firmware_call *call, uint8_t *bytes, uint64_t size);
