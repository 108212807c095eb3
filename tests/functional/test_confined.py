# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are containers, in which root may not do everything: what is missing is said, and what to do.

Also runs that are in a mount namespace of their own, and see another /run/netns than the host.
"""
import json
import sys

import pytest
from containers import box, once
from pipeline import CHECKOUT

DOCUMENT = [{"name": "br0", "bip": "10.9.0.1/24", "containers": [{"name": "web"}]}]
MODULE = "ansible_collections.mooring.net.plugins.modules.host_network"
pytestmark = once


@pytest.fixture(scope="module")
def here():
    with box() as found:
        yield found


@pytest.fixture(scope="module")
def built():
    """A host that has all of the document."""
    with box() as found:
        found.run("host_network", networks=DOCUMENT)
        yield found


def told(here, prepare, check=False):
    """The result of the module where the shell that starts it has been prepared by a script; nothing of it stays."""
    here.host.path("/opt").mkdir(exist_ok=True)
    here.host.path("/opt/arguments.json").write_text(json.dumps(
        {"ANSIBLE_MODULE_ARGS": {"networks": DOCUMENT, "_ansible_check_mode": check}}), encoding="ascii")
    words = f"env PYTHONPATH={CHECKOUT}/.collections {sys.executable} -m {MODULE} /opt/arguments.json"
    done = here.host.run(["sh", "-ec", f"{prepare} {words}"], check=False)
    return {"msg": "", **json.loads(done.stdout)}


def without(capability):
    return f"exec setpriv --bounding-set=-{capability} --inh-caps=-{capability} --"


def read_only(folder):
    """As an engine starts a container: for the whole host. Mounts below the folder are hidden."""
    return (f"mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}; "
            f"trap 'umount {folder}' EXIT;")


def apart(script=":", propagation="private"):
    """In a mount namespace of its own, which ends with the module, and what a script has mounted in it before."""
    return f"exec unshare --mount --propagation={propagation} -- sh -ec '{script}; exec \"$@\"' -"


HIDING = apart("mkdir -p /run/netns; mount -t tmpfs -o mode=755 tmpfs /run/netns")
UNSEEN, UNHEARD = "/run/netns is not that of the host here", "what is mounted below /run/netns here does not reach"
SYSCTLS, NAMES = "/proc/sys is mounted read-only here", "/run/netns is mounted read-only here"


@pytest.mark.parametrize(("prepare", "said"), [
    (without("net_admin"), "root has not the capability CAP_NET_ADMIN here"),
    (without("sys_admin"), "root has not the capability CAP_SYS_ADMIN here"),
    (read_only("/proc/sys"), SYSCTLS), (read_only("/run/netns"), NAMES),
    (HIDING, UNSEEN), (apart(), UNHEARD), (apart(propagation="slave"), UNHEARD),
], ids=["net_admin", "sys_admin", "sysctls", "netns", "hidden", "private", "slave"])
def test_what_is_missing_is_said_and_nothing_is_left(here, prepare, said):
    result = told(here, prepare)
    assert result["failed"] and said in result["msg"] and "bug" not in result["msg"], result
    assert not any(here.run("network_info")["network"].values())


@pytest.mark.parametrize(("prepare", "said"), [
    (without("sys_admin"), "root has not the capability CAP_SYS_ADMIN"), (read_only("/proc/sys"), SYSCTLS),
    (apart(), UNHEARD),
], ids=["sys_admin", "sysctls", "private"])
def test_a_preview_says_it_as_well(here, prepare, said):
    result = told(here, prepare, check=True)
    assert result["actions"] and not result["msg"], result
    assert f"a run may be refused what it needs: {said}" in str(result["warnings"])


def test_a_container_of_nspawn_lacks_nothing(here):
    """Of /proc/sys it may write to net alone, and that is all that is written to."""
    result = told(here, "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; "
                        "mount --bind /proc/sys/net /proc/sys/net; mount -o remount,rw,bind /proc/sys/net; "
                        "trap 'umount /proc/sys/net /proc/sys' EXIT;", check=True)
    assert result["actions"] and not result.get("warnings"), result


def test_a_preview_of_what_cannot_be_seen_is_none(here):
    assert UNSEEN in told(here, HIDING, check=True)["msg"]


def test_mounts_that_reach_the_host_are_as_good_as_its_own(here):
    assert told(here, apart(propagation="shared"))["changed"]
    assert here.unchanged("host_network", networks=DOCUMENT)
    assert here.host.run(["ping", "-c1", "-W2", "10.9.0.2"])
    here.run("host_network", networks=[], exclusive=True)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("prepare", [read_only("/proc/sys"), apart()], ids=["sysctls", "private"])
def test_where_nothing_is_to_be_done_nothing_is_missing(built, prepare, check):
    result = told(built, prepare, check)
    assert result["actions"] == [] and not result.get("warnings"), result


@pytest.mark.parametrize(("prepare", "said"), [(HIDING, UNSEEN), (read_only("/run/netns"), "is hidden")],
                         ids=["hidden", "netns"])
def test_a_name_that_is_hidden_does_not_end_its_container(built, prepare, said):
    """Also where it is the same folder, without what is mounted below it."""
    before = built.inode("/run/netns/web"), built.json("link")
    assert said in told(built, prepare)["msg"]
    assert (built.inode("/run/netns/web"), built.json("link")) == before
    assert built.host.run(["ping", "-c1", "-W2", "10.9.0.2"])


def test_a_sysctl_that_is_as_it_is_to_be_need_not_be_set(here):
    """A bridge comes with the kernel's values, and with what the host says of all new interfaces."""
    here.sh("""sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.disable_ipv6=1
        ip netns add web; ip netns exec web sysctl -qw net.ipv4.conf.all.accept_redirects=0 \
            net.ipv4.conf.default.accept_redirects=0 net.ipv6.conf.default.disable_ipv6=1""")
    result = told(here, read_only("/proc/sys"))
    assert result["changed"] and not result["msg"], result
    assert here.host.run(["ping", "-c1", "-W2", "10.9.0.2"])
    assert here.unchanged("host_network", networks=DOCUMENT)
