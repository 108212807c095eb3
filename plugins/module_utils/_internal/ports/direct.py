# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are open at a container's own address, without translation (gateway mode routed). Pure.

As with Docker, an entry may be for both: where a container's IPv4 is translated and its IPv6 is routed, ``8080:80`` is
port 8080 of the host and port 80 of the container's IPv6 address. Different from Docker, which drops them in silence, a
host port or a host address is refused where no family has a use for it. ``0.0.0.0`` and ``::`` only choose the family.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..core.errors import OptionError
from .model import ANY_IPV4, ANY_IPV6, PortSpec, Publication, bracketed, family_of, range_text


def refuse_own_address(container: str, addresses: Mapping[str, str], specs: Iterable[PortSpec],
                       default_host_ip: str = "") -> None:
    """:raises OptionError: for a host address that is none of the host, but the container's"""
    for spec in specs:
        host_ip = spec.address(default_host_ip)
        if host_ip in addresses.values():
            raise _refusal(spec, host_ip, f"address {host_ip}", f"which is {container}'s own and none of the host")


def split(container: str, addresses: Mapping[str, str], routed: Collection[str], specs: Iterable[PortSpec],
          default_host_ip: str = "") -> tuple[list[PortSpec], list[tuple[PortSpec, str]]]:
    """The specs that want a port of the host, and those that want the container's own, with the family.

    :param addresses: the container's addresses by family
    :param routed: the families among them that are not translated
    :param default_host_ip: stands for the address of each entry that names none
    :raises OptionError: for a host port or a host address that no family has a use for
    """
    on_host, own = [], []
    for spec in specs:
        host_ip = spec.address(default_host_ip)
        families = [family_of(host_ip)] if host_ip else list(addresses)
        direct = [family for family in families if family in routed]
        if len(direct) < len(families):
            on_host.append(spec)
        else:
            reason = (f"and {container} is reached at its own address {addresses[direct[0]]}, since its bridge is in "
                      "gateway mode routed")
            if spec.interface:
                raise _refusal(spec, "", f"interface {spec.interface} in the place of a host address", reason)
            if host_ip not in ("", ANY_IPV4, ANY_IPV6):
                raise _refusal(spec, host_ip, f"host address {host_ip}", reason)
            if spec.host_ports:
                raise _refusal(spec, "", f"host port {range_text(*spec.host_ports)}", reason)
        own += [(spec, family) for family in direct]
    return on_host, own


def _refusal(spec: PortSpec, host_ip: str, part: str, reason: str) -> OptionError:
    """:param host_ip: the address that is wrong, "" where it is the port"""
    if host_ip and not spec.host_ip:
        return OptionError("default_host_ip", host_ip, f"is a host address, {reason}", "Leave it out")
    where = f"{bracketed(spec.host_ip)}::" if spec.host_ip in (ANY_IPV4, ANY_IPV6) else ""
    return OptionError("published_ports", spec.text, f"has the {part}, {reason}",
                       f"Write {where}{range_text(*spec.container_ports)}/{spec.protocol}")


def publications(container: str, addresses: Mapping[str, str], asked: Iterable[tuple[PortSpec, str]],
                 allow_from: Sequence[str] = ()) -> list[Publication]:
    """The direct publications of specs; each gets the sources of its family, and is left out when there are none."""
    sources = {family: tuple(s for s in allow_from if family_of(s) == family) for family in addresses}
    return list(dict.fromkeys(
        Publication(container, addresses[family], spec.container_ports[0], addresses[family], spec.container_ports[0],
                    spec.protocol, spec.count, sources[family])
        for spec, family in asked if sources[family] or not allow_from))
