"""Fixtures of this room; what they are made of is in ``world.py``, which the verifier's tests use too."""

from tests.database.test_store import postgres
from tests.ledger.world import books, compiled, solc, world

__all__ = ["books", "compiled", "postgres", "solc", "world"]
