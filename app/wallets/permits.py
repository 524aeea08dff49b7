"""Typed data that gives money away: permissions to spend, and transfers that anybody may submit.

Known forms: EIP-2612 ``Permit``, DAI's ``Permit``, Uniswap's Permit2 (single, batch, and transfers with or without witness), and
EIP-3009. A signature over one of these is worth what it permits, whoever holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from app.wallets import keys
from app.wallets.typed import TypedData

YEAR_10000 = 253_402_300_800  # Unix seconds
UNLIMITED = (2**160 - 1, 2**256 - 1)  # Permit2 counts in uint160


@dataclass(frozen=True, slots=True)
class Permitted:
    """One permission.

    Attributes:
        standard: whose form it has.
        token, spender: addresses in EIP-55 spelling; the spender of an EIP-3009 transfer is its recipient; empty when not said.
        owner: who gives, when the message says so.
        amount: in the token's smallest unit; ``unlimited`` when it is the largest there is.
        transfer: it moves the amount once, instead of allowing to spend it.
        until: Unix seconds until which it may be used; None when without end, as is anything beyond the year 9999.
    """

    standard: str
    token: str
    spender: str
    owner: str
    amount: int
    unlimited: bool
    transfer: bool
    until: int | None


def permissions(typed: TypedData) -> tuple[Permitted, ...]:
    """What a message permits others to take; empty when it has none of the known forms."""
    said = typed.message
    kind = typed.primary_type
    if kind == "Permit" and _has(typed, "Permit", owner="address", spender="address", value="uint256", deadline="uint256"):
        return (_one("EIP-2612", typed.contract, said["spender"], said["value"], said["deadline"], said["owner"]),)
    if kind == "Permit" and _has(typed, "Permit", holder="address", spender="address", expiry="uint256", allowed="bool"):
        amount = UNLIMITED[1] if said["allowed"] else 0
        return (_one("DAI", typed.contract, said["spender"], amount, said["expiry"] or None, said["holder"]),)
    if kind in ("TransferWithAuthorization", "ReceiveWithAuthorization") and _has(
        typed, kind, **{"from": "address", "to": "address", "value": "uint256", "validBefore": "uint256"}
    ):
        return (_one("EIP-3009", typed.contract, said["to"], said["value"], said["validBefore"], said["from"], transfer=True),)
    if kind in ("PermitSingle", "PermitBatch") and _has(
        typed, "PermitDetails", token="address", amount="uint160", expiration="uint48"
    ):
        details = _listed(said.get("details"))
        return tuple(_one("Permit2", d["token"], said.get("spender"), d["amount"], d["expiration"]) for d in details)
    if kind.startswith(
        ("PermitTransferFrom", "PermitBatchTransferFrom", "PermitWitnessTransferFrom", "PermitBatchWitness")
    ) and _has(typed, "TokenPermissions", token="address", amount="uint256"):
        items = _listed(said.get("permitted"))
        return tuple(
            _one("Permit2", d["token"], said.get("spender"), d["amount"], said.get("deadline"), transfer=True) for d in items
        )
    return ()


def _has(typed: TypedData, struct: str, **members: str) -> bool:
    kinds = {field.name: field.type for field in typed.types.get(struct, ())}
    return all(kinds.get(name) == kind for name, kind in members.items())


def _listed(value: object) -> Sequence[Mapping[str, object]]:
    if isinstance(value, list):
        return [cast("Mapping[str, object]", item) for item in value if isinstance(item, dict)]
    return [cast("Mapping[str, object]", value)] if isinstance(value, dict) else []


def _one(
    standard: str, token: object, spender: object, amount: object, until: object, owner: object = "", *, transfer: bool = False
) -> Permitted:
    number = amount if isinstance(amount, int) else 0
    moment = until if isinstance(until, int) and until < YEAR_10000 else None
    return Permitted(standard, _address(token), _address(spender), _address(owner), number, number in UNLIMITED, transfer, moment)


def _address(value: object) -> str:
    return keys.parse_address(value) if isinstance(value, str) and value.startswith("0x") else ""
