"""Plans live as promised: confirmed as previewed, stopped between steps, waiting for unlock, refused by role."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.roles import Role
from app.core.errors import Conflict, Denied, Waiting
from app.core.secret import Secret
from app.operations.plans import PlanState, StepSpec, StepState, Target
from app.operations.steps import Happened, Outcome, Step, StepContext

_spec = importlib.util.spec_from_file_location("console_program", Path(__file__).parents[1] / "faults" / "console_program.py")
assert _spec and _spec.loader
program = importlib.util.module_from_spec(_spec)
sys.modules["console_program"] = program
_spec.loader.exec_module(program)


def told(folder: Path, story: Callable[[Any], Awaitable[None]]) -> None:
    async def tell() -> None:
        room = await program.Room(folder).open()
        try:
            await story(room)
        finally:
            await room.close()

    asyncio.run(tell())


def test_a_plan_is_done_with_a_receipt_that_matches(tmp_path: Path) -> None:
    async def story(room: Any) -> None:
        plan = await room.operations.execute((await room.planned("one", "two")).id)
        assert (plan.name, plan.state) == ("PLN-0001", PlanState.DONE)
        assert plan.receipt.matches
        head = await room.journal.head()
        assert (plan.receipt.journal_after, plan.receipt.journal_head) == (head.sequence, head.entry_hash)
        texts = [entry.text for entry in await room.journal.page(plan_id=plan.id)]
        assert texts[0] == "PLN-0001 is done: Write words." and "?" not in "".join(texts)
        assert (await room.planned("three")).name == "PLN-0002"

    told(tmp_path, story)


def test_what_changed_since_the_preview_is_not_confirmed(tmp_path: Path) -> None:
    async def story(room: Any) -> None:
        plan = await room.planned("one")
        kind = room.operations._kinds["test.write"]

        async def moved(plan: Any) -> Any:
            return replace(await kind.previewer(plan), effects=())

        room.operations.register_kind(replace(kind, previewer=moved))
        with pytest.raises(Conflict, match="no longer those you saw. The .* would stay as it is. Nothing was confirmed"):
            await room.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        after = await room.operations.get(plan.id)
        assert after.state is PlanState.PREVIEWED and after.preview_digest != plan.preview_digest
        assert not room.world.exists()

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("role", "environment", "allowed"),
    [
        (Role.ADMINISTRATOR, "production", True),
        (Role.DEVELOPER, "production", False),
        (Role.DEVELOPER, "test", True),
        (Role.AUDITOR, "local", False),
    ],
)
def test_roles_confirm_what_they_may(tmp_path: Path, role: Role, environment: str, allowed: bool) -> None:
    async def story(room: Any) -> None:
        await room.access.set_role(role)
        target = Target(program.TARGET.kind, "x", "Azora", environment, quick=True)
        spec = StepSpec("test.write", "Write", {"word": "one"})
        plan = await room.operations.plan("test.write", "Write", target, {}, [spec])
        confirm = room.operations.execute(plan.id, statement="Azora")
        if allowed:
            assert (await confirm).state is PlanState.DONE
        else:
            with pytest.raises(Denied):
                await confirm
            assert not room.world.exists()

    told(tmp_path, story)


def test_production_asks_to_type_its_name(tmp_path: Path) -> None:
    async def story(room: Any) -> None:
        target = Target(program.TARGET.kind, "x", "Azora", "production")
        spec = StepSpec("test.write", "Write", {"word": "one"})
        plan = await room.operations.plan("test.write", "Write", target, {}, [spec])
        with pytest.raises(Denied, match="Azora"):
            await room.operations.execute(plan.id, statement="azora!")

    told(tmp_path, story)


class Scripted(Step):
    """A step whose world answers as the script says, then DONE."""

    needs_key = True

    def __init__(self, script: list[Happened], acted: list[object], during: Callable[[], Awaitable[object]] | None = None) -> None:
        self.script, self.acted, self.during = script, acted, during

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        if self.during:
            await self.during()
        return {"n": context.index}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        self.acted.append(dict(prepared))

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        return Outcome(self.script.pop(0) if self.script else Happened.DONE)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.sampled_from([Happened.UNKNOWN, Happened.NOT_DONE]), max_size=3))
def test_only_not_done_acts_again_and_always_with_the_same_bytes(tmp_path: Path, script: list[Happened]) -> None:
    acted: list[object] = []
    expected = 1 + script.count(Happened.NOT_DONE)

    async def story(room: Any) -> None:
        room.operations.register_step("test.write", lambda plan, spec: Scripted(script, acted))
        plan = await room.operations.draft("test.write", "W", program.TARGET, {}, [StepSpec("test.write", "W", {"word": "w"})])
        room.world.write_text("w 1\n")
        assert (await room.operations.execute(plan.id)).state is PlanState.DONE
        assert acted == [{"n": 0}] * expected

    told(tmp_path, story)


def test_stopped_while_preparing_the_step_is_disowned_and_never_acts(tmp_path: Path) -> None:
    acted: list[object] = []

    async def story(room: Any) -> None:
        plan = await room.planned("one", "two")
        room.operations.register_step("test.write", lambda p, s: Scripted([], acted, lambda: room.operations.stop(plan.id)))
        ended = await room.operations.execute(plan.id)
        assert ended.state is PlanState.DISOWNED and acted == []
        assert [step.state for step in ended.steps] == [StepState.DISOWNED, StepState.SKIPPED]
        assert "will never act it" in ended.reason and "Not begun: step 2" in ended.reason

    told(tmp_path, story)


class Elsewhere(Scripted):
    """A step whose signature somebody else brings, some day or soon."""

    def __init__(self, acted: list[object], soon: bool) -> None:
        super().__init__([], acted)
        self.soon, self.there, self.asked = soon, False, 0

    async def given_out(self, context: StepContext) -> bool:
        return self.asked > 0

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        self.asked += 1
        if not self.there:
            raise Waiting("Waits for somebody else.", soon=self.soon)
        return {"n": context.index}


def test_a_wish_to_stop_that_comes_while_a_run_ends_is_heard(tmp_path: Path) -> None:
    """After the run last looked for a wish, and before others see that nobody runs the plan any more."""
    step = Elsewhere([], soon=False)

    async def story(room: Any) -> None:
        room.operations.register_step("test.write", lambda p, s: step)
        plan = await room.planned("one")
        runner = room.operations._runner
        look, told_to_stop = runner._stop_requested, []

        async def looked(plan_id: str) -> bool:
            answer = await look(plan_id)
            if step.asked and not told_to_stop:
                told_to_stop.append(plan_id)
                await room.operations.stop(plan_id)
            return answer

        runner._stop_requested = looked
        ended = await room.operations.execute(plan.id)
        assert told_to_stop and ended.state is PlanState.STOPPED and step.acted == []

    told(tmp_path, story)


def test_a_plan_waits_for_somebody_elsewhere_and_goes_on_when_it_is_told(tmp_path: Path) -> None:
    """Other effects by then are no reason to stop: what was given out must come back unchanged."""
    step = Elsewhere([], soon=False)

    async def story(room: Any) -> None:
        room.operations.register_step("test.write", lambda p, s: step)
        plan = await room.planned("one")
        waiting = await room.operations.execute(plan.id)
        assert (waiting.state, waiting.reason, step.asked) == (PlanState.WAITING, "Waits for somebody else.", 1)
        assert [(p.state, p.reason) for p in await room.operations.recover()] == [(PlanState.WAITING, "Waits for somebody else.")]
        kind, step.there = room.operations._kinds["test.write"], True

        async def moved(plan: Any) -> Any:
            return replace(await kind.previewer(plan), effects=())

        room.operations.register_kind(replace(kind, previewer=moved))
        room.world.write_text("one 1\n")
        assert (await room.operations.go_on(plan.id)).state is PlanState.DONE and len(step.acted) == 1
        with pytest.raises(Conflict):
            await room.operations.go_on(plan.id)

    told(tmp_path, story)


@pytest.mark.parametrize("soon", [True, False])
def test_a_plan_that_waits_for_somebody_elsewhere_can_be_stopped(tmp_path: Path, soon: bool) -> None:
    step = Elsewhere([], soon)

    async def story(room: Any) -> None:
        room.operations.register_step("test.write", lambda p, s: step)
        plan = await room.planned("one")
        async with asyncio.TaskGroup() as group:
            running = group.create_task(room.operations.execute(plan.id))
            while (await room.operations.get(plan.id)).state is not PlanState.WAITING:
                await asyncio.sleep(0.01)
            await room.operations.stop(plan.id)
        ended = await room.operations.get(plan.id)
        assert ended.state is PlanState.STOPPED and step.acted == [] and "Stopped before step 1" in ended.reason
        assert running.result().state in (PlanState.STOPPED, PlanState.WAITING)

    told(tmp_path, story)


def test_a_locked_console_keeps_unsigned_steps_waiting_until_unlock(tmp_path: Path) -> None:
    acted: list[object] = []

    async def story(room: Any) -> None:
        await room.access.set_passphrase(None, Secret("four random words"))
        plan = await room.planned("one")
        room.world.write_text("one 1\n")
        room.operations.register_step("test.write", lambda p, s: Scripted([], acted))
        await room.operations.confirm(plan.id, preview_digest=plan.preview_digest)
        await room.access.lock()
        waiting = await room.operations.run(plan.id)
        assert waiting.state is PlanState.WAITING and "unlocked" in waiting.reason and acted == []
        with pytest.raises(Denied):
            await room.access.unlock(Secret("five random words"))
        await room.access.unlock(Secret("four random words"))
        assert (await room.operations.run(plan.id)).state is PlanState.DONE

    told(tmp_path, story)
