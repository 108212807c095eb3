# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters between the document and the modules, for roles that compose step by step."""
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter import convert, daemon
from ansible_collections.mooring.net.plugins.filter import document as filters
from ansible_collections.mooring.net.plugins.filter import look, packages, program

FOLDER = Path(__file__).resolve().parents[4] / "plugins/filter"
FILTERS = filters.FilterModule().filters()


def test_a_filter_is_a_function_of_the_document():
    assert FILTERS["bridges"]([{"name": "bridge0", "icc": False}]) == [{"name": "bridge0", "icc": False}]


def test_what_is_wrong_names_the_variable():
    document = [{"name": "bridge0", "containers": [{"name": "web"}, {"name": "web"}]}]
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS["bridges"](document)
    assert str(caught.value).startswith("container_networks[0] (bridge0): containers[1] (web): its interface eth0 ")


def test_every_filter_is_documented():
    others = [name for file in (convert, daemon, look, packages, program) for name in file.FilterModule().filters()]
    found = [*FILTERS, *others]
    assert sorted(found) == sorted(path.stem for path in FOLDER.glob("*.yml"))
