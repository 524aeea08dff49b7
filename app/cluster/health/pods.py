"""Signals of pods: crash loops, memory, images, scheduling, probes, dead nodes.

A container in a crash loop runs for some seconds between two back-offs: a rule that asks for the waiting reason alone would
flicker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.cluster.health.signals import HOUR, MINUTE, Seen, Severity, Signal, Suggestion, rule, seen, suggest
from app.cluster.objects import Key, Object, annotations_of, condition, count, dig, items, millis, texts
from app.cluster.pods import PodLine
from app.cluster.quantities import amount, bytes_text
from app.cluster.workloads import View

PATIENCE = MINUTE  # before a pod that is merely on its way is called late
LOOP_MEMORY = 6 * MINUTE  # the longest back-off is five minutes
IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
REVISIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError")


def _signal(
    view: View,
    pod: Object,
    name: str,
    severity: Severity,
    title: str,
    cause: str,
    evidence: tuple[Seen, ...],
    since: int = 0,
    suggestion: Suggestion | None = None,
) -> Signal:
    line = _line(view, pod)
    owner = view.owners[line.namespace, line.name]
    return Signal(name, severity, "Pod", line.namespace, line.name, title, cause, since, evidence, suggestion, owner)


def _line(view: View, pod: Object) -> PodLine:
    return view.pods[dig(pod, "metadata", "namespace", default=""), pod["metadata"]["name"]]


def _statuses(pod: Object) -> Iterator[tuple[str, Object]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        for index, status in enumerate(items(pod, "status", field)):
            yield f"status.{field}[{index}]", status


def _ended(status: Object) -> tuple[str, Object | None]:
    """The end of a container that matters: the present one, else the last."""
    for field in ("state", "lastState"):
        if (found := dig(status, field, "terminated")) is not None:
            return f"{field}.terminated", found
    return "", None


def looping(status: Object, now: int) -> bool:
    """Whether a container is in a crash loop, also in the seconds in which it runs again."""
    if dig(status, "state", "waiting", "reason") == "CrashLoopBackOff":
        return True
    field, ended = _ended(status)
    if ended is None or count(status, "restartCount") < 3:
        return False
    if field.startswith("state.") and not count(ended, "exitCode"):
        return False  # an init container, or the container of a Job, that came to its end
    return not status.get("ready") and now - millis(ended.get("finishedAt")) < LOOP_MEMORY


def _exit_words(ended: Object | None) -> str:
    if ended is None:
        return "It ends right after it starts; the log of the previous container says why."
    code = count(ended, "exitCode")
    if ended.get("reason") == "OOMKilled":
        return "The kernel kills it because it needs more memory than its limit."
    known = {
        0: "The program ends by itself, as if it had nothing to do; a server must stay in the foreground.",
        1: "The program ends with a failure of its own: often a missing setting, a refused connection or a bad argument.",
        126: "The command cannot be executed: wrong permissions or a binary for another processor.",
        127: "The command does not exist in the image.",
        137: "It was killed (SIGKILL): too much memory, or a liveness probe that it failed.",
        139: "The program crashed (segmentation fault).",
        143: "It was asked to stop (SIGTERM), often by a failing liveness probe.",
    }
    return known.get(code, f"The program ends with exit code {code}.") + " The log of the previous container says more."


@rule("pod.crash_loop")
def crash_loops(view: View, now: int) -> Iterator[Signal]:
    """A container that ends again and again."""
    for pod in view.uneasy:
        if dig(pod, "status", "phase") in ("Succeeded", "Failed"):
            continue
        for path, status in _statuses(pod):
            if not looping(status, now):
                continue
            field, ended = _ended(status)
            restarts = count(status, "restartCount")
            facts = [seen(pod, f"{path}.restartCount", restarts)]
            if why := dig(status, "state", "waiting", "reason"):
                facts.insert(0, seen(pod, f"{path}.state.waiting.reason", why))
            if ended is not None:
                end = f"{ended.get('reason', '')} {count(ended, 'exitCode')}".strip()
                facts.append(seen(pod, f"{path}.{field}", end, millis(ended.get("finishedAt"))))
            yield _signal(
                view,
                pod,
                "pod.crash_loop",
                Severity.CRITICAL,
                f"Container {status.get('name')} crashes again and again, {restarts} restarts",
                _exit_words(ended),
                tuple(facts),
                millis(dig(pod, "status", "startTime")),
                suggest("cluster.logs", pod, container=str(status.get("name")), previous="true"),
            )
            break


@rule("pod.oom")
def out_of_memory(view: View, now: int) -> Iterator[Signal]:
    """A container that the kernel killed for its memory within the last hour."""
    for pod in view.uneasy:
        for path, status in _statuses(pod):
            field, ended = _ended(status)
            if ended is None or ended.get("reason") != "OOMKilled" or now - millis(ended.get("finishedAt")) > HOUR:
                continue
            limit = _limit(pod, str(status.get("name")), "memory")
            yield _signal(
                view,
                pod,
                "pod.oom",
                Severity.WARNING if status.get("ready") else Severity.CRITICAL,
                f"Container {status.get('name')} was killed for using too much memory",
                f"It needs more than its limit of {limit}." if limit else "It has no limit of its own: the node ran out of memory.",
                (seen(pod, f"{path}.{field}.reason", "OOMKilled", millis(ended.get("finishedAt"))),),
                millis(ended.get("finishedAt")),
                _changed(view, pod),
            )
            break


def _key(pod: Object) -> tuple[str, str]:
    return dig(pod, "metadata", "namespace", default=""), pod["metadata"]["name"]


def _changed(view: View, pod: Object) -> Suggestion:
    """To edit what the pod is made from; the templates of pods and Jobs cannot be changed any more."""
    owner = view.owners[_key(pod)]
    return suggest("cluster.object", pod) if owner[0] in ("Pod", "Job", "Node") else suggest("cluster.edit", owner)


def way_back(view: View, owner: Key) -> Suggestion | None:
    """To undo a rollout; None for what has none, or for the first one, before which there was nothing."""
    if owner[0] not in ("Deployment", "StatefulSet", "DaemonSet", "Rollout"):
        return None
    made = view.reading.get(*owner)
    first = made is not None and "1" in {annotations_of(made).get(name) for name in REVISIONS}
    return None if first else suggest("cluster.rollout.undo", owner)


def _limit(pod: Object, container: str, resource: str) -> str:
    for field in ("containers", "initContainers"):
        for found in items(pod, "spec", field):
            if found.get("name") == container:
                return str(dig(found, "resources", "limits", resource, default=""))
    return ""


@rule("pod.image", "pod.config")
def cannot_start(view: View, now: int) -> Iterator[Signal]:
    """A container whose image cannot be had, or whose configuration cannot be made."""
    for pod in view.uneasy:
        for path, status in _statuses(pod):
            why, text = (
                dig(status, "state", "waiting", "reason", default=""),
                dig(status, "state", "waiting", "message", default=""),
            )
            name = status.get("name")
            since = millis(dig(pod, "metadata", "creationTimestamp"))
            facts = (seen(pod, f"{path}.state.waiting", f"{why}: {text}" if text else why),)
            if why in IMAGE_REASONS:
                yield _signal(
                    view,
                    pod,
                    "pod.image",
                    Severity.CRITICAL,
                    f"The image of container {name} cannot be pulled",
                    _image_words(f"{text} {_last_message(view, pod, 'Failed')}", str(status.get("image", ""))),
                    facts,
                    since,
                    way_back(view, view.owners[_key(pod)]) or _changed(view, pod),
                )
                break
            if why in CONFIG_REASONS:
                yield _signal(
                    view,
                    pod,
                    "pod.config",
                    Severity.CRITICAL,
                    f"Container {name} cannot be created",
                    text or "A ConfigMap, a Secret or a key of one that it refers to does not exist.",
                    facts,
                    since,
                    suggest("cluster.object", pod),
                )
                break


def _image_words(text: str, image: str) -> str:
    text = text.lower()
    if "not found" in text or "manifest unknown" in text:
        return f"The registry has no {image}: a mistyped tag, or the image was not pushed."
    if any(word in text for word in ("unauthorized", "denied", "forbidden", "authentication")):
        return "The registry refuses: the pull secret is missing, wrong or expired."
    if any(word in text for word in ("no such host", "timeout", "refused", "unreachable")):
        return "The node does not reach the registry."
    return "The registry gives no such image to this node."


def _last_message(view: View, pod: Object, *reasons: str) -> str:
    """What was last said of this pod; pods of a StatefulSet bear the names of those before them, whose events remain."""
    since = _line(view, pod).created_at
    for event in view.events_about.get(("Pod", *_key(pod)), ()):
        if event.reason in reasons and event.last_at >= since:
            return event.message
    return ""


def _began(pod: Object) -> bool:
    """Whether one of its containers was started: its volumes and its network are there."""
    return any(status.get("state", {}).keys() & {"running", "terminated"} for _, status in _statuses(pod) if status.get("state"))


@rule("pod.pending")
def pending(view: View, now: int) -> Iterator[Signal]:
    """A pod that no node takes, or whose volumes do not come."""
    for pod in view.uneasy:
        line = _line(view, pod)
        if line.phase != "Pending" or now - line.created_at < PATIENCE:
            continue
        scheduled = condition(pod, "PodScheduled")
        if scheduled.get("status") == "False":
            message = str(scheduled.get("message", ""))
            facts: tuple[Seen, ...] = (
                seen(
                    pod,
                    "status.conditions[PodScheduled]",
                    f"{scheduled.get('reason')}: {message}",
                    millis(scheduled.get("lastTransitionTime")),
                ),
            )
            gated = scheduled.get("reason") == "SchedulingGated"
            title = "Waits at a scheduling gate" if gated else "No node takes this pod"
            cause = "A controller holds it back until it removes the gate." if gated else _unschedulable(message)
        elif _began(pod):
            continue
        elif volume := _last_message(view, pod, "FailedMount", "FailedAttachVolume", "FailedMapVolume"):
            title, cause = "Its volume cannot be mounted", volume
            facts = (seen(pod, "event FailedMount", volume),)
        elif sandbox := _last_message(view, pod, "FailedCreatePodSandBox"):
            title, cause = "Its node cannot set up its network", sandbox
            facts = (seen(pod, "event FailedCreatePodSandBox", sandbox),)
        else:
            continue
        yield _signal(
            view,
            pod,
            "pod.pending",
            Severity.CRITICAL,
            title,
            cause,
            facts,
            line.created_at,
            suggest("cluster.object", pod),
        )


_REASONS = (
    (r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim .* not found", "It waits for a volume that is not there."),
    (r"Insufficient (cpu|memory|ephemeral-storage|[\w./-]*\w)", "It asks for more {0} than any node has free."),
    (r"untolerated taint", "Nodes carry a taint that it does not tolerate."),
    (r"didn't match (Pod's )?node affinity|node selector", "No node carries the labels that it asks for."),
    (r"didn't match pod (anti-)?affinity|anti-affinity rules", "Its rules about neighbours leave no node."),
    (r"topology spread", "Its spread over zones or nodes leaves no node."),
    (r"Too many pods", "The nodes hold as many pods as they may."),
    (r"unschedulable", "Nodes are cordoned."),
    (r"no nodes available", "The cluster has no node."),
)


def _unschedulable(message: str) -> str:
    """The scheduler's message, in the order in which its parts matter; each part stands for some nodes."""
    found = []
    for pattern, words in _REASONS:
        for match in re.finditer(pattern, message):
            text = words.format(*(match.groups() or ("",)))
            if text not in found:
                found.append(text)
    return " ".join(found) or message or "The scheduler has not said why."


@rule("pod.probe")
def probes_failing(view: View, now: int) -> Iterator[Signal]:
    """A probe that failed within the last ten minutes on a pod that is still there."""
    for (kind, namespace, name), events in view.events_about.items():
        pod = view.reading.get("Pod", namespace, name) if kind == "Pod" else None
        if pod is None:
            continue
        line = _line(view, pod)
        if line.ended or line.deleted_at or now - line.created_at < PATIENCE:
            continue
        for event in events:
            if event.reason != "Unhealthy" or now - event.last_at > 10 * MINUTE or event.last_at < line.created_at:
                continue
            # A pod that has become ready since then has got over it.
            if line.is_ready and millis(condition(pod, "Ready").get("lastTransitionTime")) >= event.last_at:
                continue
            which = event.message.split(" ", 1)[0]
            yield _signal(
                view,
                pod,
                "pod.probe",
                Severity.WARNING,
                f"{which if which in ('Liveness', 'Readiness', 'Startup') else 'A'} probe fails",
                {
                    "Liveness": "The container hangs or is too slow to answer; it is restarted when this goes on.",
                    "Startup": "It is still starting; when it is not up in the time that its probe gives it, it is restarted.",
                }.get(which, "It runs but does not answer as ready, so Services send it nothing."),
                (Seen("Event", line.namespace, line.name, "Unhealthy", f"{event.message} ({event.times} times)", event.last_at),),
                event.first_at,
                suggest("cluster.logs", pod),
            )
            break


@rule("pod.not_ready", "pod.dead_node")
def not_ready(view: View, now: int) -> Iterator[Signal]:
    """A pod that runs and is not ready: by itself, or because its node is dead (its phase stays Running)."""
    dead = {node.name: node for node in view.nodes if not node.ready}
    for pod in view.uneasy:
        line = _line(view, pod)
        ready = condition(pod, "Ready")
        turned = millis(ready.get("lastTransitionTime"))
        if line.phase != "Running" or line.is_ready or line.deleted_at:
            continue
        facts = (seen(pod, "status.conditions[Ready]", f"{ready.get('status')} {ready.get('reason', '')}".strip(), turned),)
        if node := dead.get(line.node):
            yield _signal(
                view,
                pod,
                "pod.dead_node",
                Severity.CRITICAL,
                f"Its node {node.name} {'does not answer' if node.silent else 'is not ready'}",
                "It still says Running because nobody can ask. It is moved five minutes after the node was lost, unless it "
                "tolerates that; pods of a StatefulSet wait until the node or the pod is deleted."
                if node.silent
                else "Its kubelet says that it cannot run pods now. It is moved after five minutes, unless it tolerates that.",
                (*facts, Seen("Node", "", node.name, "status.conditions[Ready]", node.word, node.since)),
                node.since or turned,
                suggest("cluster.node", ("Node", "", node.name)),
            )
        elif now - turned >= PATIENCE and all(
            dig(s, "state", "running") is not None for s in items(pod, "status", "containerStatuses")
        ):
            yield _signal(
                view,
                pod,
                "pod.not_ready",
                Severity.WARNING,
                f"Runs but is not ready, {line.ready} of {line.total} containers",
                "All its containers are ready, but its kubelet has not said so since it came back, so Services send it nothing."
                if line.ready == line.total
                else "Its readiness probe or a readiness gate says no, so Services send it nothing.",
                facts,
                turned,
                suggest("cluster.logs", pod),
            )


@rule("pod.restarts")
def restarts(view: View, now: int) -> Iterator[Signal]:
    """Containers that were restarted often, the last time within the hour, and are not in a loop now."""
    for pod in view.uneasy:
        line = _line(view, pod)
        if line.restarts < 5 or now - line.restarted_at > HOUR or any(looping(s, now) for _, s in _statuses(pod)):
            continue
        yield _signal(
            view,
            pod,
            "pod.restarts",
            Severity.WARNING,
            f"{line.restarts} restarts, the last within the hour",
            "It runs for a while and then ends: memory that grows, a strict liveness probe, or a dependency that comes and goes.",
            (seen(pod, "restarts", line.restarts, line.restarted_at),),
            line.restarted_at,
            suggest("cluster.logs", pod, previous="true"),
        )


@rule("pod.stuck_terminating")
def stuck_terminating(view: View, now: int) -> Iterator[Signal]:
    """A pod that should be gone for more than a minute."""
    for pod in view.uneasy:
        line = _line(view, pod)  # deletionTimestamp is the time at which it should be gone, grace included
        if not line.deleted_at or now - line.deleted_at < PATIENCE:
            continue
        finalizers = texts(pod, "metadata", "finalizers")
        cause = (
            f"The finalizer {finalizers[0]} was not removed by its controller."
            if finalizers
            else "Its node does not confirm the end."
        )
        yield _signal(
            view,
            pod,
            "pod.stuck_terminating",
            Severity.WARNING,
            "Should be gone and is not",
            cause,
            (seen(pod, "metadata.deletionTimestamp", dig(pod, "metadata", "deletionTimestamp"), line.deleted_at),),
            line.deleted_at,
            suggest("cluster.object", pod),
        )


@rule("pod.evicted")
def evicted(view: View, now: int) -> Iterator[Signal]:
    """A pod that its node threw out within the last hour."""
    for pod in view.uneasy:
        if dig(pod, "status", "reason") != "Evicted":
            continue
        ended = max((millis(c.get("lastTransitionTime")) for c in items(pod, "status", "conditions")), default=0)
        if ended and now - ended > HOUR:
            continue
        yield _signal(
            view,
            pod,
            "pod.evicted",
            Severity.WARNING,
            "Thrown out by its node",
            dig(pod, "status", "message", default="The node was short of a resource."),
            (seen(pod, "status.reason", "Evicted", ended),),
            ended,
            suggest("cluster.object", pod),
        )


@rule("pod.memory")
def memory_near_limit(view: View, now: int) -> Iterator[Signal]:
    """A container above nine tenths of its memory limit, by metrics.k8s.io."""
    usage = view.reading.metrics
    if not usage.available:
        return
    for key, used_by in usage.pods.items():
        pod = view.reading.get("Pod", *key)
        if pod is None:
            continue
        for name, (_cpu, used) in used_by.items():
            limit = amount(_limit(pod, name, "memory") or None)
            if limit and used >= limit * 9 / 10:
                yield _signal(
                    view,
                    pod,
                    "pod.memory",
                    Severity.WARNING,
                    f"Container {name} uses {bytes_text(used)} of {bytes_text(limit)}",
                    "It is killed when it needs more.",
                    (seen(pod, f"metrics[{name}].memory", used),),
                    0,
                    _changed(view, pod),
                )
                break
