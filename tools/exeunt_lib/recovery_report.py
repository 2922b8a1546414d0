"""The campaign's table, for people."""

from collections import Counter

from .recovery_matrix import Cell


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def report(found: dict, verdicts: Counter, reasons: list[Cell], failures: list[str]) -> None:
    """The table, for people."""
    rows = [
        ("cells of the kill matrix", found["matrix"]["cells"], found["matrix"]["survived"]),
        ("planned replacements", found["replacements"]["tried"], found["replacements"]["survived"]),
        ("kills at random instructions", found["kills"]["tried"], found["kills"]["survived"]),
        ("hangs", found["hangs"]["tried"], found["hangs"]["survived"]),
        ("the same beside gkernel", found["gkernel"]["tried"], found["gkernel"]["survived"]),
        ("flipped bits that showed", found["flips"]["manifested"], found["flips"]["recovered"]),
    ]
    print(f"{found['arch']:32}{'tried':>10}{'survived':>10}")
    for name, tried, survived in rows:
        print(f"{name:32}{tried:>10,}{survived:>10,}  {share(survived, tried):>8}")
    print(f"{'flipped bits in all':32}{found['flips']['tried']:>10,}")
    for verdict, count in sorted(verdicts.items()):
        print(f"    {verdict:28}{count:>10,}")
    for name, text in (("pause_restart", "a restart"), ("pause_replace", "a replacement")):
        pause = "not measured" if found[name] is None else f"{found[name]:,} instructions"
        print(f"longest pause of the guest for {text}: {pause}")
    for cell in reasons:
        print(f"not applicable: {cell.name}: {cell.reason}")
    for failure in failures:
        print(f"failed: {failure}")


def lost(found: dict) -> int:
    """Strikes that were not survived; of flipped bits nobody expects it."""
    parts = [found[name] for name in ("kills", "hangs", "replacements", "gkernel")]
    matrix = found["matrix"]["cells"] - found["matrix"]["survived"]
    return matrix + sum(part["tried"] - part["survived"] for part in parts)
