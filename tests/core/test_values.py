"""Amounts, canonical JSON, settings and redaction keep their word for any input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

from app.core.canonical import canonical, digest
from app.core.errors import Invalid
from app.core.logging import redact
from app.core.money import UINT256_MAX, exact_units, parse_units
from app.core.paths import Home
from app.core.secret import MASK, Secret
from app.core.settings import Settings, SettingsStore

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=st.integers(0, UINT256_MAX), decimals=st.integers(0, 30))
def test_an_amount_written_exactly_reads_back(value: int, decimals: int) -> None:
    assert parse_units(exact_units(value, decimals), decimals) == value


@pytest.mark.parametrize("text", ["1,5", "", ".", "-1", "1e3", "0x10", "1.2.3", "٣"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_units(text, 18)


@pytest.mark.parametrize(("text", "unit"), [("100", "00"), ("100", "0.0"), ("100 azr", "AZR"), ("1001INCH", "1INCH")])
def test_a_unit_behind_an_amount_is_left_out_and_never_a_part_of_the_number(text: str, unit: str) -> None:
    assert parse_units(text, 0, unit=unit) == 100


@given(value=json_values)
def test_canonical_json_depends_on_nothing_but_the_value(value: object) -> None:
    reordered = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(value) == canonical(reordered) and len(digest(value)) == 64


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.text()
    | st.sampled_from(["[appearance]\n", "networks = 5\n", "console = 'x'\n"]).flatmap(
        lambda head: st.builds(
            lambda key, value: f"{head}{key} = {value}\n",
            st.sampled_from(["theme", "text_scale", "id", "x"]),
            st.sampled_from(["'dark'", "90", "9000", "[1]", "nan", "'"]),
        )
    )
)
def test_no_settings_file_stops_the_program(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path).ensure()
    home.config.write_text(content, "utf-8")
    store = SettingsStore(home, {}, dotenv=())
    assert isinstance(store.load(), Settings)
    again = SettingsStore(home, {}, dotenv=())
    assert again.load() == store.value and again.notices == [], "a repaired file needs no repair"


def test_precedence_and_sources(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    home.config.write_text("# mine\n[appearance]\ntheme = 'light' # why\ntext_scale = 90\n", "utf-8")
    (tmp_path / ".env").write_text("AZORA_APPEARANCE_TEXT_SCALE=110\nAZORA_APPEARANCE_THEME=dark\n")
    store = SettingsStore(
        home, {"AZORA_APPEARANCE_THEME": "high-contrast", "AZORA_RPC_URL": "https://rpc.example"}, dotenv=(tmp_path,)
    )
    value = store.load()
    assert (value.appearance.theme, store.source("appearance.theme")) == ("high-contrast", "environment")
    assert (value.appearance.text_scale, store.source("appearance.text_scale")) == (110, ".env")
    assert store.source("console.quick_plans") == "default"
    assert {network.id: network.rpc_url for network in value.networks}["azora"] == "https://rpc.example"
    store.set("networks", list(value.networks))
    text = home.config.read_text()
    assert "rpc.example" not in text and "# mine" in text and "# why" in text
    with pytest.raises(Invalid):
        store.set("database.url", "postgresql://me:secret@host/x")


def test_secrets_do_not_reach_a_line() -> None:
    phrase = Mnemonic("english").generate(128)
    key = Secret(b"\xab" * 32)
    line = redact(f"got {phrase} and {'ab' * 32} passphrase='hunter two' postgresql://me:pw@host/x hash=0x{'cd' * 32}")
    assert phrase[:20] not in line and "ab" * 32 not in line and "hunter" not in line and ":pw@" not in line
    assert f"0x{'cd' * 32}" in line
    assert MASK == repr(key) == f"{key}"
