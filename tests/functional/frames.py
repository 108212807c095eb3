# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as a container with CAP_NET_RAW forges them, and what arrives of them elsewhere."""
import itertools
import select
import socket
import struct
import time

from traffic import PATIENCE, SILENCE

ETH_P_ALL, ARP, IPV4, VLAN, IPV6, EXPERIMENT = 0x0003, 0x0806, 0x0800, 0x8100, 0x86DD, 0x88B5
EVERYBODY, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
REPLY, REDIRECT = 2, 5  # of ARP; of ICMP
ROUTER_ADVERTISEMENT, NEIGHBOUR_ADVERTISEMENT = 134, 136

_numbers = itertools.count(1)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def frame(source, target, kind, payload):
    return mac(target) + mac(source) + struct.pack("!H", kind) + payload


def tagged(source, target, vlan, kind, payload):
    """The same behind a VLAN tag (IEEE 802.1Q), which rules of iptables do not look behind."""
    return mac(target) + mac(source) + struct.pack("!HHH", VLAN, vlan, kind) + payload


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def arp_reply(claimed, at, victim, victim_mac):
    """``claimed`` is at the MAC address ``at``, says who sends this to a victim (RFC 826)."""
    return frame(at, victim_mac, ARP, struct.pack("!HHBBH", 1, IPV4, 6, 4, REPLY) + mac(at) + address(claimed)
                 + mac(victim_mac) + address(victim))


def ipv4(source, target, protocol, payload):
    def header(total):
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, total) + address(
            source) + address(target)
    return header(checksum(header(0))) + payload


def icmp6(source, target, kind, rest):
    """A message of ICMPv6 with its checksum (RFC 4443), with the hop limit that neighbour discovery asks for."""
    body = struct.pack("!BBH", kind, 0, 0) + rest
    pseudo = address(source) + address(target) + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + address(source) + address(target) + body


def neighbour_advertisement(claimed, at, victim, victim_mac, word=b""):
    """The same as :func:`arp_reply` for IPv6 (RFC 4861): solicited, and it overrides what the victim knows.

    A word is in an option that nobody knows: br_netfilter cuts off what is behind a packet.
    """
    body = struct.pack("!I", 0x60000000) + address(claimed) + b"\x02\x01" + mac(at)
    if word:
        body += bytes([253, (len(word) + 9) // 8]) + word + bytes(-(len(word) + 2) % 8)
    return frame(at, victim_mac, IPV6, icmp6(claimed, victim, NEIGHBOUR_ADVERTISEMENT, body))


def claim(claimed, at, victim, victim_mac, word=b""):
    """Of either family, with a word in it by which it is known again."""
    if ":" in claimed:
        return neighbour_advertisement(claimed, at, victim, victim_mac, word)
    return arp_reply(claimed, at, victim, victim_mac) + word


def router_advertisement(at, source, prefix):
    """A router for everybody, with a prefix to make addresses of (RFC 4861, 4862)."""
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + b"\x01\x01" + mac(at)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + address(prefix)
    return frame(at, ALL_NODES, IPV6, icmp6(source, "ff02::1", ROUTER_ADVERTISEMENT, body))


def redirect(at, victim_mac, gateway, victim, destination, better):
    """The gateway's word that there is a better way to where the victim has sent an answer to an echo (RFC 792)."""
    sent = ipv4(victim, destination, socket.IPPROTO_ICMP, struct.pack("!BBHHH", 0, 0, 0xFFFF, 0, 0))
    body = struct.pack("!BBH", REDIRECT, 1, 0) + address(better) + sent
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return frame(at, victim_mac, IPV4, ipv4(gateway, victim, socket.IPPROTO_ICMP, body))


def unreachable(source, target, packet):
    """An error about a packet (RFC 792, RFC 4443): its port cannot be reached."""
    if ":" in source:
        return icmp6(source, target, 1, bytes(4) + packet)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + packet
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return ipv4(source, target, socket.IPPROTO_ICMP, body)


def link_local(of):
    """The address that the kernel makes of a MAC address (RFC 4291, appendix A)."""
    octets = mac(of)
    words = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + words)


class Wire:
    """A packet socket on an interface of a place: what root in a container has without any other privilege."""

    def __init__(self, place, interface="eth0"):
        with place.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._socket.bind((interface, 0))
        self._socket.setblocking(False)
        self.mac = ":".join(f"{octet:02x}" for octet in self._socket.getsockname()[4])

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._socket.close()

    def send(self, *frames):
        for each in frames:
            self._socket.send(each)

    def hears(self, word, seconds=None):
        """Whether a frame with a word in it arrives. What is sent on this machine is there when it was sent."""
        deadline = time.monotonic() + (SILENCE if seconds is None else seconds)
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0] and word in self._socket.recv(4096):
                return True
        return False


def token():
    return f"frame {next(_numbers)} ".encode() * 4


def passes(sender, receiver, forge):
    """Whether a frame that ``forge`` makes of a token gets from one wire to another."""
    word = token()
    sender.send(forge(word))
    return receiver.hears(word)


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
