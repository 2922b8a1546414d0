"""x86_64 (see arch.py). Registers as QEMU's gdb stub numbers them: rax, rbx, rcx, rdx, rsi, rdi, rbp,
rsp, r8 to r15, rip."""

from .abi import SYSCALLS
from .arch import Arch, Mend
from .gdbstub import Stub
from .symbols import Elf

NAMES = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)))
REGISTER = {name: number for number, name in enumerate(NAMES)}
WORDS = ("rdi", "rsi", "rdx", "r10", "r8", "r9", "r12", "r13")
RSP = REGISTER["rsp"]

# In 64-bit mode there is no PUSH ES, the shortest of all instructions that there are not.
UNDEFINED_BYTE = b"\x06"
JUMP_TO_ITSELF = b"\xeb\xfe"
# mov $SIGNAL, %eax; xor %ebx, %ebx; syscall; and back to the first: slot 0 is empty.
SIGNAL_NOBODY = b"\xb8" + SYSCALLS["SIGNAL"].to_bytes(4, "little") + b"\x31\xdb\x0f\x05\xeb\xf5"

PTE_PRESENT, PTE_WRITE, PTE_LARGE, PTE_NEVER_EXECUTE = 1 << 0, 1 << 1, 1 << 7, 1 << 63
PTE_ADDRESS = 0x000F_FFFF_FFFF_F000
R, W, X = 1, 2, 4

# Of an exit's first word: intercepts (APM volume 2, appendix C), an access to a port (15.10.2).
CODE_CPUID, CODE_MSR, CODE_WRITES = 0x72, 0x7C, 1 << 32
PORT_IN, PORT_SHIFT = 1, 16
MSR_TIMER, MSR_APIC = 0x6E0, range(0x800, 0x900)
UART, CLOCK = range(0x3F8, 0x400), range(0x70, 0x72)


def change(stub: Stub, place: int, code: bytes) -> Mend:
    """Another instruction stands there."""
    was = stub.read(place, len(code))
    stub.write(place, code)
    return lambda: stub.write(place, was)


def make_trap(stub: Stub, _core: Elf) -> Mend:
    return change(stub, stub.register(stub.pc), UNDEFINED_BYTE)


def go_round(stub: Stub, elf: Elf, code: bytes) -> Mend:
    """In the place of a function that is long enough."""
    place = elf.address("rt_system_call")
    stub.set_register(stub.pc, place)
    return change(stub, place, code)


def loop(stub: Stub, elf: Elf) -> Mend:
    return go_round(stub, elf, JUMP_TO_ITSELF)


def call_loop(stub: Stub, elf: Elf, _words: int) -> Mend:
    return go_round(stub, elf, SIGNAL_NOBODY)


def return_zero(stub: Stub) -> None:
    stack = stub.register(RSP)
    stub.set_register(REGISTER["rax"], 0)
    stub.set_register(stub.pc, int.from_bytes(stub.read(stack, 8), "little"))
    stub.set_register(RSP, stack + 8)


def entry(raw: int, _kind: int, level: int) -> tuple[int, int | None] | None:
    """Long mode's, and nested paging's (APM volume 2, 5.4 and 15.25)."""
    if not raw & PTE_PRESENT:
        return None
    target = raw & PTE_ADDRESS
    if level and not raw & PTE_LARGE:
        return target, None
    rights = R | (W if raw & PTE_WRITE else 0)
    return target, rights | (0 if raw & PTE_NEVER_EXECUTE else X)


def which_register(code: int, number: int) -> str:
    if code & 0xFFFF_FFFF == CODE_CPUID:
        return "cpuid"
    if code & 0xFFFF_FFFF != CODE_MSR:
        return "instruction"
    what = "timer" if number == MSR_TIMER else "apic" if number in MSR_APIC else "msr"
    return f"{what} {'write' if code & CODE_WRITES else 'read'}"


def which_port(access: int) -> str:
    port = access >> PORT_SHIFT & 0xFFFF
    what = "uart" if port in UART else "clock" if port in CLOCK else "nobody"
    return f"{what} {'read' if access & PORT_IN else 'write'}"


def detail(kind: str, words: tuple[int, ...]) -> str:
    """Of a call: RAX. Of a register's trap, or a port's: which."""
    if kind == "HYPERCALL":
        return "putchar" if words[0] & 0xFF == 1 else f"{words[0]:#x}"
    if kind == "SYSREG":
        return which_register(words[0], words[1])
    return which_port(words[0]) if kind == "IO" else ""


ARCH = Arch(
    name="x86_64",
    ram=0,
    pc=16,
    words=tuple(REGISTER[name] for name in WORDS),
    info=REGISTER["rax"],
    seq=REGISTER["r14"],
    badge=REGISTER["r15"],
    head=4,
    syscall=REGISTER["rax"],
    selector=REGISTER["rbx"],
    stack=RSP,
    general=REGISTER,
    call=b"\x0f\x05",
    undefined=b"\x0f\x0b",
    alignment=1,
    make_trap=make_trap,
    loop=loop,
    call_loop=call_loop,
    return_zero=return_zero,
    image=0xFFFF_FFFF_8000_0000,
    direct=0xFFFF_8000_0000_0000,
    root_pages=2,
    root_entries=(512, 512),
    core_level=3,
    entry=entry,
    # IN and OUT of a byte.
    done_by_core=(b"\xec", b"\xee"),
    detail=detail,
    calls={
        "HYPERCALL putchar": "putchar",
        "HYPERCALL 0x12345678": "unknown-call",
        "HYPERCALL 0x84000008": "off",
        "SYSREG cpuid": "cpuid",
        "SYSREG timer write": "timer-write",
        "SYSREG timer read": "timer-read",
        "SYSREG msr read": "msr-read",
        "SYSREG msr write": "msr-write",
        "SYSREG instruction": "instruction",
        "IO uart read": "uart-read",
        "IO uart write": "uart-write",
        "IO clock read": "clock-read",
        "IO clock write": "clock-write",
        "IO nobody read": "port-of-nobody",
    },
    registers={
        ("apic", 0x80): "priority",
        ("apic", 0xB0): "end",
        ("apic", 0x300): "command",
        ("apic", 0x320): "timer",
        ("apic", 0x380): "count",
    },
    writer="sbi-server",
    writes="HYPERCALL putchar",
    room="console_room",
    dead_end=("sbi-server", "SHUTDOWN"),
)
