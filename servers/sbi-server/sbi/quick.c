// Which extensions there are, and the shortest way of a call: rt_hypercall gets the guest's a0…a7
// where the guest left them, finds the extension by one look into a table, and the extension's
// quick function answers from registers. What has no quick function takes the long way.
#include "servers/sbi-server/sbi/quick.h"

#include "servers/sbi-server/sbi/sbi.h"

// X(number, quick function, extension where the long way is taken)
#define SBI_EXTENSIONS(X)                                                                          \
    X(SBI_LEGACY_SET_TIMER, sbi_quick_legacy_set_timer, NULL)                                      \
    X(SBI_LEGACY_PUTCHAR, rt_handle_rest, &sbi_legacy)                                             \
    X(SBI_LEGACY_GETCHAR, rt_handle_rest, &sbi_legacy)                                             \
    X(SBI_LEGACY_CLEAR_IPI, rt_handle_rest, &sbi_legacy)                                           \
    X(SBI_LEGACY_SEND_IPI, rt_handle_rest, &sbi_legacy)                                            \
    X(SBI_LEGACY_FENCE_I, rt_handle_rest, &sbi_legacy)                                             \
    X(SBI_LEGACY_SFENCE, rt_handle_rest, &sbi_legacy)                                              \
    X(SBI_LEGACY_SFENCE_ASID, rt_handle_rest, &sbi_legacy)                                         \
    X(SBI_LEGACY_SHUTDOWN, rt_handle_rest, &sbi_legacy)                                            \
    X(SBI_BASE, sbi_quick_base, NULL)                                                              \
    X(SBI_TIME, sbi_quick_time, NULL)                                                              \
    X(SBI_IPI, rt_handle_rest, &sbi_ipi)                                                           \
    X(SBI_RFENCE, rt_handle_rest, &sbi_rfence)                                                     \
    X(SBI_HSM, rt_handle_rest, &sbi_hsm)                                                           \
    X(SBI_SRST, rt_handle_rest, &sbi_srst)                                                         \
    X(SBI_DBCN, rt_handle_rest, &sbi_dbcn)

// The numbers are letters, and the last one differs: the low 7 bits are a place of its own for
// each. Two in one place would be an initializer that overrides another, which does not compile. An
// empty place holds number 0, which no call that looks there has.
#define SBI_PLACES 128
#define SBI_PLACE(eid) ((uint64_t)(eid) % SBI_PLACES)

#define SBI_QUICK(eid, quick, extension) [SBI_PLACE(eid)] = {(eid), (quick)},
static const struct {
    uint64_t eid;
    sbi_quick *quick;
} quick_table[SBI_PLACES] = {SBI_EXTENSIONS(SBI_QUICK)};

#define SBI_LONG(eid, quick, extension) [SBI_PLACE(eid)] = (extension),
static const struct sbi_extension *const long_table[SBI_PLACES] = {SBI_EXTENSIONS(SBI_LONG)};

bool sbi_has(uint64_t eid) { return quick_table[SBI_PLACE(eid)].eid == eid; }

const struct sbi_extension *sbi_find(uint64_t eid) {
    return sbi_has(eid) ? long_table[SBI_PLACE(eid)] : NULL;
}

void rt_hypercall(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                  uint64_t a6, uint64_t a7) {
    uint64_t place = SBI_PLACE(a7);
    sbi_quick *quick = rt_handle_rest;
    if (__builtin_expect(quick_table[place].eid == a7, 1)) {
        quick = quick_table[place].quick;
    }
    quick(a0, a1, a2, a3, a4, a5, a6, a7);
}
