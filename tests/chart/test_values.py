"""The values of the chart: few, each documented, each checked by the schema before anything is rendered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart, HelmError


@pytest.fixture(scope="module")
def values_file(repository: Path) -> Path:
    return repository / "charts/trilend/values.yaml"


def documented_keys(node: yaml.MappingNode, lines: list[str], above: str = "") -> Iterator[tuple[str, bool]]:
    """Every value written on a line of its own, with whether the line above it is a comment."""
    for key, value in node.value:
        name = f"{above}{key.value}"
        is_group = isinstance(value, yaml.MappingNode) and not value.flow_style
        if is_group and key.value != "resources":
            yield from documented_keys(value, lines, f"{name}.")
        else:
            yield name, lines[key.start_mark.line - 1].lstrip().startswith("#")


def test_every_value_has_a_line_that_says_what_it_does(values_file: Path):
    text = values_file.read_text(encoding="utf-8")
    keys = dict(documented_keys(yaml.compose(text, yaml.SafeLoader), text.splitlines()))

    assert len(keys) > 25
    assert [name for name, documented in keys.items() if not documented] == []


def resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return root["definitions"][reference.rpartition("/")[2]] if reference else schema


def unknown_keys(
    values: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], above: str = ""
) -> Iterator[str]:
    """Where the keys of a values tree and the properties of its schema differ, in either direction."""
    properties = resolve(schema, root).get("properties")
    if properties is None:
        return
    yield from (f"{above}{key}" for key in values.keys() ^ (properties.keys() - {"global"}))
    for key, value in values.items():
        if isinstance(value, dict):
            yield from unknown_keys(value, properties[key], root, f"{above}{key}.")


def test_schema_and_values_name_the_same_keys(chart: Chart):
    assert list(unknown_keys(chart.values, chart.schema, chart.schema)) == []


def test_no_object_of_the_schema_takes_a_key_it_does_not_know(chart: Chart):
    def open_objects(schema: Any, path: str) -> Iterator[str]:
        if isinstance(schema, dict):
            if "properties" in schema and schema.get("additionalProperties") is not False:
                yield path
            for key, value in schema.items():
                if not (key == "items" and path.endswith("peers")):
                    yield from open_objects(value, f"{path}/{key}")

    assert list(open_objects(chart.schema, "")) == []


def test_the_defaults_pass_their_own_schema(chart: Chart):
    chart.validate_schema({})


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"baseDomain": "https://trilend.example"}, "baseDomain"),
        ({"baseDomain": "trilend.example:8443"}, "baseDomain"),
        ({"baseDomain": ""}, "baseDomain"),
        ({"baseDomain": None}, "baseDomain"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"tag": 1.2}}, "tag"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"secrets": {"masterKey": "c2VjcmV0"}}, "masterKey"),
        ({"secrets": {"masterKey": {"name": "trilend", "value": "c2VjcmV0"}}}, "masterKey"),
        ({"secrets": {"ownerDatabaseUrl": {"name": "Trilend Owner"}}}, "ownerDatabaseUrl"),
        ({"web": {"replicas": "2"}}, "replicas"),
        ({"web": {"replicas": 0}}, "replicas"),
        ({"web": {"autoscaling": {"enabled": "yes"}}}, "enabled"),
        ({"web": {"autoscaling": {"cpuPercent": 150}}}, "cpuPercent"),
        ({"web": {"resources": {"requests": {"memory": "lots"}}}}, "memory"),
        ({"worker": {"gracePeriodSeconds": 1}}, "gracePeriodSeconds"),
        ({"beat": {"replicas": 2}}, "replicas"),
        ({"ingress": {"host": "trilend.example"}}, "host"),
        ({"settings": {"TRILEND_OUTBOX_PAGE": True}}, "TRILEND_OUTBOX_PAGE"),
        ({"networkPolicy": {"egress": {"database": {"ports": ["5432"]}}}}, "ports"),
        ({"networkPolicy": {"egress": {"database": {"ports": []}}}}, "ports"),
        ({"networkPolicy": {"ingressFrom": [{}]}}, "ingressFrom"),
        ({"replicas": 3}, "replicas"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_name_and_nothing_is_rendered(render, wrong, named):
    with pytest.raises(HelmError, match=named):
        render(wrong)


def test_no_default_points_at_a_moving_image(chart: Chart):
    assert chart.values["image"]["tag"] == ""
    assert chart.metadata["appVersion"] == "0.1.0"
