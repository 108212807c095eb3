# SPDX-License-Identifier: GPL-3.0-or-later
"""The test hosts themselves: what they keep apart, and what is left of them."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import layers
import pytest
import testhosts
from containers import once
from testhosts import Host

pytestmark = once

SANDBOX = testhosts.HERE / "sandbox"
TESTHOST = testhosts.HERE / "testhost"
FORWARD = "/proc/sys/net/ipv4/ip_forward"
# What the collection, and its role for the Docker daemon, leave in the files of a host.
OURS = ["etc/netns/web/hosts", "etc/netns/web/resolv.conf", "usr/local/lib/mooring/dns/follow.py",
        "etc/systemd/system/mooring-resolv.path", "etc/systemd/system/multi-user.target.wants/mooring-resolv.path",
        "etc/systemd/system/docker.service.d/mooring-bridge.conf", "etc/docker/daemon.json"]
RULE = ["-A", "FORWARD", "-s", "203.0.113.7/32", "-j", "DROP"]


def run(*argv, **options):
    argv = [str(argument) for argument in argv]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def rules(*enter, program="iptables-nft-save"):
    return run(*enter, program).stdout


# Isolation


def test_sysctls_are_the_hosts_own(new_host):
    a, b = new_host(), new_host()
    before = Path(FORWARD).read_text(encoding="ascii")
    for value in ("1", "0"):
        a.run(["sysctl", "-qw", f"net.ipv4.ip_forward={value}"])
        assert a.run(["cat", FORWARD]).stdout.strip() == value
        assert Path(FORWARD).read_text(encoding="ascii") == before
    b.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    assert a.run(["cat", FORWARD]).stdout.strip() == "0"


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_firewall_rules_are_the_hosts_own(new_host, backend):
    a, b = new_host(), new_host()
    a.run([f"iptables-{backend}", *RULE])
    assert "203.0.113.7" in rules(*a.enter, program=f"iptables-{backend}-save")
    assert "203.0.113.7" not in rules(*b.enter, program=f"iptables-{backend}-save")
    assert "203.0.113.7" not in rules(program=f"iptables-{backend}-save")


def test_the_lock_of_iptables_is_the_hosts_own(new_host):
    a, b = new_host(), new_host()
    holder = a.popen(["flock", "/run/xtables.lock", "sh", "-c", "echo locked; sleep 60"], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"locked\n"
    assert a.run(["iptables-legacy", "-w", "1", *RULE], check=False).returncode == 4
    b.run(["iptables-legacy", "-w", "1", *RULE])
    holder.kill()
    holder.wait()
    holder.stdout.close()


@pytest.mark.parametrize("folder", ["/etc", "/run", "/tmp", "/var/lib", "/dev/shm"])
def test_files_are_the_hosts_own(new_host, folder):
    a, b = new_host(), new_host()
    name = f"{folder}/mooring-written-by-a-test"
    a.run(["touch", name])
    assert a.path(name).exists()
    assert not b.path(name).exists()
    assert not Path(name).exists()


def test_links_and_processes_are_the_hosts_own(host):
    host.run(["ip", "link", "add", "br-own", "type", "bridge"])
    assert "br-own" in os.listdir(host.path("/sys/class/net")) or "br-own" in host.run(["ls", "/sys/class/net"]).stdout
    assert "br-own" not in run("ip", "link").stdout
    assert host.run(["hostname"]).stdout.strip() == host.name
    pids = host.run(["sh", "-c", "cd /proc && echo [0-9]*"]).stdout.split()
    assert "1" in pids and len(pids) <= 4


def test_named_namespaces_are_the_hosts_own_and_stay(new_host):
    a, b = new_host(), new_host()
    a.run(["ip", "netns", "add", "blue"])
    # Another entry into the host finds it: it is mounted in the host, not in the namespace of the first command.
    assert a.run(["ip", "-n", "blue", "-o", "link"]).stdout.startswith("1: lo:")
    assert a.run(["nsenter", "--net=/run/netns/blue", "ip", "-o", "link"]).stdout.count("\n") == 1
    assert b.run(["ip", "netns"]).stdout == ""
    assert run("ip", "netns").stdout == ""
    a.run(["ip", "netns", "del", "blue"])
    assert a.run(["ip", "netns"]).stdout == ""


@pytest.mark.parametrize("systemd", [False, True], ids=["", "systemd"])
def test_a_host_sees_nothing_that_the_collection_has_made_on_the_machine(new_host, monkeypatch, systemd):
    # A layer stands in for the machine's root directory, which no test may write to.
    machine = testhosts.STATE / ".machine"
    for name in OURS:
        (machine / name).parent.mkdir(parents=True, exist_ok=True)
        (machine / name).touch()
    monkeypatch.setattr(layers, "unpack", lambda _name, _store: machine)
    host = new_host("machine", systemd=systemd)
    assert [name for name in (*OURS, "etc/netns") if os.path.lexists(host.path(name))] == []
    # What is made anew is all that there is.
    host.run(["sh", "-ec", "mkdir -p /etc/netns/web; echo 192.0.2.7 seven >/etc/netns/web/hosts; ip netns add web"])
    assert host.run(["ip", "netns", "exec", "web", "cat", "/etc/hosts"]).stdout == "192.0.2.7 seven\n"
    assert host.run(["find", "/etc/netns", "-type", "f"]).stdout == "/etc/netns/web/hosts\n"


def test_a_host_and_a_sandbox_see_no_named_namespaces_of_what_is_around_them():
    make = ("set -e; ip netns add web; mkdir -p /run/mooring/netns; touch /run/mooring/netns/web;"
            'look="ls -A /run/netns; ls -d /run/mooring"; "$1" up a >/dev/null;'
            '"$1" exec a -- sh -c "$look" || "$0" --new sh -c "$look"')
    done = run(SANDBOX, "--new", "sh", "-c", make, SANDBOX, TESTHOST)
    assert (done.stdout, done.stderr.count("'/run/mooring': No such file")) == ("", 2)


def test_a_host_may_unshare_and_mount(host):
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    host.run(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", *mount])
    assert host.run(["mountpoint", "-q", "/mnt"], check=False).returncode
    host.run(mount)
    host.run(["mountpoint", "-q", "/mnt"])
    assert run("mountpoint", "-q", "/mnt").returncode != 0


def test_the_checkout_and_its_python_are_seen(host):
    done = host.run([sys.executable, "-c", "import pyroute2; print(pyroute2.__file__)"])
    assert done.stdout.startswith(str(testhosts.CHECKOUT))


# Commands in hosts


def test_exit_status_output_and_input(host):
    assert host.run(["sh", "-c", "exit 7"], check=False).returncode == 7
    assert host.run(["cat"], input="said\n").stdout == "said\n"
    with pytest.raises(subprocess.CalledProcessError, match="(?s)status 3.*what went wrong"):
        host.run(["sh", "-c", "echo what went wrong >&2; exit 3"])
    assert run(TESTHOST, "exec", host.name, "--", "sh", "-c", "exit 7").returncode == 7


def test_a_command_that_takes_too_long_is_ended(host):
    with pytest.raises(subprocess.TimeoutExpired):
        host.run(["sleep", "4711"], timeout=0.2)
    wait_for(lambda: "4711" not in host.run(["ps", "ax"]).stdout)


def test_init_reaps(host):
    host.run(["sh", "-c", "(sleep 0.05 &)"])  # an orphan at once, and soon a zombie that is init's to reap
    wait_for(lambda: "sleep 0.05" not in host.run(["ps", "ax"]).stdout)
    assert "defunct" not in host.run(["ps", "ax"]).stdout


def test_signals_reach_the_command(host):
    process = host.popen(["sleep", "4712"])
    wait_for(lambda: "4712" in host.run(["ps", "ax"]).stdout)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM


def test_the_environment_is_clean(host, monkeypatch):
    monkeypatch.setenv("MOORING_LEAKED", "1")
    assert "MOORING_LEAKED" not in host.run(["env"]).stdout
    assert "GIVEN=2" in host.run(["env"], env={"GIVEN": "2"}).stdout


# Links


def test_a_link_carries_packets(new_host):
    a, b = new_host(), new_host()
    testhosts.link(a, "eth0", ["192.0.2.1/24", "2001:db8::1/64"], b, "lan0", ["192.0.2.2/24", "2001:db8::2/64"])
    a.run(["ping", "-c1", "-W5", "192.0.2.2"])
    a.run(["ping", "-c1", "-W5", "2001:db8::2"])


def test_a_link_that_cannot_be_made_says_why(new_host):
    a, b = new_host(), new_host()
    testhosts.link(a, "eth0", [], b, "eth0", [])
    with pytest.raises(testhosts.TesthostError, match="cannot link eth0 of test-.* with eth1 of test-.*File exists"):
        testhosts.link(a, "eth0", [], b, "eth1", [])


def test_link_from_the_command_line(new_host):
    a, b = new_host(), new_host()
    command = [TESTHOST, "link", "--exist-ok", a.name, "eth0=192.0.2.1/24,2001:db8::1/64", b.name, "eth0=192.0.2.2/24"]
    assert run(*command).returncode == 0
    assert run(*command).stdout == ""
    b.run(["ping", "-c1", "-W5", "192.0.2.1"])


# Life and death


def test_a_host_of_the_same_name_is_refused(host):
    with pytest.raises(testhosts.TesthostError, match=f"host {host.name} is up already"):
        Host.up(host.name)


@pytest.mark.parametrize("name", ["", "../up", "A", "a_b", "-a", "a" * 64])
def test_bad_names_are_refused(name):
    with pytest.raises(testhosts.TesthostError, match="is no host name"):
        Host.up(name)


def test_list_and_down(new_host):
    a, b = new_host(), new_host()
    assert {f"{a.name} {a.pid}", f"{b.name} {b.pid}"} <= set(run(TESTHOST, "list").stdout.splitlines())
    assert run(TESTHOST, "down", a.name).returncode == 0
    assert not Path(f"/proc/{a.pid}/ns").exists() or Host.find(a.name) is None
    assert Host.find(b.name)
    a.down()  # does no harm


def test_down_ends_everything(host):
    host.popen(["setsid", "sleep", "4713"])
    wait_for(lambda: "4713" in host.run(["ps", "ax"]).stdout)
    host.down()
    assert "4713" not in run("ps", "ax").stdout
    assert not (testhosts.STATE / host.name).exists()


def test_the_state_of_a_dead_host_is_cleaned(host):
    os.kill(host.pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{host.pid}/ns/net").exists() or Host.find(host.name) is None)
    assert Host.find(host.name) is None
    with Host.up(host.name) as again:
        assert again.pid != host.pid


def test_a_recorded_pid_that_is_another_process_is_no_host(host):
    (testhosts.STATE / "ghost").mkdir()
    (testhosts.STATE / "ghost" / "pid").write_text(f"{os.getpid()} 1\n", encoding="ascii")
    assert Host.find("ghost") is None
    assert not (testhosts.STATE / "ghost").exists()


def test_a_command_for_a_host_that_is_not_up_says_so():
    done = run(TESTHOST, "exec", "nowhere", "--", "true")
    assert done.returncode == 1
    assert "host nowhere is not up" in done.stderr


# The sandbox


def test_hosts_are_refused_outside_of_a_sandbox():
    # In another network namespace this is not the sandbox any more, though its marker is seen.
    done = run("unshare", "--net", TESTHOST, "up", "refused")
    assert done.returncode == 2
    assert "not a sandbox" in done.stderr
    assert Host.find("refused") is None


def test_the_tests_are_refused_outside_of_a_sandbox():
    done = run("unshare", "--net", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", Path(__file__).parent,
               cwd=testhosts.CHECKOUT)
    assert done.returncode == 2
    assert "./run functional" in done.stdout + done.stderr


@pytest.mark.parametrize("command, status", [("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM), ("true", 0)])
def test_the_sandbox_passes_the_exit_status_on(command, status):
    assert run(SANDBOX, "--new", "sh", "-c", command).returncode == status


def test_a_sandbox_in_a_sandbox_is_the_same_one():
    assert run(SANDBOX, "readlink", "/proc/self/ns/net").stdout.strip() == os.readlink("/proc/self/ns/net")


def test_a_sandbox_needs_no_stdin():
    done = run("sh", "-c", '"$0" --new cat <&-', SANDBOX)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_sandbox_has_a_network_and_a_run_directory_of_its_own():
    done = run(SANDBOX, "--new", "sh", "-c", "ls /sys/class/net; ls /run; ip -br link show up | cut -d' ' -f1")
    assert [name for name in done.stdout.split() if name != "mount"] == ["lo", "lock", "mooring-sandbox", "netns", "lo"]


def test_a_sandbox_sees_no_files_of_the_machines_namespaces():
    make = ('mkdir -p "$1/netns/web" && touch "$1/netns/web/hosts" &&'
            'mount -t overlay -o "lowerdir=$1:/etc" machine /etc && exec "$0" --new ls -A /etc/netns')
    done = run("unshare", "--mount", "sh", "-c", make, SANDBOX, testhosts.STATE / ".etc")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_sandbox_is_refused_in_a_chroot(tmp_path):
    make = (
        'cd "$1" && mount -t tmpfs tmpfs . && cd "$1" && mkdir upper work root &&'
        "mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root && mount -t proc proc root/proc &&"
        'exec chroot root "$0" --new true'
    )
    done = run("unshare", "--mount", "sh", "-c", make, SANDBOX, tmp_path)
    assert done.returncode == 125
    assert "this is a chroot" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_ending_a_sandbox_ends_everything_in_it(number):
    inside = (
        'name=mooring-$(cat /run/mooring-sandbox) && for tree in /sys/fs/cgroup/*/; do mkdir "$tree/$name"; done;'
        '"$0" up a >/dev/null && "$0" exec a -- setsid --fork sleep 4714 && setsid --fork sleep 4714 &&'
        'echo "$name" && exec sleep 4714'
    )
    sandbox = subprocess.Popen([SANDBOX, "--new", "sh", "-c", inside, TESTHOST], stdout=subprocess.PIPE, text=True)
    name = sandbox.stdout.readline().strip()
    assert name.startswith(f"mooring-{testhosts.sandbox_name()}-")
    wait_for(lambda: run("ps", "ax").stdout.count("sleep 4714") >= 3)
    run(SANDBOX, "--new", "true")
    assert list(testhosts.CGROUPS.glob(f"*/{name}"))
    sandbox.send_signal(number)
    sandbox.wait(10)
    sandbox.stdout.close()
    wait_for(lambda: "sleep 4714" not in run("ps", "ax").stdout)
    # Nobody is left to remove cgroups when a sandbox is killed. The next one does.
    run(SANDBOX, "--new", "true")
    assert not list(testhosts.CGROUPS.glob(f"*/{name}"))


# Fingerprints


def test_a_fingerprint_stays_when_nothing_changes(host):
    before = testhosts.fingerprint(host)
    host.run(["ip", "link"])
    host.run(["iptables-nft", "-t", "nat", "-L"])  # makes the table, which is empty
    host.run(["iptables-legacy", "-t", "nat", "-L"])
    assert testhosts.fingerprint(host) == before
    assert before["files"]["/etc/hostname"] and before["links"]


@pytest.mark.parametrize("command, parts", [
    (["ip", "link", "add", "br0", "type", "bridge"], {"links"}),
    (["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], {"addresses4", "routes4"}),
    (["ip", "-6", "address", "add", "2001:db8::1/128", "dev", "lo", "nodad"], {"addresses6", "routes6"}),
    (["ip", "route", "add", "blackhole", "192.0.2.0/24"], {"routes4"}),
    (["ip", "netns", "add", "blue"], {"netns", "files"}),
    (["iptables-nft", *RULE], {"iptables-nft"}),
    (["iptables-legacy", *RULE], {"iptables-legacy"}),
    (["ip6tables-nft", "-P", "FORWARD", "DROP"], {"ip6tables-nft"}),
    (["ip6tables-legacy", "-N", "OWN"], {"ip6tables-legacy"}),
    (["sh", "-c", "echo 192.0.2.9 nine >>/etc/hosts"], {"files"}),
    (["touch", "/run/left"], {"files"}),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_fingerprint_shows_a_change(host, command, parts):
    before = testhosts.fingerprint(host)
    host.run(command)
    after = testhosts.fingerprint(host)
    assert {part for part in before if before[part] != after[part]} == parts


# Layers


def test_docker_from_a_layer_runs_in_a_host_and_leaves_nothing(new_host):
    docker, other = new_host("docker"), new_host()
    assert not other.path("/usr/sbin/dockerd").exists() and not Path("/usr/sbin/dockerd").exists()
    daemon = testhosts.start_dockerd(docker, bridge="none")
    testhosts.import_busybox_image(docker, "mooring/busybox:1")
    docker.run(["docker", "run", "-d", "--net=none", "--name", "c1", "mooring/busybox:1"])
    pid = docker.run(["docker", "inspect", "-f", "{{.State.Pid}}", "c1"]).stdout.strip()
    assert docker.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-o", "link"]).stdout.startswith("1: lo:")
    cgroups = list(testhosts.CGROUPS.glob(f"*{docker.cgroup}"))
    assert cgroups
    docker.down()
    daemon.process.wait(10)
    assert not any(path.exists() for path in cgroups)
    assert "containerd" not in run("ps", "ax").stdout


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(testhosts.TesthostError, match="no layer 'missing'; layers are: .*docker"):
        Host.up("layered", ["missing"])


@pytest.mark.parametrize("known, status", [(True, 0), (False, 1)])
def test_a_layer_stays_valid_for_a_run_when_a_package_is_installed_on_the_machine(tmp_path, known, status):
    changed = tmp_path / "status"
    changed.write_text(Path("/var/lib/dpkg/status").read_text(encoding="utf-8") + "\nPackage: new\n", encoding="utf-8")
    environment = {layers.MACHINE: layers.machine(), **os.environ}
    if not known:  # what ./run says at its beginning
        del environment[layers.MACHINE]
    command = 'mount --bind "$1" /var/lib/dpkg/status && "$0" up changed --layer nftables && "$0" down changed'
    done = run("unshare", "--mount", "sh", "-c", command, TESTHOST, changed, env=environment)
    assert (done.returncode, "layer nftables is not built" in done.stderr) == (status, not known)


def test_a_layer_that_another_run_may_be_using_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "STORE", tmp_path)
    outdated = {name: tmp_path / f"{name}.tar" for name in ("docker-used", "docker-unused", "nftables-unused")}
    used = layers.tar_file("docker")
    for tar in (*outdated.values(), used):
        tar.touch()
        os.utime(tar, (0, 0))
    os.utime(outdated["docker-used"])
    assert layers.is_built("docker") and not layers.is_built("firewalld")
    layers.remove_unused(tmp_path, "docker")
    assert set(tmp_path.iterdir()) == {used, outdated["docker-used"], outdated["nftables-unused"]}


# systemd

UNIT = """\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo seen >/run/seen'
[Install]
WantedBy=multi-user.target
"""


def test_a_host_with_systemd_starts_units_and_nothing_else(new_host):
    host = new_host(systemd=True)
    assert host.run(["cat", "/proc/1/comm"]).stdout == "systemd\n"
    assert host.run(["systemctl", "--failed", "--quiet"]).stdout == ""
    command = ["systemctl", "list-units", "--type=service", "--state=running", "--plain", "--no-legend"]
    running = host.run(command).stdout
    assert {line.split()[0] for line in running.splitlines()} <= {"systemd-journald.service", "dbus.service"}
    host.path("/etc/systemd/system/seen.service").write_text(UNIT, encoding="ascii")
    host.run(["systemctl", "daemon-reload"])
    host.run(["systemctl", "start", "seen"])
    assert host.path("/run/seen").read_text(encoding="ascii") == "seen\n"
    assert not Path("/run/seen").exists() and not Path("/etc/systemd/system/seen.service").exists()


def test_a_host_with_systemd_keeps_to_its_own_network_settings_and_cgroups(new_host):
    host = new_host(systemd=True)
    host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    before = Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii")
    assert host.run(["sysctl", "-w", "kernel.pid_max=4194303"], check=False).returncode
    assert Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii") == before
    cgroups = [path for path in testhosts.CGROUPS.glob(f"*{host.cgroup}") if (path / "init.scope").exists()]
    assert cgroups
    host.down()
    assert not any(path.exists() for path in cgroups)
