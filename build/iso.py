"""Writes an image that a PC boots, by BIOS or UEFI, from a CD or a USB stick: GRUB, the core and the
boot bundle.

    iso.py --out ISO --core ELF --bundle IMG

grub-mkrescue does the same, but puts the time of day in, and all modules of GRUB that there are.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GRUB = Path("/usr/lib/grub")
BIOS, EFI = "i386-pc", "x86_64-efi"
# What GRUB needs to find its menu, to show it, and to do what it says.
MODULES = "iso9660 part_msdos search search_fs_file normal serial terminfo multiboot2 echo"
MORE_MODULES = {BIOS: "biosdisk", EFI: "part_gpt fat"}
EARLY = """\
search --file --set=root /boot/exeunt.elf
set prefix=($root)/boot/grub
"""
# What goes wrong is seen at the serial port too, where all else is said.
MENU = """\
serial --unit=0 --speed=115200
terminfo serial dumb
terminal_output console serial
set timeout=0
menuentry "Exeunt" {
    multiboot2 /boot/exeunt.elf
    module2 /boot/bundle.img
}
"""
TIME = 1700000000  # of all files: an image is its content's, whenever it is made
STAMPED = {**os.environ, "SOURCE_DATE_EPOCH": str(TIME), "TZ": "UTC"}


class IsoError(Exception):
    """The image cannot be made; the text says why."""


def call(command: list, **more) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **more,
    )
    if done.returncode != 0:
        raise IsoError(f"{command[0]} failed:\n{done.stdout}")


def check_tools() -> None:
    """GRUB's own files go by the machine that they are for, and Debian packs those of PCs for PCs."""
    if not (GRUB / BIOS).is_dir() and platform.machine() not in ("x86_64", "i686"):
        raise IsoError(f"{GRUB / BIOS} is missing: Debian has GRUB for PCs on PCs only")
    for tool in ("grub-mkimage", "mformat", "xorriso"):
        if not shutil.which(tool):
            raise IsoError(f"there is no {tool}: run `tools/exeunt setup`")
    for folder in (GRUB / BIOS, GRUB / EFI):
        if not folder.is_dir():
            raise IsoError(f"{folder} is missing: run `tools/exeunt setup`")


def make_loader(firmware: str, scratch: Path) -> Path:
    """GRUB for it."""
    early, made = scratch / "early.cfg", scratch / f"{firmware}.img"
    early.write_text(EARLY)
    modules = f"{MODULES} {MORE_MODULES[firmware]}".split()
    command = ["grub-mkimage", "-O", firmware, "-d", GRUB / firmware, "-c", early]
    call([*command, "-p", "/boot/grub", "-o", made, *modules])
    return made


def make_bios_loader(scratch: Path, to: Path) -> None:
    """As a BIOS loads it from a CD."""
    made = make_loader(BIOS, scratch)
    to.write_bytes((GRUB / BIOS / "cdboot.img").read_bytes() + made.read_bytes())


def make_efi_loader(scratch: Path, to: Path) -> None:
    """As UEFI does: a file in a FAT file system."""
    made = make_loader(EFI, scratch)
    call(["mformat", "-C", "-i", to, "-f", "1440", "-N", "45584e54", "::"], env=STAMPED)
    call(["mmd", "-i", to, "::/EFI", "::/EFI/BOOT"], env=STAMPED)
    call(["mcopy", "-i", to, made, "::/EFI/BOOT/BOOTX64.EFI"], env=STAMPED)


def make_iso(out: Path, core: Path, bundle: Path | None, menu: str = MENU) -> None:
    """bundle: None leaves the menu's module out."""
    check_tools()
    with tempfile.TemporaryDirectory(prefix="exeunt-iso-") as folder:
        scratch, root = Path(folder), Path(folder) / "root"
        (root / "boot/grub").mkdir(parents=True)
        shutil.copyfile(core, root / "boot/exeunt.elf")
        if bundle:
            shutil.copyfile(bundle, root / "boot/bundle.img")
        else:
            menu = "".join(line for line in menu.splitlines(True) if "module2" not in line)
        (root / "boot/grub/grub.cfg").write_text(menu)
        make_bios_loader(scratch, root / "boot/grub/bios.img")
        make_efi_loader(scratch, root / "boot/grub/efi.img")
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (TIME, TIME))
        image = scratch / "image"
        call(
            [
                *("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "EXEUNT", "-o", image),
                *("-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", 4),
                *("-boot-info-table", "--grub2-boot-info"),
                *("--grub2-mbr", GRUB / BIOS / "boot_hybrid.img"),
                *("--efi-boot", "boot/grub/efi.img", "-efi-boot-part", "--efi-boot-image", root),
            ],
            env=STAMPED,
        )
        shutil.copyfile(image, out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--core", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        make_iso(arguments.out, arguments.core, arguments.bundle)
    except IsoError as error:
        print(f"iso.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
