"""What somebody else does meanwhile: an edit overwrites nothing, a drain leaves nobody, a pause is said."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from app.cluster.actions import Ref, steps
from app.cluster.actions.change import unpacked
from app.cluster.actions.steps import GraceStep
from app.core.clock import now_ms
from app.core.errors import Conflict, Denied, Invalid
from app.operations.plans import PlanState
from app.operations.steps import Happened, StepContext
from tests.cluster.acting import World, told
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.test_actions import SHOP, effects, rules

LABELLED = {"metadata": {"labels": {"tier": "gold"}}}


@pytest.mark.parametrize(
    ("kind", "written", "theirs", "others"),
    [
        ("ConfigMap", ("a: old", "a: mine"), {"data": {"a": "theirs"}}, {"data": {"b": "theirs"}}),
        ("Deployment", ("labels:", "labels:\n    tier: lead"), LABELLED, {"metadata": {"labels": {"zone": "b"}}}),
    ],
)
def test_an_edit_of_what_no_generation_counts_does_not_overwrite_what_somebody_wrote_meanwhile(
    tmp_path, kind, written, theirs, others
):
    """A ConfigMap has no generation at all, and that of a Deployment does not count its labels."""

    async def story(world: World) -> None:
        world.server.put(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "said", "namespace": "shop"}, "data": {"a": "old"}}
        )
        ref = Ref.named(kind, "shop", "said" if kind == "ConfigMap" else "cart")
        path = (
            "/api/v1/namespaces/shop/configmaps/said" if kind == "ConfigMap" else "/apis/apps/v1/namespaces/shop/deployments/cart"
        )
        seen, text = await world.actions.text_of("test", ref)

        async def write(body: dict) -> None:
            await world.client.request("PATCH", path, body=body, content_type="application/merge-patch+json")

        fine = await world.actions.plan_edit("test", ref, seen, text.replace(*written, 1))
        await write(others)
        assert effects(fine)
        late = await world.actions.plan_edit("test", ref, seen, text.replace(*written, 1))
        assert not late.preview.error  # another field of it was changed
        await write(theirs)
        with pytest.raises(Conflict):
            await world.operations.execute(late.id)
        stale = await world.actions.plan_edit("test", ref, seen, text.replace(*written, 1))
        assert "changed by somebody else" in stale.preview.error

    told(tmp_path, story)


def test_a_drain_goes_by_the_pods_that_are_there_and_is_refused_to_who_sees_only_some(tmp_path):
    """What the console knows may be of one namespace only, or old: the plan would leave pods and say that it is done."""

    async def story(world: World) -> None:
        known = world.snapshot("test")
        world.snapshot = lambda _context: known
        made = {"kind": "Pod", "apiVersion": "v1", "spec": {"nodeName": "node-b", "containers": []}}
        owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}]
        world.server.put({**made, "metadata": {"name": "late", "namespace": "payments", "ownerReferences": owner}})
        plan = await world.actions.plan_drain("test", "node-b")
        assert "Evict Pod payments/late" in {step.spec.title for step in plan.steps}
        rule = ("get", "list", "patch", "create"), ("pods", "pods/eviction", "nodes", "namespaces")
        narrow = User("admin", rules=(Rule(*rule, namespace="shop"), Rule(("get", "patch"), ("nodes", "namespaces"))))
        world.server.users["admin"] = narrow
        with pytest.raises(Denied, match="pods"):
            await world.actions.plan_drain("test", "node-b")

    told(tmp_path, story)


def test_what_a_paused_rollout_will_not_do_is_said(tmp_path):
    """kubectl refuses to restart it; here it is planned, and nobody waits for pods that do not come."""

    async def story(world: World) -> None:
        world.get(*SHOP)["spec"]["paused"] = True
        for plan in (await world.actions.plan_restart("test", *SHOP), await world.actions.plan_undo("test", *SHOP, 1)):
            assert "paused" in rules(plan)["cluster.paused"].text
        for plan in (await world.actions.plan_scale("test", *SHOP, 3), await world.actions.plan_pause("test", *SHOP, resume=True)):
            assert "cluster.paused" not in rules(plan)

    told(tmp_path, story)


def test_what_argo_cd_is_asked_for_keeps_the_options_and_the_sources_of_the_application(tmp_path):
    """It takes neither by itself: a sync would overwrite what an autoscaler owns, a rollback deploy the newest."""

    async def story(world: World) -> None:
        app = world.get("Application", "argocd", "shop")
        options = ["RespectIgnoreDifferences=true"]
        sources = [{"repoURL": "https://git.example/a", "path": "."}, {"repoURL": "https://git.example/b", "chart": "web"}]
        history = [{"id": 3, "revision": "", "sources": sources, "revisions": ["aaaaaaaaaa", "1.2.3"]}, {"id": 2}]
        spec = {
            **{k: v for k, v in app["spec"].items() if k != "source"},
            "sources": sources,
            "syncPolicy": {"syncOptions": options},
        }
        world.server.put({**app, "spec": spec, "status": {**app["status"], "history": history}})
        plan = await world.actions.plan_rollback("test", "argocd", "shop", 3)
        operation = unpacked(plan.params["operation"])
        assert operation["sync"] == {
            "prune": True,
            "sources": sources,
            "revisions": ["aaaaaaaaaa", "1.2.3"],
            "syncOptions": options,
        }
        assert plan.preview.effects[0].after == "aaaaaaaaaa, 1.2.3" and "aaaaaaa, 1.2.3" in plan.title
        sync = await world.actions.plan_sync("test", "argocd", "shop")
        assert unpacked(sync.params["operation"])["sync"] == {"prune": False, "syncOptions": options}
        with pytest.raises(Invalid, match="does not tell"):
            await world.actions.plan_rollback("test", "argocd", "shop", 2)

    told(tmp_path, story)


def test_the_labels_of_a_secret_can_be_edited_and_its_values_cannot(tmp_path):
    async def story(world: World) -> None:
        meta = {"name": "db", "namespace": "shop", "labels": {"tier": "gold"}}
        world.server.put(
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": {"password": "aHVudGVyMg=="}}
        )
        ref = Ref.named("Secret", "shop", "db")
        seen, text = await world.actions.text_of("test", ref)
        assert "aHVudGVyMg" not in text and "data: hidden" in text
        plan = await world.actions.plan_edit("test", ref, seen, text.replace("tier: gold", "tier: lead"))
        assert effects(plan) == [("Secret shop/db metadata.labels.tier", "gold", "lead")]
        await world.done(plan)
        assert world.get("Secret", "shop", "db")["data"] == {"password": "aHVudGVyMg=="}
        for written in ("data: {password: bmV3}", "stringData: {password: new}\ndata: hidden"):
            with pytest.raises(Invalid, match="values of Secret"):
                await world.actions.plan_edit("test", ref, seen, text.replace("data: hidden", written))

    told(tmp_path, story)


@pytest.mark.asyncio
async def test_what_was_not_sent_when_it_should_have_been_is_not_sent_hours_later():
    """A console that ended in the seconds of grace, and is started again the next morning."""
    step, never = GraceStep(5), cast("StepContext", None)
    late = await step.observe({"until": now_ms() - 12 * 3_600_000}, never)
    assert late.happened is Happened.DONE and "Nothing was sent" in late.failure
    over, waits = [await step.observe({"until": now_ms() + ms}, never) for ms in (-1_000, 3_600_000)]
    assert (over.happened, over.failure, waits.happened) == (Happened.DONE, "", Happened.NOT_DONE)


async def confirmed(world: World, objects: list[dict[str, Any]]) -> Any:
    """A plan to apply them, about to run."""
    plan = await world.actions.plan_apply("test", objects)
    return await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)


def maps(*names: str) -> list[dict[str, Any]]:
    """Config maps of the namespace shop."""
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n, "namespace": "shop"}, "data": {"a": "b"}} for n in names
    ]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_outage_in_the_middle_of_a_plan_is_waited_out(tmp_path, method):
    """An API server that is told to stop may take a minute; a plan that ended there would leave half of what was meant."""

    async def story(world: World) -> None:
        plan = await confirmed(world, maps("first", "second", "third"))
        outage = world.server.faults.refuse(f"{method} /api/v1/namespaces/shop/configmaps/second", 503, times=1000)
        running = asyncio.ensure_future(world.operations.run(plan.id))
        while outage.times > 997 and not running.done():
            await asyncio.sleep(0.01)
        assert not running.done(), running.result().reason
        assert ("shop", "first") in world.server.objects("ConfigMap") and ("shop", "third") not in world.server.objects("ConfigMap")
        world.server.faults.refusals.clear()
        ended = await running
        assert ended.state is PlanState.DONE and ended.receipt.matches, ended.reason
        # Before anything was changed there is nothing to wait for: it ends, and says that nothing was begun.
        plan = await confirmed(world, maps("fourth", "fifth"))
        world.server.faults.refuse("GET /api/v1/namespaces/shop/configmaps/fourth", 503, times=1000)
        ended = await world.operations.run(plan.id)
        assert ended.state is PlanState.FAILED and ("shop", "fifth") not in world.server.objects("ConfigMap")

    told(tmp_path, story, patience=0.0)


@pytest.mark.parametrize("request_", ["GET /api/v1/namespaces/shop/configmaps/second", "PATCH .*/second.fieldManager"])
def test_a_refusal_in_the_middle_of_a_plan_is_believed_when_it_stays(tmp_path, monkeypatch, request_):
    """A server that has just started refuses valid users for a moment."""
    monkeypatch.setattr(steps, "DOUBT", (0.01, 0.01))

    async def story(world: World) -> None:
        plan = await confirmed(world, maps("first", "second"))
        world.server.faults.refuse(request_, 403, times=2)
        ended = await world.operations.run(plan.id)
        assert ended.state is PlanState.DONE, ended.reason
        plan = await confirmed(world, maps("third", "fourth"))
        world.server.faults.refuse(request_.replace("second", "fourth"), 403, times=1000)
        ended = await world.operations.run(plan.id)
        assert ended.state is PlanState.FAILED and "does not allow it" in ended.reason

    told(tmp_path, story)
