# SPDX-License-Identifier: GPL-3.0-or-later
"""From the document ``container_networks`` to the ``config`` of modules, for roles that compose step by step.

The YAML files beside this one document the filters.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.document import document
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import check_networks


def filter_of(function: Callable[..., document.Config]) -> Callable[..., Any]:
    """The function as a filter, whose errors name the variable."""
    def filtered(networks: document.Document, *arguments: Any) -> list[dict[str, Any]]:
        try:
            check_networks(networks)
        except MooringError as error:
            raise AnsibleFilterError(str(error)) from error
        try:
            return [dict(item) for item in function(networks, *arguments)]
        except MooringError as error:
            begin = "container_" if str(error).startswith("networks[") else "container_networks: "
            raise AnsibleFilterError(f"{begin}{error}") from error

    return filtered


class FilterModule:
    def filters(self) -> dict[str, Any]:
        functions = (document.bridges, document.endpoints, document.links, document.names, document.publications)
        return {function.__name__: filter_of(function) for function in functions}
