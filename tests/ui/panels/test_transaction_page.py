"""A transaction looked into from a link: its calls, what changed, and the line at which it failed, opened in the source view."""

from __future__ import annotations

from typing import Any

import pytest

from app.chain import abi
from app.core.settings import NetworkSetting
from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.node, pytest.mark.compiler]
FROM, TO = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"  # anvil's published ones


class Token:
    """Our mock token on the node of the tests."""

    def __init__(self, node: Any, artifact: Any) -> None:
        self.node, self.abi = node, artifact.abi
        made = self.send(None, artifact.bytecode + abi.encode(["string", "string", "uint8"], ["Coin", "COIN", 18]).hex())
        self.address = node("eth_getTransactionReceipt", made)["contractAddress"]

    def send(self, to: str | None, data: str) -> str:
        call = {"from": FROM, "data": data, "gas": hex(3_000_000)}
        return str(self.node("eth_sendTransaction", {**call, "to": to} if to else call))

    def call(self, name: str, *arguments: object) -> str:
        return self.send(self.address, abi.encode_call(self.abi, name, arguments))


@pytest.fixture
def page(shell: Shell, node: Any) -> Any:
    """The page on the network of the tests; the contracts are compiled, so that the code on the chain is known."""
    if all(network.id != "bench" for network in shell.console.networks.list()):
        setting = NetworkSetting(id="bench", name="Bench", rpc_url=node.url, chain_id=1337, environment="local")
        shell.ask(lambda: shell.console.networks.add(setting))
    shell.ask(lambda: shell.console.networks.select("bench"))
    built = shell.ask(lambda: shell.console.contracts.compile())
    shell.window.open("contracts")
    page = shell.panel.pages["transaction"]
    page.token = Token(node, built.get("MockERC20"))
    return page


def opened(shell: Shell, page: Any, tx: str) -> Any:
    shell.window.open_link(f"azora://contracts/inspect/{tx}")
    shell.until(lambda: page.found is not None and page.found.hash == tx, 60_000)
    return page.tree.topLevelItem(0)


def test_calls_events_and_variables_are_shown_by_their_names(shell: Shell, page: Any) -> None:
    page.token.call("mint", FROM, 500)
    root = opened(shell, page, page.token.call("transfer", TO, 200))
    assert shell.panel.tabs.value() == "transaction" and page.state.word == "Succeeded"
    assert root.text(0).startswith("CALL  MockERC20.transfer(to: 0x7099") and root.text(0).endswith("value: 200) → true")
    assert root.child(0).text(0).startswith("EVENT  Transfer(")
    changed = {row.cells["variable"]: (row.cells["before"], row.cells["after"]) for row in page.tables["state"].rows()}
    assert changed == {
        f"MockERC20._balances[{FROM}]": ("500", "300"),
        f"MockERC20._balances[{TO}]": ("0", "200"),
    }
    page.views.set_value("logs")
    assert [row.cells["event"] for row in page.tables["logs"].rows()] == ["Transfer"]


def test_a_failure_leads_to_its_line(shell: Shell, page: Any) -> None:
    root = opened(shell, page, page.token.call("transfer", TO, 1))
    assert page.state.word == "Failed" and "ERC20InsufficientBalance" in root.text(0)
    page._show_view("lines")
    shell.until(lambda: page.tables["lines"].rows(), 60_000)
    assert "revert ERC20InsufficientBalance" in page.said.text()
    page.tables["lines"].activated.emit(page.tables["lines"].selected_id())
    shell.until(lambda: shell.panel.tabs.value() == "build" and shell.panel.build.source.line, 60_000)
    assert "revert ERC20InsufficientBalance" in shell.panel.build.source.textCursor().block().text()


def test_a_wrong_hash_is_told_at_the_field_and_what_was_shown_stays(shell: Shell, page: Any) -> None:
    tx = page.token.call("mint", FROM, 1)
    opened(shell, page, tx)
    page.hash.setText("0x12")
    page.inspect()
    shell.until(lambda: "64 hex digits" in page.hash_field.error())
    assert page.found.hash == tx
