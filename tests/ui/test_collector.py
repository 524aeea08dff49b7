"""Garbage that holds widgets is collected between events, in the thread that owns them; never where a worker allocates."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt, QThread
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from ui.collector import BURST, THRESHOLDS, Collector


class Ring:
    """One end of a cycle around a widget; it notes which thread lets go of it."""

    gone: list[int] = []

    def __init__(self) -> None:
        self.widget = QWidget()
        self.widget.ring = self  # type: ignore[attr-defined]

    def __del__(self) -> None:
        Ring.gone.append(threading.get_ident())


@pytest.fixture(scope="module", autouse=True)
def garbage() -> None:
    """The tests here have collectors of their own, or none."""


@pytest.fixture
def collector(qapp: Any) -> Iterator[Collector]:
    Ring.gone.clear()
    made = Collector()
    yield made
    made.stop()
    made.deleteLater()


def allocate() -> None:
    """Objects enough for several automatic collections, which happen in the thread that makes them."""
    kept = [[[]] for _ in range(40 * THRESHOLDS[0])]
    kept.clear()


def in_a_worker(work: Any) -> None:
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()


def test_a_worker_that_allocates_destroys_no_widget_and_the_window_s_loop_does(collector: Collector, qtbot: Any) -> None:
    rings = 50
    for _ in range(rings):
        Ring()
    in_a_worker(allocate)
    assert Ring.gone == []
    kept = [[] for _ in range(THRESHOLDS[0] + 1)]
    qtbot.waitUntil(lambda: len(Ring.gone) == rings, timeout=5_000)
    assert set(Ring.gone) == {threading.get_ident()}
    assert kept


def test_without_it_a_worker_would_have_been_the_one(qapp: Any) -> None:
    """The reason for the collector: the same cycle, collected automatically, ends in the thread that allocates."""
    from PySide6.QtCore import QObject

    class Loop:
        def __init__(self) -> None:
            self.held, self.me = QObject(), self

        def __del__(self) -> None:
            Ring.gone.append(threading.get_ident())

    Ring.gone.clear()
    gc.collect()
    Loop()
    in_a_worker(allocate)
    assert Ring.gone and Ring.gone[0] != threading.get_ident()


def test_what_is_still_in_use_stays(collector: Collector, qtbot: Any) -> None:
    ring = Ring()
    allocate()
    gc.collect()
    qtbot.wait(50)
    assert isValid(ring.widget) and Ring.gone == []
    assert ring.widget.thread() is QThread.currentThread()


def test_the_oldest_generation_that_is_due_is_collected(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: asked.append(generation) or 0)
    for counts, expected in (
        ((0, 0, 0), []),
        ((*THRESHOLDS, 0), []),
        ((THRESHOLDS[0] + 1, 0, 0), [0]),
        ((THRESHOLDS[0] + 1, THRESHOLDS[1] + 1, 0), [1]),
        ((0, 0, 1_000), []),
    ):
        asked.clear()
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        collector.collect()
        assert asked == expected


def test_what_outlived_two_collections_is_looked_at_again_while_the_reader_is_elsewhere(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.collect_all()
    Ring.gone.clear()
    ring = Ring()
    monkeypatch.setattr(gc, "get_count", lambda: (0, THRESHOLDS[1] + 1, 0))
    collector.collect()
    del ring
    collector.collect()
    assert Ring.gone == []
    elsewhere = collector._moved
    elsewhere(Qt.ApplicationState.ApplicationInactive)
    assert Ring.gone == []  # the last look at everything is too fresh
    monkeypatch.setattr("ui.collector.AWAY_S", -1)
    elsewhere(Qt.ApplicationState.ApplicationActive)
    assert Ring.gone == []
    elsewhere(Qt.ApplicationState.ApplicationInactive)
    assert Ring.gone == [threading.get_ident()]


def test_a_burst_of_data_is_not_looked_at_and_cycles_in_it_go_with_the_next_look_at_everything(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.collect_all()
    Ring.gone.clear()
    before = gc.get_freeze_count()
    Ring()
    data = [[[]] for _ in range(BURST)]
    collector.collect()
    assert Ring.gone == [] and gc.get_freeze_count() > before + BURST
    monkeypatch.setattr("ui.collector.LONGEST_S", -1)
    collector.collect()
    assert Ring.gone == [threading.get_ident()] and len(data) == BURST


def test_python_has_its_collector_back_at_the_end(qapp: Any) -> None:
    made = Collector()
    assert not gc.isenabled() and gc.get_freeze_count() > 0
    made.stop()
    assert gc.isenabled() and gc.get_freeze_count() == 0
