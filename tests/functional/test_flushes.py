# SPDX-License-Identifier: GPL-3.0-or-later
"""Others take the rules away, in every way that they have, while datagrams never stop: what gets through, for how long.

The units are the real ones, on a real systemd. How long it takes is not for a test to say, but which of the two ways it
goes: at once, or with the next look of the guard.
"""
import time

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.boot.model import ENABLED
from ansible_collections.mooring.net.plugins.module_utils._internal.boot.units import units
from containers import BOX, box, once
from pipeline import PipelineError, install_program
from probes import Probes
from traffic import SILENCE, Place, ask, expect_closed
from worlds import use_backend

pytestmark = once
PROGRAM, ORDER = "/usr/local/lib/mooring/mooring.pyz", "/var/lib/mooring/applied.json"
WEB, SHOP, MUTE, DB, OWN = "192.168.5.10", "192.168.5.11", "192.168.5.12", "10.20.0.10", "10.30.0.10"
NETWORKS = [
    {"name": "front", "bip": "192.168.5.1/24", "icc": False, "containers": [
        {"name": "web", "address": WEB, "published_ports": ["8080:80/udp", "8080:80", "127.0.0.1:8081:80"]},
        {"name": "shop", "address": SHOP}, {"name": "mute", "address": MUTE}]},
    {"name": "back", "bip": "10.20.0.1/24", "containers": [{"name": "db", "address": DB}]},
    {"name": "plain", "bip": "10.30.0.1/24", "gateway_mode": "routed", "containers": [
        {"name": "own", "address": OWN, "published_ports": ["80/udp"]}]}]
NAMES = ("web", "shop", "mute", "db", "own")
# As a container can that has CAP_NET_ADMIN in its own network.
LOOPBACK = """ip netns exec shop sh -ec 'sysctl -qw net.ipv4.conf.all.route_localnet=1
    ip address delete 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 192.168.5.1'"""
ANNOUNCED = {
    "nftables": ["systemctl start nftables", "systemctl restart nftables", "systemctl reload nftables",
                 "systemctl stop nftables"],
    "firewalld": ["systemctl start firewalld", "systemctl reload firewalld", "systemctl restart firewalld",
                  "systemctl stop firewalld"],
    "ufw": ["systemctl start ufw", "ufw --force enable", "ufw reload", "systemctl restart ufw", "ufw disable",
            "systemctl stop ufw"],
    "netfilter-persistent": ["netfilter-persistent save", "systemctl start netfilter-persistent",
                             "systemctl restart netfilter-persistent", "systemctl stop netfilter-persistent"]}
SILENT = {
    "nftables": ["nft flush ruleset", "iptables -F", "iptables -t raw -F", "iptables -t nat -F",
                 "iptables -D FORWARD 1", "iptables -F MOORING-IN-front"],
    "firewalld": ["firewall-cmd --reload", "firewall-cmd --complete-reload"],
    "ufw": ["/lib/ufw/ufw-init flush-all"], "netfilter-persistent": ["netfilter-persistent flush"]}


class Site:
    """A host with its network, its units and somebody outside who knows the way to all containers."""

    def __init__(self, here, layer, serving=True, networks=NETWORKS):
        """:param serving: whether there are servers in all containers"""
        self.here, self.layer, self.networks = here, layer, networks
        here.sh("sysctl -qw net.ipv4.ip_forward=1; iptables -P FORWARD ACCEPT")
        here.outside_host.run(["ip", "route", "add", "default", "via", BOX])
        self.install()
        here.sh("systemctl start mooring.target")
        self.places = {name: Place(here.host, name) for name in NAMES}
        for name in NAMES if serving else ():
            here.servers.serve(self.places[name], name, (80, 81))
        here.servers.serve(here.place, "host", (9999,), address="127.0.0.1", protocols=("udp",))
        here.sh(LOOPBACK)

    def install(self):
        here = self.here
        install_program(here.host)
        here.run("host_network", networks=self.networks, persist=True)
        programs = {"ipv4": "/usr/sbin/iptables-restore", "ipv6": "/usr/sbin/ip6tables-restore"}
        for path, text in units(programs, PROGRAM, ORDER, seconds=3).items():
            file = here.host.path(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        here.sh(f"systemctl daemon-reload; systemctl --quiet enable {' '.join(ENABLED)}")

    @property
    def opened(self):
        published, routed = (self.here.outside, "udp", BOX, 8080), (self.here.outside, "udp", OWN, 80)
        # Of firewalld's zones none lets through what is not translated.
        return {"published": published} if self.layer == "firewalld" else {"published": published, "routed": routed}

    @property
    def closed(self):
        outside, shop = self.here.outside, self.places["shop"]
        return {"unpublished": (outside, "udp", WEB, 81), "direct": (outside, "udp", WEB, 80),
                "routed, unpublished": (outside, "udp", OWN, 81),
                "between bridges": (self.places["db"], "udp", WEB, 80), "icc, isolated": (shop, "udp", MUTE, 80),
                "icc": (shop, "udp", WEB, 80), "loopback of the host": (shop, "udp", "127.0.0.1", 9999)}

    def is_whole(self, probes):
        return probes.all_is(self.opened, self.closed, during=0.6)

    def happens(self, script, seconds):
        """Something happens; what gets through of what must not, and what is lost of what must get through.

        :param seconds: within which all is to be as before, hard-pressed machines included
        """
        with Probes(self.here.servers, **self.opened, **self.closed) as probes:
            self.wait(probes, 20, f"before {script}")
            began = time.monotonic()
            self.here.host.run(["sh", "-ec", script])
            time.sleep(0.7)
            self.wait(probes, seconds, script)
            seen = probes.seen(began)
        assert self.here.run("network_info")["network"]["drift"] == []
        return {**{name: seen[name].through for name in self.closed}, **{name: seen[name].lost for name in self.opened}}

    def wait(self, probes, seconds, what):
        deadline = time.monotonic() + seconds
        while not self.is_whole(probes):
            assert time.monotonic() < deadline, (what, {
                name: (len(each.through), len(each.lost)) for name, each in probes.seen(time.monotonic() - 1).items()})
            time.sleep(0.05)


# Whose layer, and which program of iptables the host has chosen, or firewalld itself.
HOSTS = [*((layer, "") for layer in sorted(ANNOUNCED)), ("nftables", "legacy"), ("firewalld", "iptables")]


@pytest.fixture(params=HOSTS, ids=lambda param: " ".join(filter(None, param)))
def site(request):
    layer, backend = request.param
    with box(layer, outside=True, systemd=True) as found:
        if layer == "firewalld":
            found.sh("systemctl start dbus")
        if backend == "iptables":
            found.sh("sed -i s/^FirewallBackend=.*/FirewallBackend=iptables/ /etc/firewalld/firewalld.conf")
        if backend == "legacy":
            use_backend(found.host, backend)
        yield Site(found, layer)


def test_what_units_announce_heals_without_a_look_of_the_guard(site):
    """The timer does not run."""
    for event in ANNOUNCED[site.layer]:
        got = site.happens(event, 30)
        assert got["icc, isolated"] == [], event
        if site.layer == "ufw":
            assert not any(got.values()), (event, got)


def test_what_nobody_announces_heals_with_the_next_look(site):
    site.here.sh("systemctl start mooring-guard.timer")
    if site.layer == "firewalld":
        site.here.sh("systemctl start firewalld")
    for event in SILENT[site.layer]:
        got = site.happens(event, 60)
        assert got["icc, isolated"] == [], event
        if event in ("iptables -F", "iptables -D FORWARD 1"):  # raw is still there
            assert got["direct"] == got["between bridges"] == got["loopback of the host"] == [], event


def test_the_guard_says_nothing_while_all_is_there(site):
    here = site.here
    here.sh("systemctl start mooring-guard.service")
    before = here.sh("journalctl --sync || true; journalctl --no-pager -u mooring-guard.service | wc -l")
    here.sh("for n in 1 2 3; do systemctl start mooring-guard.service; done; journalctl --sync || true")
    assert here.sh("journalctl --no-pager -u mooring-guard.service | wc -l") == before
    assert here.sh("systemctl --failed --no-legend") == ""


def test_without_a_port_by_the_loopback_containers_do_not_reach_it_whatever_is_flushed():
    with box(outside=True) as here:
        containers = NETWORKS[0]["containers"]
        for port, reached in (["127.0.0.1:8081:80/udp"], True), ([f"{BOX}:8080:80/udp"], False):
            here.run("host_network", networks=[{**NETWORKS[0], "containers": [
                {**containers[0], "published_ports": port}, *containers[1:]]}])
            if reached:
                shop = Place(here.host, "shop")
                here.servers.serve(here.place, "host", (9999,), address="127.0.0.1", protocols=("udp",))
                here.sh(LOOPBACK)
            expect_closed(here.servers, (shop, "udp", "127.0.0.1", 9999))
            here.sh("for table in raw nat filter; do iptables -t $table -F; iptables -t $table -X; done")
            [answer] = ask((shop, "udp", "127.0.0.1", 9999), seconds=SILENCE)
            assert (answer.outcome == "answered") is reached


def test_rules_that_were_saved_before_a_bridge_was_made_close_it_all_the_same():
    """All hooks are among them."""
    with box("netfilter-persistent", outside=True, systemd=True) as here:
        site = Site(here, "netfilter-persistent")
        here.sh("netfilter-persistent save")
        late = {"name": "late", "bip": "10.40.0.1/24", "gateway_mode": "routed", "containers": [
            {"name": "last", "address": "10.40.0.10"}]}
        here.run("host_network", networks=[*NETWORKS, late])
        here.servers.serve(Place(here.host, "last"), "last", (80,), protocols=("udp",))
        asked = (here.outside, "udp", "10.40.0.10", 80)
        expect_closed(here.servers, asked)
        here.sh("netfilter-persistent start")  # as the unit does, but without telling it
        assert ask(asked, seconds=SILENCE)[0].outcome == "answered"
        for event in "start mooring-guard.service", "restart netfilter-persistent.service":
            here.host.run(["systemctl", *event.split()], check=False)
            with Probes(here.servers, **site.opened, late=asked) as probes:
                deadline = time.monotonic() + 60
                while not probes.all_is(site.opened, ["late"]):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)


# What the unit mooring-repair begins with, as soon as a run has taken a hook away.
AT_ONCE = """while iptables -t raw -S MOORING-RAW >/dev/null 2>&1; do :; done
    for family in ipv4 ipv6; do
        test $family = ipv4 && restore=iptables-restore || restore=ip6tables-restore
        for table in raw mangle filter; do $restore --noflush -w 30 -T $table /var/lib/mooring/gate.$family; done
    done"""


def test_a_run_that_takes_the_last_rules_away_while_the_guard_brings_them_back():
    """The guard knows of no run: it finds a hook missing, and loads what closes all bridges in the midst of it."""
    with box(outside=True) as here:
        here.run("host_network", networks=[{"name": "front", "bip": "192.168.5.1/24"}], persist=True)
        with here.host.popen(["sh", "-c", AT_ONCE]) as guard:
            plan = here.run("host_network", networks=[{"name": "front", "state": "absent"}], persist=True)
            guard.wait()
        raw = [step for step in plan["operations"] if step.startswith("ipv4 raw table: delete")]
        assert len(raw) > 1, "the guard came too late"
        assert "MOORING" not in here.sh("iptables-save; ip6tables-save")


def test_another_backend_of_iptables_opens_nothing_and_loses_what_is_translated_at_no_moment():
    with box("nftables", outside=True, systemd=True) as here:
        site = Site(here, "nftables")
        with Probes(here.servers, **site.opened, **site.closed) as probes:
            site.wait(probes, 20, "before")
            began = time.monotonic()
            use_backend(here.host, "legacy")
            here.host.run(["systemctl", "start", "mooring-guard.service"], check=False)
            deadline = time.monotonic() + 60
            while "MOORING-FORWARD" not in here.sh("iptables -S FORWARD"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            time.sleep(0.5)
            seen = probes.seen(began)
        assert not any(seen[name].through for name in site.closed)
        assert not seen["published"].lost and seen["routed"].lost
        with pytest.raises(PipelineError, match="bridges back, front, plain need rules: there are rules in both"):
            here.run("host_network", networks=site.networks, persist=True)
        here.sh("nft flush ruleset")
        here.run("host_network", networks=site.networks, persist=True)
        with Probes(here.servers, **site.opened, **site.closed) as probes:
            site.wait(probes, 20, "after")
        assert here.run("network_info")["network"]["drift"] == []
