"""`exeunt run` over a QEMU that is a script: what a run changes, and that its status is true."""

import contextlib
import io
import os
import pty
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from exeunt_lib.boot import MACHINES, Boot, Images, boot_once, qemu_command
from exeunt_lib.manifest import Manifest, compile_source
from exeunt_lib.paths import ROOT, ExeuntError, UsageError

import bundle

MANIFEST = """/dts-v1/;
/ { object-memory = <0x0 0x400000>; vms { vm0 {
    cmdline = "as built";
    memory@80000000 { reg = <0x0 0x80000000 0x0 0x01000000>; };
    image { path = "/sbin/gkernel"; };
}; }; };
"""

# Whether what is typed goes to a run.
ASK = """
from exeunt_lib.qemu import Terminal
with Terminal() as terminal:
    print(terminal.interactive)
"""


def program(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    return str(path)


def minimal_elf() -> bytes:
    """An ELF file with one loadable segment of four bytes in a page and a half of memory."""
    start = bundle.ELF_HEADER.size + bundle.PROGRAM_HEADER.size
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = bundle.ELF_HEADER.pack(ident, 2, 243, 1, 0x10008, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    load = bundle.PROGRAM_HEADER.pack(1, 5, start, 0x10008, 0x10008, 4, 6144, 4096)
    return header + load + b"CODE"


class FakeRun(unittest.TestCase):
    """An out folder, and runs with scripts in QEMU's place."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "manifests").mkdir()
        (self.folder / "guest").mkdir()
        source = self.folder / "default.dts"
        source.write_text(MANIFEST)
        blob = self.folder / "manifests/default-riscv64.dtb"
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, source], check=True)
        for arch in ("aarch64", "x86_64"):
            (self.folder / f"manifests/default-{arch}.dtb").write_bytes(blob.read_bytes())
        image = bundle.make_bundle(minimal_elf(), {bundle.MANIFEST: blob.read_bytes()}, bundle.Machine())
        (self.folder / "bundle.img").write_bytes(image)
        for name in ("gkernel.bin", "bench.bin"):
            (self.folder / "guest" / name).write_bytes(b"as built")

    def boot(self, script: str, **fields):
        qemu = program(self.folder, "qemu", script)
        return boot_once(Boot(out=self.folder, qemu=qemu, **fields), live=False)

    def kept(self, what: str, **fields) -> bytes:
        """A file that was given to QEMU: the one whose argument matches the pattern."""
        copy = self.folder / "kept"
        action = f'a=${{a#*file=}}; cp "${{a%%,*}}" {copy}'
        self.boot(f'for a; do case "$a" in {what}) {action};; esac; done', **fields)
        return copy.read_bytes()


class RunTest(FakeRun):
    def manifest_of(self, **fields):
        """The manifest that is in the bundle of such a run, as a way to ask it."""
        image = self.kept("*force-raw*", **fields)
        at = bundle.HEADER.size + bundle.MAX_SEGMENTS * bundle.SEGMENT.size
        _, offset, size = bundle.FILE.unpack_from(image, at)
        blob = self.folder / "seen.dtb"
        blob.write_bytes(image[offset : offset + size])

        def ask(*arguments: str) -> str:
            return subprocess.run(
                ["fdtget", *arguments[:-2], blob, *arguments[-2:]],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.rstrip("\n")

        return ask

    def test_clean_end_is_0(self):
        self.assertEqual(self.boot("echo; echo 'Hypervisor ok!'").status, 0)

    def test_status_0_without_the_closing_line_is_1(self):
        self.assertEqual(self.boot("echo bye").status, 1)

    def test_closing_line_must_be_a_line_of_its_own(self):
        self.assertEqual(self.boot("echo 'not Hypervisor ok! at all'").status, 1)

    def test_a_killed_qemu_is_said_to_be_that(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            ended = self.boot("echo 'Hypervisor ok!'; kill -KILL $$")
        self.assertEqual(ended.status, 1)
        self.assertIn("QEMU was ended by SIGKILL", said.getvalue())

    def test_a_manifest_without_a_machine_is_refused_before_it_starts(self):
        source = self.folder / "mine.dts"
        source.write_text("/dts-v1/; / { };")
        with self.assertRaisesRegex(UsageError, "mine.dts has no object-memory: .*machine-riscv64"):
            self.boot("true", manifest=source)

    def test_closing_line_with_another_status_is_1(self):
        self.assertEqual(self.boot("echo 'Hypervisor ok!'; exit 1").status, 1)

    def test_hang_is_124_and_leaves_no_process(self):
        script = f"echo $$ > {self.folder}/pid; echo waiting; exec sleep 1000"
        result = self.boot(script, timeout=0.5)
        self.assertEqual(result.status, 124)
        self.assertIn("waiting", result.output)
        self.assertFalse(Path("/proc", (self.folder / "pid").read_text().strip()).exists())

    def test_output_closed_but_still_running_is_124(self):
        script = "echo 'Hypervisor ok!'; exec sleep 1000 >&- 2>&-"
        self.assertEqual(self.boot(script, timeout=2).status, 124)

    def test_escape_sequences_do_not_hide_the_closing_line(self):
        self.assertEqual(self.boot(r"printf '\033[32mHypervisor ok!\033[0m\r\n'").status, 0)

    def test_nothing_changed_uses_what_was_built(self):
        self.assertEqual(self.kept("*force-raw*"), (self.folder / "bundle.img").read_bytes())

    def test_cmdline_goes_into_the_manifest(self):
        for text in ("console=hvc0 -- a,b", "-starts with a dash", ""):
            self.assertEqual(self.manifest_of(cmdline=text)("-t", "s", "/vms/vm0", "cmdline"), text)

    def test_memory_goes_into_the_manifest_and_the_machine(self):
        ask = self.manifest_of(mem=5 << 30)
        self.assertEqual(ask("-t", "x", "/vms/vm0/memory@80000000", "reg"), "0 80000000 1 40000000")
        result = self.boot('echo "$@"', mem=5 << 30)
        self.assertIn(f"-m {5 * 1024 + 128}M", result.output)

    def test_initrd_goes_on_the_disk_and_into_the_manifest(self):
        initrd = self.folder / "initrd"
        initrd.write_bytes(os.urandom(70 << 20))  # more than the usual disk
        self.assertEqual(self.manifest_of(initrd=initrd)("/vms/vm0/initrd", "path"), "/boot/initrd")
        self.assertEqual(self.from_disk("/boot/initrd", initrd=initrd), initrd.read_bytes())

    def test_guest_goes_on_the_disk(self):
        guest = self.folder / "my guest"
        guest.write_bytes(b"another guest")
        self.assertEqual(self.from_disk("/sbin/gkernel", guest=guest), b"another guest")

    def test_guest_goes_where_the_manifest_says(self):
        guest = self.folder / "guest.bin"
        guest.write_bytes(b"another guest")
        source = self.folder / "other.dts"
        source.write_text(MANIFEST.replace("/sbin/gkernel", "/boot/a/long-file-name.img"))
        on_disk = self.from_disk("/boot/a/long-file-name.img", guest=guest, manifest=source)
        self.assertEqual(on_disk, b"another guest")

    def from_disk(self, path: str, **fields) -> bytes:
        image = self.folder / "disk"
        image.write_bytes(self.kept("*id=disk*", **fields))
        done = subprocess.run(["mtype", "-i", image, f"::{path}"], check=True, capture_output=True)
        return done.stdout

    def test_object_memory_is_the_manifests(self):
        source = self.folder / "other.dts"
        source.write_text(MANIFEST.replace("<0x0 0x400000>", "<0x1 0x2000>"))
        image = self.kept("*force-raw*", manifest=source)
        self.assertEqual(bundle.HEADER.unpack_from(image)[6], 0x100002000)

    def test_manifest_that_dtc_refuses_is_named(self):
        source = self.folder / "wrong.dts"
        source.write_text("/dts-v1/;\n/ { a = <;\n")
        with self.assertRaisesRegex(ExeuntError, r"wrong\.dts:2"):
            self.boot("exit 0", manifest=source)


class MachineTest(unittest.TestCase):
    """The machine that QEMU is told to be is the one that the manifest describes."""

    def board(self, name: str, arch: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            blob = Path(folder) / "m.dtb"
            compile_source(ROOT / f"guest/manifests/{name}-{arch}.dts", blob)
            images = Images(Path("bundle"), Path("disk"), 1 << 20, Manifest(blob).controller())
        boot = Boot(arch=arch, qemu="qemu", bare=False)
        command = qemu_command(boot, Path(folder), images)
        return command[command.index("-machine") + 1]

    def test_the_interrupt_controller_is_the_manifests(self):
        self.assertEqual(
            self.board("default", "aarch64"), "virt,virtualization=on,gic-version=3"
        )
        self.assertEqual(self.board("gicv2", "aarch64"), "virt,virtualization=on,gic-version=2")
        self.assertEqual(self.board("default", "riscv64"), "virt")

    def test_what_nobody_knows_is_left_to_who_refuses_it(self):
        board = MACHINES["aarch64"].board_with("arm,gic-v5")
        self.assertEqual(board, "virt,virtualization=on,gic-version=3")


class TerminalTest(unittest.TestCase):
    def test_terminal_of_another_session(self):
        """What is typed there is not ours, and that is no reason not to run."""
        controller, terminal = pty.openpty()
        command = [sys.executable, "-c", ASK]
        done = subprocess.run(
            command,
            stdin=terminal,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
            start_new_session=True,
            check=False,
            timeout=60,
        )
        os.close(controller)
        os.close(terminal)
        self.assertEqual((done.returncode, done.stdout), (0, b"False\n"))


class UsageTest(unittest.TestCase):
    def status(self, *words: str) -> int:
        command = [sys.executable, ROOT / "tools/exeunt", *words]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    def test_wrong_usage_is_2(self):
        for words in (
            (),
            ("fly",),
            ("run", "--mem", "12"),
            ("run", "--mem", "3M"),
            ("run", "--guest", "/does/not/exist"),
            ("run", "--timeout", "0"),
            ("run", "--arch", "z80"),
            ("run", "--qemu", "/does/not/exist"),
            ("run", "--disk", __file__, "--guest", __file__),
            ("run", "--pflash", "/does/not/exist"),
            ("run", "--pflash", __file__),
            ("run", "--bare", "--manifest", __file__),
            ("run", "--bare", "--disk", __file__),
            ("run", "--bare", "--control"),
            ("run", "--bare", "--at", "1:kill:console"),
            ("test", "no-such-test"),
            ("test", "--jobs", "0"),
            ("build", "--", "-smp"),
        ):
            with self.subTest(words):
                self.assertEqual(self.status(*words), 2)

    def test_a_tool_that_fails_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, ROOT / "tools/exeunt", "run", "--no-build", "--out", folder]
            manifests = Path(folder) / "manifests"
            manifests.mkdir()
            (Path(folder) / "guest").mkdir()
            source = Path(folder) / "default.dts"
            source.write_text(MANIFEST)
            blob = manifests / "default-riscv64.dtb"
            subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, source], check=True)
            mkfs = program(Path(folder), "mkfs.fat", "echo no room >&2; exit 1")
            path = f"{Path(mkfs).parent}:{os.environ['PATH']}"
            done = subprocess.run(
                [*command, "--guest", __file__],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PATH": path},
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn("no room", done.stderr)
        self.assertIn("exeunt: mkfs.fat failed: mkfs.fat -F 32", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_help_is_0(self):
        for words in (("--help",), ("run", "--help"), ("test", "--list")):
            with self.subTest(words):
                self.assertEqual(self.status(*words), 0)
