"""The shared fixtures are the real things, and put themselves back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FIRST_BLOCK = []


@pytest.mark.node
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_the_chain_at_its_genesis(node, turn):
    assert int(node("eth_blockNumber"), 16) == 0
    FIRST_BLOCK.append(node("eth_getBlockByNumber", "0x0", False)["hash"])
    assert len(set(FIRST_BLOCK)) == 1
    node.mine(3)
    node("anvil_setBalance", node.accounts[0], "0x1")
    assert node.balance(node.accounts[0]) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_an_empty_database(postgres, turn):
    import sqlalchemy

    engine = sqlalchemy.create_engine(postgres)
    with engine.begin() as connection:
        assert not sqlalchemy.inspect(connection).get_table_names()
        connection.execute(sqlalchemy.text("create table seen (id int)"))
    engine.dispose()


STORY = """
import os
from pathlib import Path

import keyring

keyring.set_password("azora-test", "a", "b")
assert keyring.get_password("azora-test", "a") == "b"
assert os.environ["AZORA_EPHEMERAL_KEYRING"] == "1"
mine = str(os.getppid())
siblings = [p.parent for p in Path("/proc").glob("[0-9]*/stat") if p.read_text().rpartition(")")[2].split()[1] == mine]
words = [(p / "cmdline").read_bytes().split(b"\\0")[:-1] for p in siblings]
assert [b"gnome-keyring-daemon", b"--unlock", b"--components=secrets", b"--foreground"] in words, words
print(os.environ["XDG_RUNTIME_DIR"])
"""


@pytest.mark.bus
def test_the_private_keyring_keeps_a_secret_and_its_passphrase_stays_out_of_sight(keyring_bus, tmp_path):
    (tmp_path / "story.py").write_text(STORY)
    done = keyring_bus(sys.executable, tmp_path / "story.py")
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).parent.exists(), "the private session left its folder behind"
