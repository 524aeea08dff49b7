"""A long mint queue, written straight into the store: how it came about does not matter to those who read it."""

from __future__ import annotations

import secrets
from typing import Any

from app.mining.proofs import ProofStatus


def rows_of(key: str, count: int) -> list[dict[str, Any]]:
    """So many proofs of a network (its key), numbered from 1; those with an odd number wait for a review."""

    def row(number: int) -> dict[str, Any]:
        waits = ProofStatus.IN_REVIEW if number % 2 else ProofStatus.REJECTED
        return {
            "id": f"many-{number:05}", "number": number, "network": key, "contract": b"\x11" * 20, "status": waits.value,
            "contributor": (number % 50).to_bytes(20, "big"), "activity": "translation", "score": number % 7,
            "reward": number % 11 * 10**18, "evidence": secrets.token_bytes(32), "evidence_kind": "file",
            "evidence_name": f"chapter_{number}.md", "evidence_size": 1, "digest": secrets.token_bytes(32),
            "deadline": 4_000_000_000, "salt": secrets.token_bytes(32), "policy": "value-v1", "policy_digest": "", "reason": "",
            "plan_id": "", "block": 0, "created_at": number, "updated_at": number,
        }  # fmt: skip

    return [row(number) for number in range(1, count + 1)]
