"""Progress, history and strategies: from the recorded cluster, and from small worlds where it has none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cluster.argo import application, not_drift
from app.cluster.diff import changes, merge_patch, patched
from app.cluster.objects import dig
from app.cluster.rollouts import RolloutState, StrategyKind, progress, revisions, strategies, strategy_of, template_changes
from app.cluster.workloads import View, workload
from tests.cluster.reading import LISTS, Objects, recorded
from tests.cluster.test_rules import at, deployment, thing


@pytest.fixture(scope="module")
def view():
    return View(Objects(recorded()))


def line(view, kind, name):
    return next(w for w in view.workloads if (w.kind, w.name) == (kind, name))


@pytest.mark.parametrize(
    ("kind", "name", "state"),
    [
        ("Deployment", "web", RolloutState.COMPLETE),
        ("Deployment", "search", RolloutState.STUCK),
        ("Deployment", "api", RolloutState.PROGRESSING),  # its condition says Progressing=True, its pods crash
        ("StatefulSet", "db", RolloutState.PROGRESSING),
        ("DaemonSet", "agent", RolloutState.PROGRESSING),
        ("CronJob", "nightly", RolloutState.COMPLETE),
    ],
)
def test_progress_of_the_recorded_cluster(view, kind, name, state):
    found = progress(line(view, kind, name))
    assert found.state is state
    assert found.text or state is RolloutState.COMPLETE


def test_a_specification_that_the_controller_has_not_seen_is_not_complete():
    fresh = deployment(meta={"generation": 2})
    assert progress(workload(fresh)).state is RolloutState.WAITING


def test_a_partition_holds_a_stateful_rollout():
    spec = {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    status = {"readyReplicas": 3, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b", "availableReplicas": 3}
    assert progress(workload(deployment(kind="StatefulSet", spec=spec, status=status))).state is RolloutState.PAUSED


def test_history_of_a_deployment_with_what_changed(view):
    newest, *_, oldest = revisions(view, line(view, "Deployment", "web"))
    assert newest.current and not oldest.current
    assert newest.number > oldest.number
    found = {change.path: (change.before, change.after) for change in template_changes(oldest, newest)}
    assert found["spec.containers[main].image"] == ("registry.example/web:1.0", "registry.example/web:1.1")
    assert not any("pod-template-hash" in path for path in found)


def test_history_of_a_stateful_set(view):
    (only,) = revisions(view, line(view, "StatefulSet", "db"))
    assert (only.number, only.current, only.images) == (1, True, ("registry.example/postgres:16",))


def arm(name, labels, image, ready=2):
    found = deployment(image, meta={"name": name}, spec={"replicas": ready}, status={"readyReplicas": ready, "replicas": ready})
    found["spec"]["template"]["metadata"]["labels"] = labels
    return found


def service(name, **selector):
    return thing("Service", name, spec={"selector": selector, "ports": [{"port": 80}]})


def test_a_service_that_selects_one_color_is_blue_green():
    blue, green = (
        arm("api-blue", {"app": "api", "color": "blue"}, "api:1"),
        arm("api-green", {"app": "api", "color": "green"}, "api:2"),
    )
    (found,) = strategies(View(Objects([blue, green, service("api", app="api", color="blue")])))
    assert (found.kind, found.label, found.carrier) == (StrategyKind.BLUE_GREEN, "color", ("Service", "api"))
    assert [(a.role, a.name, a.version, a.weight) for a in found.arms] == [
        ("live", "api-blue", "1", 100.0),
        ("idle", "api-green", "2", 0.0),
    ]


def test_a_service_over_two_workloads_is_a_canary_by_replicas():
    stable, canary = arm("api", {"app": "api"}, "api:1", 3), arm("api-canary", {"app": "api", "track": "canary"}, "api:2", 1)
    (found,) = strategies(View(Objects([stable, canary, service("api", app="api")])))
    assert found.kind is StrategyKind.CANARY
    assert [(a.role, a.weight) for a in found.arms] == [("stable", 75.0), ("canary", 25.0)]


@pytest.mark.parametrize(
    ("one", "other", "selector"),
    [
        # two parts of one program, of which a Service selects one
        (({"app": "shop", "component": "web"}, "shop:1"), ({"app": "shop", "component": "jobs"}, "shop:1"), ("app", "component")),
        (({"app": "redis", "role": "master"}, "redis:7"), ({"app": "redis", "role": "replica"}, "redis:7"), ("app", "role")),
        (({"part-of": "shop", "app": "web"}, "web:1"), ({"part-of": "shop", "app": "jobs"}, "web:1"), ("part-of", "app")),
        (({"part-of": "shop", "is": "web"}, "web:1"), ({"part-of": "shop", "is": "jobs"}, "jobs:1"), ("part-of", "is")),
        # a Service over both
        (({"app": "redis", "role": "master"}, "redis:7"), ({"app": "redis", "role": "replica"}, "redis:7"), ("app",)),
        (({"app": "shop", "is": "web"}, "web:1"), ({"app": "shop", "is": "jobs"}, "jobs:2"), ("app",)),
    ],
)
def test_two_parts_of_a_program_are_no_two_versions_of_it(one, other, selector):
    """Promoting them would send the one's traffic to the other."""
    lines = [arm("first", *one), arm("second", *other)]
    found = strategies(View(Objects([*lines, service("s", **{key: one[0][key] for key in selector})])))
    assert found == ()


def test_the_weight_of_an_ingress_counts_and_not_the_pods():
    def ingress(name, backend, **notes):
        path = {"backend": {"service": {"name": backend}}}
        annotations = {f"nginx.ingress.kubernetes.io/{k.replace('_', '-')}": v for k, v in notes.items()}
        return thing("Ingress", name, meta={"annotations": annotations}, spec={"rules": [{"host": "h", "http": {"paths": [path]}}]})

    world = [
        arm("api", {"app": "api", "track": "stable"}, "api:1", 3),
        arm("api-canary", {"app": "api", "track": "canary"}, "api:2", 3),
        service("api", app="api", track="stable"),
        service("api-canary", app="api", track="canary"),
        ingress("api", "api"),
        ingress("api-canary", "api-canary", canary="true", canary_weight="10"),
    ]
    (found,) = [s for s in strategies(View(Objects(world))) if s.carrier[0] == "Ingress"]
    assert [(a.name, a.weight) for a in found.arms] == [("api", 90.0), ("api-canary", 10.0)]


def test_an_argo_canary_with_its_steps():
    owner = [{"kind": "Rollout", "name": "x", "controller": True}]

    def replica_set(name, hash_, image):
        meta = {"labels": {"rollouts-pod-template-hash": hash_}, "ownerReferences": owner}
        return thing(
            "ReplicaSet",
            name,
            meta=meta,
            spec={"template": {"spec": {"containers": [{"image": image}]}}},
            status={"readyReplicas": 1},
        )

    steps = [{"setWeight": 10}, {"pause": {"duration": "10m"}}, {"setWeight": 25}, {"pause": {}}]
    status = {
        "stableRS": "aaa",
        "currentPodHash": "bbb",
        "currentStepIndex": 3,
        "phase": "Paused",
        "pauseConditions": [{"reason": "CanaryPauseStep"}],
    }
    rollout = deployment(kind="Rollout", spec={"replicas": 4, "strategy": {"canary": {"steps": steps}}}, status=status)
    view = View(Objects([rollout, replica_set("x-a", "aaa", "miner:2.2.4"), replica_set("x-b", "bbb", "miner:2.3.0")]))
    found = strategy_of(view, view.workloads[0])
    assert (found.native, found.step) == (False, 3)
    assert found.steps == ("10 %", "pause 10m", "25 %", "pause until promoted")
    assert [(a.role, a.version, a.weight) for a in found.arms] == [("stable", "2.2.4", 75.0), ("canary", "2.3.0", 25.0)]
    assert progress(view.workloads[0]).state is RolloutState.PAUSED


def test_argo_applications_tell_sync_and_health_apart(view):
    apps = {obj["metadata"]["name"]: application(obj) for obj in view.reading.of("Application").values()}
    assert (apps["shop"].sync, apps["shop"].health) == ("Synced", "Healthy")
    assert (apps["payments"].sync, apps["payments"].health, apps["payments"].operation[0]) == ("Synced", "Progressing", "Running")
    assert [r.name for r in apps["shop"].drifted] == ["search"]
    assert not_drift(view, apps["shop"]) == ("Deployment web",)


def test_a_change_of_order_is_no_change_and_secrets_stay_hidden():
    left = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}}
    right = {"kind": "Pod", "spec": {"containers": [{"name": "b", "image": "b:1"}, {"name": "a", "image": "a:2"}]}}
    (found,) = changes(left, right)
    assert (found.path, found.before, found.after) == ("spec.containers[a].image", "a:1", "a:2")
    (hidden,) = changes({"kind": "Secret", "data": {"p": "aaaa"}}, {"kind": "Secret", "data": {"p": "bbbb"}})
    assert "aaaa" not in str(hidden) and "bbbb" not in str(hidden)


def test_an_empty_object_that_is_filled_or_emptied_is_no_field_of_its_own():
    """The specification of a node without any field is ``{}``; a cordon sets one in it and removes nothing."""
    empty, full = {"kind": "Node", "spec": {}}, {"kind": "Node", "spec": {"unschedulable": True}}
    assert [(c.path, c.before, c.after) for c in changes(empty, full)] == [("spec.unschedulable", "absent", "true")]
    assert [(c.path, c.before, c.after) for c in changes(full, empty)] == [("spec.unschedulable", "true", "absent")]
    assert [(c.path, c.before, c.after) for c in changes({}, {"spec": {"selector": {}}})] == [("spec.selector", "absent", "{}")]


def test_what_the_server_keeps_for_itself_is_no_change():
    recorded_pair = [json.loads((LISTS.parent / "lists" / f"{n}.json").read_text())["items"] for n in ("nodes", "nodes-notready")]
    for before, after in zip(*recorded_pair, strict=True):
        assert all(c.path.startswith(("spec", "metadata")) for c in changes(before, after))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=8,
)


def no_nulls(value):
    """A merge patch cannot express null; objects of the API never hold it."""
    if isinstance(value, dict):
        return all(inner is not None and no_nulls(inner) for inner in value.values())
    return True


objects = st.dictionaries(st.text("abc", min_size=1, max_size=2), json_values, max_size=3).filter(no_nulls)


@given(objects, objects)
def test_a_merge_patch_makes_the_one_of_the_other(before, after):
    assert patched(before, merge_patch(before, after)) == after
    assert merge_patch(after, after) == {}


def test_dig_never_falls():
    assert dig({"a": [{"b": None}]}, "a", 0, "b", "c", default=1) == 1
    assert dig({"a": 1}, "a", "b") is None
    assert at(0)
