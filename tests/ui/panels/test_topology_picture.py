"""The picture of a topology without a window: what it shows, and where it stands, whatever the cluster looks like."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cluster.health import assess
from app.cluster.topology import Edge, Topology, around, traffic
from app.cluster.workloads import View
from tests.cluster.reading import NOW, Objects, recorded
from ui.panels.cluster.layering import Box, Line, Sizes, arrange, step
from ui.panels.cluster.picturing import CLIENTS, MANY, PODS, Picture, collapsed, picture_of, spot_id

SIZES = Sizes()
calm = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no clock decides here


@st.composite
def graphs(draw):
    """Boxes in up to six columns, and lines between any of them."""
    count = draw(st.integers(1, 24))
    boxes = [Box(f"box {n}", draw(st.integers(0, 5)), draw(st.sampled_from(["", "a", "b"]))) for n in range(count)]
    ends = st.integers(0, count - 1).map(lambda n: f"box {n}")
    lines = draw(st.lists(st.builds(Line, ends, ends, st.sampled_from(["owns", "selects"])), max_size=40))
    return boxes, [line for line in lines if line.source != line.target]


def picture(key, *, objects=None, unread=(), hops=4):
    world = Objects(objects if objects is not None else recorded(), unread=unread)
    view = View(world)
    return picture_of(view, assess(world, NOW), around(view, key, hops=hops, most=300), traffic(view, key), key)


def layout_of(shown: Picture):
    return arrange(shown.boxes, [tie.line for tie in shown.ties], SIZES)


def pod(name, owner, *, ready=True):
    status = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": ready, "state": {"running": {}}}]}
    status["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}]
    meta = {"name": name, "namespace": "shop", "labels": {"app": "web"}, "ownerReferences": owners}
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": [{"name": "main"}], "nodeName": "node-a"}, "status": status}


def many(count, sick):
    """A Deployment of so many pods; the first ``sick`` are not ready."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main"}]}}
    deployment = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": template}}
    owned = {"name": "web-1", "namespace": "shop", "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]}
    replicas = {"kind": "ReplicaSet", "metadata": owned, "spec": {"template": template}}
    return [deployment, replicas, *(pod(f"web-1-{n:03}", "web-1", ready=n >= sick) for n in range(count))]


# where it stands


@calm
@given(graphs())
def test_no_box_overlaps_another_and_none_has_a_negative_place(graph):
    boxes, lines = graph
    layout = arrange(boxes, lines, SIZES)
    places = [layout.places[box.id] for box in boxes]
    assert min(place.y for place in places) > -0.01 and max(place.y + place.height for place in places) < layout.height + 0.01
    for column in {box.column for box in boxes}:
        stacked = sorted(place.y for place in places if place.column == column)
        assert all(below - above >= SIZES.height + SIZES.down - 0.01 for above, below in pairwise(stacked))
    lefts = [layout.columns[column] for column in sorted(layout.columns)]
    assert all(right - left > SIZES.width for left, right in pairwise(lefts))


@calm
@given(graphs())
def test_lines_run_from_box_to_box_and_pass_behind_none(graph):
    boxes, lines = graph
    layout = arrange(boxes, lines, SIZES)
    assert [route.line for route in layout.routes] == list(dict.fromkeys(lines))
    for route in layout.routes:
        source, target = layout.places[route.line.source], layout.places[route.line.target]
        assert (
            source.y <= route.points[0][1] <= source.y + source.height
            and target.y <= route.points[-1][1] <= target.y + target.height
        )
        for (left, level), (right, _) in list(pairwise(route.points))[1::2]:  # straight through a column
            assert right - left == SIZES.width
            there = [place for place in layout.places.values() if place.x == left]
            assert not any(place.y + 0.01 < level < place.y + place.height - 0.01 for place in there)
    labelled = {route.line.label for route in layout.routes if route.label_at is not None}
    assert labelled == {line.label for line in lines}


@calm
@given(graphs())
def test_the_same_input_gives_the_same_picture(graph):
    assert arrange(*graph, SIZES) == arrange(*graph, SIZES)


@calm
@given(graphs(), st.data())
def test_arrow_keys_stay_in_the_picture_and_go_where_they_point(graph, data):
    layout = arrange(*graph, SIZES)
    at = data.draw(st.sampled_from(sorted(layout.places)))
    here = layout.places[at]
    for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        to = layout.places[step(layout, at, across, down)]
        assert to == here or ((to.x - here.x) * across > 0 if across else (to.y - here.y) * down > 0 and to.x == here.x)
    ways = [(step(layout, at, 0, 1), -1), (step(layout, at, 0, -1), 1)]
    assert all(step(layout, there, 0, back) == at for there, back in ways if there != at)


def test_three_hundred_boxes_are_placed_without_a_lane_for_each_line():
    """A Service that selects 290 pods has one lane through the columns between, so the picture is no higher than its pods."""
    boxes = [Box("service", 2), Box("deployment", 3), Box("rs", 4), *(Box(f"pod {n}", 5, "rs") for n in range(290))]
    lines = [Line("deployment", "rs", "owns")]
    lines += [Line(source, f"pod {n}", label) for n in range(290) for source, label in (("rs", "owns"), ("service", "selects"))]
    layout = arrange(boxes, lines, SIZES)
    assert layout.height == 290 * SIZES.height + 289 * SIZES.down
    assert {len(route.points) for route in layout.routes} == {2, 6}
    assert sum(route.label_at is not None for route in layout.routes) == 3


# what it shows


def test_every_line_of_the_recorded_cluster_points_to_the_right():
    world = Objects(recorded())
    view, health = View(world), assess(world, NOW)
    for line in view.workloads:
        shown = picture_of(view, health, around(view, line.key, hops=4), traffic(view, line.key), line.key)
        columns = {spot.id: spot.column for spot in shown.spots}
        assert all(columns[tie.source] < columns[tie.target] or tie.label == "owns" for tie in shown.ties)
        assert shown.start in columns
        assert len(layout_of(shown).places) == len(shown.spots)


def test_around_a_node_are_its_pods_of_every_namespace_and_their_owners():
    shown = picture(("Node", "", "node-c"))
    assert {spot.key[1] for spot in shown.spots if spot.column == PODS} > {"payments", "shop"}
    assert {"Deployment", "ReplicaSet", "StatefulSet"} <= {spot.kind for spot in shown.spots}
    assert {tie.source for tie in shown.ties if tie.target == shown.start} == {s.id for s in shown.spots if s.column == PODS}


def test_an_owner_may_stand_behind_what_it_owns():
    """A Node owns the mirror pods of its static manifests: the one line that goes to the left."""
    owns, runs = Edge(("Node", "", "n"), "owns", ("Pod", "a", "p")), Edge(("Pod", "a", "p"), "runs on", ("Node", "", "n"))
    view = View(Objects([]))
    found = Topology((owns.source, owns.target), (owns, runs), ())
    shown = picture_of(view, assess(view.reading, NOW), found, None, owns.target)
    backward, forward = layout_of(shown).routes
    assert backward.points[0][0] > backward.points[-1][0] and forward.points[0][0] < forward.points[-1][0]


def test_who_may_connect_and_that_all_else_is_denied():
    shown = picture(("Deployment", "payments", "api"))
    clients = {spot.title: spot for spot in shown.spots if spot.column == CLIENTS}
    assert set(clients) == {"web", "Everybody else"}
    assert clients["web"].key == ("Deployment", "shop", "web")
    ties = {tie.source: tie for tie in shown.ties if tie.target == shown.start}
    assert (ties[clients["web"].id].label, ties[clients["web"].id].tone) == (":8080", "allowed")
    assert (ties["everybody"].label, ties["everybody"].tone) == ("denied :8080", "denied")
    assert "all else is denied by default (allow-shop-to-api, default-deny)" in shown.said
    assert "No workload may connect" in picture(("Deployment", "payments", "fraud")).said
    open_ = picture(("Deployment", "shop", "cart")).said
    assert open_.startswith("No network policy restricts who may connect to port 8080 of cart; 4 workloads may not send to it")
    assert "it may send" not in open_


def test_what_a_restricted_workload_may_send_to_is_said():
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "ledger"}}}], "ports": [{"port": 8080}]}
    spec = {"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Egress"], "egress": [rule]}
    out = {"kind": "NetworkPolicy", "metadata": {"name": "out", "namespace": "payments"}, "spec": spec}
    into = {"kind": "NetworkPolicy", "metadata": {"name": "in", "namespace": "payments"}}
    into["spec"] = {"podSelector": {"matchLabels": {"app": "ledger"}}, "policyTypes": ["Ingress"], "ingress": [{}]}
    key = ("Deployment", "payments", "api")
    assert "it may send to none (default-deny)." in picture(key).said
    assert "it may send to none (default-deny, out)." in picture(key, objects=[*recorded(), out]).said  # not let in there
    assert "it may send to ledger :8080 (default-deny, out)." in picture(key, objects=[*recorded(), out, into]).said
    lets = picture(("Deployment", "payments", "ledger"), objects=[*recorded(), into]).said
    assert "A network policy lets everybody connect to port 8080 of ledger" in lets


def test_of_policies_that_were_not_read_nothing_is_claimed():
    shown = picture(("Deployment", "payments", "api"), unread=("NetworkPolicy",))
    assert not [spot for spot in shown.spots if spot.column == CLIENTS]
    assert "could not be read" in shown.said


def test_boxes_say_how_their_objects_are():
    shown = {spot.id: spot for spot in picture(("Deployment", "payments", "api")).spots}
    assert shown["Deployment/payments/api"].state == "err"
    assert {spot.state for spot in shown.values() if spot.column == PODS} == {"err"}
    assert "CrashLoopBackOff" in " ".join(spot.words for spot in shown.values())
    ghosts = [spot for spot in picture(("HorizontalPodAutoscaler", "shop", "ghost")).spots if spot.note == "missing"]
    assert all(spot.state == "err" and "does not exist" in spot.words for spot in ghosts)


def test_many_pods_of_an_owner_become_one_box_by_health_and_can_be_opened():
    key = ("Deployment", "shop", "web")
    whole = picture(key, objects=many(MANY + 20, sick=3))
    few = collapsed(whole)
    groups = {spot.title: spot for spot in few.spots if spot.several > 1}
    assert set(groups) == {f"{MANY + 17} pods", "3 pods"}
    assert groups["3 pods"].state == "warn" and groups[f"{MANY + 17} pods"].state == "ok"
    assert "of web-1" in groups["3 pods"].words
    assert sum(spot.several for spot in few.spots) == len(whole.spots)
    assert {tie.target for tie in few.ties if tie.label == "owns" and tie.source == "ReplicaSet/shop/web-1"} == {
        spot.id for spot in groups.values()
    }
    opened = collapsed(whole, {groups["3 pods"].id})
    assert sum(spot.column == PODS for spot in opened.spots) == 4
    assert collapsed(picture(key, objects=many(MANY, sick=3))) == picture(key, objects=many(MANY, sick=3))


@settings(calm, max_examples=20)
@given(st.integers(0, 59))
def test_the_object_that_is_looked_at_is_never_hidden_in_a_group(number):
    key = ("Pod", "shop", f"web-1-{number:03}")
    shown = collapsed(picture(key, objects=many(60, sick=5)))
    assert shown.start == spot_id(key) and any(spot.id == shown.start and spot.several == 1 for spot in shown.spots)


def test_what_is_left_out_is_said():
    world = View(Objects(many(60, sick=0)))
    cut = around(world, ("Deployment", "shop", "web"), most=20)
    assert cut.more and len(cut.nodes) == 20
    assert not around(world, ("Deployment", "shop", "web"), most=100).more
    shown = picture_of(world, assess(world.reading, NOW), cut, None, ("Deployment", "shop", "web"))
    assert shown.said == "Only the nearest 20 objects are drawn."
