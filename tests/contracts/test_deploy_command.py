"""``azora contract deploy --system FILE`` as a script uses it: the file's project is found, and what cannot be meant is refused."""

from __future__ import annotations

import shutil

import pytest

from tests.contracts.test_contract_commands import known
from tests.contracts.test_foreign_systems import GUILD

pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.bus]


def test_a_file_deploys_the_contracts_of_its_project_by_one_command(azora, home, node, tmp_path):
    known(home, node)
    azora("wallet", "create", "Mason", "--write-phrase", tmp_path / "phrase", "--yes")
    (mason,) = azora("wallet", "list", "--json").json
    node("eth_sendTransaction", {"from": node.accounts[0], "to": mason["address"], "value": hex(10**18)})
    file = shutil.copytree(GUILD, tmp_path / "guild") / "guild.toml"
    deploy = ("contract", "deploy", "--from", "Mason", "--json", "--yes", "--system")

    moved = shutil.copy(file, tmp_path / "elsewhere.toml")
    assert "not among the console's own contracts" in azora(*deploy, moved, expect=2).json["message"]
    assert "made of our own contracts" in azora(*deploy, "azr", "--project", file.parent, expect=2).json["message"]
    plan = azora(*deploy, moved, "--project", file.parent, "--set", "due=14").json
    assert plan["state"] == "done"
    book = azora("contract", "list", "--json").json
    assert [(each["name"], each["runtime_matches"]) for each in book] == [("Shares", True), ("Guild", True), ("Till", True)]

    wrong = azora(*deploy, file, "--set", "due=20", expect=None)
    assert wrong.code and "Till.share would answer 10, not 7" in wrong.out + wrong.err
    shutil.copy(moved, file.with_name("elsewhere.toml"))
    again = azora(*deploy, file.with_name("elsewhere.toml"), "--set", "due=14", expect=None)
    assert again.code and "All of it is there already" in again.json["message"]
