# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests try packets with: it must notice one open port among many silent ones, and the other way round."""
import pytest
import testhosts
from containers import once
from traffic import REFUSED, SILENT, Flow, Place, Servers, answered, ask, expect_answers, expect_closed

SERVER, CLIENT, SILENCED = "192.0.2.1", "192.0.2.2", range(7000, 7020)
pytestmark = once


@pytest.fixture(scope="module")
def here():
    """A server on ports 80 and 7000 to 7019, of which the latter are dropped; nobody is at the others."""
    up = testhosts.Host.up
    with up("traffic-server") as host, up("traffic-client") as client, Servers() as servers:
        testhosts.link(host, "eth0", [f"{SERVER}/24", "2001:db8::1/64"],
                       client, "eth0", [f"{CLIENT}/24", "2001:db8::2/64"])
        for program in ("iptables", "ip6tables"):
            for protocol in ("tcp", "udp"):
                host.run([program, "-A", "INPUT", "-p", protocol, "--dport", "7000:7019", "-j", "DROP"])
        host.run(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"])
        for address in ("0.0.0.0", "::"):
            servers.serve(Place(host), "server", (80, *SILENCED), address)
        # A link that has just come up loses packets; who has to be asked for again answers a second later.
        expect_answers(*(((Place(client), "tcp", server, 80), "server:80", address)
                         for server, address in ((SERVER, CLIENT), ("2001:db8::1", "2001:db8::2"))))
        yield servers, Place(client)


@pytest.fixture(params=["tcp", "udp"])
def protocol(request):
    return request.param


@pytest.mark.parametrize("server, client", [(SERVER, CLIENT), ("2001:db8::1", "2001:db8::2")])
def test_the_three_answers(here, protocol, server, client):
    _servers, place = here
    calls = [(place, protocol, server, port) for port in (80, 7000, 81)]
    assert ask(*calls, seconds=0.3) == [answered("server:80", client), SILENT, REFUSED]


@pytest.mark.parametrize("position", [0, 10, 20])
def test_one_open_port_among_silent_ones_is_noticed(here, protocol, position):
    servers, place = here
    calls = [(place, protocol, SERVER, port) for port in SILENCED]
    expect_closed(servers, *calls, (place, protocol, SERVER, 81))
    calls.insert(position, (place, protocol, SERVER, 80))
    with pytest.raises(AssertionError, match=f"{protocol} {SERVER} port 80: .*expected to be closed") as error:
        expect_closed(servers, *calls)
    assert str(error.value).count("expected to be closed") == 1


def test_an_answer_that_does_not_come_or_comes_from_another_is_noticed(here, protocol, monkeypatch):
    _servers, place = here
    expect_answers(((place, protocol, SERVER, 80), "server:80", CLIENT))
    monkeypatch.setattr("traffic.PATIENCE", 0.3)
    for port, server, peer in ((7000, "server:7000", CLIENT), (81, "server:81", CLIENT), (80, "other:80", CLIENT),
                               (80, "server:80", SERVER)):
        with pytest.raises(AssertionError, match=f"port {port}: .*expected {server}"):
            expect_answers(((place, protocol, SERVER, port), server, peer))


def test_a_flow_tells_whom_it_reaches(here):
    servers, place = here
    with Flow(servers, place, SERVER, 80) as open_flow, Flow(servers, place, SERVER, 7000) as closed_flow:
        assert [open_flow.send(), open_flow.send(), closed_flow.send()] == ["server:80", "server:80", ""]
