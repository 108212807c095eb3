# SPDX-License-Identifier: GPL-3.0-or-later
"""The document that the roles accept has the options of the modules."""
import importlib
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def role_options(role):
    text = (ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


def module_options(module):
    return importlib.import_module(f"ansible_collections.mooring.net.plugins.modules.{module}").RESOURCE.options


def kinds(options):
    keys = ("type", "elements", "choices")
    return {name: {key: option[key] for key in keys if key in option} for name, option in options.items()}


NETWORK = role_options("bridge_host")["container_networks"]["options"]
CONTAINER = NETWORK["containers"]["options"]


def test_both_roles_take_the_same_document():
    assert role_options("containers")["container_networks"] == role_options("bridge_host")["container_networks"]


def test_a_network_has_the_options_of_docker_bridge_and_its_access_policy():
    wanted = kinds(module_options("docker_bridge"))
    wanted["icc"] = kinds(module_options("icc_policy"))["icc"]
    wanted["containers"] = {"type": "list", "elements": "dict"}
    assert kinds(NETWORK) == wanted


def test_a_container_has_the_options_of_the_modules_for_containers():
    wanted = {
        **kinds(module_options("netns_attach")),
        **kinds(module_options("port_publish")),
        **kinds(module_options("icc_policy")),
        **kinds(module_options("container_dns")),
    }
    del wanted["bridge"], wanted["icc"]  # the network says those
    assert kinds(CONTAINER) == wanted


@pytest.mark.parametrize("role", ["bridge_host", "containers", "docker_daemon"])
def test_defaults_are_the_documented_ones(role):
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert {name: option.get("default") for name, option in role_options(role).items()} == defaults
