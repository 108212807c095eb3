# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of netns_attach as a value. Pure."""
from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Optional, Union

from ..core.errors import MooringError, OptionError
from ..core.names import (
    NAME_PART_LENGTH, READ_AS_ADDRESS, container_label, interface_name, name_problem, without_zone,
)
from ..link.parse import address as plain_address
from ..link.parse import mac, parse_mtu, parse_routes
from ..link.rates import parse_bandwidth
from ..link.reach import require_usable
from ..netns.parse import target
from ..ports.allow import AllowList
from ..ports.allow_spec import OPTION, parse_allow_to
from ..ports.spec import parse_exposed_port
from .model import MODES, DesiredEndpoint

_SETTING = re.compile(r"[\t ]*[!-~][\t -~]*")
QUEUE_LENGTHS = (0, 1000000)  # packets; the kernel takes any 32-bit number, and nobody means more than this
_INTERFACE_OPTIONS = ("bridge", "interface", "address", "address_v6", "gateway", "gateway_v6", "mac_address", "mtu",
                      "tx_queue_len", "default_route", "routes", "sysctls", "exposed_ports", "aliases", "bandwidth")
# What an image or a template may bring along, and what opens nothing and leads nowhere else where it has no effect: it
# is left out with a warning. Docker refuses a MAC address for who shares another network: it has that of its owner.
_HARMLESS = ("exposed_ports", "mac_address", "mtu", "tx_queue_len")
LEFT_OUT = {"host": _HARMLESS, "none": _HARMLESS, "container": ("exposed_ports",)}


def parse(options: Mapping[str, Any]) -> DesiredEndpoint:
    """One item of the module's options as a :class:`DesiredEndpoint`. :raises MooringError: naming option and value"""
    exposed = options["exposed_ports"]
    mode, owner, left_out = _mode(options)
    name = interface_name("interface_name", options["interface_name"])
    if name == "lo":
        raise OptionError("interface_name", name, "is the loopback of every container", "Choose another name")
    found = DesiredEndpoint(
        target=target(options),
        name=container_label("name", options["name"]) if options["name"] else None,
        present=options["state"] == "present", mode=mode, owner=owner,
        bridge=_interface("bridge", options["bridge"]), interface=_interface("interface", options["interface"]),
        interface_name=name,
        address=_address("address", options["address"], 4),
        address_v6=_address("address_v6", options["address_v6"], 6),
        gateway=plain_address("gateway", options["gateway"] or None, 4),
        gateway_v6=plain_address("gateway_v6", options["gateway_v6"] or None, 6),
        mac_address=mac("mac_address", options["mac_address"]),
        mtu=parse_mtu("mtu", options["mtu"]),
        tx_queue_len=_queue_length(options["tx_queue_len"]),
        default_route=options["default_route"],
        routes=parse_routes("routes", options["routes"], name) or (),
        sysctls=_sysctls(options["sysctls"], name),
        exposed_ports=None if exposed is None else tuple(parse_exposed_port(port) for port in exposed),
        aliases=None if options["aliases"] is None else tuple(dict.fromkeys(map(_alias, options["aliases"]))),
        create_netns=options["create_netns"], adopt=options["adopt"],
        bandwidth=parse_bandwidth("bandwidth", options["bandwidth"]), left_out=left_out,
        allow_to=_allow_to(options, mode, owner))
    nothing: dict[str, Any] = dict.fromkeys(left_out)
    return dataclasses.replace(found, **nothing)


def _mode(options: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Docker's ``--network``: the mode, the container whose network is shared, and what is left out in that mode.

    :raises MooringError: also for options that only a container with an interface of its own can have
    """
    left_out: tuple[str, ...] = ()
    text = options["network_mode"]
    mode, _colon, owner = text.partition(":")
    if mode not in MODES or (mode == "container") != bool(owner):
        raise OptionError("network_mode", text, "is not a network mode", "Give bridge, host, none or container:NAME")
    if mode != "bridge":
        given = [option for option in _INTERFACE_OPTIONS if options[option] not in (None, [], {})]
        left_out = tuple(option for option in given if option in LEFT_OUT[mode])
        conflicts = [option for option in given if option not in left_out]
        if conflicts and options["state"] == "present":
            whose = f"give them to {owner}, whose network it shares" if owner else "say network_mode: bridge"
            raise MooringError(f"network_mode: {text!r} conflicts with {', '.join(conflicts)}, since the container "
                               f"gets no interface of its own. Leave them out, or {whose}")
        if owner:
            container_label("network_mode", owner)
    return mode, owner, left_out


def _allow_to(options: Mapping[str, Any], mode: str, owner: str) -> Union[AllowList, str, None]:
    """Where it may send. An empty list is one: so it is looked at apart from other options of an interface."""
    found = parse_allow_to(options[OPTION])
    if found is not None and mode != "bridge" and options["state"] == "present":
        whose = f"shares that of {owner}" if owner else "uses the host's" if mode == "host" else "has none"
        remedy = f"Say it for {owner}, whose list holds for both" if owner else "Leave it out"
        raise OptionError(OPTION, ", ".join(options[OPTION]), "is for a network of the container's own, and with "
                          f"network_mode: {options['network_mode']} it {whose}", remedy)
    return found


def _interface(option: str, value: Optional[str]) -> Optional[str]:
    return interface_name(option, value) if value else None


def _alias(value: str) -> str:
    """A name of the container on its bridge. :raises OptionError: for one that no resolver would look up as a name"""
    problem = name_problem(value, underscores=True) or (
        f"has {len(value)} characters" if len(value) > NAME_PART_LENGTH else "") or (
        "is no name: whoever looks it up takes it for an address" if READ_AS_ADDRESS.fullmatch(value) else "")
    if problem:
        raise OptionError("aliases", value, problem, "Use letters, digits, '_', '-' and '.', "
                          f"{NAME_PART_LENGTH} characters at most")
    return value


def _queue_length(value: Optional[int]) -> Optional[int]:
    first, last = QUEUE_LENGTHS
    if value is not None and not first <= value <= last:
        raise OptionError("tx_queue_len", value, "is not a queue length", f"Give packets from {first} to {last}")
    return value


def _sysctls(values: Optional[Mapping[str, Any]], interface: str) -> tuple[tuple[str, str], ...]:
    """Names below net, with IFNAME for the interface's name, as Docker's endpoint sysctls have it."""
    found = []
    for name, value in (values or {}).items():
        words = name.replace("/", ".").split(".")
        if words[0] != "net" or len(words) < 3 or not all(re.fullmatch(r"[A-Za-z0-9_-]+", word) for word in words):
            raise OptionError("sysctls", name, "is not a kernel setting of a network namespace",
                              "Give a name below net, like net.ipv4.conf.IFNAME.rp_filter")
        if not _SETTING.fullmatch("" if value is None else str(value)):
            raise OptionError("sysctls", value, f"is not a value for {name}", "Give one line of ASCII characters")
        text = {True: "1", False: "0"}[value] if isinstance(value, bool) else " ".join(str(value).split())
        found.append(("/".join(interface if word == "IFNAME" else word for word in words), text))
    return tuple(found)


def _address(option: str, value: Optional[str], version: int) -> Optional[str]:
    """An address with or without a prefix length, in canonical form."""
    if not value:
        return None
    example = "192.168.5.20" if version == 4 else "2001:db8:1::20"
    without_zone(option, value, example)
    try:
        found = ipaddress.ip_interface(value)
    except ValueError as error:
        raise OptionError(option, value, f"is not an IP address ({error})", f"Give it like {example}") from error
    if found.version != version:
        raise OptionError(option, value, f"is not an IPv{version} address", f"Give it like {example}")
    require_usable(option, value, example)
    if found.version == 6 and found.ip.is_link_local:
        raise OptionError(option, value, "is a link-local address, which every interface has by itself",
                          f"Give one of a network, like {example}")
    return str(found) if "/" in value else str(found.ip)
