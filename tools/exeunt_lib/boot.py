"""`exeunt run`: one boot of the hypervisor, from what was built and what this run changes of it."""

import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from . import bare, control
from .manifest import INITRD_PATH, Manifest, compile_source
from .paths import ExeuntError, UsageError, out_dir, say
from .qemu import STATUS_TIMEOUT, Result, run_process

import bundle
import disk
import iso
import pflash

MB = 1 << 20
# What the firmware, the core, the servers and init's own memory take beside the guests' RAM.
HOST_MEMORY = 128 * MB
# How much of its memory QEMU's PC has below its devices, at most.
PC_LOW_MEMORY = 0xB0000000
CLEAN_END = "Hypervisor ok!"
GDB_PORT = 1234
# On x86_64 isa-debug-exit tells of a clean end (servers/init/machine_x86_64.c): a machine that is
# turned off, or whose CPU shuts down, ends with 0.
DEBUG_EXIT_CLEAN = 0x10 << 1 | 1


class Machine(NamedTuple):
    """What QEMU is told of an architecture's machine.

    board, cpu: its -machine and, unless another is asked for, its -cpu; empty: QEMU's own choice.
    controllers: what -machine is told beside that, by the interrupt controller that the manifest
    says the machine has; the first one's if it says none of them, for whoever refuses that.
    bare_board, bare_cpu: the same without the hypervisor. bundle: where the core looks for the boot
    bundle. core: how the core's ELF file gets there. more: what else only the hypervisor needs.
    disk: its device.
    """

    board: str
    cpu: str
    bare_board: str
    bare_cpu: str
    bundle: int
    core: Callable[[Path], list[str]]
    more: tuple[str, ...] = ()
    disk: str = "virtio-blk-device"
    controllers: tuple[tuple[str, str], ...] = ()

    def board_with(self, controller: str) -> str:
        known = dict(self.controllers)
        first = self.controllers[0][1] if self.controllers else ""
        more = known.get(controller, first)
        return f"{self.board},{more}" if more else self.board


def firmware() -> Path:
    """OpenSBI's fw_jump: -bios default would jump into the pflash instead of the core."""
    path = Path("/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin")
    if not path.exists():
        raise ExeuntError(f"{path} is missing: run `tools/exeunt setup`")
    return path


def behind_firmware(core: Path) -> list[str]:
    return ["-bios", str(firmware()), "-device", f"loader,file={quoted(core)}"]


def as_kernel(core: Path) -> list[str]:
    """By -kernel, QEMU leaves a device tree where RAM begins."""
    return ["-kernel", str(core)]


def quoted(path: Path) -> str:
    """As part of an option's list."""
    return str(path).replace(",", ",,")


MACHINES = {
    "riscv64": Machine("virt", "", "virt", "", 0x80400000, behind_firmware),
    # The core needs EL2 with VHE. The machine's clock of the day is its own time's.
    "aarch64": Machine(
        "virt,virtualization=on",
        "cortex-a76",
        "virt,gic-version=3",
        "cortex-a57",
        0x40400000,
        as_kernel,
        ("-rtc", "clock=vm"),
        controllers=(("arm,gic-v3", "gic-version=3"), ("arm,gic-400", "gic-version=2")),
    ),
    # Without `check=off` QEMU lists what it cannot emulate of the CPU, before each boot. The
    # firmware's search for SATA disks takes several times as long as all the rest of a boot.
    # A failure is told by isa-debug-exit; where the disk is on the PCI bus the manifest says, too.
    "x86_64": Machine(
        "q35,sata=off",
        "EPYC,check=off",
        "q35,sata=off",
        "EPYC,check=off",
        0x1200000,
        as_kernel,
        ("-rtc", "clock=vm", "-device", "isa-debug-exit"),
        "virtio-blk-pci,disable-legacy=on,addr=4",
    ),
}


@dataclass
class Boot:
    """What to boot. Empty fields mean: as built."""

    arch: str = "riscv64"
    out: Path | None = None
    guest: Path | None = None
    initrd: Path | None = None
    cmdline: str | None = None
    mem: int | None = None  # bytes
    manifest: Path | None = None  # a .dts file
    disk: Path | None = None
    pflash: Path | None = None  # the flash's content
    bare: bool = False  # without the hypervisor
    grub: bool = False  # a PC's way: from a CD, by its firmware and GRUB
    timeout: float | None = None  # seconds
    virtual_timeout: float | None = None  # seconds of the machine's own time
    icount: bool = False
    gdb: bool = False
    qemu: str | None = None
    qemu_args: list[str] = field(default_factory=list)
    cpu: str | None = None  # QEMU's -cpu
    control: Path | None = None  # where the control line's socket is to be
    files: dict[str, Path] = field(default_factory=dict)  # more on the disk, by their paths there
    servers: dict[str, Path] = field(default_factory=dict)  # more in the bundle, by their names
    at: list = field(default_factory=list)  # at.At: what happens to servers, and when

    def check(self) -> None:
        """Refuses what contradicts itself or names files that are not there."""
        for name in ("guest", "initrd", "manifest", "disk", "pflash"):
            path = getattr(self, name)
            if path is not None and not path.is_file():
                raise UsageError(f"--{name}: there is no file {path}")
        if self.grub and (self.bare or self.arch != "x86_64"):
            raise UsageError("--grub is how a PC boots the hypervisor: give --arch x86_64, no --bare")
        if self.bare:
            bare.check(self)
        if self.disk and (self.guest or self.initrd):
            raise UsageError("--disk is a whole disk: --guest and --initrd cannot go onto it")
        flash_size = pflash.SIZES[self.arch]
        if self.pflash and self.pflash.stat().st_size != flash_size:
            raise UsageError(f"--pflash: {self.pflash} has not {flash_size / MB:g} MB")
        if self.mem is not None and (self.mem <= 0 or self.mem % (2 * MB)):
            raise UsageError("--mem must be a multiple of 2M")
        if self.qemu and not shutil.which(self.qemu):
            raise UsageError(f"--qemu: {self.qemu} is no program")
        if self.at and self.gdb:
            raise UsageError("--at needs the gdb stub for itself: leave --gdb out")
        if self.control:
            control.check_path(self.control)


def make_manifest(boot: Boot, out: Path, scratch: Path) -> Manifest:
    """The manifest of this run."""
    built = out / "manifests" / f"default-{boot.arch}.dtb"
    blob = scratch / "manifest.dtb"
    if boot.manifest:
        compile_source(boot.manifest, blob)
    else:
        shutil.copyfile(built, blob)
    manifest = Manifest(blob)
    if boot.manifest and not boot.bare and not manifest.has_object_memory():
        raise UsageError(
            f"--manifest: {boot.manifest} has no object-memory: it must include machine-{boot.arch}.dtsi, "
            f"or a manifest that does (guest/manifests/default-{boot.arch}.dts explains)"
        )
    if boot.control and not manifest.has_monitor():
        raise UsageError("--control: no server of the manifest is a monitor")
    if boot.mem is not None:
        manifest.set_memory(boot.mem)
    if boot.cmdline is not None:
        manifest.set_cmdline(boot.cmdline)
    if boot.initrd:
        manifest.set_initrd(INITRD_PATH)
    return manifest


class Images(NamedTuple):
    """What a run starts from: the bundle, the disk, the machine's memory in bytes, its interrupt
    controller, and the CD that has core and bundle where it boots from one."""

    bundle: Path
    disk: Path
    memory: int
    controller: str
    cd: Path | None = None


def make_cd(out: Path, bundle_image: Path, scratch: Path) -> Path:
    """The CD of this run."""
    made = scratch / "exeunt.iso"
    try:
        iso.make_iso(made, out / "exeunt.elf", bundle_image)
    except iso.IsoError as error:
        raise ExeuntError(str(error)) from error
    return made


def make_images(boot: Boot, out: Path, scratch: Path) -> Images:
    """Those of this run."""
    manifest = make_manifest(boot, out, scratch)
    bundle_image = out / "bundle.img"
    changed = boot.manifest or boot.initrd or boot.mem is not None or boot.cmdline is not None
    if changed or boot.servers:
        servers = {name: path.read_bytes() for name, path in boot.servers.items()}
        try:
            image = bundle.with_manifest(bundle_image.read_bytes(), manifest.blob, servers)
        except bundle.BundleError as error:
            raise ExeuntError(str(error)) from error
        bundle_image = scratch / "bundle.img"
        bundle_image.write_bytes(image)

    disk_image = boot.disk or out / "disk.img"
    if boot.guest or boot.initrd or boot.files:
        disk_image = scratch / "disk.img"
        files = {**disk.our_guests(out / "guest"), **boot.files}
        if boot.guest:
            if not manifest.image_path():
                raise UsageError("--guest: the manifest's first VM takes no image from the disk")
            files[manifest.image_path()] = boot.guest
        if boot.initrd:
            files[INITRD_PATH] = boot.initrd
        disk.make_fat32(disk_image, files)
    memory = manifest.total_memory() + HOST_MEMORY
    if boot.arch == "x86_64" and memory >= PC_LOW_MEMORY:
        memory += PC_LOW_MEMORY  # a VM's memory is in one piece, which then is above
    cd = make_cd(out, bundle_image, scratch) if boot.grub else None
    return Images(bundle_image, disk_image, memory, manifest.controller(), cd)


def machine(boot: Boot, memory: int, board: str) -> list[str]:
    """QEMU and its machine: no devices beyond the board's, console on stdio."""
    found = MACHINES[boot.arch]
    cpu = boot.cpu or (found.bare_cpu if boot.bare else found.cpu)
    return [
        boot.qemu or f"qemu-system-{boot.arch}",
        *("-machine", board),
        *("-m", f"{-(-memory // MB)}M"),
        *(("-cpu", cpu) if cpu else ()),
        *("-nodefaults", "-display", "none", "-no-reboot"),
        *("-chardev", "stdio,id=console,signal=on", "-serial", "chardev:console"),
        *("-global", "virtio-mmio.force-legacy=false"),
    ]


def settings(boot: Boot) -> list[str]:
    """What else was asked for, of whichever machine."""
    found = []
    if boot.icount:
        # Where the machine is stopped from outside, sleep=off would skip to its next timer.
        found += ["-icount", f"shift=0,sleep={'on' if boot.at else 'off'}"]
    if boot.gdb:
        found += ["-gdb", f"tcp:127.0.0.1:{GDB_PORT}", "-S"]
    return found + boot.qemu_args


def flash_image(boot: Boot, out: Path) -> Path:
    return boot.pflash or out / "pflash.img"


def bare_command(boot: Boot, out: Path, scratch: Path) -> list[str]:
    """QEMU with the guest and without the hypervisor."""
    manifest = make_manifest(boot, out, scratch)
    command = machine(boot, manifest.first_memory(), MACHINES[boot.arch].bare_board)
    command += bare.arguments(boot, manifest, out, flash_image(boot, out), scratch)
    return command + settings(boot)


def qemu_command(boot: Boot, out: Path, images: Images) -> list[str]:
    """QEMU with the hypervisor and what it starts."""
    flash = flash_image(boot, out)
    found = MACHINES[boot.arch]
    if images.cd:
        cd = f"file={quoted(images.cd)},media=cdrom,format=raw,readonly=on"
        loaded = ["-machine", "sata=on", "-boot", "d", "-drive", cd]
    else:
        loaded = [
            *found.core(out / "exeunt.elf"),
            *("-device", f"loader,file={quoted(images.bundle)},addr={found.bundle:#x},force-raw=on"),
        ]
    command = [
        *machine(boot, images.memory, found.board_with(images.controller)),
        *loaded,
        *("-drive", f"file={quoted(images.disk)},if=none,format=raw,id=disk,readonly=on"),
        *("-device", f"{found.disk},drive=disk"),
        *(bare.flash_unit(0, bare.pc_firmware()) if boot.arch == "x86_64" else ()),
        *bare.flash_unit(1, flash),
        *found.more,
    ]
    if boot.control:
        command += control.qemu_arguments(boot.control, boot.arch)
    return command + settings(boot)


def how_to_attach(arch: str, out: Path, without: bool) -> str:
    """without: the hypervisor."""
    target = f"-ex 'target remote 127.0.0.1:{GDB_PORT}'"
    begin = "waiting for a debugger; in another terminal:\n    gdb-multiarch"
    if without:
        return f"{begin} {out}/guest/gkernel.elf {target}"
    return (
        f"{begin} {out}/exeunt.elf {target}\n"
        f"  symbols of a server: add-symbol-file {out}/server_{arch}/NAME.elf\n"
        f"  symbols of our guest: add-symbol-file {out}/guest/gkernel.elf"
    )


def start_director(boot: Boot, out: Path, scratch: Path) -> list[str]:
    """Whoever does what --at says waits for QEMU's stub; what QEMU needs for it."""
    from . import at  # it needs this module

    gdb = scratch / "gdb"
    at.direct(boot.at, boot.arch, out, scratch / "manifest.dtb", gdb, boot.control).start()
    return ["-gdb", f"unix:{quoted(gdb)},server=on,wait=off", "-S"]


def boot_command(boot: Boot, out: Path, scratch: Path) -> list[str]:
    """QEMU with all that the boot needs; what is made for it lies in `scratch`."""
    if boot.bare:
        return bare_command(boot, out, scratch)
    return qemu_command(boot, out, make_images(boot, out, scratch))


def boot_once(boot: Boot, live: bool) -> Result:
    """Boots it and judges the end."""
    boot.check()
    out = boot.out or out_dir(boot.arch)
    with tempfile.TemporaryDirectory(prefix="exeunt-") as scratch:
        if boot.at and not boot.control and any(at.action == "replace" for at in boot.at):
            boot = replace(boot, control=Path(scratch) / "control")
        command = boot_command(boot, out, Path(scratch))
        if boot.gdb:
            say(how_to_attach(boot.arch, out, boot.bare))
        if boot.at:
            command += start_director(boot, out, Path(scratch))
        try:
            ended = run_process(command, boot.timeout, live, boot.virtual_timeout, boot.arch)
        finally:
            if boot.control:
                boot.control.unlink(missing_ok=True)
    return judge(boot, ended)


def clean_status(arch: str) -> int:
    """QEMU's, when the hypervisor has turned the machine off."""
    return DEBUG_EXIT_CLEAN if arch == "x86_64" else 0


def judge(boot: Boot, ended: Result) -> Result:
    """By QEMU's status *and* the closing line of whoever runs there."""
    if ended.status < 0:
        say(f"QEMU was ended by {signal.Signals(-ended.status).name}")
    if boot.bare:
        return bare.judge(ended, boot.guest is None)
    if ended.status == STATUS_TIMEOUT:
        return ended
    if any(line.startswith("manifest refused: ") for line in ended.lines):
        source = boot.manifest or f"guest/manifests/default-{boot.arch}.dts"
        say(f"the manifest that was refused is {source}")
    clean = ended.status == clean_status(boot.arch)
    clean = clean and CLEAN_END in (line.strip() for line in ended.lines)
    return ended._replace(status=0 if clean else 1)
