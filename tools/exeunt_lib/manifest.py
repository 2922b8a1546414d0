"""Changes to a manifest for one run, with the device tree compiler's own tools."""

import subprocess
from pathlib import Path

from .paths import ROOT, ExeuntError

INITRD_PATH = "/boot/initrd"
# Bytes of the registers of a GICv3's redistributor, and of a GICv2's CPU interface.
REDISTRIBUTOR = 0x20000
CPU_INTERFACE = 0x2000


def compile_source(source: Path, blob: Path) -> None:
    """Compiles a .dts file; dtc's own message names the file and the line of what is wrong."""
    done = subprocess.run(
        ["dtc", "-q", "-I", "dts", "-O", "dtb", "-i", ROOT / "guest/manifests", "-o", blob, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ExeuntError(f"dtc cannot compile {source}:\n{done.stderr.rstrip()}")


class Manifest:
    """A compiled manifest in a file; changes go straight into it.

    What a run may change is the first VM's. A manifest that is wrong is left wrong: it is for
    `init` to say so, with file, node and property.
    """

    def __init__(self, blob: Path):
        self.blob = blob
        self.vms = [f"/vms/{name}" for name in self._fdtget("-l", blob, "/vms").splitlines()]

    @staticmethod
    def _fdtget(*arguments: str | Path) -> str:
        """fdtget's answer, empty when there is no such node or property."""
        command = ["fdtget", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def _put(self, kind: str, node: str, name: str, *values: str) -> None:
        command = ["fdtput", "-p", "-t", kind, "--", str(self.blob), node, name, *values]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ExeuntError(f"cannot set {node}'s {name} in the manifest: {done.stderr.strip()}")

    def _first_vm(self) -> str:
        if not self.vms:
            raise ExeuntError("the manifest has no node under /vms to change")
        return self.vms[0]

    def _memory(self, vm: str) -> dict[str, list[int]]:
        """The VM's memory nodes, each with its reg: two cells of address, two of size."""
        found = {}
        for node in self._fdtget("-l", self.blob, vm).splitlines():
            if node.partition("@")[0] == "memory":
                cells = self._fdtget("-t", "x", self.blob, f"{vm}/{node}", "reg")
                found[f"{vm}/{node}"] = [int(cell, 16) for cell in cells.split()]
        return found

    def total_memory(self) -> int:
        """The memory of all guests in bytes, as far as the manifest can be read."""
        regs = [cells for vm in self.vms for cells in self._memory(vm).values()]
        return sum(cells[2] << 32 | cells[3] for cells in regs if len(cells) == 4)

    def first_memory(self) -> int:
        """The first VM's memory in bytes."""
        regs = self._memory(self._first_vm()).values()
        return sum(cells[2] << 32 | cells[3] for cells in regs if len(cells) == 4)

    def cmdline(self) -> str:
        """The first VM's command line."""
        return self._fdtget("-t", "s", self.blob, self._first_vm(), "cmdline").rstrip("\n")

    def controller(self) -> str:
        """The machine's interrupt controller, as the first of its names; empty when there is none."""
        for node in self._fdtget("-l", self.blob, "/host").splitlines():
            if node.partition("@")[0] == "interrupt-controller":
                return self._fdtget("-t", "s", self.blob, f"/host/{node}", "compatible").strip()
        return ""

    def has_object_memory(self) -> bool:
        """The core, which says little, needs it before there is an `init`."""
        return bool(self._fdtget(self.blob, "/", "object-memory").strip())

    def has_monitor(self) -> bool:
        """Whether one of the servers may look at all others and replace them."""
        servers = self._fdtget("-l", self.blob, "/servers").splitlines()
        properties = (self._fdtget("-p", self.blob, f"/servers/{name}") for name in servers)
        return any("monitor" in names.splitlines() for names in properties)

    def server_images(self) -> dict[str, str]:
        """The servers' ELF files in the bundle, by their names."""
        names = self._fdtget("-l", self.blob, "/servers").splitlines()
        images = {n: self._fdtget("-t", "s", self.blob, f"/servers/{n}", "image") for n in names}
        return {name: image.strip() for name, image in images.items()}

    def first_vm_id(self) -> int:
        """The number that servers know the first VM by; 0 when it can't be read."""
        cells = self._fdtget("-t", "u", self.blob, self.vms[0], "id").split() if self.vms else []
        return int(cells[-1]) if cells else 0

    def routes(self) -> list[tuple[str, str]]:
        """Who gets the first VM's exits: classes, as ipc/exit.h calls them, and servers."""
        node = f"{self._first_vm()}/exits"
        found = []
        for name in self._fdtget("-p", self.blob, node).splitlines():
            server = self._fdtget("-t", "s", self.blob, node, name).strip()
            found.append((name.upper().replace("-", "_"), server))
        return found

    def places(self) -> list[tuple[int, int, str]]:
        """What the first VM has at which guest-physical addresses: base, size, name."""
        vm = self._first_vm()
        found = [(node, "ram") for node in self._memory(vm)]
        for folder in ("passthrough", "devices"):
            for node in self._fdtget("-l", self.blob, f"{vm}/{folder}").splitlines():
                found.append((f"{vm}/{folder}/{node}", node.partition("@")[0]))
        places = []
        for node, name in found:
            places += [(*self._pair(node, "reg", at), name) for at in self._starts(node, "reg", 4)]
            # A device of an interrupt controller's that has no size of its own.
            for at in self._starts(node, "redistributors", 2):
                base, _ = self._pair(node, "redistributors", at)
                places.append((base, REDISTRIBUTOR * self._vcpus(vm), "redistributors"))
            for at in self._starts(node, "cpu-interface", 2):
                base, _ = self._pair(node, "cpu-interface", at)
                places.append((base, CPU_INTERFACE, "cpu-interface"))
        return sorted(places)

    def _vcpus(self, vm: str) -> int:
        return int(self._fdtget("-t", "u", self.blob, vm, "vcpus") or 1)

    def _starts(self, node: str, name: str, each: int) -> range:
        return range(0, len(self._cells(node, name)) // each * each, each)

    def _pair(self, node: str, name: str, at: int) -> tuple[int, int]:
        """Address and size, of two cells each; a size that is not there is 0."""
        cells = [*self._cells(node, name)[at : at + 4], 0, 0][:4]
        return cells[0] << 32 | cells[1], cells[2] << 32 | cells[3]

    def _cells(self, node: str, name: str) -> list[int]:
        cells = self._fdtget("-t", "x", self.blob, node, name)
        return [int(cell, 16) for cell in cells.split()]

    def image_path(self) -> str:
        """Where the first VM's image lies on the disk; empty when it does not."""
        if not self.vms:
            return ""
        return self._fdtget("-t", "s", self.blob, f"{self.vms[0]}/image", "path").strip()

    def set_memory(self, size: int) -> None:
        """Gives the first VM that many bytes, from where its memory begins."""
        memory = self._memory(self._first_vm())
        if len(memory) != 1:
            raise ExeuntError(f"the VM has {len(memory)} ranges of memory: change them in the manifest")
        ((node, cells),) = memory.items()
        if len(cells) != 4:
            raise ExeuntError(f"{node}'s reg must have four cells")
        cells = [*cells[:2], size >> 32, size & 0xFFFFFFFF]
        self._put("x", node, "reg", *(f"{cell:x}" for cell in cells))

    def set_cmdline(self, text: str) -> None:
        self._put("s", self._first_vm(), "cmdline", text)

    def set_initrd(self, path: str) -> None:
        self._put("s", f"{self._first_vm()}/initrd", "path", path)
