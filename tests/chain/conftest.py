"""Fixtures of this room: chains over real nodes, and nodes of other kinds."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from app.chain import Chain, Network, Rpc
from tests.conftest import Node

ChainOf = Callable[..., Chain]


@pytest_asyncio.fixture
async def chain_of() -> AsyncIterator[ChainOf]:
    """``chain_of(url)``: the chain behind an address, with settings given by name."""
    made: list[Rpc] = []

    def make(url: str, **changed: object) -> Chain:
        made.append(Rpc(url))
        values: dict[str, object] = {"id": "anvil", "name": "Anvil", "chain_id": 1337, "environment": "local", "confirmations": 1}
        return Chain(Network(**{**values, "rpc_url": url, **changed}), made[-1])  # type: ignore[arg-type]

    yield make
    for rpc in made:
        await rpc.close()


@pytest.fixture
def node_with() -> Iterator[Callable[..., Node]]:
    """``node_with("--hardfork", "berlin")``: an anvil of this test's own."""
    nodes: list[Node] = []

    def start(*options: str) -> Node:
        nodes.append(Node(*options))
        return nodes[-1]

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
