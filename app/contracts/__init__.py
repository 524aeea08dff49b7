"""Solidity: compiled in process and offline, tested by forge, deployed by resumable plans, kept in an address book per network.

Knows what a contract is and where it lives; never whose key signs (that is the ``Signer``'s business) nor what is minted.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.contracts.artifacts import Artifact, Compilation, Message, Parts
    from app.contracts.compiler import Compiler
    from app.contracts.deployments import Deployment
    from app.contracts.projects import CompilerSettings, Project, ProjectKind
    from app.contracts.service import Contracts
    from app.contracts.testing import (
        CounterExample,
        Coverage,
        FileCoverage,
        Place,
        TestCase,
        TestFilter,
        TestKind,
        TestReport,
        Tests,
        TestStatus,
        TestSuite,
        TraceKind,
        TraceNode,
    )
    from app.contracts.toolchain import Tool, Toolchain
    from app.contracts.workspace import Known, Workspace

_HOME = {
    "Artifact": "artifacts",
    "Compilation": "artifacts",
    "Compiler": "compiler",
    "CompilerSettings": "projects",
    "Contracts": "service",
    "CounterExample": "testing",
    "Coverage": "testing",
    "Deployment": "deployments",
    "FileCoverage": "testing",
    "Known": "workspace",
    "Message": "artifacts",
    "Parts": "artifacts",
    "Place": "testing",
    "Project": "projects",
    "ProjectKind": "projects",
    "TestCase": "testing",
    "TestFilter": "testing",
    "TestKind": "testing",
    "TestReport": "testing",
    "TestStatus": "testing",
    "TestSuite": "testing",
    "Tests": "testing",
    "Tool": "toolchain",
    "Toolchain": "toolchain",
    "TraceKind": "testing",
    "TraceNode": "testing",
    "Workspace": "workspace",
}

__all__ = [
    "Artifact",
    "Compilation",
    "Compiler",
    "CompilerSettings",
    "Contracts",
    "CounterExample",
    "Coverage",
    "Deployment",
    "FileCoverage",
    "Known",
    "Message",
    "Parts",
    "Place",
    "Project",
    "ProjectKind",
    "TestCase",
    "TestFilter",
    "TestKind",
    "TestReport",
    "TestStatus",
    "TestSuite",
    "Tests",
    "Tool",
    "Toolchain",
    "TraceKind",
    "TraceNode",
    "Workspace",
]


def __getattr__(name: str) -> object:
    # The compiler's shim starts hundreds of times in a test run and must not load SQLAlchemy.
    if name in _HOME:
        return getattr(importlib.import_module(f"app.contracts.{_HOME[name]}"), name)
    raise AttributeError(name)
