"""A web server on this machine whose paths misbehave in known ways, and files of known content."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
import urllib.parse
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

CONTENT = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the path says what goes wrong on the way."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        kind, _, argument = self.path.strip("/").partition("/")
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.server.requests.append((kind, start))
        self.server.headers.append((asked, self.headers.get("User-Agent")))
        with suppress(ConnectionError):  # the other side has had enough
            getattr(self, f"serve_{kind}")(start, argument)

    def reply(self, body, start=0, *, status=None, claim=None, given=None):
        self.send_response(status or (206 if start else 200))
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        if start:
            given = start if given is None else given
            self.send_header("Content-Range", f"bytes {given}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(body)

    def serve_good(self, start, argument):
        self.reply(CONTENT[start:], start)

    def serve_cut(self, start, argument):
        rest = CONTENT[start:]
        self.reply(rest[: int(argument)], start, claim=len(rest))

    def serve_wrong(self, start, argument):
        self.reply(bytes(len(CONTENT) - start), start)

    def serve_wrongcut(self, start, argument):
        self.reply(bytes(int(argument)), start, claim=len(CONTENT) - start)

    def serve_surplus(self, start, argument):
        self.reply(CONTENT[start:] + b"more", start)

    def serve_wrongsurplus(self, start, argument):
        self.reply(bytes(len(CONTENT) - start) + b"more", start)

    def serve_short(self, start, argument):
        self.reply(CONTENT[start:-10], start)

    def serve_norange(self, start, argument):
        self.reply(CONTENT)

    def serve_norangecut(self, start, argument):
        self.reply(CONTENT[: int(argument)], claim=len(CONTENT))

    def serve_otherrange(self, start, argument):
        self.reply(CONTENT[start:], start, given=start + 1)

    def serve_busy(self, start, argument):
        self.send_error(503)

    def serve_missing(self, start, argument):
        self.send_error(404)

    def serve_redirect(self, start, argument):
        self.send_response(302)
        self.send_header("Location", f"/{argument}")
        self.end_headers()

    def serve_astray(self, start, argument):
        self.send_response(302)
        self.send_header("Location", urllib.parse.unquote(argument))
        self.end_headers()

    def serve_stall(self, start, argument):
        self.reply(CONTENT[start : start + int(argument)], start, claim=len(CONTENT) - start)
        self.wfile.flush()
        self.server.over.wait(10)

    def serve_drip(self, start, argument):
        """One byte after the other, of a reply that has come as far as `argument` says."""
        head = b"HTTP/1.1 200 OK\r\n"
        first, drop = {
            "status": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            "header": (head + b"X-Long: ", b"x"),
            "body": (head + b"\r\n", b"%c"),
            "chunks": (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n%c\r\n"),
            "trailer": (head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
            "redirect": (head.replace(b"200", b"302") + b"Location: /", b"x"),
        }[argument]
        self.wfile.write(first)
        for byte in CONTENT[start:]:
            self.wfile.write(drop.replace(b"%c", bytes([byte])))
            if self.server.over.wait(0.01):
                break

    def serve_flood(self, start, argument):
        """As much as the reader takes, of a reply that has come as far as `argument` says."""
        head = b"HTTP/1.1 200 OK\r\n"
        lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(9))
        first, rest = {
            "line": (b"HTTP/1.1 200 ", b"x" * 60_000),
            "headers": (head, lines),
            "body": (head + b"\r\n", bytes(60_000)),
            "error": (head.replace(b"200", b"500") + b"\r\n", bytes(60_000)),
            "redirect": (head.replace(b"200", b"302") + b"Location: /good\r\n\r\n", bytes(60_000)),
        }[argument]
        self.wfile.write(first)
        while not self.server.over.is_set():
            self.wfile.write(rest)

    def serve_reason(self, start, argument):
        self.wfile.write(b"HTTP/1.1 500 \x1b[2Jgone\x9b31m\x07\r\n\r\n")

    def serve_page(self, start, argument):
        self.reply(b"<html>log in first</html>")

    def serve_garbage(self, start, argument):
        self.wfile.write(b"this is not http\r\n\r\n")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server; `server.url(path)` is an address, `server.requests` what was asked of it."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("TINYTORCH_OFFLINE", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.requests = []
        running.headers = []
        running.over = threading.Event()
        running.url = lambda path: f"http://127.0.0.1:{running.server_port}/{path}"
        running.content = CONTENT
        running.sha256 = hashlib.sha256(CONTENT).hexdigest()
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def remote(server):
    """A maker of the remote file at some of the server's paths."""

    def make(*paths):
        addresses = tuple(server.url(path) for path in paths)
        from tinytorch.data._download import Remote  # late: another layer runs its contract tests

        return Remote("file.bin", len(server.content), server.sha256, addresses)

    return make


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory):
    """An empty folder."""
    return str(tmp_path_factory.mktemp("nowhere"))


@pytest.fixture(autouse=True)
def no_data_of_the_user(monkeypatch, nowhere):
    """No test reads or writes the user's own data, or asks a server that is not ours."""
    monkeypatch.setenv("TINYTORCH_DATA", nowhere)
    monkeypatch.setenv("TINYTORCH_OFFLINE", "1")


def idx(array):
    """The bytes of an idx file."""
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def tar(members):
    """The bytes of a tar file with `members`, pairs of a name and the content (or a TarInfo)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def records(count, label_bytes=(10,), seed=0):
    """Random records of the CIFAR binary version, `(count, label bytes + 3072)`."""
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (count, len(label_bytes) + 3072), dtype=np.uint8)
    for column, classes in enumerate(label_bytes):
        data[:, column] = rng.integers(0, classes, count)
    return data


@pytest.fixture
def make():
    """The makers of files of known content."""
    return SimpleNamespace(gz=gzip.compress, idx=idx, tar=tar, records=records)
