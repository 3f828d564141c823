"""Any server is killed in the middle of an export or a move: it ends whole, once, and no acknowledged write is lost."""

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flow.crash.own import OwnInstallation, wait_until
from tests.numbers import new_uscc

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
_SLUG = "carried"
_SEED = 20261125
_JOBS = {"ask_for_export": "archives.export", "ask_for_move": "archives.move"}


@pytest.fixture(scope="module")
def own() -> Iterator[OwnInstallation]:
    """Two database servers, a broker, workers, and a company with something in it."""
    # The databases do not run as root, and have to get into their folders.
    folder = Path(tempfile.mkdtemp(prefix="trilend-passages-"))
    folder.chmod(0o755)
    made = OwnInstallation(folder, has_second=True)
    made.begin()
    made.environment["TRILEND_SPARES_PER_KIND"] = "0"
    try:
        for name in ("worker", "beat"):
            made.start(name)
        assert made.act("found", _SLUG, new_uscc()).end() == 0, _log(made, "acts")
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)


@pytest.mark.parametrize("victims", [("valkey", "database"), ("worker", "database")], ids="-".join)
def test_an_export_ends_with_one_whole_file_whatever_is_killed(own: OwnInstallation, victims: tuple[str, ...]) -> None:
    before = _exports(own)

    _ask_and_kill(own, "ask_for_export", (_SLUG,), victims)

    assert [stage for number, stage in _exports(own).items() if number not in before] == ["ready"]
    assert own.act("compare_export", _SLUG, str(own.folder)).end() == 0, _log(own, "acts")


def test_a_move_ends_whole_and_loses_no_write_whatever_is_killed(own: OwnInstallation) -> None:
    schema = own.ask("SELECT 't_' || id FROM trilend.tenant")[0][0]
    said = own.folder / "said"
    writer = own.act("write", _SLUG, str(said))
    wait_until(lambda: len(_said(said, "acknowledged")) > 5, 30)

    # There and back: the registry's own server is left at first, and the goal afterwards.
    for victims in (("valkey", "database"), ("second", "database")):
        target = "primary" if _home(own) == "second" else "second"
        _ask_and_kill(own, "ask_for_move", (_SLUG, target), victims)
        assert _home(own) == target
        acknowledged = len(_said(said, "acknowledged"))
        # Written in its new place, by a process that remembers the old one for a while.
        wait_until(lambda so_far=acknowledged: len(_said(said, "acknowledged")) > so_far + 5, 60)
    assert writer.is_alive
    writer.kill()

    written = [
        row[0]
        for row in own.ask(
            f"SELECT subject_id FROM {schema}.audit_entry WHERE act = 'written'", second=_home(own) == "second"
        )
    ]
    assert len(written) == len(set(written))
    assert _said(said, "acknowledged") <= set(written) <= _said(said, "try")
    assert own.ask("SELECT state, door FROM trilend.tenant") == [("trial", "open")]
    verified = own.trilend("tenant", "verify")
    assert (verified["different"], verified["behind"], verified["equal"]) == ({}, [], 1)
    assert set(own.ask("SELECT stage FROM trilend.passage WHERE act = 'move'")) <= {
        ("switched",),
        ("done",),
        ("undone",),
    }


def _ask_and_kill(own: OwnInstallation, act: str, arguments: tuple[str, ...], victims: tuple[str, ...]) -> None:
    """Ask for work, kill each of the servers once while it is done, and wait until it is."""
    dice = random.Random(f"{_SEED} {act} {victims}")
    assert own.act(act, *arguments).end() == 0, _log(own, "acts")
    for victim in victims:
        if _is_done(own, act):
            break
        wait_until(lambda: _states(own, act) != {"queued"}, 60)
        time.sleep(moment := dice.uniform(0, 0.5))
        print(f"{act}: {victim} killed after {moment:.3f} s")
        own.kill(victim)
        own.start(victim)
    wait_until(lambda: _let_time_pass(own) and _is_done(own, act), 90)


def _let_time_pass(own: OwnInstallation) -> bool:
    """Work that waits before it is tried again has waited long enough."""
    own.ask(
        "UPDATE trilend.job SET not_before = now() "
        "WHERE name = ANY ('{archives.export,archives.move}') AND state = 'queued' AND not_before > now() RETURNING id"
    )
    return True


def _is_done(own: OwnInstallation, act: str) -> bool:
    return _states(own, act) == {"done"}


def _states(own: OwnInstallation, act: str) -> set[str]:
    """Of the work that was asked for last."""
    newest = f"SELECT state FROM trilend.job WHERE name = '{_JOBS[act]}' ORDER BY id DESC LIMIT 1"
    return {row[0] for row in own.ask(newest)}


def _exports(own: OwnInstallation) -> dict[int, str]:
    return dict(own.ask("SELECT id, stage FROM trilend.passage WHERE act = 'export'"))


def _home(own: OwnInstallation) -> str:
    return str(own.ask("SELECT shard FROM trilend.tenant")[0][0])


def _said(file: Path, what: str) -> set[int]:
    if not file.exists():
        return set()
    lines = file.read_text().splitlines()
    return {int(line.split()[1]) for line in lines if line.startswith(f"{what} ") and line.split()[1:]}


def _log(own: OwnInstallation, name: str) -> str:
    return (own.folder / f"{name}.log").read_text(errors="replace")[-3000:]
