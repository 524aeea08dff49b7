"""Signing by hand: a transaction carried to a console without a network as a text, and its signature carried back.

The text says the same thing twice: as fields, which are signed, and in words, which a person reads. Only the fields are believed:
the console that signs makes the words anew, and computes the digest that both consoles show for comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.core.errors import Invalid
from app.core.money import UINT256_MAX, exact_units
from app.wallets import keys
from app.wallets.strict_json import Inexact, brief, read

if TYPE_CHECKING:
    from app.chain.signer import UnsignedTransaction

REQUEST, SIGNED = "azora-signing-request", "azora-signed-transaction"
ONE, MANY = 1, 2  # versions of the text: with one transaction, or with a list of them
LONGEST = 600_000  # characters of one transaction: 128 KiB of call data as hex, and room around it
LONGEST_LIST = 24_000_000  # of a list: 10,000 payments, written with room
MOST = 10_000
SHOWN = 20  # transactions of a list that are told one by one
NOTHING = "Nothing was signed."
NUMBERS = ("chainId", "nonce", "value", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
TRANSFER, APPROVE = "a9059cbb", "095ea7b3"  # transfer(address,uint256), approve(address,uint256)


@dataclass(frozen=True, slots=True)
class HandRequest:
    """A transaction, or several of one account, that somebody asks this console to sign.

    Attributes:
        plan: name of the plan on the other console, such as ``PLN-0007``.
        title: what the plan is called there; somebody else's words.
        network: what the network is called there.
        sender: EIP-55 address whose key is asked for.
        transactions: all that is signed, in the order of nonces.
        digest: keccak-256 that is signed, ``0x…``, or of all such digests together: compare it on both consoles.
        words: what it does, made here from the fields.
    """

    plan: str
    title: str
    network: str
    sender: str
    transactions: tuple[UnsignedTransaction, ...]
    digest: str
    words: tuple[str, ...]

    @property
    def chain_id(self) -> int:
        """Of all of them."""
        return self.transactions[0].chain_id


def request_text(plan: str, title: str, network: str, sender: str, transactions: Sequence[UnsignedTransaction]) -> str:
    """The text to carry over."""
    from app.chain.requests import to_json

    bodies = [to_json(unsigned) for unsigned in transactions]
    one = len(bodies) == 1
    body = {
        "kind": REQUEST,
        "version": ONE if one else MANY,
        "plan": plan,
        "title": title,
        "network": network,
        "from": sender,
        **({"transaction": bodies[0]} if one else {"transactions": bodies}),
        "digest": digest_of(transactions),
        "words": list(words_of(sender, transactions)),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def read_request(text: str) -> HandRequest:
    """Read what somebody asks to sign.

    Raises:
        Invalid: it is no such request, a field is missing or wrong, or its digest is not that of its fields.
    """
    body = _body(text, REQUEST)
    sender = keys.parse_address(_text(body, "from"), "from")
    given = body.get("transactions") if body["version"] == MANY else [body.get("transaction")]
    if not isinstance(given, list) or not 0 < len(given) <= MOST:
        raise _wrong("transactions")
    transactions = tuple(_unsigned(each) for each in given)
    first = transactions[0]
    if [(each.chain_id, each.nonce) for each in transactions] != [
        (first.chain_id, nonce) for nonce in sorted({each.nonce for each in transactions})
    ]:
        raise _wrong("transactions")  # another chain among them, or a nonce twice: one of the two would be a second payment
    digest = digest_of(transactions)
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
        transactions=transactions,
        digest=digest,
        words=words_of(sender, transactions),
    )


def signed_text(request: HandRequest, raws: Sequence[bytes]) -> str:
    """The text to carry back."""
    signed = [{"raw": "0x" + raw.hex(), "hash": "0x" + keys.keccak(raw).hex()} for raw in raws]
    one = len(signed) == 1
    body = {
        "kind": SIGNED,
        "version": ONE if one else MANY,
        "plan": request.plan,
        "from": request.sender,
        "digest": request.digest,
        **(signed[0] if one else {"signed": signed}),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def read_signed(text: str) -> list[bytes]:
    """The raw bytes that were carried back: our own text, or just ``0x…``, a line each, as other programs write it.

    They are not compared yet.

    Raises:
        Invalid: it is neither.
    """
    clean = text.strip()
    if not clean.startswith("{"):
        return [_hex(line.strip(), "raw") for line in clean.splitlines()[: MOST + 1]] if clean else [_hex(clean, "raw")]
    body = _body(text, SIGNED)
    if body["version"] == ONE:
        return [_hex(_text(body, "raw"), "raw")]
    signed = body.get("signed")
    if not isinstance(signed, list) or len(signed) > MOST or not all(isinstance(each, dict) for each in signed):
        raise _wrong("signed")
    return [_hex(_text(each, "raw"), "raw") for each in signed]


def digest_of(transactions: Sequence[UnsignedTransaction]) -> str:
    """What is signed, as ``0x…``; of several the keccak-256 of their digests, one after the other."""
    digests = [keys.keccak(unsigned.payload()) for unsigned in transactions]
    return "0x" + (digests[0] if len(digests) == 1 else keys.keccak(b"".join(digests))).hex()


def words_of(sender: str, transactions: Sequence[UnsignedTransaction]) -> tuple[str, ...]:
    """What the fields do, in sentences with exact numbers."""
    first, last = transactions[0], transactions[-1]
    most = sum(unsigned.gas_limit * unsigned.max_fee_per_gas for unsigned in transactions)
    fee = f"at most {exact_units(most, 18)} of the native coin as fee"
    if len(transactions) == 1:
        head = f"From {sender}, nonce {first.nonce:,}, on chain {first.chain_id}."
        return (head, *_did(first), f"Pays {fee} ({first.gas_limit:,} gas).")
    value = sum(unsigned.value for unsigned in transactions)
    lines = [
        f"{len(transactions):,} transactions from {sender}, nonces {first.nonce:,} to {last.nonce:,}, on chain {first.chain_id}."
    ]
    lines.append(f"Together they send {exact_units(value, 18)} of the native coin and pay {fee}.")
    for unsigned in transactions[:SHOWN]:
        lines.append(f"Nonce {unsigned.nonce:,}: {' '.join(_did(unsigned))}")
    if len(transactions) > SHOWN:
        lines.append(f"{len(transactions) - SHOWN:,} more stand in the file, each with its fields; the digest covers them.")
    return tuple(lines)


def _did(unsigned: UnsignedTransaction) -> list[str]:
    lines = []
    if unsigned.to is None:
        lines.append(f"Creates a contract from {len(unsigned.data):,} bytes of code.")
    elif unsigned.data:
        lines.append(_called(unsigned.to, unsigned.data))
    if unsigned.value or not unsigned.data:
        where = f"to {unsigned.to}" if unsigned.to else "to the new contract"
        lines.append(f"Sends {exact_units(unsigned.value, 18)} of the native coin ({unsigned.value:,} wei) {where}.")
    return lines


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
    body = read(text, LONGEST_LIST, NOTHING)
    if not isinstance(body, dict) or body.get("kind") != kind or str(body.get("version")) not in (str(ONE), str(MANY)):
        what = "a request to sign" if kind == REQUEST else "a signed transaction"
        raise Invalid(f"This text is not {what} of version {ONE} or {MANY}. {NOTHING}", "Carry the file over again, whole.")
    return {**body, "version": int(str(body["version"]))}


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
