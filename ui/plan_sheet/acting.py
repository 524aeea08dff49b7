"""What the buttons of the sheet do: from the form to the preview, to the confirmation, and what can be done after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app.core.errors import Conflict, ConsoleError, Denied
from ui.plan_sheet.facts import Facts, read_facts
from ui.plan_sheet.frame import Frame
from ui.plan_sheet.outcome import receipt_json
from ui.plan_sheet.words import CONFIRM, FORM, PREVIEW

if TYPE_CHECKING:
    from pathlib import Path

    from app.operations.plans import Plan, Preview


class Acting(Frame):
    """The steps of one plan, in the order in which a person takes them."""

    _seen: Preview | None
    _at: dict[str, int]
    _on_done: dict[str, Callable[[Plan], None]]

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
            if not form.stays:
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
        if facts is None or self._busy or self._step != CONFIRM or not self.confirm.isEnabled():
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

    def _save_signature(self, plan_id: str) -> None:
        """Write a signature and what was signed as JSON, for whoever verifies it."""
        wallets = self.bridge.console.wallets

        def ask(signed: Any) -> None:
            dialog = QFileDialog(self, "Save the signature", f"{signed.plan}-signature.json", "JSON (*.json)")
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix("json")
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.fileSelected.connect(lambda path: self._write(path, signed.to_json(), f"The signature is written to {path}."))
            dialog.open()

        self.bridge.run(lambda: wallets.signed(plan_id), then=ask, owner=self)

    def _write(self, path: str, content: str, said: str) -> None:
        from pathlib import Path

        try:
            Path(path).write_text(content, encoding="utf-8")
        except OSError as error:
            self.window_.notify(f"Nothing was written: {error.strerror}.", "err")
        else:
            self.window_.notify(said, "ok")

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

    def _show_amounts(self) -> None:
        """Bring the amounts of this sheet into sight, although they are hidden in the window; the next plan hides them again."""
        self._in_sight = not self._in_sight
        self._fill()
        self._update()

    def _remember(self) -> None:
        if self.plan is not None:
            self._at[self.plan.id] = self._step

    def _drop_form(self) -> None:
        if self._form is not None:
            self._form.hide()
            self._form.deleteLater()
            self._form = None

    # What the sheet itself knows

    def _show(self, step: int) -> None:
        raise NotImplementedError

    def _fill(self) -> None:
        raise NotImplementedError

    def _update(self) -> None:
        raise NotImplementedError

    def _natural(self, plan: Plan) -> int:
        raise NotImplementedError

    def _hindrance(self) -> str:
        raise NotImplementedError

    def _reload(self) -> None:
        raise NotImplementedError

    def close_sheet(self) -> None:
        """Put the sheet away; whatever runs goes on."""
        raise NotImplementedError
