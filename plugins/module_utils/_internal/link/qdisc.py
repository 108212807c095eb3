# SPDX-License-Identifier: GPL-3.0-or-later
"""Queueing disciplines and filters out of the kernel's messages, and the requests for them. Adapter.

Layouts and numbers: linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h.
"""
from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Optional

from ..core.child import Tell, work_apart
from ..netns.syscalls import unshare_network
from . import rtnl
from .bandwidth import BUCKET, IFB, INGRESS, ROOT, Limit
from .decode import IFLA_IFNAME, IFLA_LINKINFO, INFO_KIND, attribute, attribute_list, attributes
from .model import Shaper
from .rtnl import RtnlSocket, message

_HEAD = struct.Struct("=BxxxiIII")  # struct tcmsg: family, interface, handle, parent, info
_SPEC = struct.Struct("=BBHhHI")  # struct tc_ratespec: cell log, link layer, overhead, cell align, mpu, rate
_BUCKET = struct.Struct("=12s12sIII")  # struct tc_tbf_qopt: rate, peak rate, limit, buffer, mtu
_SELECTOR = struct.Struct("=BBBxHHhhI")  # struct tc_u32_sel without keys: it fits every packet
_REDIRECT = struct.Struct("=IIiiiiI")  # struct tc_mirred: index, capabilities, action, counts, what to do, interface
_WIDE = struct.Struct("=Q")

_KIND, _OPTIONS = 1, 2  # TCA_...
_PARAMETERS, _RATE64, _BURST = 1, 4, 6  # TCA_TBF_...
_U32_SELECTOR, _U32_ACTION = 5, 7  # TCA_U32_...
_ACTION_KIND, _ACTION_OPTIONS, _REDIRECT_PARAMETERS = 1, 2, 2  # TCA_ACT_..., TCA_MIRRED_PARMS
_TERMINAL, _STOLEN, _EGRESS_REDIRECT = 1, 4, 1  # TC_U32_TERMINAL, TC_ACT_STOLEN, TCA_EGRESS_REDIR
_AT_ROOT, _AT_INGRESS, _INGRESS_HANDLE = 0xFFFFFFFF, 0xFFFFFFF1, 0xFFFF0000  # TC_H_ROOT, TC_H_INGRESS, ffff:
_ETHERNET = 1  # TC_LINKLAYER_ETHERNET: the kernel computes by itself and takes no table
_TICK = 64  # nanoseconds: a burst is kept as the time that it takes (PSCHED_SHIFT)
FILTER, REDIRECT = "u32", "mirred"
_EVERYTHING = socket.htons(3)  # ETH_P_ALL
# By these a bucket and a filter are ours: the major number of the handle, and the preference. Both read "mo".
HANDLE, PREFERENCE = 0x6D6F << 16, 0x6D6F
_FILTER_INFO = PREFERENCE << 16 | _EVERYTHING
_ANY_INFO = PREFERENCE << 16  # whatever protocol somebody has made it for
_SELECT_ALL = _SELECTOR.pack(_TERMINAL, 0, 0, 0, 0, 0, 0, 0)


def snapshot(names: Mapping[int, str], whole: Mapping[int, str]) -> dict[tuple[str, str], Shaper]:
    """What somebody has put on these interfaces of the host.

    :param names: the interfaces that are asked about, by index
    :param whole: all interfaces of the host
    """
    found: list[Shaper] = []
    with RtnlSocket() as kernel:
        for data in kernel.dump(rtnl.GETQDISC, _HEAD.pack(0, 0, 0, 0, 0)):
            _family, index, handle, parent, _info = _HEAD.unpack_from(data)
            if not handle or index not in names or parent not in (_AT_ROOT, _AT_INGRESS):
                continue  # without a handle it is what the kernel has put there by itself
            words = attributes(data, _HEAD.size)
            kind = words[_KIND].rstrip(b"\0").decode()
            if parent == _AT_ROOT:
                found.append(_bucket(names[index], kind, handle, attributes(words.get(_OPTIONS, b""))))
            elif (shaper := _ingress(kernel, names[index], index, kind, whole)) is not None:
                found.append(shaper)
    return {each.key: each for each in found}


def _bucket(name: str, kind: str, handle: int, options: Mapping[int, bytes]) -> Shaper:
    if kind != BUCKET or handle != HANDLE or _PARAMETERS not in options:
        return Shaper(name, ROOT, kind)
    spec, peak, limit, buffer, _mtu = _BUCKET.unpack_from(options[_PARAMETERS])
    _cell, layer, overhead, _align, mpu, rate = _SPEC.unpack(spec)
    if _RATE64 in options:
        rate = _WIDE.unpack(options[_RATE64])[0]
    altered = bool(_SPEC.unpack(peak)[5] or overhead or mpu or layer not in (0, _ETHERNET))
    return Shaper(name, ROOT, kind, own=True, rate=rate, burst=rate * buffer * _TICK // 10 ** 9, limit=limit,
                  altered=altered)


def _ingress(kernel: RtnlSocket, name: str, index: int, kind: str, whole: Mapping[int, str]) -> Optional[Shaper]:
    """None where there is nothing in it."""
    if kind != INGRESS:
        return Shaper(name, INGRESS, kind)
    ours, others = [], False
    for data in kernel.dump(rtnl.GETTFILTER, _HEAD.pack(0, index, 0, _INGRESS_HANDLE, 0)):
        info, words = _HEAD.unpack_from(data)[4], attributes(data, _HEAD.size)
        if info >> 16 != PREFERENCE or words.get(_KIND, b"").rstrip(b"\0").decode() != FILTER:
            others = True
        elif _U32_SELECTOR in (options := attributes(words.get(_OPTIONS, b""))):
            ours.append((info, options))
    if not ours:
        return Shaper(name, INGRESS, kind) if others else None
    info, options = ours[0]
    action = next((attributes(value) for _number, value in attribute_list(options.get(_U32_ACTION, b""))), {})
    parameters = attributes(action.get(_ACTION_OPTIONS, b"")).get(_REDIRECT_PARAMETERS, b"")
    *_rest, verdict, _references, _bound, how, target = _REDIRECT.unpack(parameters) if parameters else (0,) * 7
    altered = (len(ours) > 1 or info != _FILTER_INFO or (verdict, how) != (_STOLEN, _EGRESS_REDIRECT)
               or options[_U32_SELECTOR][:_SELECTOR.size] != _SELECT_ALL)
    return Shaper(name, INGRESS, kind, own=True, target=whole.get(target, ""), shared=others, altered=altered)


# -- requests ---------------------------------------------------------------------------------------------------------

def setting(shaper: Shaper, before: Optional[Shaper], index: int, target: int) -> Iterator[bytes]:
    """The messages that set a discipline.

    :param index: of the interface, ``target``: of the one that it leads to
    """
    if shaper.place == ROOT:
        # With the handle that is there the kernel changes it in place, and packets that wait stay where they are.
        yield message(rtnl.NEWQDISC, _HEAD.pack(0, index, HANDLE, _AT_ROOT, 0) + attribute(
            _KIND, BUCKET.encode() + b"\0") + attribute(_OPTIONS, _bucket_options(shaper)), rtnl.CREATE | rtnl.REPLACE)
        return
    yield message(rtnl.NEWQDISC, _HEAD.pack(0, index, _INGRESS_HANDLE, _AT_INGRESS, 0) + attribute(
        _KIND, INGRESS.encode() + b"\0"), rtnl.CREATE)
    if before is not None:
        yield message(rtnl.DELTFILTER, _HEAD.pack(0, index, 0, _INGRESS_HANDLE, _ANY_INFO))
    yield message(rtnl.NEWTFILTER, _HEAD.pack(0, index, 0, _INGRESS_HANDLE, _FILTER_INFO) + attribute(
        _KIND, FILTER.encode() + b"\0") + attribute(_OPTIONS, _filter_options(target)), rtnl.CREATE | rtnl.EXCLUSIVE)


def _bucket_options(shaper: Shaper) -> bytes:
    spec = _SPEC.pack(0, _ETHERNET, 0, 0, 0, min(shaper.rate, 0xFFFFFFFF))
    options = attribute(_PARAMETERS, _BUCKET.pack(spec, bytes(_SPEC.size), shaper.limit, 0, 0))
    if shaper.rate > 0xFFFFFFFF:
        options += attribute(_RATE64, _WIDE.pack(shaper.rate))
    return options + attribute(_BURST, struct.pack("=I", shaper.burst))


def _filter_options(target: int) -> bytes:
    redirect = attribute(_REDIRECT_PARAMETERS, _REDIRECT.pack(0, 0, _STOLEN, 0, 0, _EGRESS_REDIRECT, target))
    action = attribute(_ACTION_KIND, REDIRECT.encode() + b"\0") + attribute(_ACTION_OPTIONS, redirect, nested=True)
    return attribute(_U32_SELECTOR, _SELECT_ALL) + attribute(
        _U32_ACTION, attribute(1, action, nested=True), nested=True)


def ending(shaper: Shaper, index: int) -> bytes:
    """The message that takes a discipline away; filters of others, and what holds them, stay."""
    if shaper.place == ROOT:
        return message(rtnl.DELQDISC, _HEAD.pack(0, index, HANDLE, _AT_ROOT, 0))
    if shaper.shared:
        return message(rtnl.DELTFILTER, _HEAD.pack(0, index, 0, _INGRESS_HANDLE, _ANY_INFO))
    return message(rtnl.DELQDISC, _HEAD.pack(0, index, _INGRESS_HANDLE, _AT_INGRESS, 0))


# -- what the kernel has ----------------------------------------------------------------------------------------------

def lacking() -> frozenset[str]:
    """What of all this the kernel has not, by the names of its modules.

    Nothing of the host is touched: it is done in a network namespace that a child makes and that ends with it. The
    kernel loads modules that it has, as for the host itself.
    """
    told = work_apart([_try])[0]
    return frozenset(told.values) if told.ended else frozenset()


def _try(tell: Tell) -> None:
    unshare_network()
    loopback = socket.if_nametoindex("lo")
    info = attribute(IFLA_LINKINFO, attribute(INFO_KIND, IFB.encode() + b"\0"), nested=True)
    with RtnlSocket() as kernel:
        link = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, b"probe\0") + info
        found = kernel.send([message(rtnl.NEWLINK, link, rtnl.CREATE | rtnl.EXCLUSIVE)])[0]
        if found:
            tell("ifb")
        target = loopback if found else socket.if_nametoindex("probe")
        bucket = Limit(8_000_000).shaper("lo", 1500)
        redirect = Shaper("lo", INGRESS, INGRESS, target="probe")
        if kernel.send(list(setting(bucket, None, loopback, 0)))[0]:
            tell("sch_tbf")
        outcome = kernel.send(list(setting(redirect, None, loopback, target)))
        if outcome[0]:
            tell("sch_ingress")
        elif outcome[1]:
            tell("cls_u32 or act_mirred")
