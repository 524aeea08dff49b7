"""Deploying a whole system as one resumable plan, and the address book it fills.

Each contract and each grant is a step with one transaction of its own. Arguments that name another contract are filled in from the
steps before, so a replaced nonce changes addresses but never what is wired to what. The dry run executes all of it beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain import abi
from app.chain.hashing import checksum_address, created_address
from app.chain.simulation import CallRequest
from app.chain.transactions import TransactionRequest, TransactionStep
from app.contracts.builds import Build, Builds, creation_data, view_answer, view_data
from app.contracts.create2 import CreatingStep, address_of, creation_request, deployer_calls, lacking, salted_verdicts
from app.contracts.systems import Check, Creation, Grant, System, resolve, system_of
from app.core.clock import now_ms
from app.core.events import ContractsChanged
from app.operations.plans import Effect, Fee, Plan, Preview, StepSpec, Verdict, VerdictLevel
from app.operations.steps import Outcome, StepContext

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.chain import Chain, Fees, Network, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.database import Database

CREATE = "contracts.create"
GRANT = "contracts.grant"
SIZE_LIMIT = 24_576  # bytes of runtime code, EIP-170
_CHECKS: abi.Abi = (
    {"type": "function", "name": "grantRole", "inputs": [{"type": "bytes32"}, {"type": "address"}], "outputs": []},
    {"type": "function", "name": "hasRole", "inputs": [{"type": "bytes32"}, {"type": "address"}], "outputs": [{"type": "bool"}]},
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contract of the address book. ``version`` counts deployments of that name on that network; ``artifact`` is its digest."""

    name: str
    address: str
    block: int
    block_hash: str
    tx_hash: str
    deployer: str
    version: int
    artifact: str
    plan_id: str = ""
    checked: bool = False  # the chain was asked; without that, ``runtime_matches`` says nothing
    runtime_matches: bool = False
    verdict: str = ""  # of the newest verification, as far as the code is still the same


class Deployments:
    """Plans, previews and measures ``contracts.deploy``; keeps the address book."""

    def __init__(
        self, database: Database, networks: Networks, simulation: Simulation, fees: Fees, builds: Builds, bus: Bus
    ) -> None:
        self._database = database
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self.builds = builds
        self._bus = bus

    def steps(self, network: Network, system: System, sender: str) -> list[StepSpec]:
        """One step per contract, then one per grant."""
        common = {"network": network.key.text, "sender": sender}
        made = [StepSpec(CREATE, f"Create {item.name}", {**common, "contract": item.name}) for item in system.contracts]
        granted = [
            StepSpec(
                GRANT,
                f"Grant {item.role} on {item.contract}",
                {**common, "contract": item.contract, "role": item.role, "holder": item.holder},
            )
            for item in system.grants
        ]
        return [*made, *granted]

    async def preview(self, plan: Plan) -> Preview:
        """Execute all of it on the newest block, without sending anything."""
        system, sender = system_of(plan.params), sender_of(plan)
        chain = await self._networks.connect(plan.target.ref)
        built = await self.builds.of(plan)
        nonce = int(str(await chain.rpc.call("eth_getTransactionCount", sender, "pending")), 16)
        contracts, grants = open_parts(plan, system)
        calls = deployer_calls(plan, sender)
        nonce += sum(call.sender == sender for call in calls)
        made: dict[str, str] = {}
        for at, item in enumerate(contracts):
            code = creation_data(built, item, plan.params, known_of(plan) | made)
            made[item.name] = address_of(item.salt, code) if item.salt else created_address(sender, nonce + at)
            request = creation_request(item.salt, code)
            calls.append(CallRequest(sender, request.to, request.data, 0, f"Create {item.name}"))
        addresses = known_of(plan) | made
        sent = sum(call.value for call in calls)
        calls += [
            CallRequest(sender, addresses[item.contract], grant_data(item, plan.params, addresses), 0, f"Grant {item.role}")
            for item in grants
        ]
        asked = [CallRequest(sender, addresses[check.contract], view_data(built, check)) for check in system.checks]
        simulated = await self._simulation.preview(chain.network.id, calls, reads=asked)
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(sum(simulated.gas), chain.network.symbol)
        held = int(str(await chain.rpc.call("eth_getBalance", sender, "latest")), 16)
        verdicts = [*self._verdicts(built, system, plan, held - sent, fee), *quote.verdicts(), *await self.still_there(plan)]
        salted = await salted_verdicts(chain, plan, {item.name: made[item.name] for item in contracts if item.salt})
        verdicts += salted
        effects: tuple[Effect, ...] = ()
        error = simulated.error or lacking(salted)
        if not error:
            answers = [view_answer(built, check, read) for check, read in zip(system.checks, simulated.reads, strict=True)]
            verdicts += _kept(system, plan, addresses, answers)
            effects = (*_created(made), *_checked(system, addresses, answers), *_granted(grants, plan, addresses))
        return Preview(
            effects=effects,
            verdicts=tuple(verdicts),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=error,
            cause=simulated.cause,
            notes=("Deployed code cannot be taken back. Roles can be revoked by the admin.",),
        )

    def _verdicts(self, built: Build, system: System, plan: Plan, held: int, fee: Fee) -> list[Verdict]:
        too_large = [item.name for item in system.contracts if (len(built[item.name].runtime) - 2) // 2 > SIZE_LIMIT]
        found = [
            Verdict("contracts.size", VerdictLevel.BLOCK, f"{', '.join(too_large)} exceed 24 KiB (EIP-170)")
            if too_large
            else Verdict("contracts.size", VerdictLevel.PASS, "Every contract is within the 24 KiB limit", "EIP-170")
        ]
        if held < fee.limit:
            found.append(
                Verdict("contracts.fee", VerdictLevel.BLOCK, f"The deployer holds too little {fee.unit} for the network fees")
            )
        else:
            found.append(Verdict("contracts.fee", VerdictLevel.PASS, "The deployer holds enough for the network fees"))
        if "attester" in plan.params and plan.params["attester"] == plan.params.get("admin"):
            found.append(
                Verdict(
                    "contracts.separation",
                    VerdictLevel.NOTE,
                    "Administrator and attester are one account",
                    "Whoever has that key can both change the rules and attest value.",
                )
            )
        return found

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """What is there now: code at the addresses (immutables apart), what the checks ask, roles held."""
        system, made = system_of(plan.params), addresses_of(plan)
        chain = await self._networks.connect(plan.target.ref)
        built = await self.builds.of(plan)
        found: list[Effect] = []
        for effect in _created(made):
            code = str(await chain.rpc.call("eth_getCode", effect.after, "latest"))
            if built[effect.subject].runtime_matches(code):
                found.append(effect)
        addresses = known_of(plan) | made
        contracts, grants = open_parts(plan, system)
        if len(made) < len(contracts):
            return tuple(found)
        answers = []
        for check in system.checks:
            asked = {"to": addresses[check.contract], "data": view_data(built, check)}
            answers.append(view_answer(built, check, str(await chain.rpc.call("eth_call", asked, "latest"))))
        found += _checked(system, addresses, answers)
        for item, effect in zip(grants, _granted(grants, plan, addresses), strict=True):
            holder = str(resolve(item.holder, plan.params, addresses))
            if await role_held(chain, addresses[item.contract], item.role_id, holder):
                found.append(effect)
        return tuple(found)

    async def still_there(self, plan: Plan) -> list[Verdict]:
        """Whether the contracts that an earlier plan made, and this one takes over, are still those; and why others are not."""
        kept = kept_of(plan)
        given = plan.params.get("differs") or {}
        assert isinstance(given, Mapping)
        anew = [
            Verdict("contracts.anew", VerdictLevel.NOTE, f"{name} is made anew: {why}", "Nothing else points to the one before.")
            for name, why in given.items()
        ]
        if not kept:
            return anew
        chain, built = await self._networks.connect(plan.target.ref), await self.builds.of(plan)
        codes = await chain.rpc.batch([("eth_getCode", [address, "latest"]) for address in kept.values()])
        other = [name for name, code in zip(kept, codes, strict=True) if not built[name].runtime_matches(str(code))]
        if other:
            text = f"{', '.join(other)} of the plan before is no longer there, or has other code than ours"
            return [*anew, Verdict("contracts.kept", VerdictLevel.BLOCK, text, "Deploy all of it anew.")]
        text = f"{', '.join(kept)}: there already with our code, and not created again"
        return [*anew, Verdict("contracts.kept", VerdictLevel.PASS, text)]

    async def adopt(self, context: StepContext) -> None:
        """What an earlier plan made belongs to the one that goes on with it; out of a finished one it goes with the last step.

        Until then the economy of the earlier plan is whole, and after a step that fails it still is.
        """
        from app.contracts.tables import deployments as table

        plan = context.plan
        if plan.params.get("after") and context.index < len(plan.steps) - 1:
            return
        kept = [bytes.fromhex(address[2:]) for address in kept_of(plan).values()]

        def write(connection: Connection) -> None:
            mine = (table.c.network == plan.target.ref, table.c.address.in_(kept))
            connection.execute(table.update().where(*mine).values(plan_id=plan.id))

        if kept:
            await self._database.write(write)
        for name, result in found_of(plan).items():
            await self.keep(plan, name, result, str(result["deployer"]))
        self._bus.publish(ContractsChanged())

    # the address book

    async def keep(self, plan: Plan, name: str, result: Mapping[str, Any], deployer: str, digest: str = "") -> None:
        """Write a created contract into the address book; twice is once. ``digest``: of the plan, when not given."""
        from app.contracts.tables import deployments as table

        artifact = digest or (await self.builds.of(plan))[name].digest
        network = plan.target.ref

        def write(connection: Connection) -> None:
            address = bytes.fromhex(str(result["contract"])[2:])
            known = list(connection.execute(table.select().where(table.c.network == network)))
            if any(bytes(row.address) == address for row in known):
                return
            version = 1 + max((row.version for row in known if row.name == name), default=0)
            connection.execute(
                table.insert().values(
                    network=network,
                    address=address,
                    name=name,
                    tx_hash=bytes.fromhex(str(result["hash"])[2:]),
                    block=int(result["block"]),
                    block_hash=bytes.fromhex(str(result["block_hash"])[2:]),
                    deployer=bytes.fromhex(deployer[2:]),
                    version=version,
                    artifact=artifact,
                    plan_id=plan.id,
                )
            )

        await self._database.write(write)
        self._bus.publish(ContractsChanged())

    async def book(self, network: str) -> list[Deployment]:
        """The address book of a network (its key text), oldest first."""
        from app.contracts.tables import deployments as table

        def read(connection: Connection) -> list[Deployment]:
            query = table.select().where(table.c.network == network).order_by(table.c.block, table.c.name)
            return [
                Deployment(
                    row.name,
                    checksum_address(bytes(row.address)),
                    int(row.block),
                    "0x" + bytes(row.block_hash).hex(),
                    "0x" + bytes(row.tx_hash).hex(),
                    checksum_address(bytes(row.deployer)),
                    int(row.version),
                    row.artifact,
                    row.plan_id,
                )
                for row in connection.execute(query)
            ]

        return await self._database.read(read)

    async def moved(self, network: str, blocks: Mapping[str, tuple[int, str]]) -> None:
        """Correct the blocks of contracts whose creation is now in another one: height and hash by ``0x…`` hash of the transaction.

        A killed node forgets blocks, and what is sent again may come into other ones.
        """
        from app.contracts.tables import deployments as table

        def write(connection: Connection) -> None:
            for tx_hash, (block, block_hash) in blocks.items():
                one = (table.c.network == network, table.c.tx_hash == bytes.fromhex(tx_hash[2:]))
                connection.execute(table.update().where(*one).values(block=block, block_hash=bytes.fromhex(block_hash[2:])))

        await self._database.write(write)
        self._bus.publish(ContractsChanged())


class CreateStep(CreatingStep):
    """Creates one contract, with the addresses that the steps before gave."""

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec, deployments: Deployments) -> None:
        super().__init__(transactions, plan, spec)
        self._deployments = deployments
        self._name = str(spec.params["contract"])

    async def request(self, context: StepContext) -> TransactionRequest:
        """Creation code and encoded arguments; with a salt, for the deterministic deployer."""
        params = context.plan.params
        item = next(item for item in system_of(params).contracts if item.name == self._name)
        built = await self._deployments.builds.of(context.plan)
        return creation_request(item.salt, creation_data(built, item, params, addresses_so_far(context)))

    async def committed(self, outcome: Outcome, context: StepContext) -> None:
        """Into the address book."""
        await super().committed(outcome, context)
        if not outcome.failure:
            await self._deployments.adopt(context)
            await self._deployments.keep(context.plan, self._name, outcome.result, self.sender)


class GrantStep(TransactionStep):
    """Grants one role."""

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec, deployments: Deployments) -> None:
        super().__init__(transactions, plan, spec)
        self._deployments = deployments

    async def request(self, context: StepContext) -> TransactionRequest:
        """``grantRole`` with the addresses that the steps before gave."""
        params, mine = context.plan.params, self.spec.params
        wanted = (str(mine["contract"]), str(mine["role"]), mine.get("holder"))
        item = next(
            item
            for item in system_of(params).grants
            if (item.contract, item.role) == wanted[:2] and wanted[2] in (item.holder, None)
        )
        addresses = addresses_so_far(context)
        return TransactionRequest(addresses[item.contract], 0, grant_data(item, params, addresses))

    async def committed(self, outcome: Outcome, context: StepContext) -> None:
        """With the last one there is an economy."""
        await super().committed(outcome, context)
        if not outcome.failure:
            await self._deployments.adopt(context)


async def role_held(chain: Chain, contract: str, role_id: bytes, holder: str) -> bool:
    """Whether an account has a role on a contract now."""
    data = abi.encode_call(_CHECKS, "hasRole", [role_id, holder])
    answer = await chain.rpc.call("eth_call", {"to": contract, "data": data}, "latest")
    return bool(abi.decode_output(_CHECKS, "hasRole", str(answer)))


def sender_of(plan: Plan) -> str:
    """Who pays and signs."""
    return str(plan.params[system_of(plan.params).sender])


def known_of(plan: Plan) -> dict[str, str]:
    """The contracts that were there before, by name."""
    known = plan.params.get("known") or {}
    assert isinstance(known, Mapping)
    return {str(name): str(address) for name, address in known.items()}


def kept_of(plan: Plan) -> dict[str, str]:
    """The contracts of its own system that an earlier plan made, by name; empty unless it goes on with one."""
    kept = plan.params.get("kept") or {}
    assert isinstance(kept, Mapping)
    return {str(name): str(address) for name, address in kept.items()}


def found_of(plan: Plan) -> dict[str, Mapping[str, object]]:
    """How contracts came to be that a plan keeps and the address book did not know, by name: as a step's result, with deployer."""
    found = plan.params.get("found") or {}
    assert isinstance(found, Mapping)
    return {str(name): dict(result) for name, result in found.items()}


def open_parts(plan: Plan, system: System) -> tuple[list[Creation], list[Grant]]:
    """What this plan itself creates and grants: all of the system, or the rest of it."""
    created = {str(step.spec.params["contract"]) for step in plan.steps if step.spec.kind == CREATE}
    contracts = [item for item in system.contracts if item.name in created]
    # Plans of the first consoles name no holder.
    granted = [step.spec.params for step in plan.steps if step.spec.kind == GRANT]
    named = {(params["contract"], params["role"], params.get("holder")) for params in granted}
    grants = [item for item in system.grants if {(item.contract, item.role, item.holder), (item.contract, item.role, None)} & named]
    return contracts, grants


def addresses_so_far(context: StepContext) -> dict[str, str]:
    """Addresses by name: known ones, and those that earlier steps made."""
    return known_of(context.plan) | _addresses(context.plan, context.results)


def addresses_of(plan: Plan) -> dict[str, str]:
    """Addresses by name of what a plan's finished steps made."""
    return _addresses(plan, [step.result for step in plan.steps])


def _addresses(plan: Plan, results: Sequence[Mapping[str, object]]) -> dict[str, str]:
    pairs = zip(plan.steps, results, strict=False)
    return {str(s.spec.params["contract"]): str(r["contract"]) for s, r in pairs if s.spec.kind == CREATE and r.get("contract")}


def grant_data(item: Grant, values: Mapping[str, object], addresses: Mapping[str, str]) -> str:
    """The call that grants a role."""
    return abi.encode_call(_CHECKS, "grantRole", [item.role_id, resolve(item.holder, values, addresses)])


def promise(check: Check, plan: Plan, addresses: Mapping[str, str]) -> str:
    """What the view must say, as text."""
    return str(resolve(check.equals, plan.params, addresses))


def _kept(system: System, plan: Plan, addresses: Mapping[str, str], answers: Sequence[str]) -> list[Verdict]:
    """What must hold afterwards and would not."""
    return [
        Verdict(
            f"contracts.check.{check.view}",
            VerdictLevel.BLOCK,
            f"{check.contract}.{check.view} would answer {answer}, not {promise(check, plan, addresses)}",
            "The declaration of the system asks for it.",
        )
        for check, answer in zip(system.checks, answers, strict=True)
        if answer != promise(check, plan, addresses)
    ]


def _created(addresses: Mapping[str, str]) -> tuple[Effect, ...]:
    return tuple(Effect("contract", name, "", address, label=name) for name, address in addresses.items())


def _checked(system: System, addresses: Mapping[str, str], answers: Sequence[str]) -> tuple[Effect, ...]:
    return tuple(
        Effect(check.effect, addresses[check.contract], "", answer, check.unit, check.decimals, label=check.contract)
        for check, answer in zip(system.checks, answers, strict=True)
    )


def _granted(grants: Sequence[Grant], plan: Plan, addresses: Mapping[str, str]) -> tuple[Effect, ...]:
    return tuple(
        Effect("role", str(resolve(item.holder, plan.params, addresses)), "", f"{item.role} on {item.contract}") for item in grants
    )
