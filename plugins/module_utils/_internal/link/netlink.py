# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapter for links, addresses and routes: a namespace as a value, and operations as batches of messages."""
from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ..core.errors import HostError
from ..core.plan import Operation
from ..link.operations import LinkDel, LinkMove
from ..netns.enter import Namespaces, home
from ..netns.model import HOST, label_of_path
from . import decode, rtnl
from .encode import Second, messages
from .model import DELETION_GROUP, Namespace, Neighbour, Route
from .outcome import failure, is_half_done, settled

MOST_PLACES = 1 << 14  # of MAC addresses that all bridges of the host know: a bridge has 1023 ports at most
# Of links, addresses and routes; a bridge of a thousand ports has 2000. Reading so many takes a third of a second.
MOST_IN_CONTAINER = 1 << 14


def snapshot(path: str, namespaces: Optional[Namespaces] = None) -> Namespace:
    """Links with their addresses and settings, and the routes of the main table, of the namespace at ``path``.

    Without the settings for the host's own: it may have a thousand links, of which a few are asked for.

    :raises HostError: when it cannot be entered
    """
    # A container that fills its namespace is not to fill the host's memory and time with it.
    most = sys.maxsize if path == HOST else MOST_IN_CONTAINER
    with (namespaces or Namespaces()).enter(path), rtnl.RtnlSocket() as kernel:
        inode = os.stat("/proc/self/ns/net").st_ino
        try:
            messages_of = list(kernel.dump(rtnl.GETLINK, decode.LINKS, most))
            addresses: dict[int, list[str]] = {}
            for found in filter(None, map(decode.address, kernel.dump(rtnl.GETADDR, decode.ADDRESSES, most))):
                addresses.setdefault(found[0], []).append(found[1])
            routes = list(kernel.dump(rtnl.GETROUTE, decode.ROUTES, most))
        except OSError as error:
            raise HostError(f"namespace {label_of_path(path)} cannot be read: " + (
                f"it has more than {most} links, addresses or routes, or keeps changing them"
                if error.errno == errno.EFBIG else str(error.strerror))) from error
    links = [decode.link(data) for data in messages_of]
    names = {link.index: link.name for link, _controller in links}
    settings = dict(pair for data in messages_of for pair in decode.settings(data)) if path != HOST else {}
    leading, barriers = _decode_routes(routes, names)
    return Namespace(inode, {link.name: replace(link, controller=names.get(controller, ""),
                                                addresses=decode.in_order(addresses.get(link.index, ())))
                             for link, controller in links}, leading, settings, barriers)


def _kernel() -> tuple[int, ...]:
    """Its version."""
    return tuple(map(int, re.findall("[0-9]+", os.uname().release)[:2]))


def neighbours(bridges: Mapping[int, str], ports: Mapping[int, str], macs: Iterable[tuple[int, str]] = ()
               ) -> Optional[dict[tuple[str, str], Neighbour]]:
    """What is set of neighbours on these bridges, and of MAC addresses behind these ports, which are names by index.

    :param macs: MAC addresses that are to be set, by ports. Where bridges know more than they should, it is asked for
        those alone
    :returns: None where the kernel is older than 5.0: it keeps no word of whose a neighbour is
    """
    if _kernel() < (5, 0):
        return None
    with rtnl.RtnlSocket() as kernel:
        found = [decode.neighbour(data, bridges)
                 for data in (kernel.dump(rtnl.GETNEIGH, decode.NEIGHBOURS) if bridges else ())]
    found += [decode.neighbour(data, ports) for data in (_places(macs) if ports else ())]
    return {each.key: each for each in found if each is not None}


def _places(macs: Iterable[tuple[int, str]]) -> list[bytes]:
    """Which MAC addresses are behind ports: all, or, where these are too many, those that are asked for.

    The kernel has no dump of those that somebody has set. And a container that sends with another MAC address each time
    (CAP_NET_RAW) lets its bridge learn a hundred thousand in a second, and keep them for five minutes.
    """
    try:
        with rtnl.RtnlSocket() as kernel:
            return list(kernel.dump(rtnl.GETNEIGH, decode.PLACES, MOST_PLACES))
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
    with rtnl.RtnlSocket() as kernel:  # in the other one the kernel has still more to say
        return list(kernel.ask([rtnl.message(rtnl.GETNEIGH, decode.place_request(index, mac)) for index, mac in macs]))


def _decode_routes(payloads: Sequence[bytes], names: Mapping[int, str]) -> tuple[list[Route], list[Route]]:
    """Routes that lead somewhere, and barriers."""
    routes = [route for data in payloads if (route := decode.route(data, names))]
    return ([route for route in routes if not route.is_barrier], [route for route in routes if route.is_barrier])


# Operation, why it failed -> whether the rest is to be done all the same
Forgive = Callable[[Operation, HostError], bool]


def execute(path: str, operations: Sequence[Operation], namespaces: Optional[Namespaces] = None,
            forgive: Forgive = lambda *_failure: False) -> Iterator[Operation]:
    """Carry out operations of one namespace in as few writes as possible; yields each one that was done.

    :raises HostError: for the first that failed and is not forgiven, after the done ones were yielded
    """
    namespaces = namespaces or Namespaces()
    if not operations:
        return
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(home())
        try:
            stack.enter_context(namespaces.enter(path))
        except HostError as error:
            if not forgive(operations[0], error):
                raise
            return
        kernel = stack.enter_context(rtnl.RtnlSocket())
        deletions = _only_deletions(operations)
        if len(deletions) > 1:
            yield from _delete_together(kernel, deletions)
            return
        yield from _Batch(kernel, stack, here, namespaces, forgive).run(operations)


def _only_deletions(operations: Sequence[Operation]) -> list[LinkDel]:
    """All operations where each of them deletes a link, else none."""
    found = [each for each in operations if isinstance(each, LinkDel)]
    return found if len(found) == len(operations) else []


class _Batch:
    """Messages on their way to the kernel, each with the operation that it belongs to."""

    def __init__(self, kernel: rtnl.RtnlSocket, stack: contextlib.ExitStack, here: int, namespaces: Namespaces,
                 forgive: Forgive) -> None:
        self._kernel = kernel
        self._forgive = forgive
        self._stack = stack
        self._namespaces = namespaces
        self._open = {HOST: here}
        self._waiting: list[tuple[Operation, bytes]] = []
        self._done: list[Operation] = []

    def run(self, operations: Sequence[Operation]) -> Iterator[Operation]:
        try:
            for operation in operations:
                self._add(operation)
            self._flush()
        except (HostError, OSError):
            yield from self._done
            raise
        yield from self._done

    def _add(self, operation: Operation) -> None:
        try:
            new = [(operation, message) for message in messages(operation, self)]
        except HostError as error:
            if not self._forgive(operation, error):
                raise
            return
        self._waiting += new

    def _flush(self) -> None:
        """First messages of all operations, then the second ones of those that were carried out.

        From its first message on an operation is done, and must be undone if a later one fails.
        """
        waiting, self._waiting = self._waiting, []
        first = [(operation, message) for operation, message in waiting if not isinstance(message, Second)]
        failed = self._send(first)
        done = {id(operation) for operation in self._done}
        second = [(operation, message) for operation, message in waiting
                  if isinstance(message, Second) and id(operation) in done]
        for operation, code in (*failed, *self._send(second)):
            error = failure(operation, code)
            if not self._forgive(operation, error):
                if is_half_done(operation, code) and id(operation) not in done:
                    self._done.append(operation)
                raise error

    def _send(self, messages_of: Sequence[tuple[Operation, bytes]]) -> list[tuple[Operation, int]]:
        """Send messages; the operations that failed, each with its errno."""
        outcome = self._kernel.send([message for _operation, message in messages_of])
        codes = [settled(operation, code) for (operation, _message), code in zip(messages_of, outcome)]
        for (operation, message), code in zip(messages_of, codes):
            if code == 0 and not isinstance(message, Second) and not any(operation is o for o in self._done[-1:]):
                self._done.append(operation)
        return [(operation, code) for (operation, _message), code in zip(messages_of, codes) if code]

    def index(self, name: str) -> int:
        if any(isinstance(each, (LinkDel, LinkMove)) for each, _message in self._waiting):
            self._flush()  # a link of that name may be about to go, and another one to come
        return rtnl.index_of(name, self._flush)

    @property
    def renames_while_up(self) -> bool:
        return _kernel() >= (6, 2)

    def namespace(self, path: str) -> int:
        if path not in self._open:
            self._open[path] = self._namespaces.open(path)
            self._stack.callback(os.close, self._open[path])
        return self._open[path]


def _delete_together(kernel: rtnl.RtnlSocket, operations: Sequence[LinkDel]) -> Iterator[LinkDel]:
    """Delete many links as one interface group: the kernel then waits for its grace period (18 ms) once, not for each.

    :raises HostError: when the group is in use, or as soon as the kernel refuses
    """
    _clear_group(kernel)
    outcome = kernel.send([rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", operation.link.name],
                                                         ["IFLA_GROUP", DELETION_GROUP]]) for operation in operations])
    grouped = [operation for operation, code in zip(operations, outcome) if code == 0]
    if grouped:
        code = kernel.send([rtnl.encode(rtnl.DELLINK, 0, [["IFLA_GROUP", DELETION_GROUP]])])[0]
        if settled(grouped[0], code):
            _clear_group(kernel)
            raise failure(grouped[0], code)
    gone = [operation for operation, code in zip(operations, outcome) if not settled(operation, code)]
    yield from gone
    for operation, code in zip(operations, outcome):
        if operation not in gone:
            raise failure(operation, code)


def _clear_group(kernel: rtnl.RtnlSocket) -> None:
    """Take links of ours out of the group, where a run ended between gathering and deleting them.

    :raises HostError: when a link of somebody else is in it
    """
    found = [decode.link(data)[0] for data in kernel.dump(rtnl.GETLINK, decode.LINKS)
             if decode.link_group(data) == DELETION_GROUP]
    foreign = [link.name for link in found if link.mark is None]
    if foreign:
        raise HostError(f"interface group {DELETION_GROUP} is in use by {', '.join(foreign)}: take them out of it "
                        "with `ip link set DEV group default`")
    if found:
        kernel.send([rtnl.encode(rtnl.NEWLINK, 0, [["IFLA_IFNAME", link.name], ["IFLA_GROUP", 0]]) for link in found])
