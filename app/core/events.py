"""What happened, told once to whoever listens.

Events are frozen dataclasses, published on the service loop. Listeners are held weakly and can never break the publisher: an
exception in one is logged and the others still hear. The interface hears through ``ui.bridge`` only.
"""

from __future__ import annotations

import inspect
import logging
import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class PlanChanged(Event):
    """A plan or one of its steps has another state. ``plan_id`` is the UUID as text."""

    plan_id: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class JournalGrew(Event):
    """The journal has a new head."""

    sequence: int


@dataclass(frozen=True, slots=True)
class JobChanged(Event):
    """A job began, progressed or ended."""

    job_id: str


@dataclass(frozen=True, slots=True)
class NetworkChanged(Event):
    """A network was added, removed, reset or became the current one. ``network`` is ``NetworkKey.text`` or empty."""

    network: str = ""


@dataclass(frozen=True, slots=True)
class HeadChanged(Event):
    """A network has another newest block (height of it)."""

    network: str
    block: int


@dataclass(frozen=True, slots=True)
class WentBack(Event):
    """A network's chain no longer has a block that was seen: a reorganisation, or a node that was killed and forgot it."""

    network: str


@dataclass(frozen=True, slots=True)
class NodeChanged(Event):
    """A local node started, stopped or crashed."""

    name: str


@dataclass(frozen=True, slots=True)
class NodeActed(Event):
    """Something was done to a local node, or to what is kept of it, that may make no block."""

    name: str


@dataclass(frozen=True, slots=True)
class LedgerChanged(Event):
    """The index of a network moved (forwards, or back after a reorg)."""

    network: str
    block: int


@dataclass(frozen=True, slots=True)
class AccountsChanged(Event):
    """Accounts were added, labelled or removed."""


@dataclass(frozen=True, slots=True)
class ContactsChanged(Event):
    """Contacts were added, changed or removed."""


@dataclass(frozen=True, slots=True)
class ContractsChanged(Event):
    """Compiled artifacts or deployments changed."""


@dataclass(frozen=True, slots=True)
class TransactionsChanged(Event):
    """The queue of signed transactions of a network changed; ``sender`` is empty when it may be anybody's."""

    network: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class QueueChanged(Event):
    """The mint queue or the redemptions changed."""


@dataclass(frozen=True, slots=True)
class WorkersChanged(Event):
    """A worker of proof of work started, ended, or gave a sign of life."""


@dataclass(frozen=True, slots=True)
class AccessChanged(Event):
    """Role, console lock or keyring state changed."""


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """A setting changed; ``key`` is dotted, such as ``appearance.theme``."""

    key: str


@dataclass(frozen=True, slots=True)
class ClusterChanged(Event):
    """What is known of a cluster changed; ``kinds`` names the kinds, and is empty when only its reachability or fleet did."""

    context: str
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something worth a notification. ``link`` is a deep link such as ``azora://plans/PLN-0001`` or empty."""

    text: str
    level: str = "info"  # info, ok, warn, err
    link: str = ""


E = TypeVar("E", bound=Event)


class Bus:
    """Publishes events to weakly held listeners, on the thread that calls :meth:`publish`."""

    def __init__(self) -> None:
        self._listeners: dict[type[Event], list[Callable[[], Callable[[Any], object] | None]]] = defaultdict(list)

    def subscribe(self, kind: type[E], listener: Callable[[E], object]) -> Callable[[], None]:
        """Hear every event of ``kind`` and of its subclasses; returns a function that ends it.

        Bound methods are held weakly; plain functions and lambdas are held until the returned function is called.
        """
        reference: Callable[[], Callable[[Any], object] | None]
        reference = weakref.WeakMethod(listener) if inspect.ismethod(listener) else (lambda: listener)
        self._listeners[kind].append(reference)

        def unsubscribe() -> None:
            if reference in self._listeners[kind]:
                self._listeners[kind].remove(reference)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Tell every listener, in the order of subscription."""
        for kind in type(event).__mro__:
            for reference in list(self._listeners.get(kind, ())):
                listener = reference()
                if listener is None:
                    self._listeners[kind].remove(reference)
                    continue
                try:
                    listener(event)
                except Exception:
                    log.exception("a listener of %s failed", type(event).__name__)
