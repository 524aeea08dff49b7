"""After wallets were made, locked with a passphrase, used and exported, no file and no argument of a process holds a secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from eth_account import Account
from eth_keyfile import create_keyfile_json, decode_keyfile_json

from tests.integration.arguments import arguments_of_all

ROOT = Path(__file__).resolve().parents[2]
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PASSPHRASE = "a passphrase nobody else would choose 7319"
SALT = "salt of the phrase 5521"  # BIP-39's optional passphrase
PASSWORD = "password of a keystore 8804"
IMPORTED = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")


def traces() -> dict[str, bytes]:
    """Everything that must not be found, by what it is."""
    Account.enable_unaudited_hdwallet_features()
    keys = [bytes(Account.from_mnemonic(PHRASE, account_path=f"m/44'/60'/0'/0/{i}").key) for i in range(2)]
    keys += [bytes(Account.from_mnemonic(PHRASE, passphrase=SALT).key), IMPORTED]
    seed = Account.from_mnemonic(PHRASE).key
    words = PHRASE.split()
    found = {
        "passphrase": PASSPHRASE.encode(),
        "passphrase in base64": base64.b64encode(PASSPHRASE.encode())[:-4],
        "key of path 0": bytes(seed),
    }
    for name, text in (("salt", SALT), ("password", PASSWORD)):
        found |= {name: text.encode(), f"{name} in base64": base64.b64encode(text.encode())[:-4]}
    for start in range(len(words) - 2):
        found[f"words {start}–{start + 2}"] = " ".join(words[start : start + 3]).encode()
    for i, key in enumerate(keys):
        found[f"key {i}"] = key
        found[f"key {i} in hex"] = key.hex().encode()
        found[f"key {i} in capital hex"] = key.hex().upper().encode()
        found[f"key {i} in base64"] = base64.b64encode(key)[:-2]
    return found


def azora(home: Path, *words: str) -> None:
    """One command; it must succeed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--home", str(home), *words, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, trace in traces().items():
        assert trace not in (done.stdout + done.stderr).encode(), name


def test_no_secret_is_left_anywhere(tmp_path: Path) -> None:
    """Free pages, the write-ahead log, logs, journal and process arguments included."""
    home, files = tmp_path / "home", tmp_path / "files"
    files.mkdir()
    (files / "phrase").write_text(PHRASE)
    (files / "passphrase").write_text(PASSPHRASE)
    (files / "salt").write_text(SALT)
    (files / "password").write_text(PASSWORD)
    (files / "keystore").write_text(json.dumps(create_keyfile_json(IMPORTED, PASSWORD.encode(), kdf="scrypt", iterations=2)))
    password = ("--password", str(files / "password"))
    try:
        with arguments_of_all() as arguments:
            azora(home, "chain", "create", "local")
            azora(home, "access", "passphrase", "--new", str(files / "passphrase"))
            with_passphrase = ("--passphrase-file", str(files / "passphrase"))
            azora(home, *with_passphrase, "wallet", "create", "Main", "--restore", str(files / "phrase"), "--accounts", "2")
            address = Account.from_mnemonic(PHRASE).address
            other = Account.from_mnemonic(PHRASE, account_path="m/44'/60'/0'/0/1").address
            azora(home, *with_passphrase, "chain", "fund", "local", address, "10")
            azora(home, *with_passphrase, "wallet", "send", "--from", address, "--to", other, "1", "--token", "native", "--yes")
            azora(home, *with_passphrase, "chain", "stop", "local")
            phrase, salt = ("--restore", str(files / "phrase")), ("--phrase-passphrase", str(files / "salt"))
            azora(home, *with_passphrase, "wallet", "create", "Salted", *phrase, *salt)
            azora(home, *with_passphrase, "wallet", "drill", "Salted", "--backup", str(files / "phrase"), *salt)
            azora(home, *with_passphrase, "wallet", "import", "Hot", "--keystore", str(files / "keystore"), *password)
            azora(home, *with_passphrase, "wallet", "export", "Hot", "--keystore", str(files / "exported"), *password)
            azora(home, *with_passphrase, "wallet", "export", "Salted", "--phrase", str(files / "revealed"))
            azora(home, *with_passphrase, "wallet", "delete", "Hot", "--name", "Hot", "--yes")
    finally:
        record = home / "chains" / "local" / "node.json"
        if record.exists() and (pid := json.loads(record.read_text())["pid"]):
            os.kill(pid, 15)
    searched = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "console.db" for path in searched)
    for name, trace in traces().items():
        for path in searched:
            assert trace not in path.read_bytes(), f"{name} is in {path.relative_to(home)}"
        assert not any(trace in line for line in arguments), f"{name} was an argument of a process"
    assert (files / "revealed").read_text().strip() == PHRASE and (files / "exported").stat().st_mode & 0o777 == 0o600
    assert decode_keyfile_json(json.loads((files / "exported").read_text()), PASSWORD.encode()) == IMPORTED
    # The search itself can find: the very same words are in the file that the operator made.
    assert traces()["words 0–2"] in (files / "phrase").read_bytes()
