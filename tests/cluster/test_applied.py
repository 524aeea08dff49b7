"""Our platform's manifests, applied by the console itself; and the rights that their roles give, held against its buttons."""

from __future__ import annotations

import pytest

from app.cluster.access import _grants, needs
from app.cluster.actions import Ref
from app.cluster.manifests import build
from tests.cluster.acting import World, told
from tests.cluster.test_platform import K8S, OVERLAYS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_applied_as_one_plan_and_applying_it_again_changes_nothing(tmp_path, overlay):
    objects = build(K8S / "overlays" / overlay)

    async def story(world: World) -> None:
        plan = await world.actions.plan_apply("test", objects)
        assert not plan.preview.error and not plan.preview.blocked
        ended = await world.done(plan)
        assert ended.receipt.matches
        for obj in objects:
            ref = Ref.of(obj)
            made = world.get(ref.kind, ref.namespace, ref.name)
            assert {entry["manager"] for entry in made["metadata"]["managedFields"]} == {"azora-console"}, ref.label
        again = await world.actions.plan_apply("test", objects)
        assert again.preview.effects == () and "Nothing differs" in again.preview.notes[0]

    told(tmp_path, story)


ADMINISTRATOR = [
    *[(verb, kind) for kind in ("Deployment", "StatefulSet") for verb in ("scale", "restart", "undo", "pause", "edit", "delete")],
    *[("delete", "Pod"), ("logs", "Pod"), ("run", "Pod"), ("port-forward", "Pod"), ("edit", "Service"), ("edit", "Ingress")],
    *[("promote", "Rollout"), ("scale", "Rollout"), ("sync", "Application")],
]
DEVELOPER = [
    *[(verb, kind) for kind in ("Deployment", "StatefulSet") for verb in ("scale", "restart", "undo", "pause", "edit")],
    *[("logs", "Pod"), ("port-forward", "Pod")],
]


@pytest.mark.parametrize(("role", "offered"), [("administrator", ADMINISTRATOR), ("developer", DEVELOPER), ("auditor", [])])
def test_a_role_of_the_platform_gives_what_its_buttons_need_and_no_more(role, offered):
    objects = build(K8S / "overlays" / "production")
    rules = [
        rule for obj in objects if obj["kind"] == "Role" and obj["metadata"]["name"] == f"azora-{role}" for rule in obj["rules"]
    ]
    assert rules or role == "auditor"

    def may(verb: str, kind: str) -> bool:
        return all(any(_grants(rule, right) for rule in rules) for right in needs(verb, kind, "x"))

    assert [(verb, kind) for verb, kind in offered if not may(verb, kind)] == []
    assert [(verb, kind) for verb, kind in ADMINISTRATOR if (verb, kind) not in offered and may(verb, kind)] == []
