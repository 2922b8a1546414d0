"""x86_64: interrupts of the machine that nothing masks. They are nobody's: the CPU's pin for them is
not heard, and one that comes as a message is dropped wherever it meets the core, a server or a guest.
"""

import random

from exeunt_lib.recovery_machine import Machine, System, recovery_system
from exeunt_lib.testing import Context, Failure, system_test

ARCH = "x86_64"
SEED = 1
ROUNDS, FEW_ROUNDS = 60, 4  # of the guest's
MOMENTS = 40
RECORDS, FARTHEST = 6, 300  # from one to the next: at most so many records, and instructions

# A message to the CPU with number 0, and one that says NMI (Intel SDM 3, 11.11).
MESSAGES = 0xFEE00000
NMI = (4 << 8).to_bytes(4, "little")

VECTOR, VECTORS = 2, 256
WORD = 8
RIP, CS = 0, 1  # words of an interrupt's frame
RSP = 7  # of the stub's registers
RING = 3  # of a selector

# Exits whose way is gone step by step, behind the first so many records, when the guest runs.
CLASSES = ("SYSREG", "IO", "STAGE2", "TIMER", "HYPERCALL")
BEGIN = 130
STEPS = 1500  # from a record's arrival over some exits
LEAST = 150  # instructions of the core among them


class Nmis:
    """A machine that gets NMIs, and what these met."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.stub = machine.stub
        core = machine.system.elves["core"]
        begin, end = core.address("vector_stubs"), core.address("vector_stubs_end")
        self.handler = begin + VECTOR * ((end - begin) // VECTORS)
        self.met: dict[str, int] = {"the core": 0, "a server": 0, "a guest": 0}

    def send(self) -> None:
        self.stub.write_physical(MESSAGES, NMI)

    def frame(self) -> list[int]:
        """What the handler returns to."""
        raw = self.stub.read(self.stub.register(RSP), 5 * WORD)
        return [int.from_bytes(raw[at : at + WORD], "little") for at in range(0, len(raw), WORD)]

    def note(self, pc: int) -> None:
        """In the handler of one that was sent when PC was next."""
        where = "the core" if pc >> 63 else "a server" if self.frame()[CS] & RING else "a guest"
        self.met[where] += 1

    def meet(self) -> None:
        """One now, and on to its handler."""
        pc = self.machine.pc
        self.send()
        self.stub.set_breakpoint(self.handler)
        self.machine.go()
        if self.machine.pc != self.handler:
            raise Failure(f"expected the NMI's handler, not {self.machine.pc:#x}")
        self.note(pc)
        self.stub.clear_breakpoint(self.handler)
        self.machine.at_breakpoint = False

    def go_to(self, name: str) -> None:
        """To where the core has this name."""
        place = self.machine.system.elves["core"].address(name)
        self.stub.set_breakpoint(place)
        self.machine.go()
        self.stub.clear_breakpoint(place)
        self.machine.at_breakpoint = False

    def go_to_guest(self) -> None:
        self.go_to("guest_enter")
        while self.machine.pc >> 63:
            self.machine.step()

    def go_on(self, moments: random.Random) -> None:
        """Some records and some instructions further."""
        self.machine.watch()
        for _ in range(moments.randint(1, RECORDS)):
            self.machine.next_record()
        self.machine.unwatch()
        for _ in range(moments.randrange(FARTHEST)):
            self.machine.step()

    def expect_deaf(self) -> None:
        """One at the pin, which nothing hears on the way to the next record."""
        self.machine.clock.ask("inject-nmi")
        self.stub.set_breakpoint(self.handler)
        self.machine.step()  # off it, to the end of the one before
        self.machine.watch()
        self.machine.go()
        if self.machine.pc not in self.machine.system.receives:
            raise Failure(f"expected a record, not an NMI from the pin, at {self.machine.pc:#x}")
        self.machine.unwatch()
        self.stub.clear_breakpoint(self.handler)

    def walk(self, steps: int, done: set[int]) -> None:
        """Sends one before each instruction that none was sent before, those of DONE. One at a time:
        what is held back until the core lets it in keeps the next from being sent."""
        sent_at = None
        for _ in range(steps):
            pc = self.machine.pc
            if pc == self.handler:
                self.note(sent_at)
                back, sent_at = self.frame()[RIP], None
                self.machine.step()
                if self.machine.pc != back:
                    raise Failure(f"expected to be back at {back:#x}, not {self.machine.pc:#x}")
                continue
            if sent_at is None and pc not in done:
                done.add(pc)
                sent_at = pc
                self.send()
            self.machine.step()


def expect_undisturbed(ctx: Context, system: System, machine: Machine) -> None:
    """It goes on to its end, and prints what one does that gets none."""
    outcome = machine.finish()
    ctx.keep_text(outcome.console)
    with Machine(system) as other:
        wanted = other.finish()
    ctx.expect(outcome.status == 0, f"status 0, not {outcome.status} {outcome.why}")
    ctx.expect("Hypervisor ok!" in outcome.console, "a clean end")
    ctx.expect(outcome.console == wanted.console, "what an undisturbed run prints")


@system_test(arches=(ARCH,))
def nmis_at_any_moment(ctx: Context) -> None:
    """Whatever runs, it goes on; and what is at the CPU's pin reaches nobody."""
    moments = random.Random(SEED)
    system = recovery_system(ARCH, ctx.scratch, ROUNDS)
    with Machine(system) as machine:
        nmis = Nmis(machine)
        machine.watch()
        for _ in range(BEGIN):
            machine.next_record()
        machine.unwatch()
        machine.clock.seconds()  # connects it
        for name in ("trap_idle", "vector_syscall", "vector_common"):
            nmis.go_to(name)
            nmis.meet()
        nmis.go_to_guest()
        nmis.meet()
        ctx.expect(nmis.met == {"the core": 3, "a server": 0, "a guest": 1}, f"not {nmis.met}")
        for _ in range(MOMENTS):
            nmis.go_on(moments)
            nmis.meet()
            nmis.expect_deaf()
        ctx.expect(nmis.met["a server"] > 0, "one at least to meet a server")
        ctx.say(", ".join(f"{count} met {who}" for who, count in nmis.met.items()))
        expect_undisturbed(ctx, system, machine)


@system_test(arches=(ARCH,))
def nmis_at_each_instruction(ctx: Context) -> None:
    """Of the ways into the core and out of it, of those that go with a guest's exit."""
    system = recovery_system(ARCH, ctx.scratch, FEW_ROUNDS)
    done: set[int] = set()
    with Machine(system) as machine:
        nmis = Nmis(machine)
        machine.watch()
        for _ in range(BEGIN):
            machine.next_record()
        nmis.stub.step_with_interrupts()
        for wanted in CLASSES:
            machine.watch()
            while machine.next_record().kind != wanted:
                pass
            machine.unwatch()
            nmis.walk(STEPS, done)
        ctx.say(", ".join(f"{count} met {who}" for who, count in nmis.met.items()))
        ctx.expect(nmis.met["the core"] >= LEAST, f"{LEAST} at least to meet the core")
        expect_undisturbed(ctx, system, machine)
