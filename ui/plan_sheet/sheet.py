"""The sheet itself: which step is shown, what its buttons do, and what it waits for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPushButton, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app.core.errors import Conflict, ConsoleError, Denied
from app.core.events import AccessChanged, HeadChanged, NetworkChanged, PlanChanged
from ui.plan_sheet import words
from ui.plan_sheet.facts import Facts, read_facts
from ui.plan_sheet.outcome import BROKEN, UNDER_WAY, ProgressPage, ReceiptPage, receipt_json, stop_reason
from ui.plan_sheet.pages import ConfirmPage, Page, PreviewPage
from ui.plan_sheet.sections import Section, text
from ui.plan_sheet.stepbar import StepBar
from ui.plan_sheet.words import CONFIRM, FORM, PREVIEW, PROGRESS, RECEIPT
from ui.theme import icon
from ui.widgets import Note, button, danger_button, empty, primary_button

if TYPE_CHECKING:
    from pathlib import Path

    from app.operations.plans import Plan, Preview
    from ui.plan_sheet.form import PlanForm

AGAIN_AFTER_MS = 1_500  # a new block simulates the shown preview again, at most this often


class PlanSheet(QWidget):
    """Five steps over one plan. Closing it never cancels anything; opening the plan again shows the step where it was."""

    closed = Signal()
    step_changed = Signal(str, str)  # plan name or form title, step

    def __init__(self, window: Any) -> None:
        super().__init__()
        self.setObjectName("plan.sheet")
        self.setAccessibleName("Plan sheet")
        self.setMinimumWidth(400)
        self.window_ = window
        self.bridge = window.bridge
        self._form: PlanForm | None = None
        self._facts: Facts | None = None
        self._step = FORM
        self._busy = ""
        self._seen: Preview | None = None  # the preview that the reader was shown, when a newer one differs
        self._at: dict[str, int] = {}  # plan id → step, so that opening again shows the same one
        self._on_done: dict[str, Callable[[Plan], None]] = {}
        self._build()
        self.bridge.on(PlanChanged, self._plan_changed, self)
        for kind in (AccessChanged, NetworkChanged):
            self.bridge.on(kind, lambda _: self._reload(), self)
        self.bridge.on(HeadChanged, self._head_changed, self)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_AFTER_MS)
        self._again.timeout.connect(self._simulate_again)

    # Opening

    def open_form(self, form: PlanForm) -> None:
        """Ask for a new plan. A plan that was shown goes on."""
        self._remember()
        self._facts, self._seen = None, None
        self._drop_form()
        self._form = form
        form.ready.connect(lambda *_: self._update())
        empty(self.form_page.column)
        holder = Section(line=False)
        holder.add(form)
        self.form_page.column.addWidget(holder)
        self.form_page.column.addStretch(1)
        self._show(FORM)
        first = form.first_field()
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_plan(self, plan: str | Plan, on_done: Callable[[Plan], None] | None = None) -> None:
        """Show a plan by id, by name or as a value, at the step where it was."""
        ref = plan if isinstance(plan, str) else plan.id
        self._remember()
        self._work("Reading the plan", lambda: read_facts(self.bridge.console, ref), lambda facts: self._opened(facts, on_done))

    @property
    def plan(self) -> Plan | None:
        """The plan that is shown."""
        return self._facts.plan if self._facts else None

    @property
    def step(self) -> int:
        """The step that is shown, 0 to 4."""
        return self._step

    def close_sheet(self) -> None:
        """Put the sheet away; whatever runs goes on."""
        self._remember()
        self.confirm_page.forget()
        self.closed.emit()

    # Building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QFrame()
        head.setObjectName("plan.head")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 9, 10, 9)
        names = QVBoxLayout()
        names.setSpacing(1)
        self.title = text("", "title", wrap=True)
        self.title.setObjectName("plan.title")
        self.subtitle = text("", "hint")
        self.subtitle.setObjectName("plan.subtitle")
        names.addWidget(self.title)
        names.addWidget(self.subtitle)
        row.addLayout(names, 1)
        self.hide_button = QToolButton()
        self.hide_button.setObjectName("plan.close")
        self.hide_button.setIcon(icon("x", "text-2"))
        self.hide_button.setAutoRaise(True)
        self.hide_button.setToolTip("Close; nothing is cancelled (Esc)")
        self.hide_button.setAccessibleName("Close the plan sheet")
        self.hide_button.setFixedSize(28, 28)
        self.hide_button.clicked.connect(self.close_sheet)
        row.addWidget(self.hide_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(head)
        self.steps = StepBar()
        self.steps.chosen.connect(self._show)
        column.addWidget(self.steps)
        self.stack = QStackedWidget()
        self.form_page = Page("Plan")
        self.preview_page = PreviewPage()
        self.confirm_page = ConfirmPage()
        self.progress_page = ProgressPage()
        self.receipt_page = ReceiptPage()
        for page in (self.form_page, self.preview_page, self.confirm_page, self.progress_page, self.receipt_page):
            self.stack.addWidget(page)
        self.confirm_page.changed.connect(self._update)
        self.progress_page.mine.connect(self._mine)
        column.addWidget(self.stack, 1)
        self.problem = Note("err", "")
        self.problem.setObjectName("plan.problem")
        self.problem.hide()
        column.addWidget(self.problem)
        column.addWidget(self._build_footer())

    def _build_footer(self) -> QWidget:
        footer = QFrame()
        footer.setObjectName("plan.footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(16, 10, 16, 10)
        row.setSpacing(8)
        self.discard = self._button(button("Discard"), "plan.discard", self._discard)
        self.copy_link = self._button(button("Copy link", icon="copy"), "plan.copy", self._copy_link)
        row.addWidget(self.discard)
        row.addWidget(self.copy_link)
        self.hint = text("", "hint", wrap=True)
        self.hint.setObjectName("plan.hint")
        row.addWidget(self.hint, 1)
        self.back = self._button(button("Back"), "plan.back", self._go_back)
        self.again = self._button(button("Preview again", icon="arrows-clockwise"), "plan.again", self._simulate_again)
        self.preview = self._button(primary_button("Preview"), "plan.preview", self._preview)
        self.go_on = self._button(primary_button("Continue to confirm"), "plan.continue", self._continue)
        self.confirm = self._button(primary_button("Confirm"), "plan.confirm", self._confirm)
        self.stop = self._button(danger_button("Stop"), "plan.stop", self._stop)
        self.leave = self._button(button("Close"), "plan.leave", self.close_sheet)
        self.export = self._button(button("Export receipt…", icon="export"), "plan.export", self._export)
        self.done = self._button(primary_button("Done"), "plan.done", self._finish)
        for widget in (
            self.back,
            self.again,
            self.preview,
            self.go_on,
            self.confirm,
            self.stop,
            self.leave,
            self.export,
            self.done,
        ):
            row.addWidget(widget)
        return footer

    def _button(self, widget: QPushButton, name: str, slot: Callable[[], None]) -> QPushButton:
        widget.setObjectName(name)
        widget.setAccessibleName(widget.text())
        widget.setAutoDefault(False)
        widget.setDefault(False)
        widget.clicked.connect(lambda _=False: slot())
        return widget

    # Showing

    def _opened(self, facts: Facts, on_done: Callable[[Plan], None] | None) -> None:
        plan = facts.plan
        if self._form is not None and (self._facts is None or self._facts.plan.id != plan.id):
            self._drop_form()
        if on_done is not None:
            self._on_done[plan.id] = on_done
        self._seen = None
        self._facts = facts
        self._show(self._natural(plan))

    def _natural(self, plan: Plan) -> int:
        """The step where a plan is by its state; between Preview and Confirm, where the reader left it."""
        state = str(plan.state)
        if state in ("draft", "previewed"):
            return CONFIRM if self._at.get(plan.id) == CONFIRM and not self._hindrance() else PREVIEW
        return RECEIPT if state == "done" else PROGRESS

    def _reachable(self) -> set[int]:
        plan = self.plan
        if plan is None:
            return {FORM}
        state = str(plan.state)
        reachable = {PREVIEW}
        if self._form is not None and state in ("draft", "previewed"):
            reachable.add(FORM)
        if state == "previewed" and not self._hindrance():
            reachable.add(CONFIRM)
        if state in UNDER_WAY or state in BROKEN or state == "done":
            reachable.add(PROGRESS)
        if plan.receipt is not None:
            reachable.add(RECEIPT)
        return reachable

    def _show(self, step: int) -> None:
        if step not in self._reachable():
            return
        changed = step != self._step
        if self._step == CONFIRM and changed:
            self.confirm_page.forget()
        self._step = step
        self.problem.hide()
        self._fill()
        self.stack.setCurrentIndex(step)
        self._update()
        if changed or self.plan is not None:
            self.step_changed.emit(self.plan.name if self.plan else self.title.text(), words.STEPS[step])
        if step == CONFIRM:
            first = self.confirm_page.first_field()
            (first or self.back).setFocus(Qt.FocusReason.OtherFocusReason)
        elif changed and self.isVisible():
            following = {PREVIEW: self.go_on, PROGRESS: self.leave, RECEIPT: self.done}.get(step)
            if following is not None and following.isEnabled():
                following.setFocus(Qt.FocusReason.OtherFocusReason)
        if step == PROGRESS:
            self._clock.start()
        else:
            self._clock.stop()

    def _fill(self) -> None:
        facts = self._facts
        if facts is None:
            return
        if self._step == PREVIEW:
            self.preview_page.show_facts(facts, self._seen)
        elif self._step == CONFIRM:
            self.confirm_page.show_facts(facts)
        elif self._step == PROGRESS:
            self.progress_page.show_facts(facts)
        elif self._step == RECEIPT:
            self.receipt_page.show_facts(facts)

    def _update(self) -> None:
        """Header, tabs and footer, from what is known now."""
        plan, form, step = self.plan, self._form, self._step
        broken = plan is not None and str(plan.state) in BROKEN
        reached = self._natural(plan) if plan else FORM
        if plan is not None and str(plan.state) in ("draft", "previewed"):
            reached = max(step, PREVIEW) if step != FORM else FORM
        self.steps.show_step(
            step, RECEIPT + 1 if plan and str(plan.state) == "done" else reached, self._reachable(), stopped=broken
        )
        self.title.setText(plan.title if plan and step != FORM else form.title if form else "")
        self.subtitle.setText(self._said(plan) if plan and step != FORM else form.context if form else "")
        self.setAccessibleDescription(f"{self.title.text()}, step {step + 1} of 5, {words.STEPS[step]}")
        idle = not self._busy
        state = str(plan.state) if plan else ""
        open_ = state in ("draft", "previewed")
        may_stop, stop_words = stop_reason(plan) if plan else (False, "")
        self.discard.setVisible(step in (FORM, CONFIRM) or (step == PREVIEW and open_ and form is None))
        self.discard.setText("Cancel" if step == CONFIRM else "Discard")
        self.copy_link.setVisible(step == RECEIPT)
        self.back.setVisible((step == PREVIEW and form is not None and open_) or step == CONFIRM)
        self.preview.setVisible(step == FORM)
        self.preview.setText(form.primary if form else "Preview")
        self.preview.setEnabled(idle)
        hindrance = self._hindrance()
        self.again.setVisible(step == PREVIEW and open_ and bool(plan and plan.preview and plan.preview.blocked))
        self.go_on.setVisible(step == PREVIEW and open_)
        self.go_on.setEnabled(idle and not hindrance)
        self.go_on.setToolTip(hindrance)
        self.confirm.setVisible(step == CONFIRM)
        self.confirm.setText(words.action(plan.kind) if plan else "Confirm")
        self.confirm.setAccessibleName(self.confirm.text())
        missing = hindrance or self.confirm_page.missing() if step == CONFIRM else ""
        self.confirm.setEnabled(idle and step == CONFIRM and not missing)
        self.confirm.setToolTip(missing)
        self.stop.setVisible(step == PROGRESS and state in UNDER_WAY)
        self.stop.setEnabled(idle and may_stop)
        self.leave.setVisible(step == PROGRESS or (step == PREVIEW and not open_ and plan is not None))
        self.export.setVisible(step == RECEIPT)
        self.done.setVisible(step == RECEIPT)
        hints = {
            FORM: form.hint if form else "",
            PREVIEW: hindrance or ("Nothing is signed yet" if open_ else ""),
            CONFIRM: missing,
            PROGRESS: stop_words,
            RECEIPT: "",
        }
        self.hint.setText(self._busy or hints[step])

    def _said(self, plan: Plan) -> str:
        state = str(plan.state)
        at = words.clock(plan.updated_at)
        said = {
            "draft": "not previewed yet",
            "previewed": f"previewed {at}",
            "confirmed": f"confirmed {at} by {plan.author}",
            "running": f"running, by {plan.author}",
            "waiting": "waiting",
            "done": f"finished {at}",
            "stopped": f"stopped {at}",
            "failed": f"failed {at}",
            "disowned": f"given up {at}",
        }
        return f"{plan.name}, {said.get(state, state)}"

    def _hindrance(self) -> str:
        """Why this plan may not be confirmed now, beside what must be typed."""
        facts = self._facts
        if facts is None:
            return ""
        preview = facts.plan.preview
        if preview is None:
            return "Preview it first"
        if preview.error:
            return "It would fail, so it cannot be confirmed"
        if preview.blocked:
            return "A check blocks it"
        if facts.why_not:
            return facts.why_not
        if facts.locked:
            return "The console is locked; unlock it to confirm"
        keyless = next((signer for signer in facts.signers if not signer.ready), None)
        return f"{keyless.label}: {keyless.key}" if keyless else ""

    # Going through the steps

    def _preview(self) -> None:
        """Check the form's fields and have it planned and simulated."""
        form = self._form
        if form is None or self._busy:
            return
        form.clear_errors()
        self.problem.hide()
        try:
            work = form.work()
        except ConsoleError as error:
            self._refused(error)
            return
        old = self.plan

        async def plan_it() -> Any:
            result = await work()
            if hasattr(result, "plan_hash"):
                if old is not None and str(old.state) in ("draft", "previewed"):
                    await self.bridge.console.operations.discard(old.id)
                return await read_facts(self.bridge.console, result.id)
            return result

        self._work("Simulating; nothing is signed" if form.primary == "Preview" else f"{form.primary} …", plan_it, self._previewed)

    def _previewed(self, result: Any) -> None:
        form = self._form
        if isinstance(result, Facts) and self.window_.is_quick(result.plan):
            self._drop_form()
            self.close_sheet()
            self.window_.run_quick(result.plan)
        elif isinstance(result, Facts):
            self._facts, self._seen = result, None
            self._show(PREVIEW)
        elif form is not None:
            form.finished(result)
            self._drop_form()
            self.close_sheet()

    def _continue(self) -> None:
        self._seen = None
        self._show(CONFIRM)

    def _go_back(self) -> None:
        self._show(PREVIEW if self._step == CONFIRM else FORM)

    def _discard(self) -> None:
        plan = self.plan
        if self._step == CONFIRM:
            self._at.pop(plan.id if plan else "", None)
            self._show(PREVIEW)
            self.close_sheet()
            return
        if plan is not None and str(plan.state) in ("draft", "previewed"):
            operations = self.bridge.console.operations
            self.bridge.run(lambda: operations.discard(plan.id), label="Discarding the plan")
        self._facts = None
        self._drop_form()
        self.closed.emit()

    def _confirm(self) -> None:
        facts = self._facts
        if facts is None or self._busy or self._step != CONFIRM or self._hindrance() or self.confirm_page.missing():
            return
        plan, console = facts.plan, self.bridge.console
        secret = None
        if self.confirm_page.passphrase is not None:
            from app.core.secret import Secret

            secret = Secret(self.confirm_page.passphrase.text())
        digest = plan.preview_digest

        async def confirm() -> Facts:
            await console.operations.confirm(plan.id, preview_digest=digest, passphrase=secret, statement=facts.typed)
            # The run belongs to the console, not to this sheet: closing the sheet must leave it alone.
            console.jobs.start(
                plan.title, lambda _: console.operations.run(plan.id), kind="plan", link=f"azora://plans/{plan.name}"
            )
            return await read_facts(console, plan.id)

        self._work("Checking it once more", confirm, self._confirmed, self._not_confirmed)

    def _confirmed(self, facts: Facts) -> None:
        self.confirm_page.forget()
        self._facts = facts
        self._show(self._natural(facts.plan))

    def _not_confirmed(self, error: ConsoleError) -> bool:
        if isinstance(error, Denied) and self.confirm_page.passphrase is not None and "passphrase" in str(error).lower():
            self.confirm_page.refuse_passphrase(str(error))
            return True
        if isinstance(error, Conflict):
            self._simulate_again()
            return True
        self._refused(error)
        return True

    def _simulate_again(self) -> None:
        """Preview what is shown once more; when the result differs, show the difference and lock Confirm until it was read."""
        facts = self._facts
        if facts is None or self._busy or str(facts.plan.state) not in ("draft", "previewed"):
            return
        shown, console = facts.plan, self.bridge.console

        async def again() -> Facts:
            await console.operations.preview(shown.id)
            return await read_facts(console, shown.id)

        self._work("Simulating again", again, lambda new: self._simulated(shown, new))

    def _simulated(self, shown: Plan, new: Facts) -> None:
        if self.plan is None or self.plan.id != shown.id:
            return
        differs = new.plan.preview_digest != shown.preview_digest
        self._facts = new
        if differs and self._seen is None:
            self._seen = shown.preview
        if differs and self._step == CONFIRM:
            self._show(PREVIEW)
        elif self._step == PREVIEW:
            self._fill()
            self._update()
        elif self._step == CONFIRM:
            self._update()

    def _stop(self) -> None:
        plan, console = self.plan, self.bridge.console
        if plan is not None:
            self._work("Stopping before the next step", lambda: console.operations.stop(plan.id), lambda _: self._reload())

    def _mine(self, chain: str) -> None:
        console = self.bridge.console

        async def mine() -> None:
            plan = await console.nodes.plan_mine(chain, 1)
            await console.operations.execute(plan.id)

        self.bridge.run(mine, label="Mining a block", owner=self)

    def _finish(self) -> None:
        plan = self.plan
        self.close_sheet()
        self._drop_form()
        if plan is not None:
            self._at.pop(plan.id, None)
            then = self._on_done.pop(plan.id, None)
            if then is not None:
                then(plan)

    def _copy_link(self) -> None:
        if self.plan is not None:
            QGuiApplication.clipboard().setText(f"azora://plans/{self.plan.name}")
            self.window_.notify("The link to the plan is copied.", "ok")

    def _export(self) -> None:
        plan = self.plan
        if plan is None:
            return
        dialog = QFileDialog(self, "Export receipt", f"{plan.name}-receipt.json", "JSON (*.json)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.export_to(path, plan))
        dialog.open()

    def export_to(self, path: str | Path, plan: Plan | None = None) -> None:
        """Write the receipt of a plan as JSON."""
        import json
        from pathlib import Path

        chosen = plan or self.plan
        if chosen is None:
            return
        networks = self.bridge.console.networks.list()
        demo = any(network.demo for network in networks if chosen.target.ref in (network.id, network.key.text))
        content = json.dumps(receipt_json(chosen, "demo" if demo else ""), indent=2, ensure_ascii=False) + "\n"
        try:
            Path(path).write_text(content, encoding="utf-8")
        except OSError as error:
            self.window_.notify(f"The receipt was not written: {error.strerror}.", "err")
        else:
            self.window_.notify(f"Receipt of {chosen.name} written to {path}.", "ok")

    # Hearing

    def _plan_changed(self, event: PlanChanged) -> None:
        if self.plan is not None and event.plan_id == self.plan.id:
            self._reload()

    def _head_changed(self, event: HeadChanged) -> None:
        plan = self.plan
        if plan is None or event.network != plan.target.ref or not self.isVisible():
            return
        if self._step in (PREVIEW, CONFIRM) and str(plan.state) == "previewed" and not self._again.isActive():
            self._again.start()

    def _reload(self) -> None:
        plan = self.plan
        if plan is None:
            return
        self.bridge.run(lambda: read_facts(self.bridge.console, plan.id), then=self._reloaded, owner=self)

    def _reloaded(self, facts: Facts) -> None:
        if self.plan is None or facts.plan.id != self.plan.id:
            return
        before = str(self.plan.state)
        if (
            facts.plan.preview_digest == self.plan.preview_digest
            and before == str(facts.plan.state)
            and self._step in (FORM, CONFIRM)
        ):
            self._facts = facts  # what is being typed stays
            self._update()
            return
        self._facts = facts
        natural = self._natural(facts.plan)
        if before != str(facts.plan.state) and (natural in (PROGRESS, RECEIPT) and self._step < natural):
            self._show(natural)
        else:
            self._fill()
            self._update()

    def _tick(self) -> None:
        """While a plan runs: its clocks, its log, and whether mining should be offered."""
        plan = self.plan
        if plan is not None and str(plan.state) in UNDER_WAY:
            self._reload()

    # Helpers

    def _work(
        self,
        label: str,
        work: Callable[[], Awaitable[Any]],
        then: Callable[[Any], None],
        fail: Callable[[ConsoleError], bool] | None = None,
    ) -> None:
        """Run one thing at a time for this sheet; errors stand in the sheet."""
        self._busy = label
        self._update()

        def ended(result: Any) -> None:
            self._busy = ""
            self._update()
            then(result)
            self._update()

        def failed(error: ConsoleError) -> bool:
            self._busy = ""
            self._update()
            if fail is not None:
                return fail(error)
            self._refused(error)
            return True

        self.bridge.run(work, then=ended, fail=failed, label=label, owner=self)

    def _refused(self, error: ConsoleError) -> None:
        """Say an error at its field, else above the footer."""
        if self._step == FORM and self._form is not None and self._form.show_error(error):
            return
        self.problem.set_text(str(error))
        self.problem.show()

    def _remember(self) -> None:
        if self.plan is not None:
            self._at[self.plan.id] = self._step

    def _drop_form(self) -> None:
        if self._form is not None:
            self._form.hide()
            self._form.deleteLater()
            self._form = None

    # Keys

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._meant(event):
            event.accept()  # inside the sheet these keys move between its steps, not through the window's history
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        act = self._meant(event)
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def _meant(self, event: QKeyEvent) -> Callable[[], None] | None:
        key, alt = event.key(), event.modifiers() == Qt.KeyboardModifier.AltModifier
        if alt and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            return lambda: self._move(1 if key == Qt.Key.Key_Right else -1)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self._press_primary
        if key == Qt.Key.Key_Escape and not event.modifiers():
            return self.close_sheet
        return None

    def _move(self, by: int) -> None:
        """To the next or previous step, where that is allowed; from the form forward means Preview."""
        if self._step == FORM and by > 0 and self._form is not None and PREVIEW not in self._reachable():
            self._preview()
            return
        wanted = self._step + by
        if wanted == CONFIRM and self._step == PREVIEW and self.go_on.isEnabled():
            self._continue()
        elif wanted in self._reachable():
            self._show(wanted)

    def _press_primary(self) -> None:
        """Ctrl+Enter: the primary button of the step, never the one that signs."""
        for widget in (self.preview, self.go_on, self.done):
            if widget.isVisible() and widget.isEnabled():
                widget.click()
                return
