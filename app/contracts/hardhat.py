"""What a ``hardhat.config.(js|ts|cjs|mjs)`` says in plain letters: compiler, sources, networks. It is read, never run.

A value that only running would tell (``process.env.URL``, a function's result) is an :class:`Unread` that keeps its text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NAMES = tuple(f"hardhat.config.{ending}" for ending in ("ts", "js", "cjs", "mjs", "cts", "mts"))
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
    |(?P<number>0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?n?)
    |(?P<word>[A-Za-z_$][\w$]*)
    |(?P<sign>\.\.\.|=>|\?\?|\|\||&&|[^\s])""",
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"
DEEPEST = 40  # objects within objects


@dataclass(frozen=True, slots=True)
class Unread:
    """An expression that is not a plain value, as it is written (shortened)."""

    text: str


@dataclass(frozen=True, slots=True)
class ProjectNetwork:
    """A network of the project's configuration. ``why`` says what could not be read; that is then empty or 0."""

    name: str
    url: str = ""
    chain_id: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class HardhatConfig:
    """What could be read."""

    file: Path
    version: str = ""
    settings: Mapping[str, object] | None = None
    sources: str = "contracts"
    artifacts: str = "artifacts"
    networks: tuple[ProjectNetwork, ...] = ()
    notes: tuple[str, ...] = ()


def find(folder: Path) -> Path | None:
    """The configuration of that folder, or None."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read(file: Path) -> HardhatConfig:
    """Read it. What is not plain is in ``notes`` and in the networks' ``why``."""
    reader = _Reader(file.read_text(encoding="utf-8", errors="replace"))
    config, notes = reader.config(), []
    if not config:
        notes.append(f"{file.name} has no plain object with solidity or networks; it is not run, so nothing of it is used")
    version, settings = "", None
    solidity = config.get("solidity")
    if isinstance(solidity, Mapping) and isinstance(compilers := solidity.get("compilers"), list) and compilers:
        if len(compilers) > 1:
            notes.append("several compilers are listed; the pragmas of the sources choose")
        else:
            solidity = compilers[0]
    if isinstance(solidity, Mapping) and isinstance(profiles := solidity.get("profiles"), Mapping):
        solidity = profiles.get("default", solidity)
    if isinstance(solidity, str):
        version = solidity
    elif isinstance(solidity, Mapping):
        version = str(solidity["version"]) if isinstance(solidity.get("version"), str) else ""
        found = solidity.get("settings")
        settings = found if isinstance(found, Mapping) else None
    elif isinstance(solidity, Unread):
        notes.append(f"solidity is “{solidity.text}”, which only running the file would tell")
    paths = config.get("paths")
    plain = {key: value for key, value in paths.items() if isinstance(value, str)} if isinstance(paths, Mapping) else {}
    networks, networks_note = _networks(config.get("networks"))
    notes += networks_note
    return HardhatConfig(
        file,
        version,
        settings,
        plain.get("sources", "contracts").removeprefix("./"),
        plain.get("artifacts", "artifacts").removeprefix("./"),
        networks,
        tuple(notes),
    )


def _networks(given: object) -> tuple[tuple[ProjectNetwork, ...], list[str]]:
    if isinstance(given, Unread):
        return (), [f"networks is “{given.text}”, which only running the file would tell"]
    if not isinstance(given, Mapping):
        return (), []
    notes = [
        f"networks takes in “{value.text}”" for key, value in given.items() if key.startswith("...") and isinstance(value, Unread)
    ]
    return tuple(_network(name, value) for name, value in given.items() if not name.startswith("...")), notes


def _network(name: str, value: object) -> ProjectNetwork:
    if isinstance(value, Unread):
        return ProjectNetwork(name, why=f"it is “{value.text}”, which only running the file would tell")
    if not isinstance(value, Mapping):
        return ProjectNetwork(name, why="it is no object")
    url, chain_id = value.get("url"), value.get("chainId")
    why = [
        f"{key} is “{found.text}”, which only running the file would tell"
        for key, found in (("url", url), ("chainId", chain_id))
        if isinstance(found, Unread)
    ]
    if url is None and not why:
        why.append("it has no url: Hardhat simulates it itself")
    elif url is not None and not isinstance(url, str | Unread):
        why.append("url is no text")
    known = 0
    if isinstance(chain_id, int | float) and not isinstance(chain_id, bool):
        if 0 < chain_id < 2**53 and int(chain_id) == chain_id:
            known = int(chain_id)
        else:
            why.append("chainId is no whole number that a chain can have")
    return ProjectNetwork(name, url if isinstance(url, str) else "", known, "; ".join(why))


class _Reader:
    """Object literals out of JavaScript or TypeScript, without running any of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [
            (found.lastgroup or "", found[0], found.start()) for found in _TOKEN.finditer(text) if found.lastgroup != "skip"
        ]
        self.at = self._depth = 0
        self.constants: dict[str, object] = {}

    def config(self) -> Mapping[str, object]:
        """The object that has ``solidity`` or ``networks``: of several the one with most of it."""
        best: Mapping[str, object] = {}
        while self.at < len(self.tokens):
            kind, word, _ = self.tokens[self.at]
            if kind == "word" and word in ("const", "let", "var") and self._peek(1)[0] == "word":
                name = self._peek(1)[1]
                self.at += 2
                while self._peek()[1] not in ("=", ";", "") and not (
                    self._peek()[0] == "word" and self._peek()[1] in ("const", "let")
                ):
                    self.at += 1  # a type: ``: HardhatUserConfig``
                if self._peek()[1] == "=":
                    self.at += 1
                    self.constants[name] = found = self._value()
                    best = _fuller(best, found)
                continue
            if word == "{":
                best = _fuller(best, self._value())
                continue
            self.at += 1
        return best

    def _peek(self, ahead: int = 0) -> tuple[str, str, int]:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ("", "", len(self.text))

    def _value(self) -> object:
        """One expression up to ``,``, ``;`` or the bracket that closes what it stands in."""
        start = self.at
        found = self._simple()
        kind, word, _ = self._peek()
        if word == "as" or word == "satisfies":  # TypeScript's: the value stays
            while self._peek()[1] not in (",", ";", "", *_CLOSE):
                self.at += 1
        elif kind and word not in (",", ";", *_CLOSE) and not self._new_statement():
            return self._unread(start)
        return found

    def _new_statement(self) -> bool:
        """What stands on the next line and cannot go on with an expression."""
        kind, word, place = self._peek()
        before = self.tokens[self.at - 1]
        return "\n" in self.text[before[2] + len(before[1]) : place] and (kind == "word" and word not in ("in", "instanceof"))

    def _simple(self) -> object:
        kind, word, _ = self._peek()
        start = self.at
        if word in ("{", "[") and self._depth < DEEPEST:
            self._depth += 1
            try:
                return self._object() if word == "{" else self._array()
            finally:
                self._depth -= 1
        self.at += 1
        if kind == "text" and not (word[0] == "`" and "${" in word):
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        if kind == "number":
            return _number(word)
        if word in ("true", "false"):
            return word == "true"
        if kind == "word" and word in self.constants:
            return self.constants[word]
        return self._unread(start)

    def _object(self) -> dict[str, object]:
        found: dict[str, object] = {}
        self.at += 1
        while self._peek()[1] not in ("}", ""):
            kind, word, _ = self._peek()
            if word == ",":
                self.at += 1
            elif word == "...":
                self.at += 1
                spread = self._value()
                if isinstance(spread, Mapping):
                    found.update(spread)
                else:
                    found[f"...{len(found)}"] = spread
            elif kind in ("word", "text", "number") and self._peek(1)[1] == ":":
                self.at += 2
                found[word[1:-1] if kind == "text" else word] = self._value()
            elif kind == "word" and self._peek(1)[1] in (",", "}"):
                self.at += 1
                found[word] = self.constants.get(word, Unread(word))
            else:
                self._unread(self.at)
        self.at += 1
        return found

    def _array(self) -> list[object]:
        found: list[object] = []
        self.at += 1
        while self._peek()[1] not in ("]", ""):
            if self._peek()[1] == ",":
                self.at += 1
            else:
                found.append(self._value())
        self.at += 1
        return found

    def _unread(self, start: int) -> Unread:
        """Step over the rest of the expression."""
        if start >= len(self.tokens):
            return Unread("")
        self.at = start
        depth = 0
        while self.at < len(self.tokens):
            word = self._peek()[1]
            if depth == 0 and word in (",", ";", *_CLOSE) and self.at > start:
                break
            depth += (word in _OPEN) - (word in _CLOSE)
            self.at += 1
            if depth == 0 and self._new_statement():
                break
        begin, end = self.tokens[start][2], self._peek()[2]
        return Unread(" ".join(self.text[begin:end].split())[:80])


def _fuller(best: Mapping[str, object], found: object) -> Mapping[str, object]:
    def told(config: Mapping[str, object]) -> int:
        return sum(key in config for key in ("solidity", "networks", "paths"))

    return found if isinstance(found, Mapping) and told(found) > told(best) else best


def _number(word: str) -> int | float:
    """Its value; infinite where it is longer than anything that could be meant, or no number at all."""
    text = word.rstrip("n").replace("_", "")
    try:
        if text.lower().startswith("0x"):
            return int(text, 16)
        return float(text) if any(sign in text for sign in ".eE") else int(text)
    except ValueError:
        return math.inf
