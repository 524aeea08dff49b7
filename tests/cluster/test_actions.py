"""Actions are plans: previewed by the server's dry run, sent once, called back in time, and safe from whoever came between."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.cluster.actions import Ref
from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.operations.plans import PlanState
from app.operations.steps import Happened, StepContext
from tests.cluster.acting import World, told

SHOP = ("Deployment", "shop", "cart")


def effects(plan):
    return [(effect.subject, effect.before, effect.after) for effect in plan.preview.effects]


def rules(plan):
    return {verdict.rule: verdict for verdict in plan.preview.verdicts}


def test_scaling_is_previewed_and_done_and_its_receipt_matches(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_scale("test", *SHOP, 5)
        assert effects(plan) == [("Deployment shop/cart spec.replicas", "2", "5")]
        assert plan.preview.method == "server-side dry run"
        assert world.get(*SHOP)["spec"]["replicas"] == 2
        ended = await world.done(plan)
        assert world.get(*SHOP)["spec"]["replicas"] == 5
        assert ended.receipt.matches
        assert "Deployment shop/cart@" in ended.receipt.evidence[0].ref
        again = await world.actions.plan_scale("test", *SHOP, 5)
        assert not again.preview.effects and "already" in again.preview.notes[0]

    told(tmp_path, story)


def test_who_knows_pods_by_name_alone_finds_their_deployment_and_scales_it_with_a_reason(tmp_path):
    """So workers that mine as pods come to a plan, whoever proposes it; the reason stands in its preview."""

    async def story(world: World) -> None:
        snapshot = world.snapshot("test")
        pods = [name for (namespace, name) in snapshot.of("Pod") if namespace == "shop" and name.startswith("cart-")]
        others = [name for (namespace, name) in snapshot.of("Pod") if namespace != "shop"]
        (held,) = world.actions.holders(pods)
        assert (held.context, held.namespace, held.name, held.replicas) == ("test", "shop", "cart", 2)
        assert world.actions.holders([]) == [] and world.actions.holders(["cart"]) == []
        assert held not in world.actions.holders(others)
        plan = await world.actions.plan_scale("test", *SHOP, held.replicas + 1, reason="One more would earn.")
        assert rules(plan)["cluster.reason"].text == "One more would earn."
        assert "cluster.reason" not in rules(await world.actions.plan_scale("test", *SHOP, 3))
        world.connected = ()
        assert world.actions.holders(pods) == []

    told(tmp_path, story)


def test_an_autoscaler_that_would_undo_it_is_named(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_scale("test", "Deployment", "shop", "web", 3)
        assert "autoscaler web" in rules(plan)["cluster.hpa"].text

    told(tmp_path, story)


def test_argo_cd_that_would_undo_it_is_named(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_restart("test", "Deployment", "shop", "search")
        assert "Argo CD application shop" in rules(plan)["cluster.argo"].text

    told(tmp_path, story)


def test_a_restart_changes_the_template_as_kubectl_does(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_restart("test", *SHOP)
        ((subject, before, _),) = effects(plan)
        assert subject.endswith("annotations.kubectl.kubernetes.io/restartedAt")
        assert before
        await world.done(plan)

    told(tmp_path, story)


def test_conflicts_are_told_per_field_and_manager_and_taken_over_only_on_purpose(tmp_path):
    manifest = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {replicas: 7}
"""

    async def story(world: World) -> None:
        owner = next(
            entry["manager"]
            for entry in world.get(*SHOP)["metadata"]["managedFields"]
            if "f:replicas" in entry["fieldsV1"].get("f:spec", {}) and entry.get("subresource") != "status"
        )
        plan = await world.actions.plan_apply("test", manifest)
        verdict = rules(plan)["cluster.conflict"]
        assert "spec.replicas" in verdict.text and owner in verdict.text
        assert plan.preview.blocked
        with pytest.raises(Denied):
            await world.operations.execute(plan.id)
        assert world.get(*SHOP)["spec"]["replicas"] == 2
        forced = await world.actions.plan_apply("test", manifest, force=True)
        assert owner in rules(forced)["cluster.force"].text
        assert effects(forced) == [("Deployment shop/cart spec.replicas", "2", "7")]
        await world.done(forced)
        managers = {entry["manager"] for entry in world.get(*SHOP)["metadata"]["managedFields"]}
        assert "azora-console" in managers

    told(tmp_path, story)


def test_applying_makes_what_is_missing_in_an_order_that_works(tmp_path):
    manifest = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: fresh}
data: {a: "1"}
---
apiVersion: v1
kind: Namespace
metadata: {name: fresh}
"""

    async def story(world: World) -> None:
        plan = await world.actions.plan_apply("test", manifest)
        assert [step.spec.title for step in plan.steps] == ["Apply Namespace fresh", "Apply ConfigMap fresh/settings"]
        assert not plan.preview.error
        ended = await world.done(plan)
        assert world.get("ConfigMap", "fresh", "settings")["data"] == {"a": "1"}
        assert ended.receipt.matches

    told(tmp_path, story)


def test_secrets_do_not_go_through_a_plan(tmp_path):
    async def story(world: World) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "shop"},
            "stringData": {"p": "hunter2"},
        }
        with pytest.raises(Invalid, match="would be stored"):
            await world.actions.plan_apply("test", [secret])

    told(tmp_path, story)


def test_a_sent_action_can_be_called_back(tmp_path):
    async def story(world: World) -> None:
        world.grace = 3600
        plan = await world.actions.plan_scale("test", *SHOP, 0)
        assert plan.steps[0].spec.kind == "cluster.grace"
        plan = await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        running = asyncio.ensure_future(world.operations.run(plan.id))
        while not any("Stop it to call it back" in text for _, text in world.operations.log(plan.id)):
            await asyncio.sleep(0.01)
        await world.operations.stop(plan.id)
        ended = await running
        assert ended.state is PlanState.DISOWNED and "never act" in ended.reason
        assert world.get(*SHOP)["spec"]["replicas"] == 2

    told(tmp_path, story)


async def edited_to_four(world: World):
    """A plan of somebody who looked at the cart, and wrote four in the place of two."""
    ref = Ref.named(*SHOP)
    seen, text = await world.actions.text_of("test", ref)
    return await world.actions.plan_edit("test", ref, seen, text.replace("replicas: 2", "replicas: 4"))


def test_an_edit_over_a_change_of_somebody_else_is_refused(tmp_path):
    async def story(world: World) -> None:
        plan = await edited_to_four(world)
        assert effects(plan) == [("Deployment shop/cart spec.replicas", "2", "4")]
        body = {"spec": {"paused": True}}
        await world.client.request(
            "PATCH", "/apis/apps/v1/namespaces/shop/deployments/cart", body=body, content_type="application/merge-patch+json"
        )
        with pytest.raises(Conflict):
            await world.operations.execute(plan.id)
        assert world.get(*SHOP)["spec"]["replicas"] == 2

    told(tmp_path, story)


def test_a_status_that_moves_on_does_not_stand_in_the_way_of_an_edit(tmp_path):
    async def story(world: World) -> None:
        plan = await edited_to_four(world)
        moved = world.get(*SHOP) | {"status": {**world.get(*SHOP)["status"], "readyReplicas": 1}}
        world.server.put(moved)
        await world.done(plan)
        assert world.get(*SHOP)["spec"]["replicas"] == 4

    told(tmp_path, story)


def test_an_edit_cannot_rename_and_must_change_something(tmp_path):
    async def story(world: World) -> None:
        ref = Ref.named(*SHOP)
        seen, text = await world.actions.text_of("test", ref)
        with pytest.raises(Invalid, match="not Deployment shop/cart any more"):
            await world.actions.plan_edit("test", ref, seen, text.replace("name: cart", "name: other", 1))
        with pytest.raises(Invalid, match="nothing to plan"):
            await world.actions.plan_edit("test", ref, seen, text)

    told(tmp_path, story)


def test_deleting_takes_only_the_object_that_was_seen(tmp_path):
    async def story(world: World) -> None:
        ref = Ref.named("ConfigMap", "shop", "settings")
        world.server.put(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}, "data": {}}
        )
        plan = await world.actions.plan_delete("test", ref)
        world.server.remove("ConfigMap", "shop", "settings")
        world.server.put(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}, "data": {"new": "1"}}
        )
        with pytest.raises((Conflict, Denied)):
            await world.operations.execute(plan.id)
        assert world.get("ConfigMap", "shop", "settings")["data"] == {"new": "1"}
        ended = await world.done(await world.actions.plan_delete("test", ref))
        assert ended.receipt.matches
        assert ("shop", "settings") not in world.server.objects("ConfigMap")

    told(tmp_path, story)


def test_in_production_the_name_is_typed(tmp_path):
    async def story(world: World) -> None:
        world.where = "production"
        plan = await world.actions.plan_delete("test", Ref.named(*SHOP))
        with pytest.raises(Denied, match="name typed"):
            await world.operations.execute(plan.id, statement="tset")
        await world.done(plan)
        assert ("shop", "cart") not in world.server.objects("Deployment")

    told(tmp_path, story)


def test_a_read_only_cluster_is_not_changed(tmp_path):
    async def story(world: World) -> None:
        world.locked_down = True
        plan = await world.actions.plan_scale("test", *SHOP, 5)
        assert rules(plan)["cluster.read_only"].level == "block"
        with pytest.raises(Denied):
            await world.operations.execute(plan.id)

    told(tmp_path, story)


def test_another_cluster_under_the_same_context_gets_nothing(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_scale("test", *SHOP, 5)
        world.get("Namespace", "", "kube-system")["metadata"]["uid"] = "11111111-2222-4333-8444-555555555555"
        with pytest.raises(Conflict, match="Another cluster"):
            await world.operations.execute(plan.id)
        assert world.get(*SHOP)["spec"]["replicas"] == 2

    told(tmp_path, story)


def test_cordon_and_uncordon(tmp_path):
    async def story(world: World) -> None:
        await world.done(await world.actions.plan_cordon("test", "node-a"))
        assert world.get("Node", "", "node-a")["spec"]["unschedulable"] is True
        await world.done(await world.actions.plan_cordon("test", "node-a", uncordon=True))
        assert not world.get("Node", "", "node-a")["spec"].get("unschedulable")

    told(tmp_path, story)


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
def test_a_drain_evicts_all_but_daemons_and_waits_for_a_budget(tmp_path, version):
    """Evictions are sent in the version that the cluster takes; those before v1.22 refuse the newer one."""

    async def story(world: World) -> None:
        world.server.eviction = version
        plan = await world.actions.plan_drain("test", "node-b")
        evicted = {step.spec.title for step in plan.steps}
        assert "Change Node node-b" in evicted and "Evict Pod shop/web-5744f4ddb7-7ml29" in evicted
        assert not any("agent-" in title for title in evicted)
        plan = await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        running = asyncio.ensure_future(world.operations.run(plan.id))
        left = {key for key, pod in world.server.objects("Pod").items() if pod["spec"].get("nodeName") == "node-b"}
        while not running.done():
            for key in left:  # the kubelet of the node: what is asked to end, ends
                pod = world.server.objects("Pod").get(key)
                if pod is not None and pod["metadata"].get("deletionTimestamp"):
                    world.server.remove("Pod", *key)
            await asyncio.sleep(0.01)
        ended = await running
        assert ended.state is PlanState.DONE, ended.reason
        stays = [key for key, pod in world.server.objects("Pod").items() if pod["spec"].get("nodeName") == "node-b"]
        assert {name.rpartition("-")[0] for _, name in stays} == {"agent"}

    told(tmp_path, story)


def test_pods_without_a_controller_block_a_drain(tmp_path):
    async def story(world: World) -> None:
        world.server.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "bare", "namespace": "shop"},
                "spec": {
                    "nodeName": "node-b",
                    "containers": [{"name": "m", "image": "a:1"}],
                    "volumes": [{"name": "t", "emptyDir": {}}],
                },
            }
        )
        plan = await world.actions.plan_drain("test", "node-b")
        assert "nobody makes it again" in rules(plan)["cluster.bare_pod"].text
        assert "emptyDir" in rules(plan)["cluster.empty_dir"].text

    told(tmp_path, story)


def test_undo_goes_back_to_the_template_before(tmp_path):
    async def story(world: World) -> None:
        web = ("Deployment", "shop", "web")
        plan = await world.actions.plan_undo("test", *web)
        ended = await world.done(plan)
        assert ended.receipt.matches
        with pytest.raises(NotFound, match="revision 99"):
            await world.actions.plan_undo("test", *web, revision=99)

    told(tmp_path, story)


def test_pause_and_resume(tmp_path):
    async def story(world: World) -> None:
        await world.done(await world.actions.plan_pause("test", *SHOP))
        assert world.get(*SHOP)["spec"]["paused"] is True
        await world.done(await world.actions.plan_pause("test", *SHOP, resume=True))
        assert not world.get(*SHOP)["spec"].get("paused")
        with pytest.raises(Invalid, match="cannot be paused"):
            await world.actions.plan_pause("test", "StatefulSet", "shop", "db")

    told(tmp_path, story)


def pair(world: World, label: str, first: str, second: str, **selector: str) -> None:
    base = world.get(*SHOP)
    for value, image in ((first, "api:1"), (second, "api:2")):
        meta = {"name": f"api-{value}", "namespace": "shop"}
        template = {
            "metadata": {"labels": {"app": "api", label: value}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "api", label: value}}, "template": template}
        world.server.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": base["status"]})
    world.server.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"selector": {"app": "api", **selector}, "ports": [{"port": 80}]},
        }
    )


def test_promoting_blue_green_switches_the_service(tmp_path):
    async def story(world: World) -> None:
        pair(world, "color", "blue", "green", color="blue")
        plan = await world.actions.plan_promote("test", "Deployment", "shop", "api-green")
        assert ("Service shop/api spec.selector.color", "blue", "green") in effects(plan)
        await world.done(plan)
        back = await world.actions.plan_promote("test", "Deployment", "shop", "api-blue")
        assert ("Service shop/api spec.selector.color", "green", "blue") in effects(back)

    told(tmp_path, story)


def test_an_idle_version_that_is_not_ready_does_not_go_live(tmp_path):
    async def story(world: World) -> None:
        pair(world, "color", "blue", "green", color="blue")
        green = world.get("Deployment", "shop", "api-green")
        world.server.put({**green, "status": {}})
        plan = await world.actions.plan_promote("test", "Deployment", "shop", "api-green")
        assert rules(plan)["cluster.not_ready"].level == "block"

    told(tmp_path, story)


def test_promoting_and_aborting_a_canary_by_replicas(tmp_path):
    async def story(world: World) -> None:
        pair(world, "track", "stable", "canary")
        abort = await world.actions.plan_abort("test", "Deployment", "shop", "api-canary")
        assert effects(abort) == [("Deployment shop/api-canary spec.replicas", "2", "0")]
        plan = await world.actions.plan_promote("test", "Deployment", "shop", "api-canary")
        assert ("Deployment shop/api-stable spec.template.spec.containers[main].image", "api:1", "api:2") in effects(plan)
        await world.done(plan)
        assert world.get("Deployment", "shop", "api-canary")["spec"]["replicas"] == 0

    told(tmp_path, story)


def test_a_sync_is_asked_for_once_and_followed(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_sync("test", "argocd", "shop")
        assert ("Deployment shop/search", "OutOfSync", "Synced") in effects(plan)
        plan = await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        running = asyncio.ensure_future(world.operations.run(plan.id))
        key = ("argocd", "shop")
        while "operation" not in world.server.objects("Application")[key]:
            await asyncio.sleep(0.01)
        app = dict(world.server.objects("Application")[key])  # Argo CD takes it up and is done
        operation = app.pop("operation")
        state = {"phase": "Succeeded", "operation": operation, "syncResult": {"revision": "abc"}}
        world.server.put({**app, "status": {**app["status"], "operationState": state}})
        ended = await running
        assert ended.state is PlanState.DONE, ended.reason
        assert ended.steps[-1].result["revision"] == "abc"

    told(tmp_path, story)


def test_a_rollback_under_automated_sync_is_refused(tmp_path):
    async def story(world: World) -> None:
        app = world.get("Application", "argocd", "shop")
        world.server.put({**app, "status": {**app["status"], "history": [{"id": 3, "revision": "0ldc0de"}]}})
        with pytest.raises(Conflict, match="syncs by itself"):
            await world.actions.plan_rollback("test", "argocd", "shop", 3)
        with pytest.raises(NotFound):
            await world.actions.plan_rollback("test", "argocd", "shop", 4)

    told(tmp_path, story)


def test_a_server_that_is_down_for_a_while_only_delays(tmp_path):
    async def story(world: World) -> None:
        plan = await world.actions.plan_scale("test", *SHOP, 5)
        plan = await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        world.server.faults.refuse("PATCH .*cart/scale", 503, "apiserver is shutting down", times=2)
        ended = await world.operations.run(plan.id)
        assert ended.state is PlanState.DONE, ended.reason
        assert world.get(*SHOP)["spec"]["replicas"] == 5

    told(tmp_path, story)


@pytest.mark.parametrize("old", [False, True], ids=["v3", "v2"])
def test_an_edit_that_the_clusters_schema_does_not_allow_is_told_at_its_field(old, tmp_path):
    async def story(world: World) -> None:
        if old:
            world.server.faults.refuse("GET /openapi/v3", 404, "not found", times=9)
        ref = Ref.named(*SHOP)
        seen, text = await world.actions.text_of("test", ref)
        with pytest.raises(Invalid, match="schema does not allow") as caught:
            await world.actions.plan_edit("test", ref, seen, text.replace("replicas: 2", "replicas: two\n  replica: 3"))
        problems = caught.value.details["problems"]
        assert "spec.replicas: must be a whole number, and is “two”" in problems
        assert any("spec.replica: is not a field here; did you mean replicas?" in problem for problem in problems)

    told(tmp_path, story)


def test_a_step_that_died_before_or_after_it_was_sent_is_found_out_by_looking(tmp_path):
    """Another process gets only what was prepared: it sees what happened, and sending the same again changes nothing more."""

    async def story(world: World) -> None:
        plan = await world.actions.plan_scale("test", *SHOP, 5)

        def fresh():
            return world.operations.step_of(plan, plan.steps[-1])

        context = StepContext(plan, 0, (), lambda _text: None)
        prepared = await fresh().prepare(context)
        assert json.loads(json.dumps(prepared)) == prepared
        assert (await fresh().observe(prepared, context)).happened is Happened.NOT_DONE
        await fresh().act(prepared, context)
        assert (await fresh().observe(prepared, context)).happened is Happened.DONE
        generation = world.get(*SHOP)["metadata"]["generation"]
        await fresh().act(prepared, context)
        assert world.get(*SHOP)["metadata"]["generation"] == generation

    told(tmp_path, story)


def test_a_deletion_that_died_does_not_take_the_next_object_of_that_name(tmp_path):
    async def story(world: World) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "shop"}}
        world.server.put(body)
        plan = await world.actions.plan_delete("test", Ref.named("ConfigMap", "shop", "x"))
        step, context = world.operations.step_of(plan, plan.steps[-1]), StepContext(plan, 0, (), lambda _text: None)
        prepared = await step.prepare(context)
        await step.act(prepared, context)
        world.server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "shop"}})
        again = world.operations.step_of(plan, plan.steps[-1])
        assert (await again.observe(prepared, context)).happened is Happened.DONE
        await again.act(prepared, context)
        assert ("shop", "x") in world.server.objects("ConfigMap")

    told(tmp_path, story)
