"""What the tests of minting and redeeming share."""

import pytest
import pytest_asyncio

from app.core.events import Bus
from app.database import Database
from app.mining.queue import Queue
from tests.contracts.conftest import cache
from tests.mining.lists import Desk

__all__ = ["cache"]


@pytest_asyncio.fixture
async def desk(tmp_path):
    """An intake of lists over a queue of its own."""
    store = Database.at(tmp_path / "console.db")
    await store.open()
    yield Desk(Queue(store, Bus()))
    await store.close()


@pytest.fixture
def folder(tmp_path):
    """A folder with four pieces of evidence, and something beside it that is none."""
    place = tmp_path / "lists"
    place.mkdir()
    for name in "abcd":
        (place / f"{name}.txt").write_text(f"work {name}")
    (tmp_path / "secret.txt").write_text("not evidence")
    return place
