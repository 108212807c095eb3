# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs, upgrades and removes the program that follows the host's resolv.conf."""
from __future__ import annotations

import copy
import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils.core.plan import Plan
from ansible_collections.mooring.net.plugins.module_utils.follower import plan as planner
from ansible_collections.mooring.net.plugins.module_utils.follower.content import content, digest, recorded
from ansible_collections.mooring.net.plugins.module_utils.follower.model import RECORD, ROOT, UNIT, UNITS, Installed

PYTHON = "/usr/bin/python3"
FILES = content(PYTHON, lambda name: f"# {name}\n")
FRESH = Installed()
FULL = Installed(files=FILES, enabled=True)
OLD = f"{ROOT}/core/old.py"


def after(observed: Installed, plan: Plan, steps: int | None = None) -> Installed:
    state: Any = SimpleNamespace(files=dict(observed.files), enabled=observed.enabled)
    for operation in plan.operations[:steps]:
        operation.apply(state)
    return Installed(files=state.files, enabled=state.enabled)


def test_a_fresh_host_gets_all_of_it_and_the_record_last() -> None:
    plan = planner.plan_install(FRESH, FILES)
    assert after(FRESH, plan) == FULL
    assert plan.actions[-3:] == ["let systemd read its units again", "enable and start mooring-resolv.path",
                                 f"install {RECORD}"]
    assert planner.plan_install(FULL, FILES) == Plan()


@pytest.mark.parametrize("path", [f"{ROOT}/files/block.py", UNIT, RECORD])
@pytest.mark.parametrize("text", ["another\n", None])
def test_what_is_not_as_it_should_be_is_put_back_alone(path: str, text: str | None) -> None:
    changed = Installed(files={**FILES, path: text}, enabled=True)
    plan = planner.plan_install(changed, FILES)
    assert after(changed, plan) == FULL
    assert [action for action in plan.actions if action.startswith("install")] == [f"install {path}"]
    assert ("let systemd read its units again" in plan.actions) == path.startswith(UNITS)


def test_a_disabled_watcher_is_enabled() -> None:
    plan = planner.plan_install(Installed(files=FILES), FILES)
    assert plan.actions == ["enable and start mooring-resolv.path"]


def test_another_python_changes_the_unit_and_the_record_only() -> None:
    other = content("/opt/python", lambda name: f"# {name}\n")
    plan = planner.plan_install(FULL, other)
    assert [action for action in plan.actions if action.startswith("install")] == [
        f"install {UNITS}/mooring-resolv-follow.service", f"install {RECORD}"]
    assert digest(other) != digest(FILES)


def test_what_an_earlier_version_recorded_goes() -> None:
    old = content(PYTHON, lambda name: f"# {name}\n")
    text = old[RECORD].replace('"files": {', f'"files": {{"{OLD}": "", "/etc/passwd": "",')
    assert {OLD, "/etc/passwd"} <= set(planner.paths_of(FILES, text))
    before = Installed(files={**old, RECORD: text, OLD: "#\n", "/etc/passwd": "root"}, enabled=True)
    assert planner.plan_install(before, FILES).actions == [
        f"remove {OLD}", "enable and start mooring-resolv.path", f"install {RECORD}"]
    removed = planner.plan_remove(before)
    assert after(before, removed).files == {"/etc/passwd": "root"} and "passwd" not in "".join(removed.actions)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"digest": ""}', '{"files": null}'])
def test_a_damaged_record_names_nothing(text: str) -> None:
    assert recorded(text) == ()


def test_nothing_is_removed_of_what_is_not_there() -> None:
    assert planner.plan_remove(FRESH) == Plan()
    full = planner.plan_remove(FULL)
    assert after(FULL, full) == FRESH
    assert full.actions[0] == "disable and stop mooring-resolv.path" and full.actions[-2] == f"remove {UNIT}"


@pytest.mark.parametrize(("first", "wanted"), [(FRESH, True), (FULL, False)])
def test_a_run_that_was_killed_is_completed_by_the_next_one(first: Installed, wanted: bool) -> None:
    def plan(observed: Installed) -> Plan:
        return planner.plan_install(observed, FILES) if wanted else planner.plan_remove(observed)

    whole = plan(first)
    for steps in itertools.islice(range(len(whole.operations)), len(whole.operations) - (0 if wanted else 1)):
        half = after(first, whole, steps)
        assert after(half, plan(copy.deepcopy(half))) == (FULL if wanted else FRESH), steps


def test_a_python_that_cannot_run_it_is_refused_before_anything_changes() -> None:
    with pytest.raises(MooringError, match="has no jinja2"):
        planner.plan_install(Installed(fault="python: /usr/bin/python3 has no jinja2"), FILES)
    assert planner.plan_install(Installed(files=FILES, enabled=True, fault="x"), FILES) == Plan()


def test_a_host_without_systemd_is_left_alone() -> None:
    assert planner.plan_install(Installed(systemd=False), FILES) == Plan()


@pytest.mark.parametrize("python", ["python3", "/usr/bin/python 3", "/usr/%i", "/usr/$X", "/a\nb", ""])
def test_a_path_with_a_meaning_for_systemd_is_refused(python: str) -> None:
    with pytest.raises(MooringError, match="python: .* is not a full path of letters"):
        planner.check_python(python)
    assert planner.check_python(PYTHON) == PYTHON
