# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules whose items a host is asked for, and their resources. Pure."""
from __future__ import annotations

from ..applied.model import BRIDGES, ENDPOINTS, NAMES, PAIRS, POLICIES, PORTS
from ..bridge.resource import RESOURCE as BRIDGE
from ..core.argspec import Options
from ..endpoint.resource import RESOURCE as ENDPOINT
from ..host.resource import Resource
from ..icc.resource import RESOURCE as POLICY
from ..names.resource import RESOURCE as NAME
from ..publish.resource import RESOURCE as PORT
from ..veth.resource import RESOURCE as PAIR

RESOURCES: dict[str, Resource] = {BRIDGES: BRIDGE, POLICIES: POLICY, PAIRS: PAIR, ENDPOINTS: ENDPOINT, PORTS: PORT,
                                  NAMES: NAME}
MODULES_OF: dict[str, str] = {resource.key: module for module, resource in RESOURCES.items()}
OPTIONS_OF: dict[str, Options] = {module: resource.options for module, resource in RESOURCES.items()}
