# SPDX-License-Identifier: GPL-3.0-or-later
"""What installs, upgrades and removes the command mooring."""
from __future__ import annotations

import copy
import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.core.plan import Plan
from ansible_collections.mooring.net.plugins.module_utils._internal.program import plan as planner
from ansible_collections.mooring.net.plugins.module_utils._internal.program.content import (content, digest,
                                                                                            recorded_features,
                                                                                            recorded_paths,
                                                                                            recorded_units)
from ansible_collections.mooring.net.plugins.module_utils._internal.run.installation import choose_features
from ansible_collections.mooring.net.plugins.module_utils._internal.program.model import (ARCHIVE, COMMAND, RECORD,
                                                                                          ROOT, UNITS, Features,
                                                                                          Installed, Program)

PYTHON = "/usr/bin/python3"
SOURCES = {"run/program.py": "from ..core import lock\n", "core/lock.py": "#\n"}.get
FOLLOWING = Features(persist=False)
PROGRAM = content(PYTHON, SOURCES, FOLLOWING)
RECORDED = recorded_units(PROGRAM.files[RECORD])
FRESH = Installed()
FULL = Installed(files=PROGRAM.files, enabled=frozenset(PROGRAM.enabled), command=True)
OLD = f"{ROOT}/core/old.py"
UNIT = f"{UNITS}/mooring-resolv.path"
RESTARTED = ["enable mooring-resolv.path and restart it"]


def install(observed: Installed, wanted: Program = PROGRAM, recorded: Any = None) -> Plan:
    return planner.plan_install(observed, wanted, RECORDED if recorded is None else recorded)


def remove(observed: Installed) -> Plan:
    return planner.plan_remove(observed, RECORDED)


def after(observed: Installed, plan: Plan, steps: int | None = None) -> Installed:
    state: Any = SimpleNamespace(files=dict(observed.files), enabled=observed.enabled, command=observed.command)
    for operation in plan.operations[:steps]:
        operation.apply(state)
    return Installed(files=state.files, enabled=state.enabled, command=state.command)


def test_a_fresh_host_gets_all_of_it_and_the_record_last() -> None:
    plan = install(FRESH, recorded={})
    assert after(FRESH, plan) == FULL
    assert plan.steps[0] == f"install {ARCHIVE}" and plan.steps[-4:] == [
        f"link {COMMAND} to {ARCHIVE}", "let systemd read its units again",
        *RESTARTED, f"install {RECORD}"]
    assert install(FULL) == Plan()


@pytest.mark.parametrize("path", [ARCHIVE, UNIT, RECORD])
@pytest.mark.parametrize("text", [b"another\n", None])
def test_what_is_not_as_it_should_be_is_put_back_alone(path: str, text: bytes | None) -> None:
    changed = Installed(files={**PROGRAM.files, path: text}, enabled=FULL.enabled, command=True)
    plan = install(changed)
    assert after(changed, plan) == FULL
    assert [action for action in plan.steps if action.startswith("install")] == [f"install {path}"]
    assert ("let systemd read its units again" in plan.steps) == path.startswith(UNITS)


def test_a_disabled_unit_is_enabled_and_a_missing_command_made() -> None:
    assert install(Installed(files=PROGRAM.files, command=True)).steps == RESTARTED
    assert install(Installed(files=PROGRAM.files, enabled=FULL.enabled)).steps == [f"link {COMMAND} to {ARCHIVE}"]


def test_another_python_changes_the_archive_the_unit_and_the_record_only() -> None:
    other = content("/opt/python", SOURCES, FOLLOWING)
    plan = install(FULL, other)
    assert [action for action in plan.steps if action.startswith("install")] == [
        f"install {ARCHIVE}", f"install {UNITS}/mooring-resolv-follow.service", f"install {RECORD}"]
    assert digest(other.files) != digest(PROGRAM.files)


def test_what_is_not_wanted_any_more_goes() -> None:
    without = content(PYTHON, SOURCES, Features(False, False))
    plan = install(FULL, without)
    assert plan.steps[0] == "disable and stop mooring-resolv.path" and f"remove {UNIT}" in plan.steps
    left = after(FULL, plan)
    assert left == Installed(files=without.files, enabled=frozenset(without.enabled), command=True)
    assert planner.plan_install(left, without, {}) == Plan()


def test_a_host_that_persists_has_its_units_and_drop_ins_and_gives_them_back() -> None:
    wanted = content(PYTHON, SOURCES)
    plan = install(FRESH, wanted, {})
    assert [action for action in plan.steps if action.startswith("enable")] == [
        "enable mooring-resolv.path and restart it", "enable mooring-gate.service",
        "enable mooring.target and start it",
        "enable mooring-guard.timer and restart it", "enable mooring-engines.target and restart it"]
    full = after(FRESH, plan)
    drop_in = f"{UNITS}/nftables.service.d/mooring.conf"
    assert drop_in in full.files and b"replay --boot" in (full.files[f"{UNITS}/mooring.service"] or b"")
    left = install(full, PROGRAM, recorded_units(wanted.files[RECORD]))
    assert f"remove {drop_in}" in left.steps and after(full, left) == FULL
    assert after(full, planner.plan_remove(full, recorded_units(wanted.files[RECORD]))) == FRESH


def test_without_an_interval_there_is_no_timer() -> None:
    found = content(PYTHON, SOURCES, Features(check_interval=0))
    assert not any("mooring-guard.timer" in name for name in (*found.files, *found.enabled))
    assert b"every 7 seconds" in content(PYTHON, SOURCES, Features(check_interval=7)).files[
        f"{UNITS}/mooring-guard.timer"]


def test_where_the_host_has_its_programs_is_no_part_of_the_digest() -> None:
    elsewhere = content(PYTHON, SOURCES, restore={"ipv4": "/sbin/iptables-restore"})
    assert digest(elsewhere.files) == digest(content(PYTHON, SOURCES).files)
    assert b"/sbin/iptables-restore" in elsewhere.files[f"{UNITS}/mooring-gate.service"]
    assert elsewhere.files[RECORD] != content(PYTHON, SOURCES).files[RECORD]


def test_what_an_earlier_version_recorded_goes() -> None:
    record = json.loads(PROGRAM.files[RECORD])
    record["files"] |= {OLD: "", "/etc/passwd": ""}
    record["enabled"] |= {"mooring-old.timer": "timers.target", "sshd.service": "multi-user.target"}
    text = json.dumps(record).encode()
    assert {OLD, "/etc/passwd"} <= set(planner.paths_of(PROGRAM, text))
    units = planner.units_of(PROGRAM, text)
    assert set(units) == {*PROGRAM.enabled, "mooring-old.timer"}
    before = Installed(files={**PROGRAM.files, RECORD: text, OLD: b"#\n", "/etc/passwd": b"root"},
                       enabled=frozenset(units), command=True)
    assert planner.plan_install(before, PROGRAM, units).steps == [
        "disable and stop mooring-old.timer", f"remove {OLD}", *RESTARTED, f"install {RECORD}"]
    removed = planner.plan_remove(before, units)
    left = after(before, removed)
    assert left == Installed(files={"/etc/passwd": b"root"}) and "passwd" not in "".join(removed.steps)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"digest": ""}', '{"files": null, "enabled": null}', '{"files": 1}'])
def test_a_damaged_record_names_nothing(text: str) -> None:
    assert recorded_paths(text.encode()) == () and recorded_units(text.encode()) == {}


def test_nothing_is_removed_of_what_is_not_there() -> None:
    assert remove(FRESH) == Plan()
    full = remove(FULL)
    assert after(FULL, full) == FRESH
    assert full.steps[0] == "disable and stop mooring-resolv.path" and full.steps[-1] == f"remove {ROOT}"


@pytest.mark.parametrize(("first", "wanted"), [(FRESH, True), (FULL, False)])
def test_a_run_that_was_killed_is_completed_by_the_next_one(first: Installed, wanted: bool) -> None:
    def plan(observed: Installed) -> Plan:
        return install(observed) if wanted else remove(observed)

    whole = plan(first)
    for steps in itertools.islice(range(len(whole.operations)), len(whole.operations)):
        half = after(first, whole, steps)
        assert after(half, plan(copy.deepcopy(half))) == (FULL if wanted else FRESH), steps


def test_a_python_that_cannot_run_it_is_refused_before_anything_changes() -> None:
    with pytest.raises(MooringError, match="has no jinja2"):
        install(Installed(fault="python: /usr/bin/python3 has no jinja2"))
    assert install(Installed(files=PROGRAM.files, enabled=FULL.enabled, command=True, fault="x")) == Plan()


def test_a_host_without_systemd_is_left_alone() -> None:
    assert install(Installed(systemd=False)) == Plan()


@pytest.mark.parametrize("python", ["python3", "/usr/bin/python 3", "/usr/%i", "/usr/$X", "/a\nb", ""])
def test_a_path_with_a_meaning_for_systemd_is_refused(python: str) -> None:
    with pytest.raises(MooringError, match="python: .* is not a full path of letters"):
        planner.check_python(python)
    assert planner.check_python(PYTHON) == PYTHON


def test_a_path_that_the_kernel_would_cut_off_is_refused() -> None:
    with pytest.raises(MooringError, match="has 123 characters, and the kernel reads 122"):
        planner.check_python("/" + "a" * 122)
    assert planner.check_python("/" + "a" * 121)


TIMER = f"{UNITS}/mooring-guard.timer"


@pytest.mark.parametrize("features", [Features(follows, *each) for follows in (True, False)
                                      for each in ((True, 15), (True, 40), (True, 0), (False, 15))], ids=str)
def test_what_a_task_says_nothing_of_stays_as_it_is_installed(features: Features) -> None:
    files = content(PYTHON, SOURCES, features).files
    assert recorded_features(files[RECORD], files.get(TIMER)) == features
    nothing = {"follow_resolv_conf": None, "persist": None, "check_interval": None}
    assert choose_features(nothing, features) == features
    for name, value in (("follow_resolv_conf", False), ("persist", False), ("check_interval", 7)):
        changed = choose_features({**nothing, name: value}, features)
        assert changed == Features(**{**vars(features), name: value})


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"files": 3}'])
def test_where_no_program_is_on_record_it_does_what_it_does_by_default(record: bytes) -> None:
    assert recorded_features(record, None) == Features(True, True, 15)


def test_to_follow_no_more_leaves_what_brings_the_network_back() -> None:
    whole = content(PYTHON, SOURCES, Features(True, True, 40))
    there = Installed(files=whole.files, enabled=frozenset(whole.enabled), command=True)
    asked = {"follow_resolv_conf": False, "persist": None, "check_interval": None}
    installed = recorded_features(whole.files[RECORD], whole.files[TIMER])
    wanted = content(PYTHON, SOURCES, choose_features(asked, installed))
    plan = install(there, wanted, recorded_units(whole.files[RECORD]))
    state = after(there, plan)
    gone = set(whole.files) - {path for path, text in state.files.items() if text is not None}
    assert gone and all("mooring-resolv" in path for path in gone) and state.command
    assert set(whole.enabled) - state.enabled == {"mooring-resolv.path"}


def lines(plan: Plan) -> tuple[list[str], list[str]]:
    """What a diff shows before and after."""
    told = [operation.lines() for operation in plan.operations]
    return [line for before, _after in told for line in before], [line for _before, after in told for line in after]


def test_the_diff_shows_files_as_people_know_them() -> None:
    """What is new is a line, and of what has changed the lines that did; there is neither a hash nor code in it."""
    there = {f"{path}: there" for path in PROGRAM.files} | {"mooring-resolv.path: enabled",
                                                            f"{COMMAND}: a link to {ARCHIVE}"}
    before, after = lines(install(FRESH, recorded={}))
    assert (before, set(after)) == ([], there)
    before, after = lines(remove(FULL))
    assert set(before) == {line for line in there if ROOT not in line.split(":")[0]} | {f"{ROOT}: there"} and not after


def test_the_diff_shows_what_an_option_changes() -> None:
    each, other = (content(PYTHON, SOURCES, Features(check_interval=seconds)) for seconds in (15, 30))
    there = Installed(files=each.files, enabled=frozenset(each.enabled), command=True)
    before, after = lines(planner.plan_install(there, other, recorded_units(each.files[RECORD])))
    timer = f"{UNITS}/mooring-guard.timer"
    assert after == [f"{timer}: Description=Look every 30 seconds whether the rules of mooring.net are there",
                     f"{timer}: OnActiveSec=30", f"{timer}: OnUnitInactiveSec=30", f"{RECORD}: up to date"]
    assert before == [line.replace("30", "15").replace("up to", "out of") for line in after]
