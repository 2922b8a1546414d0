"""`exeunt run --bare`: the guest on QEMU's own machine, with its firmware, without the hypervisor.

What it finds is what a VM has by the default manifest: as much RAM, the same flash at the same
place, the same command line. How it ended only its own last words tell: the firmware's calls always
end QEMU with status 0.
"""

import re
from pathlib import Path

from .manifest import Manifest
from .paths import ExeuntError, UsageError
from .qemu import STATUS_TIMEOUT, Result

# QEMU's own firmware, which is told where the guest begins; fw_jump would put the device tree where
# a machine with 16 MB has no memory any more. Without one QEMU itself is what the guest calls.
FIRMWARE = {"riscv64": "default"}
# The bank that a VM has by passthrough, where that cannot be a file (if=pflash,unit=1), as the
# hypervisor's machine has it: OpenSBI would boot from there instead of from -kernel.
FLASH = {"riscv64": 0x22000000}
# A PC's firmware is the first unit of its flash, and the guest's part lies below that: where the
# second unit is only if there is a first. Its places, by Debian's packages.
PC_FIRMWARE = ("/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/bios-256k.bin")
END = re.compile(r"^monolithic kernel exit \[(\d+)\] (?:normally|abnormally)!\s*$", re.MULTILINE)

# Options, and the fields of a Boot, that have no meaning where there is no hypervisor.
WITHOUT = {
    "manifest": "--manifest says what the hypervisor starts",
    "disk": "--disk is the hypervisor's; a guest has none",
    "control": "--control leads to the hypervisor's monitor",
    "at": "--at happens to servers",
    "files": "files are put on the hypervisor's disk",
    "servers": "servers are the hypervisor's",
}


def check(boot) -> None:
    """boot: a Boot."""
    for name, why in WITHOUT.items():
        if getattr(boot, name):
            raise UsageError(f"--bare is without the hypervisor: {why}")


def flash_unit(unit: int, image: Path) -> list[str]:
    quoted = str(image).replace(",", ",,")
    return ["-drive", f"file={quoted},if=pflash,unit={unit},format=raw,readonly=on"]


def pc_firmware() -> Path:
    for path in PC_FIRMWARE:
        if Path(path).exists():
            return Path(path)
    raise ExeuntError(f"{PC_FIRMWARE[0]} is missing: run `tools/exeunt setup`")


def flash_arguments(arch: str, image: Path, most: int, scratch: Path) -> list[str]:
    """The flash as a file, or its content loaded, without the zeroes behind it: erased or not, it
    begins with zeroes.

    most: bytes. QEMU loads no file that is larger than the machine's RAM.
    """
    if arch == "x86_64":
        return [*flash_unit(0, pc_firmware()), *flash_unit(1, image)]
    if arch not in FLASH:
        return flash_unit(1, image)
    content = image.read_bytes().rstrip(b"\0")
    found = []
    for at in range(0, len(content), most):
        part = scratch / f"pflash-{at:x}"
        part.write_bytes(content[at : at + most])
        quoted = str(part).replace(",", ",,")
        found += ["-device", f"loader,file={quoted},addr={FLASH[arch] + at:#x},force-raw=on"]
    return found


def arguments(boot, manifest: Manifest, out: Path, flash: Path, scratch: Path) -> list[str]:
    """QEMU's, but for the machine's: firmware, the guest, what it is told, and its flash."""
    given = ["-kernel", str(boot.guest or out / "guest/gkernel.bin")]
    if boot.arch in FIRMWARE:
        given += ["-bios", FIRMWARE[boot.arch]]
    # The clock of the day goes on with the machine's own time, as a VM's does.
    given += ["-rtc", "clock=vm"]
    if manifest.cmdline():
        given += ["-append", manifest.cmdline()]
    if boot.initrd:
        given += ["-initrd", str(boot.initrd)]
    return given + flash_arguments(boot.arch, flash, manifest.first_memory(), scratch)


def judge(ended: Result, own_guest: bool) -> Result:
    """own_guest: gkernel was booted, which says how it ends. Of others QEMU's status is all there
    is, unless they say it in the same way."""
    if ended.status == STATUS_TIMEOUT:
        return ended
    said = END.findall(ended.output)
    clean = said[-1] == "0" if said else not own_guest
    return ended._replace(status=0 if clean and ended.status == 0 else 1)
