# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the document is whose."""
from pathlib import Path

import pytest
import yaml
from ansible_collections.mooring.net.plugins.module_utils._internal.core.errors import MooringError
from ansible_collections.mooring.net.plugins.module_utils._internal.document import document as of
from world import World

CHECKOUT = Path(__file__).resolve().parents[6]
EXAMPLE = yaml.safe_load((CHECKOUT / "playbooks/vars/demo.yml").read_text(encoding="utf-8"))["container_networks"]


def network(*containers, **options):
    return {"name": "bridge0", "bip": "192.168.5.1/24", "containers": list(containers), **options}


def test_the_example():
    assert of.bridges(EXAMPLE) == [{"name": "bridge0", "bip": "192.168.5.1/24", "icc": False}]
    common = {"bridge": "bridge0", "state": "present"}
    assert of.endpoints(EXAMPLE) == [
        {"name": "web", "netns": "web", "exposed_ports": [], **common},
        {"name": "db", "netns": "db", "exposed_ports": [5432], "address": "192.168.5.20", **common},
    ]
    assert of.publications(EXAMPLE) == [
        {"netns": "web", "published_ports": ["8080:80", "127.0.0.1::443"]},
        {"netns": "db", "published_ports": []},
    ]
    assert of.links(EXAMPLE) == [{"netns": "web", "links": ["db:database"]}, {"netns": "db", "links": []}]
    assert of.names(EXAMPLE) == [{"netns": name, "name": name, "state": "present"} for name in ("web", "db")]


def test_an_empty_document_is_no_work():
    for function in (of.bridges, of.endpoints, of.publications, of.links, of.names):
        assert function([]) == []


def test_keys_without_a_value_say_nothing():
    document = [network({"name": "web", "published_ports": None, "links": None, "exposed_ports": None}, icc=None)]
    assert of.endpoints(document)[0]["exposed_ports"] == []
    assert of.publications(document) == [{"netns": "web", "published_ports": []}]
    assert of.bridges([network(containers=None)]) == [{"name": "bridge0", "bip": "192.168.5.1/24"}]


def test_the_document_is_left_as_it_is():
    document = [network({"name": "web"})]
    of.endpoints(document)
    assert document == [network({"name": "web"})]


@pytest.mark.parametrize("target", [
    {"container": "c0ffee"}, {"pid": 7}, {"netns_path": "/proc/7/ns/net"}, {"netns": "other"}])
def test_a_container_is_the_namespace_of_its_name_unless_something_else_is_said(target):
    document = [network({"name": "web", "links": ["db"], **target})]
    endpoint = of.endpoints(document)[0]
    assert {key: endpoint.get(key) for key in of.TARGETS if key in endpoint} == target
    assert endpoint["name"] == "web"
    assert of.links(document) == [{"container": "web", "links": ["db"]}]


def test_an_absent_container_is_detached_and_that_closes_its_ports():
    document = [network({"name": "web", "state": "absent", "published_ports": ["80:80"]}, {"name": "db"})]
    assert [endpoint["state"] for endpoint in of.endpoints(document)] == ["absent", "present"]
    assert of.publications(document) == [{"netns": "db", "published_ports": []}]
    assert of.links(document) == [{"netns": "db", "links": []}]


def test_an_absent_network_has_absent_containers():
    document = [network({"name": "web"}, state="absent", icc=False, force=True)]
    assert of.bridges(document) == [{"name": "bridge0", "bip": "192.168.5.1/24", "state": "absent", "icc": False,
                                      "force": True}]
    assert of.endpoints(document)[0]["state"] == "absent"
    assert of.publications(document) == of.links(document) == []


def test_a_container_on_two_networks_is_one_container():
    document = [
        network({"name": "web", "published_ports": ["80:80"], "links": ["db"], "allow_from": ["10.0.0.0/8"]}),
        network({"name": "web", "interface_name": "eth1", "published_ports": ["81:81"], "links": ["cache"]},
                name="back"),
    ]
    assert [(endpoint["bridge"], endpoint.get("interface_name")) for endpoint in of.endpoints(document)] == [
        ("bridge0", None), ("back", "eth1")]
    assert of.publications(document) == [
        {"netns": "web", "published_ports": ["80:80", "81:81"], "published_on": ["bridge0", "back"],
         "allow_from": ["10.0.0.0/8"]}]
    assert of.links(document) == [{"netns": "web", "links": ["db", "cache"]}]


FIRST = "networks[0] (bridge0): containers[0] (web)"


@pytest.mark.parametrize(("second", "message"), [
    ({}, f"its interface eth0 stands at {FIRST} as well. Give it another interface_name"),
    ({"interface_name": "eth1", "pid": 7}, f"it is pid 7 here, and netns web at {FIRST}. Say the same"),
    ({"interface_name": "eth1", "default_host_ip": "192.0.2.1"},
     f"default_host_ip: it is 192.0.2.1 here, and 127.0.0.1 at {FIRST}. It counts"),
])
def test_what_contradicts_itself_is_refused_by_the_first_filter(second, message):
    first = {"name": "web", "default_host_ip": "127.0.0.1"}
    document = [network(first), network({"name": "web", **second}, name="back")]
    with pytest.raises(MooringError) as caught:
        of.bridges(document)
    assert str(caught.value).startswith(f"networks[1] (back): containers[0] (web): {message}")


def test_a_container_without_an_interface_of_its_own_is_on_no_bridge():
    document = [network({"name": "web"}, {"name": "sidecar", "network_mode": "container:web"})]
    assert "bridge" not in of.endpoints(document)[1]
    assert of.publications(document) == [{"netns": "web", "published_ports": []}]
    assert of.links(document) == [{"netns": "web", "links": []}]


def test_ports_of_a_container_without_an_interface_are_refused():
    document = [network({"name": "web", "network_mode": "none", "published_ports": ["80:80"], "links": ["db"]})]
    with pytest.raises(MooringError, match="network_mode: 'none' gives it no .* that links and published_ports could"):
        of.bridges(document)


NAMES = {"hostname": "front", "dns_servers": ["192.0.2.1"], "etc_hosts": {"x": "192.0.2.2"}}


@pytest.mark.parametrize(("containers", "found"), [
    ([{"name": "web", **NAMES}], [{"netns": "web", "name": "web", "state": "present", **NAMES}]),
    ([{"name": "web", "container": "c0ffee"}], [{"container": "c0ffee", "name": "web", "state": "present"}]),
    ([{"name": "web", "state": "absent"}], [{"netns": "web", "name": "web", "state": "absent"}]),
    # A process may have the host's own files: only where somebody asks for it.
    ([{"name": "web", "pid": 7}, {"name": "db", "netns_path": "/run/netns/x"}], []),
    ([{"name": "web", "pid": 7, **NAMES}], [{"pid": 7, "name": "web", "state": "present", **NAMES}]),
    # Without an interface of its own a container has names if it is given some.
    ([{"name": "web", "network_mode": "none"}], []),
    ([{"name": "web", "network_mode": "none", **NAMES}],
     [{"netns": "web", "name": "web", "state": "present", **NAMES}]),
])
def test_names(containers, found):
    document = [network(*containers)]
    assert of.names(document) == found
    assert all(not set(NAMES) & set(endpoint) for endpoint in of.endpoints(document))


def test_names_of_a_container_on_two_networks_are_said_once():
    document = [network({"name": "web", "hostname": "a"}, {"name": "db", "state": "absent"}),
                network({"name": "web", "interface_name": "eth1"}, {"name": "db", "interface_name": "eth1"}, name="b")]
    assert of.names(document) == [{"netns": "web", "name": "web", "state": "present", "hostname": "a"},
                                       {"netns": "db", "name": "db", "state": "present"}]
    document[1]["containers"][0]["hostname"] = "b"
    with pytest.raises(MooringError, match=r"hostname: it is b here, and a at networks\[0\]"):
        of.bridges(document)


A, B = "networks[0] (br0): containers[0] (a): ", "networks[0] (br0): containers[1] (b): "


def of_two(first, second, **more):
    return [{"name": "br0", "bip": "10.8.0.1/24", **more,
             "containers": [{"name": "a", **first}, {"name": "b", **second}]}]


@pytest.mark.parametrize(("document", "message"), [
    (of_two({"address": "10.8.0.5"}, {"address": "10.8.0.5/24"}),
     B + "address: '10.8.0.5' is that of container a as well"),
    (of_two({}, {"address": "10.8.0.1"}), B + "address: '10.8.0.1' is the address of its bridge br0"),
    (of_two({"address_v6": "2001:db8::5"}, {"address_v6": "2001:DB8:0::5"}, bip6="2001:db8::1/64"),
     B + "address_v6: '2001:db8::5' is that of container a"),
    (of_two({"published_ports": ["8080:80"]}, {"published_ports": ["127.0.0.1:8080:81"]}),
     B + "published_ports: host port 8080/tcp is asked for by container a as well"),
    (of_two({"published_ports": ["8000-8010:8000-8010/udp"]}, {"published_ports": ["8005:80/udp"]}),
     B + "published_ports: host port 8005/udp is asked for by container a as well"),
    (of_two({"published_ports": "8080:80"}, {"published_ports": "8080:81", "default_host_ip": "192.0.2.1"}),
     "host port 8080/tcp"),
    (of_two({"links": ["b"]}, {"state": "absent"}),
     A + "links: 'b' leads nowhere: container b is on no bridge, since the document takes it away"),
    (of_two({"allow_to": ["192.0.2.53:53"]}, {}, iptables=False),
     A + "allow_to: '192.0.2.53:53' needs rules, and network br0 has iptables: false"),
    (of_two({}, {"allow_to": ""}, ip6tables=False, bip6="2001:db8::1/64"),
     B + "allow_to: '' needs rules, and network br0 has ip6tables: false"),
    (of_two({}, {"published_ports": ["8080:80"]}, iptables=False),
     B + "published_ports: '8080:80' cannot be published: network br0 has iptables: false"),
    (of_two({"published_ports": ["[::]:8080:80"]}, {}, ip6tables=False, bip6="2001:db8::1/64"),
     A + "published_ports: '[::]:8080:80' cannot be published: network br0 has ip6tables: false"),
    (of_two({"published_ports": ["8080:80"]}, {}, internal=True),
     A + "published_ports: '8080:80' cannot be published on network br0, which is internal"),
])
def test_a_contradiction_is_found_before_the_first_bridge_is_made(document, message):
    with pytest.raises(MooringError) as caught:
        of.bridges(document)
    assert message in str(caught.value)
    assert World().document_refuses(document)


@pytest.mark.parametrize("document", [
    of_two({"published_ports": ["8080:80"]}, {"published_ports": ["8080:80/udp", "8081:80", "80"]}),
    of_two({"published_ports": ["192.0.2.1:8080:80"]}, {"published_ports": ["192.0.2.2:8080:80"]}),
    of_two({"published_ports": ["8080-8090:80"]}, {"published_ports": ["8080:80"]}),
    of_two({"published_ports": ["8080:80"]}, {"published_ports": ["8080:80"], "state": "absent"}),
    of_two({"published_ports": ["80"]}, {"published_ports": ["80"]}, gateway_mode="routed"),
    # One of somebody else's may be so already, which is for the host to tell.
    of_two({"published_ports": ["8080:80"]}, {"published_ports": ["8080:80"]}, adopt=True),
    of_two({"address": "10.8.0.5", "state": "absent"}, {"address": "10.8.0.5"}),
    of_two({"published_ports": ["[::]:8080:80"]}, {}, iptables=False, bip6="2001:db8::1/64"),
    of_two({"allow_to": "anywhere"}, {"allow_to": [], "network_mode": "none"}, iptables=False),
    of_two({"links": ["elsewhere"]}, {})])
def test_what_is_no_contradiction(document):
    assert of.bridges(document)
