"""A transaction that waits is paid more as its owner chooses; never less than nodes take."""

from __future__ import annotations

from typing import Any

import pytest

from app.chain.fees import gwei
from app.chain.nonces import bumped
from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.node, pytest.mark.compiler]


@pytest.fixture
def waiting(shell: Shell, made: Any) -> Any:
    """A payment of the demo's treasury that no block takes, as a row of the queue."""
    from app.wallets import TransferDraft

    console, payer, payee = shell.console, made.accounts[0][1], made.accounts[1][1]

    async def ask(method: str, *params: object) -> object:
        return await (await console.networks.connect(made.network)).rpc.call(method, *params)

    async def planned() -> Any:
        return await console.wallets.plan_transfer(TransferDraft(made.network, payer, payee, 7))

    plan, ended = shell.ask(planned), []
    shell.ask(lambda: ask("evm_setAutomine", False))
    try:
        shell.window.bridge.run(lambda: console.operations.execute(plan.id), then=ended.append)
        key = console.networks.get(made.network).key.text
        rows = lambda: shell.ask(lambda: console.transactions.queue.rows(key, payer, ("seen",)))  # noqa: E731
        shell.until(rows)
        yield rows()[0]
    finally:
        shell.ask(lambda: ask("evm_setAutomine", True))
        shell.ask(lambda: ask("evm_mine"))
        shell.until(lambda: ended)
    assert ended[0].state == "done", ended[0].reason


def test_the_price_of_a_replacement_is_chosen(shell: Shell, waiting: Any) -> None:
    shell.panel.list.choose(waiting.sender)
    shell.panel.detail.show_tab("queue")
    tab = shell.panel.detail.stack.currentWidget()
    tab.refresh()
    shell.until(lambda: waiting.hash in tab._rows)
    tab.table.select(waiting.hash)
    tab.speed_button.click()
    sheet = shell.window.sheet
    form = sheet._form
    least = bumped(waiting.max_fee_per_gas, 0)
    assert form.title == "Speed up a transaction" and form.fee.most.text() == gwei(least)
    form.fee.choice.set_value("custom")
    form.fee.most.setText(gwei(least * 2))
    sheet.preview.click()
    shell.until(lambda: sheet.plan is not None and sheet.plan.kind == "chain.speed_up")
    assert int(sheet.plan.params["max_fee"]) == least * 2
    tab.cancel_button.click()
    form = sheet._form
    form.fee.choice.set_value("custom")
    form.fee.most.setText(gwei(least // 2))
    form.fee.tip.setText("0")
    sheet.preview.click()
    shell.until(lambda: sheet._form is form and form.fee.most_field is not None and "ten percent more" in sheet_text(sheet))


def sheet_text(sheet: Any) -> str:
    """All labels that are shown."""
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in sheet.findChildren(QLabel) if label.isVisible())
