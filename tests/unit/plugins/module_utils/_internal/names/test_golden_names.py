# SPDX-License-Identifier: GPL-3.0-or-later
"""The three files as text, compared with files that are read in a review; ``pytest --update-golden`` writes them."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from world import World

FOLDER = Path(__file__).resolve().parents[4] / "data/names"
FILES = ("hosts", "hostname", "resolv.conf")
HOST = "search lab.example\nnameserver 192.0.2.53\nnameserver 127.0.0.1\nnameserver 2001:db8::53\noptions ndots:2\n"


def attached(host: str = HOST, **bridge: object) -> World:
    world = World()
    world.state.resolv_texts["/etc/resolv.conf"] = host
    world.bridge("bridge0", "192.168.5.1/24", **bridge)
    world.attach("web", "db")
    return world


def defaults() -> World:
    world = attached()
    world.name("web")
    return world


def every_option() -> World:
    world = attached()
    world.name("web", hostname="front", domainname="example.com", dns_servers=["192.0.2.1", "host-gateway"],
               dns_search_domains=[".example.com", "example.org"], dns_opts=["ndots:1", "rotate"],
               etc_hosts={"registry.example.com": "192.0.2.7", "six": "2001:db8::7", "gateway": "host-gateway"})
    return world


def fully_qualified_hostname() -> World:
    world = attached()
    world.name("web", hostname="front.example.com")
    return world


def ipv6() -> World:
    world = attached(fixed_cidr_v6="2001:db8:5::/64")
    world.name("web", dns_search_domains=["."])
    return world


def links() -> World:
    world = attached()
    world.run("container_dns", config=[{"netns": "web", "etc_hosts": {"other": "192.0.2.7"}},
                                       {"netns": "db", "hostname": "sql"}])
    world.link("web", "db:database", "db:db", exposed_ports=["5432", "5433"])
    return world


def without_an_address() -> World:
    world = World()
    world.state.resolv_texts["/etc/resolv.conf"] = HOST
    world.run("netns_attach", netns="web", network_mode="none")
    world.name("web")
    return world


def fallback() -> World:
    world = attached("nameserver 127.0.0.53\n")
    world.name("web")
    return world


def behind_systemd_resolved() -> World:
    world = attached("nameserver 127.0.0.53\noptions edns0\n")
    world.state.resolv_texts["/run/systemd/resolve/resolv.conf"] = "nameserver 192.0.2.9\nsearch real.example\n"
    world.name("web")
    return world


def templates() -> World:
    world = attached()
    world.name("web", hostname_template="{{ hostname | upper }}\n", dns_servers=["192.0.2.1"],
               hosts_template="# {{ container }}\n{% for address in addresses %}\n{{ address }} {{ names | join('+') }}"
                              "\n{% endfor %}\n", resolv_conf_template="nameserver {{ nameservers[0] }}")
    return world


def docker() -> World:
    world = attached()
    world.start("web")
    world.run("netns_attach", container="web", name="in-docker")
    world.run("container_dns", container="web", name="in-docker", hostname="front")
    return world


SCENARIOS: list[Callable[[], World]] = [
    defaults, every_option, fully_qualified_hostname, ipv6, links, without_an_address, fallback,
    behind_systemd_resolved, templates, docker]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_files(scenario: Callable[[], World], request: pytest.FixtureRequest) -> None:
    world = scenario()
    found = "".join(f"--- {file}\n{world.text('web', file)}" for file in FILES)
    path = FOLDER / f"{scenario.__name__}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8"), f"{path.name}: if this is meant, run pytest --update-golden"


def test_no_files_without_a_scenario() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{scenario.__name__}.txt" for scenario in SCENARIOS}
