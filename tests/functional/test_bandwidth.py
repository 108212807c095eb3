# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of interfaces with real packets: what a bucket lets through of a burst, and what a container can do about it.

No test looks at a clock. Of a hundred packets at once a bucket lets through what it holds, and one more for each second
that passes meanwhile; without a limit all of them arrive.
"""
import contextlib
import json
import socket
import sys
import time

import pytest
from containers import once
from frames import EVERYBODY, EXPERIMENT, Wire, frame, tagged
from pipeline import CHECKOUT, PipelineError
from traffic import SILENCE, family_of
from worlds import ADDRESSES, FRONT, FRONT6, OUTSIDE, OUTSIDE6, world

SENT, SIZE = 100, 1000
FEW = SENT // 3  # far above the four that fit into the bucket
SLOW = {"ingress": "8kbit", "ingress_burst": 4000, "egress": "8kbit", "egress_burst": 4000}
WEB, SHOP = ADDRESSES["web"], ADDRESSES["shop"]


@pytest.fixture(scope="module")
def here():
    with world("nft") as found:
        found.pipeline.run("docker_bridge", name="front", bip=f"{FRONT}/24", bip6=f"{FRONT6}/64")
        for name in ("web", "shop"):
            found.pipeline.run("netns_attach", netns=name, bridge="front", address=ADDRESSES[name][0],
                               address_v6=ADDRESSES[name][1])
        found.web, found.shop = found.container("web"), found.container("shop")
        yield found


@pytest.fixture(autouse=True)
def unlimited(here):
    yield
    limit(here, {})


def limit(here, bandwidth, name="web"):
    return here.pipeline.run("netns_attach", netns=name, bandwidth=bandwidth)


def count(receiver, deadline=SILENCE):
    receiver.settimeout(deadline)
    found = 0
    with contextlib.suppress(socket.timeout):
        while receiver.recv(2 * SIZE):
            found += 1
    return found


def burst(sender, receiver, address):
    """How many of a hundred datagrams arrive at once."""
    family = family_of(address)
    with receiver.socket(family, socket.SOCK_DGRAM) as there, sender.socket(family, socket.SOCK_DGRAM) as source:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        there.bind((address, 0))
        for _number in range(SENT):
            source.sendto(bytes(SIZE), there.getsockname()[:2])
        return count(there)


def end(here, name="web"):
    """The name of the host's end."""
    (found,) = [each for each in here.pipeline.run("network_info")["network"]["endpoints"] if each["container"] == name]
    return found["host_interface"]


def disciplines(here, *more):
    """By interface and kind; the defaults of the kernel have no handle."""
    lines = json.loads(here.box.run(["tc", "-s", "-j", "qdisc", "show", *more]).stdout)
    return {(each["dev"], each["kind"]): each for each in lines if each["handle"] != "0:"}


@pytest.mark.parametrize("family", [0, 1])
def test_each_direction_is_limited_and_nobody_else_is(here, family):
    web, shop, gateway, outside = WEB[family], SHOP[family], (FRONT, FRONT6)[family], (OUTSIDE, OUTSIDE6)[family]
    assert burst(here.host, here.web, web) == burst(here.web, here.outside, outside) == SENT
    limit(here, SLOW)
    assert 1 <= burst(here.host, here.web, web) <= FEW
    assert 1 <= burst(here.web, here.outside, outside) <= FEW
    assert burst(here.shop, here.web, web) <= FEW and burst(here.web, here.shop, shop) <= FEW
    assert burst(here.web, here.host, gateway) <= FEW
    assert burst(here.host, here.shop, shop) == burst(here.shop, here.outside, outside) == SENT
    limit(here, {"egress": "8kbit", "egress_burst": 4000})
    assert burst(here.host, here.web, web) == SENT and burst(here.web, here.shop, shop) <= FEW
    limit(here, {"ingress": "8kbit", "ingress_burst": 4000})
    assert burst(here.web, here.outside, outside) == SENT and burst(here.host, here.web, web) <= FEW
    limit(here, {})
    assert burst(here.host, here.web, web) == SENT and not disciplines(here)


def echo_back(here, place, size=1 << 18):
    """A stream to a server and back again: segments of 64 KiB are longer than any bucket here."""
    with place.socket(socket.AF_INET, socket.SOCK_STREAM) as server, here.host.socket(
            socket.AF_INET, socket.SOCK_STREAM) as client:
        server.bind((WEB[0], 0))
        server.listen(1)
        client.settimeout(30)
        client.connect(server.getsockname())
        there, _peer = server.accept()
        with there:
            there.settimeout(30)
            for one, other in ((client, there), (there, client)):
                one.setblocking(False)
                sent = received = 0
                while received < size:
                    with contextlib.suppress(BlockingIOError):
                        sent += one.send(bytes(min(1 << 16, size - sent))) if sent < size else 0
                    other.settimeout(0.02)
                    with contextlib.suppress(socket.timeout):
                        received += len(other.recv(1 << 16))
                one.settimeout(30)
                other.settimeout(30)


def test_long_segments_pass_a_short_bucket(here):
    limit(here, {"ingress": "50mbit", "ingress_burst": 1522, "egress": "50mbit", "egress_burst": 1522})
    echo_back(here, here.web)
    assert {kind: found["packets"] > (1 << 18) // 1500 for (_name, kind), found in disciplines(here).items()
            if kind == "tbf"} == {"tbf": True}


def test_what_a_container_does_changes_nothing(here):
    """It has all rights in its own namespace. What limits it is not there."""
    limit(here, SLOW)
    inside = ["ip", "netns", "exec", "web", "sh", "-c"]
    for script in ("tc qdisc del dev eth0 root; tc qdisc del dev eth0 ingress; tc qdisc add dev eth0 clsact",
                   "ip link set eth0 txqueuelen 10000; ip link set eth0 gso_max_size 65536",
                   "ip link set eth0 down; ip link set eth0 address 02:00:00:00:00:77; ip link set eth0 up; "
                   f"ip -6 address add {WEB[1]}/64 dev eth0 nodad; ip route replace default via {FRONT}",
                   "ip link add ifb0 type ifb; ip link set ifb0 up; ip link add dummy1 type veth peer name dummy2"):
        here.box.run([*inside, script], check=False)
        assert burst(here.web, here.outside, OUTSIDE) <= FEW, script
        assert burst(here.host, here.web, WEB[0]) <= FEW, script
    with Wire(here.web) as web, here.shop.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as shop:
        for forged in (frame(web.mac, EVERYBODY, EXPERIMENT, bytes(SIZE)),
                       tagged(web.mac, EVERYBODY, 5, EXPERIMENT, bytes(SIZE))):
            for _number in range(SENT):
                web.send(forged)
        assert count(shop) <= 2 * FEW
    here.box.run([*inside, "ip link set eth0 down; ip link set eth0 address 02:42:c0:a8:05:0a; ip link set eth0 up"])


def test_a_rate_changes_in_place(here):
    limit(here, {"ingress": "10mbit", "egress": "10mbit"})
    burst(here.host, here.web, WEB[0])
    before = {key: found["bytes"] for key, found in disciplines(here).items() if key[1] == "tbf"}
    assert len(before) == 2 and before[end(here), "tbf"] > 10 * SIZE
    wanted = {"ingress": "20mbit", "egress": "1gbit"}
    checked = here.pipeline.run("netns_attach", check=True, netns="web", bandwidth=wanted)
    done = limit(here, wanted)
    assert done["operations"] == checked["operations"] and len(done["operations"]) == 3
    after = disciplines(here)
    assert {key: after[key]["options"]["rate"] for key in before} == {
        key: 2_500_000 if key[0] == end(here) else 125_000_000 for key in before}
    assert all(after[key]["bytes"] >= value for key, value in before.items())  # a new one would begin at 0
    assert limit(here, wanted)["actions"] == []


def test_what_is_read_back_is_what_was_asked_for(here):
    for bandwidth in ({"ingress": "8kbit", "egress": "400gbit"}, {"ingress": "12345672bit", "ingress_burst": "100000b"},
                      {"egress": "100gbit", "egress_burst": "1mb"}, {"ingress": "40gbit", "egress": "1gbit"}):
        limit(here, bandwidth)
        (found,) = here.pipeline.run("network_info", container="web")["network"]["endpoints"]
        assert found["bandwidth"] == bandwidth
        assert limit(here, bandwidth)["actions"] == [] and here.pipeline.run("network_info")["network"]["drift"] == []


@once
def test_what_others_have_put_there_is_refused_and_stays(here):
    outer = end(here)
    for script, name in ((f"tc qdisc add dev {outer} root handle 9: htb", "ingress"),
                         (f"tc qdisc add dev {outer} clsact", "egress")):
        here.box.run(["sh", "-ec", script])
        before = disciplines(here).keys()
        with pytest.raises(PipelineError, match=f"^bandwidth.{name}: '1mbit' cannot be kept: somebody else"):
            limit(here, {name: "1mbit"})
        limit(here, {})
        here.pipeline.run("docker_bridge", name="front")
        assert disciplines(here).keys() == before != set()
        here.box.run(["sh", "-c", f"tc qdisc del dev {outer} root handle 9:; tc qdisc del dev {outer} clsact"],
                     check=False)
    limit(here, {"ingress": "1mbit"})
    here.box.run(["tc", "qdisc", "replace", "dev", outer, "root", "handle", "9:", "htb"])
    (told,) = here.pipeline.run("network_info")["network"]["drift"]
    assert "kind htb" in told and told in limit(here, None)["warnings"]
    assert (outer, "htb") in disciplines(here)
    here.box.run(["tc", "qdisc", "del", "dev", outer, "root"])


@once
def test_filters_of_others_stay_beside_ours(here):
    limit(here, SLOW)
    outer = end(here)
    here.box.run(["tc", "filter", "add", "dev", outer, "ingress", "protocol", "ip", "pref", "30000", "u32", "match",
                  "ip", "dst", "192.0.2.1", "action", "mirred", "egress", "redirect", "dev", "lo"])
    assert limit(here, SLOW)["actions"] == [] and here.pipeline.run("network_info")["network"]["drift"] == []
    limit(here, {})
    assert "pref 30000" in here.box.run(["tc", "filter", "show", "dev", outer, "ingress"]).stdout
    assert burst(here.web, here.outside, OUTSIDE) == SENT
    here.box.run(["tc", "qdisc", "del", "dev", outer, "ingress"])


@once
def test_a_container_that_ends_takes_its_limits_along(here):
    here.pipeline.run("netns_attach", netns="short", bridge="front", bandwidth=SLOW)
    assert len([key for key in disciplines(here) if key[1] == "tbf"]) == 2
    here.box.run(["ip", "netns", "delete", "short"])
    deadline = time.monotonic() + 10  # the kernel ends a namespace some time later
    while len(disciplines(here)) > 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    here.pipeline.run("docker_bridge", name="front")
    assert disciplines(here) == {} and not here.box.run(["ip", "-br", "link", "show", "type", "ifb"]).stdout


@once
def test_what_the_kernel_lacks_is_found_without_touching_the_host(here):
    script = ("import sys; sys.path.append(sys.argv[1])\n"
              "from ansible_collections.mooring.net.plugins.module_utils._internal.link import qdisc\n"
              "names = dict(tbf='BUCKET', ifb='IFB', ingress='INGRESS', u32='FILTER', mirred='REDIRECT')\n"
              "for kind, name in names.items():\n"
              "    was = getattr(qdisc, name)\n"
              "    setattr(qdisc, name, 'nosuch')\n"
              "    print(kind, *sorted(qdisc.lacking()))\n"
              "    setattr(qdisc, name, was)\n"
              "print('all', *qdisc.lacking())\n")
    before = here.box.run(["sh", "-c", "ip -o link; tc qdisc"]).stdout
    told = here.box.run([sys.executable, "-c", script, str(CHECKOUT / ".collections")]).stdout.splitlines()
    assert told == ["tbf sch_tbf", "ifb ifb", "ingress sch_ingress", "u32 cls_u32 or act_mirred",
                    "mirred cls_u32 or act_mirred", "all"]
    assert here.box.run(["sh", "-c", "ip -o link; tc qdisc"]).stdout == before


def test_a_container_that_leaves_takes_its_limits_along(here):
    limit(here, SLOW)
    here.pipeline.run("netns_attach", netns="web", state="absent")
    assert disciplines(here) == {} and not here.box.run(["ip", "-br", "link", "show", "type", "ifb"]).stdout
    here.pipeline.run("netns_attach", netns="web", bridge="front", address=WEB[0], address_v6=WEB[1])
