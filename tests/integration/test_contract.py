# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible users rely on, module by module: check, apply, again, check again, absent; one resource or a list."""
import contextlib

import pytest
from plays import play, play_all, task
from testhosts import Host
from worlds import picture

BRIDGE = {"name": "br0", "bip": "10.5.0.1/24"}
WITH_BRIDGE = [task("a bridge", "docker_bridge", **BRIDGE)]
WITH_CONTAINERS = [*WITH_BRIDGE, task("containers", "netns_attach", bridge="br0", config=[
    {"netns": "web", "exposed_ports": [80]}, {"netns": "db"}])]
LINK = {"container": "web", "alias": "www", "address": "10.5.0.2", "ports": "80", "protocol": "tcp"}


class Contract:
    """A module on a host: what was there before, what is asked for, what is returned for it, what takes it away."""

    def __init__(self, module, before, flat, many):
        self.module, self.before, self.flat, self.many = module, before, flat, many

    @property
    def tasks(self):
        (_key, _expected, options, absent), (_keys, _expected_list, items, none) = self.flat, self.many
        steps = [("check", True, options), ("apply", None, options), ("again", None, options),
                 ("check again", True, options), ("check of absent", True, absent), ("absent", None, absent),
                 ("absent again", None, absent),
                 ("apply a list", None, items), ("again a list", None, items), ("absent list", None, none)]
        return [*self.before, *(task(name, self.module, check=check, **wanted) for name, check, wanted in steps)]


CONTRACTS = [
    Contract("docker_bridge", [],
             ("bridge", {"name": "br0", "bip": "10.5.0.1/24", "fixed_cidr": "10.5.0.128/25", "mtu": 1400},
              {**BRIDGE, "fixed_cidr": "10.5.0.128/25", "mtu": 1400}, {"name": "br0", "state": "absent"}),
             ("bridges", [{"name": "br0", "ip_masq": True}, {"name": "br1", "ip_masq": False}],
              {"config": [BRIDGE, {"name": "br1", "bip": "10.6.0.1/24", "ip_masq": False}]},
              {"config": [{"name": "br0"}, {"name": "br1"}], "state": "absent"})),
    Contract("veth_pair", [*WITH_BRIDGE, task("a container", "netns_attach", netns="web", bridge="br0")],
             ("veth_pair", {"name": "a"},
              {"name": "a", "addresses": ["10.9.0.1/30"],
               "peer": {"name": "b", "netns": "web", "addresses": ["10.9.0.2/30"]}},
              {"name": "a", "peer": {"name": "b", "netns": "web"}, "state": "absent"}),
             ("veth_pairs", [{"name": "a"}, {"name": "c"}],
              {"config": [{"name": "a", "bridge": "br0", "peer": {"name": "b"}},
                          {"name": "c", "mtu": 1300, "peer": {"name": "d", "mtu": 1300}}]},
              {"config": [{"name": "a", "peer": {"name": "b"}}, {"name": "c", "peer": {"name": "d"}}],
               "state": "absent"})),
    Contract("netns_attach", WITH_BRIDGE,
             ("endpoint", {"container": "new", "address": "10.5.0.2/24", "gateway": "10.5.0.1",
                           "exposed_ports": ["5432/tcp"]},
              {"netns": "new", "bridge": "br0", "exposed_ports": [5432]}, {"netns": "new", "state": "absent"}),
             ("endpoints", [{"address": "10.5.0.2/24"}, {"address": "10.5.0.3/24"}],
              {"bridge": "br0", "config": [{"netns": "one"}, {"netns": "two"}]},
              {"config": [{"netns": "one"}, {"netns": "two"}], "state": "absent"})),
    Contract("port_publish", WITH_CONTAINERS,
             ("publication", {"container": "web", "published_ports": ["0.0.0.0:8080->10.5.0.2:80/tcp",
                                                                      "127.0.0.1:49153->10.5.0.2:443/udp"]},
              {"container": "web", "published_ports": ["8080:80", "127.0.0.1::443/udp"]},
              {"container": "web", "state": "absent"}),
             ("publications", [{"published_ports": ["0.0.0.0:49153->10.5.0.2:80/tcp"]},
                               {"published_ports": ["0.0.0.0:8081->10.5.0.3:81/tcp"]}],
              {"config": [{"container": "web", "publish_all_ports": True},
                          {"container": "db", "published_ports": ["8081:81"]}]},
              {"config": [{"container": "web"}, {"container": "db"}], "state": "absent"})),
    Contract("icc_policy", WITH_CONTAINERS,
             ("policy", {"bridge": "br0", "icc": False}, {"bridge": "br0", "icc": False},
              {"bridge": "br0", "state": "absent"}),
             ("policies", [{"icc": False}, {"container": "db", "links": [LINK]}],
              {"config": [{"bridge": "br0", "icc": False}, {"container": "db", "links": ["web:www"]}]},
              {"config": [{"bridge": "br0"}, {"container": "db"}], "state": "absent"})),
    Contract("container_dns", WITH_CONTAINERS,
             ("names", {"container": "web", "names": ["front.example.com", "front"], "addresses": ["10.5.0.2"],
                        "dns_servers": ["192.0.2.1", "10.5.0.1"], "dns_search_domains": ["example.com"]},
              {"netns": "web", "hostname": "front", "domainname": "example.com", "dns_opts": ["ndots:2"],
               "dns_servers": ["192.0.2.1", "host-gateway"], "dns_search_domains": [".example.com"],
               "etc_hosts": {"gateway": "host-gateway"}},
              {"netns": "web", "state": "absent"}),
             ("all_names", [{"hostname": "web", "dns_servers": ["192.0.2.1"]}, {"hostname": "db"}],
              {"dns_servers": ["192.0.2.1"],
               "config": [{"netns": "web"}, {"netns": "db", "dns_servers": ["10.5.0.1"]}]},
              {"config": [{"netns": "web"}, {"netns": "db"}], "state": "absent"})),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """All contracts, each on a host of its own, with one start of Ansible: the pictures before and the outcomes."""
    with contextlib.ExitStack() as stack:
        hosts = {contract.module: stack.enter_context(Host.up(f"contract-{contract.module.replace('_', '-')}"))
                 for contract in CONTRACTS}
        fresh = {module: picture(host) for module, host in hosts.items()}
        outcomes = play_all(tmp_path_factory.mktemp("contract"),
                            {hosts[contract.module]: contract.tasks for contract in CONTRACTS})
        yield {contract: (fresh[contract.module], outcomes[hosts[contract.module].name]) for contract in CONTRACTS}


@pytest.fixture(params=CONTRACTS, ids=lambda contract: contract.module)
def contract(request, played):
    """A contract, the picture at its start, and the outcomes of its steps by name."""
    start, outcomes = played[request.param]
    before = len(request.param.before)
    assert {outcome.status for outcome in outcomes[:before]} <= {"changed"}
    start = outcomes[before - 1].picture if before else start
    return request.param, start, {outcome.name: outcome for outcome in outcomes[before:]}


def test_no_step_fails(contract):
    _contract, _start, outcomes = contract
    assert {name: outcome.message for name, outcome in outcomes.items() if outcome.status == "failed"} == {}


def test_check_tells_what_would_change_and_changes_nothing(contract):
    _contract, start, outcomes = contract
    check, applied = outcomes["check"], outcomes["apply"]
    assert (check.status, check.picture == start) == ("changed", True)
    assert (applied.status, applied.picture == start) == ("changed", False)
    assert check.result["actions"] == applied.result["actions"] != []
    assert check.result["diff"] == applied.result["diff"]


def test_the_diff_is_text(contract):
    _contract, _start, outcomes = contract
    for name in ("apply", "absent"):
        diff = outcomes[name].result["diff"]
        assert set(diff) == {"before", "after"} and all(isinstance(text, str) for text in diff.values())
        assert diff["before"] != diff["after"] and (diff["before"] + diff["after"]).endswith("\n")
    assert outcomes["apply"].result["diff"]["after"].strip()
    assert outcomes["absent"].result["diff"]["before"].strip()


def test_the_resource_is_returned(contract):
    wanted, _start, outcomes = contract
    for names, (key, expected, *_options) in ((("check", "apply", "again", "check again"), wanted.flat),
                                              (("apply a list", "again a list"), wanted.many)):
        for name in names:
            found = outcomes[name].result[key]
            found, expected_list = (found, expected) if isinstance(expected, list) else ([found], [expected])
            assert len(found) == len(expected_list), name
            for each, part in zip(found, expected_list):
                assert {key: each[key] for key in part} == part, name


def test_a_second_run_and_a_check_on_a_finished_host_find_nothing_to_do(contract):
    _contract, _start, outcomes = contract
    for name, first in (("again", "apply"), ("check again", "apply"), ("again a list", "apply a list")):
        assert (outcomes[name].status, outcomes[name].result["actions"]) == ("ok", []), name
        assert outcomes[name].result["diff"] == {"before": "", "after": ""}
        assert outcomes[name].picture == outcomes[first].picture


def test_absent_leaves_nothing(contract):
    _contract, start, outcomes = contract
    check, gone, again = outcomes["check of absent"], outcomes["absent"], outcomes["absent again"]
    assert (check.status, check.picture == outcomes["apply"].picture) == ("changed", True)
    assert (gone.status, gone.result["actions"]) == ("changed", check.result["actions"])
    assert gone.picture == start
    assert (again.status, again.result["actions"], again.picture == start) == ("ok", [], True)
    assert outcomes["absent list"].picture == start


def test_network_info_tells_and_changes_nothing(new_host, tmp_path):
    outcomes = play(tmp_path, new_host(), [
        task("nothing yet", "network_info"), *WITH_CONTAINERS,
        task("a port", "port_publish", container="web", published_ports=["8080:80"]),
        task("all", "network_info"), task("in check mode", "network_info", check=True),
        task("one of two", "network_info", config=[{"container": "db"}, {"bridge": "br0"}]),
        task("damage", "ansible.builtin.command", cmd="iptables -F FORWARD", _changed_when=False),
        task("drift", "network_info")])
    nothing, _bridge, _containers, _port, everything, checked, several, _damage, drift = outcomes
    assert not [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in (nothing, everything, checked, several, drift):
        assert (outcome.status, outcome.result["actions"]) == ("ok", [])
    assert nothing.result["network"]["bridges"] == nothing.result["network"]["endpoints"] == []
    found = everything.result["network"]
    assert [bridge["name"] for bridge in found["bridges"]] == ["br0"]
    assert [endpoint["container"] for endpoint in found["endpoints"]] == ["db", "web"]
    assert found["published_ports"] == ["web 0.0.0.0:8080->10.5.0.2:80/tcp"]
    assert (found["drift"], found["leftovers"]) == ([], [])
    assert checked.result["network"] == found and checked.picture == everything.picture
    assert [len(answer["endpoints"]) for answer in several.result["networks"]] == [1, 2]
    first, *others = drift.result["network"]["drift"]
    assert first == "repair rules of br0 (somebody removed the jump from FORWARD)"
    assert all(text.startswith("forget tracked connections") for text in others)  # begun while it stood open


def test_defaults_of_the_action_group_reach_all_modules(new_host, tmp_path):
    host = new_host()
    before = picture(host)
    play(tmp_path, host, WITH_CONTAINERS)
    tasks = [task("a port", "port_publish", container="web"), task("a container", "netns_attach", netns="web"),
             task("another one", "netns_attach", netns="db"), task("the bridge", "docker_bridge", name="br0")]
    outcomes = play(tmp_path, host, tasks, module_defaults={"group/mooring.net.all": {"state": "absent"}})
    assert [outcome.status for outcome in outcomes] == ["ok", "changed", "changed", "changed"]
    assert outcomes[-1].picture == before


def test_a_whole_play_runs_in_check_mode_on_a_fresh_host(new_host, tmp_path):
    """What an earlier task would have made is taken for granted, and said so."""
    host = new_host()
    before = picture(host)
    outcomes = play(tmp_path, host, [
        *WITH_CONTAINERS,
        task("ports", "port_publish", container="web", published_ports=["8080:80", "127.0.0.1::443"]),
        task("a policy", "icc_policy", config=[{"bridge": "br0", "icc": False}, {"container": "db", "links": ["web"]}]),
        task("names", "container_dns", config=[{"netns": "web", "dns_servers": ["host-gateway"]}, {"netns": "db"}]),
        task("a pair", "veth_pair", name="a", bridge="br0", peer={"name": "b", "netns": "web"})],
        arguments=["--check", "--diff"])
    assert {outcome.name: outcome.message for outcome in outcomes if outcome.status == "failed"} == {}
    assert outcomes[0].status == "changed" and outcomes[-1].picture == before
    assert any("(known after apply)" in outcome.result["diff"]["after"] for outcome in outcomes)
    assert any("check mode assumes that an earlier task creates bridge br0." in str(outcome.result.get("warnings"))
               for outcome in outcomes)
