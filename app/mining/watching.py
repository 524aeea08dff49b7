"""A watched folder: lists of proofs are taken as they come, and no trouble with one of them, or with the folder, ends the watch.

A list moves to ``taken``, or to ``refused`` when none of its rows was new or known, with a report beside it. It is taken when its
size and time have stood still between two looks: half-written files wait. A trouble is told once, and again only after it was over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.errors import ConsoleError, Invalid
from app.core.events import Bus, Notice
from app.mining.intake import MOST_BYTES, TOO_LARGE

if TYPE_CHECKING:
    from app.core.jobs import Job
    from app.mining.intake import Intake

LOOK_SECONDS = 1.0
Mark = tuple[int, int]  # bytes, and nanoseconds of the last change


class Watch:
    """The watch of one folder for one network."""

    def __init__(self, intake: Intake, bus: Bus, network_id: str, folder: Path, job: Job) -> None:
        self._intake = intake
        self._bus = bus
        self._network_id = network_id
        self._folder = folder
        self._job = job
        self._taken = 0
        self._seen: dict[str, Mark] = {}
        self._settled: dict[str, tuple[Mark, str, str]] = {}  # what was taken and could not be moved: its mark, place and report
        self._told: dict[str, str] = {}  # the trouble of a list by its name; that of the folder by the empty one

    async def run(self) -> None:
        """Take every list that is put into the folder, until it is cancelled.

        Raises:
            Invalid: there is no such folder.
        """
        if not self._folder.is_dir():
            raise Invalid(f"There is no folder {self._folder}. Nothing is watched.", "Make it first.", field="folder")
        while True:
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        try:
            names = await asyncio.to_thread(self._names)
        except OSError as error:
            self._seen.clear()
            self._tell(
                "", f"The watched folder {self._folder.name} cannot be read ({error.strerror}). Its lists wait until it can."
            )
            return
        self._over("")
        for kept in (self._seen, self._settled, self._told):
            for gone in set(kept) - set(names) - {""}:
                del kept[gone]
        for name in names:
            path = self._folder / name
            try:
                mark = await asyncio.to_thread(_mark, path)
                if mark is None:
                    continue
                if self._seen.get(name) != mark:
                    self._seen[name] = mark
                    continue
                await self._take(path, mark)
            except OSError as error:
                # The system says no to this one list; the others and the next look are not concerned.
                self._tell(name, f"The list {name} cannot be read ({error.strerror}). It was not taken; the watch goes on.")

    def _names(self) -> list[str]:
        """Of what may be a list."""
        names = sorted(os.listdir(self._folder))
        return [name for name in names if name.lower().endswith((".csv", ".json")) and not name.endswith(".report.json")]

    async def _take(self, path: Path, mark: Mark) -> None:
        settled = self._settled.get(path.name)
        if settled is None or settled[0] != mark:
            try:
                place, told = await self._outcome(path, mark)
            except ConsoleError as error:  # the network does not answer: the list stays where it is
                self._tell(path.name, f"The list {path.name} waits. {error.message}")
                return
            report = json.dumps(told, indent=2, ensure_ascii=False)
            settled = self._settled[path.name] = (mark, place, report)
        _, place, report = settled
        try:
            await asyncio.to_thread(_move, path, place, report)
        except OSError as error:
            said = f"The list {path.name} was read and cannot be moved to the folder {place} ({error.strerror}). "
            self._tell(path.name, said + "It is not taken twice; it moves when that can be done.")
            return
        self._over(path.name)
        del self._settled[path.name]
        self._seen.pop(path.name, None)
        self._taken += 1
        lists = "1 list" if self._taken == 1 else f"{self._taken:,} lists"
        self._job.progress(None, f"{lists} read, the last went to {place}: {path.name}")

    async def _outcome(self, path: Path, mark: Mark) -> tuple[str, dict[str, Any]]:
        """Take one list: where it belongs now, and its report. Raises OSError, and what may be tried again."""
        try:
            if mark[0] > MOST_BYTES:
                raise Invalid(*TOO_LARGE, field="file")
            data = await asyncio.to_thread(_content, path)
            report = await self._intake.take(self._network_id, path.name, await self._intake.read(data, path.parent))
        except ConsoleError as error:
            if error.retryable:
                raise
            return "refused", {"file": path.name, "queued": 0, "problem": str(error)}
        rows = [
            {"line": outcome.line, "proof": outcome.number, "status": outcome.status, "problem": outcome.problem}
            for outcome in report.outcomes
        ]
        counts = {"queued": report.queued, "known": report.known, "refused": report.refused}
        return "taken" if report.queued or report.known else "refused", {"file": path.name, **counts, "rows": rows}

    def _tell(self, name: str, text: str) -> None:
        if self._told.get(name) != text:
            self._told[name] = text
            self._job.progress(None, text)
            self._bus.publish(Notice(text, "warn", "azora://jobs"))

    def _over(self, name: str) -> None:
        if self._told.pop(name, "") and not name:
            self._job.progress(None, f"The watched folder {self._folder.name} can be read again.")


def _mark(path: Path) -> Mark | None:
    """Size and time of a file; None of what is none. Raises OSError, also where it went away after it was listed."""
    found = path.stat()
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)  # it may have grown since; one byte too many is refused as the rest would be


def _move(path: Path, place: str, report: str) -> None:
    target = path.parent / place
    target.mkdir(exist_ok=True)
    names = itertools.chain([path.name], (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2)))
    name = next(name for name in names if not (target / name).exists())  # a list of that name from before keeps its place
    # The report first: a list that has moved has its report.
    (target / f"{name}.report.json").write_text(report, encoding="utf-8")
    os.replace(path, target / name)
