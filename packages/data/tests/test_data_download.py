"""A download survives bad mirrors, cuts and stalls, and leaves the whole file or a reason."""

import hashlib
import io
import subprocess
import sys
import threading
import tracemalloc

import pytest

from tinytorch.data._download import Remote, _show, download
from tinytorch.data.files.errors import DownloadError
from tinytorch.data.files.lock import locked
from tinytorch.data.files.transfer import CONTINUATIONS
from tinytorch.tensor.errors import FileError


@pytest.fixture
def remote(server):
    """A maker of the remote file at some of the server's paths."""

    def make(*paths):
        addresses = tuple(server.url(path) for path in paths)
        return Remote("file.bin", len(server.content), server.sha256, addresses)

    return make


def quiet(there, size):
    pass


def test_a_file_arrives_whole(server, remote, tmp_path):
    file = download(remote("good"), tmp_path / "new" / "folder")
    assert file == tmp_path / "new" / "folder" / "file.bin"
    assert file.read_bytes() == server.content
    assert server.requests == [("good", 0)]
    assert server.headers == [(None, "tinytorch-data")]
    assert not (file.parent / "file.bin.part").exists()


def test_a_file_that_is_there_is_not_asked_for(server, remote, tmp_path, monkeypatch):
    (tmp_path / "file.bin").write_bytes(b"mine")
    assert download(remote("good"), tmp_path).read_bytes() == b"mine"
    monkeypatch.setenv("TINYTORCH_OFFLINE", "1")
    assert download(remote("good"), tmp_path).read_bytes() == b"mine"
    assert server.requests == []


def test_progress_tells_the_bytes_there_are(server, remote, tmp_path):
    seen = []
    download(remote("cut/6000"), tmp_path, progress=lambda *numbers: seen.append(numbers))
    size = len(server.content)
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert (6000, size) in seen


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


def test_the_error_lists_each_mirror_and_what_to_do_by_hand(server, tmp_path, remote):
    paths = ("busy", "missing", "wrong", "stall/0", "garbage", "redirect/redirect/busy", "astray")
    with pytest.raises(DownloadError) as caught:
        download(remote(*paths), tmp_path, timeout=0.5)
    error = caught.value
    assert isinstance(error, FileError)
    reasons = dict(error.attempts)
    assert [address.removeprefix(server.url("")) for address in reasons] == list(paths)
    found = list(reasons.values())
    assert found[0] == "answered 503 Service Unavailable"
    assert found[1] == "answered 404 Not Found"
    assert found[2] == "delivered another file (its sha256 differs)"
    assert found[3] == "was too slow: 0 bytes of the file in 0.5 s"
    assert "BadStatusLine" in found[4]
    assert found[5] == found[0]
    assert "ValueError" in found[6]
    text = str(error)
    for address, reason in error.attempts:
        assert f"{address}: {reason}" in text
    assert error.file == tmp_path / "file.bin"
    assert str(error.file) in error.fix
    assert error.attempts[-1][0] in error.fix
    assert server.sha256 in text
    assert "10,240 bytes" in text


def test_a_server_that_is_not_there(server, tmp_path):
    remote = Remote("file.bin", 10, "0" * 64, ("http://127.0.0.1:1/file.bin",))
    with pytest.raises(DownloadError) as caught:
        download(remote, tmp_path)
    assert "refused" in caught.value.attempts[0][1]


@pytest.mark.parametrize("value", ["1", "yes"])
def test_offline_nothing_is_asked(server, remote, tmp_path, monkeypatch, value):
    monkeypatch.setenv("TINYTORCH_OFFLINE", value)
    with pytest.raises(DownloadError, match="TINYTORCH_OFFLINE") as caught:
        download(remote("good"), tmp_path / "new")
    assert str(tmp_path / "new" / "file.bin") in caught.value.fix
    assert caught.value.attempts == []
    assert server.requests == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("value", ["", "0"])
def test_an_empty_or_zero_offline_does_not_count(remote, tmp_path, monkeypatch, value):
    monkeypatch.setenv("TINYTORCH_OFFLINE", value)
    assert download(remote("good"), tmp_path).exists()


def test_a_folder_that_cannot_be_made(server, remote, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"cannot be written: .*Not a directory") as caught:
        download(remote("good"), tmp_path / "file" / "folder")
    assert caught.value.attempts == []
    assert caught.value.operation == "download"
    assert server.requests == []


@pytest.mark.parametrize("name", ["file.bin.part", ".file.bin.lock"])
def test_a_folder_that_cannot_be_written(server, remote, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(DownloadError, match=r"cannot be written: .*Is a directory") as caught:
        download(remote("good"), tmp_path, operation="MNIST")
    assert caught.value.operation == "MNIST"
    assert caught.value.file == tmp_path / "file.bin"


def test_a_folder_with_the_name_of_the_file(server, remote, tmp_path):
    (tmp_path / "file.bin").mkdir()
    with pytest.raises(FileError, match="a folder") as caught:
        download(remote("good"), tmp_path)
    assert caught.value.file == tmp_path / "file.bin"
    assert server.requests == []


def test_a_link_planted_at_the_temporary_name_is_not_followed(server, remote, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "file.bin.part").symlink_to(victim)
    with pytest.raises(DownloadError, match="cannot be written"):
        download(remote("good"), tmp_path)
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "file.bin").exists()


def test_who_waits_for_another_process_says_so(server, remote, tmp_path, capsys):
    with locked(tmp_path / ".file.bin.lock"):
        waiting = threading.Thread(target=lambda: download(remote("good"), tmp_path))
        waiting.start()
        said = ""
        while "waiting" not in said:
            said += capsys.readouterr().err
            assert waiting.is_alive()
        assert server.requests == []
    waiting.join()
    assert str(tmp_path / "file.bin") in said
    assert (tmp_path / "file.bin").read_bytes() == server.content


@pytest.mark.parametrize("there", [None, "closed"])
def test_without_a_terminal_nothing_is_said(remote, tmp_path, monkeypatch, there):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", there and stream)
    with locked(tmp_path / ".file.bin.lock"):
        pass
    assert download(remote("good"), tmp_path).exists()


def test_two_threads_fetch_it_once(server, remote, tmp_path):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(download(remote("good"), tmp_path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [tmp_path / "file.bin"] * 4
    assert server.requests == [("good", 0)]


def test_two_processes_fetch_it_once(server, remote, tmp_path):
    program = (
        "import sys; from pathlib import Path; from tinytorch.data._download import *;"
        "remote = Remote('file.bin', int(sys.argv[1]), sys.argv[2], (sys.argv[3],));"
        "print(len(download(remote, Path(sys.argv[4])).read_bytes()))"
    )
    arguments = [str(len(server.content)), server.sha256, server.url("good"), str(tmp_path)]
    running = [
        subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0].strip() for process in running]
    assert outputs == [b"10240", b"10240"]
    assert server.requests == [("good", 0)]


def test_a_terminal_sees_one_line(monkeypatch, capsys):
    _show(5, 10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _show(500_000, 1_000_000)
    _show(1_000_000, 1_000_000)
    first, second = capsys.readouterr().err.split("\r")[1:]
    assert first == "downloading: 0.5 of 1.0 MB"
    assert second == "downloading: 1.0 of 1.0 MB\n"


def test_the_official_files_have_addresses_sizes_and_checksums():
    from tinytorch.data import CIFAR10, CIFAR100, MNIST, FashionMNIST

    remotes = [CIFAR10.remote, CIFAR100.remote]
    remotes += [
        file for kind in (MNIST, FashionMNIST) for pair in kind.remotes.values() for file in pair
    ]
    assert len({remote.sha256 for remote in remotes}) == 10
    for remote in remotes:
        assert len(bytes.fromhex(remote.sha256)) == hashlib.sha256().digest_size
        assert remote.size > 1000
        assert len(remote.mirrors) >= 2
        assert all(address.endswith(f"/{remote.name}") for address in remote.mirrors)
