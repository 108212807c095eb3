# SPDX-License-Identifier: GPL-3.0-or-later
"""What daemon.json will say, what that changes for the daemon, and what speaks against it. Pure."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import MooringError, OptionError
from ..link.parse import inside
from . import document, settings
from .flags import PLURAL, Flag, flags, meaning
from .model import DEFAULT_BRIDGE, DEFAULTS, NO_BRIDGE, WITHOUT_FLAG


@dataclass(frozen=True)
class Wish:
    """What the user says, and what is there.

    :param variables: the role's variables for keys, without their prefix; None says nothing
    :param options: ``docker_daemon_options``
    :param path: where daemon.json is
    :param text: its content, "" when there is no such file
    :param program: what ``dockerd --help`` says, "" when there is no dockerd
    :param unit: what ``systemctl cat`` says of the service, "" without systemd
    :param files: environment files of the service by path
    """

    variables: Mapping[str, Any]
    options: Mapping[str, Any]
    path: str
    text: str = ""
    program: str = ""
    unit: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def plan(wish: Wish) -> dict[str, Any]:
    """What is to be done about daemon.json, as values for tasks.

    ``problems`` says all that is wrong; ``text`` is the new content, equal to the old one where nothing changes;
    ``keys`` are those whose meaning changes; ``before`` and ``after`` are what the daemon goes by, defaults and flags
    included; ``bip`` is the address for a bridge that is not the daemon's own.
    """
    wanted, problems = settings.parse(wish.variables, wish.options)
    try:
        current = document.read(wish.path, wish.text)
    except MooringError as error:
        problems.append(str(error))
        current = {}
    found = flags(wish.unit, wish.files)
    merged = document.merge(current, wanted)
    bip = ""
    if merged.get("bridge", DEFAULT_BRIDGE) not in (DEFAULT_BRIDGE, NO_BRIDGE):
        bip = merged.pop("bip", "")  # dockerd refuses both together: here the bridge itself gets the address
    before, after = effective(current, found), effective(merged, found)
    if not problems:
        problems += [*_conflicts(wish, wanted, merged, found), *_contradictions(wanted, after),
                     *_unknown(wish, wanted)]
    keys = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    return {"problems": problems, "text": wish.text if merged == current else document.write(merged),
            "changed": merged != current, "keys": keys, "before": before, "after": after, "bip": bip,
            "actions": _actions(wish.path, current, merged), "said": sorted(wanted),
            "bridged": any(state["bridge"] not in (DEFAULT_BRIDGE, NO_BRIDGE) for state in (before, after))}


def effective(keys: Mapping[str, Any], found: Sequence[Flag] = ()) -> dict[str, Any]:
    """What the daemon goes by. An empty value means the default, as for dockerd."""
    said = {key: value for key, value in keys.items() if isinstance(value, bool) or value not in (None, "", [], {}, 0)}
    of_flags = {key: int(value) if key == "mtu" and str(value).isdigit() else value
                for key, value in meaning(found).items()}
    return {**DEFAULTS, **said, **of_flags}


def _conflicts(wish: Wish, wanted: Mapping[str, Any], merged: Mapping[str, Any], found: Sequence[Flag]) -> list[str]:
    """Flags that set what the file sets as well, or what the user has said otherwise."""
    problems = []
    for flag in found:
        if flag.key == "config-file" and flag.value != wish.path:
            problems.append(f"{flag.source} has {flag.text}: the daemon reads that file, not {wish.path}. Say "
                            f"docker_daemon_config_file: {flag.value}, or take the flag out.")
        elif flag.key in merged or flag.key in wanted and wish.options.get(flag.key, "") is not None:
            what, remedy = f"is to have {flag.key}", f"say nothing of {flag.key} here"
            if flag.key not in wanted:
                what, remedy = f"has {flag.key}", f"that out of the file (docker_daemon_options: {{{flag.key}: null}})"
            elif flag.key not in merged:
                what = f"is to leave {flag.key} out"
            problems.append(f"{flag.source} has {flag.text}, and {wish.path} {what}: a flag cannot be overruled, and "
                            "dockerd does not start when a flag and its file both set a key. Take the flag out there, "
                            f"or {remedy}.")
    return problems


def _contradictions(wanted: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    problems = []
    if after["icc"] is False and after["iptables"] is False:
        problems.append(str(OptionError(
            "docker_daemon_icc", False, "contradicts iptables: false, since rules are what closes it: dockerd refuses "
            "both together", "Say iptables: true, or close the bridge with icc_policy of this collection")))
    if after["bridge"] != DEFAULT_BRIDGE and after["bip"]:
        problems.append(str(OptionError("docker_daemon_bridge", after["bridge"], "contradicts bip "
                                        f"{after['bip']}, which is for {DEFAULT_BRIDGE} alone",
                                        "Take one of the two out")))
    if after["bip"] and {"bip", "fixed-cidr"} & set(wanted):
        try:
            inside("docker_daemon_fixed_cidr", after["fixed-cidr"], after["bip"])
        except (OptionError, ValueError) as error:
            problems.append(str(error))
    return problems


def _unknown(wish: Wish, wanted: Mapping[str, Any]) -> list[str]:
    """Keys that this dockerd does not know. A newer one is asked itself: ``dockerd --validate``."""
    names = set(re.findall(r"^\s+(?:-\w, )?\s*--([a-z0-9-]+)", wish.program, re.MULTILINE))
    if not names or "validate" in names:
        return []
    known = {PLURAL.get(name, name) for name in names} | WITHOUT_FLAG
    return [str(OptionError("docker_daemon_options", key, "is no key of daemon.json that this dockerd knows",
                            "`dockerd --help` shows the flags that keys are named after"))
            for key, value in wanted.items() if key not in known and value is not None]


def _actions(path: str, current: Mapping[str, Any], merged: Mapping[str, Any]) -> list[str]:
    found = [f"set {key} to {document.write(merged[key]).strip()} in {path}" if "\n" not in
             document.write(merged[key]).strip() else f"set {key} in {path}"
             for key in merged if key not in current or current[key] != merged[key]]
    return found + [f"take {key} out of {path}" for key in current if key not in merged]
