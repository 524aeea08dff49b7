"""Pods in the words of ``kubectl get pods``.

The word is computed as the server's own printer does (``pkg/printers/internalversion/printers.go``, ``printPod``). What the word
hides is kept beside it: pods of a dead node go on saying Running while their condition Ready is False.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.cluster.objects import (
    Object,
    condition,
    containers,
    controller_of,
    count,
    dig,
    items,
    millis,
    name_of,
    namespace_of,
)

TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class PodLine:
    """One pod as a row.

    Attributes:
        word: the STATUS column.
        ready, total: containers, without init containers that end.
        is_ready: the condition Ready: what Services go by.
        restarts, restarted_at: count, and UTC milliseconds of the last end of a container (0: never).
        owner_kind, owner: the controller, empty for a bare pod.
    """

    namespace: str
    name: str
    word: str
    ready: int
    total: int
    is_ready: bool
    restarts: int
    restarted_at: int
    node: str
    ip: str
    phase: str
    created_at: int
    deleted_at: int
    owner_kind: str
    owner: str
    images: tuple[str, ...]

    @property
    def calm(self) -> bool:
        """It runs, is ready, was never restarted and stays: no rule about pods that are not well needs to look at it."""
        return self.is_ready and not self.restarts and self.word == "Running" and not self.deleted_at

    @property
    def ended(self) -> bool:
        """It ran to an end and will not start again."""
        return self.phase in TERMINAL


_KEPT: dict[tuple[str, str, str], PodLine] = {}
MOST_KEPT = 40_000


def pod_line(pod: Object) -> PodLine:
    """The row of a pod; made once for each of its versions, since objects of a store never change."""
    meta = pod["metadata"]
    uid, version = meta.get("uid"), meta.get("resourceVersion")
    if not uid or not version:
        return _line(pod)
    key = (uid, version, meta.get("name", ""))
    line = _KEPT.get(key)
    if line is None:
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        line = _KEPT[key] = _line(pod)
    return line


def _line(pod: Object) -> PodLine:
    word, ready, total, restarts, restarted_at = _printed(pod)
    owner_kind, owner = controller_of(pod)
    return PodLine(
        namespace=namespace_of(pod),
        name=name_of(pod),
        word=word,
        ready=ready,
        total=total,
        is_ready=condition(pod, "Ready").get("status") == "True",
        restarts=restarts,
        restarted_at=restarted_at,
        node=dig(pod, "spec", "nodeName", default=""),
        ip=dig(pod, "status", "podIP", default=""),
        phase=dig(pod, "status", "phase", default=""),
        created_at=millis(dig(pod, "metadata", "creationTimestamp")),
        deleted_at=millis(dig(pod, "metadata", "deletionTimestamp")),
        owner_kind=owner_kind,
        owner=owner,
        images=tuple(str(container.get("image", "")) for container in containers(dig(pod, "spec", default={}))),
    )


def _printed(pod: Object) -> tuple[str, int, int, int, int]:
    """STATUS, ready and total containers, restarts, and when the last of them ended."""
    status = dig(pod, "status", default={})
    phase = str(status.get("phase") or "")
    word = str(status.get("reason") or phase)
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in items(status, "conditions")):
        word = "SchedulingGated"
    inits = {c.get("name"): c for c in items(pod, "spec", "initContainers")}
    sidecars = {name for name, c in inits.items() if c.get("restartPolicy") == "Always"}
    total = len(items(pod, "spec", "containers")) + len(sidecars)
    ready = restarts = restarted_at = side_restarts = side_restarted_at = 0
    initializing = False
    for index, found in enumerate(items(status, "initContainerStatuses")):
        restarts += count(found, "restartCount")
        restarted_at = max(restarted_at, _last_end(found))
        side = found.get("name") in sidecars
        if side:
            side_restarts += count(found, "restartCount")
            side_restarted_at = max(side_restarted_at, _last_end(found))
        ended, waiting = dig(found, "state", "terminated"), dig(found, "state", "waiting")
        if ended is not None and not count(ended, "exitCode"):
            continue
        if side and found.get("started"):
            ready += bool(found.get("ready"))
            continue
        initializing = True
        if ended is not None:
            word = f"Init:{_end_word(ended)}"
        elif waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            word = f"Init:{waiting['reason']}"
        else:
            word = f"Init:{index}/{len(inits)}"
        break
    if not initializing or condition(pod, "Initialized").get("status") == "True":
        restarts, restarted_at = side_restarts, side_restarted_at
        running = False
        for found in reversed(items(status, "containerStatuses")):
            restarts += count(found, "restartCount")
            restarted_at = max(restarted_at, _last_end(found))
            ended = dig(found, "state", "terminated")
            if why := dig(found, "state", "waiting", "reason", default=""):
                word = str(why)
            elif ended is not None:
                word = _end_word(ended)
            elif found.get("ready") and dig(found, "state", "running") is not None:
                running = True
                ready += 1
        if word == "Completed" and running:
            word = "Running" if condition(pod, "Ready").get("status") == "True" else "NotReady"
    if dig(pod, "metadata", "deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            word = "Unknown"
        elif phase not in TERMINAL:
            word = "Terminating"
    return word, ready, total, restarts, restarted_at


def _end_word(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{count(ended, 'exitCode')}"


def _last_end(container: Object) -> int:
    return millis(dig(container, "lastState", "terminated", "finishedAt"))
