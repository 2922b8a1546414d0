"""`exeunt run --bare` over a QEMU that is a script: what the guest is given, who judges its end."""

import subprocess
import sys

from exeunt_lib.boot import MB
from exeunt_lib.paths import ROOT, UsageError
from tests.unit.tools.test_run import FakeRun, program

NORMALLY = "echo; echo 'monolithic kernel exit [0] normally!'"
SAY_ALL = 'printf "%s\\n" "$@"'


class BareTest(FakeRun):
    def setUp(self):
        super().setUp()
        self.fill_flash(b"pfld" + bytes(5000) + b"end")

    def fill_flash(self, content: bytes) -> None:
        with (self.folder / "pflash.img").open("wb") as out:
            out.write(content)
            out.truncate(32 * MB)

    def words(self, **fields) -> list[str]:
        """QEMU's arguments."""
        return self.boot(SAY_ALL, bare=True, **fields).output.splitlines()

    def given(self, option: str, **fields) -> list[str]:
        words = self.words(**fields)
        return [b for a, b in zip(words, words[1:]) if a == option]

    def status(self, script: str, **fields) -> int:
        return self.boot(script, bare=True, **fields).status

    def test_the_guests_closing_line_decides(self):
        other = self.folder / "other.bin"
        other.write_bytes(b"another guest")
        failed = "echo 'monolithic kernel exit [3] abnormally!'"
        for script, own, others in (
            (NORMALLY, 0, 0),
            (r"printf 'monolithic kernel exit [0] normally!\r\n'", 0, 0),
            (f"{NORMALLY}; exit 1", 1, 1),
            (failed, 1, 1),
            (f"{NORMALLY}; {failed}", 1, 1),
            ("echo 'Hypervisor ok!'", 1, 0),
            ("echo 'not monolithic kernel exit [0] normally!'", 1, 0),
            ("exit 1", 1, 1),
        ):
            with self.subTest(script):
                self.assertEqual(self.status(script), own)
                self.assertEqual(self.status(script, guest=other), others)

    def test_a_hang_is_124(self):
        self.assertEqual(self.status(f"{NORMALLY}; exec sleep 1000", timeout=0.5), 124)

    def test_it_is_gkernel_with_the_memory_of_a_vm_and_nothing_of_the_hypervisor(self):
        self.assertEqual(self.given("-kernel"), [f"{self.folder}/guest/gkernel.bin"])
        self.assertEqual(self.given("-m"), ["16M"])
        self.assertEqual(self.given("-bios"), ["default"])
        self.assertEqual(self.given("-drive"), [])
        self.assertFalse([word for word in self.words() if "exeunt.elf" in word])

    def test_guest_memory_and_ram_disk_are_changed_as_for_a_vm(self):
        for name in ("guest", "initrd"):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "file").write_bytes(b"some")
        path = self.folder / "guest/file"
        self.assertEqual(self.given("-kernel", guest=path), [str(path)])
        self.assertEqual(self.given("-initrd", initrd=path), [str(path)])
        self.assertEqual(self.given("-m", mem=64 * MB), ["64M"])

    def test_the_command_line_is_the_manifests_unless_one_is_given(self):
        self.assertEqual(self.given("-append"), ["as built"])
        self.assertEqual(self.given("-append", cmdline="spin fork,a=b"), ["spin fork,a=b"])
        self.assertEqual(self.given("-append", cmdline=""), [])

    def test_guest_args_are_the_command_line(self):
        qemu = program(self.folder, "qemu", f"{SAY_ALL}; {NORMALLY}")
        for option in ("--guest-args", "--cmdline"):
            command = [ROOT / "tools/exeunt", "run", "--bare", "--no-build", "--out", self.folder]
            command += ["--qemu", qemu, option, "spin fork"]
            done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("-append\nspin fork\n", done.stdout)

    def test_the_flash_is_loaded_without_the_zeroes_behind_its_content(self):
        content = self.kept("*addr=0x22000000,*", bare=True)
        self.assertEqual(content, b"pfld" + bytes(5000) + b"end")
        other = self.folder / "other.img"
        other.write_bytes(b"other".ljust(32 * MB, b"\0"))
        self.assertEqual(self.kept("*addr=0x22000000,*", bare=True, pflash=other), b"other")

    def test_a_flash_larger_than_ram_is_loaded_in_parts(self):
        self.fill_flash(b"a" * 3 * MB)
        devices = self.given("-device", mem=2 * MB)
        places = [word.split("addr=")[1].split(",")[0] for word in devices]
        self.assertEqual(places, ["0x22000000", "0x22200000"])
        self.assertEqual(self.kept("*addr=0x22200000,*", bare=True, mem=2 * MB), b"a" * MB)

    def test_an_empty_flash_is_not_loaded(self):
        self.fill_flash(b"")
        self.assertEqual(self.given("-device"), [])

    def test_what_is_the_hypervisors_is_refused(self):
        some = self.folder / "default.dts"
        for field, value in (
            ("manifest", some),
            ("disk", some),
            ("control", self.folder / "control"),
            ("at", ["1:kill:console"]),
            ("files", {"/a": some}),
            ("servers", {"a": some}),
        ):
            with self.subTest(field), self.assertRaisesRegex(UsageError, "--bare"):
                self.words(**{field: value})

    def test_aarch64_has_its_own_machine_with_the_flash_as_a_file(self):
        self.assertEqual(self.given("-machine", arch="aarch64"), ["virt,gic-version=3"])
        self.assertEqual(self.given("-cpu", arch="aarch64"), ["cortex-a57"])
        self.assertEqual(self.given("-cpu", arch="aarch64", cpu="max"), ["max"])
        self.assertEqual(self.given("-bios", arch="aarch64"), [])
        self.assertEqual(self.given("-m", arch="aarch64"), ["16M"])
        self.assertEqual(self.given("-append", arch="aarch64"), ["as built"])
        self.assertEqual(self.given("-append", arch="aarch64", cmdline="spin"), ["spin"])
        flash = f"file={self.folder}/pflash.img,if=pflash,unit=1,format=raw,readonly=on"
        self.assertEqual(self.given("-drive", arch="aarch64"), [flash])

    def test_x86_64_has_a_pc_with_firmware_and_flash_in_one(self):
        with (self.folder / "pflash.img").open("r+b") as image:
            image.truncate(0x3C0000)
        words = {"arch": "x86_64"}
        self.assertEqual(self.given("-machine", **words), ["q35,sata=off"])
        self.assertEqual(self.given("-cpu", **words), ["EPYC,check=off"])
        self.assertEqual(self.given("-bios", **words), [])
        self.assertEqual(self.given("-kernel", **words), [f"{self.folder}/guest/gkernel.bin"])
        firmware, flash = self.given("-drive", **words)
        self.assertIn("bios-256k.bin,if=pflash,unit=0,", firmware)
        file = f"file={self.folder}/pflash.img"
        self.assertEqual(flash, f"{file},if=pflash,unit=1,format=raw,readonly=on")

    def test_the_hypervisor_on_a_pc_has_its_disk_on_the_bus_and_a_device_to_fail_by(self):
        with (self.folder / "pflash.img").open("wb") as image:
            image.truncate(0x3C0000)
        words = self.boot(SAY_ALL, arch="x86_64").output.splitlines()
        pairs = list(zip(words, words[1:]))
        for pair in (
            ("-machine", "q35,sata=off"),
            ("-cpu", "EPYC,check=off"),
            ("-kernel", f"{self.folder}/exeunt.elf"),
            ("-device", f"loader,file={self.folder}/bundle.img,addr=0x1200000,force-raw=on"),
            ("-device", "virtio-blk-pci,disable-legacy=on,addr=4,drive=disk"),
            ("-device", "isa-debug-exit"),
        ):
            self.assertIn(pair, pairs)

    def test_a_clean_end_by_isa_debug_exit_is_x86_64s(self):
        for status, arch, wanted in ((33, "x86_64", 0), (1, "x86_64", 1), (33, "riscv64", 1)):
            with self.subTest(status=status, arch=arch):
                ended = self.boot(f"echo 'Hypervisor ok!'; exit {status}", arch=arch)
                self.assertEqual(ended.status, wanted)

    def test_a_flash_of_another_architecture_is_refused(self):
        other = self.folder / "pflash.img"
        with self.assertRaisesRegex(UsageError, "has not 64 MB"):
            self.words(arch="aarch64", pflash=other)

    def test_the_hypervisors_machine_has_what_the_core_needs(self):
        words = self.boot(SAY_ALL, arch="aarch64").output.splitlines()
        pairs = list(zip(words, words[1:]))
        for pair in (
            ("-machine", "virt,virtualization=on,gic-version=3"),
            ("-cpu", "cortex-a76"),
            ("-kernel", f"{self.folder}/exeunt.elf"),
            ("-device", f"loader,file={self.folder}/bundle.img,addr=0x40400000,force-raw=on"),
        ):
            self.assertIn(pair, pairs)
        self.assertNotIn("-bios", words)
        words = self.boot(SAY_ALL).output.splitlines()
        self.assertIn(f"loader,file={self.folder}/exeunt.elf", words)
        self.assertIn("-bios", words)
        self.assertNotIn("-kernel", words)
