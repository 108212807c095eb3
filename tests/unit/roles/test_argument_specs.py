# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of options: what modules, roles and the document take agrees."""
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import CONTAINER, NETWORK
from world import RESOURCES

CHECKOUT = Path(__file__).resolve().parents[3]
ROLES = CHECKOUT / "roles"


def role_options(role):
    text = (ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


def kinds(options):
    keys = ("type", "elements", "choices")
    return {name: {key: option[key] for key in keys if key in option} for name, option in options.items()}


def module_options(module):
    return RESOURCES[module].options


def test_what_is_written_into_roles_and_documentation_is_up_to_date():
    done = subprocess.run([sys.executable, CHECKOUT / "tests/specs.py", "--check"], capture_output=True, text=True,
                          check=False)
    assert (done.stderr, done.returncode) == ("", 0)


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
    del wanted["bridge"], wanted["icc"], wanted["published_on"]  # the network says those
    assert kinds(CONTAINER) == wanted


@pytest.mark.parametrize("role", ["bridge_host", "containers", "docker_daemon", "host_network"])
def test_defaults_are_the_documented_ones(role):
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert {name: option.get("default") for name, option in role_options(role).items()} == defaults
