#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: host_program
short_description: Install the command mooring on a host
version_added: 1.0.0
description:
  - Installs the command C(mooring), and the units of systemd that run it. The command is the modules' own code in one
    file, C(/usr/local/lib/mooring/mooring.pyz). It needs no Ansible, and none of it stays in memory.
  - C(mooring show) shows the network of the host, C(mooring check) says what differs from what the host has been asked
    for, and C(mooring replay) brings it back to that.
  - Containers that Docker or Podman start later, by hand, by their restart policy or anew under the same name, are
    wired as soon as they run, where O(mooring.net.host_network#module:persist) was said. Path units of systemd watch
    where the engines have an entry for each container that runs, also for an engine that is installed later.
  - Brings what an earlier version of this collection has installed up to date.
  - Does nothing where systemd is not the first process, as RV(program.systemd) tells.
  - The roles P(mooring.net.host_network#role) and P(mooring.net.containers#role) use it.
extends_documentation_fragment:
  - mooring.net.attributes.system
  - mooring.net.task
options:
  state:
    description: Whether the program and its units are there. V(absent) stops them and removes all of it.
    type: str
    choices: [present, absent]
    default: present
  python:
    description:
      - The Python that runs the program. It needs jinja2 and pyroute2.
      - When it is not given, it is the one that runs the module if that has both, otherwise C(/usr/bin/python3).
    type: path
  follow_resolv_conf:
    description:
      - Whether the C(resolv.conf) of containers follows the host's C(/etc/resolv.conf), which a path unit of systemd
        watches. That is for containers that M(mooring.net.container_dns) or M(mooring.net.host_network) manages.
      - Without it that stays as it is, and is V(true) where the program is new.
    type: bool
  persist:
    description:
      - Whether units of systemd bring the network back when the host starts, and when somebody has removed the rules.
        They do so where the host has been asked for that, with O(mooring.net.host_network#module:persist).
      - When the host starts, all bridges are closed before any network is up, and the network is as it was before
        container engines start. Units with C(NetworkNamespacePath) can say C(After=mooring.target).
      - nftables, firewalld, ufw, netfilter-persistent and Docker get a drop-in, C(mooring.conf), by which they say that
        they have removed rules.
      - Without it that stays as it is, and is V(true) where the program is new.
    type: bool
  check_interval:
    description:
      - Seconds between two looks whether somebody has removed the rules without saying so, as C(iptables -F) does. A
        look takes some milliseconds, and no Python.
      - V(0) is for no such looks.
      - Without it that stays as it is, and is V(15) where the program is new.
    type: raw
seealso:
  - module: mooring.net.container_dns
  - module: mooring.net.host_network
"""

EXAMPLES = r"""
- name: Install the command, and let running containers follow the host's resolv.conf
  mooring.net.host_program:

- name: Remove it
  mooring.net.host_program:
    state: absent
"""

RETURN = r"""
program:
  description: What there is of the program afterwards, or in check mode now.
  returned: success
  type: dict
  contains:
    systemd:
      description: Whether systemd is the first process, without which there is no such program.
      type: bool
      returned: success
    present:
      description: Whether the program is there.
      type: bool
      returned: success
    installed:
      description: The digest of what was installed, empty where not all of it is as it was, or where its Python lacks
        what it needs.
      type: str
      returned: success
    python:
      description: The Python that runs the module.
      type: str
      returned: success
actions:
  description:
    - What was done, or in check mode would be done, in the words of the task.
    - Without C(-v) the first 20 are returned, and how many more there are.
  returned: success
  type: list
  elements: str
  sample: ["let systemd read its units again", "enable mooring-resolv.path and restart it"]
operations:
  description: What the kernel is told for that, one sentence for each operation, in order of execution.
  returned: success, with C(-vv)
  type: list
  elements: str
"""

from ansible_collections.mooring.net.plugins.module_utils._internal.run.installation import run_program_module


def main() -> None:
    run_program_module()


if __name__ == "__main__":
    main()
