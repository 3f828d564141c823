"""The chart, rendered by Helm itself, as the objects a cluster would receive."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top folder of the repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chart(repository: Path) -> Iterator[Chart]:
    with Chart.load(repository / "charts/trilend") as loaded:
        yield loaded


@pytest.fixture(scope="session")
def render(chart: Chart) -> Render:
    """Renders the chart with values over its defaults; gives every object."""

    def objects(values: dict[str, Any] | None = None, *, name: str = "trilend") -> list[dict[str, Any]]:
        rendered = chart.render(values or {}, name=name, namespace="lending")
        manifests = [text for path, text in rendered.items() if path.endswith(".yaml")]
        return [document for text in manifests for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    return objects


@pytest.fixture(scope="session")
def pods() -> Callable[[list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    """The pod templates among rendered objects, by component."""

    def by_component(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            item["metadata"]["labels"]["app.kubernetes.io/component"]: item["spec"]["template"]
            for item in objects
            if item["kind"] in {"Deployment", "Job"}
        }

    return by_component


def _variants() -> dict[str, dict[str, Any]]:
    peer = {"podSelector": {"matchLabels": {"cnpg.io/cluster": "trilend"}}}
    return {
        "defaults": {},
        "autoscaled": {"web": {"replicas": 3, "autoscaling": {"enabled": True, "maxReplicas": 12, "cpuPercent": 60}}},
        "bare": {"ingress": {"enabled": False}, "networkPolicy": {"enabled": False}},
        "closed": {"networkPolicy": {"ingressFrom": [], "egress": {"database": {"ports": [5432], "to": [peer]}}}},
        "own names": {
            "baseDomain": "xiaodai.example.cn",
            "image": {"repository": "images/trilend", "tag": "1.2.3", "pullSecrets": [{"name": "images"}]},
            "secrets": {"ownerDatabaseUrl": {"name": "trilend-db-owner", "key": "uri"}},
            "settings": {"TRILEND_MAIL_FROM": "service@xiaodai.example.cn"},
            "ingress": {"className": "nginx", "tlsSecret": "", "annotations": {"example.com/body-size": "50m"}},
        },
    }


@pytest.fixture(params=_variants().items(), ids=lambda variant: variant[0])
def variant(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Values of one way to install the chart; a test that takes it runs for each."""
    return request.param[1]
