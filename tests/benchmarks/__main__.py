"""Runs the benchmarks, or those that are named, prints their table and writes bench.json."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks.installation import Bench, Row, bench_installation

# Each is a function that measures in the installation it is given; one of these lines is all that a new one needs.
BENCHMARKS: Mapping[str, str] = {
    "request": "tests.benchmarks.request:rows",
    "peer": "tests.benchmarks.peer.comparison:rows",
    "provisioning": "tests.benchmarks.provisioning:rows",
    "jobs": "tests.benchmarks.jobs:rows",
    "export": "tests.benchmarks.archives:rows",
    "lists": "tests.benchmarks.lists:rows",
    "move": "tests.benchmarks.moving:rows",
    "end-of-day": "tests.benchmarks.closing:rows",
    "scale": "tests.benchmarks.scale:rows",
    "migrating": "tests.benchmarks.migrating:rows",
    "crash": "tests.benchmarks.scale:crash",
}


def main(names: Sequence[str]) -> None:
    """Start a server, measure, print. Those that need thousands of tenants come last and find them made once."""
    measured: list[Row] = []
    with bench_installation() as bench:
        for name in names or BENCHMARKS:
            begun = time.monotonic()
            found = _function(name)(bench)
            for row in found:
                sys.stdout.write(f"{row['what']:<88} {row['value']!s:>12}   target {row['target']}\n")
            sys.stdout.write(f"  ({name} took {time.monotonic() - begun:.0f} s)\n")
            sys.stdout.flush()
            measured += found
    Path("bench.json").write_text(json.dumps(measured, ensure_ascii=False, indent=2), encoding="utf-8")


def _function(name: str) -> Callable[[Bench], list[Row]]:
    module, _, function = BENCHMARKS[name].partition(":")
    found: Callable[[Bench], list[Row]] = getattr(import_module(module), function)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
