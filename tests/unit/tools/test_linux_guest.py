"""tools/linux_guest.py: kernels as packages have them, and the initramfs."""

import gzip
import unittest

import linux_guest


def image(magic: bytes) -> bytes:
    """A boot header (magic at 56) with something behind it."""
    return bytes(56) + magic + b"the kernel"


def zboot(payload: bytes) -> bytes:
    """An EFI zboot image: at 4 its magic, at 8 where the payload begins, at 12 its size."""
    header = b"MZ\0\0zimg" + (64).to_bytes(4, "little") + len(payload).to_bytes(4, "little")
    return header.ljust(64, b"\0") + payload + b"what follows is not the kernel's"


class FlatImage(unittest.TestCase):
    def test_however_a_kernel_is_wrapped_its_image_is_found(self):
        for port in linux_guest.PORTS.values():
            plain = image(port.magic)
            packed = gzip.compress(plain)
            for data in (plain, packed, zboot(plain), zboot(packed)):
                self.assertEqual(linux_guest.flat_image(data, port.magic, "a.deb"), plain)

    def test_a_kernel_of_another_architecture_is_refused(self):
        riscv, arm = (linux_guest.PORTS[arch].magic for arch in ("riscv64", "aarch64"))
        for data in (image(arm), gzip.compress(image(arm)), b"", b"MZ\0\0zimg"):
            with self.assertRaisesRegex(linux_guest.Unavailable, "a.deb"):
                linux_guest.flat_image(data, riscv, "a.deb")

    def test_a_damaged_one_is_refused(self):
        magic = linux_guest.PORTS["aarch64"].magic
        with self.assertRaisesRegex(linux_guest.Unavailable, "cannot be unpacked"):
            linux_guest.flat_image(gzip.compress(image(magic))[:-9], magic, "a.deb")


class KernelName(unittest.TestCase):
    def test_the_metapackages_kernel_is_taken_and_no_other_flavour(self):
        for arch, debian in (("riscv64", "riscv64"), ("aarch64", "arm64")):
            pattern = linux_guest.PORTS[arch].kernel_name()
            name = f"linux-image-6.12.107+deb13-{debian}"
            self.assertEqual(pattern.search(f"foo, {name} (= 6.12.107-1)")[0], name)
            self.assertIsNone(pattern.search(f"linux-image-{debian}"))
            self.assertIsNone(pattern.search(f"linux-image-6.12.107+deb13-cloud-{debian}"))


class Initramfs(unittest.TestCase):
    def test_every_file_is_in_it_once_and_the_same_input_gives_the_same_bytes(self):
        files = {"init": b"#!/bin/sh\n", "bin/counter": b"\x7fELF"}
        made = linux_guest.make_initramfs(files)
        self.assertEqual(made, linux_guest.make_initramfs(dict(files)))
        self.assertEqual(len(made) % 4, 0)
        for name, data in files.items():
            self.assertEqual(made.count(name.encode() + b"\0"), 1)
            self.assertEqual(made.count(data), 1)
        for folder in ("bin", "dev", "proc", "sys", "tmp"):
            self.assertEqual(made.count(folder.encode() + b"\0"), 1)
        self.assertEqual(made.count(b"TRAILER!!!\0"), 1)


if __name__ == "__main__":
    unittest.main()
