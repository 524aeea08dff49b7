"""Measuring: by the project's own tests, or over what a chain did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.chain import abi
from app.contracts.artifacts import Artifact
from app.contracts.compiler import Compiler
from app.contracts.deployments import Deployment
from app.contracts.gas.report import BASELINE, Change, ContractGas, FunctionGas, GasReport, Origin, read_baseline
from app.contracts.projects import Project
from app.contracts.testing import Tests
from app.core.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from app.chain import Chain, Networks

BATCH = 200  # blocks asked for at once
MOST = 50_000  # blocks of one report


class GasReports:
    """Reports, and the baseline that lies in a project beside its sources, where version control keeps it."""

    def __init__(
        self,
        tests: Tests,
        compiler: Compiler,
        networks: Networks,
        book: Callable[[str], Awaitable[Sequence[Deployment]]],
        artifact_of: Callable[[Deployment], Awaitable[Artifact | None]],
    ) -> None:
        self._tests = tests
        self._compiler = compiler
        self._networks = networks
        self._book = book
        self._artifact_of = artifact_of

    async def of_tests(self, project: Project, *, allow_programs: bool = False) -> GasReport:
        """What the calls in the project's tests used, as forge reports it; sizes are those of the project's own settings.

        Raises:
            Conflict: a test fails.
            Denied, Invalid, Unavailable: as ``Tests.run``.
        """
        measured = await self._tests.gas(project, allow_programs=allow_programs)
        built = await self._compiler.compile(project)
        # forge names sources as seen from the project's folder.
        names = {
            source: place.relative_to(project.root).as_posix()
            for source, place in built.places.items()
            if place.is_relative_to(project.root)
        }
        sizes = {f"{names[each.source]}:{each.name}": (len(each.runtime) - 2) // 2 for each in built.contracts}
        contracts = [_read(entry, sizes) for entry in measured]
        return GasReport(
            Origin.TESTS, project.name, tuple(sorted((each for each in contracts if each.key in sizes), key=lambda each: each.key))
        )

    async def on_chain(self, network_id: str, first: int | None = None, last: int | None = None) -> GasReport:
        """What transactions to the contracts of the address book used, from block ``first`` to ``last``, both included.

        Args:
            first: default: the block in which the first of them was created.
            last: default: the newest block.

        Raises:
            Invalid: these are more blocks than one report takes, or none.
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        book = {item.address.lower(): item for item in await self._book(chain.network.key.text)}
        start = min((item.block for item in book.values()), default=0) if first is None else first
        end = (await chain.head()).number if last is None else last
        if not 0 <= start <= end or end - start >= MOST:
            raise Invalid(
                f"Blocks {start:,} to {end:,} are no range of 1 to {MOST:,} blocks. Nothing was measured.", "Name another."
            )
        used: dict[str, dict[str, list[int]]] = {address: {} for address in book}
        created: dict[str, int] = {}
        for begin in range(start, end + 1, BATCH):
            await _measure(chain, range(begin, min(begin + BATCH, end + 1)), used, created)
        contracts = [await self._contract(item, used[address], created.get(address, 0)) for address, item in book.items()]
        about = f"{chain.network.name}, blocks {start:,} to {end:,}"
        return GasReport(Origin.CHAIN, about, tuple(sorted(contracts, key=lambda each: (each.name, each.source))))

    async def _contract(self, item: Deployment, used: Mapping[str, list[int]], deployment: int) -> ContractGas:
        artifact = await self._artifact_of(item)
        names = (
            {"0x" + abi.selector(each).hex(): abi.signature_of(each) for each in artifact.abi if each.get("type") == "function"}
            if artifact
            else {}
        )
        functions = [FunctionGas.of(names.get(key, key), each) for key, each in used.items()]
        size = (len(artifact.runtime) - 2) // 2 if artifact else 0
        # Two versions of one contract are told apart by their addresses.
        return ContractGas(item.name, item.address, deployment, size, tuple(sorted(functions, key=lambda each: each.signature)))

    async def save(self, report: GasReport, project: Project, file: Path | None = None) -> Path:
        """Keep the report as the project's baseline; returns the file.

        Raises:
            Unavailable: the file cannot be written.
        """
        return await asyncio.to_thread(report.save, file or project.root / BASELINE)

    async def compare(self, report: GasReport, project: Project, file: Path | None = None) -> list[Change]:
        """What differs from the project's baseline.

        Raises:
            NotFound: there is no baseline.
            Invalid: it is something else, or of another kind.
        """
        return report.changes(await asyncio.to_thread(read_baseline, file or project.root / BASELINE))


def _read(entry: Mapping[str, Any], sizes: Mapping[str, int]) -> ContractGas:
    """One contract of forge's report."""
    try:
        source, _, name = str(entry["contract"]).rpartition(":")
        functions = [
            FunctionGas(signature, *(int(each[key]) for key in ("calls", "min", "mean", "median", "max")))
            for signature, each in entry["functions"].items()
        ]
        size = sizes.get(str(entry["contract"]), 0)
        return ContractGas(
            name, source, int(entry["deployment"]["gas"]), size, tuple(sorted(functions, key=lambda each: each.signature))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"forge's gas report is not as it should be ({error}). Nothing was measured.") from error


async def _measure(chain: Chain, numbers: range, used: dict[str, dict[str, list[int]]], created: dict[str, int]) -> None:
    """Add what the transactions of these blocks used; those that failed are left out: they stopped half-way."""
    blocks = await chain.rpc.batch([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
    meant = [
        raw
        for block in blocks
        if block is not None
        for raw in block["transactions"]
        if raw.get("to") is None or str(raw["to"]).lower() in used
    ]
    receipts = await chain.rpc.batch([("eth_getTransactionReceipt", [raw["hash"]]) for raw in meant])
    for raw, receipt in zip(meant, receipts, strict=True):
        if receipt is None or int(receipt["status"], 16) != 1:
            continue
        gas, to = int(receipt["gasUsed"], 16), raw.get("to")
        if to is not None:
            used[str(to).lower()].setdefault(_selector(str(raw.get("input") or "0x")), []).append(gas)
        elif str(receipt.get("contractAddress")).lower() in used:
            created[str(receipt["contractAddress"]).lower()] = gas


def _selector(data: str) -> str:
    return data[:10] if len(data) >= 10 else "receive()"
