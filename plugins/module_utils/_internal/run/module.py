# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline as modules of Ansible: one for each kind of thing, and one for a whole host."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.argspec import COMMON, CONFIG
from ..core.plan import Plan
from ..program.record import read_program
from ..host.managers import is_running, read_file
from ..host.operations import SysctlSet
from ..host.real import RealHost
from ..host.resource import Part, Resource
from ..upkeep import managers
from . import frame
from .converge import Manner, converge
from .items import part_of
from .order import find_order


def run_module(resource: Resource) -> None:
    """Run one module from its parameters to its result."""
    frame.run({**resource.options, **CONFIG, **COMMON}, resource.libraries,
              lambda params, changing: _converge([part_of(resource, params, frame.check_options)], changing, params),
              lambda params, plan: result(resource, plan, single=params["config"] is None))


def run_host_module(options: Mapping[str, Any], parts: Callable[[Mapping[str, Any]], Sequence[Part]]) -> None:
    """Run the module for a whole host. The last of its parts is what it returns."""
    frame.run({**options, **COMMON}, ("pyroute2", "jinja2"),
              lambda params, changing: _converge(parts(params), changing, params),
              lambda _params, plan: result_of_host(plan))


def run_info_module(resource: Resource) -> None:
    """Run the module that shows the network: of all of a host it also says what differs from what was asked for."""
    frame.run({**resource.options, **CONFIG, **COMMON}, resource.libraries,
              lambda params, _changing: _with_order(part_of(resource, params, frame.check_options), params),
              lambda params, plan: result(resource, plan, single=params["config"] is None))


def _with_order(part: Part, params: Mapping[str, Any]) -> Plan:
    plan = _converge([part], False, params)
    if all(item.bridge or item.container for item in part.items):
        return plan
    _order, wanted = find_order(changing=False)
    views = [view if view is None or item.bridge or item.container else
             {**view, "drift": list(dict.fromkeys([*view["drift"], *wanted.actions]))}
             for view, item in zip(plan.after[0], part.items)]
    return replace(plan, after=(tuple(views),))


def _converge(parts: Sequence[Part], changing: bool, params: Mapping[str, Any]) -> Plan:
    host = RealHost()
    plan = converge(parts, host, changing, Manner(changing, lock_timeout=params["lock_timeout"]))
    return replace(plan, warnings=(*plan.warnings, *host.warnings))


def result(resource: Resource, plan: Plan, single: bool) -> dict[str, Any]:
    """What a module returns of a plan for one part."""
    if single:
        return {resource.key: plan.after[0][0], **changed_sysctls(plan)}
    return {resource.many: list(plan.after[0]), **changed_sysctls(plan)}


def result_of_host(plan: Plan) -> dict[str, Any]:
    """What the module for a whole host returns."""
    network = plan.after[-1][0] or {}
    return {"network": network, "program": read_program(), "managers": _tell_programs(network["interfaces"]),
            **changed_sysctls(plan)}


def _tell_programs(interfaces: Sequence[str]) -> list[Mapping[str, Any]]:
    """The programs that configure interfaces, and what keeps them away from those of the collection."""
    return [managers.view(each, is_running(each.unit), read_file(each.path), interfaces) for each in managers.MANAGERS]


def changed_sysctls(plan: Plan) -> dict[str, Any]:
    """The settings of the host that are changed, with what they were; nothing where there are none."""
    found = [{"name": operation.dotted, "value": operation.value, "previous": operation.previous}
             for operation in plan.operations if isinstance(operation, SysctlSet) and not operation.netns]
    return {"sysctls": found} if found else {}
