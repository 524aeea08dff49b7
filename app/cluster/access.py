"""What this identity may do, asked of the cluster itself. May list does not imply may watch, so both are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.cluster.client import Connection
from app.cluster.failures import ApiError
from app.cluster.kinds import KINDS

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
AT_ONCE = 8  # reviews in flight: they count against the identity's share of the server


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


# The verbs behind each action of the console; an action is offered when all of its rights are there.
ACTIONS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "logs": (("get", "pods/log", ""),),
    "exec": (("create", "pods/exec", ""),),
    "port-forward": (("create", "pods/portforward", ""),),
    "scale": (("patch", "deployments", "apps"),),
    "restart": (("patch", "deployments", "apps"),),
    "restart StatefulSet": (("patch", "statefulsets", "apps"),),
    "restart DaemonSet": (("patch", "daemonsets", "apps"),),
    "cordon": (("patch", "nodes", ""),),
    "drain": (("patch", "nodes", ""), ("create", "pods/eviction", "")),
    "delete pod": (("delete", "pods", ""),),
    "delete deployment": (("delete", "deployments", "apps"),),
    "sync": (("patch", "applications", "argoproj.io"),),
    "promote": (("patch", "rollouts", "argoproj.io"),),
}


@dataclass(frozen=True)
class Access:
    """What was asked and answered. ``asked_at``: UTC milliseconds.

    Attributes:
        user: who the cluster says we are; empty when it does not tell (before v1.28).
        namespace: where rights were asked when they are not given everywhere.
    """

    user: str = ""
    groups: tuple[str, ...] = ()
    namespace: str = ""
    rights: Mapping[Right, bool] = field(default_factory=dict)
    asked_at: int = 0

    def may(self, verb: str, resource: str, group: str = "", namespace: str = "") -> bool | None:
        """Whether it is allowed there; None when that was not asked."""
        everywhere = self.rights.get(Right(verb, resource, group))
        if everywhere or not namespace:
            return everywhere
        return self.rights.get(Right(verb, resource, group, namespace), everywhere)

    def may_list(self, kind: str) -> bool | None:
        """Whether a kind may be listed everywhere or in the own namespace."""
        return self._anywhere("list", kind)

    def may_watch(self, kind: str) -> bool | None:
        """Whether a kind may be watched everywhere or in the own namespace."""
        return self._anywhere("watch", kind)

    def may_act(self, action: str, namespace: str = "") -> bool | None:
        """Whether all rights of an action are there (``scale``, ``drain``, …); None when that was not asked."""
        answers = [self.may(verb, resource, group, namespace or self.namespace) for verb, resource, group in ACTIONS[action]]
        return None if None in answers else all(answers)

    def missing(self, action: str, namespace: str = "") -> tuple[str, ...]:
        """The rights that an action lacks, in words."""
        where = namespace or self.namespace
        return tuple(
            Right(verb, resource, group, where).words
            for verb, resource, group in ACTIONS[action]
            if self.may(verb, resource, group, where) is False
        )

    def _anywhere(self, verb: str, kind: str) -> bool | None:
        found = KINDS[kind]
        return self.may(verb, found.plural, found.group, self.namespace)


async def ask_access(connection: Connection, namespace: str, now: int, kinds: Iterable[str] = KINDS) -> Access:
    """Ask who we are and what we may do, everywhere and in one namespace.

    Raises:
        ApiError: the cluster does not answer, or does not know us.
    """
    wanted: set[Right] = set()
    for name in kinds:
        kind = KINDS[name]
        wanted |= {Right(verb, kind.plural, kind.group) for verb in ("list", "watch")}
    wanted |= {Right(*right) for rights in ACTIONS.values() for right in rights}
    user, groups = await _who(connection)
    limit = asyncio.Semaphore(AT_ONCE)
    everywhere = await asyncio.gather(*(_ask(connection, right, limit) for right in sorted(wanted)))
    rights = dict(everywhere)
    # What is not allowed everywhere may be allowed at home.
    home = [
        Right(right.verb, right.resource, right.group, namespace)
        for right, allowed in everywhere
        if not allowed and right.resource not in ("nodes", "namespaces")
    ]
    rights.update(await asyncio.gather(*(_ask(connection, right, limit) for right in home)))
    return Access(user, groups, namespace, rights, now)


async def _who(connection: Connection) -> tuple[str, tuple[str, ...]]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await connection.request("POST", WHOAMI, body=body)
    except ApiError as error:
        if error.failure.status in (403, 404):
            return "", ()
        raise
    info = (answer.body.get("status") or {}).get("userInfo") or {}
    return str(info.get("username", "")), tuple(info.get("groups") or ())


async def _ask(connection: Connection, right: Right, limit: asyncio.Semaphore) -> tuple[Right, bool]:
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
    async with limit:
        answer = await connection.request("POST", REVIEW, body=body)
    return right, bool((answer.body.get("status") or {}).get("allowed"))
