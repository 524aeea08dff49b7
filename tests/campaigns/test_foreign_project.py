"""A Foundry-style project that an npm package ships with its tests passes them, source and tests as they were published.

``@layerzerolabs/oapp-evm`` 0.4.1: 75 tests with cheat codes and fuzzing, over eight packages and solc 0.8.30, each fetched by npm
in an exact version and refused where a byte differs. npm packages come without configuration: ``foundry.toml`` is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from app.contracts import Tests, Toolchain
from app.contracts.projects import open_project
from tests.conftest import ROOT

pytestmark = [pytest.mark.compiler, pytest.mark.timeout(1_800)]
PROJECT = ("@layerzerolabs/oapp-evm", "0.4.1", "1b8bccf829c464607dd117b83c7ca3a03ac95c60818aed2b8047fcf2bfedfe82")
# package, version, SHA-256 of the tarball
LIBRARIES = (
    ("@layerzerolabs/lz-evm-protocol-v2", "3.0.168", "4f8fcf8173a0ff841a6e9f6891662eeaea6a44b2af410298b921a43169f6485c"),
    ("@layerzerolabs/lz-evm-messagelib-v2", "3.0.168", "0c6e8b10e46b0868150f0e69158c9b030da69b85c94fb0a4ef01ba26776f8259"),
    ("@layerzerolabs/lz-evm-v1-0.7", "3.0.168", "eb3cd78dded9f78cb5f54f7224b466f4ecd6e9893bfb9c8c7ea4e6b82c2a6eed"),
    ("@layerzerolabs/oft-evm", "4.0.1", "ee4269c0a02ab73a634dd954e88527c72184187cbeee836f023fb73203cfe929"),
    ("@layerzerolabs/test-devtools-evm-foundry", "8.0.1", "a20c880146de1631c9769027acc56c27bdbee11505dfcef26040c14d6ac16c23"),
    ("@layerzerolabs/toolbox-foundry", "0.1.13", "d7b05c64795a52a8670f3b73b3b8f5639c591fbe3aecc05074095457773cd064"),
    ("@openzeppelin/contracts-upgradeable", "5.0.2", "8cace29d9bc9590824b1646d0259f4a71193c9c89a95f8060ebe0b0171522e2a"),
    ("solidity-bytes-utils", "0.8.4", "b20d9c84cf24737c7c634477be736c1dc55be50f1efea5fa8fb920a44f8bc0f5"),
    ("solc", "0.8.30", "99fc3d72fadb57f7be4be1d416a4cc6f839bef4c9ab6e7517770ac8f8e92fb9b"),
)
CONFIGURATION = """
[profile.default]
src = "contracts"
libs = ["node_modules"]
optimizer = true
evm_version = "paris"
remappings = [
    "forge-std/=node_modules/@layerzerolabs/toolbox-foundry/lib/forge-std/", "@layerzerolabs/=node_modules/@layerzerolabs/",
    "ds-test/=node_modules/@layerzerolabs/toolbox-foundry/lib/ds-test/", "@openzeppelin/=node_modules/@openzeppelin/",
    "solidity-bytes-utils/=node_modules/solidity-bytes-utils/"]
"""


def fetch(package: str, version: str, digest: str, target: Path, folder: Path) -> None:
    """One package of the registry, unpacked into ``target``."""
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=True)
    file = folder / done.stdout.split()[-1]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, f"{package} {version} is not what was pinned"
    with tarfile.open(file) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / "unpacked" / "package").rename(target)


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on this machine")
def test_a_published_project_passes_its_own_tests(tmp_path):
    project = tmp_path / "project"
    fetch(*PROJECT, project, tmp_path)
    for package, version, digest in LIBRARIES:
        fetch(package, version, digest, project / "node_modules" / package, tmp_path)
    (project / "node_modules" / "@openzeppelin" / "contracts").symlink_to(
        ROOT / "contracts" / "node_modules" / "@openzeppelin" / "contracts"
    )
    (project / "node_modules" / "@layerzerolabs" / "oapp-evm").symlink_to(project)
    (project / "foundry.toml").write_text(CONFIGURATION, encoding="utf-8")
    tests = Tests(Toolchain(), tmp_path / "cache", lambda folder: open_project(folder or project))
    report = asyncio.run(tests.run(project, each=lambda suite: print(f"{suite.name}: {len(suite.tests)} tests")))
    assert report.failures == ()
    assert report.passed == 75
    assert {suite.name for suite in report.suites} == {"OAppTest", "PreCrimeV2Test", "RateLimiterTest", "OAppOptionsType3Test"}
