# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint as a task wants it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from ..link.bandwidth import Bandwidth
from ..link.model import Route
from ..netns.model import Resolved, Target
from ..ports.allow import AllowList
from ..ports.model import ExposedPort

MODES = ("bridge", "host", "none", "container")  # Docker's --network, without the name behind container:


@dataclass(frozen=True)
class DesiredEndpoint:
    """What a task says of a container's interface; None means that it says nothing.

    ``address`` may lack its prefix length, which is then the bridge's. ``mtu`` is in bytes, or "auto" for the
    bridge's. ``interface`` is an existing link of the host that is to become the container's. ``owner`` is the
    container whose network is shared with ``mode`` "container". ``sysctls`` are names with slashes and values.
    ``adopt`` takes over an interface that the container has already. ``bandwidth`` says all limits that it is to have.
    ``left_out`` are options that its ``mode`` leaves without an effect.
    """

    target: Target
    name: Optional[str] = None
    present: bool = True
    mode: str = "bridge"
    owner: str = ""
    bridge: Optional[str] = None
    interface: Optional[str] = None
    interface_name: str = "eth0"
    address: Optional[str] = None
    address_v6: Optional[str] = None
    gateway: Optional[str] = None
    gateway_v6: Optional[str] = None
    mac_address: Optional[str] = None
    mtu: Union[int, str, None] = None
    tx_queue_len: Optional[int] = None
    default_route: Optional[bool] = None
    routes: tuple[Route, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    exposed_ports: Optional[tuple[ExposedPort, ...]] = None
    aliases: Optional[tuple[str, ...]] = None
    create_netns: bool = True
    adopt: bool = False
    bandwidth: Optional[Bandwidth] = None
    left_out: tuple[str, ...] = ()
    allow_to: Union[AllowList, str, None] = None

    def requested(self, family: str) -> tuple[str, Optional[str]]:
        """Name and value of the option for the address of a family."""
        return ("address", self.address) if family == "ipv4" else ("address_v6", self.address_v6)


@dataclass(frozen=True)
class LocatedEndpoint(DesiredEndpoint):
    """The same once it is known where the container is.

    :param place: its namespace, and its name in marks
    :param shared: the namespace of ``owner`` with ``mode`` "container"
    :param depth: how many containers of the task have to have their network before this one can share it
    :param not_leading: families whose default route is not to lead through it, whatever ``default_route`` says
    :param leads: whether anything is said of its default routes
    """

    place: Resolved = Resolved("", "")
    shared: Optional[Resolved] = None
    depth: int = 0
    not_leading: frozenset[str] = frozenset()
    leads: bool = True

    @classmethod
    def at(cls, desired: DesiredEndpoint, place: Resolved, shared: Optional[Resolved] = None,
           depth: int = 0) -> LocatedEndpoint:
        return cls(**{**vars(desired), "place": place, "shared": shared, "depth": depth})

    def wants_default(self, family: str) -> Optional[bool]:
        """Whether the default route of a family is to lead through it, None where that is not said."""
        return False if family in self.not_leading else self.default_route

    @property
    def label(self) -> str:
        return self.place.label

    @property
    def path(self) -> str:
        return self.place.path
