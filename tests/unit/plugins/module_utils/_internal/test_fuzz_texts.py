# SPDX-License-Identifier: GPL-3.0-or-later
"""No damage to what others have written ends in an error of ours: it is read, or refused with a message of a size.

That is applied.json, what a container engine says of its networks, what network_info of whatever version returned, and
daemon.json. FUZZ_INPUTS and FUZZ_SEED are those of test_fuzz.py.
"""
from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter import convert, daemon, look
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.model import NAME
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.shapes import SHAPES
from ansible_collections.mooring.net.plugins.module_utils._internal.applied.text import parse, without_ended
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import HostError, MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.persist import missing
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.modules import OPTIONS_OF
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.replay import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.persist.started import find_waiting, narrow
from fuzz import Fuzz
from world import World

INPUTS, SEED = int(os.environ.get("FUZZ_INPUTS", "5000")), int(os.environ.get("FUZZ_SEED", "10"))
LONGEST = 1000  # characters of a message
RECORDED = Path(__file__).resolve().parents[3] / "data" / "inspect"


class Vars(yaml.SafeLoader):
    """Reads files of variables, where ``!unsafe`` says that a text is no template."""


Vars.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def kept() -> World:
    """A host with something of each kind in its file."""
    world = World()
    world.state.persistent = True
    world.document([
        {"name": "br0", "bip": "192.168.5.1/24", "icc": False, "container_names": True, "allow_to": ["10.0.0.0/8:443"],
         "aux_addresses": {"printer": "192.168.5.9"}, "containers": [
             {"name": "web", "published_ports": ["8080:80", "ens3:81:81"], "links": ["db:database"],
              "allow_from": ["10.0.0.0/8"], "bandwidth": {"ingress": "10mbit"}},
             {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432], "etc_hosts": {"x": "192.0.2.4"},
              "sysctls": {"net.ipv4.conf.IFNAME.rp_filter": "1"},
              "routes": [{"destination": "10.9.0.0/16", "gateway": "192.168.5.1"}]}]},
        {"name": "br1", "bip": "10.9.0.1/24", "internal": True,
         "containers": [{"name": "side", "network_mode": "container:web"}]}])
    world.process(1001)
    world.run("netns_attach", pid=1001, name="legacy", bridge="br0")
    world.run("veth_pair", name="pair", peer={"name": "riap", "netns": "web"})
    return world


def try_all(base: Any, read: Callable[[Any], Any], inputs: int) -> None:
    """Damage a value again and again. Some of what comes of it is read, and some is refused."""
    fuzz, done, refused = Fuzz(SEED), 0, 0
    for number in range(inputs):
        given = fuzz.damaged(base)
        try:
            read(given)
            done += 1
        except (MooringError, AnsibleFilterError) as error:
            text = str(error)
            assert 0 < len(text) <= LONGEST, f"input {number}: {len(text)} characters: {text[:300]}"
            assert not re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", text), f"input {number}: {text!r}"
            refused += 1
        except Exception as error:
            raise AssertionError(f"input {number}: {given!r}"[:3000]) from error
    assert min(done, refused) > inputs / 50, (done, refused)


def test_a_host_is_brought_back_from_its_file_or_says_what_is_wrong_with_it() -> None:
    text = kept().state.lasting[NAME]

    def read(found: Mapping[str, Any]) -> None:
        order = without_ended(parse(json.dumps(found)), lambda _number: "")
        assert missing.find_missing(order, lambda _name: False) is not None
        find_waiting(order, {}, lambda _mark: False)
        narrow(order, ["web"])
        world = World()
        world.state.lasting = {NAME: json.dumps(found)}
        world.converge(parts(missing.without(order, ["br1"])))

    try_all(json.loads(text), read, INPUTS // 10)


def test_a_run_goes_on_with_the_file_or_says_what_is_wrong_with_it() -> None:
    world = kept()
    base = json.loads(world.state.lasting[NAME])

    def run(found: Mapping[str, Any]) -> None:
        other = world.copy()
        other.state.persistent, other.state.lasting = True, {NAME: json.dumps(found)}
        other.run("netns_attach", netns="web", address="192.168.5.77", bridge="br0")
        other.run("docker_bridge", name="br1", state="absent", force=True)
        parse(other.state.lasting[NAME])

    try_all(base, run, INPUTS // 50)


def test_what_is_read_before_its_module_checks_it_is_checked() -> None:
    """All that has options of its own, and all that names something."""
    nested = {name for options in OPTIONS_OF.values() for name, option in options.items() if "options" in option}
    assert nested <= SHAPES.keys() <= {name for options in OPTIONS_OF.values() for name in options}


@pytest.mark.parametrize(("item", "message"), [
    ({"name": "br0", "bip": 5}, "docker_bridge br0: bip: '5' is a number and no text"),
    ({"name": "br0", "internal": "no"}, "docker_bridge br0: internal: 'no' is neither true nor false"),
    ({"name": "br0", "gateway_mode": "own"}, "gateway_mode: 'own' is none of the values of this option. Give one of"),
    ({"name": "br0", "aux_addresses": "a=b"}, "aux_addresses: 'a=b' is no dictionary"),
    ({"name": "br0", "sealed": True}, "docker_bridge br0: sealed: there is no such option in this version"),
])
def test_an_item_of_the_file_is_checked_as_an_item_of_a_task(item: dict[str, Any], message: str) -> None:
    """What a later version has made safe with an option is not brought back without it."""
    order = parse(json.dumps({"version": 1, "docker_bridge": [item]}))
    with pytest.raises(MooringError, match=re.escape(message)) as caught:
        parts(order)
    assert str(caught.value).startswith("/var/lib/mooring/applied.json: docker_bridge br0: ")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"version": 1, "netns_attach": [{"address": "10.0.0.1/8"}]}',
                                  '{"version": 1, "docker_bridge": [{"name": ["br0"]}]}',
                                  '{"version": 1, "veth_pair": [{"name": "a", "peer": 5}]}', '{"version": {}}',
                                  json.dumps({"version": "x" * 99999}), json.dumps({"version": 1, "icc_policy": [{}]})])
def test_a_file_that_means_nothing(text: str) -> None:
    with pytest.raises(HostError, match=r"applied\.json (is damaged|has version) .*run the play of") as caught:
        parse(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["docker-20.10", "podman-4.3"])
def test_what_an_engine_says_becomes_a_document_or_is_refused(name: str) -> None:
    """The document says the same as text and as value."""
    def read(found: Any) -> None:
        if isinstance(found, dict) and "networks" in found:
            made = convert.from_docker(found["networks"], found.get("containers", []), found.get("pools"))
            again = yaml.load(made["text"], Vars)
            assert again["container_networks"] == made["container_networks"]

    found = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    try_all({**found, "pools": [{"Base": "172.80.0.0/16", "Size": 24}]}, read, INPUTS // 10)


@pytest.mark.parametrize("name", ["table", "picture", "mermaid", "published_at"])
def test_what_a_host_returned_is_shown_or_refused(name: str) -> None:
    network = json.loads(json.dumps(kept().info()))
    find: Callable[..., Any] = look.FilterModule().filters()[name]
    arguments = ("web",) if name == "published_at" else ()

    def read(found: Mapping[str, Any]) -> None:
        assert isinstance(find(found["network"], *arguments), (str, list))

    try_all({"network": network}, lambda found: read({"network": None, **found}), INPUTS // 10)


def test_what_a_daemon_says_is_read_or_refused() -> None:
    filters = daemon.FilterModule().filters()
    base = {"variables": {"bridge": "br0", "mtu": 1400, "dns": ["192.0.2.53"], "dns_search": "a.b,c", "icc": True},
            "options": {"log-driver": "local"}, "text": '{"bip": "172.30.0.1/16", "hosts": ["unix://"]}',
            "unit": "[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/bin/dockerd --mtu=1400 $OPTS",
            "files": {"/etc/default/docker": "OPTS=--icc=false"}, "links": [{"ifname": "docker0", "addr_info": []}],
            "containers": [{"Name": "/web", "Id": "a" * 64, "Created": "2026", "HostConfig": {}, "Config": {},
                            "NetworkSettings": {"Networks": {"bridge": {}}}}]}

    def read(found: Mapping[str, Any]) -> None:
        config = filters["_daemon_config"](found.get("variables", {}), found.get("options"), "/etc/docker/daemon.json",
                                           found.get("text", ""), "", found.get("unit", ""), found.get("files"))
        assert all(0 < len(problem) <= LONGEST for problem in config["problems"])
        json.dumps(filters["_daemon_move"](config, found.get("links", []), [], found.get("containers", [])))

    try_all(base, read, INPUTS // 5)
