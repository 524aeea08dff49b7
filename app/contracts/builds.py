"""What a declared system is made of: the artifacts of one project, by the names that the system gives them.

A plan carries their digests. Sources that are edited after the preview change nothing of what was confirmed, and a plan that was
killed goes on with the same code, out of the compiler's cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain import abi
from app.contracts.artifacts import Artifact
from app.contracts.systems import Check, Creation, System, fitted, resolve, system_of
from app.core.errors import Conflict, Invalid

if TYPE_CHECKING:
    from app.contracts.compiler import Compiler
    from app.contracts.workspace import Workspace
    from app.operations.plans import Plan

Build = Mapping[str, Artifact]


class Builds:
    """Compiles what a system shall be made of, and finds again what a plan is made of."""

    def __init__(self, projects: Workspace, compiler: Compiler) -> None:
        self._projects = projects
        self._compiler = compiler
        self._found: dict[str, Artifact] = {}  # by digest

    async def now(self, system: System, project: str = "") -> dict[str, Artifact]:
        """What the sources make today, by the system's names; a contract that they do not make is not in it.

        Args:
            project: folder of a project; empty: our own contracts.

        Raises:
            Invalid: the project cannot be read, or has several contracts of one name.
            Conflict: the sources do not compile.
        """
        built = await self._projects.compile(Path(project) if project else None)
        if built.errors:
            raise Conflict(f"The contracts do not compile: {built.errors[0]}. Nothing was planned.", "Correct the source.")
        wanted = {name: name for name in system.needs} | {item.name: item.contract or item.name for item in system.contracts}
        found: dict[str, Artifact] = {}
        for name, written in wanted.items():
            called = [each for each in built.contracts if written in (each.name, f"{each.source}:{each.name}")]
            if len(called) > 1 and name not in system.needs:
                places = ", ".join(f"{each.source}:{each.name}" for each in called)
                raise Invalid(
                    f"Several contracts are called {written}: {places}. Nothing was planned.",
                    f'Say which in the declaration: contract = "{called[0].source}:{called[0].name}"',
                )
            if len(called) == 1:
                found[name] = called[0]
        return found

    async def of(self, plan: Plan) -> dict[str, Artifact]:
        """What a plan is made of. Plans of the first consoles name no code: theirs is what our sources make today.

        Raises:
            Conflict: it is no longer in the cache, and the sources make something else now; or they do not compile.
        """
        digests = digests_of(plan)
        if not digests:
            return await self.now(system_of(plan.params))
        found = {name: await self._find(digest) for name, digest in digests.items()}
        if None in found.values():
            today = (await self._projects.compile(Path(project_of(plan)) if project_of(plan) else None)).contracts
            self._found |= {each.digest: each for each in today if each.digest in digests.values()}
        if lost := [name for name, digest in digests.items() if digest not in self._found]:
            raise Conflict(
                f"What {plan.name} makes {lost[0]} of is no longer in the cache, and its sources make something else now. "
                "Nothing was signed.",
                "Bring the sources back as they were, or plan the deployment again.",
            )
        return {name: self._found[digest] for name, digest in digests.items()}

    async def _find(self, digest: str) -> Artifact | None:
        if digest not in self._found and (artifact := await self._compiler.find(digest)) is not None:
            self._found[digest] = artifact
        return self._found.get(digest)


def sources(project: str, built: Build) -> dict[str, object]:
    """What a plan says of the code that it is made of."""
    return {"project": project, "artifacts": {name: artifact.digest for name, artifact in built.items()}}


def project_of(plan: Plan) -> str:
    """The folder of the project that a plan was made from; empty for our own contracts."""
    return str(_said(plan).get("project", ""))


def digests_of(plan: Plan) -> dict[str, str]:
    """Digests of the artifacts of a plan by the system's names; empty for plans of the first consoles."""
    artifacts = _said(plan).get("artifacts") or {}
    assert isinstance(artifacts, Mapping)
    return {str(name): str(digest) for name, digest in artifacts.items()}


def _said(plan: Plan) -> Mapping[str, object]:
    said = plan.params.get("sources") or {}
    assert isinstance(said, Mapping)
    return said


def creation_data(built: Build, item: Creation, values: Mapping[str, object], addresses: Mapping[str, str]) -> str:
    """Creation code followed by the encoded constructor arguments."""
    artifact = built[item.name]
    arguments = abi.encode(abi.types_of(artifact.parameters), creation_arguments(artifact, item, values, addresses))
    return "0x" + (artifact.creation_code(linked(built, item, addresses)) + arguments).hex()


def linked(built: Build, item: Creation, addresses: Mapping[str, str]) -> dict[str, str]:
    """Addresses of the libraries of a contract, by ``file:Name``.

    Raises:
        Conflict: a library is not there yet.
        Invalid: as :func:`libraries_of`.
    """
    return {library: str(resolve(f"@{name}", {}, addresses)) for library, name in libraries_of(built, item).items()}


def libraries_of(built: Build, item: Creation) -> dict[str, str]:
    """Which contract of the system, or which one that it needs, is each library of a contract, by ``file:Name``.

    Where the declaration does not say it: the one contract that was compiled from that library, or else one of the library's name
    that the system only needs. Empty where there is none.

    Raises:
        Invalid: several are, and the declaration does not say which.
    """
    found = {}
    for library in built[item.name].libraries:
        name = library.rpartition(":")[2]
        said = item.libraries.get(library) or item.libraries.get(name)
        made = [each for each, artifact in built.items() if f"{artifact.source}:{artifact.name}" == library]
        if len(made) > 1 and not said:
            raise Invalid(
                f"{item.name} links the library {name}, which {' and '.join(made)} are. Nothing was planned.",
                f'Say which in the declaration: libraries = {{{name} = "{made[0]}"}}',
            )
        found[library] = said or (made[0] if made else "" if name in built else name)
    return found


def creation_arguments(
    artifact: Artifact, item: Creation, values: Mapping[str, object], addresses: Mapping[str, str]
) -> list[object]:
    """The constructor arguments as the ABI's encoder takes them."""
    types = abi.types_of(artifact.parameters)
    return [fitted(kind, resolve(argument, values, addresses)) for kind, argument in zip(types, item.arguments, strict=True)]


def view_data(built: Build, check: Check) -> str:
    """The call of a check's view."""
    return abi.encode_call(built[check.contract].abi, check.view, [])


def view_answer(built: Build, check: Check, answer: str) -> str:
    """What the view said, as text."""
    return str(abi.decode_output(built[check.contract].abi, check.view, answer))
