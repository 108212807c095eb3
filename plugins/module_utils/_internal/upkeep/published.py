# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a port of a container is met, as `docker port CONTAINER PORT` says it. Pure."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from ..core.errors import OptionError
from ..ports.model import PROTOCOLS, bracketed


def published_at(network: Mapping[str, Any], container: str, port: Union[int, str] = "") -> list[str]:
    """Addresses and ports of the host: ``["0.0.0.0:8080", "[::]:8080"]``, [] where it is not published.

    :param network: what network_info returns
    :param port: of the container: ``443``, ``"443/tcp"``, or "" for all; without a protocol it is tcp, as with Docker
    :raises OptionError: for what is no port
    """
    number, protocol = _port(port) if port != "" else (0, "")
    found = []
    for each in network["ports"]:
        if not each["host_ip"]:
            continue  # waits for the address of an interface
        if each["container"] != container or protocol and each["protocol"] != protocol:
            continue
        for more in range(each["count"]) if not number else [number - each["container_port"]]:
            if 0 <= more < each["count"]:
                found.append(f"{bracketed(each['host_ip'])}:{each['host_port'] + more}")
    return found


def _port(port: Union[int, str]) -> tuple[int, str]:
    number, _slash, protocol = str(port).partition("/")
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536 and protocol in ("", *PROTOCOLS)):
        raise OptionError("port", port, "is no port of a container", "Give it like 443, '443/tcp' or '53/udp'")
    return int(number), protocol or PROTOCOLS[0]
