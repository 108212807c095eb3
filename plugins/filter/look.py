# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info returns, for people: a table, a picture, text for a README, the answer to `docker port`.

The YAML files beside this one document the filters.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mooring.net.plugins.module_utils.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils.upkeep.published import published_at
from ansible_collections.mooring.net.plugins.module_utils.upkeep.table import table


def filter_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a filter, whose errors say what it takes."""
    def filtered(network: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(network, Mapping) or not isinstance(network.get("endpoints"), list):
            raise AnsibleFilterError(
                f"mooring.net.{function.__name__}: this is not what network_info returns as network")
        try:
            return function(network, *arguments, **options)
        except MooringError as error:
            raise AnsibleFilterError(f"mooring.net.{function.__name__}: {error}") from error

    return filtered


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"table": filter_of(table), "published_at": filter_of(published_at)}
