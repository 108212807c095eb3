# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of container_dns as a value. Pure."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ..core.errors import OptionError
from ..core.names import NAME_PART_LENGTH, READ_AS_ADDRESS, container_label, name_problem
from ..files.model import HOST_GATEWAY
from ..netns.parse import target
from .model import DesiredNames

# Behind the "%" stands an interface, for which Python takes anything, also lines.
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9_.@-]+)?")
_JSON_WORDS = ("true", "false", "null")  # what yes, no, on, off and ~ are as keys on their way to a module
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9-]*(:[0-9]+)?")  # resolv.conf(5)


def parse(options: Mapping[str, Any]) -> DesiredNames:
    """One item of the module's options as a :class:`DesiredNames`. :raises MooringError: naming option and value"""
    hostname, domainname = options["hostname"] or None, options["domainname"] or None
    return DesiredNames(
        target=target(options),
        name=container_label("name", options["name"]) if options["name"] else None,
        present=options["state"] == "present",
        hostname=host_name("hostname", hostname) if hostname else None,
        domainname=host_name("domainname", domainname) if domainname else None,
        dns_servers=_servers("dns_servers", options["dns_servers"]),
        dns_search_domains=_search("dns_search_domains", options["dns_search_domains"]),
        dns_opts=tuple(_option(value) for value in options["dns_opts"] or ()),
        etc_hosts=_extra(options["etc_hosts"]),
        fallback_dns_servers=_servers("fallback_dns_servers", options["fallback_dns_servers"]),
        hosts_template=options["hosts_template"] or "", hostname_template=options["hostname_template"] or "",
        resolv_conf_template=options["resolv_conf_template"] or "")


def host_name(option: str, value: str, underscores: bool = False) -> str:
    """``value`` if it is a host name (RFC 1123); :raises OptionError: otherwise.

    :param underscores: whether it may have some: for what is looked up, and is nobody's host name proper
    """
    problem = name_problem(value, underscores)
    if problem:
        raise OptionError(option, value, problem, "Use letters, digits" + (", '_'" if underscores else "")
                          + " and inner '-', in labels of at most "
                          f"{NAME_PART_LENGTH} characters with dots between them")
    return value


def _servers(option: str, values: Optional[Iterable[Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_address(option, str(value)) for value in values or ()))


def _address(option: str, value: str) -> str:
    """An address in canonical form, or HOST_GATEWAY."""
    if value == HOST_GATEWAY:
        return value
    try:
        if not _ADDRESS.fullmatch(value):
            raise ValueError(value)
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise OptionError(option, value, "is not an IP address",
                          f"Give one like 192.168.5.1, or {HOST_GATEWAY} for the address of the bridge") from error


def _search(option: str, values: Optional[Iterable[str]]) -> tuple[str, ...]:
    """Domains without the dot that they may begin with; a single dot means none at all."""
    given = list(dict.fromkeys(values or ()))
    if "." in given:
        if len(given) > 1:
            raise OptionError(option, ", ".join(given), "has '.', which means no search domain, beside others",
                              "Give '.' alone, or leave it out")
        return (".",)
    return tuple(dict.fromkeys(host_name(option, value.removeprefix(".").removesuffix("."), underscores=True)
                               for value in given))


def _option(value: str) -> str:
    if not _OPTION.fullmatch(str(value)):
        raise OptionError("dns_opts", value, "is not an option of resolv.conf(5)", "Give one like ndots:2 or use-vc")
    return str(value)


def _extra(values: Optional[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((_extra_name(name), _address("etc_hosts", address)) for name, address in (values or {}).items())


def _extra_name(name: str) -> str:
    if name in _JSON_WORDS:
        raise OptionError("etc_hosts", name, "is no name: YAML takes yes, no, on, off and ~ without quotes for "
                          "something else, and that is what is left of it", "Put the name in quotes")
    if READ_AS_ADDRESS.fullmatch(name):
        raise OptionError("etc_hosts", name, "is no name: whoever looks it up takes it for an address",
                          "Give a name; if it was another one, put it in quotes, since YAML takes 1.10 for 1.1")
    return host_name("etc_hosts", name, underscores=True)
