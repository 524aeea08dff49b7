"""Whether a declared system fits the contracts that were compiled: asked before anything is planned or simulated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from app.chain import abi
from app.contracts.builds import Build, creation_arguments, libraries_of
from app.core.errors import Invalid

if TYPE_CHECKING:
    from app.contracts.artifacts import Artifact
    from app.contracts.systems import Check, Creation, System

_SOMEWHERE = "0x" + "11" * 20  # stands for addresses that only the plan will know


def require_fit(system: System, built: Build, values: Mapping[str, object], project: str = "") -> None:
    """Hold each contract, argument and check of a declaration against the compiled contracts.

    Args:
        values: the parameters as a plan keeps them.
        project: folder of the project that was compiled; empty: our own contracts.

    Raises:
        Invalid: a contract is not among the compiled ones or is created twice, its arguments do not fit its constructor, a library
            is not there before what links it, or a check asks a view that is none without arguments.
    """
    named = dict.fromkeys((*system.needs, *(item.name for item in system.contracts)), _SOMEWHERE)
    where = f"the contracts of {project}" if project else "the console's own contracts"
    seen: set[str] = set(system.needs)
    for item in system.contracts:
        if item.name in seen:
            raise _refused(system, f"creates {item.name} twice, or needs it and creates it; what refers to it would be ambiguous")
        if item.name not in built:
            remedy = "Correct the declaration." if project else "Correct the declaration, or name its project: --project DIR"
            raise _refused(system, f"creates {item.contract or item.name}, which is not among {where}", remedy)
        _require_libraries(system, built, item, seen)
        seen.add(item.name)
        _require_arguments(system, built[item.name], item, values, named)
    for check in system.checks:
        if check.contract not in built:
            raise _refused(system, f"asks {check.contract}.{check.view}, and {check.contract} is not among {where}")
        if not _is_view(built[check.contract], check):
            raise _refused(system, f"asks {check.contract}.{check.view}, which is no view without arguments")


def _require_arguments(
    system: System, artifact: Artifact, item: Creation, values: Mapping[str, object], addresses: Mapping[str, str]
) -> None:
    takes, given = len(artifact.parameters), len(item.arguments)
    if takes != given:
        raise _refused(system, f"gives {item.name} {given} arguments, and its constructor takes {takes}")
    try:
        abi.encode(abi.types_of(artifact.parameters), creation_arguments(artifact, item, values, addresses))
    except (Invalid, ValueError) as error:
        said = error.message.removesuffix(" Nothing was sent.") if isinstance(error, Invalid) else str(error)
        raise _refused(system, f"gives {item.name} arguments that do not fit its constructor ({said.rstrip('.')})") from error


def _require_libraries(system: System, built: Build, item: Creation, before: Collection[str]) -> None:
    """Every library has its address before the contract that links it, and every one that is declared is linked."""
    links = libraries_of(built, item)
    called = {name for library in links for name in (library, library.rpartition(":")[2])}
    if unknown := sorted(item.libraries.keys() - called):
        raise _refused(system, f"gives {item.name} a library {unknown[0]}, which it does not link")
    for library, name in links.items():
        if name not in before:
            lacking = f"creates {item.name}, which links the library {library.rpartition(':')[2]} ({library})"
            raise _refused(system, f"{lacking}, and no contract before it is that library")


def _is_view(artifact: Artifact, check: Check) -> bool:
    return any(
        entry.get("type") == "function"
        and entry.get("name") == check.view
        and not entry.get("inputs")
        and entry.get("outputs")
        and entry.get("stateMutability") in ("view", "pure")
        for entry in artifact.abi
    )


def _refused(system: System, what: str, remedy: str = "Correct the declaration.") -> Invalid:
    return Invalid(f"“{system.title}” {what}. Nothing was planned.", remedy)
