"""The sheet itself: which step is shown, what its buttons do, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent

from app.core.events import AccessChanged, HeadChanged, NetworkChanged, PlanChanged
from ui.plan_sheet import words
from ui.plan_sheet.bringing import Bringing
from ui.plan_sheet.elsewhere import second_blocked
from ui.plan_sheet.facts import Facts, read_facts
from ui.plan_sheet.outcome import BROKEN, UNDER_WAY, stop_reason
from ui.plan_sheet.sections import Section
from ui.plan_sheet.words import CONFIRM, FORM, PREVIEW, PROGRESS, RECEIPT
from ui.theme import icon
from ui.widgets import empty, masked, privacy, revealed

if TYPE_CHECKING:
    from app.operations.plans import Plan, Preview
    from ui.plan_sheet.form import PlanForm

AGAIN_AFTER_MS = 1_500  # a new block simulates the shown preview again, at most this often


class PlanSheet(Bringing):
    """Five steps over one plan. Closing it never cancels anything; opening the plan again shows the step where it was."""

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
        self._in_sight = False
        self._second = False
        self._reading_payments = False
        self._rivals: dict[str, tuple[Any, str]] = {}
        self._seen: Preview | None = None  # the preview that the reader was shown, when a newer one differs
        self._at: dict[str, int] = {}  # plan id → step, so that opening again shows the same one
        self._on_done: dict[str, Callable[[Plan], None]] = {}
        self._build()
        privacy.changed.connect(self._privacy_changed)
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
    def left_open(self) -> str:
        """What a closed sheet still holds, ``PLN-0427, Preview``; empty when nothing waits in it."""
        plan, form = self.plan, self._form
        if plan is not None and str(plan.state) not in ("done", "disowned"):
            return f"{plan.name}, {words.STEPS[self._step]}"
        return form.title if plan is None and form is not None and form.planned else ""

    def close_sheet(self) -> None:
        """Put the sheet away; whatever runs goes on."""
        self._remember()
        self.confirm_page.forget()
        self.closed.emit()

    # Showing

    def _opened(self, facts: Facts, on_done: Callable[[Plan], None] | None) -> None:
        plan = facts.plan
        if self._form is not None and (self._facts is None or self._facts.plan.id != plan.id):
            self._drop_form()
        if on_done is not None:
            self._on_done[plan.id] = on_done
        self._seen = None
        if self._facts is None or self._facts.plan.id != plan.id:
            self._in_sight = self._second = False
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

    def _privacy_changed(self) -> None:
        self._in_sight = False
        self._fill()
        self._update()

    def _fill(self) -> None:
        with revealed(self._in_sight):
            self._fill_page()

    def _fill_page(self) -> None:
        facts = self._facts
        if facts is None:
            return
        if self._step == PREVIEW:
            self.preview_page.show_facts(facts, self._seen)
        elif self._step == CONFIRM:
            self.confirm_page.show_facts(facts)
        elif self._step == PROGRESS:
            self._look_for_rival()
            self.progress_page.show_facts(facts)
            self._read_payments()
        elif self._step == RECEIPT:
            self.receipt_page.show_facts(facts)
            self._read_payments()

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
        with revealed(self._in_sight):
            self.title.setText(masked(plan.title if plan and step != FORM else form.title if form else ""))
        self.steps.setVisible(plan is not None or form is None or form.planned)
        self.eye.setVisible(privacy.hidden and step != FORM)
        self.eye.setIcon(icon("eye" if self._in_sight else "eye-slash"))
        self.eye.setToolTip("Hide the amounts again" if self._in_sight else "Amounts are hidden: show them in this sheet")
        self.eye.setAccessibleName(self.eye.toolTip())
        self.subtitle.setText(self._said(plan) if plan and step != FORM else form.context if form else "")
        self.setAccessibleDescription(f"{self.title.text()}, step {step + 1} of 5, {words.STEPS[step]}")
        idle = not self._busy
        state = str(plan.state) if plan else ""
        open_ = state in ("draft", "previewed")
        may_stop, stop_words = stop_reason(plan) if plan else (False, "")
        self.discard.setVisible(step in (FORM, CONFIRM) or (step == PREVIEW and open_ and form is None))
        self.discard.setText("Cancel" if step == CONFIRM else "Discard")
        if step == FORM and form is not None and form.primary == "Done":  # nothing to discard
            self.discard.hide()
        self.copy_link.setVisible(step == RECEIPT)
        self.back.setVisible((step == PREVIEW and form is not None and open_) or step == CONFIRM)
        self.preview.setVisible(step == FORM)
        self.preview.setText(form.primary if form else "Preview")
        self.preview.setEnabled(idle)
        hindrance = self._hindrance()
        self.again.setVisible(step == PREVIEW and open_ and bool(plan and plan.preview and plan.preview.blocked))
        second = plan is not None and second_blocked(plan)
        self.again.setText("State and preview again" if second else "Preview again")
        self.again.setEnabled(idle and (self._second or not second))
        self.go_on.setVisible(step == PREVIEW and open_)
        self.go_on.setEnabled(idle and not hindrance)
        self.go_on.setToolTip(hindrance)
        self.confirm.setVisible(step == CONFIRM)
        self.confirm.setText(words.action(plan.kind) if plan else "Confirm")
        self.confirm.setAccessibleName(self.confirm.text())
        missing = hindrance or self._unseen() or self.confirm_page.missing() if step == CONFIRM else ""
        self.confirm.setEnabled(idle and step == CONFIRM and not missing)
        self.confirm.setToolTip(missing)
        why = self.why_no_retry(plan) if plan else ""
        self.retry.setVisible(step == PROGRESS and state in BROKEN)
        self.retry.setText("Plan the rest" if self._facts and self._facts.has_rest else "Preview again")
        self.retry.setAccessibleName(self.retry.text())
        self.retry.setEnabled(idle and not why)
        self.retry.setToolTip(why)
        self.stop.setVisible(step == PROGRESS and state in UNDER_WAY)
        self.stop.setEnabled(idle and may_stop)
        self.leave.setVisible(step == PROGRESS or (step == PREVIEW and not open_ and plan is not None))
        self.export.setVisible(step == RECEIPT)
        self.done.setVisible(step == RECEIPT)
        hints = {
            FORM: form.hint if form else "",
            PREVIEW: hindrance or ("Nothing is signed yet" if open_ else ""),
            CONFIRM: missing,
            PROGRESS: stop_words or why,
            RECEIPT: "",
        }
        self.set_hint(self._busy or hints[step])

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

    def _unseen(self) -> str:
        """Nobody signs what he cannot see: hidden amounts are shown before Confirm."""
        plan = self.plan
        hidden = privacy.hidden and not self._in_sight
        return "Amounts are hidden; show them with the eye above" if hidden and plan and words.shows_amounts(plan) else ""

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
