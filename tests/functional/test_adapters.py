# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapters tell the truth: what they do is what other programs see, and what others did is what they read."""
import itertools
import json
import subprocess
import sys

import pytest
from pipeline import CHECKOUT, Pipeline, PipelineError
from testhosts import Host
from worlds import sysctl

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def box():
    with Host.up(f"adapters-{next(_numbers)}") as host:
        yield host


@pytest.fixture(scope="module")
def kernel(box):
    with Pipeline(box) as pipeline:
        yield pipeline


class Netns:
    """A namespace of the host, made by ip(8), with ip(8) to look into it."""

    def __init__(self, box, name):
        self.box, self.name, self.path = box, name, f"/run/netns/{name}"
        box.run(["ip", "netns", "add", name])

    def run(self, *words, text=None):
        return self.box.run(["ip", "-n", self.name, *words], input=text).stdout

    def link(self, name):
        """A link as ip(8) shows it, None when there is none."""
        found = [link for link in json.loads(self.run("-d", "-j", "link")) if link["ifname"] == name]
        return found[0] if found else None

    def addresses(self, name):
        shown = json.loads(self.run("-j", "address", "show", "dev", name))[0]["addr_info"]
        return {f"{a['local']}/{a['prefixlen']}": a for a in shown if a["scope"] != "link"}

    def routes(self, *words):
        shown = "".join(self.run(family, "route", "show", *words) for family in ("-4", "-6"))
        return [line.strip() for line in shown.splitlines() if "fe80" not in line]


@pytest.fixture
def netns(box):
    made = []

    def make():
        made.append(Netns(box, f"t{next(_numbers)}"))
        return made[-1]

    yield make
    for each in made:
        box.run(["ip", "netns", "delete", each.name], check=False)


@pytest.fixture
def here(netns):
    return netns()


def link(name, **settings):
    return {"is": "Link", "name": name, **settings}


def read(kernel, netns):
    return kernel.adapter("link.netlink.snapshot", netns.path)


def carry_out(kernel, *operations):
    """All operations, which must succeed."""
    answer = kernel.execute(*operations)
    assert answer["failure"] == ""
    assert len(answer["done"]) == len(operations)


# Links


def test_a_bridge_is_made_as_described(kernel, here):
    carry_out(kernel, ["LinkAdd", here.path, link("br0", kind="bridge", mtu=1400, mac="02:6d:00:00:00:01", up=True,
                                                  stp=True, group=0x6D6F6F72,
                                                  alias="mooring:bridge:br0:masq=0 pool=10.0.0.0/25")])
    shown = here.link("br0")
    assert shown["linkinfo"]["info_kind"] == "bridge"
    assert shown["linkinfo"]["info_data"]["stp_state"] == 1
    assert (shown["mtu"], shown["address"], "UP" in shown["flags"]) == (1400, "02:6d:00:00:00:01", True)
    assert shown["ifalias"] == "mooring:bridge:br0:masq=0 pool=10.0.0.0/25" and shown["group"] == str(0x6D6F6F72)
    seen = read(kernel, here)["links"]["br0"]
    assert {key: seen[key] for key in ("kind", "mtu", "mac", "up", "stp", "alias", "group", "addresses")} == {
        "kind": "bridge", "mtu": 1400, "mac": "02:6d:00:00:00:01", "up": True, "stp": True, "group": 0x6D6F6F72,
        "addresses": [],
        "alias": "mooring:bridge:br0:masq=0 pool=10.0.0.0/25"}


def test_a_pair_is_born_where_its_ends_belong(kernel, here, netns):
    there = netns()
    carry_out(kernel, ["LinkAdd", here.path, link("br0", kind="bridge", mtu=1400, up=True)],
              ["LinkAdd", here.path, link("v0", kind="veth", mtu=1400, controller="br0", hairpin=True, up=True,
                                          tx_queue_len=7, alias="mooring:endpoint:c:if=eth0"),
               {"is": "Peer", "netns": there.path, "name": "eth0", "mac": "02:42:0a:00:00:02", "mtu": 1400}])
    outer, inner = here.link("v0"), there.link("eth0")
    assert (outer["master"], outer["mtu"], outer["ifalias"]) == ("br0", 1400, "mooring:endpoint:c:if=eth0")
    assert outer["linkinfo"]["info_slave_data"]["hairpin"] is True and outer["txqlen"] == 7
    assert (inner["address"], inner["mtu"], inner["linkinfo"]["info_kind"]) == ("02:42:0a:00:00:02", 1400, "veth")
    assert (outer["link_index"], inner["link_index"]) == (inner["ifindex"], outer["ifindex"])
    assert here.link("eth0") is None
    left, right = read(kernel, here)["links"]["v0"], read(kernel, there)["links"]["eth0"]
    assert (left["index"], left["peer_index"]) == (right["peer_index"], right["index"])
    assert (left["controller"], left["hairpin"], left["up"], right["mac"], right["up"]) == (
        "br0", True, True, "02:42:0a:00:00:02", False)


@pytest.mark.parametrize("name, old, new, look", [
    ("mtu", 1500, 1234, lambda shown: shown["mtu"]),
    ("mac", "02:00:00:00:00:01", "02:00:00:00:00:02", lambda shown: shown["address"]),
    ("alias", "mooring:veth:v0:", "mooring:veth:v0:more=1", lambda shown: shown.get("ifalias", "")),
    ("alias", "mooring:veth:v0:", "", lambda shown: shown.get("ifalias", "")),
    ("controller", "", "br0", lambda shown: shown.get("master", "")),
    ("controller", "br0", "", lambda shown: shown.get("master", "")),
    ("controller", "br0", "br1", lambda shown: shown.get("master", "")),
    ("group", 0, 0x6D6F6F72, lambda shown: int(shown["group"].replace("default", "0"))),
    ("up", False, True, lambda shown: "UP" in shown["flags"]),
    ("up", True, False, lambda shown: "UP" in shown["flags"]),
])
def test_a_property_of_a_link_changes_both_ways(kernel, here, name, old, new, look):
    for bridge in ("br0", "br1"):
        carry_out(kernel, ["LinkAdd", here.path, link(bridge, kind="bridge")])
    carry_out(kernel, ["LinkAdd", here.path, link("v0", kind="veth", mac="02:00:00:00:00:01"),
                       {"is": "Peer", "netns": here.path, "name": "v1"}])
    for before, after in ((None, old), (old, new), (new, old)):
        current = read(kernel, here)["links"]["v0"]
        if current[name] != after:
            assert before is None or current[name] == before
            fields = {**current, "addresses": list(current["addresses"])}
            carry_out(kernel, ["LinkSet", here.path, link(**fields), link(**{**fields, name: after})])
        assert look(here.link("v0")) == after
        assert read(kernel, here)["links"]["v0"][name] == after


def test_hairpin_and_stp_are_switched_and_links_renamed(kernel, here):
    carry_out(kernel, ["LinkAdd", here.path, link("br0", kind="bridge")],
              ["LinkAdd", here.path, link("v0", kind="veth", controller="br0"),
               {"is": "Peer", "netns": here.path, "name": "v1"}])
    for on in (True, False):
        old, bridge = link("v0", controller="br0", hairpin=not on), link("br0", stp=not on)
        carry_out(kernel, ["LinkSet", here.path, old, link("v0", controller="br0", hairpin=on)],
                  ["LinkSet", here.path, bridge, link("br0", stp=on)])
        assert here.link("v0")["linkinfo"]["info_slave_data"]["hairpin"] is on
        assert here.link("br0")["linkinfo"]["info_data"]["stp_state"] == int(on)
        seen = read(kernel, here)["links"]
        assert (seen["v0"]["hairpin"], seen["br0"]["stp"]) == (on, on)


def test_a_link_moves_into_another_namespace_and_back(kernel, here, netns):
    there = netns()
    carry_out(kernel, ["LinkAdd", here.path, link("v0", kind="veth", mac="02:00:00:00:00:07"),
                       {"is": "Peer", "netns": here.path, "name": "v1"}])
    carry_out(kernel, ["LinkMove", here.path, link("v1", kind="veth"), there.path, "eth5"])
    assert here.link("v1") is None and there.link("eth5")["linkinfo"]["info_kind"] == "veth"
    carry_out(kernel, ["LinkMove", there.path, link("eth5", kind="veth"), here.path, "v1"])
    assert there.link("eth5") is None and here.link("v1")["link"] == "v0"


def test_a_snapshot_reads_what_others_made(kernel, here, netns):
    there = netns()
    here.run("-batch", "-", text=f"""
        link add br9 type bridge stp_state 1
        link add a9 type veth peer name b9 netns {there.name}
        link set a9 master br9 up mtu 1300 alias hand-made
        link set dev a9 type bridge_slave hairpin on
        address add 10.9.0.1/24 dev br9
        address add 10.9.0.2/24 dev br9
        address add 10.9.1.1 peer 10.9.1.2/32 dev lo
        address add 2001:db8:9::1/64 dev br9 nodad
        link set br9 up
        link set lo up""".strip())
    seen = read(kernel, here)["links"]
    assert set(seen) == {"lo", "br9", "a9"}
    assert [seen[name]["kind"] for name in ("lo", "br9", "a9")] == ["loopback", "bridge", "veth"]
    assert seen["br9"]["addresses"] == ["10.9.0.1/24", "10.9.0.2/24", "2001:db8:9::1/64"]
    assert seen["lo"]["addresses"] == ["127.0.0.1/8", "10.9.1.1/32", "::1/128"]
    assert (seen["a9"]["alias"], seen["a9"]["hairpin"], seen["a9"]["controller"]) == ("hand-made", True, "br9")
    assert seen["br9"]["stp"] is True


# Addresses and routes


@pytest.fixture
def wired(kernel, here):
    """A namespace with an interface that is up, ``v0``."""
    carry_out(kernel, ["LinkAdd", here.path, link("v0", kind="veth", up=True),
                       {"is": "Peer", "netns": here.path, "name": "v1"}],
              ["LinkSet", here.path, link("v1"), link("v1", up=True)])
    return here


@pytest.mark.parametrize("address, broadcast", [
    ("10.1.0.1/24", "10.1.0.255"), ("10.1.0.0/31", None), ("10.1.0.1/32", None), ("2001:db8:1::1/64", None),
    ("2001:db8:1::1/127", None), ("2001:db8:1::1/128", None)])
def test_an_address_comes_and_goes(kernel, wired, address, broadcast):
    carry_out(kernel, ["AddrAdd", wired.path, "v0", address])
    shown = wired.addresses("v0")
    assert list(shown) == [address]
    assert shown[address].get("broadcast") == broadcast
    assert not shown[address].get("tentative"), "it must be usable at once"
    assert read(kernel, wired)["links"]["v0"]["addresses"] == [address]
    carry_out(kernel, ["AddrDel", wired.path, "v0", address])
    assert wired.addresses("v0") == {}


@pytest.mark.parametrize("destination, gateway, shown", [
    ("default", "10.1.0.254", "default via 10.1.0.254 dev v0 proto static"),
    ("10.2.0.0/16", "10.1.0.254", "10.2.0.0/16 via 10.1.0.254 dev v0 proto static"),
    ("10.3.0.1/32", "", "10.3.0.1 dev v0 proto static scope link"),
    ("default", "", "default dev v0 proto static scope link"),
    ("default", "2001:db8:1::fe", "default via 2001:db8:1::fe dev v0 proto static metric 1024 pref medium"),
    ("2001:db8:2::/48", "2001:db8:1::fe",
     "2001:db8:2::/48 via 2001:db8:1::fe dev v0 proto static metric 1024 pref medium"),
    ("2001:db8:3::1/128", "", "2001:db8:3::1 dev v0 proto static metric 1024 pref medium"),
])
def test_a_route_comes_and_goes(kernel, wired, destination, gateway, shown):
    family = "ipv6" if ":" in destination + gateway else "ipv4"
    route = {"is": "Route", "destination": destination, "interface": "v0", "gateway": gateway, "family": family,
             "metric": 0, "kind": ""}
    carry_out(kernel, ["AddrAdd", wired.path, "v0", "10.1.0.1/24"], ["AddrAdd", wired.path, "v0", "2001:db8:1::1/64"])
    before = wired.routes()
    carry_out(kernel, ["RouteAdd", wired.path, dict(route)])
    assert sorted(wired.routes()) == sorted([*before, shown])
    plain = {key: value for key, value in route.items() if key != "is"}
    assert plain in read(kernel, wired)["routes"]
    carry_out(kernel, ["RouteDel", wired.path, dict(route)])
    assert wired.routes() == before
    assert plain not in read(kernel, wired)["routes"]


def test_routes_of_others_are_read(kernel, wired):
    wired.run("-batch", "-", text="""
        address add 10.1.0.1/24 dev v0
        address add 10.1.1.1/24 dev v1
        route add default nexthop via 10.1.0.254 weight 2 nexthop via 10.1.1.254
        route add 10.5.0.0/16 nexthop via 10.1.1.254 nexthop via 10.1.0.254
        route add 10.6.0.0/16 via inet6 fe80::1 dev v0
        route add blackhole 10.7.0.0/16
        route add 10.8.0.0/16 via 10.1.0.254 table 100
        address add 2001:db8:1::1/64 dev v0 nodad
        route add 2001:db8:5::/48 nexthop via 2001:db8:1::fe nexthop via 2001:db8:1::fd
        route add unreachable 2001:db8:7::/48""".strip())
    found = {(route["destination"], route["interface"], route["gateway"]) for route in read(kernel, wired)["routes"]}
    assert {("default", "v0", "10.1.0.254"), ("10.5.0.0/16", "v1", "10.1.1.254"), ("10.1.0.0/24", "v0", ""),
            ("10.6.0.0/16", "v0", "")} <= found
    assert ("2001:db8:1::/64", "v0", "") in found
    assert "2001:db8:5::/48" in {destination for destination, _interface, _gateway in found}
    assert not {"10.7.0.0/16", "10.8.0.0/16", "2001:db8:7::/48"} & {destination for destination, *_rest in found}


# Many operations


def test_more_operations_than_fit_one_write(kernel, here):
    count = 150
    carry_out(kernel, *(["LinkAdd", here.path, link(f"br{number}", kind="bridge", alias=f"mooring:bridge:br{number}:")]
                        for number in range(count)))
    seen = read(kernel, here)["links"]
    assert [seen[f"br{number}"]["alias"] for number in range(count)] == [f"mooring:bridge:br{n}:" for n in range(count)]
    carry_out(kernel, *(["LinkDel", here.path, link(f"br{number}")] for number in range(count)))
    assert set(read(kernel, here)["links"]) == {"lo"}


def test_an_error_in_the_middle_tells_what_was_done(kernel, wired):
    answer = kernel.execute(["LinkAdd", wired.path, link("br0", kind="bridge")],
                            ["AddrAdd", wired.path, "v0", "10.1.0.1/24"],
                            ["LinkAdd", wired.path, link("v1", kind="bridge")],  # taken
                            ["LinkAdd", wired.path, link("br1", kind="bridge")])
    assert "create bridge v1" in answer["failure"]
    assert "exists already" in answer["failure"]
    # The kernel carries on behind an error. What it did has to be known, or it could not be undone.
    there = {"create bridge br0": wired.link("br0"), "create bridge br1": wired.link("br1"),
             "add address 10.1.0.1/24 to v0": wired.addresses("v0")}
    assert {text.split(f" in {wired.name}")[0] for text in answer["done"]} == {text for text in there if there[text]}
    assert wired.link("br0") and wired.addresses("v0")


def test_a_link_of_somebody_else_that_took_the_name_is_left_alone(kernel, here):
    """Between the snapshot and the act somebody makes a bridge of that name: it must not get our mark."""
    here.run("link", "add", "br0", "mtu", "1450", "type", "bridge")
    answer = kernel.execute(["LinkAdd", here.path, link("br0", kind="bridge", alias="mooring:bridge:br0:")])
    assert answer["done"] == [] and "exists already" in answer["failure"]
    assert (here.link("br0").get("ifalias", ""), here.link("br0")["mtu"]) == ("", 1450)


def test_a_run_that_was_killed_before_the_mark_stood_is_recognised(kernel, here):
    """The group that a link is created in is the mark until then."""
    here.run("link", "add", "br0", "group", str(0x6D6F6F73), "type", "bridge")
    here.run("link", "add", "br1", "type", "bridge")
    links = kernel.adapter("link.netlink.snapshot", here.path)["links"]
    assert links["br0"]["alias"] == "mooring:unfinished:br0:" and links["br1"]["alias"] == ""


def test_what_is_set_of_a_link_is_set_of_the_one_that_takes_the_place_of_another(kernel, here):
    """All of it goes to the kernel together, which knows links by their numbers."""
    here.run("link", "add", "br0", "type", "bridge")
    carry_out(kernel, ["LinkDel", here.path, link("br0", kind="bridge")],
              ["LinkAdd", here.path, link("br0", kind="bridge", alias="mooring:bridge:br0:")],
              ["AddrAdd", here.path, "br0", "10.1.0.1/24"])
    assert list(here.addresses("br0")) == ["10.1.0.1/24"] and here.link("br0")["ifalias"] == "mooring:bridge:br0:"


@pytest.mark.parametrize("operation, message", [
    (["AddrAdd", "{path}", "v0", "10.1.0.1/24"], "add address 10.1.0.1/24 to v0 in {name}: it exists already"),
    (["AddrAdd", "{path}", "none", "10.1.0.2/24"], "add address 10.1.0.2/24 to none in {name}: the interface is gone"),
    (["RouteAdd", "{path}", {"is": "Route", "destination": "default", "interface": "v0", "gateway": "10.77.0.1"}],
     "add route default via 10.77.0.1 dev v0 in {name}: the gateway is not in a network of the interface"),
    (["LinkAdd", "{path}", {"is": "Link", "name": "x0", "kind": "veth"},
      {"is": "Peer", "netns": "/run/netns/none", "name": "x1"}], "/run/netns/none cannot be opened: No such file"),
])
def test_an_error_names_the_operation_and_the_reason(kernel, wired, operation, message):
    carry_out(kernel, ["AddrAdd", wired.path, "v0", "10.1.0.1/24"])
    operation = json.loads(json.dumps(operation).replace("{path}", wired.path))
    answer = kernel.execute(operation)
    assert message.format(name=wired.name) in answer["failure"]
    assert answer["done"] == []


def test_many_links_go_together(kernel, here):
    carry_out(kernel, *(["LinkAdd", here.path, link(f"v{number}", kind="veth"),
                         {"is": "Peer", "netns": here.path, "name": f"w{number}"}] for number in range(5)))
    answer = kernel.execute(*(["LinkDel", here.path, link(name, kind="veth")] for name in ("v0", "gone", "v2", "v4")))
    assert [text.split()[2] for text in answer["done"]] == ["v0", "gone", "v2", "v4"] and answer["failure"] == ""
    assert {name for name in read(kernel, here)["links"] if name != "lo"} == {"v1", "w1", "v3", "w3"}


@pytest.mark.parametrize("names", [["gone"], ["gone", "gone-too"]], ids=len)
def test_a_link_that_is_gone_already_counts_as_deleted(kernel, here, names):
    """The kernel ends a pair some time after its container, perhaps between the snapshot and the act."""
    answer = kernel.execute(*(["LinkDel", here.path, link(name, kind="veth")] for name in names))
    assert len(answer["done"]) == len(names) and answer["failure"] == ""


def test_links_of_others_do_not_go_with_ours(kernel, here):
    """Deletion uses an interface group: one that is in it already must not be deleted as well."""
    carry_out(kernel, *(["LinkAdd", here.path, link(f"br{number}", kind="bridge")] for number in range(3)))
    here.run("link", "set", "br2", "group", str(0x6D6F6F74))
    answer = kernel.execute(["LinkDel", here.path, link("br0")], ["LinkDel", here.path, link("br1")])
    assert answer["done"] == [] and "interface group" in answer["failure"] and "in use" in answer["failure"]
    assert set(read(kernel, here)["links"]) == {"lo", "br0", "br1", "br2"}


def test_looking_at_a_namespace_does_not_make_it(kernel, box):
    with pytest.raises(PipelineError, match="namespace never cannot be opened: No such file"):
        kernel.adapter("link.netlink.snapshot", "/run/netns/never")
    assert not box.path("/run/netns/never").exists()


def test_work_in_a_namespace_leaves_the_process_where_it_was(kernel, here):
    carry_out(kernel, ["LinkAdd", here.path, link("br0", kind="bridge")])
    with pytest.raises(PipelineError):
        kernel.adapter("link.netlink.snapshot", "/run/netns/never")
    assert "br0" not in kernel.adapter("link.netlink.snapshot", "")["links"]


# Named namespaces


def test_a_namespace_is_made_for_everybody_and_marked(kernel, box):
    carry_out(kernel, ["NetnsAdd", "made"])
    try:
        assert "made" in box.run(["ip", "netns"]).stdout.split()
        assert box.run(["ip", "-n", "made", "-o", "link"]).stdout.startswith("1: lo:")  # another process sees the mount
        assert kernel.adapter("host.named.snapshot")["made"] == {
            "inode": box.path("/run/netns/made").stat().st_ino, "link": "", "own": True}
    finally:
        carry_out(kernel, ["NetnsDel", "made"])
    assert "made" not in box.run(["ip", "netns"]).stdout
    assert "made" not in kernel.adapter("host.named.snapshot")
    assert not box.path("/run/mooring/netns/made").exists()


def test_a_namespace_is_seen_where_mounts_were_unshared_before(kernel, box):
    """A service with a mount namespace of its own, as systemd gives, can join what is made later."""
    with box.popen(["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo up; read _; ip -n late -o link"],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout.readline() == "up\n"
        carry_out(kernel, ["NetnsAdd", "late"])
        shown, _errors = service.communicate("go\n", timeout=20)
    carry_out(kernel, ["NetnsDel", "late"])
    assert shown.startswith("1: lo:")


def test_a_name_that_came_into_use_is_refused(kernel, box, here):
    answer = kernel.execute(["NetnsAdd", here.name])
    assert answer["done"] == [] and f"/run/netns/{here.name}: File exists" in answer["failure"]
    assert kernel.adapter("host.named.snapshot")[here.name]["own"] is False


def test_a_process_is_registered_by_a_link_which_goes_stale_with_it(kernel, box):
    with box.popen(["unshare", "--net", "sh", "-c", "echo $$; read _"], stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, text=True) as process:
        pid = process.stdout.readline().strip()
        target = f"/proc/{pid}/ns/net"
        carry_out(kernel, ["NetnsAdd", "linked", target])
        inode = int(box.run(["stat", "-Lc", "%i", target]).stdout)
        assert kernel.adapter("host.named.snapshot")["linked"] == {"inode": inode, "link": target, "own": True}
        assert box.run(["ip", "-n", "linked", "-o", "link"]).stdout.startswith("1: lo:")
        process.communicate("end\n")
    assert kernel.adapter("host.named.snapshot")["linked"] == {"inode": 0, "link": target, "own": True}
    carry_out(kernel, ["NetnsDel", "linked", True])
    assert "linked" not in kernel.adapter("host.named.snapshot")


def test_what_somebody_put_in_the_place_of_ours_is_not_ours(kernel, box):
    carry_out(kernel, ["NetnsAdd", "swapped"])
    box.run(["ip", "netns", "delete", "swapped"])
    box.run(["ip", "netns", "add", "swapped"])
    assert kernel.adapter("host.named.snapshot")["swapped"]["own"] is False
    box.run(["ip", "netns", "delete", "swapped"])


# Sysctls


def test_sysctls_are_those_of_the_namespace(kernel, box, here):
    name = "net/ipv4/ip_forward"
    assert box.run(["sysctl", "-n", name.replace("/", ".")]).stdout == "0\n"
    carry_out(kernel, ["SysctlSet", here.path, name, "1", "0"])
    inside = box.run(["nsenter", f"--net={here.path}", "sysctl", "-n", "net.ipv4.ip_forward"]).stdout
    assert (inside, box.run(["sysctl", "-n", "net.ipv4.ip_forward"]).stdout) == ("1\n", "0\n")
    seen = kernel.adapter("host.proc.read_sysctls", [["", name], [here.path, name], ["", "net/ipv4/none"],
                                                     ["/run/netns/none", name]])
    assert seen == {f" {name}": "0", f"{here.path} {name}": "1", " net/ipv4/none": None,
                    f"/run/netns/none {name}": None}


def test_a_sysctl_that_cannot_be_set_is_named(kernel):
    for name, value, reason in (("net/ipv4/none", "1", "No such file"),
                                ("net/ipv4/ip_forward", "x", "Invalid argument")):
        answer = kernel.execute(["SysctlSet", "", name, value])
        assert f"cannot set {name.replace('/', '.')} to {value}: {reason}" in answer["failure"]


def test_reserved_ports_are_read(kernel, box):
    sysctl(box, "net.ipv4.ip_local_reserved_ports", "50000,50010-50012")
    assert kernel.adapter("host.proc.reserved_ports") == [[50000, 50000], [50010, 50012]]
    sysctl(box, "net.ipv4.ip_local_reserved_ports", "")
    assert kernel.adapter("host.proc.reserved_ports") == []


# Sockets


LISTENER = """
import socket, sys
sockets = []
for word in sys.argv[1:]:
    kind, address, port, *more = word.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    if more == ["only"]:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, int(port)))
    if kind == "tcp":
        s.listen()
    if more == ["connected"]:
        s.connect((address, 9))
    sockets.append(s)
print("up", flush=True)
sys.stdin.read()
"""


def test_sockets_are_read_and_their_processes_named(kernel, box):
    wanted = ["tcp/0.0.0.0/8001", "tcp/127.0.0.1/8002", "udp/0.0.0.0/8003", "tcp/::/8004", "udp/::1/8005",
              "udp/127.0.0.1/8006/connected", "tcp/::ffff:127.0.0.1/8007", "tcp/::/8008/only", "udp/::/8009/only",
              "udp/::/8010"]
    with box.popen([sys.executable, "-c", LISTENER, *wanted], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                   text=True) as process:
        assert process.stdout.readline() == "up\n"
        asked = [["tcp", 8001, 8001], ["tcp", 8004, 8004], ["udp", 8003, 8003]]
        found = {f"{s['protocol']}/{s['address']}/{s['port']}": s
                 for s in kernel.adapter("host.sockets.snapshot", asked)}
        asked_for, read = (kernel.adapter(f"host.sockets.{source}") for source in ("from_kernel", "from_files"))
        process.communicate("")
    # Bound to an IPv4 address, a socket takes IPv4 only.
    assert set(found) == {*wanted[:5], "tcp/127.0.0.1/8007", "tcp/::/8008", "udp/::/8009", "udp/::/8010"}
    for word in ("tcp/0.0.0.0/8001", "tcp/::/8004", "udp/0.0.0.0/8003"):
        assert found[word]["process"].startswith("python")
    pid = found["tcp/0.0.0.0/8001"]["process"].rpartition("pid ")[2].rstrip(")")
    assert pid.isdigit() and found["tcp/127.0.0.1/8002"]["process"] == ""
    assert found["tcp/::/8004"]["dual_stack"] is True and found["udp/::1/8005"]["dual_stack"] is False
    assert [found[word]["dual_stack"] for word in ("tcp/::/8008", "udp/::/8009", "udp/::/8010")] == [
        False, False, True]
    # A kernel without sock_diag tells the same, but for IPV6_V6ONLY.
    assert sorted(entry[:4] for entry in read) == sorted(entry[:4] for entry in asked_for)
    assert {(entry[2], entry[4]) for entry in read if entry[1] == "::"} == {
        (8004, True), (8008, True), (8009, True), (8010, True)}


# Tracked connections


def test_connections_that_cannot_be_forgotten_are_a_warning(kernel, box):
    """They end by themselves. Here the kernel refuses, since the process lacks the right to look at them."""
    script = """
import sys; sys.path.append(sys.argv[1])
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.host.real import RealHost
host = RealHost()
host.execute([ConntrackFlush(family, (("udp", 53, 54),), ("192.0.2.9",)) for family in ("ipv4", "ipv6")])
print("\\n".join(host.warnings))
"""
    without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    command = [sys.executable, "-c", script, CHECKOUT / ".collections"]
    assert box.run(command).stdout == "\n"
    warnings = box.run([*without, *command]).stdout.splitlines()
    assert [warning.partition(":")[0] for warning in warnings] == [
        "could not forget tracked connections of udp ports 53-54, 192.0.2.9"] * 2
    assert all("Operation not permitted" in warning for warning in warnings)


# Rules


@pytest.mark.parametrize("match, known", [("devgroup", True), ("comment", True), ("mooring", False)])
def test_the_kernel_says_which_matches_it_has_and_asking_makes_no_table(kernel, box, match, known):
    assert kernel.adapter("firewall.iptables.adapter.kernel_knows", match) is known
    assert box.run(["sh", "-c", "cat /proc/net/ip_tables_names; iptables-nft-save"]).stdout == ""
