# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of modules by chance: right ones, nearly right ones, and what nobody meant.

The same seed makes the same inputs. What is drawn for an option depends on its name where that is known, else on what
it has to be.
"""
from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import Options

NAMES = ("web", "db", "new", "c1", "legacy", "web.1", "my_db", "a/b", "x" * 64)
INTERFACES = ("eth0", "eth1", "br0", "br1", "br9", "ens3", "pair", "x" * 15, "a.b-c_d")
IPV4 = ("192.168.5.2", "192.168.5.20", "10.1.0.7", "192.168.5.1", "192.168.5.255", "0.0.0.0", "127.0.0.1", "192.0.2.10",
        "224.0.0.1", "169.254.1.1", "255.255.255.255")
IPV6 = ("2001:db8:1::2", "2001:db8:1::1", "::", "::1", "fe80::1", "ff02::1", "::ffff:192.168.5.2", "2001:DB8:1:0::20")
NETWORKS = ("192.168.5.0/24", "10.0.0.0/8", "10.1.0.1/16", "0.0.0.0/0", "192.168.5.128/25", "10.9.0.1/30",
            "10.9.0.0/31", "192.0.2.1/24", "10.9.0.1/32", "default", "172.30.0.1/16")
NETWORKS6 = ("2001:db8:1::/64", "2001:db8:1::1/64", "2001:db8:9::1/64", "::/0", "2001:db8::1/128", "fe80::1/64",
             "2001:db8:9::/127")
PORTS = ("80", "8080:80", "127.0.0.1:8080:80", "127.0.0.1::443", "53/udp", "7000-7010:7000-7010", "[::1]:8080:80",
         "[::]::80/sctp", "8080-8090:80", "0.0.0.0::80", "1-65535:1-65535", "60000-60010", "192.168.5.2:80:80",
         "49153-65535:80", "[2001:db8:1::2]:80:80", "ens3:8080:80", "ens3::81/udp", "eth9:82:82", "lo:80:80", "eth0:80")
LINKS = ("db:database", "web:site", "db", "nobody:x", "web:a.b", "db:my_db", "c1:c", "web:" + "a" * 63)
HOSTS = ("web", "web.example.com", "host-gateway", "_tcp.example.com", "my_db", ".", ".example.com", "a" * 63,
         "localhost")
TEMPLATES = ("{{ container }}", "{% for a in addresses %}{{ a }} x\n{% endfor %}", "{{ nobody }}", "{% if %}",
             "{{ 1 / 0 }}", "{{ '\\ud800' }}", "{{ '\\0' }}", "# mooring:end", "# mooring:hosts {}\n",
             "127.0.0.1\tlocalhost\n\n", "{{ 'x' * 99999 }}", "{{ ().__class__ }}", "{{ '\\r\\n' }}",
             "{{ names | join('\\n') }}", "{{ links[0].names[9] }}", "\u2028\x85")

# By the end of an option's name.
POOLS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("netns_path", ("/run/netns/web", "/run/netns/db", "/proc/1/ns/net", "/var/run/netns/web", "/nowhere", "/",
                    "/run/netns/../netns/web", "/run/netns/", "/run/netns/a b")),
    ("netns", NAMES), ("container", NAMES), ("pid", (1001, 1, "1001", 4194304, 0, -1)),
    ("network_mode", ("bridge", "host", "none", "container:web", "container:c1", "container:nobody", "container:")),
    ("interface_name", INTERFACES), ("interface", INTERFACES), ("bridge", INTERFACES), ("allow_bridges", INTERFACES),
    ("trusted_interfaces", INTERFACES), ("trusted_networks", (*NETWORKS, *NETWORKS6, *IPV4)),
    ("allow_to", (*NETWORKS, *NETWORKS6, *IPV4, *IPV6, "anywhere", "10.0.0.0/8:443/tcp", "[::/0]:53", "192.0.2.1:9-8")),
    ("allow_from", (*NETWORKS, *NETWORKS6, *IPV4, *IPV6)), ("addresses", (*NETWORKS, *NETWORKS6)),
    ("base", NETWORKS + NETWORKS6), ("size", (24, "16", 64, 31, 127, 0, -1)),
    ("bip", NETWORKS), ("bip6", NETWORKS6), ("fixed_cidr", NETWORKS), ("fixed_cidr_v6", NETWORKS6),
    ("address_v6", IPV6 + NETWORKS6), ("gateway_v6", IPV6), ("mac_address", ("02:42:ac:11:00:02", "02-42-AC-11-00-03")),
    ("address", IPV4 + NETWORKS), ("gateway", IPV4), ("destination", NETWORKS + NETWORKS6 + IPV4),
    ("mtu", (1500, "1400", "auto", 1280, 1279, 68, 65535, 67, "")), ("tx_queue_len", (0, 500, "1000", 1000000, -1)),
    ("published_ports", PORTS), ("exposed_ports", (80, "53/udp", "8000-8010/tcp", 65535, "1-65535")),
    ("dynamic_port_range", ("49153-65535", "1-65535", "8000-8010", 8080, "8010-8000")),
    ("default_host_ip", ("127.0.0.1", "[::1]", "0.0.0.0", "::", "192.0.2.10", "ens3", "lo")), ("links", LINKS),
    ("aliases", HOSTS), ("dns_servers", IPV4 + IPV6 + HOSTS), ("dns_search_domains", HOSTS), ("hostname", HOSTS),
    ("domainname", HOSTS),
    ("dns_opts", ("ndots:2", "use-vc", "timeout:1")), ("etc_hosts", IPV4 + ("host-gateway",)),
    ("_template", TEMPLATES), ("name", NAMES + INTERFACES), ("python", ("/usr/bin/python3", "/opt/x")))
JUNK: tuple[Any, ...] = (None, True, False, 0, -1, 83, 3233, 10 ** 30, 1.1, 1000.0, float("inf"), float("nan"), "",
                         " ", "\n", "\t", "\0", "\ud800", "a\ud800b", "\u00e9", "\u0663\u0662",
                         "\uff11\uff12\uff17.0.0.1", "a\nb", "-A FORWARD -j ACCEPT\n", "'", '"', "\\", "--help", "-x",
                         "../../etc", "%s", "{}", "{{ x }}", "$(id)", "`id`", "a" * 16, "a" * 300, "9" * 5000,
                         "a" * 70000, "\u202e", "\x1b[31m", "\x85", "\u2028", ",", ",,", ":", "::::", "/", "1e3",
                         "0x50", "(known after apply)", "?", "all", "default", "lo", "none", [], [[]], [None], [True],
                         [1.5], {}, {"a": 1}, {"a": {"b": []}}, [{}], [[[[]]]])
ALPHABET = "0123456789abcdef.:/-_@%+,[]()=?*\\'\"{} \t\n\0\x1b\u00e9\u0663\ud800\u2028AZ"
SETTINGS = ("net.ipv4.conf.IFNAME.rp_filter", "net/ipv4/conf/eth0/forwarding", "net.core.somaxconn", "net.ipv4.x",
            "kernel.panic", "net.ipv4.conf.IFNAME.disable_ipv6", "net.ipv6.conf.eth0.disable_ipv6")
VALUES = ("1", 0, True, "a b", "4096\t87380", None, " ", "a" * 5000)


class Fuzz:
    """A source of inputs. :param junk: the share of values that nobody meant, and of texts with a change somewhere"""

    def __init__(self, seed: int, junk: float = 0.15) -> None:
        self.random = random.Random(seed)
        self.junk = junk

    def options(self, options: Options, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A few options of these, beside ``base``."""
        names = self.random.sample(sorted(options), min(len(options), self.random.choice((0, 1, 1, 2, 2, 3, 4, 8))))
        required = [name for name, option in options.items() if option.get("required") and self.random.random() < 0.97]
        found = {**(base or {}), **{name: self.value(name, options[name]) for name in dict.fromkeys(names + required)}}
        if self.random.random() < self.junk / 10:
            found[self.random.choice(("nam", "", "a\nb", "x" * 5000))] = self.random.choice(JUNK)
        return found

    def value(self, name: str, option: Mapping[str, Any]) -> Any:
        """One value of an option."""
        if self.random.random() < self.junk:
            return self.random.choice(JUNK)
        if "options" in option:
            if option["type"] == "list":
                return [self.options(option["options"]) for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
            return self.options(option["options"])
        if "choices" in option:
            return self.random.choice(option["choices"])
        return self._by_kind(name, option.get("kind", option["type"]))

    def _by_kind(self, name: str, kind: str) -> Any:
        def one() -> Any:
            return self._changed(self.random.choice(pool_of(name)))

        made: dict[str, Callable[[], Any]] = {
            "bool": lambda: self.random.choice((True, False, "yes", "no", 1)),
            "settings": lambda: {self._changed(name): self._changed(self.random.choice(VALUES))
                                 for name in self.random.sample(SETTINGS, 1)},
            "text by name": lambda: {self._changed(self.random.choice(HOSTS)): one()},
            "texts": lambda: [one() for _ in range(self.random.choice((0, 1, 1, 2, 3)))],
            "ports": lambda: [one() for _ in range(self.random.choice((0, 1, 1, 2, 3)))]}
        return made.get(kind, one)()

    def _changed(self, value: Any) -> Any:
        """Sometimes a text with a character more, less, or in place of another one."""
        if not isinstance(value, str) or self.random.random() >= self.junk:
            return value
        place = self.random.randrange(len(value) + 1)
        new = self.random.choice(ALPHABET) * self.random.choice((0, 1, 1, 1, 2, 40))
        return value[:place] + new + value[place + self.random.choice((0, 1)):]


    def damaged(self, value: Any) -> Any:
        """A value of JSON in which somebody has changed a few things."""
        value = copy.deepcopy(value)
        for _number in range(self.random.choice((1, 1, 1, 2, 3))):
            inner = list(_inner(value))
            if not inner:
                break
            node, key = self.random.choice(inner)
            old = node.pop(key)
            if self.random.random() < 0.85:
                junk = self.random.choice(JUNK)
                new = self.random.choice((junk, junk, [old], {"a": old}, str(old)))
                if isinstance(node, dict):
                    node[key] = copy.deepcopy(new)
                else:
                    node.insert(key, copy.deepcopy(new))
        return value


def _inner(value: Any) -> Iterator[tuple[Any, Any]]:
    """All that is in a value, as what it is directly in, and where there."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _inner(each)


def pool_of(name: str) -> tuple[Any, ...]:
    return next((pool for end, pool in POOLS if name.endswith(end)), NAMES)
