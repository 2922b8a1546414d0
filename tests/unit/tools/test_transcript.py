"""A guest's own lines in a console: cut, between others, on another machine."""

import unittest

from exeunt_lib import transcript
from exeunt_lib.paths import ROOT
from exeunt_lib.transcript import RECOVERY_GUEST, difference, expected_text, own_lines

LOGO = "        _                        _\n   __ _| |\n"
LINES = "spin: shares ~43.0 %, 43.0 %: ok\nfp: ~1,234.5 us: ok\n\nkernel exit [0] normally!\n"
NORMALISED = LINES.replace("~43.0", "~").replace("~1,234.5", "~")
BEFORE = "OpenSBI\n   ____           _\nStarting virtualization...\nEntering VM run loop...\n\n"
AFTER = "Guest: SBI SRST shutdown\nShutdown vm normally!\nHypervisor ok!\n"
DIED = "server npf-pager died: it executed nonsense, at put+0x4, serving IRQ; restarting it\n"
TIMING = "0123456789.,~"
CONSOLE_DIED = DIED.replace("npf-pager", "console")


def console(guest: str) -> str:
    return BEFORE + guest + AFTER


class TranscriptTest(unittest.TestCase):
    def setUp(self):
        self.expected = expected_text(console(LOGO + LINES))

    def assert_same(self, guest: str) -> None:
        self.assertEqual(difference(self.expected, console(guest)), "", guest)

    def assert_differs(self, guest: str) -> None:
        self.assertNotEqual(difference(self.expected, console(guest)), "", guest)

    def test_it_begins_with_the_logo_and_has_no_line_of_others(self):
        self.assertEqual(self.expected, LOGO + NORMALISED)
        self.assertEqual(own_lines(console(LOGO + LINES)), (LOGO + LINES).splitlines())
        self.assertEqual(own_lines(BEFORE + AFTER), [])

    def test_the_bare_machine_has_other_lines_before_and_none_behind(self):
        self.assertEqual(difference(self.expected, "OpenSBI v1.1\n\n" + LOGO + LINES), "")

    def test_a_console_that_hung_at_its_start_shows_the_hypervisors_lines_late(self):
        text = LOGO + LINES
        late = transcript.LOGO_BLOCK + "Starting virtualization...\n"
        at = text.index("fp: ")
        self.assert_same(text[:at] + CONSOLE_DIED + late + text[at:])
        # Its empty lines are not the guest's either, even in the middle of a line.
        for at in (text.index("\nfp: "), text.index("fp: ") + 2):
            middle = text[at - 1] != "\n"
            self.assert_same(text[:at] + "\n" * middle + late + text[at:])

    def test_the_hypervisors_logo_is_inits(self):
        source = (ROOT / "servers/init/main.c").read_text()
        for line in transcript.LOGO:
            self.assertIn(line.replace("\\", "\\\\"), source)

    def test_timings_are_not_compared_but_that_they_are_there(self):
        self.assert_same((LOGO + LINES).replace("~43.0", "~9").replace("~1,234.5", "~1.00"))
        self.assert_differs((LOGO + LINES).replace("~43.0", "43.0"))
        self.assert_differs((LOGO + LINES).replace("%, 43.0", "%, 43.1"))

    def test_lines_cut_anywhere_are_put_together(self):
        text = LOGO + LINES
        for at in range(len(text) + 1):
            # The console ends a line only where one has begun.
            newline = "" if text[:at].endswith("\n") or not at else "\n"
            for lines in (DIED, DIED * 2):
                self.assert_same(text[:at] + newline + lines + text[at:])

    def test_two_cuts_with_little_between(self):
        text = LOGO + LINES
        for at in range(1, len(text) - 1):
            parts = (text[:at], text[at], text[at + 1 :])
            cut = [part + "\n" * (not part.endswith("\n")) + DIED for part in parts[:2]]
            self.assert_same("".join(cut) + parts[2])

    def test_a_newline_without_its_line_when_the_console_died(self):
        text = LOGO + LINES
        for at in range(1, len(text)):
            lone = text[:at] + "\n" + text[at:]
            self.assert_same(lone + CONSOLE_DIED)
            if text[at] not in TIMING:
                self.assert_differs(lone + "\n" + CONSOLE_DIED)
            if at > len(LOGO):
                self.assert_differs(lone + DIED)

    def test_what_is_lost_doubled_or_swapped_is_seen(self):
        text = LOGO + LINES
        for at, character in enumerate(text):
            if character in TIMING:
                continue
            for other in (text[:at] + text[at + 1 :], text[:at] + character + text[at:]):
                if character == "\n" and not other.startswith(text[:-1]):
                    other = other.replace("\n", f"\n{DIED}", 1)  # a cut elsewhere excuses nothing
                if at >= len(LOGO):
                    self.assert_differs(other)
        self.assert_differs(LOGO + "".join(reversed(LINES.splitlines(keepends=True))))
        self.assert_differs(LOGO)
        self.assert_differs("")

    def test_one_newline_for_a_cut(self):
        first, rest = LINES.split("shares", 1)
        self.assert_same(f"{LOGO}{first}\n{DIED}shares{rest}")
        self.assert_differs(f"{LOGO}{first}\n{DIED}\nshares{rest}")
        self.assert_differs(f"{LOGO}{first}\n\n{DIED}shares{rest}")

    def test_the_recovery_guests_lines(self):
        good = "timer @ 1 MHz\n@ one;\n@ ~2.0 two;\n"
        expected = expected_text(console(good), RECOVERY_GUEST)
        self.assertEqual(expected, "@ one;\n@ ~2.0 two;\n")
        other = console(good.replace("~2.0", "~2.1"))
        self.assertIn("~2.1", difference(expected, other, RECOVERY_GUEST))


if __name__ == "__main__":
    unittest.main()
