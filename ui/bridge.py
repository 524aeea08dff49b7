"""The one way between the service loop and Qt.

All coroutines of ``app`` run on one loop in a thread of its own; this module owns that thread and the ``Console`` in it. Answers
and events come back as queued Qt signals, events merged to at most one of each kind per frame.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QAbstractEventDispatcher, QObject, QTimer, Signal, Slot

from app.core.courtesy import courtesy
from app.core.errors import Cancelled, ConsoleError, Unavailable

if TYPE_CHECKING:
    import asyncio

    from app.console import Console
    from app.core.events import Event

T = TypeVar("T")
FRAME_MS = 16
SWITCH_S = 0.0005
STOP_SECONDS = 12.0
ABOUT = ("plan_id", "network", "name", "job_id", "key", "text")  # what an event is about, by the attribute that says it


class Handle:
    """A call under way."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Stop it; neither ``then`` nor ``fail`` is called any more."""
        self.cancelled = True
        if self.task is not None and self.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended: the window is closing, and the call with it
                self.loop.call_soon_threadsafe(self.task.cancel)


class Bridge(QObject):
    """Owns the service thread. Everything but :meth:`run`'s ``work`` happens on Qt's thread."""

    ready = Signal()
    failed = Signal(object)
    event = Signal(object)
    busy = Signal(str, bool)
    problem = Signal(object)  # a ConsoleError that nobody took
    bug = Signal(object)  # any other exception
    _answer = Signal(object)
    _heard = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._console: Console | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._begun = threading.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._kept: dict[Handle, tuple[object, ...]] = {}  # what a call knows of Qt, until the service thread knows it no longer
        self._waiting: list[Callable[[], None]] = []
        self._events: dict[tuple[type, str], Event] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._dispatcher: QAbstractEventDispatcher | None = None
        self._listeners: list[tuple[type, Callable[[Any], object], list[bool]]] = []
        self._answer.connect(self._deliver)
        self._heard.connect(self._schedule)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._flush)

    @property
    def console(self) -> Console:
        """The console, once it is ready.

        Raises:
            Unavailable: it is still starting, or could not start.
        """
        if self._console is None:
            raise Unavailable("The console is still starting. Nothing was done.", "Try again in a moment.", retryable=True)
        return self._console

    @property
    def is_ready(self) -> bool:
        """Whether the console runs."""
        return self._console is not None

    # life

    def start(self, home: Path | str | None, environ: dict[str, str] | None = None) -> None:
        """Start the service thread and open the console in it; ``ready`` or ``failed`` follows."""
        # Qt lets go of Python's lock in every call, and gets it back from a thread that computes only after this long: by Python's
        # own 5 ms, drawing a page of a hundred calls takes half a second while a large cluster is judged.
        sys.setswitchinterval(SWITCH_S)
        self._dispatcher = QAbstractEventDispatcher.instance()
        if self._dispatcher is not None:
            self._dispatcher.awake.connect(self._woke)
            self._dispatcher.aboutToBlock.connect(self._rests)
        self._thread = threading.Thread(target=self._serve, args=(home, environ), name="services", daemon=True)
        self._thread.start()

    def _serve(self, home: Path | str | None, environ: dict[str, str] | None) -> None:
        import asyncio

        factory = None
        with contextlib.suppress(ImportError):
            import uvloop

            factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._main(home, environ))

    async def _main(self, home: Path | str | None, environ: dict[str, str] | None) -> None:
        import asyncio

        from app.core.events import Event

        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._begun.set()
        try:
            from app.console import Console

            console = await Console.open(home, environ)
        except Exception as error:
            self._post(lambda error=error: self.failed.emit(error))  # type: ignore[misc]
            return
        end = console.bus.subscribe(Event, self._hear)
        console.networks.watch()

        def announce() -> None:
            self._console = console
            self.ready.emit()

        self._post(announce)
        await self._stopping.wait()
        end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await console.close()

    def stop(self) -> None:
        """Cancel what runs, close the console, end the thread; waits at most some seconds."""
        if self._dispatcher is not None:
            self._dispatcher.awake.disconnect(self._woke)
            self._dispatcher.aboutToBlock.disconnect(self._rests)
            self._dispatcher = None
            courtesy.end()
        if self._thread is not None and self._thread.is_alive():
            self._begun.wait(STOP_SECONDS)
            if self._loop is not None and self._stopping is not None:
                with contextlib.suppress(RuntimeError):  # it has just ended by itself
                    self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_SECONDS + 2)
        self._console = None
        self._stopped = True
        self._kept.clear()

    @Slot()
    def _woke(self) -> None:
        courtesy.begin()

    @Slot()
    def _rests(self) -> None:
        courtesy.end()

    # calls

    def run(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        then: Callable[[T], object] | None = None,
        fail: Callable[[ConsoleError], bool] | None = None,
        label: str = "",
        owner: QObject | None = None,
    ) -> Handle:
        """Run ``work()`` on the service loop.

        Args:
            then: gets the answer, on Qt's thread.
            fail: gets an expected error; returns True when it has told the user.
            label: shown while it runs.
            owner: when it is gone, nobody is called.
        """
        handle = Handle()
        alive = [True]
        if owner is not None:
            owner.destroyed.connect(lambda *_: alive.__setitem__(0, False))
        if label:
            self.busy.emit(label, True)

        def ended(answer: object, error: BaseException | None) -> None:
            if label:
                self.busy.emit(label, False)
            if handle.cancelled or not alive[0]:
                return
            if error is None:
                if then is not None:
                    then(answer)  # type: ignore[arg-type]
            elif isinstance(error, Cancelled):
                return
            elif isinstance(error, ConsoleError):
                if fail is None or not fail(error):
                    self.problem.emit(error)
            else:
                if fail is not None:
                    fail(ConsoleError("Something went wrong inside the console. A report was written.", "See the crash report."))
                self.bug.emit(error)

        async def carry() -> T:
            return await work()

        def done(task: asyncio.Task[T]) -> None:  # also of a task that was cancelled before it took a step
            self._tasks.discard(task)
            handle.task = None
            # One turn of the loop later nothing on this thread holds the call, nor the error whose frames know its widgets.
            task.get_loop().call_soon(self._post, functools.partial(self._let_go, handle))
            if task.cancelled():
                self._post(lambda: ended(None, Cancelled("Cancelled.")))
            elif (error := task.exception()) is not None:
                self._post(lambda: ended(None, error))
            else:
                self._post(lambda: ended(task.result(), None))

        def begin() -> None:
            import asyncio

            handle.loop = asyncio.get_running_loop()
            handle.task = task = handle.loop.create_task(carry())
            self._tasks.add(task)
            task.add_done_callback(done)
            if handle.cancelled:
                task.cancel()

        if self._loop is None or self._console is None:
            ended(None, Unavailable("The console is still starting. Nothing was done.", "Try again in a moment.", retryable=True))
            return handle
        self._kept[handle] = (work, then, fail)
        with contextlib.suppress(RuntimeError):  # the loop has just ended: the window is closing
            self._loop.call_soon_threadsafe(begin)
        return handle

    def _let_go(self, handle: Handle) -> None:
        """A widget that only a call still knew dies here, on Qt's thread: elsewhere Qt may be dressing or painting it."""
        self._kept.pop(handle, None)

    def _post(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the bridge is gone: the window is closing
            self._answer.emit(call)

    @Slot(object)
    def _deliver(self, call: Callable[[], None]) -> None:
        if not self._stopped:  # what was still on its way has nobody to tell
            call()

    # events

    def on(self, kind: type, slot: Callable[[Any], object], owner: QObject) -> None:
        """Hear events of ``kind`` (and of its subclasses) on Qt's thread, until ``owner`` is gone."""
        alive = [True]
        owner.destroyed.connect(lambda *_: alive.__setitem__(0, False))
        self._listeners.append((kind, slot, alive))

    def _hear(self, event: Event) -> None:
        with self._lock:
            # Of events about one and the same thing, the newest says all.
            about = next((getattr(event, name) for name in ABOUT if hasattr(event, name)), "")
            key = (type(event), about)
            first = not self._events
            self._events[key] = event
        if first:
            with contextlib.suppress(RuntimeError):
                self._heard.emit()

    @Slot()
    def _schedule(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    def _flush(self) -> None:
        with self._lock:
            events, self._events = list(self._events.values()), {}
        if self._stopped:
            return
        self._listeners = [entry for entry in self._listeners if entry[2][0]]
        for event in events:
            self.event.emit(event)
            for kind, slot, alive in list(self._listeners):
                if alive[0] and isinstance(event, kind):
                    try:
                        slot(event)
                    except Exception as error:  # one listener must not take the event from the others
                        self.bug.emit(error)
