# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others that drop what ours let through: what is said of them has to be what packets meet."""
import contextlib
import re
import subprocess
import sys

import pytest
from containers import BOX, OUTSIDE, Box, once
from traffic import SILENCE, Place, ask
from worlds import BACKENDS, use_backend

pytestmark = once  # nothing here is read with pyroute2
OUTSIDE_IN, HOST, OUT, OUT_UDP = "outside", "host", "containers", "containers by udp"
PORT = "to published port 8080/tcp of web are (dropped|taken|left) "
SENTENCES = {OUTSIDE_IN: rf"(replies to )?connections from outside \(eth0\) {PORT}",
             HOST: f"connections from the host itself {PORT}",
             OUT: r"(replies to )?what containers of br0 send to the outside \(eth0\)( by tcp)? (is|are) dropped ",
             OUT_UDP: r"(replies to )?what containers of br0 send to the outside \(eth0\)( by udp)? (is|are) dropped "}


def out(place):
    return {OUT: place, OUT_UDP: place}


class Fence:
    """A host with a published port, somebody outside, and the rules of others that a test puts there."""

    def __init__(self, stack, backend):
        self.here = here = Box(stack, ["nftables"], outside=True)
        use_backend(here.host, backend)
        here.sh("ip netns add web")
        here.run("docker_bridge", name="br0", bip="192.168.5.1/24")
        here.run("netns_attach", netns="web", bridge="br0")
        self.publish()
        self.web = Place(here.host, "web")
        here.servers.serve(self.web, "web", (80,), protocols=("tcp",))
        here.servers.serve(here.outside, "outside", (7777,))

    def publish(self):
        return self.here.run("port_publish", container="web", published_ports=["8080:80"])

    def packets(self):
        """The directions in which nobody is answered."""
        calls = {OUTSIDE_IN: (self.here.outside, "tcp", BOX, 8080), HOST: (self.here.place, "tcp", BOX, 8080),
                 OUT: (self.web, "tcp", OUTSIDE, 7777), OUT_UDP: (self.web, "udp", OUTSIDE, 7777)}
        answers = ask(*calls.values(), seconds=SILENCE)
        return {direction for direction, answer in zip(calls, answers) if answer.outcome != "answered"}

    def sentences(self):
        """What the modules warn of, by direction, and that it is what network_info lists."""
        warnings = [*self.publish()["warnings"],
                    *self.here.run("docker_bridge", name="br0", bip="192.168.5.1/24")["warnings"]]
        assert warnings == self.here.run("network_info")["network"]["obstacles"]
        found = {direction: [text for text in warnings if re.match(start, text)]
                 for direction, start in SENTENCES.items()}
        assert {text for texts in found.values() for text in texts} == set(warnings), found
        return {direction: texts for direction, texts in found.items() if texts}

    @contextlib.contextmanager
    def rules(self, script):
        """Rules of others for a while: commands of iptables, or a table of nftables."""
        if script.startswith("table"):
            self.here.host.run(["nft", "-f", "-"], input=script.replace("}", "}\n"))
            end = f"nft delete table {script.split('{')[0].removeprefix('table')}"
        else:
            self.here.sh(script)
            end = "\n".join(f"iptables -t {table} -F {chain}; iptables -t {table} -P {chain} ACCEPT"
                            for table, chain in (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "FORWARD"),
                                                 ("mangle", "POSTROUTING"), ("filter", "OUTPUT"), ("filter", "FORWARD"),
                                                 ("security", "FORWARD")))
            end = f"{end}\niptables -t mangle -F\niptables -t mangle -X"
        try:
            yield
        finally:
            self.here.sh(end)
            self.publish()


@pytest.fixture(scope="module", params=BACKENDS)
def fence(request):
    with contextlib.ExitStack() as stack:
        found = Fence(stack, request.param)
        assert found.packets() == set()
        yield found


@pytest.fixture(scope="module")
def native():
    with contextlib.ExitStack() as stack:
        yield Fence(stack, "nft")


# Rules, and what is dropped in which chain of which table.
IPTABLES = {
    "-t raw -A PREROUTING -p tcp --dport 8080 -j DROP": {OUTSIDE_IN: "chain PREROUTING of table raw"},
    "-t mangle -A PREROUTING -i eth0 -p tcp -m multiport --dports 22,8000:8080 -j DROP": {
        OUTSIDE_IN: "chain PREROUTING of table mangle"},
    "-t mangle -A FORWARD -d 192.168.5.0/24 -p tcp --dport 80 -m conntrack --ctstate NEW -j DROP": {
        OUTSIDE_IN: "chain FORWARD of table mangle"},
    "-t mangle -P FORWARD DROP": {OUTSIDE_IN: "the policy of chain FORWARD of table mangle",
                                  **out("the policy of chain FORWARD of table mangle")},
    "-t mangle -A FORWARD -i br0 -j DROP": {OUTSIDE_IN: "chain FORWARD of table mangle",
                                            **out("chain FORWARD of table mangle")},
    "-t security -A FORWARD -p tcp -o br0 -j DROP": {OUTSIDE_IN: "chain FORWARD of table security",
                                                     OUT: "chain FORWARD of table security"},
    "-A FORWARD -j DROP": {},
    "-P FORWARD DROP": {},
    "-A OUTPUT -p tcp --dport 80 -j REJECT": {HOST: "chain OUTPUT of table filter"},
    "-A OUTPUT -p tcp --dport 8080 -j REJECT": {},
    "-A OUTPUT ! -o lo -j DROP": {},
    "-A OUTPUT -o lo -j ACCEPT\niptables -P OUTPUT DROP": {},
    "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\niptables -P OUTPUT DROP": {
        HOST: "the policy of chain OUTPUT of table filter"},
    "-t mangle -A POSTROUTING -o br0 -j DROP": {OUTSIDE_IN: "chain POSTROUTING of table mangle",
                                                HOST: "chain POSTROUTING of table mangle",
                                                **out("chain POSTROUTING of table mangle")},
    "-t mangle -N GUARD\niptables -t mangle -A FORWARD -o br+ -j GUARD\niptables -t mangle -A GUARD -s 10.0.0.0/8 -j "
    "ACCEPT\niptables -t mangle -A GUARD -p udp -j RETURN\niptables -t mangle -A GUARD -d 192.168.6.0/24 -j DROP": {},
    "-t mangle -N GUARD\niptables -t mangle -A FORWARD ! -i lo -g GUARD\niptables -t mangle -A GUARD -p udp -j RETURN\n"
    "iptables -t mangle -A GUARD ! -d 192.168.6.0/24 -m comment --comment 'not \"us\"' -j DROP": {
        OUTSIDE_IN: "chain GUARD of table mangle", OUT: "chain GUARD of table mangle"},
    "-t raw -A PREROUTING -s 203.0.113.0/24 -j DROP": {},
    "-t raw -A PREROUTING -p udp -j DROP": {OUT_UDP: "chain PREROUTING of table raw"},
    "-t raw -A PREROUTING -p tcp --dport 8080 -j CT --notrack": {
        OUTSIDE_IN: "untracked, hence untranslated, in chain PREROUTING of table raw"},
    "-t mangle -A PREROUTING -p tcp --dport 8080 -j TPROXY --on-port 3129": {
        OUTSIDE_IN: "taken by a proxy of the host in chain PREROUTING of table mangle"},
}


@pytest.mark.parametrize("rules", IPTABLES)
def test_what_iptables_drops(fence, rules):
    _agree(fence, f"iptables {rules}", IPTABLES[rules])


def _agree(fence, rules, expected):
    with fence.rules(rules):
        said = fence.sentences()
        assert set(said) == fence.packets() == set(expected)
        for direction, place in expected.items():
            assert all(place in text for text in said[direction]), said


# The same for tables that iptables does not show.
NFTABLES = {
    "table inet filter { chain forward { type filter hook forward priority filter; policy drop; } }": {
        OUTSIDE_IN: "the policy of chain forward of table inet filter",
        **out("the policy of chain forward of table inet filter")},
    # The table that iptables of the backend nft works in as well, with a chain that it does not show.
    "table ip filter { chain forward { type filter hook forward priority filter; policy drop; } }": {
        OUTSIDE_IN: "the policy of chain forward of table ip filter",
        **out("the policy of chain forward of table ip filter")},
    """table inet filter { chain forward { type filter hook forward priority filter; policy drop;
        ct state established,related accept; ct status dnat accept; } }""": {
        **out("the policy of chain forward of table inet filter")},
    """table inet filter { chain forward { type filter hook forward priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }; iifname "eth0" accept; } }""": {
        **out("the policy of chain forward of table inet filter")},
    """table inet fw { chain forward { type filter hook forward priority 10; policy drop;
        ct state { established, related } accept
        ip saddr 192.168.5.0/24 accept; tcp dport { 22, 75-90 } accept; } }""": {},
    "table ip fw { chain in { type filter hook forward priority -200; ip daddr 192.168.5.0/24 counter drop; } }": {
        OUTSIDE_IN: "chain in of table ip fw", **out("chain in of table ip fw")},
    "table ip fw { chain in { type filter hook forward priority -200; ip daddr 192.168.5.0/25 tcp dport 80 reject; } }":
        {OUTSIDE_IN: "chain in of table ip fw"},
    "table ip fw { chain early { type filter hook prerouting priority -300; tcp dport 8000-8080 drop; } }": {
        OUTSIDE_IN: "chain early of table ip fw"},
    "table ip fw { chain late { type filter hook prerouting priority 0; tcp dport 8080 drop; } }": {},
    """table ip fw { chain late { type filter hook prerouting priority 0;
        meta l4proto { tcp, udp } th dport 80 drop; } }""": {OUTSIDE_IN: "chain late of table ip fw"},
    'table inet fw { chain mine { type filter hook output priority 0; policy drop; oifname "lo" accept; } }': {},
    "table inet fw { chain mine { type filter hook output priority 0; policy drop; oif lo accept; } }": {},
    "table inet fw { chain mine { type filter hook output priority 0; policy drop; ct state established accept; } }": {
        HOST: "the policy of chain mine of table inet fw"},
    """table inet fw { chain from_outside { tcp dport 80 reject; }
        chain f { type filter hook forward priority 0
        iifname vmap { "eth0" : jump from_outside, "eth1" : accept }; } }""": {
        OUTSIDE_IN: "chain from_outside of table inet fw"},
    """table inet fw { chain f { type filter hook forward priority 0
        iifname "br*" oifname != "br0" ct state new drop; } }""": {**out("chain f of table inet fw")},
    """table inet fw { chain f { type filter hook forward priority 0
        tcp dport vmap { 70-79 : accept, 80-89 : drop, 90-99 : accept }; } }""": {
        OUTSIDE_IN: "chain f of table inet fw"},
    "table ip fw { chain early { type filter hook prerouting priority -300; tcp dport 8080 notrack; } }": {
        OUTSIDE_IN: "untracked, hence untranslated, in chain early of table ip fw"},
    "table ip6 fw { chain f { type filter hook forward priority 0; policy drop; } }": {},
    "table inet fw { chain f { type filter hook forward priority 0; meta nfproto ipv6 drop; } }": {},
    "table inet fw { chain f { type nat hook postrouting priority 0; oifname eth9 masquerade; } }": {},
}


@pytest.mark.parametrize("rules", NFTABLES)
def test_what_nftables_drops(native, rules):
    _agree(native, rules, NFTABLES[rules])


@pytest.mark.parametrize("rules", [
    "iptables -t mangle -A FORWARD -m mark --mark 0 -j DROP",
    "iptables -t mangle -A FORWARD -p tcp -m limit --limit 1/hour --limit-burst 1 -j ACCEPT\n"
    "iptables -t mangle -A FORWARD -d 192.168.5.0/24 -p tcp -j DROP",
    "iptables -t raw -A PREROUTING -s 198.51.100.0/24 -p tcp --dport 8080 -j DROP",
    """table inet fw { set bad { type ipv4_addr; elements = { 198.51.100.2 }; }
        chain f { type filter hook forward priority 0; ip saddr @bad drop; } }""",
])
def test_what_depends_is_not_said(native, rules):
    """Some get through, or nobody can tell: a warning would be a guess."""
    with native.rules(rules):
        assert native.sentences() == {}


def test_ports_are_named_together_and_with_their_interfaces(native):
    here = native.here
    with native.rules("iptables -t mangle -A PREROUTING -p tcp --dport 8000:8090 -j DROP"):
        said = here.run("port_publish", container="web",
                        published_ports=["8080:80", "8081:80", "8082-8089:8082-8089", "9000:80", "8080:80/udp"])
    assert said["warnings"] == ["connections from outside (eth0) to published ports 8080/tcp of web, 8081/tcp of web, "
                                "8082-8089/tcp of web are dropped in chain PREROUTING of table mangle by "
                                "-p tcp -m tcp --dport 8000:8090 -j DROP"]
    native.publish()


LISTENER = """
import socket, sys
both = ":" in sys.argv[1]
listening = socket.create_server((sys.argv[1], 8080), dualstack_ipv6=both,
                                 family=socket.AF_INET6 if both else socket.AF_INET)
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("address", ["0.0.0.0", "::", BOX])
def test_a_process_that_comes_to_listen_on_a_published_port(native, address):
    """It starts as if all was well, and everybody goes on to get the container, in which somebody listens as well."""
    here = native.here
    with here.host.popen([sys.executable, "-c", LISTENER, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True) as process:
        assert process.stdout.readline() == "up\n"
        [said] = native.publish()["warnings"]
        assert re.fullmatch(r"python\S* \(pid \d+\) listens on \S+:8080/tcp of the host, which is published for web "
                            r"\(0\.0\.0\.0:8080->192\.168\.5\.2:80/tcp\): such connections go to web .*", said)
        network = here.run("network_info")["network"]
        assert network["obstacles"] == [said] and network["drift"] == []
        assert native.packets() == set()
        answers = ask(*((place, "tcp", target, 8080) for place, target in (
            (here.outside, BOX), (here.place, BOX), (here.place, "127.0.0.1"))))
        assert {answer.server for answer in answers} == {"web:80"}
        process.communicate("")
    assert native.publish()["warnings"] == []
