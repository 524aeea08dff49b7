"""What a verification can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.contracts.verification.code import Difference
from app.core.evidence import Evidence


class Answer(StrEnum):
    """What one comparison gave."""

    MATCHES = "matches"
    METADATA = "only the metadata differs"
    DIFFERS = "differs"
    UNKNOWN = "not known"


class Verdict(StrEnum):
    """What is proven, the strongest first."""

    EXACT = "exact"
    RUNTIME = "runtime"
    PARTIAL = "partial"
    DIFFERS = "differs"


SOURCE_KNOWN = (Verdict.EXACT, Verdict.RUNTIME)  # the metadata's hash of the sources agrees too
STATEMENTS: Mapping[Verdict, str] = {
    Verdict.EXACT: "The creation code is that of this source with these settings, and running its constructor again gives every "
    "byte that is on the chain, immutables included.",
    Verdict.RUNTIME: "The code on the chain is that of this source with these settings. What its constructor did was not "
    "reproduced: the values of immutables and the first state are read, not proven.",
    Verdict.PARTIAL: "The code on the chain does what this source does; the metadata differs: names, comments or paths of the "
    "sources, or settings that do not change the code, are others.",
    Verdict.DIFFERS: "The code on the chain is not what this source with these settings and values gives.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison, and what there is to say of it."""

    answer: Answer
    text: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict on one contract, and all that it rests on.

    Attributes:
        statement: exactly what is proven, in a sentence.
        creation: the code that the creating transaction ran, against the compiler's.
        runtime: the code that is there now, against the compiler's; immutables and addresses of libraries aside.
        replay: the code that is there now, against what the constructor returns in our own EVM; nothing aside.
        arguments: name, type and value of the constructor's arguments as the chain has them.
        immutables: name and value (``0x…``) as the chain has them.
        libraries: address by ``file:Name`` as the chain has them.
    """

    name: str
    source: str
    address: str
    verdict: Verdict
    statement: str
    creation: Check
    runtime: Check
    replay: Check
    differences: tuple[Difference, ...]
    arguments: tuple[tuple[str, str, object], ...] = ()
    immutables: tuple[tuple[str, str], ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    tx: str = ""
    evidence: tuple[Evidence, ...] = ()
