"""Two versions behind a route that carries weights: another share, promoted, aborted; and Argo CD and Argo Rollouts."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import Conflict, Denied, Invalid, NotFound
from tests.cluster.acting import World, told
from tests.cluster.apiserver import Resource
from tests.cluster.test_actions import effects, rules

ROUTES = {
    "HTTPRoute": Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", custom=True),
    "VirtualService": Resource("networking.istio.io", "v1", "virtualservices", "VirtualService", custom=True),
    "DestinationRule": Resource("networking.istio.io", "v1", "destinationrules", "DestinationRule", custom=True),
    "TraefikService": Resource("traefik.io", "v1alpha1", "traefikservices", "TraefikService", custom=True),
}
NGINX = "nginx.ingress.kubernetes.io"


def versions(world: World, *, ready: int = 2) -> None:
    """A stable and a canary Deployment, each behind a Service of its own, and one Service over both."""
    for name, image in (("pay", "pay:1"), ("pay-canary", "pay:2")):
        labels = {"app": "pay", "track": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        status = {"replicas": 2, "readyReplicas": ready, "updatedReplicas": 2, "availableReplicas": ready, "observedGeneration": 1}
        made(world, "apps/v1", "Deployment", name, spec=spec, status=status)
        made(world, "v1", "Service", name, spec={"selector": labels, "ports": [{"port": 80}]})
    made(world, "v1", "Service", "pay-all", spec={"selector": {"app": "pay"}, "ports": [{"port": 80}]})


def made(world: World, version: str, kind: str, name: str, notes: dict[str, str] | None = None, **rest: object) -> None:
    meta = {"name": name, "namespace": "shop", "generation": 1, **({"annotations": notes} if notes else {})}
    world.server.put({"apiVersion": version, "kind": kind, "metadata": meta, **rest})


def routed(world: World, kind: str) -> None:
    """The same split by each kind of route: 90 to 10."""
    if kind in ROUTES:
        world.server.define(ROUTES[kind])
    match kind:
        case "Ingress":
            for name, canary in (("pay", False), ("pay-canary", True)):
                backend = {"service": {"name": name, "port": {"number": 80}}}
                http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
                notes = {f"{NGINX}/canary": "true", f"{NGINX}/canary-weight": "10"} if canary else None
                made(world, "networking.k8s.io/v1", "Ingress", name, notes, spec={"rules": [{"host": "pay.example", "http": http}]})
        case "HTTPRoute":
            refs = [{"name": "pay", "port": 80, "weight": 90}, {"name": "pay-canary", "port": 80, "weight": 10}]
            other = {"matches": [{"path": {"value": "/docs"}}], "backendRefs": [{"name": "pay", "port": 80}]}
            made(world, ROUTES[kind].api_version, kind, "pay", spec={"rules": [{"backendRefs": refs}, other]})
        case "VirtualService":
            world.server.define(ROUTES["DestinationRule"])
            subsets = [{"name": track, "labels": {"track": track}} for track in ("pay", "pay-canary")]
            spec = {"host": "pay-all.shop.svc.cluster.local", "subsets": subsets}
            made(world, ROUTES[kind].api_version, "DestinationRule", "pay", spec=spec)
            route = [
                {"destination": {"host": "pay-all", "subset": track}, "weight": weight}
                for track, weight in (("pay", 90), ("pay-canary", 10))
            ]
            made(world, ROUTES[kind].api_version, kind, "pay", spec={"hosts": ["pay"], "http": [{"route": route}]})
        case "TraefikService":
            services = [{"name": "pay", "port": 80, "weight": 9}, {"name": "pay-canary", "port": 80, "weight": 1}]
            made(world, ROUTES[kind].api_version, kind, "pay", spec={"weighted": {"services": services}})


FIELDS = {
    "Ingress": [(f"Ingress shop/pay-canary metadata.annotations.{NGINX}/canary-weight", "10", "25")],
    "HTTPRoute": [
        ("HTTPRoute shop/pay spec.rules[0].backendRefs[pay-canary].weight", "10", "25"),
        ("HTTPRoute shop/pay spec.rules[0].backendRefs[pay].weight", "90", "75"),
    ],
    "VirtualService": [
        ("VirtualService shop/pay spec.http[0].route[0].weight", "90", "75"),
        ("VirtualService shop/pay spec.http[0].route[1].weight", "10", "25"),
    ],
    "TraefikService": [
        ("TraefikService shop/pay spec.weighted.services[pay-canary].weight", "1", "25"),
        ("TraefikService shop/pay spec.weighted.services[pay].weight", "9", "75"),
    ],
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_canary_gets_another_share_by_the_object_that_carries_the_weights(tmp_path, kind):
    """Plan, dry run with its fields, act, and what then is there; the canary's share is what the route says, not its pods."""

    async def story(world: World) -> None:
        versions(world)
        routed(world, kind)
        plan = await world.actions.plan_weight("test", "Deployment", "shop", "pay-canary", 25)
        assert effects(plan) == FIELDS[kind] and plan.preview.method == "server-side dry run"
        ended = await world.done(plan)
        assert ended.receipt.matches
        abort = await world.actions.plan_abort("test", "Deployment", "shop", "pay")
        assert [after for _, before, after in effects(abort) if before == "25"] == ["0"]
        promote = await world.actions.plan_promote("test", "Deployment", "shop", "pay-canary")
        assert ("Deployment shop/pay spec.template.spec.containers[main].image", "pay:1", "pay:2") in effects(promote)
        assert [after for _, before, after in effects(promote) if before == "25"] == ["0"]

    told(tmp_path, story)


def test_a_route_that_somebody_changed_meanwhile_is_not_overwritten(tmp_path):
    """Its rules are one list, so an old copy would take back what another wrote into them."""

    async def story(world: World) -> None:
        versions(world)
        routed(world, "HTTPRoute")
        plan = await world.actions.plan_weight("test", "Deployment", "shop", "pay", 25)
        path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/pay"
        body = {"spec": {"hostnames": ["pay.example"]}}
        await world.client.request("PATCH", path, body=body, content_type="application/merge-patch+json")
        with pytest.raises(Conflict, match="no longer those you saw"):
            await world.operations.execute(plan.id)
        assert world.get("HTTPRoute", "shop", "pay")["spec"]["rules"][0]["backendRefs"][1]["weight"] == 10

    told(tmp_path, story)


def test_what_a_plain_service_cannot_do_is_said_and_a_canary_that_is_not_ready_gets_nothing(tmp_path):
    async def story(world: World) -> None:
        versions(world, ready=0)
        with pytest.raises(Invalid, match="carries no weights: each ready pod gets as much"):
            await world.actions.plan_weight("test", "Deployment", "shop", "pay-canary", 25)
        with pytest.raises(Invalid, match="shares its traffic with no other"):
            await world.actions.plan_weight("test", "Deployment", "shop", "cart", 25)
        routed(world, "HTTPRoute")
        plan = await world.actions.plan_weight("test", "Deployment", "shop", "pay-canary", 25)
        assert rules(plan)["cluster.not_ready"].level == "block"
        with pytest.raises(Denied):
            await world.operations.execute(plan.id)

    told(tmp_path, story)


def rollout(world: World, **status: object) -> None:
    """An Argo Rollout at its first of three steps."""
    steps = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]
    template = {"metadata": {"labels": {"app": "r"}}, "spec": {"containers": [{"name": "main", "image": "r:2"}]}}
    spec = {
        "replicas": 2,
        "strategy": {"canary": {"steps": steps}},
        "selector": {"matchLabels": {"app": "r"}},
        "template": template,
    }
    at = {"currentPodHash": "new", "stableRS": "old", "currentStepIndex": 1, **status}
    made(world, "argoproj.io/v1alpha1", "Rollout", "r", spec=spec, status=at)


R = ("Rollout", "shop", "r")


def test_an_argo_rollout_is_promoted_as_its_own_tool_does_it(tmp_path):
    """A pause is ended; without one the step is skipped; all steps at once; and a rollout that is through has none."""

    async def story(world: World) -> None:
        rollout(world, pauseConditions=[{"reason": "CanaryPauseStep", "startTime": "2026-11-23T01:00:00Z"}])
        plan = await world.actions.plan_promote("test", *R)
        assert all("pauseConditions" in subject and after == "absent" for subject, _, after in effects(plan))
        await world.done(plan)
        assert "pauseConditions" not in world.get(*R)["status"] and world.get(*R)["status"]["currentStepIndex"] == 1
        step = await world.actions.plan_promote("test", *R)
        assert effects(step) == [("Rollout shop/r status.currentStepIndex", "1", "2")]
        full = await world.actions.plan_promote("test", *R, full=True)
        await world.done(full)
        assert world.get(*R)["status"]["promoteFull"] is True
        rollout(world, stableRS="new")
        with pytest.raises(Invalid, match="newest version already"):
            await world.actions.plan_promote("test", *R)
        with pytest.raises(Invalid, match="sets the weights of r itself"):
            await world.actions.plan_weight("test", *R, 20)

    told(tmp_path, story)


def test_an_argo_rollout_is_paused_aborted_and_tried_again(tmp_path):
    async def story(world: World) -> None:
        rollout(world)
        await world.done(await world.actions.plan_pause("test", *R))
        assert world.get(*R)["spec"]["paused"] is True
        await world.done(await world.actions.plan_abort("test", *R))
        assert world.get(*R)["status"]["abort"] is True
        await world.done(await world.actions.plan_pause("test", *R, resume=True))
        assert world.get(*R)["status"]["abort"] is False and world.get(*R)["spec"]["paused"] is False

    told(tmp_path, story)


def test_argo_cd_rolls_back_to_what_it_deployed_before_and_is_followed_to_its_end(tmp_path):
    async def story(world: World) -> None:
        app = dict(world.get("Application", "argocd", "shop"))
        source = {"repoURL": "https://git.example/shop", "path": ".", "targetRevision": "main"}
        entry = {"id": 3, "revision": "0ldc0de", "deployedAt": "2026-11-20T00:00:00Z", "source": source}
        spec = {**app["spec"], "syncPolicy": {"automated": {"enabled": False, "prune": True}}}
        world.server.put({**app, "spec": spec, "status": {**app["status"], "history": [entry]}})
        plan = await world.actions.plan_rollback("test", "argocd", "shop", 3)
        assert effects(plan)[0][0] == "Application shop revision" and effects(plan)[0][2] == "0ldc0de"
        assert "cluster.prune" in rules(plan)
        plan = await world.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        running = asyncio.ensure_future(world.operations.run(plan.id))
        while "operation" not in world.get("Application", "argocd", "shop"):
            await asyncio.sleep(0.01)
        taken = dict(world.get("Application", "argocd", "shop"))  # Argo CD takes it up, and fails
        operation = taken.pop("operation")
        assert operation["sync"] == {"revision": "0ldc0de", "prune": True, "source": source}
        state = {"phase": "Failed", "message": "hook failed", "operation": operation}
        world.server.put({**taken, "status": {**taken["status"], "operationState": state}})
        ended = await running
        assert ended.state == "failed" and "hook failed" in ended.reason
        with pytest.raises(NotFound, match="no deployment 4"):
            await world.actions.plan_rollback("test", "argocd", "shop", 4)

    told(tmp_path, story)
