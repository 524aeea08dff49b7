"""The mint queue: every proof and where it is, with the moves that two consoles may race for made as compare-and-set.

A row is minted by the plan that claimed it and by no other; that the chain takes a digest only once stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, Denied, NotFound
from app.core.events import Bus, QueueChanged
from app.core.money import short_units
from app.database import Database, on_commit
from app.mining.policy import Policy, Price, policy_v1
from app.mining.proofs import DEAD, OPEN, Evidence, Hashed, ProofDraft, ProofRow, ProofStatus, ValueProof
from app.mining.remarks import Said, keep
from app.mining.tables import value_proofs as table
from app.wallets.keys import checksum

T = TypeVar("T")
DAY = 86_400_000  # ms
AT_ONCE = 500  # rows in one question


class Queue:
    """Rows of the mint queue in the store."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self.names = {activity.id: activity.name for activity in policy_v1().activities.values()}  # of every version known

    async def add(
        self,
        network: str,
        contract: str,
        draft: ProofDraft,
        proof: ValueProof,
        digest: bytes,
        evidence: Evidence,
        price: Price,
        policy: Policy,
        epoch_since: int | None = None,
    ) -> ProofRow:
        """Queue a proof, once.

        Args:
            epoch_since: begin of the present epoch, UTC milliseconds; None where caps of an epoch are not asked.

        Raises:
            Conflict: its evidence or its digest is queued or minted already; the other proof is named.
            Denied: the rewards of this UTC day or this epoch would pass a cap of the policy.
        """
        row = {
            "id": str(uuid7()),
            "network": network,
            "contract": bytes.fromhex(contract[2:]),
            "status": (ProofStatus.IN_REVIEW if price.review else ProofStatus.READY).value,
            "contributor": bytes.fromhex(proof.contributor[2:]),
            "activity": draft.activity,
            "score": draft.score,
            "reward": price.reward,
            "evidence": evidence.sha256,
            "evidence_kind": evidence.kind,
            "evidence_name": evidence.name,
            "evidence_size": evidence.size,
            "evidence_path": evidence.path,
            "evidence_url": evidence.url,
            "evidence_type": evidence.type,
            "fetched_at": evidence.fetched_at,
            "digest": digest,
            "deadline": proof.deadline,
            "salt": proof.salt,
            "policy": policy.name,
            "policy_digest": policy.digest,
            "reason": price.review,
            "plan_id": "",
            "tx_hash": None,
            "block": 0,
        }
        while True:
            try:
                return _row(await self._write(lambda connection: _insert(connection, row, policy, epoch_since)), self.names)
            except IntegrityError:
                # Another console took the number, the evidence or the digest between our look and our insert: look again.
                continue

    async def page(self, network: str, statuses: Collection[ProofStatus] | None, before: int | None, limit: int) -> list[ProofRow]:
        """Rows of one network, newest first; ``before`` is a number."""
        query = table.select().where(table.c.network == network)
        if statuses is not None:
            query = query.where(table.c.status.in_([status.value for status in statuses]))
        if before is not None:
            query = query.where(table.c.number < before)
        query = query.order_by(table.c.number.desc()).limit(limit)
        return await self._database.read(lambda connection: [_row(found, self.names) for found in connection.execute(query)])

    async def find(
        self, where: Sequence[sa.ColumnElement[bool]], limit: int, order: Sequence[sa.ColumnElement[Any]]
    ) -> list[ProofRow]:
        """Rows for which all conditions hold, in this order."""
        query = table.select().where(*where).order_by(*order).limit(limit)
        return await self._database.read(lambda connection: [_row(found, self.names) for found in connection.execute(query)])

    async def counts(self, network: str) -> dict[ProofStatus, int]:
        """How many proofs are in each status."""
        query = sa.select(table.c.status, sa.func.count()).where(table.c.network == network).group_by(table.c.status)
        return await self._database.read(
            lambda connection: {ProofStatus(status): int(count) for status, count in connection.execute(query)}
        )

    async def activities(self, network: str) -> dict[str, tuple[str, str]]:
        """Activity and its name by the digest of each proof."""
        query = sa.select(table.c.digest, table.c.activity).where(table.c.network == network)

        def look(connection: sa.Connection) -> dict[str, tuple[str, str]]:
            return {
                "0x" + digest.hex(): (activity, self.names.get(activity, activity))
                for digest, activity in connection.execute(query)
            }

        return await self._database.read(look)

    async def get(self, ref: str) -> ProofRow:
        """One proof by id or number (``12`` or ``#12``).

        Raises:
            NotFound: no such proof.
        """
        text = ref.strip().removeprefix("#")
        which = table.c.number == int(text) if text.isascii() and text.isdigit() and len(text) < 10 else table.c.id == text
        found = await self._database.read(lambda connection: connection.execute(table.select().where(which)).one_or_none())
        if found is None:
            raise NotFound(f"There is no proof {ref}. Nothing was done.", "List the queue.")
        return _row(found, self.names)

    async def get_many(self, ids: Sequence[str]) -> list[ProofRow]:
        """Proofs by id, in the order of their numbers; one that is gone is left out."""
        return await self._many(table.c.id, list(dict.fromkeys(ids)))

    async def by_digest(self, digests: Sequence[str]) -> list[ProofRow]:
        """Proofs by digest (``0x…``), by number."""
        return await self._many(table.c.digest, [bytes.fromhex(digest[2:]) for digest in dict.fromkeys(digests)])

    async def ready(self, network: str) -> list[ProofRow]:
        """Every ready proof of a network, the oldest first."""
        query = table.select().where(table.c.network == network, table.c.status == ProofStatus.READY.value)
        query = query.order_by(table.c.number)
        return await self._database.read(lambda connection: [_row(found, self.names) for found in connection.execute(query)])

    async def waiting(self, network: str) -> list[ProofRow]:
        """Every open proof of a network whose address was not fetched yet, the oldest first."""
        open_ = table.c.status.in_([status.value for status in OPEN])
        query = table.select().where(table.c.network == network, open_, table.c.evidence_kind == Hashed.WAITING)
        query = query.order_by(table.c.number)
        return await self._database.read(lambda connection: [_row(found, self.names) for found in connection.execute(query)])

    async def all(self, network: str) -> list[ProofRow]:
        """Every proof of a network, the newest first."""
        rows: list[ProofRow] = []
        while page := await self.page(network, None, rows[-1].number if rows else None, AT_ONCE):
            rows += page
        return rows

    async def networks(self) -> list[str]:
        """Networks that proofs are queued for."""
        query = sa.select(table.c.network).distinct().order_by(table.c.network)
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def of_plan(self, plan_id: str) -> list[ProofRow]:
        """Rows that a plan has claimed or minted, by number."""
        query = table.select().where(table.c.plan_id == plan_id).order_by(table.c.number)
        return await self._database.read(lambda connection: [_row(found, self.names) for found in connection.execute(query)])

    async def _many(self, column: sa.Column[Any], values: Sequence[object]) -> list[ProofRow]:
        def look(connection: sa.Connection) -> list[ProofRow]:
            found = []
            for start in range(0, len(values), AT_ONCE):
                query = table.select().where(column.in_(values[start : start + AT_ONCE]))
                found += [_row(row, self.names) for row in connection.execute(query)]
            return sorted(found, key=lambda row: row.number)

        return await self._database.read(look)

    async def move(self, ids: Sequence[str], sources: Collection[ProofStatus], target: ProofStatus, **values: Any) -> int:
        """Move rows that are still in one of ``sources``; returns how many were."""
        if not ids:
            return 0
        return await self._write(lambda connection: _move(connection, ids, sources, target, values))

    async def answer(
        self,
        ids: Sequence[str],
        sources: Collection[ProofStatus],
        target: ProofStatus,
        said: Said,
        author: str,
        text: str,
        **values: Any,
    ) -> int:
        """Move rows as :meth:`move` does, for the reason ``text``, and keep with each of them who said it."""
        if not ids:
            return 0

        def work(connection: sa.Connection) -> int:
            open_ = sa.select(table.c.id).where(table.c.id.in_(ids), table.c.status.in_([status.value for status in sources]))
            moved = list(connection.scalars(open_.with_for_update()))
            keep(connection, moved, said, author, text)
            return _move(connection, moved, sources, target, {"reason": text, **values})

        return await self._write(work)

    async def fetched(self, row: ProofRow, evidence: Evidence, digest: bytes) -> None:
        """Give a waiting proof the hash of what was fetched, once; it waits for a review.

        Raises:
            Conflict: another open proof has this evidence, or it is no longer waiting; nothing was changed.
        """
        here = (table.c.id == row.id, table.c.evidence_kind == Hashed.WAITING)
        values = {
            "evidence": evidence.sha256,
            "evidence_kind": evidence.kind,
            "evidence_size": evidence.size,
            "evidence_type": evidence.type,
            "fetched_at": evidence.fetched_at,
            "digest": digest,
            "status": ProofStatus.IN_REVIEW.value,
            "reason": "It was fetched after it was submitted.",
            "updated_at": now_ms(),
        }
        change = table.update().where(*here, table.c.status.in_([status.value for status in OPEN])).values(values)
        try:
            changed = await self._write(lambda connection: connection.execute(change).rowcount)
        except IntegrityError:
            alive = table.c.status.notin_([status.value for status in DEAD])
            others = await self.find(
                [table.c.network == row.network, table.c.evidence == evidence.sha256, alive], 1, [table.c.number.desc()]
            )
            which = f"proof #{others[0].number}" if others else "another proof"
            raise Conflict(
                f"What the address of proof #{row.number} gives is the evidence of {which} already. Nothing was changed.",
                "One piece of work is rewarded once: reject one of them.",
            ) from None
        if not changed:
            raise Conflict(f"Proof #{row.number} no longer waits for its content. Nothing was changed.", "Look at it again.")

    async def claim(self, ids: Sequence[str], plan_id: str) -> None:
        """Take rows for one plan, all or none. Rows that this plan holds already stay held.

        Raises:
            Conflict: one of them is no longer ready, or another plan has it; none was taken.
        """

        def work(connection: sa.Connection) -> None:
            held = set(
                connection.scalars(
                    sa.select(table.c.id).where(
                        table.c.id.in_(ids), table.c.plan_id == plan_id, table.c.status != ProofStatus.READY.value
                    )
                )
            )
            wanted = [row_id for row_id in ids if row_id not in held]
            taken = _move(connection, wanted, (ProofStatus.READY,), ProofStatus.MINTING, {"plan_id": plan_id, "reason": ""})
            if taken < len(wanted):
                left = connection.execute(
                    table.select().where(table.c.id.in_(wanted), sa.or_(table.c.plan_id != plan_id, table.c.status != "minting"))
                ).first()
                which = f"Proof #{left.number} is {left.status.replace('_', ' ')}" if left else "A proof is gone"
                raise Conflict(
                    f"{which}: another plan or person was faster. Nothing was claimed or sent.",
                    "Plan the mint again with what is ready.",
                )

        await self._write(work)

    async def expire(self, network: str, now_s: int) -> int:
        """Close proofs whose deadline (Unix seconds) has passed before they were claimed."""
        late = sa.and_(table.c.network == network, table.c.status.in_([status.value for status in OPEN]), table.c.deadline < now_s)
        if not await self._database.read(lambda connection: connection.scalar(sa.select(table.c.id).where(late).limit(1))):
            return 0
        values = {
            "status": ProofStatus.EXPIRED.value,
            "reason": "The deadline passed before it was minted.",
            "updated_at": now_ms(),
        }
        return await self._write(lambda connection: int(connection.execute(table.update().where(late).values(values)).rowcount))

    async def _write(self, work: Callable[[sa.Connection], T]) -> T:
        def with_event(connection: sa.Connection) -> T:
            result = work(connection)
            on_commit(connection, lambda: self._bus.publish(QueueChanged()))
            return result

        return await self._database.write(with_event)


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be earned since a time (UTC milliseconds), by each contributor or by all of them."""

    id: str
    most: int
    since: int
    each: bool
    words: str
    remedy: str


def caps_of(policy: Policy, now: int, epoch_since: int | None) -> list[Cap]:
    """The caps of a policy that count at a time (UTC milliseconds); those of 0 are none."""
    day = "The contributor may earn {} AZR more today under {}."
    epoch = "The contributor may earn {} AZR more in this epoch under {}."
    all_ = "All contributors together may earn {} AZR more in this epoch under {}."
    found = [Cap("contributor_day", policy.contributor_day_cap, now - now % DAY, True, day, "Submit it tomorrow (UTC).")]
    if epoch_since is not None and policy.contributor_epoch_cap:
        found.append(
            Cap("contributor_epoch", policy.contributor_epoch_cap, epoch_since, True, epoch, "Submit it in the next epoch.")
        )
    if epoch_since is not None and policy.epoch_cap:
        found.append(Cap("epoch", policy.epoch_cap, epoch_since, False, all_, "Submit it in the next epoch."))
    return found


def _insert(connection: sa.Connection, row: Mapping[str, Any], policy: Policy, epoch_since: int | None) -> sa.Row[Any]:
    alive = table.c.status.notin_([status.value for status in DEAD])
    same = connection.execute(
        table.select().where(
            sa.or_(
                table.c.digest == row["digest"],
                sa.and_(
                    table.c.network == row["network"],
                    table.c.contract == row["contract"],
                    table.c.evidence == row["evidence"],
                    alive,
                ),
            )
        )
    ).first()
    if same is not None:
        what = "digest" if same.digest == row["digest"] else "evidence"
        raise Conflict(
            f"The same {what} is proof #{same.number} already ({same.status.replace('_', ' ')}). Nothing was queued.",
            "One piece of work is rewarded once. Compare with the other proof.",
            field="evidence",
        )
    row = _beside_its_address(connection, row)
    now = now_ms()
    for cap in caps_of(policy, now, epoch_since):
        counted = sa.select(table.c.reward).where(table.c.network == row["network"], table.c.created_at >= cap.since, alive)
        if cap.each:
            counted = counted.where(table.c.contributor == row["contributor"])
        left = cap.most - sum(connection.scalars(counted))  # summed here: SQLite cannot sum uint256
        if row["reward"] > left:
            raise Denied(f"{cap.words.format(short_units(max(left, 0), 18), policy.name)} Nothing was queued.", cap.remedy)
    number = int(connection.scalar(sa.select(sa.func.max(table.c.number))) or 0) + 1
    values = dict(row) | {"number": number, "created_at": now, "updated_at": now}
    connection.execute(table.insert().values(values))
    return connection.execute(table.select().where(table.c.id == row["id"])).one()


def _beside_its_address(connection: sa.Connection, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hold a proof against others of its address, whose hashes say nothing while one of them was not taken of the content.

    Raises:
        Conflict: it cannot be told from another proof of the same address.
    """
    if row["evidence_kind"] not in (Hashed.CONTENT, Hashed.WAITING):
        return row
    others = sa.select(table.c.number, table.c.status, table.c.evidence_kind).where(
        table.c.network == row["network"],
        table.c.contract == row["contract"],
        table.c.evidence_url == row["evidence_url"],
        table.c.evidence_kind != Hashed.FILE,
        table.c.status.notin_([status.value for status in DEAD]),
    )
    for number, status, kind in connection.execute(others.order_by(table.c.number)):
        if kind != Hashed.CONTENT or row["evidence_kind"] == Hashed.WAITING:
            raise Conflict(
                f"The same address is proof #{number} already ({status.replace('_', ' ')}). Nothing was queued.",
                "One piece of work is rewarded once. Fetch that proof, or compare with it.",
                field="evidence",
            )
        told = f"{row['reason']} Its address gave other content for proof #{number}: compare the two.".strip()
        return dict(row) | {"status": ProofStatus.IN_REVIEW.value, "reason": told}
    return row


def _move(
    connection: sa.Connection, ids: Sequence[str], sources: Collection[ProofStatus], target: ProofStatus, values: Mapping[str, Any]
) -> int:
    changed = connection.execute(
        table.update()
        .where(table.c.id.in_(ids), table.c.status.in_([status.value for status in sources]))
        .values({"status": target.value, "updated_at": now_ms(), **values})
    )
    return int(changed.rowcount)


def _row(found: Any, names: Mapping[str, str]) -> ProofRow:
    return ProofRow(
        id=found.id,
        number=found.number,
        network=found.network,
        contract=checksum(found.contract),
        status=ProofStatus(found.status),
        contributor=checksum(found.contributor),
        activity=found.activity,
        activity_name=names.get(found.activity, found.activity),
        score=found.score,
        reward=found.reward,
        evidence_hash="0x" + found.evidence.hex(),
        evidence_kind=Hashed(found.evidence_kind),
        evidence_name=found.evidence_name,
        evidence_size=found.evidence_size,
        evidence_path=found.evidence_path,
        digest="0x" + found.digest.hex(),
        deadline=found.deadline,
        salt="0x" + found.salt.hex(),
        policy=found.policy,
        reason=found.reason,
        plan_id=found.plan_id,
        tx_hash="0x" + found.tx_hash.hex() if found.tx_hash else "",
        block=found.block,
        created_at=found.created_at,
        updated_at=found.updated_at,
        evidence_url=found.evidence_url,
        evidence_type=found.evidence_type,
        fetched_at=found.fetched_at,
    )
