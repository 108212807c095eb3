# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that forwards because of us is no router between its others; rules of two backends are refused."""
import pytest
from pipeline import PipelineError
from traffic import expect_answers, expect_closed
from worlds import (BACK, BACK6, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, NEIGHBOUR,
                    NEIGHBOUR6, OUTSIDE, OUTSIDE6, sysctl, world)

OTHER = {"nft": "legacy", "legacy": "nft"}


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        found.serve(found.neighbour, "neighbour", (80,))
        yield found


@pytest.fixture
def fresh(here):
    """No bridge, and a host that forwards nothing."""
    yield here
    here.pipeline.run("docker_bridge", name="front", state="absent", force=True)
    here.pipeline.run("netns_attach", netns="web", state="absent")
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        sysctl(here.box, f"net.{name}", 0)


def through(here):
    return ((here.outside, "tcp", NEIGHBOUR, 80), (here.outside, "tcp", NEIGHBOUR6, 80))


def expect_through(here):
    expect_answers(*((call, "neighbour:80", source) for call, source in zip(through(here), (OUTSIDE, OUTSIDE6))))


def make(here, **options):
    return here.pipeline.run("docker_bridge", name="front", bip="192.168.5.1/24", bip6="2001:db8:5::1/64", **options)


def test_forwarding_between_others_stays_closed_until_it_is_asked_for(fresh):
    expect_closed(fresh.servers, *through(fresh))
    assert make(fresh)["bridge"]["forward_others"] is False
    expect_closed(fresh.servers, *through(fresh))
    assert make(fresh)["operations"] == []
    assert make(fresh, forward_others=True)["bridge"]["forward_others"] is True
    expect_through(fresh)
    assert make(fresh)["operations"] == []


def test_only_what_is_needed_is_set_and_previous_values_are_returned(fresh):
    run = fresh.pipeline.run
    assert "net.ipv4.ip_forward" not in _sysctls(run("docker_bridge", name="front", bip="192.168.5.1/24",
                                                     ip_forward=False))
    assert _sysctls(run("docker_bridge", name="front")) == {"net.ipv4.ip_forward": ("0", "1")}
    assert _sysctls(run("docker_bridge", name="front")) == {}
    found = _sysctls(run("docker_bridge", name="front", bip6="2001:db8:5::1/64"))
    assert found.pop("net.ipv6.conf.front.dad_transmits", None) in (None, ("1", "0"))
    assert found == {"net.ipv6.conf.all.forwarding": ("0", "1")}
    assert make(fresh)["operations"] == []


def _sysctls(result):
    """Previous and new value by name."""
    return {found["name"]: (found["previous"], found["value"]) for found in result.get("sysctls", ())
            if not found["name"].endswith("front.accept_ra")}


def test_the_host_stays_closed_while_a_bridge_is_there_and_the_end_of_the_last_one_is_said(fresh):
    """What was switched on stays on; without a bridge of ours there is no rule either, and the user is told."""
    make(fresh)
    assert fresh.pipeline.run("docker_bridge", name="back", bip=f"{BACK}/24", bip6=f"{BACK6}/64")["bridge"][
        "forward_others"]
    first = fresh.pipeline.run("docker_bridge", name="front", state="absent")
    assert first["warnings"] == []
    expect_closed(fresh.servers, *through(fresh))
    last = fresh.pipeline.run("docker_bridge", name="back", state="absent")
    assert [f"forwarding ({family}) was switched on for a bridge and stays on" in warning
            for family, warning in zip(("ipv4", "ipv6"), last["warnings"], strict=True)] == [True, True]
    expect_through(fresh)


def test_a_host_that_was_forwarding_goes_on(fresh):
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        sysctl(fresh.box, f"net.{name}", 1)
    assert make(fresh)["bridge"]["forward_others"] is True
    expect_through(fresh)


def test_a_rule_of_somebody_else_that_accepts_comes_first(fresh):
    make(fresh)
    for program in ("iptables", "ip6tables"):
        fresh.box.run([program, "-I", "FORWARD", "1", "-p", "tcp", "-j", "ACCEPT"])
    expect_through(fresh)
    make(fresh)
    expect_through(fresh)
    for program in ("iptables", "ip6tables"):
        fresh.box.run([program, "-D", "FORWARD", "-p", "tcp", "-j", "ACCEPT"])


@pytest.mark.parametrize("program", ["iptables", "ip6tables"])
def test_rules_in_both_backends_are_refused_and_empty_tables_are_not(fresh, program):
    other = f"/usr/sbin/{program}-{OTHER[fresh.backend]}"
    fresh.box.run([other, "-t", "nat", "-L", "-n"])
    make(fresh)
    fresh.box.run([other, "-A", "INPUT", "-p", "tcp", "--dport", "1", "-j", "DROP"])
    try:
        with pytest.raises(PipelineError, match=f"both backends of {program}, and {program} is set to {fresh.backend} "
                                                f"on .*Flush those that `{program}-{OTHER[fresh.backend]}-save`"):
            make(fresh)
        for _again in range(2):
            assert make(fresh, **{program: False})["bridge"][program] is False
    finally:
        fresh.box.run([other, "-F", "INPUT"])
    assert make(fresh, **{program: True})["bridge"][program] is True


# Forwarding of single interfaces


def per_interface(here):
    """A host that forwards, where new interfaces do not, as systemd-networkd leaves it; a container with a port."""
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        sysctl(here.box, f"net.{name}", 1)
    for family in ("ipv4", "ipv6"):
        sysctl(here.box, f"net.{family}.conf.default.forwarding", 0)
    made = make(here)
    here.pipeline.run("netns_attach", netns="web", address="192.168.5.10", address_v6="2001:db8:5::10")
    here.serve(here.container("web"), "web", (80,))
    here.pipeline.run("port_publish", netns="web", published_ports=["8080:80", "8080:80/udp"])
    return made


def ports_and_way_out(here):
    """Published ports from outside and from a container, and what the container sends out."""
    web = here.container("web")
    return [((here.outside, protocol, BOX, 8080), "web:80", OUTSIDE) for protocol in ("tcp", "udp")] + [
        ((here.outside, protocol, BOX6, 8080), "web:80", OUTSIDE6) for protocol in ("tcp", "udp")] + [
        ((web, "tcp", NEIGHBOUR, 80), "neighbour:80", BOX_NEIGHBOUR),
        ((web, "tcp", NEIGHBOUR6, 80), "neighbour:80", BOX_NEIGHBOUR6)]


def test_a_bridge_is_not_born_without_forwarding_and_gets_it_back(fresh):
    changed = _sysctls(per_interface(fresh))
    assert {name for name in changed if name.endswith("front.forwarding")} == {
        "net.ipv4.conf.front.forwarding", "net.ipv6.conf.front.forwarding"}
    expect_answers(*ports_and_way_out(fresh))
    for family in ("ipv4", "ipv6"):
        sysctl(fresh.box, f"net.{family}.conf.front.forwarding", 0)
    expect_closed(fresh.servers, (fresh.container("web"), "tcp", NEIGHBOUR, 80))
    shown = fresh.pipeline.run("netns_attach", check=True, netns="web")
    assert shown["operations"] == fresh.pipeline.run("netns_attach", netns="web")["operations"] == [
        f"set net.{family}.conf.front.forwarding to 1 (was 0)" for family in ("ipv4", "ipv6")]
    expect_answers(*ports_and_way_out(fresh))


def test_an_uplink_that_does_not_forward_is_said_while_it_matters(fresh):
    """Only IPv4 asks the interface."""
    per_interface(fresh)
    for family in ("ipv4", "ipv6"):
        sysctl(fresh.box, f"net.{family}.conf.eth0.forwarding", 0)
    try:
        expect_closed(fresh.servers, (fresh.outside, "tcp", BOX, 8080), (fresh.outside, "udp", BOX, 8080))
        expect_answers(((fresh.outside, "tcp", BOX6, 8080), "web:80", OUTSIDE6))
        result = fresh.pipeline.run("port_publish", netns="web", published_ports=["8080:80", "8080:80/udp"])
        assert result["operations"] == [] and len(result["warnings"]) == 1
        assert result["warnings"][0].startswith("net.ipv4.conf.eth0.forwarding is 0, so that nothing that comes in by "
                                                "eth0 gets to published ports of web. Set it to 1")
    finally:
        for family in ("ipv4", "ipv6"):
            sysctl(fresh.box, f"net.{family}.conf.eth0.forwarding", 1)
    assert fresh.pipeline.run("network_info")["network"]["obstacles"] == []
    sysctl(fresh.box, "net.ipv4.ip_forward", 0)
    expect_closed(fresh.servers, (fresh.outside, "tcp", BOX, 8080))
    assert "net.ipv4.ip_forward is 0" in fresh.pipeline.run("network_info")["network"]["obstacles"][0]
    make(fresh)
    expect_answers(*ports_and_way_out(fresh))


MACHINES = """
ip link add theirs up type bridge nf_call_iptables 1 nf_call_ip6tables 1
for n in 1 2; do
    ip netns add vm$n; ip link add vm$n type veth peer name eth0 netns vm$n; ip link set vm$n up master theirs
    ip -n vm$n link set eth0 up; ip -n vm$n address add 10.77.0.$n/24 dev eth0
    ip -n vm$n address add 2001:db8:77::$n/64 dev eth0 nodad
done"""


@pytest.mark.parametrize("shown", [0, 1], ids=["by itself", "with all"])
def test_what_stays_on_a_bridge_of_others_that_shows_its_frames_to_rules_is_no_forwarding(fresh, shown):
    """The host forwards because of us, and keeps others from using it as a router."""
    box = fresh.box
    for name in BRIDGE_CALLS:
        sysctl(box, name, shown)
    make(fresh)
    try:
        box.run(["sh", "-ec", MACHINES])
        make(fresh)
        for address in "10.77.0.2", "2001:db8:77::2":
            box.run(["ip", "netns", "exec", "vm1", "ping", "-c1", "-W5", address])
        assert make(fresh)["operations"] == []
    finally:
        box.run(["sh", "-c", "ip netns delete vm1; ip netns delete vm2; ip link delete theirs"], check=False)
