# SPDX-License-Identifier: GPL-3.0-or-later
"""What container_dns declares: options, and what becomes of them."""
from __future__ import annotations

from typing import Any

from ..core.argspec import STATE, TARGET, TEXT, TEXTS, TEXT_BY_NAME
from ..host.resource import Resource
from .locate import containers, locate
from .model import DesiredNames, LocatedNames
from .parse import parse
from .plan import amend, release, scope, views

OPTIONS: dict[str, Any] = {
    **STATE,
    **TARGET,
    "name": TEXT,
    "hostname": TEXT,
    "domainname": TEXT,
    "dns_servers": TEXTS,
    "dns_search_domains": TEXTS,
    "dns_opts": TEXTS,
    "etc_hosts": TEXT_BY_NAME,
    "fallback_dns_servers": {**TEXTS, "default": ["8.8.8.8", "8.8.4.4"]},
    "hosts_template": TEXT,
    "hostname_template": TEXT,
    "resolv_conf_template": TEXT,
}


def identity(item: DesiredNames) -> str:
    return item.label if isinstance(item, LocatedNames) else f"{item.target.kind} {item.target.value}"


RESOURCE = Resource(key="names", many="all_names", options=OPTIONS, parse=parse, identity=identity, amend=amend,
                    views=views, scope=scope, containers=containers, locate=locate, release=release,
                    libraries=("pyroute2", "jinja2"))
