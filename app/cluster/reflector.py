"""One kind of one cluster, kept equal to the server's by list and watch.

The official ``informer`` neither pages nor asks for bookmarks, and relists without pause on 410. What this one does beyond the
textbook was seen on a real server: expired history is an event of a successful answer; a watch from a version that the server has
not reached is silent; a killed server ends a stream without its last chunk, and a draining one keeps it open and silent; valid
users get 403 for a moment after a restart.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from app.cluster.client import Connection, unreachable
from app.cluster.failures import ApiDenied, ApiError, ApiGone, ApiNotFound, ApiUnavailable, error_of, read_failure
from app.cluster.kinds import Kind
from app.cluster.store import Key, KindState, KindStatus, Object, Store, key_of, lighten
from app.core.clock import now_ms
from app.core.errors import ConsoleError

log = logging.getLogger(__name__)
MANY = 2000  # objects of a kind
MOST_RETRY_AFTER = 120.0  # seconds; a proxy that says an hour would blind the console for one
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Timing:
    """Pauses and limits, in seconds.

    Attributes:
        page: objects per page of a first list; reading one holds the interpreter, so it bounds what a window may feel of it.
        answer: how long a page may take. Consistent reads hang for over 30 s while etcd is down.
        watch: how long one watch is asked to last; short, so that a dead one is found without trusting it. A server sends a
            bookmark some two seconds before the end, so resuming costs one request and no history is lost.
        grace: how much longer it may be silent before it counts as cut.
        poll: pause between lists where this identity may list and not watch.
        shortest, longest: pauses after failures, doubled each time, with jitter.
        doubt: pauses before a 403 is believed.
        idle: pause before a kind that is not served, or not allowed, is asked for again.
    """

    page: int = 250
    answer: float = 15.0
    watch: float = 45.0
    grace: float = 5.0
    poll: float = 20.0
    shortest: float = 0.5
    longest: float = 30.0
    doubt: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    idle: float = 30.0


class Reflector:
    """Keeps one kind in a store.

    Args:
        namespace: only this one; empty for the whole cluster.
        changed: called with the kind's name after each change of objects or of their state.
    """

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        store: Store,
        changed: Callable[[str], object],
        *,
        namespace: str = "",
        timing: Timing | None = None,
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.revision = ""
        self.state = KindState()
        self.lists = 0
        self.watches = 0
        self.denied = asyncio.Event()  # set when a refusal was believed
        self._connection = connection
        self._store = store
        self._changed = changed
        self._timing = timing or Timing()
        self._pause = self._timing.shortest
        self._refused = 0
        self._missing = 0
        self._failed_watches = 0
        self._polls = False
        self._open = False
        self._doubt = ""
        self._memory = ""
        self._woken = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Follow the kind until cancelled. No answer of a server ends it."""
        while True:
            try:
                if not self.revision:
                    await self._list()
                await (self._poll() if self._polls else self._watch())
            except ApiError as error:
                await self._rest(self._after(error))
            except ConsoleError as error:  # nothing was asked: the credentials cannot be had
                self._say(KindStatus.STALE if self.state.known_at else self.state.status, error.message)
                await self._rest(self._longer())
            except Exception:
                # A bug of ours, or an answer nobody has seen yet: it is told, and the kind is read again from the start.
                log.exception("the watch of %s on %s failed", self.kind.plural, self._connection.context)
                self.revision = ""
                self._say(KindStatus.STALE, "The console failed to read an answer; it reads all again.")
                await self._rest(self._longer())

    def wake(self) -> None:
        """Try again now: the server answers again. An open watch is opened anew, since it may lead to a server that is gone."""
        self._woken.set()
        self._pause = self._timing.shortest
        if self._limit is not None and self._open:
            self._limit.reschedule(asyncio.get_running_loop().time())

    def forget(self) -> None:
        """Read all again: another history, or another cluster, answers."""
        self.revision = ""
        self.wake()

    def doubt(self, message: str) -> None:
        """The server does not answer elsewhere: an open watch proves nothing then. An empty message ends the doubt."""
        self._doubt = message
        if self.state.status is KindStatus.LIVE and message:
            self._say(KindStatus.STALE, message)
        elif not message and self.state.status is KindStatus.STALE and self._open:
            self._say(KindStatus.LIVE)

    # list

    async def _list(self) -> None:
        self.lists += 1
        try:
            try:
                items, revision = await self._pages(paged=True)
            except ApiGone:
                # The token expired between two pages. The server offers another whose list is not consistent: an object that moved
                # meanwhile could be missed for good. One unpaged list is.
                items, revision = await self._pages(paged=False)
        except ApiUnavailable as error:
            if error.failure.reason == "Timeout" and self.state.known_at == 0:
                await self._remember()
            raise
        self._replace(items)
        if len(items) >= MANY and not self._polls:  # what is read again and again would freeze more each time
            # A full search for cycles goes through every object of the cache and holds up the whole program meanwhile: 0.4 s for
            # ten thousand pods. JSON has no cycles, and what is replaced goes by its count of references, frozen or not.
            gc.freeze()
        self.revision = revision
        self._refused = self._missing = 0
        self._memory = ""
        self._say(KindStatus.LIVE)

    async def _pages(self, *, paged: bool) -> tuple[dict[Key, Object], str]:
        items: dict[Key, Object] = {}
        query = {"limit": str(self._timing.page)} if paged else {}
        first = self.state.known_at == 0
        while True:
            body = await self._connection.get(
                self._path,
                query,
                accept=self._accept("PartialObjectMetadataList"),
                timeout=self._timing.answer * (1 if paged else 4),
            )
            for item in body.get("items") or ():
                light = lighten(item, self.kind)
                items[key_of(light)] = light
                if first:
                    self._store.put(self.kind.kind, light)
            following = (body.get("metadata") or {}).get("continue")
            if not following:
                return items, str(body["metadata"]["resourceVersion"])
            if first:
                # Shown as they come; the kind stays unknown until the last page, so nobody concludes from what is missing.
                self._changed(self.kind.kind)
            query = {"limit": str(self._timing.page), "continue": following}

    async def _remember(self) -> None:
        """With its store down, a server still tells what it has in memory: better than nothing, and marked so."""
        try:
            query = {"resourceVersion": "0"}
            body = await self._connection.get(
                self._path, query, accept=self._accept("PartialObjectMetadataList"), timeout=self._timing.answer
            )
        except ApiError:
            return
        found = [lighten(item, self.kind) for item in body.get("items") or ()]
        self._replace({key_of(item): item for item in found})
        self._memory = "The API server's own store does not answer; this is what it had in memory."
        self._say(KindStatus.STALE, self._memory)

    def _replace(self, items: dict[Key, Object]) -> None:
        if self._store.replace(self.kind.kind, items, self.namespace):
            self._changed(self.kind.kind)

    # watch

    async def _watch(self) -> None:
        """One watch, from the version known to its end."""
        timing, loop = self._timing, asyncio.get_running_loop()
        seconds = max(1, round(timing.watch * random.uniform(0.8, 1.2)))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.revision,
            "timeoutSeconds": str(seconds),
        }
        self.watches += 1
        opened, heard, silent = loop.time(), False, False
        self._woken.clear()
        try:
            async with asyncio.timeout(timing.answer) as limit:
                self._limit = limit
                async with self._connection.stream(self._path, query, accept=self._accept("PartialObjectMetadata")) as stream:
                    limit.reschedule(loop.time() + seconds + timing.grace)
                    self._open = True
                    self._refused = self._missing = self._failed_watches = 0
                    self._say(KindStatus.LIVE)
                    async for line in stream.lines():
                        heard = True
                        self._take(line)
        except TimeoutError:
            if not self._open:
                raise unreachable(self._connection.context, TimeoutError()) from None
            silent = True
        finally:
            self._limit, self._open = None, False
        if heard or self._woken.is_set():
            self._pause = timing.shortest
        if not heard:
            await self._verify()
            if not silent and loop.time() - opened < 0.5:
                # Ended at once and said nothing: a server that does so again and again must not be asked without pause.
                await self._rest(self._longer())

    def _take(self, line: bytes) -> None:
        try:
            event = _decode(line)
            kind, item = event["type"], event["object"]
        except (msgspec.DecodeError, KeyError, TypeError):
            raise unreachable(self._connection.context, ConnectionResetError()) from None
        if kind == "ERROR":
            failure = read_failure(int(item.get("code") or 500), msgspec.json.encode(item))
            raise error_of(failure, self._connection.context, f"watch {self.kind.plural}")
        self.revision = item["metadata"]["resourceVersion"]
        moved = False
        if kind == "DELETED":
            # No selector is asked for, so the object is gone, not merely out of view.
            moved = self._store.remove(self.kind.kind, key_of(item))
        elif kind in ("ADDED", "MODIFIED"):
            moved = self._store.put(self.kind.kind, lighten(item, self.kind))
        # A bookmark is no object: it says how far this watch has come, and nothing else.
        self._say(KindStatus.STALE if self._doubt else KindStatus.LIVE, self._doubt)
        if moved:
            self._changed(self.kind.kind)

    async def _verify(self) -> None:
        """After a watch that said nothing: the version it asked from may lie in a future that this server never had.

        Such a watch stays silent for ever (a store restored from a backup, another cluster under the same address).
        """
        body = await self._connection.get(
            self._path, {"limit": "1"}, accept=self._accept("PartialObjectMetadataList"), timeout=self._timing.answer
        )
        now = str(body["metadata"].get("resourceVersion", ""))
        if now.isdecimal() and self.revision.isdecimal() and int(now) < int(self.revision):
            log.warning("%s on %s went back from %s to %s", self.kind.plural, self._connection.context, self.revision, now)
            self.revision = ""

    async def _poll(self) -> None:
        """May list, may not watch: read it now and then."""
        await self._rest(self._timing.poll)
        await self._list()
        self._polls = False  # a right that was given meanwhile is used

    # failures

    def _after(self, error: ApiError) -> float:
        """Take in a failure; seconds until the next try."""
        status, timing = error.failure.status, self._timing
        if isinstance(error, ApiGone):
            self.revision = ""
            self._say(KindStatus.STALE, "The cluster no longer keeps the changes since then; all is read again.")
            return self._longer()
        if isinstance(error, ApiDenied) and status == 403:
            return self._after_403(error)
        if isinstance(error, ApiNotFound):
            self.revision = ""
            self._missing += 1
            if self._missing == 1:
                return self._longer()
            self._drop(KindStatus.ABSENT, f"This cluster does not serve {self.kind.plural} of {self.kind.api_version}.")
            return timing.idle
        if error.failure.reason == "Cut" and self.revision and not self._failed_watches:
            # Watches are cut all the time, by balancers and restarts. Only one that cannot be resumed is worth a word.
            self._failed_watches = 1
            return self._longer()
        if self.revision:
            self._failed_watches += 1
            if self._failed_watches >= 3 and status:
                self.revision = ""  # a version that the server chokes on would fail for ever
        self._say(KindStatus.STALE if self.state.known_at else self.state.status, self._memory or error.message)
        if status == 401:
            return max(timing.longest / 2, self._longer()) if timing.longest >= 1 else self._longer()
        wait = self._longer()
        return max(wait, min(error.failure.retry_after or 0.0, MOST_RETRY_AFTER))

    def _after_403(self, error: ApiError) -> float:
        """A 403 is believed when it stays: just after a restart valid users get one."""
        timing = self._timing
        if self._refused < (len(timing.doubt) if self.state.known_at else 2):
            self._refused += 1
            return timing.doubt[self._refused - 1]
        if self.revision:
            # The watch is refused. Whether the list is allowed still, the list itself tells.
            self._polls, self.revision = True, ""
            return 0.0
        self._polls = False
        self._drop(KindStatus.DENIED, error.message)
        self.denied.set()
        return timing.idle

    def _drop(self, status: KindStatus, message: str) -> None:
        self._replace({})
        self.state = KindState()
        self._say(status, message)

    def _longer(self) -> float:
        pause, self._pause = self._pause, min(self._timing.longest, self._pause * 2)
        return pause * random.uniform(0.5, 1.0)

    async def _rest(self, seconds: float) -> None:
        """Pause, or until woken."""
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def _say(self, status: KindStatus, message: str = "") -> None:
        if status is KindStatus.LIVE and self._doubt:
            status, message = KindStatus.STALE, self._doubt
        if status is KindStatus.LIVE and self._polls:
            message = f"This identity may list it and not watch it; it is read every {self._timing.poll:.0f} s."
        told = status is KindStatus.LIVE or (status is KindStatus.STALE and self._open)
        state = KindState(status, now_ms() if told else self.state.known_at, message)
        shown = (self.state.status, self.state.message) != (state.status, state.message)
        self.state = state
        self._store.set_state(self.kind.kind, state, self.namespace)
        if shown:
            self._changed(self.kind.kind)

    @property
    def _path(self) -> str:
        return self.kind.path(self.namespace)

    def _accept(self, form: str) -> str:
        return f"application/json;as={form};g=meta.k8s.io;v=v1" if self.kind.metadata_only else "application/json"
