"""Quantities and ages as Kubernetes writes them.

Quantities follow ``apimachinery/pkg/api/resource``: a decimal number with a binary (Ki … Ei), decimal (n … E) or exponent suffix.
Ages follow ``apimachinery/pkg/util/duration.HumanDuration``, so that a table here says what ``kubectl get`` says.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from app.core.errors import Invalid

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)|[eE]([+-]?\d+))")
_SCALES = {
    "": Decimal(1),
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(2) ** (10 * power) for power, suffix in enumerate("KMGTPE", 1)},
}


def quantity(text: object) -> Decimal:
    """The exact number that a quantity stands for: ``100m`` is 0.1, ``1Gi`` is 1073741824.

    Raises:
        Invalid: it is not one.
    """
    found = _QUANTITY.fullmatch(str(text).strip())
    if found is None:
        raise Invalid(f"“{text}” is not a quantity. Nothing was changed.", "Write a number such as 250m, 2 or 512Mi.")
    number, suffix, exponent = found.groups()
    try:
        return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else _SCALES[suffix or ""])
    except (InvalidOperation, OverflowError):
        raise Invalid(f"“{text}” is too large for a quantity. Nothing was changed.") from None


def amount(text: object, default: Decimal = Decimal(0)) -> Decimal:
    """Like :func:`quantity`, but what is missing or malformed is ``default``: for reading what a server sent."""
    if text is None:
        return default
    try:
        return quantity(text)
    except Invalid:
        return default


def cpu_text(cores: Decimal | float) -> str:
    """Cores for people: ``250m``, ``1.5``."""
    milli = round(float(cores) * 1000)
    return f"{milli}m" if milli < 1000 else f"{milli / 1000:.3g}"


def bytes_text(number: Decimal | float) -> str:
    """Bytes for people in binary units: ``512 MiB``, ``1.5 GiB``."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if value >= 100 or value == int(value) else f"{value:.3g} {unit}"
        value /= 1024
    raise AssertionError


def age(since_ms: int, now_ms: int) -> str:
    """An age as ``kubectl get`` prints it: ``27s``, ``2m56s``, ``5h3m``, ``12d``; ``<unknown>`` without a time."""
    if not since_ms:
        return "<unknown>"
    seconds = (now_ms - since_ms) // 1000
    if seconds < 0:
        return "0s" if seconds >= -1 else "<invalid>"
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    if days < 2920:
        return f"{days // 365}y{days % 365}d" if days % 365 else f"{days // 365}y"
    return f"{days // 365}y"
