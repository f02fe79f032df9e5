"""A server may cut, lie, stall, drip or flood: what was right of the file stays."""

import dataclasses
import gc
import tracemalloc
import urllib.parse

import pytest

from tinytorch.data._download import Remote, download
from tinytorch.data.files.errors import DownloadError
from tinytorch.data.files.transfer import CONTINUATIONS


def test_a_cut_connection_is_continued_on_the_same_mirror(server, remote, tmp_path):
    file = download(remote("cut/4000"), tmp_path)
    assert file.read_bytes() == server.content
    assert server.requests == [("cut", 0), ("cut", 4000), ("cut", 8000)]


def test_a_mirror_that_always_cuts_is_given_up(server, remote, tmp_path):
    with pytest.raises(DownloadError, match=f"cut {CONTINUATIONS} times"):
        download(remote("cut/10"), tmp_path)
    assert len(server.requests) == CONTINUATIONS
    assert (tmp_path / "file.bin.part").read_bytes() == server.content[: 10 * CONTINUATIONS]


def test_a_mirror_that_sends_nothing_is_left_at_once(server, remote, tmp_path):
    download(remote("cut/0", "good"), tmp_path)
    assert server.requests == [("cut", 0), ("good", 0)]


def test_the_next_mirror_continues_where_the_last_one_stopped(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    file = download(remote("busy", "missing", "good"), tmp_path)
    assert file.read_bytes() == server.content
    assert server.requests == [("busy", 5000), ("missing", 5000), ("good", 5000)]


def test_a_server_that_ignores_ranges_starts_over(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"x" * 5000)
    assert download(remote("norange"), tmp_path).read_bytes() == server.content
    assert server.requests == [("norange", 5000)]


def test_what_came_before_a_new_start_is_forgotten(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"x" * 5000)
    assert download(remote("norangecut/4000", "good"), tmp_path).read_bytes() == server.content
    assert server.requests == [("norangecut", 5000), ("good", 4000)]


def test_a_server_that_sends_another_range_is_left(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    assert download(remote("otherrange", "good"), tmp_path).read_bytes() == server.content
    (tmp_path / "file.bin").unlink()
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    with pytest.raises(DownloadError, match="asked for the bytes from 5000 on") as caught:
        download(remote("otherrange"), tmp_path)
    assert "bytes 5001-" in caught.value.attempts[0][1]


def test_a_complete_part_is_verified_without_asking(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content)
    assert download(remote("good"), tmp_path).read_bytes() == server.content
    assert server.requests == []


@pytest.mark.parametrize("surplus", [b"", b"and more"])
def test_a_complete_but_wrong_part_is_fetched_again(server, remote, tmp_path, surplus):
    (tmp_path / "file.bin.part").write_bytes(bytes(len(server.content)) + surplus)
    assert download(remote("good"), tmp_path).read_bytes() == server.content
    assert server.requests == [("good", 0)]


def test_wrong_bytes_are_thrown_away(server, remote, tmp_path):
    assert download(remote("wrong", "good"), tmp_path).read_bytes() == server.content
    assert server.requests == [("wrong", 0), ("good", 0)]


def test_wrong_bytes_of_one_mirror_do_not_count_against_the_next(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(bytes(5000))
    assert download(remote("good"), tmp_path).read_bytes() == server.content
    assert server.requests == [("good", 5000), ("good", 0)]


def test_a_mirror_of_wrong_bytes_gets_two_chances_at_most(server, remote, tmp_path):
    with pytest.raises(DownloadError, match="sha256 differs"):
        download(remote("wrongcut/6000"), tmp_path)
    assert server.requests == [("wrongcut", 0), ("wrongcut", 6000)] * 2
    assert not (tmp_path / "file.bin.part").exists()


def test_surplus_bytes_are_not_written(server, remote, tmp_path):
    assert download(remote("surplus"), tmp_path).read_bytes() == server.content
    (tmp_path / "file.bin").unlink()
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    assert download(remote("surplus"), tmp_path).read_bytes() == server.content
    assert server.requests == [("surplus", 0), ("surplus", 5000)]
    (tmp_path / "file.bin").unlink()
    with pytest.raises(DownloadError, match="sha256 differs"):
        download(remote("wrongsurplus"), tmp_path)


def test_a_shorter_file_is_refused(remote, tmp_path):
    with pytest.raises(DownloadError, match="after 10,230 of 10,240 bytes"):
        download(remote("short"), tmp_path)


def test_a_redirect_is_followed_and_keeps_the_range(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    assert download(remote("redirect/good"), tmp_path).read_bytes() == server.content
    assert server.requests == [("redirect", 5000), ("good", 5000)]


@pytest.mark.parametrize(
    "address",
    [
        "http:/nothing",
        "http://[",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:none/",
        "http://a..b/",
        "http://127.0.0.1/\x80",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "strange:address",
        "",
    ],
)
def test_a_redirect_to_nowhere_is_left(server, remote, tmp_path, address):
    path = f"astray/{urllib.parse.quote(address, safe='')}"
    file = download(remote(path, "good"), tmp_path, timeout=0.5)
    assert file.read_bytes() == server.content
    gc.collect()  # a socket that was left open is a warning, and so an error


@pytest.mark.parametrize("sent", [0, 5000])
def test_a_stalled_server_is_left_after_the_timeout(server, remote, tmp_path, sent):
    file = download(remote(f"stall/{sent}", "good"), tmp_path, timeout=0.5)
    assert file.read_bytes() == server.content
    assert server.requests == [("stall", 0), ("good", sent)]


@pytest.mark.parametrize("what", ["status", "header", "body", "chunks", "trailer", "redirect"])
def test_a_server_that_drips_is_left_though_it_is_never_silent(server, remote, tmp_path, what):
    file = download(remote(f"drip/{what}", "redirect/good"), tmp_path, timeout=0.5)
    assert file.read_bytes() == server.content
    assert [kind for kind, _ in server.requests] == ["drip", "redirect", "good"]


@pytest.mark.parametrize("what", ["line", "headers", "body", "error", "redirect"])
def test_a_server_that_floods_takes_no_memory(server, remote, tmp_path, what):
    tracemalloc.start()
    try:
        file = download(remote(f"flood/{what}", "good"), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()
    assert file.read_bytes() == server.content


def test_a_page_in_place_of_the_file_does_not_cost_what_there_was(server, remote, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(server.content[:5000])
    file = download(remote("page", "good"), tmp_path)
    assert file.read_bytes() == server.content
    assert server.requests == [("page", 5000), ("good", 5000)]


def test_what_a_server_says_holds_no_control_codes(remote, tmp_path):
    with pytest.raises(DownloadError) as caught:
        download(remote("reason", "garbage"), tmp_path)
    text = str(caught.value)
    assert r"\x1b[2Jgone\x9b31m\x07" in text
    assert text.replace("\n", "").isprintable()


def test_a_long_reason_is_cut(server, tmp_path):
    address = "http://127.0.0.1:" + "9" * 5000
    with pytest.raises(DownloadError) as caught:
        download(Remote("file.bin", 10, "0" * 64, (address,)), tmp_path)
    assert len(caught.value.attempts[0][1]) < 250


@pytest.mark.parametrize("address", ["https://127.0.0.1:{port}/good", "no address", "http://"])
def test_an_address_that_does_not_serve_is_left(server, remote, tmp_path, address):
    good = remote("good")
    mirrors = (address.format(port=server.server_port), *good.mirrors)
    file = download(dataclasses.replace(good, mirrors=mirrors), tmp_path, timeout=0.5)
    assert file.read_bytes() == server.content
