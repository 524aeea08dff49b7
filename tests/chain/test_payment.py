"""What counts as a payment when a plan's transaction is compared with another one."""

from app.chain.rival import Payment, payment_of
from tests.chain.sending_room import recipient


def transfer(to: str, amount: int) -> str:
    """Call data of ERC-20's transfer."""
    return "0xa9059cbb" + to[2:].lower().rjust(64, "0") + f"{amount:064x}"


def test_what_counts_as_a_payment() -> None:
    to, token = recipient(1), recipient(2)
    assert payment_of(to, 5, "0x") == Payment("", to, 5)
    assert payment_of(token, 0, transfer(to, 7)) == Payment(token, to, 7)
    for other in (
        (None, 5, "0x"),
        (to, 0, "0x"),
        (token, 1, transfer(to, 7)),
        (token, 0, transfer(to, 7) + "00"),
        (token, 0, transfer(to, 7)[:-2]),
        (token, 0, "0xa9059cbb" + "ff" * 12 + transfer(to, 7)[34:]),
        (token, 0, "0x095ea7b3" + transfer(to, 7)[10:]),
    ):
        assert payment_of(*other) is None, other
