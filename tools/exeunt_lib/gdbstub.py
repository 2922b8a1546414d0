"""A machine under QEMU's gdb stub: stopped, looked at, changed and stepped from outside.

The protocol is the GDB manual's, appendix E "Remote Protocol"; of QEMU's own packets only those
for physical addresses and for what a step is are used. Addresses are virtual unless a name says otherwise.
"""

import contextlib
import re
import socket
import time
from pathlib import Path

WORD = 8
# Bytes of memory in one packet: the stub takes packets of 4096 characters.
CHUNK = 1024

# What a step is, to QEMU; what is not said here keeps interrupts off in it.
SSTEP_ENABLE, SSTEP_NO_TIMERS = 1, 4

# QEMU's target description numbers control registers one by one from a block's `regnum` on.
ANNEX = re.compile(r'<xi:include href="([^"]+)"')
ANY_REGISTER = re.compile(r'<reg name="([^"]+)"([^>]*)>')


class StubError(Exception):
    """The stub refused something, or went away."""


class Ended(StubError):
    """The machine ended: there is nothing to be stopped any more."""


def checksum(body: bytes) -> bytes:
    return b"%02x" % (sum(body) & 0xFF)


def unescape(body: bytes) -> bytes:
    """Takes out escapes ('}' and the byte xor 0x20) and runs ('*' and a count plus 29)."""
    if b"}" not in body and b"*" not in body:
        return body
    out = bytearray()
    at = 0
    while at < len(body):
        byte = body[at]
        if byte == 0x7D:
            at += 1
            out.append(body[at] ^ 0x20)
        elif byte == 0x2A:
            at += 1
            out += bytes([out[-1]]) * (body[at] - 29)
        else:
            out.append(byte)
        at += 1
    return bytes(out)


def register_numbers(annexes: list[str]) -> dict[str, int]:
    """Names to numbers, as the target description's files list them in order.

    A register without a number of its own follows the one before it.
    """
    numbers = {}
    following = 0
    for text in annexes:
        for name, rest in ANY_REGISTER.findall(text):
            own = re.search(r'regnum="(\d+)"', rest)
            following = int(own[1]) if own else following
            numbers[name] = following
            following += 1
    return numbers


class Stub:
    """One connection to a gdb stub.

    pc: the number of the program counter; before it are the general registers. timeout: seconds of
    wall time that any one answer may take: many, for a busy host may let QEMU wait.
    """

    def __init__(self, path: Path, pc: int, timeout: float = 60.0):
        self.pc, self.timeout = pc, timeout
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        end = time.monotonic() + timeout
        while True:
            try:
                self.socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise StubError(f"there is no gdb stub at {path}") from None
                time.sleep(0.01)
        self.buffer = b""
        features = self.ask("qSupported:swbreak+;hwbreak+")
        if b"qXfer:features:read+" not in features:
            raise StubError("the stub does not describe its registers")
        # Acknowledgements are for lines that lose bytes.
        if b"QStartNoAckMode+" in features:
            self.ask("QStartNoAckMode")
            self.acknowledge = False
        # Single registers can be asked for only after their description was.
        self.annexes = ANNEX.findall(self._describe("target.xml"))
        self.numbers: dict[str, int] = {}
        self.breakpoints: set[int] = set()

    acknowledge = True

    def close(self) -> None:
        self.socket.close()

    # Packets.

    def _send(self, body: bytes) -> None:
        try:
            self.socket.sendall(b"$" + body + b"#" + checksum(body))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Ended("the machine has ended") from error

    def _receive(self) -> bytes:
        while True:
            begin = self.buffer.find(b"$")
            end = self.buffer.find(b"#", begin + 1) if begin >= 0 else -1
            if end >= 0 and len(self.buffer) >= end + 3:
                body = self.buffer[begin + 1 : end]
                self.buffer = self.buffer[end + 3 :]
                if self.acknowledge:
                    # Nobody waits for it where that was the machine's last word.
                    with contextlib.suppress(BrokenPipeError):
                        self.socket.sendall(b"+")
                return unescape(body)
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Ended("the machine has ended")
            self.buffer += more

    def ask(self, body: str) -> bytes:
        self._send(body.encode())
        return self._receive()

    def order(self, body: str) -> None:
        answer = self.ask(body)
        if answer != b"OK":
            raise StubError(f"the stub answers {answer.decode()!r} to {body[:60]!r}")

    # Registers.

    def register(self, number: int) -> int:
        answer = self.ask(f"p{number:x}")
        if not answer or answer.startswith(b"E"):
            raise StubError(f"register {number} can't be read: {answer.decode()!r}")
        return int.from_bytes(bytes.fromhex(answer.decode()), "little")

    def set_register(self, number: int, value: int) -> None:
        self.order(f"P{number:x}={value.to_bytes(WORD, 'little').hex()}")

    def look(self, address: int, size: int) -> tuple[list[int], bytes | None]:
        """The general registers and the pc, and what is in memory there (at most CHUNK bytes; None:
        nothing), asked for at once: an answer takes longer to wait for than to be made."""
        self._send(b"g")
        self._send(f"m{address:x},{size:x}".encode())
        registers, memory = self._receive(), self._receive()
        raw = bytes.fromhex(registers[: (self.pc + 1) * WORD * 2].decode())
        words = [int.from_bytes(raw[at : at + WORD], "little") for at in range(0, len(raw), WORD)]
        return words, None if memory.startswith(b"E") else bytes.fromhex(memory.decode())

    def number(self, name: str) -> int:
        """Of a register that is no general one: by the description, which is read where needed."""
        if not self.numbers:
            self.numbers = register_numbers([self._describe(annex) for annex in self.annexes])
        if name not in self.numbers:
            raise StubError(f"the stub knows no register {name}")
        return self.numbers[name]

    def _describe(self, annex: str) -> str:
        text = b""
        while True:
            part = self.ask(f"qXfer:features:read:{annex}:{len(text):x},800")
            text += part[1:]
            if not part.startswith(b"m"):
                return text.decode()

    # Memory.

    def read(self, address: int, size: int) -> bytes:
        """Of the address space that is current. StubError: it is not mapped."""
        data = b""
        while len(data) < size:
            part = min(CHUNK, size - len(data))
            answer = self.ask(f"m{address + len(data):x},{part:x}")
            if answer.startswith(b"E") or len(answer) != 2 * part:
                raise StubError(f"nothing can be read at {address:#x}")
            data += bytes.fromhex(answer.decode())
        return data

    def write(self, address: int, data: bytes) -> None:
        self.order(f"M{address:x},{len(data):x}:{data.hex()}")

    def write_physical(self, address: int, data: bytes) -> None:
        """As a device would: to memory, or to another device."""
        self.order("Qqemu.PhyMemMode:1")
        self.write(address, data)
        self.order("Qqemu.PhyMemMode:0")

    # Running.

    def step_with_interrupts(self) -> None:
        """From now on one instruction may be the entry of an interrupt; timers stand still in it."""
        self.order(f"Qqemu.sstep={SSTEP_ENABLE | SSTEP_NO_TIMERS:x}")

    def set_breakpoint(self, address: int) -> None:
        self.order(f"Z1,{address:x},4")
        self.breakpoints.add(address)

    def clear_breakpoint(self, address: int) -> None:
        self.order(f"z1,{address:x},4")
        self.breakpoints.discard(address)

    def clear_all(self) -> None:
        for address in list(self.breakpoints):
            self.clear_breakpoint(address)

    def start(self, order: str) -> None:
        """c: to the next breakpoint; s: one instruction, or the entry of a trap.

        Where a breakpoint stands the machine stops at once: step off it first.
        """
        self._send(order.encode())

    def finish(self, patience: float | None = None) -> None:
        """Waits for the stop as long as for any answer, or so many seconds. TimeoutError: it runs on;
        to be called again."""
        self.socket.settimeout(self.timeout if patience is None else patience)
        try:
            answer = self._receive()
        finally:
            self.socket.settimeout(self.timeout)
        if answer[:1] in (b"W", b"X"):
            raise Ended("the machine has ended")
        if answer[:1] not in (b"T", b"S"):
            raise StubError(f"the stub answers {answer.decode()!r} to a machine that runs")

    def interrupt(self) -> None:
        """Stops a machine that runs."""
        try:
            self.socket.sendall(b"\x03")
        except ConnectionError as error:
            raise Ended("the machine has ended") from error
        self.finish()

    def detach(self) -> None:
        """Lets a machine that stands go on, without breakpoints, as if nobody had been here."""
        try:
            self.ask("D")
        except (OSError, StubError):
            pass  # it has ended, or runs
