"""What `exeunt bench` measures is measured, and meets its targets: instructions that are counted do not
depend on how fast the machine is."""

from exeunt_lib import bench
from exeunt_lib.testing import Context, system_test


@system_test(name="bench", arches=tuple(bench.TABLES))
def measures_everything(ctx: Context) -> None:
    """Each operation happens in the bench guest, the table has a line for each, and none is missed."""
    found = bench.measure(ctx.arch)
    table = bench.table(found)
    ctx.keep_text(table)
    rows = bench.TABLES[ctx.arch]
    ctx.expect_lines(table, *(row.text for row in (*rows.operations, *rows.sizes)))
    for name, value in {**found["operations"], "boot": found["boot"]}.items():
        ctx.expect(value is not None and value > 0, f"a figure for {name}, not {value}")
    for row, value in bench.exact(found):
        within = row.target is None or value <= row.target
        ctx.expect(within, f"{row.target} for {row.name}, or less, not {value}")
