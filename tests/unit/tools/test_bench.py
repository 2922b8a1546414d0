"""The table of `exeunt bench`: what was measured, beside targets and others' figures."""

import unittest

from exeunt_lib import bench


def found(arch: str, **changed) -> dict:
    """Figures that meet every target, but for those given."""
    rows = bench.TABLES[arch]
    values = {row.name: 1 for row in (*rows.operations, *rows.sizes)} | changed
    operations = {row.name: values.pop(row.name) for row in rows.operations}
    return {"arch": arch, "operations": operations, **values}


def lines(arch: str, **changed) -> dict[str, str]:
    """The table's lines by what they are about."""
    rows = bench.TABLES[arch]
    table = bench.table(found(arch, **changed)).splitlines()
    return {
        row.name: line
        for row in (*rows.operations, *rows.sizes)
        for line in table
        if line.startswith(row.text)
    }


class TableTest(unittest.TestCase):
    def test_every_row_has_a_figure_for_every_column(self):
        for rows in bench.TABLES.values():
            for row in (*rows.operations, *rows.sizes):
                self.assertEqual(len(row.others), len(rows.columns), row.name)

    def test_says_how_far_a_figure_is_from_its_target(self):
        for arch, rows in bench.TABLES.items():
            target = rows.operations[0].target
            name = rows.operations[0].name
            self.assertRegex(lines(arch, **{name: target})[name], rf"\b{target} +{target} +met ")
            self.assertIn("missed by 1,000 ", lines(arch, **{name: target + 1000})[name])
            self.assertIn("not measured ", lines(arch, **{name: None})[name])

    def test_a_row_without_a_target_has_no_verdict(self):
        line = lines("aarch64", core_text=123456)["core_text"]
        self.assertIn("123,456", line)
        self.assertNotIn("met", line)

    def test_others_figures_stand_under_their_names(self):
        heads = bench.table(found("aarch64")).splitlines()[2]
        line = lines("aarch64")["mmio_load"]
        for name, figure in (("Bao", "224"), ("NOVA", "1,053"), ("KVM (VHE)", "5,959")):
            self.assertTrue(line[heads.index(name) :].startswith(figure), line)


if __name__ == "__main__":
    unittest.main()
