"""What `exeunt setup` installs goes by the machine: Debian has GRUB for PCs on PCs only."""

import unittest
from pathlib import Path
from unittest import mock

from exeunt_lib import setup

import iso

GRUB = ("grub-efi-amd64-bin", "grub-pc-bin")


class Packages(unittest.TestCase):
    def test_grub_is_a_pcs(self) -> None:
        names = {name for names in setup.packages("x86_64") for name in names}
        self.assertLessEqual(set(GRUB), names)
        others = {name for names in setup.packages("aarch64") for name in names}
        self.assertEqual(names - others, set(GRUB))
        self.assertIn("qemu-system-x86", others)

    def test_without_it_there_is_no_cd(self) -> None:
        nowhere = mock.patch.object(iso, "GRUB", Path("/nowhere"))
        for machine, text in (("aarch64", "on PCs only"), ("x86_64", "run `tools/exeunt setup`")):
            here = mock.patch.object(iso.platform, "machine", return_value=machine)
            with nowhere, here, self.assertRaises(iso.IsoError) as caught:
                iso.check_tools()
            self.assertIn(text, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
