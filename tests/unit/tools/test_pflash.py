"""gkernel's flash image: the format byte by byte, and what is said about damage."""

import contextlib
import io
import struct
import tempfile
import unittest
from pathlib import Path

import pflash

ELF = b"\x7fELF" + bytes(range(100))

# CRC-32 of "123456789", the check value that every catalogue of CRCs gives for ISO-HDLC.
CHECKED = b"123456789"
CHECK_VALUE = 0xCBF43926


class FormatTest(unittest.TestCase):
    def test_layout(self):
        image = pflash.pack({"init": CHECKED, "sh": ELF})
        self.assertEqual(image[:12], b"pfld" + struct.pack("<II", 1, 2))
        first = struct.pack("<32sIIII", b"init", 4096, 9, CHECK_VALUE, 0)
        self.assertEqual(image[16 : 16 + 48], first)
        second = struct.unpack_from("<32sII", image, 16 + 48)
        self.assertEqual(second, (b"sh".ljust(32, b"\0"), 8192, 104))
        self.assertEqual(image[4096 : 4096 + 9], CHECKED)
        self.assertEqual(image[8192:], ELF)
        self.assertEqual(set(image[112:4096]), {0})

    def test_as_large_as_the_bank_and_always_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            one, two = Path(folder) / "one", Path(folder) / "two"
            for image in (one, two):
                pflash.write(image, {"init": ELF})
            self.assertEqual(one.stat().st_size, 32 << 20)
            self.assertEqual(one.read_bytes(), two.read_bytes())
            self.assertEqual(pflash.check(one.read_bytes()), [])

    def test_as_many_files_as_there_may_be(self):
        most = {f"p{number}": ELF for number in range(64)}
        entries = pflash.read_table(pflash.pack(most))
        self.assertEqual([entry.name for entry in entries], list(most))
        self.assertGreaterEqual(entries[0].offset, 16 + 64 * 48)
        with self.assertRaisesRegex(pflash.PflashError, "65 files"):
            pflash.pack({**most, "one-more": ELF})
        with self.assertRaisesRegex(pflash.PflashError, "0 files"):
            pflash.pack({})

    def test_more_than_the_bank_holds(self):
        fits = pflash.SIZE - pflash.ALIGNMENT
        self.assertEqual(len(pflash.pack({"big": bytes(fits)})), pflash.SIZE)
        with self.assertRaisesRegex(pflash.PflashError, "too many"):
            pflash.pack({"big": bytes(fits + 1)})

    def test_each_architecture_has_its_banks_size(self):
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "image"
            for arch, size in (("riscv64", 32 << 20), ("aarch64", 64 << 20)):
                pflash.write(image, {"init": ELF}, arch)
                self.assertEqual(image.stat().st_size, size)
                self.assertEqual(pflash.check(image.read_bytes(), size), [])
                self.assertEqual(pflash.main(["check", str(image), "--arch", arch]), 0)

    def test_names_that_a_command_line_cannot_name(self):
        for name in ("", "a b", "bin/sh", "a,b", "a=b", "ä", "a" * 32):
            with self.assertRaisesRegex(pflash.PflashError, "is no name", msg=name):
                pflash.pack({name: ELF})
        pflash.pack({"a" * 31: ELF})


class DamageTest(unittest.TestCase):
    def setUp(self):
        self.image = bytearray(pflash.pack({"init": ELF, "sh": ELF}).ljust(pflash.SIZE, b"\0"))

    def seal(self) -> None:
        """Makes the table's CRC right again: what is wrong in it is wrong on purpose."""
        table = bytes(self.image[16:112])
        self.image[12:16] = struct.pack("<I", pflash.zlib.crc32(table))

    def expect_table(self, text: str) -> None:
        with self.assertRaisesRegex(pflash.PflashError, text):
            pflash.check(bytes(self.image))

    def expect_files(self, *texts: str) -> None:
        said = pflash.check(bytes(self.image))
        self.assertEqual(len(said), len(texts), said)
        for line, text in zip(said, texts):
            self.assertRegex(line, text)

    def test_sound(self):
        self.expect_files()

    def test_each_bit_of_header_and_table_matters(self):
        for at in range(0, 112):
            self.image[at] ^= 0x10
            with self.assertRaises(pflash.PflashError, msg=f"byte {at}"):
                pflash.check(bytes(self.image))
            self.image[at] ^= 0x10

    def test_one_file(self):
        self.image[8192 + len(ELF) - 1] ^= 1
        self.expect_files("^sh: its CRC-32 is 0x[0-9a-f]{8}, not 0x")

    def test_empty_file(self):
        struct.pack_into("<I", self.image, 64 + 36, 0)
        self.seal()
        self.expect_files("^sh: it is empty")
        with self.assertRaisesRegex(pflash.PflashError, "init is empty"):
            pflash.pack({"init": b""})

    def test_file_outside(self):
        struct.pack_into("<I", self.image, 64 + 36, pflash.SIZE)
        self.seal()
        self.expect_files("^sh: it ends at 0x2002000, behind the image")

    def test_file_in_the_table_and_in_another(self):
        struct.pack_into("<I", self.image, 64 + 32, 0)
        self.seal()
        self.expect_files("^sh: its offset 0x0")
        struct.pack_into("<I", self.image, 64 + 32, 4096)
        self.seal()
        self.expect_files("^sh: overlaps init")

    def test_two_of_one_name(self):
        self.image[64:96] = self.image[16:48]
        self.seal()
        self.expect_files("^init: there are two of that name")

    def test_names_and_reserved_words(self):
        self.image[64:96] = b"x" * 32
        self.seal()
        self.expect_table("is no name")
        self.image[64:96] = b"sh\0x".ljust(32, b"\0")
        self.seal()
        self.expect_table("is no name")
        self.image[64:96] = b"sh".ljust(32, b"\0")
        self.image[108] = 1
        self.seal()
        self.expect_table("sh: the reserved word is 0x1")

    def test_header(self):
        self.image[8:12] = struct.pack("<I", 65)
        self.expect_table("names 65 files")
        self.image[4:8] = struct.pack("<I", 2)
        self.expect_table("of version 2, known is 1")
        self.image[0:4] = bytes(4)
        self.expect_table("begins with")
        del self.image[10:]
        self.expect_table("10 bytes are no image")

    def test_cut_short(self):
        del self.image[100:]
        self.expect_table("ends within its table")
        self.setUp()
        del self.image[8192 + 10 :]
        self.expect_files("^sh: it ends at 0x2068, behind", "^it has 8202 bytes")


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image = self.folder / "pflash.img"
        self.elf = self.folder / "program.elf"
        self.elf.write_bytes(ELF)

    def run_tool(self, *words) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = pflash.main([str(word) for word in words])
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), err.getvalue()

    def test_pack_list_check(self):
        self.assertEqual(
            self.run_tool("pack", self.image, f"init={self.elf}", f"sh={self.elf}"), (0, "", "")
        )
        self.assertEqual(self.run_tool("check", self.image), (0, "", ""))
        with self.image.open("r+b") as out:
            out.seek(8192)
            out.write(b"x")
        status, out, _ = self.run_tool("list", self.image)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^0x00001000 +104 [0-9a-f]{8} ok +init\n0x00002000 .* damaged sh\n$")
        status, out, err = self.run_tool("check", self.image)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, "pflash.img: sh: its CRC-32")

    def test_refused(self):
        flat = self.folder / "flat.bin"
        flat.write_bytes(b"flat")
        for words, text in (
            ([f"init={flat}"], "no ELF file"),
            ([f"init={self.folder}/none"], "No such file"),
            ([f"a={self.elf}", f"a={self.elf}"], "given twice"),
            ([self.elf], "not NAME=ELF"),
            ([f"a b={self.elf}"], "is no name"),
        ):
            status, out, err = self.run_tool("pack", self.image, *words)
            self.assertEqual((status, out), (1, ""), words)
            self.assertIn(text, err)
            self.assertFalse(self.image.exists())
        self.assertEqual(self.run_tool("check", flat)[0], 1)
        self.assertEqual(self.run_tool("list", self.folder / "none")[0], 1)

    def test_files_without_end(self):
        endless = Path("/dev/zero")
        for words in (("check", endless), ("list", endless)):
            status, _, err = self.run_tool(*words)
            self.assertEqual(status, 1)
            self.assertIn("begins with", err)
        self.assertEqual(self.run_tool("pack", self.image, f"init={endless}")[0], 1)

    def test_larger_than_the_bank(self):
        self.run_tool("pack", self.image, f"init={self.elf}")
        with self.image.open("ab") as out:
            out.truncate(pflash.SIZE + 4096)
        status, _, err = self.run_tool("check", self.image)
        self.assertEqual(status, 1)
        self.assertIn("more bytes than the bank", err)

    def test_usage(self):
        self.assertEqual(self.run_tool()[0], 2)
        self.assertEqual(self.run_tool("pack", self.image)[0], 2)
        status, out, _ = self.run_tool("--help")
        self.assertEqual(status, 0)
        self.assertIn("pack", out)
