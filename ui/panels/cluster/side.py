"""The right side: the chosen workload's rollout and signals, Argo CD, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.panels.cluster.drawn import ShareBar, scrolled_column
from ui.panels.cluster.entries import Entries, Entry
from ui.panels.cluster.fleet import SEVERITIES, ago
from ui.panels.cluster.verbs import SUGGESTED
from ui.widgets import KeyValue, Note, Pane, StatusLabel, button, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.cluster.health import Signal as Sign
    from app.cluster.health import Suggestion
    from app.cluster.rollouts import Revision
    from app.cluster.workloads import EventLine
    from ui.panels.cluster.reading import Chosen, Key, Page

    WhyNot = Callable[..., str]  # of a verb and, where it is not the chosen one, an object

# What a signal suggests, as a button; anything else leads to the object.
WORDS = {
    "cluster.logs": "Logs",
    "cluster.edit": "Edit…",
    "cluster.rollout.undo": "Undo…",
    "cluster.rollout.resume": "Resume…",
    "cluster.drain": "Drain…",
    "cluster.uncordon": "Uncordon…",
    "cluster.argo.sync": "Sync…",
}
MOST_SIGNALS = 30  # of a whole cluster, worst first
UNREAD = "Nothing is known of it yet."
ROLES = {"stable": "accent", "live": "accent", "canary": "warn", "idle": "border-strong"}


class SidePane(QWidget):
    """Follows the readings; its entries change in place."""

    asked = Signal(str)  # an action on the chosen workload: undo, promote, abort, pause, resume, restart
    suggested = Signal(str, object)  # action id and arguments of a signal's suggestion

    def __init__(self) -> None:
        super().__init__()
        self._looks: object = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.rollout = Pane("No workload is selected")
        self.state = StatusLabel("idle", "")
        self.rollout.add_header(self.state, right=True)
        self.argo = Pane("Argo CD")
        self.events = Pane("Events")
        self.age = QLabel("")
        self.age.setProperty("role", "hint")
        self.events.add_header(self.age, right=True)
        for pane, stretch in ((self.rollout, 3), (self.argo, 0), (self.events, 3)):
            column.addWidget(pane, stretch)
        area, body = scrolled_column("cluster.rollout", "Rollout and signals")
        self._rollout = QVBoxLayout()
        self._rollout.setSpacing(body.spacing())
        body.addLayout(self._rollout)
        self._signals = Entries(self, body)
        self._more = _hint("")
        body.addWidget(self._more)
        self._past = _heading("Revisions")
        body.addWidget(self._past)
        self._revisions = Entries(self, body)
        body.addStretch(1)
        self.rollout.body.addWidget(area, 1)
        self._argo = QVBoxLayout()
        self._argo.setContentsMargins(16, 8, 16, 10)
        self.argo.body.addLayout(self._argo)
        area, body = scrolled_column("cluster.events", "Events")
        self._no_event = _hint("")
        body.addWidget(self._no_event)
        self._events = Entries(self, body)
        body.addStretch(1)
        self.events.body.addWidget(area, 1)

    def show_page(self, page: Page, why_not: WhyNot) -> None:
        """Show a reading; ``why_not``: why a verb cannot be done with what is chosen, or with another object, or empty.

        Touched only when something else is shown, or ages have moved on: a button must not vanish under a finger.
        """
        looks = _looks(page, tuple(why_not(verb) for verb in ("", "promote", "scale", "restart", "sync")))
        if looks == self._looks:
            return
        self._looks = looks
        self._show_rollout(page, page.chosen, why_not)
        self._show_argo(page.chosen, why_not)
        self.age.setText(f"{len(page.events)} newest" if page.events else "")
        self._events.show_entries([_event(event, page.now) for event in page.events[:40]])
        self._no_event.setVisible(not page.events)
        self._no_event.setText("No event is kept." if page.known_at else UNREAD)

    def _show_rollout(self, page: Page, chosen: Chosen | None, why_not: WhyNot) -> None:
        empty(self._rollout)
        self.state.setVisible(chosen is not None)
        if chosen is None:
            self.rollout.set_title("Signals")
            self._show_entries(page.health.signals[:MOST_SIGNALS], (), page.now, why_not)
            left = len(page.health.signals) - MOST_SIGNALS
            self._more.setVisible(left > 0)
            self._more.setText(f"{left:,} more, none of them worse. Choose a workload to see its own.")
            if not page.health.signals:
                self._rollout.addWidget(_hint("Nothing to report." if page.known_at else UNREAD))
            return
        row = next((row for row in page.rows if row.line.key == chosen.key), None)
        self.rollout.set_title(chosen.key[2])
        self.state.set_state(row.state if row else "idle", row.word if row else chosen.key[0])
        strategy, done = chosen.strategy, chosen.progress
        if strategy is not None and strategy.arms:
            shares = QWidget()
            line = QHBoxLayout(shares)
            line.setContentsMargins(0, 0, 0, 0)
            for arm in strategy.arms:
                what = " ".join(word for word in (arm.role.capitalize(), arm.version or arm.name) if word)
                text = QLabel(f"{what}, {arm.weight:.0f} %")
                text.setTextFormat(Qt.TextFormat.PlainText)
                text.setToolTip(f"{arm.kind} {arm.name}, {arm.ready} ready")
                line.addWidget(text)
            self._rollout.addWidget(shares)
            bar = ShareBar()
            bar.set_parts(
                [(arm.weight / 100, ROLES.get(arm.role, "accent")) for arm in strategy.arms],
                ", ".join(f"{arm.name} {arm.weight:.0f} %" for arm in strategy.arms),
            )
            self._rollout.addWidget(bar)
            for index, step in enumerate(strategy.steps):
                state = "ok" if index < strategy.step else "pend" if index == strategy.step else "idle"
                self._rollout.addWidget(StatusLabel(state, step))
        elif done is not None:
            bar = ShareBar()
            color = {"stuck": "err", "paused": "pend", "complete": "ok"}.get(str(done.state), "accent")
            bar.set_parts([(done.share, color)], f"{done.share * 100:.0f} % of the wanted pods are updated and available")
            self._rollout.addWidget(bar)
        if done is not None and done.text:
            self._rollout.addWidget(_hint(done.text))
        self._buttons(chosen, why_not)
        self._more.hide()
        self._show_entries(chosen.signals, chosen.revisions[:6], page.now, why_not)

    def _show_entries(self, signals: Sequence[Sign], revisions: Sequence[Revision], now: int, why_not: WhyNot) -> None:
        self._signals.show_entries([self._signal(signal, now, why_not) for signal in signals])
        self._past.setVisible(bool(revisions))
        self._revisions.show_entries([_revision(revision, now) for revision in revisions])

    def _buttons(self, chosen: Chosen, why_not: WhyNot) -> None:
        verbs = []
        strategy = chosen.strategy
        if strategy is not None and str(strategy.kind) in ("blue-green", "canary"):
            verbs.append(("promote", "Promote…"))
        if strategy is not None and str(strategy.kind) == "canary":
            verbs.append(("abort", "Abort…"))
            if strategy.native and strategy.carrier[0] != "Service":
                verbs.append(("weight", "Weight…"))
        if chosen.key[0] in ("Deployment", "StatefulSet", "DaemonSet", "Rollout"):
            if len(chosen.revisions) > 1:
                verbs.append(("undo", "Undo…"))
            verbs.append(("restart", "Restart…"))
        if chosen.key[0] in ("Deployment", "Rollout"):
            paused = chosen.progress is not None and str(chosen.progress.state) == "paused"
            verbs.append(("resume", "Resume…") if paused else ("pause", "Pause…"))
        if not verbs:
            return
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for verb, word in verbs[:4]:
            row.addWidget(self._verb(verb, word, why_not))
        row.addStretch(1)
        self._rollout.addWidget(bar)

    def _signal(self, signal: Sign, now: int, why_not: WhyNot) -> Entry:
        wish = signal.suggestion
        verb = SUGGESTED.get(wish.action, "") if wish is not None else ""
        word = WORDS.get(wish.action, "Look") if wish is not None else ""
        return Entry(
            SEVERITIES[signal.severity.value],
            signal.title,
            f"{signal.kind} {signal.name}. {signal.cause}",
            ago(signal.since, now),
            "\n".join(f"{fact.kind} {fact.name} {fact.field} = {fact.value}" for fact in signal.evidence),
            word,
            f"cluster.suggest.{signal.rule}",
            f"{word} {signal.kind} {signal.name}",
            why_not(verb, _subject(wish)) if wish is not None and verb else "",
            (lambda: self.suggested.emit(wish.action, dict(wish.arguments))) if wish is not None else None,
        )

    def _show_argo(self, chosen: Chosen | None, why_not: WhyNot) -> None:
        empty(self._argo)
        app = chosen.application if chosen is not None else None
        self.argo.setVisible(app is not None)
        if app is None:
            return
        assert chosen is not None
        pairs = [
            ("Application", f"{app.name}, project {app.project}"),
            ("Sync", f"{app.sync}, {len(app.drifted)} of {len(app.resources)} differ"),
            ("Health", app.health),
            ("Revision", app.revision[:7]),
        ]
        if app.drifted:
            pairs.append(("Drift", ", ".join(f"{r.kind} {r.name}" for r in app.drifted[:3])))
        if chosen.not_drift:
            pairs.append(("Not drift", f"replicas of {', '.join(chosen.not_drift)}: the autoscaler's"))
        self._argo.addWidget(KeyValue(pairs))
        if app.message:
            self._argo.addWidget(Note("warn", app.message))
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._verb("sync", "Sync…", why_not))
        row.addWidget(self._verb("rollback", "Roll back…", why_not))
        row.addStretch(1)
        self._argo.addWidget(bar)

    def _verb(self, verb: str, word: str, why_not: WhyNot) -> QPushButton:
        """A button that is off, and says why, where this identity lacks a right."""
        made, why = button(word), why_not(verb)
        made.setObjectName(f"cluster.do.{verb}")
        made.setEnabled(not why)
        made.setToolTip(why)
        made.clicked.connect(lambda: self.asked.emit(verb))
        return made


def _looks(page: Page, why_not: tuple[str, ...]) -> object:
    """What the side shows, as a value to compare; ages count by the half minute."""
    chosen = page.chosen
    signals = chosen.signals if chosen is not None else page.health.signals[:MOST_SIGNALS]
    events = [(e.about, e.reason, e.times, e.last_at) for e in page.events[:40]]
    about = (
        (chosen.key, chosen.strategy, chosen.progress, chosen.revisions, chosen.application, chosen.not_drift)
        if chosen is not None
        else None
    )
    state = next((row.state for row in page.rows if chosen is not None and row.line.key == chosen.key), "")
    return (
        page.context,
        bool(page.known_at),
        why_not,
        [(s.key, s.title, s.cause) for s in signals],
        len(page.health.signals),
        events,
        about,
        state,
        page.now // 30_000,
    )


def _subject(wish: Suggestion) -> Key:
    """The object that a suggestion would change."""
    return wish.arguments.get("kind", ""), wish.arguments.get("namespace", ""), wish.arguments.get("name", "")


def _event(event: EventLine, now: int) -> Entry:
    times = f", {event.times} times" if event.times > 1 else ""
    about = f"{event.about_kind} {event.about}{times}"
    return Entry("warn" if event.kind == "Warning" else "idle", event.message or event.reason, about, ago(event.last_at, now))


def _revision(revision: Revision, now: int) -> Entry:
    images = ", ".join(image.rpartition("/")[2] for image in revision.images)
    title = f"{revision.number}{' · now' if revision.current else ''}   {images}"
    return Entry("ok" if revision.current else "idle", title, f"{revision.pods} pods", ago(revision.created_at, now))


def _hint(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "hint")
    label.setWordWrap(True)
    return label


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label
