"""What every store does, tried on each: a local folder and a bucket of an S3 server."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from trilend.db.base import now
from trilend.storage.errors import StorageAway, StorageFull
from trilend.storage.stores.folder import LocalFolder
from trilend.storage.stores.interface import ObjectStore, open_store

LARGE = secrets.token_bytes(20 << 20)


def names(store: ObjectStore, prefix: str = "t1/") -> list[str]:
    return sorted(entry.name for entry in store.entries(prefix))


def content(store: ObjectStore, name: str, first: int = 0, last: int | None = None) -> bytes:
    found = store.read(name, first, last)
    assert found is not None
    return b"".join(found)


def in_pieces(whole: bytes, length: int) -> Iterator[bytes]:
    return (whole[at : at + length] for at in range(0, len(whole), length))


@pytest.mark.parametrize("length", [0, 1, 65_536, 8 << 20, (8 << 20) + 1])
def test_what_is_written_is_read_back(store: ObjectStore, length: int) -> None:
    written = LARGE[:length]
    assert store.write("t1/documents/a", in_pieces(written, 50_000)) == length
    assert content(store, "t1/documents/a") == written


def test_a_large_object_goes_in_parts_and_comes_back_whole(store: ObjectStore) -> None:
    store.write("t1/documents/a", in_pieces(LARGE, 65_552))
    assert content(store, "t1/documents/a") == LARGE


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 9), (1_000_000, 1_999_999), (20_971_510, None), (3, None)])
def test_a_part_can_be_read(store: ObjectStore, first: int, last: int | None) -> None:
    store.write("t1/documents/a", [LARGE])
    assert content(store, "t1/documents/a", first, last) == LARGE[first : None if last is None else last + 1]


def test_a_part_behind_the_end_is_empty(store: ObjectStore) -> None:
    store.write("t1/documents/a", [b"short"])
    assert content(store, "t1/documents/a", 100) == b""


def test_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert store.read("t1/documents/missing") is None
    assert names(store) == []


def test_a_second_writing_takes_the_place_of_the_first(store: ObjectStore) -> None:
    store.write("t1/documents/a", [b"first, longer"])
    store.write("t1/documents/a", [b"second"])
    assert content(store, "t1/documents/a") == b"second"
    assert names(store) == ["t1/documents/a"]


def test_names_are_listed_by_folder_with_size_and_time(store: ObjectStore) -> None:
    for name in ("t1/documents/a", "t1/exports/b", "t11/documents/c"):
        store.write(name, [b"12345"])
    assert names(store) == ["t1/documents/a", "t1/exports/b"]
    entry = next(iter(store.entries("t11/")))
    assert (entry.name, entry.size) == ("t11/documents/c", 5)
    assert abs(entry.modified - now()) < timedelta(minutes=1)


def test_what_is_deleted_is_gone_and_deleting_it_again_does_nothing(store: ObjectStore) -> None:
    store.write("t1/documents/a", [b"1"])
    store.write("t1/documents/b", [b"2"])
    for _ in range(2):
        store.delete(["t1/documents/a", "t1/documents/never"])
    assert names(store) == ["t1/documents/b"]


@pytest.mark.parametrize("length", [10, 12 << 20])
def test_a_source_that_fails_leaves_nothing_and_its_own_error_comes_through(store: ObjectStore, length: int) -> None:
    def failing() -> Iterator[bytes]:
        yield from in_pieces(LARGE[:length], 65_536)
        raise LookupError("the sender went away")

    with pytest.raises(LookupError, match="the sender went away"):
        store.write("t1/documents/a", failing())
    assert names(store) == []
    assert store.read("t1/documents/a") is None
    assert store.drop_unfinished("t1/", now() + timedelta(hours=1)) == 0


def test_a_source_that_fails_leaves_what_was_there_before(store: ObjectStore) -> None:
    def failing() -> Iterator[bytes]:
        yield b"new"
        raise LookupError

    store.write("t1/documents/a", [b"old"])
    with pytest.raises(LookupError):
        store.write("t1/documents/a", failing())
    assert content(store, "t1/documents/a") == b"old"


def test_what_a_dead_writer_left_is_no_object_and_is_dropped_after_a_while(store_url: str) -> None:
    script = (
        "import os, sys\n"
        "from trilend.storage.stores.interface import open_store\n"
        "def dying():\n"
        "    for _ in range(200):\n"
        "        yield bytes(65536)\n"
        "    os.kill(os.getpid(), 9)\n"
        "open_store(sys.argv[1]).write('t1/documents/a', dying())\n"
    )
    assert subprocess.run([sys.executable, "-c", script, store_url], check=False).returncode == -9
    store = open_store(store_url)
    assert names(store) == []
    assert store.read("t1/documents/a") is None
    if store_url.startswith("file:"):  # the S3 server of the tests dates every upload in 2010
        assert store.drop_unfinished("t1/", now() - timedelta(hours=1)) == 0
    assert store.drop_unfinished("t1/", now() + timedelta(hours=1)) == 1
    assert store.drop_unfinished("t1/", now() + timedelta(hours=1)) == 0


def test_a_reader_may_stop_in_the_middle_or_not_begin(store: ObjectStore) -> None:
    store.write("t1/documents/a", [LARGE])
    for wanted in (0, 1):
        found = store.read("t1/documents/a")
        assert found is not None
        for _ in range(wanted):
            next(found)
        del found


def test_an_s3_server_that_is_away_is_said_so(bucket: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"s3+http://127.0.0.1:{free.getsockname()[1]}/bucket"
    store = open_store(address)
    for act in (
        lambda: store.write("t1/documents/a", [b"1"]),
        lambda: store.write("t1/documents/a", in_pieces(LARGE, 65_536)),
        lambda: store.read("t1/documents/a"),
        lambda: store.delete(["t1/documents/a"]),
        lambda: list(store.entries("t1/")),
    ):
        with pytest.raises(StorageAway, match="try again in a few minutes") as caught:
            act()
        assert caught.value.retry


def test_a_bucket_that_is_not_there_is_said_to_be_away(s3_server: str, bucket: str) -> None:
    store = open_store(f"s3+http://{s3_server}/nobody-made-this")
    with pytest.raises(StorageAway):
        store.write("t1/documents/a", [b"1"])
    with pytest.raises(StorageAway):
        store.read("t1/documents/a")


def test_a_full_disk_is_said_so_and_leaves_nothing(tmp_path: Path) -> None:
    # A limit on the size of a file ends like a full disk: the write of one more byte is refused.
    script = (
        "import errno, resource, signal, sys\n"
        "from pathlib import Path\n"
        "import trilend.storage.stores.folder as folder\n"
        "from trilend.storage.errors import StorageFull\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "folder._FULL |= {errno.EFBIG}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try:\n"
        "    folder.LocalFolder(Path(sys.argv[1])).write('t1/documents/a', (bytes(65536) for _ in range(100)))\n"
        "except StorageFull as error:\n"
        "    print(error.code)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1:] == ["storage_full"], ended.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        store = LocalFolder(small)
        with pytest.raises(StorageFull, match="no room"):
            store.write("t1/documents/a", [bytes(3 << 20)])
        assert names(store) == []
        store.write("t1/documents/b", [bytes(1000)])
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_cannot_be_used_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageAway):
        LocalFolder(tmp_path / "file").write("t1/documents/a", [b"1"])


@pytest.mark.parametrize("name", ["../outside", "t1/../../outside", "/etc/passwd"])
def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    store = LocalFolder(tmp_path / "objects")
    with pytest.raises(ValueError, match="not a name"):
        store.write(name, [b"1"])
    with pytest.raises(ValueError, match="not a name"):
        store.read(name)
    assert not (tmp_path / "outside").exists()


def test_a_file_that_is_being_read_can_be_read_to_its_end(tmp_path: Path) -> None:
    store = LocalFolder(tmp_path)
    store.write("t1/documents/a", [LARGE])
    found = store.read("t1/documents/a")
    assert found is not None
    shutil.rmtree(tmp_path / "t1")
    assert b"".join(found) == LARGE


def test_an_address_of_another_sort_is_refused() -> None:
    with pytest.raises(ValueError, match="TRILEND_STORAGE_URL"):
        open_store("ftp://somewhere/")


def test_a_failed_upload_leaves_no_parts_in_the_bucket(bucket: str, s3_server: str) -> None:
    def failing() -> Iterator[bytes]:
        yield LARGE
        raise LookupError

    with pytest.raises(LookupError):
        open_store(bucket).write("t1/documents/a", failing())
    listed = boto3.client("s3", endpoint_url=f"http://{s3_server}").list_multipart_uploads(
        Bucket=bucket.rpartition("/")[2]
    )
    assert listed.get("Uploads", []) == []
