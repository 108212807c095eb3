# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role docker_daemon: from what its tasks have read to what they are to do.

The YAML files beside this one document the filters.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.mooring.net.plugins.module_utils._internal.daemon import boot, flags, move, plan, rules
from ansible_collections.mooring.net.plugins.plugin_utils.refusing import refusing

Values = Mapping[str, Any]


def daemon_environment_files(unit: str) -> list[str]:
    """The files that may set flags of the daemon, from what ``systemctl cat`` says of its unit."""
    return flags.environment_files(unit)


def daemon_config(variables: Values, options: Optional[Values], path: str, text: str = "", program: str = "",
                  unit: str = "", files: Optional[Values] = None) -> dict[str, Any]:
    """What daemon.json will say, what that changes, and what speaks against it."""
    return plan.plan(plan.Wish(variables=variables, options=options or {}, path=path, text=text, program=program,
                               unit=unit, files=files or {}))


def daemon_move(config: Values, links: Sequence[Values], bridges: Sequence[Values] = (),
                containers: Sequence[Values] = (), listed: Sequence[str] = (), end_rm: bool = False,
                noted: Sequence[Values] = ()) -> dict[str, Any]:
    """What a restart of the daemon has to do beside the file, and what speaks against it."""
    return move.move(config, move.Host(links, bridges, containers, listed, noted), end_rm)


def daemon_stale_rules(saved: str, bridge: str) -> list[list[str]]:
    """The rules that the daemon leaves behind for a bridge, as arguments of iptables."""
    return rules.stale_rules(saved, bridge)


def daemon_unused(links: Sequence[Values], name: str) -> bool:
    """Whether a bridge of the daemon is there without use."""
    return move.is_unused(links, name)


def daemon_bridge_unit(links: Sequence[Values], name: str) -> str:
    """The unit of systemd that makes the daemon's bridge again."""
    return boot.unit(links, name)


def daemon_drop_in(name: str) -> str:
    """What the daemon's unit is told of that one."""
    return boot.drop_in(name)


def daemon_failure(result: Values) -> str:
    """What a failed task has said, in the words of whoever refused."""
    failed = [each for each in result.get("results", [result]) if each.get("failed")] or [result]
    texts = []
    for each in failed:
        answer = each.get("json")
        said = answer.get("message") if isinstance(answer, Mapping) else ""
        who = each["item"].get("name", "") if isinstance(each.get("item"), Mapping) else ""
        text = " ".join(str(said or each.get("stderr") or each.get("msg") or "").split())
        texts.append(f"{who}: {text}" if who else text)
    return "; ".join(texts)


def daemon_log_end(log: str, lines: int = 5) -> str:
    """The last lines of the daemon's log, without what it merely tells."""
    said = [line for line in log.splitlines() if line.strip()]
    return "\n".join([line for line in said if " level=info " not in line][-lines:] or said[-lines:])


def filter_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a filter, whose errors say what it takes."""
    def filtered(*arguments: Any, **options: Any) -> Any:
        with refusing(f"_{function.__name__}", "what the daemon and the host say of themselves"):
            return function(*arguments, **options)

    return filtered


class FilterModule:
    def filters(self) -> dict[str, Any]:
        functions = (daemon_bridge_unit, daemon_config, daemon_drop_in, daemon_environment_files, daemon_failure,
                     daemon_unused, daemon_log_end, daemon_move, daemon_stale_rules)
        return {f"_{function.__name__}": filter_of(function) for function in functions}  # private: for the role only
