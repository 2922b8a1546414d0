// Functions that answer a call from the guest's argument registers alone, and end by rt_reply_…:
// they do not return, which a type of functions can't say.
#pragma once

#include <stdint.h>

typedef void sbi_quick(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                       uint64_t fid, uint64_t eid);

sbi_quick sbi_quick_base, sbi_quick_time, sbi_quick_legacy_set_timer;
