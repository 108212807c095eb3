# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle of drift: whatever somebody changes by hand is told, and repaired; what others have stays untouched.

One host for each backend. Each change is made, looked at, repaired, and looked at again: the whole of the host has to
be as before, all that others have on it included.
"""
import contextlib
import difflib
import functools
import os
import re
import time

import pytest
from containers import once
from drift_rows import (
    BRIDGE_OF,
    CHANGES,
    DOCUMENT,
    EXTRA,
    FORWARDING,
    ICC_SETTING,
    INFO,
    OTHER,
    OUTBOUND,
    PUBLISHED,
    STRANGER,
    V4,
    V6,
    WEB,
    Swap,
)
from pipeline import PipelineError
from testhosts import files_of
from traffic import expect_answers, expect_closed
from worlds import (
    ADDRESSES,
    BACKENDS,
    BOX,
    BOX6,
    NEIGHBOUR,
    NEIGHBOUR6,
    OUTSIDE,
    OUTSIDE6,
    world,
)

EVERY_ROW = bool(os.environ.get("EVERY_ROW"))
pytestmark = once
NAMES = ("web", "shop", "adopted", "source", "target", "third", "routed")
HOST_ENDS = ("web", "shop", "source", "target", "third")
# What others have on the host, of each kind that the collection has as well.
THEIRS = """
ip link add theirs address 02:00:00:00:00:50 type bridge; ip link set theirs up alias 'of others'
ip address add 10.55.0.1/24 dev theirs
ip link add dummy0 type veth peer name dummy1; ip link set dummy0 up; ip link set dummy1 up
ip address add 10.56.0.1/24 dev dummy0
ip route add 10.57.0.0/24 via 10.56.0.2; ip route add blackhole 10.58.0.0/24
ip netns add stranger; ip link add other0 type veth peer name eth0 netns stranger
ip link set other0 up master theirs; ip -n stranger link set eth0 up; ip -n stranger address add 10.55.0.2/24 dev eth0
ip neigh add 10.55.0.2 lladdr 02:00:00:00:00:55 dev theirs nud permanent
mkdir -p /etc/netns/stranger; echo 10.1.1.1 somebody >/etc/netns/stranger/hosts
for tool in iptables ip6tables; do
    $tool -N THEIRS; $tool -A THEIRS -p tcp --dport 9 -m comment --comment 'of others' -j DROP
    $tool -A FORWARD -j THEIRS
    $tool -t nat -A POSTROUTING -o dummy0 -j MASQUERADE; $tool -t raw -A PREROUTING -i dummy0 -j ACCEPT
done
ip netns add adopted; ip link add engine type veth peer name eth0 netns adopted
"""
ADOPTED = """
ip link set engine master front up; ip -n adopted link set eth0 up
ip -n adopted address add 192.168.5.200/24 dev eth0; ip -n adopted route add default via 192.168.5.1
"""
# One program for each question, since a look is taken a thousand times.
LOOK = r"""
ip -d -o link; ip -o address; ip -o route show table all; ip -o -6 route show table all; ip -o rule
tc qdisc; tc filter show dev $shop ingress || true
ip neigh show nud permanent; bridge fdb; ip netns; wc -l /run/mooring/netns/*
grep . $(for bridge in front back plain theirs; do for name in ipv4/conf/$bridge/forwarding \
    ipv4/conf/$bridge/route_localnet ipv6/conf/$bridge/forwarding ipv6/conf/$bridge/accept_ra \
    ipv6/conf/$bridge/dad_transmits ipv6/conf/$bridge/disable_ipv6; do echo /proc/sys/net/$name; done; done) \
    /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/bridge/bridge-nf-call-* || true
"""
# What the kernel numbers, counts, or settles a moment later, and what it gives to a link that was made anew.
SETTLED = re.compile(
    r"^\d+: |@if\d+|@\w+(?=:)| link-netnsid \d+| link-netns \S+|\w+_timer\s+\S+| state \S+|NO-CARRIER,|,LOWER_UP|"
    r",?M-DOWN|qdisc \S+|bridge_id \S+|designated_\S+ \S+|root_\S+ \S+|port_(id|no) \S+|(valid|preferred)_lft \S+|"
    r"linkdown|topology_change\S* \S+|tentative|group_address \S+|guard off|fdb_n_learned \d+|num[tr]xqueues \d+|"
    r"refcnt \d+|index \d+|guard=\S+|\(id: \d+\)|promiscuity \d+|allmulti \d+|nodad")
OF_BRIDGES = re.compile(
    r"bridge forward_delay .*(stp_state \d).* (nf_call_iptables \d nf_call_ip6tables \d).*?(?= alias|\\|$)")
GIVEN = re.compile(r"(?<=link/ether )\S+")
PLACE = re.compile(r"([0-9a-f]{2}:){5}")  # a MAC address behind a port
PASSING = re.compile("fe80|ff00|ff02|anycast|224\\.|33:33:|01:00:5e")


def rules(saved):
    """Rules and chains: the order of chains says nothing, that of rules does."""
    found, table = [], ""
    for line in saved.splitlines():
        table = line if line.startswith("*") else table
        if line.startswith((":", "-A ")):
            found.append(f"{table} {line.partition(' [')[0] if line[0] == ':' else line}")
    return sorted(found, key=lambda line: line.split(" ")[:3] if " -A " in line else [line])


class Host:
    """A host of the test with its document on it, and all that others have there."""

    def __init__(self, here):
        self.here, self.box, self.run = here, here.box, here.pipeline.run
        self.sh(THEIRS)
        self.run("host_network", networks=[{**network, "containers": []} for network in DOCUMENT["networks"]])
        self.sh(ADOPTED)
        self.run("host_network", **DOCUMENT)
        for name in NAMES:
            here.serve(here.container(name), name, (80, 81, 5432))
        here.serve(here.neighbour, "neighbour", (80,))
        found = self.run("network_info")["network"]
        self.ends = {each["container"]: each["host_interface"] for each in found["endpoints"]}
        self.ifb = self.sh("ip -br link show type ifb").split()[0]
        assert (found["drift"], found["leftovers"]) == ([], []) and len(found["endpoints"]) == len(NAMES)
        # Bridges know where nobody is by now, and routers that one may go out.
        self.base = self.look()

    def sh(self, script, **variables):
        words = "".join(f"{name}='{value}'\n" for name, value in variables.items())
        return self.box.run(["sh", "-ec", words + script]).stdout

    def look(self):
        """All of the host and of its containers, without numbers."""
        lines = self.sh(LOOK, shop=self.ends["shop"]).splitlines()
        found = {"host": [line for line in lines if not PASSING.search(line)
                          and (not PLACE.match(line) or "sticky" in line)]}
        for program in ("iptables", "ip6tables"):
            found[program] = rules(self.box.run([f"{program}-save"]).stdout)
        lines = [" ".join(SETTLED.sub("", OF_BRIDGES.sub(r"\1 \2", line)).split()) for line in found["host"]]
        found["host"] = sorted(GIVEN.sub("", line) if line.startswith(("veth", "ifb", "pair1")) else line
                               for line in lines)
        found["files"] = sorted(f"{name} {'' if name.startswith('/run/mooring/netns/') else text}"
                                for name, text in files_of(self.box, ["/etc/netns", "/run/mooring", "/run/netns"]))
        for name in (*NAMES, "stranger"):
            found[name] = self.inside(name)
        return found

    def inside(self, name):
        """A namespace as it is read, without numbers."""
        try:
            seen = self.here.pipeline.adapter("link.netlink.snapshot", f"/run/netns/{name}")
        except PipelineError as error:
            return [str(error)]
        links = [{key: value for key, value in link.items() if not key.endswith("index")}
                 for link in seen["links"].values()]
        setting = self.box.path(f"/run/netns/{name}").exists() and self.box.run(
            ["nsenter", f"--net=/run/netns/{name}", "cat", "/proc/sys/net/ipv4/ip_default_ttl"]).stdout
        return sorted(map(str, [*links, *seen["routes"], *seen["barriers"], *seen["settings"].items(), setting]))

    def make(self, change):
        """:raises AssertionError: for a change that changes nothing"""
        if isinstance(change.do, Swap):
            self._swap(change)
            return
        family, tool = change.family, "iptables" if change.family == V4 else "ip6tables"
        ends = {name: self.ends[name] for name in HOST_ENDS}
        six, nodad = ("-6", "nodad") if family == V6 else ("-4", "")
        self.sh(change.do, tool=tool, family=family, six=six, nodad=nodad, bridge=BRIDGE_OF[family], own=WEB[family],
                extra=EXTRA[family], other=WEB[family].replace("10/", "11/"), forwarding=FORWARDING[family],
                calls=ICC_SETTING[family], ifb=self.ifb, **ends)

    def _swap(self, change):
        swap, tool = change.do, "iptables" if change.family == V4 else "ip6tables"
        lines = [line for line in self.box.run([f"{tool}-save", "-t", swap.table]).stdout.splitlines()
                 if line.startswith("-A ")]
        hook = swap.note.isupper()
        line = next(line for line in lines if (line.startswith(f"-A {swap.note} ") and "--comment mooring " in line
                                               if hook else f'--comment "mooring:{swap.note}' in line))
        chain = line.split()[1]
        number = [each for each in lines if each.split()[1] == chain].index(line) + 1
        words = {"$published": PUBLISHED, "$stranger": STRANGER, "$outbound": OUTBOUND, "$other": OTHER}
        old, new = (functools.reduce(lambda text, word: text.replace(word, words[word][change.family]), words, each)
                    for each in (swap.old, swap.new))
        before, comment, after = re.split(r'(--comment (?:"[^"]*"|\S+))', line)
        assert old in before + after, line
        text = before.replace(old, new).replace(f"-A {chain}", f"-R {chain} {number}", 1) + comment + after.replace(
            old, new)
        self.box.run([f"{tool}-restore", "--noflush"], input=f"*{swap.table}\n{text}\nCOMMIT\n")

    def told(self):
        found = self.run("network_info")["network"]
        return found["drift"] + found["leftovers"]

    def task(self, change, check=False):
        """A task that is about something else."""
        if change.about:
            return self.run("icc_policy", check, bridge=change.about, icc=change.about != "back")["actions"]
        return self.run("netns_attach", check, netns="nobody", state="absent")["actions"]

    def repair(self):
        return self.run("host_network", **DOCUMENT)["actions"]

    def closed(self):
        """Nothing is open that the document does not open."""
        here, calls = self.here, []
        for number, outside in ((0, OUTSIDE), (1, OUTSIDE6)):
            calls += [(here.outside, "tcp", ADDRESSES["web"][number], 5432),
                      (here.outside, "tcp", ADDRESSES["source"][number], 80),
                      (here.outside, "tcp", (NEIGHBOUR, NEIGHBOUR6)[number], 80),
                      (here.outside, "tcp", (BOX, BOX6)[number], 8099),
                      (here.container("third"), "tcp", ADDRESSES["target"][number], 80),
                      (here.container("third"), "tcp", ADDRESSES["web"][number], 81),
                      (here.container("source"), "tcp", ADDRESSES["target"][number], 80)]
            assert outside
        calls.append((here.outside, "tcp", ADDRESSES["routed"][0], 81))
        expect_closed(here.servers, *calls)

    def opened(self):
        """What the document opens is open."""
        here = self.here
        expect_answers(((here.outside, "tcp", BOX, 8080), "web:80", OUTSIDE),
                       ((here.outside, "tcp", BOX6, 8080), "web:80", OUTSIDE6),
                       ((here.host, "tcp", "127.0.0.1", 8081), "web:81", "192.168.5.1"),
                       ((here.outside, "tcp", ADDRESSES["routed"][0], 80), "routed:80", OUTSIDE),
                       *(((here.container("source"), "tcp", address, 5432), "target:5432", source)
                         for address, source in zip(ADDRESSES["target"], ADDRESSES["source"])))


class Current:
    """The host of a backend, and another one where a failure has left something on it."""

    def __init__(self, stack, backend):
        self._stack, self.backend, self._host = stack, backend, None

    def get(self):
        if self._host is None:
            self._stack.close()
            self._host = Host(self._stack.enter_context(world(self.backend)))
        return self._host

    def drop(self):
        self._host = None


@pytest.fixture(scope="module", params=BACKENDS)
def current(request):
    with contextlib.ExitStack() as stack:
        yield Current(stack, request.param)


@pytest.fixture
def host(current):
    return current.get()


def left(host, seconds=10):
    """What is another than before, once the kernel has settled what it settles a moment later."""
    deadline = time.monotonic() + seconds
    while (found := differences(host.look(), host.base)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def differences(found, base):
    """What is more and what is less."""
    return {key: [line for line in difflib.unified_diff(base[key], found[key], n=0, lineterm="")
                  if line[1:2] not in "+-@"] for key in found if found[key] != base[key]}


def test_the_host_is_as_the_document_says(host):
    host.opened()
    host.closed()
    assert host.repair() == []


def test_what_somebody_sets_for_all_bridges_opens_none_of_these(host):
    """A file of sysctl.d for virtual machines that is read again: nobody tells anybody."""
    for value in "0", "1":
        host.sh(f"sysctl -qw {ICC_SETTING[V4]}={value} {ICC_SETTING[V6]}={value}")
        host.closed()
        host.opened()


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_by_hand(current, change):
    if current.backend == "legacy" and change.kind != "rules" and not EVERY_ROW:
        pytest.skip("what is no rule is the same with either backend: ./run soak drift has every row with both")
    host = current.get()
    try:
        _make_and_repair(host, change)
    except BaseException:
        current.drop()
        raise


def _make_and_repair(host, change):
    host.make(change)
    assert host.look() != host.base, "this changes nothing"
    told = host.told()
    if change.by == INFO:
        assert any(re.search(change.says, each) for each in told), f"told: {told}"
    planned = host.task(change, check=True)
    if change.settled:
        assert set(planned) <= set(told), "what is told is what is done"
        host.task(change)
        assert not (found := left(host)), f"a task about something else leaves {found}"
        assert host.told() == []
        if change.probed:
            host.closed()
        host.make(change)
    elif change.probed:
        host.task(change)
        host.closed()
    assert host.repair()
    assert not (found := left(host)), f"the document leaves {found}"
    assert host.told() == [] == host.repair()
    if change.probed:
        host.opened()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_guard_outlasts_all_bridges(backend):
    """Forwarding stays on when a bridge is gone, and no next one switches it on."""
    with world(backend) as here:
        run, beyond = here.pipeline.run, [(here.outside, "tcp", NEIGHBOUR, 80), (here.outside, "tcp", NEIGHBOUR6, 80)]
        here.serve(here.neighbour, "neighbour", (80,))
        bridge = {"name": "front", "bip": "192.168.5.1/24", "bip6": "2001:db8:5::1/64"}
        run("docker_bridge", **bridge)
        here.box.run(["ip", "link", "delete", "front"])
        run("netns_attach", netns="nobody", state="absent")
        expect_closed(here.servers, *beyond)
        run("docker_bridge", **bridge)
        expect_closed(here.servers, *beyond)
        assert run("network_info")["network"]["drift"] == []
        here.box.run(["ip", "link", "delete", "front"])
        run("docker_bridge", **bridge, forward_others=True)
        expect_answers((beyond[0], "neighbour:80", OUTSIDE), (beyond[1], "neighbour:80", OUTSIDE6))
