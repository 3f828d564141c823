"""The rules of the house that a machine can check: imports, types, style, names of folders."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("platform", "tenants", "plugins", "integrations", "sandbox")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    tools = Path(sys.executable).parent
    return subprocess.run(
        [str(tools / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_no_top_folder_shadows_the_standard_library() -> None:
    assert not [root for root in ROOTS if (ROOT / root / "__init__.py").exists()]
    assert Path(platform.__file__).parent == Path(re.__file__).parents[1]


def test_the_import_law_holds() -> None:
    found = run("lint-imports")
    assert found.returncode == 0, found.stdout


def test_style_is_clean() -> None:
    found = run("ruff", "check", ".")
    assert found.returncode == 0, found.stdout
    formatted = run("ruff", "format", "--check", ".")
    assert formatted.returncode == 0, formatted.stdout


@pytest.mark.slow
def test_types_hold_strictly() -> None:
    found = run("mypy")
    assert found.returncode == 0, found.stdout


def tracked(*endings: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(endings) and (ROOT / name).is_file()]


def test_every_module_opens_with_one_sentence() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in tracked(".py")
        if file.read_text(encoding="utf-8").strip()
        and not file.read_text(encoding="utf-8").lstrip().startswith(('"""', "#!"))
    ]
    assert silent == []


def test_no_file_outgrows_its_room() -> None:
    vendored = re.compile(r"static/vendor|translations/")
    large = [
        f"{file.relative_to(ROOT)}: {lines}"
        for file in tracked(".py", ".html", ".js")
        if not vendored.search(str(file)) and (lines := len(file.read_text(encoding="utf-8").splitlines())) > 500
    ]
    assert large == []


def test_lock_files_name_no_registry() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in file.read_text(encoding="utf-8"), file.name


def test_requirements_are_pinned_with_hashes() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        for block in re.split(r"\n(?=\S)", file.read_text(encoding="utf-8").strip()):
            assert "==" in block.split()[0], block
            assert "--hash=sha256:" in block, block


def test_the_readme_points_to_what_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_nothing_names_this_machine_or_a_registry() -> None:
    # Put together here, so that this file does not name them itself.
    forbidden = re.compile(
        "|".join(("/work" + "/main", "pypi" + r"\.org", "npmjs" + r"\.", "deb\\." + "debian", "/opt/" + "pypi"))
    )
    found = [
        str(file.relative_to(ROOT))
        for file in tracked(
            ".py", ".md", ".toml", ".txt", ".in", ".yaml", ".sh", ".html", ".json", "Makefile", "Containerfile"
        )
        if forbidden.search(file.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []
