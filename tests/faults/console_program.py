"""A console with one kind of plan that writes lines to a file: ``python console_program.py HOME run|recover``.

Each step appends its own line exactly once, as a chain includes a transaction once: the file is the world, the prepared value
the signed bytes, and a line that is there already is not written again.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from app.access import Access, Vault
from app.audit.journal import Journal
from app.core.paths import Home
from app.database import Database
from app.operations.plans import Effect, Plan, Preview, StepSpec, Target, TargetKind
from app.operations.service import Operations
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

TARGET = Target(TargetKind.CONSOLE, "console", "this console", quick=True)


class Write(Step):
    """Appends one line to the world."""

    def __init__(self, world: Path, word: str) -> None:
        self.world, self.word = world, word

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        return {"line": f"{self.word} {uuid.uuid4()}"}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        if prepared["line"] not in self._lines():
            with self.world.open("a", encoding="utf-8") as file:
                file.write(f"{prepared['line']}\n")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        there = prepared["line"] in self._lines()
        return Outcome(Happened.DONE if there else Happened.NOT_DONE, {"line": prepared["line"]} if there else {})

    def _lines(self) -> list[str]:
        return self.world.read_text("utf-8").splitlines() if self.world.exists() else []


class Room:
    """The opened console: database, journal, access, operations."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder).ensure()
        self.world = folder / "world.txt"
        self.database = Database.at(home.database)
        self.journal = Journal(self.database)
        self.access = Access(self.database, Vault(home), self.journal.append)
        self.operations = Operations(self.database, self.journal, self.access)
        self.operations.register_kind(PlanKind("test.write", self.preview, self.measure, frozenset({"administrator", "developer"})))
        self.operations.register_step("test.write", lambda plan, spec: Write(self.world, str(spec.params["word"])))

    async def preview(self, plan: Plan) -> Preview:
        """The file will end with every word."""
        return Preview(effects=(self._effect(" ".join(str(step.spec.params["word"]) for step in plan.steps)),), method="dry run")

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """What the file ends with."""
        return (self._effect(" ".join(line.split()[0] for line in self.world.read_text("utf-8").splitlines())),)

    def _effect(self, words: str) -> Effect:
        return Effect("state", "world", "", words)

    async def open(self) -> Room:
        """Migrate and load."""
        await self.database.open()
        await self.access.load()
        return self

    async def planned(self, *words: str) -> Plan:
        """A previewed plan of one step a word."""
        specs = [StepSpec("test.write", f"Write {word}", {"word": word}) for word in words]
        return await self.operations.plan("test.write", "Write words", TARGET, {"words": list(words)}, specs)

    async def close(self) -> None:
        """Close all."""
        await self.operations.close()
        await self.access.close()
        await self.database.close()


async def main() -> None:
    """Run a plan of two words, or recover what a kill left."""
    room = await Room(Path(sys.argv[1])).open()
    try:
        if sys.argv[2] == "run":
            await room.operations.execute((await room.planned("one", "two")).id)
        else:
            await room.operations.recover()
    finally:
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
