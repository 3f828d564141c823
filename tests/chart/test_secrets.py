"""No secret passes through the chart, and the owner of the tenants' tables is out of the web pods' reach."""

import json
import re
from typing import Any

import pytest
from helm_python import HelmError, HelmRenderError

REFERENCES = {
    "TRILEND_DATABASE_URL": ("trilend", "database-url"),
    "TRILEND_MASTER_KEY": ("trilend", "master-key"),
    "TRILEND_SECRET_KEY": ("trilend", "secret-key"),
    "TRILEND_SMTP_URL": ("trilend", "smtp-url"),
    "TRILEND_STORAGE_URL": ("trilend", "storage-url"),
    "TRILEND_VALKEY_URL": ("trilend", "valkey-url"),
}
OWNER = {"TRILEND_OWNER_DATABASE_URL": ("trilend-owner", "database-url")}


def references(pod: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The variables of a pod that come out of a Secret, with the Secret's name and key."""
    found = {v["name"]: v["valueFrom"]["secretKeyRef"] for v in pod["spec"]["containers"][0]["env"] if "valueFrom" in v}
    return {name: (reference["name"], reference["key"]) for name, reference in found.items()}


def test_secrets_arrive_by_reference_only(render, pods):
    given = {name: references(pod) for name, pod in pods(render()).items()}

    assert given == {
        "web": REFERENCES,
        "beat": REFERENCES,
        "worker": REFERENCES | OWNER,
        "migrate": REFERENCES | OWNER,
    }


def test_every_process_gets_a_second_master_key_while_there_is_one(render, pods):
    values = {"secrets": {"masterKeyOther": {"name": "trilend", "key": "master-key-other"}}}
    for pod in pods(render(values)).values():
        assert references(pod)["TRILEND_MASTER_KEY_OTHER"] == ("trilend", "master-key-other")


def test_no_manifest_is_a_secret_or_holds_one(render, variant):
    objects = render(variant)
    text = json.dumps(objects)

    assert "Secret" not in {item["kind"] for item in objects}
    assert not re.search(r"://[^/\s\"]*@", text)
    for name in REFERENCES | OWNER:
        assert not re.search(rf'"name": "{name}", "value":', text)
        assert all(name not in item["data"] for item in objects if item["kind"] == "ConfigMap")


def test_the_owners_url_reaches_no_web_pod_by_any_way(render, pods):
    owner = {"name": "only-the-owner", "key": "uri"}
    rendered = pods(render({"secrets": {"ownerDatabaseUrl": owner}}))

    holders = {name for name, pod in rendered.items() if "only-the-owner" in json.dumps(pod)}
    assert holders == {"worker", "migrate"}
    for component in ("web", "beat"):
        container = rendered[component]["spec"]["containers"][0]
        assert container["envFrom"] == [{"configMapRef": {"name": "trilend-settings"}}]
        assert "secret" not in {kind for volume in rendered[component]["spec"]["volumes"] for kind in volume}


def test_the_owners_url_may_not_be_what_the_web_pods_get(render):
    same = {"name": "trilend", "key": "database-url"}

    with pytest.raises(HelmRenderError, match="the web pods would own every tenant's tables"):
        render({"secrets": {"ownerDatabaseUrl": same}})


@pytest.mark.parametrize(
    "settings",
    [
        {"TRILEND_MASTER_KEY": "c2VjcmV0"},
        {"TRILEND_OWNER_DATABASE_URL": "postgresql:///trilend"},
        {"TRILEND_SMS_PASSWORD": "secret"},
        {"TRILEND_MAP_TOKEN": "secret"},
        {"TRILEND_MAP_KEY": "secret"},
        {"TRILEND_PROXY": "http://user:secret@proxy:3128"},
        {"TRILEND_BASE_URL": "http://elsewhere.example"},
        {"PYTHONPATH": "/tmp"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_are_no_side_door_for_secrets_or_for_anything_else(render, settings):
    with pytest.raises(HelmError, match=next(iter(settings))):
        render({"settings": settings})
