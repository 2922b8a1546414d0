// Chapter 4: the base extension.
#include "servers/sbi-server/sbi/quick.h"
#include "servers/sbi-server/sbi/sbi.h"
#include "servers/sbi-server/version.h"

// "EXET": not among the numbers that chapter 4.9 assigns.
#define IMPLEMENTATION_ID 0x45584554u

// 0 is legal for the three machine registers and tells nothing about the host.
static const uint64_t answers[SBI_BASE_COUNT] = {
    [SBI_BASE_SPEC_VERSION] = SBI_SPEC_VERSION,
    [SBI_BASE_IMPL_ID] = IMPLEMENTATION_ID,
    [SBI_BASE_IMPL_VERSION] = SBI_IMPLEMENTATION_VERSION,
    [SBI_BASE_MVENDORID] = 0,
    [SBI_BASE_MARCHID] = 0,
    [SBI_BASE_MIMPID] = 0,
};

void sbi_quick_base(uint64_t eid, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                    uint64_t fid, uint64_t base) {
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)base;
    if (__builtin_expect(fid >= SBI_BASE_COUNT, 0)) {
        rt_reply_hypercall((uint64_t)SBI_ERR_NOT_SUPPORTED, 0);
    }
    if (__builtin_expect(fid == SBI_BASE_PROBE, 0)) {
        rt_reply_hypercall(SBI_SUCCESS, sbi_has(eid));
    }
    rt_reply_hypercall(SBI_SUCCESS, answers[fid]);
}
