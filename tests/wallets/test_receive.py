"""Payment requests: EIP-681 built and read strictly, and QR codes that a reader understands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.money import UINT256_MAX
from app.wallets.receive import build_uri, parse_uri, receive_qr

PAYEE, TOKEN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_the_examples_of_the_standard_are_read():
    coin = parse_uri("ethereum:0xfb6916095ca1df60bb79Ce92ce3ea74c37c5d359?value=2.014e18")
    assert (coin.recipient, coin.amount, coin.token) == ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", 2_014 * 10**15, "")
    assert "contradict" in coin.problems[0], "its one capital letter is no checksum, and the payer is told"
    unicorn = parse_uri(
        "ethereum:0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7/transfer?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1"
    )
    assert unicorn.recipient.lower() == "0x8e23ee67d1332ad560396262c48ffbb01f93d052"
    assert (unicorn.token.lower(), unicorn.amount) == ("0x89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7", 1)
    full = parse_uri(f"ETHEREUM:pay-{PAYEE}@195?value=1e0&gas=21000&gasPrice=2.5e9")
    assert (full.chain_id, full.amount, full.gas_limit, full.gas_price, full.problems) == (195, 1, 21_000, 2_500_000_000, ())
    assert parse_uri(f"ethereum:{PAYEE}").amount is None


@given(st.integers(1, UINT256_MAX), st.integers(1, 2**53 - 1), st.booleans())
def test_what_is_asked_is_what_is_read(amount, chain_id, token):
    read = parse_uri(build_uri(PAYEE, chain_id, TOKEN if token else "", amount))
    assert (read.recipient, read.amount, read.chain_id, read.token) == (PAYEE, amount, chain_id, TOKEN if token else "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        PAYEE,
        f"bitcoin:{PAYEE}",
        "ethereum:vitalik.eth",
        f"ethereum:{PAYEE[:-1]}",
        f"ethereum:{PAYEE}@",
        f"ethereum:{PAYEE}@0",
        f"ethereum:{PAYEE}@99999999999999999",
        f"ethereum:{PAYEE}?value=",
        f"ethereum:{PAYEE}?value=-1",
        f"ethereum:{PAYEE}?value=0.5",
        f"ethereum:{PAYEE}?value=1.23e1",
        f"ethereum:{PAYEE}?value=1e78",
        f"ethereum:{PAYEE}?value=1&value=2",
        f"ethereum:{PAYEE}?gas=1&gasLimit=2",
        f"ethereum:{PAYEE}?value=1e18+ETH",
        f"ethereum:{PAYEE}?amount=1",
        f"ethereum:{PAYEE}?value",
        f"ethereum:{PAYEE}/approve?address={PAYEE}&uint256=1",
        f"ethereum:{PAYEE}/transfer?uint256=1",
        f"ethereum:{PAYEE}/transfer?address={PAYEE}&uint256=1&value=1",
        f"ethereum:{PAYEE}/transfer?address={PAYEE}&uint256=1&bytes=0x",
        f"ethereum:{PAYEE}/transfer/x?address={PAYEE}",
        f"ethereum:{PAYEE}?value={'1' * 3000}",
        f"ethereum:{PAYEE}?value=１",
    ],
)
def test_what_cannot_be_read_for_sure_is_refused(text):
    with pytest.raises(Invalid, match="no payment request"):
        parse_uri(text)


def test_a_request_is_a_square_of_modules_with_its_three_corners():
    matrix = receive_qr(build_uri(PAYEE, 195, TOKEN, 12_500 * 10**15))
    size = len(matrix)
    assert {len(row) for row in matrix} == {size} and size % 4 == 1
    finder = [[True] * 7, *[[True, False, *[inner] * 3, False, True] for inner in (False, True, True, True, False)], [True] * 7]
    finder[1] = finder[5] = [True, False, False, False, False, False, True]
    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        assert [row[left : left + 7] for row in matrix[top : top + 7]] == finder
    with pytest.raises(Invalid):
        receive_qr("x" * 5_000)
