"""Any folder of Solidity is a project: its own files say how it is compiled, and none of them is run."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts import hardhat, versions
from app.contracts.built import read_artifact, read_built
from app.contracts.compiler import Compiler
from app.contracts.projects import CompilerSettings, ProjectKind, open_project
from app.contracts.solc import Solc, standard_json
from app.contracts.sources import Remapping, files_under, gather, remapped
from app.contracts.toolchain import CONTRACTS, Toolchain
from app.contracts.workspace import marks
from app.core.errors import Cancelled, Invalid, Unavailable
from tests.contracts.deploy_program import Room

HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\n"
CONFIG = """
import { HardhatUserConfig } from "hardhat/config";
require("dotenv").config();
process.exit(3); // nothing of this is run
const LOCAL = "http://127.0.0.1:8545"
const config: HardhatUserConfig = {
  // solidity: "0.7.0",
  solidity: { version: "0.8.20", settings: { optimizer: { enabled: true, runs: 1_000 }, viaIR: true, evmVersion: "paris" } },
  paths: { sources: "./src" },
  networks: {
    hardhat: { chainId: 31337 },
    local: { url: LOCAL, chainId: 1337, accounts: [process.env.KEY!, f(1, { a: 2 })] },
    "op-main": { url: process.env.OP ?? "x", chainId: 0xa },
    ...extra(),
  },
  async foo() { return { networks: 1 }; },
};
task("accounts", "Prints", async (a, hre) => { const x = { networks: { a: 1 } }; });
export default config;
"""


def write(folder: Path, **files: str) -> Path:
    """``write(folder, src__A="…")`` writes ``src/A.sol``; names that have a dot are taken as they are."""
    for name, text in files.items():
        path = folder / (name if "." in name else name.replace("__", "/") + ".sol")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_foundry_project_is_compiled_as_its_file_says(compiler, tmp_path):
    root = write(
        tmp_path / "foundry",
        **{
            "foundry.toml": '[profile.default]\nsrc = "code"\noptimizer_runs = 7\nevm_version = "london"\n'
            'remappings = ["maths/=lib/m/src/"]',
            "remappings.txt": "short/=lib/\n",
        },
        code__A=HEAD + 'import "maths/Two.sol";\nimport {Three} from "short/other/Three.sol"; import "short/deep/Four.sol";\n'
        "contract A is Two, Three, Four {}",
        lib__m__src__Two=HEAD + 'import "./deep/../One.sol"; contract Two is One {}',
        lib__m__src__One=HEAD + "contract One { uint256 public one; }",
        lib__other__Three=HEAD + "contract Three {}",
        lib__deep__Four="pragma solidity ^0.8.20;import'./Five.sol';import {Six as S} from\"./Five.sol\";contract Four is Five {}",
        lib__deep__Five=HEAD + "contract Five {} contract Six {}",
        test__A__t=HEAD + "contract Never {",
    )
    project = open_project(root)
    assert project.kind is ProjectKind.FOUNDRY and project.sources == root / "code"
    assert (project.settings.optimizer, project.settings.runs, project.settings.evm_version) == (True, 7, "london")
    built = await compiler.compile(project)
    assert built.errors == () and [a.name for a in built.contracts] == ["A"]
    assert set(built.places) == {"code/A.sol", "lib/m/src/One.sol", "lib/m/src/Two.sol", "lib/other/Three.sol"} | {
        "lib/deep/Four.sol",
        "lib/deep/Five.sol",
    }
    told = json.loads((await compiler.parts(built.get("A"))).metadata)["settings"]
    assert told["optimizer"] == {"enabled": True, "runs": 7} and told["evmVersion"] == "london"
    assert ":maths/=lib/m/src/" in told["remappings"]


def test_without_a_word_a_foundry_project_has_forges_own_defaults(tmp_path):
    write(tmp_path, **{"foundry.toml": "[profile.default]\n"}, src__A=HEAD + "contract A {}")
    project = open_project(tmp_path)
    settled = project.resolved(project.gather())
    assert (settled.optimizer, settled.runs, settled.version, settled.evm_version) == (False, 200, "0.8.20", "shanghai")


def test_a_hardhat_configuration_is_read_and_not_run(tmp_path):
    write(tmp_path, **{"hardhat.config.ts": CONFIG}, src__A=HEAD + "contract A {}")
    project = open_project(tmp_path)
    assert project.kind is ProjectKind.HARDHAT and project.sources == tmp_path / "src"
    assert project.settings == CompilerSettings("0.8.20", True, 1000, True, "paris")
    simulated, local, optimism = project.networks
    assert (local.name, local.url, local.chain_id, local.why) == ("local", "http://127.0.0.1:8545", 1337, "")
    assert optimism.url == "" and optimism.chain_id == 10 and "process.env.OP" in optimism.why
    assert "simulates" in simulated.why and "extra()" in project.notes[0]


@pytest.mark.parametrize("chain_id", ["1e400", "0x_", "1.5", "9" * 5000, "0"])
def test_a_chain_id_that_no_chain_can_have_is_said(tmp_path, chain_id):
    said = f'module.exports = {{ networks: {{ a: {{ url: "http://x", chainId: {chain_id} }} }} }}'
    write(tmp_path, **{"hardhat.config.js": said})
    (network,) = hardhat.read(tmp_path / "hardhat.config.js").networks
    assert (network.url, network.chain_id) == ("http://x", 0) and "chainId is no whole number" in network.why


@pytest.mark.parametrize("url", ["8545", "true", "null", "['http://x']", "{ http: 1 }"])
def test_an_address_that_is_no_text_is_said(tmp_path, url):
    write(tmp_path, **{"hardhat.config.js": f"module.exports = {{ networks: {{ a: {{ url: {url}, chainId: 5 }} }} }}"})
    (network,) = hardhat.read(tmp_path / "hardhat.config.js").networks
    assert (network.url, network.chain_id) == ("", 5) and "url" in network.why


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, len(CONFIG)), at=st.integers(0, len(CONFIG)), junk=st.text("{}[](),:;`'\"./*\n aconst=", max_size=30))
def test_a_spoiled_configuration_never_breaks_the_reader(tmp_path_factory, cut, at, junk):
    file = tmp_path_factory.mktemp("hardhat") / "hardhat.config.ts"
    file.write_text((CONFIG[:at] + junk + CONFIG[at:])[:cut], encoding="utf-8")
    read = hardhat.read(file)
    assert all(isinstance(network.url, str) and isinstance(network.chain_id, int) for network in read.networks)


@pytest.mark.parametrize(
    ("wish", "version", "fits"),
    [
        ("^0.8.0", "0.8.20", True),
        ("^0.8.21", "0.8.20", False),
        (">=0.7 <0.9", "0.8.20", True),
        ("0.8.*", "0.8.20", True),
        ("=0.8.19", "0.8.20", False),
        ("^0.7.0 || ^0.8.0", "0.8.20", True),
        ("0.8.0 - 0.8.19", "0.8.20", False),
        ("~0.8.19", "0.8.20", True),
        (">0.8.20", "0.8.20", False),
        ("<=0.8.20", "0.8.20", True),
        ("^0.0.3", "0.0.4", False),
    ],
)
def test_a_pragma_allows_what_npm_would(wish, version, fits):
    assert versions.allows(wish, version) is fits


@pytest.mark.asyncio
async def test_a_compiler_that_is_not_here_is_named_with_the_way_to_get_it(compiler, tmp_path):
    write(tmp_path / "src", A="pragma solidity ^0.8.26; contract A {}")
    with pytest.raises(Unavailable, match=r"A\.sol asks for solidity \^0\.8\.26") as told:
        await compiler.compile(tmp_path / "src")
    assert "npm install --save-dev --ignore-scripts solc@0.8.30" in told.value.remedy
    with pytest.raises(Unavailable, match=r"solc 0\.8\.28, which is not here"):
        await compiler.compile(open_project(tmp_path / "src").with_settings({"version": "0.8.28"}))
    fake = tmp_path / "src/node_modules/solc-0.8.28"
    write(fake, **{"package.json": '{"version": "0.8.28"}', "soljson.js": "var Module = {}"})
    with pytest.raises(Unavailable, match="not that release"):
        await compiler.compile(open_project(tmp_path / "src").with_settings({"version": "0.8.28"}))
    assert compiler.compiled == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"runs": -1}, "runs"),
        ({"evm_version": "moon"}, "evm_version"),
        ({"speed": 1}, "speed"),
        ({"remappings": ["x"]}, "remappings"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_its_field(tmp_path, changes, field):
    with pytest.raises(Invalid) as told:
        open_project(tmp_path).with_settings(changes)
    assert told.value.field == field


def test_the_longest_remapping_wins_and_a_context_goes_before():
    table = [Remapping.parse(text) for text in ("a/=one/", "a/b/=two/", "lib/x/:a/=three/", "a/=four/")]
    assert [remapped("a/f.sol", "src/M.sol", table), remapped("a/b/f.sol", "src/M.sol", table)] == ["four/f.sol", "two/f.sol"]
    assert remapped("a/b/f.sol", "lib/x/M.sol", table) == "three/b/f.sol"


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_cancelled_compilation_stops_the_compiler_and_the_next_one_works(compiler):
    task = asyncio.ensure_future(compiler.compile(CONTRACTS / "node_modules/@openzeppelin/contracts"))
    while not compiler.busy:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    built = await compiler.compile()
    assert compiler.compiled == 1 and built.get("AzoraToken").bytecode.startswith("0x61")


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_what_is_kept_is_read_while_the_compiler_works_and_a_late_word_stops_nobody_else(compiler, tmp_path):
    mine = (await compiler.compile()).get("MintMine")
    big = asyncio.ensure_future(compiler.compile(CONTRACTS / "node_modules/@openzeppelin/contracts"))
    while not compiler.busy:
        await asyncio.sleep(0.01)
    assert await compiler.find(mine.digest) == mine and (await compiler.parts(mine)).methods
    assert compiler.busy and not big.done()
    waiting = asyncio.ensure_future(compiler.compile(write(tmp_path / "src", A=HEAD + "contract A {}")))
    queued = asyncio.ensure_future(compiler.compile(write(tmp_path / "other", B=HEAD + "contract B {}")))
    await asyncio.sleep(0)
    waiting.cancel()  # it had not begun: what runs goes on
    await asyncio.wait([waiting])
    assert compiler.busy and not big.done()
    big.cancel()
    assert (await queued).get("B").bytecode.startswith("0x60")
    assert waiting.cancelled() and compiler.compiled == 2


@pytest.mark.compiler
@pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")
def test_all_of_openzeppelin_compiles_to_the_bytes_that_node_gets():
    sources = gather(CONTRACTS / "node_modules/@openzeppelin/contracts", CONTRACTS / "node_modules")
    outputs = {"*": {"*": ["evm.bytecode.object", "evm.deployedBytecode.object"]}}
    asked = standard_json(sources, {"optimizer": {"enabled": True, "runs": 200}, "evmVersion": "paris", "outputSelection": outputs})
    program = (
        f"const m=require({json.dumps(str(CONTRACTS / 'node_modules/solc/soljson.js'))});"
        "const c=m.cwrap('solidity_compile','string',['string','number','number']);"
        "process.stdout.write(c(require('fs').readFileSync(0,'utf8'),0,0))"
    )
    node = subprocess.run(["node", "-e", program], input=asked, capture_output=True, text=True, check=True, timeout=250)
    mine = json.loads(Solc(Toolchain()).compile(asked))
    assert len(sources) == 143 and len(mine["sources"]) == 143
    assert [entry for entry in mine.get("errors", []) if entry["severity"] == "error"] == []
    assert mine["contracts"] == json.loads(node.stdout)["contracts"]


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_parts_lie_in_the_cache_until_they_are_asked_for(compiler, tmp_path):
    built = await compiler.compile()
    mine = built.get("MintMine")
    parts = await compiler.parts(mine)
    assert parts.source_map and any(method.startswith("mint(") for method in parts.methods)
    declared = {node["id"]: node["name"] for node in _variables(await compiler.tree(mine)) if node.get("mutability") == "immutable"}
    assert {declared[int(key)] for key in parts.immutables} >= {"token"}
    other = Compiler(Toolchain(), tmp_path / "cache")
    assert (await other.parts(mine)).metadata == parts.metadata and other.compiled == 0
    await other.close()


def _variables(node: object):
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration":
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _variables(each)


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_library_is_a_hole_until_it_is_linked(compiler, tmp_path):
    write(
        tmp_path / "src",
        A=HEAD + "library L { function f(uint256 x) external pure returns (uint256) { return x; } }\n"
        "contract A { function g() external pure returns (uint256) { return L.f(1); } }",
    )
    linked = (await compiler.compile(tmp_path / "src")).get("A")
    assert linked.libraries == ("src/A.sol:L",) and len(linked.digest) == 64
    with pytest.raises(Invalid, match="needs the address of the library L"):
        linked.creation_code()
    address = "0x" + "ab" * 20
    assert bytes.fromhex("ab" * 20) in linked.creation_code({"L": address})
    assert linked.runtime_matches("0x" + linked.runtime_code({"src/A.sol:L": address}).hex())


def test_what_foundry_and_hardhat_built_is_read(tmp_path):
    code = {"object": "0x6001", "linkReferences": {}, "sourceMap": ""}
    foundry = {
        "abi": [],
        "bytecode": code,
        "deployedBytecode": {**code, "immutableReferences": {"7": [{"start": 1, "length": 1}]}},
        "metadata": {"settings": {"compilationTarget": {"src/A.sol": "A"}}},
    }
    hat = {"contractName": "B", "sourceName": "contracts/B.sol", "abi": [], "bytecode": "0x6002", "deployedBytecode": "0x6003"}
    write(
        tmp_path,
        **{
            "out/A.sol/A.json": json.dumps(foundry),
            "out/A.sol/I.json": json.dumps({**foundry, "bytecode": {"object": "0x"}}),
            "out/build-info/x.json": "{}",
            "out/broken.json": "{",
            "artifacts/contracts/B.sol/B.json": json.dumps(hat),
        },
    )
    (a,), (b,) = read_built(tmp_path / "out"), read_built(tmp_path / "artifacts")
    assert (a.name, a.source, a.bytecode, a.immutables) == ("A", "src/A.sol", "0x6001", ((1, 1),))
    assert (b.name, b.source, b.bytecode, b.runtime) == ("B", "contracts/B.sol", "0x6002", "0x6003")
    assert read_artifact(tmp_path / "out/A.sol/I.json").bytecode == "0x"
    with pytest.raises(Invalid, match="no artifact"):
        read_artifact(tmp_path / "out/broken.json")


@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_project_is_remembered_with_its_settings_and_watched(tmp_path, cache):
    folder = write(tmp_path / "mine", A=HEAD + "contract A {}")
    room = Room(tmp_path / "home", "http://127.0.0.1:1", cache)
    projects = room.contracts.projects
    projects.remember(folder, {"runs": "9", "via_ir": "yes"})
    room.settings.load()
    _, kept = projects.list()
    assert (kept.project.settings.runs, kept.project.settings.via_ir) == (9, True)
    with pytest.raises(Invalid):
        projects.remember(folder, {"runs": "many"})
    assert projects.remember(folder, {"runs": ""}).settings.runs == 200
    answers: asyncio.Queue = asyncio.Queue()
    job = projects.watch(folder, answers.put_nowait)
    assert [a.name for a in (await answers.get()).contracts] == ["A"]
    write(folder, A=HEAD + "contract A { nothing x; }")
    assert (await answers.get()).errors[0].text.startswith("Identifier not found")
    job.cancel()
    with pytest.raises(Cancelled):
        await job.wait()
    projects.forget(folder)
    assert len(projects.list()) == 1 and folder.is_dir()
    await room.contracts.close()


def test_packages_are_not_looked_into_and_folders_called_like_a_source_are_none(tmp_path):
    write(
        tmp_path,
        A="",
        node_modules__x__B="",
        **{".hidden/C.sol": "", "out/A.sol/A.json": "", "cache/deep/D.sol": "", "foundry.toml": ""},
    )
    assert [file.name for file in files_under(tmp_path)] == ["A.sol", "D.sol"]
    before = marks(tmp_path, tmp_path)
    assert {file.rpartition("/")[2] for file in before} == {"A.sol", "D.sol", "foundry.toml"}
    write(tmp_path, A="contract A {}")
    assert marks(tmp_path, tmp_path) != before
