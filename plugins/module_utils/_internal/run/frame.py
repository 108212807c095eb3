# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of Ansible does around its plan: parameters, packages, check mode, warnings, result, errors.

The only file that knows AnsibleModule, and the only one that reads check_mode.
"""
from __future__ import annotations

import contextlib
import difflib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.respawn import has_respawned, respawn_module

from ..core import confinement, interpreters, places
from ..core.argspec import Options, for_ansible
from ..core.errors import MooringError, OptionError, cut, printable, shorten
from ..core.plan import Plan
from ..core.values import check_values
from ..host import confined

REASONS = {
    "pyroute2": "to configure network interfaces; Debian's package is python3-pyroute2, version "
                f"{interpreters.OLDEST['pyroute2']} or newer is needed",
    "jinja2": "to make the files of containers from templates; Debian's package is python3-jinja2",
}
NO_OPTION = ". Supported parameters include"  # what Ansible says after the names of those
MESSAGES = 4  # of Ansible's about one item that are shown: it has one for each element of a list
FAILED = 20  # containers that a message names; the result has them all
BEGIN, END = 300, 1500  # characters of a message of Ansible's that are shown: its end may have all names of options
TAB = "\t"  # as in hosts
ACTIONS = 20  # of many that are told without -v
WITH_ALL_ACTIONS, WITH_OPERATIONS = 1, 2  # the verbosity from which on they are


class _Module(AnsibleModule):  # type: ignore[misc]
    """A module that says which option was meant by one that is none. Ansible finds those before anything of it runs."""

    _is_begun = False  # until then it is Ansible that fails, whose messages have the whole of a value in them

    def __init__(self, options: Options) -> None:
        super().__init__(argument_spec=for_ansible(options), supports_check_mode=True)
        self._is_begun = True

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        if not self._is_begun:
            names = msg.partition(NO_OPTION)[0].rpartition(": ")[2].split(", ") if NO_OPTION in msg else []
            meant = [_of_none(name, self.argument_spec, getattr(self, "params", {})) for name in names]
            msg = " ".join([*list(filter(None, meant))[:MESSAGES], shorten(printable(msg), BEGIN, END)])
        super().fail_json(msg, **kwargs)

    def _log_invocation(self) -> None:
        with contextlib.suppress(UnicodeEncodeError):  # of half a character, which check_values refuses by its option
            super()._log_invocation()


def _of_none(name: str, options: Options, values: Any) -> str:
    """Where a name stands that is no option, and which one was meant; "" where Ansible has said as much."""
    place, close = places.find(name, values), meant_by(name, options)
    said = f"did you mean {close}?" if close else "there is no such option."
    return f"{cut(printable(place))}: {said}" if close or place != name else ""


def meant_by(name: str, options: Options) -> str:
    """The option that is nearest to a name that is none, "" where none is near.

    :param name: with the options in front in whose value it stands, like ``networks.containers.adress``
    """
    first, _dot, rest = name.partition(".")
    if rest:
        return meant_by(rest, options.get(first, {}).get("options", {}))
    return next(iter(difflib.get_close_matches(first, options, 1)), "")


def run(options: Options, libraries: Sequence[str], find: Callable[[Mapping[str, Any], bool], Plan],
        shown: Callable[[Mapping[str, Any], Plan], Mapping[str, Any]]) -> None:
    """Run a module.

    :param libraries: Python packages without which it does not run
    :param find: makes the plan from the parameters, and carries it out where the second argument says so
    :param shown: what the module returns of the plan beside what all modules tell
    """
    module = _Module(options)
    require_libraries(module, libraries)
    lacks = confined.lacking()
    try:
        if os.geteuid() != 0:
            raise MooringError("this needs root: run the task with become: true")
        confinement.require(lacks)
        params = check_values(options, module.params, _check_nested)
        executes = not module.check_mode
        plan = find(params, executes)
        expected = confinement.expect(lacks, confined.needs(plan.operations)) if not executes else ()
        for warning in (*plan.warnings, *(assumption.warning for assumption in plan.assumed), *expected):
            module.warn(shorten(printable(warning)))
        result = {**shown(params, plan), **describe_plan(plan, module._diff, module._verbosity)}
        if plan.failed:
            said = describe_failed(plan.failed, bool(params.get("config", True)))
            module.fail_json(msg=confinement.explain(said, lacks), **result)
        module.exit_json(**result)
    except MooringError as error:
        module.fail_json(msg=confinement.explain(str(error), lacks))
    except OSError as error:  # that no adapter expects: it is the host that refuses, all the same
        module.fail_json(msg=printable(f"the host refuses something that this module needs: {error}"),
                         exception=traceback.format_exc())
    except Exception as error:
        module.fail_json(msg=printable(f"this module has a bug, please report it: {type(error).__name__}: {error}"),
                         exception=traceback.format_exc())


def require_libraries(module: AnsibleModule, libraries: Sequence[str]) -> None:
    """Go on under an interpreter that has these packages, if Ansible's own lacks one or has it too old."""
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    old = interpreters.outdated(libraries)
    if not missing and not old:
        return
    if not has_respawned():
        for interpreter in interpreters.INTERPRETERS:
            if interpreters.serves(interpreter, libraries):
                respawn_module(interpreter)
    if missing:
        module.fail_json(msg=missing_required_lib(missing[0], reason=REASONS[missing[0]]))
    else:
        module.fail_json(msg=f"{sys.executable}: {interpreters.too_old(old)}")


def check_options(options: Options, item: Mapping[str, Any], where: str = "") -> Mapping[str, Any]:
    """What a user gave for one item, checked as Ansible checks the options of a module, and as what it has to be.

    :param where: what stands before the name of an option in messages
    :raises MooringError: for what is no option, or has another type
    """
    found = ArgumentSpecValidator(for_ansible(options)).validate(dict(item))
    if found.error_messages:
        said = [cut(printable(text)) for text in found.error_messages if NO_OPTION not in text]
        said = [*(_unknown(name, options) for name in sorted(map(str, found.unsupported_parameters))), *said]
        more = [f"and {len(said) - MESSAGES} more"] if len(said) > MESSAGES else []
        raise MooringError("; ".join([*said[:MESSAGES], *more]))
    return check_values(options, found.validated_parameters, _check_nested, where)


def _unknown(name: str, options: Options) -> str:
    """What is wrong with the name of an option that is none, and which one was meant."""
    close = meant_by(name, options)
    right = f"did you mean {close}?" if close else f"Options are {', '.join(sorted(options))}"
    return cut(printable(f"unknown option {name}: {right}"))


def _check_nested(options: Options, value: Any, where: str) -> Mapping[str, Any]:
    """The value of an option that has options of its own."""
    found = ArgumentSpecValidator({where: {"type": "dict"}}).validate({where: value})
    if found.error_messages or not isinstance(value, (Mapping, str)):
        raise OptionError(where, value, "is no dictionary", "Give options and their values")
    try:
        return check_options(options, found.validated_parameters[where], f"{where}.")
    except OptionError:
        raise
    except MooringError as error:
        raise MooringError(f"{where}: {error}") from error


def describe_plan(plan: Plan, with_diff: bool, verbosity: int = WITH_OPERATIONS) -> dict[str, Any]:
    """What every module tells of its plan.

    :param verbosity: of the play: without ``-v`` few of many actions are told, with ``-vv`` also each operation
    """
    actions = [printable(action, "") for action in plan.actions]
    if verbosity < WITH_ALL_ACTIONS and len(actions) > ACTIONS:
        actions = [*actions[:ACTIONS], f"and {len(actions) - ACTIONS} more; see them with -v"]
    found: dict[str, Any] = {"changed": bool(plan.operations), "actions": actions}
    if verbosity >= WITH_OPERATIONS:
        found["operations"] = [printable(step, "") for step in plan.steps]
    if plan.failed:
        found["failed_containers"] = dict(sorted(plan.failed.items()))
    if with_diff:
        found["diff"] = diff(plan)
    return found


def describe_failed(failed: Mapping[str, str], among_others: bool) -> str:
    """The error of a run in which some containers kept something from being done in them."""
    text = "; ".join((problem if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", problem)
                      else f"container {name}: {problem}").rstrip(".")
                     for name, problem in sorted(failed.items())[:FAILED])
    if len(failed) > FAILED:
        text += f"; and {len(failed) - FAILED} more, see failed_containers"
    text = shorten(text)
    return f"{text}. The rest of this task is not held up by that." if among_others else f"{text}."


def diff(plan: Plan) -> dict[str, str]:
    """What each action takes away and what it puts there, as text. Ansible shows it as it is, so that what a container
    has written into its own files does nothing to a terminal."""
    before = [line for action in plan.all_told for line in action.before]
    after = [line for action in plan.all_told for line in action.after]
    return {key: "".join(f"{printable(line, TAB)}\n" for line in lines)
            for key, lines in (("before", before), ("after", after))}
