# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline of every module, written once.

    parameters -> desired -> resolved -> (lock) snapshot -> plan -> [check mode ends here] -> execute -> plan again

The only file that knows AnsibleModule, and the only one that reads check_mode.
"""
from __future__ import annotations

import importlib.util
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.respawn import has_respawned, respawn_module

from ..core import command
from ..core.argspec import CONFIG
from ..core.errors import MooringError, doing
from ..core.lock import host_lock
from ..core.plan import Plan, besides
from ..host.real import RealHost

REASONS = {
    "pyroute2": "to configure network interfaces; Debian's package is python3-pyroute2, version 0.7.2 or newer is "
                "needed",
    "jinja2": "to make the files of containers from templates; Debian's package is python3-jinja2",
}
INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")


@dataclass(frozen=True)
class Resource:
    """What a module hands to the pipeline.

    :param key: name of the resource in the result, ``many`` of the list of all of them
    :param options: argument_spec of one item
    :param parse: options of one item -> desired; raises OptionError
    :param identity: desired -> what two items of one task must not share
    :param scope: all desired -> Scope of the snapshot
    :param plan: all desired, state -> Plan
    :param resolve: all desired, host -> all desired with names looked up
    :param required: options that every item needs
    :param libraries: Python packages that it needs, of those in REASONS
    """

    key: str
    many: str
    options: Mapping[str, Any]
    parse: Callable[[Mapping[str, Any]], Any]
    identity: Callable[[Any], str]
    scope: Callable[[Sequence[Any]], Any]
    plan: Callable[[Sequence[Any], Any], Plan]
    resolve: Callable[[Sequence[Any], Any], Sequence[Any]] = lambda desired, host: desired
    required: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("pyroute2",)
    arguments: Mapping[str, Any] = field(default_factory=dict)


def run_module(resource: Resource) -> None:
    """Run one module from its parameters to its result."""
    module = AnsibleModule(argument_spec={**resource.options, **CONFIG}, supports_check_mode=True,
                           **resource.arguments)
    _require_libraries(module, resource.libraries)
    try:
        if os.geteuid() != 0:
            raise MooringError("this needs root: run the task with become: true")
        desired = _desired(resource, module.params)
        host = RealHost()
        with host_lock():
            plan = _converge(resource, host, desired, changing=not module.check_mode)
        passed_over = (f"passed over in check mode: {text}" for text in plan.assumed)
        for warning in (*plan.warnings, *passed_over, *host.warnings):
            module.warn(warning)
        module.exit_json(**_result(resource, plan, single=module.params["config"] is None, with_diff=module._diff))
    except MooringError as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        module.fail_json(msg=f"an error in this module, which should be reported: {type(error).__name__}: {error}",
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


def _desired(resource: Resource, params: Mapping[str, Any]) -> list[Any]:
    """Every item as a value. Options beside ``config`` are defaults for its items."""
    flat = {key: value for key, value in params.items() if key != "config"}
    if params["config"] is None:
        return [_parse(resource, flat)]
    defaults = {key: value for key, value in flat.items() if value is not None}
    validator = ArgumentSpecValidator(dict(resource.options))
    found = []
    for number, item in enumerate(params["config"]):
        with doing(f"config[{number}]"):
            checked = validator.validate({**defaults, **item})
            if checked.error_messages:
                unknown = [f"unknown option {text}" if ". Supported parameters include" in text else text
                           for text in checked.error_messages]
                raise MooringError("; ".join(unknown))
            found.append(_parse(resource, checked.validated_parameters))
    _refuse_twice(resource, found)
    return found


def _refuse_twice(resource: Resource, desired: Sequence[Any]) -> None:
    """Two items about one thing contradict each other, also where they name it in different ways."""
    seen = set()
    for number, item in enumerate(desired):
        identity = resource.identity(item)
        if identity in seen:
            raise MooringError(f"config[{number}]: {identity} stands twice in this task: say all about it in one item")
        seen.add(identity)


def _parse(resource: Resource, options: Mapping[str, Any]) -> Any:
    for option in resource.required:
        if options.get(option) in (None, ""):
            raise MooringError(f"{option}: not given. Give it, or a list of items with config")
    return resource.parse(options)


def _converge(resource: Resource, host: Any, desired: Sequence[Any], changing: bool) -> Plan:
    """The plan, carried out if ``changing``. :raises MooringError: also when a second plan is not empty"""
    desired = resource.resolve(desired, host)
    _refuse_twice(resource, desired)
    scope = resource.scope(desired)
    plan = _planned(resource, host, desired, scope)
    if not changing:
        return plan
    if plan.assumed:
        raise MooringError("; ".join(plan.assumed))
    if plan.operations:
        _execute(host, plan.operations)
        again = _planned(resource, host, desired, scope)
        left = [operation.describe() for operation in again.operations if not besides(operation)]
        if left:
            raise MooringError("the host did not end up as planned: something else changes it, or it refuses in "
                               "silence. Still to do: " + "; ".join(left))
        host.warnings += [f"something else keeps changing it, and a later run has to: {operation.describe()}"
                          for operation in again.operations]
        return replace(plan, after=again.after)  # with what only the kernel knew
    return plan


def _planned(resource: Resource, host: Any, desired: Sequence[Any], scope: Any) -> Plan:
    """A plan for the host as it is; where it reaches into containers that nobody named, these are read as well."""
    plan = resource.plan(desired, host.snapshot(scope))
    if plan.needs is not None:
        plan = resource.plan(desired, host.snapshot(scope.widened(plan.needs)))
        if plan.needs is not None:
            raise MooringError(f"this changes containers that cannot be reached: there is no "
                               f"{', no '.join(plan.needs.namespaces)}. Attach them again with netns_attach first")
    return plan


def _execute(host: Any, operations: Sequence[Any]) -> None:
    """Carry out a plan; undo it where it fails half way. :raises MooringError: with what could not be undone"""
    try:
        host.execute(operations)
    except MooringError as error:
        left = []
        for operation in reversed(getattr(error, "done", ())):
            inverse = operation.inverse()
            try:
                if inverse is None:
                    raise MooringError("nothing undoes that")
                host.execute([inverse])
            except MooringError as problem:
                left.append(f"{operation.describe()} ({problem})")
        undone = "; what had been done before it was undone" if not left else (
            "; done before it and not undone: " + "; ".join(left))
        raise MooringError(f"{error}{undone}") from error


def _result(resource: Resource, plan: Plan, single: bool, with_diff: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": bool(plan.operations), "actions": plan.actions}
    result.update({resource.key: plan.after[0]} if single else {resource.many: list(plan.after)})
    sysctls = [{"name": operation.dotted, "value": operation.value, "previous": operation.previous}
               for operation in plan.operations if hasattr(operation, "dotted") and not operation.netns]
    if sysctls:
        result["sysctls"] = sysctls
    if with_diff:
        result["diff"] = diff(plan)
    return result


def diff(plan: Plan) -> dict[str, str]:
    """What each operation takes away and what it puts there, as text."""
    before, after = [], []
    for operation in plan.operations:
        gone, new = operation.lines()
        before += gone
        after += new
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}
