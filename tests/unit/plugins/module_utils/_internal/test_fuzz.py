# SPDX-License-Identifier: GPL-3.0-or-later
"""No input ends in an error of a module: it is planned and carried out, or refused with a message of a size.

All inputs are checked and read as in a module. Of the right ones a part is planned and carried out, for the time that
it takes. FUZZ_INPUTS=100000 tries more of them, FUZZ_EVERY=1 carries out all that are right, FUZZ_SEED makes others.
"""
from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter.document import FilterModule
from ansible_collections.mooring.net.plugins.module_utils._internal.core.argspec import CONFIG
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Plan
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import NETWORK, OPTIONS
from ansible_collections.mooring.net.plugins.module_utils._internal.document.parts import parts
from ansible_collections.mooring.net.plugins.module_utils._internal.files.operations import FileWrite
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.iptables.text import restore_text
from ansible_collections.mooring.net.plugins.module_utils._internal.firewall.operations import RestoreTable
from ansible_collections.mooring.net.plugins.module_utils._internal.program.plan import check_python
from ansible_collections.mooring.net.plugins.module_utils._internal.host.operations import SysctlSet
from ansible_collections.mooring.net.plugins.module_utils._internal.host.resource import Part
from ansible_collections.mooring.net.plugins.module_utils._internal.run.installation import OPTIONS as OF_PROGRAM
from ansible_collections.mooring.net.plugins.module_utils._internal.run.frame import check_options, describe_plan
from fuzz import Fuzz
from world import RESOURCES, World, part

INPUTS, SEED = int(os.environ.get("FUZZ_INPUTS", "5000")), int(os.environ.get("FUZZ_SEED", "10"))
EVERY = int(os.environ.get("FUZZ_EVERY", "8"))
JUNK = (0.01, 0.1, 0.3)  # few inputs with much of it are right, and few with little are refused
LONGEST = 1000  # characters of a message
RESTORED = re.compile(r"\*[a-z]+|:[A-Z][A-Za-z0-9_.+/-]+ - \[0:0\]|-[AIDFNX] [\x20-\x7e]+|COMMIT")
FRESH = 250  # inputs until the world is made anew

# What makes a task right, so that not only options that are missing are found.
BASE: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "docker_bridge": ({"name": "br0"}, {"name": "br1"}, {"name": "br9", "bip": "10.9.0.1/24"}),
    "netns_attach": ({"netns": "web"}, {"netns": "new", "bridge": "br0"}, {"container": "c1", "bridge": "br1"},
                     {"pid": 1001, "bridge": "br0"}, {"netns": "new", "bridge": "br9"}),
    "veth_pair": ({"name": "pair", "peer": {"name": "riap"}}, {"name": "p", "peer": {"name": "q", "netns": "web"}}),
    "port_publish": ({"netns": "web", "published_ports": ["8080:80"]}, {"netns": "db", "published_ports": ["80"]},
                     {"container": "c1", "published_ports": ["::53/udp"]}, {"netns": "new", "published_ports": []}),
    "icc_policy": ({"netns": "web", "links": ["db:database"]}, {"bridge": "br0", "icc": False}),
    "container_dns": ({"netns": "web"}, {"container": "c1"}, {"pid": 1001, "name": "legacy"}, {"netns": "new"}),
    "network_info": ({},),
    "host_network": ({"networks": [{"name": "br0", "bip": "192.168.5.1/24", "containers": [{"name": "web"}]}]}, {}),
}


def new_world() -> World:
    world = World()
    world.bridge(ipv6=True, fixed_cidr_v6="2001:db8:1::/64")
    world.bridge("br1", "10.1.0.1/24", gateway_mode="routed")
    world.start("c1")
    world.attach("web", "db", exposed_ports=[80], bridge="br0")
    world.publish("web", "8080:80", "127.0.0.1::443")
    world.link("web", "db:database")
    world.name("web")
    world.run("veth_pair", name="pair", peer={"name": "riap"})
    return world


def draw(fuzz: Fuzz, module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one task: flat ones or a list of items."""
    fuzz.junk = fuzz.random.choice(JUNK)

    def item() -> dict[str, Any]:
        return fuzz.options(options, fuzz.random.choice(BASE[module]) if fuzz.random.random() < 0.9 else None)

    if module in ("host_network", "network_info") or fuzz.random.random() < 0.7:
        return item()
    defaults = fuzz.options(options) if fuzz.random.random() < 0.2 else {}
    return {**defaults, "config": [item() for _ in range(fuzz.random.choice((0, 1, 2, 2, 3)))]}


def read(module: str, given: Mapping[str, Any]) -> list[Part]:
    """The parts of a run, as a module makes them of its parameters."""
    if module == "host_network":
        return parts(check_options(OPTIONS, given))
    if "config" in given:
        check_options(CONFIG, {"config": given["config"]})
    return [part(module, given)]


def check_refusal(error: MooringError | AnsibleFilterError) -> None:
    text = str(error)
    assert 0 < len(text) <= LONGEST, f"{len(text)} characters: {text[:300]}"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", text), repr(text)


def check_plan(plan: Plan) -> None:
    """What a plan writes is what it means to write, and all that it tells can be told."""
    json.dumps([plan.after, describe_plan(plan, with_diff=True), plan.warnings], ensure_ascii=False).encode()
    for operation in plan.operations:
        if isinstance(operation, RestoreTable):
            for line in restore_text(operation).splitlines():
                assert RESTORED.fullmatch(line), line
        elif isinstance(operation, FileWrite):
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", operation.text), operation.text
        elif isinstance(operation, SysctlSet):
            assert re.fullmatch(r"net(/[A-Za-z0-9_.-]+){2,}", operation.name), operation.name
            assert re.fullmatch(r"[\x20-\x7e]+", operation.value), operation.value


def run_one(world: World, wanted: Sequence[Part]) -> bool:
    """Whether a task was carried out: then it has nothing to do a second time."""
    try:
        plan = world.converge(wanted, False)
        check_plan(plan)
        if plan.operations:
            world.converge(wanted)
    except MooringError as error:
        check_refusal(error)
        assert "did not end up as planned" not in str(error), error
        return False
    return True


@pytest.mark.parametrize("module", BASE)
def test_an_input_is_carried_out_or_refused(module: str) -> None:
    fuzz, world, right, done = Fuzz(SEED), new_world(), 0, 0
    options = OPTIONS if module == "host_network" else RESOURCES[module].options
    for number in range(INPUTS):
        if number % (FRESH * EVERY) == 0:
            world = new_world()
        given = draw(fuzz, module, options)
        try:
            if (wanted := read_or_refuse(module, given)) is not None:
                right += 1
                done += right % EVERY == 0 and run_one(world, wanted)
        except Exception as error:
            raise AssertionError(f"input {number} of {module}: {given!r}"[:3000]) from error
    assert right > INPUTS / 10 and done > right / EVERY / 10


def read_or_refuse(module: str, given: Mapping[str, Any]) -> list[Part] | None:
    try:
        return read(module, given)
    except MooringError as error:
        check_refusal(error)
        return None


def test_the_filters_of_the_roles_take_any_document() -> None:
    fuzz = Fuzz(SEED)
    refused = count(FilterModule().filters().values(),
                    lambda: [fuzz.options(NETWORK) for _ in range(fuzz.random.choice((0, 1, 2)))])
    assert INPUTS / 100 < refused < INPUTS * 0.95


def count(functions: Iterable[Callable[[Any], Any]], make: Callable[[], Any]) -> int:
    refused = 0
    for _number in range(INPUTS):
        given = make()
        try:
            for function in functions:
                function(given)
        except AnsibleFilterError as error:
            check_refusal(error)
            refused += 1
    return refused


def test_the_program_takes_any_python() -> None:
    fuzz = Fuzz(SEED, junk=0.5)
    for _number in range(INPUTS):
        given = fuzz.options(OF_PROGRAM)
        try:
            check_python(check_options(OF_PROGRAM, given)["python"] or "/usr/bin/python3")
        except MooringError as error:
            check_refusal(error)
