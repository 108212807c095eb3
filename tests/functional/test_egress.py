# SPDX-License-Identifier: GPL-3.0-or-later
"""Where containers may send, tried with packets by one that would get out and has every right in its own network.

``web`` may send to one port of one machine, ``shop`` on the same bridge anywhere, ``routed`` on another bridge to what
the list of its bridge says.
"""
import contextlib
import socket

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall import ipset
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.set_operations import SetDel, SetFill
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.sets import AddressSet
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allow import Place as Destination
from containers import once
from forge import datagram, forge, send_raw
from frames import unreachable
from pipeline import PipelineError
from traffic import PATIENCE, Connection, Flow, ask, expect_answers, expect_closed, family_of
from worlds import (ADDRESSES, BACK, BACK6, BACKENDS, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, BRIDGE_CALLS, FRONT,
                    FRONT6, NEIGHBOUR, NEIGHBOUR6, OUTSIDE, OUTSIDE6, PLAIN, PLAIN6, sysctl, world)

pytestmark = once

BRIDGES = {"front": {"bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64"},
           "back": {"bip": f"{BACK}/24", "bip6": f"{BACK6}/64"},
           "plain": {"bip": f"{PLAIN}/24", "bip6": f"{PLAIN6}/64"}}
WHERE = {"web": "front", "shop": "front", "source": "back", "routed": "plain"}
ONLY = [f"{OUTSIDE}:9999", f"[{OUTSIDE6}]:9999"]
FAMILIES, PROTOCOLS = (0, 1), ("tcp", "udp")


@pytest.fixture(scope="module", params=BACKENDS)
def here(request):
    with world(request.param) as found:
        for name in BRIDGE_CALLS:
            sysctl(found.box, name, 0)
        run = found.pipeline.run
        run("docker_bridge", config=[{"name": name, **options} for name, options in BRIDGES.items()])
        run("netns_attach", config=[{"netns": name, "bridge": bridge, "address": ADDRESSES[name][0],
                                     "address_v6": ADDRESSES[name][1]} for name, bridge in WHERE.items()])
        run("port_publish", config=[{"container": "web", "published_ports": ["8070:80", "8070:80/udp"]},
                                    {"container": "source", "published_ports": ["8071:80", "8071:80/udp"]}])
        for name in WHERE:
            found.serve(found.container(name), name, (80,))
        for place, name in ((found.outside, "outside"), (found.neighbour, "neighbour"), (found.host, "box")):
            found.serve(place, name, (53, 443, 9999))
        # Neighbours know each other from here on, so that silence means that something is closed.
        expect_answers(*(((found.container(name), protocol, address, 9999), "outside:9999", box)
                         for name in WHERE for address, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6))
                         for protocol in PROTOCOLS))
        limit(found, "web", ONLY)
        yield found


def limit(here, name, allow_to, **more):
    return here.pipeline.run("netns_attach", netns=name, allow_to=allow_to, **more)


def calls(here, name, family, *places):
    """Calls of a container by both protocols; a place is an address or a pair of them, and a port."""
    return [(here.container(name), protocol, address[family] if isinstance(address, tuple) else address, port)
            for address, port in places for protocol in PROTOCOLS]


def elsewhere(here):
    """Everything that is neither listed nor on the same bridge."""
    link_local = f"{_link_local(here, 'front')}%{_index(here, 'web')}"
    return (((OUTSIDE, OUTSIDE6), 53), ((OUTSIDE, OUTSIDE6), 443), ((NEIGHBOUR, NEIGHBOUR6), 9999),
            ((FRONT, FRONT6), 53), ((FRONT, FRONT6), 9999), ((BOX, BOX6), 9999), ((BACK, BACK6), 53),
            (ADDRESSES["source"], 80), ((BOX, BOX6), 8071), ((BOX, BOX6), 8070), ((FRONT, link_local), 53),
            ((PLAIN, "2001:db8:5::"), 53))  # of IPv6 the address of all routers of the subnet (RFC 4291, 2.6.1)


def _link_local(here, interface):
    shown = here.box.run(["ip", "-6", "-o", "address", "show", "dev", interface, "scope", "link"]).stdout
    return shown.split("inet6 ")[1].split("/")[0]


def _index(here, name):
    with here.container(name).entered():
        return socket.if_nametoindex("eth0")


def open_calls(here, name, family):
    return [(call, "outside:9999", (BOX, BOX6)[family])
            for call in calls(here, name, family, ((OUTSIDE, OUTSIDE6), 9999))]


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_but_what_is_listed_is_reached(here, family):
    expect_answers(*open_calls(here, "web", family))
    expect_closed(here.servers, *calls(here, "web", family, *elsewhere(here)))
    asked = calls(here, "shop", family, *elsewhere(here)[:5])
    assert not [(call[1:], answer) for call, answer in zip(asked, ask(*asked)) if answer.outcome != "answered"]


@pytest.mark.parametrize("family", FAMILIES)
def test_who_asks_is_answered(here, family):
    """By a published port from the outside, and from the host; and a neighbour on the same bridge, both ways."""
    web, shop = ADDRESSES["web"][family], ADDRESSES["shop"][family]
    box, gateway, outside = (BOX, BOX6)[family], (FRONT, FRONT6)[family], (OUTSIDE, OUTSIDE6)[family]
    expect_answers(*(((here.outside, protocol, box, 8070), "web:80", outside) for protocol in PROTOCOLS),
                   *(((here.host, protocol, web, 80), "web:80", gateway) for protocol in PROTOCOLS),
                   *(((here.container("shop"), protocol, web, 80), "web:80", shop) for protocol in PROTOCOLS),
                   *(((here.container("web"), protocol, shop, 80), "shop:80", web) for protocol in PROTOCOLS))
    if family:
        with here.host.entered():
            on_link = f"{_link_local_of(here, 'web')}%{socket.if_nametoindex('front')}"
        # Until its own address has settled the host takes another one for a source.
        here.box.run(["sh", "-c", "while ip -6 address show dev front tentative | grep -q inet6; do sleep 0.02; done"])
        expect_answers(*(((here.host, protocol, on_link, 80), "web:80", _link_local(here, "front"))
                         for protocol in PROTOCOLS))


def ping(here, name, address):
    return here.box.run(["ip", "netns", "exec", name, "ping", "-c1", "-W1", address], check=False).returncode == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_icmp_is_closed_too(here, family):
    outside, gateway, shop = (OUTSIDE, OUTSIDE6)[family], (FRONT, FRONT6)[family], ADDRESSES["shop"][family]
    assert [ping(here, "web", address) for address in (outside, gateway, shop)] == [False, False, True]
    assert ping(here, "shop", outside)


def reached(here, name, source, address, port):
    token = forge(here.container(name), source, address, port)
    here.servers.settle()
    return here.servers.seen.get(token, "")


@pytest.mark.parametrize("family", FAMILIES)
def test_another_source_does_not_help(here, family):
    outside, own, shop = (OUTSIDE, OUTSIDE6)[family], ADDRESSES["web"][family], ADDRESSES["shop"][family]
    assert reached(here, "web", own, outside, 9999) == "outside:9999"
    assert [reached(here, "web", source, outside, 53)
            for source in (own, shop, (FRONT, FRONT6)[family], ADDRESSES["source"][family], outside)] == [""] * 5
    assert reached(here, "shop", shop, outside, 53) == "outside:53"


@pytest.fixture
def unknown_sources(here):
    """A port of others on the bridge: what may send from there nothing tells, so that the list alone looks at it."""
    here.box.run(["sh", "-ec", "ip link add theirs type ifb; ip link set theirs master front up"])
    here.pipeline.run("docker_bridge", name="back")
    assert "front from elsewhere" not in here.box.run(["iptables-save", "-t", "raw"]).stdout
    yield
    here.box.run(["ip", "link", "delete", "theirs"])
    here.pipeline.run("docker_bridge", name="back")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_source_of_elsewhere_does_not_help_either(here, unknown_sources, family):
    outside, neighbour, box = ((OUTSIDE, OUTSIDE6)[family], (NEIGHBOUR, NEIGHBOUR6)[family], (BOX, BOX6)[family])
    assert reached(here, "shop", neighbour, outside, 53) == "outside:53"
    assert [reached(here, "web", source, outside, port) for source in (neighbour, ADDRESSES["source"][family], outside)
            for port in (9999, 53)] == [""] * 6
    serve_answers(here, here.outside)
    with here.container("source").socket(family_of(outside), socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE)
        asking.sendto(b"question", (outside, ANSWERS))
        assert asking.recv(64).startswith(b"question ")
        token = forge(here.container("web"), outside, box, asking.getsockname()[1])  # as an answer to another one
        asking.sendto(b"again", (outside, ANSWERS))
        assert asking.recv(64).startswith(b"again "), token


def test_a_neighbours_address_and_mac_address_do_not_help(here):
    """The interface gets all of them, as CAP_NET_ADMIN allows."""
    own, mac = (here.box.run(["ip", "-n", name, "-br", "link", "show", "eth0"]).stdout.split()[2]
                for name in ("web", "shop"))
    theirs = [f"{address}/{length}" for address, length in zip(ADDRESSES["shop"], (24, 64))]
    batch = ["ip", "-n", "web", "-batch", "-"]
    here.box.run(batch, input=f"link set eth0 address {mac}\n" + "".join(
        f"address add {each} dev eth0\n" for each in theirs))
    try:
        assert [reached(here, "web", address, outside, 53)
                for address, outside in zip(ADDRESSES["shop"], (OUTSIDE, OUTSIDE6))] == ["", ""]
    finally:
        here.box.run(batch, input="".join(f"address delete {each} dev eth0\n" for each in theirs)
                     + f"link set eth0 address {own}\n")
        here.pipeline.run("netns_attach", netns="web")
    expect_answers(*open_calls(here, "web", 0), *open_calls(here, "web", 1))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("who", ["host", "outside", "link-local"])
def test_nobody_answers_what_he_has_asked_himself(here, family, who):
    """A datagram in the name of the one whom it wants to reach, to itself: what it sends then would be the answer."""
    if who == "link-local" and not family:
        pytest.skip("IPv4 has none here")
    own = {"link-local": _link_local_of(here, "web")}.get(who) or ADDRESSES["web"][family]
    claimed = {"host": (FRONT, FRONT6)[family], "outside": (OUTSIDE, OUTSIDE6)[family],
               "link-local": _link_local(here, "front")}[who]
    place = here.container("web")
    mac = here.box.run(["ip", "-n", "web", "-br", "link", "show", "eth0"]).stdout.split()[2]
    _token, packet = datagram(claimed, own, 5000)  # from port 40000
    with place.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sender:
        sender.sendto(packet, ("eth0", (0x0800, 0x86DD)[family], 0, 0, bytes.fromhex(mac.replace(":", ""))))
    serve_answers(here, here.outside if who == "outside" else here.host)
    address = f"{claimed}%{_index(here, 'web')}" if who == "link-local" else claimed
    expect_closed(here.servers, (place, "udp", address, ANSWERS, (own if who != "link-local" else "::", 5000)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("whose", ["container", "bridge"])
def test_nobody_answers_in_a_connection_to_a_neighbour(here, family, whose):
    """In its name, or with an error of ICMP about it: both would get out to whoever has asked the neighbour."""
    run, place = here.pipeline.run, here.container("web")
    own, shop = ADDRESSES["web"][family], ADDRESSES["shop"][family]
    box, outside = (BOX, BOX6)[family], (OUTSIDE, OUTSIDE6)[family]
    run("port_publish", container="shop", published_ports=["8072:82/udp"])
    if whose == "bridge":  # without icc, and with a list for all of it, the kernel tells ports all the same
        limit(here, "web", "anywhere")
        run("docker_bridge", name="front", icc=False, allow_to=ONLY)
    with contextlib.ExitStack() as stack:
        asking, server = (stack.enter_context(each.socket(family_of(box), socket.SOCK_DGRAM))
                          for each in (here.outside, here.container("shop")))
        errors = stack.enter_context(here.outside.socket(
            family_of(box), socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if family else socket.IPPROTO_ICMP))
        server.bind(("::" if family else "0.0.0.0", 82))
        asking.bind((outside, 0))
        asking.sendto(b"question", (box, 8072))
        server.settimeout(PATIENCE)
        question, client = server.recvfrom(64)
        assert (question, client[0]) == (b"question", outside)
        token, answer = datagram(shop, outside, client[1], 82)
        send_raw(place, answer, outside)
        _token, question = datagram(outside, shop, 82, client[1])
        send_raw(place, unreachable(own, outside, question + b"secret"), outside)
        server.sendto(b"answer", client)
        asking.settimeout(PATIENCE)
        assert asking.recv(64) == b"answer", token
        errors.settimeout(0.3)
        with pytest.raises(TimeoutError):
            while b"secret" not in errors.recv(2048):
                pass
        send_raw(here.container("shop"), unreachable(shop, outside, question + b"secret"), outside)
        while b"secret" not in errors.recv(2048):  # and its own error does get out
            pass
    run("port_publish", container="shop", published_ports=[])
    if whose == "bridge":
        run("docker_bridge", name="front", icc=True, allow_to="anywhere")
        limit(here, "web", ONLY)


ANSWERS, SERVED = 40000, set()  # from this port forged datagrams come


def serve_answers(here, place):
    if place not in SERVED:
        SERVED.add(place)
        here.serve(place, "answered", (ANSWERS,), protocols=("udp",))


def _link_local_of(here, name):
    shown = here.box.run(["ip", "-n", name, "-6", "-o", "address", "show", "dev", "eth0", "scope", "link"]).stdout
    return shown.split("inet6 ")[1].split("/")[0]


def test_what_is_sent_to_everybody_is_not_heard_by_the_host(here):
    with here.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 6767))
        server.settimeout(0.3)
        for address in ("192.168.5.255", "255.255.255.255"):
            for name in ("shop", "web"):
                with here.container(name).socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    sender.sendto(name.encode(), (address, 6767))
            assert server.recv(64) == b"shop"
            with pytest.raises(TimeoutError):
                server.recv(64)


def test_what_looks_like_neighbour_discovery_stays_on_the_link(here):
    """Routers pass on what is no multicast, and nobody but its receiver looks at its hop limit."""
    with here.outside.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as receiver:
        receiver.settimeout(0.3)
        with here.container("web").socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
            sender.sendto(bytes([135, 0, 0, 0]) + b"secret to tell", (OUTSIDE6, 0))
        with pytest.raises(TimeoutError):
            while b"secret" not in receiver.recv(2048):
                pass


def test_a_list_that_becomes_shorter_ends_what_is_under_way(here):
    limit(here, "web", [*ONLY, *(f"{address}:{port}" for address in (NEIGHBOUR, f"[{NEIGHBOUR6}]")
                                 for port in (7000, 9999))])
    place = here.container("web")
    with contextlib.ExitStack() as stack:
        ends, stays = ([stack.enter_context(Flow(here.servers, place, address, 9999)) for address in addresses]
                       for addresses in ((NEIGHBOUR, NEIGHBOUR6), (OUTSIDE, OUTSIDE6)))
        connections = [stack.enter_context(Connection(here.neighbour, 7000, place, address, 7000))
                       for address in (NEIGHBOUR, NEIGHBOUR6)]
        assert [flow.send() for flow in (*ends, *stays)] == ["neighbour:9999"] * 2 + ["outside:9999"] * 2
        assert all(connection.lives() for connection in connections)
        limit(here, "web", ONLY)
        for connection in connections:
            connection._server.settimeout(0.3)
            connection._client.sendall(b"more")
            with pytest.raises(TimeoutError):
                connection._server.recv(64)
        assert [flow.send() for flow in (*ends, *stays)] == ["", ""] + ["outside:9999"] * 2
    assert not limit(here, "web", list(reversed(ONLY)))["changed"]


def test_an_empty_list_closes_all_and_a_word_takes_it_away(here):
    assert limit(here, "web", [])["endpoint"]["allow_to"] == []
    expect_closed(here.servers, *(call for family in FAMILIES for call in calls(
        here, "web", family, ((OUTSIDE, OUTSIDE6), 9999), *elsewhere(here))))
    expect_answers(*(((here.outside, "udp", box, 8070), "web:80", outside)
                     for box, outside in ((BOX, OUTSIDE), (BOX6, OUTSIDE6))))
    assert limit(here, "web", "anywhere")["endpoint"]["allow_to"] is None
    expect_answers(*(((here.container("web"), "udp", outside, port), f"outside:{port}", box)
                     for box, outside in ((BOX, OUTSIDE), (BOX6, OUTSIDE6)) for port in (53, 9999)))
    with here.host.entered():
        assert ipset.snapshot() == {}
    limit(here, "web", ONLY)


def test_the_list_of_a_bridge_holds_for_those_without_one_of_their_own(here):
    run = here.pipeline.run
    elsewhere_too = (((NEIGHBOUR, NEIGHBOUR6), 9999), ((PLAIN, PLAIN6), 53))
    run("docker_bridge", name="plain", allow_to=[f"{OUTSIDE}/32", f"{OUTSIDE6}/128"])
    expect_answers(*(((here.container("routed"), "udp", outside, port), f"outside:{port}", box)
                     for outside, box in ((OUTSIDE, BOX), (OUTSIDE6, BOX6)) for port in (53, 9999)))
    assert ping(here, "routed", OUTSIDE) and ping(here, "routed", OUTSIDE6)
    expect_closed(here.servers, *calls(here, "routed", 0, *elsewhere_too), *calls(here, "routed", 1, *elsewhere_too))
    limit(here, "routed", ["0.0.0.0/0:9999", "[::/0]:9999"])
    expect_answers(*(((here.container("routed"), "udp", address, 9999), "neighbour:9999", box)
                     for address, box in ((NEIGHBOUR, BOX_NEIGHBOUR), (NEIGHBOUR6, BOX_NEIGHBOUR6))))
    closed = (((OUTSIDE, OUTSIDE6), 53), ((PLAIN, PLAIN6), 53))
    expect_closed(here.servers, *calls(here, "routed", 0, *closed), *calls(here, "routed", 1, *closed))
    limit(here, "routed", "anywhere")
    expect_closed(here.servers, *calls(here, "routed", 0, *elsewhere_too), *calls(here, "routed", 1, *elsewhere_too))
    run("docker_bridge", name="plain", allow_to="anywhere")
    assert ask((here.container("routed"), "udp", NEIGHBOUR, 9999))[0].outcome == "answered"


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_a_list_holds_where_the_host_shows_no_frames_to_rules_for_all_bridges(here, told):
    """One bridge does for itself. What tells nothing of ports at all lets nothing out."""
    for name in BRIDGE_CALLS:
        sysctl(here.box, name, 0)
    if told:
        for family in FAMILIES:
            test_nothing_but_what_is_listed_is_reached(here, family)
        return
    here.box.run(["ip", "link", "set", "front", "type", "bridge", "nf_call_iptables", "0", "nf_call_ip6tables", "0"])
    expect_closed(here.servers, *(call for family in FAMILIES for name in ("web", "shop") for call in calls(
        here, name, family, ((OUTSIDE, OUTSIDE6), 9999), *elsewhere(here))))
    assert here.pipeline.run("docker_bridge", name="back")["changed"]
    expect_answers(*(call for family in FAMILIES for name in ("web", "shop")
                     for call in open_calls(here, name, family)))


def test_what_others_put_into_a_set_goes_and_what_they_take_comes_back(here):
    with here.host.entered():
        for mine in ipset.snapshot().values():
            halves = {"ipv4": ("0.0.0.0/1", "128.0.0.0/1"), "ipv6": ("::/1", "8000::/1")}[mine.family]
            changed = AddressSet(mine.name, mine.family, mine.with_ports,
                                 frozenset(Destination(half, "udp", 53) for half in halves))
            ipset.fill(SetFill(mine, changed))
    assert sum("repair set" in each for each in here.pipeline.run("network_info")["network"]["drift"]) == 2
    assert here.pipeline.run("docker_bridge", name="back")["changed"]
    expect_answers(*open_calls(here, "web", 0), *open_calls(here, "web", 1))
    expect_closed(here.servers, *(call for family in FAMILIES
                                  for call in calls(here, "web", family, ((OUTSIDE, OUTSIDE6), 53))))


def test_rules_that_somebody_flushes_come_back(here):
    for script in ("$tool -t mangle -F; $tool -t mangle -X", "$tool -t mangle -D PREROUTING 1",
                   "$tool -t mangle -I PREROUTING -j ACCEPT"):
        here.box.run(["sh", "-ec", f"for tool in iptables ip6tables; do {script}; done"])
        assert here.pipeline.run("docker_bridge", name="back")["changed"]
        expect_answers(*open_calls(here, "web", 0), *open_calls(here, "web", 1))
        expect_closed(here.servers, *calls(here, "web", 0, *elsewhere(here)), *calls(here, "web", 1, *elsewhere(here)))
    here.box.run(["sh", "-ec", "for tool in iptables ip6tables; do $tool -t mangle -D PREROUTING -j ACCEPT; done"])
    assert here.pipeline.run("network_info")["network"]["drift"] == []


def test_the_gate_closes_before_there_are_sets(here):
    """As after a start of the host: no rules, no sets, and the files that the last run has left."""
    folder = "/var/lib/mooring"
    here.box.run(["sh", "-ec", f"mkdir -m 700 {folder}; touch {folder}/gate.ipv4"])
    here.pipeline.run("docker_bridge", name="back")
    here.box.run(["sh", "-ec", "for tool in iptables ip6tables; do $tool -t mangle -F; $tool -t mangle -X; done"])
    with here.host.entered():
        for found in ipset.snapshot().values():
            ipset.delete(SetDel(found))
    for tool, family in (("iptables", "ipv4"), ("ip6tables", "ipv6")):
        restore = [f"{tool}-restore", "--noflush", "-w", "30"]
        assert here.box.run([*restore, f"{folder}/guard.{family}"], check=False).returncode
        here.box.run([*restore, "-T", "mangle", f"{folder}/gate.{family}"])
        here.box.run([*restore, f"{folder}/guard.{family}"])
        hook = here.box.run([tool, "-t", "mangle", "-S", "PREROUTING"]).stdout.splitlines()[1].split()[1:]
        here.box.run([tool, "-t", "mangle", "-D", *hook])
        assert here.box.run([*restore, f"{folder}/guard.{family}"], check=False).returncode, "without its hook"
        here.box.run([tool, "-t", "mangle", "-I", *hook])
    everywhere = (((OUTSIDE, OUTSIDE6), 9999), *elsewhere(here))
    expect_closed(here.servers, *calls(here, "web", 0, *everywhere), *calls(here, "web", 1, *everywhere))
    expect_answers(*open_calls(here, "shop", 0), *open_calls(here, "shop", 1))
    warned = here.pipeline.run("docker_bridge", name="back")["warnings"]
    assert any("allow_to of container web: its list is not known any more" in each for each in warned)
    expect_closed(here.servers, *calls(here, "web", 0, *everywhere), *calls(here, "web", 1, *everywhere))
    limit(here, "web", ONLY)
    expect_answers(*open_calls(here, "web", 0), *open_calls(here, "web", 1))
    here.box.run(["rm", "-r", folder])


def test_a_container_that_comes_back_is_limited(here):
    here.box.run(["ip", "netns", "delete", "source"])
    here.pipeline.run("netns_attach", netns="source", bridge="back", allow_to=ONLY)
    here.box.run(["ip", "netns", "delete", "source"])
    here.pipeline.run("docker_bridge", name="front")
    found = here.pipeline.run("netns_attach", netns="source", bridge="back")["endpoint"]
    assert found["allow_to"] == ONLY
    expect_answers(*open_calls(here, "source", 0))
    expect_closed(here.servers, *calls(here, "source", 0, ((OUTSIDE, OUTSIDE6), 53)))
    here.pipeline.run("netns_attach", netns="source", state="absent")
    assert "source" not in here.box.run(["iptables-save", "-t", "mangle"]).stdout


def test_who_comes_back_after_its_bridge_was_deleted_by_hand_is_limited(here):
    """Neither the container nor the bridge is there while others are at work."""
    run = here.pipeline.run
    run("netns_attach", netns="source", bridge="back", allow_to=ONLY)
    here.box.run(["sh", "-ec", "ip netns delete source; ip link delete back"])
    run("docker_bridge", name="front")
    here.box.run(["sh", "-ec", "iptables-save -t mangle | grep -q MOORING-AWAY; ! iptables-save | grep -e '-i back '"])
    run("docker_bridge", name="back", **BRIDGES["back"])
    found = run("netns_attach", netns="source", bridge="back")["endpoint"]
    assert found["allow_to"] == ONLY and run("network_info")["network"]["drift"] == []
    expect_answers(*open_calls(here, "source", 0), *open_calls(here, "source", 1))
    closed = (((OUTSIDE, OUTSIDE6), 53), ((NEIGHBOUR, NEIGHBOUR6), 9999), ((BACK, BACK6), 53))
    expect_closed(here.servers, *calls(here, "source", 0, *closed), *calls(here, "source", 1, *closed))
    run("netns_attach", netns="source", state="absent")


def test_a_bridge_of_one_family_is_closed_in_the_other(here):
    """One of others that had IPv6 only, and one without IPv6 whose container gives itself what it lacks."""
    run = here.pipeline.run
    here.box.run(["sh", "-ec", "ip link add six type bridge; ip link set six up; "
                               "ip address add 2001:db8:66::1/64 dev six nodad"])
    run("docker_bridge", config=[{"name": "six", "adopt": True, "allow_to": [f"[{OUTSIDE6}]:9999"]},
                                 {"name": "four", "bip": "192.168.67.1/24", "allow_to": [f"{OUTSIDE}:9999"]}])
    run("netns_attach", config=[{"netns": "only6", "bridge": "six", "address_v6": "2001:db8:66::10"},
                                {"netns": "only4", "bridge": "four"}])
    assert here.box.run(["cat", "/proc/sys/net/ipv6/conf/four/disable_ipv6"]).stdout.strip() == "0"
    here.box.run(["ip", "netns", "exec", "only4", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0"])
    here.box.run(["ip", "-n", "only4", "-batch", "-"], input=(
        "address add 2001:db8:67::10/64 dev eth0 nodad\n"
        f"route add ::/0 via {_link_local(here, 'four')} dev eth0 onlink\n"))
    expect_answers(*open_calls(here, "only6", 1), *open_calls(here, "only4", 0))
    places = (((OUTSIDE, OUTSIDE6), 9999), ((OUTSIDE, OUTSIDE6), 53), ((NEIGHBOUR, NEIGHBOUR6), 9999),
              ((FRONT, FRONT6), 53), ((BOX, BOX6), 8071))
    expect_closed(here.servers, *calls(here, "only6", 0, *places), *calls(here, "only6", 1, *places[1:]),
                  *calls(here, "only4", 1, *places), *calls(here, "only4", 0, *places[1:]))
    run("docker_bridge", config=[{"name": name, "state": "absent", "force": True} for name in ("six", "four")])
    here.box.run(["ip", "link", "delete", "six"])


def test_a_thousand_entries_are_one_rule(here):
    many = [f"10.{number // 256}.{number % 256}.0/24:443" for number in range(1000)]
    limit(here, "shop", [*many, *ONLY])
    rules = here.box.run(["iptables-save", "-t", "mangle"]).stdout.splitlines()
    assert sum("--match-set" in rule for rule in rules) == 2
    expect_answers(*open_calls(here, "shop", 0), *open_calls(here, "shop", 1))
    expect_closed(here.servers, *calls(here, "shop", 0, ((OUTSIDE, OUTSIDE6), 53)))
    assert not here.pipeline.run("netns_attach", netns="shop")["changed"]
    limit(here, "shop", "anywhere")


def test_where_it_cannot_be_kept(here):
    with pytest.raises(PipelineError, match="iptables: false"):
        here.pipeline.run("docker_bridge", name="front", iptables=False, force=True)
