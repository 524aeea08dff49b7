"""What this room calls on the economy's contracts: the smallest ABIs that say it, and readable words for their refusals."""

from __future__ import annotations

import hashlib
from typing import Any

Abi = list[dict[str, Any]]

_PROOF = {
    "name": "p",
    "type": "tuple",
    "components": [
        {"name": "contributor", "type": "address"},
        {"name": "reward", "type": "uint256"},
        {"name": "activity", "type": "bytes32"},
        {"name": "evidence", "type": "bytes32"},
        {"name": "deadline", "type": "uint64"},
        {"name": "salt", "type": "bytes32"},
    ],
}


def _function(name: str, inputs: list[Any], outputs: list[str] | None = None, *, view: bool = False) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "inputs": [item if isinstance(item, dict) else {"name": item.split()[1], "type": item.split()[0]} for item in inputs],
        "outputs": [{"name": "", "type": kind} for kind in outputs or []],
        "stateMutability": "view" if view else "nonpayable",
    }


def _event(name: str, inputs: list[str]) -> dict[str, Any]:
    parts = [text.split() for text in inputs]
    fields = [{"name": words[-1], "type": words[0], "indexed": "indexed" in words} for words in parts]
    return {"type": "event", "name": name, "anonymous": False, "inputs": fields}


_ROLES = [
    _function("hasRole", ["bytes32 role", "address account"], ["bool"], view=True),
    _function("grantRole", ["bytes32 role", "address account"]),
    _event("RoleGranted", ["bytes32 indexed role", "address indexed account", "address indexed sender"]),
]

MINT_MINE: Abi = [
    _function("mint", [_PROOF, "bytes[] signatures"]),
    _function("mintBatch", [_PROOF | {"name": "ps", "type": "tuple[]"}, "bytes[][] signatures"]),
    _function("digest", [_PROOF], ["bytes32"], view=True),
    _function("usedDigest", ["bytes32 digest"], ["bool"], view=True),
    _function("usedEvidence", ["bytes32 evidence"], ["bool"], view=True),
    _function("threshold", [], ["uint256"], view=True),
    _function("required", ["uint256 reward"], ["uint256"], view=True),
    _function("burnRate", [], ["uint256"], view=True),
    _function("setBurnRate", ["uint256 burnRate_"]),
    _event(
        "ProofMinted",
        [
            "bytes32 indexed digest",
            "address indexed contributor",
            "uint256 reward",
            "bytes32 indexed evidence",
            "bytes32 activity",
            "uint256 burned",
        ],
    ),
    _event("ProofRefused", ["bytes32 indexed digest", "uint8 reason"]),
    *_ROLES,
]

EMISSION: Abi = [
    _function("start", [], ["uint64"], view=True),
    _function("epochLength", [], ["uint64"], view=True),
    _function("epochBudget", [], ["uint256"], view=True),
    _function("epoch", [], ["uint256"], view=True),
    _function("mintedInEpoch", ["uint256 epoch"], ["uint256"], view=True),
    _function("remainingInEpoch", [], ["uint256"], view=True),
]

# EIP-918, and what our contract says beyond it.
MINEABLE: Abi = [
    _function("mint", ["uint256 nonce"], ["bool"]),
    _function("getChallengeNumber", [], ["bytes32"], view=True),
    _function("getMiningTarget", [], ["uint256"], view=True),
    _function("getMiningDifficulty", [], ["uint256"], view=True),
    _function("getMiningReward", [], ["uint256"], view=True),
    _function("getAdjustmentInterval", [], ["uint256"], view=True),
    _function("epochCount", [], ["uint256"], view=True),
    _function("era", [], ["uint256"], view=True),
    _function("tokensMinted", [], ["uint256"], view=True),
    _function("periodStart", [], ["uint64"], view=True),
    _function("solutionsInPeriod", [], ["uint64"], view=True),
    _function("emission", [], ["address"], view=True),
    _function("token", [], ["address"], view=True),
    _event("Mint", ["address indexed from", "uint256 rewardAmount", "uint256 epochCount", "bytes32 newChallengeNumber"]),
]

TOKEN: Abi = [
    _function("approve", ["address spender", "uint256 value"], ["bool"]),
    _function("allowance", ["address owner", "address spender"], ["uint256"], view=True),
    _function("balanceOf", ["address account"], ["uint256"], view=True),
]

REDEMPTION: Abi = [
    _function("request", ["uint256 amount", "bytes32 reference"], ["uint256"]),
    _function("complete", ["uint256 id", "bytes32 bankReference"]),
    _function("cancel", ["uint256 id"]),
    _function("refund", ["uint256 id"]),
    _event(
        "Requested",
        ["uint256 indexed id", "address indexed account", "uint256 amount", "bytes32 reference", "uint64 refundableAt"],
    ),
    _event("Completed", ["uint256 indexed id", "bytes32 bankReference"]),
    _event("Cancelled", ["uint256 indexed id"]),
    _event("Refunded", ["uint256 indexed id"]),
    *_ROLES,
]


def reference_word(text: str) -> bytes:
    """What the chain carries of a reference: SHA-256 of its UTF-8 text. Bank data has no place on a chain that others read."""
    return hashlib.sha256(text.strip().encode()).digest()
