"""Logs of containers: several pods as one, resumed where they were cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.cluster.client import Connection
from app.cluster.failures import ApiDenied, ApiError, ApiNotFound, ApiUnavailable
from app.cluster.kinds import KINDS
from app.cluster.objects import Object, condition, containers, count, dig, items
from app.cluster.store import Snapshot

PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line. ``time`` is the kubelet's own, RFC 3339 with nanoseconds, and sorts as text."""

    time: str
    pod: str = field(compare=False)
    container: str = field(compare=False)
    text: str = field(compare=False)
    namespace: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LogSource:
    """A container whose log is read; ``previous``: the one before its last restart."""

    namespace: str
    pod: str
    container: str
    previous: bool = False


def sources_of(
    snapshot: Snapshot, namespace: str, pods: Iterable[str], *, container: str = "", previous: bool = False
) -> list[LogSource]:
    """The containers of pods with their side cars; init containers that have begun, while the pod is not past them. One container
    of each pod when it is named, of whatever sort.
    """
    found = []
    for name in pods:
        pod = snapshot.get("Pod", namespace, name)
        names = [str(item["name"]) for item in containers(dig(pod, "spec", default={}))]
        begun = _begun_inits(pod)
        if container:
            every = {item.get("name") for part in ("initContainers", "ephemeralContainers") for item in items(pod, "spec", part)}
            names = [container] if pod is None or container in (*names, *every) else []
        elif begun:
            names = begun  # nothing else of it runs yet
        found += [LogSource(namespace, name, item, previous) for item in names]
    return found


def _begun_inits(pod: Object | None) -> list[str]:
    if pod is None or condition(pod, "Initialized").get("status") != "False":
        return []
    return [
        str(status.get("name"))
        for status in items(pod, "status", "initContainerStatuses")
        if dig(status, "lastState", "terminated") or dig(status, "state", "running") or dig(status, "state", "terminated")
    ]


async def read_logs(
    connection: Connection,
    sources: Sequence[LogSource],
    sink: Callable[[LogLine], object],
    *,
    tail: int | None = None,
    since_seconds: int | None = None,
    follow: bool = False,
    problem: Callable[[LogSource, ApiError], object] = lambda _source, _error: None,
) -> None:
    """Give every line to ``sink``: first what is there, of all containers in the order of time, then, with ``follow``, what comes.

    A follow that was cut, or whose container was started again, goes on after the last line seen, without losing or repeating one.
    A container whose log cannot be read is told to ``problem`` and costs the others nothing.

    Args:
        tail: last lines of each container.
        since_seconds: no older than this.
    """
    query: dict[str, str] = {}
    if tail is not None:
        query["tailLines"] = str(tail)
    if since_seconds is not None:
        query["sinceSeconds"] = str(since_seconds)
    readers = [_Reader(connection, source, problem) for source in sources]
    batches = await asyncio.gather(*(reader.so_far(query) for reader in readers))
    for line in sorted(line for batch in batches for line in batch):
        sink(line)
    if follow:
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                if not reader.source.previous and not reader.failed:
                    group.create_task(reader.follow(sink))


class _Reader:
    """One container's log, and how far it was read."""

    def __init__(self, connection: Connection, source: LogSource, problem: Callable[[LogSource, ApiError], object]) -> None:
        self.source = source
        self.failed = False
        self._connection = connection
        self._problem = problem
        self._last = ""
        self._seen_at_last = 0

    async def so_far(self, query: dict[str, str]) -> list[LogLine]:
        lines: list[LogLine] = []
        try:
            await self._read(query, lines.append)
        except ApiError as error:
            self.failed = True
            self._problem(self.source, error)
        return lines

    async def follow(self, sink: Callable[[LogLine], object]) -> None:
        """Until the container has ended for good. It goes on from the second of the last line: the API knows no finer."""
        while True:
            query = {"follow": "true"}
            if self._last:
                query["sinceTime"] = self._last[:19] + "Z"
            try:
                await self._read(query, sink)
                if not await self._goes_on():
                    return
            except ApiUnavailable:
                await asyncio.sleep(PAUSE_SECONDS)
            except ApiError as error:
                self._problem(self.source, error)
                return

    async def _goes_on(self) -> bool:
        """Wait until the container runs again; False when it will not."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                pod = await self._connection.get(KINDS["Pod"].path(self.source.namespace, self.source.pod))
            except (ApiNotFound, ApiDenied):  # it is gone, or only its log may be read
                return False
            if dig(pod, "status", "phase", default="") in ("Succeeded", "Failed") or dig(pod, "metadata", "deletionTimestamp"):
                return False
            known = [*items(pod, "status", "containerStatuses"), *items(pod, "status", "initContainerStatuses")]
            status = next((status for status in known if status.get("name") == self.source.container), None)
            if status is None or dig(status, "state", "running") is not None:
                return status is not None
            ended = dig(status, "state", "terminated")
            if ended is not None and not self._restarts(pod, failed=bool(count(ended, "exitCode"))):
                return False

    def _restarts(self, pod: Object, *, failed: bool) -> bool:
        policy = dig(pod, "spec", "restartPolicy", default="Always")
        for container in items(pod, "spec", "initContainers"):
            if container.get("name") == self.source.container and container.get("restartPolicy") != "Always":
                policy = "OnFailure" if policy != "Never" else policy  # it has done its part when it ends well
        return policy == "Always" or (policy == "OnFailure" and failed)

    async def _read(self, query: dict[str, str], sink: Callable[[LogLine], object]) -> None:
        source = self.source
        asked = {"container": source.container, "timestamps": "true", **query}
        if source.previous:
            asked["previous"] = "true"
        again = self._seen_at_last  # lines of the last instant come once more
        async with self._connection.stream(KINDS["Pod"].path(source.namespace, source.pod, "log"), asked) as stream:
            async for raw in stream.lines():
                time, _, text = raw.decode("utf-8", "replace").partition(" ")
                if time < self._last:
                    continue
                if time == self._last and again > 0:
                    again -= 1
                    continue
                self._seen_at_last = self._seen_at_last + 1 if time == self._last else 1
                self._last = time
                sink(LogLine(time, source.pod, source.container, text, source.namespace))
