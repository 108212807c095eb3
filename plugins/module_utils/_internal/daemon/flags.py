# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags that dockerd is started with: those of its systemd unit and of DOCKER_OPTS. Pure.

They are read only. dockerd refuses to start when a flag and its file both set a key, whatever the values
(``findConfigurationConflicts`` in the daemon).
"""
from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_FILE = "/etc/default/docker"  # read by Debian's unit and by its init script
DEFAULT_NAME = "DOCKER_OPTS"
SHORT = {"b": "bridge", "D": "debug", "G": "group", "H": "host", "l": "log-level", "p": "pidfile",
         "s": "storage-driver"}
# Flags that can be repeated have a key of another name.
PLURAL = {"add-runtime": "runtimes", "authorization-plugin": "authorization-plugins", "cdi-spec-dir": "cdi-spec-dirs",
          "cluster-store-opt": "cluster-store-opts", "default-address-pool": "default-address-pools",
          "default-network-opt": "default-network-opts", "default-ulimit": "default-ulimits", "dns-opt": "dns-opts",
          "exec-opt": "exec-opts", "host": "hosts", "insecure-registry": "insecure-registries", "label": "labels",
          "log-opt": "log-opts", "node-generic-resource": "node-generic-resources",
          "registry-mirror": "registry-mirrors", "storage-opt": "storage-opts"}
LISTS = {*PLURAL.values(), "allow-nondistributable-artifacts", "dns", "dns-search"}
# Flags that take no word after them.
BOOLEAN = {"allow-direct-routing", "cri-containerd", "debug", "experimental", "icc", "init", "ip-forward",
           "ip-forward-no-drop", "ip-masq", "ip6tables", "iptables", "ipv6", "live-restore", "no-new-privileges",
           "raw-logs", "rootless", "selinux-enabled", "tls", "tlsverify", "userland-proxy", "validate", "version"}


@dataclass(frozen=True)
class Flag:
    """``key`` is that of daemon.json, ``text`` the flag as written, ``source`` where that is."""

    key: str
    value: Any
    text: str
    source: str


@dataclass(frozen=True)
class Assignment:
    value: str
    source: str


def flags(unit: str, files: Mapping[str, str]) -> list[Flag]:
    """All flags of the daemon.

    :param unit: what ``systemctl cat`` shows of the daemon's unit; empty where an init script starts it
    :param files: the contents of its environment files by path
    """
    environment: dict[str, Assignment] = {}
    for path, text in files.items():
        environment.update(assignments(path, text))
    if not unit:
        found = environment.get(DEFAULT_NAME)
        return list(_flags(_words(found.value), found.source)) if found else []
    return [flag for source, line in _settings(unit, "ExecStart")
            for flag in _command(line, source, {**_environment(unit), **environment})]


def environment_files(unit: str) -> list[str]:
    """The files that set variables for the daemon's command line."""
    if not unit:
        return [DEFAULT_FILE]
    return [line.lstrip("-") for _source, line in _settings(unit, "EnvironmentFile")]


def meaning(found: Sequence[Flag]) -> dict[str, Any]:
    """What flags say, as keys of daemon.json."""
    keys: dict[str, Any] = {}
    for flag in found:
        keys[flag.key] = [*keys.get(flag.key, []), flag.value] if flag.key in LISTS else flag.value
    return keys


def assignments(path: str, text: str) -> dict[str, Assignment]:
    """The variables of an environment file. The last one counts; in a shell it may contain those before."""
    found: dict[str, Assignment] = {}
    for number, line in _lines(text):
        match = re.match(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)", line, re.DOTALL)
        if match:
            name, value = match[1], " ".join(_words(match[2])[:1])
            before = found[name].value if name in found else ""
            value = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", before.replace("\\", r"\\"), value)
            found[name] = Assignment(value, f"{path}, line {number}")
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their numbers; what a backslash continues is one line."""
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not whole and line.strip()[:1] in ("#", ";"):  # no backslash continues a comment
            continue
        start = start if whole else number
        whole += line.strip()
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        if whole:
            yield start, whole
        whole = ""


def _settings(unit: str, name: str) -> list[tuple[str, str]]:
    """The values of a setting in a unit and its drop-ins, as (file, value). An empty one takes back those before."""
    found: list[tuple[str, str]] = []
    source = "the unit"
    joined = re.sub(r"\\\n\s*", " ", unit)
    for line in joined.splitlines():
        if re.fullmatch(r"# /\S+", line):
            source = line[2:]
        key, equals, value = line.partition("=")
        if equals and key.strip() == name:
            found = [*found, (source, value.strip())] if value.strip() else []
    return found


def _environment(unit: str) -> dict[str, Assignment]:
    found: dict[str, Assignment] = {}
    for source, line in _settings(unit, "Environment"):
        for word in _words(line):
            name, equals, value = word.partition("=")
            if equals:
                found[name] = Assignment(value, source)
    return found


def _command(line: str, source: str, environment: Mapping[str, Assignment]) -> Iterator[Flag]:
    """The flags of a command line of systemd, in which ``$NAME`` stands for words and ``${NAME}`` for one."""
    words: list[str] = []
    for word in _words(line.lstrip("-@:+!|"))[1:]:
        match = re.fullmatch(r"\$(?:(\w+)|\{(\w+)\})", word)
        if not match:
            words.append(word)
        elif found := environment.get(match[1] or match[2]):
            yield from _flags(_words(found.value), found.source)
    yield from _flags(words, source)


def _flags(words: Sequence[str], source: str) -> Iterator[Flag]:
    rest = list(words)
    while rest:
        word = rest.pop(0)
        long = re.fullmatch(r"--([a-z][a-z0-9-]*)(?:=(.*))?", word, re.DOTALL)
        match = long or re.fullmatch(r"-([A-Za-z])(?:=?(.+))?", word, re.DOTALL)
        name = "" if match is None else match[1] if long else SHORT.get(match[1], "")
        if match is None or not name:
            continue
        value = match[2]
        if value is None and name not in BOOLEAN and rest:
            value = rest.pop(0)
            word = f"{word} {value}"
        if name in BOOLEAN:
            yield Flag(name, value is None or value.lower() in ("1", "t", "true"), word, source)
        else:
            yield Flag(PLURAL.get(name, name), value or "", word, source)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # an open quote: what there is has to do
        return text.split()
