# SPDX-License-Identifier: GPL-3.0-or-later
"""What is allowed in a resolv.conf and will not do what somebody may expect of it. Pure."""
from __future__ import annotations

import ipaddress

from ..files.model import HOST_GATEWAY, ResolvSettings
from .resolv import Conf, choose

SERVERS = 3  # MAXNS, resolv.conf(5)
DOMAINS, DOMAIN_CHARACTERS = 6, 256  # resolv.conf(5): the limits of glibc up to 2.25


def of_resolv_conf(settings: ResolvSettings, host: Conf) -> list[str]:
    """Sentences for the user, one for each thing that is worth knowing."""
    name, chosen = settings.container, choose(settings, host)
    found = []
    if chosen.fell_back is not None:
        servers = f"only {', '.join(chosen.fell_back)}, of no use in a container" if chosen.fell_back else "none"
        found.append(f"the host's resolv.conf has no name server for {name} ({servers}): it gets "
                     f"{', '.join(chosen.servers) or 'none'} (fallback_dns_servers)")
    for server in map(ipaddress.ip_address, () if settings.of_host else _literal(settings.dns_servers)):
        if server.is_loopback:
            found.append(f"dns_servers: {server} is the container {name} itself, not the host")
        elif server.version == 6 and not settings.ipv6:
            found.append(f"dns_servers: {server} cannot be reached by {name}, which has no IPv6 address")
    if len(chosen.servers) > SERVERS:
        found.append(f"{name} has {len(chosen.servers)} name servers, and resolvers use the first {SERVERS}")
    if len(chosen.search) > DOMAINS or len(" ".join(chosen.search)) > DOMAIN_CHARACTERS:
        found.append(f"{name} has {len(chosen.search)} search domains: glibc before 2.26 uses {DOMAINS} at most, of "
                     f"{DOMAIN_CHARACTERS} characters together")
    return found


def _literal(servers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(server for server in servers if server != HOST_GATEWAY)
