# SPDX-License-Identifier: GPL-3.0-or-later
"""network_info says what differs from what the host has been asked for, as `mooring check` does."""
from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.run import module, order
from world import World, part


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    found = World()
    found.state.persistent = True
    found.bridge("br0", "192.168.5.1/24")
    found.attach("web")
    for place in (module, order):
        monkeypatch.setattr(place, "RealHost", lambda: found.host)
    monkeypatch.setattr(order.varlib, "read", lambda: found.state.lasting)
    with found._system():
        yield found


def drift(**question: Any) -> list[str]:
    plan = module._with_order(part("network_info", question), {"lock_timeout": 120})
    return (plan.after[0][0] or {})["drift"]


def test_what_only_who_asked_for_it_knows_is_told(world: World) -> None:
    assert drift() == []
    links = world.state.host.links
    links["br0"] = dataclasses.replace(links["br0"], mtu=1300)
    assert drift() == order.find_order(changing=False)[1].actions == ["set mtu of bridge br0 to 1500 (was 1300)"]
    assert drift(bridge="br0") == []  # that is a question about a part of the host


def test_without_an_order_it_is_what_the_kernel_tells(world: World) -> None:
    world.state.persistent = False
    world.document([], persist=False)
    links = world.state.host.links
    links["br0"] = dataclasses.replace(links["br0"], mtu=1300)
    assert drift() == []


def test_an_order_that_never_rests_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(range(1000))
    monkeypatch.setattr(order, "read_order", lambda: dataclasses.replace(
        order.varlib.read_applied(world.state.lasting), processes={"1": str(next(answers))}))
    with pytest.raises(MooringError, match="has changed 10 times while it was read"):
        order.find_order(changing=False)


def test_a_task_says_how_long_it_waits_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world, waited = World(), []
    monkeypatch.setattr(module, "RealHost", lambda: world.host)

    def lock(seconds: float, **_options: bool) -> contextlib.AbstractContextManager[None]:
        waited.append(seconds)
        return contextlib.nullcontext()

    world.lock = lock
    with world._system():
        module._converge([part("docker_bridge", {"name": "br0"})], True, {"lock_timeout": 7})
    assert waited == [7]
