"""``azora contract compile|project|verify`` as a script uses them: JSON on standard output, and exit codes that can be trusted."""

from __future__ import annotations

import json

import pytest

from app.chain import abi
from tests.contracts.test_projects import HEAD, write


def known(home, node) -> None:
    """The node is the current network of that home."""
    home.joinpath("config.toml").write_text(
        f'current_network = "anvil"\n[[networks]]\nid = "anvil"\nname = "Anvil"\nrpc_url = "{node.url}"\nchain_id = 1337\n'
        'environment = "local"\nconfirmations = 1\n',
        encoding="utf-8",
    )


@pytest.mark.node
@pytest.mark.compiler
def test_a_folder_is_compiled_remembered_and_verified_by_commands(azora, home, node, tmp_path):
    known(home, node)
    source = HEAD + "contract Safe { uint256 public immutable limit; constructor(uint256 limit_) { limit = limit_; } }"
    root = write(tmp_path / "safe", **{"foundry.toml": "[profile.default]\noptimizer = true\n"}, src__Safe=source)
    (built,) = azora("contract", "compile", root, "--json").json["contracts"]
    assert built["name"] == "Safe" and built["source"] == "src/Safe.sol" and built["bytecode"].startswith("0x60")
    other = azora("contract", "compile", root, "--runs", "9", "--json").json["contracts"][0]
    assert other["bytecode"] != built["bytecode"]
    told = azora("contract", "project", root, "--runs", "9", "--remember", "--json").json
    assert (told["kind"], told["settings"]["runs"], told["settings"]["optimizer"]) == ("foundry", 9, True)
    assert azora("contract", "compile", root, "--json").json["contracts"][0]["bytecode"] == other["bytecode"]

    code = other["bytecode"] + abi.encode(["uint256"], [2**70]).hex()
    sent = node("eth_sendTransaction", {"from": node.accounts[0], "data": code, "gas": hex(2_000_000)})
    address = node("eth_getTransactionReceipt", sent)["contractAddress"]
    which = ("contract", "verify", address, "--project", root, "--contract", "Safe")
    found = azora(*which, "--args", json.dumps([str(2**70)]), "--export", tmp_path / "bundles", "--json").json
    assert found["verified"]["verdict"] == "exact" and found["verified"]["arguments"] == [["limit_", "uint256", str(2**70)]]
    assert azora("contract", "verify", "--bundle", found["bundle"], "--json").json["verified"]["verdict"] == "exact"
    wrong = azora(*which, "--args", "[5]", "--json", expect=9).json["verified"]
    assert {each["kind"] for each in wrong["differences"]} == {"constructor argument", "immutable"}

    azora(*which[:-1], "Nothing", expect=3)
    azora(*which, "--args", "[1, 2]", expect=2)
    azora("contract", "verify", "Unknown", expect=3)
    azora("contract", "project", root, "--forget", "--json")
    azora("contract", "project", root, "--forget", expect=3)
    write(root, src__Safe=HEAD + "contract Safe {")
    assert azora("contract", "compile", root, "--json", expect=9).json["errors"][0]["line"] == 3


@pytest.mark.node
def test_a_network_of_a_hardhat_project_is_added_and_removed_by_commands(azora, node, tmp_path):
    config = f'''module.exports = {{ networks: {{ hardhat: {{}}, number: {{ url: 8545 }}, bare: {{ url: "{node.url}" }},
      dev: {{ url: "{node.url}", chainId: 1337 }}, other: {{ url: "{node.url}", chainId: 5 }} }} }}'''
    root = write(tmp_path / "hat", **{"hardhat.config.js": config})
    added = azora("network", "add", "dev", "--project", root, "--json").json["network"]
    assert (added["id"], added["chain_id"], added["environment"], added["rpc_url"]) == ("dev", 1337, "local", node.url)
    genesis = node("eth_getBlockByNumber", "0x0", False)["hash"]
    assert added["genesis"] == genesis
    assert "chain 1337, not 5" in azora("network", "add", "other", "--project", root, expect=4).err
    assert "url is no text" in azora("network", "add", "number", "--project", root, expect=3).err
    assert "--chain-id" in azora("network", "add", "bare", "--project", root, expect=2).err
    secret = node.url + "/?apikey=0123456789abcdef"
    refused = azora("network", "add", "keyed", "--url", secret, "--chain-id", "1337", expect=2)
    assert "--url-file" in refused.err and "0123456789abcdef" not in refused.out + refused.err
    file = tmp_path / "address"
    file.write_text(secret + "\n")
    keyed = azora("network", "add", "keyed", "--url-file", file, "--chain-id", "1337", "--environment", "test", "--json")
    assert keyed.json["network"]["environment"] == "test" and "0123456789abcdef" not in keyed.out + keyed.err
    azora("network", "add", "keyed", "--url", "ftp://x", "--chain-id", "1", expect=2)
    azora("network", "add", "again", "--url", node.url, "--chain-id", "1", "--environment", "moon", expect=2)
    azora("network", "remove", "dev", "--json")
    ids = [each["id"] for each in azora("network", "list", "--json").json["networks"]]
    assert "dev" not in ids and "keyed" in ids
    azora("network", "remove", "dev", expect=3)


@pytest.mark.compiler
def test_an_error_is_told_with_the_line_that_it_means(azora, tmp_path):
    folder = write(tmp_path / "bad", A=HEAD + "contract A { function f() public { missing; } }")
    told = azora("contract", "compile", folder, expect=9)
    assert "function f() public { missing; }" in told.out and "^^^^^^^" in told.out
