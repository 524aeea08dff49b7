"""Each health rule has a situation that fires it and a near one that must not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from app.cluster.health import RULES, Severity, assess
from tests.cluster.reading import NOW, Measured, Objects, recorded

Case = Callable[[], Objects]
MINUTE, DAY = 60_000, 86_400_000
FIRES: dict[str, Case] = {}
QUIET: dict[str, Case] = {}


def at(ago_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp((NOW - ago_ms) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def thing(kind: str, name: str = "x", namespace: str = "n", **parts: Any) -> dict[str, Any]:
    meta = {"name": name, "creationTimestamp": at(DAY), "labels": {"app": "x"}, **parts.pop("meta", {})}
    if namespace:
        meta["namespace"] = namespace
    return {"kind": kind, "metadata": meta, **parts}


def pod(**changes: Any) -> dict[str, Any]:
    """A ready pod of one container ``main``; ``container`` and ``status`` change it."""
    container = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": at(DAY)}}, "image": "a:1"}
    container |= changes.pop("container", {})
    ready = {"type": "Ready", "status": changes.pop("ready", "True"), "lastTransitionTime": at(changes.pop("turned", DAY))}
    status = {"phase": "Running", "conditions": [ready], "containerStatuses": [container]} | changes.pop("status", {})
    spec = {"nodeName": "node", "containers": [{"name": "main", "image": "a:1", "resources": {"limits": {"memory": "100Mi"}}}]}
    return thing("Pod", spec=spec, status=status, **changes)


def deployment(image: str = "a:1", kind: str = "Deployment", **changes: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
        "readinessProbe": {"httpGet": {"port": 80}},
    } | changes.pop("container", {})
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container], **changes.pop("pod_spec", {})}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": template} | changes.pop("spec", {})
    full = {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 1}
    status = changes.pop("status", full)
    return thing(kind, spec=spec, status=status, **changes)


def holds(kind: str, status: str = "True", reason: str = "", message: str = "", ago: int = DAY) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(ago)}


def terminated(ago: int, code: int = 1, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at(ago)}}


def event(reason: str, message: str, ago: int, kind: str = "Pod", name: str = "x") -> dict[str, Any]:
    about = {"kind": kind, "namespace": "n", "name": name}
    return thing("Event", "e", involvedObject=about, type="Warning", reason=reason, message=message, count=3, lastTimestamp=at(ago))


def case(rule: str, fires: Case, quiet: Case) -> None:
    assert rule not in FIRES
    FIRES[rule], QUIET[rule] = fires, quiet


def of(*objects: dict[str, Any], **more: Any) -> Case:
    return lambda: Objects(objects, **more)


def only(kind: str, name: str, namespace: str = "") -> Case:
    """One object of the recorded cluster."""
    return lambda: Objects(o for o in recorded() if o["kind"] == kind and o["metadata"]["name"] == name)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"ready": False, "state": {"waiting": {"reason": reason, "message": message}}}


case("pod.crash_loop", only("Pod", "api-755f9c6bdc-g9j64"), only("Pod", "ledger-d77b78757-cg7vb"))
case(
    "pod.oom", only("Pod", "fraud-84bd6c4c89-w8czv"), of(pod(container={"lastState": terminated(2 * 3_600_000, 137, "OOMKilled")}))
)
case("pod.image", only("Pod", "search-7c4cdbc7f4-nxlmf"), of(pod(container=waiting("ContainerCreating"))))
case("pod.config", of(pod(container=waiting("CreateContainerConfigError", 'secret "db" not found'))), of(pod()))
case("pod.pending", only("Pod", "queue-0"), of(pod(status={"phase": "Pending"}, meta={"creationTimestamp": at(20_000)})))
case(
    "pod.probe",
    of(pod(ready="False", turned=3 * MINUTE), event("Unhealthy", "Readiness probe failed: 503", MINUTE)),
    of(pod(turned=MINUTE), event("Unhealthy", "Readiness probe failed: 503", 2 * MINUTE)),
)
case("pod.not_ready", of(pod(ready="False", turned=2 * MINUTE)), of(pod(ready="False", turned=30_000)))
case(
    "pod.dead_node",
    lambda: Objects(recorded("nodes-notready")),
    of(pod(ready="False"), thing("Node", "node", "", status={"conditions": [holds("Ready")]})),
)
case(
    "pod.restarts",
    of(pod(container={"restartCount": 9, "lastState": terminated(20 * MINUTE)})),
    of(pod(container={"restartCount": 9, "lastState": terminated(DAY)})),
)
case(
    "pod.stuck_terminating",
    of(pod(meta={"deletionTimestamp": at(5 * MINUTE)})),
    of(pod(meta={"deletionTimestamp": at(-20_000)})),
)
case(
    "pod.evicted",
    of(
        pod(
            status={
                "phase": "Failed",
                "reason": "Evicted",
                "message": "low on memory",
                "conditions": [holds("Ready", "False", ago=MINUTE)],
            }
        )
    ),
    of(pod(status={"phase": "Failed", "reason": "Evicted", "conditions": [holds("Ready", "False", ago=DAY)]})),
)
USED = {("n", "x"): {"main": (10.0, 95 * 2**20)}}
case(
    "pod.memory",
    of(pod(), metrics=Measured(True, USED)),
    of(pod(), metrics=Measured(True, {("n", "x"): {"main": (10.0, 80 * 2**20)}})),
)
case("workload.readiness", only("Deployment", "reco"), only("Deployment", "cart"))


def crash_loop_behind_a_calm_deployment() -> Objects:
    """As recorded: the Deployment was complete once, so Progressing stays True while its newest pods crash."""
    labels = {"deployment.kubernetes.io/revision": "2"}
    owner = [{"kind": "Deployment", "name": "x", "controller": True}]
    new, old = ([{"kind": "ReplicaSet", "name": name, "controller": True}] for name in ("new", "old"))
    calm = deployment(
        meta={"annotations": labels},
        status={
            "replicas": 3,
            "readyReplicas": 2,
            "updatedReplicas": 1,
            "conditions": [holds("Progressing", "True", "NewReplicaSetAvailable")],
        },
    )
    return Objects(
        [
            calm,
            thing("ReplicaSet", "new", meta={"annotations": labels, "ownerReferences": owner}),
            thing("ReplicaSet", "old", meta={"annotations": {"deployment.kubernetes.io/revision": "1"}, "ownerReferences": owner}),
            pod(container=waiting("CrashLoopBackOff"), ready="False", meta={"name": "p2", "ownerReferences": new}),
            pod(meta={"name": "p1", "ownerReferences": old}),
        ]
    )


case("rollout.stuck", crash_loop_behind_a_calm_deployment, only("Deployment", "web"))
case("rollout.refused", only("Deployment", "argocd-server"), only("Deployment", "web"))
case(
    "rollout.paused",
    of(deployment(spec={"paused": True, "replicas": 4}, status={"replicas": 5, "updatedReplicas": 1, "readyReplicas": 5})),
    of(deployment(spec={"paused": True, "replicas": 2})),
)
case("job.failed", only("Job", "migrate-bad"), only("Job", "migrate-ok"))
APP = {"status": {"sync": {"status": "OutOfSync"}, "health": {"status": "Degraded"}}}
case("argo.health", of(thing("Application", **APP)), only("Application", "payments"))
case("argo.sync", of(thing("Application", **APP)), only("Application", "shop"))
case("node.not_ready", lambda: Objects(recorded("nodes-notready")), only("Node", "node-a"))
case(
    "node.pressure",
    of(thing("Node", "node", "", status={"conditions": [holds("Ready"), holds("MemoryPressure")]})),
    of(thing("Node", "node", "", status={"conditions": [holds("Ready"), holds("MemoryPressure", "False")]})),
)
case("node.cordoned", of(thing("Node", "node", "", spec={"unschedulable": True})), only("Node", "node-a"))
case(
    "quota.used_up",
    only("ResourceQuota", "few-pods"),
    of(thing("ResourceQuota", status={"hard": {"cpu": "2"}, "used": {"cpu": "1700m"}})),
)
case(
    "namespace.stuck",
    of(thing("Namespace", "n", "", meta={"deletionTimestamp": at(10 * MINUTE)}, status={"phase": "Terminating"})),
    of(thing("Namespace", "n", "", status={"phase": "Active"})),
)
case(
    "volume.pending",
    lambda: Objects(o for o in recorded() if o["kind"] == "PersistentVolumeClaim"),
    of(
        thing("PersistentVolumeClaim", status={"phase": "Pending"}),
        event("WaitForFirstConsumer", "waiting", MINUTE, "PersistentVolumeClaim") | {"type": "Normal"},
    ),
)
case(
    "certificate.ends",
    of(thing("Secret", type="kubernetes.io/tls", meta={"annotations": {"auth.openshift.io/certificate-not-after": at(-2 * DAY)}})),
    of(thing("Certificate", status={"notAfter": at(-15 * DAY), "renewalTime": at(-5 * DAY)})),
)
case("hpa.limit", only("HorizontalPodAutoscaler", "web"), only("HorizontalPodAutoscaler", "ghost"))
case("hpa.blind", only("HorizontalPodAutoscaler", "ghost"), only("HorizontalPodAutoscaler", "web"))
BUDGET = {
    "spec": {"selector": {"matchLabels": {"app": "x"}}},
    "status": {"expectedPods": 3, "currentHealthy": 2, "desiredHealthy": 2},
}
case("pdb.blocks", of(thing("PodDisruptionBudget", **BUDGET)), only("PodDisruptionBudget", "web"))
SERVICE = {"spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}
case(
    "service.no_endpoints",
    of(thing("Service", **SERVICE), pod(ready="False"), deployment()),
    of(thing("Service", **SERVICE), pod(), deployment()),
)
BACKEND = {"spec": {"defaultBackend": {"service": {"name": "x"}}, "tls": [{"secretName": "x"}]}}
case(
    "ingress.backend",
    of(thing("Ingress", **BACKEND), thing("Service", **SERVICE)),
    of(thing("Ingress", **BACKEND), thing("Service"), thing("Secret")),
)
case("policy.uncovered", of(deployment()), of(deployment(), thing("NetworkPolicy", spec={"podSelector": {}})))
case("hygiene.limits", of(deployment(container={"resources": {"limits": {"cpu": "1"}}})), of(deployment()))
case("hygiene.probes", of(deployment(container={"readinessProbe": None})), of(deployment()))
case("hygiene.tag", of(deployment("registry:5000/team/web")), of(deployment("registry:5000/team/web@sha256:" + "0" * 64)))
case(
    "program.no_volume",
    only("StatefulSet", "db"),
    of(deployment("postgres:17", "StatefulSet", spec={"volumeClaimTemplates": [{}]})),
)
CLAIM = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}
case("program.shared_volume", of(deployment("postgres:17", pod_spec=CLAIM)), of(deployment("nginx:1", pod_spec=CLAIM)))
THREE = {"replicas": 3}
case(
    "program.quorum",
    of(deployment("apache/kafka:3.9.0", "StatefulSet", spec=THREE, status={"readyReplicas": 1})),
    of(deployment("apache/kafka:3.9.0", "StatefulSet", spec=THREE, status={"readyReplicas": 2})),
)
case(
    "program.grace",
    of(deployment("postgres:17", pod_spec={"terminationGracePeriodSeconds": 5})),
    of(deployment("quay.io/prometheuscommunity/postgres-exporter:1", pod_spec={"terminationGracePeriodSeconds": 5})),
)
OPEN = {"spec": {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 8545}]}}
NARROW = {"spec": {**OPEN["spec"], "loadBalancerSourceRanges": ["10.0.0.0/8"]}}
case(
    "program.exposed",
    of(thing("Service", **OPEN), deployment("ethereum/client-go:v1")),
    of(thing("Service", **NARROW), deployment("ethereum/client-go:v1")),
)
ONE = {"replicas": 1}
case(
    "program.single",
    of(
        deployment("postgres:17", spec=ONE),
        thing("PodDisruptionBudget", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}),
    ),
    of(
        deployment("postgres:17", spec=ONE),
        thing("PodDisruptionBudget", spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "x"}}}),
    ),
)


def test_every_rule_has_its_two_situations():
    assert set(RULES) == set(FIRES)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_fires_with_evidence_cause_and_a_way_on(rule):
    found = [signal for signal in assess(FIRES[rule](), NOW).signals if signal.rule == rule]
    assert found
    for signal in found:
        assert signal.evidence and all(fact.field and fact.value != "" for fact in signal.evidence)
        assert signal.cause and signal.title and signal.severity is not Severity.OK
        assert signal.suggestion is not None and signal.suggestion.action.startswith("cluster.")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_is_silent_in_the_near_situation(rule):
    assert rule not in {signal.rule for signal in assess(QUIET[rule](), NOW).signals}


def test_a_crash_loop_does_not_flicker_while_the_container_runs_for_a_moment():
    """Between two back-offs the container is running; the signal must stay."""
    (looping,) = [o for o in recorded() if o["metadata"]["name"] == "api-755f9c6bdc-g9j64"]
    status = looping["status"]["containerStatuses"][0]
    status["state"] = {"running": {"startedAt": at(2_000)}}
    status["lastState"] = terminated(5_000)
    assert "pod.crash_loop" in {signal.rule for signal in assess(Objects([looping]), NOW).signals}


def test_what_was_not_read_is_not_absent():
    unread = assess(Objects([deployment()], unread=("NetworkPolicy",)), NOW)
    assert "policy.uncovered" not in {signal.rule for signal in unread.signals}
    assert unread.unread == ("NetworkPolicy",)


def test_of_a_namespace_that_was_not_read_nothing_is_concluded():
    """An identity that may read the policies, services and pods of some namespaces only: in the others none is missing."""
    service = thing("Service", spec={"selector": {"app": "x"}})
    service["metadata"]["creationTimestamp"] = "2026-11-22T00:00:00Z"
    backend = {"service": {"name": "nowhere", "port": {"number": 80}}}
    ingress = thing("Ingress", spec={"rules": [{"http": {"paths": [{"backend": backend}]}}]})
    objects = [deployment(), service, ingress]
    namespace = objects[0]["metadata"]["namespace"]
    found = {
        space: {s.rule for s in assess(Objects(objects, spaces=frozenset({space})), NOW).signals} for space in (namespace, "b")
    }
    concluded = {"policy.uncovered", "service.no_endpoints", "ingress.backend"}
    assert concluded <= found[namespace] and not concluded & found["b"]


def test_scores_follow_what_the_room_says():
    assert assess(Objects([]), NOW).score == 100
    calm = [deployment(), thing("NetworkPolicy", spec={"podSelector": {}})]
    health = assess(Objects(calm), NOW)
    assert (health.score, health.healthy, health.worst) == (100, True, None)
    short = copy.deepcopy(calm)
    short[0]["status"]["readyReplicas"] = 1
    health = assess(Objects(short), NOW)
    assert (health.workloads[0].score, health.score, health.healthy) == (85, 85, True)
    dead = thing("Node", "node", "", status={"conditions": [holds("Ready", "Unknown")]})
    health = assess(Objects([*calm, dead]), NOW)
    assert (health.score, health.healthy) == (80, False)


def test_the_recorded_cluster_says_what_its_makers_broke():
    rules = {(s.rule, s.name) for s in assess(Objects(recorded()), NOW).signals}
    assert {
        ("pod.crash_loop", "api-755f9c6bdc-cpmfp"),
        ("pod.oom", "fraud-84bd6c4c89-w8czv"),
        ("pod.image", "search-7c4cdbc7f4-nxlmf"),
        ("pod.pending", "reco-56d49b6987-m6b4t"),
        ("rollout.stuck", "ledger"),
        ("rollout.refused", "argocd-server"),
        ("hpa.limit", "web"),
        ("hpa.blind", "ghost"),
        ("job.failed", "migrate-bad"),
    } <= rules
