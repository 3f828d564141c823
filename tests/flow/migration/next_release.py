"""A release that comes after this one: its revisions lie in a folder, and its fresh tenants have what they bring.

`python -m tests.flow.migration.next_release FOLDER ARGUMENTS…` is the command line of that release.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent, indent

from trilend.tenancy import blueprint as blueprints
from trilend.tenancy.blueprint import Blueprint
from trilend.tenancy.migration import steps

_REVISION = '''
"""{title}"""

from alembic import op

revision = "{revision}"
down_revision = {previous!r}


def upgrade() -> None:
    """{title}."""
{upgrade}

{more}
'''


@dataclass(frozen=True)
class NextRelease:
    """The folder of the release: `<branch>/` holds its revisions, `<kind>.sql` what its fresh tenants have besides."""

    folder: Path

    def adds(self, branch: str, upgrade: str, *, fresh: str = "", more: str = "") -> None:
        """Author a revision on a branch; `fresh` is SQL by which a new tenant comes to have the same."""
        folder = self._branch(branch)
        known = sorted(folder.glob("*.py"))
        previous = known[-1].name[:4] if known else None
        revision = f"{int(previous or 0) + 1:04d}"
        text = _REVISION.format(
            title=f"step {revision} of {branch}",
            revision=revision,
            previous=previous,
            upgrade=indent(dedent(upgrade).strip(), "    "),
            more=dedent(more),
        )
        (folder / f"{revision}_next.py").write_text(text.lstrip(), encoding="utf-8")
        kinds = ("microfinance", "guarantee", "broker") if branch == steps.PLATFORM else (branch,)
        for kind in kinds:
            with (self.folder / f"{kind}.sql").open("a", encoding="utf-8") as file:
                file.write(f"{fresh.rstrip(';')};\n" if fresh else "")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be that release inside: the revisions of the folder take the place of ours."""
        usual, source = steps.folder_of, blueprints._source[0]
        self._take(
            lambda name: found if (found := self.folder / name).is_dir() else usual(name), self._blueprint(source)
        )
        try:
            yield
        finally:
            self._take(usual, source)

    def _branch(self, name: str) -> Path:
        folder = self.folder / name
        if not folder.is_dir():
            ours = steps.folder_of(name)
            assert ours is not None
            shutil.copytree(ours, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    def _blueprint(self, source: object) -> object:
        def made(kind: str) -> Blueprint:
            ours = source(kind)  # type: ignore[operator]
            file = self.folder / f"{kind}.sql"
            return replace(ours, structure=ours.structure + file.read_text()) if file.exists() else ours

        return made

    @staticmethod
    def _take(folder_of: object, source: object) -> None:
        steps.folder_of = folder_of  # type: ignore[assignment]
        steps.branch.cache_clear()
        blueprints.use_source(source)  # type: ignore[arg-type]


def main() -> None:
    """The command line of the release in the folder."""
    from trilend.cli.main import cli
    from trilend.wiring import load

    load()
    with NextRelease(Path(sys.argv[1])).running():
        cli(prog_name="trilend", args=sys.argv[2:])


if __name__ == "__main__":
    main()
