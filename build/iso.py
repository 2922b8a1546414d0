"""Writes an image that a PC boots, from a CD or a USB stick: GRUB, the core and the boot bundle.

    iso.py --out ISO --core ELF --bundle IMG

grub-mkrescue does the same, but puts the time of day in, and all modules of GRUB that there are.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GRUB = Path("/usr/lib/grub/i386-pc")
# What GRUB needs to find its menu, to show it, and to do what it says.
MODULES = "biosdisk iso9660 part_msdos search search_fs_file normal serial terminfo multiboot2 echo"
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
    for tool in ("grub-mkimage", "xorriso"):
        if not shutil.which(tool):
            raise IsoError(f"there is no {tool}: run `tools/exeunt setup`")
    if not GRUB.is_dir():
        raise IsoError(f"{GRUB} is missing: run `tools/exeunt setup`")


def make_loader(scratch: Path, to: Path) -> None:
    """GRUB, as a BIOS loads it from a CD."""
    early, core = scratch / "early.cfg", scratch / "core.img"
    early.write_text(EARLY)
    call(
        [
            *("grub-mkimage", "-O", "i386-pc", "-d", GRUB, "-c", early, "-p", "/boot/grub"),
            *("-o", core, *MODULES.split()),
        ]
    )
    to.write_bytes((GRUB / "cdboot.img").read_bytes() + core.read_bytes())


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
        make_loader(scratch, root / "boot/grub/loader.img")
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (TIME, TIME))
        image = scratch / "image"
        call(
            [
                *("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "EXEUNT", "-o", image),
                *("-b", "boot/grub/loader.img", "-no-emul-boot", "-boot-load-size", 4),
                *("-boot-info-table", "--grub2-boot-info"),
                *("--grub2-mbr", GRUB / "boot_hybrid.img", root),
            ],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(TIME)},
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
