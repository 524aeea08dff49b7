"""Signals of workloads: too few ready, a rollout that does not get on, jobs that fail, Argo CD."""

from __future__ import annotations

from collections.abc import Iterator

from app.cluster.health.pods import IMAGE_REASONS, looping, way_back
from app.cluster.health.signals import DAY, MINUTE, Seen, Severity, Signal, rule, seen, suggest
from app.cluster.objects import (
    annotations_of,
    condition,
    controller_of,
    count,
    dig,
    items,
    labels_of,
    millis,
    name_of,
    namespace_of,
)
from app.cluster.workloads import View, Workload

REVISION = "deployment.kubernetes.io/revision"
ROLLOUT_REVISION = "rollout.argoproj.io/revision"
REFUSED_MEMORY = 20 * MINUTE  # a controller asks again after a pause that grows to a quarter of an hour
SLOW = 10 * MINUTE  # the default progressDeadlineSeconds of a Deployment, used where a kind has none
SERVING = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")


@rule("workload.readiness")
def readiness(view: View, now: int) -> Iterator[Signal]:
    """Fewer ready pods than wanted, for longer than a start takes."""
    for line in view.workloads:
        if line.kind not in SERVING or line.ready >= line.wanted:
            continue
        since = _short_since(line)
        if now - (since or line.created_at) < MINUTE or line.ready + _coming(view, line, now) >= line.wanted:
            continue
        none = line.ready == 0
        yield Signal(
            "workload.readiness",
            Severity.CRITICAL if none else Severity.WARNING,
            *line.key,
            f"None of {line.wanted} pods is ready" if none else f"{line.ready} of {line.wanted} pods are ready",
            "It serves nothing." if none else "It serves with less than it should.",
            since,
            (seen(line.obj, "status.numberReady" if line.kind == "DaemonSet" else "status.readyReplicas", line.ready),),
            suggest("cluster.workload", line),
            line.key,
        )


def _coming(view: View, line: Workload, now: int) -> int:
    """Pods that are on their way, as in every rolling update: made or turned less than a minute ago, or ending to be replaced."""
    found = 0
    for pod in view.pods_by_owner.get(line.key, ()):
        if pod.deleted_at:  # a Deployment does not wait for its end, and makes another at once
            found += line.kind in ("StatefulSet", "DaemonSet") and pod.deleted_at > now
        elif not pod.is_ready and not pod.ended and not pod.restarts:
            turned = millis(condition(view.reading.of("Pod")[pod.namespace, pod.name], "Ready").get("lastTransitionTime"))
            found += now - (turned or pod.created_at) < MINUTE
    return found


def _short_since(line: Workload) -> int:
    available = condition(line.obj, "Available")
    return millis(available.get("lastTransitionTime")) if available.get("status") == "False" else 0


@rule("rollout.stuck")
def stuck(view: View, now: int) -> Iterator[Signal]:
    """A rollout that does not get on.

    The controller's own word comes late or never: with crash-looping pods a Deployment goes on saying Progressing=True when it
    was complete once. So the pods of the newest template are looked at too.
    """
    for line in view.workloads:
        if line.kind not in SERVING or line.paused:
            continue
        progressing = condition(line.obj, "Progressing")
        if progressing.get("reason") == "ProgressDeadlineExceeded" and progressing.get("status") == "False":
            yield _stuck(
                view,
                line,
                str(progressing.get("message", "")),
                f"False {progressing['reason']}",
                millis(progressing.get("lastTransitionTime")),
            )
        elif broken := _broken_newest(view, line, now):
            yield _stuck(view, line, broken, f"newest pods: {broken}", 0)


def _stuck(view: View, line: Workload, why: str, fact: str, since: int) -> Signal:
    back = way_back(view, line.key)
    return Signal(
        "rollout.stuck",
        Severity.CRITICAL,
        *line.key,
        f"The rollout does not get on: {line.updated} of {line.wanted} updated, {line.available} available",
        f"{why.rstrip('.')}. The signals of its pods say why{'; undo goes back to the revision before' if back else ''}.",
        since,
        (seen(line.obj, "status.conditions[Progressing]", fact, since),),
        back or suggest("cluster.edit", line),
        line.key,
    )


def _broken_newest(view: View, line: Workload, now: int) -> str:
    """What is wrong with the pods of the newest template while older ones are still there; empty when nothing."""
    newest = {(p.namespace, p.name) for p in view.pods_by_owner.get(line.key, ()) if _is_newest(view, line, p.namespace, p.name)}
    others = [p for p in view.pods_by_owner.get(line.key, ()) if (p.namespace, p.name) not in newest]
    if not others or not newest:
        return ""
    for key in sorted(newest):
        pod = view.reading.get("Pod", *key)
        for status in items(pod, "status", "containerStatuses"):
            if looping(status, now):
                return f"pod {key[1]} crashes again and again"
            if dig(status, "state", "waiting", "reason") in IMAGE_REASONS:
                return f"pod {key[1]} gets no image"
        if line.kind in ("StatefulSet", "DaemonSet") and not view.pods[key].is_ready and now - view.pods[key].created_at > SLOW:
            return f"pod {key[1]} does not become ready"
    return ""


def _is_newest(view: View, line: Workload, namespace: str, name: str) -> bool:
    pod = view.reading.get("Pod", namespace, name)
    if pod is None:
        return False
    if line.kind in ("StatefulSet", "DaemonSet"):
        mine = labels_of(pod).get("controller-revision-hash", "")
        if line.kind == "StatefulSet":
            return bool(mine) and mine == line.revision
        revisions = [
            r
            for r in view.reading.of("ControllerRevision").values()
            if controller_of(r) == (line.kind, line.name) and namespace_of(r) == namespace
        ]
        newest = max(revisions, key=lambda r: count(r, "revision"), default=None)
        return newest is not None and labels_of(newest).get("controller-revision-hash", name_of(newest).rpartition("-")[2]) == mine
    kind, owner = controller_of(pod)
    above = view.reading.get(kind, namespace, owner)
    wanted = ROLLOUT_REVISION if line.kind == "Rollout" else REVISION
    return above is not None and bool(line.revision) and annotations_of(above).get(wanted) == line.revision


@rule("rollout.refused")
def refused(view: View, now: int) -> Iterator[Signal]:
    """Pods that the API server does not let a workload make: a quota, a policy, a missing service account."""
    for line in view.workloads:
        if (found := _refusal(view, line, now)) is None:
            continue
        message, fact = found
        yield Signal(
            "rollout.refused",
            Severity.CRITICAL,
            *line.key,
            "The API server refuses to create its pods",
            "A quota of the namespace is used up." if "exceeded quota" in message else message,
            fact.at,
            (fact,),
            suggest("cluster.workload", line),
            line.key,
        )


def _refusal(view: View, line: Workload, now: int) -> tuple[str, Seen] | None:
    """What the server said, and where that stands: in a condition, or in an event of a kind that has no such condition."""
    found = condition(line.obj, "ReplicaFailure")
    if found.get("status") == "True":
        message, at = str(found.get("message", "")), millis(found.get("lastTransitionTime"))
        return message, seen(line.obj, "status.conditions[ReplicaFailure]", f"{found.get('reason')}: {message}", at)
    if line.kind in ("StatefulSet", "DaemonSet") and line.total < line.wanted:
        for event in view.events_about.get(line.key, ()):
            if event.reason == "FailedCreate" and event.kind == "Warning" and now - event.last_at < REFUSED_MEMORY:
                return event.message, Seen("Event", line.namespace, line.name, "FailedCreate", event.message, event.last_at)
    return None


@rule("rollout.paused")
def paused(view: View, now: int) -> Iterator[Signal]:
    """A rollout that was paused half way."""
    for line in view.workloads:
        if line.kind == "Rollout":
            reasons = items(line.obj, "status", "pauseConditions")
            half, field = bool(reasons), "status.pauseConditions"
            why = ", ".join(str(reason.get("reason")) for reason in reasons)
        else:
            half, field, why = line.kind == "Deployment" and line.paused and 0 < line.updated < line.total, "spec.paused", "true"
        if half:
            yield Signal(
                "rollout.paused",
                Severity.WARNING,
                *line.key,
                f"Paused half way, {line.updated} of {line.wanted} updated",
                "Two versions serve side by side until somebody promotes, resumes or undoes it.",
                0,
                (seen(line.obj, field, why),),
                suggest("cluster.rollout.resume", line),
                line.key,
            )


@rule("job.failed")
def failed_jobs(view: View, now: int) -> Iterator[Signal]:
    """A Job that gave up within the last day and has no later success of the same CronJob."""
    succeeded: dict[tuple[str, str], int] = {}
    for (namespace, _), job in view.reading.of("Job").items():
        kind, owner = controller_of(job)
        if kind == "CronJob" and condition(job, "Complete").get("status") == "True":
            at = millis(dig(job, "status", "completionTime"))
            succeeded[namespace, owner] = max(at, succeeded.get((namespace, owner), 0))
    for (namespace, name), job in view.reading.of("Job").items():
        found = condition(job, "Failed")
        at = millis(found.get("lastTransitionTime"))
        kind, owner = controller_of(job)
        if found.get("status") != "True" or now - at > DAY or (kind == "CronJob" and succeeded.get((namespace, owner), 0) > at):
            continue
        yield Signal(
            "job.failed",
            Severity.WARNING,
            "Job",
            namespace,
            name,
            f"The job failed: {found.get('reason', '')}",
            str(found.get("message", "")),
            at,
            (seen(job, "status.conditions[Failed]", f"{found.get('reason')}: {found.get('message')}", at),),
            suggest("cluster.logs", job),
            ("CronJob", namespace, owner) if kind == "CronJob" else ("Job", namespace, name),
        )


@rule("argo.health", "argo.sync")
def applications(view: View, now: int) -> Iterator[Signal]:
    """What Argo CD says: health and sync are two things."""
    for (namespace, name), app in view.reading.of("Application").items():
        health = dig(app, "status", "health", "status", default="Unknown")
        if health in ("Degraded", "Missing"):
            yield Signal(
                "argo.health",
                Severity.WARNING,
                "Application",
                namespace,
                name,
                f"Argo CD calls it {health}",
                dig(app, "status", "health", "message", default="The worst of its resources decides."),
                millis(dig(app, "status", "health", "lastTransitionTime")),
                (seen(app, "status.health.status", health),),
                suggest("cluster.application", app),
            )
        if dig(app, "status", "sync", "status") == "OutOfSync":
            drifted = [r for r in items(app, "status", "resources") if r.get("status") == "OutOfSync"]
            yield Signal(
                "argo.sync",
                Severity.NOTICE,
                "Application",
                namespace,
                name,
                "What runs is not what Git says",
                f"{len(drifted)} of {len(items(app, 'status', 'resources'))} resources differ.",
                millis(dig(app, "status", "reconciledAt")),
                (seen(app, "status.sync.status", "OutOfSync"),),
                suggest("cluster.argo.sync", app),
            )
