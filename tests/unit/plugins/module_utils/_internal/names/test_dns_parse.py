# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of container_dns."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.names import name_problem
from hypothesis import given
from hypothesis import strategies as st
from world import desired

LONG = ".".join(["a" * 63] * 4)


@pytest.mark.parametrize(("options", "message"), [
    ({"hostname": "a_b"}, "hostname: 'a_b' is not a host name (RFC 1123). Use letters, digits and inner '-'"),
    ({"hostname": "-a"}, "hostname: '-a' is not a host name"),
    ({"hostname": "a-"}, "hostname: 'a-' is not a host name"),
    ({"hostname": "a..b"}, "hostname: 'a..b' is not a host name"),
    ({"hostname": "a b"}, "hostname: 'a b' is not a host name"),
    ({"hostname": "a\nnameserver 10.0.0.1"}, "hostname: 'a\\nnameserver 10.0.0.1' is not a host name"),
    ({"hostname": "a\n"}, "hostname: 'a\\n' is not a host name"),
    ({"hostname": "ä"}, "hostname: 'ä' is not a host name"),
    ({"hostname": "a" * 64}, f"hostname: '{'a' * 64}' has a label of 64 characters"),
    ({"hostname": LONG}, f"hostname: '{LONG[:200]}...' has 255 characters, and a host name has at most 253"),
    ({"domainname": "example.com\r"}, "domainname: 'example.com\\r' is not a host name"),
    ({"dns_servers": ["dns.example.com"]}, "dns_servers: 'dns.example.com' is not an IP address. Give one like 192."),
    ({"dns_servers": ["192.0.2.1\nsearch x"]}, "dns_servers: '192.0.2.1\\nsearch x' is not an IP address"),
    ({"dns_servers": ["fe80::1%eth0\nsearch x"]}, "dns_servers: 'fe80::1%eth0\\nsearch x' is not an IP address"),
    ({"etc_hosts": {"a": "fe80::1%x\n10.0.0.1\tbank"}}, "etc_hosts: 'fe80::1%x\\n10.0.0.1\\tbank' is not"),
    ({"dns_servers": [""]}, "dns_servers: '' is not an IP address"),
    ({"fallback_dns_servers": ["x"]}, "fallback_dns_servers: 'x' is not an IP address"),
    ({"dns_search_domains": ["a b"]}, "dns_search_domains: 'a b' is not a host name"),
    ({"dns_search_domains": ["a\nb"]}, "dns_search_domains: 'a\\nb' is not a host name"),
    ({"dns_search_domains": ["..a"]}, "dns_search_domains: '.a' is not a host name"),
    ({"dns_search_domains": [".", "a"]}, "dns_search_domains: '., a' has '.', which means no search domain, beside"),
    ({"dns_opts": ["ndots:"]}, "dns_opts: 'ndots:' is not an option of resolv.conf(5). Give one like ndots:2"),
    ({"dns_opts": ["a b"]}, "dns_opts: 'a b' is not an option"),
    ({"dns_opts": ["rotate\n"]}, "dns_opts: 'rotate\\n' is not an option"),
    ({"etc_hosts": {"a b": "10.0.0.1"}}, "etc_hosts: 'a b' is not a host name"),
    ({"etc_hosts": {"a": "10.0.0.256"}}, "etc_hosts: '10.0.0.256' is not an IP address"),
    ({"etc_hosts": {"a\n10.0.0.1\tbank": "10.0.0.1"}}, "etc_hosts: 'a\\n10.0.0.1\\tbank' is not a host name"),
    ({"name": "a b"}, "name: 'a b' is not the name of a container"),
    ({"container": "web"}, "container and netns are given together"),
])
def test_a_wrong_option(options: dict, message: str) -> None:
    with pytest.raises(MooringError) as caught:
        desired("container_dns", {"netns": "web", **options})
    assert str(caught.value).startswith(message)


def test_forms_that_mean_the_same() -> None:
    found, = desired("container_dns", {
        "netns": "web", "dns_search_domains": [".example.com", "example.com", "example.org."],
        "dns_servers": ["2001:DB8::0:1", "192.0.2.1", "192.0.2.1", "host-gateway", "fe80::1%eth0.5"],
        "dns_opts": ["ndots:2", "use-vc"],
        "etc_hosts": {"a.example": "2001:DB8::0:2", "gw": "host-gateway"}})
    assert found.dns_search_domains == ("example.com", "example.org")
    assert found.dns_servers == ("2001:db8::1", "192.0.2.1", "host-gateway", "fe80::1%eth0.5")
    assert found.etc_hosts == (("a.example", "2001:db8::2"), ("gw", "host-gateway"))
    assert found.fallback_dns_servers == ("8.8.8.8", "8.8.4.4")


def test_a_dot_is_no_search_domain_at_all() -> None:
    assert desired("container_dns", {"netns": "web", "dns_search_domains": ["."]})[0].dns_search_domains == (".",)


@given(st.text())
def test_no_name_carries_anything_into_a_file(text: str) -> None:
    if not name_problem(text):
        assert text.isascii() and text.replace(".", "").replace("-", "").isalnum() and 0 < len(text) <= 253
    if not name_problem(text, underscores=True):
        assert not name_problem(text.replace("_", "x"))


def test_names_that_are_looked_up_may_have_underscores() -> None:
    found, = desired("container_dns", {"netns": "my_db", "dns_search_domains": ["_tcp.example.com", ".my_net"],
                                       "etc_hosts": {"shop_db_1": "10.0.0.1", "_sip._udp.example.com": "10.0.0.2"}})
    assert found.dns_search_domains == ("_tcp.example.com", "my_net")
    assert dict(found.etc_hosts) == {"shop_db_1": "10.0.0.1", "_sip._udp.example.com": "10.0.0.2"}
    for option in ("hostname", "domainname"):
        with pytest.raises(OptionError, match=f"{option}: 'my_db' is not a host name .* Use letters, digits and inner"):
            desired("container_dns", {"netns": "web", option: "my_db"})
