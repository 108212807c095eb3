# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's resolv.conf takes from the host's."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.names.limits import of_resolv_conf
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import (HOST_RESOLV, SYSTEMD_RESOLV,
                                                                                        ResolvSettings)
from ansible_collections.mooring.net.plugins.module_utils._internal.names.resolv import (Conf, body, choose, host_conf,
                                                                                         parse_conf)

HOST = Conf(("192.0.2.1", "127.0.0.1", "127.3.4.5", "::1", "fe80::1%eth0", "2001:db8::1"), ("lab.example",),
            ("ndots:2",))
FALLBACK = ("8.8.8.8", "8.8.4.4")


@pytest.mark.parametrize(("text", "found"), [
    ("", Conf()),
    ("nameserver 192.0.2.1\nnameserver 192.0.2.2 # second\n", Conf(("192.0.2.1", "192.0.2.2"))),
    ("nameserver nonsense\nnameserver\n# nameserver 192.0.2.3\n;nameserver 192.0.2.3\n", Conf()),
    ("search a b\ndomain c\n", Conf(search=("c",))),
    ("domain c\nsearch a b\n", Conf(search=("a", "b"))),
    ("search .\n", Conf()),
    ("options ndots:2\noptions rotate timeout:1\n", Conf(options=("ndots:2", "rotate", "timeout:1"))),
    ("  nameserver\t192.0.2.1  \n", Conf(("192.0.2.1",))),
    # What a file system leaves behind of a file after a crash.
    ("nameserver 192.0.2.1\nsearch a\x01b\n\0\0\0\0options rotate\0\n", Conf(("192.0.2.1",), options=("rotate",))),
])
def test_a_resolv_conf(text: str, found: Conf) -> None:
    assert parse_conf(text) == found


@pytest.mark.parametrize(("own", "real", "servers"), [
    ("nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.9\n", ("192.0.2.9",)),
    ("nameserver 127.0.0.53\nnameserver 192.0.2.1\n", "nameserver 192.0.2.9\n", ("127.0.0.53", "192.0.2.1")),
    ("nameserver 127.0.0.1\n", "nameserver 192.0.2.9\n", ("127.0.0.1",)),
    ("nameserver 127.0.0.53\n", None, ("127.0.0.53",)),
    (None, "nameserver 192.0.2.9\n", ()),
])
def test_behind_systemd_resolved_are_the_real_servers(own: str, real: str, servers: tuple) -> None:
    texts = {path: text for path, text in ((HOST_RESOLV, own), (SYSTEMD_RESOLV, real)) if text is not None}
    assert host_conf(texts).servers == servers


@pytest.mark.parametrize(("settings", "servers", "search", "options"), [
    ({}, ("192.0.2.1",), ("lab.example",), ("ndots:2",)),
    ({"ipv6": True}, ("192.0.2.1", "2001:db8::1"), ("lab.example",), ("ndots:2",)),
    ({"dns_servers": ("127.0.0.1", "2001:db8::5")}, ("127.0.0.1", "2001:db8::5"), ("lab.example",), ("ndots:2",)),
    ({"dns_servers": ("host-gateway",), "gateway": "10.0.0.1"}, ("10.0.0.1",), ("lab.example",), ("ndots:2",)),
    ({"dns_servers": ("host-gateway",)}, ("192.0.2.1",), ("lab.example",), ("ndots:2",)),
    ({"dns_search_domains": ("a",)}, ("192.0.2.1",), ("a",), ("ndots:2",)),
    ({"dns_search_domains": (".",)}, ("192.0.2.1",), (), ("ndots:2",)),
    ({"dns_opts": ("rotate",)}, ("192.0.2.1",), ("lab.example",), ("rotate",)),
])
def test_each_kind_of_line_is_the_hosts_unless_it_is_given(settings: dict, servers: tuple, search: tuple,
                                                           options: tuple) -> None:
    found = choose(ResolvSettings("web", **settings), HOST)
    assert (found.servers, found.search, found.options, found.fell_back) == (servers, search, options, None)


def test_what_the_host_says_never_makes_a_line_that_cannot_be() -> None:
    found = parse_conf("nameserver 192.0.2.1\nsearch a\x1bb c\noptions x\x7f\n")
    assert body(ResolvSettings("web"), found) == ["nameserver 192.0.2.1", "search c"]


@pytest.mark.parametrize("host", [Conf(), Conf(("127.0.0.53",)), Conf(("::1", "2001:db8::1"))])
def test_the_fallback(host: Conf) -> None:
    found = choose(ResolvSettings("web", fallback_dns_servers=(*FALLBACK, "2001:4860:4860::8888")), host)
    assert (found.servers, found.fell_back) == (FALLBACK, host.servers)


@pytest.mark.parametrize(("settings", "host", "warnings"), [
    ({}, HOST, []),
    ({"fallback_dns_servers": FALLBACK}, Conf(("127.0.0.1",)), [
        "the host's resolv.conf has no name server for web (only 127.0.0.1, of no use in a container): it gets "
        "8.8.8.8, 8.8.4.4 (fallback_dns_servers)"]),
    ({"fallback_dns_servers": ()}, Conf(), [
        "the host's resolv.conf has no name server for web (none): it gets none (fallback_dns_servers)"]),
    ({"dns_servers": ("127.0.0.1",)}, HOST, ["dns_servers: 127.0.0.1 is the container web itself, not the host"]),
    ({"dns_servers": ("2001:db8::1",)}, HOST, [
        "dns_servers: 2001:db8::1 cannot be reached by web, which has no IPv6 address"]),
    ({"dns_servers": tuple(f"192.0.2.{n}" for n in range(4))}, HOST, [
        "web has 4 name servers, and resolvers use the first 3"]),
    ({"dns_search_domains": tuple("abcdefg")}, HOST, [
        "web has 7 search domains: glibc before 2.26 uses 6 at most, of 256 characters together"]),
    ({"dns_search_domains": tuple("abcdef")}, HOST, []),
    ({"dns_search_domains": ("a" * 63 + "." + "b" * 63, "c" * 63 + "." + "d" * 63 + ".e")}, HOST, [
        "web has 2 search domains: glibc before 2.26 uses 6 at most, of 256 characters together"]),
])
def test_what_will_not_do_as_expected_is_said(settings: dict, host: Conf, warnings: list) -> None:
    assert of_resolv_conf(ResolvSettings("web", **settings), host) == warnings
