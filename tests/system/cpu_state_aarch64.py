"""What a CPU's registers hold is that CPU's alone, also where two take turns on one."""

from exeunt_lib.paths import SYSTEM_TESTS
from exeunt_lib.testing import Context, run_guest, system_test

TWO_CPUS = SYSTEM_TESTS / "manifests/two-cpus-aarch64.dts"
BARE = {"bare": True, "qemu_args": ["-smp", "2"]}
HYPERVISOR = {"manifest": TWO_CPUS}


@system_test(arches=("aarch64",))
def cpu_state(ctx: Context) -> None:
    """Each CPU finds what it wrote, with and without all the extensions that QEMU knows; first on a
    bare machine with two CPUs, to know that the guest is right to expect that."""
    for boot in (BARE, HYPERVISOR):
        for model in (None, "max"):
            result = run_guest(ctx, guest=ctx.out / "guest/cpu_state.bin", cpu=model, **boot)
            ctx.expect(result.status == 0, f"status 0, not {result.status}")
            ctx.expect_lines(result.output, "cpu_state: 86 checks passed")
