"""Plans as JSON and back, exactly: what the store keeps and the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.evidence import Evidence
from app.operations.plans import Call, Effect, Fee, Plan, Preview, Receipt, StepRecord, Target, TargetKind, Verdict, VerdictLevel


def target_to_json(target: Target) -> dict[str, Any]:
    """A target as JSON."""
    return {
        "kind": target.kind.value,
        "ref": target.ref,
        "name": target.name,
        "environment": target.environment,
        "quick": target.quick,
    }


def target_from_json(data: Mapping[str, Any]) -> Target:
    """Inverse of :func:`target_to_json`."""
    return Target(TargetKind(data["kind"]), data["ref"], data["name"], data["environment"], data["quick"])


def preview_to_json(preview: Preview | None) -> dict[str, Any] | None:
    """A preview as JSON, or None."""
    if preview is None:
        return None
    return {
        "effects": [_effect(effect) for effect in preview.effects],
        "verdicts": [
            {"rule": verdict.rule, "level": verdict.level.value, "text": verdict.text, "detail": verdict.detail}
            for verdict in preview.verdicts
        ],
        "calls": [
            {
                "contract": call.contract,
                "address": call.address,
                "function": call.function,
                "arguments": [list(argument) for argument in call.arguments],
                "verified": call.verified,
            }
            for call in preview.calls
        ],
        "fee": None if preview.fee is None else {name: getattr(preview.fee, name) for name in Fee.__dataclass_fields__},
        "block": preview.block,
        "block_hash": preview.block_hash,
        "simulated_at": preview.simulated_at,
        "method": preview.method,
        "error": preview.error,
        "cause": preview.cause,
        "notes": list(preview.notes),
    }


def preview_from_json(data: Mapping[str, Any] | None) -> Preview | None:
    """Inverse of :func:`preview_to_json`."""
    if data is None:
        return None
    return Preview(
        effects=tuple(Effect(**effect) for effect in data["effects"]),
        verdicts=tuple(Verdict(**{**verdict, "level": VerdictLevel(verdict["level"])}) for verdict in data["verdicts"]),
        calls=tuple(
            Call(**{**call, "arguments": tuple((name, value) for name, value in call["arguments"])}) for call in data["calls"]
        ),
        fee=Fee(**data["fee"]) if data["fee"] else None,
        block=data["block"],
        block_hash=data["block_hash"],
        simulated_at=data["simulated_at"],
        method=data["method"],
        error=data["error"],
        notes=tuple(data["notes"]),
        cause=data.get("cause", ""),  # previews of earlier versions have none
    )


def receipt_to_json(receipt: Receipt | None) -> dict[str, Any] | None:
    """A receipt as JSON, or None. ``matches`` is written for readers and computed again when read."""
    if receipt is None:
        return None
    return {
        "predicted": [_effect(effect) for effect in receipt.predicted],
        "actual": [_effect(effect) for effect in receipt.actual],
        "evidence": [evidence.to_json() for evidence in receipt.evidence],
        "journal_before": receipt.journal_before,
        "journal_after": receipt.journal_after,
        "journal_head": receipt.journal_head,
        "ended_at": receipt.ended_at,
        "matches": receipt.matches,
    }


def receipt_from_json(data: Mapping[str, Any] | None) -> Receipt | None:
    """Inverse of :func:`receipt_to_json`."""
    if data is None:
        return None
    return Receipt(
        predicted=tuple(Effect(**effect) for effect in data["predicted"]),
        actual=tuple(Effect(**effect) for effect in data["actual"]),
        evidence=tuple(Evidence.from_json(item) for item in data["evidence"]),
        journal_before=data["journal_before"],
        journal_after=data["journal_after"],
        journal_head=data["journal_head"],
        ended_at=data["ended_at"],
    )


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A whole plan for the command line and exports."""
    return {
        "id": plan.id,
        "name": plan.name,
        "kind": plan.kind,
        "title": plan.title,
        "target": target_to_json(plan.target),
        "author": plan.author,
        "params": dict(plan.params),
        "limits": dict(plan.limits),
        "plan_hash": plan.plan_hash,
        "preview_digest": plan.preview_digest,
        "state": plan.state.value,
        "reason": plan.reason,
        "steps": [_step(step) for step in plan.steps],
        "preview": preview_to_json(plan.preview),
        "receipt": receipt_to_json(plan.receipt),
        "created_at": plan.created_at,
        "updated_at": plan.updated_at,
    }


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "index": step.index,
        "kind": step.spec.kind,
        "title": step.spec.title,
        "params": dict(step.spec.params),
        "state": step.state.value,
        "prepared": None if step.prepared is None else dict(step.prepared),
        "result": dict(step.result),
        "evidence": [evidence.to_json() for evidence in step.evidence],
        "error": step.error,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {name: getattr(effect, name) for name in Effect.__dataclass_fields__}
