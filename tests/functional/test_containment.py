# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of containers are touched with the rights of the container, and none of them keeps the host waiting."""
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from containers import Engine, box, once
from pipeline import CHECKOUT, PipelineError

pytestmark = once

ATTACKER = Path(__file__).parent / "attacker.py"
USER = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
OWN = ["unshare", "--net", "--mount", "--uts"]
OWN_USER = [*OWN, "--user", "--map-root-user"]
PATIENCE = 30  # seconds after which a run has waited; what may be waited for are a few
VICTIM, SECRET = "/srv/victim", "/srv/secret"
SLEEP = "exec sleep 1000000"
WAIT = "mkfifo /srv/u/$$; echo $$; read go </srv/u/$$"  # for somebody who writes there


@pytest.fixture(scope="module")
def here():
    with box("docker") as found:
        found.run("docker_bridge", name="br0", bip="10.9.0.1/24")
        found.sh("mkdir -p /srv/u; chown 1000:1000 /srv/u; mknod -m 666 /srv/fuse c 10 229")
        yield found


@pytest.fixture
def start(here):
    """Starts a process as who is said, with namespaces of its own, after a script; its pid."""
    with contextlib.ExitStack() as stack:
        yield lambda script, words: started(stack, here, [*words, "sh", "-ec", f"{script}\necho $$\n{SLEEP}"])


def started(stack, here, words):
    process = here.host.popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    stack.callback(process.stdout.close)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return int(process.stdout.readline())


@pytest.fixture
def victim(here):
    """Files of the host: one that everybody may read, and one that nobody may."""
    here.sh(f"echo untouched >{VICTIM}; chmod 644 {VICTIM}; echo secret >{SECRET}; chmod 600 {SECRET}; umask 022")
    yield lambda: here.sh(f"cat {VICTIM} {SECRET}") == "untouched\nsecret\n"


def etc(*files):
    """A script that gives a container an /etc of its own, with files of the host mounted over those in it."""
    lines = ["mount -t tmpfs tmpfs /etc", *(f"touch /etc/{name}" for name in ("hosts", "hostname", "resolv.conf"))]
    return "\n".join([*lines, *(f"mount --bind {source} /etc/{name}" for name, source in files)])


def refused(here, pid, **options):
    with pytest.raises(PipelineError) as caught:
        here.run("container_dns", pid=pid, name="evil", **options)
    return str(caught.value)


def follow(here):
    """Run the program that follows the host's resolv.conf."""
    script = "from ansible_collections.mooring.net.plugins.module_utils._internal.names import follow; follow.main()"
    here.host.run(["env", f"--chdir={CHECKOUT}/.collections", sys.executable, "-c", script], check=False)


# Rights


def test_a_container_of_an_unprivileged_user_gets_its_names(here, start):
    """Root in there is uid 1000 out here, and may write the files of uid 1000."""
    pid = start(f"{etc()}\nhostname inner", [*USER, *OWN_USER])
    here.run("netns_attach", pid=pid, name="mine", bridge="br0")
    before = here.sh("cat /etc/hosts; hostname")
    here.run("container_dns", pid=pid, name="mine", hostname="front", dns_servers=["10.9.0.1"])
    enter = f"nsenter --target {pid} --user --mount --uts --preserve-credentials"
    seen = here.sh(f"{enter} cat /etc/hosts /etc/hostname /etc/resolv.conf; {enter} hostname")
    assert "\tfront\n" in seen and "nameserver 10.9.0.1" in seen and seen.endswith("front\n")
    assert here.sh(f"stat -c '%u %g' /proc/{pid}/root/etc/hosts") == "1000 1000\n"
    assert here.unchanged("container_dns", pid=pid, name="mine", hostname="front", dns_servers=["10.9.0.1"])
    here.run("container_dns", pid=pid, name="mine", state="absent")
    assert here.sh(f"{enter} cat /etc/hosts /etc/resolv.conf") == "" and here.sh("cat /etc/hosts; hostname") == before
    here.run("netns_attach", pid=pid, name="mine", state="absent")


@pytest.mark.parametrize("name", ["hosts", "hostname", "resolv.conf"])
def test_a_file_of_the_host_that_is_mounted_over_a_containers_own_is_not_written(here, start, victim, name):
    pid = start(etc((name, VICTIM)), [*USER, *OWN_USER])
    message = refused(here, pid)
    assert message.startswith(f"names of evil: pid: '{pid}' cannot get a {name}: /proc/{pid}/root/etc/{name} cannot be "
                              "written with the rights of the container itself. Give the container a plain file of its")
    assert victim()


@pytest.mark.parametrize("name", ["hosts", "resolv.conf"])
def test_nor_is_it_cleaned_up(here, start, name):
    """What is in it looks like ours, and is to be taken away."""
    mark = json.dumps({"container": "evil"}, separators=(",", ":"))
    here.sh(f"printf '%s\\n' '# mooring:{name} {mark}' '# mooring:end' '10.1.1.1 other' >{VICTIM}; chmod 644 {VICTIM}")
    before = here.sh(f"cat {VICTIM}")
    pid = start(etc((name, VICTIM)), [*USER, *OWN_USER])
    here.run("container_dns", pid=pid, name="evil", state="absent")
    assert here.sh(f"cat {VICTIM}") == before and f"mooring:{name}" in before


def test_nor_is_a_mark_there_that_says_it_was_ours(here, start, victim):
    """What the mark would give back as the host name is what the container wrote into it."""
    mark = json.dumps({"container": "evil", "hostname": "untouched", "hostname_was": "pwned\\n"}, separators=(",", ":"))
    pid = start(f"{etc(('hostname', VICTIM))}\nprintf '%s\\n' '# mooring:hosts {mark}' '# mooring:end' >/etc/hosts",
                [*USER, *OWN_USER])
    here.run("container_dns", pid=pid, name="evil", state="absent")
    assert victim()


def test_a_file_that_the_container_may_not_read_is_not_read(here, start, victim):
    pid = start(etc(("hosts", SECRET)), [*USER, *OWN_USER])
    message = refused(here, pid)
    assert "/etc/hosts cannot be read with the rights of the container itself: Permission denied" in message
    assert "secret" not in message and victim()


def test_a_file_is_not_made_where_the_container_may_make_none(here, start, victim):
    here.sh("mkdir -p /srv/empty")
    pid = start("mount --bind /srv/empty /etc", [*USER, *OWN_USER])
    assert "/etc/hosts is not there, and cannot be made with the rights of the container itself" in refused(here, pid)
    assert here.sh("ls -A /srv/empty") == "" and victim()


SAME = f"sh -c 'echo $$; {SLEEP}'"
INNER = {
    "without root": ([*USER, *OWN, "--user", "--map-user=1000", "--map-group=1000", "--keep-caps"], ""),
    "within another one": ([*USER, *OWN_USER], f"exec unshare --user --map-root-user {SAME}"),
    "with its mounts within another one": ([*USER, *OWN_USER], f"exec unshare --user --map-root-user --mount {SAME}"),
}


@pytest.mark.parametrize("kind", INNER)
def test_every_kind_of_user_namespace(here, start, victim, kind):
    words, then = INNER[kind]
    pid = start(f"{etc(('resolv.conf', VICTIM))}\n{then}", words)
    assert "resolv.conf cannot be written with the rights of the container itself" in refused(here, pid)
    assert victim()
    other = start(f"{etc()}\n{then}", words)
    here.run("container_dns", pid=other, name="good", dns_servers=["192.0.2.1"])
    assert "nameserver 192.0.2.1" in here.sh(f"cat /proc/{other}/root/etc/resolv.conf")
    here.run("container_dns", pid=other, name="good", state="absent")


def test_a_root_directory_that_a_user_chose(here, start, victim):
    """The mounts are those that root made, and it is the process that says where its root directory is."""
    here.sh("mkdir -p /srv/rootfs/bin /srv/rootfs/etc; cp /bin/busybox /srv/rootfs/bin; cd /srv/rootfs/etc; "
            f"cp {VICTIM} hosts; touch hostname resolv.conf")
    before = here.sh("cat /srv/rootfs/etc/*")
    chroot = "chroot /srv/rootfs /bin/busybox sleep 1000000"
    pid = start(f"echo $$; exec unshare --user --map-root-user {chroot}", [*OWN, *USER])
    soon_in(here, pid, "/srv/rootfs")
    assert "hosts cannot be written with the rights of the container itself" in refused(here, pid)
    assert here.sh("cat /srv/rootfs/etc/*") == before


def soon_in(here, pid, folder):
    here.sh(f"until test /proc/{pid}/root -ef {folder}; do sleep 0.02; done")


def test_mounts_of_a_user_that_root_is_in(here, start, victim):
    """A process of root's that has entered the mounts of somebody else sees what that one put there."""
    user = start(etc(("hosts", VICTIM)), [*USER, *OWN_USER])
    pid = start("", ["nsenter", f"--mount=/proc/{user}/ns/mnt", "unshare", "--net", "--uts"])
    assert "hosts cannot be written with the rights of the container itself" in refused(here, pid)
    assert victim()


def test_the_name_of_another_container_is_not_set(here, start):
    """Who is in the UTS namespace of somebody else has no right to change the name there."""
    outer = start("hostname theirs", OWN)
    pid = start(etc(), ["nsenter", f"--uts=/proc/{outer}/ns/uts", *USER, "unshare", "--net", "--mount", "--user",
                        "--map-root-user"])
    result = here.run("container_dns", pid=pid, name="evil", hostname="pwned")
    assert here.sh(f"nsenter --target {outer} --uts hostname") == "theirs\n"
    assert any("not its own to set" in text for text in result["warnings"])
    here.run("container_dns", pid=pid, name="evil", state="absent")
    assert here.sh(f"nsenter --target {outer} --uts hostname") == "theirs\n"


def test_a_process_of_a_user_with_mounts_that_root_made(here, start):
    """As in a container of Docker that runs as a user: root made its mounts, and its /etc/hosts is root's."""
    pid = start(f"{etc()}\nexec setpriv --reuid=1000 --regid=1000 --clear-groups sh -c 'echo $$; {SLEEP}'", OWN)
    here.run("netns_attach", pid=pid, name="user", bridge="br0")
    here.run("container_dns", pid=pid, name="user", hostname="front")
    assert "\tfront\n" in here.sh(f"cat /proc/{pid}/root/etc/hosts")
    here.run("container_dns", pid=pid, name="user", state="absent")
    here.run("netns_attach", pid=pid, name="user", state="absent")


def test_the_program_that_follows_the_host_has_no_more_rights(here, start, victim):
    """The file becomes one of the host after the container has got its names, and says that it is still ours."""
    here.sh("cp /etc/resolv.conf /srv/resolv.conf; echo 'nameserver 192.0.2.1' >/etc/resolv.conf")
    pid = start(f"{etc()}\n{WAIT}; mount --bind {VICTIM} /etc/resolv.conf; {SLEEP}", [*USER, *OWN_USER])
    here.run("container_dns", pid=pid, name="evil")
    here.sh(f"cat /proc/{pid}/root/etc/resolv.conf >{VICTIM}; echo >/srv/u/{pid}")
    here.sh(f"until grep -q ' /srv/victim /etc/resolv.conf ' /proc/{pid}/mountinfo; do sleep 0.02; done")
    before = here.sh(f"cat {VICTIM}; echo 'nameserver 192.0.2.2' >/etc/resolv.conf")
    assert "mooring:resolv.conf" in before
    follow(here)
    here.run("icc_policy", bridge="br0", icc=True)
    assert here.run("network_info")["network"]["drift"] == []
    assert here.sh(f"cat {VICTIM}") == before
    here.sh("cp /srv/resolv.conf /etc/resolv.conf; rm -r /run/mooring/dns")


# Waiting


class Attackers:
    """Programs of attacker.py in namespaces of their own."""

    def __init__(self, here):
        self.here, self.stack, self.stopped = here, contextlib.ExitStack(), False

    def __call__(self, script, *arguments, words=OWN):
        """Start one, after a script; its pid."""
        return started(self.stack, self.here, [
            *words, "sh", "-ec", f"{script}\nexec {sys.executable} {ATTACKER} {' '.join(arguments)}"])

    def stop(self):
        self.stopped = True
        self.stack.close()

    def run(self, module, **params):
        return self.watched(lambda: self.here.run(module, **params))

    def watched(self, run):
        """What a run returns. One that waits for a program goes on once all are stopped, and has failed the test."""
        late = threading.Timer(PATIENCE, self.stop)
        late.start()
        try:
            return run()
        finally:
            late.cancel()
            late.join()
            assert not self.stopped, "the run waited for a container"


@pytest.fixture
def attackers(here):
    found = Attackers(here)
    yield found
    found.stop()


USERS = {"root": OWN, "user": [*USER, *OWN_USER]}
FUSE = {"opened": "open", "looked at": "getattr"}


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("when", FUSE)
def test_a_file_that_does_not_answer(here, attackers, who, when):
    pid = attackers(etc(), "fuse", "/etc/hosts", FUSE[when], words=USERS[who])
    with pytest.raises(PipelineError, match=f"pid: '{pid}' cannot get a hosts: .*/root/etc/hosts did not answer"):
        attackers.run("container_dns", pid=pid, name="evil")
    attackers.run("container_dns", pid=pid, name="evil", state="absent")


@pytest.mark.parametrize("who", USERS)
def test_a_lease(here, attackers, who):
    pid = attackers(etc(), "lease", "/etc/hosts", words=USERS[who])
    with pytest.raises(PipelineError, match=f"pid: '{pid}' cannot get a hosts: .*/etc/hosts is held by a lease"):
        attackers.run("container_dns", pid=pid, name="evil")


def test_many_that_do_not_answer_cost_what_one_costs_and_nobody_else_his_names(here, attackers):
    """They get their names, and mount something over them then."""
    count = 30
    pids = [attackers(f"{etc()}\n{WAIT}", "fuse", "/etc/resolv.conf", words=USERS["user" if number % 2 else "root"])
            for number in range(count)]
    good = attackers(f"{etc()}\necho $$; {SLEEP}", "")
    config = [{"pid": pid, "name": f"c{pid}"} for pid in (*pids, good)]
    here.sh("cp /etc/resolv.conf /srv/resolv.conf; echo 'nameserver 192.0.2.1' >/etc/resolv.conf")
    try:
        attackers.run("container_dns", config=config)
        for pid in pids:
            here.sh(f"echo >/srv/u/{pid}")
        here.sh("".join(f"until grep -q ' /etc/resolv.conf .* fuse' /proc/{pid}/mountinfo; do sleep 0.02; done\n"
                        for pid in pids))
        info = attackers.run("network_info")
        for pid in pids:
            assert any(f"c{pid}" in text and "did not answer" in text for text in info["warnings"])
        here.sh("echo 'nameserver 192.0.2.2' >/etc/resolv.conf")
        attackers.run("host_network", networks=[{"name": "br0", "bip": "10.9.0.1/24"}])
        assert "nameserver 192.0.2.2" in here.sh(f"cat /proc/{good}/root/etc/resolv.conf")
        here.sh("echo 'nameserver 192.0.2.3' >/etc/resolv.conf")
        attackers.watched(lambda: follow(here))
        assert "nameserver 192.0.2.3" in here.sh(f"cat /proc/{good}/root/etc/resolv.conf")
    finally:
        here.sh("cp /srv/resolv.conf /etc/resolv.conf; rm -rf /run/mooring/dns")


def test_a_lease_in_a_container_of_an_engine(here, attackers):
    """Its hosts file is the engine's, on the host, and root in the container owns it all the same."""
    engine = Engine(here, "docker")
    engine.start("held")
    try:
        here.run("netns_attach", container="held", bridge="br0")
        here.run("container_dns", container="held", dns_servers=["192.0.2.1"])
        path = f"/proc/{engine.pid('held')}/root/etc/hosts"
        attackers("", "lease", path, words=[])
        info = attackers.run("network_info")
        assert any(re.search("hosts of held is left .* is held by a lease", text) for text in info["warnings"])
        with pytest.raises(PipelineError, match="container: 'held' cannot get a hosts: .* is held by a lease"):
            attackers.run("container_dns", container="held")
    finally:
        attackers.stop()
        engine.remove("held")
        here.run("container_dns", container="held", state="absent")
        here.run("netns_attach", container="held", state="absent")


@contextlib.contextmanager
def without_a_writer(here, path):
    """Fails the block where it waits for somebody to write to a FIFO. After a while, somebody opens it."""
    ended, waited = threading.Event(), []

    def release():
        while not ended.wait(0.1 if waited else PATIENCE):
            waited.append(path)
            with contextlib.suppress(OSError):
                os.close(os.open(here.host.path(path), os.O_RDWR | os.O_NONBLOCK))

    writer = threading.Thread(target=release)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()
        here.sh("rm -rf /srv/path /srv/u/path /srv/u/fifo /run/netns/bad")
        assert not waited, "the run waited for a writer"


PATHS = {
    "fifo": ("mkfifo /srv/u/path", "/srv/u/path"),
    "fifo of root's": ("mkfifo /srv/path", "/srv/path"),
    "fifo behind a link": ("mkfifo /srv/u/fifo; ln -s fifo /srv/u/path", "/srv/u/path"),
    "fifo under /run/netns": ("mkdir -p /run/netns; mkfifo /run/netns/bad", "/run/netns/bad"),
    "device": ("mknod /srv/path c 5 2", "/srv/path"),
    "file": ("touch /srv/path", "/srv/path"),
    "another namespace": ("ln -s /proc/1/ns/uts /srv/path", "/srv/path"),
}


@pytest.mark.parametrize("kind", PATHS)
def test_a_path_that_leads_to_no_namespace(here, kind):
    script, path = PATHS[kind]
    here.sh(script)
    with without_a_writer(here, path):
        with pytest.raises(PipelineError, match=f"netns_path: '{path}' has no network namespace that can be entered"):
            here.run("netns_attach", netns_path=path, name="bad", bridge="br0")
        here.run("network_info")
        here.run("netns_attach", netns_path=path, name="bad", state="absent")


def test_a_path_that_does_not_answer(here, attackers):
    here.sh("touch /srv/u/path")
    pid = attackers("", "fuse", "/srv/u/path", "getattr")
    with pytest.raises(PipelineError, match="has no network namespace that can be entered"):
        attackers.run("netns_attach", netns_path=f"/proc/{pid}/root/srv/u/path", name="bad", bridge="br0")


def test_a_name_that_leads_to_no_namespace(here):
    here.sh("mkdir -p /run/netns; mkfifo /run/netns/bad")
    with without_a_writer(here, "/run/netns/bad"):
        with pytest.raises(PipelineError, match="netns: 'bad' .* no namespace"):
            here.run("netns_attach", netns="bad", bridge="br0")
        here.run("netns_attach", netns="fine", bridge="br0")
        here.run("netns_attach", netns="fine", state="absent")


def test_a_lock_on_the_network_of_the_host(here, attackers):
    """A container with the network of the host, or any user, can lock its namespace."""
    attackers("", "lock", "/proc/self/ns/net", words=USER)
    attackers.run("docker_bridge", name="br0", bip="10.9.0.1/24")


@pytest.mark.parametrize("locks", ["locked it", "has it open from one that locked it and ended"])
def test_a_file_that_somebody_has_open(here, attackers, locks):
    """Who has locked the network of the host is looked for in what processes have open, whatever that is."""
    attackers(etc(), "fuse", "/etc/hosts", "getattr")
    script = f"exec 9</proc/self/ns/net; flock 9; echo $$; {SLEEP}"
    attackers(*(("", "lock", "/proc/self/ns/net") if locks == "locked it" else (script, "")), words=USER)
    attackers.run("docker_bridge", name="br0", bip="10.9.0.1/24")


def test_registered_paths_that_no_longer_answer(here, attackers):
    """They led to a namespace once. One that others may lead elsewhere, and do not, counts as before."""
    own = "touch /srv/u/$$; mount --bind /proc/self/ns/net /srv/u/$$"
    good = attackers(f"{own}\necho $$; {SLEEP}", "")
    evil = [attackers(f"{own}; mkfifo /srv/u/go$$; echo $$; read go </srv/u/go$$; mount --bind /dev/null /srv/u/$$",
                      "fuse", "/srv/u/$$", "getattr") for _number in range(8)]
    pids = {"good": good, **{f"evil{number}": pid for number, pid in enumerate(evil)}}
    config = [{"netns_path": f"/proc/{pid}/root/srv/u/{pid}", "name": name} for name, pid in pids.items()]
    here.run("netns_attach", config=config)
    try:
        for pid in evil:
            here.sh(f"echo >/srv/u/go{pid}; until grep -q ' /srv/u/{pid} .* fuse' /proc/{pid}/mountinfo; "
                    "do sleep 0.02; done")
        found = attackers.run("network_info")["network"]
        gone = {text.partition(":")[0] for text in found["leftovers"] if "leads nowhere" in text}
        assert gone == {f"/run/netns/evil{number}" for number in range(8)}
        assert not any("good" in text for text in (*found["leftovers"], *found["drift"]))
        assert attackers.run("netns_attach", netns="good", bridge="br0")["actions"] == []
        with pytest.raises(PipelineError, match="evil0"):
            attackers.run("netns_attach", netns="new", network_mode="container:evil0")
    finally:
        attackers.stop()
        here.run("netns_attach", state="absent", config=[{"netns": name} for name in (*pids, "new")])
