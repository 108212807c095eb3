# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that close, bring back and guard a network, as text, and what the order between them has to be."""
from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.boot.model import ENABLED, ENGINES, FLUSHERS, UNITS
from ansible_collections.mooring.net.plugins.module_utils._internal.boot.units import units

FOLDER = Path(__file__).resolve().parents[4] / "data/units"
PROGRAMS = {"ipv4": "/usr/sbin/iptables-restore", "ipv6": "/usr/sbin/ip6tables-restore"}
FILES = units(PROGRAMS, "/usr/local/lib/mooring/mooring.pyz", "/var/lib/mooring/applied.json")


def words(name: str, section: str, key: str) -> list[str]:
    """What a unit says under a key, of all its lines."""
    lines = FILES[f"{UNITS}/{name}"].split(f"[{section}]\n")[1].split("\n[")[0].splitlines()
    return [word for line in lines if line.startswith(f"{key}=") for word in line.partition("=")[2].split()]


@pytest.mark.parametrize("path", FILES)
def test_the_text(path: str, request: pytest.FixtureRequest) -> None:
    name = path.removeprefix(f"{UNITS}/").replace("/", "-")
    if request.config.getoption("--update-golden"):
        (FOLDER / name).write_text(FILES[path], encoding="utf-8")
    assert FILES[path] == (FOLDER / name).read_text(encoding="utf-8")


def test_every_golden_file_is_one_of_them() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(
        path.removeprefix(f"{UNITS}/").replace("/", "-") for path in FILES)


@pytest.mark.parametrize("path", FILES)
def test_each_is_read_by_whoever_reads_units(path: str) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(FILES[path])
    assert parser.sections()


def test_the_gate_comes_after_all_that_flush_and_before_all_that_start_containers() -> None:
    flushers = {each.name for each in FLUSHERS if not each.precedes}
    assert flushers < set(words("mooring-gate.service", "Unit", "After"))
    assert {*ENGINES, "network-pre.target"} < set(words("mooring-gate.service", "Unit", "Before"))
    assert "mooring-gate.service" in words("mooring.service", "Unit", "After")
    assert {*ENGINES, "mooring.target"} == set(words("mooring.service", "Unit", "Before"))


def test_units_of_others_can_do_nothing_that_they_could_not_before() -> None:
    """With an ExecReload= of ours alone systemd would take a unit for one that can be reloaded."""
    reloading = {each.name for each in FLUSHERS if words(f"{each.name}.d/mooring.conf", "Service", "ExecReload")}
    assert reloading == {"nftables.service", "firewalld.service", "iptables.service", "ip6tables.service"}
    for each in FLUSHERS:
        commands = [line.partition("=")[2] for line in FILES[f"{UNITS}/{each.name}.d/mooring.conf"].splitlines()
                    if line.startswith("Exec")]
        assert commands and all(command.startswith("-+/") for command in commands)


def test_a_host_without_ip6tables_has_no_line_for_it() -> None:
    files = units({"ipv4": PROGRAMS["ipv4"]}, "/p", "/o", seconds=5)
    assert not any("ip6tables-restore" in text for text in files.values())
    assert "OnUnitInactiveSec=5\n" in files[f"{UNITS}/mooring-guard.timer"]


def test_what_is_enabled_says_so_itself() -> None:
    assert {name: words(name, "Install", "WantedBy") for name in ENABLED} == {
        name: [target] for name, target in ENABLED.items()}
