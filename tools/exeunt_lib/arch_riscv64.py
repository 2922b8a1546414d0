"""riscv64 (see arch.py)."""

from .arch import Arch, Mend
from .arch_link import calls_again, goes_back, returns_to_itself
from .gdbstub import Stub
from .symbols import Elf

SV39 = 8 << 60
PTE_V, PTE_RWX = 1, 0b1110


def make_trap(stub: Stub, core: Elf) -> Mend:
    """The task loses its address space: satp with page tables that have the core and nothing else,
    the boot's. (What is illegal traps to the firmware, which would have to be gone through.)"""
    tables = core.address("boot_tables") & 0xFFFF_FFFF
    stub.set_register(stub.number("satp"), SV39 | tables >> 12)
    return lambda: None


def entry(raw: int, _kind: int, _level: int) -> tuple[int, int | None] | None:
    """Sv39 and Sv39x4 (privileged architecture 1.12, 4.4 and 8.5)."""
    if not raw & PTE_V:
        return None
    target = (raw << 10 & (1 << 64) - 1) >> 20 << 12
    return target, (raw & PTE_RWX) >> 1 if raw & PTE_RWX else None


def detail(kind: str, words: tuple[int, ...]) -> str:
    """Of a call: the SBI's extension and function."""
    return f"{words[7]:#x}/{words[6]}" if kind == "HYPERCALL" else ""


# The register of a function's return address, that of its first argument and result, and the return.
LINK, ARGUMENT = 1, 10
RETURN = b"\x82\x80"

ARCH = Arch(
    name="riscv64",
    ram=0x8000_0000,
    pc=32,
    words=tuple(range(10, 18)),  # a0 to a7
    info=5,  # t0
    seq=7,  # t2
    badge=28,  # t3
    head=5,
    syscall=5,  # t0
    selector=6,  # t1
    stack=2,
    general={f"x{number}": number for number in range(1, 32)},
    call=b"\x73\x00\x00\x00",
    undefined=b"\x00\x00",
    alignment=2,
    make_trap=make_trap,
    loop=returns_to_itself(LINK, RETURN, 2),
    call_loop=calls_again(LINK, ARGUMENT),
    return_zero=goes_back(LINK, ARGUMENT),
    image=0xFFFF_FFFF_0000_0000,
    direct=0xFFFF_FFC0_0000_0000,
    root_pages=4,
    root_entries=(256, 2048),
    entry=entry,
    detail=detail,
    calls={
        "HYPERCALL 0x10/0": "base",
        "HYPERCALL 0x54494d45/0": "set-timer",
        "HYPERCALL 0x4442434e/0": "dbcn-write",
        "HYPERCALL 0x4442434e/1": "dbcn-read",
        "HYPERCALL 0x4442434e/2": "dbcn-byte",
        "HYPERCALL 0x1/0": "putchar",
        "HYPERCALL 0x2/0": "getchar",
        "HYPERCALL 0x735049/0": "ipi",
        "HYPERCALL 0x48534d/0": "hart-start",
        "HYPERCALL 0x48534d/1": "hart-stop",
        "HYPERCALL 0x48534d/2": "hart-status",
        "HYPERCALL 0x52464e43/0": "fence-i",
        "HYPERCALL 0x52464e43/1": "fence",
        "HYPERCALL 0x6/0": "legacy-fence",
        "HYPERCALL 0x12345678/0": "unknown-call",
        "HYPERCALL 0x53525354/0": "reset",
    },
    writer="sbi-server",
    writes="HYPERCALL 0x1/0",
    room="console_room",
)
