# SPDX-License-Identifier: GPL-3.0-or-later
"""From what engines say of their networks to the document.

The files in data/inspect are what ``docker inspect`` of Debian 12 (20.10.24) and ``podman inspect`` (4.3.1) wrote on a
test host, less what is not about networks.
"""
import inspect
import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.mooring.net.plugins.filter import convert as filters
from ansible_collections.mooring.net.plugins.module_utils._internal.convert.convert import from_docker
from ansible_collections.mooring.net.plugins.module_utils._internal.convert.ports import Binding, exposed_ports, fold
from ansible_collections.mooring.net.plugins.module_utils._internal.document import document
from ansible_collections.mooring.net.plugins.module_utils._internal.document.options import check_networks
from world import desired

DATA = Path(__file__).resolve().parents[4] / "data" / "inspect"
DRIVER = "com.docker.network."
OF_ADDRESSES = ("bip", "fixed_cidr", "default_gateway", "aux_addresses")


def recorded(name):
    found = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return from_docker(found["networks"], found["containers"], [{"Base": "172.80.0.0/16", "Size": 24}])


def network(name="front", subnet="172.30.0.0/16", options=(), **others):
    """A network as the API of Docker shows it."""
    gateway = subnet.replace("0.0/16", "0.1").replace("::/64", "::1")
    return {"Name": name, "Id": name.encode().hex().ljust(64, "0"), "Driver": "bridge",
            "IPAM": {"Config": [{"Subnet": subnet, "Gateway": gateway}]},
            "Options": {f"{DRIVER}{option}": value for option, value in dict(options).items()}, **others}


def container(name="web", networks=("front",), config=None, running=True, **host):
    """A running container; networks is a list, or what each has beside an address."""
    settings = networks if isinstance(networks, dict) else dict.fromkeys(networks, {})
    return {"Name": f"/{name}", "Id": "bbbab6ac15dceb7b085cc130472f8b7a5c8840f0b52bee28736361aea332d3e4",
            "State": {"Running": running}, "HostConfig": {"NetworkMode": next(iter(settings), "none"), **host},
            "Config": config or {},
            "NetworkSettings": {"Networks": {each: {"IPAddress": "172.30.0.2", **settings[each]} for each in settings}}}


def one(found, containers=()):
    """The network of the document, and what was said."""
    made = from_docker([found], containers)
    assert len(made["container_networks"]) == 1
    return made["container_networks"][0], made["notes"]


def entry(*networks, **options):
    """The first container of the document, and what was said."""
    made = from_docker(list(networks) or [network()], [container(**options)])
    return made["container_networks"][0]["containers"][0], made["notes"]


@pytest.mark.parametrize("name", ["docker-20.10", "podman-4.3"])
def test_a_recorded_host(name):
    made = recorded(name)
    golden = DATA / f"{name}.yml"
    assert made["text"] == golden.read_text(encoding="utf-8")
    assert yaml.safe_load(made["text"]) == {"container_networks": made["container_networks"],
                                            "host_network_default_address_pools": made["default_address_pools"]}
    assert all(len(line) <= 120 for line in made["text"].splitlines() if "#" in line)


@pytest.mark.parametrize("name", ["docker-20.10", "podman-4.3"])
def test_the_modules_take_what_was_made(name):
    networks = recorded(name)["container_networks"]
    check_networks(networks)
    for module, function in (("docker_bridge", document.bridges), ("netns_attach", document.endpoints),
                             ("port_publish", document.publications), ("icc_policy", document.links),
                             ("container_dns", document.names)):
        assert desired(module, {"config": function(networks)})


@pytest.mark.parametrize(("option", "value", "here"), [
    ("bridge.enable_icc", "false", {"icc": False}), ("bridge.enable_icc", "true", {}),
    ("bridge.enable_ip_masquerade", "false", {"ip_masq": False}),
    ("driver.mtu", "9000", {"mtu": 9000}), ("driver.mtu", "0", {"mtu": 1500}), ("bridge.name", "br7", {"name": "br7"}),
    ("bridge.name", "much-too-long-for-it", {"name": "front"}),
    ("bridge.gateway_mode_ipv4", "nat", {}), ("bridge.gateway_mode_ipv4", "routed", {"gateway_mode": "routed"}),
    ("bridge.gateway_mode_ipv6", "isolated", {"gateway_mode_v6": "isolated"}),
    ("bridge.gateway_mode_ipv4", "nat-unprotected", {"trusted_networks": ["0.0.0.0/0"]}),
    ("bridge.gateway_mode_ipv6", "nat-unprotected", {"trusted_networks": ["::/0"]}),
    ("bridge.trusted_host_interfaces", "wg0:eth3", {"trusted_interfaces": ["wg0", "eth3"]}),
    ("host_ipv4", "192.0.2.9", {"outbound_address": "192.0.2.9"}),
    ("host_ipv6", "2001:db8::9", {"outbound_address_v6": "2001:db8::9"})])
def test_an_option_of_the_driver(option, value, here):
    found, notes = one(network(options={option: value}))
    usual = {"name": "front", "bip": "172.30.0.1/16", "mtu": 1500, "container_names": True}
    assert (found, notes) == ({**usual, **here}, [])


def test_options_that_have_no_place_are_said():
    notes = one(network(options={"bridge.inhibit_ipv4": "true", "vendor": "x"}, Labels={
        "who": "me", "com.docker.compose.project": "shop"}))[1]
    assert [note.partition(": ")[2].partition(":")[0] for note in notes] == [
        "inhibit_ipv4", "the option com.docker.network.vendor=x has no place here", "labels"]
    assert notes[2].endswith("labels: who=me")


@pytest.mark.parametrize(("config", "here"), [
    ({"Subnet": "10.1.0.0/24"}, {"bip": "10.1.0.1/24"}),
    ({"Subnet": "10.1.0.0/24", "IPRange": "10.1.0.128/25"}, {"bip": "10.1.0.128/24", "fixed_cidr": "10.1.0.128/25"}),
    ({"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.254"}, {"bip": "10.1.0.254/24"}),
    ({"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1", "AuxiliaryAddresses": {"DefaultGatewayIPv4": "10.1.0.9"}},
     {"bip": "10.1.0.1/24", "default_gateway": "10.1.0.9"}),
    ({"Subnet": "10.1.0.0/24", "AuxiliaryAddresses": {"router": "10.1.0.3", "printer": "10.1.0.2"}},
     {"bip": "10.1.0.1/24", "aux_addresses": {"printer": "10.1.0.2", "router": "10.1.0.3"}})])
def test_addresses(config, here):
    found, notes = one({**network(), "IPAM": {"Config": [config]}})
    assert ({key: found[key] for key in found if key in OF_ADDRESSES}, notes) == (here, [])


def test_ipv6_and_networks_without_one_of_the_families():
    both = {"Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::9/64"}]}
    found, notes = one({**network(), "IPAM": both, "EnableIPv6": True})
    assert (found["ipv6"], found["bip6"], notes) == (True, "fd00:1::9/64", [])
    found, notes = one({**network(), "IPAM": both, "EnableIPv6": False})
    assert "bip6" not in found and "fd00:1::/64 is left out" in notes[0]
    found, notes = one({**network(subnet="fd00:1::/64"), "EnableIPv6": True, "EnableIPv4": False})
    assert "bip" not in found and "no IPv4 subnet" in notes[0]


def test_names_that_are_taken_or_too_long():
    found = [network("bridge0"), network("the-network-of-the-shop"), network(
        "bridge", options={"bridge.default_bridge": "true", "bridge.name": "docker0"})]
    made = from_docker(found, [container(networks=["bridge"])])
    assert [each["name"] for each in made["container_networks"]] == ["bridge0", "br-627269646765", "br-7468652d6e65"]
    assert "# the engine's network the-network-of-the-shop\n" in made["text"] and made["notes"] == []


def test_the_engines_own_network_is_there_for_containers_only():
    own = network("bridge", options={"bridge.default_bridge": "true"}, Labels={"who": "me"})
    assert from_docker([own])["container_networks"] == [] and from_docker([own])["notes"] == []
    assert "container_names" not in one(own, [container(networks=["bridge"])])[0]


def test_drivers_that_make_no_bridge():
    made = from_docker([network("lan", Driver="macvlan"), network("host", Driver="host"), network(
        "settings", ConfigOnly=True)])
    assert made["container_networks"] == [] and [note.partition(" is left")[0] for note in made["notes"]] == [
        "network lan", "network settings"]


@pytest.mark.parametrize(("host", "text"), [
    ({"running": False}, "does not run"), ({"networks": [], "NetworkMode": "host"}, "--network host"),
    ({"networks": [], "NetworkMode": "container:bbbab6ac15dceb7b085cc130472f8b7a5c8840f0b52bee28736361aea332d3e4"},
     "shares the network of web"), ({"networks": ["lan"]}, "none of its networks is a bridge (lan)")])
def test_containers_that_are_left_out(host, text):
    made = from_docker([network()], [container(**host)])
    assert "containers" not in made["container_networks"][0] and text in made["notes"][0]


@pytest.mark.parametrize(("mac", "here"), [("02:42:ac:1e:00:02", {}), ("02:42:AC:1E:00:02", {}),
                                           ("76:11:22:33:44:55", {"mac_address": "76:11:22:33:44:55"})])
def test_a_mac_address_that_the_address_does_not_make_is_kept(mac, here):
    assert entry(networks={"front": {"MacAddress": mac}})[0] == {
        "name": "web", "container": "web", "address": "172.30.0.2", **here}


def bound(**ports):
    """Bindings by container port with its protocol behind an underscore, as text ADDRESS|PORT."""
    return {port[1:].replace("_", "/"): [dict(zip(("HostIp", "HostPort"), place.split("|"))) for place in places]
            for port, places in ports.items()}


@pytest.mark.parametrize(("bindings", "here"), [
    (bound(p80_tcp=["|8080"]), ["8080:80"]), (bound(p53_udp=["|53"], p53_tcp=["|53"]), ["53:53", "53:53/udp"]),
    (bound(p80_tcp=["127.0.0.1|8080"]), ["127.0.0.1:8080:80"]),
    (bound(p80_tcp=["2001:db8::1|8080"]), ["[2001:db8::1]:8080:80"]),
    (bound(p80_tcp=["0.0.0.0|80", "::|80"]), ["0.0.0.0:80:80", "[::]:80:80"]),
    (bound(p80_tcp=["|8080", "|8081"]), ["8080:80", "8081:80"]), (bound(p80_tcp=["|8000-8010"]), ["8000-8010:80"]),
    (bound(p80_tcp=["|"], p443_tcp=["192.0.2.2|0"]), ["80", "192.0.2.2::443"]),
    (bound(p7000_tcp=["|70"], p7001_tcp=["|71"], p7003_tcp=["|73"], p7002_udp=["|72"]),
     ["70-71:7000-7001", "73:7003", "72:7002/udp"]),
    (bound(p1_tcp=["10.0.0.10|1"], p2_tcp=["10.0.0.9|2"]), ["10.0.0.9:2:2", "10.0.0.10:1:1"])])
def test_published_ports(bindings, here):
    found = entry(PortBindings=bindings)[0]
    assert found["published_ports"] == here
    assert desired("port_publish", {"container": "web", "published_ports": here})


def test_ports_that_an_engine_has_otherwise():
    found, notes = entry(PortBindings=bound(p80_tcp=["::1|8080", "|80"]))
    assert found["published_ports"] == ["80:80"] and "[::1]:8080:80 is left out" in notes[0]
    found, notes = entry(network(Internal=True), PortBindings=bound(p80_tcp=["|80"]),
                         config={"ExposedPorts": {"80/tcp": {}}})
    assert "published_ports" not in found and found["exposed_ports"] == ["80"] and "not published" in notes[0]
    routed = network(options={"bridge.gateway_mode_ipv4": "routed"})
    found, _notes = entry(routed, PortBindings=bound(p80_tcp=["|8080"]))
    assert found["published_ports"] == ["80"]
    found, notes = entry(PublishAllPorts=True, config={"ExposedPorts": {"80/tcp": {}}})
    assert found["publish_all_ports"] and found["exposed_ports"] == ["80"] and "chosen anew" in notes[0]


@pytest.mark.parametrize(("bindings", "here"), [
    (bound(p80_tcp=["|80"]), "192.0.2.2"), (bound(p80_tcp=["10.0.0.1|80"]), None), ({}, None)])
def test_the_host_address_of_a_network(bindings, here):
    options = {"bridge.host_binding_ipv4": "192.0.2.2"}
    assert entry(network(options=options), PortBindings=bindings)[0].get("default_host_ip") == here
    assert "default_host_ip" not in entry(network(options={"bridge.host_binding_ipv4": "0.0.0.0"}),
                                          PortBindings=bindings)[0]


def test_exposed_ports_are_folded_and_lack_those_that_are_published():
    ports = dict.fromkeys(["81/tcp", "80/tcp", "82/tcp", "84/tcp", "82/udp", "90/sctp", "7"], {})
    assert exposed_ports(ports, [Binding("", "tcp", 81, 8081)]) == ["90/sctp", "7", "80", "82", "84", "82/udp"]
    assert exposed_ports(ports, ()) == ["90/sctp", "7", "80-82", "84", "82/udp"] and exposed_ports(None, ()) == []
    assert fold([]) == []


def test_a_container_on_several_networks():
    nets = [network(name, options=options) for name, options in (
        ("zoo", {}), ("front", {"container_iface_prefix": "net"}))] + [network("area", Internal=True)]
    made = from_docker(nets, [container(networks=["zoo", "front", "area"], PortBindings=bound(p80_tcp=["|80"]))])
    found = {each["name"]: each["containers"][0] for each in made["container_networks"]}
    assert {name: each["interface_name"] for name, each in found.items()} == {
        "zoo": "eth0", "area": "eth1", "front": "net2"}
    assert [name for name, each in found.items() if "default_route" in each] == ["front"]
    assert [name for name, each in found.items() if "published_ports" in each] == ["front"]
    made = from_docker(nets, [container(networks={"front": {"GwPriority": 0}, "zoo": {"GwPriority": 5}})])
    assert [each["name"] for each in made["container_networks"]
            if each.get("containers", [{}])[0].get("default_route")] == ["zoo"]


def test_names_and_links():
    settings = {"front": {"Aliases": ["shop", "bbbab6ac15dc", "www"], "Links": ["db:sql"],
                          "DNSNames": ["web", "shop", "bbbab6ac15dc", "www"]}}
    found, _notes = entry(networks=settings, config={"Hostname": "www", "Domainname": "example.com"},
                          Dns=["192.0.2.53"], DnsSearch=["example.com"], DnsOptions=["ndots:2"],
                          ExtraHosts=["six:fd00::1", "new=[fd00::2]", "gw:host-gateway"])
    assert {name: found[name] for name in list(found)[3:]} == {
        "aliases": ["shop"], "links": ["db:sql"], "hostname": "www", "domainname": "example.com",
        "dns_servers": ["192.0.2.53"], "dns_search_domains": ["example.com"], "dns_opts": ["ndots:2"],
        "etc_hosts": {"six": "fd00::1", "new": "fd00::2", "gw": "host-gateway"}}
    own = network("bridge", options={"bridge.default_bridge": "true"})
    found, _notes = entry(own, networks=["bridge"], Links=["/db:/web/sql"])
    assert found["links"] == ["db:sql"] and "aliases" not in found


def test_names_that_are_not_the_containers_own():
    assert "hostname" not in entry(config={"Hostname": "bbbab6ac15dc"})[0]
    found, notes = entry(UTSMode="host", config={"Hostname": "thebox"})
    assert "hostname" not in found and "--uts host" in notes[0]
    notes = entry(ExtraHosts=["two:10.0.0.1", "two:10.0.0.2"])[1]
    assert "several addresses" in notes[0]


def test_kernel_settings():
    found, _notes = entry(networks={"front": {"DriverOpts": {
        f"{DRIVER}endpoint.sysctls": "net.ipv4.conf.IFNAME.rp_filter=2,net.ipv4.conf.IFNAME.forwarding=1",
        f"{DRIVER}endpoint.ifname": "wan"}}}, Sysctls={"net.core.somaxconn": "99", "kernel.msgmax": "1"})
    assert found["interface_name"] == "wan" and found["sysctls"] == {
        "net.ipv4.conf.IFNAME.rp_filter": "2", "net.ipv4.conf.IFNAME.forwarding": "1", "net.core.somaxconn": "99"}


@pytest.mark.parametrize("value", ["no", "On", "y", "null", "1e3", "0x1f", "12:30:45", "~", "a: b", "a#b", "[x", "é"])
def test_texts_stay_texts(value):
    made = from_docker([network()], [container(config={"Domainname": value}, DnsSearch=[value, "plain.example"])])
    assert yaml.safe_load(made["text"])["container_networks"] == made["container_networks"]


@pytest.mark.parametrize("value", [
    "{{ 7 * 7 }}", "{% if true %}49{% endif %}", "x{# 49 #}", "{{ lookup('pipe', 'id') }}",
    "#jinja2: variable_start_string: '[%', variable_end_string: '%]'\n[% 7 * 7 %]"])
def test_no_text_is_a_template(value, tmp_path):
    """Ansible renders variables when they are used, on the controller, and this one will be some of a host's."""
    options = {"com.docker.network.bridge.trusted_host_interfaces": value.replace(":", "")}
    made = from_docker([network(options=options, Labels={value: value})], [container(
        config={"Domainname": value, "Hostname": value}, Dns=[value], DnsOptions=[value], ExtraHosts=[f"{value}=::1"],
        Sysctls={f"net.{value}": value})])
    (tmp_path / "host.yml").write_text(made["text"])
    loader = DataLoader()
    # From ansible-core 2.19 on who loads a file says whether it may have templates, as those of variables do.
    trusts = {"trusted_as_template": True} if "trusted_as_template" in inspect.signature(
        loader.load_from_file).parameters else {}
    variables = loader.load_from_file(str(tmp_path / "host.yml"), **trusts)
    rendered = Templar(loader=loader, variables={}).template(variables["container_networks"])
    assert rendered == made["container_networks"] and value in str(rendered[0]["containers"][0]["domainname"])


def test_a_comment_is_one_whatever_others_have_called_their_things():
    made = from_docker([network(Labels={"evil": "x\ncontainer_networks: []\n\x1b[31m" + "word " * 60})])
    assert yaml.safe_load(made["text"])["container_networks"] == made["container_networks"]
    assert "\x1b" not in made["text"] and "\\u001b" in made["text"]


def test_the_filter_says_what_it_takes():
    convert = filters.FilterModule().filters()["_from_docker"]
    assert convert([])["text"] == "---\ncontainer_networks: []\n"
    with pytest.raises(AnsibleFilterError, match="not what docker inspect"):
        convert([{"name": "front"}])


@pytest.mark.parametrize("text", ["\x7f", "a\nb", "\U0001f600", "\u2028", "\x1b[31m", "\u00e9", "yes", "1:30", "0o7",
                                  "~", "\ufeff", "\x85", "a: b # c", "\\", '"'])
def test_what_others_have_named_is_read_back_as_it_is(text):
    """In a value, and in what is said of a network, beside which the file stays one."""
    made = from_docker([network(Labels={text: text})], [container(DnsOptions=[text])])
    [read] = yaml.safe_load(made["text"])["container_networks"]
    assert read["containers"][0]["dns_opts"] == [text] and read == made["container_networks"][0]
