"""Amounts: ``int`` in the smallest unit inside, ``Decimal`` text at the edges. Nothing is ever rounded up or lost."""

from __future__ import annotations

from app.core.errors import Invalid

UINT256_MAX = 2**256 - 1
AZR_DECIMALS = 18
ETHER_DECIMALS = 18


def parse_units(text: str, decimals: int, *, unit: str = "", field: str = "amount") -> int:
    """Read an amount as a person types it (``12,500.25``, ``12 500.25``, ``0.5``) into the smallest unit.

    A comma groups thousands only where it could; ``1,5`` is refused as ambiguous rather than guessed.

    Raises:
        Invalid: no number, negative, more decimals than the unit has, or above uint256.
    """
    clean = text.strip().replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace("_", "").replace("'", "")
    clean = without_unit(clean, unit)
    whole, dot, part = clean.partition(".")
    groups = whole.split(",")
    grouped = len(groups) > 1
    if grouped and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        raise Invalid(
            f"“{text}” can be read in two ways. Nothing was changed.",
            "Write the decimals after a point, as in 1234.5.",
            field=field,
        )
    whole = "".join(groups)
    if not (whole or part) or (dot and not part) or not (whole + part).isascii() or not (whole + part).isdigit():
        raise Invalid(f"“{text}” is not an amount. Nothing was changed.", "Write digits, such as 12500.25.", field=field)
    if len(part.rstrip("0")) > decimals:
        raise Invalid(
            f"“{text}” has more than the {decimals} decimals that {unit or 'this token'} keeps. Nothing was changed.",
            f"Shorten it to {decimals} decimals.",
            field=field,
        )
    value: int = int(whole or "0") * 10**decimals + int((part.rstrip("0") or "0").ljust(decimals, "0") if decimals else "0")
    if value > UINT256_MAX:
        raise Invalid(f"“{text}” is larger than a chain can hold. Nothing was changed.", "Enter less.", field=field)
    return value


def without_unit(text: str, unit: str) -> str:
    """An amount without the unit behind it. A unit made of digits (a token may be called “00”) is never taken off a number."""
    named = any(not character.isdigit() and character not in ".," for character in unit)
    return text[: -len(unit)] if named and text.casefold().endswith(unit.casefold()) else text


def exact_units(value: int, decimals: int) -> str:
    """The exact decimal text with all decimals, no grouping: for copy, export and evidence."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, part = divmod(value, 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"


def plain_units(value: int, decimals: int) -> str:
    """The exact text for a sentence: grouped, without needless zeros."""
    whole, _, part = exact_units(value, decimals).partition(".")
    part = part.rstrip("0")
    return f"{int(whole):,}" + (f".{part}" if part else "")


def short_units(value: int, decimals: int, shown: int = 4) -> str:
    """Grouped text cut (never rounded up) to ``shown`` decimals; ``< 0.0001`` for less than can be shown."""
    sign, value = ("−", -value) if value < 0 else ("", value)
    whole, part = divmod(value, 10**decimals)
    digits = f"{part:0{decimals}d}"[:shown] if decimals else ""
    if whole == 0 and value and not digits.strip("0"):
        return f"{sign}< 0.{'0' * (shown - 1)}1"
    return f"{sign}{whole:,}.{digits}" if digits else f"{sign}{whole:,}"


def unlimited(allowance: int) -> bool:
    """Whether an allowance (smallest unit) means no limit: more than any token has, or all that 96-bit balances can hold."""
    return allowance >= 2**128 or allowance == 2**96 - 1
