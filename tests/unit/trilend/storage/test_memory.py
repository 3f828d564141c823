"""Large files pass through in pieces: memory does not grow with them, in a folder and on an S3 server."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from trilend.tenancy.context import BoundTenant

MEGABYTE = 1 << 20
SIZE = 200 * MEGABYTE
MOST_GROWTH = 48 * MEGABYTE
"""A few parts of an upload, and what the libraries take for themselves; a file held whole would be four times that."""

SCRIPT = """
import json, sys
from hashlib import sha256
from trilend.wiring import load
load()
from trilend.storage import objects
from trilend.storage.areas import TEXT, Area
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.service import tenant_by_id

area, piece = Area("documents", types=(TEXT,), megabytes=300), b"0123456789abcdef" * 65_536

def peak():
    # Not getrusage: that one counts what the process had before it was this program, too.
    lines = open("/proc/self/status", encoding="ascii").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

def content(count):
    digest = sha256()
    for number in range(count):
        changed = number.to_bytes(16, "big").hex().encode() + piece[32:]
        digest.update(changed)
        yield changed
    digests.append(digest.hexdigest())

def through(count):
    stored = objects.put(tenant_session(), area, content(count))
    tenant_session().commit()
    digest, size = sha256(), 0
    for found in objects.pieces(stored):
        digest.update(found)
        size += len(found)
    assert (digest.hexdigest(), stored.sha256) == (digests[-1], digests[-1])
    for _ in objects.pieces(stored, 1000, size - 1000):
        pass
    return size

digests = []
with bound(tenant_by_id(sys.argv[1])):
    through(1)
    before = peak()
    size = through(int(sys.argv[2]))
print(json.dumps({"size": size, "growth": peak() - before}))
"""


@pytest.mark.slow
def test_a_file_of_200_megabytes_passes_in_bounded_memory(
    store_url: str, tenant: BoundTenant, installation: Any
) -> None:
    environment = os.environ | installation.environment | {"TRILEND_STORAGE_URL": store_url}
    command = [sys.executable, "-c", SCRIPT, tenant.id, str(SIZE // MEGABYTE)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["size"] == SIZE
    assert found["growth"] < MOST_GROWTH
