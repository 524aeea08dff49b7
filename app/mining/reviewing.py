"""What a reviewer looks at: the queue by state, activity, contributor and words; the evidence as it is now; what else is known.

Nothing here changes a proof except :meth:`Reviewing.reopen`, which takes an answer back as long as nobody has acted on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.core.money import short_units
from app.mining.abis import MINT_MINE
from app.mining.evidence_file import UNREAD, EvidenceLook, EvidenceState, look, look_at_all
from app.mining.fetching import Fetcher
from app.mining.likeness import NEAR, plain_url
from app.mining.policy import Policy
from app.mining.proofs import DEAD, DOMAIN_NAME, DOMAIN_VERSION, Hashed, ProofRow, ProofStatus, domain_separator
from app.mining.queue import DAY, Queue
from app.mining.remarks import Remark, Said, remarks_of
from app.mining.tables import value_proofs as table
from app.wallets.keys import checksum

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Networks
    from app.database import Database
    from app.mining.policies import Policies

WEEK = 7 * DAY
PAGES = ("text/html", "application/xhtml")
PAGE_MEANS = "Perhaps a page that asks to sign in; pages often change by themselves, and then it cannot be minted"
# What proofs are sorted by: the store's column, and its value in a row.
ORDERS: dict[str, tuple[sa.Column[Any], Callable[[ProofRow], Any]]] = {
    "number": (table.c.number, lambda row: row.number),
    "contributor": (table.c.contributor, lambda row: bytes.fromhex(row.contributor[2:])),
    "activity": (table.c.activity, lambda row: row.activity),
    "score": (table.c.score, lambda row: row.score),
    "reward": (table.c.reward, lambda row: row.reward),
    "state": (table.c.status, lambda row: row.status.value),
}


@dataclass(frozen=True, slots=True)
class ProofFilter:
    """Which proofs: those in one of the statuses (None: all), and with what else is not empty.

    ``text`` is a number (``12``, ``#12``), the beginning of a digest or evidence hash (``0x…``), or part of a name or reason.
    """

    statuses: Collection[ProofStatus] | None = None
    activity: str = ""
    contributor: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """One thing that was compared. ``level``: ``ok``, ``warn``, ``err``, or ``idle`` where it could not be."""

    level: str
    title: str
    detail: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """A proof with everything that a reviewer is shown.

    Attributes:
        evidence: the file or address as it is now.
        domain, message: the EIP-712 data, field by field; ``separator`` and ``struct`` are their hashes, ``0x…``.
        priced: how the policy of this release finds the reward, as pairs; empty where the proof names another.
        checks: against the chain and the other proofs.
        remarks: what was said of it so far, the oldest first.
    """

    row: ProofRow
    evidence: EvidenceLook
    domain: tuple[tuple[str, str], ...]
    message: tuple[tuple[str, str], ...]
    separator: str
    struct: str
    priced: tuple[tuple[str, str], ...]
    checks: tuple[ReviewCheck, ...]
    remarks: tuple[Remark, ...] = ()


class Reviewing:
    """Reads for the review of proofs."""

    def __init__(
        self,
        database: Database,
        queue: Queue,
        networks: Networks,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        policies: Policies,
        author: Callable[[], str],
        fetcher: Fetcher | None = None,
    ) -> None:
        self._author = author
        self._fetcher = fetcher or Fetcher()
        self._policies = policies
        self._database = database
        self._queue = queue
        self._networks = networks
        self._economy_of = economy_of

    async def page(
        self,
        network_id: str,
        wanted: ProofFilter,
        limit: int = 200,
        after: ProofRow | None = None,
        *,
        by: str = "number",
        descending: bool = False,
    ) -> list[ProofRow]:
        """Proofs in the order of a column of :data:`ORDERS`, and of their numbers where it is equal; from the one ``after`` on.

        Raises:
            Invalid: nothing is sorted by this column.
        """
        if by not in ORDERS:
            raise Invalid(f"Proofs are not sorted by “{by}”. Nothing was read.", f"Sort by one of {', '.join(ORDERS)}.")
        network = self._networks.get(network_id)
        if not network.genesis:
            return []
        where = _where(network.key.text, wanted)
        column, value = ORDERS[by]
        if after is not None:
            here, number = value(after), after.number
            beyond = column < here if descending else column > here
            further = table.c.number < number if descending else table.c.number > number
            where.append(sa.or_(beyond, sa.and_(column == here, further)))
        order = [each.desc() if descending else each.asc() for each in (column, table.c.number)]
        return await self._queue.find(where, limit, order)

    async def counts(self, network_id: str, wanted: ProofFilter | None = None) -> dict[ProofStatus, tuple[int, int]]:
        """How many proofs are in each status, and their rewards together (smallest unit), whatever statuses are wanted."""
        network = self._networks.get(network_id)
        if not network.genesis:
            return {}
        some = wanted or ProofFilter()
        which = ProofFilter(None, some.activity, some.contributor, some.text)
        query = sa.select(table.c.status, table.c.reward, sa.func.count()).where(*_where(network.key.text, which))
        query = query.group_by(table.c.status, table.c.reward)

        def look(connection: sa.Connection) -> dict[ProofStatus, tuple[int, int]]:
            found: dict[ProofStatus, tuple[int, int]] = {}
            for status, reward, times in connection.execute(query):  # summed here: SQLite cannot sum uint256
                count, total = found.get(ProofStatus(status), (0, 0))
                found[ProofStatus(status)] = (count + times, total + reward * times)
            return found

        return await self._database.read(look)

    async def choices(self, network_id: str) -> tuple[list[tuple[str, str]], list[str]]:
        """What can be filtered by: activities (id and name) and contributors (addresses) that occur in the queue."""
        network = self._networks.get(network_id)
        key = network.key.text if network.genesis else ""
        names = self._queue.names

        def look(connection: sa.Connection) -> tuple[list[tuple[str, str]], list[str]]:
            activities = connection.scalars(sa.select(table.c.activity).where(table.c.network == key).distinct())
            people = connection.scalars(sa.select(table.c.contributor).where(table.c.network == key).distinct())
            named = sorted((names.get(each, each), each) for each in activities)
            return [(each, name) for name, each in named], sorted(checksum(each) for each in people)

        return await self._database.read(look)

    async def examine(self, network_id: str, proof_id: str) -> Examination:
        """Look at one proof: its file is hashed again, chain and queue are asked. An address is not fetched for a look.

        Raises:
            NotFound: no such proof.
        """
        row = await self._queue.get(proof_id)
        network = self._networks.get(network_id)
        found = await asyncio.to_thread(look, row)
        proof = row.proof()
        checks = [*await self._on_chain(network_id, row), *await self._among(row)]
        return Examination(
            row=row,
            evidence=found,
            domain=(
                ("name, version", f"{DOMAIN_NAME.decode()}, {DOMAIN_VERSION.decode()}"),
                ("chainId", str(network.chain_id)),
                ("verifyingContract", row.contract),
            ),
            message=(
                ("contributor", proof.contributor),
                ("reward", str(proof.reward)),
                ("activity", proof.activity.rstrip(b"\0").decode("ascii", "replace")),
                ("evidence", row.evidence_hash),
                ("deadline", str(proof.deadline)),
                ("salt", row.salt),
            ),
            separator="0x" + domain_separator(network.chain_id, row.contract).hex(),
            struct="0x" + proof.struct_hash().hex(),
            priced=_priced(row, await self._policies.named(row.policy)),
            checks=tuple(checks),
            remarks=await remarks_of(self._database, row.id),
        )

    async def require_unchanged(self, rows: Sequence[ProofRow]) -> list[ProofRow]:
        """Read files and fetch addresses again; what cannot be read is no change. Returns those that cannot be read now.

        Raises:
            Conflict: evidence is no longer what was submitted, or an address was never fetched; the proofs are named.
        """
        looks = [found.state for found in await look_at_all(rows, self._fetcher)]
        waiting = [f"#{row.number}" for row, state in zip(rows, looks, strict=True) if state is EvidenceState.WAITING]
        if waiting:
            raise Conflict(
                f"The address of proof {', '.join(waiting[:5])} was not fetched yet: nobody knows what it would reward. "
                "Nothing was accepted.",
                "Fetch it, or reject the proof.",
            )
        changed = [f"#{row.number}" for row, state in zip(rows, looks, strict=True) if state is EvidenceState.CHANGED]
        if changed:
            raise Conflict(
                f"The evidence of proof {', '.join(changed[:5])} was changed after it was submitted: "
                "its hash is no longer the one that is signed. Nothing was accepted.",
                "Put back what was submitted, ask the contributor, or reject the proof.",
            )
        return [row for row, state in zip(rows, looks, strict=True) if state in UNREAD]

    async def reopen(self, proof_id: str, reason: str = "") -> ProofRow:
        """Take an answer back: a proof that is ready, rejected or asked for more waits for a review again, for ``reason``.

        Raises:
            Conflict: it is on its way to be minted, minted, expired or revoked, or its evidence is another open proof's by now.
        """
        row = await self._queue.get(proof_id)
        told = "Nothing was changed."
        try:
            answered = (ProofStatus.READY, ProofStatus.REJECTED, ProofStatus.ASKED)
            author = self._author()
            moved = await self._queue.answer([row.id], answered, ProofStatus.IN_REVIEW, Said.REOPENED, author, reason, plan_id="")
        except IntegrityError:
            raise Conflict(
                f"The evidence of proof #{row.number} has been submitted again since. {told}", "Answer the newer proof."
            ) from None
        if not moved:
            raise Conflict(f"Proof #{row.number} is {_word(row.status)}: its answer stands. {told}", "Look at the queue again.")
        return await self._queue.get(row.id)

    # Checks

    async def _on_chain(self, network_id: str, row: ProofRow) -> list[ReviewCheck]:
        from app.chain import abi

        try:
            chain = await self._networks.connect(network_id)
            head = await chain.head()
            asked = (("usedDigest", row.digest), ("usedEvidence", row.evidence_hash))
            data = [abi.encode_call(MINT_MINE, view, [bytes.fromhex(word[2:])]) for view, word in asked]
            answers = await chain.rpc.batch([("eth_call", [{"to": row.contract, "data": item}, hex(head.number)]) for item in data])
            digest, evidence = (bool(int(str(answer), 16)) for answer in answers)
        except ConsoleError as error:
            return [ReviewCheck("idle", "The chain was not asked", error.message)]
        known = _claimed(chain, head.number, head.hash)
        minted = row.status is ProofStatus.MINTED
        used = "ok" if minted else "err"
        return [
            ReviewCheck(used, "The digest was minted", "MintMine.usedDigest is true", known)
            if digest
            else ReviewCheck("ok", "The digest was never used on chain", "MintMine.usedDigest is false", known),
            ReviewCheck(used, "The evidence has earned on chain", "MintMine.usedEvidence is true", known)
            if evidence
            else ReviewCheck("ok", "The evidence has earned nothing on chain", "MintMine.usedEvidence is false", known),
        ]

    async def _among(self, row: ProofRow) -> list[ReviewCheck]:
        """Against the other proofs of the network."""
        here = table.c.network == row.network
        others = table.c.id != row.id
        same = sa.select(table.c.number, table.c.status).where(
            here, others, table.c.evidence == bytes.fromhex(row.evidence_hash[2:])
        )
        mine = table.c.contributor == bytes.fromhex(row.contributor[2:])
        day = row.created_at - row.created_at % DAY
        alive = table.c.status.notin_([status.value for status in DEAD])

        def look(connection: sa.Connection) -> tuple[int, list[tuple[int, str]], int, int]:
            count = connection.scalar(sa.select(sa.func.count()).where(here, others)) or 0
            week = connection.scalar(
                sa.select(sa.func.count()).where(
                    here, mine, table.c.created_at > row.created_at - WEEK, table.c.created_at <= row.created_at
                )
            )
            rewards = connection.scalars(
                sa.select(table.c.reward).where(here, mine, alive, table.c.created_at >= day, table.c.created_at < day + DAY)
            )
            return (
                int(count),
                [(int(number), str(status)) for number, status in connection.execute(same)],
                int(week or 0),
                sum(rewards),
            )

        count, equal, week, today = await self._database.read(look)
        compared = f"{count:,} other {'proof' if count == 1 else 'proofs'} compared"
        checks = [ReviewCheck("ok", "No other proof has this evidence", compared)]
        if equal:
            which = ", ".join(f"#{number} ({_word(ProofStatus(status))})" for number, status in equal[:4])
            checks = [ReviewCheck("warn", f"The same evidence stands in {which}", compared)]
        checks += await self._alike(row)
        policy = self._policies.known
        cap = policy.contributor_day_cap
        level = "ok" if today <= cap else "warn"
        used = f"{short_units(today, 18)} of {short_units(cap, 18)} AZR"
        checks.append(ReviewCheck(level, f"{used} of the contributor's day", f"Proof {week} of this contributor in seven days"))
        left = row.deadline - now_ms() // 1000
        if left > 0:
            checks.append(ReviewCheck("ok" if left > 86_400 else "warn", f"{_left(left)} left to mint it", "Until the deadline"))
        else:
            checks.append(ReviewCheck("err", "The deadline has passed", "The contract refuses it"))
        return checks

    async def _alike(self, row: ProofRow) -> list[ReviewCheck]:
        """Near duplicates: the same address spelled otherwise, and the same activity again within an hour."""
        here = (table.c.network == row.network, table.c.id != row.id)
        soon = sa.select(table.c.number).where(
            *here,
            table.c.contributor == bytes.fromhex(row.contributor[2:]),
            table.c.activity == row.activity,
            table.c.created_at.between(row.created_at - NEAR, row.created_at + NEAR),
            table.c.status.notin_([status.value for status in DEAD]),
        )
        url = plain_url(row.evidence_url)
        spelled = sa.select(table.c.number, table.c.evidence_url).where(
            *here, table.c.evidence_url != "", table.c.evidence_url.icontains(url.partition("/")[0], autoescape=True)
        )

        def look_up(connection: sa.Connection) -> tuple[list[int], list[int], list[int]]:
            near = list(connection.scalars(soon.order_by(table.c.number)))
            if not row.evidence_url:
                return near, [], []
            found = [(int(number), str(name)) for number, name in connection.execute(spelled.order_by(table.c.number))]
            here_too = [number for number, name in found if name == row.evidence_url]
            return near, [number for number, name in found if name != row.evidence_url and plain_url(name) == url], here_too

        near, same, here_too = await self._database.read(look_up)
        checks = []
        if here_too:
            title = f"The same address stands in {_numbers(here_too)}"
            checks.append(ReviewCheck("warn", title, "Its content may have been another then; compare them"))
        if row.evidence_kind is Hashed.CONTENT and row.evidence_type.lower().startswith(PAGES):
            checks.append(ReviewCheck("warn", "The address gave a web page, not a file", PAGE_MEANS))
        if same:
            checks.append(ReviewCheck("warn", f"The same address, spelled otherwise, stands in {_numbers(same)}", url))
        if near:
            title = f"The same contributor and activity within an hour: {_numbers(near)}"
            checks.append(ReviewCheck("warn", title, "Perhaps one piece of work in parts; compare them"))
        return checks


def _numbers(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - 4:,} more" if len(numbers) > 4 else ""
    return ", ".join(f"#{number}" for number in numbers[:4]) + more


def _where(key: str, wanted: ProofFilter) -> list[sa.ColumnElement[bool]]:
    """The conditions of a filter; the words of a person are never part of a pattern."""
    found: list[sa.ColumnElement[bool]] = [table.c.network == key]
    if wanted.statuses is not None:
        found.append(table.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.activity:
        found.append(table.c.activity == wanted.activity)
    if wanted.contributor:
        found.append(table.c.contributor == bytes.fromhex(wanted.contributor[2:]))
    text = wanted.text.strip()
    number = text.removeprefix("#")
    if text.startswith("0x") and len(text) > 3 and all(letter in "0123456789abcdef" for letter in text[2:].lower()):
        found.append(_begins(text[2:].lower()))
    elif number.isascii() and number.isdigit() and len(number) < 10:
        found.append(table.c.number == int(number))
    elif text:
        found.append(
            sa.or_(
                table.c.evidence_name.icontains(text, autoescape=True),
                table.c.reason.icontains(text, autoescape=True),
                table.c.activity.icontains(text, autoescape=True),
            )
        )
    return found


def _begins(digits: str) -> sa.ColumnElement[bool]:
    """Digest or evidence hash begins with these hexadecimal digits: a range of bytes, which an index can serve."""
    low = bytes.fromhex(digits[:64].ljust(64, "0"))
    high = bytes.fromhex(digits[:64].ljust(64, "f"))
    return sa.or_(table.c.digest.between(low, high), table.c.evidence.between(low, high))


def _priced(row: ProofRow, policy: Policy | None) -> tuple[tuple[str, str], ...]:
    if policy is None:
        return ()
    activity = policy.activities.get(row.activity)
    if activity is None or row.policy != policy.name:
        return ()
    price = policy.price(row.activity, row.score, time=row.created_at // 1000)
    by_policy = (
        ("Rate of the activity", f"{short_units(activity.rate, 18)} AZR"),
        ("Score", f"{row.score} of {policy.most}"),
        ("Share of the rate", f"{price.share / 100:.2f} %"),
        ("Cap of one proof", f"{short_units(policy.proof_cap, 18)} AZR"),
        ("By the policy", f"{short_units(price.reward, 18)} AZR"),
    )
    return by_policy if price.reward == row.reward else (*by_policy, ("Set by a person", f"{short_units(row.reward, 18)} AZR"))


def _claimed(chain: Chain, block: int, block_hash: str) -> Evidence:
    return Evidence(
        EvidenceKind.BLOCK,
        f"{block:,}",
        network=chain.network.key.text,
        block_hash=block_hash,
        read_at=now_ms(),
        status=EvidenceStatus.CLAIMED,
        check="view of the MintMine contract at this block",
    )


def _word(status: ProofStatus) -> str:
    return status.value.replace("_", " ")


def _left(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} seconds"
