"""What debug information says of structs, against the compiler that wrote it."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from exeunt_lib.corestate import Mapping
from exeunt_lib.coretext import NOW, lasting
from exeunt_lib.layouts import Layouts, View

PROGRAM = """
#include <stdint.h>
struct part { uint8_t a; uint64_t b; };
struct whole {
    uint32_t first;
    struct part part;
    union { uint16_t low; uint32_t all; };
    struct part list[3];
};
struct whole something = {.first = 7, .part = {1, 2}, .all = 0x10002};
int main(void) { return (int)something.first; }
"""


class LayoutsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        source = Path(self.folder.name) / "program.c"
        source.write_text(PROGRAM)
        self.program = Path(self.folder.name) / "program"
        command = ["clang-19", "-g", "-no-pie", source, "-o", self.program]
        subprocess.run(command, check=True)

    def test_places_are_the_compilers(self):
        layouts = Layouts(self.program, ["whole", "part"], ["something"])
        self.assertEqual(layouts.size("whole"), 80)
        self.assertEqual(layouts.size("part"), 16)
        self.assertEqual(layouts.place("whole", "part.b"), (16, 8))
        self.assertEqual(layouts.place("whole", "low"), (24, 2))
        self.assertEqual(layouts.place("whole", "all"), (24, 4))
        self.assertEqual(layouts.place("whole", "list"), (32, 48))
        self.assertEqual(layouts.place("whole", "list[]"), (32, 16))

    def test_a_view_reads_numbers(self):
        layouts = Layouts(self.program, ["whole"], [])
        raw = bytes([7, 0, 0, 0, 0, 0, 0, 0, 1]) + bytes(7) + bytes([2]) + bytes(7)
        raw += bytes([2, 0, 1, 0]) + bytes(52)
        view = View(layouts, "whole", raw, 0)
        self.assertEqual((view["first"], view["part.a"], view["part.b"]), (7, 1, 2))
        self.assertEqual((view["low"], view["all"]), (2, 0x10002))


class TextTest(unittest.TestCase):
    def test_pages_that_follow_each_other_are_one_mapping(self):
        mapping = Mapping(0x1000, 0x80001000, 0x1000, 3)
        self.assertTrue(mapping.takes(Mapping(0x2000, 0x80002000, 0x1000, 3)))
        self.assertEqual(str(mapping), "0x1000..0x3000 -> 0x80001000 rw")
        self.assertFalse(mapping.takes(Mapping(0x3000, 0x80004000, 0x1000, 3)))
        self.assertFalse(mapping.takes(Mapping(0x4000, 0x80003000, 0x1000, 3)))
        self.assertFalse(mapping.takes(Mapping(0x3000, 0x80003000, 0x1000, 1)))

    def test_what_is_of_the_moment_does_not_last(self):
        lines = ["page 1: TASK", "  a", f"{NOW}b", "page 2: IRQ", f"{NOW}c"]
        self.assertEqual(lasting(lines), {"page 1: TASK": ["  a"], "page 2: IRQ": []})
