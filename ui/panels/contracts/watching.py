"""A button that keeps a job at work which looks at a folder; what the job tells is heard in Qt's thread, until nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.core.events import JobChanged
from app.core.jobs import JobState

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QWidget

    from app.core.jobs import Job
    from ui.bridge import Bridge

Start = Callable[[Callable[[Any], None]], "Job"]  # given what hears, on the service loop


class Watching(QObject):
    """Watches while its button is held down.

    Args:
        start: asked in Qt's thread when watching begins; what it gives starts the job on the service loop.

    Signals:
        heard: an answer of the job; never one of a job that was stopped.
    """

    heard = Signal(object)
    _told = Signal(object, object)  # from the service thread: which watch, and its answer

    def __init__(self, bridge: Bridge, toggle: QPushButton, start: Callable[[], Start], owner: QWidget) -> None:
        super().__init__(owner)
        self._bridge, self._toggle, self._start = bridge, toggle, start
        self._watch: object | None = None
        self.job: Job | None = None
        toggle.setCheckable(True)
        toggle.toggled.connect(lambda held: toggle.setText("Stop watching" if held else "Watch"))
        toggle.clicked.connect(lambda held: self._begin() if held else self.stop())
        self._told.connect(self._hear)
        bridge.on(JobChanged, self._changed, owner)

    def stop(self) -> None:
        """Watch no longer; what the job tells after this is not heard."""
        self._toggle.setChecked(False)
        job, self.job, self._watch = self.job, None, None
        if job is not None:
            self._end(job)

    def _begin(self) -> None:
        start, watch = self._start(), object()
        self._watch = watch

        async def work() -> Job:
            return start(lambda answer: self._told.emit(watch, answer))

        def started(job: Job) -> None:
            if self._watch is watch:
                self.job = job
            else:
                self._end(job)

        self._bridge.run(work, then=started, owner=self._toggle)

    def _hear(self, watch: object, answer: object) -> None:
        if watch is self._watch:
            self.heard.emit(answer)

    def _changed(self, event: JobChanged) -> None:
        job = self.job
        if job is not None and job.id == event.job_id and job.state is not JobState.RUNNING:  # ended in the list of jobs
            self.stop()

    def _end(self, job: Job) -> None:
        async def end() -> None:
            job.cancel()

        self._bridge.run(end)
