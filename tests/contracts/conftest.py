"""Fixtures of this room. The compiler's cache is shared by a worker's tests: what is under test there makes its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.contracts.compiler import Compiler
from app.contracts.toolchain import CONTRACTS, Toolchain
from tests.contracts.deploy_program import Room


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which our contracts were compiled already."""
    folder = tmp_path_factory.mktemp("solc")

    async def fill() -> None:
        compiler = Compiler(Toolchain(), folder)
        await compiler.compile()
        await compiler.close()

    asyncio.run(fill())
    return folder


@pytest_asyncio.fixture
async def room(tmp_path: Path, node, cache: Path) -> AsyncIterator[Room]:
    """A console over a fresh chain."""
    room = await Room(tmp_path / "home", node.url, cache).open()
    yield room
    await room.close()


@pytest_asyncio.fixture
async def compiler(tmp_path: Path) -> AsyncIterator[Compiler]:
    """A compiler that has not compiled anything."""
    compiler = Compiler(Toolchain(), tmp_path / "cache")
    yield compiler
    await compiler.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of our Foundry project that may be spoiled; the libraries are the real ones."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("src", "test"):
        shutil.copytree(CONTRACTS / name, folder / name)
    shutil.copy(CONTRACTS / "foundry.toml", folder)
    (folder / "node_modules").symlink_to(CONTRACTS / "node_modules")
    return folder
