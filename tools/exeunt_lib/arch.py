"""What differs by architecture where a machine is looked at and disturbed from outside: a table for
each, in arch_riscv64.py, arch_aarch64.py and arch_x86_64.py."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from .gdbstub import Stub
from .paths import ExeuntError
from .symbols import Elf

# Undoes what was changed of a program.
Mend = Callable[[], None]


def nothing_to_mend() -> None:
    pass


@dataclass(frozen=True)
class Arch:
    """One architecture. Registers are QEMU's gdb stub's numbers."""

    name: str
    ram: int  # where the machine's RAM begins

    # The program counter, behind the general registers.
    pc: int
    # A record at the receive entry (libs/rt/entry_*.S): its eight words' registers; those of its
    # head; and how many instructions store that head.
    words: tuple[int, ...]
    info: int
    seq: int
    badge: int
    head: int

    # A system call's registers: its number, which is the status behind it, and its selector.
    syscall: int
    selector: int

    stack: int
    # Those whose bits may be flipped, by their names.
    general: dict[str, int]

    # Instructions as they lie in memory: the system call, one that is none wherever it stands; and
    # the alignment of them all.
    call: bytes
    undefined: bytes
    alignment: int

    # Makes the instruction at which a task stands trap, whatever it is, and leaves its pc alone.
    # What comes back undoes that, behind the trap's entry. The ELF file is the core's.
    make_trap: Callable[[Stub, Elf], Mend]
    # The server goes round for ever: one instruction, or a system call that signals nobody, for
    # which there is an address with room for eight words. The ELF file is the server's; what comes
    # back is for when it is dead.
    loop: Callable[[Stub, Elf], Mend]
    call_loop: Callable[[Stub, Elf, int], Mend]
    # At the entry of a C function: it returns 0.
    return_zero: Callable[[Stub], None]

    # How the core sees memory: at which distances its image and all of it (core.ld, arch/space.h).
    image: int
    direct: int
    # Spaces: the pages of a root; its entries for a task and for a guest; and what an entry says,
    # by the space's kind and the level: where it leads, and what may be done there, None for a
    # table. An empty one: None.
    root_pages: int
    root_entries: tuple[int, int]
    entry: Callable[[int, int, int], tuple[int, int | None] | None]
    # The level of the root that the hardware takes for the core's own half: 2 of three levels.
    core_level: int = field(default=2, kw_only=True)

    # What else the core does for a task when it traps, and goes on behind it.
    done_by_core: tuple[bytes, ...] = field(default=(), kw_only=True)

    # What an exit is about, where its class is not enough: by the class and the words.
    detail: Callable[[str, tuple[int, ...]], str]
    # The kinds of firmware calls and of trapped registers that the campaign's guest makes, and
    # registers of emulated devices that are told apart, by device and offset; and their names.
    calls: dict[str, str]
    registers: dict[tuple[str, int], str] = field(default_factory=dict)

    # Who writes a guest's output into the console's ring; what kind of record makes it do so; and
    # its function that says how much room there is. Told that there is none, it calls the console.
    writer: str = ""
    writes: str = ""
    room: str = ""
    # Who hands what was typed on to the guest when the console signals it, if anybody does, and by
    # which function.
    reader: str = ""
    reads: str = ""
    # The record of a guest whose CPU can't go on, and whose: where its guest can be ended so.
    dead_end: tuple[str, str] | None = None


def arch_of(name: str) -> Arch:
    try:
        return importlib.import_module(f".arch_{name}", __package__).ARCH
    except ModuleNotFoundError:
        raise ExeuntError(f"machines of {name} can't be looked into: there is no table") from None
