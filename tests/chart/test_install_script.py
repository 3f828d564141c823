"""`infra/install.sh`: leaves alone what is installed, and says in one sentence why it cannot install."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the same shape, whose environment's pip only writes down what it is asked for."""
    root = tmp_path / "project"
    for package in ("platform/trilend", "plugins/trilend_sdk"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text("", encoding="utf-8")
    (root / "requirements").mkdir()
    for name in ("run", "test", "bench"):
        (root / f"requirements/{name}.in").write_text(f"{name}\n", encoding="utf-8")
        (root / f"requirements/{name}.txt").write_text(f"{name}==1\n", encoding="utf-8")
    for name in ("setup.py", "pyproject.toml"):
        (root / name).write_text("", encoding="utf-8")
    (root / "infra").mkdir()
    shutil.copy(Path(__file__).parents[2] / "infra/install.sh", root / "infra/install.sh")
    return root


@pytest.fixture
def environment(project: Path) -> Path:
    """An environment whose interpreter answers as a real one and records each installation in `asked`."""
    venv = project / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("", encoding="utf-8")
    script(venv / "bin/python", f'[ "$1" = -m ] && echo "$@" >> "{project}/asked" || exec "{sys.executable}" "$@"')
    return venv


def script(path: Path, command: str) -> Path:
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def python_that_first_runs(path: Path, statement: str) -> Path:
    """A python3 that runs a statement before the code it is given with -c."""
    return script(path, f'exec "{sys.executable}" -c \'import sys; {statement}; exec(sys.argv[1])\' "$2"')


def install(project: Path, *arguments: str, python: str | Path = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", project / "infra/install.sh", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHON": str(python)},
        cwd=project,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def asked(project: Path) -> list[str]:
    """What pip was asked to install since the last look, without its constant options."""
    record = project / "asked"
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    record.unlink(missing_ok=True)
    return [line.removeprefix("-m pip --disable-pip-version-check --no-input install --quiet ") for line in lines]


def test_the_first_call_installs_the_locked_requirements_and_then_the_project(project, environment):
    done = install(project, ".venv", "--editable")

    assert done.returncode == 0, done.stderr
    assert asked(project) == [
        "--require-hashes -r requirements/run.txt",
        "--no-deps --no-build-isolation --editable .",
    ]


def test_the_second_call_does_nothing(project, environment):
    install(project, ".venv", "--editable")
    asked(project)

    done = install(project, ".venv", "--editable")

    assert (done.returncode, done.stdout, done.stderr, asked(project)) == (0, "", "", [])


def test_what_was_installed_for_the_tests_serves_to_run(project, environment):
    install(project, ".venv", "--editable", "--with", "test")
    assert asked(project)[0] == "--require-hashes -r requirements/test.txt"

    install(project, ".venv", "--editable")

    assert asked(project) == []


@pytest.mark.parametrize(
    ("changed", "installed"),
    [
        ("requirements/run.txt", ["--require-hashes -r requirements/run.txt"]),
        ("setup.py", ["--no-deps --no-build-isolation --editable ."]),
        ("platform/trilend/zh_Hans.po", ["--no-deps --no-build-isolation --editable ."]),
        ("integrations/trilend_new/__init__.py", ["--no-deps --no-build-isolation --editable ."]),
        ("platform/trilend/money.py", []),
    ],
)
def test_a_change_installs_again_what_depends_on_it_and_no_more(project, environment, changed, installed):
    install(project, ".venv", "--editable")
    asked(project)

    (project / changed).parent.mkdir(parents=True, exist_ok=True)
    (project / changed).write_text("changed", encoding="utf-8")
    install(project, ".venv", "--editable")

    assert asked(project) == installed


def test_a_copied_project_is_copied_again_when_any_source_changes(project, environment):
    install(project, ".venv")
    asked(project)

    (project / "platform/trilend/money.py").write_text("changed", encoding="utf-8")
    install(project, ".venv")

    assert asked(project) == ["--no-deps --no-build-isolation --force-reinstall ."]


def test_an_installation_that_failed_is_tried_again(project, environment):
    script(environment / "bin/python", f'[ "$1" = -m ] && exit 1 || exec "{sys.executable}" "$@"')
    failed = install(project, ".venv", "--editable")
    script(
        environment / "bin/python", f'[ "$1" = -m ] && echo "$@" >> "{project}/asked" || exec "{sys.executable}" "$@"'
    )

    install(project, ".venv", "--editable")

    assert failed.returncode == 1
    assert len(asked(project)) == 2


def test_an_older_python_is_refused_and_nothing_is_made(project, tmp_path):
    old = python_that_first_runs(tmp_path / "python3", "sys.version_info = (3, 10, 13)")

    done = install(project, ".venv", python=old)

    assert done.returncode == 1
    assert (
        done.stderr == f"install.sh: Python 3.11 or newer is needed and '{old}' is older; name another with PYTHON=…\n"
    )
    assert not (project / ".venv").exists()


def test_a_missing_python_is_refused_and_nothing_is_made(project):
    done = install(project, ".venv", python="python3.99")

    assert done.returncode == 1
    assert done.stderr == (
        "install.sh: Python 3.11 or newer is needed and 'python3.99' was not found; name one with PYTHON=…\n"
    )
    assert not (project / ".venv").exists()


def test_a_python_without_venv_is_refused_and_nothing_is_made(project, tmp_path):
    bare = python_that_first_runs(tmp_path / "python3", 'sys.modules["ensurepip"] = None')

    done = install(project, ".venv", python=bare)

    assert done.returncode == 1
    assert done.stderr == (
        f"install.sh: '{bare}' lacks the venv module; install it (on Debian and Ubuntu: the package python3-venv).\n"
    )
    assert not (project / ".venv").exists()


def test_a_folder_that_is_no_environment_is_left_untouched(project):
    done = install(project, "platform")

    assert done.returncode == 1
    assert done.stderr == (
        f"install.sh: '{project}/platform' is not empty and not a virtual environment; it was left untouched.\n"
    )
    assert (project / "platform/trilend/__init__.py").is_file()


@pytest.mark.parametrize(
    "arguments", [(), (".venv", "other"), (".venv", "--with"), (".venv", "--with", "all"), ("--force",)]
)
def test_a_wrong_call_is_told_how_to_call(project, arguments):
    done = install(project, *arguments)

    assert done.returncode == 2
    assert done.stderr == "usage: install.sh VENV_DIR [--editable] [--with test|bench]\n"


def pins(path: Path) -> set[str]:
    return set(re.findall(r"^[a-z0-9._-]+==\S+", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_each_larger_set_of_requirements_contains_the_smaller_one(repository: Path):
    run, test, bench = (pins(repository / f"requirements/{name}.txt") for name in ("run", "test", "bench"))

    assert run < test < bench
