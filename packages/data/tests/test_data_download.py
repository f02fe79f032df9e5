"""A download leaves the whole file or a reason, whoever else asks for it at the time."""

import hashlib
import io
import subprocess
import sys
import threading

import pytest

from tinytorch.data._download import Remote, _show, download
from tinytorch.data.files.errors import DownloadError
from tinytorch.data.files.lock import locked
from tinytorch.tensor.errors import FileError


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


def test_the_error_lists_each_mirror_and_what_to_do_by_hand(server, tmp_path, remote):
    paths = (
        "busy",
        "missing",
        "wrong",
        "stall/0",
        "garbage",
        "redirect/redirect/busy",
        "astray/http:%2F%2F[",
    )
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


class Heard(io.StringIO):
    """A stream that notes when somebody has said that he waits."""

    def __init__(self):
        super().__init__()
        self.waiting = threading.Event()

    def write(self, text):
        written = super().write(text)
        if "waiting" in self.getvalue():
            self.waiting.set()
        return written


def test_who_waits_for_another_process_says_so(server, remote, tmp_path, monkeypatch):
    heard = Heard()
    monkeypatch.setattr(sys, "stderr", heard)
    with locked(tmp_path / ".file.bin.lock"):
        waiting = threading.Thread(target=lambda: download(remote("good"), tmp_path))
        waiting.start()
        assert heard.waiting.wait(60)
        assert server.requests == []
    waiting.join()
    assert str(tmp_path / "file.bin") in heard.getvalue()
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
