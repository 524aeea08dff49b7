"""Each rule of the architecture that import-linter cannot see is a test that can fail."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, at_import_time, imported, modules, place, tracked, tree

HEAVY = ("web3", "eth_account", "eth_abi", "pyrevm", "py_mini_racer", "matplotlib", "numpy", "kubernetes", "llvmlite", "pyqtgraph")


def brings(node: ast.AST, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imported(node) for package in packages)


def test_app_knows_no_window():
    found = [
        place(path, node) for path in modules("app") for node in ast.walk(tree(path)) if brings(node, "PySide6", "qasync", "ui")
    ]
    assert not found


def test_only_the_vault_touches_the_operating_systems_keyring():
    vault = [ROOT / "app" / "access" / f"{name}.py" for name in ("vault", "keyrings", "secret_service")]
    found = [
        place(path, node)
        for path in [*modules("app", "ui"), ROOT / "main.py"]
        if path not in vault
        for node in ast.walk(tree(path))
        if brings(node, "keyring", "secretstorage")
    ]
    assert not found


def test_panels_do_not_know_each_other():
    found = []
    for path in modules("ui/panels"):
        inside = path.relative_to(ROOT / "ui" / "panels").parts
        own = f"ui.panels.{inside[0].removesuffix('.py')}"
        for node in ast.walk(tree(path)):
            foreign = [name for name in imported(node) if re.match(r"ui\.panels\.[a-z_]+$", name) and name != own]
            found += [f"{place(path, node)}: {name}" for name in foreign if len(inside) > 1]
    assert not found


def _task_groups(module: ast.Module) -> set[str]:
    """Names bound by ``async with asyncio.TaskGroup() as name``: what such a group starts cannot outlive the block."""
    return {
        item.optional_vars.id
        for node in ast.walk(module)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name) and ast.unparse(item.context_expr) == "asyncio.TaskGroup()"
    }


def test_only_jobs_and_the_bridge_start_tasks():
    """A task that nobody holds is lost with its error. Task groups are allowed: they wait for what they start."""
    allowed = {"app/core/jobs.py"}
    found = []
    for path in modules("app", "ui"):
        name = path.relative_to(ROOT).as_posix()
        if name in allowed or name.startswith("ui/bridge"):
            continue
        groups = _task_groups(tree(path))
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            held = isinstance(node.func.value, ast.Name) and node.func.value.id in groups
            if node.func.attr in ("create_task", "ensure_future", "run_coroutine_threadsafe") and not held:
                found.append(place(path, node))
    assert not found


def _names(module: ast.Module) -> set[str]:
    """What a module defines at its top level, in whatever branch."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            waiting.extend(ast.iter_child_nodes(node))
    return found


def test_every_name_that_is_imported_is_there():
    """Two changes that each work can move a name and import it from its old place: the error would wait for a click."""
    missing = []
    for path in modules("app", "ui", "tests"):
        for node in ast.walk(tree(path)):
            parts = str(node.module).split(".") if isinstance(node, ast.ImportFrom) and not node.level else [""]
            if not isinstance(node, ast.ImportFrom) or parts[0] not in ("app", "ui", "tests"):
                continue
            base = ROOT.joinpath(*parts)
            file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            names = _names(tree(file)) if file.is_file() else set()
            for alias in node.names:
                inside = (base / alias.name).is_dir() or (base / f"{alias.name}.py").is_file()
                if alias.name not in names and not inside and "__getattr__" not in names:
                    missing.append(f"{place(path, node)}: {alias.name} from {node.module}")
    assert not missing


def test_no_wait_may_lose_a_cancellation():
    """``asyncio.wait_for`` of Python 3.11 swallows a cancellation that comes with its result: the loop around it never ends.

    ``async with asyncio.timeout(…)`` does not (python/cpython#86296).
    """
    calls = [(path, node) for path in modules("app", "ui") for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    assert not [place(path, node) for path, node in calls if ast.unparse(node.func) == "asyncio.wait_for"]


STATIC = {
    "QMessageBox": ("information", "question", "warning", "critical", "about", "aboutQt"),
    "QFileDialog": ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
    "QInputDialog": ("getText", "getMultiLineText", "getInt", "getDouble", "getItem"),
}


def test_no_dialog_blocks_the_loop():
    """``exec`` and the static dialogs start a second event loop, in which coroutines of the first break.

    The application's own ``exec`` is the first.
    """
    found = []
    for path in modules("ui"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value).rpartition(".")[2]
                if owner == "application" and node.func.attr == "exec":
                    continue
                if node.func.attr in ("exec", "exec_", "processEvents") or node.func.attr in STATIC.get(owner, ()):
                    found.append(f"{place(path, node)}: {ast.unparse(node.func)}")
    assert not found


def test_the_schema_comes_from_its_history_alone():
    found = [
        place(path, node)
        for path in modules("app")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "create_all"
    ]
    assert not found


def _writes(path: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "write"
        and re.search(r"(^|[._])(database|store|db)$", ast.unparse(node.func.value))
    ]


def test_who_writes_to_the_store_is_listed_with_a_reason():
    lines = (Path(__file__).parent / "writers.txt").read_text(encoding="utf-8").splitlines()
    listed = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    assert all(reason.strip() for reason in listed.values())
    writing = {path.relative_to(ROOT).as_posix() for path in modules("app", "ui") if _writes(path)}
    assert writing - listed.keys() == set(), "these write to the store without standing in writers.txt"
    assert listed.keys() - writing == set(), "these stand in writers.txt and do not write"


@pytest.mark.parametrize("package", HEAVY)
def test_slow_libraries_are_imported_only_where_they_are_used(package):
    """Inside a function, so that importing a module of ours stays cheap."""
    found = [place(path, node) for path in modules("app", "ui") for node in at_import_time(tree(path)) if brings(node, package)]
    assert not found


def test_every_icon_named_in_the_interface_is_compiled():
    listed = set((ROOT / "resources" / "icons.txt").read_text(encoding="utf-8").split())
    missing = []
    for path in modules("ui"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "icon" and node.args:
                named = [node.args[0]]
            elif isinstance(node, ast.keyword) and node.arg == "icon":
                named = [node.value]
            else:
                continue
            for value in named:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value and value.value not in listed:
                    missing.append(f"{place(path, value)}: {value.value}")
    assert not missing


def test_no_address_of_a_registry_in_the_tree():
    """Where packages come from is the machine's business; what they are is ours, by hash."""
    kinds = {".txt", ".toml", ".json", ".py", ".md", ".cfg", ".sh", ".yml", ".yaml", ".lock"}
    names = ("pypi." + "org", "files.pythonhosted." + "org", "registry.npmjs." + "org", "--index-" + "url", "--find-" + "links")
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in tracked()
        if path.suffix in kinds or path.name in ("Makefile", "run") or path.name in {"Makefile", "run"}
        for name in names
        if name in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found


def test_requirements_are_pinned_by_hash_and_of_this_project():
    """The locks are made of pyproject.toml by uv; a dependency that is only there would not be installed."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {"requirements.txt": project["project"]["dependencies"]}
    wanted["requirements-test.txt"] = [*wanted["requirements.txt"], *project["dependency-groups"]["test"]]
    for file, dependencies in wanted.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)
        names = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
        asked = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; ]", name)[0]).lower() for name in dependencies}
        assert asked <= names, f"{file} lacks {asked - names}"
        blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
        assert all("--hash=sha256:" in block for block in blocks if "==" in block), file
