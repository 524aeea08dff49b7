"""Which tests of a project are meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.contracts.testing.results import TestCase
from app.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class TestFilter:
    """All that is given must fit; nothing given fits everything.

    Attributes:
        text: a regular expression looked for in ``file:Contract test``.
        path: a pattern for the file, as ``test/*.t.sol``.
        contract: a regular expression looked for in the contract's name.
        test: a regular expression looked for in the test's name.
        only: ids of tests (``TestCase.id``, also without the types of arguments); that of a ``setUp`` is the whole suite.
    """

    __test__ = False
    text: str = ""
    path: str = ""
    contract: str = ""
    test: str = ""
    only: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for name in ("text", "contract", "test"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise Invalid(
                    f"“{getattr(self, name)}” is no regular expression ({error}). Nothing was run.",
                    "Put a backslash before brackets that are meant as they stand.",
                    field=name,
                ) from error

    @classmethod
    def of(cls, tests: Iterable[TestCase]) -> TestFilter:
        """Exactly these."""
        return cls(only=frozenset(test.id for test in tests))

    def fits(self, suite: str, test: str) -> bool:
        """Whether a test is meant: ``file:Contract`` and its name."""
        file, _, contract = suite.rpartition(":")
        bare = test.partition("(")[0]
        return (
            (not self.path or PurePosixPath(file).match(self.path))
            and bool(re.search(self.contract, contract))
            and bool(re.search(self.test, test))
            and bool(re.search(self.text, f"{suite} {test}"))
            and (self.only is None or any(name.partition("(")[0] in (f"{suite} {bare}", f"{suite} setUp") for name in self.only))
        )
