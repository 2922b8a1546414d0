"""The control line's client, over a monitor that is a thread: protocol, refusals, what is sent."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from exeunt_lib import control
from exeunt_lib.boot import Boot, Images, qemu_command
from exeunt_lib.manifest import Manifest
from exeunt_lib.paths import ROOT, ExeuntError, UsageError

from tests.unit.tools.test_run import minimal_elf


class FakeMonitor:
    """Listens where a system's control line would be, and answers as a table says."""

    def __init__(self, path: Path, answers: dict[bytes, bytes], greeting: bytes = b""):
        self.answers = answers
        self.greeting = greeting
        self.requests: list[bytes] = []
        self.files: list[bytes] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.fspath(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def serve(self) -> None:
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            with link, link.makefile("rwb") as stream:
                stream.write(self.greeting)  # of a client before
                self.talk(stream)

    def talk(self, stream) -> None:
        self.requests.append(stream.read(len(control.MARK)))
        for line in iter(stream.readline, b""):
            request = line.strip()
            size = re.search(rb" #(\d+)$", request)
            if size:
                self.files.append(stream.read(int(size[1])))
                request = request[: size.start()] + b" #"
            echoed = re.fullmatch(rb"echo (\S+)", request)
            self.requests.append(request)
            if not echoed and request not in self.answers:
                return  # the system ends
            stream.write(b" " + echoed[1] + b"\nok\n" if echoed else self.answers[request])
            stream.flush()


class ControlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "control"

    def monitor(self, answers: dict[bytes, bytes], greeting: bytes = b"") -> FakeMonitor:
        fake = FakeMonitor(self.path, answers, greeting)
        self.addCleanup(fake.close)
        return fake

    def run_tool(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess:
        command = [sys.executable, ROOT / "tools/exeunt", *words, "--control", self.path]
        return subprocess.run(
            command, capture_output=True, text=True, input=stdin, check=False, timeout=60
        )

    def test_answers_of_a_client_before_are_skipped(self):
        fake = self.monitor({b"ps": b" a\n b c\nok\n"}, b"e\n of an old answer\nok\nerror: x\n")
        with control.ControlLine(self.path, 5) as line:
            self.assertEqual(line.ask("ps"), control.Answer(["a", "b c"], ""))
        # As servers/monitor/control.h has it: 32 bytes that count down from 255.
        self.assertEqual(fake.requests[0], bytes(255 - i for i in range(32)))

    def test_errors_are_told_apart(self):
        self.monitor({b"fly": b" half\nerror: there is no command\n"})
        with control.ControlLine(self.path, 5) as line:
            self.assertEqual(line.ask(" fly "), control.Answer(["half"], "there is no command"))

    def test_a_system_that_ends_is_told(self):
        self.monitor({})
        with control.ControlLine(self.path, 5) as line:
            with self.assertRaisesRegex(ExeuntError, "has ended"):
                line.ask("ps")

    def test_no_system_is_told_with_what_to_do(self):
        with self.assertRaisesRegex(ExeuntError, "exeunt run --control"):
            control.ControlLine(self.path)

    def test_a_line_that_is_another_clients_is_told(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(os.fspath(self.path))
        listener.listen()
        with self.assertRaisesRegex(ExeuntError, "does not answer"):
            control.ControlLine(self.path, 0.2)

    def test_replace_sends_the_stripped_file(self):
        fake = self.monitor({b"replace sbi-server #": b" sbi-server: replaced\nok\n"})
        elf = self.folder / "new.elf"
        elf.write_bytes(minimal_elf())
        done = self.run_tool("replace", "sbi-server", str(elf))
        self.assertEqual((done.returncode, done.stdout), (0, "sbi-server: replaced\n"))
        self.assertEqual(fake.files, [control.strip(elf)])
        self.assertTrue(fake.files[0].startswith(b"\x7fELF"))

    def test_replace_without_a_file(self):
        self.monitor({b"replace console": b"error: no\n"})
        done = self.run_tool("replace", "console")
        self.assertEqual((done.returncode, done.stderr), (1, "no\n"))

    def test_files_that_cannot_be_sent(self):
        self.monitor({})
        self.assertEqual(self.run_tool("replace", "console", "/no/such").returncode, 2)
        text = self.folder / "text"
        text.write_text("no ELF file")
        self.assertEqual(self.run_tool("replace", "console", str(text)).returncode, 1)
        with self.assertRaisesRegex(ExeuntError, "mark"):
            control.check_content(b"before" + control.MARK, text)

    def test_monitor_takes_one_command_or_many(self):
        self.monitor({b"kill x 2": b" done\nok\n", b"ps": b"error: no\n"})
        done = self.run_tool("monitor", "kill", "x", "2")
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        done = self.run_tool("monitor", stdin="kill x 2\n\nps\nexit\nps\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "done\n", "no\n"))

    def test_places_for_the_socket(self):
        control.check_path(self.path)
        too_long = self.folder / ("x" * control.PATH_MAX)
        for path, text in (
            (too_long, "too long"),
            (self.folder / "no/such", "no folder"),
            (Path(__file__), "is no socket"),
        ):
            with self.assertRaisesRegex(UsageError, text):
                Boot(control=path).check()
        # What a run that was killed left behind is no obstacle; what listens is.
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.fspath(self.path))
        control.check_path(self.path)
        self.assertFalse(self.path.exists())
        self.monitor({})
        with self.assertRaisesRegex(UsageError, "another run's"):
            control.check_path(self.path)

    def test_qemu_gets_the_device_in_the_monitors_slot(self):
        boot = Boot(control=Path("/tmp/a,b"), qemu="qemu")
        images = Images(Path("bundle"), Path("disk"), 1 << 20, "")
        command = qemu_command(boot, self.folder, images)
        self.assertIn("virtio-serial-device,bus=virtio-mmio-bus.0", command)
        self.assertIn("socket,path=/tmp/a,,b,server=on,wait=off,id=control", command)

    def test_manifests_with_a_monitor_are_known(self):
        for monitor, text in ((True, "monitor;"), (False, "")):
            source, blob = self.folder / "m.dts", self.folder / "m.dtb"
            source.write_text(f"/dts-v1/; / {{ servers {{ a {{ }}; b {{ {text} }}; }}; }};")
            subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, source], check=True)
            self.assertEqual(Manifest(blob).has_monitor(), monitor)
