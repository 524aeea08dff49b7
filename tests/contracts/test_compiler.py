"""Solidity is compiled in process, once, by what was pinned, and says where it is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.contracts.compiler import Compiler
from app.contracts.solc import Solc, gather, standard_json
from app.contracts.solc_shim import executable
from app.contracts.toolchain import CONTRACTS, Toolchain
from app.core.errors import Invalid, Unavailable

OURS = ["AzoraToken", "Emission", "MineableAzora", "MintMine", "MockERC20", "Redemption"]


@pytest.fixture
def sources(tmp_path):
    """``sources(Name="text")`` writes a folder of Solidity."""

    def write(**files: str) -> Path:
        folder = tmp_path / "src"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.sol").write_text(
                f"// SPDX-License-Identifier: MIT\npragma solidity 0.8.20;\n{text}", encoding="utf-8"
            )
        return folder

    return write


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_our_contracts_compile_without_a_word_of_complaint(compiler):
    built = await compiler.compile()
    assert [artifact.name for artifact in built.contracts] == OURS
    assert built.errors == () and built.warnings == ()
    assert built.solc.startswith("0.8.20")
    token = built.get("AzoraToken")
    assert {token.slot("_balances"), token.slot("_totalSupply")} == {0, 2}
    assert built.get("MintMine").immutables and all(len(a.runtime) // 2 <= 24_576 for a in built.contracts)


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_what_did_not_change_is_not_compiled_again_even_by_another_console(compiler, tmp_path):
    first = await compiler.compile()
    again = await compiler.compile()
    other = Compiler(Toolchain(), tmp_path / "cache")
    kept = await other.compile()
    await other.close()
    assert (first.cached, again.cached, kept.cached) == (False, True, True)
    assert (compiler.compiled, other.compiled) == (1, 0)
    assert first.contracts == again.contracts == kept.contracts


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_spoiled_cache_is_compiled_over(compiler, tmp_path):
    first = await compiler.compile()
    kept = tmp_path / "cache" / "solc" / f"{first.key}.json"
    kept.write_text(kept.read_text()[:1000])
    other = Compiler(Toolchain(), tmp_path / "cache")
    again = await other.compile()
    await other.close()
    assert other.compiled == 1 and again.contracts == first.contracts


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_changed_source_is_compiled_and_the_old_artifact_is_still_found(compiler, sources):
    folder = sources(One="contract One { uint256 public one = 1; }")
    before = (await compiler.compile(folder)).get("One")
    sources(One="contract One { uint256 public one = 2; }")
    after = await compiler.compile(folder)
    assert compiler.compiled == 2 and after.get("One").bytecode != before.bytecode
    assert await compiler.find(before.digest) == before
    assert await compiler.find("00" * 32) is None


@pytest.mark.compiler
@pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")
def test_the_answer_is_what_node_gets_from_the_same_compiler():
    asked = standard_json(gather(CONTRACTS / "src", CONTRACTS / "node_modules"))
    program = (
        f"const m=require({json.dumps(str(CONTRACTS / 'node_modules/solc/soljson.js'))});"
        "const c=m.cwrap('solidity_compile','string',['string','number','number']);"
        "process.stdout.write(c(require('fs').readFileSync(0,'utf8'),0,0))"
    )
    node = subprocess.run(["node", "-e", program], input=asked, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(Solc(Toolchain()).compile(asked)) == json.loads(node.stdout)


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_an_error_names_file_line_and_text(compiler, sources):
    built = await compiler.compile(sources(Wrong="// Grüße, 世界\ncontract Wrong {\n    uint256 public x = nothing;\n}"))
    (error,) = built.errors
    assert (error.file, error.line, error.excerpt) == ("src/Wrong.sol", 5, "uint256 public x = nothing;")
    assert str(error) == "src/Wrong.sol:5:24: error 7576: Undeclared identifier."
    assert (error.column, error.length) == (24, len("nothing")) and "^^^^^^^" in error.said
    assert built.contracts == ()


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_warning_does_not_stop_anything_and_stays_with_its_contract(compiler, sources):
    built = await compiler.compile(sources(Loud="contract Loud { function f() public { uint256 unused = 1; } }"))
    assert built.errors == () and len(built.warnings) == 2
    assert all("src/Loud.sol:3" in text for text in built.get("Loud").warnings)


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_imports_are_found_beside_above_and_in_the_library_but_not_in_comments(compiler, sources):
    folder = sources(Base="abstract contract Base {}")
    (folder / "deep").mkdir()
    (folder / "deep" / "Leaf.sol").write_text(
        "// SPDX-License-Identifier: MIT\npragma solidity 0.8.20;\n"
        '// import "./Nowhere.sol";\n/* import "./Neither.sol"; */\n'
        'import {Base} from "../Base.sol";\nimport {Ownable}\n    from "@openzeppelin/contracts/access/Ownable.sol";\n'
        "contract Leaf is Base, Ownable { constructor() Ownable(msg.sender) {} }"
    )
    built = await compiler.compile(folder)
    assert built.errors == () and [a.name for a in built.contracts] == ["Leaf"]


@pytest.mark.asyncio
async def test_an_import_that_leads_nowhere_is_named(compiler, sources):
    with pytest.raises(Invalid, match="src/Lost.sol imports “./Gone.sol”"):
        await compiler.compile(sources(Lost='import "./Gone.sol";\ncontract Lost {}'))


@pytest.mark.asyncio
async def test_a_folder_without_sources_is_told(compiler, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(Invalid, match="Nothing was compiled"):
            await compiler.compile(folder)


@pytest.fixture
def spoilable(tmp_path):
    """A checkout with a copy of compiler and library."""
    contracts = tmp_path / "contracts"
    for name in ("solc", "@openzeppelin/contracts"):
        shutil.copytree(CONTRACTS / "node_modules" / name, contracts / "node_modules" / name)
    shutil.copytree(CONTRACTS / "src", contracts / "src")
    shutil.copy(CONTRACTS / "toolchain.json", contracts)
    return contracts


@pytest.mark.asyncio
async def test_a_compiler_with_one_other_byte_is_not_run(spoilable, tmp_path):
    with (spoilable / "node_modules/solc/soljson.js").open("ab") as file:
        file.write(b" ")
    compiler = Compiler(Toolchain(spoilable), tmp_path / "cache")
    with pytest.raises(Unavailable, match="soljson.js is not the file that was pinned"):
        await compiler.compile(spoilable / "src")
    await compiler.close()
    assert compiler.compiled == 0


@pytest.mark.asyncio
async def test_a_library_with_one_other_line_is_not_compiled(spoilable, tmp_path):
    library = spoilable / "node_modules/@openzeppelin/contracts"
    with (library / "token/ERC20/ERC20.sol").open("a", encoding="utf-8") as file:
        file.write("// harmless\n")
    compiler = Compiler(Toolchain(spoilable), tmp_path / "cache")
    with pytest.raises(Unavailable, match="openzeppelin cannot be used"):
        await compiler.compile(spoilable / "src")
    await compiler.close()
    assert compiler.compiled == 0


def test_status_names_what_is_missing_or_spoiled(spoilable):
    assert all(tool.ok for tool in Toolchain().status())
    (spoilable / "node_modules/@openzeppelin/contracts/token/ERC20/ERC20.sol").unlink()
    found = {tool.name: tool for tool in Toolchain(spoilable).status()}
    assert found["solc"].ok and found["solc"].version == "0.8.20"
    assert "not those that were pinned" in found["openzeppelin"].why
    assert found["icons"].why == "not installed"


@pytest.mark.compiler
def test_the_shim_speaks_like_solc(tmp_path):
    shim = executable(tmp_path / "a folder")
    version = subprocess.run([shim, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Version: 0.8.20+commit.a1b79de6" in version
    source = {"A.sol": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.20;\ncontract A {}"}
    asked = standard_json(source)
    said = subprocess.run([shim, "--standard-json"], input=asked, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(said.stdout)["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"].startswith("60")
    assert said.stderr == ""


def test_an_engine_that_nobody_closed_is_closed_before_the_interpreter_ends():
    """Freed later it now and then waited for ever: a command had printed its answer and never ended."""
    program = (
        "import atexit\n"
        "from app.contracts.solc import Solc, standard_json\n"
        "from app.contracts.toolchain import Toolchain\n"
        "solc = Solc(Toolchain())\n"
        "atexit.register(lambda: print(solc._engine._ctx is None))\n"
        "print(solc._engine)\n"
        "assert '\"A\"' in solc.compile(standard_json({'A.sol': 'pragma solidity 0.8.20; contract A {}'}))\n"
        "print(solc._engine._ctx is None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["None", "False", "True"]
