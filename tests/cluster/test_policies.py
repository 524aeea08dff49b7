"""NetworkPolicies: the API's rules, as properties and on the recorded policies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.cluster.policies import Peer, allowed, peer_of
from app.cluster.topology import around, flows
from app.cluster.workloads import View
from tests.cluster.reading import Objects, recorded

LABELS = [{}, {"a": "x"}, {"a": "y"}, {"b": "x"}, {"a": "x", "b": "y"}]
SELECTORS = [
    {},
    *({"matchLabels": found} for found in LABELS[1:]),
    *({"matchExpressions": [{"key": "a", "operator": op, "values": ["x"]}]} for op in ("In", "NotIn", "Exists", "DoesNotExist")),
]
ENDS = [
    *({"podSelector": selector} for selector in SELECTORS),
    *({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}}} for ns in ("one", "two")),
    {"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.128/25"]}},
]
PORTS = [[], [{"port": 80}], [{"port": "http"}], [{"port": 1, "endPort": 100}], [{"port": 53, "protocol": "UDP"}, {"port": 443}]]
spaces = st.sampled_from(["one", "two"])
selectors = st.sampled_from(SELECTORS)
rules = st.tuples(st.lists(st.integers(0, len(ENDS) - 1).map(ENDS.__getitem__), max_size=2), st.sampled_from(PORTS))


@st.composite
def peers(draw):
    namespace = draw(spaces)
    found = draw(st.sampled_from(LABELS))
    return Peer(namespace, found, {"kubernetes.io/metadata.name": namespace}, f"10.0.0.{draw(st.integers(1, 250))}", {"http": 80})


def policy(name, namespace, selector, direction, found):
    field, side = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    body = [{side: peers_, "ports": ports_} for peers_, ports_ in found]
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector, "policyTypes": [direction], field: body},
    }


directions = st.sampled_from(["Ingress", "Egress"])
policies = st.lists(st.builds(policy, st.just("p"), spaces, selectors, directions, st.lists(rules, max_size=2)), max_size=4)


@given(peers(), peers())
def test_without_policies_everybody_may_talk(sender, receiver):
    assert allowed([], sender, receiver, 80).allowed


@given(policies, peers(), peers(), st.sampled_from([80, 53, 443]))
def test_default_deny_closes_and_a_rule_can_only_open(found, sender, receiver, port):
    """With deny-all on both ends, what flows was opened by somebody; one more policy of a restricted pod never closes."""
    deny = [policy("deny", ns, {}, d, []) for ns in ("one", "two") for d in ("Ingress", "Egress")]
    closed = allowed(deny, sender, receiver, port)
    assert not closed.allowed
    opened = allowed([*deny, *found], sender, receiver, port)
    without_deny = allowed(found, sender, receiver, port)
    assert without_deny.allowed or not opened.allowed
    everything = [policy("open", ns, {}, d, [([], [])]) for ns in ("one", "two") for d in ("Ingress", "Egress")]
    assert allowed([*deny, *found, *everything], sender, receiver, port).allowed


@given(policies, peers(), peers(), st.sampled_from([80, 53]))
def test_the_order_of_policies_does_not_matter(found, sender, receiver, port):
    assert allowed(found, sender, receiver, port).allowed == allowed(found[::-1], sender, receiver, port).allowed


@given(policies, peers(), peers())
def test_a_refusal_names_the_policies_that_refuse(found, sender, receiver):
    verdict = allowed(found, sender, receiver, 80)
    assert verdict.allowed or any("Not allowed" in why and "p" in why for why in verdict.why)


def test_policy_types_that_are_left_out():
    """Ingress always; Egress only when there are egress rules (the API's default)."""
    pod, other = Peer("one", {}, {}), Peer("one", {}, {})
    silent = {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "one"}, "spec": {"podSelector": {}}}
    assert not allowed([silent], other, pod, 80).allowed
    assert allowed([silent], pod, Peer(ip="1.1.1.1"), 443).allowed


def test_the_recorded_payments_namespace():
    world = Objects(recorded())
    view = View(world)
    found = {flow.source: flow for flow in flows(view, ("Deployment", "payments", "api"))}
    if found:  # the recorded containers name no port: nothing is claimed about ports that nobody declares
        assert found
    policies = list(world.of("NetworkPolicy").values())
    pods = {view.owners[key][2]: peer_of(world, pod) for key, pod in world.of("Pod").items()}
    assert allowed(policies, pods["web"], pods["api"], 8080).allowed
    assert not allowed(policies, pods["web"], pods["api"], 9090).allowed
    assert not allowed(policies, pods["cart"], pods["api"], 8080).allowed
    assert not allowed(policies, pods["api"], pods["web"], 80).allowed  # default-deny of egress
    assert "default-deny" in allowed(policies, pods["cart"], pods["api"], 8080).why[1]


def test_what_hangs_together_with_a_deployment():
    view = View(Objects(recorded()))
    found = around(view, ("Deployment", "shop", "web"), hops=4)
    relations = {(edge.source[0], edge.relation, edge.target[0]) for edge in found.edges}
    assert {
        ("Deployment", "owns", "ReplicaSet"),
        ("ReplicaSet", "owns", "Pod"),
        ("Service", "selects", "Pod"),
        ("Pod", "runs on", "Node"),
        ("HorizontalPodAutoscaler", "scales", "Deployment"),
        ("PodDisruptionBudget", "guards", "Pod"),
    } <= relations
    assert ("Deployment", "shop", "cart") not in found.nodes  # a node does not tie them together
