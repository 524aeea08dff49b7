"""What a proof of value earns: a policy that is data, computed in integers only.

``reward = rate(activity) × curve(score) ÷ 10,000``, times each multiplier that applies (÷ 10,000 again), cut to the policy's step
and the cap of one proof. The curve is given as points (score, basis points) with straight lines between them; every division rounds
down, multipliers in the order of the file. So whoever has the file gets the same reward, to the last unit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.core.canonical import digest
from app.core.errors import Invalid

POLICIES = Path(__file__).parents[2] / "resources" / "policies"
FULL = 10_000  # basis points
MOST_FACTOR = 100_000  # basis points of a multiplier: tenfold
MOST_NAME = 40


@dataclass(frozen=True, slots=True)
class Activity:
    """One kind of work. ``rate`` is the reward at full score, in the smallest unit; ``id`` goes on chain as bytes32."""

    id: str
    name: str
    rate: int


@dataclass(frozen=True, slots=True)
class Multiplier:
    """Makes some rewards larger or smaller.

    Attributes:
        factor: basis points; 10,000 changes nothing.
        activities: ids; empty means all.
        start, end: Unix seconds, end excluded; 0 means no bound.
    """

    name: str
    factor: int
    activities: frozenset[str]
    start: int
    end: int

    def applies(self, activity: str, time: int) -> bool:
        """Whether it counts for a proof that was submitted then (Unix seconds)."""
        return (not self.activities or activity in self.activities) and self.start <= time and (not self.end or time < self.end)


@dataclass(frozen=True, slots=True)
class Price:
    """What a proof earns, and whether a person must look first: ``review`` says why, or is empty."""

    reward: int
    share: int
    review: str
    policy: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the reward policy.

    Attributes:
        name: ``value-v1``.
        digest: SHA-256 of its RFC 8785 JSON, so that a row can say which text priced it.
        curve: (score, share of the rate in basis points), scores ascending.
        step: rewards are multiples of it.
        proof_cap, contributor_day_cap: most for one proof, and for one contributor on one UTC day.
        contributor_epoch_cap, epoch_cap: most for one contributor, and for everybody, in one epoch of the emission; 0 means none.
        multipliers: in the order in which they apply.
        burn_rate: basis points of each reward that are to be burned at the mint; the contract's own rate decides.
        attesters: (reward, number): above this reward so many attesters are to sign, rewards ascending; the contract may ask for
            more.
        review_below: scores below it need a person.
        review_above: rewards above it need a person.
        lifetime_days: days until a proof without a deadline of its own expires.
    """

    name: str
    digest: str
    least: int
    most: int
    curve: tuple[tuple[int, int], ...]
    step: int
    activities: Mapping[str, Activity]
    proof_cap: int
    contributor_day_cap: int
    review_below: int
    review_above: int
    lifetime_days: int
    contributor_epoch_cap: int = 0
    epoch_cap: int = 0
    multipliers: tuple[Multiplier, ...] = ()
    burn_rate: int = 0
    attesters: tuple[tuple[int, int], ...] = ()
    version: int = 1

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Policy:
        """Read and check a policy.

        Raises:
            Invalid: a curve that does not ascend or leaves 0 to 10,000, an activity that does not fit bytes32, a missing part.
        """
        try:
            policy = _read(json.loads(json.dumps(data)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Invalid(
                f"The reward policy cannot be read: {error!r}. Nothing was priced.", "Compare it with value-v1.json."
            ) from error
        scores = [score for score, _ in policy.curve]
        if scores != sorted(set(scores)) or scores[0] != policy.least or scores[-1] != policy.most:
            raise Invalid("The curve must ascend from the least to the highest score. Nothing was priced.", "Correct the policy.")
        if any(not 0 <= share <= FULL for _, share in policy.curve) or policy.step < 1:
            raise Invalid("A share lies outside 0 to 10,000 basis points. Nothing was priced.", "Correct the policy.")
        if any(not 0 < each.factor <= MOST_FACTOR or not each.activities <= set(policy.activities) for each in policy.multipliers):
            raise Invalid(
                "A multiplier is not within 1 to 100,000 basis points, or names an unknown activity. Nothing was priced.",
                "Correct the policy.",
            )
        bounds = [reward for reward, _ in policy.attesters]
        numbers = [number for _, number in policy.attesters]
        if bounds != sorted(set(bounds)) or numbers != sorted(numbers) or any(not 1 <= number <= 255 for number in numbers):
            raise Invalid("More reward needs as many or more attesters, 1 to 255. Nothing was priced.", "Correct the policy.")
        amounts = (policy.proof_cap, policy.contributor_day_cap, policy.contributor_epoch_cap, policy.epoch_cap)
        rates = [activity.rate for activity in policy.activities.values()]
        if (
            min((*amounts, *rates, *bounds)) < 0
            or policy.lifetime_days < 1
            or policy.version < 1
            or not 0 <= policy.burn_rate <= FULL
        ):
            raise Invalid("An amount, a rate or a number of the policy is out of range. Nothing was priced.", "Correct the policy.")
        if not policy.activities or len(policy.name) > MOST_NAME:
            raise Invalid(
                f"A policy needs activities and a name of at most {MOST_NAME} letters. Nothing was priced.", "Correct it."
            )
        for activity in policy.activities:
            activity_word(activity)
        return policy

    def share(self, score: int) -> int:
        """Basis points of the rate for a score, rounded down between two points of the curve."""
        for (low, at_low), (high, at_high) in zip(self.curve, self.curve[1:], strict=False):
            if low <= score <= high:
                return at_low + (at_high - at_low) * (score - low) // (high - low)
        return self.curve[-1][1]

    def attesters_for(self, reward: int) -> int:
        """How many attesters are to sign a proof of this reward, at least 1."""
        return max((number for above, number in self.attesters if reward > above), default=1)

    def price(self, activity: str, score: int, asked: int | None = None, time: int = 0) -> Price:
        """The reward of a proof.

        Args:
            time: when it was submitted, Unix seconds; decides about multipliers.
            asked: a reward that a person set instead; it always needs a review and never passes the cap.

        Raises:
            Invalid: unknown activity, score out of range, a reward of nothing or above the cap of one proof.
        """
        if activity not in self.activities:
            known = ", ".join(sorted(self.activities))
            raise Invalid(
                f"Policy {self.name} knows no activity “{activity}”. Nothing was queued.",
                f"Choose one of: {known}.",
                field="activity",
            )
        if not self.least <= score <= self.most:
            raise Invalid(
                f"A score goes from {self.least} to {self.most}. Nothing was queued.", "Correct the score.", field="score"
            )
        share = self.share(score)
        priced = self.activities[activity].rate * share // FULL
        for multiplier in self.multipliers:
            if multiplier.applies(activity, time):
                priced = priced * multiplier.factor // FULL
        priced = min(priced, self.proof_cap)
        priced -= priced % self.step
        reward = priced if asked is None else asked
        if reward > self.proof_cap:
            raise Invalid(
                f"The reward is above the cap that {self.name} sets for one proof. Nothing was queued.",
                "Ask for less.",
                field="reward",
            )
        if reward < 1:
            raise Invalid(
                f"A score of {score} earns nothing under {self.name}. Nothing was queued.", "Improve the work first.", field="score"
            )
        return Price(reward, share, self._review(score, reward, asked is not None and asked != priced), self.name)

    def _review(self, score: int, reward: int, set_by_hand: bool) -> str:
        if set_by_hand:
            return "The reward was set by a person, not by the policy."
        if score < self.review_below:
            return f"The score is below {self.review_below}."
        if reward > self.review_above:
            return "The reward is above the limit for minting without a review."
        return ""


def _read(data: dict[str, Any]) -> Policy:
    activities = {
        str(key): Activity(str(key), str(value["name"]), int(str(value["rate"]))) for key, value in data["activities"].items()
    }
    return Policy(
        name=f"{data['id']}-v{data['version']}",
        digest=digest(data),
        least=int(str(data["score"]["least"])),
        most=int(str(data["score"]["most"])),
        curve=tuple((int(score), int(share)) for score, share in data["curve"]),
        step=int(str(data["step"])),
        activities=activities,
        proof_cap=int(str(data["caps"]["proof"])),
        contributor_day_cap=int(str(data["caps"]["contributor_day"])),
        review_below=int(str(data["review"]["score_below"])),
        review_above=int(str(data["review"]["reward_above"])),
        lifetime_days=int(str(data["lifetime_days"])),
        contributor_epoch_cap=int(str(data["caps"].get("contributor_epoch", 0))),
        epoch_cap=int(str(data["caps"].get("epoch", 0))),
        multipliers=tuple(
            Multiplier(
                name=str(each["name"]),
                factor=int(str(each["factor"])),
                activities=frozenset(str(activity) for activity in each.get("activities", ())),
                start=int(str(each.get("from", 0))),
                end=int(str(each.get("until", 0))),
            )
            for each in data.get("multipliers", ())
        ),
        burn_rate=int(str(data.get("burn_rate", 0))),
        attesters=tuple((int(str(each["above"])), int(str(each["need"]))) for each in data.get("attesters", ())),
        version=int(str(data["version"])),
    )


def activity_word(activity: str) -> bytes:
    """An activity as the chain carries it: its ASCII id, padded with zeros to 32 bytes, so that logs alone can be read.

    Raises:
        Invalid: not 1 to 31 visible ASCII characters.
    """
    if not (0 < len(activity) < 32 and activity.isascii() and activity.isprintable()):
        raise Invalid(
            f"“{activity}” is no activity: 1 to 31 ASCII characters. Nothing was queued.", "Shorten it.", field="activity"
        )
    return activity.encode().ljust(32, b"\0")


@cache
def body_v1() -> dict[str, Any]:
    """The policy of this release as JSON, from ``resources/policies/value-v1.json``."""
    body: dict[str, Any] = json.loads((POLICIES / "value-v1.json").read_text(encoding="utf-8"))
    return body


@cache
def policy_v1() -> Policy:
    """The policy of this release."""
    return Policy.from_json(body_v1())
