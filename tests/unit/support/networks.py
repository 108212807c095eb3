# SPDX-License-Identifier: GPL-3.0-or-later
"""What network_info returns of hosts of any size, without a world: that would take its time."""
from __future__ import annotations

from typing import Any

from world import World


def network(containers: int, bridges: int = 1, shared: int = 0, ports: int = 1, ipv6: bool = False) -> dict[str, Any]:
    """:param shared: how many containers are on a second bridge as well. :param ports: that each container publishes"""
    world = World()
    found: dict[str, Any] = {**world.info(), "bridges": [], "endpoints": [], "ports": [], "links": []}
    world.bridge("br0", "10.0.0.1/16", **({"bip6": "fd00::1/64"} if ipv6 else {}))
    pattern = world.info()["bridges"][0]
    for number in range(bridges):
        found["bridges"].append({
            **pattern, "name": f"br{number}", "bip": f"10.{number}.0.1/16", "subnet": f"10.{number}.0.0/16",
            "icc": number % 2 == 0, "other_ports": [f"tap{number}"] if number % 3 else []})
    for number in range(containers):
        name, home, v6 = f"container-{number}", number % bridges, f"fd00::{number + 2:x}"
        place = f"{number // 250}.{number % 250 + 2}"
        for interface, on in (("eth0", home), *([("eth1", (home + 1) % bridges)] if number < shared else [])):
            found["endpoints"].append({
                "container": name, "engine": "netns", "interface_name": interface, "bridge": f"br{on}",
                "address": f"10.{on}.{place}/16", "address_v6": f"{v6}/64" if ipv6 else "",
                "mac_address": "02:42:0a:00:00:02", "host_interface": f"veth{number:011x}", "up": True,
                "isolated": False, "exposed_ports": [], "published_ports": [], "links": []})
        for port in range(ports):
            for host_ip, own in (("0.0.0.0", f"10.{home}.{place}"), *([("::", v6)] if ipv6 else [])):
                found["ports"].append({
                    "container": name, "bridge": f"br{home}", "host_ip": host_ip, "container_ip": own,
                    "host_port": 10000 + 10 * number + port, "container_port": 80 + port, "protocol": "tcp",
                    "count": 1, "allow_from": []})
        if number >= bridges:
            target = f"container-{number - bridges}"
            found["links"].append(f"{name} link {target}:before 10.{home}.{place}->10.{home}.0.2:80/tcp")
    return found
