# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is to come back to after a reboot or a flush: the parameters of everything it has been asked for. Values.

It is an order and no memory: while the kernel has state, the kernel decides. An item has the options of its module,
without those that have their usual value, and with the addresses and host ports that were chosen.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..netns.model import label_of_path

FOLDER = "/var/lib/mooring"
NAME = "applied.json"
PATH = f"{FOLDER}/{NAME}"

BRIDGES, POLICIES, PAIRS, ENDPOINTS, PORTS, NAMES = MODULES = (
    "docker_bridge", "icc_policy", "veth_pair", "netns_attach", "port_publish", "container_dns")

Options = Mapping[str, Any]
Key = tuple[str, str]  # a module, and the identity of one of its items

TARGETS = ("container", "netns", "netns_path", "pid")


@dataclass(frozen=True)
class Applied:
    """All items, in the order in which they came.

    :param items: options by module and identity, see :func:`identity`
    :param processes: of each process that an item names by its number, which one it was: boot and start time
    """

    items: Mapping[Key, Options] = field(default_factory=dict)
    processes: Mapping[str, str] = field(default_factory=dict)

    def of(self, module: str) -> list[Options]:
        """The items of a module."""
        return [options for (kind, _identity), options in self.items.items() if kind == module]

    def addresses(self) -> Iterator[tuple[str, str]]:
        """The container and the address, without its prefix length, of each endpoint that has one."""
        for options in self.of(ENDPOINTS):
            for option in ("address", "address_v6"):
                if options.get(option):
                    yield label_of(options), str(options[option]).partition("/")[0]

    @property
    def containers(self) -> frozenset[str]:
        """Those that are to have an interface, whether they are there or not."""
        return frozenset(label_of(options) for options in self.of(ENDPOINTS))


def label_of(options: Options) -> str:
    """The name in marks of the container that an item is about."""
    if options.get("name"):
        return str(options["name"])
    return next((label_of_path(str(options[kind])) if kind == "netns_path" else str(options[kind])
                 for kind in TARGETS if options.get(kind) is not None), "")


def identity(module: str, options: Options) -> str:
    """What no two items of a module share."""
    if module == BRIDGES:
        return str(options["name"])
    if module == PAIRS:
        return " ".join([str(options["name"]), *(str(options[kind]) for kind in TARGETS if options.get(kind))])
    if module == ENDPOINTS:
        return f"{label_of(options)} {options.get('interface_name') or 'eth0'}"
    if module == POLICIES and not any(options.get(kind) is not None for kind in TARGETS):
        return f"bridge {options['bridge']}"
    return label_of(options)


def processes_of(options: Options) -> Iterator[str]:
    """The numbers of the processes that an item names, also by a path below /proc."""
    for end in (options, options.get("peer") or {}):
        path = str(end.get("netns_path") or "")
        if end.get("pid") is not None:
            yield str(end["pid"])
        elif path.startswith("/proc/"):
            yield path.split("/")[2]
