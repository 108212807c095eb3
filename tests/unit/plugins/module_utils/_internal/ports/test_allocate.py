# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host port each entry gets, and who is named when it cannot have it."""
from __future__ import annotations

import itertools
import time

import pytest
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import OptionError
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.allocate import allocate
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.model import Publication, Socket
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.occupied import occupy_published
from ansible_collections.mooring.net.plugins.module_utils._internal.ports.spec import parse_port_spec

IPV4 = {"ipv4": "192.168.5.2"}
BOTH = {"ipv4": "192.168.5.2", "ipv6": "2001:db8::2"}
DB = Publication("db", "0.0.0.0", 8080, "192.168.5.3", 80, "tcp")


def run(*texts: str, addresses: dict = IPV4, **options: object) -> tuple[Publication, ...]:
    options = {"others": (), "current": (), "sockets": (), "reserved": (), **options}
    return allocate("web", addresses, [parse_port_spec(text) for text in texts], **options)


def run_texts(*texts: str, **options: object) -> list[str]:
    return [publication.text for publication in run(*texts, **options)]


def ports(*texts: str, **options: object) -> list[tuple[int, int]]:
    """(container port, host port), sorted."""
    return sorted((p.container_port, p.host_port) for p in run(*texts, **options))


def refusal(*texts: str, **options: object) -> str:
    with pytest.raises(OptionError) as caught:
        run(*texts, **options)
    return str(caught.value)


def own(text: str, host_port: int, container_port: int = 80, protocol: str = "tcp", count: int = 1) -> Publication:
    return Publication("web", text, host_port, "192.168.5.2", container_port, protocol, count)


# Addresses

def test_without_host_address_every_ipv4_address() -> None:
    assert run_texts("8080:80") == ["0.0.0.0:8080->192.168.5.2:80/tcp"]


def test_with_ipv6_also_every_ipv6_address_on_the_same_port() -> None:
    assert run_texts("80/udp", addresses=BOTH) == [
        "0.0.0.0:49153->192.168.5.2:80/udp", "[::]:49153->[2001:db8::2]:80/udp"]


def test_a_port_taken_on_ipv6_is_not_chosen_for_ipv4_either() -> None:
    taken = Publication("db", "::", 49153, "2001:db8::3", 80, "tcp")
    assert {p.host_port for p in run("80", addresses=BOTH, others=[taken])} == {49154}


def test_ipv6_alone() -> None:
    assert run_texts("8080:80", addresses={"ipv6": "2001:db8::2"}) == ["[::]:8080->[2001:db8::2]:80/tcp"]


def test_default_host_ip_replaces_the_wildcards_only() -> None:
    assert run_texts("8080:80", "127.0.0.1:8081:81", addresses=BOTH, default_host_ip="192.0.2.7") == [
        "127.0.0.1:8081->192.168.5.2:81/tcp", "192.0.2.7:8080->192.168.5.2:80/tcp"]


@pytest.mark.parametrize(("text", "options", "message"), [
    ("[::1]:8080:80", {}, "published_ports: '[::1]:8080:80/tcp' is for IPv6, and container web has no IPv6 address"),
    ("0.0.0.0::80", {"addresses": {"ipv6": "2001:db8::2"}}, "is for IPv4, and container web has no IPv4 address"),
    ("80", {"default_host_ip": "::1"}, "default_host_ip: '::1' is for IPv6, and container web has no IPv6 address"),
    ("80", {"default_host_ip": "eth0"}, "default_host_ip: 'eth0' is not an IP address"),
    ("80", {"addresses": {}}, "cannot be published, because container web has no IP address"),
])
def test_refused_addresses(text: str, options: dict, message: str) -> None:
    assert message in refusal(text, **options)


def test_sources_go_to_the_publications_of_their_family() -> None:
    sources = ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
    assert run_texts("8080:80", addresses=BOTH, allow_from=sources) == [
        "0.0.0.0:8080->192.168.5.2:80/tcp from 10.0.0.0/8,192.0.2.7/32",
        "[::]:8080->[2001:db8::2]:80/tcp from 2001:db8::/32"]


def test_a_family_without_sources_is_not_published() -> None:
    assert [p.host_ip for p in run("8080:80", addresses=BOTH, allow_from=("10.0.0.0/8",))] == ["0.0.0.0"]
    assert run("127.0.0.1:8080:80", allow_from=("2001:db8::/32",)) == ()


# Ranges and choices

def test_a_range_is_one_publication() -> None:
    assert run_texts("7000-7010:8000-8010/udp") == ["0.0.0.0:7000-7010->192.168.5.2:8000-8010/udp"]


def test_the_first_free_port_of_a_range() -> None:
    assert ports("8080-8082:80", others=[DB]) == [(80, 8081)]


def test_explicit_ports_go_first_then_the_lowest_container_port_gets_the_lowest_port() -> None:
    assert ports("443", "80", "49153:8080") == [(80, 49154), (443, 49155), (8080, 49153)]


def test_named_ranges_go_before_the_dynamic_range() -> None:
    assert ports("80", "49153-49154:443") == [(80, 49154), (443, 49153)]


def test_as_many_named_ranges_as_possible_get_a_port() -> None:
    assert ports("100-102:80", "100-101:81", "100-101:82") == [(80, 102), (81, 100), (82, 101)]


def test_each_protocol_has_ports_of_its_own() -> None:
    assert run_texts("53/tcp", "53/udp") == ["0.0.0.0:49153->192.168.5.2:53/tcp", "0.0.0.0:49153->192.168.5.2:53/udp"]


def test_a_dynamic_range_of_ports_is_in_a_row() -> None:
    taken = Publication("db", "0.0.0.0", 49155, "192.168.5.3", 80, "tcp")
    assert run_texts("8000-8002", others=[taken]) == ["0.0.0.0:49156-49158->192.168.5.2:8000-8002/tcp"]
    assert run_texts("8000-8002", reserved=[(49154, 49155), (49158, 49158)]) == [
        "0.0.0.0:49159-49161->192.168.5.2:8000-8002/tcp"]


def test_chosen_ports_avoid_others_sockets_reserved_ports_and_this_task() -> None:
    others = [Publication("db", "127.0.0.1", 50001, "192.168.5.3", 1, "tcp", 3)]
    sockets = [Socket("tcp", "::", 50004, "sshd (pid 1)", dual_stack=True)]
    assert ports("80", "50000:22", others=others, sockets=sockets, reserved=[(50005, 50006)],
                 dynamic_range=(50000, 50010)) == [(22, 50000), (80, 50007)]


def test_reserved_ports_can_be_named() -> None:
    assert ports("8080:80", "8081-8082:443", reserved=[(1, 65535)]) == [(80, 8080), (443, 8081)]


def test_an_exhausted_dynamic_range_says_who_holds_it() -> None:
    others = [Publication("db", "0.0.0.0", 50000, "192.168.5.3", 1, "tcp", 3)]
    sockets = [Socket("tcp", "0.0.0.0", 50003, "nginx (pid 123)"), Socket("tcp", "0.0.0.0", 50004, "")]
    message = refusal("80", "50005:22", others=others, sockets=sockets, reserved=[(50006, 50006)],
                      dynamic_range=(50000, 50006))
    assert message == (
        "dynamic_port_range: '50000-50006' has no free port left for 80/tcp: of 7 ports, 3 published by container db, "
        "1 in use by nginx (pid 123), 1 in use by unknown processes, 1 already taken by this task, 1 reserved by "
        "net.ipv4.ip_local_reserved_ports. Give a larger range, or name the host port.")


def test_many_holders_are_summed_up() -> None:
    others = [Publication(f"c{index}", "0.0.0.0", 50000 + index, "192.168.5.3", 1, "tcp") for index in range(9)]
    message = refusal("80", others=others, dynamic_range=(50000, 50008))
    assert "1 published by container c4, 4 held by 4 others." in message


def test_an_exhausted_range_of_ones_own() -> None:
    assert refusal("8080-8081:80", "8081:22", others=[DB]) == (
        "published_ports: '8080-8081:80/tcp' has no free port left for 8080-8081:80/tcp: of 2 ports, 1 published by "
        "container db, 1 already taken by this task. Give a range with free ports.")


def test_no_free_ports_in_a_row() -> None:
    others = [Publication("db", "0.0.0.0", 50001, "192.168.5.3", 1, "tcp")]
    assert "has no 2 free ports in a row left for 80-81/tcp: of 3 ports, 1 published by container db" in refusal(
        "80-81", others=others, dynamic_range=(50000, 50002))
    assert "of 1 ports, none is taken" in refusal("80-81", dynamic_range=(50000, 50000))


# Stability

def test_a_chosen_port_is_kept() -> None:
    assert ports("80", current=[own("0.0.0.0", 50000)]) == [(80, 50000)]
    assert ports("8080-8090:80", current=[own("0.0.0.0", 8085)]) == [(80, 8085)]
    assert ports("80", current=[own("0.0.0.0", 50001), own("0.0.0.0", 50000)]) == [(80, 50000)]


def test_a_new_entry_does_not_take_a_port_that_another_one_has() -> None:
    assert ports("443", "80", current=[own("0.0.0.0", 49153, 443)]) == [(80, 49154), (443, 49153)]


def test_a_chosen_port_is_kept_although_it_is_reserved_or_listened_on_since() -> None:
    sockets = [Socket("tcp", "0.0.0.0", 50000, "late (pid 9)")]
    assert ports("80", current=[own("0.0.0.0", 50000)], sockets=sockets, reserved=[(50000, 50000)]) == [(80, 50000)]


@pytest.mark.parametrize(("text", "current"), [
    ("80", own("0.0.0.0", 8080)),
    ("8080-8090:80", own("0.0.0.0", 8091)),
    ("80-81", own("0.0.0.0", 65535, 80)),
    ("80", own("0.0.0.0", 50000, 81)),
    ("80", own("0.0.0.0", 50000, 80, "udp")),
    ("80", own("127.0.0.1", 50000)),
])
def test_a_port_is_not_kept_outside_the_range_or_for_something_else(text: str, current: Publication) -> None:
    (got,) = run(text, current=[current])
    assert got.host_port in (8080, 49153)


def test_a_chosen_port_moves_when_another_container_or_an_explicit_entry_has_it() -> None:
    taken = Publication("db", "0.0.0.0", 50000, "192.168.5.3", 80, "tcp")
    assert ports("80", current=[own("0.0.0.0", 50000)], others=[taken]) == [(80, 49153)]
    assert ports("80", "50000:22", current=[own("0.0.0.0", 50000)]) == [(22, 50000), (80, 49153)]


def test_ipv6_that_comes_later_gets_the_port_of_ipv4() -> None:
    assert {p.host_port for p in run("80", addresses=BOTH, current=[own("0.0.0.0", 50000)])} == {50000}


def test_entries_that_can_swap_their_ports_rest_after_one_run() -> None:
    first = run("80", "0.0.0.0::80", addresses=BOTH, current=[own("0.0.0.0", 50000)])
    assert run("80", "0.0.0.0::80", addresses=BOTH, current=first) == first


def test_a_kept_port_gives_way_when_another_entry_can_have_no_other() -> None:
    taken = Publication("db", "0.0.0.0", 106, "192.168.5.3", 80, "tcp")
    assert ports("104-107:80", "105-106:81", others=[taken], current=[own("0.0.0.0", 105)]) == [(80, 104), (81, 105)]


# Many containers, many ports

def test_an_index_of_others_is_as_good_as_the_list_and_is_left_alone() -> None:
    index = occupy_published([DB])
    assert "container db" in refusal("8080:80", others=index)
    assert ports("8080-8081:80", others=index) == ports("8080-8081:80", others=index) == [(80, 8081)]
    index.withdraw(DB)
    index.publish(own("0.0.0.0", 7000, 7000, count=600))
    assert ports("8080:80", others=index) == [(80, 8080)]
    assert "container web" in refusal("7599:80", others=index)
    index.withdraw(own("0.0.0.0", 7000, 7000, count=600))
    assert ports("7599:80", others=index) == [(80, 7599)]


@pytest.mark.parametrize("texts", [
    [f"{20000 + number}:{number}" for number in range(1, 10001)],
    [str(number) for number in range(1, 10001)],
], ids=["explicit", "dynamic"])
def test_the_time_grows_with_the_ports_and_not_with_their_square(texts: list[str]) -> None:
    """A search through all others would take a minute; the bound leaves room for a slow and busy machine."""
    others = [Publication("db", "0.0.0.0", 49153 + number, "192.168.5.3", 1, "tcp") for number in range(6000)]
    others += [Publication("db", "0.0.0.0", number, "192.168.5.3", 1, "tcp") for number in range(1, 4001)]
    specs = [parse_port_spec(text) for text in texts]
    begin = time.process_time()
    got = allocate("web", IPV4, specs, others=others, current=(), sockets=(), reserved=())
    assert time.process_time() - begin < 2
    assert len(got) == 10000


def test_results_do_not_depend_on_the_order_of_dynamic_entries() -> None:
    texts = ["80", "443", "8080-8090:22", "8000-8002/udp"]
    results = {run(*order, addresses=BOTH) for order in itertools.permutations(texts)}
    assert len(results) == 1
