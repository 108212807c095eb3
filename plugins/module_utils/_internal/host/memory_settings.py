# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings in memory, and what interfaces queue: which there are, and what they begin with. For tests."""
from __future__ import annotations

import dataclasses
from typing import Any, Optional

from ..core.errors import HostError
from ..link.model import IPV6_MIN_MTU
from ..netns.model import HOST
from ..ports.model import family_of
from .model import BRIDGE_CALLS, HostState
from .settings import FORWARDING, FORWARDING_OF, of_new

_NEW = FORWARDING_OF["ipv4"].format("default")


class Settings:
    """The settings of a state, with those that a kernel has and nobody has set."""

    state: HostState

    def sysctl(self, netns: str, name: str) -> Optional[str]:
        """A value that was set, the kernel's default for an interface that is there, None where there is no name."""
        if (value := self.state.sysctls.get((netns, name))) is not None:
            return value
        same = self.state.namespaces.get(netns)
        for path, other in self.state.namespaces.items():  # several paths may lead to one namespace
            if other is same and (value := self.state.sysctls.get((path, name))) is not None:
                return value
        here, general = self.state.namespaces.get(netns), of_new(name)
        if here is None or not general:
            return None
        if (interface := name.split("/")[3]) in here.links:
            without = name.startswith("net/ipv6/") and here.links[interface].mtu < IPV6_MIN_MTU
            return None if without else self.sysctl(netns, general)
        switched = self.state.sysctls.get((netns, FORWARDING["ipv4"])) if name == _NEW else None
        begin = "1" if name.endswith(("/accept_ra", "/accept_redirects")) else "0"
        return switched or (begin if interface in ("all", "default") else None)

    def _end_ipv6(self, netns: str, name: str) -> None:
        """An interface whose MTU has become too small for IPv6 has none any more."""
        links = self.state.namespaces[netns].links
        kept = tuple(address for address in links[name].addresses if family_of(address) == "ipv4")
        links[name] = dataclasses.replace(links[name], addresses=kept)
        self.state.sysctls = {key: value for key, value in self.state.sysctls.items()
                              if key[0] != netns or not key[1].startswith(f"net/ipv6/conf/{name}/")}

    def _SysctlSet(self, operation: Any) -> None:
        require(self.sysctl(operation.netns, operation.name) is not None, "there is no such name")
        operation.apply(self.state)

    def _ModuleLoad(self, operation: Any) -> None:
        operation.apply(self.state)
        if operation.name == "br_netfilter":
            for name in BRIDGE_CALLS.values():
                self.state.sysctls.setdefault((HOST, name), "1")

    def _ShaperSet(self, operation: Any) -> None:
        shaper, links = operation.shaper, self.state.host.links
        if shaper.interface not in links:  # its container has ended
            return
        require(not shaper.target or shaper.target in links, f"there is no interface {shaper.target}")
        operation.apply(self.state)


def require(fact: bool, otherwise: str) -> None:
    """:raises HostError: where a kernel would refuse"""
    if not fact:
        raise HostError(otherwise)
