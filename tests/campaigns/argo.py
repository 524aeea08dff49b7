"""The definitions of Argo CD's Application and Argo Rollouts' Rollout, as far as the console reads and writes them.

Structural, so that a server prunes and refuses what is not in them. Like Argo's own, an Application has no status subresource and a
Rollout has one, and a scale.
"""

from __future__ import annotations

from typing import Any

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TIME = {"type": "string", "format": "date-time"}
ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


SOURCE = _object(repoURL=TEXT, path=TEXT, chart=TEXT, targetRevision=TEXT)
OPERATION = _object(
    initiatedBy=_object(username=TEXT, automated=FLAG),
    info=_list(_object(name=TEXT, value=TEXT)),
    sync=_object(revision=TEXT, prune=FLAG, source=SOURCE),
)
APPLICATION = _object(
    spec=_object(
        project=TEXT,
        source=SOURCE,
        destination=_object(server=TEXT, namespace=TEXT),
        syncPolicy=_object(automated=_object(prune=FLAG, selfHeal=FLAG, enabled=FLAG)),
    ),
    operation=OPERATION,
    status=_object(
        sync=_object(status=TEXT, revision=TEXT),
        health=_object(status=TEXT, message=TEXT),
        reconciledAt=TIME,
        resources=_list(
            _object(kind=TEXT, group=TEXT, version=TEXT, namespace=TEXT, name=TEXT, status=TEXT, health=_object(status=TEXT))
        ),
        history=_list(_object(id=NUMBER, revision=TEXT, deployedAt=TIME, source=SOURCE)),
        operationState=_object(
            phase=TEXT, message=TEXT, startedAt=TIME, operation=OPERATION, syncResult=_object(revision=TEXT, source=SOURCE)
        ),
    ),
)
ROLLOUT = _object(
    spec=_object(
        replicas=NUMBER,
        paused=FLAG,
        restartAt=TIME,
        selector=ANY,
        template=ANY,
        strategy=_object(canary=_object(steps=_list(ANY)), blueGreen=_object(activeService=TEXT, previewService=TEXT)),
    ),
    status=_object(
        phase=TEXT,
        message=TEXT,
        abort=FLAG,
        promoteFull=FLAG,
        currentStepIndex=NUMBER,
        currentPodHash=TEXT,
        stableRS=TEXT,
        observedGeneration=TEXT,
        replicas=NUMBER,
        readyReplicas=NUMBER,
        updatedReplicas=NUMBER,
        availableReplicas=NUMBER,
        selector=TEXT,
        pauseConditions=_list(_object(reason=TEXT, startTime=TIME)),
        conditions=_list(_object(type=TEXT, status=TEXT, reason=TEXT, message=TEXT)),
    ),
)


def definition(kind: str, plural: str, schema: dict[str, Any], **subresources: Any) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind of ``argoproj.io/v1alpha1``."""
    known = {"apiVersion": TEXT, "kind": TEXT, "metadata": {"type": "object"}, **schema["properties"]}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": known}},
        "subresources": subresources,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


DEFINITIONS = (
    definition("Application", "applications", APPLICATION),
    definition(
        "Rollout",
        "rollouts",
        ROLLOUT,
        status={},
        scale={
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    ),
)


def application(name: str) -> dict[str, Any]:
    """An Application of which one resource differs from Git, as Argo CD would describe it."""
    deployed = [
        {"id": number, "revision": f"{number}" * 40, "deployedAt": f"2026-11-26T0{number}:00:00Z", "source": _source()}
        for number in (1, 2)
    ]
    resource = {"kind": "Deployment", "group": "apps", "version": "v1", "namespace": "shop"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"project": "default", "source": _source(), "destination": {"namespace": "shop"}},
        "status": {
            "sync": {"status": "OutOfSync", "revision": "2" * 40},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-11-26T08:00:00Z",
            "resources": [
                {**resource, "name": "web", "status": "OutOfSync", "health": {"status": "Healthy"}},
                {**resource, "name": "db", "status": "Synced"},
            ],
            "history": deployed,
        },
    }


def _source() -> dict[str, Any]:
    return {"repoURL": "https://git.example/shop", "path": "deploy", "targetRevision": "main"}


def rollout(name: str) -> dict[str, Any]:
    """A canary that stands at its first pause."""
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "web:2"}]}}
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "10m"}}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"app": name}},
            "template": pod,
            "strategy": {"canary": {"steps": steps}},
        },
    }


PAUSED_STATUS = {
    "phase": "Paused",
    "message": "CanaryPauseStep",
    "currentStepIndex": 1,
    "currentPodHash": "new",
    "stableRS": "old",
    "observedGeneration": "1",
    "replicas": 5,
    "readyReplicas": 5,
    "updatedReplicas": 1,
    "availableReplicas": 5,
    "selector": "app=canary",
    "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-26T08:00:00Z"}],
}
