"""What the console plans, previews and does on a real control plane, beside what kubectl says and does there."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cluster import KindStatus
from app.cluster.manifests import build
from app.cluster.workloads import View
from app.operations.plans import Plan, VerdictLevel
from tests.campaigns.agreeing import Watched, console_says, deployment, ports_of, watched
from tests.campaigns.control_plane import PROGRAMS, programs
from tests.campaigns.current_server import current_programs
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(len(programs()) < len(PROGRAMS), reason="AZORA_CONTROL_PLANE names no control plane")
SERVER_SIDE = ("apply", "--server-side", "-f", "-")


@pytest.mark.asyncio
async def test_a_conflict_names_the_fields_and_managers_that_kubectl_names(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        await world.kubectl(*SERVER_SIDE, "--field-manager=gitops", text=deployment("api", "web:1", 2))
        numbers = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "shop"}}
        tuned = {**numbers, "spec": {"replicas": 3}}
        tune = (*SERVER_SIDE, "--validate=false", "--field-manager=tuner")
        await world.kubectl(*tune, "--force-conflicts", text=json.dumps(tuned))
        wanted = deployment("api", "web:2", 5)
        plan = await world.console.clusters.actions.plan_apply("real", wanted)
        told = {v.text for v in plan.preview.verdicts if v.rule == "cluster.conflict"}
        refused = await asyncio.to_thread(world.plane.refusal, *SERVER_SIDE, "--field-manager=other", text=wanted)
        owners = conflicts(refused)
        assert len(owners) == 2
        assert told == {f"{path} of Deployment shop/api belongs to {manager}." for path, manager in owners.items()}, refused
        assert plan.preview.blocked

        # Taken over on purpose: it says from whom, and the next turn of theirs conflicts with ours.
        plan = await world.console.clusters.actions.plan_apply("real", wanted, force=True)
        taken = {v.text for v in plan.preview.verdicts if v.rule == "cluster.force"}
        assert len(taken) == 2 and any("tuner" in text for text in taken) and any("gitops" in text for text in taken)
        await world.operations_done(plan)
        assert '"azora-console"' in await asyncio.to_thread(world.plane.refusal, *tune, text=json.dumps(tuned))


def conflicts(refused: str) -> dict[str, str]:
    """The manager of each field that kubectl names in a refusal: a line for each manager, and its fields below."""
    owners, manager = {}, ""
    for line in refused.splitlines():
        if named := re.search(r'conflicts? with "([\w-]+)"', line):
            manager = named[1]
        if line.startswith("- "):
            owners[line[2:]] = manager
    return owners


@pytest.mark.asyncio
async def test_a_preview_shows_the_fields_that_kubectl_diff_shows(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        await world.kubectl(*SERVER_SIDE, text=deployment("api", "web:1", 2))
        body = json.loads(deployment("api", "web:2", 4, minReadySeconds=5))
        body["metadata"]["labels"] = {"team": "shop"}
        container = body["spec"]["template"]["spec"]["containers"][0]
        container |= {"env": [{"name": "MODE", "value": "fast"}], "resources": {"limits": {"cpu": "0.5", "memory": "64Mi"}}}
        wanted = json.dumps(body)
        said = Counter(
            (path[-1], before, after) for path, before, after in await kubectl_differs(world, tmp_path, monkeypatch, wanted)
        )
        plan = await world.console.clusters.actions.plan_apply("real", wanted, force=True)
        shown = Counter((str(e.subject).rpartition(".")[2], str(e.before), str(e.after)) for e in plan.preview.effects)
        assert shown == said
        ended = await world.operations_done(plan)
        assert ended.receipt.matches
        assert not (await world.console.clusters.actions.plan_apply("real", wanted)).preview.effects


async def kubectl_differs(
    world: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, *more: str
) -> list[tuple[tuple[str, ...], str, str]]:
    """Path, value before and after of every field that ``kubectl diff --server-side`` finds to differ."""
    keep = folder / "keep"
    keep.write_text(f'#!/bin/sh\ncp -r "$1" {folder}/live; cp -r "$2" {folder}/merged; exit 1\n')
    keep.chmod(0o755)
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", str(keep))
    said = await asyncio.to_thread(world.plane.refusal, "diff", "--server-side", "--force-conflicts", *more, "-f", "-", text=text)
    assert (folder / "merged").is_dir(), said
    found = []
    names = {file.name for side in ("live", "merged") for file in (folder / side).iterdir()}
    for name in sorted(names):
        sides = [folder / side / name for side in ("live", "merged")]
        live, merged = (leaves(yaml.safe_load(side.read_text()) if side.is_file() else {}) for side in sides)
        for path in sorted({*live, *merged}):
            if live.get(path) != merged.get(path):
                found.append((path, live.get(path, "absent"), merged.get(path, "absent")))
    return found


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every leaf of an object by its path, without what the server keeps for itself."""
    if path in (("metadata", "managedFields"), ("metadata", "generation"), ("metadata", "resourceVersion"), ("status",)):
        return {}
    if isinstance(value, dict):
        return {key: leaf for name, inner in value.items() for key, leaf in leaves(inner, (*path, str(name))).items()}
    if isinstance(value, list):
        return {key: leaf for index, inner in enumerate(value) for key, leaf in leaves(inner, (*path, str(index))).items()}
    return {path: str(value)}


@pytest.mark.asyncio
async def test_an_undo_does_what_kubectl_rollout_undo_does(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        for name in ("ours", "theirs"):
            for image in ("web:1", "web:2", "web:3"):
                await world.kubectl("apply", "-f", "-", text=deployment(name, image, 1))
                await world.kubectl("-n", "shop", "rollout", "status", f"deployment/{name}")
        await world.agrees()
        for revision in (1, 0):  # a named one, then the one before
            await world.done(world.console.clusters.actions.plan_undo("real", "Deployment", "shop", "ours", revision))
            await world.kubectl("-n", "shop", "rollout", "undo", "deployment/theirs", f"--to-revision={revision}")
            for name in ("ours", "theirs"):
                await world.kubectl("-n", "shop", "rollout", "status", f"deployment/{name}")
            await world.agrees()
            ours, theirs = [
                json.loads(await world.kubectl("-n", "shop", "get", "deployment", name, "-o", "json"))
                for name in ("ours", "theirs")
            ]
            for found in (ours, theirs):
                found["spec"]["template"]["metadata"]["labels"] = {}
            assert ours["spec"]["template"] == theirs["spec"]["template"]
            numbers = [f["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for f in (ours, theirs)]
            assert numbers[0] == numbers[1]


@pytest.mark.asyncio
async def test_a_drain_waits_for_its_budgets_and_leaves_what_kubectl_would_leave(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        actions = world.console.clusters.actions
        policy = "policy/v1" if "policy/v1\n" in await world.kubectl("api-versions") else "policy/v1beta1"
        for name in ("web", "db"):
            budget = {
                "apiVersion": policy,
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"maxUnavailable": 1 if name == "web" else 0, "selector": {"matchLabels": {"app": name}}},
            }
            await world.kubectl("apply", "-f", "-", text=json.dumps(budget))
        await world.kubectl("-n", "shop", "scale", "deployment/web", "--replicas=6")
        await world.kubectl("-n", "shop", "rollout", "status", "deployment/web")
        await world.agrees()
        db = next(pod for key, pod in View(world.console.clusters.snapshot("real")).pods.items() if key[1] == "db-0")
        node = db.node
        plan = await actions.plan_drain("real", node)
        assert not plan.preview.error and not plan.preview.blocked, (plan.preview.error, plan.preview.verdicts)
        held = [v for v in plan.preview.verdicts if v.rule == "cluster.budget" and "db-0" in v.text]
        assert held and held[0].level is VerdictLevel.WARNING, plan.preview.verdicts
        running = asyncio.create_task(world.console.operations.execute(plan.id, statement="test"))
        await world.comes(lambda: waits_for(world, plan, "db-0"), "the plan waits for the budget of db")
        assert console_says(world.console)["Node", "", node] == "Ready,SchedulingDisabled"
        await world.kubectl("-n", "shop", "delete", "pdb", "db")
        ended = await asyncio.wait_for(running, 120)
        assert ended.state == "done", (ended.reason, world.console.operations.log(plan.id))
        await world.kubectl("-n", "shop", "rollout", "status", "deployment/web")
        await world.agrees()
        left = await world.kubectl("get", "pods", "-A", f"--field-selector=spec.nodeName={node},status.phase=Running", "-o", "name")
        assert all("agent-" in name for name in left.split()), left
        await world.done(actions.plan_cordon("real", node, uncordon=True))
        await world.agrees()


def waits_for(world: Watched, plan: Plan, name: str) -> bool:
    """A running plan says that it waits, and for what."""
    return any(
        name in str(entry) and ("asks to wait" in str(entry) or "budget" in str(entry))
        for entry in world.console.operations.log(plan.id)
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("overlay", ["local", "staging", "production"])
async def test_every_overlay_is_applied_by_the_console_and_then_differs_in_nothing(tmp_path, monkeypatch, overlay):
    wanted = build(ROOT / "k8s" / "overlays" / overlay)
    async with watched(tmp_path, monkeypatch) as world:
        clusters = world.console.clusters
        if "kubectl" in current_programs():
            rendered = await asyncio.to_thread(current_kubectl, "kustomize", str(ROOT / "k8s" / "overlays" / overlay))
            theirs = {identity(obj): obj for obj in yaml.safe_load_all(rendered)}
            assert {identity(obj): obj for obj in wanted} == theirs
        served = {(r.kind.api_version, r.kind.kind) for r in (await clusters.discovery("real")).resources}
        objects = [obj for obj in wanted if (obj["apiVersion"], obj["kind"]) in served]
        left_out = sorted({obj["kind"] for obj in wanted} - {obj["kind"] for obj in objects})
        print(f"{overlay}: {len(objects)} of {len(wanted)} objects; this server does not serve {left_out}")
        if ("batch/v1", "CronJob") not in served:
            for port in (port for obj in objects for port in ports_of(obj)):
                port.setdefault("protocol", "TCP")  # servers before 1.21 do not fill it in where it is part of a key
        plan = await clusters.actions.plan_apply("real", objects)
        assert not plan.preview.error and not plan.preview.blocked, (plan.preview.error, [v.text for v in plan.preview.verdicts])
        ended = await world.operations_done(plan)
        assert ended.receipt.matches, ended.receipt
        again = await clusters.actions.plan_apply("real", objects)
        assert not again.preview.effects and not again.preview.error, again.preview
        await world.agrees()
        # kubectl finds nothing that differs either. Controllers of servers before 1.21 take over what they do not change.
        text, manager = yaml.safe_dump_all(objects), "--field-manager=azora-console"
        found = await kubectl_differs(world, tmp_path, monkeypatch, text, manager)
        assert not found, found


def current_kubectl(*arguments: str) -> str:
    """What the newest kubectl prints; it asks no cluster."""
    import subprocess

    return subprocess.run([current_programs()["kubectl"], *arguments], check=True, capture_output=True, text=True).stdout


def identity(obj: dict[str, Any]) -> tuple[str, ...]:
    """API, kind, namespace and name of an object."""
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]


@pytest.mark.asyncio
async def test_an_older_server_says_what_of_budgets_and_autoscalers_it_does_not_serve(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        versions = (await world.kubectl("api-versions")).split()
        snapshot = world.console.clusters.snapshot("real")
        for kind, version in (("HorizontalPodAutoscaler", "autoscaling/v2"), ("PodDisruptionBudget", "policy/v1")):
            state = snapshot.state(kind)
            assert (state.status is KindStatus.LIVE) is (version in versions)
            assert version in versions or "does not serve" in state.message


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["server killed", "server stopped", "store hangs"])
async def test_a_plan_that_runs_into_an_outage_ends_as_it_was_meant(tmp_path, monkeypatch, fault):
    """Every object once, by itself: what was sent before the answer was lost is found again, and the rest follows.

    A server that is told to stop takes a minute to end, and answers nobody meanwhile.
    """
    objects = [json.loads(deployment(f"made-{number}", "web:1", 1)) for number in range(30)]
    async with watched(tmp_path, monkeypatch) as world:
        plan = await world.console.clusters.actions.plan_apply("real", objects)
        running = asyncio.create_task(world.console.operations.execute(plan.id, statement="test"))
        await world.comes(lambda: made(world) >= 5, "some are made")
        if fault == "store hangs":
            world.plane.freeze("etcd")
        else:
            await asyncio.to_thread(world.plane.stop, "kube-apiserver", signal.SIGKILL if "killed" in fault else signal.SIGTERM)
        between = made(world)
        await asyncio.sleep(12)
        assert not running.done(), (running.result().state, running.result().reason)
        if fault == "store hangs":
            world.plane.thaw("etcd")
        else:
            world.plane.start("kube-apiserver")
        await asyncio.to_thread(world.plane.wait)
        ended = await asyncio.wait_for(running, 150)
        assert ended.state == "done", (ended.reason, world.console.operations.log(plan.id))
        assert ended.receipt.matches, ended.receipt
        print(f"{fault} after {between} of 30")
        await world.agrees()
        listed = json.loads(await world.kubectl("-n", "shop", "get", "deployments", "-o", "json"))["items"]
        assert {item["metadata"]["generation"] for item in listed if item["metadata"]["name"].startswith("made-")} == {1}
        assert made(world) == 30


def made(world: Watched) -> int:
    """How many of the Deployments that a plan makes the console knows."""
    return sum(name.startswith("made-") for _, name in world.console.clusters.snapshot("real").of("Deployment"))
