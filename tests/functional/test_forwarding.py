# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that forwards because of us is no router between its others; rules of two backends are refused."""
import pytest
from pipeline import PipelineError
from traffic import expect_answers, expect_closed
from worlds import BACK, BACK6, BACKENDS, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, sysctl, world

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


def test_only_what_is_needed_is_set_and_previous_values_are_returned(fresh):
    run = fresh.pipeline.run
    assert "net.ipv4.ip_forward" not in _sysctls(run("docker_bridge", name="front", bip="192.168.5.1/24",
                                                     ip_forward=False))
    assert _sysctls(run("docker_bridge", name="front")) == {"net.ipv4.ip_forward": ("0", "1")}
    assert _sysctls(run("docker_bridge", name="front")) == {}
    found = _sysctls(run("docker_bridge", name="front", bip6="2001:db8:5::1/64"))
    assert found.pop("net.ipv6.conf.front.dad_transmits", None) in (None, ("1", "0"))
    assert found == {f"net.ipv6.conf.{name}.forwarding": ("0", "1") for name in ("all", "default")}
    assert make(fresh)["actions"] == []


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
