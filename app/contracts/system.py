"""The AZR economy as a declared system: contracts in order, their constructor arguments, and the roles granted afterwards.

Arguments are values, or ``Ref(name)`` for the address of a contract of the same system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.chain.hashing import keccak256

REDEMPTION_TIMEOUT = 14 * 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of another contract of the system."""

    name: str


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to create."""

    name: str
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role to grant: on which contract, which role, to whom."""

    contract: str
    role: str
    holder: object

    @property
    def role_id(self) -> bytes:
        """keccak-256 of the role's name, as the contracts compute it."""
        return keccak256(self.role.encode())


@dataclass(frozen=True, slots=True)
class Setup:
    """What an operator chooses. Addresses EIP-55, length in seconds, budget in the smallest unit, start in seconds since 1970."""

    admin: str
    attester: str
    officer: str
    start: int
    epoch_length: int
    epoch_budget: int
    redemption_timeout: int = REDEMPTION_TIMEOUT

    @classmethod
    def read(cls, params: Mapping[str, object]) -> Setup:
        """From a plan's params."""
        numbers = {name: int(str(params[name])) for name in ("start", "epoch_length", "epoch_budget", "redemption_timeout")}
        return cls(str(params["admin"]), str(params["attester"]), str(params["officer"]), **numbers)


def creations(setup: Setup) -> tuple[Creation, ...]:
    """The contracts of the economy in the order in which they must come."""
    return (
        Creation("AzoraToken", (setup.admin,)),
        Creation("Emission", (Ref("AzoraToken"), setup.admin, setup.start, setup.epoch_length, setup.epoch_budget)),
        Creation("MintMine", (Ref("Emission"), Ref("AzoraToken"), setup.admin)),
        Creation("Redemption", (Ref("AzoraToken"), setup.admin, setup.redemption_timeout)),
    )


def grants(setup: Setup) -> tuple[Grant, ...]:
    """The roles that make the contracts one economy."""
    return (
        Grant("AzoraToken", "MINTER_ROLE", Ref("Emission")),
        Grant("Emission", "SOURCE_ROLE", Ref("MintMine")),
        Grant("MintMine", "ATTESTER_ROLE", setup.attester),
        Grant("Redemption", "OFFICER_ROLE", setup.officer),
    )
