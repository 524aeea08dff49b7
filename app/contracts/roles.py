"""Who may do what: the holders of each role, found in events and checked by ``hasRole``; and plans that change them.

OpenZeppelin's AccessControl and Ownable are understood. An event says where to look, the contract's own answer says what holds.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.chain.effects import GRANTED, OWNED, REVOKED
from app.chain.hashing import keccak256
from app.chain.reasons import DEFAULT_ADMIN, role_id, role_name
from app.chain.rpc import RpcFailure
from app.contracts.calls import Calls, Wanted
from app.contracts.events import read_logs
from app.contracts.interfaces import Interface, checksummed
from app.contracts.losing import CHANGES, Standing, losses
from app.contracts.systems import account
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.operations.plans import Verdict, VerdictLevel

if TYPE_CHECKING:
    from app.chain import Chain, Network, Networks
    from app.operations import Plan

Asked = list[tuple[str, list[object]]]  # views and their arguments

OWNER = "owner"
HAS_ROLE, OWNER_CALL = "hasRole(bytes32,address)", "owner()"
_NOBODY = "0x" + "00" * 20
DEFAULT_ADMIN_ID = "0x" + "00" * 32


@dataclass(frozen=True, slots=True)
class Party:
    """Who an address is to this console. ``where`` is where its key lives, in words; ``label`` may be empty."""

    label: str
    where: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One holder of one role of one contract.

    Attributes:
        role: ``MINTER_ROLE`` where its name is known, else the ``0x…`` hash; ``owner`` of an Ownable contract.
        admin: the role whose holders may grant and revoke it.
        since: the block in which it was granted last; 0 where no event tells.
        party: who the holder is.
        evidence: the event that granted it, and the contract's answer now. *Mismatch* when the two do not agree.
    """

    contract: str
    address: str
    role: str
    admin: str
    holder: str
    since: int
    party: Party
    evidence: tuple[Evidence, ...]

    @property
    def agrees(self) -> bool:
        """Whether events and the contract's own answer agree."""
        return all(each.status is not EvidenceStatus.MISMATCH for each in self.evidence)


class Roles:
    """Reads holders, and plans grants, revocations, rotations and the emergency pause."""

    def __init__(self, calls: Calls, networks: Networks) -> None:
        self._calls = calls
        self._networks = networks
        calls.losses = self.losses
        # Who the addresses of a network are, by EIP-55 spelling: set by the console, since wallets know it.
        self.parties: Callable[[Network], Awaitable[Mapping[str, Party]]] | None = None

    async def holders(self, network_id: str, ref: str) -> list[RoleRow]:
        """Every holder of every role of a contract, by role and holder. One that has no roles has none.

        Raises:
            NotFound: no such contract, or nobody knows its ABI.
            Unavailable: the network does not answer.
        """
        interface = await self._calls.interfaces.get(network_id, ref)
        chain = await self._networks.connect(network_id)
        head = await chain.head()
        parties = await self._parties(chain, interface)
        rows: list[RoleRow] = []
        if interface.has(HAS_ROLE):
            rows += await self._by_role(chain, interface, head.number, parties)
        if interface.has(OWNER_CALL):
            rows += await self._owner(chain, interface, head.number, parties)
        return sorted(rows, key=lambda row: (row.role != DEFAULT_ADMIN, row.role, row.since, row.holder))

    async def losses(self, chain: Chain, calls: Sequence[Mapping[str, Any]]) -> tuple[Verdict, ...]:
        """What the calls of a plan take away for good: the last holder of a role, the owner, the last key of this console.

        Where the node does not tell who holds roles, that is said in their place.

        Args:
            calls: address, function and call data of each, in order.

        Raises:
            Unavailable: the network does not answer.
        """
        told: list[Verdict] = []
        for address in dict.fromkeys(str(call["to"]) for call in calls if call["function"] in CHANGES):
            interface = await self._calls.interfaces.get(chain.network.id, address)
            try:
                now = await self._standing(chain, interface)
            except RpcFailure as error:
                text = f"Who holds the roles of {interface.name} is not known, so neither is whether the last holder goes"
                told.append(Verdict("contracts.last_holder", VerdictLevel.WARNING, text, error.message))
                continue
            told += losses(now, [call for call in calls if call["to"] == address], SIGNING)
        return tuple(told)

    async def _standing(self, chain: Chain, interface: Interface) -> Standing:
        """Who holds what of a contract now. Raises Unavailable, and RpcFailure where the node does not tell."""
        head, owner = (await chain.head()).number, ""
        granted = await self._granted(chain, interface, head) if interface.has(HAS_ROLE) else {}
        holders: dict[str, set[str]] = {role: set() for role, _ in granted}
        for (role, holder), (_, held) in granted.items():
            holders[role] |= {holder} if held else set()
        names, nameless = own_roles(interface), {role: _named(role, {}) for role in (*holders, DEFAULT_ADMIN_ID)}
        admins = await self._admins(chain, interface, [*holders, *names], head) if holders else {}
        if interface.has(OWNER_CALL):
            owner = checksummed((await self._views(chain, interface, [("owner", [])], head))[0])
        parties = await self._parties(chain, interface) if self.parties is not None else None
        return Standing(interface.name, holders, admins, nameless | names, owner, parties)

    async def _granted(
        self, chain: Chain, interface: Interface, head: int
    ) -> dict[tuple[str, str], tuple[Mapping[str, Any], bool]]:
        """The last event of each role and account, and whether the account holds the role now."""
        logs = await read_logs(chain, interface.address, [[GRANTED, REVOKED]], interface.first_block, head)
        last = {(str(log["topics"][1]), checksummed(str(log["topics"][2]))): log for log in logs}  # in order: the last word counts
        asked: Asked = [("hasRole", [bytes.fromhex(role[2:]), holder]) for role, holder in last]
        words = await self._views(chain, interface, asked, head)
        return {key: (log, bool(int(word, 16))) for (key, log), word in zip(last.items(), words, strict=True)}

    async def _admins(self, chain: Chain, interface: Interface, roles: Iterable[str], head: int) -> dict[str, str]:
        """The role that administers each role."""
        asked = list(dict.fromkeys(roles))
        words = await self._views(chain, interface, [("getRoleAdmin", [bytes.fromhex(role[2:])]) for role in asked], head)
        return {role: word[:66] for role, word in zip(asked, words, strict=True)}

    async def _by_role(self, chain: Chain, interface: Interface, head: int, parties: Mapping[str, Party]) -> list[RoleRow]:
        found = await self._granted(chain, interface, head)
        admin_of = await self._admins(chain, interface, [role for role, _ in found], head)
        names = own_roles(interface)
        rows = []
        for (role, holder), (log, held) in found.items():
            granted = str(log["topics"][0]) == GRANTED
            if not held and not granted:
                continue
            rows.append(
                RoleRow(
                    interface.name,
                    interface.address,
                    _named(role, names),
                    _named(admin_of[role], names),
                    holder,
                    int(log["blockNumber"], 16) if granted else 0,
                    parties.get(holder, Party("", "foreign")),
                    (_logged(chain, log), _asked(chain, head, f"hasRole answers {str(held).lower()}", agrees=held == granted)),
                )
            )
        return rows

    async def _owner(self, chain: Chain, interface: Interface, head: int, parties: Mapping[str, Party]) -> list[RoleRow]:
        owner = checksummed((await self._views(chain, interface, [("owner", [])], head))[0])
        if owner == checksummed(_NOBODY):
            return []
        logs = await read_logs(chain, interface.address, [OWNED], interface.first_block, head)
        log: Mapping[str, Any] | None = logs[-1] if logs else None
        agrees = log is None or checksummed(str(log["topics"][2])) == owner
        evidence = _asked(chain, head, f"owner() answers {owner}", agrees=agrees)
        return [
            RoleRow(
                interface.name,
                interface.address,
                OWNER,
                OWNER,
                owner,
                int(log["blockNumber"], 16) if log is not None and agrees else 0,
                parties.get(owner, Party("", "foreign")),
                (_logged(chain, log), evidence) if log is not None else (evidence,),
            )
        ]

    async def _views(self, chain: Chain, interface: Interface, asked: Asked, block: int) -> list[str]:
        calls = [
            ("eth_call", [{"to": interface.address, "data": abis.encode_call(interface.abi, name, given)}, hex(block)])
            for name, given in asked
        ]
        answers = await chain.rpc.each(calls) if calls else []
        for answer in answers:
            if isinstance(answer, RpcFailure):
                raise answer
        return [str(answer) if len(str(answer)) >= 66 else "0x" + "00" * 32 for answer in answers]

    async def _parties(self, chain: Chain, interface: Interface) -> Mapping[str, Party]:
        known = dict(await self.parties(chain.network)) if self.parties is not None else {}
        known.setdefault(interface.address, Party(interface.name, "the contract itself"))
        return known

    # plans

    async def plan_grant(self, network_id: str, ref: str, role: str, holder: str, sender: str) -> Plan:
        """Plan to give a role to an account.

        Args:
            role: its name as in the contract, or its ``0x…`` hash; ``owner`` hands over the contract.
            sender: holds the role's admin role, pays and signs.

        Raises:
            Invalid: an address does not fit; ``field`` names it.
            NotFound: no such contract, or it has no such role.
            Conflict: the account holds it already.
        """
        interface = await self._calls.interfaces.get(network_id, ref)
        if role == OWNER:
            wanted = [self._hand_over(interface, holder)]
        else:
            if await self._holds(network_id, interface, role, holder):
                raise Conflict(f"{holder} holds {role} of {interface.name} already. Nothing was planned.")
            wanted = [self._call(interface, "grantRole", role, holder)]
        return await self._calls.plan(network_id, wanted, sender, f"Grant {role} on {interface.name}")

    async def plan_revoke(self, network_id: str, ref: str, role: str, holder: str, sender: str) -> Plan:
        """Plan to take a role from an account. Raises as :meth:`plan_grant`; Conflict when the account does not hold it."""
        interface = await self._calls.interfaces.get(network_id, ref)
        if not await self._holds(network_id, interface, role, holder):
            raise Conflict(f"{holder} does not hold {role} of {interface.name}. Nothing was planned.", "Read the roles again.")
        return await self._calls.plan(
            network_id, [self._call(interface, "revokeRole", role, holder)], sender, f"Revoke {role} on {interface.name}"
        )

    async def plan_rotate(self, network_id: str, ref: str, role: str, old: str, new: str, sender: str) -> Plan:
        """Plan to hand a role from one account to another: granted first, then revoked, so that it is never without a holder.

        Raises: as :meth:`plan_revoke`; Invalid when both are one account (``field`` is ``new``).
        """
        interface = await self._calls.interfaces.get(network_id, ref)
        if account(old, "old") == account(new, "new"):
            raise Invalid("Old and new holder are one account. Nothing was planned.", "Choose another account.", field="new")
        title = f"Rotate {role} on {interface.name}"
        if role == OWNER:
            answer = await self._calls.read(network_id, interface.address, OWNER_CALL)
            if (owner := str(answer.values[0][2])) != account(old, "old"):
                raise Conflict(f"{interface.name} belongs to {owner}, not to {old}. Nothing was planned.", "Read the roles again.")
            return await self._calls.plan(network_id, [self._hand_over(interface, new)], sender, title)
        if not await self._holds(network_id, interface, role, old):
            raise Conflict(f"{old} does not hold {role} of {interface.name}. Nothing was planned.", "Read the roles again.")
        wanted = [self._call(interface, "revokeRole", role, old)]
        if not await self._holds(network_id, interface, role, new):
            wanted.insert(0, self._call(interface, "grantRole", role, new))
        return await self._calls.plan(network_id, wanted, sender, title)

    async def plan_pause(self, network_id: str, ref: str, sender: str = "", *, resume: bool = False) -> Plan:
        """Plan the emergency pause of a contract, or with ``resume`` its end.

        Args:
            sender: empty: the first account of this console that may do it, as the contract itself says.

        Raises:
            NotFound: the contract cannot be paused, or no account here may do it.
            Conflict: it is in that state already.
        """
        interface = await self._calls.interfaces.get(network_id, ref)
        verb = "unpause" if resume else "pause"
        if not interface.has(f"{verb}()"):
            raise NotFound(f"{interface.name} cannot be {verb}d. Nothing was planned.", "Choose a contract with pause().")
        if interface.has("paused()"):
            answer = await self._calls.read(network_id, interface.address, "paused")
            if answer.values[0][2] is not resume:
                state = "running" if resume else "paused"
                raise Conflict(f"{interface.name} is {state} already. Nothing was planned.", "Read its state again.")
        payer = sender or await self._who_may(network_id, interface, f"{verb}()")
        entry = interface.function(f"{verb}()")
        title = f"{'Resume' if resume else 'Pause'} {interface.name}"
        return await self._calls.plan(network_id, [Wanted(interface, entry, [])], payer, title)

    async def pausable(self, network_id: str, *, resume: bool = False) -> list[Interface]:
        """The contracts of the address book that have ``pause()``, or with ``resume`` ``unpause()``; newest first.

        Raises:
            NotFound: there is none.
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        found = []
        for address in await self._calls.interfaces.addresses(chain.network.key.text):
            with contextlib.suppress(NotFound):  # nobody knows its functions, or its chain forgot it
                found.append(await self._calls.interfaces.get(network_id, address))
        verb = "unpause()" if resume else "pause()"
        can = [each for each in found if each.has(verb)]
        if not can:
            raise NotFound(
                f"No contract in the address book of {chain.network.name} has {verb}. Nothing was planned.",
                "Deploy or import one that has.",
            )
        return can

    async def _who_may(self, network_id: str, interface: Interface, function: str) -> str:
        """The first of the console's own accounts for which the call would go through."""
        network = (await self._networks.connect(network_id)).network
        parties = await self.parties(network) if self.parties is not None else {}
        for address, party in parties.items():
            if party.where not in SIGNING:
                continue
            try:
                await self._calls.read(network_id, interface.address, function, sender=address)
            except Conflict:
                continue
            return address
        raise NotFound(
            f"No account of this console may call {function} of {interface.name}. Nothing was planned.",
            "The list of roles says who may.",
        )

    async def _holds(self, network_id: str, interface: Interface, role: str, holder: str) -> bool:
        given = ["0x" + self._id(interface, role).hex(), account(holder, "holder")]
        answer = await self._calls.read(network_id, interface.address, HAS_ROLE, given)
        return answer.values[0][2] is True

    def _call(self, interface: Interface, function: str, role: str, holder: str) -> Wanted:
        return Wanted(interface, interface.function(function), [self._id(interface, role), account(holder, "holder")])

    def _hand_over(self, interface: Interface, holder: str) -> Wanted:
        return Wanted(interface, interface.function("transferOwnership"), [account(holder, "holder")])

    def _id(self, interface: Interface, role: str) -> bytes:
        if not interface.has(HAS_ROLE):
            raise NotFound(f"{interface.name} has no roles. Nothing was planned.", "Choose another contract.")
        text = role.strip()
        if text.startswith("0x"):
            if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
                raise Invalid("The hash of a role is 0x and 64 hex digits. Nothing was planned.", field="role")
            return bytes.fromhex(text[2:])
        if text != DEFAULT_ADMIN and text not in own_roles(interface).values():
            known = ", ".join([DEFAULT_ADMIN, *own_roles(interface).values()])
            raise NotFound(f"{interface.name} has no role {text}. Nothing was planned.", f"It has {known}.")
        return role_id(text)


IN_KEYRING, EXTERNAL = "in the keyring", "at an external signer"
SIGNING = (IN_KEYRING, EXTERNAL)


def own_roles(interface: Interface) -> dict[str, str]:
    """Names of the roles that the contract itself declares (``NAME_ROLE()``), by ``0x…`` hash."""
    names = [str(entry["name"]) for entry in interface.reads if str(entry["name"]).endswith("_ROLE") and not entry["inputs"]]
    return {"0x" + keccak256(name.encode()).hex(): name for name in names if name != DEFAULT_ADMIN}


def _named(role: str, names: Mapping[str, str]) -> str:
    return names.get(role) or role_name(bytes.fromhex(role[2:]))


def _logged(chain: Chain, log: Mapping[str, Any]) -> Evidence:
    return Evidence(
        EvidenceKind.LOG,
        f"{log['transactionHash']}#{int(log['logIndex'], 16)}",
        network=chain.network.key.text,
        block_hash=str(log["blockHash"]),
        read_at=now_ms(),
        check="eth_getLogs",
    )


def _asked(chain: Chain, block: int, check: str, *, agrees: bool) -> Evidence:
    status = EvidenceStatus.CLAIMED if agrees else EvidenceStatus.MISMATCH
    return Evidence(EvidenceKind.BLOCK, str(block), network=chain.network.key.text, read_at=now_ms(), status=status, check=check)
