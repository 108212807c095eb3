# SPDX-License-Identifier: GPL-3.0-or-later
"""On which addresses of the host an entry is to be published."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..core.errors import OptionError
from ..core.model import FAMILY_NAMES
from .model import ANY_IPV4, ANY_IPV6, PortSpec, family_of


class Wanted(NamedTuple):
    """A spec and the host addresses that it is to be published on, with the same ports on each: ``length`` in a row."""

    spec: PortSpec
    host_ips: tuple[str, ...]
    protocol: str
    length: int


# The addresses of an interface of a family, or the place where ports wait for the first one.
Interfaces = Callable[[str, str], Sequence[str]]


def wanted_specs(container: str, addresses: Mapping[str, str], specs: Sequence[PortSpec], default_host_ip: str,
                 allow_from: Sequence[str], interfaces: Interfaces) -> list[Wanted]:
    """The specs that are to be published on any address at all."""
    places: dict[tuple[str, str], tuple[str, ...]] = {}
    wanted = []
    for spec in specs:
        key = spec.host_ip, spec.interface
        host_ips = places.get(key)
        if host_ips is None:
            found = _host_ips(container, addresses, spec, default_host_ip, allow_from)
            host_ips = places[key] = found if not spec.interface else tuple(
                place for any_ip in found for place in interfaces(spec.interface, family_of(any_ip)))
        if host_ips:
            wanted.append(Wanted(spec, host_ips, spec.protocol, spec.count))
    return wanted


def _host_ips(container: str, addresses: Mapping[str, str], spec: PortSpec, default_host_ip: str,
              allow_from: Sequence[str]) -> tuple[str, ...]:
    """The host addresses of a spec, without those of a family that no source may come from."""
    host_ip = spec.address(default_host_ip)
    if host_ip:
        family = family_of(host_ip)
        if not addresses.get(family):
            option, value = ("published_ports", spec.text) if spec.host_ip else ("default_host_ip", host_ip)
            name = FAMILY_NAMES[family]
            raise OptionError(option, value, f"is for {name}, and container {container} has no {name} address",
                              f"Use a host address of the other family, or give the container an {name} address")
        host_ips: tuple[str, ...] = (host_ip,)
    else:
        host_ips = tuple(any_ip for any_ip in (ANY_IPV4, ANY_IPV6) if addresses.get(family_of(any_ip)))
        if not host_ips:
            raise OptionError("published_ports", spec.text,
                              f"cannot be published, because container {container} has no IP address",
                              "Attach the container to a bridge first")
    if not allow_from:
        return host_ips
    allowed = {family_of(source) for source in allow_from}
    return tuple(host_ip for host_ip in host_ips if family_of(host_ip) in allowed)
