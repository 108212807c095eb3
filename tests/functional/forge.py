# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams with any source: what a container with CAP_NET_RAW can send."""
import ipaddress
import itertools
import socket
import struct

_IPV6_HDRINCL, _ETH_P_IP = 36, 0x0800  # linux/in6.h, linux/if_ether.h
_tokens = itertools.count(1)


def forge(place, source, address, port):
    """Send a UDP datagram with a source of one's choice, routed as usual; its token."""
    token, packet = datagram(source, address, port)
    send_raw(place, packet, address)
    return token


def broadcast(place, interface, source, port):
    """The same to all on the wire, from a source that the kernel would not let through, such as 0.0.0.0; its token."""
    token, packet = datagram(source, "255.255.255.255", port)
    with place.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sender:
        sender.sendto(packet, (interface, _ETH_P_IP, 0, 0, b"\xff" * 6))
    return token


def send_raw(place, packet, address):
    """Send a packet as it stands, routed as usual."""
    six = ":" in address
    with place.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        sender.setsockopt(*((socket.IPPROTO_IPV6, _IPV6_HDRINCL) if six else (socket.IPPROTO_IP, socket.IP_HDRINCL)), 1)
        sender.sendto(packet, (address, 0))


def datagram(source, address, port, own_port=40000):
    """A token, and the IPv4 or IPv6 packet with it."""
    token = f"forged{next(_tokens)}".encode()
    one, other = ipaddress.ip_address(source).packed, ipaddress.ip_address(address).packed
    length = 8 + len(token)
    header = struct.pack("!HHHH", own_port, port, length, 0)
    pseudo = one + other + struct.pack("!LBBBB", length, 0, 0, 0, socket.IPPROTO_UDP)
    udp = header[:6] + struct.pack("!H", _checksum(pseudo + header + token)) + token
    if len(one) != 4:
        return token, struct.pack("!LHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + one + other + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0) + one + other
    return token, head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF
