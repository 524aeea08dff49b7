"""Value becomes AZR, exactly once, and AZR becomes money.

Knows proofs, their price, the mint queue and redemptions; never how a transaction is priced, queued or sent (``app.chain``) and
never a key: signatures come from the ``Signer`` that the console hands in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.mining.attesting import Taken
    from app.mining.bank import Bank
    from app.mining.batching import Batch
    from app.mining.emission import EmissionReport, EpochRow, EraRow, Share
    from app.mining.evidence_file import EvidenceState
    from app.mining.matching import Finding, Match, Matching
    from app.mining.policies import DryRun, PolicyVersion
    from app.mining.policy import Policy, policy_v1
    from app.mining.proofs import ProofDraft, ProofRow, ProofStatus, ValueProof
    from app.mining.reconciling import QueueReconciliation
    from app.mining.redemption import RedemptionRow, Redemptions, RedemptionStatus
    from app.mining.remarks import Remark, Said
    from app.mining.reviewing import Examination, ProofFilter, ReviewCheck
    from app.mining.service import Mining
    from app.mining.signatures import Signature
    from app.mining.whatif import Answer, Question
    from app.mining.work.service import Work

_HOMES = {
    "Answer": "whatif",
    "Bank": "bank",
    "Batch": "batching",
    "DryRun": "policies",
    "PolicyVersion": "policies",
    "EmissionReport": "emission",
    "EpochRow": "emission",
    "EraRow": "emission",
    "Share": "emission",
    "EvidenceState": "evidence_file",
    "Examination": "reviewing",
    "ProofFilter": "reviewing",
    "Remark": "remarks",
    "Said": "remarks",
    "ReviewCheck": "reviewing",
    "Signature": "signatures",
    "Taken": "attesting",
    "Finding": "matching",
    "Match": "matching",
    "Matching": "matching",
    "Policy": "policy",
    "policy_v1": "policy",
    "ProofDraft": "proofs",
    "ProofRow": "proofs",
    "ProofStatus": "proofs",
    "ValueProof": "proofs",
    "RedemptionRow": "redemption",
    "RedemptionStatus": "redemption",
    "Redemptions": "redemption",
    "Mining": "service",
    "Question": "whatif",
    "QueueReconciliation": "reconciling",
    "Work": "work.service",
}

__all__ = [
    "Answer",
    "Bank",
    "Batch",
    "DryRun",
    "EmissionReport",
    "EpochRow",
    "EraRow",
    "EvidenceState",
    "Examination",
    "Finding",
    "Match",
    "Matching",
    "Mining",
    "Policy",
    "PolicyVersion",
    "ProofDraft",
    "ProofFilter",
    "ProofRow",
    "ProofStatus",
    "Question",
    "QueueReconciliation",
    "RedemptionRow",
    "RedemptionStatus",
    "Redemptions",
    "Remark",
    "ReviewCheck",
    "Said",
    "Share",
    "Signature",
    "Taken",
    "ValueProof",
    "Work",
    "policy_v1",
]


def __getattr__(name: str) -> object:
    # The services import SQLAlchemy; a panel that only names a status must not wait for that.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"app.mining.{_HOMES[name]}"), name)
    raise AttributeError(name)
