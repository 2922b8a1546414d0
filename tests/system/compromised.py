"""A server that was taken over: whatever it asks for, it reaches nothing that is not its own.

VM `a` has good servers, and so has VM `b` but for one: in its place stands
tests/recovery/servers/evil, which makes system calls of all numbers, with arguments of all kinds,
by the hundred thousand, answers `b`'s exits as it likes, writes nonsense into all that it may
write, and does now and then what it may not do. What it has not done to others is seen from outside
of the machine, in its memory.
"""

import contextlib
import re
import struct
import time
from pathlib import Path

from exeunt_lib.boot import Boot
from exeunt_lib.control import strip
from exeunt_lib.corestate import PAGE, TASK_STATES, Core
from exeunt_lib.coretext import describe, lasting, state_lines
from exeunt_lib.layouts import Layouts, View
from exeunt_lib.live import LOOK, Live
from exeunt_lib.paths import ARCHES, ROOT
from exeunt_lib.testing import TIMEOUT, Context, system_test
from exeunt_lib.transcript import told

import bundle

MANIFESTS = ROOT / "tests/recovery/manifests"
WAITING, DEAD = TASK_STATES.index("WAITING"), TASK_STATES.index("DEAD")
VIRTUAL_TIMEOUT = 60  # seconds: one that hangs is noticed after a while, again and again
ROUNDS = 20
ROUNDS_OWN = 60  # enough for its own console to have died some hundred times before them
CALLS = 100_000  # at least, of each
EVIL = "evil.elf"
# As they stand in the manifest: a server that has nothing of the machine and calls init.
NODE = (
    '{name} {{ image = "{image}"; deadline-ms = <200>; state-size = <8192>; '
    'dma-size = <0x5000>; calls = "init"; }};'
)

# enum syscall, ipc/syscall.h.
NUMBERS = (
    *("REPLY_WAIT", "CALL", "SIGNAL", "CREATE", "DESTROY", "MAP"),
    *("GRANT", "BIND", "TASK", "VCPU", "EXIT"),
)
# Behind them, enum evil_done: what changes a task or a vCPU, and calls of a number that is none.
NUMBERS += ("", "", "TASK to change one", "VCPU to change one", "TASK to fetch", "a number that is none")
# What a server can have the core do: call and signal those that it knows, say where it receives.
ALLOWED = {"CALL", "SIGNAL", "TASK"}
# The pager may besides drop the frames that it has, look at registers of the guest it serves, and
# fetch that one's instructions.
ALLOWED_PAGER = ALLOWED | {"DESTROY", "VCPU", "TASK to fetch"}
# On x86_64 who plays the local APICs, and who does what ports do, look at vCPUs and instructions, too.
ALLOWED_PC = {"riscv64": ALLOWED, "aarch64": ALLOWED, "x86_64": ALLOWED | {"VCPU", "TASK to fetch"}}
# In the tally's list of deaths: the guest's memory, which the pager may read.
GUEST_MEMORY = 9


def source(ctx: Context, evil: str, rounds: int) -> Path:
    """The manifest with EVIL, a server of `b`'s, in the hands of somebody else; "": with none."""
    own_timer = "" if evil == "b-timer" or ctx.arch != "riscv64" else "sstc;"
    which = "firmware" if evil == "b-timer" else "own"
    extra, server = "", f'{evil} {{ image = "{EVIL}"; }};' if evil else ""
    if evil == "b-console":
        extra = 'console = "b-console";'
    if not evil:
        # Longer than an exit may take: the servers that wait for it are not to blame.
        server = "console { deadline-ms = <200>; };"
    if evil == "b-loader":
        extra = 'loader = "b-loader"; access { b-loader = "rw"; };'
    if extra:
        server = NODE.format(name=evil, image=EVIL)
    path = ctx.scratch / f"{evil or 'good'}.dts"
    path.write_text(
        f'/dts-v1/;\n/include/ "{MANIFESTS}/compromised-{ctx.arch}.dts"\n/ {{ servers {{ {server} }}; vms {{'
        f'a {{ cmdline = "rounds={rounds}"; }};'
        f'b {{ cmdline = "timer={which}"; {own_timer} {extra} }}; }}; }};\n'
    )
    return path


def told_by_a(console: str) -> str:
    """The console names it where there are others."""
    return told(console, "a" if "[a]" in console else "")


def transcript(console: str) -> list[str]:
    """What `a` printed."""
    form = r"guard: (?:begins|round \d+: [0-9a-f]{16}|\d+ checks passed)"
    return re.findall(form, told_by_a(console))


def wait_told(live: Live, text: str) -> None:
    """Waits for what `a` prints."""
    live.wait_until(f"{text!r} of a", lambda: text in told_by_a(live.console))


def read_only(path: Path, name: str) -> list[tuple[int, bytes]]:
    """A program's pages that nobody may write: address and content."""
    _, segments = bundle.load_segments(path.read_bytes(), name)
    return [(vaddr, content) for vaddr, content, rights in segments if not rights & 2]


class Check:
    """What is looked at from outside, at the beginning and at the end."""

    def __init__(self, ctx: Context, live: Live, layouts: Layouts, evil: str):
        self.ctx, self.live, self.layouts, self.evil = ctx, live, layouts, evil
        self.before = self.look()

    def look(self) -> dict[str, list[str]]:
        """All that is to be as it was, at a moment at which init starts nobody."""
        while True:
            with self.live.stopped() as ram:
                core = Core(self.layouts, ram)
                tasks = core.tasks()
                if self.is_settled(core, tasks):
                    return self.look_at(core, tasks)
            self.live.check_bounds("init to have nothing to do", self.live.running())
            time.sleep(LOOK)

    def is_settled(self, core: Core, tasks: dict[str, int]) -> bool:
        """Whether init waits, and will not hear of a death that the core is just about to tell."""
        if core.object("task", tasks["init"])["state"] != WAITING:
            return False
        if not self.evil:
            return True
        return self.evil in tasks and core.object("task", tasks[self.evil])["state"] != DEAD

    def look_at(self, core: Core, tasks: dict[str, int]) -> dict[str, list[str]]:
        self.expect_text(core, tasks)
        self.entries = core.config(tasks[self.evil]) if self.evil else []
        states = state_lines(core, {n: task for n, task in tasks.items() if n != self.evil})
        # What `b`'s second stage may map; its numbers are `b`'s.
        pager = core.config(tasks["b-pager"])
        names = ("ram-1", "passthrough-1")
        self.frames = [(e.physical, e.size) for e in pager if e.name in names]
        return {"state regions": states, **lasting(describe(core))}

    def expect_text(self, core: Core, tasks: dict[str, int]) -> None:
        """The core's and all servers' programs are what was built."""
        for address, content in read_only(self.ctx.out / "exeunt.elf", "the core"):
            there = core.ram.read(address - core.arch.image, len(content))
            self.ctx.expect(there == content, f"the core's text at {address:#x} as it was built")
        folder = self.ctx.out / f"server_{self.ctx.arch}"
        images = {"b-sbi": "sbi-server", "b-pager": "npf-pager", "b-timer": "timer-server"}
        for name, task in tasks.items():
            image = "evil" if name == self.evil else images.get(name, name)
            space = core.space_of(task)
            for address, content in read_only(folder / f"{image}.elf", name):
                for at in range(0, len(content), PAGE):
                    physical = core.physical(space, address + at)
                    self.ctx.expect(physical, f"{name} to have its page at {address + at:#x}")
                    same = core.ram.read(physical, PAGE) == content[at : at + PAGE]
                    self.ctx.expect(same, f"{name}'s text at {address + at:#x} as it was built")

    def expect_same(self) -> None:
        """Every capability, mapping, route and binding is there still, and no other is."""
        after = self.look()
        self.ctx.expect(self.before.keys() == after.keys(), "the same objects as before")
        for key, old in self.before.items():
            new = after[key]
            if old != new and not self.is_business(old, new):
                gone = [line for line in old if line not in new]
                come = [line for line in new if line not in old]
                self.ctx.expect(False, f"{key} as before, not without {gone} and with {come}")

    def is_business(self, old: list[str], new: list[str]) -> bool:
        """Whether a pager may have done that: dropped a frame of its own, if it is the evil one, or
        mapped memory of `b`'s into `b`'s second stage."""
        if old[0].startswith("  of b-pager,"):
            gone = set(old) - set(new)
            return self.evil == "b-pager" and not set(new) - set(old) and "FRAME" in " ".join(gone)
        if not old[0].startswith("  a guest's,"):
            return False
        ranges = [re.match(r"  (\w+)\.\.(\w+) -> (\w+)", line) for line in new[1:]]
        for begin, end, physical in (map(lambda n: int(n, 16), found.groups()) for found in ranges):
            last = physical + end - begin
            if not any(low <= physical and last <= low + size for low, size in self.frames):
                return False
        return True

    def tally(self) -> View:
        """What it says that it did: struct evil_tally."""
        layouts = Layouts(self.ctx.out / f"server_{self.ctx.arch}/{EVIL}", ["evil_tally"], [])
        state = next(entry for entry in self.entries if entry.name == "state")
        raw = self.live.ram.read(state.physical, layouts.size("evil_tally"))
        return View(layouts, "evil_tally", raw, state.physical)


def array(view: View, name: str) -> list[int]:
    at, size = view.layouts.place(view.struct, name)
    return list(struct.unpack_from(f"<{size // 8}Q", view.raw, at))


def boot(ctx: Context, evil: str, rounds: int) -> Live:
    found = Boot(
        ctx.arch,
        ctx.out,
        manifest=source(ctx, evil, rounds),
        files={f"/sbin/{name}": ctx.out / f"guest/{name}.bin" for name in ("guard", "pump")},
        servers={EVIL: ctx.out / f"server_{ctx.arch}" / EVIL},
    )
    return Live(found, TIMEOUT, VIRTUAL_TIMEOUT)


class Guard:
    """The guest of `a`, in its memory."""

    def __init__(self, ctx: Context, live: Live, layouts: Layouts):
        self.live = live
        symbols = Layouts(ctx.out / "guest/guard.elf", [], ["finish", "made", "hashes"]).symbols
        with live.stopped() as ram:
            core = Core(layouts, ram)
            self.at = {name: core.guest(0, address) for name, address in symbols.items()}

    def words(self, name: str, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}Q", self.live.ram.read(self.at[name], count * 8)))

    def transcript(self) -> list[str]:
        """What it printed, or wanted to: a line for each round."""
        made = self.words("made", 1)[0]
        hashes = self.words("hashes", made + 1)
        return [f"guard: round {n}: {hashes[n]:016x}" for n in range(1, made + 1)]

    def finish(self) -> None:
        self.live.ram.write(self.at["finish"], struct.pack("<Q", 1))


def wait_enough(live: Live, guard: Guard, check: Check, rounds: int) -> None:
    """Until `a` has made all of its rounds, and the evil one enough of its calls."""
    while guard.words("made", 1)[0] < rounds:
        live.check_bounds(f"{rounds} rounds", live.running())
        time.sleep(LOOK)
    while check.evil and check.tally()["calls"] < CALLS:
        live.check_bounds(f"{CALLS} system calls", live.running())
        # Its answers may have ended `b`, whose exits were all that it had to do. A server that is
        # started again hears from init.
        if "VM b: stopped" in live.console:
            with contextlib.closing(live.control()) as control:
                live.do(control, f"kill {check.evil}")
        time.sleep(LOOK)


def run(ctx: Context, evil: str, rounds: int) -> tuple[list[str], str]:
    """`a` to its end beside the evil server: its transcript, and everything printed."""
    layouts = Core.load(ctx.out / "exeunt.elf")
    with boot(ctx, evil, rounds) as live:
        try:
            wait_told(live, "guard: begins")
            check, guard = Check(ctx, live, layouts, evil), Guard(ctx, live, layouts)
            wait_enough(live, guard, check, rounds)
            check.expect_same()
            if evil:
                expect_tally(ctx, check.tally(), evil)
            guard.finish()
            wait_told(live, " checks passed")
        finally:
            ctx.keep_text(live.console)
        return transcript(live.console), live.console


def expect_tally(ctx: Context, tally: View, evil: str) -> None:
    """It has tried enough; nothing was done that must not be; all that is forbidden killed it."""
    done, deaths, outlived = (array(tally, name) for name in ("done", "deaths", "outlived"))
    ctx.say(
        f"{evil}: {tally['calls']} system calls, {tally['answers']} answers, "
        f"{tally['refused']} refused, {sum(deaths)} deaths"
    )
    ctx.expect(tally["calls"] >= CALLS, f"{CALLS} system calls, not {tally['calls']}")
    of_pc = dict.fromkeys(("b-timer", "b-sbi"), ALLOWED_PC[ctx.arch])
    more = {"b-pager": ALLOWED_PAGER, **of_pc}
    allowed = more.get(evil, ALLOWED)
    for number, count in enumerate(done):
        name = NUMBERS[number]
        ctx.expect(count == 0 or name in allowed, f"no {name} to be done, not {count}")
    for how, count in enumerate(outlived):
        lawful = evil == "b-pager" and how == GUEST_MEMORY
        ctx.expect(count == 0 or lawful, f"death of kind {how} to be one, each time")


def expect_others_live(ctx: Context, console: str, evil: str) -> None:
    for name in re.findall(r"^server (\S+) died", console, re.MULTILINE):
        ctx.expect(name == evil, f"only {evil} to die, not {name}")


# The transcript beside good servers, by architecture and rounds, once it is known.
_undisturbed: dict[tuple[str, int], list[str]] = {}


def undisturbed(ctx: Context, rounds: int) -> list[str]:
    found = _undisturbed.get((ctx.arch, rounds)) or run(ctx, "", rounds)[0]
    _undisturbed[ctx.arch, rounds] = found
    ctx.expect(len(found) == rounds + 2, f"{rounds + 2} lines, not {len(found)}")
    return found


def compromised(evil: str) -> None:
    @system_test(name=f"compromised-{evil.removeprefix('b-')}", arches=ARCHES)
    def beside(ctx: Context) -> None:
        disturbed, console = run(ctx, evil, ROUNDS)
        same = disturbed == undisturbed(ctx, ROUNDS)
        ctx.expect(same, "the same transcript as beside good servers")
        expect_others_live(ctx, console, evil)


for _evil in ("b-sbi", "b-pager", "b-timer", "b-console", "b-loader"):
    compromised(_evil)


@system_test(arches=ARCHES)
def compromised_own_console(ctx: Context) -> None:
    """In the place of the console that `a` has, too, while that runs: nothing is printed any more,
    and `a` does all that it would have done."""
    layouts = Core.load(ctx.out / "exeunt.elf")
    with boot(ctx, "", ROUNDS_OWN) as live:
        try:
            wait_told(live, "guard: round 1:")
            guard = Guard(ctx, live, layouts)
            content = strip(ctx.out / f"server_{ctx.arch}" / EVIL)
            control = live.control()
            live.do(control, f"replace console #{len(content)}", content)
            check = Check(ctx, live, layouts, "console")
            wait_enough(live, guard, check, ROUNDS_OWN)
            check.expect_same()
            expect_tally(ctx, check.tally(), "console")
            for line in live.do(control, "ps")[1:]:
                name, _, restarts = line.split()[:3]
                lives = name == "console" or restarts == "0"
                ctx.expect(lives, f"{name} to live, not to die {restarts} times")
            same = guard.transcript() == undisturbed(ctx, ROUNDS_OWN)[1:-1]
            ctx.expect(same, "the same rounds as beside good servers")
        finally:
            ctx.keep_text(live.console)
