"""What a table cell or a label can hold, and how it reads: shown short, copied exact. Knows no Qt."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.core.evidence import Evidence
from app.core.money import exact_units, short_units

MASK = "••••"
_LONG_HEX = re.compile(r"0x[0-9A-Za-z]{13,}")
_units = {"AZR", "ETH"}  # every unit that was shown once: free text is looked through for amounts of them
_privacy = {"hidden": False, "shown anyway": 0}


def hide_amounts(hide: bool) -> None:
    """Show :data:`MASK` in the place of every amount, or amounts again. Use ``ui.widgets.privacy``, which also tells the views."""
    _privacy["hidden"] = bool(hide)


def amounts_hidden() -> bool:
    """Whether amounts read as :data:`MASK` right now."""
    return bool(_privacy["hidden"]) and not _privacy["shown anyway"]


def shown_anyway() -> bool:
    """Whether :func:`revealed` holds: a widget made now keeps its amounts in sight."""
    return bool(_privacy["shown anyway"])


@contextlib.contextmanager
def revealed(really: bool = True) -> Iterator[None]:
    """What is built inside shows its amounts although they are hidden elsewhere: nobody signs what he cannot see."""
    _privacy["shown anyway"] += int(really)
    try:
        yield
    finally:
        _privacy["shown anyway"] -= int(really)


def masked(text: str) -> str:
    """Free text with its amounts taken out while amounts are hidden: ``Holds 12.5 AZR`` becomes ``Holds •••• AZR``."""
    if not amounts_hidden() or not text:
        return text
    units = "|".join(sorted(map(re.escape, _units), key=len, reverse=True))
    return re.sub(rf"(?<![\w.,:])[+\u2212-]?(?:< )?\d[\d,\u202f\u00a0]*(?:\.\d+)?(?=[ \u00a0](?:{units})\b)", MASK, text)


def know_unit(unit: str) -> None:
    """Look for amounts of this unit in free text from now on."""
    if unit:
        _units.add(unit)


def is_unit(text: str) -> bool:
    """Whether a heading such as ``AZR`` or ``Supply, AZR`` names a unit of money."""
    return any(word in _units for word in re.split(r"\W+", text))


def masked_number(text: str) -> str:
    """An amount that is already text, whole: :data:`MASK` while amounts are hidden."""
    return MASK if amounts_hidden() and text else text


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in the smallest unit; ``signed`` puts + before what comes in."""

    value: int
    decimals: int = 18
    unit: str = ""
    signed: bool = False
    shown: int = 4


@dataclass(frozen=True, slots=True)
class AddressCell:
    """An address with the label one knows it by; ``bare`` leaves the short address to another column, ``aside`` stands after."""

    address: str
    label: str = ""
    bare: bool = False
    aside: str = ""


@dataclass(frozen=True, slots=True)
class IconCell:
    """A word with an icon before it, in the colour of a token."""

    icon: str
    word: str
    color: str = "text-2"
    ink: str = "text"


@dataclass(frozen=True, slots=True)
class StatusCell:
    """A state (``ok``, ``warn``, ``err``, ``pend``, ``run``, ``idle``) and its word."""

    state: str
    word: str


@dataclass(frozen=True, slots=True)
class EvidenceCell:
    """Where the row comes from, and how far it is proven."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class FaintCell:
    """A text of what was known before and is not confirmed now."""

    text: str


@dataclass(frozen=True, slots=True)
class HashCell:
    """A ``0x…`` hash, or an address whose label stands in another column."""

    value: str


@dataclass(frozen=True, slots=True)
class TimeCell:
    """UTC milliseconds since the epoch; 0 is no time."""

    ms: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; ``width`` is where it begins, wider tables share what is left."""

    id: str
    title: str
    width: int = 0
    align: str = "left"
    mono: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Row:
    """A row, known by its id."""

    id: str
    cells: Mapping[str, object] = field(default_factory=dict)


def breakable(text: str) -> str:
    """A sentence in which a word longer than an address may break after each eighth letter, so that it never widens a page."""
    return re.sub(r"\S{48,}", lambda word: "\u200b".join(word[0][at : at + 8] for at in range(0, len(word[0]), 8)), text)


def short_hex(value: str) -> str:
    """``0x1234…cdef`` of an address or hash, with what follows it (the number of a log); anything else as it is."""
    found = _LONG_HEX.match(value)
    return f"{value[:6]}…{value[found.end() - 4 : found.end()]}{value[found.end() :]}" if found else value


def split_amount(amount: Amount) -> tuple[str, str]:
    """The whole part with its sign, and the decimals with the unit: they are painted in two colours."""
    if amount.unit:
        _units.add(amount.unit)
    if amounts_hidden():
        return MASK, f" {amount.unit}" if amount.unit else ""
    text = short_units(amount.value, amount.decimals, amount.shown)
    if amount.signed and amount.value > 0:
        text = f"+{text}"
    whole, dot, part = text.partition(".")
    rest = f"{dot}{part}" + (f" {amount.unit}" if amount.unit else "")
    return whole, rest


def shown_text(value: object) -> str:
    """How a cell reads."""
    match value:
        case Amount():
            return "".join(split_amount(value))
        case AddressCell():
            short = short_hex(value.address)
            if not value.label or value.label == value.address:
                return short
            return value.label if value.bare else f"{value.label} {short}"
        case StatusCell() | IconCell():
            return value.word
        case FaintCell():
            return value.text
        case EvidenceCell():
            return short_hex(value.evidence.ref)
        case HashCell():
            return short_hex(value.value)
        case TimeCell():
            return moment(value.ms)
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case None:
            return ""
    return str(value)


def exact_text(value: object) -> str:
    """What is copied when all of it is wanted: every decimal, the whole address, ISO 8601."""
    match value:
        case Amount():
            return exact_units(value.value, value.decimals)
        case AddressCell():
            return value.address
        case EvidenceCell():
            return value.evidence.ref
        case HashCell():
            return value.value
        case TimeCell():
            return datetime.fromtimestamp(value.ms / 1000, UTC).isoformat(timespec="milliseconds") if value.ms else ""
        case int():
            return str(value)
    return shown_text(value)


def spoken_text(value: object) -> str:
    """What a screen reader says: nothing shortened that would lose meaning."""
    match value:
        case Amount():
            number = "hidden amount" if amounts_hidden() else exact_units(value.value, value.decimals)
            return f"{number} {value.unit}".strip()
        case AddressCell():
            return f"{value.label} {value.address}".strip()
        case EvidenceCell():
            return f"{value.evidence.kind.value} {value.evidence.ref}, {value.evidence.words}"
        case HashCell():
            return value.value
    return shown_text(value)


def sort_key(value: object) -> tuple[int, int | str]:
    """Numbers by size before texts by letters."""
    match value:
        case Amount():
            return 0, value.value
        case TimeCell():
            return 0, value.ms
        case int():
            return 0, value
        case AddressCell():
            return 1, (value.label or value.address).casefold()
    return 1, shown_text(value).casefold()


def moment(ms: int) -> str:
    """A UTC time to the second; the year only when it is another one."""
    if not ms:
        return "–"
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.strftime("%d %b %H:%M:%S" if at.year == datetime.now(UTC).year else "%d %b %Y %H:%M:%S")
