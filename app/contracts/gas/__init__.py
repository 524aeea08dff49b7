"""What contracts cost: per contract and function, measured by tests or on a chain, against a kept baseline.

Measures; never decides what is too much, except the one limit that chains set: 24 KiB of code (EIP-170).
"""

from app.contracts.gas.report import Change, ContractGas, FunctionGas, GasReport, Origin
from app.contracts.gas.service import GasReports

__all__ = ["Change", "ContractGas", "FunctionGas", "GasReport", "GasReports", "Origin"]
