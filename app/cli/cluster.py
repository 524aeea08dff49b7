"""Clusters on the command line."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.support import CHECK_FAILED, leave, options, progress, run, say, show, table
from app.core.clock import now_ms
from app.core.errors import NotFound

if TYPE_CHECKING:
    from app.cluster import Clusters, LogLine
    from app.cluster.health import Health
    from app.console import Console

cluster = typer.Typer(help="Kubernetes clusters: contexts, health, workloads, logs and changes.", no_args_is_help=True)
KINDS = {  # workloads, by the words that kubectl knows them by
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "statefulsets": "StatefulSet",
    "sts": "StatefulSet",
    "daemonset": "DaemonSet",
    "daemonsets": "DaemonSet",
    "ds": "DaemonSet",
    "rollout": "Rollout",
    "rollouts": "Rollout",
}
OTHERS = {  # what has pods and no rollout
    "job": "Job",
    "jobs": "Job",
    "cronjob": "CronJob",
    "cronjobs": "CronJob",
    "cj": "CronJob",
    "replicaset": "ReplicaSet",
    "replicasets": "ReplicaSet",
    "rs": "ReplicaSet",
}
ContextOption = Annotated[str, typer.Option("--context", help="Context of the kubeconfig; default: the current one.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Only this namespace.")]


def context_of(clusters: Clusters, name: str) -> str:
    """The context that was named, or the one kubectl would use."""
    found = clusters.contexts()
    if name:
        return found.get(name).name
    if found.current:
        return found.current
    raise NotFound(
        f"No cluster context is current. {' '.join(found.problems)} Nothing was done.".replace("  ", " "),
        "Name one with --context, or set KUBECONFIG.",
    )


async def ready(console: Console, context: str) -> str:
    """Connect and read everything once.

    Raises:
        Unavailable: the cluster does not answer. Denied: not to this identity.
    """
    from app.core.errors import Denied, Unavailable

    name = context_of(console.clusters, context)
    reach = await console.clusters.connect(name)
    if reach.refused:
        raise Denied(reach.message)
    if not reach.answers:
        raise Unavailable(reach.message or f"The cluster {name} does not answer.", "Nothing was read.", retryable=True)
    await console.clusters.settled(name)
    return name


@cluster.command("contexts")
def contexts(probe: Annotated[bool, typer.Option(help="Ask each whether it answers.")] = True) -> None:
    """All contexts: environment, reachability, version."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        clusters = console.clusters
        found = clusters.contexts()
        if probe:
            await clusters.connect_all()
        rows = []
        for context in found.all:
            reach = clusters.reach(context.name)
            rows.append(
                {
                    "context": context.name,
                    "current": context.name == found.current,
                    "environment": clusters.environment(context.name),
                    "read_only": clusters.read_only(context.name),
                    "server": context.server,
                    "credentials": context.credentials,
                    "namespace": context.namespace,
                    "answers": reach.answers,
                    "latency_ms": round(reach.latency_ms, 1),
                    "version": reach.version,
                    "message": reach.message,
                }
            )
        return rows, found.problems

    rows, problems = run(work)
    for problem in problems:
        progress(problem)
    words = {True: "yes", False: "no", None: ""}
    show(
        rows,
        people=lambda: table(
            ("", "Context", "Environment", "Answers", "Version", "Server", ""),
            [
                (
                    "*" if row["current"] else "",
                    row["context"],
                    f"{row['environment'].value}{', read-only' if row['read_only'] else ''}",
                    words[row["answers"]],
                    row["version"],
                    row["server"],
                    row["message"],
                )
                for row in rows
            ],
            empty="No context was found. Set KUBECONFIG, or put a file at ~/.kube/config.",
        ),
    )


@cluster.command("health")
def health(context: ContextOption = "", namespace: NamespaceOption = "") -> None:
    """What is not well, worst first, with the likely cause. Exit code 9 when something is critical, or pods could not be read."""

    async def work(console: Console) -> tuple[str, Health, dict[str, str], str]:
        name = await ready(console, context)
        judged = await console.clusters.health(name)
        snapshot = console.clusters.snapshot(name)
        unread = {kind: snapshot.state(kind).message for kind in judged.unread}
        return name, judged, unread, console.clusters.remarks(name)

    name, judged, unread, remarks = run(work)
    signals = [signal for signal in judged.signals if namespace in ("", signal.namespace)]
    # What was not read is not healthy: nothing critical is then only nothing seen.
    bad = "Pod" in judged.unread or any(signal.severity.value == "critical" for signal in signals)
    quiet = sum(signal.severity.value == "notice" for signal in signals)
    notices = f", {quiet} of them notices, which --json lists too" if quiet else ""
    show(
        {
            "context": name,
            "score": judged.score,
            "healthy": not bad,
            "unread": judged.unread,
            "remarks": remarks,
            "signals": [
                {
                    "rule": signal.rule,
                    "severity": signal.severity,
                    "kind": signal.kind,
                    "namespace": signal.namespace,
                    "name": signal.name,
                    "title": signal.title,
                    "cause": signal.cause,
                    "since": signal.since,
                }
                for signal in signals
            ],
        },
        people=lambda: "\n".join(
            [
                f"{name}: {judged.score} of 100, {len(signals)} signals{notices}",
                *(
                    f"  {signal.severity.value:8} {signal.kind} {f'{signal.namespace}/'.lstrip('/')}{signal.name}: {signal.title}"
                    + f"\n{'':11}{signal.cause}" * bool(signal.cause)
                    for signal in signals
                    if signal.severity.value in ("critical", "warning")
                ),
                *(f"  Not read: {kind}. {why}".rstrip() for kind, why in unread.items()),
                *([f"  {remarks}"] if remarks else []),
            ]
        ),
    )
    leave(CHECK_FAILED if bad else 0)


@cluster.command("workloads")
def workloads(context: ContextOption = "", namespace: NamespaceOption = "") -> None:
    """Deployments, StatefulSets, DaemonSets, Jobs and Rollouts."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        from app.cluster.workloads import View

        name = await ready(console, context)
        view = View(console.clusters.snapshot(name))
        judged = await console.clusters.health(name)
        return [(item, judged.by_workload.get(item.key)) for item in view.workloads if namespace in ("", item.namespace)]

    found = run(work)
    from app.cluster.quantities import age

    now = now_ms()
    show(
        [
            {
                "kind": item.kind,
                "namespace": item.namespace,
                "name": item.name,
                "ready": item.ready,
                "wanted": item.wanted,
                "updated": item.updated,
                "restarts": item.restarts,
                "images": item.images,
                "score": judged.score if judged is not None else None,
                "created_at": item.created_at,
            }
            for item, judged in found
        ],
        people=lambda: table(
            ("Namespace", "Kind", "Name", "Ready", "Up to date", "Restarts", "Health", "Age", "Images"),
            [
                (
                    item.namespace,
                    item.kind,
                    item.name,
                    f"{item.ready}/{item.wanted}",
                    str(item.updated),
                    str(item.restarts),
                    str(judged.score) if judged is not None else "",
                    age(item.created_at, now),
                    ", ".join(item.images),
                )
                for item, judged in found
            ],
            empty="There are no workloads.",
        ),
    )


@cluster.command("logs")
def logs(
    target: Annotated[str, typer.Argument(help="A pod, or a workload as kind/name, such as deployment/web or job/nightly-1")],
    context: ContextOption = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: the context's, else default.")] = "",
    container: Annotated[str, typer.Option("--container", "-c", help="Only this container.")] = "",
    tail: Annotated[int, typer.Option(help="Last lines of each container; -1 for all.")] = 200,
    since: Annotated[int, typer.Option(help="No older than so many seconds; 0 for no limit.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    previous: Annotated[bool, typer.Option("--previous", "-p", help="The container before its last restart.")] = False,
) -> None:
    """Logs of a pod, or of all pods of a workload as one. With --json one object a line."""
    import json

    def sink(line: LogLine) -> None:
        if options.json:
            print(json.dumps({"time": line.time, "pod": line.pod, "container": line.container, "text": line.text}), flush=True)
        else:
            print(f"{line.pod} {line.text}", flush=True)

    async def work(console: Console) -> bool:
        clusters = console.clusters
        name = await ready(console, context)
        where = namespace or clusters.contexts().get(name).namespace
        pods = _pods_of(clusters, name, where, target)
        sources = clusters.log_sources(name, where, pods, container=container, previous=previous)
        if not sources:
            raise NotFound(f"There is no log of {target} in {where}. Nothing was read.", "See: azora cluster workloads")
        failed = []

        def problem(source: object, error: Exception) -> None:
            failed.append(source)
            print(str(error), file=sys.stderr)

        try:
            await clusters.logs(
                name,
                sources,
                sink,
                tail=None if tail < 0 else tail,
                since_seconds=since or None,
                follow=follow,
                problem=problem,
            )
        except asyncio.CancelledError:
            say()
        return len(failed) < len(sources)

    leave(0 if run(work) else CHECK_FAILED)


def _pods_of(clusters: Clusters, context: str, namespace: str, target: str) -> list[str]:
    from app.cluster.workloads import View

    snapshot = clusters.snapshot(context)
    kind, slash, name = target.partition("/")
    if not slash or kind.casefold() in ("pod", "pods", "po"):
        return [name or kind]
    found = (KINDS | OTHERS).get(kind.casefold(), "")
    if snapshot.get(found, namespace, name) is not None:
        return sorted(pod.name for pod in View(snapshot).pods_of((found, namespace, name)))
    raise NotFound(f"There is no {kind} {name} in {namespace}. Nothing was read.", "azora cluster workloads lists what there is.")
