"""What `exeunt bench` measures is measured; how much it is, is no test's matter."""

from exeunt_lib import bench
from exeunt_lib.testing import Context, system_test


@system_test(name="bench", arches=tuple(bench.TABLES))
def measures_everything(ctx: Context) -> None:
    """Each operation happens in the bench guest, and the table has a line for each."""
    found = bench.measure(ctx.arch)
    table = bench.table(found)
    ctx.keep_text(table)
    rows = bench.TABLES[ctx.arch]
    ctx.expect_lines(table, *(row.text for row in (*rows.operations, *rows.sizes)))
    for name, value in {**found["operations"], "boot": found["boot"]}.items():
        ctx.expect(value is not None and value > 0, f"a figure for {name}, not {value}")
