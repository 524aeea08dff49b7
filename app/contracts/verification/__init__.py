"""Whether the code on a chain is that of a source: compared byte by byte, and made again by running the constructor.

Says exactly what was proven and what was not; never whether the source is good.
"""

from app.contracts.verification.bundle import Bundle, read_bundle, write_bundle
from app.contracts.verification.code import Difference, Kind
from app.contracts.verification.kept import Verdicts
from app.contracts.verification.service import Verification
from app.contracts.verification.verdicts import Answer, Check, Verdict, Verified

__all__ = [
    "Answer",
    "Bundle",
    "Check",
    "Difference",
    "Kind",
    "Verdict",
    "Verdicts",
    "Verification",
    "Verified",
    "read_bundle",
    "write_bundle",
]
