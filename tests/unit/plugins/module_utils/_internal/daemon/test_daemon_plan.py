# SPDX-License-Identifier: GPL-3.0-or-later
"""What daemon.json will say, and what is refused before anything is touched."""
from __future__ import annotations

import json
import re

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.plan import Wish, plan

PATH = "/etc/docker/daemon.json"
HELP = """
Options:
      --bip string                              Specify network bridge IP
  -b, --bridge string                           Attach containers to a
                                                network bridge
      --icc                                     Enable inter-container
  -H, --host list                               Daemon socket(s) to connect to
      --log-driver string                       Default driver
      --log-opt map                             Default log driver
"""
OTHERS = '{"log-driver": "journald",\n "icc": true}\n'


def made(text="", options=None, program="", unit="", files=None, **variables):
    return plan(Wish(variables, options or {}, PATH, text, program, unit, files or {}))


def keys(result):
    return json.loads(result["text"] or "{}")


def test_keys_of_others_stay_and_new_ones_come_last():
    result = made(OTHERS, icc=False, mtu=1400)
    assert result["text"] == '{\n    "log-driver": "journald",\n    "icc": false,\n    "mtu": 1400\n}\n'
    assert result["actions"] == [f"set icc to false in {PATH}", f"set mtu to 1400 in {PATH}"]
    assert (result["problems"], result["changed"], result["keys"]) == ([], True, ["mtu", "icc"])


def test_what_is_so_already_stays_byte_for_byte():
    result = made(OTHERS, icc="yes")
    assert (result["text"], result["changed"], result["keys"], result["actions"]) == (OTHERS, False, [], [])


def test_nothing_said_is_nothing_done_also_without_a_file():
    assert [made(text)["changed"] for text in ("", "  \n", "{}", OTHERS)] == [False] * 4


@pytest.mark.parametrize(("said", "key"), [
    ({"icc": True}, "icc"), ({"iptables": True}, "iptables"), ({"mtu": 1500}, "mtu"), ({"ip": "0.0.0.0"}, "ip"),
    ({"userland_proxy": True}, "userland-proxy")])
def test_a_default_is_written_and_means_nothing_new(said, key):
    result = made(**said)
    assert key in keys(result) and result["changed"] and result["keys"] == []


def test_options_are_any_other_keys_and_null_takes_one_out():
    result = made('{"debug": true, "log-driver": "journald", "icc": false}',
                  {"log-driver": "local", "log-opts": {"max-size": "1m"}, "debug": None, "icc": None})
    assert keys(result) == {"log-driver": "local", "log-opts": {"max-size": "1m"}}
    assert result["actions"] == [f"set log-driver to \"local\" in {PATH}", f"set log-opts in {PATH}",
                                 f"take debug out of {PATH}", f"take icc out of {PATH}"]


def test_an_empty_list_takes_a_setting_out():
    assert keys(made('{"dns": ["192.0.2.53"]}', dns=[])) == {}


def test_a_leading_dot_of_a_search_domain_is_left_out():
    assert keys(made(dns_search=[".example.com", "corp.example"])) == {"dns-search": ["example.com", "corp.example"]}
    assert keys(made(dns_search=["."])) == {"dns-search": ["."]}


@pytest.mark.parametrize("name", ["", "docker0"])
def test_the_daemons_own_bridge_is_no_key(name):
    result = made('{"bridge": "bridge0"}', bridge=name)
    assert keys(result) == {} and result["keys"] == ["bridge"]
    assert (result["before"]["bridge"], result["after"]["bridge"]) == ("bridge0", "docker0")


def test_an_address_goes_to_the_bridge_when_that_is_not_the_daemons_own():
    assert keys(made(bip="192.168.5.1/24")) == {"bip": "192.168.5.1/24"}
    for text, said in (("", {"bridge": "bridge0", "bip": "192.168.5.1/24"}),
                       ('{"bip": "192.168.5.1/24"}', {"bridge": "bridge0"}),
                       ('{"bridge": "bridge0"}', {"bip": "192.168.5.1/24"})):
        result = made(text, **said)
        assert (keys(result), result["bip"], result["problems"]) == ({"bridge": "bridge0"}, "192.168.5.1/24", [])


@pytest.mark.parametrize(("said", "words"), [
    ({"bridge": "a-name-of-many-letters"}, "docker_daemon_bridge: .* has 22 characters"),
    ({"bridge": "default"}, "docker_daemon_bridge: 'default' is the name of a group"),
    ({"bip": "192.168.5.1"}, "docker_daemon_bip: .* lacks a prefix length"),
    ({"bip": "192.168.5.0/24"}, "docker_daemon_bip: .* is the address of the network itself"),
    ({"bip": "2001:db8::1/64"}, "docker_daemon_bip: .* is not an IPv4 address"),
    ({"bip": "192.168.5.1/24", "bridge": "none"}, "docker_daemon_bip: .* has no bridge to be on"),
    ({"mtu": 20}, "docker_daemon_mtu: '20' is not an MTU"), ({"mtu": "auto"}, "docker_daemon_mtu: 'auto'"),
    ({"mtu": True}, "docker_daemon_mtu: 'True'"),
    ({"fixed_cidr": "192.168.5.1/25"}, "docker_daemon_fixed_cidr: .* is not a network"),
    ({"fixed_cidr": "10.1.0.0/24", "bip": "192.168.5.1/24"}, "docker_daemon_fixed_cidr: .* is not inside"),
    ({"ip": "eth0"}, "docker_daemon_ip: 'eth0' is not an IP address"),
    ({"dns": ["192.0.2.53", "ns1"]}, "docker_daemon_dns: 'ns1' is not the IP address"),
    ({"dns_search": ["exa mple"]}, "docker_daemon_dns_search: 'exa mple' is not a domain"),
    ({"dns_search": ["a\nnameserver 6.6.6.6"]}, "docker_daemon_dns_search"),
    ({"dns_search": [".", "example.com"]}, "docker_daemon_dns_search: .* beside others"),
    ({"bridge": False}, "docker_daemon_bridge: 'False' is a truth value and no text"),
    ({"bip": 10.1}, "docker_daemon_bip: '10.1' is a number and no text"),
    ({"dns_search": ["example.com", False]}, "docker_daemon_dns_search.1.: 'False' is a truth value and no text"),
    ({"dns": 53}, "docker_daemon_dns: '53' is a number and no list"),
    ({"icc": "perhaps"}, "docker_daemon_icc: 'perhaps' is neither true nor false"),
    ({"icc": False, "iptables": False}, "docker_daemon_icc: .* contradicts iptables: false"),
    ({"options": {"icc": "perhaps"}}, "docker_daemon_options.icc: 'perhaps'"),
    ({"icc": True, "options": {"icc": False}}, "docker_daemon_options.icc: 'False' contradicts docker_daemon_icc"),
    ({"options": {"bridge": "br0", "bip": "10.0.0.0/8"}}, "docker_daemon_options.bip")])
def test_wrong_values_are_refused_by_name(said, words):
    result = made(**said)
    assert len(result["problems"]) == 1
    assert re.match(words, result["problems"][0])


def test_all_problems_are_told_at_once():
    assert len(made(icc="perhaps", mtu=1, dns=["x"])["problems"]) == 3


@pytest.mark.parametrize(("text", "words"), [
    ('{"icc": true\n "token": "geheim"}', f"{PATH} is not JSON: line 2, column 2: Expecting ',' delimiter. dockerd"),
    ('["geheim"]', f"{PATH} holds a list, and dockerd wants an object"),
    ("{'icc': true}", f"{PATH} is not JSON: line 1, column 2")])
def test_a_broken_file_is_refused_and_named(text, words):
    result = made(text, icc=False)
    assert result["problems"][0].startswith(words) and len(result["problems"]) == 1
    assert "geheim" not in result["problems"][0]


def test_contradictions_with_what_others_have_set_are_found():
    assert "contradicts iptables: false" in made('{"iptables": false}', icc=False)["problems"][0]
    assert "is not inside" in made('{"fixed-cidr": "10.1.0.0/24"}', bip="192.168.5.1/24")["problems"][0]


def test_a_key_that_an_old_dockerd_does_not_know_is_refused():
    result = made(options={"ics": False, "log-opts": {}, "hosts": [], "features": {}}, program=HELP)
    assert len(result["problems"]) == 1 and "'ics' is no key of daemon.json" in result["problems"][0]
    assert made(options={"ics": False}, program=HELP + "      --validate   Validate")["problems"] == []
    assert made(options={"ics": False})["problems"] == []


def test_a_flag_and_the_file_conflict_whatever_they_say():
    files = {"/etc/default/docker": '# DOCKER_OPTS="--mtu=1"\nDOCKER_OPTS="--icc=false -b bridge0"\n'}
    problems = made(icc=False, files=files)["problems"]
    assert problems == [f"/etc/default/docker, line 2 has --icc=false, and {PATH} is to have icc: a flag cannot be "
                        "overruled, and dockerd does not start when a flag and its file both set a key. Take the flag "
                        "out there, or say nothing of icc here."]
    assert f"{PATH} has icc" in made('{"icc": true}', files=files)["problems"][0]
    assert made('{"icc": true}', {"icc": None}, files=files)["problems"] == []
    assert f"{PATH} is to leave bridge out" in made(bridge="docker0", files=files)["problems"][0]
    assert "contradicts bip" in made(bip="10.0.0.1/8", files=files)["problems"][0]
    assert made(mtu=1400, files=files)["problems"] == []


def test_flags_count_for_what_the_daemon_goes_by():
    files = {"/etc/default/docker": "DOCKER_OPTS='--icc=false --mtu 1400 --dns 192.0.2.1 --dns 192.0.2.2'"}
    result = made(ip_masq=False, files=files)
    assert (result["before"]["icc"], result["before"]["mtu"], result["keys"]) == (False, 1400, ["ip-masq"])
    assert result["before"]["dns"] == ["192.0.2.1", "192.0.2.2"]


def test_the_daemon_may_read_another_file():
    files = {"/etc/default/docker": "DOCKER_OPTS=--config-file=/etc/docker.json"}
    assert "Say docker_daemon_config_file: /etc/docker.json" in made(files=files)["problems"][0]
