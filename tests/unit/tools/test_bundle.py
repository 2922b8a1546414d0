"""The boot bundle against ipc/bundle.h, whose layout the C compiler tells."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from exeunt_lib.paths import ROOT

import bundle

from .test_run import minimal_elf

PROBE = """
#include <stdio.h>
#include "ipc/bundle.h"
#include "ipc/cap.h"
#define O(s, f) (int)offsetof(struct s, f)
int main(void) {
    struct bundle_header h;
    printf("{\\"magic\\": %llu, \\"version\\": %u, \\"page\\": %u, \\"segments\\": %d,"
           "\\"files\\": %d,"
           "\\"name\\": %d, \\"header\\": [%d, %d, %d, %d, %d, %d, %d, %d, %d, %d], \\"tables\\": [%d, %d],"
           "\\"sizes\\": [%d, %d], \\"rights\\": [%d, %d, %d]}",
           (unsigned long long)BUNDLE_MAGIC, BUNDLE_VERSION, BUNDLE_PAGE, BUNDLE_SEGMENTS,
           BUNDLE_FILES, BUNDLE_NAME, O(bundle_header, magic), O(bundle_header, version),
           O(bundle_header, segment_count), O(bundle_header, file_count),
           O(bundle_header, controller_kind), O(bundle_header, size),
           O(bundle_header, object_memory), O(bundle_header, entry), O(bundle_header, console),
           O(bundle_header, controller), O(bundle_header, segment),
           O(bundle_header, file), (int)sizeof h.segment[0], (int)sizeof h.file[0], RIGHT_R,
           RIGHT_W, RIGHT_X);
}
"""

PROGRAM = """
__attribute__((noinline)) static int helper(int x) { return x * 7 + 1; }
int main_loop(int x) { for (int i = 0; i < x; i++) if (helper(i) == 9) return i; return 0; }
int _start(void) { return main_loop(helper(3)); }
__asm__("label: .4byte 0; .Lhidden: .4byte 0");
"""


def symbols(elf: Path) -> set[str]:
    """The names in an ELF file's symbol table, as llvm-readelf tells them."""
    command = ["llvm-readelf-19", "--symbols", "--wide", elf]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in said.splitlines())
    return {row[7] for row in rows if len(row) > 7 and row[0][:-1].isdigit()}


MACHINE = bundle.Machine(0x1000, 0x2000, 2, (0x3000, 0x4000, 0))

RISCV64, AARCH64 = 243, 183
WITH_DEVICES = """
/dts-v1/;
/ { object-memory = <0x1 0x2000>; host {
    interrupt-controller@8000000 {
        compatible = "arm,gic-v3"; reg = <0x0 0x8000000 0x0 0x10000>; redistributors = <0x0 0x80a0000>;
    };
    console@9000000 { reg = <0x0 0x9000000 0x0 0x1000>; };
}; };
"""


WITH_GICV2 = WITH_DEVICES.replace("gic-v3", "cortex-a15-gic").replace(
    "redistributors = <0x0 0x80a0000>",
    "cpu-interface = <0x0 0x8010000>; hypervisor-interface = <0x0 0x8030000>",
)
WITH_PLIC = """
/dts-v1/;
/ { host { interrupt-controller@c000000 {
    compatible = "riscv,plic0"; reg = <0x0 0xc000000 0x0 0x600000>; context = <5>;
}; }; };
"""
WITH_IOAPIC = """
/dts-v1/;
/ { host { interrupt-controller@fec00000 {
    compatible = "intel,82093aa"; reg = <0x0 0xfec00000 0x0 0x1000>;
}; }; };
"""


class BundleTest(unittest.TestCase):
    def test_layout_is_the_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(PROBE)
            probe = Path(folder) / "probe"
            subprocess.run(["clang-19", "-std=gnu17", "-I", ROOT, source, "-o", probe], check=True)
            said = json.loads(subprocess.run([probe], capture_output=True, check=True).stdout)
        header, segment, file = bundle.HEADER, bundle.SEGMENT, bundle.FILE
        self.assertEqual(said["magic"], bundle.MAGIC)
        self.assertEqual(said["version"], bundle.VERSION)
        self.assertEqual(said["page"], bundle.PAGE)
        self.assertEqual(said["segments"], bundle.MAX_SEGMENTS)
        self.assertEqual(said["files"], bundle.MAX_FILES)
        self.assertEqual(said["name"], bundle.NAME_SIZE)
        self.assertEqual(said["header"], [0, 8, 12, 16, 20, 24, 32, 40, 48, 56])
        self.assertEqual(
            said["tables"], [header.size, header.size + bundle.MAX_SEGMENTS * segment.size]
        )
        self.assertEqual(said["sizes"], [segment.size, file.size])
        self.assertEqual(said["rights"], [bundle.RIGHTS[4], bundle.RIGHTS[2], bundle.RIGHTS[1]])

    def test_segment_is_whole_pages_with_its_zeroes(self):
        entry, (segment,) = bundle.load_segments(minimal_elf(), "x")
        self.assertEqual(entry, 0x10008)
        self.assertEqual(segment.vaddr, 0x10000)
        self.assertEqual(segment.content, (bytes(8) + b"CODE").ljust(8192, b"\0"))
        self.assertEqual(segment.rights, 1 | 4)

    def test_files_come_back(self):
        image = bundle.make_bundle(minimal_elf(), {"a.elf": b"A" * 5000, "b": b"B"}, MACHINE)
        at = bundle.HEADER.size + bundle.MAX_SEGMENTS * bundle.SEGMENT.size
        name, offset, size = bundle.FILE.unpack_from(image, at)
        self.assertEqual(name.rstrip(b"\0"), b"a.elf")
        self.assertEqual(image[offset : offset + size], b"A" * 5000)
        _, offset, size = bundle.FILE.unpack_from(image, at + bundle.FILE.size)
        self.assertEqual((offset % bundle.PAGE, image[offset : offset + size]), (0, b"B"))
        self.assertEqual(bundle.HEADER.unpack_from(image)[5], len(image))

    def test_servers_keep_their_functions_names(self):
        with tempfile.TemporaryDirectory() as folder:
            source, elf, out = (Path(folder) / name for name in ("a.c", "a.elf", "out.elf"))
            source.write_text(PROGRAM)
            build = "clang-19 --target=riscv64-unknown-elf -O1 -g -c -Wa,-L"
            subprocess.run([*build.split(), source, "-o", elf.with_suffix(".o")], check=True)
            subprocess.run(["ld.lld-19", elf.with_suffix(".o"), "-o", elf], check=True)
            self.assertLessEqual({".Lhidden", "$x", "helper"}, symbols(elf))

            content = bundle.stripped(elf, "llvm-objcopy-19", bundle.KEEP_NAMES)
            out.write_bytes(content)
            names = symbols(out)
            self.assertLessEqual({"_start", "main_loop", "helper", "label"}, names)
            self.assertEqual([name for name in names if name[0] in "$."], [])
            self.assertNotIn(b".debug", content)
            # What is loaded is the same, but for the header that lies in the first segment.
            entry, (_, *segments) = bundle.load_segments(content, "x")
            was_entry, (_, *were) = bundle.load_segments(elf.read_bytes(), "x")
            self.assertEqual((entry, segments), (was_entry, were))
            self.assertGreater(len(segments), 0)

            out.write_bytes(bundle.stripped(elf, "llvm-objcopy-19", bundle.KEEP_NONE))
            self.assertEqual(symbols(out), set())

    def test_one_run_adds_files(self):
        image = bundle.make_bundle(minimal_elf(), {"a.elf": b"A", bundle.MANIFEST: b"old"}, MACHINE)
        with tempfile.NamedTemporaryFile() as manifest:
            manifest.write(b"new")
            manifest.flush()
            changed = bundle.with_manifest(image, Path(manifest.name), {"b.elf": b"B" * 4097})
        at = bundle.HEADER.size + bundle.MAX_SEGMENTS * bundle.SEGMENT.size
        header = bundle.HEADER.unpack_from(changed)
        self.assertEqual((header[3], header[5]), (3, len(changed)))
        found = {}
        for number in range(3):
            name, offset, size = bundle.FILE.unpack_from(changed, at + number * bundle.FILE.size)
            self.assertEqual(offset % bundle.PAGE, 0)
            found[name.rstrip(b"\0").decode()] = changed[offset : offset + size]
        self.assertEqual(found, {"a.elf": b"A", "b.elf": b"B" * 4097, bundle.MANIFEST: b"new"})

    def test_the_core_hears_of_its_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            source, blob = Path(folder) / "m.dts", Path(folder) / "m.dtb"
            for text, expected in (
                (WITH_DEVICES, (0x100002000, 0x9000000, 2, (0x8000000, 0x80A0000, 0))),
                (WITH_GICV2, (0x100002000, 0x9000000, 3, (0x8000000, 0x8010000, 0x8030000))),
                (WITH_PLIC, (0, 0, 1, (0xC000000, 5, 0))),
                (WITH_IOAPIC, (0, 0, 4, (0xFEC00000, 0, 0))),
                ("/dts-v1/; / { host { }; };", (0, 0, 0, (0, 0, 0))),
                ("/dts-v1/; / { object-memory = <4096>; };", (4096, 0, 0, (0, 0, 0))),
            ):
                source.write_text(text)
                subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, source], check=True)
                self.assertEqual(bundle.read_machine(blob), expected)
                image = bundle.make_bundle(minimal_elf(), {}, bundle.Machine(*expected))
                header = bundle.HEADER.unpack_from(image)
                self.assertEqual((header[6], header[8], header[4], header[9:]), expected)

    def test_a_core_that_could_not_say_it_is_not_started(self):
        good = WITH_DEVICES.replace("/ {", '/ { architecture = "aarch64";', 1)
        gicv2 = WITH_GICV2.replace("/ {", '/ { architecture = "aarch64";', 1)
        bare = '/dts-v1/; / { architecture = "aarch64"; host { }; };'
        with tempfile.TemporaryDirectory() as folder:
            source, blob = Path(folder) / "m.dts", Path(folder) / "m.dtb"
            for machine, text, wrong in (
                (AARCH64, good, ""),
                (AARCH64, WITH_DEVICES, "/: property `architecture` is \"\", but this is aarch64; "),
                (AARCH64, bare, "/host: node `console@` with `reg` is missing; "),
                (AARCH64, good.replace("redistributors", "x"), "with `redistributors` is missing"),
                (AARCH64, good.replace("gic-v3", "x"), "controller@` with `compatible` is missing"),
                (AARCH64, gicv2, ""),
                (AARCH64, gicv2.replace("hyper", "x"), "with `hypervisor-interface` is missing"),
                (RISCV64, bare, ""),
            ):
                source.write_text(text)
                subprocess.run(["dtc", "-q", "-O", "dtb", "-o", blob, source], check=True)
                if wrong:
                    with self.assertRaisesRegex(bundle.BundleError, wrong):
                        bundle.check_machine(machine, blob)
                else:
                    bundle.check_machine(machine, blob)

    def test_what_is_no_elf_is_refused(self):
        for wrong in (b"", b"MZ" * 100, b"\x7fELF\x01\x01" + bytes(100)):
            with self.assertRaises(bundle.BundleError):
                bundle.load_segments(wrong, "x")
