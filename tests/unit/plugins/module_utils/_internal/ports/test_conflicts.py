# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports stand in each other's way, and what the message says about whose they are."""
from __future__ import annotations

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allocate import allocate, conflicts
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication, Socket
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import parse_port_spec

IPV4 = {"ipv4": "192.168.5.2"}
BOTH = {"ipv4": "192.168.5.2", "ipv6": "2001:db8::2"}
DB = Publication("db", "0.0.0.0", 8080, "192.168.5.3", 80, "tcp")
NGINX = Socket("tcp", "0.0.0.0", 8080, "nginx (pid 123)")
WEB = Publication("web", "0.0.0.0", 8080, "192.168.5.2", 80, "tcp")


def run(*texts: str, addresses: dict = IPV4, **options: object) -> tuple[Publication, ...]:
    options = {"others": (), "current": (), "sockets": (), "reserved": (), **options}
    return allocate("web", addresses, [parse_port_spec(text) for text in texts], **options)


def refusal(*texts: str, **options: object) -> str:
    with pytest.raises(OptionError) as caught:
        run(*texts, **options)
    return str(caught.value)


def test_a_port_of_another_container() -> None:
    assert refusal("8080:81", others=[DB]) == (
        "published_ports: '8080:81/tcp' asks for host port 8080/tcp, which is already published by container db "
        "(0.0.0.0:8080->192.168.5.3:80/tcp). Choose another host port, or leave it out to have one chosen.")


def test_a_port_that_a_process_listens_on() -> None:
    assert "which is in use by nginx (pid 123), which listens on 0.0.0.0:8080." in refusal("8080:80", sockets=[NGINX])
    unknown = Socket("tcp", "::1", 8080, "")
    assert "which is in use by a process, which listens on [::1]:8080." in refusal(
        "[::1]:8080:80", addresses=BOTH, sockets=[unknown])


@pytest.mark.parametrize("texts", [("8080:80", "8080:80"), ("8080:80", "8080:81"), ("127.0.0.1:8080:81", "8080:80"),
                                   ("8080-8082:80-82", "8081:81")])
def test_the_same_port_twice_in_one_task(texts: tuple[str, str]) -> None:
    message = refusal(*texts)
    assert f"is given twice: {texts[0]}/tcp has it too" in message
    assert f"'{texts[1]}/tcp' asks for" in message


@pytest.mark.parametrize(("text", "other", "clash"), [
    ("127.0.0.1:8080:80", DB, True),
    ("8080:80", Publication("db", "127.0.0.1", 8080, "192.168.5.3", 80, "tcp"), True),
    ("127.0.0.1:8080:80", Publication("db", "127.0.0.1", 8080, "192.168.5.3", 80, "tcp"), True),
    ("127.0.0.1:8080:80", Publication("db", "127.0.0.2", 8080, "192.168.5.3", 80, "tcp"), False),
    ("0.0.0.0:8080:80", Publication("db", "::", 8080, "2001:db8::3", 80, "tcp"), False),
    ("[::1]:8080:80", DB, False),
    ("[::1]:8080:80", Publication("db", "::", 8080, "2001:db8::3", 80, "tcp"), True),
    ("8080:80/udp", DB, False),
    ("8081:80", DB, False),
    ("8000-8100:8000-8100", DB, True),
    ("8080:80", Publication("db", "0.0.0.0", 7000, "192.168.5.3", 7000, "tcp", 2000), True),
    ("9000:80", Publication("db", "0.0.0.0", 7000, "192.168.5.3", 7000, "tcp", 2000), False),
    ("8999:80", Publication("db", "0.0.0.0", 7000, "192.168.5.3", 7000, "tcp", 2000), True),
    ("6999-7000:1-2", Publication("db", "0.0.0.0", 7000, "192.168.5.3", 7000, "tcp", 2000), True),
])
def test_conflicts_know_wildcards_families_protocols_and_ranges(text: str, other: Publication, clash: bool) -> None:
    (alone,) = (p for p in run(text, addresses=BOTH) if p.family == other.family or text[0] == "[" or "0.0.0.0" in text)
    assert conflicts(alone, other) is conflicts(other, alone) is clash
    if clash:
        assert "container db" in refusal(text, addresses=BOTH, others=[other])
    else:
        assert run(text, addresses=BOTH, others=[other])


@pytest.mark.parametrize(("text", "socket", "clash"), [
    ("8080:80", Socket("tcp", "::", 8080, "x", dual_stack=True), True),
    ("127.0.0.1:8080:80", Socket("tcp", "::", 8080, "x", dual_stack=True), True),
    ("8080:80", Socket("tcp", "::", 8080, "x"), False),
    ("8080:80", Socket("tcp", "::1", 8080, "x"), False),
    ("8080:80", Socket("tcp", "127.0.0.53", 8080, "x"), True),
    ("8080:80", Socket("tcp", "::ffff:127.0.0.1", 8080, "x"), True),
    ("127.0.0.1:8080:80", Socket("tcp", "127.0.0.53", 8080, "x"), False),
    ("127.0.0.53:8080:80", Socket("tcp", "127.0.0.53%lo", 8080, "x"), True),
    ("8080:80/udp", NGINX, False),
])
def test_sockets_know_families_and_protocols(text: str, socket: Socket, clash: bool) -> None:
    if clash:
        assert "is in use by" in refusal(text, sockets=[socket])
    else:
        assert run(text, sockets=[socket])


def test_own_publications_are_never_in_the_way() -> None:
    now = run("8080:80", "7000-7002:7000-7002", "9000")
    assert run("8080:80", "7000-7002:7000-7002", "9000", current=now) == now
    assert run("8080:81", current=[WEB], sockets=[NGINX])


def test_own_publication_on_one_address_does_not_excuse_a_socket_on_another() -> None:
    socket = Socket("tcp", "::", 8080, "nginx (pid 123)")
    assert "nginx" in refusal("8080:80", addresses=BOTH, current=[WEB], sockets=[socket])
