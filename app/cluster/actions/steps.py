"""Steps of plans that change a cluster: wait while it can be called back, change, delete, evict, sync."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from app.cluster.actions.change import Change, check_same, holds, packed, read, send, tried, unpacked
from app.cluster.actions.refs import Client, Ref
from app.cluster.diff import Change as FieldChange
from app.cluster.failures import ApiDenied
from app.cluster.objects import dig, items, texts
from app.core.clock import now_ms
from app.core.errors import Conflict, Unavailable, Waiting
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.operations.plans import Plan
from app.operations.steps import Happened, Outcome, Step, StepContext

DOUBT = (0.5, 1.0, 2.0, 4.0)  # seconds before a 403 in the middle of a plan is believed
T = TypeVar("T")
DONE, NOT_DONE = Happened.DONE, Happened.NOT_DONE
LATE_MS = 60_000  # after the end of its grace an action is no longer what somebody meant to send now
Opener = Callable[[Plan], "Pinned"]


class Pinned:
    """A connection that makes sure, before each use, that the cluster is the one that the plan was made for."""

    def __init__(self, client: Client, context: str, identity: str) -> None:
        self._client = client
        self.context = context
        self._identity = identity

    async def open(self) -> Client:
        """The client.

        Raises:
            Conflict: another cluster answers under this context.
        """
        found = await self._client.identity()
        if found.ref != self._identity:
            raise Conflict(
                f"Another cluster answers under the context {self.context} than the one this was planned for. Nothing was sent.",
                "Compare the two clusters and plan again.",
            )
        return self._client


def evidence_of(context: str, ref: Ref, obj: Mapping[str, Any] | None, check: str) -> tuple[Evidence, ...]:
    """Where a reader can see what became of it: the object and its resourceVersion."""
    version = dig(obj, "metadata", "resourceVersion", default="") if obj else ""
    where = f"{ref.label}@{version}" if version else ref.label
    return (Evidence(EvidenceKind.MEASUREMENT, where, f"cluster:{context}", "", now_ms(), EvidenceStatus.CLAIMED, check),)


async def through_outages(context: StepContext, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask; once the plan has changed something, an outage is waited out: half of it done is nobody's wish, and it can be stopped.

    A server that has just started refuses valid users for a moment, so there a 403 is believed only when it stays.

    Raises:
        Waiting: the cluster does not answer, and earlier steps have changed it.
    """
    begun = any("object" in result for result in context.results)
    doubts = list(DOUBT) if begun else []
    while True:
        try:
            return await ask()
        except ApiDenied as error:
            if error.failure.status != 403 or not doubts:
                raise
            await asyncio.sleep(doubts.pop(0))
        except Unavailable as error:
            if begun and error.retryable:
                raise Waiting(error.message, error.remedy, soon=True) from error
            raise


class GraceStep(Step):
    """Waits some seconds in which everything can still be called back. It changes nothing, so stopping it leaves nothing behind."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Until when, UTC milliseconds."""
        return {"until": now_ms() + 1000 * self._seconds}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Say how long it lasts; a refusal that may be tried again is what lets the operator stop it."""
        left = int(str(prepared["until"])) - now_ms()
        if left > 0:
            raise Unavailable(f"It is sent in {-(-left // 1000)} s. Stop it to call it back; nothing was sent yet.", retryable=True)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Whether the time is over. When it is long over nobody was there to send it, and it is not sent hours later."""
        late = now_ms() - int(str(prepared["until"]))
        if late > LATE_MS:
            return Outcome(
                DONE,
                failure="The console was not running when it was to be sent. Nothing was sent; look at the cluster and plan again.",
            )
        return Outcome(DONE if late >= 0 else NOT_DONE)


class ChangeStep(Step):
    """Apply or patch one object."""

    def __init__(self, pinned: Pinned, change: Change) -> None:
        self._pinned = pinned
        self._change = change
        self._answer: Mapping[str, Any] | None = None

    @property
    def _status(self) -> bool:
        return self._change.subresource == "status"

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """The object as it is (uid, resourceVersion), and the fields that it will have, by one more dry run."""
        now, fields, warnings = await through_outages(context, self._tried)
        for warning in warnings:
            context.report(f"The server warns: {warning}")
        return {
            "uid": dig(now, "metadata", "uid", default="") if now else "",
            "version": dig(now, "metadata", "resourceVersion", default="") if now else "",
            "wanted": {found.path: found.after for found in fields if "hidden" not in found.after},
            "existed": now is not None,
        }

    async def _tried(self) -> tuple[Mapping[str, Any] | None, tuple[FieldChange, ...], tuple[str, ...]]:
        client = await self._pinned.open()
        now = await read(client, self._change.ref)
        check_same(self._change, now)
        return now, *await tried(client, self._change)

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send it. What it sets are values, so sending it twice is sending it once."""
        await through_outages(context, lambda: self._send(prepared, context))

    async def _send(self, prepared: Mapping[str, object], context: StepContext) -> None:
        if not prepared["wanted"] and prepared["existed"] and self._change.verb != "apply":
            return
        client = await self._pinned.open()
        now = await read(client, self._change.ref)
        self._same(prepared, now)
        check_same(self._change, now)
        self._answer = (await send(client, self._change, now, dry_run=False)).body
        context.report(f"{self._change.ref.label} accepted")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """The server's answer while this process lives; after a crash, whether the object has the wanted values."""
        if self._answer is not None:
            return self._done(self._answer, "accepted by the API server")
        now = await read(await self._pinned.open(), self._change.ref)
        wanted = prepared["wanted"]
        assert isinstance(wanted, Mapping)
        if now is None or (prepared["uid"] and dig(now, "metadata", "uid") != prepared["uid"]):
            return Outcome(NOT_DONE)
        if holds(now, wanted, status=self._status):
            return self._done(now, "the object has the wanted values")
        return Outcome(NOT_DONE)

    def _same(self, prepared: Mapping[str, object], now: Mapping[str, Any] | None) -> None:
        if prepared["uid"] and (now is None or dig(now, "metadata", "uid") != prepared["uid"]):
            raise Conflict(f"{self._change.ref.label} was replaced since it was prepared. Nothing was sent.", "Look at it again.")

    def _done(self, obj: Mapping[str, Any], check: str) -> Outcome:
        ref = self._change.ref
        result = {"object": ref.label, "version": dig(obj, "metadata", "resourceVersion", default="")}
        return Outcome(DONE, result, evidence_of(self._pinned.context, ref, obj, check))


class RemoveStep(Step):
    """Delete an object, or evict a pod. The uid is a precondition: a new object of that name is safe from it."""

    def __init__(self, pinned: Pinned, change: Change) -> None:
        self._pinned = pinned
        self._change = change

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Which object: its uid."""

        async def ask() -> Mapping[str, Any] | None:
            return await read(await self._pinned.open(), self._change.ref)

        now = await through_outages(context, ask)
        if self._change.verb == "evict" and (now is None or dig(now, "metadata", "uid") != self._change.uid):
            return {"uid": self._change.uid}  # a pod that went by itself needs no eviction
        check_same(self._change, now)
        return {"uid": self._change.uid or dig(now, "metadata", "uid", default="")}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Ask for it. A budget that lets no pod go now is asked again; the plan waits meanwhile and can be stopped."""
        await through_outages(context, lambda: self._send(prepared))

    async def _send(self, prepared: Mapping[str, object]) -> None:
        client = await self._pinned.open()
        change = Change(self._change.ref, self._change.verb, uid=str(prepared["uid"]))
        if (await self._seen(client, prepared)) is None:
            return
        await send(client, change, None, dry_run=False)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Gone; or going, which is enough for what is held by finalizers."""
        client, ref = await self._pinned.open(), self._change.ref
        now = await self._seen(client, prepared)
        if now is None:
            return Outcome(
                DONE, {"object": ref.label, "state": "gone"}, evidence_of(self._pinned.context, ref, None, "no longer there")
            )
        if not dig(now, "metadata", "deletionTimestamp"):
            return Outcome(NOT_DONE)
        held = texts(now, "metadata", "finalizers") or texts(now, "spec", "finalizers")
        if held or ref.kind != "Pod":
            state = f"being deleted, held by {', '.join(map(str, held))}" if held else "being deleted"
            return Outcome(DONE, {"object": ref.label, "state": state}, evidence_of(self._pinned.context, ref, now, state))
        return Outcome(Happened.UNKNOWN, waiting=f"{ref.label} is ending.")

    async def _seen(self, client: Client, prepared: Mapping[str, object]) -> Mapping[str, Any] | None:
        now = await read(client, self._change.ref)
        return now if now is not None and dig(now, "metadata", "uid") == prepared["uid"] else None


class SyncStep(Step):
    """Ask Argo CD for a sync, and follow it. The operation carries the plan's id, so that it is asked for once."""

    def __init__(self, pinned: Pinned, ref: Ref, operation: Mapping[str, Any]) -> None:
        self._pinned = pinned
        self._ref = ref
        self._operation = operation

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """The operation with the plan's id."""
        info = [*items(self._operation, "info"), {"name": "azora-plan", "value": context.plan.id}]
        return {"operation": packed({**self._operation, "info": info}), "plan": context.plan.id}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Ask, unless another operation runs."""
        client = await self._pinned.open()
        app = await read(client, self._ref)
        if app is None:
            raise Conflict(f"{self._ref.label} no longer exists. Nothing was sent.", "Look at the cluster again.")
        if dig(app, "operation") is not None or dig(app, "status", "operationState", "phase") == "Running":
            raise Unavailable(f"Argo CD is busy with another operation on {self._ref.name}. Nothing was sent yet.", retryable=True)
        body = {
            "operation": unpacked(prepared["operation"]),
            "metadata": {"resourceVersion": dig(app, "metadata", "resourceVersion")},
        }
        await send(client, Change(self._ref, "patch", body), None, dry_run=False)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """What Argo CD made of it."""
        app = await read(await self._pinned.open(), self._ref)
        if app is None:
            return Outcome(NOT_DONE)
        if self._mine(dig(app, "operation"), prepared):
            return Outcome(Happened.UNKNOWN, waiting="Argo CD has not begun yet.")
        state = dig(app, "status", "operationState", default={})
        if not self._mine(dig(state, "operation"), prepared):
            return Outcome(NOT_DONE)
        phase, message = str(state.get("phase", "")), str(state.get("message", ""))
        proof = evidence_of(self._pinned.context, self._ref, app, f"Argo CD says {phase}")
        if phase == "Succeeded":
            return Outcome(DONE, {"phase": phase, "revision": dig(state, "syncResult", "revision", default="")}, proof)
        if phase in ("Failed", "Error"):
            return Outcome(DONE, {"phase": phase}, proof, failure=f"Argo CD could not do it: {message}")
        return Outcome(Happened.UNKNOWN, waiting=f"Argo CD: {message or phase}")

    @staticmethod
    def _mine(operation: Any, prepared: Mapping[str, object]) -> bool:
        return any(entry.get("value") == prepared["plan"] for entry in items(operation, "info"))
