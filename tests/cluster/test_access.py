"""What an identity may do: asked right by right, read from rules, and said in the same words by buttons, plans and commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cluster.access import Access, Right, _grants, ask_access, needs
from app.core.errors import Denied
from tests.cluster.acting import World, told
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.aside import served
from tests.cluster.conftest import connected

RECORDED = Path(__file__).parents[1] / "data" / "cluster" / "recorded" / "auth" / "ssrr.json"
READS = Rule(("get", "list", "watch"), ("*",), ("*",))


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}, True),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["*/scale"]}, True),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]}, False),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}, False),
        ({"verbs": ["patch"], "apiGroups": [""], "resources": ["deployments/scale"]}, False),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": ["web"]}, False),
    ],
)
def test_a_rule_gives_what_it_names_on_every_object_and_no_more(rule, granted):
    assert _grants(rule, Right("patch", "deployments/scale", "apps")) is granted


def test_the_recorded_rules_let_alice_list_pods_and_not_watch_them():
    rules = json.loads(RECORDED.read_text(encoding="utf-8"))["status"]["resourceRules"]
    allowed = {verb: any(_grants(rule, Right(verb, "pods")) for rule in rules) for verb in ("get", "list", "watch", "delete")}
    assert allowed == {"get": True, "list": True, "watch": False, "delete": False}


def test_what_was_not_asked_is_neither_allowed_nor_refused():
    assert Access().may_act("scale", "Deployment", "shop") is None
    assert Access().why_not("scale", "Deployment", "shop") == ""
    assert needs("edit", "Gadget") == ()


@pytest.mark.parametrize("incomplete", [False, True])
@pytest.mark.asyncio
async def test_rights_of_one_namespace_are_known_there_also_where_the_list_of_rules_is_not_whole(server, tmp_path, incomplete):
    """A webhook authorizer lists nothing and says so; each right is then asked for."""
    server.users["bob"] = User("bob", rules=(Rule(("patch",), ("deployments/scale",), ("apps",), "shop"),))
    server.faults.incomplete_rules = incomplete
    async with connected(server, tmp_path, token="bob") as connection:
        access = await ask_access(connection, ("shop", "payments"), 1)
    assert access.may_act("scale", "Deployment", "shop") is True
    assert access.may_act("scale", "Deployment", "payments") is False
    assert access.why_not("restart", "Deployment", "shop") == "bob may not patch deployments.apps in shop."


@pytest.mark.parametrize(
    ("rules", "applies", "forwards"),
    [
        ((READS,), False, False),
        ((READS, Rule(("patch",), ("deployments/scale",), ("apps",))), False, False),  # to scale is not to apply
        ((READS, Rule(("patch",), ("secrets",))), True, False),
        ((READS, Rule(("patch",), ("gadgets",), ("example.com",), "payments")), True, False),  # a kind that is not known here
        ((READS, Rule(("*",), ("pods/portforward",), ("",), "payments")), False, True),
        ((Rule(("*",), ("*",), ("*",), "shop"),), True, True),
    ],
)
@pytest.mark.asyncio
async def test_what_can_be_done_nowhere_is_told_from_what_can_be_done_in_one_namespace(server, tmp_path, rules, applies, forwards):
    """Reading everywhere says nothing of changing in one namespace: every namespace that can be listed is asked about."""
    server.users["bob"] = User("bob", rules=rules)
    async with connected(server, tmp_path, token="bob") as connection:
        access = await ask_access(connection, ("shop",), 1)
    assert access.why_not_apply() == ("" if applies else f"bob may not patch any object, {access._places}.")
    why = f"bob may not create pods/portforward, nor get pods/portforward, {access._places}."
    assert access.why_nowhere("port-forward", "Pod") == ("" if forwards else why)


@pytest.mark.parametrize("incomplete", [False, True])
@pytest.mark.asyncio
async def test_of_more_namespaces_than_are_asked_about_nothing_is_refused_beforehand(server, tmp_path, monkeypatch, incomplete):
    """Where rules are not all, one question per right is asked in few namespaces only; of the others nothing is known."""
    server.users["bob"] = User("bob", rules=(READS,))
    server.faults.incomplete_rules = incomplete
    monkeypatch.setattr("app.cluster.access.MOST_HOMES" if incomplete else "app.cluster.access.MOST_ASKED", 2)
    async with connected(server, tmp_path, token="bob") as connection:
        access = await ask_access(connection, ("shop",), 1)
    assert access.asked[0] == "shop" and len(access.asked) in (2, 3)
    assert access.why_not_apply() == access.why_nowhere("port-forward", "Pod") == ""
    assert access.may_act("scale", "Deployment", "shop") is False
    assert access.may_act("scale", "Deployment", "elsewhere") is None


def test_a_plan_is_refused_before_it_is_made_in_the_words_of_the_button(tmp_path):
    async def story(world: World) -> None:
        world.server.users["admin"] = User("bob", rules=(READS,))
        access = await ask_access(world.client, ("shop",), 1)
        with pytest.raises(Denied) as caught:
            await world.actions.plan_scale("test", "Deployment", "shop", "cart", 5)
        assert caught.value.message == f"{access.why_not('scale', 'Deployment', 'shop')} Nothing was planned."
        for refused in (
            world.actions.plan_sync("test", "argocd", "shop"),
            world.actions.plan_exec("test", "shop", "db-0", ["true"]),
            world.actions.plan_drain("test", "node-b"),
        ):
            with pytest.raises(Denied, match="bob may not"):
                await refused
        assert not [line for line in world.server.requests if line.startswith("PATCH")]

    told(tmp_path, story)


def test_the_command_line_refuses_early_in_the_same_words(azora, home, tmp_path):
    with served() as server:
        server.users["bob"] = User("bob", rules=(READS,))
        azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config", token="bob"))}
        refused = azora("--yes", "cluster", "scale", "deploy/cart", "--replicas", "3", "-n", "shop", expect=5)
        assert "bob may not patch deployments/scale.apps in shop. Nothing was planned." in refused.err
        assert server.objects("Deployment")["shop", "cart"]["spec"]["replicas"] == 2
