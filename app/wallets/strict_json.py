"""JSON that every reader understands the same way.

Two programs that read one text must never see two values: a repeated key, a number that a double cannot hold, and a fraction are
told apart here instead of being rounded or dropped in silence (RFC 8259 leaves all three to the reader; RFC 7493 forbids them).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from app.core.errors import Invalid

EXACT = 2**53 - 1  # the largest integer that a double holds exactly (RFC 7493, section 2.2)
DEEPEST = 300  # brackets within each other; the parser of the standard library would run out of stack
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


@dataclass(frozen=True, slots=True)
class Inexact:
    """A number as it was written, that another reader would round or refuse."""

    text: str


def read(text: str, longest: int, done: str) -> object:
    """The value of a JSON text; numbers that are not exact integers come as :class:`Inexact`.

    Args:
        longest: characters at most.
        done: the sentence that says what was not done.

    Raises:
        Invalid: not JSON, too long, nested too deep, a key given twice, or a lone surrogate that has no UTF-8 form.
    """
    if len(text) > longest:
        raise Invalid(f"The text has {len(text):,} characters; at most {longest:,} are read. {done}", "Give a smaller one.")
    if depth(text) > DEEPEST:
        raise Invalid(f"The text is nested too deep. {done}", "Ask for the text again from its source.")

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, value in items:
            if key in made:
                raise Invalid(
                    f"The key “{brief(key)}” is given twice in one object: readers differ in which they take. {done}",
                    "Ask for the text again from its source.",
                )
            made[key] = value
        return made

    def whole(digits: str) -> object:
        return int(digits) if len(digits) <= 17 and abs(int(digits)) <= EXACT else Inexact(digits)

    try:
        text.encode("utf-8")
        value: object = json.loads(
            text, object_pairs_hook=pairs, parse_int=whole, parse_float=Inexact, parse_constant=lambda word: _constant(word, done)
        )
    except json.JSONDecodeError as error:
        raise Invalid(f"This is not JSON: line {error.lineno}, column {error.colno}. {done}", "Paste the whole text.") from None
    except UnicodeEncodeError:
        raise Invalid(f"The text holds half a character (a lone surrogate). {done}", "Copy it again from its source.") from None
    return value


def brief(value: object) -> str:
    """A value of somebody else's in an error text: visible characters only, at most 60."""
    text = value.text if isinstance(value, Inexact) else value if isinstance(value, str) else repr(value)
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def depth(text: str) -> int:
    """How deep the brackets of a text are nested, those in strings left aside.

    Asked before a parser is: some libraries raise the recursion limit so far that it would run out of stack and end the process.
    """
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _constant(word: str, done: str) -> NoReturn:
    raise Invalid(f"“{word}” is not JSON. {done}", "Ask for the text again from its source.")
