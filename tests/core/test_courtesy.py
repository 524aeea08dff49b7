"""A computation gives way while the window is at work, never on an event loop, and never for ever."""

from __future__ import annotations

import asyncio
import time

import pytest

from app.core.courtesy import Courtesy, Polite, politely


@pytest.fixture
def courtesy(monkeypatch: pytest.MonkeyPatch) -> Courtesy:
    made = Courtesy()
    monkeypatch.setattr("app.core.courtesy.courtesy", made)
    monkeypatch.setattr("app.core.courtesy.WORK_S", -1)
    return made


def test_a_computation_waits_until_the_window_has_done_its_work(courtesy: Courtesy, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: (waits.append(seconds), courtesy.end() if len(waits) == 3 else None))
    assert list(politely("ab")) == ["a", "b"] and not waits
    courtesy.begin()
    assert list(politely("ab")) == ["a", "b"] and len(waits) == 3
    assert tuple(Polite("ab")) == ("a", "b") and len(Polite("ab")) == 2


def test_an_event_loop_never_waits(courtesy: Courtesy, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: (waits.append(seconds), courtesy.end()))
    courtesy.begin()

    async def compute() -> tuple[list[str], list[str]]:
        here = list(politely("ab"))
        seen = len(waits)
        beside = await asyncio.to_thread(lambda: list(politely("ab")))
        return here if not seen else [], beside

    assert asyncio.run(compute()) == (["a", "b"], ["a", "b"]) and waits


def test_a_window_that_never_rests_stops_nothing(courtesy: Courtesy) -> None:
    courtesy.begin()
    assert list(Polite(range(3))) == [0, 1, 2]
