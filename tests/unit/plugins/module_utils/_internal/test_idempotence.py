# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is asked for in whatever order: a second run finds nothing to do, and what is taken away leaves nothing."""
from __future__ import annotations

from typing import Any

from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import KNOWN_AFTER_APPLY

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import Failed, World, picture

NAMES = st.sampled_from(["a", "b", "c", "d"])
BRIDGES = st.sampled_from(["br0", "br1"])
PORTS = st.sampled_from(["80", "53/udp", "8080:80", "8081:80", "127.0.0.1::443", "7000-7100:7000-7100", "9000-9003:80",
                         "2000-2070:3000-3070/udp", "192.0.2.10:8080:80",
                         "[::]::80"])
MODES = st.sampled_from([None, "nat", "routed"])
OPTION = st.none() | st.booleans()


def items(name: str, /, **options: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(st.just(name), st.fixed_dictionaries(options))


def many(name: str, key: str, /, **options: st.SearchStrategy) -> st.SearchStrategy:
    config = st.lists(st.fixed_dictionaries(options), min_size=1, max_size=4, unique_by=lambda item: item[key])
    return st.tuples(st.just(name), st.fixed_dictionaries({"config": config}))


LISTS = st.sampled_from([None, [], "anywhere", ["192.0.2.53:53"], ["192.0.2.53:53", "2001:db8::/32"]])
STATE = st.sampled_from(["present", "present", "present", "absent"])
TASKS = st.one_of(
    items("docker_bridge", name=BRIDGES, bip=st.sampled_from(["10.8.0.1/24", "10.9.0.5/28", None]), ip_masq=OPTION,
          stp=OPTION, mtu=st.sampled_from([None, "1400", "auto"]), ipv6=st.sampled_from([None, False]),
          fixed_cidr_v6=st.sampled_from([None, None]), iptables=OPTION),
    items("docker_bridge", name=BRIDGES, fixed_cidr_v6=st.sampled_from(["2001:db8:8::/64", "2001:db8:9::/64"])),
    items("docker_bridge", name=BRIDGES, gateway_mode=MODES, gateway_mode_v6=MODES, force=st.booleans(),
          fixed_cidr_v6=st.sampled_from([None, "2001:db8:8::/64"])),
    items("docker_bridge", name=BRIDGES, allow_bridges=st.sampled_from([None, [], ["br0"], ["br1"], ["br2"]]),
          trusted_interfaces=st.sampled_from([None, [], ["ens3"], ["br1"]]),
          trusted_networks=st.sampled_from([None, [], ["192.0.2.0/24", "2001:db8:51::/64"], ["10.0.0.0/8"]])),
    items("docker_bridge", name=BRIDGES, outbound_address=st.sampled_from(["", "192.0.2.10", "192.0.2.77"])),
    items("docker_bridge", name=BRIDGES, internal=OPTION, force=st.booleans(),
          gateway_mode=st.sampled_from([None, None, "nat", "isolated"])),
    items("docker_bridge", name=BRIDGES, allow_to=LISTS),
    many("netns_attach", "netns", netns=NAMES, bridge=BRIDGES, state=STATE, allow_to=LISTS),
    items("docker_bridge", name=BRIDGES, state=st.just("absent"), force=st.booleans()),
    many("netns_attach", "netns", netns=NAMES, bridge=BRIDGES, state=STATE,
         address=st.sampled_from([None, None, "10.8.0.7", "10.9.0.7"]), mtu=st.sampled_from([None, "1300", "auto"]),
         default_route=OPTION, exposed_ports=st.sampled_from([None, [], ["80"], ["53/udp", "8000-8010"]])),
    many("netns_attach", "netns", netns=NAMES, interface_name=st.just("eth1"), bridge=BRIDGES, state=STATE),
    many("port_publish", "netns", netns=NAMES, state=STATE, published_ports=st.lists(PORTS, max_size=3, unique=True),
         allow_from=st.sampled_from([None, ["10.0.0.0/8"]]), publish_all_ports=st.booleans()),
    many("icc_policy", "netns", netns=NAMES, links=st.lists(NAMES, max_size=2, unique=True)),
    items("icc_policy", bridge=BRIDGES, icc=st.booleans()),
    many("container_dns", "netns", netns=NAMES, state=STATE, hostname=st.sampled_from([None, "host.example.com"]),
         domainname=st.sampled_from([None, "example.org"]), dns_search_domains=st.sampled_from([None, [".a.example"]]),
         dns_servers=st.sampled_from([None, ["10.8.0.1"], ["host-gateway"]]),
         etc_hosts=st.sampled_from([None, {"gw": "host-gateway"}, {"x": "10.1.2.3"}])),
    items("veth_pair", name=st.just("A"), bridge=st.sampled_from([None, "", "br0"]), state=STATE,
          addresses=st.sampled_from([None, [], ["10.7.0.1/24"], ["10.7.0.1/24", "10.7.0.2/24"], ["10.7.0.2/24"]]),
          peer=st.fixed_dictionaries({"name": st.just("B"), "netns": st.sampled_from([None, "a"])})),
)


def carry_out(world: World, name: str, options: dict[str, Any]) -> None:
    """One task, twice. A task that is refused has changed nothing; one that fails for a container has done the rest."""
    before = picture(world.state)
    try:
        plan = world.run(name, **options)
    except Failed:
        done = picture(world.state)
        with pytest.raises(Failed) as again:
            world.run(name, **options)
        assert again.value.plan.steps == [] and picture(world.state) == done
        return
    except MooringError as error:
        assert "did not end up as planned" not in str(error), str(error)
        assert not str(error).startswith("cannot "), str(error)
        assert picture(world.state) == before
        return
    done = picture(world.state)
    again = world.run(name, **options)
    assert again.steps == [] and picture(world.state) == done
    assert again.after == plan.after and KNOWN_AFTER_APPLY not in str(plan.after)
    assert world.info()["drift"] == []


@given(st.lists(TASKS, max_size=8))
def test_a_second_run_changes_nothing(tasks: list[tuple[str, dict[str, Any]]]) -> None:
    world = World()
    world.bridge("br0", "10.8.0.1/24")
    world.bridge("br1", "10.9.0.5/28")
    world.attach("a", "b", bridge="br0")
    for name, options in tasks:
        carry_out(world, name, options)


@given(st.lists(TASKS, max_size=8))
def test_taking_all_away_leaves_the_host_as_it_was(tasks: list[tuple[str, dict[str, Any]]]) -> None:
    world = World()
    before = picture(world.state, sysctls=False)
    world.bridge("br0", "10.8.0.1/24")
    world.bridge("br1", "10.9.0.5/28")
    world.attach("a", "b", bridge="br0")
    for name, options in tasks:
        carry_out(world, name, options)
    world.run("veth_pair", name="A", peer={"name": "B", "netns": "a"}, state="absent")
    world.run("veth_pair", name="A", peer={"name": "B"}, state="absent")
    for interface in ("eth0", "eth1"):
        world.run("netns_attach", config=[{"netns": name} for name in "abcd"], interface_name=interface, state="absent")
    world.run("docker_bridge", config=[{"name": "br0"}, {"name": "br1"}], state="absent")
    world.run("container_dns", config=[{"netns": name} for name in "abcd"], state="absent")
    assert picture(world.state, sysctls=False) == before
