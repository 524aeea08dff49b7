"""Asking for money: payment requests as URIs (EIP-681) and as QR codes (ISO/IEC 18004)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from app.core.errors import Invalid
from app.core.money import UINT256_MAX
from app.wallets.keys import checksum, parse_address

MOST_CHARACTERS = 2_000
_SHAPE = re.compile(r"(?:pay-)?(0x[0-9a-fA-F]{40})(?:@([0-9]+))?(?:/([^/?@]+))?(?:\?(.*))?", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]+))?(?:[eE]([0-9]*))?", re.ASCII)
_AMOUNTS = ("value", "gas", "gasLimit", "gasPrice")


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a URI asks for. Amounts in the smallest unit, None where the payer chooses.

    Attributes:
        recipient: who is to be paid, EIP-55.
        token: the ERC-20 contract, or empty for the native coin.
        chain_id: the chain that is meant, None: the payer's current one.
        gas_limit, gas_price: suggestions of the asker.
        problems: what a payer should know before paying, such as letters that contradict EIP-55.
    """

    recipient: str
    token: str = ""
    amount: int | None = None
    chain_id: int | None = None
    gas_limit: int | None = None
    gas_price: int | None = None
    problems: tuple[str, ...] = ()


def build_uri(recipient: str, chain_id: int, token: str = "", amount: int | None = None) -> str:
    """The EIP-681 URI of a request; amounts in scientific notation where that is shorter, as the standard encourages.

    Raises:
        Invalid: a wrong address or an amount that no chain can hold.
    """
    payee = parse_address(recipient, "recipient")
    if amount is not None and not 0 < amount <= UINT256_MAX:
        raise Invalid("The amount must be more than zero. No request was made.", "Enter an amount, or none.", field="amount")
    if token:
        asked = f"&uint256={_scientific(amount)}" if amount else ""
        return f"ethereum:{parse_address(token, 'token')}@{chain_id}/transfer?address={payee}{asked}"
    return f"ethereum:{payee}@{chain_id}" + (f"?value={_scientific(amount)}" if amount else "")


def parse_uri(text: str) -> PaymentRequest:
    """Read an EIP-681 URI: a payment in the native coin, or an ERC-20 ``transfer``.

    Raises:
        Invalid: not such a URI, a name instead of an address, another function, a number that is no whole number of smallest units,
            a parameter twice or unknown. Nothing is guessed.
    """
    clean = text.strip()
    scheme, colon, rest = clean.partition(":")
    if scheme.lower() != "ethereum" or not colon or len(clean) > MOST_CHARACTERS:
        raise _refused("It does not begin with “ethereum:”." if len(clean) <= MOST_CHARACTERS else "It is too long.")
    found = _SHAPE.fullmatch(rest)
    if found is None:
        raise _refused("It names no address of 0x and 40 hex digits; names (ENS) are not looked up here.")
    target, chain, function, query = found.groups()
    problems: list[str] = []
    given = _parameters(query or "")
    chain_id, limit, price = _chain(chain), _whole(given, "gasLimit", "gas"), _whole(given, "gasPrice")
    if function is None:
        if wrong := set(given) - set(_AMOUNTS):
            raise _refused(f"A payment in the native coin has no parameter “{sorted(wrong)[0]}”.")
        recipient = _address(target, problems)
        return PaymentRequest(recipient, "", _whole(given, "value"), chain_id, limit, price, tuple(problems))
    if unquote(function) != "transfer":
        raise _refused(f"It calls “{unquote(function)[:40]}”; only payments and ERC-20 transfers are taken.")
    if wrong := set(given) - {"address", "uint256", *_AMOUNTS}:
        raise _refused(f"A transfer has no parameter “{sorted(wrong)[0]}”.")
    if given.get("value") and _whole(given, "value"):
        raise _refused("It would send the native coin to a token's contract along with the transfer.")
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", given.get("address", "")):
        raise _refused("It does not say whom to pay: the parameter “address” is missing or no address.")
    token, recipient = _address(target, problems), _address(given["address"], problems)
    return PaymentRequest(recipient, token, _whole(given, "uint256"), chain_id, limit, price, tuple(problems))


def receive_qr(uri: str) -> list[list[bool]]:
    """The QR code of a URI as rows of modules, True for dark, without the quiet zone (draw 4 modules of it around).

    Raises:
        Invalid: the text does not fit into one code.
    """
    import segno

    try:
        code = segno.make_qr(uri, error="m")
    except (segno.DataOverflowError, ValueError) as error:
        raise Invalid("The text does not fit into one QR code. Nothing was drawn.", "Shorten it.") from error
    return [[bool(module) for module in row] for row in code.matrix]


def _refused(why: str) -> Invalid:
    return Invalid(
        f"This is no payment request that can be read for sure. {why} Nothing was taken over.", "Ask for a new one.", field="uri"
    )


def _chain(text: str | None) -> int | None:
    if text is None:
        return None
    if len(text) > 16 or not 0 < int(text) < 2**53:
        raise _refused(f"“{text[:20]}” is no chain id.")
    return int(text)


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, equals, value = part.partition("=")
        key, value = unquote(key), unquote(value)
        if not equals or not key:
            raise _refused(f"“{part[:40]}” is no parameter.")
        if key in given or (key in ("gas", "gasLimit") and given.keys() & {"gas", "gasLimit"}):
            raise _refused(f"“{key[:40]}” is given twice.")
        given[key] = value
    return given


def _whole(given: dict[str, str], *names: str) -> int | None:
    text = next((given[name] for name in names if name in given), None)
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3]) or found[1] == "-" or len(text) > 100:
        raise _refused(f"“{text[:40]}” is no amount.")
    part, power = found[3] or "", int(found[4] or 0)
    digits = (found[2] or "") + part
    if power > 80 or len(part.rstrip("0")) > power:
        raise _refused(f"“{text[:40]}” is no whole number of smallest units.")
    value = (
        int(digits) * 10 ** (power - len(part)) if power >= len(part) else int(digits[: len(digits) - (len(part) - power)] or "0")
    )
    if value > UINT256_MAX:
        raise _refused(f"“{text[:40]}” is larger than a chain can hold.")
    return value


def _address(text: str, problems: list[str]) -> str:
    try:
        return parse_address(text)
    except Invalid:  # EIP-681 does not ask for EIP-55, and its own example contradicts it
        spelled = checksum(bytes.fromhex(text[2:]))
        problems.append(f"The letters of {text} contradict its checksum. Compare the whole address with whoever asks.")
        return spelled


def _scientific(amount: int) -> str:
    digits = str(amount)
    bare = digits.rstrip("0")
    zeros = len(digits) - len(bare)
    if zeros < 3:
        return digits
    power = zeros + len(bare) - 1
    return f"{bare[0]}.{bare[1:]}e{power}" if len(bare) > 1 else f"{bare}e{power}"
