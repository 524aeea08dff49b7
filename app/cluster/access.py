"""What this identity may do, asked of the cluster itself. May list does not imply may watch, so both are asked.

Whether something is allowed everywhere is asked right by right (``SelfSubjectAccessReview``): a list of rules does not tell a rule
of the cluster from one of a namespace. What is not allowed everywhere is then asked of each namespace at once
(``SelfSubjectRulesReview``), and right by right again where the server says that its list is incomplete (webhook authorizers).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.cluster.failures import ApiDenied, ApiError, ApiInvalid, ApiNotFound
from app.cluster.kinds import KINDS

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
AT_ONCE = 8  # reviews in flight: they count against the identity's share of the server
MOST_HOMES = 8  # namespaces that are followed one by one: each costs a connection for every kind
MOST_TRIED = 200  # namespaces of which it is asked whether they may be read
MOST_ASKED = 50  # namespaces of which it is asked what may be done there


class Answered(Protocol):
    """An answer below 400."""

    @property
    def body(self) -> dict[str, Any]:
        """JSON."""


class Asker(Protocol):
    """The part of a connection that asking needs."""

    async def request(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Answered:
        """Ask once."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that may be allowed: a verb on a resource (``pods``, ``pods/log``) of a group, in one namespace or everywhere."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    @property
    def words(self) -> str:
        """``patch deployments.apps in shop``."""
        where = f"in {self.namespace}" if self.namespace else "everywhere"
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''} {where}"

    def within(self, namespace: str) -> Right:
        """The same in one namespace."""
        return Right(self.verb, self.resource, self.group, namespace)


def refusal(user: str, rights: Iterable[Right]) -> str:
    """Why something cannot be done, in the words that a tooltip and the command line share; empty when nothing is missing."""
    missing = [right.words for right in rights]
    return f"{user or 'This identity'} may not {', nor '.join(missing)}." if missing else ""


PATCHED = ("restart", "undo", "pause", "resume", "edit")
SHARERS = ("Service", "Ingress", "HTTPRoute", "VirtualService", "TraefikService")  # what may carry the shares of two versions
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")
_CLUSTER_WIDE = frozenset(kind.plural for kind in KINDS.values() if not kind.namespaced)


def needs(action: str, kind: str, namespace: str = "", carrier: str = "") -> tuple[Right, ...]:
    """The rights behind an action of the console on an object of a kind; empty for a kind that it does not know.

    Args:
        carrier: of an action on two versions that share the traffic, the kind that carries the shares; empty for pods alone.
    """
    found = KINDS.get(kind)
    if found is None:
        return ()
    where = namespace if found.namespaced else ""

    def on(verb: str, name: str = kind, subresource: str = "") -> Right:
        resource = KINDS[name]
        return Right(verb, "/".join(part for part in (resource.plural, subresource) if part), resource.group, where)

    match action:
        case "logs":
            return (on("get", "Pod", "log"),)
        case "run":  # over a WebSocket: a GET, for which servers from v1.35 on ask for create as well
            return (on("create", "Pod", "exec"), on("get", "Pod", "exec"))
        case "port-forward":
            return (on("create", "Pod", "portforward"), on("get", "Pod", "portforward"))
        case "scale":
            return (on("patch", kind, "scale"),)
        case "drain":
            return (on("patch"), Right("create", "pods/eviction"))
        case "delete":
            return (on("delete"),)
        case "sync" | "rollback":
            return (on("patch", "Application"),)
        case "promote" | "abort" | "weight" if kind == "Rollout":
            return (on("patch", kind, "status"),)
        case "promote" if carrier == "Service":
            return (on("patch", carrier),)
        case "promote":
            return (on("patch"), on("patch", carrier) if carrier in SHARERS else on("patch", kind, "scale"))
        case "abort" | "weight":
            return (on("patch", carrier) if carrier in SHARERS else on("patch", kind, "scale"),)
        case _:  # restart, undo, pause, resume, edit, cordon, uncordon
            return (on("patch"),)


def _asked() -> frozenset[Right]:
    """Everything that buttons and menus need to know."""
    wanted = {Right(verb, kind.plural, kind.group) for kind in KINDS.values() for verb in ("list", "watch", "patch")}
    for kind in (*_WORKLOADS, *SHARERS, "Job", "CronJob", "Pod", "Node", "Application", "ConfigMap"):
        wanted |= {*needs("edit", kind), *needs("delete", kind)}
    for kind in ("Deployment", "StatefulSet", "ReplicaSet", "Rollout"):
        wanted |= {*needs("scale", kind)}
    for action in ("logs", "run", "port-forward"):
        wanted |= {*needs(action, "Pod")}
    return frozenset(wanted | {*needs("promote", "Rollout"), *needs("drain", "Node")})


ASKED = _asked()


@dataclass(frozen=True)
class Access:
    """What was asked and answered. ``asked_at``: UTC milliseconds.

    Attributes:
        user: who the cluster says we are; empty when it does not tell (before v1.28).
        namespaces: what is looked into, where a kind may not be read everywhere.
        more: namespaces that could be read as well and are not followed.
        asked: the namespaces where rights were asked that are not given everywhere.
        whole: no namespace is known in which they were not asked.
        applies: whether there is any object, of a kind known here or not, that may be patched, as applying manifests needs.
    """

    user: str = ""
    groups: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    rights: Mapping[Right, bool] = field(default_factory=dict)
    asked_at: int = 0
    more: int = 0
    asked: tuple[str, ...] = ()
    whole: bool = True
    applies: bool = True

    def may(self, verb: str, resource: str, group: str = "", namespace: str = "") -> bool | None:
        """Whether it is allowed there; None when that was not asked."""
        everywhere = self.rights.get(Right(verb, resource, group))
        if everywhere or not namespace:
            return everywhere
        return self.rights.get(Right(verb, resource, group, namespace))

    def may_list(self, kind: str) -> bool | None:
        """Whether a kind may be listed everywhere or in one of the namespaces."""
        return self._anywhere("list", kind)

    def may_watch(self, kind: str) -> bool | None:
        """Whether a kind may be watched everywhere or in one of the namespaces."""
        return self._anywhere("watch", kind)

    def may_act(self, action: str, kind: str, namespace: str = "", carrier: str = "") -> bool | None:
        """Whether all rights of an action are there (``scale``, ``drain``, …); None when that was not asked."""
        answers = [self.may(r.verb, r.resource, r.group, r.namespace) for r in needs(action, kind, namespace, carrier)]
        return None if not answers or None in answers else all(answers)

    def why_not(self, action: str, kind: str, namespace: str = "", carrier: str = "") -> str:
        """Which right an action lacks, in words; empty when it lacks none, or that is not known."""
        wanted = needs(action, kind, namespace, carrier)
        return refusal(self.user, [r for r in wanted if self.may(r.verb, r.resource, r.group, r.namespace) is False])

    def why_nowhere(self, action: str, kind: str) -> str:
        """Why an action can be done in no namespace at all, in words; empty when it can in one, or that is not known."""
        if (
            not self.asked_at
            or not self.whole
            or any(self.may_act(action, kind, space) is not False for space in ("", *self.asked))
        ):
            return ""
        may_not = ", nor ".join(f"{right.verb} {right.resource}" for right in needs(action, kind))
        return f"{self._who} may not {may_not}, {self._places}."

    def why_not_apply(self) -> str:
        """Why no manifest can be applied, in words; empty when one could, or that is not known."""
        return "" if self.applies or not self.whole else f"{self._who} may not patch any object, {self._places}."

    @property
    def _who(self) -> str:
        return self.user or "This identity"

    @property
    def _places(self) -> str:
        named = ", ".join(self.asked[:3])
        more = f" and {len(self.asked) - 3} more" if len(self.asked) > 3 else ""
        return f"neither everywhere nor in {named}{more}" if named else "neither everywhere nor in a namespace"

    def _anywhere(self, verb: str, kind: str) -> bool | None:
        found = KINDS[kind]
        answers = [self.may(verb, found.plural, found.group, space) for space in ("", *self.namespaces)]
        return True if True in answers else answers[0]


async def ask_access(asker: Asker, namespaces: Sequence[str], now: int, more: int = 0) -> Access:
    """Ask who we are and what we may do, everywhere and in some namespaces.

    Raises:
        ApiError: the cluster does not answer, or does not know us.
    """
    user, groups = await _who(asker)
    rights = await ask_rights(asker, ASKED)
    applies = any(allowed and _patches(right) for right, allowed in rights.items())
    refused = [right for right, allowed in rights.items() if not allowed and right.resource.split("/")[0] not in _CLUSTER_WIDE]
    asked, whole = tuple(namespaces), True
    if refused:
        spaces, whole = await _spaces(asker, namespaces)
        asked = ()
        for place, (namespace, rules, all_rules) in enumerate(await _rules(asker, spaces)):
            if not all_rules and place >= MOST_HOMES:
                whole = False  # one question for every right in every namespace would be thousands
                continue
            asked = (*asked, namespace)
            found = {right.within(namespace): any(_grants(rule, right) for rule in rules) for right in refused}
            if not all_rules:
                found |= await ask_rights(asker, [right for right, allowed in found.items() if not allowed])
            rights |= found
            applies = (
                applies or any(map(_lets_patch, rules)) or any(allowed and _patches(right) for right, allowed in found.items())
            )
    return Access(user, groups, tuple(namespaces), rights, now, more, asked, whole, applies)


async def ask_rights(asker: Asker, rights: Iterable[Right]) -> dict[Right, bool]:
    """Ask of each right whether we have it.

    Raises:
        ApiError: the cluster does not answer, or does not tell.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def ask(right: Right) -> tuple[Right, bool]:
        async with limit:
            return right, await _ask(asker, right)

    return dict(await asyncio.gather(*(ask(right) for right in sorted(rights))))


async def refused(asker: Asker, rights: Iterable[Right]) -> str:
    """Which of these rights we lack now, in words; empty when none, or when the cluster does not tell."""
    try:
        answers = await ask_rights(asker, set(rights))
        missing = sorted(right for right, allowed in answers.items() if not allowed)
        return refusal((await _who(asker))[0], missing) if missing else ""
    except (ApiDenied, ApiNotFound, ApiInvalid):
        return ""


async def find_homes(asker: Asker, home: str) -> tuple[tuple[str, ...], int]:
    """The namespaces to look in where the whole cluster may not be read, and how many more there are that could be.

    Args:
        home: of the kubeconfig's context; it is looked in first, and when no other is found.

    Raises:
        ApiError: the cluster does not answer.
    """
    pods = Right("list", "pods")
    if await _ask(asker, pods):
        return (home,), 0
    try:
        listed = await asker.request("GET", KINDS["Namespace"].path(), query={"limit": str(MOST_TRIED)})
    except ApiDenied:
        return (home,), 0
    names = dict.fromkeys((home, *(str(item["metadata"]["name"]) for item in listed.body.get("items") or ())))
    rights = await ask_rights(asker, {pods.within(name) for name in names})
    allowed = [name for name in names if rights[pods.within(name)]]
    return tuple(allowed[:MOST_HOMES]) or (home,), max(0, len(allowed) - MOST_HOMES)


async def _who(asker: Asker) -> tuple[str, tuple[str, ...]]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await asker.request("POST", WHOAMI, body=body)
    except ApiError as error:
        if error.failure.status in (403, 404):
            return "", ()
        raise
    info = (answer.body.get("status") or {}).get("userInfo") or {}
    return str(info.get("username", "")), tuple(info.get("groups") or ())


async def _ask(asker: Asker, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    if right.namespace:
        attributes["namespace"] = right.namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await asker.request("POST", REVIEW, body=body)
    return bool((answer.body.get("status") or {}).get("allowed"))


async def _spaces(asker: Asker, known: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The namespaces to ask about, those that are known first, and whether these are all; who may not list them knows no more."""
    try:
        listed = await asker.request("GET", KINDS["Namespace"].path(), query={"limit": str(MOST_ASKED)})
    except ApiDenied:
        return tuple(known), True
    names = tuple(dict.fromkeys((*known, *(str(item["metadata"]["name"]) for item in listed.body.get("items") or ()))))
    return names, not (listed.body.get("metadata") or {}).get("continue")


async def _rules(asker: Asker, namespaces: Sequence[str]) -> list[tuple[str, Sequence[Mapping[str, Any]], bool]]:
    """Of each namespace the rules for this identity, and whether these are all."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def ask(namespace: str) -> tuple[str, Sequence[Mapping[str, Any]], bool]:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
        async with limit:
            answer = await asker.request("POST", RULES, body=body)
        status = answer.body.get("status") or {}
        return namespace, status.get("resourceRules") or (), not status.get("incomplete")

    return await asyncio.gather(*map(ask, namespaces))


def _patches(right: Right) -> bool:
    """Whether it is the right to patch objects themselves, which is what applying does."""
    return right.verb == "patch" and "/" not in right.resource


def _lets_patch(rule: Mapping[str, Any]) -> bool:
    """Whether a rule lets patch objects of any kind, be it named ones only."""
    return not {"*", "patch"}.isdisjoint(rule.get("verbs") or ()) and any("/" not in name for name in rule.get("resources") or ())


def _grants(rule: Mapping[str, Any], right: Right) -> bool:
    """Whether a rule gives a right on every object of that resource: one for named objects does not."""

    def fits(key: str, *values: str) -> bool:
        return not {"*", *values}.isdisjoint(rule.get(key) or ())

    resource, slash, subresource = right.resource.partition("/")
    names = (right.resource, f"*/{subresource}") if slash else (resource,)
    return (
        not rule.get("resourceNames") and fits("verbs", right.verb) and fits("apiGroups", right.group) and fits("resources", *names)
    )
