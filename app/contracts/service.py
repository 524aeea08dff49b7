"""What a developer and a deployer do with contracts: compile, test, deploy, look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain.economy import Economy
from app.contracts.artifacts import Compilation
from app.contracts.compiler import Compiler
from app.contracts.deployments import CREATE, GRANT, CreateStep, Deployment, Deployments, GrantStep
from app.contracts.system import REDEMPTION_TIMEOUT, Setup
from app.contracts.testing import TestReport, run_tests
from app.contracts.toolchain import Toolchain
from app.core.errors import ConsoleError, Invalid
from app.core.events import ContractsChanged
from app.operations.plans import Plan, StepSpec
from app.operations.steps import PlanKind

if TYPE_CHECKING:
    from app.chain import Fees, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.database import Database
    from app.operations import Operations

ECONOMY = ("AzoraToken", "Emission", "MintMine", "Redemption")


class Contracts:
    """Sources, artifacts and deployments."""

    def __init__(
        self,
        *,
        database: Database,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        transactions: Transactions,
        operations: Operations,
        bus: Bus,
        cache: Path,
        toolchain: Toolchain | None = None,
    ) -> None:
        self.toolchain = toolchain or Toolchain()
        self._networks = networks
        self._simulation = simulation
        self._transactions = transactions
        self._operations = operations
        self._bus = bus
        self._cache = cache
        self._compiler = Compiler(self.toolchain, cache)
        self._deployments = Deployments(database, networks, simulation, fees, self._compiler, bus)
        operations.register_kind(
            PlanKind(
                "contracts.deploy",
                self._deployments.preview,
                self._deployments.measure,
                frozenset({"administrator", "developer"}),
                undo="Deployed code cannot be taken back.",
            )
        )
        operations.register_step(CREATE, self._create_step)
        operations.register_step(GRANT, lambda plan, spec: GrantStep(transactions, plan, spec))

    def _create_step(self, plan: Plan, spec: StepSpec) -> CreateStep:
        return CreateStep(self._transactions, plan, spec, self._deployments)

    async def compile(self, folder: Path | None = None) -> Compilation:
        """Compile our contracts, or a folder of Solidity; their errors become known to the simulation.

        Raises: as :meth:`Compiler.compile`.
        """
        result = await self._compiler.compile(folder)
        for artifact in result.contracts:
            self._simulation.register_abi(artifact.abi, artifact.name)
        if not result.cached:
            self._bus.publish(ContractsChanged())
        return result

    async def run_tests(self, report: Callable[[str], None] | None = None) -> TestReport:
        """Run our Foundry tests.

        Raises:
            Unavailable: forge is missing here or could not run.
        """
        return await run_tests(self.toolchain, self._cache, report=report)

    async def plan_deploy_economy(
        self,
        network_id: str,
        deployer: str,
        *,
        attester: str,
        redemption_officer: str | None = None,
        epoch_length: int,
        epoch_budget: int,
        redemption_timeout: int = REDEMPTION_TIMEOUT,
    ) -> Plan:
        """Plan the whole AZR economy: four contracts and their roles.

        Args:
            deployer: pays, and holds the admin roles (EIP-55 address).
            attester: its signature makes a proof of value valid.
            redemption_officer: states that the bank paid; default: the deployer.
            epoch_length: seconds.
            epoch_budget: smallest units of AZR per epoch.
            redemption_timeout: seconds until an account may take its escrow back.

        Raises:
            Invalid: a length or budget that could never work.
            Conflict: the sources do not compile.
        """
        if epoch_length <= 0 or redemption_timeout <= 0:
            raise Invalid(
                "Epochs and the redemption timeout need a length. Nothing was planned.", "Enter seconds.", field="epoch_length"
            )
        if epoch_budget <= 0:
            raise Invalid(
                "With a budget of 0 nothing could ever be minted. Nothing was planned.", "Enter more.", field="epoch_budget"
            )
        await self.compile()
        chain = await self._networks.connect(network_id)
        head = await chain.head()
        setup = Setup(
            deployer, attester, redemption_officer or deployer, head.timestamp, epoch_length, epoch_budget, redemption_timeout
        )
        params = {name: getattr(setup, name) for name in Setup.__slots__}
        return await self._operations.plan(
            "contracts.deploy",
            "Deploy the AZR economy",
            chain.network.target(),
            params,
            self._deployments.steps(chain.network, setup),
        )

    async def deployments(self, network_key: str) -> list[Deployment]:
        """The address book of a network; ``runtime_matches`` compares the code that is there now with our build."""
        found = await self._deployments.book(network_key)
        if not found:
            return found
        try:
            chain = await self._networks.connect(network_key)
            codes = await chain.rpc.batch([("eth_getCode", [item.address, "latest"]) for item in found])
        except ConsoleError:
            return found
        built = await self.compile()
        known = {artifact.name: artifact for artifact in built.contracts}
        return [
            replace(item, runtime_matches=item.name in known and known[item.name].runtime_matches(str(code)))
            for item, code in zip(found, codes, strict=True)
        ]

    async def economy(self, network_key: str) -> Economy | None:
        """The newest complete economy of a network, or None."""
        book = await self._deployments.book(network_key)
        newest = {item.name: item for item in book}
        if any(name not in newest for name in ECONOMY):
            return None
        built = await self._compiler.compile()
        token = built.get("AzoraToken")
        return Economy(
            network=network_key,
            token=newest["AzoraToken"].address,
            emission=newest["Emission"].address,
            mint_mine=newest["MintMine"].address,
            redemption=newest["Redemption"].address,
            start_block=min(newest[name].block for name in ECONOMY),
            balances_slot=token.slot("_balances"),
            supply_slot=token.slot("_totalSupply"),
        )

    async def close(self) -> None:
        """End the compiler's thread."""
        await self._compiler.close()
