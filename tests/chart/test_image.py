"""The recipe of the image, read as the builder reads it."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def recipe(repository: Path) -> list[Instruction]:
    """The instructions of the Containerfile in order, continued lines joined, comments left out."""
    text = (repository / "infra/image/Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


@pytest.fixture(scope="module")
def stages(recipe: list[Instruction]) -> list[list[Instruction]]:
    starts = [i for i, (word, _) in enumerate(recipe) if word == "FROM"]
    return [recipe[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def arguments(stage: list[Instruction], word: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == word]


def copied_from_repository(recipe: list[Instruction]) -> list[str]:
    copies = [rest.split() for rest in arguments(recipe, "COPY") if not rest.startswith("--from=")]
    return [source for copy in copies for source in copy[:-1]]


def test_it_is_built_in_one_stage_and_shipped_from_another(stages):
    build, final = stages

    assert arguments(build, "FROM") == ["${PYTHON_IMAGE} AS build"]
    assert arguments(final, "FROM") == ["${PYTHON_IMAGE}"]
    assert arguments(final, "COPY") == ["--from=build /opt/trilend /opt/trilend"]
    assert arguments(final, "RUN") == []


def test_it_installs_with_the_same_script_as_a_laptop(stages, repository: Path):
    (command,) = arguments(stages[0], "RUN")

    assert command.endswith("sh infra/install.sh /opt/trilend")
    assert (repository / "infra/install.sh").is_file()


def test_it_runs_as_a_numbered_user_who_is_not_root(stages):
    assert arguments(stages[-1], "USER") == ["10001:10001"]
    assert arguments(stages[-1], "ENTRYPOINT") == ['["trilend"]']
    assert arguments(stages[-1], "EXPOSE") == ["8000"]


def test_the_base_image_is_an_argument_and_no_registry_is_named(recipe):
    assert recipe[0] == ("ARG", "PYTHON_IMAGE=python:3.11-slim")
    assert not [rest for _, rest in recipe if "://" in rest or re.search(r"\b[a-z0-9-]+\.(io|com|cn|org)/", rest)]


def test_everything_it_copies_is_in_the_repository(recipe, repository: Path):
    sources = copied_from_repository(recipe)

    assert {"setup.py", "pyproject.toml", "requirements", "infra/install.sh"} <= set(sources)
    assert [source for source in sources if not (repository / source).exists()] == []


def test_it_copies_every_folder_that_holds_packages(recipe, repository: Path):
    roots = {init.parts[-3] for init in repository.glob("*/trilend*/__init__.py")}

    assert roots <= set(copied_from_repository(recipe))


def test_the_builder_is_sent_what_is_copied_and_nothing_more(recipe, repository: Path):
    text = (repository / "infra/image/Containerfile.dockerignore").read_text(encoding="utf-8")
    rules = [line for line in text.splitlines() if line and not line.startswith("#")]
    sent = {rule[1:] for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert sent == set(copied_from_repository(recipe))
    assert any(fnmatch("**/__pycache__", rule) for rule in rules[1:])


def test_no_step_and_no_variable_holds_a_secret(recipe):
    named = [rest for word, rest in recipe if word in {"ARG", "ENV", "LABEL"}]

    assert not [rest for rest in named if re.search(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|_KEY", rest, re.IGNORECASE)]


def test_its_labels_say_the_release_it_was_made_from(stages, repository: Path):
    (version,) = [rest for rest in arguments(stages[-1], "ARG") if rest.startswith("VERSION=")]
    (labels,) = arguments(stages[-1], "LABEL")

    assert f'version="{version.removeprefix("VERSION=")}"' in (repository / "setup.py").read_text(encoding="utf-8")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels
