"""What the tests of minting and redeeming share."""

from tests.contracts.conftest import cache

__all__ = ["cache"]
