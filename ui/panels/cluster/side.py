"""The right side: the chosen workload's rollout and signals, Argo CD, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui.panels.cluster.drawn import ShareBar, scrolled_column
from ui.panels.cluster.fleet import SEVERITIES, ago
from ui.widgets import IconLabel, KeyValue, Note, Pane, StatusLabel, button, empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.cluster.health import Signal as Sign
    from ui.panels.cluster.reading import Chosen, Page

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
UNREAD = "Nothing is known of it yet."
ROLES = {"stable": "accent", "live": "accent", "canary": "warn", "idle": "border-strong"}


class SidePane(QWidget):
    """Built anew with each reading; short enough for that."""

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
        area, self._rollout = scrolled_column("cluster.rollout", "Rollout and signals")
        self.rollout.body.addWidget(area, 1)
        self._argo = QVBoxLayout()
        self._argo.setContentsMargins(16, 8, 16, 10)
        self.argo.body.addLayout(self._argo)
        area, self._events = scrolled_column("cluster.events", "Events")
        self.events.body.addWidget(area, 1)

    def show_page(self, page: Page, why_not: Callable[[str], str]) -> None:
        """Show a reading; ``why_not``: why a verb cannot be done with what is chosen, or empty.

        Built anew only when something else is shown, or ages have moved on: a button must not vanish under a finger.
        """
        looks = _looks(page, tuple(why_not(verb) for verb in ("", "promote", "scale", "restart", "sync")))
        if looks == self._looks:
            return
        self._looks = looks
        self._show_rollout(page, page.chosen, why_not)
        self._rollout.addStretch(1)
        self._show_argo(page.chosen, why_not)
        empty(self._events)
        self.age.setText(f"{len(page.events)} newest" if page.events else "")
        for event in page.events[:40]:
            kind = "warn" if event.kind == "Warning" else "idle"
            times = f", {event.times} times" if event.times > 1 else ""
            self._entry(
                self._events,
                kind,
                event.message or event.reason,
                f"{event.about_kind} {event.about}{times}",
                ago(event.last_at, page.now),
            )
        if not page.events:
            self._events.addWidget(_hint("No event is kept." if page.known_at else UNREAD))
        self._events.addStretch(1)

    def _show_rollout(self, page: Page, chosen: Chosen | None, why_not: Callable[[str], str]) -> None:
        empty(self._rollout)
        self.state.setVisible(chosen is not None)
        if chosen is None:
            self.rollout.set_title("Signals")
            for signal in page.health.signals[:30]:
                self._signal(signal, page.now)
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
        for signal in chosen.signals:
            self._signal(signal, page.now)
        if chosen.revisions:
            self._rollout.addWidget(_heading("Revisions"))
            for revision in chosen.revisions[:6]:
                now = " · now" if revision.current else ""
                title = f"{revision.number}{now}   {', '.join(image.rpartition('/')[2] for image in revision.images)}"
                self._entry(
                    self._rollout,
                    "ok" if revision.current else "idle",
                    title,
                    f"{revision.pods} pods",
                    ago(revision.created_at, page.now),
                )

    def _buttons(self, chosen: Chosen, why_not: Callable[[str], str]) -> None:
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

    def _signal(self, signal: Sign, now: int) -> None:
        where = f"{signal.kind} {signal.name}. {signal.cause}"
        self._entry(self._rollout, SEVERITIES[signal.severity.value], signal.title, where, ago(signal.since, now), evidence=signal)

    def _entry(self, column: QVBoxLayout, state: str, title: str, second: str, when: str, *, evidence: Sign | None = None) -> None:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(8)
        shape = IconLabel(*_shape(state), 16)
        row.addWidget(shape, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(1)
        first = QLabel(title)
        first.setTextFormat(Qt.TextFormat.PlainText)
        first.setWordWrap(True)
        first.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        words.addWidget(first)
        below = _hint(second)
        below.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        words.addWidget(below)
        if evidence is not None and evidence.suggestion is not None:
            wish = evidence.suggestion
            made = button(WORDS.get(wish.action, "Look"))
            made.setObjectName(f"cluster.suggest.{evidence.rule}")
            made.setAccessibleName(f"{made.text()} {evidence.kind} {evidence.name}")
            made.clicked.connect(lambda: self.suggested.emit(wish.action, dict(wish.arguments)))
            words.addWidget(made, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(words, 1)
        time = _hint(when)
        time.setWordWrap(False)
        time.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row.addWidget(time, 0, Qt.AlignmentFlag.AlignTop)
        if evidence is not None:
            box.setToolTip("\n".join(f"{fact.kind} {fact.name} {fact.field} = {fact.value}" for fact in evidence.evidence))
            box.setAccessibleDescription(box.toolTip())
        column.addWidget(box)

    def _show_argo(self, chosen: Chosen | None, why_not: Callable[[str], str]) -> None:
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

    def _verb(self, verb: str, word: str, why_not: Callable[[str], str]) -> QPushButton:
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
    signals = chosen.signals if chosen is not None else page.health.signals[:30]
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
        events,
        about,
        state,
        page.now // 30_000,
    )


def _shape(state: str) -> tuple[str, str]:
    from ui.widgets.basics import STATE_ICONS

    return STATE_ICONS.get(state, STATE_ICONS["idle"])


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
