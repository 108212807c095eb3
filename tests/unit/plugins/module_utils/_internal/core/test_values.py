# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML makes of values without quotes, in flat options, in lists of items, and in the document."""
from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter.document import FilterModule
from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import CONFIG, Options, for_ansible
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError, OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.model import KNOWN_AFTER_APPLY, is_known
from ansible_collections.mooring.net.plugins.module_utils._internal.core.values import in_base_60
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import OPTIONS
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import check_options
from world import RESOURCES, World, defaults

NAME = {"docker_bridge": {"name": "br9"}, "veth_pair": {"name": "pair", "peer": {"name": "other"}}, "network_info": {}}
OTHERS = {"port_publish": {"published_ports": []}, "icc_policy": {"links": []}}

# What YAML 1.1 reads, and what the message says of it.
MISREAD = [
    ("53:53", "'3233' is a number and no text, and YAML takes 53:53 for this one. Put it in quotes"),
    ("0123", "'83' is a number"),
    ("0x1f", "'31' is a number and no text. Put it in quotes"),
    ("1_000", "'1000' is a number"),
    ("10:20:30:40:50:59", "YAML takes 10:20:30:40:50:59 for this one. Put it in quotes"),
    ("123456789012345678901234567890", "'123456789012345678901234567890' is a number"),
    ("1.10", "'1.1' is a number and no text: YAML takes 1.10 for 1.1. Put it in quotes"),
    (".inf", "'inf' is a number"),
    ("1.0e+3", "'1000.0' is a number"),
    ("no", "'False' is a truth value and no text: YAML takes yes, no, on, off, true and false for one. Put it in "
           "quotes"),
    ("on", "'True' is a truth value"),
    ("2024-01-01", "'2024-01-01' is a date and no text. Put it in quotes"),
    ("2024-01-01 10:20:30", "is a datetime and no text. Put it in quotes"),
    ("{a: b}", "is a dictionary and no text"),
    ("[[b]]", "is a list and no text"),
]
PLACES = [(module, name, option["kind"]) for module, resource in RESOURCES.items()
          for name, option in resource.options.items() if option.get("kind") in ("text", "texts", "ports")]


def given(module: str, **options: Any) -> dict[str, Any]:
    """A task that is right but for these options."""
    base = NAME.get(module, {"netns": "web", **OTHERS.get(module, {})})
    if set(options) & {"container", "pid", "netns", "netns_path"}:
        base = {key: value for key, value in base.items() if key != "netns"}
    return {**base, **options}


def test_yaml_reads_what_is_said_here() -> None:
    assert yaml.safe_load("[53:53, 0123, 1.10, no, 10:20:30:40:50:59]") == [3233, 83, 1.1, False, 8041827059]
    assert yaml.safe_load("[02:42:ac:11:00:02, 80/udp, 10.0.0.1]") == ["02:42:ac:11:00:02", "80/udp", "10.0.0.1"]


@pytest.mark.parametrize(("module", "option", "kind"), PLACES)
def test_what_yaml_misread_is_refused(module: str, option: str, kind: str) -> None:
    world, index = World(), "" if kind == "text" else "[0]"
    for written, message in MISREAD:
        value = yaml.safe_load(written)
        if kind == "ports" and isinstance(value, int) and not isinstance(value, bool):
            continue
        options = given(module, **{option: value if kind == "text" else [value]})
        told = [world.refuses(module, **options), world.refuses(module, config=[options])]
        assert told[1].startswith("config[0] (")
        for text in told:
            assert f"{option}{index}: " in text and message in text, text


@pytest.mark.parametrize(("module", "option", "kind"), [place for place in PLACES if place[2] != "text"])
def test_a_list_that_is_a_number_is_refused_too(module: str, option: str, kind: str) -> None:
    """Ansible's type list would make the text "3233" of it."""
    if kind == "texts":
        assert f"{option}: '3233' is a number and no list" in World().refuses(module, **given(module, **{option: 3233}))
    assert f"{option}: 'False' is a truth value and no list" in World().refuses(
        module, **given(module, **{option: False}))


def test_in_the_document() -> None:
    def refused(**network: Any) -> str:
        return World().document_refuses([{"name": "br0", "bip": "10.9.0.1/24", **network}])

    def container(**options: Any) -> str:
        return refused(containers=[{"name": "db"}, {"name": "web", **options}])

    assert "networks[0].name: '83' is a number" in refused(name=83)
    assert "networks[0] (br0): allow_bridges[1]: 'True' is a truth value" in refused(allow_bridges=["br1", True])
    assert "networks[0] (br0): containers[0].name: 'False' is a truth value" in refused(containers=[{"name": False}])
    web = "networks[0] (br0): containers[1] (web): "
    assert f"{web}published_ports[1]: '3233' is a number" in container(published_ports=["80:80", 3233])
    assert f"{web}etc_hosts['gw']: '10.1' is a number" in container(etc_hosts={"gw": 10.1})
    assert f"{web}routes[0].destination: '10.1' is a number" in container(routes=[{"destination": 10.1}])
    pairs = World().document_refuses([], veth_pairs=[{"name": "a", "peer": {"name": True}}])
    assert "veth_pairs[0] (a): peer.name: 'True' is a truth value" in pairs


def test_in_options_of_options() -> None:
    refuses = World().refuses
    assert "peer.name: 'False' is a truth value" in refuses("veth_pair", name="a", peer={"name": False})
    assert "peer.routes[0].gateway: '10.1' is a number" in refuses(
        "veth_pair", name="a", peer={"name": "b", "routes": [{"destination": "default", "gateway": 10.1}]})
    assert "peer: '5' is no dictionary" in refuses("veth_pair", name="a", peer=5)
    assert "peer: '[5]' is no dictionary" in refuses("veth_pair", name="a", peer=[5])
    assert "peer: unknown option nam: did you mean name?" in refuses(
        "veth_pair", name="a", peer={"name": "b", "nam": 1})
    assert "peer: missing required arguments: name" in refuses("veth_pair", name="a", peer={})
    assert "sysctls['net.ipv4.conf.eth0.x']: '1.5' is a number" in refuses(
        "netns_attach", netns="web", sysctls={"net.ipv4.conf.eth0.x": 1.5})
    assert "etc_hosts, a name: 'False' is a truth value" in refuses(
        "container_dns", netns="web", etc_hosts={False: "10.0.0.1"})


def test_the_filters_of_the_roles_look_at_the_document_as_well() -> None:
    for name, function in FilterModule().filters().items():
        for networks, message in (
                ([{"name": 83}], "container_networks[0].name: '83' is a number"),
                ([{"name": "br0", "containers": [{"name": "a", "published_ports": [datetime.date(2024, 1, 1)]}]}],
                 "container_networks[0] (br0): containers[0] (a): published_ports[0]: '2024-01-01' is a date"),
                ([{"name": "br0", "containers": [5]}],
                 "container_networks[0] (br0): containers[0]: '5' is no dictionary"),
                ([{"name": "br0", "containers": {"name": "web"}}], "is no list of dictionaries"),
                ([{}], "container_networks[0].name: not given"),
                (5, "container_networks: '5' is no list of dictionaries")):
            with pytest.raises(Exception, match="^container_networks") as caught:
                function(networks)
            assert message in str(caught.value) and isinstance(caught.value, AnsibleFilterError), name


@pytest.mark.parametrize(("options", "wanted"), [
    ({"exposed_ports": [80, "53/udp"]}, {"exposed_ports": [80, "53/udp"]}),
    ({"exposed_ports": 80}, {"exposed_ports": [80]}),
    ({"exposed_ports": "80, 53/udp"}, {"exposed_ports": ["80", "53/udp"]}),
    ({"mtu": 1500}, {"mtu": 1500}),
    ({"mtu": "auto"}, {"mtu": "auto"}),
    ({"pid": "2778"}, {"pid": 2778}),
    ({"tx_queue_len": 500.0}, {"tx_queue_len": 500}),
    ({"sysctls": {"net.ipv4.x.y": True}}, {"sysctls": {"net.ipv4.x.y": True}}),
    ({"sysctls": "net.ipv4.x.y=1"}, {"sysctls": {"net.ipv4.x.y": "1"}}),
    ({"name": "123"}, {"name": "123"}),  # name=123 of a command line
])
def test_what_cannot_be_misread_is_taken(options: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    found = check_options(RESOURCES["netns_attach"].options, options)
    assert {name: found[name] for name in options} == wanted


@pytest.mark.parametrize("option", ["pid", "tx_queue_len"])
def test_no_number(option: str) -> None:
    for value in (True, 1.5, float("inf"), float("nan"), "1e3", "", "x", [5], {}, 1 << 63, "9" * 5000, 10 ** 5000,
                  datetime.date(2024, 1, 1)):
        with pytest.raises(OptionError, match=f"^{option}: '.{{,210}}' is no whole number. Give one in decimal digits"):
            check_options(RESOURCES["netns_attach"].options, {option: value})


def test_a_text_is_one_that_files_can_have() -> None:
    assert "hosts_template: 'a\\ud800b' has a character that no file can have ('\\ud800')" in World().refuses(
        "container_dns", netns="web", hosts_template="a\ud800b")
    assert "netns: 'a\\x00b' has a character NUL" in World().refuses("container_dns", netns="a\0b")


@pytest.mark.parametrize("written", ["no", "~", "1.10", "0123", "1.2.3.4", "0x1f"])
def test_names_of_hosts_that_are_keys(written: str) -> None:
    """The key of a dictionary is text when it reaches a module, whatever YAML took it for."""
    key = json.loads(json.dumps({yaml.safe_load(written): "10.0.0.1"}))
    assert "is no name: " in World().refuses("container_dns", netns="web", etc_hosts=key)


def test_base_60() -> None:
    for text in ("1:00", "53:53", "8022:22", "65535:59", "10:20:30:40:50:59"):
        assert in_base_60(yaml.safe_load(text)) == text
    assert [in_base_60(number) for number in (0, 59, -3233, 1 << 80)] == [""] * 4


def test_every_option_says_what_it_has_to_be() -> None:
    """Ansible makes text of anything: so its own str, int and lists of them are for what has choices only."""
    def check(options: Options) -> None:
        for name, option in options.items():
            if option["type"] == "str":
                assert option["choices"], name
            elif option["type"] == "list":
                assert option["elements"] == "dict", name
            else:
                assert option["type"] in ("bool", "path") or option["kind"], name
            check(option.get("options", {}))

    for options in (*(resource.options for resource in RESOURCES.values()), OPTIONS, CONFIG):
        check(options)


def test_ansible_is_told_nothing_of_kinds() -> None:
    assert "kind" not in str(for_ansible(OPTIONS)) and set(for_ansible(OPTIONS)) == set(OPTIONS)
    assert defaults(RESOURCES["port_publish"].options)["dynamic_port_range"] == "49153-65535"


def test_messages_of_ansible_have_a_size() -> None:
    with pytest.raises(MooringError) as caught:
        check_options(RESOURCES["docker_bridge"].options, {"state": "x" * 10000, "y" * 10000: 1})
    assert len(str(caught.value)) < 1000


def test_no_part_of_what_is_not_known_is_known() -> None:
    """A word of it, or an address without its prefix length: neither may be written down as if somebody had said it."""
    address = KNOWN_AFTER_APPLY.partition(" ")[0]
    assert not is_known(address) and not is_known(KNOWN_AFTER_APPLY.partition("/")[0])
