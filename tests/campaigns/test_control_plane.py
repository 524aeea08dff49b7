"""What the console says of a real control plane is what kubectl says, through every fault, and it heals by itself.

Runs where ``AZORA_CONTROL_PLANE`` names a folder with kube-apiserver, kube-controller-manager, kube-scheduler and kubectl (etcd
there too, or installed); seen with Kubernetes 1.20.2, built from Debian's source package. ``AZORA_CAMPAIGN_SEED`` and
``AZORA_CAMPAIGN_SECONDS`` (default 180) steer the random part.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from typing import Any

import pytest

from app.cluster import KindStatus
from app.cluster.actions import Ref
from app.cluster.exec import execute, run_once
from app.cluster.kinds import KINDS
from app.cluster.logs import LogLine
from app.cluster.manifests import build
from app.cluster.rollouts import RolloutState, progress
from app.cluster.workloads import View, Workload
from app.core.errors import ConsoleError, Invalid
from tests.campaigns.agreeing import console_says, deployment, kubectl_says, ports_of, watched
from tests.campaigns.control_plane import PROGRAMS, ControlPlane, programs
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(len(programs()) < len(PROGRAMS), reason="AZORA_CONTROL_PLANE names no control plane")

SEED = int(os.environ.get("AZORA_CAMPAIGN_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
SECONDS = int(os.environ.get("AZORA_CAMPAIGN_SECONDS", "180"))
BEHIND = 30.0  # seconds; a dead watch is found by its time limit at the latest, and is opened anew


@pytest.mark.asyncio
async def test_health_rollouts_and_actions_are_those_of_kubectl(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        actions = world.console.clusters.actions
        await world.agrees()
        assert "Running" in {value[1] for key, value in console_says(world.console).items() if key[0] == "Pod"}
        for rule, name in (("pod.crash_loop", "crashy"), ("pod.oom", "oomy"), ("pod.image", "gone"), ("rollout.stuck", "gone")):
            await world.signalled(rule, name)
        assert not {about for rule, about in await world.signals() if rule.startswith("pod.")} & {"web", "db", "agent"}

        # A rollout that cannot end, seen as kubectl sees it, and taken back.
        await world.kubectl("-n", "shop", "set", "image", "deployment/web", "main=missing:2")
        await world.comes(lambda: world.rollout("web") is RolloutState.PROGRESSING, "the rollout is seen")
        await world.comes(lambda: world.rollout("web") is RolloutState.STUCK, "it is stuck")
        await world.agrees()
        await world.done(actions.plan_undo("real", "Deployment", "shop", "web"))
        await world.comes(lambda: world.rollout("web") is RolloutState.COMPLETE, "it was taken back")
        assert "successfully rolled out" in await world.kubectl("-n", "shop", "rollout", "status", "deployment/web")
        await world.agrees()

        await world.done(actions.plan_scale("real", "Deployment", "shop", "web", 4))
        await world.done(actions.plan_scale("real", "StatefulSet", "shop", "db", 3))
        await world.done(actions.plan_restart("real", "Deployment", "shop", "web"))
        await world.comes(lambda: world.rollout("web") is RolloutState.COMPLETE, "it was restarted")
        await world.done(actions.plan_pause("real", "Deployment", "shop", "web"))
        await world.kubectl("-n", "shop", "set", "image", "deployment/web", "main=web:3")
        await world.comes(lambda: world.rollout("web") is RolloutState.PAUSED, "it is paused")
        await world.done(actions.plan_pause("real", "Deployment", "shop", "web", resume=True))
        await world.comes(lambda: world.rollout("web") is RolloutState.COMPLETE, "it went on")
        await world.agrees()
        assert console_says(world.console)["Deployment", "shop", "web"] == ("4/4", 4, 4)

        # Fields have owners: a conflict is told, and taken over only on purpose.
        plan = await actions.plan_apply("real", deployment("web", "web:4", 4))
        conflict = next(verdict for verdict in plan.preview.verdicts if verdict.rule == "cluster.conflict")
        assert "image" in conflict.text and "kubectl" in conflict.text and plan.preview.blocked
        await world.done(actions.plan_apply("real", deployment("web", "web:4", 4), force=True))
        owned = json.loads(await world.kubectl("-n", "shop", "get", "deployment", "web", "-o", "json"))
        assert "azora-console" in {entry["manager"] for entry in owned["metadata"]["managedFields"]}
        assert owned["spec"]["template"]["spec"]["containers"][0]["image"] == "web:4"

        await world.done(actions.plan_cordon("real", "node-c"))
        await world.agrees()
        assert console_says(world.console)["Node", "", "node-c"] == "Ready,SchedulingDisabled"
        await world.done(actions.plan_cordon("real", "node-c", uncordon=True))
        await world.done(actions.plan_delete("real", Ref("apps/v1", "Deployment", "shop", "gone")))
        await world.comes(lambda: ("Deployment", "shop", "gone") not in console_says(world.console), "it is gone")
        await world.agrees()


@pytest.mark.asyncio
async def test_it_heals_by_itself_after_every_fault(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        plane, clusters = world.plane, world.console.clusters
        await world.agrees()

        # A node dies: the pods on it stop being ready, and go on saying Running.
        world.nodes.dead.add("node-b")
        await world.comes(lambda: console_says(world.console)["Node", "", "node-b"] == "NotReady", "the node is dead")
        await world.agrees()
        await world.signalled("node.not_ready", "node-b")
        world.nodes.dead.clear()
        await world.comes(lambda: console_says(world.console)["Node", "", "node-b"] == "Ready", "the node is back")
        await world.comes(lambda: console_says(world.console)["DaemonSet", "shop", "agent"] == ("3/3", 3, 3), "its pods are back")
        await world.agrees()

        for how in (signal.SIGTERM, signal.SIGKILL):
            await asyncio.to_thread(plane.stop, "kube-apiserver", how)
            took = await world.comes(lambda: clusters.reach("real").answers is False, "it says that nobody answers")
            print(f"{how.name}: said after {took:.1f} s")
            assert len(console_says(world.console)) > 10, "what was known stays"
            plane.start("kube-apiserver")
            await asyncio.to_thread(plane.wait)
            await world.kubectl("-n", "shop", "scale", "deployment/web", f"--replicas={3 if how is signal.SIGTERM else 1}")
            took = await world.comes(world.live, "it lives again")
            print(f"{how.name}: lives again {took:.1f} s after the server was ready; agrees {await world.agrees():.1f} s later")
            assert "permission" not in clusters.remarks("real").lower(), clusters.remarks("real")

        # etcd hangs, and then is killed. The API server goes on answering from its cache: that is no health.
        for how in ("hangs", "is killed"):
            await asyncio.to_thread(plane.freeze if how == "hangs" else lambda n: plane.stop(n, signal.SIGKILL), "etcd")
            took = await world.comes(lambda: clusters.reach("real").answers is False, f"etcd {how}: it is said")
            print(f"etcd {how}: said after {took:.1f} s: {clusters.reach('real').message}")
            await asyncio.sleep(8)
            assert not clusters.reach("real").answers
            (plane.thaw if how == "hangs" else plane.start)("etcd")
            await asyncio.to_thread(plane.wait)
            took = await world.comes(world.live, "it lives again", 120)
            print(f"etcd {how}: lives again {took:.1f} s after the server was ready; agrees {await world.agrees(60):.1f} s later")


@pytest.mark.asyncio
async def test_a_kind_comes_and_goes_with_its_definition(tmp_path, monkeypatch):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "names": {"kind": "Rollout", "plural": "rollouts"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "canary", "namespace": "shop"}}
    async with watched(tmp_path, monkeypatch) as world:
        clusters = world.console.clusters

        def state() -> KindStatus:
            return clusters.snapshot("real").state("Rollout").status

        assert state() is KindStatus.ABSENT
        for _ in range(2):
            await world.kubectl("apply", "-f", "-", text=json.dumps(definition))
            await world.kubectl("wait", "--for=condition=established", "crd/rollouts.argoproj.io")
            await world.done(clusters.actions.plan_apply("real", [rollout]))
            await world.comes(lambda: clusters.snapshot("real").get("Rollout", "shop", "canary"), "the object is seen")
            await world.kubectl("delete", "crd", "rollouts.argoproj.io")
            await world.comes(lambda: not clusters.snapshot("real").of("Rollout"), "its objects went with it")
            await world.comes(lambda: state() is KindStatus.ABSENT, "the kind is gone", 120)


@pytest.mark.asyncio
async def test_what_it_does_not_serve_is_named(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        served = {resource.kind.api_version for resource in (await world.console.clusters.discovery("real")).resources}
        missing = {name for name, kind in KINDS.items() if kind.api_version not in served}
        snapshot = world.console.clusters.snapshot("real")
        assert {name for name in KINDS if snapshot.state(name).status is KindStatus.ABSENT} >= missing
        assert all(snapshot.state(name).status is KindStatus.LIVE for name in KINDS if KINDS[name].api_version == "apps/v1")
        with pytest.raises(ConsoleError, match="does not know Nothing of nothing.example/v9"):
            await world.console.clusters.actions.plan_apply(
                "real", [{"apiVersion": "nothing.example/v9", "kind": "Nothing", "metadata": {"name": "x"}}]
            )


@pytest.mark.asyncio
async def test_our_platform_is_applied_by_the_console_and_its_roles_may_what_they_should(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        clusters = world.console.clusters
        await world.done(clusters.actions.plan_delete("real", Ref("v1", "Namespace", "", "shop")))
        discovery = await clusters.discovery("real")
        served = {(resource.kind.api_version, resource.kind.kind) for resource in discovery.resources}
        wanted = build(ROOT / "k8s" / "overlays" / "local")
        objects = [obj for obj in wanted if (obj["apiVersion"], obj["kind"]) in served]
        for port in (port for obj in objects for port in ports_of(obj)):
            port.setdefault("protocol", "TCP")  # servers before 1.21 do not fill it in where it is part of a key
        left_out = sorted({obj["kind"] for obj in wanted} - {obj["kind"] for obj in objects})
        print(f"{len(objects)} of {len(wanted)} objects; this server does not serve {left_out}")
        for number in range(8):
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"played-{number}"},
                "spec": {
                    "capacity": {"storage": "5Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "hostPath": {"path": f"/played/{number}"},
                },
            }
            await world.kubectl("apply", "-f", "-", text=json.dumps(volume))

        plan = await clusters.actions.plan_apply("real", objects)
        assert not plan.preview.error and not plan.preview.blocked, [v.text for v in plan.preview.verdicts]
        ended = await world.operations_done(plan)
        assert ended.receipt.matches, ended.receipt
        again = await clusters.actions.plan_apply("real", objects)
        assert not again.preview.effects, again.preview.effects  # what is so already is no change

        space = "azora-local"

        def here() -> list[Workload]:
            return [w for w in View(clusters.snapshot("real")).workloads if w.namespace == space and w.kind != "CronJob"]

        await world.comes(
            lambda: here() and all(w.ready == w.wanted and progress(w).state is RolloutState.COMPLETE for w in here()),
            "everything of ours runs",
        )
        await world.agrees()
        found = [s for s in (await clusters.health("real")).signals if s.namespace == space and s.severity.rank > 1]
        assert not found, [(s.rule, s.name, s.title) for s in found]

        may = {
            "azora:auditors": {("list", "pods"): True, ("patch", "deployments"): False, ("get", "secrets"): False},
            "azora:developers": {("patch", "deployments"): True, ("delete", "deployments"): False, ("create", "pods/exec"): False},
            "azora:administrators": {("delete", "deployments"): True, ("list", "secrets"): False},
        }
        for group, rights in may.items():
            for (verb, resource), allowed in rights.items():
                said = await asyncio.to_thread(
                    plane_says, world.plane, "auth", "can-i", verb, resource, "-n", space, "--as", "somebody", "--as-group", group
                )
                assert (said == "yes") is allowed, (group, verb, resource, said)


def plane_says(plane: ControlPlane, *arguments: str) -> str:
    """The last word that kubectl prints, whatever its exit code."""
    return plane.kubectl(*arguments, check=False).split()[-1]


@pytest.mark.asyncio
async def test_under_random_changes_and_faults_it_is_never_long_behind_kubectl(tmp_path, monkeypatch):
    """Everything at once, drawn at random. Whenever two answers of kubectl agree, how long does the console say otherwise?"""
    chance = random.Random(SEED)
    print(f"\nseed {SEED}, {SECONDS} s")
    async with watched(tmp_path, monkeypatch) as world:
        plane = world.plane
        await world.agrees()
        end, judged, longest = time.monotonic() + SECONDS, 0, 0.0
        since: float | None = None

        async def judge() -> None:
            nonlocal judged, longest, since
            while time.monotonic() < end:
                try:
                    before = await asyncio.to_thread(kubectl_says, plane)
                    mine, at = console_says(world.console), time.monotonic()
                    after = await asyncio.to_thread(kubectl_says, plane)
                except (AssertionError, ValueError):
                    since = None  # kubectl got no answer: nothing to compare with
                    continue
                if not world.live() or before == mine or before != after:
                    since = None
                else:
                    since = since or at
                    longest = max(longest, time.monotonic() - since)
                judged += before == after

        async def disturb() -> None:
            number = 0
            while time.monotonic() < end:
                number += 1
                what = chance.choice(("scale", "scale", "image", "image", "pods", "make", "node", "server", "etcd"))
                name = chance.choice(("web", "crashy", "oomy"))
                if what == "scale":
                    await world.kubectl("-n", "shop", "scale", f"deployment/{name}", f"--replicas={chance.randrange(6)}")
                elif what == "image":
                    image = chance.choice(("web", "crash", "missing", "unready"))
                    await world.kubectl("-n", "shop", "set", "image", f"deployment/{name}", f"main={image}:{number}")
                elif what == "pods":
                    await world.kubectl("-n", "shop", "delete", "pods", "-l", f"app={name}", "--wait=false")
                elif what == "make":
                    await world.kubectl("apply", "-f", "-", text=deployment(f"extra-{number}", "web:1", 3))
                elif what == "node":
                    world.nodes.dead = set() if world.nodes.dead else {chance.choice(world.nodes.names)}
                elif what == "server":
                    await asyncio.to_thread(plane.stop, "kube-apiserver", chance.choice((signal.SIGTERM, signal.SIGKILL)))
                    await asyncio.sleep(chance.random() * 8)
                    plane.start("kube-apiserver")
                    await asyncio.to_thread(plane.wait)
                else:
                    plane.freeze("etcd")
                    await asyncio.sleep(chance.random() * 15)
                    plane.thaw("etcd")
                    await asyncio.to_thread(plane.wait)
                await asyncio.sleep(chance.random() * 4)

        async with asyncio.TaskGroup() as group:
            group.create_task(judge())
            group.create_task(disturb())
        world.nodes.dead.clear()
        await world.comes(world.live, "it lives again", 120)
        print(f"{judged} comparisons; at most {longest:.1f} s behind; agreed {await world.agrees(60):.1f} s after the last fault")
        assert judged and longest < BEHIND


@pytest.mark.asyncio
async def test_an_object_is_edited_as_text_and_checked_by_the_servers_own_schema(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch) as world:
        actions = world.console.clusters.actions
        ref = Ref("apps/v1", "Deployment", "shop", "web")
        seen, text = await actions.text_of("real", ref)
        assert await actions.check_schema("real", seen)
        await world.done(actions.plan_edit("real", ref, seen, text.replace("image: web:1", "image: web:9")))
        owned = json.loads(await world.kubectl("-n", "shop", "get", "deployment", "web", "-o", "json"))
        assert owned["spec"]["template"]["spec"]["containers"][0]["image"] == "web:9"
        for old, new, problem in (
            ("replicas: 2", "replicas: many", "spec.replicas: must be a whole number"),
            ("progressDeadlineSeconds:", "progresDeadlineSeconds:", "did you mean progressDeadlineSeconds"),
        ):
            with pytest.raises(Invalid, match=problem):
                await actions.plan_edit("real", ref, *await changed(actions, ref, old, new))
        # Somebody was quicker: nothing is overwritten.
        seen, text = await actions.text_of("real", ref)
        await world.kubectl("-n", "shop", "set", "image", "deployment/web", "main=web:10")
        with pytest.raises(ConsoleError, match="changed by somebody else"):
            await world.done(actions.plan_edit("real", ref, seen, text.replace("web:9", "web:11")))


async def changed(actions: Any, ref: Ref, old: str, new: str) -> tuple[Any, str]:
    """The object, and its text with a change."""
    seen, text = await actions.text_of("real", ref)
    assert old in text
    return seen, text.replace(old, new)


@pytest.mark.asyncio
async def test_logs_commands_and_tunnels_go_through_the_real_server(tmp_path, monkeypatch):
    """Their other end is a played kubelet; what lies between, with its upgrades and its subprotocols, is real."""
    async with watched(tmp_path, monkeypatch) as world:
        clusters, kubelet = world.console.clusters, world.nodes.kubelet
        await world.agrees()
        pods = [name for space, name in clusters.snapshot("real").of("Pod") if name.startswith("web-")]
        for name in pods:
            kubelet.logs["shop", name, "main"] = [f"{name} served"]
        heard: list[LogLine] = []
        following = asyncio.create_task(
            clusters.logs("real", clusters.log_sources("real", "shop", pods), heard.append, follow=True, tail=5)
        )
        await world.comes(lambda: len(heard) == len(pods), "the first lines of every pod")
        kubelet.logs["shop", pods[0], "main"].append("later")
        await world.comes(lambda: heard[-1].text == "later", "a line that was written later")
        following.cancel()
        assert {(line.pod, line.text) for line in heard} == {*((name, f"{name} served") for name in pods), (pods[0], "later")}

        kubelet.programs = {"df -h": ("82 %\n", "", 0), "false": ("", "no\n", 3)}
        connection = clusters.connection("real")
        assert await run_once(connection, "shop", pods[0], ["df", "-h"]) == (0, b"82 %\n", b"")
        assert await run_once(connection, "shop", pods[0], ["false"]) == (3, b"", b"no\n")
        async with execute(connection, "shop", pods[0], ["cat"], stdin=True) as session:
            await session.write("ünï".encode())
            channel, data = await anext(aiter(session.output()))
            assert (channel, data.decode()) == (1, "ünï")

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as there:
            kubelet.ports[5432] = there.sockets[0].getsockname()[1]
            setting = await clusters.add_tunnel("store", "real", "shop", f"pod/{pods[0]}", 5432, 0)
            await clusters.tunnels.open("store")
            for _ in range(2):  # each connection has a forward of its own
                reader, writer = await asyncio.open_connection("127.0.0.1", setting.local_port)
                sent = os.urandom(300_000)
                writer.write(sent)
                assert await asyncio.wait_for(reader.readexactly(len(sent)), 30) == sent
                writer.close()
            await clusters.tunnels.shut("store")
