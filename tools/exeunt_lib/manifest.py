"""Changes to a manifest for one run, with the device tree compiler's own tools."""

import subprocess
from pathlib import Path

from .paths import ROOT, ExeuntError

IMAGE_PATH = "/sbin/gkernel"
INITRD_PATH = "/boot/initrd"


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

    def _memory(self, vm: str) -> list[int]:
        cells = self._fdtget("-t", "x", self.blob, f"{vm}/memory", "reg")
        return [int(cell, 16) for cell in cells.split()]

    def total_memory(self) -> int:
        """The memory of all guests in bytes, as far as the manifest can be read."""
        total = 0
        for vm in self.vms:
            cells = self._memory(vm)
            total += sum(cells[at + 2] << 32 | cells[at + 3] for at in range(0, len(cells) - 3, 4))
        return total

    def image_path(self) -> str:
        """Where the first VM's image lies on its disk."""
        path = ""
        if self.vms:
            path = self._fdtget("-t", "s", self.blob, f"{self.vms[0]}/image", "path").strip()
        return path or IMAGE_PATH

    def set_memory(self, size: int) -> None:
        """Gives the first VM that many bytes, from where its memory begins."""
        vm = self._first_vm()
        cells = self._memory(vm)
        if len(cells) < 4:
            raise ExeuntError(f"{vm}/memory has no reg of four cells in the manifest")
        cells = [cells[0], cells[1], size >> 32, size & 0xFFFFFFFF]
        self._put("x", f"{vm}/memory", "reg", *(f"{cell:x}" for cell in cells))

    def set_cmdline(self, text: str) -> None:
        self._put("s", self._first_vm(), "cmdline", text)

    def set_initrd(self, path: str) -> None:
        self._put("s", f"{self._first_vm()}/initrd", "path", path)
