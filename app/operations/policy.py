"""The rules every plan is held against, whatever its kind. Only rules that exist are shown; rooms add their own in the preview.

A verdict's text must say the same for the same plan: the preview digest covers it. What varies (a block, an estimate) goes into
``detail``, which it does not cover.
"""

from __future__ import annotations

from app.operations.plans import Plan, Preview, Verdict, VerdictLevel
from app.operations.wording import sentence

MOST_CHANGES = 4  # that a sentence names
LOST = ("contracts.last_holder", "contracts.last_owner")  # rules that warn of what nobody can ever bring back
SIMULATES = ("eth_simulateV1", "debug_traceCall", "pyrevm")  # how the methods begin that run a plan's transactions on a copy


def judge(plan: Plan, preview: Preview, undo: str = "") -> tuple[Verdict, ...]:
    """The verdicts on a preview.

    Args:
        undo: the kind's sentence about what cannot be undone; empty when it can.
    """
    verdicts = [_succeeds(preview), *_fee_limit(plan, preview)]
    if plan.target.environment == "production":
        verdicts.append(
            Verdict(
                "environment.production",
                VerdictLevel.WARNING,
                f"{plan.target.name} is a production environment.",
                f"Confirming asks to type “{plan.target.name}”.",
            )
        )
    if undo:
        verdicts.append(Verdict("plan.irreversible", VerdictLevel.NOTE, undo))
    return tuple(verdicts)


def second_time(plan: Plan, again: Plan, why: str) -> tuple[Verdict, ...]:
    """The verdict on doing an ended plan again when something of it has happened already."""
    if not why:
        return (Verdict("plan.second", VerdictLevel.PASS, f"Nothing of {plan.name} has happened"),)
    if again.statement:
        text = f"A second time is meant: “{again.statement}”"
        return (Verdict("plan.second", VerdictLevel.WARNING, text, why),)
    text = f"{why} Doing it again would do it a second time. State that this is meant, or discard this plan."
    return (Verdict("plan.second", VerdictLevel.BLOCK, text),)


def typed_check(plan: Plan) -> str:
    """What the operator must type to confirm, or empty when nothing: in production, and where something is lost for good."""
    lost = _lost(plan.preview) and not plan.target.quick  # before a quick plan a snapshot is taken
    return plan.target.name if lost or plan.target.environment == "production" else ""


def _lost(preview: Preview | None) -> bool:
    verdicts = preview.verdicts if preview is not None else ()
    return any(verdict.rule in LOST and verdict.level is VerdictLevel.WARNING for verdict in verdicts)


def what_changed(before: Preview | None, now: Preview) -> str:
    """In which points of its digest one preview differs from the one before, as at most four sentences; empty when in none."""
    before = before or Preview()
    told = [f"Now it would fail: {now.error}"] if now.error and now.error != before.error else []
    told += [f"New: {v.text}" for v in now.verdicts if (v.rule, v.level, v.text) not in _told(before) and v.text not in now.error]
    told += [f"No longer: {v.text}" for v in before.verdicts if (v.rule, v.level, v.text) not in _told(now)]
    effects = {(e.kind, e.subject, e.unit, e.contract): e for e in before.effects}
    for effect in now.effects:
        old = effects.pop((effect.kind, effect.subject, effect.unit, effect.contract), None)
        whose = f"{effect.kind} of {effect.label or effect.subject}"
        if old is None:
            told.append(f"The {whose} would change too")
        elif (old.before, old.after) != (effect.before, effect.after):
            told.append(f"The {whose} is another than before, or would become another")
    told += [f"The {effect.kind} of {effect.label or effect.subject} would stay as it is" for effect in effects.values()]
    more = f" And {len(told) - MOST_CHANGES:,} more." if len(told) > MOST_CHANGES else ""
    return " ".join(sentence(text) for text in told[:MOST_CHANGES]) + more


def why_blocked(preview: Preview) -> str:
    """The sentences of what blocks it; empty when nothing does."""
    blocks = [verdict.text for verdict in preview.verdicts if verdict.level is VerdictLevel.BLOCK]
    if preview.error and not any(preview.error in text for text in blocks):
        blocks.insert(0, preview.error)
    return " ".join(map(sentence, blocks))


def _told(preview: Preview) -> set[tuple[str, VerdictLevel, str]]:
    return {(verdict.rule, verdict.level, verdict.text) for verdict in preview.verdicts}


def _succeeds(preview: Preview) -> Verdict:
    where = f"{preview.method or 'computed'}, block {preview.block:,}" if preview.block else preview.method
    if preview.error:
        return Verdict("simulation.succeeds", VerdictLevel.BLOCK, f"It would fail: {preview.error}", where)
    if preview.method.endswith("dry run"):
        return Verdict("simulation.succeeds", VerdictLevel.PASS, "The dry run succeeds.", where)
    if preview.method.startswith(SIMULATES):
        return Verdict("simulation.succeeds", VerdictLevel.PASS, "The simulation succeeds.", where)
    text = "Nothing of it is simulated: what it changes is worked out from what is there now."
    return Verdict("simulation.none", VerdictLevel.NOTE, text, where)


def _fee_limit(plan: Plan, preview: Preview) -> list[Verdict]:
    """``limits["fee"]``: the most this plan may cost, in wei of the native coin."""
    if "fee" not in plan.limits or preview.fee is None:
        return []
    limit = int(str(plan.limits["fee"]))
    detail = f"at most {preview.fee.limit} wei, limit {limit} wei"
    if preview.fee.limit > limit:
        return [Verdict("limits.fee", VerdictLevel.BLOCK, "The fee could exceed the limit of this plan.", detail)]
    return [Verdict("limits.fee", VerdictLevel.PASS, "The fee stays within the limit of this plan.", detail)]
