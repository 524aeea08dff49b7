"""Running, waiting and failed work over the history of plans; at the right the chosen plan's steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.core.clock import now_ms
from app.core.events import JobChanged, PlanChanged
from ui.shell.panel import Panel
from ui.widgets import (
    Column,
    EmptyState,
    KeyValue,
    Note,
    Pane,
    Row,
    StatusCell,
    StatusLabel,
    Table,
    TimeCell,
    button,
    danger_button,
    empty,
)

if TYPE_CHECKING:
    from app.core.jobs import JobView
    from app.operations import Plan

_RESULTS = {
    "done": ("ok", "Receipt"),
    "failed": ("err", "Failed"),
    "stopped": ("warn", "Stopped"),
    "disowned": ("idle", "Given up"),
    "draft": ("idle", "Draft"),
    "previewed": ("idle", "Previewed"),
    "confirmed": ("run", "Confirmed"),
    "running": ("run", "Running"),
    "waiting": ("pend", "Waiting"),
}
_STEP = {"done": "ok", "failed": "err", "disowned": "err", "acted": "run", "prepared": "run", "pending": "idle", "skipped": "idle"}
UNDER_WAY = ("confirmed", "running")
BROKEN = ("failed", "disowned")
HISTORY = 200


class JobsPanel(Panel):
    """What the console does, did, and could not do."""

    id = "jobs"
    title = "Jobs"
    stale_on = (JobChanged, PlanChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._jobs: dict[str, JobView] = {}
        self._plans: dict[str, Plan] = {}
        self._chosen = ""
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.panes: dict[str, Pane] = {}
        self.tables: dict[str, Table] = {}
        under_way = [
            Column("title", "Job", 260),
            Column("from", "From", 100, mono=True),
            Column("by", "Started by", 110),
            Column("progress", "Progress", 240),
            Column("time", "Time", 90, align="right"),
        ]
        broken = [
            Column("title", "Job", 240),
            Column("from", "From", 100, mono=True),
            Column("reason", "Why, and what was not done", 440),
        ]
        history = [
            Column("ended", "Ended (UTC)", 130, kind="time"),
            Column("title", "Job", 280),
            Column("from", "From", 100, mono=True),
            Column("by", "Started by", 110),
            Column("took", "Took", 90, align="right"),
            Column("state", "Result", 120, kind="status"),
        ]
        for name, word, columns in (
            ("running", "Running", under_way),
            ("waiting", "Waiting", under_way),
            ("failed", "Failed", broken),
            ("history", "History", history),
        ):
            pane = Pane(word)
            table = Table(columns)
            table.setObjectName(f"jobs.{name}")
            table.setAccessibleName(word)
            table.selected.connect(self._select)
            table.activated.connect(self._open_chosen)
            pane.body.addWidget(table)
            self.panes[name], self.tables[name] = pane, table
            column.addWidget(pane, 1 if name == "history" else 0)
        self.empty = EmptyState("list-checks", "Nothing was done yet", "Plans and longer work appear here, with their receipts.")
        column.addWidget(self.empty, 1)
        split.addWidget(left)
        split.addWidget(self._build_detail())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        split.setSizes([860, 330])
        self.body.addWidget(split, 1)

    def _build_detail(self) -> QWidget:
        self.detail = Pane("Steps")
        self.detail_state = StatusLabel("idle", "")
        self.detail.add_header(self.detail_state, right=True)
        scroll = QScrollArea()
        scroll.setAccessibleName("Steps")
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        inner = QWidget()
        self.facts = QVBoxLayout(inner)
        self.facts.setContentsMargins(16, 12, 16, 12)
        self.facts.setSpacing(8)
        scroll.setWidget(inner)
        self.detail.body.addWidget(scroll, 1)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(16, 9, 16, 9)
        self.open_button = button("Open plan", icon="list-checks")
        self.open_button.setObjectName("jobs.open")
        self.open_button.clicked.connect(lambda: self._open_chosen(self._chosen))
        self.cancel_button = danger_button("Cancel")
        self.cancel_button.setObjectName("jobs.cancel")
        self.cancel_button.clicked.connect(self._cancel)
        row.addWidget(self.open_button)
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        self.detail.body.addWidget(foot)
        self.detail.setMinimumWidth(290)
        return self.detail

    # Reading

    def refresh(self) -> None:
        async def read() -> tuple[list[JobView], list[Plan]]:
            console = self.bridge.console
            return console.jobs.list(), await console.operations.page(limit=HISTORY)

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[list[JobView], list[Plan]]) -> None:
        jobs, plans = answer
        # A plan that runs is a job too; it is listed once, as the plan.
        self._jobs = {job.id: job for job in jobs if job.kind != "plan"}
        self._plans = {plan.id: plan for plan in plans}
        rows: dict[str, list[Row]] = {name: [] for name in self.tables}
        for plan in plans:
            state = str(plan.state)
            if state in UNDER_WAY or state == "waiting":
                rows["waiting" if state == "waiting" else "running"].append(self._under_way(plan))
            elif state in BROKEN:
                why = plan.reason or next((record.error for record in plan.steps if record.error), "")
                rows["failed"].append(Row(plan.id, {"title": plan.title, "from": plan.name, "reason": why}))
            if state not in UNDER_WAY and state != "waiting":
                rows["history"].append(self._past(plan))
        for job in self._jobs.values():
            self._add_job(job, rows)
        for name, table in self.tables.items():
            table.set_rows(rows[name])
            self.panes[name].setVisible(bool(rows[name]))
            self.panes[name].set_title(f"{name.capitalize()}  {len(rows[name])}")
            if name != "history":
                table.setFixedHeight(30 + 30 * min(4, max(1, len(rows[name]))) + 2)
        self.empty.setVisible(not any(rows.values()))
        counts = [f"{len(rows[name])} {name}" for name in ("running", "waiting", "failed")]
        self.header.set_context(", ".join(counts))
        known = {row.id for some in rows.values() for row in some}
        if self._chosen not in known:
            self._chosen = next((row.id for name in ("running", "waiting", "failed", "history") for row in rows[name]), "")
        self._show_detail()

    def _under_way(self, plan: Plan) -> Row:
        done = sum(str(record.state) in ("done", "skipped") for record in plan.steps)
        at = next((record for record in plan.steps if str(record.state) not in ("done", "skipped")), None)
        progress = f"step {min(done + 1, len(plan.steps))} of {len(plan.steps)}" + (f", {at.spec.title}" if at else "")
        began = min((record.started_at for record in plan.steps if record.started_at), default=0)
        return Row(
            plan.id,
            {
                "title": plan.title,
                "from": plan.name,
                "by": plan.author,
                "progress": plan.reason if str(plan.state) == "waiting" and plan.reason else progress,
                "time": _took(now_ms() - began) if began else "",
            },
        )

    def _past(self, plan: Plan) -> Row:
        state, word = _RESULTS.get(str(plan.state), ("idle", str(plan.state)))
        began = min((record.started_at for record in plan.steps if record.started_at), default=0)
        ended = max((record.ended_at for record in plan.steps), default=0)
        return Row(
            plan.id,
            {
                "ended": TimeCell(ended or plan.updated_at),
                "title": plan.title,
                "from": plan.name,
                "by": plan.author,
                "took": _took(ended - began) if began and ended else "–",
                "state": StatusCell(state, word),
            },
        )

    def _add_job(self, job: JobView, rows: dict[str, list[Row]]) -> None:
        state = str(job.state)
        if state == "running":
            share = "" if job.fraction is None else f"{job.fraction * 100:.0f} % "
            cells: dict[str, object] = {"title": job.title, "from": "Job", "by": "jobs", "progress": f"{share}{job.text}"}
            rows["running"].append(Row(job.id, {**cells, "time": _took(now_ms() - job.started_at)}))
            return
        if state == "failed":
            rows["failed"].append(Row(job.id, {"title": job.title, "from": "Job", "reason": job.error}))
        icon, word = {"done": ("ok", "Done"), "failed": ("err", "Failed")}.get(state, ("idle", "Cancelled"))
        rows["history"].append(
            Row(
                job.id,
                {
                    "ended": TimeCell(job.ended_at),
                    "title": job.title,
                    "from": "Job",
                    "by": "jobs",
                    "took": _took(job.ended_at - job.started_at),
                    "state": StatusCell(icon, word),
                },
            )
        )

    def _select(self, row_id: str) -> None:
        self._chosen = row_id
        self._show_detail()

    def _show_detail(self) -> None:
        empty(self.facts)
        plan, job = self._plans.get(self._chosen), self._jobs.get(self._chosen)
        self.open_button.setVisible(plan is not None)
        self.cancel_button.setVisible(job is not None and str(job.state) == "running")
        self.detail_state.setVisible(plan is not None or job is not None)
        if plan is not None:
            self.detail.set_title(plan.name)
            self.detail_state.set_state(*_RESULTS.get(str(plan.state), ("idle", str(plan.state))))
            self.facts.addWidget(KeyValue([("What", plan.title), ("On", plan.target.name), ("By", plan.author)]))
            for record in plan.steps:
                self.facts.addWidget(StatusLabel(_STEP.get(str(record.state), "idle"), record.spec.title))
                if record.error:
                    self.facts.addWidget(Note("err", record.error))
            if plan.reason:
                self.facts.addWidget(Note("err" if str(plan.state) in BROKEN else "info", plan.reason))
            if str(plan.state) in (*UNDER_WAY, "waiting"):
                said = "What was prepared is stored. At the next start the plan goes on at the same step and never signs again."
                self.facts.addWidget(Note("info", f"If the console stops now: {said}"))
        elif job is not None:
            self.detail.set_title(job.title)
            state = {"running": "run", "done": "ok", "failed": "err"}.get(str(job.state), "idle")
            self.detail_state.set_state(state, str(job.state).capitalize())
            if job.text:
                self.facts.addWidget(Note("info", job.text))
            if job.error:
                self.facts.addWidget(Note("err", job.error))
        else:
            self.detail.set_title("Steps")
        self.facts.addStretch(1)

    # Acting

    def _open_chosen(self, row_id: str) -> None:
        plan = self._plans.get(row_id)
        if plan is not None:
            self.window_.open_plan(plan.id)
            return
        job = self._jobs.get(row_id)
        if job is not None and job.link:
            self.window_.open_link(job.link)

    def _cancel(self) -> None:
        chosen, console = self._chosen, self.bridge.console

        async def cancel() -> None:
            console.jobs.cancel(chosen)

        self.bridge.run(cancel, label="Cancelling", owner=self)

    def open(self, **arguments: Any) -> None:
        if arguments.get("ref"):
            self.window_.open_plan(str(arguments["ref"]))

    def state(self) -> dict[str, Any]:
        return {"chosen": self._chosen}

    def restore(self, state: dict[str, Any]) -> None:
        self._chosen = str(state.get("chosen") or "")


def _took(milliseconds: int) -> str:
    seconds = max(0, milliseconds) / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
