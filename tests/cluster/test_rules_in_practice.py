"""Situations of every day in which a rule must not cry wolf, and what its cause and its suggestion say when it speaks."""

from __future__ import annotations

from typing import Any

import pytest

from app.cluster.health import Signal, assess
from tests.cluster.reading import NOW, Objects
from tests.cluster.test_rules import DAY, MINUTE, at, deployment, event, holds, pod, terminated, thing, waiting

HOUR = 60 * MINUTE


def said(*objects: dict[str, Any], **more: Any) -> dict[str, Signal]:
    """Signals by rule."""
    return {signal.rule: signal for signal in assess(Objects(objects, **more), NOW).signals}


def pending(**status: Any) -> dict[str, Any]:
    scheduled = [holds("PodScheduled"), holds("Ready", "False")]
    return pod(status={"phase": "Pending", "conditions": scheduled, **status}, container=waiting("PodInitializing"))


def test_a_long_init_container_is_not_a_volume_that_does_not_come():
    """A mount that failed once at the start and then came leaves its event for an hour."""
    failed = event("FailedMount", "MountVolume.SetUp failed: object not registered", 50 * MINUTE)
    running = [{"name": "migrate", "restartCount": 0, "state": {"running": {"startedAt": at(49 * MINUTE)}}}]
    assert "pod.pending" not in said(pending(initContainerStatuses=running), failed)
    still = said(pending(initContainerStatuses=[{"name": "migrate", **waiting("PodInitializing")}]), failed)
    assert still["pod.pending"].title == "Its volume cannot be mounted"
    sandbox = event("FailedCreatePodSandBox", "plugin type=calico failed: no address left", MINUTE)
    assert "no address left" in said(pending(), sandbox)["pod.pending"].cause


@pytest.mark.parametrize(("reason", "rule"), [("Unhealthy", "pod.probe"), ("FailedMount", "pod.pending")])
def test_what_was_said_of_the_pod_before_is_not_said_of_the_one_that_bears_its_name_now(reason, rule):
    """Pods of a StatefulSet keep their names; a database fails its probe while it ends."""
    made = {"creationTimestamp": at(5 * MINUTE)}
    now = pod(ready="False", turned=5 * MINUTE, meta=made) if reason == "Unhealthy" else pending() | {}
    now["metadata"] |= made
    assert rule not in said(now, event(reason, "Liveness probe failed: EOF", 6 * MINUTE))
    assert rule in said(now, event(reason, "Liveness probe failed: EOF", 2 * MINUTE))


def test_a_probe_that_fails_in_the_first_minute_is_a_start():
    fresh = pod(ready="False", turned=20_000, meta={"creationTimestamp": at(20_000)})
    assert "pod.probe" not in said(fresh, event("Unhealthy", "Startup probe failed: connection refused", 5_000))


def test_a_kubelet_that_says_it_is_not_ready_answers():
    """NotReady and Unknown are two things: only of the second nobody knows what runs there."""
    for status, words, way in (("False", "is not ready", "cluster.drain"), ("Unknown", "does not answer", "cluster.node")):
        node = thing("Node", "node", "", status={"conditions": [holds("Ready", status, "KubeletNotReady", "CNI is not up")]})
        found = said(pod(ready="False"), node)
        assert words in found["pod.dead_node"].title and words in found["node.not_ready"].title
        assert ("nobody can ask" in found["pod.dead_node"].cause) is (status == "Unknown")
        assert found["node.not_ready"].suggestion.action == way  # a drain of a silent node would wait for ever
    joined = thing("Node", "node", "", meta={"creationTimestamp": at(10_000)})
    assert "node.not_ready" not in said(joined)
    assert "never said" in said(thing("Node", "node", ""))["node.not_ready"].cause


def owned(name: str, kind: str, **changes: Any) -> dict[str, Any]:
    meta = {"name": name, "ownerReferences": [{"kind": kind, "name": "x", "controller": True}], **changes.pop("meta", {})}
    return pod(meta=meta, **changes)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_rolling_update_is_no_lack_until_it_lasts(kind):
    """One pod after the other is replaced; neither kind has a condition that says since when one is missing."""
    short = {"readyReplicas": 1, "replicas": 2} if kind == "StatefulSet" else {"numberReady": 1, "desiredNumberScheduled": 2}
    line = deployment(kind=kind, status=short)
    other = owned("x-0", kind)
    ending = owned("x-1", kind, meta={"deletionTimestamp": at(-20_000)})
    fresh = owned("x-1", kind, ready="False", turned=20_000, meta={"creationTimestamp": at(30_000)})
    late = owned("x-1", kind, ready="False", turned=2 * MINUTE, meta={"creationTimestamp": at(3 * MINUTE)})
    for coming in (ending, fresh):
        assert "workload.readiness" not in said(line, other, coming)
    for missing in ([late], []):
        assert "workload.readiness" in said(line, other, *missing)


def test_a_canary_of_argo_rollouts_that_crashes_is_a_rollout_that_is_stuck():
    labels = [{"rollout.argoproj.io/revision": str(number)} for number in (1, 2)]
    owner = [{"kind": "Rollout", "name": "x", "controller": True}]
    sets = [
        thing("ReplicaSet", f"r{number}", meta={"annotations": notes, "ownerReferences": owner})
        for number, notes in enumerate(labels, 1)
    ]
    held = [[{"kind": "ReplicaSet", "name": f"r{number}", "controller": True}] for number in (1, 2)]
    pods = [
        pod(meta={"name": "p1", "ownerReferences": held[0]}),
        pod(container=waiting("CrashLoopBackOff"), ready="False", meta={"name": "p2", "ownerReferences": held[1]}),
    ]
    status = {"readyReplicas": 1, "updatedReplicas": 1, "pauseConditions": [{"reason": "CanaryPauseStep"}]}
    found = said(deployment(kind="Rollout", meta={"annotations": labels[1]}, status=status), *sets, *pods)
    assert "p2 crashes" in found["rollout.stuck"].cause
    (fact,) = found["rollout.paused"].evidence
    assert (fact.field, fact.value) == ("status.pauseConditions", "CanaryPauseStep")


def test_pods_that_a_quota_refuses_to_a_stateful_set_are_told_from_its_event():
    """It has no condition for it."""
    line = deployment(kind="StatefulSet", status={"replicas": 1, "readyReplicas": 1})
    refused = event(
        "FailedCreate", 'create Pod x-1 failed error: pods "x-1" is forbidden: exceeded quota: few', MINUTE, "StatefulSet"
    )
    found = said(line, refused)["rollout.refused"]
    assert found.cause == "A quota of the namespace is used up." and found.evidence[0].field == "FailedCreate"
    whole = deployment(kind="StatefulSet")
    assert "rollout.refused" not in said(whole, refused)


def test_a_server_that_ends_without_a_failure_again_and_again_does_not_flicker():
    ended = {"restartCount": 4, "lastState": terminated(MINUTE, 0, "Completed"), "ready": False}
    found = said(pod(container=ended, ready="False", turned=MINUTE))
    assert "stay in the foreground" in found["pod.crash_loop"].cause
    done = {"restartCount": 4, "state": terminated(MINUTE, 0, "Completed"), "lastState": terminated(2 * MINUTE), "ready": False}
    assert "pod.crash_loop" not in said(pod(container=done, ready="False", turned=MINUTE))


@pytest.mark.parametrize("reason", ["WaitForFirstConsumer", "WaitForPodScheduled"])
def test_a_volume_that_comes_with_its_pod_is_not_missing(reason):
    claim = thing("PersistentVolumeClaim", spec={"storageClassName": "fast"}, status={"phase": "Pending"})
    wait = event(reason, "waiting for pod x to be scheduled", MINUTE, "PersistentVolumeClaim") | {"type": "Normal"}
    assert "volume.pending" not in said(claim, wait)
    assert "volume.pending" not in said(claim, unread=("Event",))
    slow = event("ExternalProvisioning", "Waiting for csi.example to create it", MINUTE, "PersistentVolumeClaim") | {
        "type": "Normal"
    }
    assert said(claim, slow)["volume.pending"].cause == "Waiting for csi.example to create it"
    assert "no event says why" in said(claim)["volume.pending"].cause


def test_a_certificate_that_lives_for_a_day_is_renewed_in_time():
    def ends(end: int, renews: int) -> dict[str, Any]:
        return thing("Certificate", status={"notAfter": at(-end), "renewalTime": at(-renews)})

    assert "certificate.ends" not in said(ends(20 * HOUR, 12 * HOUR))
    assert "certificate.ends" not in said(ends(8 * HOUR, -MINUTE))  # being renewed
    assert said(ends(6 * HOUR, -2 * HOUR))["certificate.ends"].severity == "critical"
    assert said(ends(-HOUR, DAY))["certificate.ends"].title == "The certificate has ended"


def test_a_budget_is_explained_by_what_is_so():
    def budget(healthy: int, desired: int) -> dict[str, Any]:
        status = {"expectedPods": 3, "currentHealthy": healthy, "desiredHealthy": desired}
        return thing("PodDisruptionBudget", spec={"selector": {"matchLabels": {"app": "x"}}}, status=status)

    line, own = deployment(), owned("x-1", "Deployment")
    spent = said(budget(2, 2), line, own)["pdb.blocks"]
    assert spent.cause == "2 of 3 pods are healthy and 2 must stay, so none can be spared now."
    assert spent.severity == "notice" and spent.suggestion.action == "cluster.workload"
    short = said(budget(1, 2), line, own)["pdb.blocks"]
    assert short.cause == "Only 1 of 2 needed pods are healthy." and short.severity == "warning"
    never = said(budget(3, 3), line, own)["pdb.blocks"]
    assert "none may ever be evicted" in never.cause and never.suggestion.action == "cluster.edit"


def test_a_job_that_is_over_promises_a_service_nothing():
    """A chart's hook carries the labels of its application, which is scaled to zero."""
    template = {"template": {"metadata": {"labels": {"app": "x"}}}}
    service = thing("Service", spec={"selector": {"app": "x"}, "ports": [{"port": 80}]})
    job = thing("Job", spec=template, status={"succeeded": 1})
    assert "service.no_endpoints" not in said(service, job, deployment(spec={"replicas": 0}))
    other = {"spec": {**service["spec"], "type": "ExternalName", "externalName": "db.example"}}
    assert "service.no_endpoints" not in said(service | other, deployment())


def test_the_schedulers_sentence_is_read_without_its_full_stop():
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."
    unscheduled = [holds("PodScheduled", "False", "Unschedulable", message)]
    found = said(pod(status={"phase": "Pending", "conditions": unscheduled, "containerStatuses": []}))
    assert found["pod.pending"].cause == "It asks for more nvidia.com/gpu than any node has free."


@pytest.mark.parametrize(
    ("kind", "revision", "action", "of"),
    [
        ("Deployment", "3", "cluster.rollout.undo", "Deployment"),
        ("Deployment", "1", "cluster.edit", "Deployment"),  # nothing was before the first
        ("StatefulSet", "", "cluster.rollout.undo", "StatefulSet"),
        ("Job", "", "cluster.object", "Pod"),
        ("", "", "cluster.object", "Pod"),
    ],
)
def test_an_image_that_is_not_there_is_answered_by_what_can_be_done(kind, revision, action, of):
    notes = {"annotations": {"deployment.kubernetes.io/revision": revision}} if revision else {}
    refused = waiting("ErrImagePull", "not found")
    made = owned("p", kind, container=refused) if kind else pod(container=refused)
    above = [deployment(kind=kind, meta=notes)] if kind else []
    suggestion = said(made, *above)["pod.image"].suggestion
    assert (suggestion.action, suggestion.arguments["kind"]) == (action, of)
