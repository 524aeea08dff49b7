"""Running a command in a container: a plan like every change, since what a command does cannot be told from outside.

The plan and the journal keep the command, so one that seems to carry a secret is refused. Its output is kept in memory only, of the
last commands of this process.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.cluster.actions.base import BOTH, Clusters
from app.cluster.actions.change import read
from app.cluster.actions.refs import Ref
from app.cluster.actions.sharing import Sharing
from app.cluster.actions.steps import Pinned, evidence_of
from app.cluster.exec import Channel, execute
from app.cluster.objects import containers, dig
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid
from app.operations.plans import Effect, Plan, Preview, StepSpec, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.operations import Operations

KEPT = 20  # outputs
MOST = 1_000_000  # bytes of one output
LONGEST = 600  # seconds
SECRET = re.compile(
    r"(?i)(pass(word|wd|phrase)?|pwd|secret|token|api_?-?key|private_?-?key|credentials?|authorization|bearer)\w*(\s*[=:]|\s+)\s*\S"
    r"|://[^/\s:@]+:[^/\s@]+@"
)


@dataclass
class Ran:
    """A command that ran, or runs.

    Attributes:
        exit_code: None while it runs, and when it is not known.
        parts: what it wrote, in the order in which it came; ``(True, …)`` is error output.
        problem: why the exit code is not known; empty otherwise.
        ended_at: UTC ms; 0 while it runs.
        cut: it wrote more than ``MOST`` bytes; the rest was dropped.
    """

    plan: str
    context: str
    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]
    exit_code: int | None = None
    parts: list[tuple[bool, bytes]] = field(default_factory=list, repr=False)
    problem: str = ""
    ended_at: int = 0
    cut: bool = False

    def text(self, *, errors: bool | None = None) -> str:
        """What it wrote: all of it, only errors, or all but errors."""
        return b"".join(data for err, data in self.parts if errors in (None, err)).decode("utf-8", "replace")

    def take(self, channel: Channel, data: bytes) -> None:
        """Keep what came."""
        room = MOST - sum(len(part) for _, part in self.parts)
        self.cut = self.cut or len(data) > room
        if room > 0:
            self.parts.append((channel is Channel.STDERR, data[:room]))


class Running(Sharing):
    """The plan of a command."""

    def __init__(self, operations: Operations, clusters: Clusters, grace: Callable[[], int] = lambda: 5) -> None:
        super().__init__(operations, clusters, grace)
        self._ran: dict[str, Ran] = {}
        operations.register_kind(
            PlanKind("cluster.exec", self._preview_exec, None, BOTH, "What a command did in a container cannot be called back.")
        )
        operations.register_step("cluster.exec", self._exec_step)

    async def plan_exec(
        self, context: str, namespace: str, pod: str, command: Sequence[str], *, container: str = "", seconds: int = 60
    ) -> Plan:
        """Plan to run a command once. ``container`` empty: the pod's first. It is given up after ``seconds``.

        Raises:
            Invalid: no command, one that seems to carry a secret, or no such container. NotFound: no such pod.
        """
        words = [str(word) for word in command]
        if not words or not words[0].strip():
            raise Invalid("No command was given. Nothing was planned.", field="command")
        if SECRET.search(" ".join(words)):
            raise Invalid(
                "The command seems to carry a secret, and plans and the journal keep commands. Nothing was planned.",
                "Have the program read the secret from its environment or a file in the container.",
                field="command",
            )
        if not 1 <= seconds <= LONGEST:
            raise Invalid(f"A command may take between 1 and {LONGEST} s, not {seconds}. Nothing was planned.", field="seconds")
        found = await self._must(context, Ref.named("Pod", namespace, pod))
        names = [str(entry["name"]) for entry in containers(dig(found, "spec", default={}))]
        container = container or next(iter(names), "")
        if container not in names:
            raise Invalid(
                f"The pod {pod} has no container {container}; it has {', '.join(names)}. Nothing was planned.", field="container"
            )
        ref = Ref.named("Pod", namespace, pod)
        await self._allowed(context, [(ref, "create", "exec"), (ref, "get", "exec")])
        params = {
            "namespace": namespace,
            "pod": pod,
            "uid": str(dig(found, "metadata", "uid", default="")),
            "container": container,
            "command": words,
            "seconds": seconds,
        }
        title = f"Run {words[0]} in {namespace}/{pod}"
        steps = [*self._grace_steps(), StepSpec("cluster.exec", title, {})]
        return await self._operations.plan("cluster.exec", title, await self._target(context), params, steps)

    def ran(self, plan_id: str) -> Ran | None:
        """What a plan's command wrote, while this process keeps it."""
        return self._ran.get(plan_id)

    def last_in(self, context: str, namespace: str, pods: Sequence[str]) -> Ran | None:
        """The last command that ran in one of these pods."""
        fitting = (ran for ran in reversed(self._ran.values()) if (ran.context, ran.namespace) == (context, namespace))
        return next((ran for ran in fitting if ran.pod in pods), None)

    def _exec_step(self, plan: Plan, _spec: StepSpec) -> Step:
        return ExecStep(self._pinned(plan), plan, self._keep)

    def _keep(self, ran: Ran) -> None:
        self._ran[ran.plan] = ran
        while len(self._ran) > KEPT:
            del self._ran[next(iter(self._ran))]

    async def _preview_exec(self, plan: Plan) -> Preview:
        params, error = plan.params, ""
        where = f"{params['namespace']}/{params['pod']}"
        try:
            await _same(self._pinned(plan), params)
        except ConsoleError as refused:
            error = refused.message
        verdicts = []
        if self._clusters.read_only(plan.target.name):
            verdicts.append(
                Verdict(
                    "cluster.read_only", VerdictLevel.BLOCK, "This cluster is read-only here.", "Settings, Clusters, read-only."
                )
            )
        return Preview(
            effects=(Effect("cluster", f"{where} container {params['container']}", "", f"runs {shlex.join(_words(params))}"),),
            verdicts=tuple(verdicts),
            simulated_at=now_ms(),
            method="the pod was read; a command cannot be tried",
            error=error,
            notes=("The plan and the journal keep the command. What it writes is kept in memory only.",),
        )


class ExecStep(Step):
    """Runs the command at most once: after a crash nobody can tell whether it ran, so it is not run again."""

    def __init__(self, pinned: Pinned, plan: Plan, keep: Callable[[Ran], None]) -> None:
        self._pinned, self._plan, self._keep = pinned, plan, keep
        self._fresh = False
        self._ran: Ran | None = None

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Which pod: its uid."""
        await _same(self._pinned, self._plan.params)
        self._fresh = True
        return {"uid": self._plan.params["uid"]}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Run it. What is refused before it begins raises; afterwards everything is an outcome."""
        params = self._plan.params
        await _same(self._pinned, params)
        where = str(params["namespace"]), str(params["pod"])
        client: Any = await self._pinned.open()
        command, container = _words(params), str(params["container"])
        ran = Ran(self._plan.id, self._pinned.context, *where, container, command)
        try:
            async with (
                asyncio.timeout(int(str(params["seconds"]))),
                execute(client, *where, command, container=container) as session,
            ):
                self._ran = ran
                self._keep(ran)
                async for channel, data in session.output():
                    ran.take(channel, data)
                ran.exit_code = session.exit_code
                if ran.exit_code is None:
                    ran.problem = (
                        f"The connection was cut before the command ended; what it did is not known. {session.error}".strip()
                    )
        except TimeoutError:
            if self._ran is not None:
                ran.problem = f"It did not end within {params['seconds']} s and was left; it may still run in the container."
        except ConsoleError as error:
            if self._ran is None:
                raise
            ran.problem = f"{error.message} What the command did is not known."
        ran.ended_at = now_ms()

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """What this process saw of it."""
        ran = self._ran
        if ran is None:
            if self._fresh:
                return Outcome(Happened.NOT_DONE)
            return Outcome(
                Happened.DONE,
                failure="The console ended around the time the command ran; whether it ran is not known. It is not run again.",
            )
        if ran.problem:
            return Outcome(Happened.DONE, failure=ran.problem)
        ref = Ref.named("Pod", ran.namespace, ran.pod)
        proof = evidence_of(ran.context, ref, None, f"exit code {ran.exit_code}")
        return Outcome(Happened.DONE, {"exit_code": ran.exit_code, "bytes": sum(len(part) for _, part in ran.parts)}, proof)


async def _same(pinned: Pinned, params: Mapping[str, object]) -> None:
    ref = Ref.named("Pod", str(params["namespace"]), str(params["pod"]))
    now = await read(await pinned.open(), ref)
    if now is None or dig(now, "metadata", "uid", default="") != params["uid"]:
        raise Conflict(f"{ref.label} is no longer the one it was planned for. Nothing was run.", "Choose a pod again.")


def _words(params: Mapping[str, object]) -> tuple[str, ...]:
    words = params["command"]
    assert isinstance(words, list | tuple)
    return tuple(str(word) for word in words)
