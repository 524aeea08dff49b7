"""Argo's kinds on the API server of the newest Kubernetes: its lists, watches, server-side apply, schemas and faults are real.

It stands behind the older control plane of test_control_plane.py as an aggregated API, so its outages are those of one, too.
``AZORA_CURRENT_SERVER`` names the folder that build_current_server.sh filled.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.cluster import KindStatus
from app.cluster.actions import Ref
from app.cluster.argo import applications
from app.cluster.rollouts import strategy_of
from app.cluster.schema import problems, schema_of
from app.cluster.workloads import View
from app.core.errors import ConsoleError
from tests.campaigns.agreeing import Watched, watched
from tests.campaigns.argo import DEFINITIONS, PAUSED_STATUS, application, rollout
from tests.campaigns.control_plane import PROGRAMS, programs
from tests.campaigns.current_server import CurrentServer, current_programs

pytestmark = pytest.mark.skipif(
    len(programs()) < len(PROGRAMS) or len(current_programs()) < 3, reason="AZORA_CURRENT_SERVER names no server"
)
BASE = "/apis/argoproj.io/v1alpha1/namespaces/shop"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KINDS = ("Application", "Rollout")
MERGE = "application/merge-patch+json"


@contextlib.asynccontextmanager
async def argo(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Watched, CurrentServer]]:
    """A console that follows an Application and a Rollout on the newest server."""
    async with watched(tmp_path, monkeypatch) as world:
        server = CurrentServer(world.plane)
        try:
            await asyncio.to_thread(server.begin)
            for definition in DEFINITIONS:
                await asyncio.to_thread(server.ask, "POST", CRDS, definition)
            await world.comes(lambda: served(server), "the kinds are served")
            await asyncio.to_thread(server.ask, "POST", f"{BASE}/applications", application("shop"))
            await asyncio.to_thread(server.ask, "POST", f"{BASE}/rollouts", rollout("canary"))
            await asyncio.to_thread(server.ask, "PATCH", f"{BASE}/rollouts/canary/status", {"status": PAUSED_STATUS}, MERGE)
            world.console.clusters.try_now("real")
            await world.comes(lambda: all(state(world, kind) is KindStatus.LIVE for kind in KINDS), "they are followed", 120)
            yield world, server
        finally:
            server.end()


def served(server: CurrentServer) -> bool:
    try:
        return all("items" in server.ask("GET", f"{BASE}/{plural}") for plural in ("applications", "rollouts"))
    except AssertionError:
        return False


def state(world: Watched, kind: str) -> KindStatus:
    return world.console.clusters.snapshot("real").state(kind).status


async def agree(world: Watched, server: CurrentServer, limit: float = 90.0) -> None:
    """The console has every object in the version that the server has, and no other."""
    for kind, plural in zip(KINDS, ("applications", "rollouts"), strict=True):
        listed = (await asyncio.to_thread(server.ask, "GET", f"{BASE}/{plural}"))["items"]
        theirs = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed}

        def same(kind: str = kind, theirs: dict[str, str] = theirs) -> bool:
            held = world.console.clusters.snapshot("real").of(kind)
            return {key[1]: item["metadata"]["resourceVersion"] for key, item in held.items()} == theirs

        await world.comes(same, f"every {kind} is as on the server", limit)


@pytest.mark.asyncio
async def test_an_application_is_synced_and_rolled_back(tmp_path, monkeypatch):
    async with argo(tmp_path, monkeypatch) as (world, server):
        actions = world.console.clusters.actions
        (found,) = applications(View(world.console.clusters.snapshot("real")))
        assert (found.sync, found.health) == ("OutOfSync", "Healthy")
        assert [resource.name for resource in found.drifted] == ["web"]
        plan = await actions.plan_sync("real", "shop", "shop")
        assert {"Deployment shop/web"} <= {str(effect.subject) for effect in plan.preview.effects}
        await played(world, server, plan, "Succeeded")
        await world.comes(lambda: applications(View(world.console.clusters.snapshot("real")))[0].sync == "Synced", "it is in sync")
        plan = await actions.plan_rollback("real", "shop", "shop", 1)
        assert (await played(world, server, plan, "Succeeded"))["sync"]["revision"] == "1" * 40
        await agree(world, server)


async def played(world: Watched, server: CurrentServer, plan: Any, phase: str) -> dict[str, Any]:
    """Run a plan while the test plays Argo CD: it takes the operation up, and ends it."""
    running = asyncio.create_task(world.console.operations.execute(plan.id, statement="test"))
    path = f"{BASE}/applications/shop"
    operation = None
    while operation is None:
        assert not running.done(), (running.result().reason, world.console.operations.log(plan.id))
        await asyncio.sleep(0.2)
        operation = (await asyncio.to_thread(server.ask, "GET", path)).get("operation")
    told = {"phase": "Running", "startedAt": "2026-11-26T09:00:00Z", "operation": operation}
    for step in ({"phase": "Running"}, {"phase": phase, "message": "successfully synced"}):
        status: dict[str, Any] = {"operationState": {**told, **step}}
        if step["phase"] == phase:
            status |= {"sync": {"status": "Synced", "revision": operation["sync"]["revision"]}}
        await asyncio.to_thread(server.ask, "PATCH", path, {"operation": None, "status": status}, MERGE)
        await asyncio.sleep(0.5)
    ended = await asyncio.wait_for(running, 60)
    assert ended.state == "done", (ended.reason, world.console.operations.log(plan.id))
    return operation


@pytest.mark.asyncio
async def test_a_rollout_is_promoted_aborted_paused_and_scaled(tmp_path, monkeypatch):
    async with argo(tmp_path, monkeypatch) as (world, server):
        actions = world.console.clusters.actions

        async def now() -> dict[str, Any]:
            return await asyncio.to_thread(server.ask, "GET", f"{BASE}/rollouts/canary")

        view = View(world.console.clusters.snapshot("real"))
        line = next(line for line in view.workloads if line.key == ("Rollout", "shop", "canary"))
        assert (line.ready, line.wanted) == (5, 5)
        assert [arm.role for arm in strategy_of(view, line).arms] == ["stable", "canary"]
        await world.done(actions.plan_promote("real", "Rollout", "shop", "canary"))
        assert "pauseConditions" not in (await now())["status"]
        await world.done(actions.plan_promote("real", "Rollout", "shop", "canary"))
        assert (await now())["status"]["currentStepIndex"] == 2
        await world.done(actions.plan_abort("real", "Rollout", "shop", "canary"))
        assert (await now())["status"]["abort"] is True
        await world.done(actions.plan_pause("real", "Rollout", "shop", "canary"))
        assert (await now())["spec"]["paused"] is True
        await world.done(actions.plan_pause("real", "Rollout", "shop", "canary", resume=True))
        resumed = await now()
        assert resumed["spec"]["paused"] is False and not resumed["status"].get("abort")
        await world.done(actions.plan_promote("real", "Rollout", "shop", "canary", full=True))
        assert (await now())["status"]["promoteFull"] is True
        await world.done(actions.plan_scale("real", "Rollout", "shop", "canary", 7))
        assert (await now())["spec"]["replicas"] == 7
        await world.done(actions.plan_restart("real", "Rollout", "shop", "canary"))
        assert (await now())["spec"]["restartAt"]
        await agree(world, server)


@pytest.mark.asyncio
async def test_applies_and_edits_are_judged_by_the_newest_server(tmp_path, monkeypatch):
    async with argo(tmp_path, monkeypatch) as (world, server):
        actions, plane = world.console.clusters.actions, world.plane
        wanted: dict[str, Any] = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "billing", "namespace": "shop"},
            "spec": {"project": "default", "source": {"repoURL": "https://git.example/billing", "targetRevision": "v1"}},
        }
        await world.done(actions.plan_apply("real", [wanted]))
        assert not (await actions.plan_apply("real", [wanted])).preview.effects

        theirs = {**wanted, "spec": {"source": {"targetRevision": "v2"}}}
        path = f"{BASE}/applications/billing?fieldManager=gitops&force=true"
        await asyncio.to_thread(server.ask, "PATCH", path, theirs, "application/apply-patch+yaml")
        plan = await actions.plan_apply("real", [{**wanted, "spec": {**wanted["spec"], "project": "shop"}}])
        told = [verdict.text for verdict in plan.preview.verdicts if verdict.rule == "cluster.conflict"]
        assert told == [".spec.source.targetRevision of Application shop/billing belongs to gitops."]
        refused = await asyncio.to_thread(
            plane.refusal, "apply", "--server-side", "--field-manager=azora-console", "-f", "-", text=json.dumps(wanted)
        )
        assert "gitops" in refused and "targetRevision" in refused

        # A field that the definition does not have, and one of another type.
        for spec, word in (({"projekt": "x"}, "projekt"), ({"project": 7}, "project")):
            try:
                plan = await actions.plan_apply("real", [{**wanted, "spec": spec}])
                said = plan.preview.error
            except ConsoleError as error:
                said = error.message
            assert word in said, said

        ref = Ref("argoproj.io/v1alpha1", "Rollout", "shop", "canary")
        seen, text = await actions.text_of("real", ref)
        plan = await actions.plan_edit("real", ref, seen, text.replace("replicas: 5", "replicas: many"))
        assert "spec.replicas" in plan.preview.error
        await world.done(actions.plan_edit("real", ref, seen, text.replace("replicas: 5", "replicas: 6")))
        assert (await asyncio.to_thread(server.ask, "GET", f"{BASE}/rollouts/canary"))["spec"]["replicas"] == 6

        # Alone it publishes the schemas of its own kinds only: definitions are held against those.
        version = "apiextensions.k8s.io/v1"
        document = await asyncio.to_thread(server.ask, "GET", f"/openapi/v3/apis/{version}")
        schema = schema_of(document, version, "CustomResourceDefinition")
        assert schema is not None
        for definition in DEFINITIONS:
            assert not problems(definition, schema, document)
            broken = {**definition, "spec": {**definition["spec"], "scop": "Namespaced", "group": 7}}
            assert {str(problem) for problem in problems(broken, schema, document)} == {
                "spec.scop: is not a field here; did you mean scope?",
                "spec.group: must be text, and is “7”",
            }


@pytest.mark.asyncio
async def test_an_aggregated_api_that_is_away_is_no_absent_kind_and_comes_back(tmp_path, monkeypatch):
    async with argo(tmp_path, monkeypatch) as (world, server):
        clusters = world.console.clusters
        await agree(world, server)
        for how in (signal.SIGKILL, signal.SIGTERM):
            before = len(full_lists(world))
            await asyncio.to_thread(server.stop, "apiextensions-apiserver", how)
            await world.comes(lambda: state(world, "Application") is KindStatus.STALE, f"{how.name}: it is said", 120)
            assert len(clusters.snapshot("real").of("Application")) == 1, "what was known stays"
            assert clusters.reach("real").answers and state(world, "Pod") is KindStatus.LIVE
            await asyncio.to_thread(server.compact)  # what the console knew is history that nobody keeps
            server.start("apiextensions-apiserver")
            await asyncio.to_thread(server.wait)
            labelled = {"metadata": {"labels": {"after": how.name}}}
            await asyncio.to_thread(server.ask, "PATCH", f"{BASE}/applications/shop", labelled, MERGE)
            took = await world.comes(lambda: all(state(world, kind) is KindStatus.LIVE for kind in KINDS), "it lives again", 120)
            await agree(world, server)
            lists = len(full_lists(world)) - before
            print(f"{how.name}: lives again {took:.1f} s after the server was ready, by {lists} full lists")
            assert lists <= 20

        # Its store hangs for half a minute, then all goes on.
        server.freeze("etcd")
        await asyncio.sleep(30)
        server.thaw("etcd")
        await asyncio.to_thread(server.wait)
        await asyncio.to_thread(
            server.ask, "PATCH", f"{BASE}/applications/shop", {"metadata": {"labels": {"after": "etcd"}}}, MERGE
        )
        await agree(world, server)
        await asyncio.to_thread(server.ask, "DELETE", f"{BASE}/applications/shop")
        await agree(world, server)


def full_lists(world: Watched) -> list[str]:
    """Lists of Argo's kinds that the console has asked for so far, first pages and later ones."""
    return [uri for verb, uri in world.plane.asked() if verb == "list" and "argoproj.io" in uri and "limit=250" in uri]
