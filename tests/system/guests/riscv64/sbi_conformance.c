// The SBI, call by call, against the specification's text (version 2.0). What a chapter leaves to
// the implementation is not checked.
//   case=legacy_shutdown: end by the legacy call instead of SRST
//   case=polite: without the console buffers outside RAM, which some firmware does not survive
#include "tests/system/guests/check.h"
#include "tests/system/guests/riscv64/conformance.h"

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct conformance on = {.hart = cpu, .machine = bare_machine()};
    conformance_base(&on);
    conformance_time(&on);
    conformance_ipi(&on);
    conformance_rfence(&on);
    conformance_hsm(&on);
    conformance_srst(&on);
    conformance_dbcn(&on);
    conformance_legacy(&on);
    if (!check_case(on.machine, "polite", false))
        conformance_hostile(&on);
    const bool passed = check_end("sbi_conformance");
    if (passed && check_case(on.machine, "legacy_shutdown", false))
        conformance_legacy_shutdown();
    return passed;
}
