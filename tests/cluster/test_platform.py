"""Our own manifests: built by our own build, valid by the API's models, closed but for what is needed, and without a finding."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cluster.health import assess
from app.cluster.manifests import build, content_hash, strategic
from app.cluster.objects import dig, items
from app.cluster.policies import Peer, allowed, peer_of
from app.cluster.recognition import image_parts
from app.cluster.rollouts import StrategyKind, strategies
from app.cluster.schema import problems
from app.cluster.workloads import View
from app.cluster.yamlfile import load
from app.core.errors import Invalid, NotFound
from tests.cluster.reading import NOW, Objects

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = ("local", "staging", "production")
FOLDERS = [*(f"overlays/{name}" for name in OVERLAYS), "argocd", "examples/blue-green", "examples/canary"]


def named(objects, kind, name):
    return next(o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))


# the API's schema, as the official client was generated from it


def schema_document() -> dict[str, Any]:
    """The models of the ``kubernetes`` package as an OpenAPI document: names, types, and what is required."""
    from kubernetes import client

    schemas: dict[str, Any] = {}
    for name in (
        *("Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget", "NetworkPolicy", "Ingress", "Namespace"),
        *("Service", "ServiceAccount", "ConfigMap", "ResourceQuota", "Role", "RoleBinding"),
    ):
        _add(schemas, getattr(client, f"V1{name}"))
    _add(schemas, client.V2HorizontalPodAutoscaler)
    return {"components": {"schemas": schemas}}


def _add(schemas: dict[str, Any], model: Any) -> None:
    whole = model.model_json_schema(by_alias=True)
    for name, schema in {**whole.pop("$defs", {}), model.__name__: whole}.items():
        schemas[name] = _plain(schema)


def _plain(schema: Any) -> Any:
    """Pydantic writes what may be null as a choice, and a number or text as another."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if choices := schema.get("anyOf"):
        kept = [_plain(choice) for choice in choices if choice.get("type") != "null"]
        return kept[0] if len(kept) == 1 else {"x-kubernetes-int-or-string": True}
    return {key: _plain(value) for key, value in schema.items()}


@pytest.fixture(scope="module")
def document():
    return schema_document()


def model_of(obj: dict[str, Any]) -> str:
    group, _, version = obj["apiVersion"].rpartition("/")
    prefix = {
        "": "",
        "apps": "",
        "batch": "",
        "policy": "",
        "autoscaling": "",
        "networking.k8s.io": "",
        "rbac.authorization.k8s.io": "",
    }
    return f"{prefix[group]}{version[0].upper()}{version[1:]}{obj['kind']}"


@pytest.mark.parametrize("folder", [name for name in FOLDERS if name != "argocd"])
def test_every_object_is_valid_by_the_models_of_the_api(folder, document):
    for obj in build(K8S / folder):
        schema = {"$ref": f"#/components/schemas/{model_of(obj)}"}
        assert model_of(obj) in document["components"]["schemas"], obj["kind"]
        found = problems(obj, schema, document)
        assert not found, f"{obj['kind']} {obj['metadata']['name']}: {[str(p) for p in found]}"


def test_the_models_find_what_is_wrong(document):
    """The check itself: a mistyped field, a wrong type and a missing one are told with their paths."""
    obj = copy.deepcopy(named(build(K8S / "overlays/staging"), "Deployment", "mint-worker"))
    container = obj["spec"]["template"]["spec"]["containers"][0]
    container["imagee"] = container.pop("name")
    obj["spec"]["minReadySeconds"] = "5"
    found = {str(p) for p in problems(obj, {"$ref": "#/components/schemas/V1Deployment"}, document)}
    assert "spec.template.spec.containers[0].imagee: is not a field here; did you mean image?" in found
    assert "spec.template.spec.containers[0].name: is missing" in found
    assert "spec.minReadySeconds: must be a whole number, and is “5”" in found


# what runs, as controllers would make it


def running(objects):
    """The objects as an apiserver would hold them, with one ready pod of each workload."""
    world = copy.deepcopy(objects)
    pods = []
    for obj in world:
        meta = obj["metadata"]
        meta.setdefault("creationTimestamp", "2026-11-20T00:00:00Z")
        if obj["kind"] in ("Deployment", "StatefulSet"):
            count = dig(obj, "spec", "replicas", default=1)
            obj["spec"]["replicas"] = count
            obj["status"] = {"replicas": count, "readyReplicas": count, "updatedReplicas": count, "availableReplicas": count}
            template = obj["spec"]["template"]
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T00:00:00Z"}
            pods.append(
                {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "metadata": {
                        "name": f"{meta['name']}-0",
                        "namespace": meta.get("namespace", ""),
                        "labels": template["metadata"]["labels"],
                        "creationTimestamp": "2026-11-20T00:00:00Z",
                        "ownerReferences": [{"kind": obj["kind"], "name": meta["name"], "controller": True}],
                    },
                    "spec": template["spec"],
                    "status": {"phase": "Running", "conditions": [ready]},
                }
            )
    return Objects([*world, *pods])


@pytest.mark.parametrize("name", OVERLAYS)
def test_our_own_health_rules_find_nothing(name):
    health = assess(running(build(K8S / "overlays" / name)), NOW)
    assert [(s.rule, s.kind, s.name, s.title) for s in health.signals] == []
    assert health.score == 100


def test_every_pod_is_as_closed_as_the_restricted_standard_asks():
    for name in OVERLAYS:
        for obj in build(K8S / "overlays" / name):
            template = dig(obj, "spec", "template") or dig(obj, "spec", "jobTemplate", "spec", "template")
            if template is None:
                continue
            spec = template["spec"]
            assert spec["securityContext"]["runAsNonRoot"] is True and spec["automountServiceAccountToken"] is False
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in spec["containers"]:
                own = container["securityContext"]
                assert (
                    own["readOnlyRootFilesystem"]
                    and not own["allowPrivilegeEscalation"]
                    and own["capabilities"] == {"drop": ["ALL"]}
                )
                assert container["resources"]["limits"]["memory"] and image_parts(container["image"])[1] not in ("", "latest")


def test_only_what_is_needed_may_talk():
    world = running(build(K8S / "overlays/production"))
    policies = list(world.of("NetworkPolicy").values())
    spaces = {"kubernetes.io/metadata.name": "azora-production"}
    pods = {name: peer_of(world, pod) for (_, name), pod in world.of("Pod").items()}
    indexer = named(build(K8S / "overlays/production"), "CronJob", "ledger-indexer")["spec"]["jobTemplate"]["spec"]["template"]
    pods["ledger"] = Peer("azora-production", indexer["metadata"]["labels"], spaces)
    node, database, worker, prometheus = (pods[f"{n}-0"] for n in ("rpc-node", "postgres", "mint-worker", "prometheus"))
    signer = Peer("signing", {"app.kubernetes.io/name": "web3signer"}, {"kubernetes.io/metadata.name": "signing"}, "10.9.0.9")
    resolver = Peer("kube-system", {"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"}, "10.9.0.1")
    stranger = Peer("other", {"azora.example/uses-database": "true"}, {"kubernetes.io/metadata.name": "other"}, "10.9.0.2")
    outside = Peer(ip="203.0.113.9")

    def may(sender, receiver, port, protocol="TCP"):
        return allowed(policies, sender, receiver, port, protocol).allowed

    wanted = [(worker, node, 8545), (worker, database, 5432), (pods["ledger"], node, 8545), (pods["ledger"], database, 5432)]
    wanted += [(prometheus, node, 9545), (worker, signer, 9000), (node, outside, 30303), (outside, node, 30303)]
    assert all(may(*flow) for flow in wanted)
    assert all(may(pod, resolver, 53, "UDP") for pod in (node, database, worker, prometheus))
    refused = [(worker, outside, 443), (database, outside, 443), (prometheus, database, 5432), (node, database, 5432)]
    refused += [
        (stranger, database, 5432),
        (outside, node, 8545),
        (worker, node, 9545),
        (database, node, 8545),
        (pods["ledger"], signer, 9000),
    ]
    assert not any(may(*flow) for flow in refused)


def test_roles_have_the_least_rights():
    roles = {o["metadata"]["name"]: o["rules"] for o in build(K8S / "overlays/production") if o["kind"] == "Role"}
    assert {verb for rule in roles["azora-auditor"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    for rules in roles.values():
        assert not any("*" in rule["resources"] + rule["verbs"] + rule["apiGroups"] for rule in rules)
        assert not any("secrets" in rule["resources"] for rule in rules)
    developer = {(resource, verb) for rule in roles["azora-developer"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert not any(verb in ("delete", "create") for resource, verb in developer if resource != "pods/portforward")
    assert not any("exec" in resource for resource, _ in developer)


def test_commands_are_commands_of_this_program():
    from typer.main import get_command

    from app.cli import azora as program

    for obj in build(K8S / "overlays/production"):
        template = dig(obj, "spec", "template") or dig(obj, "spec", "jobTemplate", "spec", "template", default={})
        for container in items(template, "spec", "containers"):
            if "azora/console" not in container["image"]:
                continue
            lines = [container["args"]]
            if probe := dig(container, "readinessProbe", "exec", "command"):
                assert probe[0] == "azora"
                lines.append(probe[1:])
            for line in lines:
                group, rest = get_command(program), list(line)
                known = {opt for p in group.params for opt in p.opts}
                while rest and rest[0].startswith("--"):
                    flag = next(p for p in group.params if rest[0] in p.opts)
                    assert rest[0] in known
                    rest = rest[1 if flag.is_flag else 2 :]
                command = group.commands[rest[0]].commands[rest[1]]
                options = {opt for p in command.params for opt in p.opts}
                assert {word for word in rest[2:] if word.startswith("--")} <= options


def test_the_examples_are_what_they_say():
    def strategies_of(folder):
        objects = build(K8S / "examples" / folder)
        for obj in objects:
            obj["metadata"]["namespace"] = "n"
        return strategies(View(running(objects)))

    (blue_green,) = strategies_of("blue-green")
    assert (blue_green.kind, blue_green.label) == (StrategyKind.BLUE_GREEN, "azora.example/color")
    (canary,) = strategies_of("canary")
    assert (canary.kind, [arm.weight for arm in canary.arms]) == (StrategyKind.CANARY, [90.0, 10.0])


def test_overlays_differ_where_they_should():
    local, production = build(K8S / "overlays/local"), build(K8S / "overlays/production")
    node = named(local, "StatefulSet", "rpc-node")["spec"]["template"]["spec"]
    assert node["containers"][0]["command"] == ["anvil"] and "httpGet" not in node["containers"][0]["readinessProbe"]
    assert [v["name"] for v in node["volumes"]] == ["tmp"]
    assert [e["name"] for e in node["containers"][0]["env"]] == ["HOME"]
    assert named(production, "StatefulSet", "rpc-node")["spec"]["replicas"] == 3
    assert "replicas" not in named(production, "Deployment", "mint-worker")["spec"]  # the autoscaler owns it
    assert {o["metadata"].get("namespace") for o in production if o["kind"] != "Namespace"} == {"azora-production"}


# the build


def test_the_hash_of_a_config_map_is_that_of_kustomize():
    """Answers of ``kubectl kustomize`` (v1.36.4, kustomize v5.8.1)."""
    assert content_hash({}) == "6ct58987ht"
    assert content_hash({"a": "b"}) == "4h2mbtbbt6"
    assert content_hash({"a": "<&>"}) == "m9gb99d79d"
    assert content_hash({"a": "é"}) == "4c5c2ckbg6"
    assert content_hash({"b": "2", "a.yml": "1"}) == "dm8k267kc6"


@pytest.mark.parametrize("file", sorted(K8S.rglob("*.yaml")), ids=lambda file: str(file.relative_to(K8S)))
def test_every_file_is_yaml_to_kubectl_too(file):
    """Its reader, like PyYAML's own, ends a plain value in ``{…}`` at a question mark; libyaml, which ours is, goes past it."""
    assert list(yaml.compose_all(file.read_text(), Loader=yaml.SafeLoader))


def test_a_kustomization_is_built_as_kubectl_builds_it():
    """Names, references, selectors, generated objects and the order of patched lists, against a recorded answer of kubectl."""
    folder = Path(__file__).parents[1] / "data" / "kustomize"
    theirs = {key_of(obj): obj for obj in yaml.safe_load_all((folder / "built.yaml").read_text())}
    ours = {key_of(obj): obj for obj in build(folder)}
    assert ours.keys() == theirs.keys()
    for key, obj in theirs.items():
        assert ours[key] == obj


def key_of(obj: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def test_labels_and_annotations_reach_every_template_that_kustomize_gives_them(tmp_path):
    text = """
resources: [web.yaml]
labels: [{pairs: {team: shop}, includeTemplates: true}]
commonAnnotations: {note: x}
"""
    kinds = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {spec: {containers: []}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}
"""
    db, nightly = build(kustomization(tmp_path / "k", text, web=kinds))
    both = {"labels": {"team": "shop"}, "annotations": {"note": "x"}}
    assert db["spec"]["template"]["metadata"] == both
    assert db["spec"]["volumeClaimTemplates"][0]["metadata"] == {"name": "data", "labels": {"team": "shop"}}
    assert nightly["spec"]["jobTemplate"]["metadata"] == nightly["spec"]["jobTemplate"]["spec"]["template"]["metadata"] == both


def test_a_generated_name_reaches_whoever_uses_it():
    objects = build(K8S / "overlays/staging")
    (config,) = [o for o in objects if o["kind"] == "ConfigMap"]
    assert re.fullmatch(r"prometheus-config-[a-z0-9]{10}", config["metadata"]["name"])
    volumes = named(objects, "StatefulSet", "prometheus")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["configMap"]["name"] == config["metadata"]["name"]
    assert yaml.safe_load(config["data"]["prometheus.yml"])["rule_files"] == ["/etc/prometheus/rules.yml"]


def kustomization(folder: Path, text: str, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content)
    return folder


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers: [{name: main, image: "registry:5000/web:1"}, {name: side, image: side:1}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
"""


def test_prefix_images_replicas_labels_and_patches(tmp_path):
    text = """
resources: [web.yaml]
namePrefix: eu-
images: [{name: "registry:5000/web", newTag: "2"}, {name: side, newName: other/side, digest: "sha256:ab"}]
replicas: [{name: web, count: 4}]
labels: [{pairs: {team: shop}, includeSelectors: true}]
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec: {template: {spec: {containers: [{name: side, $patch: delete}, {name: main, env: [{name: A, value: "1"}]}]}}}
  - target: {kind: Deployment}
    patch: '[{op: add, path: /metadata/annotations, value: {a~1b: x}}]'
"""
    web = build(kustomization(tmp_path / "k", text, web=DEPLOYMENT))[0]
    assert web["metadata"] == {"name": "eu-web", "labels": {"team": "shop"}, "annotations": {"a~1b": "x"}}
    spec = web["spec"]
    assert spec["replicas"] == 4 and spec["selector"]["matchLabels"] == {"app": "web", "team": "shop"}
    assert spec["template"]["metadata"]["labels"] == {"app": "web", "team": "shop"}
    assert spec["template"]["spec"]["serviceAccountName"] == "eu-web"
    assert spec["template"]["spec"]["containers"] == [
        {"name": "main", "image": "registry:5000/web:2", "env": [{"name": "A", "value": "1"}]}
    ]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("resources: [web.yaml]\nhelmCharts: []", Invalid, "helmCharts"),
        ("resources: [missing.yaml]", NotFound, "missing.yaml"),
        ("resources: [web.yaml]\nimages: [web]", Invalid, "kustomization.yaml"),
        ("resources: [web.yaml]\nreplicas: [{name: web}]", Invalid, "count is missing"),
        ("resources: [web.yaml]\nlabels: x", Invalid, "Nothing was built"),
        (
            "resources: [web.yaml]\npatches: [{target: {name: '['}, patch: '[{op: remove, path: /x}]'}]",
            Invalid,
            "Nothing was built",
        ),
        ("resources: [5]", NotFound, "5"),
        ("resources: 5", Invalid, "kustomization.yaml"),
        ("resources: ['https://example.org/x.yaml']", Invalid, "nothing is fetched"),
        ("resources: [web.yaml]\npatches: [{target: {kind: Service}, patch: '[{op: remove, path: /spec}]'}]", Invalid, "no target"),
        (
            "resources: [web.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{op: replace, path: /spec/x/y, value: 1}]'}]",
            Invalid,
            "finds no",
        ),
        ("resources: [.]", Invalid, "includes itself"),
    ],
)
def test_what_cannot_be_built_is_told_and_not_left_out(tmp_path, text, error, says):
    with pytest.raises(error, match=re.escape(says)):
        build(kustomization(tmp_path / "k", text, web=DEPLOYMENT))


def test_strategic_merge_joins_by_key_and_replaces_other_lists():
    old = {"args": ["a"], "ports": [{"containerPort": 1, "name": "x"}, {"containerPort": 2}]}
    new = {"args": ["b"], "ports": [{"containerPort": 1, "name": "y"}]}
    assert strategic(old, new) == {"args": ["b"], "ports": [{"containerPort": 1, "name": "y"}, {"containerPort": 2}]}


def test_yaml_is_read_as_kubernetes_reads_it():
    (obj,) = load("kind: X\nwhen: 2026-01-01T00:00:00Z\nday: 2026-01-01")
    assert (obj["when"], obj["day"]) == ("2026-01-01T00:00:00Z", "2026-01-01")
    assert [o["kind"] for o in load("kind: List\nitems: [{kind: A}, {kind: B}]\n---\n---\nkind: C")] == ["A", "B", "C"]
    laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(Invalid, match="too large"):
        load(laughs)
    for bad in ("a: [", "- a", "just text"):
        with pytest.raises(Invalid):
            load(bad)
