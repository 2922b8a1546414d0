"""aarch64 (see arch.py)."""

from .arch import Arch, Mend
from .arch_link import calls_again, goes_back, returns_to_itself
from .gdbstub import Stub
from .symbols import Elf

UNDEFINED = b"\x00\x00\x00\x00"
STATUS = 33  # PSTATE's number
PAN = 1 << 22

PTE_VALID, PTE_TABLE = 1, 2
PTE_ADDRESS = 0x0000_FFFF_FFFF_F000
PTE_READ_ONLY, PTE_PXN, PTE_UXN = 1 << 7, 1 << 53, 1 << 54
PTE2_READ_SHIFT, PTE2_NEVER_EXECUTE = 6, 1 << 54
GUEST, CORE = 1, 2
R, W, X = 1, 2, 4

# The ISS of a trapped register access, without its direction and the general register, and that of
# ICC_SGI1R_EL1 (Arm DDI 0487, D19.2.37).
ISS_REGISTER = 0x3F_FC1E
ISS_SGI = 3 << 20 | 5 << 17 | 0 << 14 | 12 << 10 | 11 << 1


def make_trap(stub: Stub, _core: Elf) -> Mend:
    """Another instruction stands there, which is undefined. (System registers can't be written from
    outside, so the task can't lose its address space.)"""
    place = stub.register(stub.pc)
    was = stub.read(place, len(UNDEFINED))
    stub.write(place, UNDEFINED)

    def mend() -> None:
        # The core, which is entered, may not touch the task's memory as long as PAN is set.
        status = stub.register(STATUS)
        stub.set_register(STATUS, status & ~PAN)
        stub.write(place, was)
        stub.set_register(STATUS, status)

    return mend


def entry(raw: int, kind: int, level: int) -> tuple[int, int | None] | None:
    """VMSAv8-64 with 4 KiB pages, of both stages (Arm DDI 0487, D8.3)."""
    if not raw & PTE_VALID:
        return None
    target = raw & PTE_ADDRESS
    if level and raw & PTE_TABLE:
        return target, None
    if kind == GUEST:
        rights = raw >> PTE2_READ_SHIFT & (R | W)
        return target, rights | (0 if raw & PTE2_NEVER_EXECUTE else X)
    write = 0 if raw & PTE_READ_ONLY else W
    never = PTE_PXN if kind == CORE else PTE_UXN
    return target, R | write | (0 if raw & never else X)


def detail(kind: str, words: tuple[int, ...]) -> str:
    """Of a call: its identifier (SMCCC, DEN 0028). Of a register's trap: which."""
    if kind == "HYPERCALL":
        return f"{words[0] & 0xFFFF_FFFF:#x}"
    if kind == "SYSREG":
        return "sgi" if words[0] & ISS_REGISTER == ISS_SGI else "other"
    return ""


# The register of a function's return address, that of its first argument and result, and the return.
LINK, ARGUMENT = 30, 0
RETURN = b"\xc0\x03\x5f\xd6"

ARCH = Arch(
    name="aarch64",
    ram=0x4000_0000,
    pc=32,
    words=tuple(range(8)),
    info=8,
    seq=10,
    badge=11,
    head=2,
    syscall=8,
    selector=9,
    stack=31,
    general={**{f"x{number}": number for number in range(31)}, "sp": 31},
    call=b"\x01\x00\x00\xd4",
    undefined=UNDEFINED,
    alignment=4,
    make_trap=make_trap,
    loop=returns_to_itself(LINK, RETURN, 4),
    call_loop=calls_again(LINK, ARGUMENT),
    return_zero=goes_back(LINK, ARGUMENT),
    image=0xFFFF_FFFF_8000_0000,
    direct=0xFFFF_FF80_0000_0000,
    root_pages=2,
    root_entries=(512, 1024),
    entry=entry,
    detail=detail,
    calls={
        "HYPERCALL 0x84000000": "version",
        "HYPERCALL 0x8400000a": "features",
        "HYPERCALL 0x84000006": "migrate",
        "HYPERCALL 0x80000000": "smccc-version",
        "HYPERCALL 0xc4000001": "suspend",
        "HYPERCALL 0xc4000003": "cpu-on",
        "HYPERCALL 0x84000002": "cpu-off",
        "HYPERCALL 0xc4000004": "affinity-info",
        "HYPERCALL 0x12345678": "unknown-call",
        "HYPERCALL 0x84000008": "system-off",
        "SYSREG sgi": "sgi",
        "SYSREG other": "sysreg",
    },
    registers={
        ("uart", 0x00): "data",
        ("uart", 0x38): "mask",
        ("uart", 0x44): "clear",
        # The distributor's for the shared interrupts, the redistributors' for a CPU's own.
        ("interrupt-controller", 0x104): "enable",
        ("interrupt-controller", 0x184): "disable",
        ("interrupt-controller", 0x204): "pend",
        ("interrupt-controller", 0x284): "take-back",
        ("interrupt-controller", 0x304): "activate",
        ("interrupt-controller", 0x384): "deactivate",
    },
    writer="npf-pager",
    writes="STAGE2 uart data write",
    room="uart_room",
    reader="npf-pager",
    reads="uart_input",
)
