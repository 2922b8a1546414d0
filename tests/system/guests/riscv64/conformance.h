// The chapters of sbi_conformance.
#pragma once

#include "guest/lib/machine.h"

struct conformance {
    uint64_t hart;
    const struct machine *machine;
};

void conformance_base(const struct conformance *on);
void conformance_time(const struct conformance *on);
void conformance_ipi(const struct conformance *on);
void conformance_rfence(const struct conformance *on);
void conformance_hsm(const struct conformance *on);
void conformance_srst(const struct conformance *on);
void conformance_dbcn(const struct conformance *on);
void conformance_legacy(const struct conformance *on);
void conformance_hostile(const struct conformance *on);
_Noreturn void conformance_legacy_shutdown(void);

// Makes a call and checks its error code; returns its value.
int64_t conformance_expect(int64_t error, const char *what, uint64_t extension, uint64_t function,
                           const uint64_t argument[6]);
#define EXPECT(error, what, extension, function, ...)                                              \
    conformance_expect((error), (what), (extension), (function), (const uint64_t[6]){__VA_ARGS__})
