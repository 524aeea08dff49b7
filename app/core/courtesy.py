"""Long computations give way to the window.

Threads share Python's lock, and a window needs it some thousand times to draw one page: against a thread that computes without a
pause it would get it back each time only after a wait. So the window says when it is at work, and what computes beside it for
tenths of a second asks again and again whether it is, and then lets it finish.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
LONGEST_S = 0.05  # a window that never rests does not stop what is computed for it
WORK_S = 0.005  # what is done at least between two waits


class Courtesy:
    """Whether the window is at work; one for the process."""

    def __init__(self) -> None:
        self._busy = False
        self._waited_at = 0.0

    def begin(self) -> None:
        """The window has something to do."""
        self._busy = True

    def end(self) -> None:
        """It has done it. Without a window nobody begins."""
        self._busy = False

    def give_way(self) -> None:
        """Let the window finish, in a thread of a computation; on a thread with an event loop, which must not wait, nothing."""
        if self._busy and time.monotonic() - self._waited_at > WORK_S:
            self._wait()

    def _wait(self) -> None:
        import asyncio

        if asyncio._get_running_loop() is None:
            longest = time.monotonic() + LONGEST_S
            while self._busy and time.monotonic() < longest:
                time.sleep(0.0005)
            self._waited_at = time.monotonic()


courtesy = Courtesy()


def politely(items: Iterable[T]) -> Iterator[T]:
    """The same items, giving way before each."""
    for item in items:
        courtesy.give_way()
        yield item


class Polite(tuple[T, ...]):
    """Items that are looked at politely whenever they are iterated over."""

    __slots__ = ()

    def __iter__(self) -> Iterator[T]:
        return politely(super().__iter__())
