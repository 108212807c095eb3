# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restart of the daemon does beside the file: bridges, containers, rules, and the way back."""
from __future__ import annotations

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.move import (OF_BRIDGE, OF_BRIDGE_V6, Host,
                                                                                        is_unused, move)
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.plan import Wish, plan
from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.rules import stale_rules
from ansible_collections.mooring.net.plugins.modules import docker_bridge

DOCKER0 = {"ifname": "docker0", "linkinfo": {"info_kind": "bridge"},
           "addr_info": [{"family": "inet", "local": "172.17.0.1", "prefixlen": 16},
                         {"family": "inet6", "local": "fe80::1", "prefixlen": 64}]}
OWN = {**DOCKER0, "ifname": "bridge0", "ifalias": "mooring:bridge:bridge0:", "addr_info": []}
VIEW = {"name": "bridge0", "bip": "192.168.5.1/24", "mtu": 1500, "stp": False, "mac_address": "02:00:00:00:00:01",
        "ip_masq": True, "iptables": False, "ip6tables": False, "fixed_cidr": "", "default_gateway": "", "ipv6": False,
        "bip6": "", "fixed_cidr_v6": "", "default_gateway_v6": "", "adopted": False, "forward_others": True,
        "icc": True, "endpoints": []}


def port(name, bridge="docker0", kind="veth", alias=""):
    return {"ifname": name, "master": bridge, "linkinfo": {"info_kind": kind}, "ifalias": alias}


def container(name, created="1", networks=("bridge",), mode="default", rm=False):
    return {"Id": f"id-{name}", "Name": f"/{name}", "Created": created,
            "HostConfig": {"NetworkMode": mode, "AutoRemove": rm},
            "NetworkSettings": {"Networks": {network: {} for network in networks}}}


def planned(text="", **variables):
    found = plan(Wish(variables, {}, "/etc/docker/daemon.json", text))
    assert found["problems"] == []
    return found


def moved(config, links=(DOCKER0,), end_rm=False, **host):
    return move(config, Host(list(links), **host), end_rm)


def test_what_ran_before_a_run_that_was_killed_is_started_whatever_there_is_to_do():
    noted = [{"id": "id-old", "name": "old"}, {"id": "id-web", "name": "web"}]
    nothing = moved(planned('{"icc": false}', icc=False), noted=noted)
    assert (nothing["restart"], nothing["start"]) == (False, noted)
    assert nothing["actions"] == ["start the daemon", "start old again", "start web again"]
    again = moved(planned(icc=False), containers=[container("web"), container("new")], noted=noted)
    assert [entry["name"] for entry in again["start"]] == ["old", "web", "new"]
    assert moved(planned('{"icc": false}', icc=False))["actions"] == []


def test_docker0_goes_and_containers_come_back_in_the_order_of_their_making():
    containers = [container("joined", "3", (), "container:id-web"), container("web", "1"), container("db", "2")]
    result = moved(planned(bridge="bridge0", bip="192.168.5.1/24"), [DOCKER0, port("veth1"), port("veth2")],
                   containers=containers)
    assert (result["problems"], result["restart"]) == ([], True)
    assert (result["remove"], result["rules_of"]) == ("docker0", "docker0")
    assert [entry["name"] for entry in result["start"]] == ["web", "db", "joined"]
    assert result["bridge"] == {"name": "bridge0", "bip": "192.168.5.1/24", "mtu": "1500", "iptables": False,
                                "ip6tables": False, "ip_forward": False}
    assert result["restore"] == {"present": [], "absent": [{"name": "bridge0"}], "addresses": ["172.17.0.1/16"],
                                 "ours": "",
                                 "names": ["docker0"]}
    assert result["actions"] == ["stop the daemon", "move the default network from docker0 to bridge0",
                                 "remove docker0", "create bridge0", "start the daemon", "start web again",
                                 "start db again", "start joined again"]


def test_a_task_of_a_swarm_is_started_by_the_swarm():
    """Which by then has another task in its place: started again, it would be there twice."""
    task = {**container("shop.1.x", "1"), "Config": {"Labels": {"com.docker.swarm.task.id": "x"}}}
    result = moved(planned(mtu=1400), containers=[task, container("web", "2")])
    assert [entry["name"] for entry in result["start"]] == ["web"]
    assert result["actions"] == ["stop the daemon", "start the daemon", "start web again"]


def test_nothing_new_is_no_restart():
    result = moved(planned('{"bridge": "bridge0"}', bridge="bridge0"), [OWN], bridges=[VIEW])
    assert (result["restart"], result["remove"], result["rules_of"], result["actions"]) == (False, "", "", [])


def test_a_bridge_that_is_gone_is_made_again_under_a_stopped_daemon():
    result = moved(planned('{"bridge": "bridge0"}'), [])
    assert (result["restart"], result["bridge"]["name"]) == (True, "bridge0")
    assert result["actions"] == ["stop the daemon", "create bridge0", "start the daemon"]


def test_without_rules_of_the_daemon_the_bridge_has_ours():
    result = moved(planned(bridge="bridge0", iptables=False, ip_masq=False))
    assert {key: result["bridge"][key] for key in ("iptables", "ip6tables", "ip_forward", "ip_masq")} == {
        "iptables": True, "ip6tables": True, "ip_forward": True, "ip_masq": False}


def test_a_daemon_that_gives_up_its_rules_leaves_them_to_be_removed():
    assert moved(planned('{"bridge": "bridge0"}', iptables=False), [OWN], bridges=[VIEW])["rules_of"] == "bridge0"
    assert moved(planned(icc=False))["rules_of"] == ""


def test_a_mtu_is_told_to_a_new_bridge_or_when_it_is_said():
    assert "mtu" not in moved(planned('{"bridge": "bridge0"}', icc=False), [OWN], bridges=[VIEW])["bridge"]
    assert moved(planned('{"bridge": "bridge0"}', mtu=1400), [OWN], bridges=[VIEW])["bridge"]["mtu"] == "1400"


@pytest.mark.parametrize("name", ["docker0", "none"])
def test_our_former_bridge_goes_when_the_daemon_leaves_it(name):
    result = moved(planned('{"bridge": "bridge0"}', bridge=name), [OWN], bridges=[VIEW])
    assert (result["bridge"], result["remove"], result["rules_of"]) == (None, "bridge0", "bridge0")
    assert result["restore"]["present"] == [{
        "name": "bridge0", "bip": "192.168.5.1/24", "mtu": 1500, "stp": False, "mac_address": "02:00:00:00:00:01",
        "ip_masq": True, "iptables": False, "ip6tables": False, "icc": True, "forward_others": True,
        "ip_forward": False, "adopt": False}]
    assert (result["restore"]["absent"], result["restore"]["ours"]) == ([], "bridge0")
    closed = moved(planned('{"bridge": "bridge0"}', bridge=name), [OWN], bridges=[{**VIEW, "icc": False}])
    assert closed["restore"]["present"][0]["icc"] is False


def test_a_bridge_comes_back_with_all_that_can_be_told_of_it():
    told = yaml.safe_load(docker_bridge.RETURN)["bridge"]["sample"]
    assert set(told) & set(docker_bridge.RESOURCE.options) == {*OF_BRIDGE, *OF_BRIDGE_V6}


@pytest.mark.parametrize("why", [
    {"listed": ["bridge0"]}, {"bridges": []}, {"bridges": [{**VIEW, "adopted": True}]},
    {"links": [OWN, port("eth9", "bridge0", "")]},
    {"links": [OWN, port("veth1", "bridge0", alias="mooring:endpoint:a:")]}])
def test_a_former_bridge_that_somebody_needs_stays(why):
    found = {"links": [OWN], "bridges": [VIEW], **why}
    assert moved(planned('{"bridge": "bridge0"}', bridge="bridge1"), **found)["remove"] == ""


def test_an_interface_of_the_daemon_that_was_taken_over_is_none_of_others():
    taken = port("veth1", "bridge0", alias="mooring:endpoint:web:if=eth0 adopted=plain")
    result = moved(planned('{"bridge": "bridge0"}', bridge="bridge1"), [OWN, taken], bridges=[VIEW],
                   containers=[container("web")])
    assert result["remove"] == "bridge0"


@pytest.mark.parametrize("foreign", [port("eth9", kind=""), port("tap0", kind="tun"),
                                     port("veth9", alias="mooring:endpoint:web:if=eth0"), port("vethdead")])
def test_docker0_with_ports_of_others_is_refused(foreign):
    result = moved(planned(bridge="bridge0"), [DOCKER0, port("veth1"), foreign], containers=[container("web")])
    assert len(result["problems"]) == 1 and foreign["ifname"] in result["problems"][0]
    assert "docker0 is to go, and has ports that are not of the daemon's running containers" in result["problems"][0]


def test_docker0_that_was_taken_over_has_to_be_given_back_first():
    adopted = {**DOCKER0, "ifalias": "mooring:bridge:docker0:adopted=1"}
    assert "give it back first" in moved(planned(bridge="bridge0"), [adopted])["problems"][0].lower()


def test_a_bridge_of_somebody_else_is_used_as_it_is():
    foreign = {**DOCKER0, "ifname": "bridge0"}
    result = moved(planned(bridge="bridge0", bip="172.17.0.1/16"), [foreign])
    assert (result["bridge"], result["problems"], result["restore"]["absent"]) == (None, [], [])
    problems = moved(planned(bridge="bridge0", bip="10.0.0.1/8"), [foreign])["problems"]
    assert "'10.0.0.1/8' is not an address of bridge0, which somebody else made with 172.17.0.1/16" in problems[0]
    assert moved(planned('{"bridge": "bridge0"}', bridge="docker0"), [foreign])["remove"] == ""


def test_an_interface_that_is_no_bridge_is_refused():
    problems = moved(planned(bridge="eth0"), [{"ifname": "eth0"}])["problems"]
    assert problems == ["docker_daemon_bridge: 'eth0' is an interface of kind ethernet, not a bridge. Choose another "
                        "name."]


def test_containers_that_a_stop_would_lose_are_named():
    containers = [container("job", rm=True), container("web")]
    problems = moved(planned(icc=False), containers=containers)["problems"]
    assert len(problems) == 1 and problems[0].startswith("job: started with --rm, hence lost")
    assert moved(planned(icc=False), containers=containers, end_rm=True)["problems"] == []
    assert [e["name"] for e in moved(planned(icc=False), containers=containers, end_rm=True)["start"]] == ["web"]
    live = planned('{"live-restore": true}', dns=["192.0.2.53"])
    assert moved(live, containers=containers)["problems"] == []


def test_live_restore_with_running_containers_takes_nothing_that_is_about_networks():
    containers = [container("web"), container("alone", networks=("none",), mode="none")]
    problems = moved(planned('{"live-restore": true}', bridge="bridge0"), containers=containers)["problems"]
    assert len(problems) == 1 and problems[0].startswith("live-restore keeps web running")
    assert "does not take bridge" in problems[0]
    assert moved(planned('{"live-restore": true}', icc=False), containers=containers[1:])["problems"] == []
    assert moved(planned('{"live-restore": true}', dns=["192.0.2.53"]), containers=containers)["problems"] == []


SAVED = """\
*filter
:FORWARD DROP [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o bridge0 -j DOCKER
-A FORWARD -i bridge0 ! -o bridge0 -j ACCEPT
-A FORWARD -i bridge0 -o bridge0 -j DROP
-A FORWARD -i bridge0 -o eth1 -j DROP
-A FORWARD -i bridge01 -o bridge01 -j ACCEPT
-A FORWARD -o bridge0 -m comment --comment "mine" -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.5.0/24 ! -o bridge0 -j MASQUERADE
-A POSTROUTING -s 192.168.5.0/24 -o eth0 -j MASQUERADE
-A POSTROUTING -o bridge0 -m addrtype --src-type LOCAL -j MASQUERADE
COMMIT
"""


def test_rules_that_the_daemon_leaves_behind_are_found_and_none_of_others():
    assert [" ".join(words) for words in stale_rules(SAVED, "bridge0")] == [
        "-t filter -D FORWARD -o bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-t filter -D FORWARD -o bridge0 -j DOCKER",
        "-t filter -D FORWARD -i bridge0 ! -o bridge0 -j ACCEPT",
        "-t filter -D FORWARD -i bridge0 -o bridge0 -j DROP",
        "-t nat -D POSTROUTING -s 192.168.5.0/24 ! -o bridge0 -j MASQUERADE",
        "-t nat -D POSTROUTING -o bridge0 -m addrtype --src-type LOCAL -j MASQUERADE"]
    assert stale_rules(SAVED, "docker0") == []


def test_only_a_bridge_without_use_and_mark_is_left():
    assert is_unused([DOCKER0], "docker0")
    assert not is_unused([], "docker0")
    assert not is_unused([DOCKER0, port("veth1")], "docker0")
    assert not is_unused([OWN], "bridge0")
    assert not is_unused([{"ifname": "eth0"}], "eth0")
