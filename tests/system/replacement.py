"""Replacing sbi-server while its guest runs: by a newer version, and by what can't be one.

Version 1 is servers/sbi-server; version 2, tests/recovery/servers/sbi-server-2, has another layout
of its state and says another version to the guest. The guest counts its rounds on the console, so
that a byte lost, doubled or out of order shows, and says it when its firmware's version changes.
"""

import re
import struct
from collections.abc import Callable
from pathlib import Path

from exeunt_lib.boards import OTHER_MACHINE
from exeunt_lib.boot import Boot
from exeunt_lib.control import Answer, strip
from exeunt_lib.corestate import Core
from exeunt_lib.layouts import Layouts
from exeunt_lib.live import Live
from exeunt_lib.paths import ARCHES
from exeunt_lib.testing import TIMEOUT, VIRTUAL_TIMEOUT, Context, system_test
from exeunt_lib.transcript import told

SERVER = "sbi-server"
NEW = "sbi-server-2"
ROUNDS = 20  # that the guest makes before and after each thing that happens

# How a new version's death is told, and what it did in each (tests/recovery/servers/faulty).
DIED = " died: it "
NEVER = ".*it was to be the new version"
FAULTS = {
    "never-ready": f"{DIED}did not come back in time{NEVER}",
    "ends-at-once": f"{DIED}asked to end{NEVER}",
    "faults-at-once": f"{DIED}executed an illegal{NEVER}",
    "hangs": f"{DIED}did not come back in time{NEVER}",
    "dies": f"{DIED}executed an illegal{NEVER}",
    "refuses": ": not replaced: the new one can't take over its state: .*; it carries on",
}
OTHERS = ("npf-pager", "timer-server", "console", "fs-loader")
# What is wrong with the core's own file as a server.
CORE = "it is not linked for addresses"
# These would have longer to come back than this test.
PATIENT = ("console", "fs-loader")


def elf(ctx: Context, name: str) -> bytes:
    """A server's file as it is sent."""
    return strip(ctx.out / f"server_{ctx.arch}/{name}.elf")


class Guest:
    """The guest `versions` in a machine that runs."""

    def __init__(self, ctx: Context, live: Live):
        self.ctx, self.live = ctx, live
        self.live.wait_line("versions: round 1\n")
        self.control = live.control()

    def pass_rounds(self) -> None:
        """Lets it make some more rounds."""
        wanted = self.rounds() + ROUNDS
        self.live.wait_until(f"round {wanted}", lambda: self.rounds() >= wanted)

    def rounds(self) -> int:
        """How many rounds it has begun to tell of; the last one's number may not be there yet."""
        return told(self.live.console).count("versions: round ")

    def versions(self) -> list[int]:
        """The firmware's versions as the guest saw them, one after the other."""
        found = re.findall(r"versions: the firmware is version (\d+)", told(self.live.console))
        return [int(version) for version in found]

    def replace(self, content: bytes, server: str = SERVER) -> Answer:
        return self.control.ask(f"replace {server} #{len(content)}", content)

    def finish(self) -> None:
        """Tells it from outside, in its memory, to come to its end; checks all that it said."""
        self.pass_rounds()
        flag = Layouts(self.ctx.out / "guest/versions.elf", [], ["finish"]).symbols["finish"]
        layouts = Core.load(self.ctx.out / "exeunt.elf")
        with self.live.stopped() as ram:
            ram.write(Core(layouts, ram).guest(0, flag), struct.pack("<Q", 1))
        self.live.wait_end()
        console = self.live.console
        self.ctx.expect("FAILED" not in console, "a guest whose checks hold")
        passed = re.compile(r"^versions: \d+ checks passed$")
        self.ctx.expect_lines(console, passed, *self.ctx.board.clean_end)
        rounds = [int(n) for n in re.findall(r"versions: round (\d+)", told(console))]
        whole = list(range(1, len(rounds) + 1))
        self.ctx.expect(rounds == whole, "all rounds, each once, in their order")


def with_guest(ctx: Context, test: Callable[[Guest], None]) -> None:
    boot = Boot(ctx.arch, ctx.out, guest=ctx.out / "guest/versions.bin", manifest=ctx.manifest("two-cpus"))
    with Live(boot, TIMEOUT, VIRTUAL_TIMEOUT) as live:
        try:
            guest = Guest(ctx, live)
            guest.pass_rounds()
            ctx.expect(guest.versions() == [1], f"version 1, not {guest.versions()}")
            test(guest)
            guest.finish()
        finally:
            ctx.keep_text(live.console)


def expect_replaced(ctx: Context, guest: Guest, content: bytes) -> None:
    answer = guest.replace(content)
    ctx.expect(not answer.error, f"it to be replaced, not {answer.error!r}")
    ctx.say("; ".join(answer.lines))


def expect_not_replaced(
    ctx: Context, guest: Guest, content: bytes, line: str, server: str = SERVER
) -> None:
    """Nothing has changed for the guest, and one clear line says why."""
    versions = guest.versions()
    before = len(guest.live.console)
    answer = guest.replace(content, server)
    ctx.expect(answer.error, f"an error, not {answer.lines}")
    guest.live.wait_line(re.compile(f"server {server}{line}"), before)
    guest.pass_rounds()
    ctx.expect(guest.versions() == versions, f"{versions}, not {guest.versions()}")
    lines = re.findall(rf"^server {server}.*$", guest.live.console[before:], re.MULTILINE)
    ctx.expect(len(lines) == 1, f"one line about it, not {lines}")


@system_test(arches=ARCHES)
def newer_version(ctx: Context) -> None:
    """Version 1 to 2; back to 1, which is refused; to a 2 that dies while it takes over."""

    def test(guest: Guest) -> None:
        expect_replaced(ctx, guest, elf(ctx, NEW))
        guest.live.wait_line("versions: the firmware is version 2\n")
        guest.pass_rounds()
        refused = ": not replaced: its state is of version 2, the new one understands 1 and older"
        expect_not_replaced(ctx, guest, elf(ctx, SERVER), refused)
        expect_not_replaced(ctx, guest, elf(ctx, "faulty-dies"), FAULTS["dies"])
        guest.live.do(guest.control, f"kill {SERVER} 3")  # what is started again is the new version
        guest.pass_rounds()
        ctx.expect(guest.versions() == [1, 2], f"[1, 2], not {guest.versions()}")

    with_guest(ctx, test)


@system_test(arches=ARCHES)
def dies_behind_its_migration(ctx: Context) -> None:
    """What the old version can't read any more is the new one's, however often that dies."""

    def test(guest: Guest) -> None:
        expect_replaced(ctx, guest, elf(ctx, "faulty-dies-migrated"))
        guest.live.wait_line("versions: the firmware is version 2\n")
        guest.pass_rounds()
        ctx.expect(guest.versions() == [1, 2], f"[1, 2], not {guest.versions()}")

    with_guest(ctx, test)


def wrong_files(ctx: Context) -> list[tuple[bytes, str]]:
    """Files that are no server's, each with what is said of it."""
    refused = ": not replaced: "
    good = elf(ctx, NEW)
    other = bytearray(good)
    struct.pack_into("<H", other, 18, OTHER_MACHINE)
    return [
        (bytes(other), refused + "the ELF file is for another architecture"),
        (good[:8192], refused + ".*it was cut short"),
        (good[:40], refused + "the ELF file is shorter than its header"),
        (Path(__file__).read_bytes(), refused + "the file is no ELF file"),
        (elf(ctx, "../exeunt"), refused + CORE),
    ]


@system_test(arches=ARCHES)
def what_is_no_server(ctx: Context) -> None:
    """Refused before anything is started; the next replacement is as good as the first."""

    def test(guest: Guest) -> None:
        for server in (SERVER, *OTHERS):
            for content, line in wrong_files(ctx):
                expect_not_replaced(ctx, guest, content, line, server)
        large = elf(ctx, NEW).ljust((512 << 10) + 1, b"\0")
        answer = guest.replace(large)
        ctx.expect(answer.error, f"too large a file to be refused, not {answer.lines}")
        expect_replaced(ctx, guest, elf(ctx, NEW))
        guest.live.wait_line("versions: the firmware is version 2\n")

    with_guest(ctx, test)


@system_test(arches=ARCHES)
def versions_that_fail(ctx: Context) -> None:
    """Each is started, and fails before it has taken over: the old one carries on."""

    def test(guest: Guest) -> None:
        for fault, line in FAULTS.items():
            for server in (SERVER, *OTHERS):
                if fault == "never-ready" and server != SERVER:
                    continue  # a second each, and the same for all
                if fault == "hangs" and server in PATIENT:
                    continue
                content = elf(ctx, f"faulty-{fault}")
                expect_not_replaced(ctx, guest, content, line, server)
        expect_replaced(ctx, guest, elf(ctx, NEW))
        guest.live.wait_line("versions: the firmware is version 2\n")

    with_guest(ctx, test)
