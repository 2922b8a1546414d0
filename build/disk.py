"""Makes the disk and flash images of a run, with mkfs.fat and mtools and without root.

    disk.py fat32 IMG FOLDER      a FAT32 disk with our own guests, which were built in the folder
    disk.py pflash IMG LIST ARCH  the flash with our guest's programs; LIST is a JSON file that
                                  names their ELF files
"""

import json
import os
import subprocess
import sys
from pathlib import Path

# Its format is a tool's, for people who make images of their own.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

import pflash

MB = 1 << 20
DISK_SIZE = 64 * MB
PFLASH_SIZE = pflash.SIZE

# Our own guests, by their path on the disk.
OUR_GUESTS = {"/sbin/gkernel": "gkernel.bin", "/sbin/bench": "bench.bin"}


def our_guests(folder: Path) -> dict[str, Path]:
    """What is on every disk: our own guests, from the folder that they were built in, as far as
    there are any for its architecture."""
    return {
        on_disk: folder / name
        for on_disk, name in OUR_GUESTS.items()
        if (folder / name).exists()
    }


def make_fat32(image: Path, files: dict[str, Path]) -> None:
    """Makes a FAT32 disk image with the given files, by their absolute path on the disk.

    It has 64 MB, or as much as the files need.

    The same files give the same image: no time of day and no random volume number goes in.
    """
    content = sum(path.stat().st_size for path in files.values())
    size = max(DISK_SIZE, -(-(content + content // 32 + 8 * MB) // MB) * MB)
    image.unlink(missing_ok=True)
    with image.open("wb") as out:
        out.truncate(size)
    environment = dict(os.environ, MTOOLS_SKIP_CHECK="1", SOURCE_DATE_EPOCH="0", TZ="UTC")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "env": environment}
    # mkfs.fat is in /sbin, which is not on every user's path.
    environment["PATH"] += ":/usr/sbin:/sbin"
    subprocess.run(["mkfs.fat", "-F", "32", "-i", "45584e54", "-n", "EXEUNT", image], **quiet)
    made = set()
    for on_disk, path in files.items():
        for folder in reversed(Path(on_disk).parents[:-1]):
            if folder not in made:
                subprocess.run(["mmd", "-i", image, f"::{folder}"], **quiet)
                made.add(folder)
        subprocess.run(["mcopy", "-i", image, path, f"::{on_disk}"], **quiet)


def make_pflash(image: Path, programs: list[Path], arch: str) -> None:
    """Makes the flash image of these ELF files; a program's name is its file's, in their order."""
    pflash.write(image, {path.stem: path.read_bytes() for path in sorted(programs)}, arch)


def main(arguments: list[str]) -> int:
    if len(arguments) == 3 and arguments[0] == "fat32":
        make_fat32(Path(arguments[1]), our_guests(Path(arguments[2])))
        return 0
    if len(arguments) == 4 and arguments[0] == "pflash":
        programs = json.loads(Path(arguments[2]).read_text())
        make_pflash(Path(arguments[1]), [Path(path) for path in programs], arguments[3])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
