# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says has a size, whoever says it: a module, a run about many containers, Ansible before it runs."""
from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import (BEGIN, END, MooringError, doing,
                                                                                        shorten)
from ansible_collections.mooring.net.plugins.module_utils._internal.run import frame
from world import module

LONG = "y" * 100_000


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Any:
    """What a module says that fails before it looks at the host."""
    def run(name: str, /, **given: Any) -> str:
        def load(module: basic.AnsibleModule) -> None:
            module.params = json.loads(json.dumps(given))

        with mock.patch.object(basic.AnsibleModule, "_load_params", load), \
                mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True), \
                mock.patch.object(basic, "_PARSED_MODULE_ARGS", {}, create=True), \
                mock.patch.object(frame.os, "geteuid", lambda: 0), \
                mock.patch.object(frame, "require_libraries"), pytest.raises(SystemExit):
            module(name).main()
        found = json.loads(capsys.readouterr().out)
        assert found["failed"] and "exception" not in found, found
        return str(found["msg"])

    return run


@pytest.mark.parametrize(("name", "given", "begin", "later"), [
    ("netns_attach", {"netns": "web", "state": LONG}, "value of state must be one of: present, absent, got: yy",
     "y...y"),
    ("docker_bridge", {"name": "br0", "stp": LONG}, "argument 'stp' is of type str", "yyy' is not a valid boolean"),
    ("docker_bridge", {"name": "br0", LONG: 1}, "Unsupported parameters for", ", user_chain."),
    ("docker_bridge", {"name": "br0", "ipp6": 1, LONG: 1}, "ipp6: did you mean ipv6? Unsupported", "user_chain."),
    ("host_network", {"networks": [{"name": "br0", LONG: 1}]}, f"networks[0] (br0): {'y' * 181}...: there is no", "."),
    ("host_network", {"networks": [{"name": LONG, "icc": LONG}]}, "argument 'icc' is of type str found in 'networks'",
     "yyy' is not a valid boolean"),
])
def test_a_value_is_cut_that_ansible_refuses(fails: Any, name: str, given: dict[str, Any], begin: str,
                                             later: str) -> None:
    said = fails(name, **given)
    assert said.startswith(begin) and later in said[len(begin):] and len(said) < 2500, said


@pytest.mark.parametrize("option", ["hosts_template", "hostname", "netns"])
def test_half_a_character_is_refused_by_its_option(fails: Any, option: str) -> None:
    said = fails("container_dns", **{"netns": "web", option: "a\ud800"})
    assert said == (f"{option}: 'a\\ud800' has a character that no file can have ('\\ud800'). Give text that is UTF-8.")


def test_a_run_about_many_containers_names_some() -> None:
    failed = {f"c{number:04}": "x" * 1000 for number in range(1000)}
    said = frame.describe_failed(failed, among_others=True)
    assert len(said) < 5000 and said.startswith("container c0000: xxx") and said.endswith(
        "x; and 980 more, see failed_containers. The rest of this task is not held up by that.")
    assert "more" not in frame.describe_failed(dict(list(failed.items())[:20]), among_others=False)


def test_a_message_has_no_middle_that_is_too_long() -> None:
    with pytest.raises(MooringError) as caught, doing("config[0] (web)"):
        raise MooringError("the host did not end up as planned. Still to do: " + "; ".join(["set a"] * 9999) + "; last")
    said = str(caught.value)
    assert said.startswith("config[0] (web): the host") and said.endswith("last")
    assert len(said) == BEGIN + len("...") + END
    assert shorten("x" * (BEGIN + END)) == "x" * (BEGIN + END)
