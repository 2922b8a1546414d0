"""What tests need to know of an architecture: how its guests are placed, and what is said of them.

As in guest/manifests/default-ARCH.dts and in the firmware's specification, not as in the code.
"""

from dataclasses import dataclass

MB = 1 << 20
# e_machine of an architecture that none of these is, which has 64 bits, too: PowerPC.
OTHER_MACHINE = 21


@dataclass(frozen=True)
class Board:
    """ram, flash: where the default manifest's VM has them; memory: how much RAM; load: where its image
    goes. platform: as gkernel calls it. off, failed: how the end of a guest that went well is told,
    and of one that did not. machine: e_machine of its ELF files. nop: an instruction that does
    nothing. cpus: other -cpu settings that a guest must not notice."""

    ram: int
    memory: int
    flash: int
    load: int
    platform: str
    off: str
    failed: str
    machine: int
    nop: bytes
    cpus: tuple[str, ...]

    @property
    def clean_end(self) -> tuple[str, str, str]:
        """The last lines of a run whose only guest ended well."""
        return (self.off, "Shutdown vm normally!", "Hypervisor ok!")

    def guest_lines(self, arch: str) -> tuple[str, ...]:
        """What gkernel says of the machine first."""
        return (f"arch = {arch}", f"platform = {self.platform}", "smp = 1")


BOARDS = {
    "riscv64": Board(
        ram=0x80000000,
        memory=16 * MB,
        flash=0x22000000,
        load=0x80200000,
        platform="riscv64-qemu-virt",
        off="Guest: SBI SRST shutdown",
        failed="Guest: SBI SRST shutdown, reason: system failure",
        machine=243,
        nop=b"\x13\0\0\0",
        cpus=("rv64,sstc=off",),
    ),
    "aarch64": Board(
        ram=0x40000000,
        memory=16 * MB,
        flash=0x4000000,
        load=0x40200000,
        platform="aarch64-qemu-virt",
        off="Guest: PSCI SYSTEM_OFF",
        failed="Guest: PSCI SYSTEM_RESET",
        machine=183,
        nop=b"\x1f\x20\x03\xd5",
        cpus=("max",),
    ),
    "x86_64": Board(
        ram=0,
        memory=32 * MB,
        flash=0xFFC00000,
        load=0x200000,
        platform="x86-pc",
        off="Guest: VMMCALL SYSTEM_OFF",
        failed="Guest: VMMCALL SYSTEM_RESET",
        machine=62,
        nop=b"\x90\x90\x90\x90",
        cpus=("max,check=off",),
    ),
}
