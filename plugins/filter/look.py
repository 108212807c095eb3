# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info returns, for people: a table, a picture, text for a README, the answer to `docker port`.

The YAML files beside this one document the filters.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mooring.net.plugins.module_utils._internal.picture.mermaid import mermaid
from ansible_collections.mooring.net.plugins.module_utils._internal.picture.page import page
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.published import published_at
from ansible_collections.mooring.net.plugins.module_utils._internal.upkeep.table import table
from ansible_collections.mooring.net.plugins.plugin_utils.refusing import refusing

NETWORK = "what network_info of this version returns as network"


def is_network(value: Any) -> bool:
    """Whether this is what network_info returns as network."""
    return isinstance(value, Mapping) and isinstance(value.get("endpoints"), list)


def filter_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a filter, whose errors say what it takes."""
    def filtered(network: Any, *arguments: Any, **options: Any) -> Any:
        if not is_network(network):
            raise AnsibleFilterError(
                f"mooring.net.{function.__name__}: this is not what network_info returns as network")
        with refusing(function.__name__, NETWORK):
            return function(network, *arguments, **options)

    return filtered


def picture_of(name: str, function: Callable[..., str]) -> Callable[..., str]:
    """The function as a filter of the networks of many hosts, or of that of one."""
    def filtered(networks: Any, *arguments: Any, **options: Any) -> str:
        by_host = {"": networks} if is_network(networks) else networks
        if not isinstance(by_host, Mapping) or not all(each is None or is_network(each) for each in by_host.values()):
            raise AnsibleFilterError(f"mooring.net.{name}: this is neither what network_info returns as network, nor a "
                                     "dictionary of hosts with that of each, or null")
        with refusing(name, NETWORK):
            return function({str(host): network for host, network in by_host.items()}, *arguments, **options)

    return filtered


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"table": filter_of(table), "published_at": filter_of(published_at),
                "picture": picture_of("picture", page), "mermaid": picture_of("mermaid", mermaid)}
