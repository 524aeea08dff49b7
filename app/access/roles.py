"""Three fixed roles, and what each may confirm."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What an operator is here for."""

    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    DEVELOPER = "developer"


@dataclass(frozen=True, slots=True)
class Operator:
    """The person at the console: the OS user, in one role."""

    name: str
    role: Role


class Somewhere(Protocol):
    """What a role needs to know of a plan's target."""

    @property
    def environment(self) -> str:
        """``local``, ``test`` or ``production``."""

    @property
    def name(self) -> str:
        """What people call it."""


def os_user() -> str:
    """The login name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "operator"


def why_not(role: Role, plan_roles: frozenset[str], target: Somewhere) -> str:
    """Empty when ``role`` may confirm, else the sentence why not.

    Auditors plan and preview but never confirm; developers confirm what names them, away from production.
    """
    if role is Role.AUDITOR:
        return "Auditors may plan and preview, but not confirm."
    if role is Role.ADMINISTRATOR:
        return "" if not plan_roles or Role.ADMINISTRATOR in plan_roles else "This kind of plan is not for administrators."
    if target.environment == "production":
        return f"Developers may not change a production network, and {target.name} is one."
    if Role.DEVELOPER not in plan_roles:
        return "This kind of plan is for administrators only."
    return ""
