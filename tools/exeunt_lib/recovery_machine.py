"""The machine that is disturbed: QEMU with its RAM in a file and its processor under the stub.

What is compared afterwards is taken from outside, too: the console's bytes, the guest's RAM as it
lies in the file when QEMU has ended, and QEMU's own status.
"""

import hashlib
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import control
from .abi import CLASSES
from .arch import Arch, Mend, arch_of, nothing_to_mend
from .boot import MB, Boot, clean_status, make_images, qemu_command
from .gdbstub import Ended, Stub
from .manifest import Manifest
from .paths import ROOT, ExeuntError, out_dir
from .qemu import VirtualClock, plain
from .symbols import Elf

# Where every server has its config (ipc/config.h).
CONFIG = 0x30000000
NAME_AT, NAME_SIZE = 16, 24
CONFIG_HEADER = struct.Struct("<IIQ24sQQ")
CONFIG_ENTRY = struct.Struct("<24sIIQQQQQ")
GUEST_RAM = "guest-ram-0"
WINDOW = 1  # ipc/config.h, enum config_kind

SERVERS = ("sbi-server", "npf-pager", "timer-server", "fs-loader", "console", "monitor")
INIT = "init"

ACCESSES = ("read", "write", "execute", "?")  # ipc/exit.h, enum access

# A machine that makes no progress ends after so many seconds: of its own time, and of wall time.
VIRTUAL_LIMIT = 15.0
WALL_LIMIT = 900.0
PATIENCE = 2.0  # between two looks at these


class Stuck(Exception):
    """The machine ran on and on without an end."""


@dataclass(frozen=True)
class Record:
    """A record at the moment at which it arrives at a server."""

    server: str
    number: int  # among those that the server got for the first time
    index: int  # among these, of its detail
    kind: str  # the class
    attempt: int
    seq: int
    detail: str  # the class, and of a call which; of a stage-2 fault what it wants
    first: bool  # that this life of the server gets


@dataclass
class Outcome:
    """What a run left behind."""

    status: int | None  # None: it had to be ended
    console: str
    ram: str
    why: str = ""


def swallow(link: socket.socket) -> None:
    """Reads what nobody looks at: it is in the log, and the writer must not wait."""
    try:
        while link.recv(65536):
            pass
    except OSError:
        pass


@dataclass(frozen=True)
class System:
    """What is booted: the out folder, the guest's rounds; symbols are read once.

    places: what the first VM has where: base, size, name. routes: who gets its exits.
    """

    arch: Arch
    out: Path
    images: tuple[Path, Path, int]
    elves: dict[str, Elf]
    first_vm: int = 0  # the badge of the first VM's exits
    typed: bytes = b""  # on the console, when the guest runs
    controlled: bool = False  # has a control line
    places: tuple[tuple[int, int, str], ...] = ()
    routes: tuple[tuple[str, str], ...] = ()

    @property
    def receives(self) -> tuple[int, int]:
        """Where records arrive: the first that a new server gets, and all others."""
        elf = next(elf for name, elf in self.elves.items() if name != "core")
        return elf.address("rt_receive_first"), elf.address("rt_receive")

    @property
    def start(self) -> int:
        return self.elves[SERVERS[0]].entry

    def detail(self, kind: str, words: tuple[int, ...]) -> str:
        """What a record is about: its class, and of some classes more."""
        if kind == "STAGE2":
            return f"STAGE2 {self.place(words[0])} {ACCESSES[words[1] & 3]}"
        return f"{kind} {self.arch.detail(kind, words)}".rstrip()

    def place(self, address: int) -> str:
        """What the guest has there, and which of those registers that are told apart."""
        for base, size, name in self.places:
            if base <= address < base + size:
                register = self.arch.registers.get((name, address - base))
                return f"{name} {register}" if register else name
        return "nowhere"


def recovery_manifest(arch: str) -> Path:
    return ROOT / f"tests/recovery/manifests/recovery-{arch}.dts"


def recovery_guest(arch: str, out: Path | None) -> Path:
    return (out or out_dir(arch)) / "guest/recovery.bin"


def recovery_system(
    arch: str, scratch: Path, rounds: int, out: Path | None = None, typed: bytes = b"", more: str = ""
) -> System:
    """With the campaign's own guest. more: for its command line."""
    boot = Boot(
        arch=arch,
        out=out,
        manifest=recovery_manifest(arch),
        guest=recovery_guest(arch, out),
        cmdline=f"rounds={rounds}" + (f" input={len(typed)}" if typed else "") + more,
    )
    return make_system(boot, scratch, typed=typed)


def make_system(
    boot: Boot, scratch: Path, typed: bytes = b"", controlled: bool = False
) -> System:
    arch, out = boot.arch, boot.out or out_dir(boot.arch)
    boot.check()
    elves = {n: Elf(out / f"server_{arch}/{n}.elf") for n in (*SERVERS, INIT)}
    elves["core"] = Elf(out / "exeunt.elf")
    names = ("_start", "rt_receive_first", "rt_receive")
    servers = [elf for name, elf in elves.items() if name != "core"]
    places = {tuple(elf.address(name) for name in names) for elf in servers}
    if len(places) != 1:
        raise ExeuntError("the servers' records do not arrive at one address: see libs/rt")
    images = make_images(boot, out, scratch)
    manifest = Manifest(scratch / "manifest.dtb")
    places, routes = tuple(manifest.places()), tuple(manifest.routes())
    return System(
        arch_of(arch), out, images, elves, manifest.first_vm_id(), typed, controlled, places, routes
    )


def temporary() -> tempfile.TemporaryDirectory:
    """For the machine's RAM: in memory where that is possible."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="exeunt-", dir=where)


class Machine:
    """One boot. As a context: whatever happens, QEMU ends."""

    def __init__(self, system: System, shift: int = 0):
        self.system = system
        self.arch = system.arch
        self.shift = shift
        self.counts: Counter = Counter()
        self.last_seq: dict[tuple[str, str], int] = {}
        self.guest_ram: list[tuple[int, int]] = []  # offset in the file, size
        self.at_breakpoint = False
        # Undoes what a strike changed of a program, for the server's next life.
        self.mend: Mend = nothing_to_mend
        self.terminal: socket.socket | None = None
        self.line: socket.socket | None = None

    def __enter__(self):
        self.folder = temporary()
        place = Path(self.folder.name)
        self.console_file, self.ram_file = place / "console", place / "ram"
        boot = Boot(arch=self.arch.name, out=self.system.out)
        if self.system.controlled:
            boot.control = place / "control"
        command = qemu_command(boot, self.system.out, self.system.images)
        memory = -(-self.system.images[2] // MB)
        self.clock = VirtualClock(self.folder.name, self.arch.name)
        for at, word in enumerate(command):
            if word.startswith("stdio,id=console"):
                command[at] = (
                    f"socket,path={place}/tty,server=on,wait=off,id=console,"
                    f"logfile={self.console_file}"
                    if self.system.typed
                    else f"file,path={self.console_file},id=console"
                )
        command += [
            *("-machine", "memory-backend=ram"),
            *("-object", f"memory-backend-file,id=ram,size={memory}M,share=on,"
              f"mem-path={self.ram_file}"),
            *("-icount", f"shift={self.shift},sleep=on", "-seed", "1", "-S"),
            *("-gdb", f"unix:{place}/gdb,server=on,wait=off"),
            *self.clock.arguments(),
        ]
        full = ["setpriv", "--pdeathsig", "KILL", *command]
        self.log = place / "qemu"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                full, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.began = time.monotonic()
        try:
            self.stub = Stub(place / "gdb", self.arch.pc)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.clock.close()
        if hasattr(self, "stub"):
            self.stub.close()
        for link in (self.terminal, self.line):
            if link:
                link.close()
        self.folder.cleanup()

    # Running.

    def _wait(self, order: str) -> None:
        self.stub.start(order)
        while True:
            try:
                self.stub.finish(PATIENCE)
                return
            except TimeoutError:
                wall = time.monotonic() - self.began
                if wall > WALL_LIMIT or self.clock.seconds() > VIRTUAL_LIMIT:
                    raise Stuck(f"it ran on without an end, {self.where()}") from None

    def where(self) -> str:
        """Stops the machine, which runs, and says where it is."""
        self.stub.interrupt()
        pc, name = self.pc, self.name()
        elf = self.system.elves["core" if pc >> 63 else name]
        return f"in {'the core' if pc >> 63 else name} at {elf.place(pc)}"

    def step(self) -> None:
        """One instruction, or the entry of a trap."""
        self._wait("s")
        self.at_breakpoint = False

    def go(self) -> None:
        """To the next breakpoint, off the one where it stands."""
        if self.at_breakpoint:
            self.step()
        self._wait("c")
        self.at_breakpoint = True

    def here(self) -> tuple[list[int], str]:
        """The registers, and whose address space is current: a server's, or init's, which has no
        config."""
        registers, name = self.stub.look(CONFIG + NAME_AT, NAME_SIZE)
        return registers, INIT if name is None else name.split(b"\0")[0].decode(errors="replace")

    def name(self) -> str:
        return self.here()[1]

    @property
    def pc(self) -> int:
        return self.stub.register(self.arch.pc)

    def set_pc(self, value: int) -> None:
        self.stub.set_register(self.arch.pc, value)

    def arrival(self, registers: list[int], name: str) -> Record:
        """What stands in the registers at the receive entry, counted."""
        arch, info = self.arch, registers[self.arch.info]
        kind = CLASSES[info & 0xFF] if info & 0xFF < len(CLASSES) else "?"
        attempt = info >> 24 & 0xFF
        detail = self.system.detail(kind, tuple(registers[word] for word in arch.words))
        if attempt == 0:
            self.counts.update((name, (name, detail)))
        number, index = self.counts[name], self.counts[name, detail]
        first = registers[self.arch.pc] == self.system.receives[0]
        return Record(name, number, index, kind, attempt, registers[arch.seq], detail, first)

    def next_record(self) -> Record:
        """Runs to the next arrival of a record, at whichever server; init's are passed over."""
        while True:
            self.go()
            registers, name = self.here()
            if name != INIT:
                return self.arrival(registers, name)

    def watch(self) -> None:
        for place in self.system.receives:
            self.stub.set_breakpoint(place)

    def unwatch(self) -> None:
        for place in self.system.receives:
            self.stub.clear_breakpoint(place)
        self.at_breakpoint = False

    def type(self) -> None:
        """What the system is to have typed; once."""
        if self.system.typed and not self.terminal:
            self.terminal = self._connect("tty")
            self.terminal.sendall(self.system.typed)

    def request(self, text: str) -> None:
        """Sends the monitor a line, which comes when the machine runs; its answer is not read."""
        if not self.line:
            self.line = self._connect("control")
        self.line.sendall(f"{text}\n".encode())

    def _connect(self, name: str) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(Path(self.folder.name) / name))
        threading.Thread(target=swallow, args=(link,), daemon=True).start()
        return link

    # What is left in the end.

    def config(self) -> list[tuple]:
        """The entries of the current server's config."""
        count = CONFIG_HEADER.unpack(self.stub.read(CONFIG, CONFIG_HEADER.size))[1]
        raw = self.stub.read(CONFIG + CONFIG_HEADER.size, count * CONFIG_ENTRY.size)
        return [(e[0].split(b"\0")[0].decode(), *e[1:]) for e in CONFIG_ENTRY.iter_unpack(raw)]

    def windows(self) -> list[tuple[str, int, int]]:
        """Names, addresses and sizes of the memory that the current server has."""
        return [(entry[0], entry[3], entry[4]) for entry in self.config() if entry[1] == WINDOW]

    def find_guest_ram(self) -> None:
        """Reads where the guest's RAM lies out of sbi-server's config, while that is current."""
        self.guest_ram = [(e[5] - self.arch.ram, e[4]) for e in self.config() if e[0] == GUEST_RAM]

    def outcome(self, why: str = "") -> Outcome:
        """After the end, or when there is none to be expected any more."""
        if why:
            self.process.kill()
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status, why = self.process.wait(), why or "QEMU does not end"
        digest = hashlib.sha256()
        with self.ram_file.open("rb") as ram:
            for offset, size in self.guest_ram:
                ram.seek(offset)
                digest.update(ram.read(size))
        console = plain(self.console_file.read_bytes())
        status = 0 if status == clean_status(self.arch.name) else status or 1
        return Outcome(None if why else status, console, digest.hexdigest(), why)

    def finish(self) -> Outcome:
        """Runs undisturbed to the end."""
        try:
            self.stub.clear_all()
            self.at_breakpoint = False
            while True:
                self.go()
        except Ended:
            return self.outcome()
        except Stuck as stuck:
            return self.outcome(str(stuck))
