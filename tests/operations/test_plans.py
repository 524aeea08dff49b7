"""Plans as values: what stands in their params is read with its type or not at all; what changed in a preview is named."""

from dataclasses import replace

import pytest

from app.chain.simulation import METHODS
from app.core.errors import Invalid
from app.operations import listed
from app.operations.plans import Effect, Plan, Preview, Target, TargetKind, Verdict, VerdictLevel
from app.operations.policy import SIMULATES, judge, what_changed


def test_a_list_is_read_with_the_type_of_its_items():
    """JSON gives lists, a plan that was just made may hold tuples: both are read."""
    assert listed({"gaps": [4, 7]}, "gaps", int) == [4, 7]
    assert listed({"rows": ({"line": 1},)}, "rows", dict) == [{"line": 1}]
    assert listed({"gaps": []}, "gaps", int) == []


@pytest.mark.parametrize("params", [{}, {"gaps": None}, {"gaps": "47"}, {"gaps": [4, "7"]}, {"gaps": {"4": 7}}])
def test_a_list_that_another_program_changed_is_refused(params):
    """Half a list would be half a repair."""
    with pytest.raises(Invalid, match=r"“gaps” of this plan is not a list"):
        listed(params, "gaps", int)


def test_what_changed_between_two_previews_is_named():
    old = Preview((Effect("balance", "0xA", "1", "2", "AZR"),), (Verdict("key", VerdictLevel.PASS, "The key is there"),))
    assert what_changed(old, old) == ""
    new = replace(old, verdicts=(Verdict("key", VerdictLevel.WARNING, "The keyring does not answer"),))
    assert what_changed(old, new) == "New: The keyring does not answer. No longer: The key is there."
    new = replace(old, effects=(Effect("balance", "0xA", "1", "3", "AZR"), Effect("supply", "AZR", "0", "1", "AZR")))
    said = "The balance of 0xA is another than before, or would become another. The supply of AZR would change too."
    assert what_changed(old, new) == said
    assert what_changed(old, replace(old, error="paused")) == "Now it would fail: paused."
    many = replace(old, verdicts=tuple(Verdict(f"{n}", VerdictLevel.NOTE, f"Note {n}") for n in range(6)))
    assert what_changed(old, many).endswith("Note 3. And 3 more.")


@pytest.mark.parametrize(
    ("method", "level", "said"),
    [
        ("eth_simulateV1", VerdictLevel.PASS, "The simulation succeeds."),
        ("pyrevm on proven state", VerdictLevel.PASS, "The simulation succeeds."),
        ("server-side dry run", VerdictLevel.PASS, "The dry run succeeds."),
        ("computed", VerdictLevel.NOTE, "Nothing of it is simulated"),
        ("queue", VerdictLevel.NOTE, "Nothing of it is simulated"),
        ("", VerdictLevel.NOTE, "Nothing of it is simulated"),
    ],
)
def test_only_what_was_simulated_is_called_so(method, level, said):
    plan = Plan("1", 1, "chain.fund", "Fund", Target(TargetKind.NETWORK, "local-a", "a", "local", True), "", {}, {}, ())
    first, *_ = judge(plan, Preview(method=method, block=7))
    assert first.level is level and first.text.startswith(said)
    failed, *_ = judge(plan, Preview(method=method, block=7, error="paused"))
    assert (failed.rule, failed.level) == ("simulation.succeeds", VerdictLevel.BLOCK)


def test_every_way_to_simulate_counts_as_one():
    assert METHODS and all(method.startswith(SIMULATES) for method in METHODS)
