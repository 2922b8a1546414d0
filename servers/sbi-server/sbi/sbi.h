// The Supervisor Binary Interface of riscv64's guests, version 2.0. The record's words are a0…a7:
// a7 is the number of an extension, a6 that of a function in it.
#pragma once

#include "servers/sbi-server/firmware.h"
#include "servers/sbi-server/sbi/spec.h"

struct sbi_extension {
    firmware_function *const
        *function; // by function number; legacy extensions: by extension number
    uint32_t count;
    bool legacy;
};

extern const struct sbi_extension sbi_legacy, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst, sbi_dbcn;

// Whether there is an extension EID (quick.c).
bool sbi_has(uint64_t eid);

// The extension EID where it is one of those that take the long way, else NULL (quick.c).
const struct sbi_extension *sbi_find(uint64_t eid);

// An answer that does nothing but return ERROR and VALUE.
static inline uint32_t sbi_return(struct reply *reply, enum sbi_error error, uint64_t value) {
    return firmware_return(reply, (uint64_t)(int64_t)error, value);
}

// The same for a call that succeeds, with effects in FLAGS whose words the caller sets.
static inline uint32_t sbi_return_with(struct reply *reply, uint64_t flags, uint64_t value) {
    return firmware_return_with(reply, flags, SBI_SUCCESS, value);
}
