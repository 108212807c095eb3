# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tracked connections are forgotten, and that a kernel which refuses is a warning."""
from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.run.converge import execute
from ansible_collections.mooring.net.plugins.module_utils._internal.host import conntrack
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import ConntrackFlush
from ansible_collections.mooring.net.plugins.module_utils._internal.host.real import RealHost
from ansible_collections.mooring.net.plugins.module_utils._internal.link.decode import attribute, attributes

UDP, TCP = 17, 6
CLIENT, HOST, WEB = "198.51.100.2", "192.0.2.10", "192.168.5.2"


def direction(protocol: int, source: str, destination: str, source_port: int, port: int) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    first = 3 if ":" in source else 1
    addresses = (attribute(first, socket.inet_pton(family, source))
                 + attribute(first + 1, socket.inet_pton(family, destination)))
    transport = attribute(1, bytes([protocol])) + b"".join(
        attribute(kind, struct.pack(">H", number)) for kind, number in ((2, source_port), (3, port)))
    return attribute(1, addresses, nested=True) + attribute(2, transport, nested=True)


def entry(protocol: int, port: int, replier: str = "", host: str = HOST, client: str = CLIENT,
          number: int = 1) -> bytes:
    """A connection to a port of the host, as the kernel writes it; translated when somebody else replies."""
    return (bytes(4) + attribute(1, direction(protocol, client, host, 40000, port), nested=True)
            + attribute(2, direction(protocol, replier or host, client, 80, 40000), nested=True)
            + attribute(3, bytes(4)) + attribute(12, struct.pack(">I", number)))


class Kernel:
    """A socket that knows some connections, and what the kernel says to their deletion."""

    def __init__(self, *entries: bytes, refusal: int = 0) -> None:
        self.entries, self.refusal, self.deleted = entries, refusal, []

    def __call__(self, _protocol: int) -> Kernel:
        return self

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def dump(self, _kind: int, _request: bytes) -> Iterator[bytes]:
        return iter(self.entries)

    def send(self, messages: list[bytes]) -> list[int]:
        self.deleted += [struct.unpack(">I", attributes(message, 20)[12])[0] for message in messages]
        return [self.refusal] * len(messages)


def flushed(operation: ConntrackFlush, kernel: Kernel) -> list[str]:
    with mock.patch.object(conntrack, "RtnlSocket", kernel):
        return conntrack.flush(operation)


def test_by_host_port_and_by_the_address_that_it_was_translated_to() -> None:
    kernel = Kernel(entry(UDP, 5353, WEB, number=1), entry(UDP, 5353, number=2), entry(TCP, 5353, number=3),
                    entry(UDP, 5354, number=4), entry(TCP, 8080, WEB, number=5), entry(TCP, 80, host=WEB, number=6),
                    entry(UDP, 7000, number=7), entry(UDP, 7010, number=8), entry(UDP, 7011, number=9),
                    entry(UDP, 5353, host="203.0.113.7", number=10),
                    bytes(4) + attribute(1, direction(1, CLIENT, HOST, 0, 0)[:20], nested=True))
    operation = ConntrackFlush("ipv4", (("udp", 5353, 5353), ("udp", 7000, 7010)), (WEB,), (HOST,))
    assert flushed(operation, kernel) == [] and kernel.deleted == [1, 2, 5, 7, 8]


def test_ipv6() -> None:
    kernel = Kernel(entry(UDP, 53, "2001:db8:5::2", "2001:db8::1", "2001:db8:9::9", 1),
                    entry(UDP, 54, "2001:db8:5::3", "2001:db8::1", "2001:db8:9::9", 2))
    assert flushed(ConntrackFlush("ipv6", (), ("2001:db8:5::2",)), kernel) == [] and kernel.deleted == [1]


OPERATION = ConntrackFlush("ipv4", (("udp", 5353, 5353),), (), (HOST,))
REFUSED = "could not forget tracked connections of udp port 5353: "


@pytest.mark.parametrize(("code", "expected"), [(errno.ENOENT, []),
                                                (errno.EPERM, [f"{REFUSED}Operation not permitted"])])
def test_a_deletion_that_the_kernel_refuses(code: int, expected: list[str]) -> None:
    assert flushed(OPERATION, Kernel(entry(UDP, 5353), entry(UDP, 5353), refusal=code)) == expected


def test_a_kernel_without_connection_tracking_is_a_warning_and_the_run_goes_on() -> None:
    host = RealHost()
    with mock.patch.object(conntrack, "RtnlSocket", side_effect=OSError(errno.EINVAL, "Invalid argument")):
        execute(host, [OPERATION])
    assert host.warnings == [f"{REFUSED}[Errno {errno.EINVAL}] Invalid argument"]
