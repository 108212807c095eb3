# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets between the namespaces of test hosts: servers that say whom they saw, clients that wait a bounded time.

A socket stays in the namespace in which it was opened. So everything runs in the process of the tests, which enters a
namespace only to open a socket there.
"""
import contextlib
import ctypes
import errno
import itertools
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
PATIENCE = 30.0  # seconds for an answer that has to come, on a machine that is busy
SILENCE = 0.2  # seconds for one that must not: packets between namespaces arrive before the sending call returns

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_tokens = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A network namespace: a test host's own, or a named one of it."""

    host: Any
    netns: str = ""

    @property
    def path(self):
        return self.host.path(f"/run/netns/{self.netns}") if self.netns else f"/proc/{self.host.pid}/ns/net"

    @contextlib.contextmanager
    def entered(self):
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)

    def socket(self, family, kind, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)

    def __str__(self):
        return f"{self.host.name}{'/' + self.netns if self.netns else ''}"


def _setns(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@dataclass(frozen=True)
class Answer:
    """What came back: ``outcome`` is "answered", "refused" (an RST or an ICMP error) or "silence".

    ``server`` is who answered, ``peer`` the address of the client that it saw.
    """

    outcome: str
    server: str = ""
    peer: str = ""


def _at(address, port):
    """Where a socket connects to; a link-local address has the number of an interface behind a ``%``."""
    bare, _percent, zone = address.partition("%")
    return (bare, port, 0, int(zone)) if zone else (address, port)


def answered(server, peer):
    return Answer("answered", server, peer)


REFUSED, SILENT = Answer("refused"), Answer("silence")


class Servers:
    """Echo servers for tcp and udp in any number of namespaces, on one thread."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._wake, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._rounds = threading.Semaphore(0)
        self._stopping = False
        self.seen = {}  # token of a client -> name of the server that it reached
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._stopping = True
        self._wake.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._wake.close()
        self._selector.close()

    def serve(self, place, name, ports, address="0.0.0.0", protocols=("tcp", "udp")):
        """Listen in a namespace; each server answers as ``name:port``."""
        family = family_of(address)
        for protocol, port in itertools.product(protocols, ports):
            server = place.socket(family, KINDS[protocol])
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind((address, port))
            server.setblocking(False)
            if protocol == "tcp":
                server.listen(64)
            self._selector.register(server, selectors.EVENT_READ, (protocol, f"{name}:{port}"))

    def settle(self):
        """Return when everything that has arrived at a server was read."""
        for _round in range(2):
            self._wake.send(b"x")
            self._rounds.acquire()

    def _run(self):
        while not self._stopping:
            rung = False
            for key, _events in self._selector.select():
                if key.data is None:
                    rung = bool(key.fileobj.recv(1))
                else:
                    with contextlib.suppress(OSError):
                        self._serve(key.fileobj, *key.data)
            if rung:
                self._rounds.release()

    def _serve(self, server, protocol, name):
        if protocol == "udp":
            token, peer = server.recvfrom(64)
            self.seen[token] = name
            server.sendto(_reply(token, name, peer), peer)
            return
        if protocol == "tcp":
            connection, peer = server.accept()
            connection.setblocking(False)
            # A client sends at once, or is gone: it is answered when its token is there.
            self._selector.register(connection, selectors.EVENT_READ, ("connection", (name, peer)))
            return
        name, peer = name
        token = server.recv(64)
        self.seen[token] = name
        if token:
            server.send(_reply(token, name, peer))
        self._selector.unregister(server)
        server.close()


def _reply(token, name, peer):
    return b" ".join([token, name.encode(), peer[0].encode()])


class Call:
    """One connection or datagram, on its way."""

    def __init__(self, place, protocol, address, port, source=None):
        self.token = f"t{next(_tokens)}".encode()
        self.what = f"{place} -> {protocol} {address} port {port}"
        self.answer = None
        self._socket = place.socket(family_of(address), KINDS[protocol])
        self._socket.setblocking(False)
        if source:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(source if isinstance(source, tuple) else (source, 0))
        self._connected = protocol == "udp"
        try:
            self._socket.connect(_at(address, port))
            if self._connected:
                self._socket.send(self.token)
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(error)

    def fileno(self):
        return self._socket.fileno()

    @property
    def events(self):
        return selectors.EVENT_READ if self._connected else selectors.EVENT_WRITE

    def go_on(self):
        """Something has happened at the socket."""
        try:
            if not self._connected:
                code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, os.strerror(code))
                self._connected = True
                self._socket.send(self.token)
                return
            words = self._socket.recv(256).decode().split()
            if len(words) == 3 and words[0].encode() == self.token:
                self.answer = answered(*words[1:])
            else:
                self.answer = Answer("closed")
        except OSError as error:
            self._end(error)

    def _end(self, error):
        if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EINVAL,
                           errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL):
            self.answer = REFUSED
        else:
            raise error

    def close(self):
        self._socket.close()


def _drive(calls, seconds):
    """Let all calls go on at the same time, until each of them has an answer or the time is over."""
    with selectors.DefaultSelector() as selector:
        waiting = [call for call in calls if call.answer is None]
        for call in waiting:
            selector.register(call, call.events)
        deadline = time.monotonic() + seconds
        left = seconds
        # At the end of the time, what has happened by then is still looked at.
        while waiting and ((events := selector.select(max(left, 0))) or left > 0):
            for key, _events in events:
                call = key.fileobj
                call.go_on()
                if call.answer is None:
                    selector.modify(call, call.events)
                else:
                    selector.unregister(call)
                    waiting.remove(call)
            left = deadline - time.monotonic()


def ask(*calls, seconds=None):
    """What comes back for each call ``(place, protocol, address, port[, source])``, all of them at the same time."""
    started = [Call(*call) for call in calls]
    try:
        _drive(started, PATIENCE if seconds is None else seconds)
        return [call.answer or SILENT for call in started]
    finally:
        for call in started:
            call.close()


def expect_answers(*expected):
    """Each ``(call, server, peer)`` is answered by that server, which sees the client as that peer."""
    answers = ask(*(call for call, _server, _peer in expected))
    wrong = [f"{_shown(call)}: {answer}, expected {server} to answer and to see {peer}"
             for (call, server, peer), answer in zip(expected, answers) if answer != answered(server, peer)]
    assert not wrong, "\n".join(["", *wrong])


def expect_closed(servers, *calls, seconds=SILENCE):
    """No call is answered, and no server has seen one."""
    started = [Call(*call) for call in calls]
    try:
        _drive(started, seconds)
        servers.settle()
        wrong = [f"{call.what}: {call.answer or 'seen by ' + servers.seen[call.token]}, expected to be closed"
                 for call in started if call.token in servers.seen or call.answer not in (None, REFUSED)]
        assert not wrong, "\n".join(["", *wrong])
    finally:
        for call in started:
            call.close()


class Flow:
    """A udp client that keeps its port, as a resolver or a game does: one tracked connection on its way."""

    def __init__(self, servers, place, address, port):
        self._servers, self._socket = servers, place.socket(family_of(address), socket.SOCK_DGRAM)
        self._socket.connect((address, port))

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._socket.close()

    def post(self):
        """Send a datagram; its token. :raises OSError: when the last one was refused, or there is no route"""
        token = f"t{next(_tokens)}".encode()
        self._socket.send(token)
        return token

    def send(self):
        """The server that a datagram reaches, "" when it reaches none."""
        token = b""
        with contextlib.suppress(ConnectionRefusedError):
            token = self.post()
        self._servers.settle()
        return self._servers.seen.get(token, "")


class Connection:
    """A tcp connection that stays, of which both ends are here: what one sends the other one reads."""

    def __init__(self, server, inside, client, address, port):
        """:param server: the place that listens on the port ``inside``, which ``client`` finds at address and port"""
        with server.socket(family_of(address), socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", inside))
            listener.listen(1)
            self._client = client.socket(family_of(address), socket.SOCK_STREAM)
            self._client.settimeout(PATIENCE)
            self._client.connect((address, port))
            self._server = listener.accept()[0]
            self._server.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._client.close()
        self._server.close()

    def lives(self):
        """Whether a word goes through both ways. :raises OSError: when the connection was reset or is silent"""
        found = []
        for one, other in ((self._client, self._server), (self._server, self._client)):
            token = f"t{next(_tokens)}".encode()
            one.sendall(token)
            found.append(other.recv(64) == token)
        return all(found)

    def is_cut(self):
        """Whether nothing that either end sends gets to the other one."""
        for one, other in ((self._client, self._server), (self._server, self._client)):
            with contextlib.suppress(OSError):
                one.sendall(b"cut")
                other.settimeout(SILENCE)
                if other.recv(64):
                    return False
        return True


def _shown(call):
    place, protocol, address, port = call[:4]
    return f"{place} -> {protocol} {address} port {port}"
