# SPDX-License-Identifier: GPL-3.0-or-later
"""A routing netlink socket that sends many of pyroute2's messages in one write.

pyroute2 knows the messages; its own sockets send one at a time and cost 2 to 3 ms each to open. The message classes
used here have been the same since 0.5.14. Protocol: rtnetlink(7), netlink(7).
"""
from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

from ..core import interpreters
from ..core.errors import HostError

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NEWQDISC, DELQDISC, GETQDISC = 36, 37, 38
NEWTFILTER, DELTFILTER, GETTFILTER = 44, 45, 46
REQUEST, ACK, CREATE, EXCLUSIVE, REPLACE, DUMP = 0x1, 0x4, 0x400, 0x200, 0x100, 0x300
NETFILTER = 12  # NETLINK_NETFILTER, the same protocol for tables and tracked connections
_ERROR, _DONE = 2, 3
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR
DUMP_ATTEMPTS = 8
_SOL_NETLINK, _STRICT = 270, 12  # NETLINK_GET_STRICT_CHK: a dump heeds the fields of its request
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence number, port

# Acknowledgements wait in the receive buffer while a write is carried out: 64 fit the default one with ease.
BATCH = 64
BUFFER = 1 << 20


@functools.cache
def _messages() -> dict[int, Any]:
    """pyroute2's classes by kind of message. Importing it costs 170 ms, which a run without changes need not pay."""
    old = interpreters.outdated(("pyroute2",))  # modules have asked before; the command mooring has not
    if old:
        raise HostError(interpreters.too_old(old))
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

    return {NEWLINK: ifinfmsg, DELLINK: ifinfmsg, NEWADDR: ifaddrmsg, DELADDR: ifaddrmsg, NEWROUTE: rtmsg,
            DELROUTE: rtmsg}


def encode(kind: int, how: int, attributes: Sequence[Any], more: bytes = b"", /, **fields: int) -> bytes:
    """One message as bytes, without its sequence number; ``how`` are flags of the netlink header.

    Half of the messages of a large run are the same for every namespace (lo and eth0 up, the default route), and
    encoding one costs more than sending it: they are kept.

    :param more: attributes that are encoded already, which go behind the others
    """
    key = repr((kind, how, attributes, more, fields))
    if key not in _ENCODED:
        if len(_ENCODED) >= _KEPT:
            _ENCODED.clear()
        message = _messages()[kind]()
        for name, value in fields.items():
            message[name] = value
        message["attrs"] = list(attributes)
        message["header"]["type"] = kind
        message["header"]["flags"] = how | REQUEST
        message["header"]["pid"] = 0
        message.encode()
        _ENCODED[key] = _behind(bytes(message.data), more)
    return _ENCODED[key]


def _behind(encoded: bytes, more: bytes) -> bytes:
    """A message with attributes behind its own, and its length."""
    filled = encoded + bytes(-len(encoded) % 4) if more else encoded
    return struct.pack("=I", len(filled) + len(more)) + filled[4:] + more


_ENCODED: dict[str, bytes] = {}
_KEPT = 4096  # messages; a message is about a hundred bytes


def message(kind: int, payload: bytes, how: int = 0) -> bytes:
    """A request that is encoded already; its number is filled in when it is sent."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, REQUEST | how, 0, 0) + payload


class RtnlSocket:
    """A socket bound to the network namespace in which it is opened, whatever namespace is entered later."""

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        """:param protocol: another one of netlink(7), of which objects can be dumped the same way"""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        with contextlib.suppress(OSError):  # before Linux 4.20 a dump returns more than asked for, which does no harm
            self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> RtnlSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, messages: Sequence[bytes]) -> list[int]:
        """Send messages in as few writes as the buffer allows; the errno of each, 0 for success.

        The kernel carries out all messages of one write, in order, also those after one that failed.
        """
        outcome = []
        for start in range(0, len(messages), BATCH):
            outcome += self._send(messages[start:start + BATCH])
        return outcome

    def _send(self, messages: Sequence[bytes]) -> list[int]:
        first = self._sequence + 1
        self._sequence += len(messages)
        buffer = bytearray()
        for number, message in enumerate(messages):
            length, kind, flags, _sequence, port = _HEADER.unpack_from(message)
            buffer += _HEADER.pack(length, kind, flags | ACK, first + number, port) + message[_HEADER.size:]
            buffer += bytes(-len(buffer) % 4)
        self._socket.send(buffer)
        outcome: dict[int, int] = {}
        while len(outcome) < len(messages):
            for kind, _flags, sequence, payload in _split(self._socket.recv(BUFFER)):
                if kind == _ERROR and first <= sequence <= self._sequence:
                    outcome[sequence - first] = -struct.unpack_from("=i", payload)[0]
        return [outcome[number] for number in range(len(messages))]

    def ask(self, questions: Sequence[bytes]) -> Iterator[bytes]:
        """The payloads of what the kernel knows of each question; nothing where it answers with an error."""
        for start in range(0, len(questions), BATCH):
            asked = questions[start:start + BATCH]
            first, self._sequence = self._sequence + 1, self._sequence + len(asked)
            buffer = bytearray()
            for number, question in enumerate(asked):
                length, kind, flags, _sequence, port = _HEADER.unpack_from(question)
                buffer += _HEADER.pack(length, kind, flags, first + number, port) + question[_HEADER.size:]
                buffer += bytes(-len(buffer) % 4)
            self._socket.send(buffer)
            waiting = set(range(first, self._sequence + 1))
            while waiting:
                for kind, _flags, sequence, payload in _split(self._socket.recv(BUFFER)):
                    if sequence in waiting:
                        waiting.remove(sequence)
                        if kind != _ERROR:
                            yield payload

    def dump(self, kind: int, request: bytes, most: int = sys.maxsize) -> Iterator[bytes]:
        """The payloads of all objects of a kind; what ``request`` says narrows them down.

        :param most: how many there may be, with those of attempts at which something changed in between
        :raises OSError: what the kernel answered instead, EFBIG where there are more
        """
        for _attempt in range(DUMP_ATTEMPTS - 1):
            found, complete = self._dump(kind, request, most)
            if complete:
                return iter(found)
            most -= len(found)
        return iter(self._dump(kind, request, most)[0])

    def _dump(self, kind: int, request: bytes, most: int) -> tuple[list[bytes], bool]:
        """The payloads, and whether nothing changed while the kernel wrote them: else one may be missing."""
        self._sequence += 1
        length = _HEADER.size + len(request)
        self._socket.send(_HEADER.pack(length, kind, REQUEST | DUMP, self._sequence, 0) + request)
        found: list[bytes] = []
        complete = True
        while True:
            for number, flags, sequence, payload in _split(self._socket.recv(BUFFER)):
                if sequence != self._sequence:
                    continue
                complete = complete and not flags & _INTERRUPTED
                if number == _DONE:
                    return found, complete
                if number == _ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    raise OSError(code, os.strerror(code))
                found.append(payload)
            if len(found) > most:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, sequence number and payload of every message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + _HEADER.size:offset + length]
        offset += (length + 3) & ~3


def index_of(name: str, flush: Optional[Callable[[], None]] = None) -> int:
    """Index of an interface of the namespace that is entered, 0 when there is none.

    ``flush`` is called before giving up: the interface may be in messages that still wait.
    """
    try:
        return socket.if_nametoindex(name)
    except OSError:
        if flush is None:
            return 0
        flush()
        return index_of(name)
