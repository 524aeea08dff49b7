"""A custom resource may hold anything, and what a controller has not filled in is missing: an odd object costs itself only.

Each example takes one object of a cluster and puts something else, or nothing, in the place of one or two of its values.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.cluster.access import Access
from app.cluster.contexts import Context, Environment
from app.cluster.fleet import fleet_row, search
from app.cluster.health import assess
from app.cluster.store import Snapshot
from tests.cluster.reading import NOW, recorded
from tests.cluster.test_rules import thing
from ui.panels.cluster.reading import read_page

ODD = (5, 0.5, True, "x", [], {}, [5], ["x"], {"a": 1})
CONTEXT = Context("c", "https://c", "c", "u", "default", "token", "file", Environment.LOCAL)
FACTS = {
    "environment": "test",
    "read_only": False,
    "live": True,
    "version": "v",
    "note": "",
    "context": "c",
    "known_at": NOW,
    "access": Access(),
}


def custom() -> list[dict[str, Any]]:
    """Custom resources that the console reads."""
    (web,) = [o for o in recorded() if o["kind"] == "Deployment" and o["metadata"]["name"] == "web"]
    steps = [{"setWeight": 20}, {"pause": {}}, {"setCanaryScale": {"replicas": 1}}]
    rollout = copy.deepcopy(web) | {"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}
    rollout["spec"]["strategy"] = {"canary": {"steps": steps}}
    rollout["status"] = {
        "currentStepIndex": 1,
        "stableRS": "a",
        "currentPodHash": "b",
        "pauseConditions": [{"reason": "CanaryPauseStep"}],
        "canary": {"weights": {"canary": {"weight": 20}}},
    }
    refs = [{"name": "web", "port": 80, "weight": 90}, {"name": "cart", "port": 80, "weight": 10}]
    routes = [{"destination": {"host": r["name"], "subset": "a"}, "weight": r["weight"]} for r in refs]
    return [
        *[o for o in recorded() if o["kind"] == "Application"],
        rollout,
        thing("Certificate", "c", "shop", status={"notAfter": "2026-11-25T00:00:00Z", "renewalTime": "2026-11-24T00:00:00Z"}),
        thing("HTTPRoute", "h", "shop", spec={"hostnames": ["a"], "rules": [{"backendRefs": refs}]}),
        thing("VirtualService", "v", "shop", spec={"http": [{"route": routes}]}),
        thing("DestinationRule", "d", "shop", spec={"host": "web", "subsets": [{"name": "a", "labels": {"x": "y"}}]}),
        thing("TraefikService", "t", "shop", spec={"weighted": {"services": refs}}),
    ]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(inner, (*path, key))


def spoil(obj: dict[str, Any], chance: random.Random, *, anything: bool) -> None:
    """One value of an object becomes another, or is missing. What the API server itself checks stays of its kind."""
    known = [path for path in paths(obj) if path[0] in ("spec", "status", "data") or path[:2] == ("metadata", "labels")]
    path = chance.choice(known) if known else ()
    if not path:
        return
    holder: Any = obj
    for step in path[:-1]:
        holder = holder[step]
    how = chance.choice(["missing", "empty", *(["odd"] * 2 if anything and path[0] != "metadata" else [])])
    if how == "odd":
        holder[path[-1]] = chance.choice(ODD)
    elif how == "empty":
        holder[path[-1]] = type(holder[path[-1]])()
    else:
        del holder[path[-1]]


def shown(objects: list[dict[str, Any]], odd: dict[str, Any]) -> None:
    """Everything that the room and the panel read of a cluster with an odd object among others."""
    snapshot = Snapshot.of_objects([*objects, odd])
    health = assess(snapshot, NOW)
    read_page(snapshot, health, FACTS, "", (odd["kind"], odd["metadata"].get("namespace", ""), odd["metadata"]["name"]), NOW)
    assert list(search("c", Environment.LOCAL, snapshot, "shop", frozenset()))
    fleet_row(CONTEXT, snapshot, health)


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_object_costs_itself_only(seed):
    chance = random.Random(seed)
    built_in = [obj for obj in recorded() if obj["kind"] not in ("Event", "Application")]
    of_others = custom()
    by_kind = {obj["kind"]: obj for obj in chance.sample(built_in, len(built_in))}
    for obj in [*by_kind.values(), *of_others * 8]:
        odd = copy.deepcopy(obj)
        for _ in range(chance.choice((1, 2))):
            spoil(odd, chance, anything=obj in of_others)
        rest = [other for other in chance.sample(built_in, 60) if other["metadata"]["name"] != odd["metadata"]["name"]]
        shown(rest + [other for other in of_others if other is not obj], odd)
