# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what iptables-save says of the rules of others, and the kernel of a table of nftables.

`tests/hosts/sandbox .venv/bin/python tests/unit/data/neighbours/record.py`, after
`tests/hosts/layer docker firewalld netavark nftables ufw`.
"""
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2] / folder) for folder in ("hosts", "functional")]
from pipeline import CHECKOUT  # noqa: E402
from testhosts import Host, import_busybox_image, start_dockerd  # noqa: E402
from worlds import BACKENDS, use_backend  # noqa: E402

PODMAN = {
    "container_id": "6ce776ea58b5" * 5 + "abcd", "container_name": "one",
    "networks": {"podman": {"static_ips": ["10.88.0.2"], "interface_name": "eth0"}},
    "port_mappings": [
        {"container_port": 80, "host_ip": "", "host_port": 8080, "protocol": "tcp", "range": 1},
        {"container_port": 7000, "host_ip": "127.0.0.1", "host_port": 7000, "protocol": "tcp", "range": 4}],
    "network_info": {"podman": {
        "name": "podman", "id": "2f259bab93aa" * 5 + "abcd", "driver": "bridge", "network_interface": "podman0",
        "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}], "ipv6_enabled": False, "internal": False,
        "dns_enabled": False, "ipam_options": {"driver": "host-local"}}}}

ADMIN = """\
table inet admin {
  set bad { type ipv4_addr; elements = { 192.0.2.66 }; }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    ct status dnat,snat counter accept
    ip saddr @bad log drop
    ip saddr 192.0.2.0/25 ip daddr != 10.0.0.0/8 accept
    ip6 daddr 2001:db8::/33 reject with icmpv6 admin-prohibited
    meta l4proto { tcp, udp } th dport { 22, 8000-8080 } jump ports
    tcp dport 7000-7010 limit rate 3/second accept
    tcp dport >= 60000 goto ports
    iifname "veth*" oifname { "eth0", "eth1" } iif lo drop
    meta nfproto ipv6 udp sport 53 return
  }
  chain ports {
    meta mark 0x7 accept
  }
  chain pre {
    type nat hook prerouting priority -110;
    tcp dport 8080 dnat ip to 10.1.1.1:80
    ip daddr 192.0.2.1 dnat ip to 10.1.1.2
    iifname "eth1" udp dport 53 redirect to :5353
  }
}
"""


def save(host, name):
    for family, program in (("v4", "iptables"), ("v6", "ip6tables")):
        text = host.run([f"{program}-save"]).stdout
        if text:
            (HERE / f"{name}.{family}.save").write_text(text)


def docker(host):
    daemon = start_dockerd(host)
    import_busybox_image(host, "x:1")
    ports = ["-p", "8080:80", "-p", "127.0.0.1:5353:53/udp", "-p", "7000-7001:7000-7001"]
    host.run(["docker", "run", "-d", "--name=one", *ports, "x:1"])
    return daemon.stop


def ufw(host):
    host.run(["sh", "-ec", "ufw allow 22/tcp; ufw deny 8080/tcp; ufw route deny to any port 99; ufw --force enable"])
    return lambda: None


def netavark(host):
    host.run(["ip", "netns", "add", "one"])
    host.run(["/usr/lib/podman/netavark", "setup", "/run/netns/one"], input=json.dumps(PODMAN))
    return lambda: None


def firewalld(host):
    host.run(["sh", "-ec", "mkdir -p /run/dbus\n"
              "sed -i s/^FirewallBackend=.*/FirewallBackend=iptables/ /etc/firewalld/firewalld.conf"])
    processes = [host.popen(["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog"])]
    while not host.path("/run/dbus/system_bus_socket").exists():
        time.sleep(0.05)
    processes.append(host.popen(["firewalld", "--nofork", "--nopid"]))
    while host.run(["firewall-cmd", "--state"], check=False).returncode:
        time.sleep(0.05)
    host.run(["firewall-cmd", "--add-forward-port=port=8080:proto=tcp:toport=80:toaddr=10.1.1.1"])
    host.run(["firewall-cmd", "--zone=dmz", "--add-interface=eth1"])

    def stop():
        for process in reversed(processes):
            process.terminate()
            process.wait()
    return stop


# In the host: every question that the adapter asks, with the kernel's answers.
ASK = """
import json, sys
sys.path.append(sys.argv[1])
from ansible_collections.mooring.net.plugins.module_utils._internal.foreign import netfilter
from ansible_collections.mooring.net.plugins.module_utils._internal.link.rtnl import RtnlSocket
class Recorder(RtnlSocket):
    def dump(self, kind, request):
        answers[f"{kind} {request.hex()}"] = found = [payload.hex() for payload in super().dump(kind, request)]
        return map(bytes.fromhex, found)
answers = {}
with Recorder(netfilter.NETFILTER) as kernel:
    netfilter.read(kernel)
print(json.dumps(answers, indent=1))
"""


for backend in BACKENDS:
    for start, layer in ((docker, "docker"), (ufw, "ufw"), (netavark, "netavark"), (firewalld, "firewalld")):
        with Host.up(f"{layer}-{backend}", [layer]) as there:
            use_backend(there, backend)
            stop = start(there)
            save(there, f"{layer}-{backend}")
            stop()
with Host.up("admin", ["nftables"]) as there:
    there.run(["nft", "-f", "-"], input=ADMIN)
    recorded = there.run([sys.executable, "-c", ASK, str(CHECKOUT / ".collections")]).stdout
    (HERE / "admin.nft.json").write_text(recorded)
