# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes the daemon's bridge after a reboot."""
from __future__ import annotations

from ansible_collections.mooring.net.plugins.module_utils._internal.daemon.boot import drop_in, unit

BRIDGE = {"ifname": "bridge0", "address": "02:6d:57:23:80:ab", "mtu": 1400,
          "ifalias": "mooring:bridge:bridge0:iptables=0 icc=0 guard=ipv4",
          "addr_info": [{"family": "inet", "local": "192.168.5.1", "prefixlen": 24},
                        {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64}]}


def test_the_bridge_is_made_as_the_role_has_it_and_not_as_others_do():
    assert unit([{"ifname": "lo"}, BRIDGE], "bridge0").splitlines()[1:] == [
        "[Unit]", "Description=Bridge bridge0 of a Docker daemon", "After=mooring-gate.service mooring.service",
        "ConditionPathExists=!/sys/class/net/bridge0", "",
        "[Service]", "Type=oneshot",
        "ExecStart=ip link add name bridge0 address 02:6d:57:23:80:ab mtu 1400 type bridge",
        'ExecStart=ip link set dev bridge0 alias "mooring:bridge:bridge0:iptables=0"',
        "ExecStart=ip address add 192.168.5.1/24 dev bridge0", "ExecStart=ip link set dev bridge0 up"]


def test_the_bridge_comes_back_in_its_group():
    text = unit([{**BRIDGE, "group": "1836019570"}], "bridge0")
    assert "ExecStart=ip link add name bridge0 address 02:6d:57:23:80:ab mtu 1400 group 1836019570 type bridge" in text
    assert unit([{**BRIDGE, "group": "default"}], "bridge0") == unit([BRIDGE], "bridge0")


def test_the_daemon_starts_whatever_comes_of_it():
    assert drop_in("x.service").splitlines()[1:] == ["[Unit]", "Wants=x.service", "After=x.service"]
