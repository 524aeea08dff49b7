"""Many proofs at once: from CSV or JSON, by hand or from a watched folder. Each row stands for itself, and none is taken twice.

CSV: a heading and the columns ``contributor, activity, score, evidence`` and, where wanted, ``reward`` (AZR), ``deadline`` (UTC, as
ISO 8601) and ``url``. JSON: a list of objects with the same names. ``evidence`` is a file beside the list, or an ``https://``
address, which is fetched; ``url`` beside a file is kept as where it came from.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.core.errors import Conflict, ConsoleError, Invalid
from app.core.money import parse_units
from app.mining.proofs import ProofDraft, ProofRow
from app.wallets import csvfile, strict_json

if TYPE_CHECKING:
    from app.core.jobs import Job
    from app.mining.fetching import Fetched, Missed

MOST_ROWS = 10_000
MOST_BYTES = 16 * 2**20
TOO_LARGE = ("The list is larger than 16 MiB. Nothing was queued.", "Split it.")
COLUMNS = {
    "contributor": ("contributor", "address", "account"),
    "activity": ("activity",),
    "score": ("score",),
    "evidence": ("evidence", "file"),
    "reward": ("reward", "reward azr"),
    "deadline": ("deadline", "valid until"),
    "url": ("url", "link"),
}
REQUIRED = ("contributor", "activity", "score", "evidence")
Fetching = Callable[[Sequence[str]], Awaitable[Mapping[str, "Fetched | Missed"]]]
Resolve = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class IntakeRow:
    """A row as it was read: a draft, or the problem. ``line`` counts from 1, in JSON the elements."""

    line: int
    draft: ProofDraft | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IntakeOutcome:
    """What became of a row: the proof it is now, or why it was not queued. ``known`` rows are queued or minted already."""

    line: int
    number: int | None
    status: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of a file."""

    name: str
    outcomes: tuple[IntakeOutcome, ...] = field(default=())

    @property
    def queued(self) -> int:
        """How many rows are proofs now."""
        return sum(outcome.number is not None for outcome in self.outcomes)

    @property
    def refused(self) -> int:
        """How many can never be, as they stand."""
        return sum(outcome.status == "refused" for outcome in self.outcomes)

    @property
    def known(self) -> int:
        """How many were proofs before."""
        return sum(outcome.status == "known" for outcome in self.outcomes)


class Submit(Protocol):
    """Queues one proof on a network; ``found`` is what its address gave, where that was fetched already."""

    async def __call__(self, network_id: str, draft: ProofDraft, found: Fetched | Missed | None = None) -> ProofRow:
        """See :meth:`Mining.submit`."""


class Intake:
    """Reads lists of proofs and submits them one by one.

    Args:
        submit: queues one proof on a network.
        resolve: the address behind a label.
        fetch: what addresses give.
    """

    def __init__(self, submit: Submit, resolve: Resolve, fetch: Fetching) -> None:
        self._fetch = fetch
        self._submit = submit
        self._resolve = resolve

    async def read(self, data: bytes, folder: Path) -> list[IntakeRow]:
        """The rows of a list, each checked for itself. Evidence lies in ``folder`` or below.

        Raises:
            Invalid: the file as a whole cannot be read; nothing was queued.
        """
        if len(data) > MOST_BYTES:
            raise Invalid(*TOO_LARGE, field="file")
        found = await asyncio.to_thread(_rows, data)
        return [
            IntakeRow(line, None, problem) if problem else await self._row(line, cells, folder) for line, cells, problem in found
        ]

    async def draft(self, cells: Mapping[str, str], folder: Path | None = None) -> ProofDraft:
        """One proof as words name it, by the columns of a list.

        Args:
            folder: where its evidence lies, here or below; without it a person names a file of this machine.

        Raises:
            Invalid: a word is missing or cannot be read; nothing was queued.
            NotFound: no such contributor.
        """
        missing = [name for name in REQUIRED if not cells.get(name)]
        if missing:
            raise Invalid(f"The {missing[0]} is missing. Nothing was queued.")
        if not re.fullmatch(r"[0-9]{1,3}", cells["score"]):
            raise Invalid(f"“{cells['score']}” is no score. Nothing was queued.", "Scores are whole numbers.")
        path, url = _evidence(cells, folder)
        return ProofDraft(
            contributor=await self._resolve(cells["contributor"]),
            activity=cells["activity"],
            score=int(cells["score"]),
            evidence_path=path,
            url=url,
            reward=parse_units(cells["reward"], 18, unit="AZR") if cells.get("reward") else None,
            deadline=_deadline(cells["deadline"]) if cells.get("deadline") else None,
        )

    async def take(self, network_id: str, name: str, rows: Sequence[IntakeRow], job: Job | None = None) -> IntakeReport:
        """Queue what can be queued. A row that is queued already is told as known, so a list may be taken again.

        Rows whose evidence is an address come last and are fetched together: no slow server holds up the others.
        """
        outcomes: list[IntakeOutcome] = []
        addresses = [row for row in rows if row.draft is not None and row.draft.is_address]
        found: Mapping[str, Fetched | Missed] = {}
        for row in [*(row for row in rows if row.draft is None or not row.draft.is_address), *addresses]:
            if addresses and row is addresses[0]:
                found = await self._fetch([each.draft.url for each in addresses if each.draft is not None])
            outcomes.append(await self._one(network_id, row, found))
            if job is not None:
                job.progress(len(outcomes) / len(rows), f"{len(outcomes):,} of {len(rows):,} rows")
        return IntakeReport(name, tuple(sorted(outcomes, key=lambda outcome: outcome.line)))

    async def _row(self, line: int, cells: Mapping[str, str], folder: Path) -> IntakeRow:
        try:
            return IntakeRow(line, await self.draft(cells, folder))
        except ConsoleError as error:
            return IntakeRow(line, None, error.message)

    async def _one(self, network_id: str, row: IntakeRow, found: Mapping[str, Fetched | Missed]) -> IntakeOutcome:
        if row.draft is None:
            return IntakeOutcome(row.line, None, "refused", row.problem)
        try:
            proof = await self._submit(network_id, row.draft, found.get(row.draft.url) if row.draft.is_address else None)
        except Conflict as error:
            return IntakeOutcome(row.line, None, "known", error.message)
        except ConsoleError as error:
            if error.retryable:
                raise
            return IntakeOutcome(row.line, None, "refused", error.message)
        return IntakeOutcome(row.line, proof.number, proof.status.value, proof.reason)


def _rows(data: bytes) -> list[tuple[int, Mapping[str, str], str]]:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _json_rows(csvfile.text_of(data))
    table = csvfile.read(data, COLUMNS, REQUIRED, MOST_ROWS)
    return [(row.line, row.cells, row.problem) for row in table.rows]


def _json_rows(text: str) -> list[tuple[int, Mapping[str, str], str]]:
    given = strict_json.read(text, MOST_BYTES, "Nothing was queued.")
    if not isinstance(given, list):
        raise Invalid("A list of proofs is a JSON list. Nothing was queued.", "Write [ {…}, {…} ].", field="file")
    if len(given) > MOST_ROWS:
        raise Invalid(f"The list has more than {MOST_ROWS:,} rows. Nothing was queued.", "Split it.", field="file")
    rows: list[tuple[int, Mapping[str, str], str]] = []
    for place, item in enumerate(given, 1):
        if not isinstance(item, dict):
            rows.append((place, {}, "It is no object."))
        elif extra := [name for name in item if name not in COLUMNS]:
            rows.append((place, {}, f"It has an unknown part “{extra[0][:40]}”."))
        elif odd := [name for name, value in item.items() if isinstance(value, (dict, list, bool, float))]:
            rows.append((place, {}, f"Its {odd[0]} is neither a text nor a whole number."))
        else:
            rows.append((place, {name: str(value).strip() for name, value in item.items() if value is not None}, ""))
    return rows


def _evidence(cells: Mapping[str, str], folder: Path | None) -> tuple[Path | None, str]:
    text = cells["evidence"]
    if re.match(r"https?://", text, re.IGNORECASE):
        if cells.get("url", text) not in ("", text):
            raise Invalid("Two addresses were given. Nothing was queued.", "Give the one that shows the work.", field="url")
        return None, text
    place = "beside the list" if folder is not None else "where it can be read"
    base = (folder or Path()).resolve()
    try:
        path = (base / text).resolve()
        there = path.is_file()
    except (OSError, ValueError):  # too long for a name, a NUL in it, a folder that nobody may enter
        raise Invalid(f"“{text[:40]}” is no file that can be read. Nothing was queued.", f"Put the evidence {place}.") from None
    if folder is not None and not path.is_relative_to(base):
        raise Invalid(f"The evidence {text} lies outside the folder of the list. Nothing was queued.", "Put it beside the list.")
    if not there:
        raise Invalid(f"The evidence {text} is not there. Nothing was queued.", f"Put it {place}.")
    return path, cells.get("url", "")


def _deadline(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text}” is no time. Nothing was queued.", "Write 2026-12-31T23:59:59Z.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
