"""Long work that is not a Plan: indexing, watching, compiling. It shows progress and can be cancelled.

The only place that creates tasks on the service loop, so that every task has a title, an owner and an end.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from app.core.clock import now_ms, uuid7
from app.core.errors import Cancelled, ConsoleError, NotFound
from app.core.events import Bus, JobChanged

log = logging.getLogger(__name__)
T = TypeVar("T")
KEPT = 200  # ended jobs that stay in the list


class JobState(StrEnum):
    """How far a job is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobView:
    """What a list shows of a job. Times are UTC milliseconds; ``fraction`` is 0..1, or None when unknown."""

    id: str
    title: str
    kind: str
    link: str
    state: JobState
    fraction: float | None
    text: str
    error: str
    started_at: int
    ended_at: int


class Job:
    """One piece of work under way. The work calls :meth:`progress`; anyone may :meth:`wait`."""

    def __init__(self, title: str, kind: str, link: str, changed: Callable[[Job], None]) -> None:
        self.id = str(uuid7())
        self.title = title
        self.kind = kind
        self.link = link
        self.state = JobState.RUNNING
        self.fraction: float | None = None
        self.text = ""
        self.error = ""
        self.started_at = now_ms()
        self.ended_at = 0
        self._changed = changed
        self._task: asyncio.Task[Any] | None = None

    def progress(self, fraction: float | None, text: str = "") -> None:
        """Say how far it is: 0..1, or None when that cannot be known; and what it does now."""
        self.fraction = None if fraction is None else min(1.0, max(0.0, fraction))
        self.text = text or self.text
        self._changed(self)

    async def wait(self) -> Any:
        """The result of the work, or the error it ended with.

        Raises:
            Cancelled: somebody stopped it.
        """
        assert self._task is not None
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise Cancelled(f"“{self.title}” was cancelled.")
        return self._task.result()

    def cancel(self) -> None:
        """Ask it to end; it ends at its next await. An ended one stays as it is."""
        if self._task is not None:
            self._task.cancel()

    async def ended_within(self, seconds: float) -> bool:
        """Whether it has ended, after waiting for it at most so long."""
        assert self._task is not None
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        return bool(done)

    @property
    def view(self) -> JobView:
        """How it stands now, as a value."""
        return JobView(
            self.id,
            self.title,
            self.kind,
            self.link,
            self.state,
            self.fraction,
            self.text,
            self.error,
            self.started_at,
            self.ended_at,
        )


class Jobs:
    """All jobs of one console; the last ones ended stay visible."""

    def __init__(self, bus: Bus | None = None) -> None:
        self._bus = bus or Bus()
        self._jobs: dict[str, Job] = {}
        self._ended: deque[str] = deque()
        self._quiet: set[asyncio.Task[None]] = set()
        self._watches: set[asyncio.Task[None]] = set()

    def start(self, title: str, work: Callable[[Job], Awaitable[T]], *, kind: str = "job", link: str = "") -> Job:
        """Start ``work`` on the running loop. An error ends the job and is kept in ``job.error``."""
        job = Job(title, kind, link, self._publish)
        self._jobs[job.id] = job
        job._task = asyncio.get_running_loop().create_task(self._run(job, work), name=f"job {title}")
        # Whoever wants the error asks wait(); unasked, it stands in the list and must not be reported a second time.
        job._task.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        self._publish(job)
        return job

    def quietly(self, name: str, work: Callable[[], Awaitable[object]], *, endless: bool = False) -> None:
        """Do a small thing beside, without a line in the list; an error is logged and ends there.

        Args:
            endless: a watch that never ends by itself; :meth:`close` cancels it, and waits for the others.
        """

        async def run() -> None:
            try:
                await work()
            except ConsoleError as error:
                log.info("%s: %s", name, error)
            except Exception:
                log.exception("%s failed", name)

        task = asyncio.get_running_loop().create_task(run(), name=name)
        group = self._watches if endless else self._quiet
        group.add(task)
        task.add_done_callback(group.discard)

    def list(self) -> list[JobView]:
        """Running jobs first, then the ended ones, newest first."""
        views = [job.view for job in self._jobs.values()]
        return sorted(views, key=lambda view: (view.state is not JobState.RUNNING, -view.started_at))

    def get(self, job_id: str) -> Job:
        """One job by its id."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("This job is no longer known.") from None

    def cancel(self, job_id: str) -> None:
        """Ask a job to end; it ends at its next await. An ended one stays as it is."""
        task = self.get(job_id)._task
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Cancel what runs and wait until it has ended."""
        tasks: list[asyncio.Task[Any]] = [job._task for job in self._jobs.values() if job._task and not job._task.done()]
        tasks.extend(self._watches)
        for task in tasks:
            task.cancel()
        waiting = [*tasks, *self._quiet]
        if waiting:
            await asyncio.wait(waiting, timeout=10)

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[T]]) -> T:
        try:
            result = await work(job)
        except (asyncio.CancelledError, Cancelled):
            job.state = JobState.CANCELLED
            raise
        except ConsoleError as error:
            job.state, job.error = JobState.FAILED, str(error)
            raise
        except Exception as error:
            job.state, job.error = JobState.FAILED, f"An unexpected error ended it: {type(error).__name__}."
            log.exception("job “%s” failed", job.title)
            raise
        else:
            job.state, job.fraction = JobState.DONE, 1.0
            return result
        finally:
            job.ended_at = now_ms()
            self._ended.append(job.id)
            while len(self._ended) > KEPT:
                self._jobs.pop(self._ended.popleft(), None)
            self._publish(job)

    def _publish(self, job: Job) -> None:
        self._bus.publish(JobChanged(job.id))
