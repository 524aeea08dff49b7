"""What is brought into the sheet from elsewhere: signatures by hand, and the statement that a second payment is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app.core.errors import ConsoleError
from ui.plan_sheet.acting import Acting
from ui.plan_sheet.elsewhere import STATEMENT, second_blocked
from ui.plan_sheet.facts import Facts, read_facts
from ui.plan_sheet.outcome import BROKEN
from ui.plan_sheet.payout import KIND as PAYOUT

if TYPE_CHECKING:
    from app.operations.plans import Plan

LARGEST = 24_000_000  # bytes of an answer


class Bringing(Acting):
    """Plans that another console signs, and plans whose nonce somebody else took."""

    _second: bool  # the operator states that it is a second payment
    _rivals: dict[str, tuple[Any, str]]
    _reading_payments: bool

    # By hand

    def _hand_export(self) -> None:
        plan, wallets = self.plan, self.bridge.console.wallets
        if plan is None:
            return

        def ask(text: str) -> None:
            dialog = QFileDialog(self, "Export the request", f"{plan.name}-request.json", "JSON (*.json)")
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix("json")
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.fileSelected.connect(lambda path: self._write(path, text, f"The request of {plan.name} is written to {path}."))
            dialog.open()

        self._work("Writing the request", lambda: wallets.hand_request(plan.id), ask)

    def _hand_import(self) -> None:
        dialog = QFileDialog(self, "Signed by the other console")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("JSON (*.json);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.bring_file)
        dialog.open()

    def bring_file(self, path: str) -> None:
        """Take the answer of the other console from a file."""
        try:
            data = Path(path).read_bytes()[: LARGEST + 1]
        except OSError as error:
            self.window_.notify(f"The file cannot be read: {error.strerror}. Nothing was sent.", "err")
            return
        if len(data) > LARGEST:
            self.window_.notify("The file is larger than the answer of another console. Nothing was sent.", "err")
            return
        self.bring(data.decode("utf-8", "replace"))

    def _hand_paste(self) -> None:
        self.bring(QGuiApplication.clipboard().text())

    def bring(self, text: str) -> None:
        """Offer what the other console signed; the plan goes on to its end as a job."""
        plan, console = self.plan, self.bridge.console
        if plan is None:
            return

        async def offer() -> Facts:
            await console.wallets.offer_signed(plan.id, text)
            return await read_facts(console, plan.id)

        self._work("Comparing it with what was previewed", offer, self._confirmed)

    # Payouts

    def _read_payments(self) -> None:
        """Where every payment of a payout is now."""
        plan, wallets = self.plan, self.bridge.console.wallets
        if plan is None or plan.kind != PAYOUT or self._reading_payments:
            return
        self._reading_payments = True

        def read(rows: Any) -> None:
            self._reading_payments = False
            if self.plan is not None and self.plan.id == plan.id:
                for page in (self.progress_page, self.receipt_page):
                    page.show_payments(self.plan, rows)

        def failed(_: ConsoleError) -> bool:
            self._reading_payments = False
            return True

        self.bridge.run(lambda: wallets.payout_rows(plan.id), then=read, fail=failed, owner=self)

    def _export_payout(self) -> None:
        plan, wallets = self.plan, self.bridge.console.wallets
        if plan is None:
            return

        def ask(content: str) -> None:
            dialog = QFileDialog(self, "Export the payments", f"{plan.name}-payments.csv", "Tables (*.csv)")
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix("csv")
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.fileSelected.connect(lambda path: self._write(path, content, f"The payments are written to {path}."))
            dialog.open()

        self.bridge.run(lambda: wallets.export_payout(plan.id), then=ask, owner=self)

    def _pay_rest(self) -> None:
        plan, wallets = self.plan, self.bridge.console.wallets
        if plan is None:
            return

        async def rest() -> Facts:
            new = await wallets.plan_payout_rest(plan.id, None, STATEMENT if self._second else "")
            return await read_facts(self.bridge.console, new.id)

        self._work("Planning what was not paid", rest, lambda facts: self._opened(facts, None))

    # Once more

    def _state(self, second: bool) -> None:
        self._second = second
        self._update()

    def why_no_retry(self, plan: Plan) -> str:
        """Why an ended plan cannot be previewed again now, or empty."""
        rival, _ = self._rivals.get(plan.id, (None, ""))
        if rival is not None and rival.same_payment and not self._second:
            return f"State first: {STATEMENT.lower()}"
        return ""

    def _retry(self) -> None:
        plan, operations = self.plan, self.bridge.console.operations
        if plan is None or self.why_no_retry(plan):
            return
        statement, console = STATEMENT if self._second else "", self.bridge.console

        async def again() -> Facts:
            kind = operations.kind_of(plan)
            if kind.rest is not None and kind.has_rest(plan):  # from the beginning it would do twice what it did
                new = await kind.rest(plan.id)
            else:
                new = await operations.retry(plan.id, statement)
            return await read_facts(console, new.id)

        self._work("Previewing it again; nothing is signed", again, lambda facts: self._opened(facts, None))

    def _simulate_again(self) -> None:
        plan, operations = self.plan, self.bridge.console.operations
        if plan is None or not second_blocked(plan):
            super()._simulate_again()
            return
        if not self._second or self._busy:
            return

        async def again() -> Facts:
            new = await operations.retry(plan.retries, STATEMENT)
            return await read_facts(self.bridge.console, new.id)

        self._work("Previewing it with your statement; nothing is signed", again, lambda facts: self._opened(facts, None))

    def _look_for_rival(self) -> None:
        """Ask once who took the nonce of a plan that ended without being done."""
        plan = self.plan
        if plan is None or str(plan.state) not in BROKEN or str(plan.target.kind) != "network":
            return
        if plan.id in self._rivals:
            self.progress_page.show_rival(*self._rivals[plan.id])
            return
        self.progress_page.show_rival(None)
        self._rivals[plan.id] = (None, "")
        transactions = self.bridge.console.transactions

        def found(rival: Any) -> None:
            self._rivals[plan.id] = (rival, "")
            if self.plan is not None and self.plan.id == plan.id:
                self.progress_page.show_rival(rival)
                self._fill()
                self._update()

        def failed(error: ConsoleError) -> bool:
            self._rivals[plan.id] = (None, str(error))
            if self.plan is not None and self.plan.id == plan.id:
                self.progress_page.show_rival(None, str(error))
                self._fill()
            return True

        self.bridge.run(lambda: transactions.rival(plan.id), then=found, fail=failed, owner=self)

    def _opened(self, facts: Facts, on_done: Any) -> None:
        raise NotImplementedError
