"""What is known of each architecture's registers, tables and calls, and of the ABI's lists."""

import unittest
from pathlib import Path

from exeunt_lib.abi import CLASSES, GUEST_CLASSES, SYSCALLS
from exeunt_lib.arch import arch_of
from exeunt_lib.paths import ExeuntError
from exeunt_lib.recovery_machine import System

R, W, X = 1, 2, 4


class AbiTest(unittest.TestCase):
    def test_the_lists_are_the_headers(self):
        self.assertEqual(CLASSES[:2], ("HYPERCALL", "STAGE2"))
        self.assertIn("CALL", CLASSES[GUEST_CLASSES:])
        self.assertIn("SHUTDOWN", CLASSES[:GUEST_CLASSES])
        self.assertEqual((SYSCALLS["REPLY_WAIT"], SYSCALLS["CALL"]), (0, 1))


class ArchTest(unittest.TestCase):
    def test_an_unknown_one_is_refused(self):
        with self.assertRaises(ExeuntError):
            arch_of("pdp11")

    def test_page_table_entries(self):
        # The manuals' bits: V, R, W, X; valid, table, AF, AP[2:1] or S2AP, UXN or XN.
        for arch, kind, level, raw, meant in (
            ("riscv64", 0, 0, 0x20000 << 10 | 0b0011, (0x20000000, R)),
            ("riscv64", 1, 1, 0x80000 << 10 | 0b0111, (0x80000000, R | W)),
            ("riscv64", 0, 2, 0x80000 << 10 | 0b0001, (0x80000000, None)),
            ("riscv64", 0, 0, 0, None),
            ("aarch64", 0, 0, 0x40000000 | 1 << 54 | 0b11 << 6 | 0b11, (0x40000000, R)),
            ("aarch64", 0, 0, 0x40000000 | 0b11 << 6 | 0b11, (0x40000000, R | X)),
            ("aarch64", 0, 1, 0x40200000 | 1 << 54 | 0b01 << 6 | 0b01, (0x40200000, R | W)),
            ("aarch64", 1, 0, 0x40000000 | 0b01 << 6 | 0b11, (0x40000000, R | X)),
            ("aarch64", 1, 2, 0x40000000 | 1 << 54 | 0b11 << 6 | 0b01, (0x40000000, R | W)),
            ("aarch64", 1, 2, 0x40001003, (0x40001000, None)),
            ("aarch64", 0, 0, 0x40000000, None),
            ("x86_64", 0, 0, 0x200000 | 1 << 63 | 0b111, (0x200000, R | W)),
            ("x86_64", 1, 1, 0x200000 | 1 << 7 | 0b101, (0x200000, R | X)),
            ("x86_64", 1, 2, 0x203000 | 0b111, (0x203000, None)),
            ("x86_64", 0, 0, 0x200000 | 0b110, None),
        ):
            self.assertEqual(arch_of(arch).entry(raw, kind, level), meant, (arch, hex(raw)))

    def test_what_a_record_is_about(self):
        places = ((0x9000000, 0x1000, "uart"), (0x40000000, 0x1000000, "ram"))
        arm = System(arch_of("aarch64"), Path(), (Path(), Path(), 0), {}, places=places)
        # msr icc_sgi1r_el1, x9 and mrs x0, pmcr_el0, as ESR_EL2's ISS has them.
        sgi = 3 << 20 | 5 << 17 | 12 << 10 | 9 << 5 | 11 << 1
        counters = 3 << 20 | 3 << 14 | 9 << 10 | 12 << 1 | 1
        for kind, words, detail in (
            ("STAGE2", (0x9000000, 1), "STAGE2 uart data write"),
            ("STAGE2", (0x9000018, 0), "STAGE2 uart read"),
            ("STAGE2", (0x40001000, 2), "STAGE2 ram execute"),
            ("STAGE2", (0, 0), "STAGE2 nowhere read"),
            ("SYSREG", (sgi, 0), "SYSREG sgi"),
            ("SYSREG", (counters, 0), "SYSREG other"),
            ("HYPERCALL", (0xFFFFFFFF_84000000, 0), "HYPERCALL 0x84000000"),
            ("IDLE", (5, 5), "IDLE"),
        ):
            self.assertEqual(arm.detail(kind, words), detail)
        riscv = System(arch_of("riscv64"), Path(), (Path(), Path(), 0), {})
        pc = System(arch_of("x86_64"), Path(), (Path(), Path(), 0), {})
        for kind, words, detail in (
            ("HYPERCALL", (0x4101, 0), "HYPERCALL putchar"),
            ("HYPERCALL", (0x84000008, 0), "HYPERCALL 0x84000008"),
            ("SYSREG", (0x72, 0), "SYSREG cpuid"),
            ("SYSREG", (1 << 32 | 0x7C, 0x6E0), "SYSREG timer write"),
            ("SYSREG", (0x7C, 0x802), "SYSREG apic read"),
            ("SYSREG", (0x80, 0), "SYSREG instruction"),
            ("IO", (0x3FD << 16 | 0x11, 0), "IO uart read"),
            ("IO", (0x70 << 16 | 0x10, 0), "IO clock write"),
            ("IO", (0x604 << 16 | 0x20, 0), "IO nobody write"),
            ("IDLE", (5, 5), "IDLE"),
        ):
            self.assertEqual(pc.detail(kind, words), detail)
        self.assertEqual(riscv.detail("HYPERCALL", (0,) * 6 + (1, 0x10)), "HYPERCALL 0x10/1")


if __name__ == "__main__":
    unittest.main()
