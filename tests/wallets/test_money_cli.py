"""Money on the command line, as a person uses it: contacts, sending, a payout that is gone on with, allowances, activity."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.wallets.conftest import FIRST, SECOND
from tests.wallets.test_payouts import payee, table

pytestmark = [pytest.mark.node, pytest.mark.bus]
CONFIG = """
current_network = "anvil"
[[networks]]
id = "anvil"
name = "Anvil"
rpc_url = "{url}"
chain_id = 1337
environment = "local"
confirmations = 1
"""
STORY = """
azora() {{ {python} {main} --home {home} "$@"; }}
pay() {{ azora wallet payout "$1" --from Main --token native "${{@:2}}"; }}
azora wallet create Main --restore phrase >/dev/null 2>&1 || exit 20
azora wallet contacts import contacts.csv >/dev/null 2>&1; test $? = 2 || exit 21
azora wallet contacts import contacts.csv --leave-out --json >imported.json || exit 22
azora wallet contacts export export.csv >/dev/null || exit 23
azora wallet contacts import export.csv --json >again.json || exit 24
azora wallet send --from Main --to second 1,5 --token native --yes >/dev/null 2>&1; test $? = 2 || exit 25
azora wallet send --from Main --to second 1.5 --token native --fee fast --yes --json >sent.json || exit 26
pay bad.csv --json >bad.json 2>/dev/null; test $? = 2 || exit 27
AZORA_FAULT=chain.batch.sent:1 pay rows.csv --yes >/dev/null 2>&1; test $? = 137 || exit 28
pay rows.csv --resume --json >paid.json || exit 29
pay rows.csv --yes >/dev/null 2>&1; test $? = 4 || exit 30
plan=$({python} -c 'import json; print(json.load(open("paid.json"))["plan"])')
azora wallet payout-rows $plan --out rows-paid.csv >/dev/null || exit 31
azora wallet activity Main --json >activity.json || exit 32
azora wallet show Main --json >shown.json || exit 33
azora wallet approvals Main --json >approvals.json || exit 34
azora wallet receive Main --amount 0.5 --json >asked.json || exit 35
"""


def test_contacts_sending_payout_and_what_is_told_of_it(tmp_path: Path, node: Any, keyring_bus: Any) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(url=node.url))
    (tmp_path / "phrase").write_text("test " * 11 + "junk")
    (tmp_path / "contacts.csv").write_text(f"address;label;note\n{SECOND};Second;=1+1\n{FIRST};Me;\nmist;Nobody;\n")
    (tmp_path / "bad.csv").write_text(table([(payee(1), "1,5", "")], ";"))
    (tmp_path / "rows.csv").write_text(table([("Second", "0.5", "rent"), *((payee(n), n, "") for n in range(1, 6))]))
    before = node.balance(SECOND)
    script = STORY.format(python=sys.executable, main=ROOT / "main.py", home=home)
    told = keyring_bus("bash", "-c", f"cd {tmp_path}\n{script}", limit=240)
    assert told.returncode == 0, (told.returncode, told.stdout[-2000:], told.stderr[-2000:])

    def said(name: str) -> Any:
        return json.loads((tmp_path / name).read_text())

    assert (said("imported.json")["added"], said("imported.json")["problems"], said("again.json")["added"]) == (1, 2, 0)
    assert "'=1+1" in (tmp_path / "export.csv").read_text()
    assert said("sent.json")["state"] == "done" and said("bad.json")["rows"][0]["problem"]
    assert said("paid.json")["state"] == "done" and said("paid.json")["counts"] == {"paid": 6}
    assert node.balance(SECOND) - before == 2 * 10**18 and [node.balance(payee(n)) for n in range(1, 6)] == [
        n * 10**18 for n in range(1, 6)
    ]
    assert (tmp_path / "rows-paid.csv").read_text().count(",paid,") == 6
    assert [row["state"] for row in said("activity.json")["rows"]] == [
        "final"
    ] * 8  # and the coin that was there from the first block
    assert said("shown.json")["holdings"][0]["newest"] == str(node.balance(FIRST))
    assert said("approvals.json")["rows"] == [] and said("asked.json")["uri"] == f"ethereum:{FIRST}@1337?value=5e17"
