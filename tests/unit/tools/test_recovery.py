"""The recovery campaign's parts that need no machine: the stub's protocol over a stub that is a
script, strikes' names, ELF files, and what is made of a console's output."""

import socket
import struct
import tempfile
import threading
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

from exeunt_lib import gdbstub, recovery_survey
from exeunt_lib.paths import ExeuntError, UsageError
from exeunt_lib.recovery_machine import Outcome, Record
from exeunt_lib.recovery_oracle import Oracle, deaths, pauses
from exeunt_lib.recovery_run import Strike, parse_strike, wanted
from exeunt_lib.symbols import Elf

TIMEOUT = 10  # seconds, of the stub's answers

ECALL = b"\x73\0\0\0"

TARGET = '<target><xi:include href="cpu.xml"/><xi:include href="csr.xml"/></target>'
CPU = '<feature><reg name="zero" bitsize="64"/><reg name="ra" bitsize="64"/></feature>'
CSR = '<feature><reg name="satp" bitsize="64" regnum="450"/><reg name="x" bitsize="64"/></feature>'


class FakeStub(threading.Thread):
    """Answers packets as a dictionary says; keeps what it was asked."""

    def __init__(self, path: Path, answers: dict[str, str]):
        super().__init__(daemon=True)
        self.answers = answers
        self.asked: list[str] = []
        self.held: dict[str, threading.Event] = {}  # these are answered behind that
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()

    def run(self) -> None:
        link, _ = self.listener.accept()
        data = b""
        while True:
            data += link.recv(4096)
            if not data:
                return
            while b"#" in data and len(data) >= data.index(b"#") + 3:
                end = data.index(b"#")
                body = data[data.index(b"$") + 1 : end].decode()
                if data[end + 1 : end + 3] != gdbstub.checksum(body.encode()):
                    link.sendall(b"$E99#b7")
                data = data[end + 3 :]
                self.asked.append(body)
                if body in self.held:
                    self.held[body].wait()
                if self.answers.get(body) == "gone":
                    link.close()
                    return
                answer = self.answers.get(body, "").encode()
                link.sendall(b"$" + answer + b"#" + gdbstub.checksum(answer))


ANSWERS = {
    "qSupported:swbreak+;hwbreak+": "PacketSize=1000;qXfer:features:read+",
    "qXfer:features:read:target.xml:0,800": "m" + TARGET[:20],
    "qXfer:features:read:target.xml:14,800": "l" + TARGET[20:],
    "qXfer:features:read:cpu.xml:0,800": "l" + CPU,
    "qXfer:features:read:csr.xml:0,800": "l" + CSR,
    "p1c2": "0102030000000080",
    "p1": "0* ",
    "P1=efbe000000000000": "OK",
    "m1000,4": "deadbeef",
    "m2000,4": "E14",
    "Z1,10012,4": "OK",
    "z1,10012,4": "OK",
    "Z1,2,4": "E22",
    "c": "T05thread:01;",
    "s": "gone",
}


class FollowTest(unittest.TestCase):
    """Which records' ways are followed: OUTPUT is a signal, CALL is none."""

    OUTPUT, CALL = ("console", "SIGNAL"), ("console", "CALL")

    def followed(self, *kinds: tuple[str, str]) -> list[int]:
        """In a run in which these records come, after one in which there were five of each."""
        counts = Counter()
        records = []
        for server, detail in kinds:
            counts.update((server, (server, detail)))
            numbers = (counts[server], counts[server, detail])
            records.append(Record(server, *numbers, detail, 0, 0, detail, False))
        run = mock.Mock()
        run.record.side_effect = [*records, gdbstub.Ended("the end")]
        found = []

        def follow(_run, _server):
            found.append(run.record.call_count)
            return [found[-1]]

        survey = recovery_survey.Survey(2, None)
        survey.arrivals = {kind: [1, 2, 3, 4, 5] for kind in (self.OUTPUT, self.CALL)}
        with mock.patch.multiple(
            recovery_survey, Machine=mock.MagicMock(), Run=lambda _: run, follow=follow
        ):
            recovery_survey.follow_kinds(None, survey)
        self.ways = survey.ways
        return found

    def test_the_typical_record_is_followed(self):
        self.assertEqual(self.followed(*[self.CALL] * 5), [3])
        self.assertEqual(self.followed(*[self.OUTPUT] * 5), [1, 3])
        self.assertEqual(self.ways, {self.OUTPUT: [3]})

    def test_a_signals_way_is_known_where_fewer_come(self):
        self.followed(self.OUTPUT, self.CALL)
        self.assertEqual(self.ways, {self.OUTPUT: [1]})

    def test_what_did_not_come_before_is_passed_over(self):
        self.assertEqual(self.followed(("monitor", "SIGNAL"), *[self.CALL] * 3), [4])

    def test_the_run_is_left_when_all_are_known(self):
        self.assertEqual(self.followed(*[self.CALL, self.OUTPUT] * 4), [2, 5, 6])


class StubTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = Path(self.folder.name) / "gdb"
        self.fake = FakeStub(path, ANSWERS)
        self.fake.start()
        self.stub = gdbstub.Stub(path, pc=32, timeout=TIMEOUT)
        self.addCleanup(self.fake.listener.close)
        self.addCleanup(self.stub.close)

    def test_registers_have_the_numbers_of_the_description(self):
        self.assertEqual(self.stub.number("satp"), 450)
        self.assertEqual(self.stub.numbers, {"zero": 0, "ra": 1, "satp": 450, "x": 451})
        self.assertEqual(self.stub.register(450), 0x8000000000030201)
        self.stub.set_register(1, 0xBEEF)
        with self.assertRaises(gdbstub.StubError):
            self.stub.register(2)
        with self.assertRaises(gdbstub.StubError):
            self.stub.number("sp")

    def test_memory_that_is_not_there_is_an_error(self):
        self.assertEqual(self.stub.read(0x1000, 4), bytes.fromhex("deadbeef"))
        with self.assertRaises(gdbstub.StubError):
            self.stub.read(0x2000, 4)

    def test_breakpoints_are_remembered(self):
        self.stub.set_breakpoint(0x10012)
        self.assertEqual(self.stub.breakpoints, {0x10012})
        self.stub.clear_all()
        self.assertEqual(self.stub.breakpoints, set())
        with self.assertRaises(gdbstub.StubError):
            self.stub.set_breakpoint(2)

    def test_a_machine_that_goes_away_has_ended(self):
        self.stub.start("c")
        self.stub.finish()
        self.stub.start("s")
        with self.assertRaises(gdbstub.Ended):
            self.stub.finish()

    def test_only_a_machine_that_runs_may_have_a_short_time(self):
        stop = threading.Event()
        self.fake.held = {"c": stop}
        self.stub.start("c")
        with self.assertRaises(TimeoutError):
            self.stub.finish(0.01)
        self.assertEqual(self.stub.socket.gettimeout(), TIMEOUT)
        stop.set()
        self.stub.finish()

    def test_runs_and_escapes(self):
        self.assertEqual(gdbstub.unescape(b"0* 1"), b"00001")
        self.assertEqual(gdbstub.unescape(b"a}\x03b"), b"a#b")


def record(**changes) -> Record:
    given = {"server": "console", "number": 3, "index": 2, "kind": "SIGNAL", "attempt": 0, "seq": 9}
    return Record(**{**given, "detail": "SIGNAL", "first": False, **changes})


class StrikeTest(unittest.TestCase):
    def test_a_name_and_its_strike(self):
        fifth = "kill:timer-server:5=SYSREG_leaf/1:105df.1"
        next_one = "flip:console:+IRQ:0.1:77"
        for text in ("kill:sbi-server:57:1a04.2", next_one, "hang:monitor:*:10.1", fifth):
            self.assertEqual(str(parse_strike(text)), text)
        same = Strike("kill", "console", "0", 0x10000)
        self.assertEqual(parse_strike("kill:console:0:10000"), same)

    def test_wrong_names_are_refused(self):
        wrong = ("kiss:console:1:0", "kill:nobody:1:0", "kill:console:+NONE:0", "kill:console:-1:0")
        for text in ("kill", *wrong):
            with self.assertRaises(UsageError):
                parse_strike(text)

    def test_which_arrival_is_meant(self):
        self.assertTrue(wanted(parse_strike("kill:console:3:0"), record()))
        self.assertFalse(wanted(parse_strike("kill:console:3:0"), record(attempt=1)))
        self.assertTrue(wanted(parse_strike("kill:console:+:0"), record(attempt=1)))
        self.assertFalse(wanted(parse_strike("kill:console:+IRQ:0"), record()))
        nth = parse_strike("kill:console:2=SIGNAL:0")
        self.assertTrue(wanted(nth, record()) and wanted(nth, record(number=7)))
        self.assertTrue(wanted(nth, record(index=3)))
        self.assertFalse(wanted(nth, record(index=1)) or wanted(nth, record(attempt=1)))
        load = parse_strike("kill:npf-pager:2=STAGE2_rtc@101000_load:1a04.1")
        of_load = record(server="npf-pager", detail="STAGE2 rtc@101000 load")
        self.assertTrue(wanted(load, of_load))
        self.assertFalse(wanted(parse_strike("kill:monitor:3:0"), record()))


DIED = "server console died: it executed nonsense, at put+0x4, serving IRQ; restarting it\n"
ENDED = "Guest: SBI SRST shutdown\nShutdown vm normally!\n"
COUNTED = (
    "server console: restarted 2 times, longest pause 900 instructions; replaced 1 times, longest "
    "pause 70 instructions\n"
)


def console(guest: str, end: str = ENDED) -> str:
    begin = "OpenSBI\nStarting virtualization...\nEntering VM run loop...\n"
    return f"{begin}{guest}{end}{COUNTED}Hypervisor ok!\n"


class OracleTest(unittest.TestCase):
    def setUp(self):
        self.undisturbed = Outcome(0, console("@ one;\n@ two;\n"), "hash")
        self.oracle = Oracle.of(self.undisturbed, 1)

    def outcome(self, guest: str, **changes) -> Outcome:
        return Outcome(**{"status": 0, "console": console(guest), "ram": "hash", **changes})

    def test_lines_between_are_left_out_and_cut_lines_joined(self):
        for guest in (
            "@ one;\n@ two;\n",
            f"@ o\n{DIED}ne;\n@ two;\n",
            f"@ one;\n{DIED}@ two;\n",
            f"@ one;\n{DIED}{DIED}\n@ two;\n",
            f"{DIED}@ one;\n@ two;\n{DIED}",
        ):
            self.assertEqual(self.oracle.difference(self.outcome(guest)), "", guest)

    def test_what_is_lost_doubled_or_swapped_is_seen(self):
        for guest in (
            "@ one;\n",
            "@ one;\n@ one;\n@ two;\n",
            "@ two;\n@ one;\n",
            "@ oone;\n@ two;\n",
            "@ one;@ two;\n",
            "@ one;\n\n@ two;\n",
            f"@ o\n{DIED}one;\n@ two;\n",
        ):
            self.assertIn("output differs", self.oracle.difference(self.outcome(guest)), guest)

    def test_verdicts(self):
        good = "@ one;\n@ two;\n"
        hung = DIED.replace("executed nonsense", "did not come back in time")
        stopped = "VM vm0: 3 servers died on its exit 7 (IDLE): the VM is stopped\n"
        for verdict, outcome in (
            ("masked", self.outcome(good)),
            ("recovered death", self.outcome(DIED + good)),
            ("recovered hang", self.outcome(hung + good)),
            ("wrong output", self.outcome("@ one;\n")),
            ("wrong memory", self.outcome(good, ram="other")),
            ("VM stopped", self.outcome("", console=console("", stopped))),
            ("machine ended", self.outcome("", console="Starting virtualization...\n@ one;\n")),
            ("stuck", self.outcome(good, status=None, why="it ran on")),
        ):
            self.assertEqual(self.oracle.classify(outcome), verdict)

    def test_a_bad_status_is_no_clean_end(self):
        failed = self.outcome("@ one;\n@ two;\n", status=1)
        self.assertIn("status 1", self.oracle.difference(failed))

    def test_what_the_hypervisor_says_of_deaths_and_pauses(self):
        self.assertEqual(deaths(console(DIED)), [("console", "executed nonsense")])
        self.assertEqual(pauses(console("")), (900, 70))
        self.assertEqual(pauses("nothing"), (0, 0))


def elf_file() -> bytes:
    """Text of three instructions at 0x10000, and a symbol table with one function and one label."""
    text = b"\x13\0\0\0" + ECALL + b"\x82\x80"
    strings = b"\0begin\0end\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0x10000, 10)
    symbols += struct.pack("<IBBHQQ", 7, 0x10, 0, 1, 0x1000A, 0)
    at = 64
    places = [at, at + len(text), at + len(text) + len(strings)]
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 0, 1, 6, 0x10000, places[0], len(text), 0, 0, 4, 0)
    sections += struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, places[2], len(symbols), 3, 1, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, places[1], len(strings), 0, 0, 1, 0)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    offset = places[2] + len(symbols)
    fields = (2, 243, 1, 0x10000, 0, offset, 0, 64, 56, 0, 64, 4, 3)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, *fields)
    return header + text + strings + symbols + sections


class ElfTest(unittest.TestCase):
    def test_symbols_and_text(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.elf"
            path.write_bytes(elf_file())
            elf = Elf(path)
            self.assertEqual(elf.symbols, {"begin": 0x10000, "end": 0x1000A})
            self.assertEqual(elf.place(0x10004), "begin+0x4")
            self.assertEqual(elf.place(0x2000), "0x2000")
            self.assertEqual(elf.find_text(ECALL, 2), [0x10004])
            self.assertEqual(elf.find_text(ECALL[1:], 2), [])
            self.assertEqual(elf.text_at(0x10008, 2), b"\x82\x80")
            with self.assertRaises(ExeuntError):
                elf.address("nothing")
            path.write_bytes(b"no ELF")
            with self.assertRaises(ExeuntError):
                Elf(path)


if __name__ == "__main__":
    unittest.main()
