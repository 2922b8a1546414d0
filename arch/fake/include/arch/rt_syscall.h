// The server runtime on the host: there is no core below, so what would be a system call is a
// function of the fake runtime (tests/unit/fakert).
#pragma once

#include <stdint.h>

// The answer to a hypercall: never returns to its caller (the fake jumps back to the test).
_Noreturn void rt_reply_registers(uint64_t flags, uint64_t word0, uint64_t word1, uint64_t word2);

// The same for other exits: words 0, 4 and 6.
_Noreturn void rt_reply_effect_registers(uint64_t flags, uint64_t word0, uint64_t word4,
                                         uint64_t word6);

// The same for mappings: words 2, 3 and 5.
_Noreturn void rt_reply_map_registers(uint64_t flags, uint64_t word2, uint64_t word3,
                                      uint64_t word5);

// The same for a deadline behind an instruction: words 2 and 6, which is 0.
_Noreturn void rt_reply_deadline_registers(uint64_t flags, uint64_t word2);

// What rt_now returns.
uint64_t rt_counter(void);

// The same without word 4.
_Noreturn void rt_reply_write_registers(uint64_t flags, uint64_t word0, uint64_t word6);

// The same for calls.
_Noreturn void rt_reply_call_registers(uint64_t word0, uint64_t word1, uint64_t word2,
                                       uint64_t word3, uint64_t word4, uint64_t word5,
                                       uint64_t word6, uint64_t word7);

// As many as the test says.
uint64_t rt_instruction_counter(void);
