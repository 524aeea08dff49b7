"""The registry of actions, and the links that name them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from PySide6.QtCore import QObject, Signal

from app.core.errors import Invalid, NotFound

SCHEME = "azora"


@dataclass(frozen=True)
class Action:
    """One command.

    Attributes:
        id: ``panel.verb``; also the deep link ``azora://panel/verb``.
        run: gets the arguments of a link or of the caller.
        enabled: why it cannot run now, in a sentence, or empty.
        changes: leads to a plan; its title ends in ``…``.
        palette: whether the palette lists it (actions that need an argument are not listed).
        by_link: whether a deep link may lead to it: only what opens a place or a form, since links come from anywhere.
    """

    id: str
    title: str
    run: Callable[[dict[str, str]], object]
    icon: str = ""
    shortcut: str = ""
    group: str = ""
    keywords: tuple[str, ...] = ()
    enabled: Callable[[], str] = lambda: ""
    changes: bool = False
    palette: bool = True
    by_link: bool = True


@dataclass(frozen=True)
class Hit:
    """Something that global search found."""

    title: str
    subtitle: str
    icon: str
    link: str


Provider = Callable[[str], Awaitable[Sequence[Hit]]]


class Registry(QObject):
    """All actions and search providers."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._actions: dict[str, Action] = {}
        self.providers: dict[str, Provider] = {}

    def add(self, action: Action) -> Action:
        """Add an action; two of one id are a bug."""
        if action.id in self._actions:
            raise ValueError(f"two actions are called {action.id}")
        self._actions[action.id] = action
        self.changed.emit()
        return action

    def get(self, action_id: str) -> Action:
        """The action of that id.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._actions[action_id]
        except KeyError:
            raise NotFound(f"There is no command “{action_id}”. Nothing was done.") from None

    def all(self) -> list[Action]:
        """Every action, in the order in which they were added."""
        return list(self._actions.values())

    def run(self, action_id: str, /, **arguments: str) -> object:
        """Run an action.

        Raises:
            Invalid: it cannot run now; the reason is in the message.
        """
        action = self.get(action_id)
        why = action.enabled()
        if why:
            raise Invalid(f"“{action.title}” cannot be done now: {why}")
        return action.run(arguments)

    def add_search(self, name: str, provider: Provider) -> None:
        """Let a panel answer the global search."""
        self.providers[name] = provider

    def open_link(self, link: str) -> object:
        """Open the place that a deep link names. Links come from anywhere, so they never run a command.

        Raises:
            Invalid: it is no link of ours, or names a command.
            NotFound: it names nothing.
        """
        action_id, arguments = parse_link(link)
        panel, _, reference = action_id.partition(".")
        arguments.pop("do", None)
        if action_id not in self._actions and f"go.{panel}" in self._actions:
            return self.run(f"go.{panel}", **{**arguments, "ref": reference})
        if action_id not in self._actions:
            raise NotFound(f"“{link[:80]}” names nothing in this console. Nothing was opened.")
        if not self._actions[action_id].by_link:
            title = self._actions[action_id].title
            raise Invalid(f"“{link[:80]}” names a command. Nothing was done.", f"Links open places; find “{title}” with Ctrl+K.")
        return self.run(action_id, **arguments)


def parse_link(link: str) -> tuple[str, dict[str, str]]:
    """``azora://ledger/tx/0x…?a=b`` as (``ledger.tx``, {"ref": "0x…", "a": "b"}).

    Raises:
        Invalid: another scheme, or nothing named.
    """
    try:
        parts = urlsplit(link)
    except ValueError:  # as of brackets that hold no address
        parts = urlsplit("")
    if parts.scheme != SCHEME or not parts.netloc:
        raise Invalid(f"“{link[:80]}” is no link of this console. Nothing was opened.", "Links begin with azora://")
    arguments = dict(parse_qsl(parts.query))
    path = [piece for piece in parts.path.split("/") if piece]
    if parts.netloc == "plans":
        return "plans.open", {**arguments, "ref": path[0] if path else ""}
    if not path:
        return f"go.{parts.netloc}", arguments
    if len(path) > 1:
        arguments["ref"] = "/".join(path[1:])
    return f"{parts.netloc}.{path[0]}", arguments
