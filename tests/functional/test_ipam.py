# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses containers get, and which network a bridge: leases live in the kernel alone."""
import json
import subprocess
import sys

import pytest
from containers import box
from pipeline import CHECKOUT, PipelineError
from traffic import Place, Servers, ask, expect_answers
from worlds import picture

RUNS = 50

# Processes that have everything imported and begin when the last of them is there.
AT_ONCE = """
import json, os, sys
sys.path.append(os.environ["FOLDER"])
import pyroute2.netlink.rtnl.ifinfmsg
from pipeline import Server
server = Server()
server.parts("netns_attach", {"netns": "c0"})
ready, go = os.pipe(), os.pipe()
for number in range(int(sys.argv[1])):
    if not os.fork():
        os.close(go[1])
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        answer = server.answer({"do": "run", "module": "netns_attach", "params": {"netns": f"c{number}"},
                                "check": False})
        answer = {"number": number, "error": answer.get("error"), **(answer.get("endpoint") or {})}
        os.write(1, (json.dumps(answer) + "\\n").encode())
        os._exit(0)
for number in range(int(sys.argv[1])):
    os.read(ready[0], 1)
os.close(go[1])
for number in range(int(sys.argv[1])):
    os.wait()
"""


@pytest.fixture(scope="module")
def shared():
    with box() as found:
        yield found


@pytest.fixture
def here(shared):
    """A host with nothing on it; /etc/resolv.conf is put back."""
    shared.sh("[ -e /run/resolver ] || cp /etc/resolv.conf /run/resolver")
    yield shared
    shared.sh("cat /run/resolver >/etc/resolv.conf; ip link delete up0 2>/dev/null || true")
    network = shared.run("network_info")["network"]
    shared.run("docker_bridge", config=[{"name": found["name"]} for found in network["bridges"]], state="absent",
               force=True)
    shared.run("netns_attach", config=[{"netns": name} for name in network["namespaces"]], state="absent")
    assert shared.registered() == []


def addresses(here, *names, **options):
    """The addresses that the containers get, one after the other."""
    return [here.run("netns_attach", netns=name, **options)["endpoint"]["address"] for name in names]


def free(here, *names):
    here.run("netns_attach", config=[{"netns": name} for name in names], state="absent")


def test_the_lowest_free_address_is_taken_and_used_again(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.3/24")
    assert addresses(here, "a", "b", "c") == ["192.168.5.1/24", "192.168.5.2/24", "192.168.5.4/24"]
    free(here, "b")
    assert addresses(here, "d") == ["192.168.5.2/24"]
    free(here, "a", "c")
    assert addresses(here, "e", "f") == ["192.168.5.1/24", "192.168.5.4/24"]
    with Servers() as servers:
        servers.serve(Place(here.host, "d"), "d", (80,))
        expect_answers(((Place(here.host, "f"), "tcp", "192.168.5.2", 80), "d:80", "192.168.5.4"))
    # Nothing but the kernel remembers them.
    marks = here.sh("find /run/mooring/netns -type f | sort")
    assert marks == "".join(f"/run/mooring/netns/{name}\n" for name in "def")


def test_fixed_cidr_and_the_gateway_limit_the_choice(here):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24", fixed_cidr="192.168.5.64/30",
             default_gateway="192.168.5.65")
    # As with Docker, the pool's own first and last address are given out; here .65 is the gateway.
    assert addresses(here, "a", "b", "c") == [f"192.168.5.{last}/24" for last in (64, 66, 67)]
    message = ("bridge br0 has no free ipv4 address left in 192.168.5.64/30: its addresses are taken by container a, "
               "container b, container c, the default gateway of bridge br0")
    with pytest.raises(PipelineError, match=message):
        addresses(here, "d")
    assert not here.exists("/run/netns/d")
    # What is asked for may lie outside of the pool.
    assert addresses(here, "d", address="192.168.5.200") == ["192.168.5.200/24"]
    assert here.routes("d")[0] == ("default", "192.168.5.65", "eth0")


@pytest.mark.parametrize(("bip", "given"), [
    ("10.9.0.1/30", ["10.9.0.2/30"]),
    ("10.9.0.2/30", ["10.9.0.1/30"]),
    ("10.9.0.0/31", ["10.9.0.1/31"]),
    ("10.9.0.1/31", ["10.9.0.0/31"]),
    ("10.9.0.1/29", [f"10.9.0.{last}/29" for last in range(2, 7)]),
])
def test_small_subnets_are_used_up_to_the_last_address(here, bip, given):
    here.run("docker_bridge", name="br0", bip=bip)
    names = [f"c{number}" for number in range(len(given))]
    assert addresses(here, *names) == given
    before = picture(here.host)
    message = "has no free ipv4 address left in .*: its addresses are taken by bridge br0, container c0"
    with pytest.raises(PipelineError, match=message + (", container c1" if len(given) > 1 else "")):
        addresses(here, "more")
    assert picture(here.host) == before
    gateway = bip.split("/")[0]
    with Servers() as servers:
        servers.serve(here.place, "box", (2222,))
        expect_answers(*(((Place(here.host, name), "udp", gateway, 2222), "box:2222", address.split("/")[0])
                         for name, address in zip(names, given)))


@pytest.mark.parametrize("bip", ["10.9.0.1/32", "10.9.0.0/30", "10.9.0.3/30"])
def test_a_bridge_without_a_usable_address_is_refused(here, bip):
    with pytest.raises(PipelineError, match="bip: '.*' (leaves no address|is the (address of the network|broadcast))"):
        here.run("docker_bridge", name="br0", bip=bip)


@pytest.mark.parametrize(("address", "message"), [
    ("192.168.5.1", "address: '192.168.5.1' is taken by bridge br0"),
    ("192.168.5.2", "address: '192.168.5.2' is taken by container a"),
    ("192.168.5.0", "address: '192.168.5.0' is taken by the network itself"),
    ("192.168.5.255", "address: '192.168.5.255' is taken by the network itself"),
    ("192.168.6.2", "address: '192.168.6.2' is not in 192.168.5.0/24, the subnet of bridge br0"),
    ("192.168.5.9/16", "address: '192.168.5.9/16' has another prefix length than 192.168.5.0/24"),
])
def test_an_address_that_cannot_be_had_says_who_has_it(here, address, message):
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    addresses(here, "a")
    with pytest.raises(PipelineError, match=message):
        addresses(here, "b", address=address)
    assert not here.exists("/run/netns/b")


def test_nothing_of_a_task_is_done_when_addresses_run_out_in_its_middle(here):
    here.run("docker_bridge", name="br0", bip="10.9.0.1/29")
    before = picture(here.host)
    with pytest.raises(PipelineError, match="no free ipv4 address left"):
        here.run("netns_attach", config=[{"netns": f"c{number}"} for number in range(6)])
    assert picture(here.host) == before


def test_runs_at_the_same_time_give_different_addresses(here):
    """Processes of their own, as those of many plays and people at a prompt are."""
    here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
    with here.host.popen([sys.executable, "-c", AT_ONCE, RUNS], stdout=subprocess.PIPE, text=True,
                         env={"FOLDER": str(CHECKOUT / "tests" / "functional")}) as process:
        try:
            results = [json.loads(line) for line in process.communicate(timeout=120)[0].splitlines()]
        except BaseException:
            process.kill()
            raise
    results.sort(key=lambda result: result["number"])
    assert [result["error"] for result in results] == [None] * RUNS
    given = [result["address"] for result in results]
    assert sorted(given, key=lambda text: int(text.split(".")[3][:-3])) == [
        f"192.168.5.{last}/24" for last in range(2, 2 + RUNS)]
    for number, address in enumerate(given):
        assert here.addresses("eth0", f"c{number}") == [address]


# Networks for bridges


@pytest.mark.parametrize(("occupy", "expected"), [
    ("true", "172.17.0.1/16"),
    ("ip route add 172.17.3.0/24 dev up0", "172.18.0.1/16"),
    ("ip route add 172.16.0.0/12 via 198.51.100.9", "192.168.0.1/20"),
    ("ip route add 172.17.9.9/32 via 198.51.100.9; ip address add 172.18.200.1/30 dev up0", "172.19.0.1/16"),
    ("echo 'nameserver 172.17.0.53' >/etc/resolv.conf; echo 'nameserver 172.18.0.53' >>/etc/resolv.conf",
     "172.19.0.1/16"),
    ("ip route add 172.16.0.0/12 via 198.51.100.9; ip route add 192.168.0.0/18 dev up0; "
     "echo 'nameserver 192.168.64.1' >/etc/resolv.conf", "192.168.80.1/20"),
    ("echo 'nameserver 2001:db8::53' >/etc/resolv.conf; echo 'nameserver fe80::1%up0' >>/etc/resolv.conf",
     "172.17.0.1/16"),
])
def test_a_bridge_without_an_address_gets_the_first_of_dockers_pools_that_is_free(here, occupy, expected):
    here.sh("echo >/etc/resolv.conf; ip link add up0 type veth peer name up1; ip address add 198.51.100.1/24 dev up0; "
            "ip link set up0 up; ip link set up1 up; ip route add default via 198.51.100.254; " + occupy)
    assert here.run("docker_bridge", name="br0")["bridge"]["bip"] == expected
    assert here.unchanged("docker_bridge", name="br0")
    # Also when the host's routes have changed meanwhile; and the next bridge gets the next one.
    here.sh("ip route add 203.0.113.0/24 dev up0; echo 'nameserver 192.0.2.1' >/etc/resolv.conf")
    assert here.unchanged("docker_bridge", name="br0")
    assert here.run("docker_bridge", name="br1")["bridge"]["bip"] != expected
    assert here.unchanged("docker_bridge", config=[{"name": "br0"}, {"name": "br1"}])
    here.run("docker_bridge", name="br1", state="absent")
    here.run("docker_bridge", name="br0", state="absent")


def test_all_pools_taken_is_an_error_with_a_way_out(here):
    here.sh("ip link add up0 type veth peer name up1; ip address add 198.51.100.1/24 dev up0; ip link set up0 up; "
            "ip route add 172.16.0.0/12 dev up0; ip route add 192.168.0.0/16 dev up0")
    with pytest.raises(PipelineError, match="bip: .* each of Docker's 31 default pools overlaps .*Give an address"):
        here.run("docker_bridge", name="br0")
    assert here.link("br0") is None


def test_a_subnet_that_the_host_reaches_elsewhere_is_refused(here):
    here.sh("ip link add up0 type veth peer name up1; ip address add 198.51.100.1/24 dev up0; ip link set up0 up; "
            "ip route add 10.0.0.0/8 via 198.51.100.9")
    before = picture(here.host)
    for bip, reason in (("10.1.0.1/24", "the route to 10.0.0.0/8"), ("198.51.100.65/26", "198.51.100.")):
        with pytest.raises(PipelineError, match=f"bip: '{bip}' overlaps .*({reason}).* of interface up0"):
            here.run("docker_bridge", name="br0", bip=bip)
    assert picture(here.host) == before
    assert here.run("docker_bridge", name="br0", bip="10.1.0.1/24", allow_overlap=True)["changed"]
    assert here.unchanged("docker_bridge", name="br0", bip="10.1.0.1/24")


def test_containers_that_change_addresses_are_reached_at_once(here):
    """Neither the bridge nor the others send to the former holder of an address, as they would for some seconds."""
    here.run("docker_bridge", name="br0", bip="10.9.0.1/24", bip6="2001:db8:9::1/64")
    first, second = ({"address": f"10.9.0.{number}", "address_v6": f"2001:db8:9::{number}"} for number in (5, 6))

    def attach(one, other):
        here.run("netns_attach", bridge="br0", config=[{"netns": "one", **one}, {"netns": "two", **other},
                                                      {"netns": "peer", "address": "10.9.0.9"}])

    attach(first, second)
    with Servers() as servers:
        for name in ("one", "two"):
            for address in ("0.0.0.0", "::"):
                servers.serve(Place(here.host, name), name, (80,), address)
        calls = [(place, "udp", address, 80) for place in (here.place, Place(here.host, "peer"))
                 for address in (*first.values(), *second.values())]
        expected = ["one:80", "one:80", "two:80", "two:80"] * 2
        assert [answer.server for answer in ask(*calls)] == expected
        attach(second, first)
        assert [answer.server for answer in ask(*calls, seconds=2)] == ["two:80", "two:80", "one:80", "one:80"] * 2
