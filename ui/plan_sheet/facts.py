"""What the sheet must know about a plan beside the plan itself, read in one go on the service loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.console import Console
    from app.operations.plans import Plan


@dataclass(frozen=True, slots=True)
class Signer:
    """An account that the plan signs with, and whether its key is at hand."""

    address: str
    label: str
    key: str  # what people read: "In keyring", "Key missing" …
    ready: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """A plan and what surrounds it now.

    Attributes:
        why_not: why this role may not confirm it; empty when it may.
        typed: what must be typed before it can be confirmed; empty when nothing.
        asks_passphrase: a console passphrase is set, so Confirm asks for it.
        locked: the console is locked.
        chain: name of the local chain it runs on when this console can mine there, else empty.
        needed: confirmations that the network asks for; 0 off chain.
        labels: lower-case address → label.
        log: ``(UTC ms, line)`` of the run.
        has_rest: it ended early, and what it left undone can be planned.
    """

    plan: Plan
    why_not: str = ""
    typed: str = ""
    asks_passphrase: bool = False
    locked: bool = False
    chain: str = ""
    needed: int = 0
    signers: tuple[Signer, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    log: tuple[tuple[int, str], ...] = ()
    journal_hashes: tuple[str, str] = ("", "")
    has_rest: bool = False


_KEYS = {
    "inKeyring": ("In keyring", True),
    "watchOnly": ("No key here; signed on another console", True),
    "external": ("External signer", True),
    "missing": ("Key missing", False),
    "unknown": ("Keyring locked, cannot tell", True),
}


async def read_facts(console: Console, ref: str) -> Facts:
    """Read a plan by id or name, with all that its five steps show."""
    from app.operations.policy import typed_check

    plan = await console.operations.get(ref)
    accounts = await console.wallets.list()
    labels = {account.address.lower(): account.label for account in accounts}
    wanted = dict.fromkeys(address.lower() for address in _signing(plan))
    signers = []
    for account in accounts:
        if account.address.lower() in wanted:
            key, ready = _KEYS.get(str(account.key_state), ("", True))
            signers.append(Signer(account.address, account.label, key, ready))
    chain, needed = await _network(console, plan)
    return Facts(
        plan=plan,
        why_not=_why_not(console, plan),
        typed=typed_check(plan) or "",
        asks_passphrase=console.access.passphrase_set,
        locked=console.access.locked,
        chain=chain,
        needed=needed,
        signers=tuple(signers),
        labels=labels,
        log=tuple(console.operations.log(plan.id)),
        journal_hashes=await _journal(console, plan),
        has_rest=console.operations.kind_of(plan).has_rest(plan),
    )


def _signing(plan: Plan) -> list[str]:
    """The addresses whose keys the steps use."""
    found: list[str] = []
    for record in plan.steps:
        for name in ("sender", "attester", "signer"):
            value = record.spec.params.get(name)
            if isinstance(value, str) and value.startswith("0x"):
                found.append(value)
    return found


def _why_not(console: Console, plan: Plan) -> str:
    return str(console.access.may(console.operations.kind_of(plan).acts, plan.target))


async def _network(console: Console, plan: Plan) -> tuple[str, int]:
    """The local chain's name when this console can mine on it, and the confirmations its network asks for."""
    if str(plan.target.kind) != "network":
        return "", 0
    for network in console.networks.list():
        if network.genesis and network.key.text == plan.target.ref:
            return (network.id.removeprefix("local-") if network.own else ""), network.confirmations
    return "", 0


async def _journal(console: Console, plan: Plan) -> tuple[str, str]:
    """Hashes of the entry before and the entry after the plan, once it has a receipt."""
    if plan.receipt is None:
        return "", ""
    entries = await console.journal.page(before=plan.receipt.journal_before + 1, limit=1)
    before = entries[0].entry_hash if entries and entries[0].sequence == plan.receipt.journal_before else ""
    return before if isinstance(before, str) else before.hex(), plan.receipt.journal_head
