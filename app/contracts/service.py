"""What a developer and a deployer do with contracts: compile, test, deploy, look."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain import abi
from app.chain.economy import Economy
from app.chain.hashing import checksum_address
from app.contracts.already import already_there, creations, salted_there
from app.contracts.artifacts import Artifact, Compilation
from app.contracts.books import Books
from app.contracts.builds import Builds, creation_arguments, digests_of, linked, project_of, sources
from app.contracts.calls import Calls
from app.contracts.compiler import Compiler
from app.contracts.create2 import PUT, PutDeployerStep, deployer_steps
from app.contracts.deployments import (
    CREATE,
    GRANT,
    CreateStep,
    Deployment,
    Deployments,
    GrantStep,
    addresses_of,
    kept_of,
    known_of,
)
from app.contracts.events import Events
from app.contracts.fitting import require_fit
from app.contracts.gas import GasReports
from app.contracts.inspector import Inspector
from app.contracts.interfaces import Interfaces
from app.contracts.projects import Project, ours
from app.contracts.roles import Roles
from app.contracts.singles import KIND as SINGLE
from app.contracts.singles import Singles
from app.contracts.systems import System, definition_of, system_of
from app.contracts.testing import Tests
from app.contracts.toolchain import Toolchain
from app.contracts.verification import Verification, Verified
from app.contracts.workspace import Workspace
from app.core.errors import Conflict, ConsoleError, NotFound
from app.operations.plans import Plan, PlanState, StepSpec, StepState
from app.operations.steps import PlanKind

if TYPE_CHECKING:
    from app.chain import Chain, Fees, Network, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.core.settings import SettingsStore
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
        settings: SettingsStore,
        jobs: Jobs,
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
        self.compiler = Compiler(self.toolchain, cache)
        self.projects = Workspace(self.toolchain, self.compiler, settings, jobs, bus, self._learn)
        self.tests = Tests(self.toolchain, cache, self._project, jobs)
        self._slots: dict[str, tuple[int, int]] = {}  # of balances and supply, by the token's artifact
        self._builds = Builds(self.projects, self.compiler)
        self._deployments = Deployments(database, networks, simulation, fees, self._builds, bus)
        self.singles = Singles(networks, simulation, fees, transactions, operations, self.compiler, self._deployments)
        self.verification = Verification(networks, self.compiler, database)
        self.gas = GasReports(self.tests, self.compiler, networks, self._deployments.book, self._artifact)
        self.inspector = Inspector(networks, simulation, self.compiler, self.artifacts)
        self.books = Books(database, bus)
        interfaces = Interfaces(networks, self.books, self._deployments.book, self._artifact, self.artifacts)
        self.calls = Calls(interfaces, networks, simulation, transactions, fees, operations, self.verification.verdicts)
        self.events = Events(interfaces, networks)
        self.roles = Roles(self.calls, networks)
        operations.register_kind(
            PlanKind(
                "contracts.deploy",
                self._deployments.preview,
                self._deployments.measure,
                frozenset({"administrator", "developer"}),
                undo="Deployed code cannot be taken back.",
                repeats=_begun,
                rest=self.plan_rest,
            )
        )
        operations.register_step(CREATE, self._create_step)
        operations.register_step(PUT, lambda plan, spec: PutDeployerStep(transactions, plan, spec))
        operations.register_step(GRANT, lambda plan, spec: GrantStep(transactions, plan, spec, self._deployments))

    def _create_step(self, plan: Plan, spec: StepSpec) -> CreateStep:
        return CreateStep(self._transactions, plan, spec, self._deployments)

    def _learn(self, result: Compilation) -> None:
        for artifact in result.contracts:
            self._simulation.register_abi(artifact.abi, artifact.name)

    async def compile(self, folder: Path | None = None) -> Compilation:
        """Compile our contracts, or a folder of Solidity; their errors become known to the simulation.

        Raises: as ``Compiler.compile``.
        """
        return await self.projects.compile(folder)

    def _project(self, folder: Path | None) -> Project:
        return self.projects.open(folder) if folder is not None else ours(self.toolchain.modules)

    async def plan_deploy(
        self,
        network_id: str,
        system_id: str,
        values: Mapping[str, object],
        definition: Mapping[str, object] | None = None,
        *,
        project: Path | None = None,
        anew: bool = False,
    ) -> Plan:
        """Plan a declared system: its contracts in order, and their roles.

        What a finished deployment of the same system made on that network, and would be made the same again, is kept.

        Args:
            system_id: a file of ``contracts/systems``, or the name of ``definition``.
            values: the parameters, as typed (amounts in AZR as text) or as kept (whole numbers); others have their defaults.
            definition: what a TOML file of another place says.
            project: folder of the project whose contracts it is made of; default: our own.
            anew: make all of it once more, beside what is there.

        Raises:
            Invalid: a parameter is missing or does not fit (``field`` names it), the declaration contradicts itself or the
                contracts, or the project cannot be read.
            NotFound: there is no such system, or the network lacks a contract that it needs.
            Conflict: the sources do not compile, or all of it is there already.
        """
        declared = dict(definition) if definition is not None else definition_of(system_id)
        system = System.parse(system_id, declared)
        chain = await self._networks.connect(network_id)
        kept = system.values(values, (await chain.head()).timestamp)
        folder = str(project.expanduser().absolute()) if project is not None else ""
        built = await self._builds.now(system, folder)
        require_fit(system, built, kept, folder)
        known = await self._known(chain.network, system)
        params = {**kept, "system": system_id, "definition": declared, "known": known, "sources": sources(folder, built)}
        steps = self._deployments.steps(chain.network, system, str(kept[system.sender]))
        before = None if anew else await self._finished(chain.network.key.text, system_id, folder)
        if before is not None or any(item.salt for item in system.contracts):
            there = await already_there(chain, built, system, kept, known, steps, before)
            if not there.steps:
                made = f"as {before.name} made it: " if before else "where its salts put it: "
                raise Conflict(
                    f"All of it is there already, {made}{', '.join(there.kept)}. Nothing was planned.",
                    "To make it once more beside that, change the salts."
                    if any(item.salt for item in system.contracts)
                    else "To make it once more beside that, deploy it anew (azora contract deploy --anew).",
                )
            if there.kept:
                params |= {**there.values, "kept": there.kept, "known": {**known, **there.kept}}
                params |= {"after": before.name} if before is not None else {}
                params["found"] = await creations(chain, there.kept, await self._deployments.book(chain.network.key.text))
                params["differs"], steps = there.differs, list(there.steps)
        steps = [*await self._before(chain, system, str(kept[system.sender]), steps), *steps]
        return await self._operations.plan("contracts.deploy", system.title, chain.network.target(), params, steps)

    async def _before(self, chain: Chain, system: System, sender: str, steps: Sequence[StepSpec]) -> list[StepSpec]:
        """What CREATE2 needs before these steps, where one of them creates with a salt."""
        created = {step.params["contract"] for step in steps if step.kind == CREATE}
        if not any(item.salt for item in system.contracts if item.name in created):
            return []
        return await deployer_steps(chain, sender, self._transactions)

    async def _finished(self, network_key: str, system_id: str, project: str) -> Plan | None:
        """The newest deployment of a system on a network that did every step, or None.

        One of the same folder goes before those of another, where the project may only have lain.
        """
        elsewhere: Plan | None = None
        book = await self._deployments.book(network_key)
        for plan_id in dict.fromkeys(item.plan_id for item in sorted(book, key=lambda each: -each.block) if item.plan_id):
            plan = await self._operations.get(plan_id)
            if plan.kind == "contracts.deploy" and plan.params.get("system") == system_id and await self._done(plan_id):
                if project_of(plan) == project:
                    return plan
                elsewhere = elsewhere or plan
        return elsewhere

    async def plan_rest(self, plan_ref: str) -> Plan:
        """Plan what a deployment that ended early has not done: what it made is checked, kept and not made again.

        Raises:
            NotFound: there is no such plan.
            Conflict: it is no deployment, has not ended, or did everything; or its contracts do not compile any more.
            Invalid: its project cannot be read any more, or its contracts no longer fit what it declares.
        """
        old = await self._operations.get(plan_ref)
        if old.kind != "contracts.deploy" or not old.state.ended or old.state is PlanState.DONE:
            raise Conflict(
                f"{old.name} is {old.state.value} and no deployment that ended early. Nothing was planned.",
                "Name a deployment that failed or was stopped.",
            )
        kept, system, folder = kept_of(old) | addresses_of(old), system_of(old.params), project_of(old)
        built = await self._builds.now(system, folder)
        if digests_of(old):  # what is there stays what it is, whatever its source makes now
            built |= {name: artifact for name, artifact in (await self._builds.of(old)).items() if name in kept}
        require_fit(system, built, old.params, folder)
        chain = await self._networks.connect(old.target.ref)
        for item in system.contracts:  # what somebody made meanwhile where its salt puts it
            if item.salt and item.name not in kept:
                address = await salted_there(chain, built, item, old.params, known_of(old) | kept)
                kept |= {item.name: address} if address else {}
        left = [step.spec for step in old.steps if step.state is not StepState.DONE]
        steps = [step for step in left if step.kind != CREATE or step.params["contract"] not in kept]
        if not steps:
            raise Conflict(f"What {old.name} left undone is there already. Nothing was planned.", "Deploy the system again.")
        book = await self._deployments.book(old.target.ref)
        params = {**old.params, "kept": kept, "known": known_of(old) | kept, "found": await creations(chain, kept, book)}
        params["sources"] = sources(folder, built)
        return await self._operations.plan("contracts.deploy", f"{old.title}: the rest of {old.name}", old.target, params, steps)

    async def plan_deploy_economy(
        self,
        network_id: str,
        deployer: str,
        *,
        attester: str,
        redemption_officer: str | None = None,
        epoch_length: int,
        epoch_budget: int,
        redemption_timeout: int | None = None,
        anew: bool = False,
    ) -> Plan:
        """Plan the whole AZR economy: four contracts and their roles.

        Args:
            deployer: pays, and holds the admin roles (EIP-55 address).
            attester: its signature makes a proof of value valid.
            redemption_officer: states that the bank paid; default: the deployer.
            epoch_length: seconds.
            epoch_budget: smallest units of AZR per epoch.
            redemption_timeout: seconds until an account may take its escrow back; default: 14 days.
            anew: make all of it once more, beside an economy that is there.

        Raises: as :meth:`plan_deploy`.
        """
        values: dict[str, object] = {
            "admin": deployer,
            "attester": attester,
            "officer": redemption_officer or deployer,
            "epoch_length": epoch_length,
            "epoch_budget": epoch_budget,
        }
        if redemption_timeout is not None:
            values["redemption_timeout"] = redemption_timeout
        return await self.plan_deploy(network_id, "azr", values, anew=anew)

    async def _known(self, network: Network, system: System) -> dict[str, str]:
        """The newest contracts of the address book that a system needs; of the economy, those that belong together."""
        if not system.needs:
            return {}
        economy = await self.economy(network.key.text)
        found = {item.name: item.address for item in await self._deployments.book(network.key.text)}
        if economy is not None:
            found |= {"AzoraToken": economy.token, "Emission": economy.emission, "MintMine": economy.mint_mine}
            found |= {"Redemption": economy.redemption}
        if missing := [name for name in system.needs if name not in found]:
            raise NotFound(
                f"{network.name} has no {missing[0]} in the address book. Nothing was planned.",
                "Deploy the AZR economy first." if missing[0] in ECONOMY else "Deploy it first.",
            )
        return {name: found[name] for name in system.needs}

    async def book(self, network_key: str) -> list[Deployment]:
        """The address book of a network as it was written, oldest first. The network is not asked."""
        return await self._deployments.book(network_key)

    async def deployments(self, network_key: str) -> list[Deployment]:
        """The address book of a network, each entry compared with what the chain has now.

        ``runtime_matches`` says whether the code there is that of the artifact that was deployed, ``verdict`` what a verification
        of that very code has proven. Where the network does not answer, nothing is ``checked``. A block that changed (a killed node
        forgets) is corrected in the book.
        """
        found = await self._deployments.book(network_key)
        if not found:
            return found
        try:
            chain = await self._networks.connect(network_key)
            asked = [("eth_getCode", [item.address, "latest"]) for item in found]
            asked += [("eth_getTransactionReceipt", [item.tx_hash]) for item in found]
            answers = await chain.rpc.batch(asked)
            verdicts = await self.verification.verdicts.known(chain, [item.address for item in found])
        except ConsoleError:
            return found
        codes, receipts = answers[: len(found)], answers[len(found) :]
        moved = {
            item.tx_hash: (int(receipt["blockNumber"], 16), str(receipt["blockHash"]))
            for item, receipt in zip(found, receipts, strict=True)
            if receipt is not None and receipt["blockHash"] != item.block_hash
        }
        if moved:
            await self._deployments.moved(network_key, moved)
        return [
            replace(
                item,
                verdict=verdicts.get(item.address, ""),
                checked=True,
                runtime_matches=await self._matches(item, str(code)),
                block=moved.get(item.tx_hash, (item.block, ""))[0],
                block_hash=moved.get(item.tx_hash, (0, item.block_hash))[1],
            )
            for item, code in zip(found, codes, strict=True)
        ]

    async def _matches(self, item: Deployment, code: str) -> bool:
        artifact = await self._artifact(item)
        return artifact is not None and artifact.runtime_matches(code)

    async def artifacts(self, network_key: str) -> list[Artifact]:
        """What may stand behind an address of a network: what its address book names, and what the projects of the list make.

        A project that cannot be read or does not compile has no part in it.
        """
        found: dict[str, Artifact] = {}
        for known in self.projects.list():
            if known.project is not None:
                with contextlib.suppress(ConsoleError):
                    found |= {each.digest: each for each in (await self.compiler.compile(known.project)).contracts}
        for item in await self._deployments.book(network_key):
            if item.artifact not in found and (kept := await self.compiler.find(item.artifact)) is not None:
                found[item.artifact] = kept
        return list(found.values())

    async def _artifact(self, item: Deployment) -> Artifact | None:
        """What was deployed; where that was thrown away with the cache, what its source makes now; None when it makes nothing."""
        kept = await self.compiler.find(item.artifact)
        if kept is not None:
            return kept
        built = await self.compile()
        return next((artifact for artifact in built.contracts if artifact.name == item.name), None)

    async def verify(self, network_key: str, what: str) -> tuple[Verified, Artifact]:
        """Verify a contract of the address book, with the constructor arguments that its plan promised.

        Args:
            what: its address, or its name (then the newest of that name).

        Raises:
            NotFound: it is not in the address book, or nothing is left from which it could be compiled.
            Unavailable: the network does not answer.
        """
        book = await self._deployments.book(network_key)
        found = [item for item in book if what in (item.name, item.address) or what.lower() == item.address.lower()]
        if not found:
            raise NotFound(
                f"{what} is not in the address book of this network. Nothing was compared.",
                "Name its project and contract: azora contract verify ADDRESS --project DIR --contract NAME",
            )
        item = max(found, key=lambda each: each.version)
        artifact = await self._artifact(item)
        if artifact is None:
            raise NotFound(f"What {item.name} was compiled from is no longer known. Nothing was compared.", "Name its project.")
        arguments, libraries = await self._promised(item, artifact)
        verified = await self.verification.verify(
            network_key, item.address, artifact, arguments=arguments, libraries=libraries, tx=item.tx_hash
        )
        return verified, artifact

    async def _promised(self, item: Deployment, artifact: Artifact) -> tuple[list[object] | None, dict[str, str]]:
        """Constructor arguments and libraries that the plan of a deployment named; None and nothing where it named none."""
        plan = await self._operations.get(item.plan_id) if item.plan_id else None
        if plan is not None and plan.kind == SINGLE:
            code = bytes.fromhex(str(plan.params["code"])[2:])
            tail = code[len(artifact.bytecode) // 2 - 1 :]
            links = {link.library: checksum_address(code[link.start : link.start + 20]) for link in artifact.links}
            return list(abi.decode(abi.types_of(artifact.parameters), tail)) if artifact.parameters else [], links
        if plan is not None and plan.kind == "contracts.deploy":
            declared = next((each for each in system_of(plan.params).contracts if each.name == item.name), None)
            if declared is not None:
                addresses = known_of(plan) | addresses_of(plan)
                links = linked(await self._builds.of(plan), declared, addresses) if artifact.libraries else {}
                return creation_arguments(artifact, declared, plan.params, addresses), links
        return None, {}

    async def economy(self, network_key: str) -> Economy | None:
        """The newest economy of a network whose plan did every step, or None. The network is not asked.

        Raises:
            Conflict: what was deployed is no longer known, and its source does not compile.
        """
        plans: dict[str, dict[str, Deployment]] = {}
        for item in await self._deployments.book(network_key):
            plans.setdefault(item.plan_id, {})[item.name] = item
        newest_first = sorted(plans.items(), key=lambda entry: max(item.version for item in entry[1].values()), reverse=True)
        for plan_id, found in newest_first:
            if all(name in found for name in ECONOMY) and await self._done(plan_id):
                balances, supply = await self._slots_of(found)
                return Economy(
                    network=network_key,
                    token=found["AzoraToken"].address,
                    emission=found["Emission"].address,
                    mint_mine=found["MintMine"].address,
                    redemption=found["Redemption"].address,
                    start_block=min(found[name].block for name in ECONOMY),
                    balances_slot=balances,
                    supply_slot=supply,
                    work=await self._work_of(plans, found["Emission"].address),
                )
        return None

    async def _work_of(self, plans: Mapping[str, Mapping[str, Deployment]], emission: str) -> str:
        """The newest proof of work whose plan is done and that mints through this emission, or empty."""
        made = [(found["MineableAzora"], plan_id) for plan_id, found in plans.items() if "MineableAzora" in found]
        for item, plan_id in sorted(made, key=lambda each: each[0].version, reverse=True):
            plan = await self._operations.get(plan_id)
            if known_of(plan).get("Emission") == emission and await self._done(plan_id):
                return item.address
        return ""

    async def _done(self, plan_id: str) -> bool:
        """Contracts without their roles are no economy yet."""
        plan = await self._operations.get(plan_id)
        return all(step.state is StepState.DONE for step in plan.steps)

    async def _slots_of(self, found: Mapping[str, Deployment]) -> tuple[int, int]:
        token = found["AzoraToken"]
        known = self._slots.get(token.artifact)
        if known is None:
            artifact = await self._artifact(token)
            if artifact is None:
                raise Conflict(
                    "The contracts were edited and do not compile, and what was deployed is no longer in the cache. "
                    "The economy cannot be read.",
                    "Correct the sources in contracts/src.",
                )
            for item in found.values():  # their errors become known to the simulation, also in a console that never compiled
                made = await self._artifact(item)
                if made is not None:
                    self._simulation.register_abi(made.abi, made.name)
            known = self._slots[token.artifact] = artifact.slot("_balances"), artifact.slot("_totalSupply")
        return known

    async def close(self) -> None:
        """End the compiler's thread."""
        await self.compiler.close()


async def _begun(plan: Plan) -> str:
    """Why a second try from the beginning would make contracts twice."""
    done = sum(step.state is StepState.DONE for step in plan.steps)
    go_on = f"To go on where it ended: azora contract deploy --continue {plan.name}"
    return f"{done} of its {len(plan.steps)} transactions are done, and all would be sent again. {go_on}" if done else ""
