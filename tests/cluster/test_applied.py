"""Our platform's manifests, applied by the console itself; and the rights that their roles give, held against its buttons."""

from __future__ import annotations

import pytest

from app.cluster.access import _grants, needs
from app.cluster.actions import Ref
from app.cluster.manifests import build
from app.cluster.yamlfile import dump, load
from app.core.errors import Invalid
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


def test_a_fraction_in_a_manifest_is_planned_and_sent_as_a_number(tmp_path):
    """Half a processor is written so in most clusters; a plan's hash knows no fractions."""
    manifest = """
apiVersion: v1
kind: Pod
metadata: {name: half, namespace: shop}
spec: {containers: [{name: main, image: "x:1", resources: {requests: {cpu: 0.5}}}]}
"""

    async def story(world: World) -> None:
        plan = await world.actions.plan_apply("test", manifest)
        assert not plan.preview.error
        await world.done(plan)
        (container,) = world.get("Pod", "shop", "half")["spec"]["containers"]
        assert container["resources"]["requests"]["cpu"] == 0.5
        history = [{"id": 3, "revision": "0ldc0de", "source": {"helm": {"valuesObject": {"cpu": 0.5}}}}]
        app = world.get("Application", "argocd", "shop")
        spec = {**app["spec"], "syncPolicy": {}}
        world.server.put({**app, "spec": spec, "status": {**app["status"], "history": history}})
        back = await world.actions.plan_rollback("test", "argocd", "shop", 3)
        assert back.preview.effects[0].after == "0ldc0de"

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12:30", "12:30"), ("1:2:3.5", "1:2:3.5"), ("0.5", 0.5), ("0644", 420), ("2026-11-26", "2026-11-26"), ("1_000", 1000)],
)
def test_a_value_is_read_as_kubernetes_reads_it(text, value):
    assert load(f"a: {text}") == [{"a": value}]
    assert load(dump({"a": value})) == [{"a": value}]


def test_keys_are_text_and_a_merged_key_may_be_given_again():
    assert load("1: a\nmore: {true: b}") == [{"1": "a", "more": {"true": "b"}}]
    assert load("x: &x {p: 1, q: 2}\ny: {<<: *x, p: 3}")[0]["y"] == {"p": 3, "q": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: {a: 1, a: 2}", "the key “a” stands twice"),
        ("kind: List\nitems: [1]", "not an object"),
        ("- kind: Pod", "not an object"),
        ("a: .nan", "JSON"),
        ("a: !!binary aGk=", "JSON"),
        ("a: &a [*a]", "too large"),
        (
            "a: &a [x, x]\n"
            + "".join(f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]\n" for m, n in zip("abcdefg", "bcdefgh", strict=True)),
            "too large",
        ),
        ("a:\n\tb: 1", "line 2"),
    ],
)
def test_what_would_be_read_otherwise_than_it_is_written_is_refused(text, said):
    with pytest.raises(Invalid) as refused:
        load(text, "shop.yaml")
    assert said in str(refused.value) and "shop.yaml" in str(refused.value)
