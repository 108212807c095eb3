# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changes by hand on a host: a table of changes, of who has to tell of each, and of who repairs it.

In scripts ``$web`` and the like are the host's ends of containers, ``$tool`` is iptables or ip6tables of the family.
"""
from dataclasses import dataclass, replace

from worlds import ADDRESSES, BACK, BACK6, BOX, BOX6, BOX_NEIGHBOUR, BOX_NEIGHBOUR6, FRONT, FRONT6, PLAIN

V4, V6 = "ipv4", "ipv6"
# Who tells: the kernel still has what was wanted, or only what was asked for last does.
INFO, APPLIED = "info", "applied"


@dataclass(frozen=True)
class Swap:
    """The text of one rule replaced under its comment."""

    table: str
    note: str
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """:param by: who tells of it; APPLIED needs what the last play asked for
    :param says: an expression that what is told has to match
    :param settled: whether any task that writes rules repairs it, whatever it is about
    :param probed: whether packets have to prove that nothing is open, at once and after a task about something else
    :param about: the bridge that the task about something else names
    """

    name: str
    do: object
    says: str = ""
    by: str = INFO
    settled: bool = False
    probed: bool = False
    family: str = V4
    about: str = "plain"

    kind: str = ""

    def __str__(self):
        return f"{self.kind}: {self.name}{' (IPv6)' if self.family == V6 else ''}"


FILTER_GONE = "$tool-save -t filter | grep -vi mooring | $tool-restore"


def both(change):
    return [replace(change, family=family) for family in (V4, V6)]


def addresses(name):
    return dict(zip((V4, V6), ADDRESSES[name]))


BRIDGE_OF = {V4: f"{FRONT}/24", V6: f"{FRONT6}/64"}
EXTRA = {V4: "10.77.0.1/24", V6: "2001:db8:77::1/64"}
WEB = {V4: f"{ADDRESSES['web'][0]}/24", V6: f"{ADDRESSES['web'][1]}/64"}
ICC_SETTING = {V4: "net.bridge.bridge-nf-call-iptables", V6: "net.bridge.bridge-nf-call-ip6tables"}
FORWARDING = {V4: "net.ipv4.ip_forward", V6: "net.ipv6.conf.all.forwarding"}
INWARD = {V4: "192.168.5.0/24", V6: "2001:db8:5::/64"}
PUBLISHED = {V4: f"{ADDRESSES['web'][0]}:80", V6: f"[{ADDRESSES['web'][1]}]:80"}
OUTBOUND, OTHER = {V4: BOX_NEIGHBOUR, V6: BOX_NEIGHBOUR6}, {V4: BOX, V6: BOX6}
STRANGER = {V4: "192.168.5.99:80", V6: "[2001:db8:5::99]:80"}

LINKS = [
    Change("a bridge is down", "ip link set plain down", "set plain: up", settled=True, about="front"),
    Change("a bridge with IPv6 is down", "ip link set front down", "set front: up"),
    Change("a bridge has another MTU", "ip link set front mtu 1400", by=APPLIED),
    Change("a bridge has another MAC address", "ip link set back address 02:00:00:00:00:99", by=APPLIED),
    Change("a bridge speaks STP", "ip link set front type bridge stp_state 1", by=APPLIED),
    Change("a bridge has another name", "ip link set plain down; ip link set plain name other; ip link set other up",
           "other: name plain", settled=True, probed=True, about="front"),
    Change("frames of a bridge pass the rules by", "ip link set back type bridge nf_call_iptables 0",
           "set back: frames .* pass rules of IPv4 and IPv6", settled=True, probed=True),
    Change("frames of another bridge pass rules", "ip link set front type bridge nf_call_ip6tables 1",
           "set front: frames .* pass rules of none", settled=True, about="back"),
    Change("a bridge is in another group", "ip link set front group 7", "front", settled=True),
    Change("a bridge has lost its alias", "ip link set front alias ''", "front", settled=True, probed=True),
    Change("a bridge without icc has lost its alias", "ip link set back alias ''", "back", probed=True),
    Change("two bridges have lost their aliases", "ip link set front alias ''; ip link set plain alias ''",
           "front", settled=True, probed=True, about="back"),
    Change("a bridge and its containers have lost their aliases",
           "ip link set front alias ''; ip link set $web alias ''; ip link set $shop alias ''", "front", settled=True,
           probed=True),
    Change("an internal bridge has lost its alias", "ip link set inner alias ''", "inner", settled=True),
    Change("an internal bridge is in the group of others", "ip link set inner group 1836019570", "inner", settled=True),
    Change("a bridge has another alias", "ip link set front alias uplink", "front", settled=True, probed=True),
    Change("a bridge is gone", "ip link delete back", by=APPLIED, probed=True),
    Change("the bridge that guards is gone", "ip link delete back; ip link delete plain", by=APPLIED, probed=True,
           about=""),
    Change("an end is down", "ip link set $web down", "set veth.*: up", settled=True),
    Change("an end has another MTU", "ip link set $web mtu 1300", "mtu 1450"),
    Change("an end has no hairpin mode", "bridge link set dev $web hairpin off", "hairpin on", settled=True),
    Change("an adopted end has no hairpin mode", "bridge link set dev engine hairpin off", "hairpin on", settled=True),
    Change("an end is not isolated", "bridge link set dev $third isolated off", "isolated on", settled=True,
           probed=True),
    Change("an end is isolated", "bridge link set dev $shop isolated on", "isolated off", settled=True),
    Change("an end is off its bridge", "ip link set $web nomaster", "bridge front", settled=True),
    Change("an end is on another bridge", "ip link set $third master front", "bridge back", settled=True, probed=True),
    Change("an end is on a bridge of others", "ip link set $web master theirs", "bridge front", settled=True),
    Change("an end has another name", "ip link set $web down; ip link set $web name other; ip link set other up",
           "name veth", settled=True),
    Change("an end has lost its alias", "ip link set $web alias ''", "veth", settled=True, probed=True),
    Change("an end with a given MAC address has lost its alias", "ip link set $shop alias ''", "veth", settled=True),
    Change("an isolated end has lost its alias", "ip link set $third alias ''; bridge link set dev $third isolated off",
           "veth", settled=True, probed=True),
    Change("an adopted end has lost its alias", "ip link set engine alias ''; bridge link set dev engine hairpin off",
           by=APPLIED),
    Change("an end is gone", "ip link delete $web", by=APPLIED, probed=True),
    Change("an end has no limit", "tc qdisc delete dev $shop root", "limit what veth", settled=True),
    Change("an end has another limit",
           "tc qdisc change dev $shop root handle 6d6f: tbf rate 1mbit burst 64kb limit 1mb", "limit what veth",
           settled=True),
    Change("an end has a peak rate", "tc qdisc change dev $shop root handle 6d6f: tbf rate 80mbit burst 100000b "
           "latency 50ms peakrate 90mbit mtu 3000", "limit what veth", settled=True),
    Change("what an end receives is not led to its limit", "tc qdisc delete dev $shop ingress", "lead what",
           settled=True),
    Change("what an end receives is led elsewhere", "tc filter delete dev $shop ingress; tc filter add dev $shop "
           "ingress pref 28015 protocol all u32 match u32 0 0 action mirred egress redirect dev lo", "lead what",
           settled=True),
    Change("what an end receives is copied to its limit, and goes on", "tc actions change action mirred egress mirror "
           "dev $ifb index $(tc actions list action mirred | grep -o 'index [0-9]*' | head -1 | cut -d' ' -f2)",
           "lead what", settled=True),
    Change("only some of what an end receives is led to its limit", "tc filter delete dev $shop ingress; tc filter add "
           "dev $shop ingress pref 28015 protocol ip u32 match ip dst 192.0.2.1 action mirred egress redirect dev $ifb",
           "lead what", settled=True),
    Change("an ifb is gone", "ip link delete $ifb", "create ifb", settled=True),
    Change("an ifb is down", "ip link set $ifb down", "set ifb.*: up", settled=True),
    Change("an ifb has lost its alias", "ip link set $ifb alias ''", "record the settings of ifb", settled=True),
    Change("an ifb has another name", "ip link set $ifb down; ip link set $ifb name other; ip link set other up", "ifb",
           settled=True),
    Change("an ifb has another discipline", "tc qdisc replace dev $ifb root pfifo", "limit what ifb", settled=True),
    Change("a limited end has lost its alias, and its limits stay", "ip link set $shop alias ''", "veth",
           settled=True),
    Change("an inner end is down", "ip -n web link set eth0 down", "in web: up"),
    Change("an inner end has another MTU", "ip -n web link set eth0 mtu 1300", "in web: mtu 1450"),
    Change("an inner end has another MAC address",
           "ip -n web link set eth0 down; ip -n web link set eth0 address 02:00:00:00:00:98 up", "in web: mac"),
    Change("an inner end has another name",
           "ip -n web link set eth0 down; ip -n web link set eth0 name eth9; ip -n web link set eth9 up", "web"),
    Change("a loopback is down", "ip -n web link set lo down", "lo in web: up"),
    Change("an end of a pair is down", "ip link set pair0 down", by=APPLIED),
    Change("an end of a pair has another MTU", "ip link set pair0 mtu 1300", by=APPLIED),
    Change("an end of a pair has another MAC address", "ip link set pair0 address 02:00:00:00:00:97", by=APPLIED),
    Change("an end of a pair is off its bridge", "ip link set pair1 nomaster", by=APPLIED),
    Change("an end of a pair has lost its alias", "ip link set pair0 alias ''", "pair0", settled=True),
    Change("a pair is gone", "ip link delete pair0", by=APPLIED),
]

ADDRESSING = [
    *both(Change("a bridge lacks its address", "ip address delete $bridge dev front", by=APPLIED)),
    *both(Change("a bridge has another address", "ip address add $extra dev front $nodad",
                 "remove address .* front", settled=True)),
    *both(Change("an end has an address", "ip address add $extra dev $web $nodad", "remove address .* veth",
                 settled=True)),
    *both(Change("a container lacks its address", "ip -n web address delete $own dev eth0", "add address .* in web")),
    *both(Change("a container has its address with another prefix length",
                 "ip -n web address delete $own dev eth0; ip -n web address add ${own%/*}/30 dev eth0 $nodad",
                 "address .* in web")),
    *both(Change("a container lacks its default route", "ip -n web $six route delete default", by=APPLIED)),
    *both(Change("a container has another default route",
                 "ip -n web $six route replace default via ${other%/*} dev eth0", by=APPLIED)),
    Change("a container has a barrier", "ip -n web -6 route add blackhole default metric 1", by=APPLIED, family=V6),
    Change("a pair lacks an address", "ip address delete 10.66.0.1/24 dev pair0", by=APPLIED),
    Change("a pair has another address", "ip address add 10.78.0.1/24 dev pair0", by=APPLIED),
    Change("a pair lacks a route", "ip route delete 10.67.0.0/24", by=APPLIED),
    *both(Change("the host does not know where a container is", "ip neigh delete ${own%/*} dev front",
                 "set neighbour", settled=True)),
    *both(Change("the host looks for a container elsewhere",
                 "ip neigh replace ${own%/*} lladdr 02:00:00:00:00:96 dev front nud permanent protocol 109",
                 "neighbour", settled=True)),
    Change("a bridge does not know where a container is",
           "bridge fdb del $(ip -n web -br link show eth0 | awk '{print $3}') dev $web master", "set MAC address",
           settled=True),
]

SETTINGS = [
    *both(Change("the host does not forward", "sysctl -qw $forwarding=0", "forward")),
    *both(Change("a bridge does not forward", "sysctl -qw net.$family.conf.front.forwarding=0", "front.forwarding",
                 settled=True)),
    *both(Change("frames pass the rules by", "sysctl -qw $calls=0", "bridge-nf-call", settled=True, probed=True)),
    Change("no replies to the loopback", "sysctl -qw net.ipv4.conf.front.route_localnet=0", "route_localnet",
           settled=True),
    Change("a bridge leads to the loopback", "sysctl -qw net.ipv4.conf.back.route_localnet=1", "route_localnet",
           settled=True),
    Change("a bridge hears routers", "sysctl -qw net.ipv6.conf.front.accept_ra=1", "accept_ra", settled=True),
    Change("a bridge detects duplicates", "sysctl -qw net.ipv6.conf.front.dad_transmits=1", "dad_transmits",
           settled=True),
    Change("a bridge has no IPv6", "sysctl -qw net.ipv6.conf.front.disable_ipv6=1", by=APPLIED),
    Change("a container hears routers", "ip netns exec web sysctl -qw net.ipv6.conf.eth0.accept_ra=1", "accept_ra in"),
    *both(Change("a container heeds redirects",
                 "ip netns exec web sysctl -qw net.$family.conf.eth0.accept_redirects=1", "accept_redirects in web")),
    Change("a container has no IPv6", "ip netns exec web sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1",
           "disable_ipv6 in web"),
    Change("a setting that was asked for", "ip netns exec web sysctl -qw net.ipv4.ip_default_ttl=9", by=APPLIED),
]

FILES = [
    Change("a namespace is gone", "ip netns delete third", "third"),
    Change("the mark of a namespace is cut", "sed -i 2d /run/mooring/netns/third", "record which namespace",
           settled=True),
    Change("a name leads elsewhere", "sed -i s/10.20.0.11/10.20.0.99/ /etc/netns/source/hosts", "hosts of source"),
    Change("a name is gone", "sed -i /10.20.0.11/d /etc/netns/source/hosts", "hosts of source"),
    Change("a container is called otherwise", "echo other >/etc/netns/source/hostname", "hostname of source"),
    Change("a name of a neighbour is gone", "sed -i '/\tthird$/d' /etc/netns/source/hosts", "hosts of source",
           settled=True, about="front"),
    Change("an alias of a neighbour is another one", "sed -i s/client/server/ /etc/netns/target/hosts",
           "hosts of target", settled=True, about="front"),
    Change("an end with aliases has lost its alias", "ip link set $source alias ''", "veth"),
    Change("another name server", "sed -i s/^nameserver.*/nameserver\\ 192.0.2.99/ /etc/netns/source/resolv.conf",
           "resolv.conf of source"),
    Change("a resolv.conf is gone", "rm /etc/netns/source/resolv.conf", "source"),
    Change("the names of a container are gone", "rm -r /etc/netns/source", by=APPLIED),
    Change("the record of names is gone", "rm /run/mooring/links", "record the names", settled=True),
    Change("the record of names says otherwise", "sed -i s/10.20.0.11/10.20.0.99/ /run/mooring/links",
           "record the names", settled=True),
]


def rules(*changes):
    return [each for change in changes for each in both(replace(change, settled=True))]


RULES = [
    *rules(
        Change("a bridge's drop accepts", Swap("filter", "front unpublished", "-j DROP", "-j ACCEPT"),
               "MOORING-IN-front", probed=True),
        Change("a bridge's drop asks for more", Swap("filter", "front unpublished", "-m comment ",
                                                     "-m mark --mark 0x9 -m comment "),
               "MOORING-IN-front", probed=True),
        Change("a bridge's drop asks for another interface", Swap("filter", "front unpublished", "-m comment",
                                                                  "-o lo -m comment"),
               "MOORING-IN-front", probed=True),
        Change("what leads to a bridge leads elsewhere", Swap("filter", "front in ", "-o front", "-o other"),
               "MOORING-(FORWARD|TOWARDS)"),
        Change("an internal bridge lets out", Swap("filter", "inner internal out", "-j DROP", "-j ACCEPT"),
               "MOORING-LEAVING"),
        Change("an internal bridge lets in", Swap("filter", "inner internal in ", "-o inner", "-o other"),
               "MOORING-ENTERING"),
        Change("an internal bridge leads elsewhere", Swap("raw", "inner to elsewhere", "-j DROP", "-j RETURN"),
               "MOORING-STAY-inner"),
        Change("an internal bridge leads to the host", Swap("raw", "inner to the host", "-j DROP", "-j RETURN"),
               "MOORING-STAY-inner"),
        Change("an internal bridge leads to published ports", Swap("nat", "inner internal", "-i inner", "-i other"),
               "MOORING-DNAT"),
        Change("a jump is a goto", Swap("filter", "front own containers", "-j MOORING-ICC-front",
                                        "-g MOORING-ICC-front"), "MOORING-IN-front"),
        Change("replies are new connections too", Swap("filter", "front replies", "RELATED,ESTABLISHED",
                                                       "NEW,RELATED,ESTABLISHED"),
               "MOORING-IN-front", probed=True),
        Change("neighbours accept", Swap("filter", "back icc off", "-j DROP", "-j ACCEPT"),
               "MOORING-ICC-back", probed=True),
        Change("a link opens another port", Swap("filter", "source link", "--dport 5432", "--dport 80"),
               "MOORING-ICC-back", probed=True),
        Change("a link opens another protocol", Swap("filter", "source link", "-p tcp -m tcp", "-p udp -m udp"),
               "MOORING-ICC-back"),
        Change("others are let through", Swap("filter", "forwarding between others", "-j DROP", "-j ACCEPT"),
               "MOORING-OTHERS", probed=True),
        Change("addresses are reached directly", Swap("raw", "front direct access", "-j DROP", "-j RETURN"),
               "MOORING-DIRECT"),
        Change("only one address is not reached directly", Swap("raw", "front direct access", "! --dst-type",
                                                                "--dst-type"), "MOORING-DIRECT"),
        Change("a list lets everything out", Swap("mangle", "back to nowhere else", "-j DROP", "-j ACCEPT"),
               "MOORING-LIST"),
        Change("a list is for another container",
               Swap("mangle", "limit back", "--physdev-in veth", "--physdev-in xeth"), "MOORING-FROM-back"),
        Change("the notes of a list tell another one", Swap("mangle", "entries 192.0.2.53:53", "-m comment",
                                                            "-i lo -m comment"), "MOORING-ENTRIES"),
        Change("a hook of mangle is gone", "$tool -t mangle -D PREROUTING 1", "jump from PREROUTING"),
        Change("the rules of mangle are gone", "$tool-save -t mangle | grep -vi mooring | $tool-restore",
               "rules of .* removed"),
        Change("forged sources pass", Swap("raw", "forged source", "-j DROP", "-j ACCEPT"), "MOORING-FORGED"),
        Change("a port leads elsewhere", Swap("nat", "web ", "$published", "$stranger"), "MOORING-TCP"),
        Change("another port is open", Swap("nat", "web ", "--dport 8080", "--dport 8099"), "MOORING-TCP"),
        Change("a port is open to some", Swap("nat", "web ", "-p tcp", "-i lo -p tcp"), "MOORING-TCP"),
        Change("another source", Swap("nat", "back source ", "--to-source $outbound", "--to-source $other"),
               "MOORING-SNAT"),
        Change("no source", Swap("nat", "back source ", "-j SNAT", "-m mark --mark 0x9 -j SNAT"),
               "MOORING-SNAT"),
        Change("no masquerade", Swap("nat", "front masquerade", "-j MASQUERADE", "-j RETURN"), "MOORING-SNAT"),
        Change("a hook leads nowhere", Swap("filter", "FORWARD", "-j MOORING-FORWARD", "-j ACCEPT"),
               "jump", probed=True),
        Change("a hook asks for more", Swap("filter", "FORWARD", "-m comment", "-i lo -m comment"), "jump",
               probed=True),
        Change("a hook asks for less", Swap("nat", "PREROUTING", "-m addrtype --dst-type LOCAL ", ""), "jump"),
        Change("a hook is gone", "$tool -D FORWARD 1", "jump from FORWARD", probed=True),
        Change("a hook is there twice", "$tool -I FORWARD -m comment --comment mooring -j MOORING-FORWARD", "jump"),
        Change("a hook is elsewhere", "$tool -A THEIRS -m comment --comment mooring -j MOORING-FORWARD", "THEIRS"),
        Change("a hook of raw is gone", "$tool -t raw -D PREROUTING 1", "jump from PREROUTING"),
        Change("a hook is not the last", "$tool -D FORWARD $($tool -S FORWARD | grep -c '^-A'); "
               "$tool -I FORWARD 2 -m comment --comment mooring -j MOORING-OTHERS", "jump"),
        Change("a chain is empty", "$tool -F MOORING-IN-front", "MOORING-IN-front", probed=True),
        Change("a chain lacks a rule", "$tool -D MOORING-IN-front 1", "MOORING-IN-front"),
        Change("a chain has a rule more", "$tool -I MOORING-IN-front -j ACCEPT", "MOORING-IN-front",
               probed=True),
        Change("a chain is in another order",
               "rule=$($tool-save -t filter | grep -- '-A MOORING-IN-front .*unpublished'); "
               "n=$($tool -S MOORING-IN-front | grep -c '^-A'); $tool -D MOORING-IN-front $n; "
               "rule=$(printf %s \"$rule\" | sed 's/^-A MOORING-IN-front/-I MOORING-IN-front 1/'); "
               "printf '%s\\n' '*filter' \"$rule\" COMMIT | $tool-restore -n", "MOORING-IN-front"),
        Change("a chain of others is called like one", "$tool -N MOORING-IN-other; $tool -A MOORING-IN-other -j ACCEPT",
               "added MOORING-IN-other"),
        Change("the rules of raw are gone", "$tool-save -t raw | grep -vi mooring | $tool-restore",
               "rules of .*front.* removed"),
    ),
    Change("the rules of filter are gone", FILTER_GONE, "rules of .*removed", probed=True),
    # What links open the rules of the other family tell, and no port is open at an IPv6 address of a container.
    Change("the rules of filter are gone", FILTER_GONE, "rules of .*removed", settled=True, probed=True, family=V6),
    *both(Change("the rules of nat are gone", "$tool-save -t nat | grep -vi mooring | $tool-restore",
                 "rules of .* removed")),
    *both(Change("a published port is gone", "$tool -t nat -D $($tool -t nat -S | grep 'web .*8080' | head -1 | "
                 "cut -d' ' -f2) 1", by=APPLIED)),
]

CHANGES = [replace(change, kind=kind) for kind, changes in (
    ("links", LINKS), ("addresses", ADDRESSING), ("settings", SETTINGS), ("files", FILES), ("rules", RULES))
           for change in changes]

DOCUMENT = {
    "networks": [
        {"name": "back", "bip": f"{BACK}/24", "bip6": f"{BACK6}/64", "icc": False, "mac_address": "02:00:00:00:00:20",
         "outbound_address": BOX_NEIGHBOUR, "outbound_address_v6": BOX_NEIGHBOUR6, "container_names": True,
         "containers": [
             {"name": "source", "address": ADDRESSES["source"][0], "address_v6": ADDRESSES["source"][1],
              "links": ["target:db"], "aliases": ["client"], "dns_servers": ["192.0.2.53"], "hostname": "source"},
             {"name": "target", "address": ADDRESSES["target"][0], "address_v6": ADDRESSES["target"][1],
              "exposed_ports": ["5432"], "allow_to": ["192.0.2.53:53", "[2001:db8:53::/48]:443/tcp"]},
             {"name": "third", "address": ADDRESSES["third"][0], "address_v6": ADDRESSES["third"][1]}]},
        {"name": "front", "bip": f"{FRONT}/24", "bip6": f"{FRONT6}/64", "mtu": 1450, "stp": False, "containers": [
            {"name": "web", "address": ADDRESSES["web"][0], "address_v6": ADDRESSES["web"][1],
             "published_ports": ["8080:80", "127.0.0.1:8081:81"], "sysctls": {"net.ipv4.ip_default_ttl": 70}},
            {"name": "shop", "address": ADDRESSES["shop"][0], "address_v6": ADDRESSES["shop"][1],
             "mac_address": "02:00:00:00:00:11", "bandwidth": {"ingress": "80mbit", "egress": "90mbit"}},
            {"name": "adopted", "adopt": True}]},
        {"name": "plain", "bip": f"{PLAIN}/24", "gateway_mode": "routed", "containers": [
            {"name": "routed", "address": ADDRESSES["routed"][0], "published_ports": ["80"]}]},
        {"name": "inner", "bip": "10.41.0.1/24", "bip6": "2001:db8:41::1/64", "internal": True}],
    "veth_pairs": [{"name": "pair0", "addresses": ["10.66.0.1/24"], "mtu": 1400, "mac_address": "02:00:00:00:00:66",
                    "routes": [{"destination": "10.67.0.0/24", "gateway": "10.66.0.2"}],
                    "peer": {"name": "pair1", "bridge": "theirs"}}]}
