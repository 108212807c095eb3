# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart of the daemon, and its move to another bridge: what has to be done, undone, and what speaks against it.
Pure.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ..link.model import BRIDGE, Mark
from .model import DEFAULT_BRIDGE, NO_BRIDGE, OF_NETWORKS

NETWORK = "bridge"  # the name of the daemon's default network
SWARM_TASK = "com.docker.swarm.task.id"  # a label
NO_NETWORK = ("host", "none")
# What docker_bridge takes of what it returns.
OF_BRIDGE = ("name", "bip", "mtu", "stp", "mac_address", "ip_masq", "outbound_address", "iptables", "ip6tables",
             "icc", "fixed_cidr", "default_gateway", "forward_others", "user_chain", "internal", "gateway_mode",
             "allow_bridges", "trusted_interfaces", "trusted_networks", "container_names", "allow_to", "aux_addresses")
OF_BRIDGE_V6 = ("ipv6", "bip6", "outbound_address_v6", "fixed_cidr_v6", "default_gateway_v6", "gateway_mode_v6")


@dataclass(frozen=True)
class Host:
    """What there is.

    :param links: ``ip -json -details address``
    :param bridges: those of this collection, as network_info returns them
    :param containers: the running ones, as ``GET /containers/ID/json`` of the daemon returns them
    :param listed: names of bridges that the user's document says are to be there
    :param noted: containers that ran when a run began that was killed, as :func:`move` returned them in ``start``
    """

    links: Sequence[Mapping[str, Any]]
    bridges: Sequence[Mapping[str, Any]] = ()
    containers: Sequence[Mapping[str, Any]] = ()
    listed: Sequence[str] = field(default=())
    noted: Sequence[Mapping[str, str]] = ()

    def link(self, name: str) -> Mapping[str, Any]:
        return next((link for link in self.links if link.get("ifname") == name), {})

    def ports(self, name: str) -> list[Mapping[str, Any]]:
        return [link for link in self.links if link.get("master") == name]


def move(config: Mapping[str, Any], host: Host, end_rm: bool = False) -> dict[str, Any]:
    """What a restart has to do beside the file, as values for tasks.

    :param config: what plan.plan returned
    :param end_rm: whether containers that were started with --rm may be lost
    ``bridge`` is what docker_bridge is to be told, or null; ``remove`` the bridge that goes, or ""; ``rules_of`` the
    bridge of which the daemon will no longer look after its rules, or ""; ``start`` the containers that are to run
    afterwards; ``restore`` the bridges as they were.
    """
    before, after = config["before"]["bridge"], config["after"]["bridge"]
    bridge, problems = _bridge(config, host)
    restart = bool(config["keys"]) or bool(bridge and not host.link(after))
    remove = before if before != after and _goes(before, host) else ""
    if restart:
        problems += [*_find_lost(config, host, end_rm), *_kept_running(config, host)]
        if remove == DEFAULT_BRIDGE:
            problems += _others(host)
    handed_over = config["before"]["iptables"] and not config["after"]["iptables"]
    return {"problems": problems, "restart": restart, "bridge": bridge, "remove": remove,
            "rules_of": before if before != NO_BRIDGE and (before != after or handed_over) else "",
            "start": _order(host), "restore": _restore(host, before, after),
            "actions": _actions(before, after, remove, bridge, host, restart)}


def _bridge(config: Mapping[str, Any], host: Host) -> tuple[Optional[dict[str, Any]], list[str]]:
    """What docker_bridge is told of the daemon's bridge. One that somebody else made is used as it is."""
    after, name = config["after"], config["after"]["bridge"]
    if name in (DEFAULT_BRIDGE, NO_BRIDGE):
        return None, []
    link = host.link(name)
    if link and _kind(link) != "bridge":
        return None, [f"docker_daemon_bridge: {name!r} is an interface of kind {_kind(link) or 'ethernet'}, not a "
                      "bridge. Choose another name."]
    if link and not _ours(link):
        addresses = [f"{found['local']}/{found['prefixlen']}" for found in link.get("addr_info", ())
                     if found.get("family") == "inet"]
        if config["bip"] and config["bip"] not in addresses:
            return None, [f"docker_daemon_bip: {config['bip']!r} is not an address of {name}, which somebody else made "
                          f"with {' and '.join(addresses) or 'none'}. Leave it out, or change the bridge by hand."]
        return None, []
    # While the daemon keeps rules of its own, ours would come first and accept what its icc and ports keep out.
    rules = not after["iptables"]
    said: dict[str, Any] = {"name": name, "iptables": rules, "ip6tables": rules and not after.get("ip6tables"),
                            "ip_forward": rules and after["ip-forward"]}
    if rules:
        said["ip_masq"] = after["ip-masq"]
    if config["bip"]:
        said["bip"] = config["bip"]
    if not link or "mtu" in config["said"]:
        said["mtu"] = str(after["mtu"])
    return said, []


def _goes(name: str, host: Host) -> bool:
    """Whether a bridge goes when the daemon leaves it: docker0, and one of ours that nobody else needs."""
    link = host.link(name)
    if not link or _kind(link) != "bridge":
        return False
    if name == DEFAULT_BRIDGE:
        return True
    ours = any(bridge["name"] == name and not bridge["adopted"] for bridge in host.bridges)
    return ours and name not in host.listed and not _foreign(name, host)


def _others(host: Host) -> list[str]:
    """Ports of docker0 that are not of the daemon's containers, which have one each."""
    if _ours(host.link(DEFAULT_BRIDGE)):
        return [f"docker0 is to go, and was taken over with docker_bridge (adopt: true). Give it back first "
                f"(docker_bridge name={DEFAULT_BRIDGE} state=absent)."]
    found = _foreign(DEFAULT_BRIDGE, host)
    if not found:
        return []
    return [f"docker0 is to go, and has ports that are not of the daemon's running containers: {', '.join(found)}. "
            "Take them off it first (`ip link set dev NAME nomaster`, or netns_attach state=absent)."]


def _foreign(name: str, host: Host) -> list[str]:
    ports = host.ports(name)
    found = [port["ifname"] for port in ports if _kind(port) != "veth" or _endpoint(port)]
    count = sum(1 for container in host.containers if NETWORK in _networks(container))
    rest = [port["ifname"] for port in ports if port["ifname"] not in found]
    return found + (rest if len(rest) > count else [])


def _endpoint(port: Mapping[str, Any]) -> bool:
    """Whether we made a port. One that netns_attach (adopt: true) has merely taken over goes with the container."""
    mark = Mark.parse(port.get("ifalias", ""))
    return mark is not None and not mark.settings.get("adopted")


def _find_lost(config: Mapping[str, Any], host: Host, end_rm: bool) -> list[str]:
    """Containers that a stop of the daemon removes."""
    names = [_name(container) for container in host.containers if container["HostConfig"].get("AutoRemove")]
    live = config["before"]["live-restore"] and config["after"]["live-restore"]
    if not names or live or end_rm:
        return []
    return [f"{', '.join(names)}: started with --rm, hence lost when the daemon stops. Wait for the end of them, stop "
            "them, or say docker_daemon_end_rm_containers: true."]


def _kept_running(config: Mapping[str, Any], host: Host) -> list[str]:
    """With live-restore the daemon finds its containers running, and leaves all networks as they are."""
    keys = [key for key in config["keys"] if key in OF_NETWORKS]
    names = [_name(container) for container in host.containers
             if container["HostConfig"].get("NetworkMode") not in NO_NETWORK]
    if not (config["before"]["live-restore"] and keys and names):
        return []
    return [f"live-restore keeps {', '.join(names)} running while the daemon restarts, and with running containers it "
            f"does not take {' and '.join(keys)}. Stop them first, or turn live-restore off and run this again."]


def _order(host: Host) -> list[dict[str, str]]:
    """Containers in the order of their making: one that joins or links another was made after it.

    Those of a swarm are not among them: it replaces a task that has ended.
    """
    running = [{"id": container["Id"], "name": _name(container)}
               for container in sorted(host.containers, key=lambda each: each["Created"])
               if not container["HostConfig"].get("AutoRemove") and SWARM_TASK not in _labels(container)]
    noted = [dict(each) for each in host.noted]
    return noted + [each for each in running if each["id"] not in {other["id"] for other in noted}]


def _restore(host: Host, before: str, after: str) -> dict[str, Any]:
    """What brings the bridges back: options for docker_bridge, and the addresses of docker0."""
    views = {bridge["name"]: bridge for bridge in host.bridges}
    present = [_options(views[name]) for name in dict.fromkeys((before, after)) if name in views]
    absent = [{"name": after}] if after not in (before, DEFAULT_BRIDGE, NO_BRIDGE) and not host.link(after) else []
    addresses = [f"{found['local']}/{found['prefixlen']}" for found in host.link(DEFAULT_BRIDGE).get("addr_info", ())
                 if found.get("family") == "inet"] if before == DEFAULT_BRIDGE else []
    return {"present": present, "absent": absent, "addresses": addresses, "ours": before if before in views else "",
            "names": [before] if before != after and before != NO_BRIDGE else []}


def _options(view: Mapping[str, Any]) -> dict[str, Any]:
    names = OF_BRIDGE + (OF_BRIDGE_V6 if view.get("ipv6") else ())
    if view.get("internal"):  # which masquerades nothing, and refuses to be told to
        names = tuple(name for name in names if name != "ip_masq")
    return {**{name: view[name] for name in names if view.get(name) not in (None, "")}, "ip_forward": False,
            "adopt": bool(view.get("adopted"))}


def _actions(before: str, after: str, remove: str, bridge: Optional[Mapping[str, Any]], host: Host,
             restart: bool) -> list[str]:
    found = ["stop the daemon"] if restart else []
    if before != after:
        found.append(f"move the default network from {before} to {after}")
    if remove:
        found.append(f"remove {remove}")
    if bridge and not host.link(after):
        found.append(f"create {after}")
    if restart or host.noted:
        found += ["start the daemon", *(f"start {entry['name']} again" for entry in _order(host))]
    return found


def _networks(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return container.get("NetworkSettings", {}).get("Networks") or {}


def _labels(container: Mapping[str, Any]) -> Mapping[str, str]:
    return container.get("Config", {}).get("Labels") or {}


def _name(container: Mapping[str, Any]) -> str:
    name: str = container["Name"]
    return name.lstrip("/")


def _kind(link: Mapping[str, Any]) -> str:
    kind: str = link.get("linkinfo", {}).get("info_kind", "")
    return kind


def _ours(link: Mapping[str, Any]) -> bool:
    mark = Mark.parse(link.get("ifalias", ""))
    return mark is not None and mark.kind == BRIDGE


def is_unused(links: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a bridge is there that nobody uses and that is not ours.

    At its first start with another bridge the daemon (20.10) brings the old one back from its database, and leaves it.
    """
    host = Host(links)
    link = host.link(name)
    return bool(link) and _kind(link) == "bridge" and not _ours(link) and not host.ports(name)
