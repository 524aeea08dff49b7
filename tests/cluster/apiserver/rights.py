"""Who may do what: tokens, users and rules (RBAC, as far as the tests need it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    groups: tuple[str, ...] = ("",)
    namespace: str = ""  # empty: cluster-wide


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    rules: tuple[Rule, ...] = field(default=())

    @property
    def master(self) -> bool:
        return "system:masters" in self.groups

    def may(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        if self.master:
            return True
        if group == "authorization.k8s.io" or group == "authentication.k8s.io":
            return self.name != "system:anonymous"
        for rule in self.rules:
            fits = ("*" in rule.verbs or verb in rule.verbs) and ("*" in rule.groups or group in rule.groups)
            if fits and ("*" in rule.resources or resource in rule.resources) and rule.namespace in ("", namespace):
                return True
        return False


ADMIN = User("admin", ("system:masters", "system:authenticated"))
ALICE = User("alice", ("viewers", "system:authenticated"), (Rule(("get", "list"), ("pods",), namespace="shop"),))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def review(user: User, asked: dict[str, Any]) -> dict[str, Any]:
    """The status of a SelfSubjectAccessReview."""
    resource = asked.get("resource", "") + (f"/{asked['subresource']}" if asked.get("subresource") else "")
    allowed = user.may(asked.get("verb", ""), asked.get("group", ""), resource, asked.get("namespace", ""))
    return {"allowed": allowed, **({"reason": "RBAC: allowed by the test's rules"} if allowed else {})}


def rules_of(user: User, namespace: str, *, incomplete: bool = False) -> dict[str, Any]:
    """The status of a SelfSubjectRulesReview. ``incomplete``: as a webhook authorizer answers, which cannot list its rules."""
    if incomplete:
        error = "webhook authorizer does not support user rule resolution"
        return {"resourceRules": [], "nonResourceRules": [], "incomplete": True, "evaluationError": error}
    own = [
        {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        }
    ]
    rules = (Rule(("*",), ("*",), ("*",)),) if user.master else user.rules
    own += [
        {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
        for rule in rules
        if rule.namespace in ("", namespace)
    ]
    return {"resourceRules": own, "nonResourceRules": [], "incomplete": False}
