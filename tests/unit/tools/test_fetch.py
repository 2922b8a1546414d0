"""Third-party sources: only what has the right sha256 is ever kept."""

import contextlib
import hashlib
import http.server
import tempfile
import threading
import unittest
from pathlib import Path

import third_party

CONTENT = b"a release" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@contextlib.contextmanager
def server(answers: dict[str, bytes]):
    """A web server on this machine that knows these paths."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path in answers
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "archives/release.tar"

    def fetch(self, addresses: list[str]) -> None:
        third_party.fetch_file(self.path, SHA256, addresses, say=lambda text: None)

    def test_second_place_is_tried(self):
        with server({"/good": CONTENT, "/changed": b"x"}) as web:
            self.fetch([f"{web}/missing", f"{web}/changed", f"{web}/good"])
        self.assertEqual(self.path.read_bytes(), CONTENT)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["release.tar"])

    def test_damaged_copy_is_repaired(self):
        self.path.parent.mkdir()
        self.path.write_bytes(CONTENT[:100])
        with server({"/good": CONTENT}) as web:
            self.fetch([f"{web}/good"])
        self.assertEqual(self.path.read_bytes(), CONTENT)

    def test_good_copy_needs_no_network(self):
        self.path.parent.mkdir()
        self.path.write_bytes(CONTENT)
        self.fetch([])

    def test_wrong_content_is_never_kept(self):
        with server({"/changed": CONTENT[:-1]}) as web:
            with self.assertRaisesRegex(third_party.FetchError, "sha256"):
                self.fetch([f"{web}/changed"])
        self.assertFalse(self.path.exists())
