# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are containers, in which root may not do everything: what is missing is said, and what to do."""
import sys

import pytest
from containers import box, once, play

DOCUMENT = [{"name": "br0", "bip": "10.9.0.1/24", "containers": [{"name": "web"}]}]
pytestmark = once


@pytest.fixture(scope="module")
def here():
    with box() as found:
        yield found


def told(here, prepare, *arguments):
    """What the module says where the Python that runs it has been prepared by a script; nothing of it stays."""
    script = f"#!/bin/sh\n{prepare} {sys.executable} \"$@\"\n"
    here.host.path("/opt").mkdir(exist_ok=True)
    here.host.path("/opt/python").write_text(script, encoding="ascii")
    here.host.path("/opt/python").chmod(0o755)
    output, counts = play(here, "mooring.net.site", *arguments, container_networks=DOCUMENT,
                          ansible_python_interpreter="/opt/python")
    return " ".join(output.split()), counts["failed"]


def without(capability):
    return f"exec setpriv --bounding-set=-{capability} --inh-caps=-{capability} --"


def read_only(folder):
    script = f'mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}; exec "$@"'
    return f"exec unshare --mount -- sh -ec '{script}' -"


@pytest.mark.parametrize(("prepare", "said"), [
    (without("net_admin"), "root has not the capability CAP_NET_ADMIN here"),
    (without("sys_admin"), "root has not the capability CAP_SYS_ADMIN here"),
    (read_only("/proc/sys"), "/proc/sys is mounted read-only here"),
    (read_only("/run/netns"), "/run/netns is mounted read-only here"),
], ids=["net_admin", "sys_admin", "sysctls", "netns"])
def test_what_is_missing_is_said_and_nothing_is_left(here, prepare, said):
    output, failed = told(here, prepare)
    assert failed == 1 and said in output and "Traceback" not in output, output
    assert not any(here.run("network_info")["network"].values())


def test_a_container_of_nspawn_lacks_nothing(here):
    """Of /proc/sys it may write to net alone, and that is all that is written to."""
    script = "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; " \
             "mount --bind /proc/sys/net /proc/sys/net; mount -o remount,rw,bind /proc/sys/net; exec \"$@\""
    output, failed = told(here, f"exec unshare --mount -- sh -ec '{script}' -", "--check")
    assert failed == 0 and "may be refused" not in output and "read-only" not in output, output


def test_a_preview_says_it_as_well(here):
    output, failed = told(here, without("sys_admin"), "--check")
    assert failed == 0 and "a run may be refused what it needs: root has not the capability CAP_SYS_ADMIN" in output
