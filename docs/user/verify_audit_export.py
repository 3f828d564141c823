"""Verifies an export of the audit log (CSV or JSON Lines) without Trilend: `python verify_audit_export.py FILE [anchors.json]`.

Needs Python 3.11 and nothing else. Ends with 0 when every line gives its hash, lines with neighbouring numbers follow
from each other, and each signed end that falls on a line of the file is the one that was signed.
"""

import csv
import json
import sys
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

COLUMNS = ("id", "created_at", "transaction_id", "actor_id", "actor", "act", "subject_type", "subject_id", "reason")


def lines_of(path: Path) -> list[dict]:
    """The lines of the file, as dictionaries."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".csv":
            csv.field_size_limit(10**9)
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file]


def faults_of(line: dict) -> list[str]:
    """What is wrong with one line taken by itself."""
    expected = sha256(bytes.fromhex(line["previous"]) + line["content"].encode()).hexdigest()
    if expected != line["hash"]:
        return ["its content and the hash before it do not give its hash"]
    hashed = dict(zip(COLUMNS, json.loads(line["content"])[1:], strict=False))
    shown = {
        name: str(line[name]).removeprefix("'") for name in ("actor", "act", "subject_type", "subject_id", "reason")
    }
    return [
        f"{name} is not what was hashed" for name, text in shown.items() if text != str(hashed[name]).removeprefix("'")
    ]


def main(file: str, anchors: str = "") -> int:
    """Print what is wrong, and how much was looked at."""
    lines = lines_of(Path(file))
    faults = [f"no. {line['number']}: {fault}" for line in lines for fault in faults_of(line)]
    faults += [
        f"no. {after['number']}: it does not follow from the line before it"
        for before, after in pairwise(lines)
        if int(after["number"]) == int(before["number"]) + 1 and after["previous"] != before["hash"]
    ]
    hashes = {int(line["number"]): line["hash"] for line in lines}
    held = json.loads(Path(anchors).read_text(encoding="utf-8")) if anchors else []
    faults += [
        f"no. {anchor['number']}: the log that was signed on {anchor['signed_at']} was another one"
        for anchor in held
        if hashes.get(anchor["number"], anchor["hash"]) != anchor["hash"]
    ]
    matched = sum(anchor["number"] in hashes for anchor in held)
    print("\n".join(faults) if faults else f"{len(lines)} lines and {matched} signed ends are as they were written.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
