"""What calls take away for good: roles that nobody holds afterwards, and those that then nobody can ever grant again.

Reckoned from who holds each role now and which role administers it (OpenZeppelin's AccessControl), in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.operations.plans import Verdict, VerdictLevel

if TYPE_CHECKING:
    from app.contracts.roles import Party

GRANTS = "grantRole(bytes32,address)"
TAKES = ("revokeRole(bytes32,address)", "renounceRole(bytes32,address)")
HANDS_OVER, GIVES_UP = "transferOwnership(address)", "renounceOwnership()"
CHANGES = frozenset({GRANTS, *TAKES, HANDS_OVER, GIVES_UP})


@dataclass(frozen=True, slots=True)
class Standing:
    """Who holds what of one contract.

    Attributes:
        holders: by ``0x…`` role; EIP-55 addresses.
        admins: the role that administers each role.
        names: of roles, for people.
        owner: of an Ownable contract, or empty.
        parties: who addresses are to this console; None where it does not know its own accounts.
    """

    contract: str
    holders: Mapping[str, Set[str]]
    admins: Mapping[str, str]
    names: Mapping[str, str]
    owner: str = ""
    parties: Mapping[str, Party] | None = None

    def after(self, calls: Sequence[Mapping[str, Any]]) -> tuple[dict[str, set[str]], str]:
        """Holders by role, and the owner, when these calls were mined."""
        holders, owner = {role: set(found) for role, found in self.holders.items()}, self.owner
        for call in calls:
            function, data = str(call["function"]), bytes.fromhex(str(call["data"])[10:])
            if function == GIVES_UP:
                owner = ""
            elif function == HANDS_OVER:
                owner = str(abis.decode(["address"], data)[0])
            elif function in CHANGES:
                role, account = abis.decode(["bytes32", "address"], data)
                found = holders.setdefault("0x" + role.hex(), set())
                (found.add if function == GRANTS else found.discard)(str(account))
        return holders, owner


def losses(now: Standing, calls: Sequence[Mapping[str, Any]], signing: Sequence[str]) -> tuple[Verdict, ...]:
    """What the calls on one contract take away, as warnings and notes of their plan; nothing where nothing is lost.

    Args:
        calls: function (with types) and call data of each, in order.
        signing: how a :class:`Party` says that this console can have its key sign.
    """
    holders, owner = now.after(calls)
    before, after = _grantable(now.holders, now.admins), _grantable(holders, now.admins)
    told: list[Verdict] = []
    for role in (role for role, found in now.holders.items() if found and not holders[role]):
        name = now.names.get(role, role)
        if role in after:
            by = now.admins.get(role, "")
            text = f"Nobody holds {name} of {now.contract} after this; {now.names.get(by, by)} decides who gets it again"
            told.append(Verdict("contracts.last_holder", VerdictLevel.NOTE, text))
            continue
        gone = [now.names.get(each, each) for each in sorted(before - after, key=lambda each: (each != role, each))]
        text = f"Nobody holds {name} of {now.contract} after this, and nobody can ever give it to anybody again"
        detail = f"Never granted or revoked again: {', '.join(gone)}." if gone else ""
        told.append(Verdict("contracts.last_holder", VerdictLevel.WARNING, text + (f". {detail}" if detail else "")))
    if now.owner and not owner:
        text = f"{now.contract} has no owner after this, ever: what only its owner may do, nobody may"
        told.append(Verdict("contracts.last_owner", VerdictLevel.WARNING, text))
    if now.parties is not None:
        moved = {role: (found, holders[role]) for role, found in now.holders.items() if found - holders[role]}
        if owner != now.owner:
            moved["owner"] = ({now.owner}, {owner} - {""})
        told += _out_of_reach(now, moved, now.parties, signing)
    return tuple(told)


def _out_of_reach(
    now: Standing, moved: Mapping[str, tuple[Set[str], Set[str]]], parties: Mapping[str, Party], signing: Sequence[str]
) -> list[Verdict]:
    """A warning for each role that somebody loses and whose remaining holders have no key at this console."""
    told = []
    for role, (old, new) in moved.items():
        ours = {each for each in old | new if each in parties and parties[each].where in signing}
        if not new or new & ours or not (old & ours or new - old):
            continue
        name = now.names.get(role, role)
        who = ", ".join(f"{each} ({parties[each].where})" if each in parties else f"{each} (foreign)" for each in sorted(new))
        text = f"No key of this console holds {name} of {now.contract} after this. It is then with {who}"
        told.append(Verdict("contracts.key_elsewhere", VerdictLevel.WARNING, text))
    return told


def _grantable(holders: Mapping[str, Set[str]], admins: Mapping[str, str]) -> set[str]:
    """The roles that somebody can grant: whose admin role has a holder, or can be given one."""
    found: set[str] = set()
    while more := {role for role, by in admins.items() if role not in found and (holders.get(by) or by in found)}:
        found |= more
    return found
