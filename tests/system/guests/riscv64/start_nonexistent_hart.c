// Starts harts that do not exist, or run already (SBI 2.0 §9.1), and shuts down cleanly.
#include "arch/riscv64/guest/sbi.h"
#include "tests/system/guests/check.h"

static void start(uint64_t hart, int64_t expected, const char *what) {
    static const uint64_t entry = 0x80200000;
    const struct sbi_result result = SBI_CALL(SBI_HSM, SBI_HSM_START, hart, entry, 0);
    check(result.error == expected, "hart_start of %s gave %ld, not %ld", what, result.error,
          expected);
    print("start_nonexistent_hart: %s: %ld\n", what, result.error);
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)check_machine(device_tree);
    start(99, SBI_ERR_INVALID_PARAM, "hart 99");
    start(UINT64_MAX, SBI_ERR_INVALID_PARAM, "hart 2^64 - 1");
    start(UINT64_C(1) << 32 | cpu, SBI_ERR_INVALID_PARAM, "this hart plus 2^32");
    start(cpu, SBI_ERR_ALREADY_AVAILABLE, "this hart");
    const struct sbi_result status = SBI_CALL(SBI_HSM, SBI_HSM_STATUS, 99);
    check(status.error == SBI_ERR_INVALID_PARAM, "hart_get_status of hart 99 gave %ld",
          status.error);
    return check_end("start_nonexistent_hart");
}
