"""Third-party sources: which, where they are kept, and how they get there.

Each is one release archive, pinned by version and sha256, unpacked into a cache outside the tree.
`tools/exeunt setup` fetches them; the build only looks them up:

    third_party.py locate NAME     prints the source's folder, or says what to do
    third_party.py fetch           fetches what is missing
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """One release. `pool` is its path on a Debian mirror, `upstream` the second place to try."""

    name: str
    version: str
    pool: str
    upstream: str
    sha256: str


SOURCES = {
    source.name: source
    for source in (
        Source(
            "musl",
            "1.2.5",
            "pool/main/m/musl/musl_1.2.5.orig.tar.gz",
            "https://musl.libc.org/releases/musl-1.2.5.tar.gz",
            "a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4",
        ),
        Source(
            "dtc",
            "1.7.2",
            "pool/main/d/device-tree-compiler/device-tree-compiler_1.7.2.orig.tar.xz",
            "https://www.kernel.org/pub/software/utils/dtc/dtc-1.7.2.tar.xz",
            "92d8ca769805ae1f176204230438fe52808f4e1c7944053c9eec0e649b237539",
        ),
    )
}


class FetchError(Exception):
    """A source could not be had; the text says which and what was tried."""


def cache_dir() -> Path:
    """Where everything fetched is kept."""
    chosen = os.environ.get("EXEUNT_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "exeunt"


def source_dir(source: Source) -> Path:
    """The folder a source is unpacked to. That it exists means that it is complete."""
    return cache_dir() / "src" / f"{source.name}-{source.version}-{source.sha256[:12]}"


def mirrors() -> list[str]:
    """The base addresses of the machine's own Debian mirrors, as apt is configured."""
    try:
        answer = subprocess.run(
            ["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False
        ).stdout
    except FileNotFoundError:
        return []
    bases = re.findall(r"^'([^']+?)/+dists/", answer, re.MULTILINE)
    return list(dict.fromkeys(bases))


def sha256_of(path: Path) -> str:
    """The file's sha256, or nothing when there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def download(address: str, path: Path) -> None:
    """Writes what is at the address to path; raises OSError when it cannot be had."""
    if "/pool/" in address:
        # A mirror: apt itself knows about its proxies, credentials and schemes beside http.
        helper = ["/usr/lib/apt/apt-helper", "-oAPT::Sandbox::User=root", "-oAcquire::Retries=2"]
        done = subprocess.run(
            [*helper, "download-file", address, path], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise OSError((said or ["apt-helper failed"])[0])
        return
    import urllib.request  # slow to load, and seldom needed

    with urllib.request.urlopen(address, timeout=60) as answer, path.open("wb") as out:
        shutil.copyfileobj(answer, out)


def fetch_file(path: Path, sha256: str, addresses: list[str], say=print) -> None:
    """Puts the file with that sha256 at path, from the first address that has it.

    The file appears complete and checked or not at all, whatever interrupts; a copy that is there
    already and right is left alone.
    """
    if sha256_of(path) == sha256:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    tried = []
    for address in addresses:
        say(f"  fetching {address}")
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as scratch:
            partial = Path(scratch) / path.name
            try:
                download(address, partial)
            except OSError as error:
                tried.append(f"{address}: {error}")
                continue
            got = sha256_of(partial)
            if got == sha256:
                partial.replace(path)
                return
            tried.append(f"{address}: its sha256 is {got}, expected {sha256}")
    raise FetchError(f"cannot fetch {path.name}:\n  " + "\n  ".join(tried or ["no mirror known"]))


def fetch(source: Source, say=print) -> None:
    """Fetches and unpacks one source unless it is there."""
    final = source_dir(source)
    if final.is_dir():
        return
    archive = cache_dir() / "archives" / source.pool.rsplit("/", 1)[1]
    addresses = [f"{base}/{source.pool}" for base in mirrors()] + [source.upstream]
    fetch_file(archive, source.sha256, addresses, say)
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".partial-") as scratch:
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extraction_filter = tarfile.data_filter
            tar.extractall(scratch)
        # One folder at the top, as release archives have. Another set-up may have been quicker.
        (top,) = Path(scratch).iterdir()
        try:
            top.rename(final)
        except OSError:
            if not final.is_dir():
                raise


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "locate" and arguments[1] in SOURCES:
        folder = source_dir(SOURCES[arguments[1]])
        if not folder.is_dir():
            print(f"{folder} is not there: run `tools/exeunt setup` first.", file=sys.stderr)
            return 1
        print(folder)
        return 0
    if arguments == ["fetch"]:
        try:
            for source in SOURCES.values():
                fetch(source)
        except FetchError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
