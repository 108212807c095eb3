# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of the code's shape (docs/architecture.md), checked over its syntax trees.

A file that is not named here is pure: it may only take values and return values. To name a file here is a decision.
"""
from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils/_internal"
PACKAGE = "ansible_collections.mooring.net.plugins.module_utils._internal"

# The storeys, from the ground up: a folder imports from itself and from folders of earlier places only. This list is
# the law; docs/architecture.md explains it.
STOREYS = ("core", "netns", "ports", "ipam", "link", "files", "foreign", "firewall", "engine", "applied", "host",
           "bridge", "endpoint", "policy", "publish", "icc", "names", "boot", "program", "veth", "daemon", "telling",
           "upkeep", "document", "convert", "persist", "run", "picture")

# May touch the host: open files, ask the kernel, start programs.
ADAPTERS = {"core/child", "core/command", "core/confinement", "core/ending", "core/folders", "core/interpreters",
            "core/lock", "core/regular", "core/trust", "core/waiting", "engine/inspect", "engine/places",
            "files/access", "files/adapter", "files/contained", "files/uts", "firewall/ipset",
            "firewall/iptables/adapter", "program/adapter", "program/record", "foreign/expressions",
            "foreign/netfilter", "foreign/nft", "host/confined", "host/conntrack", "host/managers", "host/named",
            "host/proc", "host/real", "host/record", "host/sockets", "host/trials", "host/varlib", "link/decode",
            "link/encode", "link/netlink", "link/outcome", "link/qdisc", "link/rtnl", "names/follow", "netns/enter",
            "netns/opening", "netns/processes", "netns/registry", "netns/rights", "netns/syscalls", "netns/visibility"}
# May use adapters, and holds nothing else.
ON_ADAPTERS = {"run/converge": {"core/lock", "engine/inspect", "engine/places", "host/real"},
               "run/program": {"names/follow", "run/commands", "run/started"},
               "run/started": {"core/folders", "engine/inspect", "host/varlib", "netns/processes", "netns/registry",
                               "run/commands"},
               "run/order": {"host/proc", "host/real", "host/varlib", "run/converge"},
               "run/commands": {"host/real", "run/converge", "run/order"},
               "run/installation": {"core/lock", "program/adapter", "program/record", "run/frame", "run/program"},
               "run/frame": {"core/confinement", "core/interpreters", "host/confined"},
               "run/module": {"program/record", "host/managers", "host/real", "run/converge", "run/frame",
                              "run/order"}}
PURE_LIBRARIES = {"__future__", "ast", "base64", "bisect", "collections", "contextlib", "dataclasses", "enum",
                  "functools", "hashlib", "html", "io", "ipaddress", "itertools", "jinja2", "json", "operator",
                  "posixpath", "re", "shlex", "textwrap", "typing", "unicodedata", "zipfile"}

# Values as the files named model are, in a file of their own.
VALUES = {"firewall/matches", "firewall/sets", "host/endpoints", "host/settings", "link/bandwidth", "ports/allow",
          "ports/detour", "ports/ledger", "ports/linkage", "ports/sets"}

# Not to grow. A file or a function that has become short enough has to leave this list.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(UTILS).with_suffix("").as_posix()


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files(PLUGINS)}
MODULES = {name_of(path): tree for path, tree in TREES.items() if UTILS in path.parents}


def imports(module: str) -> tuple[set[str], set[str]]:
    """What a file of module_utils imports: our modules as ``link/model``, and the top names of all others."""
    own, foreign = set(), set()
    folder = module.split("/")[:-1]
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert not node.module.startswith(PACKAGE), f"{module} imports {node.module}: write it relative"
            foreign.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = [*folder[:len(folder) + 1 - node.level], *(node.module or "").split(".")]
            path = "/".join(filter(None, base))
            own |= {path} if path in MODULES else {f"{path}/{alias.name}" for alias in node.names}
    return own, foreign


def is_value(module: str) -> bool:
    return module.endswith("/model") or module in VALUES


def calls(tree: ast.AST) -> set[str]:
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_folder_stands_on_earlier_ones_only(module: str) -> None:
    place = STOREYS.index(module.split("/")[0])
    assert {name.split("/")[0] for name in imports(module)[0]} <= set(STOREYS[:place + 1])


def test_the_lists_name_files_that_exist() -> None:
    assert set(MODULES) >= ADAPTERS | set(ON_ADAPTERS)
    assert all(imports(module)[0] <= set(MODULES) for module in MODULES)


@pytest.mark.parametrize("module", sorted(set(MODULES) - ADAPTERS - set(ON_ADAPTERS)))
def test_all_but_the_adapters_is_pure(module: str) -> None:
    own, foreign = imports(module)
    assert not own & (ADAPTERS | set(ON_ADAPTERS)), "a pure file imports an adapter"
    assert foreign <= PURE_LIBRARIES
    assert not calls(MODULES[module]) & {"open", "exec", "eval", "__import__", "print", "input"}


@pytest.mark.parametrize("module", sorted(ON_ADAPTERS))
def test_what_stands_on_adapters_uses_those_it_is_meant_for(module: str) -> None:
    own, _foreign = imports(module)
    assert own & (ADAPTERS | set(ON_ADAPTERS)) == ON_ADAPTERS[module]


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.endswith("/model")))
def test_a_model_imports_models_only(module: str) -> None:
    own, _foreign = imports(module)
    assert all(is_value(name) for name in own)


@pytest.mark.parametrize("module", ["files/operations", "host/operations", "host/registration", "link/operations",
                                    "link/addressing", "firewall/operations", "firewall/set_operations",
                                    "program/operations"])
def test_the_operations_import_models_only(module: str) -> None:
    own, _foreign = imports(module)
    assert all(is_value(name) for name in own - {"core/plan"})


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.startswith("policy/")))
def test_a_policy_imports_models_and_policies_only(module: str) -> None:
    own, _foreign = imports(module)
    assert all(is_value(name) or name.startswith("policy/") for name in own - {"core/names", "core/errors"})


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.endswith("/parse")))
def test_a_parser_does_not_know_hosts_or_plans(module: str) -> None:
    own, _foreign = imports(module)
    assert all(not name.startswith("host/") and not name.endswith("/plan") for name in own)


@pytest.mark.parametrize(("library", "users"), [
    ("subprocess", {"core/command"}),
    ("pyroute2", {"link/rtnl"}),
    ("ctypes", {"core/ending", "netns/syscalls"}),
    ("ansible", {"run/frame"}),
    ("fcntl", {"core/lock", "core/waiting"}),
    ("jinja2", {"files/render"}),
])
def test_a_library_has_one_place(library: str, users: set[str]) -> None:
    assert {module for module in MODULES if library in imports(module)[1]} == users


def test_check_mode_is_read_in_one_place() -> None:
    found = [(path.name, node.lineno) for path, tree in TREES.items() for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and node.attr == "check_mode"
             or isinstance(node, ast.Constant) and node.value == "check_mode"
             or isinstance(node, ast.Name) and node.id == "check_mode"]
    assert [name for name, _line in found] == ["frame.py"]


@pytest.mark.parametrize("path", files(PLUGINS), ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_a_file_says_its_licence_first(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if lines[0].startswith("#!"):
        lines = lines[1:]
    assert lines[0] == "# SPDX-License-Identifier: GPL-3.0-or-later"
    assert "from __future__ import annotations" in lines


def test_no_file_is_too_long() -> None:
    lengths = {path.relative_to(PLUGINS).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
               for path in files(UTILS)}
    too_long = {name: length for name, length in lengths.items() if length > 250}
    assert set(too_long) == set(LONG_FILES)
    assert {name: length for name, length in too_long.items() if length > LONG_FILES[name]} == {}


def test_no_function_is_too_long() -> None:
    lengths = {f"{path.relative_to(PLUGINS).as_posix()} {node.name}": node.end_lineno - node.lineno + 1
               for path, tree in TREES.items() for node in ast.walk(tree)
               if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    too_long = {name: length for name, length in lengths.items() if length > 40}
    assert set(too_long) == set(LONG_FUNCTIONS)
    assert {name: length for name, length in too_long.items() if length > LONG_FUNCTIONS[name]} == {}


def test_names_say_what_a_thing_is() -> None:
    vague = re.compile(r"manager|helper|utils|handle_|process_|(^|_)do_")
    found = {node.name for tree in TREES.values() for node in ast.walk(tree)
             if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and vague.search(node.name.lower())}
    assert found == set()


def test_a_module_is_documentation_options_and_a_short_main() -> None:
    for path in files(PLUGINS / "modules"):
        functions = {node.name: node for node in TREES[path].body if isinstance(node, ast.FunctionDef)}
        assert set(functions) <= {"identity", "main"}, path.name
        assert functions["main"].end_lineno - functions["main"].lineno < 15
