"""A gas report as a value: read, compared with another, written as CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.core.errors import Invalid, NotFound, Unavailable

LIMIT = 24_576  # bytes of runtime code (EIP-170)
BASELINE = "gas-baseline.json"
FORMAT = 1


class Origin(StrEnum):
    """Where the figures come from, which says what they include."""

    TESTS = "tests"  # calls within tests, as forge reports them
    CHAIN = "chain"  # whole transactions: their 21,000 and call data are in it


@dataclass(frozen=True, slots=True)
class FunctionGas:
    """One function: gas of its calls."""

    signature: str
    calls: int
    least: int
    mean: int
    median: int
    most: int

    @classmethod
    def of(cls, signature: str, used: Sequence[int]) -> FunctionGas:
        """Out of what each call used; at least one."""
        return cls(signature, len(used), min(used), round(statistics.fmean(used)), round(statistics.median(used)), max(used))


@dataclass(frozen=True, slots=True)
class ContractGas:
    """One contract. ``deployment`` is the gas of its creation (0: not seen), ``size`` the bytes of its runtime code."""

    name: str
    source: str
    deployment: int
    size: int
    functions: tuple[FunctionGas, ...]

    @property
    def share(self) -> float:
        """The size as a part of what a chain takes."""
        return self.size / LIMIT

    @property
    def key(self) -> str:
        """``source:name``."""
        return f"{self.source}:{self.name}"


@dataclass(frozen=True, slots=True)
class Change:
    """A figure (gas, or bytes) that is another than in the baseline; ``before`` or ``after`` is None where there was none."""

    contract: str
    figure: str
    before: int | None
    after: int | None

    @property
    def percent(self) -> float | None:
        """By how much it grew, in percent; None where there is nothing to compare."""
        if self.before is None or self.after is None or not self.before:
            return None
        return 100 * (self.after - self.before) / self.before


@dataclass(frozen=True, slots=True)
class GasReport:
    """What was measured. ``about`` says over what: the project's name, or network and blocks."""

    origin: Origin
    about: str
    contracts: tuple[ContractGas, ...]

    def changes(self, baseline: GasReport) -> list[Change]:
        """What differs from a baseline: deployment, size, and the median of each function; the largest growth first.

        Raises:
            Invalid: the baseline was measured otherwise, so that its figures mean something else.
        """
        if baseline.origin is not self.origin:
            raise Invalid(
                f"The baseline was measured by {baseline.origin.value}, this report by {self.origin.value}. Nothing was compared.",
                "Save a baseline of the same kind.",
            )
        before, after = dict(_figures(baseline.contracts)), dict(_figures(self.contracts))
        found = [Change(*key, before.get(key), after.get(key)) for key in {**before, **after} if before.get(key) != after.get(key)]
        return sorted(found, key=lambda change: (change.percent is None, -(change.percent or 0), change.contract, change.figure))

    def grown(self, changes: Iterable[Change], tolerance: float) -> list[Change]:
        """The changes by more than ``tolerance`` percent upwards."""
        return [change for change in changes if (change.percent or 0) > tolerance]

    def to_json(self) -> str:
        """Stable text: the same figures give the same bytes."""
        body = {"format": FORMAT, "origin": self.origin.value, "about": self.about}
        return json.dumps({**body, "contracts": [dataclasses.asdict(each) for each in self.contracts]}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str) -> GasReport:
        """Read what :meth:`to_json` wrote.

        Raises:
            Invalid: it is something else; ``name`` is in the message.
        """
        try:
            body = json.loads(text)
            if body["format"] != FORMAT:
                raise ValueError(f"format {body['format']}")
            return cls(Origin(body["origin"]), str(body["about"]), tuple(_contract(each) for each in body["contracts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"{name} is no gas report of this console ({error}). Nothing was compared.", "Save one anew.") from error

    def to_csv(self) -> str:
        """One row per contract and one per function (RFC 4180)."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("contract", "source", "function", "calls", "min", "mean", "median", "max", "deployment", "size", "limit"))
        for each in self.contracts:
            writer.writerow((each.name, each.source, "", "", "", "", "", "", each.deployment, each.size, LIMIT))
            for f in each.functions:
                writer.writerow((each.name, each.source, f.signature, f.calls, f.least, f.mean, f.median, f.most, "", "", ""))
        return out.getvalue()

    def save(self, file: Path) -> Path:
        """Write it as CSV where the name ends so, else as JSON.

        Raises:
            Unavailable: the file cannot be written.
        """
        try:
            file.write_text(self.to_csv() if file.suffix.lower() == ".csv" else self.to_json(), encoding="utf-8", newline="")
        except OSError as error:
            raise Unavailable(f"{file} cannot be written ({error.strerror}). Nothing was saved.") from error
        return file


def read_baseline(file: Path) -> GasReport:
    """A report that was saved.

    Raises:
        NotFound: there is none.
        Invalid: the file is something else.
    """
    try:
        return GasReport.from_json(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError):
        raise NotFound(
            f"There is no baseline {file}. Nothing was compared.", "Save one: azora contract gas --baseline save"
        ) from None


def _contract(body: Mapping[str, Any]) -> ContractGas:
    functions = tuple(FunctionGas(**each) for each in body["functions"])
    return ContractGas(**{**body, "functions": functions})


def _figures(contracts: Iterable[ContractGas]) -> Iterator[tuple[tuple[str, str], int]]:
    for each in contracts:
        if each.deployment:
            yield (each.key, "deployment"), each.deployment
        yield (each.key, "size"), each.size
        for function in each.functions:
            yield (each.key, function.signature), function.median
