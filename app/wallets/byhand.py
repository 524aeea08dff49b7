"""Signing by hand: a transaction carried to a console without a network as a text, and its signature carried back.

The text says the same thing twice: as fields, which are signed, and in words, which a person reads. Only the fields are believed:
the console that signs makes the words anew, and computes the digest that both consoles show for comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.core.errors import Invalid
from app.core.money import UINT256_MAX, exact_units
from app.wallets import keys
from app.wallets.strict_json import Inexact, brief, read

if TYPE_CHECKING:
    from app.chain.signer import UnsignedTransaction

REQUEST, SIGNED = "azora-signing-request", "azora-signed-transaction"
VERSION = 1
LONGEST = 600_000  # characters: 128 KiB of call data as hex, and room around it
NOTHING = "Nothing was signed."
NUMBERS = ("chainId", "nonce", "value", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
TRANSFER, APPROVE = "a9059cbb", "095ea7b3"  # transfer(address,uint256), approve(address,uint256)


@dataclass(frozen=True, slots=True)
class HandRequest:
    """A transaction that somebody asks this console to sign.

    Attributes:
        plan: name of the plan on the other console, such as ``PLN-0007``.
        title: what the plan is called there; somebody else's words.
        network: what the network is called there.
        sender: EIP-55 address whose key is asked for.
        unsigned: all that is signed.
        digest: keccak-256 that is signed, ``0x…``: compare it on both consoles.
        words: what it does, made here from the fields.
    """

    plan: str
    title: str
    network: str
    sender: str
    unsigned: UnsignedTransaction
    digest: str
    words: tuple[str, ...]


def request_text(plan: str, title: str, network: str, sender: str, unsigned: UnsignedTransaction) -> str:
    """The text to carry over."""
    from app.chain.requests import to_json

    body = {
        "kind": REQUEST,
        "version": VERSION,
        "plan": plan,
        "title": title,
        "network": network,
        "from": sender,
        "transaction": to_json(unsigned),
        "digest": digest_of(unsigned),
        "words": list(words_of(sender, unsigned)),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def read_request(text: str) -> HandRequest:
    """Read what somebody asks to sign.

    Raises:
        Invalid: it is no such request, a field is missing or wrong, or its digest is not that of its fields.
    """
    body = _body(text, REQUEST)
    sender = keys.parse_address(_text(body, "from"), "from")
    unsigned = _unsigned(body.get("transaction"))
    digest = digest_of(unsigned)
    if _text(body, "digest") != digest:
        raise Invalid(
            f"The fields of this request give the digest {digest}, but it says another. {NOTHING}",
            "It was changed on its way. Export it again.",
        )
    return HandRequest(
        plan=_shown(body, "plan", 20),
        title=_shown(body, "title", 200),
        network=_shown(body, "network", 100),
        sender=sender,
        unsigned=unsigned,
        digest=digest,
        words=words_of(sender, unsigned),
    )


def signed_text(request: HandRequest, raw: bytes) -> str:
    """The text to carry back."""
    body = {
        "kind": SIGNED,
        "version": VERSION,
        "plan": request.plan,
        "from": request.sender,
        "digest": request.digest,
        "raw": "0x" + raw.hex(),
        "hash": "0x" + keys.keccak(raw).hex(),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def read_signed(text: str) -> bytes:
    """The raw bytes that were carried back: our own text, or just ``0x…`` as other programs write it. Not yet compared.

    Raises:
        Invalid: it is neither.
    """
    clean = text.strip()
    if not clean.startswith("{"):
        return _hex(clean, "raw")
    return _hex(_text(_body(text, SIGNED), "raw"), "raw")


def digest_of(unsigned: UnsignedTransaction) -> str:
    """What is signed, as ``0x…``."""
    return "0x" + keys.keccak(unsigned.payload()).hex()


def words_of(sender: str, unsigned: UnsignedTransaction) -> tuple[str, ...]:
    """What the fields do, in sentences with exact numbers."""
    lines = [f"From {sender}, nonce {unsigned.nonce:,}, on chain {unsigned.chain_id}."]
    if unsigned.to is None:
        lines.append(f"Creates a contract from {len(unsigned.data):,} bytes of code.")
    elif unsigned.data:
        lines.append(_called(unsigned.to, unsigned.data))
    if unsigned.value or not unsigned.data:
        where = f"to {unsigned.to}" if unsigned.to else "to the new contract"
        lines.append(f"Sends {exact_units(unsigned.value, 18)} of the native coin ({unsigned.value:,} wei) {where}.")
    most = unsigned.gas_limit * unsigned.max_fee_per_gas
    lines.append(f"Pays at most {exact_units(most, 18)} of the native coin as fee ({unsigned.gas_limit:,} gas).")
    return tuple(lines)


def _called(to: str, data: bytes) -> str:
    selector, rest = data[:4].hex(), data[4:]
    if selector in (TRANSFER, APPROVE) and len(rest) == 64 and not any(rest[:12]):
        who, amount = keys.checksum(rest[12:32]), int.from_bytes(rest[32:], "big")
        if selector == TRANSFER:
            return f"Calls transfer of the contract {to}: {amount:,} of its smallest unit to {who}."
        most = "without limit" if amount == UINT256_MAX else f"up to {amount:,} of its smallest unit"
        return f"Calls approve of the contract {to}: {who} may take {most}."
    return f"Calls the contract {to} with {len(data):,} bytes, function 0x{selector}, keccak-256 0x{keys.keccak(data).hex()}."


def _body(text: str, kind: str) -> Mapping[str, Any]:
    body = read(text, LONGEST, NOTHING)
    if not isinstance(body, dict) or body.get("kind") != kind or body.get("version") != VERSION:
        what = "a request to sign" if kind == REQUEST else "a signed transaction"
        raise Invalid(f"This text is not {what} of version {VERSION}. {NOTHING}", "Carry the file over again, whole.")
    return body


def _unsigned(given: object) -> UnsignedTransaction:
    from app.chain.signer import UnsignedTransaction

    if not isinstance(given, dict):
        raise _wrong("transaction")
    chain_id, nonce, value, gas, price, tip = (_number(given, name) for name in NUMBERS)
    legacy, to = given.get("legacy"), _text(given, "to")
    if not isinstance(legacy, bool):
        raise _wrong("legacy")
    recipient = keys.parse_address(to, "to") if to else None
    data = _hex(_text(given, "data"), "data")
    if set(given) != {*NUMBERS, "legacy", "to", "data"} or tip > price or nonce >= 2**64 - 1 or not chain_id:
        raise _wrong("transaction")
    return UnsignedTransaction(chain_id, nonce, recipient, value, data, gas, price, tip, legacy)


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, str) or not re.fullmatch(r"0|[1-9][0-9]{0,77}", value) or int(value) > UINT256_MAX:
        raise _wrong(name)
    return int(value)


def _hex(value: str, name: str) -> bytes:
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value) or len(value) > LONGEST:
        raise _wrong(name)
    return bytes.fromhex(value[2:])


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _wrong(name)
    return value


def _shown(body: Mapping[str, Any], name: str, most: int) -> str:
    """Somebody else's words: visible characters only."""
    value = body.get(name, "")
    if not isinstance(value, str | int | Inexact):
        raise _wrong(name)
    return "".join(c for c in str(value) if c.isprintable())[:most]


def _wrong(name: str) -> Invalid:
    return Invalid(f"The field “{brief(name)}” of this text is missing or wrong. {NOTHING}", "Carry the file over again, whole.")
