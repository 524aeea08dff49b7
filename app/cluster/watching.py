"""Everything that is followed of one cluster: its kinds, whether it answers, and what it uses.

An open watch proves no health, so the server is asked apart from them every few seconds, by a read that its store must confirm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from app.cluster.access import Access, ask_access, find_homes
from app.cluster.client import Connection, Identity
from app.cluster.failures import ApiDenied, ApiError, ApiUnavailable
from app.cluster.kinds import KINDS
from app.cluster.reflector import Reflector, Timing
from app.cluster.store import KindState, KindStatus, Metrics, Snapshot, Store
from app.cluster.usage import History, read_metrics, together
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Denied
from app.core.events import Bus, ClusterChanged

log = logging.getLogger(__name__)

MERGE_SECONDS = 0.05  # changes within it are told as one


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a cluster answers.

    Attributes:
        answers: None before the first answer.
        latency_ms: of the last answer.
        answered_at, failed_at: UTC milliseconds of the last answer, and of the first failure since; 0 for never.
        message: why it does not answer.
        refused: it does answer, and does not accept this identity: its credentials have expired, or cannot be had.
        version: of the server, such as ``v1.36.2``.
    """

    answers: bool | None = None
    latency_ms: float = 0.0
    answered_at: int = 0
    failed_at: int = 0
    message: str = ""
    version: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between questions beside the watches."""

    probe: float = 5.0
    patience: float = 4.0
    metrics: float = 15.0
    access: float = 300.0
    merge: float = MERGE_SECONDS


class Watching:
    """The life of one connected cluster, from :meth:`run` to the call of :meth:`stop`.

    Args:
        home: the namespace of the kubeconfig's context, to look in when the identity may not read the whole cluster.
        chosen: the namespaces that a person named in its place; without any, others that may be read are looked for.
    """

    def __init__(
        self,
        connection: Connection,
        bus: Bus,
        *,
        home: str,
        chosen: Sequence[str] = (),
        timing: Timing | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.connection = connection
        self.namespaces = tuple(chosen) or (home,)
        self.store = Store(connection.context)
        self.history = History(span=round((pace or Pace()).metrics * 1000))
        self.reach = Reach()
        self.access = Access(namespaces=self.namespaces)
        self.identity = Identity("", connection.server)
        self.problem = ""
        self._home = home
        self._chosen = tuple(chosen)
        self._bus = bus
        self._timing = timing or Timing()
        self._pace = pace or Pace()
        self._reflectors: dict[tuple[str, str], Reflector] = {}  # by kind and namespace, empty for the whole cluster
        self._narrow: set[str] = set()  # kinds that are read namespace by namespace
        self._moved = asyncio.Condition()
        self._pending: set[str] = set()
        self._telling = False
        self._stop = asyncio.Event()
        self._soon = {name: asyncio.Event() for name in ("probe", "metrics", "access")}
        self._probed = asyncio.Event()

    async def run(self) -> None:
        """Follow everything until :meth:`stop`."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._repeat("probe", self._probe, lambda: self._pace.probe)),
                group.create_task(self._repeat("metrics", self._metrics, lambda: self._pace.metrics)),
                group.create_task(self._repeat("access", self._ask_access, lambda: self._pace.access)),
            ]
            tasks += [group.create_task(self._follow(name)) for name in KINDS]
            await self._stop.wait()
            for task in tasks:
                task.cancel()
        await self.connection.close()

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stop.set()

    def try_now(self) -> None:
        """Ask again now, without waiting for the next turn."""
        self.connection.try_anew()
        for soon in self._soon.values():
            soon.set()
        for reflector in self._reflectors.values():
            reflector.wake()

    async def first_answer(self) -> Reach:
        """Wait until the cluster answered or failed once."""
        await self._probed.wait()
        return self.reach

    async def settled(self, kinds: Iterable[str] = KINDS, limit: float = 30.0) -> None:
        """Wait until every kind was read, or is absent or denied; at most ``limit`` seconds, and not for a dead server."""
        wanted = set(kinds)
        end = time.monotonic() + limit
        while time.monotonic() < end and self.reach.answers is not False:
            if all(self._is_settled(kind) for kind in wanted):
                return
            await asyncio.sleep(0.02)

    def look_in(self, chosen: Sequence[str]) -> None:
        """A person named other namespaces to look in; none: find them again."""
        self._chosen = tuple(chosen)
        self._soon["access"].set()

    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self.store.snapshot(now_ms())

    # kinds

    def _is_settled(self, kind: str) -> bool:
        """A kind that may not be read everywhere is only settled once the namespaces were asked."""
        status = self.store.state(kind).status
        pending = status is KindStatus.DENIED and KINDS[kind].namespaced and kind not in self._narrow
        return status is not KindStatus.UNKNOWN and not pending

    @property
    def limits(self) -> str:
        """What this identity does not see, in sentences; empty when it sees everything, or that is not known yet."""
        spaces = frozenset[str]().union(*(self.store.state(kind).spaces or () for kind in self._narrow))
        denied = [kind for kind in KINDS if self.store.state(kind).status is KindStatus.DENIED]
        words = []
        if self._narrow and spaces:
            several = "namespaces" if len(spaces) > 1 else "namespace"
            words.append(f"This identity sees only the {several} {', '.join(sorted(spaces))} of this cluster.")
        if denied:
            words.append(f"It may not read: {', '.join(denied)}." if words else f"This identity may not read: {', '.join(denied)}.")
        if self.access.more:
            words.append(f"{self.access.more} more namespaces could be read: name those that you want to see.")
        return " ".join(words)

    async def _follow(self, name: str) -> None:
        """Follow a kind everywhere, or namespace by namespace when the identity may only read there."""
        kind = KINDS[name]
        everywhere = self._reflector(name)
        if not kind.namespaced:
            await everywhere.run()
        async with asyncio.TaskGroup() as group:
            wide = group.create_task(everywhere.run())
            await everywhere.denied.wait()
            wide.cancel()
        del self._reflectors[name, ""]
        while True:
            spaces = self.namespaces
            self.store.keep_spaces(name, spaces)
            self._narrow.add(name)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._reflector(name, space).run()) for space in spaces]
                async with self._moved:
                    await self._moved.wait_for(lambda spaces=spaces: self.namespaces != spaces)  # type: ignore[misc]
                for task in tasks:
                    task.cancel()
            for space in spaces:
                del self._reflectors[name, space]

    def _reflector(self, name: str, namespace: str = "") -> Reflector:
        made = Reflector(self.connection, KINDS[name], self.store, self._changed, namespace=namespace, timing=self._timing)
        self._reflectors[name, namespace] = made
        return made

    def _changed(self, kind: str) -> None:
        self._pending.add(kind)
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_later(self._pace.merge, self._tell)

    def _tell(self) -> None:
        kinds, self._pending, self._telling = frozenset(self._pending), set(), False
        self._bus.publish(ClusterChanged(self.connection.context, kinds))

    # beside the kinds

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]], pause: Callable[[], float]) -> None:
        soon = self._soon[name]
        while True:
            soon.clear()
            try:
                await work()
            except ConsoleError as error:
                log.info("%s of %s: %s", name, self.connection.context, error.message)
            except Exception:
                # The edge of an endless loop: a bug in one question must not end the others, which the task group would cancel.
                log.exception("%s of %s failed", name, self.connection.context)
            try:
                async with asyncio.timeout(pause()):
                    await soon.wait()
            except TimeoutError:
                continue

    async def _probe(self) -> None:
        before = self.reach
        try:
            # A credential plugin may take its time; that says nothing of the cluster.
            await self.connection.open()
            began = time.monotonic()
            async with asyncio.timeout(self._pace.patience):
                revision = await self._read_consistently()
                if not self.reach.version:
                    version = (await self.connection.get("/version")).get("gitVersion", "")
                    self.reach = replace(self.reach, version=str(version))
        except (ConsoleError, TimeoutError) as error:
            message = await self._why(error)
            self.reach = replace(
                self.reach,
                answers=False,
                message=message,
                failed_at=self.reach.failed_at or now_ms(),
                refused=isinstance(error, Denied),
            )
            for reflector in self._reflectors.values():
                reflector.doubt(message)
        else:
            took = (time.monotonic() - began) * 1000
            self.reach = replace(
                self.reach, answers=True, latency_ms=took, answered_at=now_ms(), failed_at=0, message="", refused=False
            )
            for reflector in self._reflectors.values():
                reflector.doubt("")
                if before.answers is False:
                    reflector.wake()
            self._compare(revision)
        self._probed.set()
        self._bus.publish(ClusterChanged(self.connection.context))

    async def _read_consistently(self) -> str:
        """Read something that the store behind the server must confirm; the version of the whole store, where it tells."""
        query = {"fieldSelector": "metadata.name=kube-system", "limit": "1"}
        try:
            body = await self.connection.get("/api/v1/namespaces", query, timeout=self._pace.patience)
        except ApiDenied as error:
            if error.failure.status == 401:
                raise
            return await self._read_at_home()
        for item in body.get("items") or ():
            self._identify(str(item["metadata"].get("uid", "")))
        return str((body.get("metadata") or {}).get("resourceVersion", ""))

    async def _read_at_home(self) -> str:
        try:
            path = KINDS["Pod"].path(next(iter(self.namespaces), "default"))
            await self.connection.get(path, {"limit": "1"}, timeout=self._pace.patience)
        except ApiDenied as error:
            if error.failure.status == 401:
                raise
            await self.connection.get("/version", timeout=self._pace.patience)
        return ""

    def _identify(self, uid: str) -> None:
        """Another uid of ``kube-system``: another cluster answers under this context. All that was known was of the other."""
        if self.identity.uid and uid and uid != self.identity.uid:
            self.problem = (
                f"Another cluster answers under the context {self.connection.context} since then; what is shown is its own."
            )
            log.warning("%s", self.problem)
            self.store.clear()
            self.history.clear()
            for reflector in self._reflectors.values():
                reflector.state = KindState()
                reflector.forget()
        if uid and uid != self.identity.uid:
            self.identity = Identity(uid, self.connection.server)

    def _compare(self, revision: str) -> None:
        """A store that is older than what we know was put back from a backup: its versions mean something else."""
        namespaces = self._reflectors.get(("Namespace", ""))
        known = namespaces.revision if namespaces is not None else ""
        if revision.isdecimal() and known.isdecimal() and int(revision) < int(known):
            log.warning("the store of %s went back from %s to %s", self.connection.context, known, revision)
            for reflector in self._reflectors.values():
                reflector.forget()

    async def _why(self, error: BaseException) -> str:
        """Why it does not answer. A server whose store hangs still says so."""
        if isinstance(error, ApiDenied):
            return str(error)  # with what to do about it: sign in again
        if isinstance(error, ApiError) and not (isinstance(error, ApiUnavailable) and error.failure.reason == "Timeout"):
            return error.message
        if isinstance(error, ConsoleError) and not isinstance(error, ApiError):
            return str(error)
        try:
            async with asyncio.timeout(self._pace.patience):
                await self.connection.get("/livez", {"verbose": ""})
        except ApiError as told:
            if "[-]etcd" in told.failure.message:
                return (
                    f"The API server of {self.connection.context} answers, but its store (etcd) does not; nothing can be confirmed."
                )
        except (ConsoleError, TimeoutError):
            pass
        return f"The cluster {self.connection.context} did not answer within {self._pace.patience:g} s."

    async def _metrics(self) -> None:
        spaces = self.namespaces if self.access.rights and not self.access.may("list", "pods") else ("",)
        metrics = together([await read_metrics(self.connection, space, now_ms()) for space in spaces])
        if metrics != self.store.metrics:
            self.store.set_metrics(metrics)
            if metrics.available:
                await self._note(metrics)
            self._changed("Metrics")

    async def _note(self, metrics: Metrics) -> None:
        """Count what was used for its workloads, beside the loop: the first time every pod's owner is looked up."""
        before = self.identity.uid
        await asyncio.to_thread(self.history.add, metrics, self.store.snapshot(metrics.read_at))
        if before and self.identity.uid != before:
            self.history.clear()  # it was of the other cluster

    async def _ask_access(self) -> None:
        access = await self._asked()
        lost = [right for right, allowed in self.access.rights.items() if allowed and not access.rights.get(right, False)]
        if lost:
            # Just after a restart valid users are refused for a moment; a right counts as lost when it still is.
            await asyncio.sleep(self._timing.doubt[-1])
            access = await self._asked()
        self.access = access
        if access.namespaces != self.namespaces:
            async with self._moved:
                self.namespaces = access.namespaces
                self._moved.notify_all()
        self._bus.publish(ClusterChanged(self.connection.context))

    async def _asked(self) -> Access:
        homes, more = (self._chosen, 0) if self._chosen else await find_homes(self.connection, self._home)
        return await ask_access(self.connection, homes, now_ms(), more)
