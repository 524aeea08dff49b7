"""Signing and verifying as a person does it on the command line, with a key in a real keyring."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.wallets.conftest import FIRST
from tests.wallets.test_typed import MAIL

STORY = """
azora() {{ {python} {main} --home {home} "$@"; }}
azora wallet create Main --restore phrase >/dev/null 2>&1 || exit 20
azora wallet sign --from Main --message message --yes --out message.json >/dev/null 2>&1 || exit 21
azora wallet verify message.json | grep -q '^VALID' || exit 22
azora --network azora wallet sign mail --from Main --yes >other 2>&1; test $? = 11 || exit 23
azora --network azora wallet sign mail195 --from Main --yes >/dev/null 2>&1; test $? = 5 || exit 24
azora --network azora --statement Azora --json wallet sign mail195 --from Main --yes >mail.json 2>/dev/null || exit 25
azora wallet verify mail.json --offline --json >found.json || exit 26
sed 's/Hello, Bob/Hello, Eve/' mail.json >changed.json
azora wallet verify changed.json --offline >changed 2>&1; test $? = 9 || exit 27
azora wallet verify mail195 --address Main --signature 0x12 --offline >/dev/null 2>&1; test $? = 9 || exit 28
azora wallet verify mail195 --address Main --signature mist --offline >/dev/null 2>&1; test $? = 2 || exit 29
"""


def test_signatures_are_made_checked_and_carried_in_files(tmp_path: Path, keyring_bus) -> None:
    (tmp_path / "phrase").write_text("test " * 11 + "junk")
    (tmp_path / "message").write_text("Hello\n")
    (tmp_path / "mail").write_text(json.dumps(MAIL))
    (tmp_path / "mail195").write_text(json.dumps(MAIL | {"domain": MAIL["domain"] | {"chainId": 195}}))
    script = STORY.format(python=sys.executable, main=ROOT / "main.py", home=tmp_path / "home")
    told = keyring_bus("sh", "-c", f"cd {tmp_path}\n{script}")
    assert told.returncode == 0, (told.returncode, told.stdout[-2000:], told.stderr[-2000:])
    assert "block: The domain names chain 1, but Azora is chain 195" in (tmp_path / "other").read_text()
    assert "NOT VALID. It was signed by" in (tmp_path / "changed").read_text()
    found, made = json.loads((tmp_path / "found.json").read_text()), json.loads((tmp_path / "mail.json").read_text())
    assert found["valid"] and found["signer"] == FIRST and found["digest"] == made["digest"]
