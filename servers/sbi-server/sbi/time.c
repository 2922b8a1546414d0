// Chapter 6: the timer. The core arms the deadline and takes a pending timer interrupt back. Doing
// so twice is the same as once, so nothing is written down.
#include "servers/sbi-server/sbi/quick.h"
#include "servers/sbi-server/sbi/sbi.h"

void sbi_quick_time(uint64_t time, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                    uint64_t fid, uint64_t eid) {
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)eid;
    if (fid != SBI_TIME_SET_TIMER) {
        rt_reply_hypercall((uint64_t)SBI_ERR_NOT_SUPPORTED, 0);
    }
    rt_reply_hypercall_deadline(SBI_SUCCESS, 0, time);
}
