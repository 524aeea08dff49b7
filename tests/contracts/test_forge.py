"""forge runs offline over our compiler, and what fails is told."""

from __future__ import annotations

import pytest

from app.contracts.testing import run_tests
from app.contracts.toolchain import Toolchain
from app.core.errors import Unavailable


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_broken_contract_is_told_by_the_tests_it_breaks(project, tmp_path):
    source = project / "src" / "Redemption.sol"
    text = source.read_text(encoding="utf-8")
    assert "token.burn(found.amount);" in text
    source.write_text(text.replace("token.burn(found.amount);", ""), encoding="utf-8")
    report = await run_tests(Toolchain(), tmp_path / "cache", project)
    names = {result.name for result in report.results if not result.passed}
    assert "test_completion_burns_and_names_the_payment()" in names
    assert "invariant_the_economy_adds_up()" in names
    assert report.failed == len(report.failures) == len(names)
    assert report.passed > 40  # the others still ran
    assert any("burned" in failure for failure in report.failures)


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_sources_that_do_not_compile_are_no_success(project, tmp_path):
    (project / "src" / "Wrong.sol").write_text("pragma solidity 0.8.20; contract Wrong { nothing x; }", encoding="utf-8")
    with pytest.raises(Unavailable, match=r"Wrong\.sol"):
        await run_tests(Toolchain(), tmp_path / "cache", project)


@pytest.mark.asyncio
async def test_without_the_pinned_forge_nothing_runs(project, tmp_path):
    toolchain = Toolchain(project)
    (project / "toolchain.json").write_text(
        '{"tools": [{"name": "forge", "package": "@foundry-rs/forge-linux-amd64", "version": "1.7.1",'
        ' "files": {"bin/forge": "00"}}]}',
        encoding="utf-8",
    )
    with pytest.raises(Unavailable, match="forge cannot be used"):
        await run_tests(toolchain, tmp_path / "cache", project)
