# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory that modules are run on: their real options, parsers, plans and pipeline, without a kernel."""
from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional
from unittest import mock

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.command import Result
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Plan, View
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import OPTIONS
from ansible_collections.mooring.net.plugins.module_utils._internal.document.parts import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.engine import inspect as engines
from ansible_collections.mooring.net.plugins.module_utils._internal.engine import places
from ansible_collections.mooring.net.plugins.module_utils._internal.files.model import HASH, ObservedFile, Place
from ansible_collections.mooring.net.plugins.module_utils._internal.host.fake import FakeHost, fresh_state
from ansible_collections.mooring.net.plugins.module_utils._internal.host.model import HostState
from ansible_collections.mooring.net.plugins.module_utils._internal.host.resource import Part, Resource
from ansible_collections.mooring.net.plugins.module_utils._internal.host.setbacks import Setbacks
from ansible_collections.mooring.net.plugins.module_utils._internal.link.model import Link, Namespace, Route
from ansible_collections.mooring.net.plugins.module_utils._internal.netns import processes
from ansible_collections.mooring.net.plugins.module_utils._internal.netns.model import HOST, NETNS_DIRECTORY, named_path
from ansible_collections.mooring.net.plugins.module_utils._internal.run import converge as pipeline
from ansible_collections.mooring.net.plugins.module_utils._internal.run.items import part_of
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import check_options, describe_failed

MODULES = ("docker_bridge", "netns_attach", "veth_pair", "port_publish", "icc_policy", "container_dns", "network_info")


def module(name: str) -> types.ModuleType:
    return importlib.import_module(f"ansible_collections.mooring.net.plugins.modules.{name}")


RESOURCES: dict[str, Resource] = {name: module(name).RESOURCE for name in MODULES}


def defaults(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: option.get("default") for name, option in options.items()}


def part(name: str, given: Mapping[str, Any]) -> Part:
    """The items of a task, through the same checks as in a module."""
    resource = RESOURCES[name]
    if "config" in given:
        return part_of(resource, {**defaults(resource.options), **given}, check_options)
    return part_of(resource, {**check_options(resource.options, given), "config": None}, check_options)


def desired(name: str, given: Mapping[str, Any]) -> list[Any]:
    """The items of a task as values."""
    return list(part(name, given).items)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The plan of a task about one kind of thing."""

    plan: Plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    @property
    def before(self) -> tuple[View, ...]:
        return self.plan.before[0]

    @property
    def after(self) -> tuple[View, ...]:
        return self.plan.after[0]


def uplink_state() -> HostState:
    """A host with one network card: 192.0.2.10/24, its router at 192.0.2.1."""
    state = fresh_state()
    state.host.links["ens3"] = Link("ens3", "", 2, up=True, mac="52:54:00:00:00:01", addresses=("192.0.2.10/24",))
    state.host.routes.append(Route("default", "ens3", "192.0.2.1"))
    state.namespaces["/proc/1/ns/net"] = state.host
    return state


class Failed(MooringError):
    """What a task tells of containers that kept something from being done; ``plan`` is what became of the rest."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(describe_failed(plan.failed, among_others=False))
        self.plan = plan


def require_told(plan: Plan) -> None:
    """Nothing is done that nobody is told of, and nothing is told that is not done."""
    done = {id(operation) for operation in plan.operations}
    for action in plan.all_told:
        assert action.text and "\n" not in action.text and not action.text.endswith("."), action.text
        assert done & {id(operation) for operation in action.operations}, action.text
    told = {id(operation) for action in plan.all_told for operation in action.operations}
    assert done <= told, [operation.describe() for operation in plan.operations if id(operation) not in told]
    assert bool(plan.actions) == bool(plan.operations)


def _unlocked(_seconds: float, **_options: bool) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


class World:
    """A fake host, and the container engine that runs on it."""

    def __init__(self, state: Optional[HostState] = None) -> None:
        self.host = FakeHost(state or uplink_state())
        self.engine: dict[str, int] = {}  # names of Docker's running containers, with their processes
        self.stopped: set[str] = set()  # names of those that it knows and that do not run
        self.joined: dict[str, str] = {}  # those of them that Docker started with the network of another one
        self.questions: list[list[str]] = []  # what Docker was asked, name by name
        self.inspect = engines.inspect
        self.lock: Callable[..., contextlib.AbstractContextManager[None]] = _unlocked
        self._pids = 1000

    def copy(self) -> World:
        """Another world in the same condition."""
        other = World(self.state.copy())
        other.state.namespaces["/proc/1/ns/net"] = other.state.host
        other.host._pairs = dict(self.host._pairs)
        other.engine, other.joined, other._pids = dict(self.engine), dict(self.joined), self._pids
        other.stopped = set(self.stopped)
        for name, entry in self.state.named.items():
            if entry.link and entry.link in other.state.namespaces:
                other.state.namespaces[named_path(name)] = other.state.namespaces[entry.link]
        return other

    @property
    def state(self) -> HostState:
        return self.host.state

    def start(self, container: str, network: str = "none") -> str:
        """Docker starts a container; returns the path of its namespace.

        :param network: ``none``, ``host``, or ``container:NAME``, with which Docker gives it the files of that one too
        """
        self.stopped.discard(container)
        if container in self.engine:
            self.host.end_namespace(f"/proc/{self.engine[container]}/ns/net")
        self._pids += 1
        self.engine[container] = self._pids
        self.state.hostnames[self._pids] = f"{self._pids:012}"
        owner = network.partition("container:")[2]
        if owner:
            self.joined[container] = owner
            return self.process(self._pids, f"/proc/{self.engine[owner]}/ns/net")
        self.write_as_docker(container)
        if network == "host":
            self.state.hostnames[self._pids] = None
            self.state.files[docker_place(container, "hosts")] = ObservedFile(self.state.hosts_text)
        return self.process(self._pids, "/proc/1/ns/net" if network == "host" else "")

    def stop(self, container: str) -> None:
        """Docker stops a container: its process ends, and its namespace with it."""
        self.host.end_namespace(f"/proc/{self.engine.pop(container)}/ns/net")
        self.stopped.add(container)

    def write_as_docker(self, container: str, resolv: str = "nameserver 192.0.2.53\n") -> None:
        """What Docker does to a container's files when it starts."""
        digest = hashlib.sha256(resolv.encode()).hexdigest()
        for name, text in (("hosts", "127.0.0.1\tlocalhost\n"), ("hostname", f"{self.engine[container]:012}\n"),
                           ("resolv.conf", resolv), (HASH, f"sha256:{digest}")):
            self.state.files[docker_place(container, name)] = ObservedFile(text)

    def text(self, container: str, file: str = "hosts") -> Optional[str]:
        """A file of a named namespace, or of a container of Docker's."""
        place = docker_place(container, file) if container in self.engine else netns_place(container, file)
        return self.state.files.get(place, ObservedFile()).text

    def name(self, netns: str, **given: Any) -> Plan:
        return self.run("container_dns", netns=netns, **given)

    def process(self, pid: int, shared: str = "") -> str:
        """A process with a network of its own, or with that of the path ``shared``; returns the path of it."""
        path = f"/proc/{pid}/ns/net"
        self.state.namespaces[path] = self.state.namespaces[shared] if shared else Namespace(
            40000 + pid, {"lo": Link("lo", "loopback", 1)})
        return path

    def run(self, module_name: str, changing: bool = True, /, **given: Any) -> Plan:
        """One task: the plan, carried out unless ``changing`` is false (check mode)."""
        return Outcome(self.converge([part(module_name, given)], changing))

    def converge(self, parts: Sequence[Part], changing: bool = True) -> Plan:
        """:raises Failed: where containers kept something from being done"""
        self.host.setbacks = Setbacks()
        with self._system():
            plan = pipeline.converge(parts, self.host, changing)
        require_told(plan)
        if plan.failed:
            raise Failed(plan)
        return plan

    def document(self, networks: Sequence[Mapping[str, Any]] = (), changing: bool = True, /, **given: Any) -> Plan:
        """One task of host_network."""
        return self.converge(parts(check_options(OPTIONS, {"networks": list(networks), **given})), changing)

    def document_refuses(self, networks: Sequence[Mapping[str, Any]] = (), /, **given: Any) -> str:
        """The message of a task of host_network that fails; nothing was touched."""
        before, count = picture(self.state), len(self.host.executed)
        with pytest.raises(MooringError) as caught:
            self.document(networks, **given)
        assert len(self.host.executed) == count and picture(self.state) == before
        return str(caught.value)

    def check(self, module_name: str, /, **given: Any) -> Plan:
        return self.run(module_name, False, **given)

    def bridge(self, name: str = "br0", bip: Optional[str] = "192.168.5.1/24", **given: Any) -> Plan:
        return self.run("docker_bridge", name=name, bip=bip, **given)

    def attach(self, *names: str, **given: Any) -> list[str]:
        """Attach named namespaces in one task; the addresses that they got."""
        plan = self.run("netns_attach", config=[{"netns": name} for name in names], **given)
        return [item["address"] for item in plan.after]

    def publish(self, netns: str, *ports: str, **given: Any) -> list[str]:
        plan = self.run("port_publish", netns=netns, published_ports=list(ports), **given)
        return plan.after[0]["published_ports"]

    def link(self, source: str, *links: str, **given: Any) -> Plan:
        return self.run("icc_policy", netns=source, links=list(links), **given)

    def info(self, **given: Any) -> Mapping[str, Any]:
        return self.run("network_info", **given).after[0]

    def inner(self, netns: str, interface: str = "eth0") -> Link:
        return self.state.namespaces[named_path(netns)].links[interface]

    def refuses(self, module_name: str, /, **given: Any) -> str:
        """The message of a task that fails; nothing was touched."""
        before, count = picture(self.state), len(self.host.executed)
        with pytest.raises(MooringError) as caught:
            self.run(module_name, **given)
        assert len(self.host.executed) == count and picture(self.state) == before
        return str(caught.value)

    @contextlib.contextmanager
    def _system(self) -> Iterator[None]:
        """The files and programs that names are looked up with."""
        def readlink(path: str) -> str:
            entry = self.state.named.get(path.removeprefix(NETNS_DIRECTORY + "/"))
            return entry.link if entry else ""

        def opened(path: str, _flags: int) -> int:
            if path not in self.state.namespaces:
                raise FileNotFoundError(path)
            return -1

        def inspect(arguments: list[str], **_more: Any) -> Result:
            self.questions.append(arguments[6:])
            lines = [f"{self.engine[name]}abcd|/{name}|{self.engine[name]}|" + "|".join(
                str(docker_place(self.joined.get(name, name), file)) for file in ("hosts", "hostname", "resolv.conf"))
                + (f"|container:{self.joined[name]}" if name in self.joined else "|none")
                for name in arguments[6:] if name in self.engine]
            lines += [f"{name}abcd|/{name}|0|||" for name in arguments[6:] if name in self.stopped]
            return Result(0, "\n".join(lines), "" if lines else "no such container")

        def is_there(path: str) -> bool:
            return path in self.state.namespaces

        path = types.SimpleNamespace(exists=is_there, islink=lambda path: bool(readlink(path)))
        system = types.SimpleNamespace(path=path, readlink=readlink, open=opened, close=lambda _descriptor: None,
                                       O_RDONLY=0, O_CLOEXEC=0)
        command = types.SimpleNamespace(find=lambda program: program if program == "docker" else None, run=inspect)
        def started(pid: int) -> str:
            return "1" if f"/proc/{pid}/ns/net" in self.state.namespaces else ""

        with mock.patch.object(places, "os", system), mock.patch.object(places, "is_there", is_there), \
                mock.patch.object(engines, "command", command), \
                mock.patch.object(engines, "is_roots", lambda _path: True), \
                mock.patch.object(processes, "start_time", started), \
                mock.patch.object(pipeline, "inspect", self.inspect), \
                mock.patch.object(pipeline, "host_lock", self.lock):
            yield


def docker_place(container: str, file: str) -> Place:
    return Place(f"/var/lib/docker/containers/{container}", file)


def netns_place(name: str, file: str) -> Place:
    return Place("/etc", f"netns/{name}/{file}")


def picture(state: HostState, sysctls: bool = True) -> dict[str, Any]:
    """All that a user can see of a host, without the numbers that the kernel gives."""
    ends = {path: {name: dataclasses.replace(link, index=0, peer_index=0) for name, link in netns.links.items()}
            for path, netns in state.namespaces.items()}
    routes = {path: sorted(netns.routes, key=repr) for path, netns in state.namespaces.items()}
    tables = {key: ({name: chain.comments for name, chain in table.chains.items()},
                    sorted((hook.chain, hook.line) for hook in table.hooks)) for key, table in state.tables.items()}
    named = {name: (entry.link, entry.own) for name, entry in state.named.items()}
    values = {key: value for key, value in state.sysctls.items() if key[0] == HOST} if sysctls else {}
    texts = {str(place): file.text for place, file in state.files.items()}
    return {"links": ends, "routes": routes, "tables": tables, "named": named, "sysctls": values, "files": texts,
            "hostnames": dict(state.hostnames)}


def example() -> World:
    """The document of the README."""
    found = World()
    found.document([{"name": "bridge0", "bip": "192.168.5.1/24", "icc": False, "containers": [
        {"name": "web", "published_ports": ["8080:80", "127.0.0.1::443"], "links": ["db:database"]},
        {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432]}]}])
    return found
