import hashlib
import io
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from dovetail import Mistake
from dovetail_standard.download import fetch, unpack


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Leave the tests' output alone."""


@pytest.fixture
def served(tmp_path):
    """A file, its address on a server of this machine, and its MD5."""
    file = tmp_path / "there" / "data.bin"
    file.parent.mkdir()
    file.write_bytes(b"content")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(file.parent)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield file, f"http://127.0.0.1:{server.server_port}/data.bin", hashlib.md5(b"content").hexdigest()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_first_address_that_answers_is_used(tmp_path, served):
    file, address, md5 = served
    gone = address.replace("data.bin", "gone.bin")
    assert fetch([gone, address], tmp_path / "here", md5).read_bytes() == b"content"
    file.unlink()  # what is there and whole is not fetched again
    assert fetch([address], tmp_path / "here", md5).read_bytes() == b"content"


def test_a_file_with_another_sum_is_refused(tmp_path, served):
    _, address, _ = served
    with pytest.raises(Mistake, match=r"the data could not be downloaded to .*here:\s+http:.*corrupted"):
        fetch([address], tmp_path / "here", "0" * 32)


def test_every_address_that_failed_is_listed(tmp_path):
    with pytest.raises(Mistake, match=r"a\.bin: .*\n.*b\.bin: "):
        fetch([(tmp_path / name).as_uri() for name in ("a.bin", "b.bin")], tmp_path / "here", "0" * 32)


def test_nothing_is_unpacked_outside_the_folder(tmp_path):
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        member = tarfile.TarInfo("../outside.txt")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(Mistake, match=r"bad\.tar cannot be unpacked"):
        unpack(tmp_path / "bad.tar", tmp_path / "folder")
    assert not (tmp_path / "outside.txt").exists()


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / "bad.tgz").write_bytes(b"\x1f\x8b cut off")
    with pytest.raises(Mistake, match=r"bad\.tgz cannot be unpacked (?s:.*): delete it"):
        unpack(tmp_path / "bad.tgz", tmp_path / "folder")
