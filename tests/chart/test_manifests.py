"""The objects of the chart: valid for Kubernetes, and joined to each other by the right names, labels and ports."""

from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest

KUBERNETES = ("1.30", "1.37")
Objects = list[dict[str, Any]]


def of_kind(objects: Objects, kind: str) -> Objects:
    return [item for item in objects if item["kind"] == kind]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    (item,) = of_kind(objects, kind)
    return item


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid_for_the_oldest_and_the_newest_kubernetes(render, variant, version):
    for item in render(variant):
        assert kubernetes_validate.validate(item, version, strict=True) == version


def test_the_chart_passes_helms_own_linter(repository: Path):
    report = helm_python.lint(repository / "charts/trilend", strict=True)

    assert report["errors"] == []
    assert [m["error"] for m in report["messages"]] == ["icon is recommended"]


def test_the_default_release_consists_of_these_objects(render):
    names = sorted((item["kind"], item["metadata"]["name"]) for item in render())

    assert names == [
        ("ConfigMap", "trilend-settings"),
        ("Deployment", "trilend-beat"),
        ("Deployment", "trilend-web"),
        ("Deployment", "trilend-worker"),
        ("Ingress", "trilend"),
        ("Job", "trilend-migrate"),
        ("NetworkPolicy", "trilend"),
        ("NetworkPolicy", "trilend-beat"),
        ("NetworkPolicy", "trilend-migrate"),
        ("NetworkPolicy", "trilend-web"),
        ("NetworkPolicy", "trilend-worker"),
        ("PodDisruptionBudget", "trilend-web"),
        ("Service", "trilend-web"),
        ("ServiceAccount", "trilend"),
    ]


def test_no_two_objects_of_a_kind_share_a_name_and_none_is_too_long(render):
    names = [
        (item["kind"], item["metadata"]["name"])
        for item in render(name="a-release-whose-name-is-as-long-as-helm-allows")
    ]

    assert len(names) == len(set(names))
    assert max(len(name) for _, name in names) <= 63


def test_every_object_carries_the_recommended_labels(render):
    for item in render(name="north"):
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "trilend"
        assert labels["app.kubernetes.io/instance"] == "north"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/part-of"] == "trilend"
        assert labels["app.kubernetes.io/version"] == "0.1.0"
        assert labels["helm.sh/chart"] == "trilend-0.1.0"


def test_each_deployment_selects_its_own_pods_and_no_others(render, pods):
    objects = render()
    pod_labels = {name: pod["metadata"]["labels"].items() for name, pod in pods(objects).items()}
    for item in of_kind(objects, "Deployment"):
        selector = item["spec"]["selector"]["matchLabels"].items()
        selected = [name for name, labels in pod_labels.items() if selector <= labels]
        assert selected == [item["metadata"]["labels"]["app.kubernetes.io/component"]]


def test_service_and_disruption_budget_select_the_web_pods_only(render, pods):
    objects = render()
    selectors = [
        only(objects, "Service")["spec"]["selector"],
        only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        selected = [n for n, p in pods(objects).items() if selector.items() <= p["metadata"]["labels"].items()]
        assert selected == ["web"]


def test_requests_travel_from_ingress_over_the_service_to_port_8000(render, pods):
    objects = render()
    service = only(objects, "Service")
    (container,) = pods(objects)["web"]["spec"]["containers"]

    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    for rule in only(objects, "Ingress")["spec"]["rules"]:
        (path,) = rule["http"]["paths"]
        assert path["backend"] == {"service": {"name": service["metadata"]["name"], "port": {"name": "http"}}}


def test_the_ingress_serves_site_console_and_every_tenant_of_the_base_domain(render):
    ingress = only(render({"baseDomain": "xiaodai.example.cn"}), "Ingress")
    hosts = ["xiaodai.example.cn", "console.xiaodai.example.cn", "*.xiaodai.example.cn"]

    assert [rule["host"] for rule in ingress["spec"]["rules"]] == hosts
    assert ingress["spec"]["tls"] == [{"secretName": "trilend-tls", "hosts": hosts}]


def test_the_settings_follow_the_base_domain_and_the_operator(render):
    settings = only(
        render({"baseDomain": "xiaodai.example.cn", "settings": {"TRILEND_OUTBOX_PAGE": "false"}}), "ConfigMap"
    )

    assert settings["data"] == {
        "TRILEND_METRICS_ON_PUBLIC_HOSTS": "false",
        "TRILEND_BASE_URL": "https://xiaodai.example.cn",
        "TRILEND_PROXIES_IN_FRONT": "1",
        "TRILEND_OUTBOX_PAGE": "false",
    }


def test_a_changed_setting_restarts_the_pods_and_nothing_else_does(render):
    def checksums(values: dict[str, Any]) -> set[str]:
        deployments = of_kind(render(values), "Deployment")
        return {d["spec"]["template"]["metadata"]["annotations"]["checksum/settings"] for d in deployments}

    assert len(checksums({})) == 1
    assert checksums({}) == checksums({"web": {"replicas": 5}})
    assert checksums({}).isdisjoint(checksums({"settings": {"TRILEND_OUTBOX_PAGE": "true"}}))


def test_every_process_runs_its_command_in_the_image_of_this_release(render, pods):
    started = {name: pod["spec"]["containers"][0] for name, pod in pods(render()).items()}

    assert {name: c["args"] for name, c in started.items()} == {
        **{name: [name] for name in ("web", "beat", "migrate")},
        "worker": ["worker", "--metrics-port", "9100"],
    }
    assert {c["image"] for c in started.values()} == {"trilend:0.1.0"}
    assert not [c for c in started.values() if "command" in c]


def test_the_chart_installs_the_release_it_lies_beside(chart, repository: Path):
    assert f'version="{chart.metadata["appVersion"]}"' in (repository / "setup.py").read_text(encoding="utf-8")


def test_probes_ask_live_and_ready_under_the_public_sites_name(render, pods):
    web = pods(render({"baseDomain": "xiaodai.example.cn"}))["web"]["spec"]["containers"][0]
    asked = {name: web[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert {n: a["path"] for n, a in asked.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {a["port"] for a in asked.values()} == {"http"}
    assert {a["httpHeaders"][0]["value"] for a in asked.values()} == {"xiaodai.example.cn"}


def test_a_worker_is_asked_by_its_own_health_check_and_may_finish_its_tasks(render, pods):
    worker = pods(render({"worker": {"gracePeriodSeconds": 900}}))["worker"]["spec"]

    assert worker["containers"][0]["livenessProbe"]["exec"]["command"] == ["trilend", "healthcheck", "worker"]
    assert worker["terminationGracePeriodSeconds"] == 900


def test_a_worker_ends_its_tasks_before_its_pod_is_killed(render, pods):
    worker = pods(render({"worker": {"gracePeriodSeconds": 900}}))["worker"]["spec"]
    plain = {v["name"]: v["value"] for v in worker["containers"][0]["env"] if "value" in v}

    assert plain["TRILEND_JOB_GRACE_SECONDS"] == "885"


def test_workers_tell_their_figures_to_whoever_is_named_and_to_nobody_else(render, pods):
    scraper = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    objects = render({"worker": {"metricsPort": 9300}, "networkPolicy": {"metricsFrom": scraper}})
    worker = pods(objects)["worker"]["spec"]["containers"][0]

    assert worker["args"] == ["worker", "--metrics-port", "9300"]
    assert {p["name"]: p["containerPort"] for p in worker["ports"]} == {"metrics": 9300, "metrics-batch": 9301}
    ports = [{"protocol": "TCP", "port": "metrics"}, {"protocol": "TCP", "port": "metrics-batch"}]
    assert policies(objects)["worker"]["ingress"] == [{"from": scraper, "ports": ports}]
    assert "ingress" not in policies(render())["worker"]


def test_workers_without_a_port_tell_nothing(render, pods):
    scraper = [{"podSelector": {}}]
    objects = render({"worker": {"metricsPort": 0}, "networkPolicy": {"metricsFrom": scraper}})
    worker = pods(objects)["worker"]["spec"]["containers"][0]

    assert worker["args"] == ["worker"]
    assert "ports" not in worker
    assert "ingress" not in policies(objects)["worker"]


def test_a_web_pod_leaves_its_service_before_it_stops(render, pods):
    web = pods(render())["web"]["spec"]

    assert web["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 10}}
    assert web["terminationGracePeriodSeconds"] == 60


def test_there_is_never_a_second_beat(render):
    (beat,) = (d for d in of_kind(render(), "Deployment") if d["metadata"]["name"] == "trilend-beat")

    assert beat["spec"]["replicas"] == 1
    assert beat["spec"]["strategy"] == {"type": "Recreate"}


def test_web_and_worker_pods_spread_over_nodes_and_zones(render, pods):
    for component in ("web", "worker"):
        pod = pods(render())[component]
        rules = pod["spec"]["topologySpreadConstraints"]
        assert [r["topologyKey"] for r in rules] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        assert all(r["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() for r in rules)


def test_migrations_run_before_the_release_and_lean_on_nothing_of_it(render, variant):
    objects = render(variant)
    job = only(objects, "Job")
    own = {(item["kind"], item["metadata"]["name"]) for item in objects}

    assert job["metadata"]["annotations"] == {
        "helm.sh/hook": "pre-install,pre-upgrade",
        "helm.sh/hook-weight": "0",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod
    assert "envFrom" not in pod["containers"][0]
    assert [item["kind"] for item in objects if "helm.sh/hook" in item["metadata"].get("annotations", {})] == ["Job"]
    assert not {name for kind, name in own if kind in {"Secret", "ConfigMap"}} & secret_names(pod)


def secret_names(pod: dict[str, Any]) -> set[str]:
    variables = pod["containers"][0]["env"]
    return {v["valueFrom"]["secretKeyRef"]["name"] for v in variables if "valueFrom" in v}


def test_migrations_see_the_same_settings_as_the_release(render, pods):
    objects = render({"settings": {"TRILEND_OUTBOX_PAGE": "false"}})
    plain = {v["name"]: v["value"] for v in pods(objects)["migrate"]["spec"]["containers"][0]["env"] if "value" in v}

    assert plain == only(objects, "ConfigMap")["data"]


def test_autoscaling_takes_over_the_number_of_web_pods(render):
    objects = render({"web": {"replicas": 3, "autoscaling": {"enabled": True, "maxReplicas": 12, "cpuPercent": 60}}})
    scaler = only(objects, "HorizontalPodAutoscaler")["spec"]
    (web,) = (d for d in of_kind(objects, "Deployment") if d["metadata"]["name"] == scaler["scaleTargetRef"]["name"])

    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 12)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert "replicas" not in web["spec"]


def test_a_single_web_pod_does_not_block_the_drain_of_its_node(render):
    budget = only(render({"web": {"replicas": 1}}), "PodDisruptionBudget")["spec"]

    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


def policies(objects: Objects) -> dict[str, dict[str, Any]]:
    return {
        item["metadata"]["name"].removeprefix("trilend-"): item["spec"] for item in of_kind(objects, "NetworkPolicy")
    }


def test_every_pod_is_under_the_denying_policy_and_only_web_pods_are_reachable(render, pods):
    objects = render()
    everything = policies(objects).pop("trilend")

    for pod in pods(objects).values():
        assert everything["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert {tuple(p["policyTypes"]) for p in policies(objects).values()} == {("Ingress", "Egress")}
    assert [name for name, policy in policies(objects).items() if "ingress" in policy] == ["web"]
    assert policies(objects)["web"]["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
            "ports": [{"protocol": "TCP", "port": "http"}],
        }
    ]


def test_with_nobody_named_nobody_reaches_the_web_pods(render):
    assert "ingress" not in policies(render({"networkPolicy": {"ingressFrom": []}}))["web"]


def test_each_component_reaches_only_what_it_needs(render):
    egress = {
        name: {"ports": [number], "to": []}
        for name, number in zip(("database", "valkey", "storage", "smtp", "integrations"), range(1, 6), strict=True)
    }
    rendered = policies(render({"networkPolicy": {"egress": egress}}))
    reached = {
        name: [port["port"] for rule in policy["egress"] for port in rule["ports"]] for name, policy in rendered.items()
    }

    assert reached == {
        "trilend": [53, 53],
        "web": [1, 2, 3, 4, 5],
        "worker": [1, 2, 3, 4, 5],
        "beat": [1, 2],
        "migrate": [1, 2, 3],
    }


def test_a_dependency_can_be_tied_to_its_addresses(render):
    database = [{"podSelector": {"matchLabels": {"cnpg.io/cluster": "trilend"}}}]
    rendered = policies(render({"networkPolicy": {"egress": {"database": {"ports": [5432, 6432], "to": database}}}}))

    assert rendered["web"]["egress"][0] == {
        "ports": [{"protocol": "TCP", "port": 5432}, {"protocol": "TCP", "port": 6432}],
        "to": database,
    }
