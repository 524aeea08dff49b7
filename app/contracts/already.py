"""What is there already and a new deployment of a system need not make again.

A contract with a salt is kept wherever its code is at the one address that salt, code and arguments lead to, whoever made it. Any
other is taken over out of the newest finished deployment of the same system,
where its creation today, code and arguments, would be byte for byte what that plan sent, and the code at its address is still what
came of it. Whatever refers to one that is made anew is made anew too. Nothing is taken on trust: what the
system's checks ask is asked again by the preview, and a role is left out only where the chain says that it is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.chain.hashing import checksum_address
from app.contracts.builds import Build, creation_arguments, creation_data, digests_of
from app.contracts.create2 import address_of, code_at
from app.contracts.deployments import CREATE, GRANT, addresses_of, kept_of, known_of, role_held
from app.contracts.systems import Creation, System, parameters_in, resolve, system_of
from app.core.errors import Conflict, Invalid

if TYPE_CHECKING:
    from app.chain import Chain
    from app.contracts.deployments import Deployment
    from app.operations.plans import Plan, StepSpec


@dataclass(frozen=True, slots=True)
class Already:
    """What is there, by name of the contract; why another is made anew; and the parameters as the plan shall keep them."""

    kept: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    steps: Sequence[StepSpec] = ()


async def already_there(
    chain: Chain,
    built: Build,
    system: System,
    values: Mapping[str, object],
    known: Mapping[str, str],
    steps: Sequence[StepSpec],
    before: Plan | None,
) -> Already:
    """Compare a system that shall be deployed with ``before``, a deployment of it that did every step, and with the chain.

    Args:
        values: the parameters of the new one; a time of deployment that a kept contract was made with is taken from ``before``.
        steps: all steps of the new one; those that are not needed are left out of the answer.
    """
    was: Mapping[str, object] = before.params if before else {}
    old_addresses = known_of(before) | kept_of(before) | addresses_of(before) if before else {}
    timed = {parameter.name for parameter in system.parameters if parameter.kind == "now" and parameter.name in was}
    compared = {**values, **{name: was[name] for name in timed}}
    old = {item.name: item for item in system_of(was).contracts} if before else {}
    digests = digests_of(before) if before else {}
    kept: dict[str, str] = {}
    differs: dict[str, str] = {}
    for item in system.contracts:
        there = dict(known) | kept
        if item.salt and (address := await salted_there(chain, built, item, compared, there)):
            kept[item.name] = address
            continue
        if before is None:
            continue
        why = "its code is another" if digests.get(item.name, built[item.name].digest) != built[item.name].digest else ""
        why = why or _difference(built, item, old.get(item.name), compared, there, was, old_addresses)
        if not why:
            address = old_addresses[item.name]
            matches = built[item.name].runtime_matches(await code_at(chain, address))
            why = "" if matches else f"the code at {address} is not what was made there"
        if why:
            differs[item.name] = why
        else:
            kept[item.name] = old_addresses[item.name]
    used = timed & parameters_in([item for item in system.contracts if item.name in kept])
    final = {**values, **{name: was[name] for name in used}}
    return Already(kept, differs, final, [step for step in steps if await _needed(chain, system, step, final, known, kept)])


async def salted_there(
    chain: Chain, built: Build, item: Creation, values: Mapping[str, object], addresses: Mapping[str, str]
) -> str:
    """Where a contract with a salt is already, with our code; empty where it is not, or refers to one that is not there yet."""
    try:
        address = address_of(item.salt, creation_data(built, item, values, addresses))
    except Conflict:
        return ""
    return address if built[item.name].runtime_matches(await code_at(chain, address)) else ""


async def creations(chain: Chain, kept: Mapping[str, str], book: Sequence[Deployment]) -> dict[str, dict[str, object]]:
    """How those of the kept contracts came to be that the address book does not know, by name: as a step's result, with deployer.

    Raises:
        Conflict: the creating transaction of one cannot be had.
    """
    from app.contracts.verification.creation import Creation as Created
    from app.contracts.verification.creation import creation_of

    known, made = {entry.address for entry in book}, dict[str, dict[str, object]]()
    for name, address in kept.items():
        if address in known:
            continue
        head = await chain.head()
        created = await creation_of(chain, address, head.number)
        if not isinstance(created, Created):
            raise Conflict(
                f"{name} is at {address} already, and its creating transaction cannot be had: {created}. Nothing was planned.",
                "Take another salt, or ask a node that keeps its history.",
            )
        place = {"hash": created.tx, "block": created.block, "block_hash": created.block_hash}
        made[name] = {**place, "contract": address, "deployer": checksum_address(str(created.outer["from"]))}
    return made


def _difference(
    built: Build,
    item: Creation,
    old: Creation | None,
    values: Mapping[str, object],
    addresses: Mapping[str, str],
    old_values: Mapping[str, object],
    old_addresses: Mapping[str, str],
) -> str:
    """Why a contract would not be made as it was; empty when it would."""
    if old is None or item.name not in old_addresses:
        return "it was not part of the system"
    if old.salt != item.salt:
        return "its salt is another"
    try:
        data = creation_data(built, item, values, addresses)
    except Conflict:
        return "it refers to a contract that is made anew"
    try:
        was = creation_data(built, old, old_values, old_addresses)
    except (Conflict, Invalid):
        return "its libraries are declared otherwise"
    if data == was:
        return ""
    artifact = built[item.name]
    given = creation_arguments(artifact, item, values, addresses)
    gave = creation_arguments(artifact, old, old_values, old_addresses)
    pairs = zip(artifact.parameters, gave, given, strict=True)
    return ", ".join(f"{each.get('name') or 'an argument'} was {a}, is {b}" for each, a, b in pairs if a != b) or "it links others"


async def _needed(
    chain: Chain,
    system: System,
    step: StepSpec,
    values: Mapping[str, object],
    known: Mapping[str, str],
    kept: Mapping[str, str],
) -> bool:
    contract = str(step.params["contract"])
    if step.kind == CREATE or contract not in kept:
        return contract not in kept
    assert step.kind == GRANT
    grant = next(each for each in system.grants if (each.contract, each.role, each.holder) == _named(step))
    try:
        holder = str(resolve(grant.holder, values, dict(known) | dict(kept)))
    except Conflict:
        return True  # the holder is made anew
    return not await role_held(chain, kept[contract], grant.role_id, holder)


def _named(step: StepSpec) -> tuple[str, str, str]:
    return str(step.params["contract"]), str(step.params["role"]), str(step.params["holder"])
