"""The forms of mint mining: submit a proof, mint ready ones, request, complete and cancel a redemption."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QSpinBox, QVBoxLayout

from app.core.errors import Invalid
from app.core.money import parse_units, short_units
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, FileField, Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.mining import ProofRow, RedemptionRow
    from ui.shell.panel import Panel


class NetworkForm(PlanForm):
    """A form about the current network."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)

    def network_id(self) -> str:
        """The network that is selected.

        Raises:
            Invalid: none is.
        """
        network = self.panel.bridge.console.networks.current
        if network is None:
            raise Invalid("No network is selected. Nothing was planned.", "Select or start one first.")
        return str(network.id)


async def content(path: Path, undone: str) -> bytes:
    """The bytes of a file that a form names.

    Raises:
        Invalid: it cannot be read; ``undone`` is what did not happen, such as ``queued``.
    """
    import asyncio

    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise Invalid(
            f"{path.name} cannot be read: {error.strerror}. Nothing was {undone}.", "Choose another file.", field="file"
        ) from None


class SubmitForm(NetworkForm):
    """Who did what, how well, and the file that shows it."""

    title = "Submit a proof of value"
    context = "It goes into the queue; nothing is minted yet"
    primary = "Submit proof"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.contributor = AccountCombo("mining.submit.contributor", panel.bridge, editable=True)
        self.activity = QComboBox()
        self.activity.setObjectName("mining.submit.activity")
        self.activity.setAccessibleName("Activity")
        self.score = QSpinBox()
        self.score.setRange(0, 100)
        self.score.setValue(85)
        self.score.setObjectName("mining.submit.score")
        self.score.setAccessibleName("Score from 0 to 100")
        self.file = FileField(
            "mining.submit.evidence", "Evidence file", "Its SHA-256 goes on chain; each piece of evidence earns once",
            "Path of the evidence file", title="Evidence of the work",
        )  # fmt: skip
        self.evidence = self.file.edit
        self.url = line_edit("mining.submit.url", "Where the work can be seen")
        self.reward = line_edit("mining.submit.reward", "Reward in AZR, set by hand")
        self.priced = Note("info", "The reward is found by the policy and shown here.")
        self.column.addWidget(Field("Contributor", self.contributor, "Earns the reward"))
        self.column.addWidget(Field("Activity", self.activity, ""))
        self.column.addWidget(Field("Score", self.score, "0 to 100"))
        self.column.addWidget(self.file)
        self.column.addWidget(Field("Address of the work", self.url, "Optional beside a file"))
        self.column.addWidget(Field("Reward", self.reward, "Empty: by the policy. Set by hand it needs a review"))
        self.column.addWidget(self.priced)
        self.column.addStretch(1)
        self.score.valueChanged.connect(lambda _: self._price())
        self.activity.currentIndexChanged.connect(lambda _: self._price())
        self._policy: Any = None
        panel.bridge.run(self._read, then=self._show_policy, owner=self)

    async def _read(self) -> Any:
        return self.panel.bridge.console.mining.policy

    def _show_policy(self, policy: Any) -> None:
        self._policy = policy
        for activity in sorted(policy.activities.values(), key=lambda one: one.name):
            self.activity.addItem(activity.name, activity.id)
        self._price()

    def _price(self) -> None:
        if self._policy is None or self.activity.currentData() is None:
            return
        try:
            price = self._policy.price(str(self.activity.currentData()), self.score.value())
        except Invalid as error:
            self.priced.set_text(str(error))
            return
        review = f" {price.review}" if price.review else " No review is needed."
        self.priced.set_text(f"Policy {price.policy}: {short_units(price.reward, 18)} AZR.{review}")

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, contributor = self.network_id(), self.contributor.address()
        if not contributor:
            raise Invalid("A proof names who earns it. Nothing was queued.", "Choose the contributor.", field="contributor")
        activity, score = str(self.activity.currentData() or ""), self.score.value()
        path, url = self.file.path(), self.url.text().strip()
        if not path and not url:
            raise Invalid("A proof needs evidence. Nothing was queued.", "Choose a file, or give an address.", field="evidence")
        reward = parse_units(self.reward.text(), 18, unit="AZR", field="reward") if self.reward.text().strip() else None
        console = self.panel.bridge.console

        async def submit() -> ProofRow:
            from app.mining import ProofDraft

            draft = ProofDraft(
                contributor=contributor,
                activity=activity,
                score=score,
                evidence_path=path,
                url=url,
                reward=reward,
            )
            return await console.mining.submit(network, draft)

        return submit

    def finished(self, result: Any) -> None:
        state = "waits for a review" if str(result.status) == "in_review" else "is ready to mint"
        self.panel.window_.notify(f"Proof #{result.number} over {short_units(result.reward, 18)} AZR {state}.", "ok")
        self.panel.refresh()


class MintForm(NetworkForm):
    """Who attests and who sends, for the chosen proofs."""

    def __init__(self, panel: Panel, rows: Sequence[ProofRow]) -> None:
        super().__init__(panel)
        self._ids = [row.id for row in rows]
        noun = "proof" if len(rows) == 1 else "proofs"
        self.title = f"Mint {len(rows)} {noun}"
        total = sum(row.reward for row in rows)
        people = len({row.contributor for row in rows})
        self.attester = AccountCombo("mining.mint.attester", panel.bridge)
        self.submitter = AccountCombo("mining.mint.submitter", panel.bridge)
        addresses = "the address of 1 contributor" if people == 1 else f"the addresses of {people} contributors"
        self.column.addWidget(Note("info", f"{short_units(total, 18)} AZR to {addresses}."))
        self.column.addWidget(Field("Attest with", self.attester, "Signs each proof's digest; costs no gas"))
        self.column.addWidget(Field("Send with", self.submitter, "Sends the transaction and pays its fee"))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, submitter, attester = self.network_id(), self.submitter.address(), self.attester.address()
        ids, console = self._ids, self.panel.bridge.console
        return lambda: console.mining.plan_mint(network, ids, submitter, attester)


class RequestForm(NetworkForm):
    """AZR into escrow, for money on a bank account."""

    title = "Request a redemption"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.account = AccountCombo("mining.redeem.account", panel.bridge)
        self.amount = line_edit("mining.redeem.amount", "Amount in AZR")
        self.reference = line_edit("mining.redeem.reference", "Reference of the payment")
        self.column.addWidget(Field("Account", self.account, "Its AZR moves into escrow"))
        self.column.addWidget(Field("Amount", self.amount, "AZR, all decimals are kept"))
        self.column.addWidget(Field("Reference", self.reference, "The bank payment will carry it; its hash goes on chain"))
        self.column.addWidget(Note("info", "Two transactions: an allowance for exactly this amount, then the request."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, account = self.network_id(), self.account.address()
        amount = parse_units(self.amount.text(), 18, unit="AZR")
        reference = self.reference.text().strip()
        if not reference:
            raise Invalid("A request names the payment's reference. Nothing was planned.", "Enter one.", field="reference")
        console = self.panel.bridge.console
        return lambda: console.redemptions.plan_request(network, account, amount, reference)


class CompleteForm(NetworkForm):
    """The statement that the bank has paid."""

    def __init__(self, panel: Panel, row: RedemptionRow) -> None:
        super().__init__(panel)
        self._row = row
        self.title = f"Complete redemption R-{row.id}"
        self.bank_reference = line_edit("mining.complete.bank_reference", "Reference on the bank statement")
        self.officer = AccountCombo("mining.complete.officer", panel.bridge)
        self.column.addWidget(Field("Bank reference", self.bank_reference, "As it stands on the statement"))
        self.column.addWidget(Field("Officer", self.officer, "Holds the officer role; sends and pays"))
        self.column.addWidget(Note("warn", f"This burns {short_units(row.amount, 18)} AZR of escrow and cannot be taken back."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, officer, bank = self.network_id(), self.officer.address(), self.bank_reference.text().strip()
        if not bank:
            raise Invalid(
                "A completion names the bank's reference. Nothing was planned.",
                "Copy it from the statement.",
                field="bank_reference",
            )
        console, row = self.panel.bridge.console, self._row
        return lambda: console.redemptions.plan_complete(network, row.id, bank, officer)


class CancelForm(NetworkForm):
    """A request taken back."""

    def __init__(self, panel: Panel, row: RedemptionRow) -> None:
        super().__init__(panel)
        self._row = row
        self.title = f"Cancel redemption R-{row.id}"
        self.sender = AccountCombo("mining.cancel.sender", panel.bridge)
        self.column.addWidget(Field("Send with", self.sender, "The account that asked for it, or an officer"))
        self.column.addWidget(Note("info", f"{short_units(row.amount, 18)} AZR return from escrow to the account that asked."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, sender, console, row = self.network_id(), self.sender.address(), self.panel.bridge.console, self._row
        return lambda: console.redemptions.plan_cancel(network, row.id, sender)
