"""Which compiler a source asks for, and which of the pinned releases is here.

0.8.20 comes with the console. Others are npm releases of ``solc`` that a person puts into ``node_modules`` of the project (or of
``contracts``), as ``solc`` or under an alias such as ``solc-0.8.26``; ``contracts/compilers.json`` says which bytes they must have.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.contracts.toolchain import CONTRACTS
from app.core.errors import Unavailable

DEFAULT = "0.8.20"
# Oldest first: what a compiler does not know yet, its newest stands for.
EVM_VERSIONS = (
    "homestead",
    "tangerineWhistle",
    "spuriousDragon",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "berlin",
    "london",
    "paris",
    "shanghai",
    "cancun",
    "prague",
    "osaka",
)
Version = tuple[int, int, int]
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PRAGMA = re.compile(r"\bpragma\s+solidity\s+([^;]+);")
_TERM = re.compile(r"(\^|~|>=|<=|>|<|=)?\s*v?(\d+)(?:\.(\d+|[*xX]))?(?:\.(\d+|[*xX]))?")
_HYPHEN = re.compile(r"(\d[\d.]*)\s+-\s+(\d[\d.]*)")


@dataclass(frozen=True, slots=True)
class Release:
    """One npm release of the compiler: what it says it is, the newest EVM that it knows, and the bytes it must have."""

    version: str
    long: str
    evm: str
    sha256: str

    def evm_version(self, wanted: str) -> str:
        """``wanted`` as far as this compiler knows it (Foundry does the same)."""
        known = EVM_VERSIONS.index(self.evm)
        return self.evm if wanted in EVM_VERSIONS and EVM_VERSIONS.index(wanted) > known else wanted


@functools.cache
def releases(table: Path = CONTRACTS / "compilers.json") -> Mapping[str, Release]:
    """All releases that may be used, oldest first."""
    entries = json.loads(table.read_text(encoding="utf-8"))["compilers"]
    return {str(entry["version"]): Release(**entry) for entry in entries}


def release(version: str) -> Release:
    """The release of that version.

    Raises:
        Unavailable: none such is in the table.
    """
    try:
        return releases()[version]
    except KeyError:
        raise Unavailable(
            f"solc {version} is not among the compilers whose bytes are known. Nothing was compiled.",
            f"Set one of {', '.join(releases())} in the project's settings.",
        ) from None


_checked: set[tuple[Path, int, int]] = set()


def find(version: str, places: Iterable[Path]) -> Path:
    """The ``soljson.js`` of a release in one of ``places`` (folders called ``node_modules``), its bytes checked once per process.

    Raises:
        Unavailable: it is in none of them, or has other bytes; it is not used.
    """
    wanted, refused = release(version), ""
    for file in _candidates(version, places):
        said = file.stat()
        mark = (file, said.st_mtime_ns, said.st_size)
        if mark in _checked:
            return file
        if hashlib.sha256(file.read_bytes()).hexdigest() == wanted.sha256:
            _checked.add(mark)
            return file
        refused = f" The soljson.js in {file.parent} is not that release (SHA-256 differs)."
    raise Unavailable(
        f"The project asks for solc {version}, which is not here.{refused} Nothing was compiled.",
        f"Run in the project: npm install --save-dev --ignore-scripts solc@{version}",
    )


def _candidates(version: str, places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        for name in (f"solc-{version}", "solc"):
            file = place / name / "soljson.js"
            if file.is_file() and _version_of(place / name) == version:
                yield file


def _version_of(package: Path) -> str:
    try:
        return str(json.loads((package / "package.json").read_text(encoding="utf-8")).get("version", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def choose(sources: Mapping[str, str], places: Iterable[Path]) -> str:
    """The compiler that all ``pragma solidity`` allow: 0.8.20 where it may be, else the newest that is here.

    Raises:
        Unavailable: none of the known releases is allowed by all, or none of those allowed is here.
    """
    wishes = {wish: name for name, text in sources.items() for wish in pragmas(text)}
    fitting = [version for version in releases() if all(allows(wish, version) for wish in wishes)]
    if DEFAULT in fitting:
        return DEFAULT
    places = list(places)
    for version in reversed(fitting):
        if any(True for _ in _candidates(version, places)):
            return version
    wish, name = next((item for item in wishes.items() if not allows(item[0], DEFAULT)), ("", ""))
    if fitting:
        raise Unavailable(
            f"{name} asks for solidity {wish}; solc {DEFAULT}, which is here, is not that. Nothing was compiled.",
            f"Run in the project: npm install --save-dev --ignore-scripts solc@{fitting[-1]}",
        )
    raise Unavailable(
        f"No compiler whose bytes are known fits all sources: {name} asks for solidity {wish}. Nothing was compiled.",
        f"Known are {', '.join(releases())}. Change the pragma, or set a version in the project's settings.",
    )


def pragmas(text: str) -> list[str]:
    """What the source asks for, blanks evened out: ``^0.8.20``."""
    return [" ".join(wish.split()) for wish in _PRAGMA.findall(_COMMENT.sub(" ", text))]


def allows(wish: str, version: str) -> bool:
    """Whether a version fits a range as npm writes it (``^0.8.0``, ``>=0.7 <0.9``, ``0.8.*``, ``a - b``, ``||``).

    What cannot be read allows everything: the compiler then says so itself.
    """
    at = _triple(version.split("."))
    return any(_allows_all(part, at) for part in wish.replace('"', "").replace("'", "").split("||"))


def _allows_all(part: str, at: Version) -> bool:
    part = _HYPHEN.sub(r">=\1 <=\2", part)
    return all(_allows(term.groups(), at) for term in _TERM.finditer(part))


def _allows(term: tuple[str | None, ...], at: Version) -> bool:
    sign, numbers = term[0] or "=", [text for text in term[1:] if text is not None and text.isdigit()]
    low = _triple(numbers)
    if sign == "^":
        kept = next((i for i, number in enumerate(low) if number), 2)  # what is left of the first that is not 0 stays
        return low <= at < _after(low, min(kept, len(numbers) - 1))
    if sign == "~":
        return low <= at < _after(low, min(1, len(numbers) - 1))
    if sign in (">=", "<"):
        return (at >= low) == (sign == ">=")
    beyond = _after(low, len(numbers) - 1)  # of 0.8: 0.9.0
    if sign in ("<=", ">"):
        return (at < beyond) == (sign == "<=")
    return low <= at < beyond


def _triple(numbers: list[str]) -> Version:
    first, second, third = (int(text) for text in [*numbers, "0", "0", "0"][:3])
    return first, second, third


def _after(low: Version, place: int) -> Version:
    first, second, third = (*low[:place], low[place] + 1, 0, 0)[:3]
    return first, second, third
