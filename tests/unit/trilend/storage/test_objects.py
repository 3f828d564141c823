"""Stored objects: the same in a local folder and on a real S3 server."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from trilend.storage.objects import ObjectStore, open_store


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    if request.param == "folder":
        return open_store((tmp_path / "objects").as_uri())
    address = request.getfixturevalue("s3_server")
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    boto3.client("s3", endpoint_url=f"http://{address}").create_bucket(Bucket="trilend")
    return open_store(f"s3+http://{address}/trilend")


def test_what_is_written_is_read_back(store: ObjectStore) -> None:
    store.write("t1/documents/a", b"\x00\xffcontent")
    assert store.read("t1/documents/a") == b"\x00\xffcontent"


def test_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert store.read("t1/documents/missing") is None


def test_an_address_of_another_sort_is_refused() -> None:
    with pytest.raises(ValueError, match="TRILEND_STORAGE_URL"):
        open_store("ftp://somewhere/")
