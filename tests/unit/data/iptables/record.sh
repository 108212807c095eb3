#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Record what iptables-save says of our rules among those of others: `unshare --net ./record.sh` (root), in this folder.
set -eu
cd "$(dirname "$0")"
for backend in nft legacy; do
    for pair in iptables:v4:published_ports ip6tables:v6:ipv6; do
        name=${pair%%:*} scenario=${pair##*:}
        family=${pair#*:}
        family=${family%:*}
        tool=/usr/sbin/$name-$backend
        "$tool" -N OTHERS
        "$tool" -A INPUT
        "$tool" -A INPUT -p tcp --dport 22 -m comment --comment 'says "mooring" -> yes' -j ACCEPT
        "$tool" -A FORWARD -m comment --comment mooring -j OTHERS
        "$tool" -A FORWARD -m comment --comment 'mooring:web 0.0.0.0:1->10.0.0.1:1/tcp' -j ACCEPT
        "$tool" -A OTHERS -j RETURN
        "$tool" -t nat -A POSTROUTING -m comment --comment "not ours" -j MASQUERADE
        "$tool-restore" --noflush <"../rulesets/$scenario.$family.rules"
        "$tool" -t nat -I POSTROUTING 1 -p tcp -m comment --comment "in front of ours" -j RETURN
        "$tool-save" >"$backend.$family.save"
    done
done
