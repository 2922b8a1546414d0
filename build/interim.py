"""INTERIM: lists the targets that exist while the tree is being put together."""

import re
import sys
from pathlib import Path

root = Path(__file__).parent.parent
if True:
    for file in sorted(root.rglob("BUILD.gn")):
        if "build" in file.relative_to(root).parts[:1] or "out" in file.relative_to(root).parts[:1]:
            continue
        for name in re.findall(r'^\s*(?:unit|fuzz)_test\("(\w+)"\)', file.read_text(), re.M):
            print(f"//{file.parent.relative_to(root)}:{name}")
