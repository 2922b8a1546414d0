"""`exeunt setup`: Debian packages and third-party sources, only what is missing."""

import os
import platform
import shutil
import subprocess

from .paths import ExeuntError, say

import third_party

# Each is a package, or several names for it: the first that this Debian has is installed.
PACKAGES = (
    ("ca-certificates",),
    ("clang-19",),
    ("clang-format-19",),
    ("clang-tidy-19",),
    ("device-tree-compiler",),
    ("dosfstools",),
    ("gdb-multiarch",),
    ("generate-ninja",),
    ("grub-common",),
    ("libc6-dev",),
    ("libclang-rt-19-dev",),
    ("libcmocka-dev",),
    ("libfdt-dev",),
    ("libgcc-12-dev-amd64-cross", "libgcc-14-dev-amd64-cross"),
    ("libgcc-12-dev-arm64-cross", "libgcc-14-dev-arm64-cross"),
    ("libgcc-12-dev-riscv64-cross", "libgcc-14-dev-riscv64-cross"),
    ("lld-19",),
    ("llvm-19",),
    ("mtools",),
    ("ninja-build",),
    ("opensbi",),
    ("ovmf",),
    ("qemu-system-arm",),
    ("qemu-system-misc", "qemu-system-riscv"),
    ("qemu-system-x86",),
    ("qemu-user",),
    ("spin",),
    ("xorriso",),
)
# What GRUB for a PC is made of, which Debian has on PCs only: elsewhere there is no CD (build/iso.py).
PACKAGES_ON_PC = (
    ("grub-efi-amd64-bin",),
    ("grub-pc-bin",),
)


def packages(machine: str) -> tuple[tuple[str, ...], ...]:
    """What is needed on such a machine, by the name that its kernel has for it."""
    return PACKAGES + (PACKAGES_ON_PC if machine in ("x86_64", "i686") else ())


def needed() -> tuple[tuple[str, ...], ...]:
    """What is needed here."""
    return packages(platform.machine())


def installed() -> set[str]:
    """The names of all packages of the list that are installed."""
    names = [name for names in needed() for name in names]
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return {line.split()[1] for line in answer.splitlines() if line.startswith("installed ")}


def offered(names: list[str]) -> set[str]:
    """Which of the packages apt could install now."""
    answer = subprocess.run(
        ["apt-cache", "policy", *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout
    found = set()
    package = ""
    for line in answer.splitlines():
        if not line.startswith(" "):
            package = line.rstrip(":")
        elif line.startswith("  Candidate:") and "(none)" not in line:
            found.add(package)
    return found


def apt_get(*arguments: str) -> bool:
    """Runs apt-get as root and lets the user see what it does."""
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    command += ["-oDPkg::Lock::Timeout=300", *arguments]
    if os.geteuid() != 0:
        command.insert(0, "sudo")
    return subprocess.run(command, stdin=None, check=False).returncode == 0


def choose(missing: list[tuple[str, ...]]) -> list[str] | None:
    """One name for each missing package, or nothing when apt does not know one of them."""
    known = offered([name for names in missing for name in names])
    chosen = [next((name for name in names if name in known), "") for names in missing]
    return chosen if all(chosen) else None


def install_packages() -> None:
    """Installs what is missing."""
    if not shutil.which("dpkg-query"):
        names = " ".join(names[0] for names in needed())
        raise ExeuntError(f"this is no Debian; needed are what its packages hold: {names}")
    have = installed()
    missing = [names for names in needed() if not have.intersection(names)]
    if not missing:
        return
    say("missing packages: " + " ".join(names[0] for names in missing))
    if os.geteuid() != 0 and not shutil.which("sudo"):
        raise ExeuntError("installing packages needs root or sudo")
    updated = False
    chosen = choose(missing)
    if chosen is None:
        say("updating apt's lists")
        updated = apt_get("update")
        chosen = choose(missing)
    if chosen is None:
        raise ExeuntError("apt offers no package for one of: " + str(missing))
    install = ("install", "-y", "--no-install-recommends", *chosen)
    say("installing " + " ".join(chosen))
    if apt_get(*install):
        return
    # The lists may name versions that the mirror no longer has.
    if updated or not apt_get("update") or not apt_get(*install):
        raise ExeuntError("apt-get could not install the packages: see its messages above")


def fetch_sources() -> None:
    """Fetches and unpacks the third-party sources that the cache lacks."""
    for source in third_party.SOURCES.values():
        if not third_party.source_dir(source).is_dir():
            say(f"getting {source.name} {source.version} into {third_party.source_dir(source)}")
        try:
            third_party.fetch(source, say)
        except (third_party.FetchError, OSError) as error:
            raise ExeuntError(str(error)) from error


def setup() -> None:
    """Everything the other commands need; quick and silent when nothing is missing."""
    install_packages()
    fetch_sources()
