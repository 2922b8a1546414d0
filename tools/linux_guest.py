"""A Linux that nobody here wrote, as a guest: Debian's stock kernel and a small initramfs.

The packages come through the mirror that this machine's own apt is configured with, by a private
apt configuration (another suite, another architecture, its own state in the cache folder), so that
apt itself checks the archive's signature and every package's hash. Nothing is installed.

    python3 tools/linux_guest.py [ARCH]     fetches what is missing and says where it is
"""

import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from exeunt_lib.paths import ROOT

from third_party import cache_dir

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

SYSTEM_TESTS = ROOT / "tests/system"
INIT_SOURCE = SYSTEM_TESTS / "linux_init.sh"
COUNTER_SOURCE = SYSTEM_TESTS / "linux_counter.c"

APT_TIMEOUT = 600  # seconds
# Raised whenever what is kept in the cache changes its meaning, so that an old cache is made anew.
CACHE_FORMAT = 1


class _Wanted(NamedTuple):
    """A file out of a package."""

    file: str  # its name in the cache
    package: str  # empty: the kernel, whose name the metapackage knows
    member: re.Pattern  # its path in the package


class Port(NamedTuple):
    """What is different for an architecture."""

    debian: str  # Debian's name of it
    magic: bytes  # at 56 of a kernel's boot header
    options: tuple[str, ...]  # clang's, for programs of the guest and for what runs before it
    firmware: tuple[_Wanted, ...]  # what the kernel needs below it without a hypervisor

    def metapackage(self) -> str:
        """It depends on the one kernel of the suite's newest point release."""
        return f"linux-image-{self.debian}"

    def kernel_name(self) -> re.Pattern:
        return re.compile(rf"linux-image-[0-9][^ ,]*(?<!cloud)-{self.debian}")

    def wanted(self) -> tuple[_Wanted, ...]:
        return (
            _Wanted(IMAGE, "", re.compile(r"\./boot/vmlinu[xz]-.*")),
            _Wanted("busybox", "busybox-static", re.compile(r"\./(usr/)?bin/busybox")),
            *self.firmware,
        )


IMAGE = "Image"
OPENSBI = _Wanted("fw_dynamic.bin", "opensbi", re.compile(r"\./usr/lib/riscv64-.*/fw_dynamic\.bin"))
PORTS = {
    "riscv64": Port("riscv64", b"RSC\x05", ("-march=rv64gc", "-mcmodel=medany"), (OPENSBI,)),
    # What runs before the kernel has no stack aligned for, and no right to, more than integers.
    "aarch64": Port("arm64", b"ARM\x64", ("-mgeneral-regs-only", "-mstrict-align"), ()),
}


class Unavailable(Exception):
    """The guest cannot be had here; the text says why, for the test's SKIPPED line."""


class LinuxGuest(NamedTuple):
    """The files to boot, and what they are."""

    image: Path  # the flat `Image`, with the architecture's boot header at its start
    initrd: Path  # newc cpio, uncompressed
    # riscv64: OpenSBI with the debug console, to boot the same kernel without a hypervisor
    firmware: Path | None
    version: str  # names and versions of the packages, for people


def fetch(
    arch: str, cache: Path | None = None, say: Callable = lambda text: None
) -> LinuxGuest:
    """Returns the architecture's files, fetching what the cache lacks. Raises Unavailable with the reason.

    Safe to repeat and to run twice at once. The packages are asked for once; after that the cache
    answers without a network. Removing the cache folder is how a newer kernel is fetched.
    """
    port = PORTS[arch]
    cache = cache or cache_dir() / "linux" / arch
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "lock"):
            packages = _kept(port, cache) or _fetch_packages(port, cache, say)
            initrd = cache / "initrd.cpio"
            files = {
                "bin/busybox": (cache / "busybox").read_bytes(),
                "bin/counter": _compile_counter(arch, cache),
                "init": INIT_SOURCE.read_bytes(),
            }
            _replace(initrd, make_initramfs(files))
    except OSError as error:
        raise Unavailable(f"{cache}: {error}") from error
    version = ", ".join(f"{one['package']} {one['version']}" for one in packages["files"].values())
    firmware = cache / port.firmware[0].file if port.firmware else None
    return LinuxGuest(cache / IMAGE, initrd, firmware, version)


# ---- the cache -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _replace(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all, so that an interrupted run leaves nothing half made."""
    spare = path.with_name(path.name + ".new")
    spare.write_bytes(data)
    spare.replace(path)


def _kept(port: Port, cache: Path) -> dict | None:
    """What an earlier run left; nothing when some of it is missing, damaged, of other format."""
    try:
        packages = json.loads((cache / "packages.json").read_text())
        wanted = {one.file for one in port.wanted()}
        if packages["format"] != CACHE_FORMAT or set(packages["files"]) != wanted:
            return None
        for name, entry in packages["files"].items():
            if hashlib.sha256((cache / name).read_bytes()).hexdigest() != entry["sha256"]:
                return None
        return packages
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _fetch_packages(port: Port, cache: Path, say: Callable) -> dict:
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is not on this machine")
    reasons = []
    for mirror in configured_mirrors():
        # Lists and archives are many times larger than what is kept of them.
        with contextlib.ExitStack() as cleaning:
            cleaning.callback(shutil.rmtree, cache / "apt", ignore_errors=True)
            try:
                return _fetch_from(port, _PrivateApt(cache / "apt", mirror, port), cache, say)
            except Unavailable as error:
                reasons.append(str(error))
    raise Unavailable("; ".join(reasons) or "apt has no Debian mirror configured")


def _fetch_from(port: Port, apt: "_PrivateApt", cache: Path, say: Callable) -> dict:
    say(f"fetching Debian {SUITE}'s {port.debian} package lists")
    apt.run("apt-get", "update")
    packages = {"format": CACHE_FORMAT, "files": {}}
    for wanted in port.wanted():
        package = wanted.package or apt.dependency(port.metapackage(), port.kernel_name())
        say(f"fetching {package}")
        archive = apt.download(package)
        data = _deb_file(archive, wanted.member)
        if wanted.file == IMAGE:
            data = flat_image(data, port.magic, archive.name)
        _replace(cache / wanted.file, data)
        packages["files"][wanted.file] = {
            "package": package,
            "version": _run(["dpkg-deb", "--field", str(archive), "Version"]).strip(),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    _replace(cache / "packages.json", json.dumps(packages, indent=1).encode())
    return packages


# ---- apt -----------------------------------------------------------------------------------------


def _run(command: list[str], **options) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    options = {"capture_output": True, "text": True, "timeout": APT_TIMEOUT, **options}
    try:
        done = subprocess.run(command, env=environment, check=False, **options)
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} did not end in {APT_TIMEOUT} s") from error
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (complaints or done.stderr.splitlines() or ["no message"])[0]
        raise Unavailable(f"{command[0]} ended with {done.returncode}: {reason}")
    return done.stdout


def configured_mirrors() -> list[str]:
    """The archives this machine's apt uses for main, those that call themselves Debian's first.

    Security, updates and backports live beside the suite under other names and cannot serve: only
    the plain suite surely has every architecture's kernel.
    """
    fields = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)"
    select = ("Identifier: Packages", "Component: main")
    mirrors: dict[str, bool] = {}
    for line in _run(["apt-get", "indextargets", "--format", fields, *select]).splitlines():
        origin, _, rest = line.partition("|")
        uri, _, release = rest.rpartition("|")
        if uri and not re.search(r"[-/]", release):
            mirrors[uri] = mirrors.get(uri, False) or origin == "Debian"
    return sorted(mirrors, key=lambda uri: not mirrors[uri])


class _PrivateApt:
    """apt with the machine's own settings (proxy, certificates, credentials), another archive."""

    def __init__(self, folder: Path, mirror: str, port: Port):
        self.folder = folder
        self.architecture = port.debian
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("state/lists/partial", "cache/archives/partial", "preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        options = f"arch={self.architecture}" + (f" signed-by={KEYRING}" if KEYRING.exists() else "")
        (folder / "sources.list").write_text(f"deb [{options}] {mirror} {SUITE} main\n")
        self.config = folder / "apt.conf"
        self.config.write_text(self._settings())

    def _settings(self) -> str:
        # The machine's own hooks act on the machine's own lists and archives: not wanted here.
        unwanted = (
            "APT::Update::Pre-Invoke",
            "APT::Update::Post-Invoke",
            "APT::Update::Post-Invoke-Success",
            "APT::Architectures",
            "APT::Default-Release",
        )
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Sandbox::User": "root",  # the cache folder need not be readable for user _apt
            # A mirror that fails is an error, not a warning.
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Dir::State": f"{self.folder}/state/",
            "Dir::State::lists": f"{self.folder}/state/lists/",
            "Dir::State::status": f"{self.folder}/status",
            "Dir::Cache": f"{self.folder}/cache/",
            "Dir::Cache::archives": f"{self.folder}/cache/archives/",
            "Dir::Etc::sourcelist": f"{self.folder}/sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": f"{self.folder}/preferences.d/",
        }
        lines = [f"#clear {name};" for name in unwanted]
        lines += [f'{name} "{value}";' for name, value in settings.items()]
        return "\n".join(lines) + "\n"

    def run(self, tool: str, *arguments: str) -> str:
        return _run([tool, "-q", "-c", str(self.config), *arguments], cwd=self.folder)

    def dependency(self, package: str, wanted: re.Pattern) -> str:
        """The first package of that form that the package depends on."""
        text = self.run("apt-cache", "show", "--no-all-versions", package)
        depends = re.search(r"^Depends: (.*)$", text, re.MULTILINE)
        found = wanted.search(depends[1]) if depends else None
        if not found:
            raise Unavailable(f"{package} of {SUITE} depends on nothing like {wanted.pattern}")
        return found[0]

    def download(self, package: str) -> Path:
        """The package's file, its hash checked by apt against the signed lists."""
        self.run("apt-get", "download", package)
        archives = list(self.folder.glob(f"{package}_*.deb"))
        if len(archives) != 1:
            raise Unavailable(f"apt-get download {package} left {len(archives)} packages")
        return archives[0]


# ---- what is in the packages ---------------------------------------------------------------------


def _deb_file(archive: Path, wanted: re.Pattern) -> bytes:
    """The first regular file of a package whose path matches; the rest is written nowhere."""
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpack:
        try:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as tree:
                for member in tree:
                    if member.isfile() and wanted.fullmatch(member.name):
                        return tree.extractfile(member).read()
        except tarfile.TarError as error:
            raise Unavailable(f"{archive.name} cannot be read: {error}") from error
        finally:
            unpack.kill()  # what comes behind the file is of no interest
    raise Unavailable(f"{archive.name} holds nothing like {wanted.pattern}")


def flat_image(data: bytes, magic: bytes, name: str) -> bytes:
    """Undoes gzip and EFI zboot, checks the boot header: its magic is at 56 (riscv's
    boot-image-header.rst, arm64's booting.rst)."""
    for _ in range(2):
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError) as error:
                raise Unavailable(f"the kernel in {name} cannot be unpacked: {error}") from error
        elif data[:2] == b"MZ" and data[4:8] == b"zimg":
            start, size = (int.from_bytes(data[at : at + 4], "little") for at in (8, 12))
            data = data[start : start + size]
    if data[56:60] != magic:
        raise Unavailable(f"the kernel in {name} is no boot Image of its architecture")
    return data


# ---- the initramfs -------------------------------------------------------------------------------


def compile_freestanding(arch: str, source: Path, output: Path, *arguments: str) -> None:
    """Compiles one small C file without any library for the guest's architecture, whose header it
    includes."""
    options = ("-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", *PORTS[arch].options)
    options += ("-include", str(SYSTEM_TESTS / f"linux_{arch}.h"))
    link = ("-fuse-ld=lld", "-nostdlib", "-static", "-Wl,--build-id=none")
    _run(["clang-19", *options, *link, *arguments, "-o", str(output), str(source)])


def _compile_counter(arch: str, cache: Path) -> bytes:
    program = cache / "counter"
    compile_freestanding(arch, COUNTER_SOURCE, program, f"--target={arch}-linux-gnu", "-s")
    return program.read_bytes()


def make_initramfs(files: dict[str, bytes]) -> bytes:
    """A newc cpio of files and the mount points they need; the same input gives the same bytes."""
    folders = ("bin", "dev", "proc", "sys", "tmp")
    entries = [(name, stat.S_IFDIR | 0o755, b"", (0, 0)) for name in folders]
    # Until devtmpfs is mounted, the kernel opens this console and init this log.
    entries.append(("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)))
    entries.append(("dev/kmsg", stat.S_IFCHR | 0o600, b"", (1, 11)))
    entries += [(name, stat.S_IFREG | 0o755, data, (0, 0)) for name, data in files.items()]
    out = io.BytesIO()
    for number, entry in enumerate(entries, start=1):
        _cpio_entry(out, number, *entry)
    _cpio_entry(out, 0, "TRAILER!!!", 0, b"", (0, 0))
    return out.getvalue()


def _cpio_entry(
    out: io.BytesIO, number: int, name: str, mode: int, data: bytes, device: tuple[int, int]
) -> None:
    # Fields as in the kernel's buffer-format.rst: inode, mode, uid, gid, links, mtime, size, device
    # (two), the special file's device (two), size of the name with its NUL, checksum (unused).
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
    for part in (b"070701" + b"".join(b"%08X" % field for field in fields) + encoded, data):
        out.write(part)
        out.write(b"\0" * (-out.tell() % 4))


if __name__ == "__main__":
    if sys.argv[1:] not in [[], *([arch] for arch in PORTS)]:
        print(f"usage: {sys.argv[0]} [{' | '.join(PORTS)}]", file=sys.stderr)
        sys.exit(2)
    try:
        guest = fetch(*(sys.argv[1:] or ["riscv64"]), say=print)
    except Unavailable as reason:
        sys.exit(f"unavailable: {reason}")
    for field, value in guest._asdict().items():
        if value is not None:
            print(f"{field:9} {value}")
