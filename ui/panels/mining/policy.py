"""The page of the reward policy: its versions, the text of one, a dry run of a text against history, and the plan that sets it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.money import short_units
from ui.panels.mining.forms import NetworkForm
from ui.panels.mining.proof_words import proofs
from ui.theme import theme
from ui.widgets import (
    AccountCombo,
    Amount,
    Column,
    EvidenceChip,
    Field,
    KeyValue,
    Note,
    Pane,
    Row,
    StatusCell,
    Table,
    TimeCell,
    button,
    empty,
    line_edit,
    masked,
    primary_button,
    scrolled,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.mining import DryRun
    from app.mining.burning import BurnRates
    from app.mining.policies import PolicyVersion
    from ui.panels.mining.panel import MiningPanel

MOST = 2**20  # bytes of a policy
SIMULATION = "Simulation over the proofs of this queue: nothing was changed."


class PolicyPage(QWidget):
    """Versions over the facts of one at the left; its text over what it would have made of the past at the right."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._versions: dict[str, PolicyVersion] = {}
        self._shown = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        left.addWidget(self._build_versions())
        left.addWidget(self._build_facts())
        left.setSizes([220, 480])  # few versions, many facts
        right = QSplitter(Qt.Orientation.Vertical)
        right.setChildrenCollapsible(False)
        right.addWidget(self._build_text())
        right.addWidget(self._build_tried())
        split.addWidget(left)
        split.addWidget(right)
        split.setSizes([480, 640])
        column.addWidget(split, 1)

    def _build_versions(self) -> QWidget:
        pane = Pane("Versions of the reward policy")
        self.table = Table(
            [
                Column("name", "Version", 90),
                Column("state", "Counts", 90, kind="status"),
                Column("since", "From, UTC", 120),
                Column("author", "Set by", 90),
                Column("note", "Note", 120),
            ]
        )
        self.table.setObjectName("mining.policy.versions")
        self.table.setAccessibleName("Versions of the reward policy")
        self.table.selected.connect(lambda _: self._chosen())
        pane.body.addWidget(self.table, 1)
        pane.setMinimumWidth(280)
        return pane

    def _build_facts(self) -> QWidget:
        pane = Pane("What it says")
        inner = QWidget()
        self.rates = Note("info", "")
        self.rates.setObjectName("mining.policy.rates")
        self.set_rate = button("Set burn rate…")
        self.set_rate.setObjectName("mining.policy.burn_rate")
        self.set_rate.setToolTip("Let the contract burn what the policy says")
        self.set_rate.clicked.connect(lambda: self._panel.window_.open_form(BurnRateForm(self._panel)))
        pane.add_header(self.set_rate, right=True)
        self.set_rate.hide()
        above = QVBoxLayout()
        above.setContentsMargins(16, 10, 16, 0)
        above.addWidget(self.rates)
        self.rates.hide()
        pane.body.addLayout(above)
        self.facts = QVBoxLayout(inner)
        self.facts.setContentsMargins(16, 10, 16, 10)
        pane.body.addWidget(scrolled(inner, "What the policy says"), 1)
        return pane

    def _build_text(self) -> QWidget:
        pane = Pane("Text")
        self.next = button("Next version")
        self.next.setObjectName("mining.policy.next")
        self.next.setToolTip("Give this text the next number, to change it")
        self.next.clicked.connect(self.begin_next)
        self.try_ = button("Dry run", icon="flask")
        self.try_.setObjectName("mining.policy.try")
        self.try_.clicked.connect(self.dry_run)
        self.set_ = primary_button("Set…")
        self.set_.setObjectName("mining.policy.set")
        self.set_.setAccessibleName("Set this version")
        self.set_.clicked.connect(self._set)
        for made in (self.next, self.try_, self.set_):
            pane.add_header(made, right=True)
        self.text = QPlainTextEdit()
        self.text.setObjectName("mining.policy.text")
        self.text.setAccessibleName("Text of the policy, JSON")
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font("mono"))
        theme.changed.connect(lambda: self.text.setFont(theme.font("mono")))
        pane.body.addWidget(self.text, 1)
        self.problem = Note("err", "")
        self.problem.setObjectName("mining.policy.problem")
        self.problem.hide()
        pane.body.addWidget(self.problem)
        pane.setMinimumWidth(320)
        return pane

    def _build_tried(self) -> QWidget:
        pane = Pane("Dry run against history")
        self.chip = QHBoxLayout()
        self.chip.setContentsMargins(0, 0, 0, 0)
        holder = QWidget()
        holder.setLayout(self.chip)
        pane.add_header(holder, right=True)
        self.told = QLabel("Not run yet. It prices every proof of this queue anew, and changes nothing.")
        self.told.setObjectName("mining.policy.told")
        self.told.setWordWrap(True)
        self.told.setContentsMargins(16, 8, 16, 8)
        pane.body.addWidget(self.told)
        self.rows = Table(
            [
                Column("number", "Proof", 60),
                Column("activity", "Activity", 110),
                Column("score", "Score", 56, align="right", kind="number"),
                Column("got", "Got AZR", 100, align="right", kind="amount"),
                Column("would", "Would get", 100, align="right", kind="amount"),
                Column("why", "Why", 170),
            ]
        )
        self.rows.setObjectName("mining.policy.tried")
        self.rows.setAccessibleName("What each proof would have got")
        pane.body.addWidget(self.rows, 1)
        return pane

    # Reading

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Read the versions."""
        bridge = self._panel.bridge
        if self.isVisible() and bridge.is_ready:
            bridge.run(lambda: bridge.console.mining.policies.versions(), then=self.show_versions, fail=self._refused, owner=self)

        network = bridge.console.networks.current if bridge.is_ready else None
        if self.isVisible() and network is not None and network.genesis:
            burning = bridge.console.mining.burning
            bridge.run(lambda: burning.rates(network.id), then=self.show_rates, fail=lambda _: self.show_rates(None), owner=self)
        else:
            self.show_rates(None)

    def show_rates(self, rates: BurnRates | None) -> bool:
        """Show whether the contract burns what the policy says; None: there is no contract here that could be asked."""
        self.rates.setVisible(rates is not None)
        self.set_rate.setVisible(rates is not None and not rates.agree)
        if rates is not None:
            self.rates.set_level("ok" if rates.agree else "warn")
            self.rates.set_text(rates.text)
        return True

    def show_versions(self, versions: Sequence[PolicyVersion]) -> None:
        """Show the versions, the newest first."""
        self._versions = {str(each.policy.version): each for each in versions}
        newest = max((each.policy.version for each in versions if each.current), default=0)
        self.table.set_rows(
            [
                Row(
                    str(each.policy.version),
                    {
                        "name": each.policy.name,
                        "state": StatusCell("ok", "Now")
                        if each.current
                        else StatusCell("pend", "Later")
                        if each.policy.version > newest
                        else StatusCell("idle", "Before"),
                        "since": TimeCell(each.valid_from),
                        "author": each.author or "This release",
                        "note": each.note or "–",
                    },
                )
                for each in versions
            ]
        )
        if versions and self.table.selected_id() not in self._versions:
            self.table.select(str(next((each for each in versions if each.current), versions[0]).policy.version))
        self._chosen()

    def _chosen(self) -> None:
        found = self._versions.get(self.table.selected_id())
        if found is None or found.policy.digest == self._shown:
            return
        self._shown = found.policy.digest
        self.text.setPlainText(json.dumps(dict(found.body), indent=2, ensure_ascii=False))
        self.problem.hide()
        empty(self.facts)
        self.facts.addWidget(KeyValue(facts_of(found)))
        self.facts.addStretch(1)

    # Acting

    def body(self) -> dict[str, object]:
        """The policy in the text.

        Raises:
            Invalid: it is no JSON object.
        """
        from app.wallets import strict_json

        found = strict_json.read(self.text.toPlainText(), MOST, "Nothing was done.")
        if not isinstance(found, dict):
            raise Invalid("A policy is a JSON object. Nothing was done.", "Compare it with a version of the list.")
        return found

    def begin_next(self) -> None:
        """Give the text the next number."""
        try:
            body = self.body()
        except Invalid as error:
            self._refused(error)
            return
        self.problem.hide()
        newest = max((each.policy.version for each in self._versions.values()), default=0)
        self.text.setPlainText(json.dumps({**body, "version": newest + 1}, indent=2, ensure_ascii=False))
        self.text.setFocus()

    def dry_run(self) -> None:
        """Price the past by the text."""
        bridge = self._panel.bridge
        network = bridge.console.networks.current
        try:
            body = self.body()
            if network is None or not network.genesis:
                raise Invalid("No network is selected. Nothing was tried.", "Select or start one first.")
        except Invalid as error:
            self._refused(error)
            return
        self.problem.hide()
        self.try_.setEnabled(False)
        bridge.run(lambda: bridge.console.mining.dry_run(network.id, body), then=self.show_tried, fail=self._refused, owner=self)

    def show_tried(self, found: DryRun) -> None:
        """Show what the past would have been."""
        self.try_.setEnabled(True)
        empty(self.chip)
        self.chip.addWidget(EvidenceChip(found.evidence))
        caps = ", ".join(f"{name} {count:,}" for name, count in sorted(found.caps.items())) or "none"
        self.told.setText(
            masked(
                f"{proofs(len(found.rows))} under {found.policy.name}: {short_units(found.got, 18)} AZR then, "
                f"{short_units(found.would, 18)} AZR now, {short_units(found.burned, 18)} AZR of it burned. "
                f"{found.refused:,} would earn nothing, {found.reviewed:,} would need a person; caps reached: {caps}. {SIMULATION}"
            )
        )
        self.rows.set_rows(
            [
                Row(
                    str(row.number),
                    {
                        "number": f"#{row.number:,}",
                        "activity": row.activity,
                        "score": row.score,
                        "got": Amount(row.got, 18, ""),
                        "would": Amount(row.would, 18, ""),
                        "why": row.why or row.review or ("–" if row.got != row.would else "The same"),
                    },
                )
                for row in found.rows
            ]
        )

    def _set(self) -> None:
        try:
            body = self.body()
        except Invalid as error:
            self._refused(error)
            return
        self.problem.hide()
        self._panel.window_.open_form(PolicyForm(self._panel, body))

    def _refused(self, error: Any) -> bool:
        self.try_.setEnabled(True)
        self.problem.set_text(str(error))
        self.problem.show()
        return True


class BurnRateForm(NetworkForm):
    """Who tells the contract what the policy says."""

    title = "Set the burn rate"
    context = "The contract burns what the policy says"

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__(panel)
        self.sender = AccountCombo("mining.policy.burn_rate.sender", panel.bridge)
        self.column.addWidget(Field("Send with", self.sender, "Administers the MintMine contract, and pays"))
        self.column.addWidget(Note("info", "It counts for every proof that is minted afterwards, whichever policy has priced it."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, sender, burning = self.network_id(), self.sender.address(), self.panel.bridge.console.mining.burning
        return lambda: burning.plan(network, sender)


class PolicyForm(NetworkForm):
    """From when a version counts, and why."""

    title = "Set the reward policy"
    context = "Proofs that are queued keep their price"

    def __init__(self, panel: MiningPanel, body: Mapping[str, object]) -> None:
        super().__init__(panel)
        self._body = body
        self.since = line_edit("mining.policy.valid_from", "From when it counts")
        self.since.setPlaceholderText("2026-12-31T00:00:00Z")
        self.note = line_edit("mining.policy.note", "Note")
        self.column.addWidget(Field("From", self.since, "UTC, as ISO 8601; empty: as soon as the plan is carried out"))
        self.column.addWidget(Field("Note", self.note, "Why; kept with the version"))
        self.column.addWidget(Note("info", "The preview shows every difference to the version before it."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        text, note, body = self.since.text().strip(), self.note.text(), self._body
        try:
            moment = datetime.fromisoformat(text) if text else None
        except ValueError:
            raise Invalid(
                f"“{text}” is no time. Nothing was planned.", "Write it as 2026-12-31T00:00:00Z.", field="valid_from"
            ) from None
        since = 0 if moment is None else int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        policies = self.panel.bridge.console.mining.policies
        return lambda: policies.plan_set(body, since, note)


def facts_of(version: PolicyVersion) -> list[tuple[str, str]]:
    """A version in names and values."""
    rules = version.policy

    def cap(amount: int) -> str:
        return f"{short_units(amount, 18)} AZR" if amount else "none"

    return [
        *((each.name, f"{short_units(each.rate, 18)} AZR") for each in rules.activities.values()),
        *((f"Multiplier {each.name}", f"× {each.factor / 10_000:.4f}") for each in rules.multipliers),
        ("Cap of a proof", cap(rules.proof_cap)),
        ("Of a day", cap(rules.contributor_day_cap)),
        ("Of an epoch", cap(rules.contributor_epoch_cap)),
        ("All, an epoch", cap(rules.epoch_cap)),
        ("Burned", f"{rules.burn_rate / 100:.2f} %"),
        *((f"Above {short_units(above, 18)} AZR", f"{count} attesters") for above, count in rules.attesters),
        ("SHA-256", rules.digest),
    ]
