"""Strikes: what is done to a server at one instruction, and how that instruction is reached.

All of it happens from outside, while the server stands still. A killed server's pc is left as it
is, because init hands it on: the instruction that it was about to execute is made to trap.
"""

import random
from collections.abc import Callable

from .abi import SYSCALLS
from .arch import nothing_to_mend
from .recovery_machine import SERVERS, Machine
from .symbols import Elf

CORE = 1 << 63  # addresses from here on are the core's
STACK_SIZE = 16384  # libs/rt/layout.h
NOWHERE = 0x7FFF_F000  # an address that no server has


class Missed(Exception):
    """The place was not reached, or nothing could be done there."""


def stack_top(elf: Elf) -> int:
    """The page with a record's head is the stack's last one (libs/rt/entry_*.S)."""
    return (elf.address("rt_record") & ~0xFFF) + 0x1000


def call_place(machine: Machine, server: str) -> int:
    """Where the server has a system call."""
    return machine.system.elves[server].find_text(machine.arch.call, machine.arch.alignment)[0]


def kill(machine: Machine, server: str, chance: random.Random) -> None:
    elf = machine.system.elves[server]
    begin, end = elf.symbols.get("rt_fetch_begin", 0), elf.symbols.get("rt_fetch_end", 0)
    if begin <= machine.pc < end:
        # A fault in there counts as the guest's: it would not kill.
        wild_jump(machine, server, chance)
        return
    mend = machine.arch.make_trap(machine.stub, machine.system.elves["core"])
    machine.step()
    mend()
    if machine.pc < CORE:
        raise Missed("the instruction was executed all the same")


def wild_jump(machine: Machine, _server: str, _random: random.Random) -> None:
    machine.set_pc(NOWHERE)


def illegal(machine: Machine, server: str, _random: random.Random) -> None:
    """What is behind the reply's system call is none."""
    elf, arch = machine.system.elves[server], machine.arch
    place = elf.find_text(arch.call + arch.undefined, arch.alignment)[0]
    machine.set_pc(place + len(arch.call))


def overflow(machine: Machine, server: str, _random: random.Random) -> None:
    """The stack is used up, and another function is called: its first push goes below it."""
    elf = machine.system.elves[server]
    machine.stub.set_register(machine.arch.stack, stack_top(elf) - STACK_SIZE)
    machine.set_pc(elf.address("rt_musl_syscall"))


def leave(machine: Machine, server: str, _random: random.Random) -> None:
    """The server itself asks to end."""
    stub, arch = machine.stub, machine.arch
    stub.set_register(arch.words[0], 1)
    stub.set_register(arch.syscall, SYSCALLS["EXIT"])
    machine.set_pc(call_place(machine, server))


def out_of_memory(machine: Machine, server: str, chance: random.Random) -> None:
    """It asks for a mapping that its capabilities do not give it, is refused, and gives up."""
    stub, arch = machine.stub, machine.arch
    place = call_place(machine, server)
    behind = place + len(arch.call)
    map_call = ((arch.syscall, SYSCALLS["MAP"]), (arch.selector, 1), (arch.words[0], 0x5000_0000))
    for register, value in (*map_call, (arch.pc, place)):
        stub.set_register(register, value)
    stub.set_breakpoint(behind)
    machine.go()
    stub.clear_breakpoint(behind)
    if machine.name() != server or machine.pc != behind:
        raise Missed("the system call did not come back")
    if stub.register(arch.syscall) == 0:
        raise Missed("the core gave memory that nobody granted")
    leave(machine, server, chance)


# The console's neighbours, an access of the UART and the store that counts it: what a successor
# repairs, it knows by where the dead one stood between them (servers/console/put.h, take.h).
NEIGHBOURS = (
    ("console_put_sent", "console_put_counted"),
    ("console_take_loaded", "console_take_kept"),
)


def leave_neighbours(machine: Machine, server: str) -> None:
    """A server can die between such instructions, but not begin a loop there: it goes on first."""
    if server != "console":
        return
    elf = machine.system.elves[server]
    pairs = [(elf.address(first), elf.address(last)) for first, last in NEIGHBOURS]
    while any(first <= machine.pc < last for first, last in pairs):
        machine.step()


def hang(machine: Machine, server: str, _random: random.Random) -> None:
    """A loop that has no end."""
    leave_neighbours(machine, server)
    machine.mend = machine.arch.loop(machine.stub, machine.system.elves[server])


def hang_calling(machine: Machine, server: str, _random: random.Random) -> None:
    """A system call, again and again: a signal to nobody."""
    leave_neighbours(machine, server)
    elf = machine.system.elves[server]
    words = stack_top(elf) - STACK_SIZE
    machine.mend = machine.arch.call_loop(machine.stub, elf, words)


def lasting(machine: Machine) -> None:
    """Lets a hang last until the core ends it, at full speed: no breakpoint is in its page."""
    machine.unwatch()
    place = machine.system.elves["core"].address("task_die")
    machine.stub.set_breakpoint(place)
    try:
        machine.go()
        machine.mend()
    finally:
        machine.mend = nothing_to_mend
        machine.stub.clear_breakpoint(place)
        machine.watch()


def full(machine: Machine, _server: str, _random: random.Random) -> None:
    """At the entry of the function that says how much room the ring has: it says that there is
    none, so that the console is called."""
    machine.arch.return_zero(machine.stub)


def flip_register(machine: Machine, _server: str, chance: random.Random) -> str:
    name, bit = chance.choice(list(machine.arch.general)), chance.randrange(64)
    register = machine.arch.general[name]
    value = machine.stub.register(register)
    machine.stub.set_register(register, value ^ 1 << bit)
    return f"bit {bit} of {name}, which was {value:#x}"


def flip_memory(machine: Machine, server: str, chance: random.Random) -> str:
    """A bit of what the server may write: its data, its stack, its state region."""
    ranges = machine.system.elves[server].writable()
    ranges += [(at, size) for name, at, size in machine.windows() if name == "state"]
    offset = chance.randrange(sum(size for _, size in ranges))
    bit = chance.randrange(8)
    for at, size in ranges:
        if offset < size:
            break
        offset -= size
    address = at + offset
    value = machine.stub.read(address, 1)[0]
    machine.stub.write(address, bytes([value ^ 1 << bit]))
    return f"bit {bit} of the byte at {address:#x}, which was {value:#x}"


def flip(machine: Machine, server: str, chance: random.Random) -> str:
    return chance.choice((flip_register, flip_memory))(machine, server, chance)


def nothing(_machine: Machine, _server: str, _random: random.Random) -> None:
    """What follows falls behind this."""


def order(name: str) -> Callable:
    """The monitor is told to kill another server: one that idles can't be reached from outside."""

    def tell(machine: Machine, _server: str, _random: random.Random) -> None:
        machine.request(f"kill {name}")

    return tell


ORDERS = {f"order-{name}": name for name in SERVERS}
ACTIONS = {
    "nothing": nothing,
    "kill": kill,
    "wild-jump": wild_jump,
    "illegal": illegal,
    "overflow": overflow,
    "exit": leave,
    "no-memory": out_of_memory,
    "full": full,
    "hang": hang,
    "hang-calling": hang_calling,
    "flip": flip,
    "flip-register": flip_register,
    "flip-memory": flip_memory,
    **{action: order(name) for action, name in ORDERS.items()},
}
# After these the server runs until its deadline has passed.
LASTING = ("hang", "hang-calling")
