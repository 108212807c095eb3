# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that a module takes are the options that it documents."""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import COMMON, CONFIG
from ansible_collections.mooring.net.plugins.module_utils._internal.run.installation import OPTIONS
from world import MODULES, RESOURCES, module

ROOT = Path(__file__).resolve().parents[6]


def fragment(name: str) -> Mapping[str, Any]:
    _namespace, _collection, plugin, *variant = name.split(".")
    found = importlib.import_module(f"ansible_collections.mooring.net.plugins.doc_fragments.{plugin}")
    text = getattr(found.ModuleDocFragment, variant[0].upper() if variant else "DOCUMENTATION")
    return yaml.safe_load(text)


def documented(name: str) -> dict[str, Any]:
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    options: dict[str, Any] = {}
    for used in documentation["extends_documentation_fragment"]:
        options.update(fragment(used)["options"])
    return {**options, **documentation["options"]}


def facts(options: Mapping[str, Any], nested: str) -> dict[str, Any]:
    """What has to be the same on both sides, with defaults filled in."""
    return {name: {"type": option.get("type", "str"), "default": option.get("default"),
                   "choices": option.get("choices"), "elements": option.get("elements"),
                   "required": option.get("required", False),
                   "options": facts(option[nested], nested) if nested in option else None}
            for name, option in options.items()}


@pytest.mark.parametrize("name", MODULES)
def test_documented_options_are_the_options(name: str) -> None:
    accepted = facts({**RESOURCES[name].options, **CONFIG, **COMMON}, "options")
    assert facts(documented(name), "suboptions") == accepted


@pytest.mark.parametrize("name", MODULES)
def test_every_option_has_a_description(name: str) -> None:
    def check(options: Mapping[str, Any]) -> None:
        for option, said in options.items():
            assert said["description"], option
            check(said.get("suboptions", {}))

    check(documented(name))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_documents_itself(name: str) -> None:
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    returned = yaml.safe_load(module(name).RETURN)
    assert documentation["module"] == name
    assert {RESOURCES[name].key, RESOURCES[name].many, "actions"} <= set(returned)
    assert any(used.startswith("mooring.net.attributes") for used in documentation["extends_documentation_fragment"])


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_options_that_exist(name: str) -> None:
    known = {**RESOURCES[name].options, **CONFIG, **COMMON}
    for task in yaml.safe_load(module(name).EXAMPLES):
        given = task.get(f"mooring.net.{name}") or {}
        items = [given, *given.get("config", [])]
        assert all(set(item) <= set(known) for item in items), task["name"]


def test_the_program_documents_itself() -> None:
    assert facts(documented("host_program"), "suboptions") == facts(OPTIONS, "options")
    assert all(said["description"] for said in documented("host_program").values())
    for task in yaml.safe_load(module("host_program").EXAMPLES):
        assert set(task["mooring.net.host_program"] or {}) <= set(OPTIONS)


def test_every_module_is_tested_here_and_in_the_action_group() -> None:
    every = sorted([*MODULES, "host_network", "host_program"])
    assert sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py")) == every
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    group = [entry.rpartition(".")[2] for entry in runtime["action_groups"]["all"]]
    assert sorted(group) == every
