"""How operations speak of a plan: whole sentences, and what its steps did."""

from __future__ import annotations

from app.operations.plans import Plan, StepState


def sentence(text: str) -> str:
    """The text with the point it lacks."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def around(plan: Plan, index: int) -> str:
    """What the steps around ``index`` did and did not do, in a sentence or two."""
    done = [record.index + 1 for record in plan.steps if record.state is StepState.DONE]
    left = [record.index + 1 for record in plan.steps if record.index > index]
    parts = []
    if len(plan.steps) > 1 or not left:
        parts.append(f"Done before: {_steps(done)}." if done else "No step was done before.")
    if left:
        parts.append(f"Not begun: {_steps(left)}.")
    return " ".join(parts)


def _steps(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"step {numbers[0]}"
    return f"steps {numbers[0]}–{numbers[-1]}" if len(numbers) > 2 else f"steps {numbers[0]} and {numbers[1]}"
