"""The shape of the package, read from its source: who may import, call and print what.

The rules are those of docs/architecture.md. A list that names what is not there fails too.
"""

from __future__ import annotations

import ast
import configparser
import functools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import attrs
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "supervisor_maint"

# Besides these, every module whose docstring says "No I/O here" is held to its word.
PURE = (
    "errors",
    "processes",
    "effects",
    "listener.protocol",
    "listener.events",
    "monitoring.facts",
    "monitoring.metrics",
    "settings.model",
    "snapshots.*",
    "store.requests",
    "supervisord.exits",
    "supervisord.explain",
)
IO_MODULES = {
    "asyncio",
    "ctypes",
    "fcntl",
    "http.client",
    "http.server",
    "multiprocessing",
    "os",
    "psutil",
    "requests",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "xmlrpc.client",
}
# A Path is a value; what it does to the disk is not. (write_text, ... are spelt only by Path.)
IO_METHODS = {
    "chmod",
    "exists",
    "is_dir",
    "is_file",
    "iterdir",
    "lstat",
    "mkdir",
    "open",
    "read_bytes",
    "read_text",
    "stat",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}
# Each touches one thing, and knows of no other: only the command line brings them together.
ADAPTERS = (
    "deployment",
    "listener",
    "monitoring.alertmanager",
    "monitoring.prometheus",
    "monitoring.sinks",
    "store",
    "supervisord",
)
COMPOSERS = ("cli", "demo")
PRINTERS = ("cli", "demo")
# What people see is not loaded by what runs day and night.
TOO_LARGE_FOR_THE_LISTENER = {"rich", "superlance"}
# They cover every group, listeners and what an operator stopped too (Supervisor #438).
FORBIDDEN_CALLS = {"stopAllProcesses", "startAllProcesses"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


@attrs.frozen(eq=False)
class Module:
    """A module of the package, by its name below the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def is_pure(self) -> bool:
        """Tell whether it must not touch the world."""
        promised = "no i/o here" in (ast.get_docstring(self.tree) or "").lower()
        return promised or _matches(self.name, PURE)

    def imports(self) -> set[str]:
        """Name every module it imports, in full, early or late; not for its types alone."""
        return {name for node in _run_nodes(self.tree) for name in self._imported(node)}

    def _imported(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        assert node.level == 0, f"{self.name} has a relative import"
        found = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if _exists(name) else str(node.module) for name in found]


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _run_nodes(node)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _is_in(name: str, folders: Iterable[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def _read(path: Path) -> Module:
    parts = path.relative_to(REPOSITORY / PACKAGE).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text(encoding="utf-8")
    return Module(name, path, text, ast.parse(text, str(path)))


@functools.lru_cache(maxsize=1)
def _modules() -> dict[str, Module]:
    """Read every module, by its full name."""
    found = [_read(path) for path in sorted((REPOSITORY / PACKAGE).rglob("*.py"))]
    return {f"{PACKAGE}.{module.name}".rstrip("."): module for module in found}


def _exists(full_name: str) -> bool:
    if not _is_in(full_name, [PACKAGE]):
        return full_name in IO_MODULES  # from urllib import request
    return (REPOSITORY / full_name.replace(".", "/")).with_suffix(".py").exists() or (
        REPOSITORY / full_name.replace(".", "/") / "__init__.py"
    ).exists()


def _ours(module: Module) -> list[Module]:
    """List the modules of the package that a module imports."""
    return [_modules()[name] for name in sorted(module.imports()) if _is_in(name, [PACKAGE])]


def _pure_modules() -> list[Module]:
    return [module for module in _modules().values() if module.is_pure]


def _where(module: Module, node: ast.AST) -> str:
    return f"{module.path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"


def test_no_import_cycle() -> None:
    """Imports go one way: no module is reached from itself."""
    done: set[str] = set()

    def visit(module: Module, trail: tuple[str, ...]) -> None:
        assert module.name not in trail, " -> ".join([*trail, module.name])
        if module.name not in done:
            for imported in _ours(module):
                visit(imported, (*trail, module.name))
            done.add(module.name)

    for module in _modules().values():
        visit(module, ())


def test_app_is_put_together_one_way() -> None:
    """No part of the application knows the whole: nothing is imported there for its type alone."""
    app = [module for module in _modules().values() if _is_in(module.name, ["app"])]

    assert app
    assert [] == [module.name for module in app if "TYPE_CHECKING" in module.text]


@pytest.mark.parametrize("pattern", PURE)
def test_pure_module_is_there(pattern: str) -> None:
    """Every module that is listed as pure exists."""
    assert [module for module in _modules().values() if fnmatch(module.name, pattern)]


def test_pure_module_imports_no_io() -> None:
    """Nothing that touches the world is reached by the imports of a pure module."""
    wrong = [
        f"{module.name} reaches {reached.name}, which imports {name}"
        for module in _pure_modules()
        for reached in _reached_from(module)
        for name in sorted(reached.imports())
        if _is_in(name, IO_MODULES)
    ]

    assert [] == wrong


def test_pure_module_does_no_io() -> None:
    """A pure module neither opens a file nor asks a path about the disk."""
    wrong = [
        f"{_where(module, node)} calls {_called(node)}"
        for module in _pure_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _called(node) in IO_METHODS
    ]

    assert [] == wrong


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


@pytest.mark.parametrize("folder", [*ADAPTERS, *COMPOSERS])
def test_folder_of_the_rules_is_there(folder: str) -> None:
    """Every folder that a rule names holds modules."""
    assert [module for module in _modules().values() if _is_in(module.name, [folder])]


def test_adapters_are_named_by_the_command_line_alone() -> None:
    """What does I/O is imported within its own folder, and by the composition root."""
    wrong = [
        f"{module.name} imports {imported.name}"
        for module in _modules().values()
        if module.name not in {"__main__", *COMPOSERS} and not _is_in(module.name, COMPOSERS)
        for imported in _ours(module)
        if (folder := _adapter_of(imported)) and not _is_in(module.name, [folder])
    ]

    assert [] == wrong


def _adapter_of(module: Module) -> str | None:
    if module.is_pure:
        return None
    return next((folder for folder in ADAPTERS if _is_in(module.name, [folder])), None)


def test_only_the_command_line_prints() -> None:
    """No module prints, for the listener's stdout is the protocol's."""
    wrong = [
        _where(module, node)
        for module in _modules().values()
        if not _is_in(module.name, PRINTERS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "print"
    ]

    assert [] == wrong


def test_listener_loads_nothing_large() -> None:
    """Neither ``listen`` nor what it imports, early or late, imports what is only for people."""
    listen = _modules()[f"{PACKAGE}.cli.listen"]
    reached = {*_reached_from(listen), *_packages_around(listen)}
    wrong = [
        f"{module.name} imports {name}"
        for module in sorted(reached, key=lambda module: module.name)
        for name in sorted(module.imports())
        if _is_in(name, TOO_LARGE_FOR_THE_LISTENER)
    ]

    assert len(reached) > 20
    assert [] == wrong


def test_starting_to_listen_loads_nothing_large() -> None:
    """The command line itself loads neither, whatever it looks up by name on its way."""
    script = (
        "import sys\n"
        "from supervisor_maint.cli import main\n"
        "sys.argv = ['supervisor-maint', 'listen', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sys.modules)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()

    assert "supervisor_maint.cli.listen" in printed
    assert set() == TOO_LARGE_FOR_THE_LISTENER & set(printed)


def _packages_around(module: Module) -> list[Module]:
    """List the packages that Python imports on its way to a module."""
    parts = module.name.split(".")[:-1]
    names = [".".join([PACKAGE, *parts[:length]]) for length in range(len(parts) + 1)]
    return [_modules()[name] for name in names]


def _reached_from(module: Module) -> list[Module]:
    """List a module and what it imports of ours, and so on."""
    reached: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        module = waiting.pop()
        if module.name not in reached:
            reached[module.name] = module
            waiting += _ours(module)
    return list(reached.values())


def test_sizes_stay_readable() -> None:
    """No module has more than 400 lines, no function more than 60."""
    long_modules = [
        f"{module.name}: {length}"
        for module in _modules().values()
        if (length := len(module.text.splitlines())) > LONGEST_MODULE
    ]
    long_functions = [
        f"{_where(module, node)} {node.name}: {length}"
        for module in _modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]

    assert [] == long_modules + long_functions


def test_no_call_reaches_every_process() -> None:
    """Supervisord is never asked to stop or start everything it has."""
    wrong = [
        _where(module, node)
        for module in _modules().values()
        for node in ast.walk(module.tree)
        if _method_named(node) in FORBIDDEN_CALLS
    ]

    assert [] == wrong


def _method_named(node: ast.AST) -> str:
    """Return the method an attribute or a string such as ``"supervisor.getState"`` names."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return str(node.value).rpartition(".")[2] if isinstance(node, ast.Constant) else ""


def test_no_shell() -> None:
    """No child is started through a shell, whose words a value could be."""
    wrong = [
        _where(module, node)
        for module in _modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword) and node.arg == "shell"
        if not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]

    assert [] == wrong


def test_lowest_versions_are_the_tested_ones() -> None:
    """tox's ``oldest`` has exactly the lowest versions that setup.cfg allows."""
    setup, tox = configparser.ConfigParser(), configparser.ConfigParser(interpolation=None)
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    tox.read(REPOSITORY / "tox.ini", encoding="utf-8")

    allowed = re.findall(r"^([\w-]+)>=(\S+)$", setup["options"]["install_requires"], re.MULTILINE)
    tested = re.findall(r"^([\w-]+)==(\S+)$", tox["testenv:oldest"]["deps"], re.MULTILINE)

    assert allowed == tested
