"""The forms of mint mining: submit a proof, mint ready ones, request, complete, cancel and refund a redemption."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QVBoxLayout

from app.core.errors import Conflict, Invalid
from app.core.money import parse_units, short_units
from app.mining.comparing import bank_reference_of
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, FileField, Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.mining import ProofRow, RedemptionRow
    from app.mining.batching import Batch
    from app.mining.matching import Match
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
        self.column.addWidget(
            Field("Address of the work", self.url, "Beside a file: where it came from. Alone it is fetched and its content hashed")
        )
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
        if result.evidence_kind == "waiting":
            state = "is kept, but its address was not fetched yet: fetch it again in the review"
        self.panel.window_.notify(f"Proof #{result.number} over {short_units(result.reward, 18)} AZR {state}.", "ok")
        self.panel.refresh()


class MintForm(NetworkForm):
    """Who attests and who sends, for the chosen proofs: as many as one transaction takes."""

    def __init__(self, panel: Panel, rows: Sequence[ProofRow]) -> None:
        super().__init__(panel)
        self._ids = [row.id for row in rows]
        noun = "proof" if len(rows) == 1 else "proofs"
        self.title = f"Mint {len(rows)} {noun}"
        total = sum(row.reward for row in rows)
        people = len({row.contributor for row in rows})
        self.attester = AccountCombo("mining.mint.attester", panel.bridge)
        self.collected = QCheckBox("Only with the signatures that were collected")
        self.collected.setObjectName("mining.mint.collected")
        self.submitter = AccountCombo("mining.mint.submitter", panel.bridge)
        self.size_note = Note("info", "")
        self.size_note.setObjectName("mining.mint.size")
        self.size_note.hide()
        addresses = "the address of 1 contributor" if people == 1 else f"the addresses of {people} contributors"
        self.column.addWidget(Note("info", f"{short_units(total, 18)} AZR to {addresses}."))
        self.column.addWidget(Field("Attest with", self.attester, "Signs each proof's digest; costs no gas"))
        self.column.addWidget(self.collected)
        self.column.addWidget(Field("Send with", self.submitter, "Sends the transaction and pays its fee"))
        self.column.addWidget(self.size_note)
        self.column.addStretch(1)
        self.collected.toggled.connect(self.attester.setDisabled)
        self.collected.toggled.connect(lambda _: self._size())
        for combo in (self.attester, self.submitter):
            combo.currentIndexChanged.connect(lambda _: self._size())

    def _attester(self) -> str:
        return "" if self.collected.isChecked() else str(self.attester.address())

    def _size(self) -> None:
        """Tell what one transaction takes of the chosen proofs, before anything is planned."""
        network = self.panel.bridge.console.networks.current
        try:
            submitter, attester = self.submitter.address(), self._attester()
        except Invalid:  # an account is still to be chosen
            return
        if network is None or not network.genesis:
            return
        mining, ids = self.panel.bridge.console.mining, self._ids

        def failed(error: Any) -> bool:
            self.size_note.set_level("warn")
            self.size_note.set_text(str(error))
            self.size_note.show()
            return True

        self.panel.bridge.run(
            lambda: mining.next_batch(network.id, submitter, attester, ids), then=self.show_batch, fail=failed, owner=self
        )

    def show_batch(self, batch: Batch) -> None:
        """Show what the next transaction takes, and what is left out and why."""
        taken, whole = len(batch.rows), len(self._ids)
        said = f"One transaction takes {taken:,} of {whole:,}: about {batch.gas:,} of {batch.gas_limit:,} gas."
        for left in batch.left[:3]:
            said += f" #{left.number:,}: {left.why}"
        if len(batch.left) > 3:
            said += f" And {len(batch.left) - 3:,} more are left out."
        if batch.more:
            said += f" {batch.more:,} wait for the next one."
        self.size_note.set_level("info" if taken == whole else "warn")
        self.size_note.set_text(said)
        self.size_note.show()

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, submitter, attester = self.network_id(), self.submitter.address(), self._attester()
        ids, mining = self._ids, self.panel.bridge.console.mining

        async def plan() -> Any:
            batch = await mining.next_batch(network, submitter, attester, ids)
            if not batch.rows:
                why = " ".join(f"#{left.number:,}: {left.why}" for left in batch.left[:3])
                raise Conflict(f"None of these proofs can be minted now. {why} Nothing was planned.", "Look at the queue.")
            return await mining.plan_mint(network, [row.id for row in batch.rows], submitter, attester)

        return plan


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

    def __init__(self, panel: Panel, row: RedemptionRow, match: Match | None = None) -> None:
        super().__init__(panel)
        self._row = row
        self.title = f"Complete redemption R-{row.id}"
        self.bank_reference = line_edit("mining.complete.bank_reference", "Reference on the bank statement")
        if match is not None and match.payments:
            self.bank_reference.setText(bank_reference_of(row, match))
            fine = str(match.finding) == "to complete"
            said = f"{match.text} It is an external document, and your statement: the chain cannot prove it."
            self.column.addWidget(Note("info" if fine else "warn", said))
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


class BackForm(NetworkForm):
    """The escrow of a request goes back to its holder; who may ask for it, and when, is the verb's."""

    verb, word, who = "", "", ""

    def __init__(self, panel: Panel, row: RedemptionRow, match: Match | None = None) -> None:
        super().__init__(panel)
        self._row = row
        self.title = f"{self.verb.capitalize()} redemption R-{row.id}"
        if match is not None and match.payments:
            said = f"A bank statement shows a payment with its reference. {self.word}, the holder keeps both."
            self.column.addWidget(Note("warn", said))
        self.sender = AccountCombo(f"mining.{self.verb}.sender", panel.bridge)
        self.column.addWidget(Field("Send with", self.sender, self.who))
        self.column.addWidget(Note("info", f"{short_units(row.amount, 18)} AZR return from escrow to the account that asked."))
        self.column.addStretch(1)


class CancelForm(BackForm):
    """A request taken back."""

    verb, word, who = "cancel", "Cancelled", "The account that asked for it, or an officer"

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, sender, redemptions = self.network_id(), self.sender.address(), self.panel.bridge.console.redemptions
        return lambda: redemptions.plan_cancel(network, self._row.id, sender)


class RefundForm(BackForm):
    """A request whose timeout has passed, sent back."""

    verb, word, who = "refund", "Refunded", "Anybody may; it pays the fee"

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, sender, redemptions = self.network_id(), self.sender.address(), self.panel.bridge.console.redemptions
        return lambda: redemptions.plan_refund(network, self._row.id, sender)
