"""Several clusters side by side: connect, watch, understand, look into."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cluster import recorded
from app.cluster.access import Access, needs, refused
from app.cluster.client import Connection, Identity
from app.cluster.contexts import Context, Contexts, Environment, find_contexts
from app.cluster.discovery import Discovery, discover
from app.cluster.fleet import FleetRow, Found, fleet_row, search
from app.cluster.health import Health, assess
from app.cluster.logs import LogLine, LogSource, read_logs, sources_of
from app.cluster.prometheus import Queried, ask
from app.cluster.reflector import Timing
from app.cluster.store import Snapshot
from app.cluster.tunnels import Tunnels, free_port
from app.cluster.usage import KEPT_KINDS, MINUTE_MS, Sample, Top
from app.cluster.watching import Pace, Reach, Watching
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Denied, Invalid, NotFound
from app.core.events import Bus, ClusterChanged, SettingsChanged
from app.core.jobs import Jobs
from app.core.settings import ContextSetting, SettingsStore, TunnelSetting

if TYPE_CHECKING:
    from app.cluster.actions import Actions
    from app.cluster.archive import UsageArchive
    from app.database import Database
    from app.operations import Operations

log = logging.getLogger(__name__)

RECORDED = recorded.NAME
REST_SECONDS = 1.0
HEALTH_SECONDS = 30  # rules look at the time too, so health grows old without any change
MOST_FOUND = 200


class Clusters:
    """The clusters of this console. All coroutines run on the service loop; several clusters are followed side by side."""

    def __init__(
        self,
        *,
        settings: SettingsStore,
        operations: Operations,
        database: Database,
        bus: Bus,
        jobs: Jobs,
        environ: Mapping[str, str] | None = None,
        timing: Timing | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._operations = operations
        self._database = database
        self._bus = bus
        self._jobs = jobs
        self._environ = os.environ if environ is None else environ
        self._timing = timing
        self._pace = pace
        self._found: Contexts | None = None
        self._watching: dict[str, Watching] = {}
        self._last: dict[str, Snapshot] = {}
        self._idle: dict[str, Connection] = {}
        self._health: dict[str, tuple[Snapshot, float, float, Health]] = {}
        self._rows: dict[str, tuple[Health | None, FleetRow]] = {}
        self._keeping = False
        self.tunnels = Tunnels(lambda: self._settings.value.tunnels, self._own_connection, lambda: bus.publish(ClusterChanged("")))

    @cached_property
    def actions(self) -> Actions:
        """What can be changed in a cluster, as plans."""
        from app.cluster.actions import Actions

        return Actions(self._operations, self, lambda: self._settings.value.cluster.grace_seconds)

    @cached_property
    def _archive(self) -> UsageArchive:
        from app.cluster.archive import UsageArchive

        return UsageArchive(self._database)

    # contexts

    def contexts(self, *, reload: bool = False) -> Contexts:
        """All contexts of the user, and what could not be read."""
        if self._found is None or reload:
            added = [path for path in self._settings.value.cluster.kubeconfigs.split(os.pathsep) if path]
            self._found = find_contexts(self._environ, added)
        return self._found

    def add_kubeconfig(self, path: Path) -> Contexts:
        """Read a further kubeconfig from now on.

        Raises:
            Invalid: it cannot be read, or names no usable context; nothing was changed.
        """
        path = path.expanduser().resolve()
        alone = find_contexts({"KUBECONFIG": str(path), "HOME": os.devnull})
        if not alone.all:
            raise Invalid(
                f"{path.name} names no context that can be used. {' '.join(alone.problems)} Nothing was added.".replace("  ", " "),
                "Choose a kubeconfig file.",
                field="path",
            )
        known = [part for part in self._settings.value.cluster.kubeconfigs.split(os.pathsep) if part]
        if str(path) not in known:
            self._set("cluster.kubeconfigs", os.pathsep.join([*known, str(path)]))
        return self.contexts(reload=True)

    def environment(self, context: str) -> Environment:
        """What a mistake there would cost: as set, else as guessed from its names."""
        if context == recorded.NAME:
            return Environment.LOCAL
        said = self._said(context).environment
        return Environment(said) if said else self.contexts().get(context).environment

    def read_only(self, context: str) -> bool:
        """Whether the console changes nothing there."""
        return context == recorded.NAME or self._said(context).read_only

    def set_context(
        self,
        context: str,
        *,
        environment: str | None = None,
        read_only: bool | None = None,
        namespace: str | None = None,
        prometheus: str | None = None,
    ) -> None:
        """Say something about a context; what is None stays. An empty environment is guessed again.

        Args:
            namespace: where to look when the cluster may not be read as a whole; several are parted by commas.

        Raises:
            NotFound: no such context. Invalid: no such environment or namespace. Nothing was changed.
        """
        self.contexts().get(context)
        old = self._said(context)
        changes = {"environment": environment, "read_only": read_only, "namespace": namespace, "prometheus": prometheus}
        fresh = {**old.model_dump(), **{key: value for key, value in changes.items() if value is not None}}
        others = [setting for setting in self._settings.value.clusters if setting.context != context]
        self._set("clusters", [*(setting.model_dump() for setting in others), fresh])
        if namespace is not None and context in self._watching:
            self._watching[context].look_in(self._said(context).namespaces)
        self._bus.publish(ClusterChanged(context))

    def namespaces(self, context: str) -> str:
        """Where to look in a cluster that may not be read as a whole, as a person said it; empty when nobody did."""
        return self._said(context).namespace

    def prometheus(self, context: str) -> str:
        """Where the context's Prometheus answers; empty when nobody named one."""
        return self._said(context).prometheus

    async def query(self, context: str, promql: str, seconds: int = 0) -> Queried:
        """Ask the context's Prometheus: the present values, or the last ``seconds``.

        Raises:
            Invalid: no Prometheus is named, or it does not understand the expression. Unavailable: it does not answer in time.
        """
        return await ask(self.prometheus(context), promql, seconds, connection=self.connection(context), tunnels=self.tunnels)

    # connect

    async def connect(self, context: str) -> Reach:
        """Follow a cluster from now on; returns when it answered once, or did not. It is followed in either case."""
        watching = self._watching.get(context)
        if watching is None:
            found = self.contexts().get(context)
            watching = Watching(
                Connection(found),
                self._bus,
                home=found.namespace or "default",
                chosen=self._said(context).namespaces,
                timing=self._timing,
                pace=self._pace,
            )
            self._watching[context] = watching
            if not self._keeping:
                self._keeping = True
                self._jobs.quietly("keep usage", self._keep_usage, endless=True)
            self._jobs.quietly(f"watch {context}", watching.run, endless=True)
        return await watching.first_answer()

    async def connect_all(self) -> None:
        """Follow every context there is."""
        await asyncio.gather(*(self.connect(context.name) for context in self.contexts().all))

    async def disconnect(self, context: str) -> None:
        """Follow it no more. What was known of it stays in memory, as of then."""
        watching = self._watching.pop(context, None)
        if watching is not None:
            self._last[context] = watching.snapshot()
            watching.stop()
            self._bus.publish(ClusterChanged(context))

    def try_now(self, context: str) -> None:
        """Ask a cluster again now."""
        if context in self._watching:
            self._watching[context].try_now()

    async def settled(self, context: str, limit: float = 30.0) -> None:
        """Wait until every kind of a connected cluster was read once, or cannot be; at most ``limit`` seconds."""
        await self._watched(context).settled(limit=limit)

    @property
    def connected(self) -> tuple[str, ...]:
        """The contexts that are followed."""
        return tuple(self._watching)

    def connection(self, context: str) -> Connection:
        """The connection of a context; a cluster that is not followed gets one too.

        Raises:
            NotFound: no such context.
        """
        if context in self._watching:
            return self._watching[context].connection
        if context not in self._idle:
            self._idle[context] = self._own_connection(context)
        return self._idle[context]

    # know

    def snapshot(self, context: str) -> Snapshot:
        """What is known of a cluster now; nothing, when it was never connected. :data:`RECORDED` names one to explore."""
        if context == recorded.NAME:
            return recorded.snapshot()
        watching = self._watching.get(context)
        if watching is not None:
            return watching.snapshot()
        return self._last.get(context) or Snapshot(context, 0, now_ms(), {}, {})

    def reach(self, context: str) -> Reach:
        """Whether it answers."""
        watching = self._watching.get(context)
        return watching.reach if watching is not None else Reach()

    def access(self, context: str) -> Access:
        """What this identity may do there, as far as it was asked."""
        watching = self._watching.get(context)
        return watching.access if watching is not None else Access()

    def remarks(self, context: str) -> str:
        """What a person must know about it, and what this identity does not see there, in sentences; empty when nothing."""
        watching = self._watching.get(context)
        return f"{watching.problem} {watching.limits}".strip() if watching is not None else ""

    def identity(self, context: str) -> Identity:
        """Which cluster it is, as far as it is known."""
        watching = self._watching.get(context)
        return watching.identity if watching is not None else Identity("", self.contexts().get(context).server)

    async def discovery(self, context: str) -> Discovery:
        """Which resources a cluster serves now, and which of its APIs have no backend."""
        return await discover(self.connection(context))

    def usage(self, context: str, kind: str, namespace: str, name: str) -> list[Sample]:
        """CPU and memory of a pod, a workload or a node (empty namespace) over the last hour, as far as this process was there."""
        watching = self._watching.get(context)
        return watching.history.of(kind, namespace, name) if watching is not None else []

    async def usage_over(self, context: str, kind: str, namespace: str, name: str, hours: int) -> list[Sample]:
        """The same over up to a week, also from before this process: by minutes, and as means over ten when older than six hours.

        Only workloads and nodes are kept beyond a process (:data:`app.cluster.usage.KEPT_KINDS`).

        Raises:
            Unavailable: the store does not answer.
        """
        now = now_ms()
        since = now - hours * 3_600_000
        fresh = [sample for sample in self.usage(context, kind, namespace, name) if sample.at >= since]
        if kind not in KEPT_KINDS or not self._archive.is_open:
            return fresh
        until = fresh[0].at if fresh else now
        return [*await self._archive.read(self.identity(context).ref, (kind, namespace, name), since, until), *fresh]

    async def _keep_usage(self) -> None:
        """Once a minute, keep the one that is over of every cluster, in one transaction."""
        while True:
            await asyncio.sleep(60.5 - time.time() % 60)
            try:
                await self.keep_minute(now_ms() - 60_000)
            except ConsoleError as error:  # that minute is a gap; the next may be kept again
                log.info("usage of clusters: %s", error)

    async def keep_minute(self, at: int) -> int:
        """Keep what workloads and nodes of all clusters used in the minute of ``at`` (UTC ms). Returns how many there were.

        A cluster that did not answer in that minute, or whose identity was not asked yet, has none.

        Raises:
            Unavailable, Conflict: the store does not answer or is held; nothing was kept.
        """
        begin = at - at % MINUTE_MS
        taken: dict[str, dict[Top, tuple[float, float]]] = defaultdict(dict)
        for watching in self._watching.values():
            if watching.reach.answered_at:  # several contexts may lead to one cluster and see different parts of it
                taken[watching.identity.ref] |= watching.history.means(begin, begin + MINUTE_MS, KEPT_KINDS)
        if not any(taken.values()) or not self._archive.is_open:
            return 0
        written = await self._archive.keep(begin, taken)
        if written.left_out:
            log.info("the use of %d workloads is not kept: their clusters have too many", written.left_out)
        return written.rows

    async def health(self, context: str) -> Health:
        """How a cluster is, judged beside the loop.

        A large cluster that never rests is judged again after ``REST_SECONDS``, and at most a fifth of the time.
        """
        snapshot = self.snapshot(context)
        kept = self._health.get(context)
        if kept is not None:
            judged, at, took, health = kept
            rested = time.monotonic() - at
            if rested < max(REST_SECONDS, 5 * took) or (judged is snapshot and rested < HEALTH_SECONDS):
                return health
        began = time.monotonic()
        # What was recorded is judged by the time of its recording, or all its ages would be wrong.
        now = recorded.taken_at() if context == recorded.NAME else now_ms()
        health = await asyncio.to_thread(assess, snapshot, now)
        self._health[context] = (snapshot, time.monotonic(), time.monotonic() - began, health)
        return health

    async def fleet(self) -> tuple[FleetRow, ...]:
        """Every context as the first page shows it."""
        return tuple([await self._row(context) for context in self.contexts().all])

    async def search(
        self, text: str, *, kinds: Sequence[str] = (), environment: str = "", limit: int = MOST_FOUND
    ) -> tuple[Found, ...]:
        """Objects of all connected clusters (and of those known from before) in which every word occurs.

        At most ``limit``, of each cluster as many as of the others while they have them: a large one does not hide the rest.
        """
        places = [(context.name, self.environment(context.name), self.snapshot(context.name)) for context in self.contexts().all]
        chosen = [place for place in places if environment in ("", place[1].value)]

        def look() -> tuple[Found, ...]:
            each = [list(islice(search(*place, text, frozenset(kinds)), limit)) for place in chosen]
            left = limit
            for rest, hits in enumerate(sorted(each, key=len)):  # those that have few leave their share to the others
                del hits[left // (len(each) - rest) :]
                left -= len(hits)
            return tuple(found for hits in each for found in hits)

        return await asyncio.to_thread(look) if text.strip() else ()

    # look closer

    async def logs(
        self,
        context: str,
        sources: Sequence[LogSource],
        sink: Callable[[LogLine], object],
        *,
        tail: int | None = None,
        since_seconds: int | None = None,
        follow: bool = False,
        problem: Callable[[LogSource, ConsoleError], object] = lambda _source, _error: None,
    ) -> None:
        """Give lines of several containers to ``sink`` (see :func:`app.cluster.logs.read_logs`)."""
        await read_logs(
            self.connection(context), sources, sink, tail=tail, since_seconds=since_seconds, follow=follow, problem=problem
        )

    def log_sources(
        self, context: str, namespace: str, pods: Sequence[str], *, container: str = "", previous: bool = False
    ) -> list[LogSource]:
        """The containers of pods whose logs can be read."""
        return sources_of(self.snapshot(context), namespace, pods, container=container, previous=previous)

    def why_no_tunnel(self) -> str:
        """Why no cluster that is followed lets a tunnel be set up, in sentences; empty when one does, or that is not known."""
        if not self._watching:
            return "No cluster is connected."
        reasons = [self._why_no_tunnel(context) for context in self._watching]
        return " ".join(reasons) if all(reasons) else ""

    def _why_no_tunnel(self, context: str) -> str:
        if self.reach(context).answers is False:
            return f"{context} does not answer, or not to this identity."
        why = self.access(context).why_nowhere("port-forward", "Pod")
        return f"{context}: {why}" if why else ""

    async def add_tunnel(self, name: str, context: str, namespace: str, target: str, port: int, local_port: int) -> TunnelSetting:
        """Set up a tunnel to ``service/NAME`` or ``pod/NAME``, pinned to the cluster that answers now. Local port 0: a free one.

        Raises:
            ApiUnavailable: the cluster does not answer, so it cannot be pinned. Denied: this identity may not forward ports there.
            Invalid: the name is taken. Nothing was set up.
        """
        if any(setting.name == name for setting in self._settings.value.tunnels):
            raise Invalid(f"There is a tunnel “{name}” already. Nothing was set up.", "Choose another name.", field="name")
        client = self.connection(context)
        identity = await client.identity()
        if why := await refused(client, needs("port-forward", "Pod", namespace)):
            raise Denied(f"{why} Nothing was set up.", "Ask whoever runs the cluster for the right, or use another context.")
        plain: dict[str, Any] = {
            "name": name,
            "context": context,
            "identity": identity.ref,
            "namespace": namespace,
            "target": target,
            "port": port,
            "local_port": local_port or free_port(),
        }
        self._set("tunnels", [*(setting.model_dump() for setting in self._settings.value.tunnels), plain])
        return self._settings.value.tunnels[-1]

    async def remove_tunnel(self, name: str) -> None:
        """Close a tunnel and forget it.

        Raises:
            NotFound: there is none of that name.
        """
        if all(setting.name != name for setting in self._settings.value.tunnels):
            raise NotFound(f"There is no tunnel “{name}”. Nothing was removed.", "See: azora cluster tunnel list")
        await self.tunnels.close_one(name)
        self._set("tunnels", [setting.model_dump() for setting in self._settings.value.tunnels if setting.name != name])

    async def close(self) -> None:
        """Close every connection. The watches were ended with the jobs."""
        for watching in self._watching.values():
            watching.stop()
            await watching.connection.close()
        for connection in self._idle.values():
            await connection.close()
        await self.tunnels.close()

    def _own_connection(self, context: str) -> Connection:
        return Connection(self.contexts().get(context))

    def _watched(self, context: str) -> Watching:
        try:
            return self._watching[context]
        except KeyError:
            self.contexts().get(context)
            raise NotFound(f"The cluster {context} is not connected. Nothing was read.", "Connect it first.") from None

    def _said(self, context: str) -> ContextSetting:
        said = {setting.context: setting for setting in self._settings.value.clusters}
        return said.get(context) or ContextSetting(context=context)

    def _set(self, key: str, value: object) -> None:
        self._settings.set(key, value)
        self._bus.publish(SettingsChanged(key))

    async def _row(self, context: Context) -> FleetRow:
        """Counts are as old as the judgement they stand beside; what is said of the cluster itself is of now."""
        name = context.name
        watching = self._watching.get(name)
        snapshot = self.snapshot(name)
        health = await self.health(name) if snapshot.kinds else None
        kept = self._rows.get(name)
        if kept is None or health is None or kept[0] is not health:
            kept = self._rows[name] = (health, await asyncio.to_thread(fleet_row, context, snapshot, health))
        return replace(
            kept[1],
            environment=self.environment(name),
            read_only=self.read_only(name),
            reach=self.reach(name),
            connected=watching is not None,
            known_at=snapshot.known_at,
            problem=watching.problem if watching is not None else "",
            limits=watching.limits if watching is not None else "",
            identity=self.identity(name).uid,
        )
