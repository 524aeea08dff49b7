"""Versions of the reward policy: who set which text, from when it counts, and what it would have made of the proofs so far.

Version 1 comes with the release. Every later one is set by a plan and stays in the store as it was; a proof names the version that
priced it, with its digest. A version counts from its time on, and never for proofs before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from app.core.canonical import digest as digest_of
from app.core.clock import iso, now_ms
from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.core.events import Bus, QueueChanged
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.database import Database, on_commit
from app.mining.policy import FULL, Policy, body_v1, policy_v1
from app.mining.proofs import DEAD, ProofRow
from app.mining.queue import caps_of
from app.mining.tables import policies as table
from app.operations.plans import Effect, Plan, Preview, StepSpec, Target, TargetKind, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.mining.queue import Queue
    from app.operations import Operations

KIND = "mining.policy"
SET = "mining.policy.set"
EpochOf = Callable[[str], Awaitable[tuple[int, int] | None]]  # start and length in seconds of a network's epochs


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version and where it comes from.

    Attributes:
        body: its JSON, as the digest is over it.
        author, plan_id: who set it by which plan; the release's own has neither.
        valid_from, created_at: UTC milliseconds; 0 for the release's own.
        current: it prices proofs now.
    """

    policy: Policy
    body: Mapping[str, object]
    note: str
    author: str
    plan_id: str
    valid_from: int
    created_at: int
    current: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What one past proof got, and what it would have got.

    Attributes:
        got, would: smallest unit. ``would`` is 0 where the version or a cap refuses it: ``why`` says so.
        cap: id of the cap that it hit, or empty.
        review: why a person would have to look, or empty.
    """

    number: int
    contributor: str
    activity: str
    score: int
    got: int
    would: int
    why: str
    cap: str
    review: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """A version against history. A simulation over the rows of this queue: nothing was changed.

    Attributes:
        got, would: sums, smallest unit; ``burned`` of ``would`` by the version's burn rate.
        caps: how many proofs each cap refuses.
        refused: how many earn nothing, caps among them; ``reviewed``: how many need a person.
        by_activity: activity, got, would.
    """

    policy: Policy
    rows: tuple[Tried, ...]
    got: int
    would: int
    burned: int
    caps: Mapping[str, int]
    refused: int
    reviewed: int
    by_activity: tuple[tuple[str, int, int], ...]
    evidence: Evidence


class Policies:
    """The versions in the store.

    Args:
        epoch_of: start and length of a network's epochs, or None where there is no economy.
    """

    def __init__(self, database: Database, operations: Operations, queue: Queue, epoch_of: EpochOf, bus: Bus) -> None:
        self._database = database
        self._operations = operations
        self._queue = queue
        self._epoch_of = epoch_of
        self._bus = bus
        self._stored: list[PolicyVersion] = []
        operations.register_kind(
            PlanKind(KIND, self._preview, self._measure, undo="Proofs that a version has priced keep their price.")
        )
        operations.register_step(SET, lambda plan, spec: _SetStep(self))

    @property
    def known(self) -> Policy:
        """The version that counts now, as far as this console has read the store."""
        return self._at(now_ms()).policy

    async def load(self) -> Policy:
        """Read the versions; the one that counts now."""
        self._stored = await self._database.read(_stored)
        for version in self._stored:
            self._queue.names |= {activity.id: activity.name for activity in version.policy.activities.values()}
        return self.known

    async def versions(self) -> list[PolicyVersion]:
        """Every version, the newest first."""
        await self.load()
        current = self._at(now_ms())
        found = [_release(), *self._stored]
        return [replace(version, current=version.policy.version == current.policy.version) for version in reversed(found)]

    async def get(self, version: int) -> PolicyVersion:
        """One version. Raises NotFound."""
        for each in await self.versions():
            if each.policy.version == version:
                return each
        raise NotFound(f"There is no version {version} of the reward policy. Nothing was done.", "List the versions.")

    async def named(self, name: str) -> Policy | None:
        """The version that a proof names, or None when this store has lost it."""
        return next((each.policy for each in await self.versions() if each.policy.name == name), None)

    async def plan_set(self, body: Mapping[str, object], valid_from: int = 0, note: str = "") -> Plan:
        """Plan a new version.

        Args:
            body: its JSON; ``version`` must be the next number.
            valid_from: UTC milliseconds from which it prices; 0 means as soon as the plan is carried out.

        Raises:
            Invalid: the policy cannot be read, has another number than the next, or begins before the version before it.
        """
        policy = await self._checked(body, valid_from)
        params = {
            "body": dict(body),
            "digest": policy.digest,
            "version": policy.version,
            "valid_from": valid_from,
            "note": note.strip(),
        }
        target = Target(TargetKind.CONSOLE, "console", "this console")
        title = f"Set reward policy {policy.name}"
        return await self._operations.plan(KIND, title, target, params, [StepSpec(SET, title)])

    async def dry_run(self, network_id: str, key: str, body: Mapping[str, object]) -> DryRun:
        """What each proof of a network would have got under a version, its caps applied in the order of submission.

        Proofs that were rejected, revoked or expired are left out, as they count against no cap either. A reward that a person set
        is priced anew.

        Args:
            key: ``NetworkKey.text`` of the network.

        Raises:
            Invalid: the policy cannot be read.
        """
        policy = Policy.from_json(body)
        rows = [row for row in reversed(await self._queue.all(key)) if row.status not in DEAD]
        epochs = await self._epoch_of(network_id)
        return await asyncio.to_thread(_tried, policy, rows, epochs)

    async def keep(self, plan: Plan) -> None:
        """Store the version of a plan, once.

        Raises:
            Conflict: another plan has set this number meanwhile.
        """
        body, version = plan.params["body"], int(str(plan.params["version"]))
        policy = Policy.from_json(body if isinstance(body, Mapping) else {})
        row = {
            "version": version,
            "name": policy.name,
            "digest": policy.digest,
            "body": body,
            "note": str(plan.params["note"]),
            "author": plan.author[:120],
            "plan_id": plan.id,
            "valid_from": int(str(plan.params["valid_from"])) or now_ms(),
            "created_at": now_ms(),
        }

        def work(connection: sa.Connection) -> None:
            held = connection.execute(sa.select(table.c.plan_id).where(table.c.version == version)).scalar()
            if held is None:
                connection.execute(table.insert().values(row))
                on_commit(connection, lambda: self._bus.publish(QueueChanged()))
            elif held != plan.id:
                raise Conflict(
                    f"Version {version} of the reward policy was set by another plan. Nothing was changed.",
                    "Give yours the next number, and look at the other first.",
                )

        await self._database.write(work)
        await self.load()

    async def of_plan(self, plan_id: str) -> PolicyVersion | None:
        """The version that a plan has set."""
        await self.load()
        return next((version for version in self._stored if version.plan_id == plan_id), None)

    def _at(self, now: int) -> PolicyVersion:
        return next((version for version in reversed(self._stored) if version.valid_from <= now), _release())

    async def _checked(self, body: Mapping[str, object], valid_from: int) -> Policy:
        policy = Policy.from_json(body)
        newest = (await self.versions())[0]
        if policy.version != newest.policy.version + 1:
            raise Invalid(
                f"The next version is {newest.policy.version + 1}, not {policy.version}. Nothing was planned.",
                "Write that number into it.",
                field="version",
            )
        if valid_from and valid_from <= max(newest.valid_from, now_ms()):
            raise Invalid(
                "It would count for times that are over, or before the version before it. Nothing was planned.",
                "Choose a later time.",
                field="valid_from",
            )
        if not valid_from and newest.valid_from > now_ms():
            raise Invalid(
                f"{newest.policy.name} counts only from {iso(newest.valid_from)} on. Nothing was planned.",
                "Choose a time after that.",
                field="valid_from",
            )
        return policy

    async def _preview(self, plan: Plan) -> Preview:
        body = plan.params["body"]
        given: Mapping[str, object] = body if isinstance(body, Mapping) else {}
        newest = (await self.versions())[0]
        if newest.plan_id == plan.id:
            before: Mapping[str, object] = (await self.get(newest.policy.version - 1)).body
        else:
            before = newest.body
        valid_from = int(str(plan.params["valid_from"]))
        error = ""
        if newest.plan_id != plan.id and newest.policy.version + 1 != plan.params["version"]:
            error = "Another version was set meanwhile."
        start = f"It prices proofs from {iso(valid_from)} on." if valid_from else "It prices proofs from the end of this plan on."
        verdicts = [Verdict("mining.policy", VerdictLevel.PASS, "The policy is sound: curve, rates, caps, multipliers, attesters")]
        return Preview(
            effects=tuple(_changes(before, given)),
            verdicts=tuple(verdicts),
            simulated_at=now_ms(),
            method="comparison of both texts",
            error=error,
            notes=(
                start,
                "Proofs that are queued keep their price. The contract's burn rate and thresholds are set on the contract.",
            ),
        )

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        kept = await self.of_plan(plan.id)
        if kept is None:
            return ()
        return tuple(_changes((await self.get(kept.policy.version - 1)).body, kept.body))


class _SetStep(Step):
    """Stores a version. Its digest is looked at again, so that what was previewed is what counts."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        if digest_of(context.plan.params["body"]) != context.plan.params["digest"]:
            raise Denied("The policy of the plan is not the one that was previewed. Nothing was changed.", "Plan it again.")
        return {"version": context.plan.params["version"], "digest": context.plan.params["digest"]}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        await self._policies.keep(context.plan)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        kept = await self._policies.of_plan(context.plan.id)
        if kept is None:
            return Outcome(Happened.NOT_DONE)
        evidence = Evidence(
            EvidenceKind.ROW,
            kept.policy.name,
            read_at=now_ms(),
            status=EvidenceStatus.ASSERTED,
            check="text of the policy as stored",
            trust=Trust.OPERATOR,
            digest=kept.policy.digest,
        )
        return Outcome(Happened.DONE, dict(prepared), (evidence,))


def _stored(connection: sa.Connection) -> list[PolicyVersion]:
    return [
        PolicyVersion(
            Policy.from_json(row.body), row.body, row.note, row.author, row.plan_id, row.valid_from, row.created_at, current=False
        )
        for row in connection.execute(table.select().order_by(table.c.version))
    ]


def _release() -> PolicyVersion:
    return PolicyVersion(policy_v1(), body_v1(), "Comes with this release.", "", "", 0, 0, current=False)


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[Effect]:
    """Every leaf that differs, by its path."""
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    return [
        Effect("policy", path, old.get(path, ""), new.get(path, "")) for path in sorted(old | new) if old.get(path) != new.get(path)
    ]


def _leaves(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in _leaves(f"{path}.{key}" if path else str(key), item)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [leaf for place, item in enumerate(value, 1) for leaf in _leaves(f"{path}[{place}]", item)]
    return [(path, str(value))]


def _tried(policy: Policy, rows: Sequence[ProofRow], epochs: tuple[int, int] | None) -> DryRun:
    told: list[Tried] = []
    earned: Counter[tuple[str, int, str]] = Counter()  # by cap, begin of its time and contributor, or all
    for row in rows:
        one = _price(policy, row)
        if one.would:
            caps = caps_of(policy, row.created_at, epoch_since(epochs, row.created_at))
            keys = [(cap.id, cap.since, row.contributor if cap.each else "") for cap in caps]
            hit = next((cap for cap, key in zip(caps, keys, strict=True) if earned[key] + one.would > cap.most), None)
            if hit is None:
                earned.update(dict.fromkeys(keys, one.would))
            else:
                one = Tried(
                    row.number, row.contributor, row.activity, row.score, row.reward, 0, f"Cap {hit.id} reached.", hit.id, ""
                )
        told.append(one)
    by: dict[str, list[int]] = {}
    for each in told:
        sums = by.setdefault(each.activity, [0, 0])
        sums[0] += each.got
        sums[1] += each.would
    evidence = Evidence(
        EvidenceKind.SIMULATION,
        f"{len(rows)} proofs of the queue",
        read_at=now_ms(),
        status=EvidenceStatus.CLAIMED,
        check=f"priced again under {policy.name}",
        digest=policy.digest,
    )
    return DryRun(
        policy=policy,
        rows=tuple(told),
        got=sum(each.got for each in told),
        would=sum(each.would for each in told),
        burned=sum(each.would * policy.burn_rate // FULL for each in told),
        caps=Counter(each.cap for each in told if each.cap),
        refused=sum(not each.would for each in told),
        reviewed=sum(bool(each.review) for each in told),
        by_activity=tuple(sorted((activity, got, would) for activity, (got, would) in by.items())),
        evidence=evidence,
    )


def _price(policy: Policy, row: ProofRow) -> Tried:
    would, why, review = 0, "", ""
    try:
        price = policy.price(row.activity, row.score, time=row.created_at // 1000)
        would, review = price.reward, price.review
    except Invalid as error:
        why = error.message.removesuffix(" Nothing was queued.")
    return Tried(row.number, row.contributor, row.activity, row.score, row.reward, would, why, "", review)


def epoch_since(epochs: tuple[int, int] | None, now: int) -> int | None:
    """Begin of the epoch of a time, both UTC milliseconds, by this machine's clock as rows have it."""
    if epochs is None:
        return None
    start, length = epochs
    return (start + (now // 1000 - start) // length * length) * 1000
