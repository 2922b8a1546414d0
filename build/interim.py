"""INTERIM: lists the targets that exist while the tree is being put together."""

import re
import sys
from pathlib import Path

root = Path(__file__).parent.parent
if sys.argv[1] == "target":
    arch = sys.argv[2]
    found = 0
    print(f"//libs/musl:musl(//build/toolchain:server_{arch})")
    print(f"//build/third_party:libfdt(//build/toolchain:server_{arch})")
    for label, role in (
        ("kernel:exeunt", "core"),
        ("servers:servers", "server"),
        ("guest:guest", "guest"),
        ("guest/manifests:manifests", "core"),
    ):
        if (root / label.split(":")[0] / "BUILD.gn").exists():
            print(f"//{label}(//build/toolchain:{role}_{arch})")
            found += 1
    if found == 4:
        print("//build/image")
else:
    for file in sorted(root.rglob("BUILD.gn")):
        if "build" in file.relative_to(root).parts[:1] or "out" in file.relative_to(root).parts[:1]:
            continue
        for name in re.findall(r'^\s*(?:unit|fuzz)_test\("(\w+)"\)', file.read_text(), re.M):
            print(f"//{file.parent.relative_to(root)}:{name}")
