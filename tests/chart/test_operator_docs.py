"""What the operator's page tells to type exists: values, Secrets and keys, files, addresses, object names."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGE = "docs/operator/install.md"


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def commands(page: str) -> list[list[str]]:
    """Every command of the page, split as the shell splits it."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


def has(values: dict[str, Any], dotted: str) -> bool:
    node: Any = values
    for key in dotted.split("."):
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def options(command: list[str], name: str) -> list[str]:
    """What follows each `name` of a command, whether after a space or an equals sign."""
    spaced = [value for option, value in pairwise(command) if option == name]
    return spaced + [word.removeprefix(f"{name}=") for word in command if word.startswith(f"{name}=")]


def helm(commands: list[list[str]]) -> list[list[str]]:
    return [command for command in commands if command[0] == "helm"]


def test_every_value_the_page_names_exists(chart, page, commands):
    named = set(re.findall(rf"`((?:{'|'.join(chart.values)})(?:\.\w+)+)`", page))
    set_by_command = {pair.partition("=")[0] for command in helm(commands) for pair in options(command, "--set")}

    assert set_by_command == {"baseDomain", "image.repository", "ingress.className"}
    assert len(named) > 8
    assert [name for name in named | set_by_command if not has(chart.values, name)] == []


def test_the_install_command_renders_the_chart_it_names(render, commands, repository: Path):
    (install,) = (command for command in helm(commands) if command[1] == "install")
    values: dict[str, Any] = {}
    for path, _, value in (pair.partition("=") for pair in options(install, "--set")):
        *groups, key = path.split(".")
        node = values
        for group in groups:
            node = node.setdefault(group, {})
        node[key] = value

    objects = render(values, name=install[2])

    assert (repository / install[3] / "Chart.yaml").is_file()
    (ingress,) = (item for item in objects if item["kind"] == "Ingress")
    assert ingress["spec"]["rules"][2]["host"] == "*.trilend.example.com"


def test_the_secrets_to_create_are_the_ones_the_chart_reads(chart, commands):
    created = set()
    for command in commands:
        if "generic" in command:
            name = command[command.index("generic") + 1]
            created |= {(name, pair.partition("=")[0]) for pair in options(command, "--from-file")}

    assert created == {
        (reference["name"], reference["key"]) for reference in chart.values["secrets"].values() if reference
    }


def test_the_certificate_goes_into_the_secret_the_ingress_reads(chart, commands):
    (tls,) = (command for command in commands if "tls" in command)

    assert tls[tls.index("tls") + 1] == chart.values["ingress"]["tlsSecret"]


def test_every_object_the_page_names_is_rendered(render, page):
    rendered = {f"{item['kind'].lower()}/{item['metadata']['name']}" for item in render()}
    named = set(re.findall(r"\b(?:deployment|job)/[a-z-]+", page))

    assert named == {"deployment/trilend-web", "job/trilend-migrate"}
    assert named <= rendered


def test_every_file_the_page_names_exists(page, repository: Path):
    named = set(re.findall(r"\b(?:infra|charts|docs)/[\w./-]*\w", page))

    assert "infra/postgresql/postgresql.conf" in named
    assert [name for name in named if not (repository / name).exists()] == []


def test_the_addresses_and_the_health_check_are_the_ones_the_chart_asks(render, pods, page):
    rendered = yaml.safe_dump(pods(render()))

    for asked in ("/healthz", "/readyz"):
        assert asked in page
        assert asked in rendered
    assert "`trilend healthcheck worker`" in page


def test_the_kubernetes_version_is_the_charts(chart, page):
    assert chart.metadata["kubeVersion"] == ">=1.30.0-0"
    assert "| Kubernetes | 1.30 or newer" in page
