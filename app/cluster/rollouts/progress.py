"""How far a rollout is, in the conditions of ``kubectl rollout status``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.cluster.objects import condition, count, dig, items
from app.cluster.workloads import Workload


class RolloutState(StrEnum):
    """Where a rollout stands."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    STUCK = "stuck"
    WAITING = "waiting"  # the controller has not seen the newest specification
    MANUAL = "manual"  # strategy OnDelete: pods change when somebody deletes them


@dataclass(frozen=True, slots=True)
class Progress:
    """How far: a state, the share of wanted pods that have the newest template and are available (0 … 1), and a sentence."""

    state: RolloutState
    share: float
    text: str


def progress(line: Workload) -> Progress:
    """Progress of a workload that rolls out pods; Jobs are complete by definition."""
    if line.kind in ("Job", "CronJob"):
        return Progress(RolloutState.COMPLETE, 1.0, "")
    share = min(line.updated, line.available, line.wanted) / line.wanted if line.wanted else 1.0
    if not line.observed:
        return Progress(RolloutState.WAITING, 0.0, "The controller has not yet seen the newest specification.")
    if line.kind == "Rollout":
        return _argo(line, share)
    if line.kind == "StatefulSet":
        return _stateful(line, share)
    if dig(line.obj, "spec", "updateStrategy", "type") == "OnDelete":
        return Progress(RolloutState.MANUAL, share, "Pods take the newest template when they are deleted.")
    progressing = condition(line.obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        seconds = count(line.obj, "spec", "progressDeadlineSeconds", default=600)
        return Progress(RolloutState.STUCK, share, f"It has not got on for {seconds} s.")
    if line.paused and line.updated < max(line.wanted, line.total):
        return Progress(RolloutState.PAUSED, share, f"Paused with {line.updated} of {line.wanted} updated.")
    if line.updated < line.wanted:
        return Progress(RolloutState.PROGRESSING, share, f"{line.updated} of {line.wanted} updated.")
    if line.total > line.updated:
        return Progress(RolloutState.PROGRESSING, share, f"{line.total - line.updated} old pods have not ended.")
    if line.available < line.updated:
        return Progress(RolloutState.PROGRESSING, share, f"{line.available} of {line.updated} updated pods are available.")
    return Progress(RolloutState.COMPLETE, 1.0, "")


def _stateful(line: Workload, share: float) -> Progress:
    if dig(line.obj, "spec", "updateStrategy", "type") == "OnDelete":
        return Progress(RolloutState.MANUAL, share, "Pods take the newest template when they are deleted.")
    partition = count(line.obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    current = dig(line.obj, "status", "currentRevision", default="")
    if partition and line.updated >= line.wanted - partition:
        return Progress(RolloutState.PAUSED, share, f"Held at partition {partition}: {line.updated} of {line.wanted} updated.")
    if line.ready < line.wanted:
        return Progress(RolloutState.PROGRESSING, share, f"{line.ready} of {line.wanted} ready.")
    if line.revision and current != line.revision:
        return Progress(RolloutState.PROGRESSING, share, f"{line.updated} of {line.wanted} updated.")
    return Progress(RolloutState.COMPLETE, 1.0, "")


def _argo(line: Workload, share: float) -> Progress:
    phase, message = dig(line.obj, "status", "phase", default=""), dig(line.obj, "status", "message", default="")
    steps = items(line.obj, "spec", "strategy", "canary", "steps")
    done = count(line.obj, "status", "currentStepIndex")
    if steps:
        share = done / len(steps)
    if dig(line.obj, "status", "abort", default=False):
        return Progress(RolloutState.STUCK, share, message or "Aborted: the stable version serves.")
    if phase == "Degraded":
        return Progress(RolloutState.STUCK, share, message)
    if phase == "Paused" or items(line.obj, "status", "pauseConditions"):
        return Progress(
            RolloutState.PAUSED, share, f"Paused at step {done + 1} of {len(steps)}." if steps else message or "Paused."
        )
    if phase == "Progressing":
        return Progress(RolloutState.PROGRESSING, share, message)
    return Progress(RolloutState.COMPLETE, 1.0, "")
