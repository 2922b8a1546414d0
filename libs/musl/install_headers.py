"""Installs musl's headers as its Makefile does: install_headers.py SOURCE ARCH OUT.

OUT/include becomes the system headers, OUT/internal what only musl itself includes.
"""

import re
import shutil
import sys
from pathlib import Path


def expand_types(text: str) -> str:
    """What tools/mkalltypes.sed does: each TYPEDEF, STRUCT and UNION line becomes guarded C."""
    text = re.sub(
        r"^TYPEDEF (.*) ([^ ]*);$",
        r"#if defined(__NEED_\2) && !defined(__DEFINED_\2)\n"
        r"typedef \1 \2;\n#define __DEFINED_\2\n#endif\n",
        text,
        flags=re.MULTILINE,
    )
    for kind in ("struct", "union"):
        text = re.sub(
            rf"^{kind.upper()} * ([^ ]*) (.*);$",
            rf"#if defined(__NEED_{kind}_\1) && !defined(__DEFINED_{kind}_\1)\n"
            rf"{kind} \1 \2;\n#define __DEFINED_{kind}_\1\n#endif\n",
            text,
            flags=re.MULTILINE,
        )
    return text


def main() -> None:
    source, arch, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    include = out / "include"
    shutil.rmtree(out, ignore_errors=True)
    # An architecture's own headers take precedence over the generic ones.
    shutil.copytree(source / "include", include)
    for bits in (source / "arch/generic/bits", source / f"arch/{arch}/bits"):
        shutil.copytree(bits, include / "bits", dirs_exist_ok=True)
    for template in include.rglob("*.h.in"):
        template.unlink()

    types = (source / f"arch/{arch}/bits/alltypes.h.in").read_text()
    types += (source / "include/alltypes.h.in").read_text()
    (include / "bits/alltypes.h").write_text(expand_types(types))

    calls = (source / f"arch/{arch}/bits/syscall.h.in").read_text()
    renamed = [line for line in calls.splitlines(True) if "__NR_" in line]
    calls += "".join(renamed).replace("__NR_", "SYS_")
    (include / "bits/syscall.h").write_text(calls)

    (out / "internal").mkdir()
    version = (source / "VERSION").read_text().strip()
    (out / "internal/version.h").write_text(f'#define VERSION "{version}"\n')


main()
