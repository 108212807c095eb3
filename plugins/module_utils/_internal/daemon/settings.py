# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user wants of a Docker daemon, as keys of daemon.json. Pure.

The keys and what they take: ``dockerd(8)``, section "Daemon configuration file".
"""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..bridge.parse import bridge_address, bridge_name
from ..core import values
from ..core.errors import OptionError
from ..link.parse import inside, network, parse_mtu
from .model import DEFAULT_BRIDGE, NO_BRIDGE

PREFIX = "docker_daemon_"
# Role variable -> key of daemon.json, in the order in which new keys are appended.
KEYS = {"bridge": "bridge", "bip": "bip", "fixed_cidr": "fixed-cidr", "mtu": "mtu", "icc": "icc", "ip": "ip",
        "iptables": "iptables", "ip_forward": "ip-forward", "ip_masq": "ip-masq", "dns": "dns",
        "dns_search": "dns-search", "userland_proxy": "userland-proxy"}

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


def parse(variables: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The keys that are to be set (None: taken out), and everything that is wrong with the values.

    :param variables: the role's variables without their prefix; None says nothing
    :param options: ``docker_daemon_options``, keys of daemon.json
    """
    wanted: dict[str, Any] = {}
    problems: list[str] = []
    for name, key in KEYS.items():
        if variables.get(name) is not None:
            try:
                wanted[key] = PARSERS[name](PREFIX + name, variables[name])
            except OptionError as error:
                problems.append(str(error))
    names = {key: name for name, key in KEYS.items()}
    for key, value in options.items():
        option = f"{PREFIX}options.{key}"
        if key in wanted and wanted[key] != value:
            problems.append(str(OptionError(option, value, f"contradicts {PREFIX}{names[key]}",
                                            "Say it once, with the variable")))
        elif key in names and key not in wanted and value is not None:
            try:
                wanted[key] = PARSERS[names[key]](option, value)
            except OptionError as error:
                problems.append(str(error))
        elif key not in wanted:
            wanted[key] = value
    if not problems:
        problems += _together(wanted)
    return wanted, problems


def _together(wanted: Mapping[str, Any]) -> list[str]:
    """What is wrong with values that are right by themselves."""
    try:
        inside(f"{PREFIX}fixed_cidr", wanted.get("fixed-cidr"), wanted.get("bip"))
        if wanted.get("bridge") == NO_BRIDGE and wanted.get("bip"):
            raise OptionError(f"{PREFIX}bip", wanted["bip"], f"has no bridge to be on: {PREFIX}bridge is none",
                              "Leave out one of the two")
    except OptionError as error:
        return [str(error)]
    return []


def boolean(option: str, value: Any) -> bool:
    """A boolean, also in the words that --extra-vars brings along."""
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise OptionError(option, value, "is neither true nor false", "Give one of the two")
    return text in _TRUE


def _bridge(option: str, value: Any) -> Any:
    """A name of a bridge; None for the daemon's own."""
    text = values.text(option, value)
    if text in ("", DEFAULT_BRIDGE):
        return None
    return text if text == NO_BRIDGE else bridge_name(option, text)


def _bip(option: str, value: Any) -> Any:
    return bridge_address(option, values.text(option, value), 4)


def _fixed_cidr(option: str, value: Any) -> Any:
    return network(option, values.text(option, value), 4) or None


def _mtu(option: str, value: Any) -> int:
    found = parse_mtu(option, str(value)) if isinstance(value, (int, str)) and value is not True else None
    if not isinstance(found, int):
        raise OptionError(option, value, "is not an MTU", "Give bytes, like 1450")
    return found


def _ip(option: str, value: Any) -> str:
    try:
        return str(ipaddress.ip_address(values.text(option, value)))
    except ValueError as error:
        raise OptionError(option, value, "is not an IP address", "Give an address of the host, like 192.0.2.10, or "
                          "0.0.0.0 for all of them") from error


def _dns(option: str, value: Any) -> Any:
    found = []
    for item in _items(option, value):
        try:
            found.append(str(ipaddress.ip_address(item)))
        except ValueError as error:
            raise OptionError(option, item, "is not the IP address of a name server",
                              "Give it like 192.0.2.53") from error
    return found or None


def _dns_search(option: str, value: Any) -> Any:
    """Search domains. Docker's documentation writes them with a leading dot, which dockerd itself refuses; a lone dot
    means none at all."""
    found = []
    for item in _items(option, value):
        domain = item if item == "." else item.lstrip(".")
        if domain != "." and (len(domain) > 253 or not all(map(_LABEL.fullmatch, domain.rstrip(".").split(".")))):
            raise OptionError(option, item, "is not a domain name", "Give it like example.com")
        found.append(domain)
    if "." in found and len(found) > 1:
        raise OptionError(option, ", ".join(found), "has '.', which stands for no search domain, beside others",
                          "Give either")
    return found or None


def _items(option: str, value: Any) -> list[str]:
    found = values.texts(option, value)
    return [item for item in found if item] if isinstance(value, str) else found


PARSERS: Mapping[str, Callable[[str, Any], Any]] = {
    "bridge": _bridge, "bip": _bip, "fixed_cidr": _fixed_cidr, "mtu": _mtu, "icc": boolean, "ip": _ip,
    "iptables": boolean, "ip_forward": boolean, "ip_masq": boolean, "dns": _dns, "dns_search": _dns_search,
    "userland_proxy": boolean}
