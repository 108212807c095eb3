# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that forwards because of us is no router between its others; rules of two backends are refused."""
import pytest
from pipeline import PipelineError
from traffic import expect_answers, expect_closed
from worlds import BACKENDS, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, sysctl, world

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
    here.pipeline.run("docker_bridge", name="front", state="absent")
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding", "ipv6.conf.default.forwarding"):
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
    assert make(fresh)["actions"] == []
    assert make(fresh, forward_others=True)["bridge"]["forward_others"] is True
    expect_through(fresh)
    assert make(fresh)["actions"] == []


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


def test_rules_in_both_backends_are_refused_and_empty_tables_are_not(fresh):
    other = f"/usr/sbin/iptables-{OTHER[fresh.backend]}"
    fresh.box.run([other, "-t", "nat", "-L", "-n"])
    make(fresh)
    fresh.box.run([other, "-A", "INPUT", "-p", "tcp", "--dport", "1", "-j", "DROP"])
    try:
        with pytest.raises(PipelineError, match=f"both backends of iptables, and iptables is set to {fresh.backend}"):
            make(fresh)
        assert make(fresh, iptables=False)["bridge"]["iptables"] is False
        make(fresh, iptables=False)
    finally:
        fresh.box.run([other, "-F", "INPUT"])
    make(fresh, iptables=True)
