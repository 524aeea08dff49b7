"""What people write becomes what the encoder takes, and back; what does not fit is said at its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain import abi
from app.contracts.values import as_text, read_value, read_values, shown
from app.core.errors import Invalid

PAYOUT: dict[str, Any] = {
    "name": "payout",
    "type": "tuple[]",
    "components": [
        {"name": "payee", "type": "address"},
        {"name": "shares", "type": "uint256[2]"},
        {"name": "memo", "type": "tuple", "components": [{"name": "text", "type": "string"}, {"name": "hash", "type": "bytes32"}]},
    ],
}
PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def test_structs_and_lists_go_in_as_json_and_come_back_the_same() -> None:
    most = 2**256 - 1
    memo = {"text": "a, b", "hash": "0x" + "ab" * 32}
    text = json.dumps([{"payee": PAYEE, "shares": ["7", most], "memo": memo}])
    value = read_value(PAYOUT, text, "0")
    raw = abi.encode([abi.type_of(PAYOUT)], [value])
    back = shown(PAYOUT, abi.decode([abi.type_of(PAYOUT)], raw)[0])
    assert back == [{"payee": PAYEE, "shares": ["7", str(most)], "memo": memo}]
    assert read_value(PAYOUT, as_text(back), "0") == value, "what is shown can be entered"
    assert read_value(PAYOUT, [[PAYEE, ["7", "0x" + "f" * 64], ["a, b", memo["hash"]]]], "0") == value, "a struct in order"


@given(st.integers(-(2**255), 2**255 - 1))
def test_every_whole_number_survives(number: int) -> None:
    parameter = {"name": "n", "type": "int256"}
    raw = abi.encode(["int256"], [read_value(parameter, str(number), "0")])
    assert shown(parameter, abi.decode(["int256"], raw)[0]) == str(number)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("uint8", "256"),
        ("uint8", "-1"),
        ("int8", "-129"),
        ("uint256", "1e18"),
        ("uint256", "1.5"),
        ("uint256", ""),
        ("bool", "1"),
        ("bytes4", "0x123456"),
        ("bytes", "0x123"),
        ("address", PAYEE.replace("dc79C8", "DC79C8")),
        ("address", "treasury"),
        ("uint256[2]", '["1"]'),
        ("uint256[]", "[1.0]"),
        ("uint256[]", "1, 2"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(kind: str, text: str) -> None:
    with pytest.raises(Invalid, match="Nothing was") as told:
        read_values([{"name": "ok", "type": "uint256"}, {"name": "x", "type": kind}], ["1", text])
    assert told.value.field.split(".")[0] == "1"


def test_the_place_goes_into_structs() -> None:
    bad = [{"payee": PAYEE, "shares": ["1", "x"], "memo": {"text": "", "hash": "0x" + "00" * 32}}]
    with pytest.raises(Invalid) as told:
        read_values([PAYOUT], [bad])
    assert told.value.field == "0.0.shares.1"
    for broken in ({"payee": PAYEE}, {**bad[0], "more": "1"}):
        with pytest.raises(Invalid, match="member"):
            read_values([PAYOUT], [[broken]])


def test_the_number_of_arguments_is_checked() -> None:
    with pytest.raises(Invalid, match="takes 1 arguments, not 0"):
        read_values([PAYOUT], [])
