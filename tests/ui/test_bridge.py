"""The one way between the service loop and Qt: everything is answered on Qt's thread, once, or not at all when nobody is left."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from app.core.errors import Cancelled, Conflict, Invalid, Unavailable
from app.core.events import Event, HeadChanged, Notice, PlanChanged
from ui.bridge import Bridge

START_MS = 60_000


@pytest.fixture(scope="module")
def module_bridge(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    bridge = Bridge()
    bridge.start(tmp_path_factory.mktemp("home"))
    end = time.monotonic() + START_MS / 1000
    while not bridge.is_ready and time.monotonic() < end:
        qapp.processEvents()
        time.sleep(0.005)
    assert bridge.is_ready
    yield bridge
    bridge.stop()


@pytest.fixture
def bridge(module_bridge: Bridge, qtbot: Any) -> Bridge:
    qtbot.wait(30)  # events of an earlier test have come
    return module_bridge


async def number() -> int:
    return 7


async def refuse() -> None:
    raise Conflict("Nonce 4 was used elsewhere. This plan sent nothing.", "Preview again.")


async def break_down() -> None:
    raise ZeroDivisionError("a bug")


async def for_ever() -> None:
    await asyncio.sleep(3600)


def test_work_runs_on_the_service_thread_and_its_answer_comes_on_qt_s(bridge: Bridge, qtbot: Any) -> None:
    told: list[tuple[int, int]] = []

    async def where() -> int:
        return threading.get_ident()

    bridge.run(where, then=lambda there: told.append((there, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(told))
    there, here = told[0]
    assert here == threading.get_ident() != there


def test_an_expected_error_goes_to_who_takes_it_else_to_the_window(bridge: Bridge, qtbot: Any) -> None:
    taken, problems = [], []
    bridge.problem.connect(problems.append)
    bridge.run(refuse, fail=lambda error: taken.append(error) or True)
    qtbot.waitUntil(lambda: bool(taken))
    bridge.run(refuse, fail=lambda error: False)
    qtbot.waitUntil(lambda: len(problems) == 1)
    bridge.run(refuse)
    qtbot.waitUntil(lambda: len(problems) == 2)
    assert {str(error) for error in (*taken, *problems)} == {str(taken[0])} and isinstance(taken[0], Conflict)
    bridge.problem.disconnect(problems.append)


def test_any_other_error_is_a_bug_and_who_waits_is_told_too(bridge: Bridge, qtbot: Any) -> None:
    failed: list[Any] = []
    with qtbot.waitSignal(bridge.bug) as bug:
        bridge.run(break_down, fail=lambda error: failed.append(error) or True)
    assert isinstance(bug.args[0], ZeroDivisionError)
    assert "went wrong" in str(failed[0])


@pytest.mark.parametrize("work", [number, refuse, break_down])
def test_it_is_busy_exactly_while_it_works(bridge: Bridge, qtbot: Any, work: Any) -> None:
    said: list[tuple[str, bool]] = []
    note = lambda label, begins: said.append((label, begins))  # noqa: E731 - it is disconnected by name
    bridge.busy.connect(note)
    bridge.run(work, label="Counting", fail=lambda error: True)
    assert said == [("Counting", True)]
    qtbot.waitUntil(lambda: len(said) == 2)
    assert said[1] == ("Counting", False)
    bridge.busy.disconnect(note)


def test_a_cancelled_call_stops_and_nobody_is_called(bridge: Bridge, qtbot: Any) -> None:
    began, ended, told = threading.Event(), threading.Event(), []

    async def work() -> None:
        began.set()
        try:
            await for_ever()
        finally:
            ended.set()

    handle = bridge.run(work, then=told.append, fail=lambda error: told.append(error) or True)
    assert began.wait(5)
    handle.cancel()
    assert ended.wait(5)
    qtbot.wait(50)
    assert told == []


def test_cancelled_before_it_began_it_does_nothing_and_is_not_busy_any_more(bridge: Bridge, qtbot: Any) -> None:
    told: list[object] = []
    note = lambda label, begins: told.append((label, begins))  # noqa: E731 - it is disconnected by name

    async def work() -> None:
        told.append("worked")

    bridge.busy.connect(note)
    for _ in range(200):
        bridge.run(work, then=told.append, label="Short").cancel()
    qtbot.waitUntil(lambda: told.count(("Short", False)) == 200)
    bridge.busy.disconnect(note)
    # The loop may have taken the first step of one before it was cancelled; it never tells its answer.
    assert None not in told and told.count("worked") < 200


def test_work_that_gives_up_by_itself_is_no_problem(bridge: Bridge, qtbot: Any) -> None:
    problems: list[object] = []

    async def give_up() -> None:
        raise Cancelled("Cancelled.")

    bridge.problem.connect(problems.append)
    bridge.run(give_up)
    qtbot.wait(100)
    bridge.problem.disconnect(problems.append)
    assert problems == []


def test_nobody_is_called_for_an_owner_that_is_gone(bridge: Bridge, qtbot: Any) -> None:
    owner, told, go = QObject(), [], threading.Event()

    async def work() -> int:
        await asyncio.to_thread(go.wait, 5)
        return 1

    bridge.run(work, then=told.append, owner=owner)
    bridge.on(Notice, told.append, owner)
    owner.deleteLater()
    qtbot.wait(20)
    go.set()
    bridge.console.bus.publish(Notice("hello"))
    qtbot.wait(100)
    assert told == []


# events


def test_of_many_events_about_one_thing_the_newest_comes(bridge: Bridge, qtbot: Any) -> None:
    heard: list[Any] = []
    owner = QObject()
    bridge.on(PlanChanged, heard.append, owner)

    async def publish() -> None:
        for count in range(1000):
            bridge.console.bus.publish(PlanChanged("plan-1", f"state {count}"))
            bridge.console.bus.publish(PlanChanged("plan-2", "done"))

    bridge.run(publish)
    qtbot.waitUntil(lambda: any(event.state == "state 999" for event in heard if event.plan_id == "plan-1"))
    assert len(heard) < 200
    assert heard[-1].state in ("state 999", "done") and {event.plan_id for event in heard} == {"plan-1", "plan-2"}
    owner.deleteLater()


def test_one_listener_s_failure_takes_the_event_from_nobody_else(bridge: Bridge, qtbot: Any) -> None:
    heard: list[Any] = []
    owner = QObject()

    def fails(event: object) -> None:
        raise KeyError("a listener's bug")

    bridge.on(Notice, fails, owner)
    bridge.on(Notice, heard.append, owner)
    with qtbot.waitSignal(bridge.bug) as bug:
        bridge.console.bus.publish(Notice("hello"))
    qtbot.waitUntil(lambda: bool(heard))
    assert isinstance(bug.args[0], KeyError)
    owner.deleteLater()


def test_a_listener_hears_its_kind_only(bridge: Bridge, qtbot: Any) -> None:
    heads: list[Any] = []
    everything: list[Any] = []
    owner = QObject()
    bridge.on(HeadChanged, heads.append, owner)
    bridge.on(Event, everything.append, owner)
    bridge.console.bus.publish(Notice("one"))
    qtbot.waitUntil(lambda: bool(everything))
    assert heads == []
    owner.deleteLater()


# life


def test_before_the_console_is_up_a_call_says_so(qtbot: Any) -> None:
    bridge, told = Bridge(), []
    with pytest.raises(Unavailable, match="still starting"):
        bridge.console  # noqa: B018 - asking is the act
    bridge.run(number, fail=lambda error: told.append(error) or True)
    assert isinstance(told[0], Unavailable)
    bridge.stop()


def test_a_home_that_cannot_be_used_is_told(qtbot: Any, tmp_path: Any) -> None:
    file = tmp_path / "a file"
    file.write_text("not a folder")
    bridge = Bridge()
    with qtbot.waitSignal(bridge.failed, timeout=START_MS) as failed:
        bridge.start(file / "home")
    assert isinstance(failed.args[0], Exception) and not bridge.is_ready
    bridge.stop()


def test_stopped_at_once_it_ends_soon_and_says_nothing_more(qtbot: Any, tmp_path: Any) -> None:
    bridge, ready = Bridge(), []
    bridge.ready.connect(lambda: ready.append(True))
    bridge.start(tmp_path)
    began = time.monotonic()
    bridge.stop()
    assert time.monotonic() - began < 10
    qtbot.wait(50)
    assert ready == [] and not bridge.is_ready


def test_an_answer_under_way_at_the_end_calls_nobody_and_the_end_does_not_wait_for_a_watch(qtbot: Any, tmp_path: Any) -> None:
    bridge, told = Bridge(), []
    with qtbot.waitSignal(bridge.ready, timeout=START_MS):
        bridge.start(tmp_path)
    answered = threading.Event()

    async def work() -> int:
        answered.set()
        return 1

    bridge.on(Notice, told.append, bridge)
    bridge.run(for_ever, then=told.append)
    bridge.run(work, then=told.append, fail=lambda error: told.append(error) or True)
    assert answered.wait(5)
    bridge.console.bus.publish(Notice("hello"))
    began = time.monotonic()
    bridge.stop()
    assert time.monotonic() - began < 3
    qtbot.wait(100)
    assert told == []
    assert not any(thread.name == "services" and thread.is_alive() and thread is bridge._thread for thread in threading.enumerate())


def test_invalid_is_not_a_bug(bridge: Bridge, qtbot: Any) -> None:
    async def refuse_input() -> None:
        raise Invalid("Not an amount. Nothing was planned.", field="amount")

    bugs: list[object] = []
    bridge.bug.connect(bugs.append)
    with qtbot.waitSignal(bridge.problem) as problem:
        bridge.run(refuse_input)
    bridge.bug.disconnect(bugs.append)
    assert problem.args[0].field == "amount" and bugs == []


class Kept(QWidget):
    """A widget that notes which thread lets go of it."""

    gone: list[int] = []

    def __del__(self) -> None:
        Kept.gone.append(threading.get_ident())


@pytest.mark.parametrize("how", ["answer", "error", "bug", "cancelled"])
def test_a_widget_that_only_a_call_still_knew_is_let_go_of_on_qt_s_thread(bridge: Bridge, qtbot: Any, how: str) -> None:
    """A widget destroyed on the service thread can be one that Qt is dressing or painting at that moment."""
    Kept.gone.clear()
    calls = 150

    def call() -> None:
        widget = Kept()

        async def work() -> str:
            name = widget.objectName()
            await asyncio.sleep(0)
            if how == "error":
                raise Conflict(f"{name} did not work. Nothing was done.")
            if how == "bug":
                raise ZeroDivisionError(name)
            if how == "cancelled":
                raise asyncio.CancelledError
            return name

        bridge.run(work, then=lambda _: widget.objectName(), fail=lambda _: not widget.objectName())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can: whoever may be last will be
    try:
        for _ in range(calls):
            call()
            QApplication.processEvents()
        qtbot.waitUntil(lambda: len(Kept.gone) == calls, timeout=20_000)
    finally:
        sys.setswitchinterval(interval)
    assert set(Kept.gone) == {threading.get_ident()}, f"{sum(t != threading.get_ident() for t in Kept.gone)} of {calls} elsewhere"
