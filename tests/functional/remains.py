# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is kept on a test host, as text that is the same for two hosts on which the same is kept.

What the kernel numbers or counts is left out, and so are addresses that it chooses by chance. So are empty folders
below /etc/netns, which nothing looks at: one stays where a run is killed between its last file and the folder.
"""
import difflib
import re

_LINKS = """
ip -o link | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; s/ link.ether [^ ]* brd [^ ]*//' | sort
ip -o address | sed -E 's/^[0-9]+: //; s/(valid|preferred)_lft [a-z0-9]+//g' | grep -v fe80 | sort
ip route; ip -6 route | grep -v fe80
"""
_SCRIPT = f"""set +e
{_LINKS}
for name in $(ls /run/netns 2>/dev/null); do
    echo "namespace $name"
    ip netns exec $name sh -c "$0"
done
find /run/netns /run/mooring -mindepth 1 ! -path '/run/mooring/lock*' 2>/dev/null | sort
for file in $(find /etc/netns /run/mooring -type f ! -path '/run/mooring/lock*' 2>/dev/null | sort); do
    echo "file $file"
    sed -E 's/(inode|made|started|device)=[0-9]+//g; s/^[0-9]+$//' $file
done
echo "mounts: $(grep -c ' /run/netns ' /proc/self/mountinfo) $(grep -c ' /run/netns/' /proc/self/mountinfo)"
for program in iptables ip6tables; do $program-save | grep -v '^#' | sed -E 's/\\[[0-9]+:[0-9]+\\]//'; done
sysctl -a 2>/dev/null | grep -E '^net\\..*(forwarding|route_localnet|bridge-nf-call-ip6?tables) ' |
    grep -v '\\.veth' | sort
true
"""


def remains(here):
    """:param here: a box of containers.py"""
    text = here.host.run(["sh", "-c", _SCRIPT, _LINKS]).stdout
    return re.sub(r"state \w+|<[^>]*>|qdisc \w+| linkdown| mode DEFAULT", "", text)


def differences(expected, found):
    return "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), lineterm="", n=0))
