"""What a test waits for in a machine that runs, over one that only says so."""

import unittest
from unittest import mock

from exeunt_lib.live import Live, LiveError


class WaitTest(unittest.TestCase):
    def setUp(self):
        self.runs = True
        self.live = Live(mock.Mock(), timeout=600, virtual_timeout=600)
        self.live.end = float("inf")
        self.live.clock, self.live.log = mock.Mock(), mock.Mock()
        self.live.clock.seconds.return_value = 0.0
        self.live.log.read_text.return_value = ""
        self.live.running = lambda: self.runs
        self.enterContext(mock.patch("exeunt_lib.live.LOOK", 0))

    def test_the_last_word_is_heard(self):
        """The machine says it and ends, right behind a look."""
        said = []

        def look() -> bool:
            if said:
                return True
            said.append("it")
            self.runs = False
            return False

        self.live.wait_until("it", look)

    def test_an_end_without_it_is_an_error(self):
        self.runs = False
        with self.assertRaisesRegex(LiveError, "QEMU ended while the test waited for it"):
            self.live.wait_until("it", lambda: False)

    def test_it_is_not_waited_for_longer_than_that(self):
        self.live.clock.seconds.return_value = 601.0
        with self.assertRaisesRegex(LiveError, "600 virtual seconds, in vain, for it"):
            self.live.wait_until("it", lambda: False)


if __name__ == "__main__":
    unittest.main()
