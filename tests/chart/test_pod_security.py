"""Every pod of the chart meets the "restricted" Pod Security Standard, and what we ask beyond it."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SECCOMP = {"RuntimeDefault", "Localhost"}
APPARMOR = {"RuntimeDefault", "Localhost"}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for kind in ("initContainers", "containers", "ephemeralContainers") for c in pod.get(kind, [])]


def security(subject: dict[str, Any]) -> dict[str, Any]:
    return subject.get("securityContext") or {}


def pod_violations(pod: dict[str, Any]) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", []):
        if not VOLUMES.issuperset(volume.keys() - {"name"}):
            yield f"volume {volume['name']}"
    for sysctl in security(pod).get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"


def shared_violations(context: dict[str, Any]) -> Iterator[str]:
    """What may be wrong in the security context of a pod and of a container alike."""
    selinux = context.get("seLinuxOptions") or {}
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    if selinux.get("type") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if "appArmorProfile" in context and context["appArmorProfile"].get("type") not in APPARMOR:
        yield "appArmorProfile"


def container_violations(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    context, inherited = security(container), security(pod)
    capabilities = context.get("capabilities") or {}
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if context.get("runAsNonRoot", inherited.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if (context.get("seccompProfile") or inherited.get("seccompProfile") or {}).get("type") not in SECCOMP:
        yield "seccompProfile"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    if any("host" in action for action in network_actions(container)):
        yield "host of a probe"


def network_actions(container: dict[str, Any]) -> Iterator[dict[str, Any]]:
    probes = [container.get(name) or {} for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    hooks = [(container.get("lifecycle") or {}).get(name) or {} for name in ("postStart", "preStop")]
    for handler in probes + hooks:
        yield from (handler[kind] for kind in ("httpGet", "tcpSocket") if kind in handler)


def violations(pod: dict[str, Any]) -> list[str]:
    """What in a pod's spec the "restricted" Pod Security Standard forbids; empty if it would be admitted."""
    found = [*pod_violations(pod), *shared_violations(security(pod))]
    for container in containers(pod):
        found += shared_violations(security(container))
        found += container_violations(container, pod)
    return found


def test_every_pod_is_admitted_to_a_restricted_namespace(render, pods, variant):
    found = {name: violations(pod["spec"]) for name, pod in pods(render(variant)).items()}

    assert found == {"web": [], "worker": [], "beat": [], "migrate": []}


BREACHES = {
    "hostNetwork": lambda pod: pod.update(hostNetwork=True),
    "hostPID": lambda pod: pod.update(hostPID=True),
    "hostIPC": lambda pod: pod.update(hostIPC=True),
    "volume etc": lambda pod: pod["volumes"].append({"name": "etc", "hostPath": {"path": "/etc"}}),
    "sysctl kernel.msgmax": lambda pod: pod["securityContext"].update(
        sysctls=[{"name": "kernel.msgmax", "value": "1"}]
    ),
    "runAsUser": lambda pod: pod["securityContext"].update(runAsUser=0),
    "hostProcess": lambda pod: pod["securityContext"].update(windowsOptions={"hostProcess": True}),
    "seLinuxOptions": lambda pod: pod["securityContext"].update(seLinuxOptions={"type": "spc_t"}),
    "appArmorProfile": lambda pod: pod["securityContext"].update(appArmorProfile={"type": "Unconfined"}),
    "privileged": lambda pod: security(pod["containers"][0]).update(privileged=True),
    "allowPrivilegeEscalation": lambda pod: security(pod["containers"][0]).pop("allowPrivilegeEscalation"),
    "capabilities": lambda pod: security(pod["containers"][0])["capabilities"].update(add=["SYS_ADMIN"]),
    "runAsNonRoot": lambda pod: security(pod["containers"][0]).update(runAsNonRoot=False),
    "seccompProfile": lambda pod: security(pod["containers"][0]).update(seccompProfile={"type": "Unconfined"}),
    "procMount": lambda pod: security(pod["containers"][0]).update(procMount="Unmasked"),
    "hostPort": lambda pod: pod["containers"][0]["ports"][0].update(hostPort=8000),
    "host of a probe": lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(host="169.254.169.254"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_the_check_itself_finds_each_breach(render, pods, breach):
    pod = copy.deepcopy(pods(render())["web"]["spec"])

    BREACHES[breach](pod)

    assert violations(pod) == [breach]


def test_an_init_container_is_checked_too(render, pods):
    pod = copy.deepcopy(pods(render())["web"]["spec"])

    pod["initContainers"] = [{"name": "root"}]

    assert violations(pod) == ["allowPrivilegeEscalation", "capabilities"]


def test_beyond_the_standard_no_pod_can_write_its_files_or_speak_to_the_cluster(render, pods, variant):
    objects = render(variant)
    for pod in pods(objects).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]
        (container,) = containers(pod["spec"])
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert [o["automountServiceAccountToken"] for o in objects if o["kind"] == "ServiceAccount"] == [False]
    assert not [o["kind"] for o in objects if "Role" in o["kind"]]


def test_no_variable_of_a_neighbouring_service_reads_like_a_setting(render, pods):
    assert [pod["spec"]["enableServiceLinks"] for pod in pods(render()).values()] == [False] * 4
