# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as a module of Ansible: from its parameters to its result.

The only file that knows AnsibleModule, and the only one that reads check_mode.
"""
from __future__ import annotations

import importlib.util
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.respawn import has_respawned, respawn_module

from ..core import command
from ..core.argspec import CONFIG
from ..core.errors import MooringError
from ..core.plan import Plan
from ..host.follower import read_follower
from ..host.operations import SysctlSet
from ..host.real import RealHost
from ..host.resource import Part, Resource
from .converge import converge
from .items import part_of

REASONS = {
    "pyroute2": "to configure network interfaces; Debian's package is python3-pyroute2, version 0.7.2 or newer is "
                "needed",
    "jinja2": "to make the files of containers from templates; Debian's package is python3-jinja2",
}
INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")


def run_module(resource: Resource) -> None:
    """Run one module from its parameters to its result."""
    module = AnsibleModule(argument_spec={**resource.options, **CONFIG}, supports_check_mode=True)
    _run(module, resource.libraries, lambda: [part_of(resource, module.params, check_options)],
         lambda plan: result(resource, plan, single=module.params["config"] is None))


def run_host_module(options: Mapping[str, Any], parts: Callable[[Mapping[str, Any]], Sequence[Part]]) -> None:
    """Run the module for a whole host. The last of its parts is what it returns."""
    module = AnsibleModule(argument_spec=dict(options), supports_check_mode=True)
    _run(module, ("pyroute2", "jinja2"), lambda: parts(module.params), result_of_host)


def _run(module: AnsibleModule, libraries: Sequence[str], parts: Callable[[], Sequence[Part]],
         shown: Callable[[Plan], dict[str, Any]]) -> None:
    _require_libraries(module, libraries)
    try:
        if os.geteuid() != 0:
            raise MooringError("this needs root: run the task with become: true")
        host = RealHost()
        plan = converge(parts(), host, changing=not module.check_mode)
        _warn(module, plan, host)
        module.exit_json(**shown(plan), **describe_plan(plan, with_diff=module._diff))
    except MooringError as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        module.fail_json(msg=f"this module has a bug, please report it: {type(error).__name__}: {error}",
                         exception=traceback.format_exc())


def _require_libraries(module: AnsibleModule, libraries: Sequence[str]) -> None:
    """Go on under an interpreter that has these packages, if Ansible's own lacks one."""
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if not missing:
        return
    if not has_respawned():
        # Looking for a package is ten times cheaper than importing it, as Ansible's own probe does.
        probe = ("import importlib.util as u, sys; "
                 "sys.exit(sys.version_info < (3, 9) or None in map(u.find_spec, sys.argv[1:]))")
        for interpreter in INTERPRETERS:
            if os.path.exists(interpreter) and command.run([interpreter, "-c", probe, *libraries]).code == 0:
                respawn_module(interpreter)
    module.fail_json(msg=missing_required_lib(missing[0], reason=REASONS[missing[0]]))


def check_options(options: Mapping[str, Any], item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a user gave for one item, checked as Ansible checks the options of a module.

    :raises MooringError: for what is no option, or has another type
    """
    found = ArgumentSpecValidator(dict(options)).validate(dict(item))
    if found.error_messages:
        raise MooringError("; ".join(f"unknown option {text}" if ". Supported parameters include" in text else text
                                     for text in found.error_messages))
    parameters: Mapping[str, Any] = found.validated_parameters
    return parameters


def _warn(module: AnsibleModule, plan: Plan, host: RealHost) -> None:
    for warning in (*plan.warnings, *(assumption.warning for assumption in plan.assumed), *host.warnings):
        module.warn(warning)


def result(resource: Resource, plan: Plan, single: bool) -> dict[str, Any]:
    """What a module returns of a plan for one part."""
    if single:
        return {resource.key: plan.after[0][0]}
    return {resource.many: list(plan.after[0])}


def result_of_host(plan: Plan) -> dict[str, Any]:
    """What the module for a whole host returns."""
    return {"network": plan.after[-1][0], "follower": read_follower()}


def describe_plan(plan: Plan, with_diff: bool) -> dict[str, Any]:
    """What every module tells of its plan."""
    found: dict[str, Any] = {"changed": bool(plan.operations), "actions": plan.actions}
    sysctls = [{"name": operation.dotted, "value": operation.value, "previous": operation.previous}
               for operation in plan.operations if isinstance(operation, SysctlSet) and not operation.netns]
    if sysctls:
        found["sysctls"] = sysctls
    if with_diff:
        found["diff"] = diff(plan)
    return found


def diff(plan: Plan) -> dict[str, str]:
    """What each operation takes away and what it puts there, as text."""
    before, after = [], []
    for operation in plan.operations:
        gone, new = operation.lines()
        before += gone
        after += new
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}
