"""The transaction inspector: a tree of calls with decoded arguments, logs, storage by the names of variables, lines of source.

Reads, and never sends. What a node cannot tell is said, and nothing is made up in its place.
"""

from app.contracts.inspector.calls import CallNode, Log
from app.contracts.inspector.service import BalanceChange, Inspection, Inspector
from app.contracts.inspector.stepping import SourceStep, failure
from app.contracts.inspector.storage import StorageChange

__all__ = ["BalanceChange", "CallNode", "Inspection", "Inspector", "Log", "SourceStep", "StorageChange", "failure"]
