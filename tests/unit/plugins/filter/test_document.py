# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters between the document and the modules."""
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mooring.net.plugins.filter import daemon
from ansible_collections.mooring.net.plugins.filter import document as filters

CHECKOUT = Path(__file__).resolve().parents[4]
EXAMPLE = yaml.safe_load((CHECKOUT / "playbooks/vars/demo.yml").read_text(encoding="utf-8"))["container_networks"]


def network(*containers, **options):
    return {"name": "bridge0", "bip": "192.168.5.1/24", "containers": list(containers), **options}


def test_the_example():
    assert filters.bridges(EXAMPLE) == [{"name": "bridge0", "bip": "192.168.5.1/24"}]
    assert filters.access(EXAMPLE) == [{"bridge": "bridge0", "icc": False}]
    common = {"bridge": "bridge0", "state": "present"}
    assert filters.endpoints(EXAMPLE) == [
        {"name": "web", "netns": "web", "exposed_ports": [], **common},
        {"name": "db", "netns": "db", "exposed_ports": [5432], "address": "192.168.5.20", **common},
    ]
    assert filters.publications(EXAMPLE) == [
        {"netns": "web", "published_ports": ["8080:80", "127.0.0.1::443"]},
        {"netns": "db", "published_ports": []},
    ]
    assert filters.links(EXAMPLE) == [{"netns": "web", "links": ["db:database"]}, {"netns": "db", "links": []}]
    assert filters.names(EXAMPLE) == [{"netns": name, "name": name, "state": "present"} for name in ("web", "db")]


def test_an_empty_document_is_no_work():
    for function in (filters.bridges, filters.access, filters.endpoints, filters.publications, filters.links,
                     filters.names):
        assert function([]) == []


def test_keys_without_a_value_say_nothing():
    document = [network({"name": "web", "published_ports": None, "links": None, "exposed_ports": None}, icc=None)]
    assert filters.access(document) == []
    assert filters.endpoints(document)[0]["exposed_ports"] == []
    assert filters.publications(document) == [{"netns": "web", "published_ports": []}]
    assert filters.bridges([network(containers=None)]) == [{"name": "bridge0", "bip": "192.168.5.1/24"}]


def test_the_document_is_left_as_it_is():
    document = [network({"name": "web"})]
    filters.endpoints(document)
    assert document == [network({"name": "web"})]


@pytest.mark.parametrize("target", [
    {"container": "c0ffee"}, {"pid": 7}, {"netns_path": "/proc/7/ns/net"}, {"netns": "other"}])
def test_a_container_is_the_namespace_of_its_name_unless_something_else_is_said(target):
    document = [network({"name": "web", "links": ["db"], **target})]
    endpoint = filters.endpoints(document)[0]
    assert {key: endpoint.get(key) for key in filters.TARGETS if key in endpoint} == target
    assert endpoint["name"] == "web"
    assert filters.links(document) == [{"container": "web", "links": ["db"]}]


def test_an_absent_container_is_detached_and_that_closes_its_ports():
    document = [network({"name": "web", "state": "absent", "published_ports": ["80:80"]}, {"name": "db"})]
    assert [endpoint["state"] for endpoint in filters.endpoints(document)] == ["absent", "present"]
    assert filters.publications(document) == [{"netns": "db", "published_ports": []}]
    assert filters.links(document) == [{"netns": "db", "links": []}]


def test_an_absent_network_has_absent_containers_and_no_policy():
    document = [network({"name": "web"}, state="absent", icc=False, force=True)]
    assert filters.bridges(document) == [{"name": "bridge0", "bip": "192.168.5.1/24", "state": "absent", "force": True}]
    assert filters.access(document) == []
    assert filters.endpoints(document)[0]["state"] == "absent"
    assert filters.publications(document) == filters.links(document) == []


def test_a_container_on_two_networks_is_one_container():
    document = [
        network({"name": "web", "published_ports": ["80:80"], "links": ["db"], "allow_from": ["10.0.0.0/8"]}),
        network({"name": "web", "interface_name": "eth1", "published_ports": ["81:81"], "links": ["cache"]},
                name="back"),
    ]
    assert [(endpoint["bridge"], endpoint.get("interface_name")) for endpoint in filters.endpoints(document)] == [
        ("bridge0", None), ("back", "eth1")]
    assert filters.publications(document) == [
        {"netns": "web", "published_ports": ["80:80", "81:81"], "allow_from": ["10.0.0.0/8"]}]
    assert filters.links(document) == [{"netns": "web", "links": ["db", "cache"]}]


@pytest.mark.parametrize(("second", "message"), [
    ({}, "container web has interface eth0 on bridge0 and on back. Give it another interface_name"),
    ({"interface_name": "eth1", "pid": 7}, "container web is netns web in one place and pid 7 in another"),
    ({"interface_name": "eth1", "default_host_ip": "192.0.2.1"},
     "container web has default_host_ip 127.0.0.1 in one network and 192.0.2.1 in another"),
])
def test_what_contradicts_itself_is_refused_by_the_first_filter(second, message):
    first = {"name": "web", "default_host_ip": "127.0.0.1"}
    document = [network(first), network({"name": "web", **second}, name="back")]
    with pytest.raises(AnsibleFilterError, match=message):
        filters.bridges(document)


def test_a_container_without_an_interface_of_its_own_is_on_no_bridge():
    document = [network({"name": "web"}, {"name": "sidecar", "network_mode": "container:web"})]
    assert "bridge" not in filters.endpoints(document)[1]
    assert filters.publications(document) == [{"netns": "web", "published_ports": []}]
    assert filters.links(document) == [{"netns": "web", "links": []}]


def test_ports_of_a_container_without_an_interface_are_refused():
    document = [network({"name": "web", "network_mode": "none", "published_ports": ["80:80"], "links": ["db"]})]
    with pytest.raises(AnsibleFilterError, match="web has network_mode none.* that links and published_ports could"):
        filters.bridges(document)


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
    assert filters.names(document) == found
    assert all(not set(NAMES) & set(endpoint) for endpoint in filters.endpoints(document))


def test_names_of_a_container_on_two_networks_are_said_once():
    document = [network({"name": "web", "hostname": "a"}, {"name": "db", "state": "absent"}),
                network({"name": "web", "interface_name": "eth1"}, {"name": "db", "interface_name": "eth1"}, name="b")]
    assert filters.names(document) == [{"netns": "web", "name": "web", "state": "present", "hostname": "a"},
                                       {"netns": "db", "name": "db", "state": "present"}]
    document[1]["containers"][0]["hostname"] = "b"
    with pytest.raises(AnsibleFilterError, match="container web has hostname a in one network and b in another"):
        filters.bridges(document)


FOUND = {
    "bridges": [{"name": "bridge0", "bip": "192.168.5.1/24"}],
    "endpoints": [{"container": "web", "interface_name": "eth0", "bridge": "bridge0"}],
    "namespaces": ["web", "empty"],
    "veth_pairs": ["A", "A"],
    "dns": [{"container": "web", "kind": "netns", "name": "web1"}, {"container": "app", "kind": "docker", "name": "c0"},
            {"container": "old", "kind": "pid", "name": "7"}],
}


def test_removal():
    assert filters.removal(FOUND, "docker_bridge") == [{"name": "bridge0"}]
    assert filters.removal(FOUND, "netns_attach") == [
        {"name": "web", "netns_path": "/run/netns/web", "interface_name": "eth0"}, {"netns": "empty"}]
    assert filters.removal(FOUND, "veth_pair") == [{"name": "A"}]
    assert filters.removal(FOUND, "container_dns") == [
        {"netns": "web1", "name": "web"}, {"container": "c0", "name": "app"}, {"pid": "7", "name": "old"}]
    with pytest.raises(AnsibleFilterError, match="nothing to remove with 'port_publish'"):
        filters.removal(FOUND, "port_publish")


def test_every_filter_is_documented():
    folder = CHECKOUT / "plugins/filter"
    found = [name for module in (daemon, filters) for name in module.FilterModule().filters()]
    assert sorted(found) == sorted(path.stem for path in folder.glob("*.yml"))
