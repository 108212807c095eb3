# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts: root file systems and namespaces of their own on this machine, started in milliseconds.

A host has its own network, mount, pid, uts and ipc namespaces and an overlay over the machine's root directory, so
its links, rules, sysctls, /etc, /run and /tmp are its own. Shared are the kernel, /dev and the cgroup tree. All of it
happens in the sandbox (the program `sandbox` beside this file) and ends with it at the latest.

    with Host.up("a") as a, Host.up("b") as b:
        link(a, "eth0", ["192.0.2.1/24"], b, "eth0", ["192.0.2.2/24"])
        a.run(["ping", "-c1", "192.0.2.2"])
"""
import contextlib
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
# In the sandbox's own /run: its name, which ends with the inode of its network namespace. One in a sandbox has the
# other one's name in front of its own.
MARKER = Path("/run/mooring-sandbox")
STATE = Path("/run/testhosts")  # NAME/pid holds the pid of a host's init and the inode of its mount namespace
CGROUPS = Path("/sys/fs/cgroup")
ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM": "dumb",
    "USER": "root",
}
if "PYTHONPATH" in os.environ:  # so that the modules on a host can be tested with another pyroute2
    ENVIRONMENT["PYTHONPATH"] = os.environ["PYTHONPATH"]


class TesthostError(Exception):
    """Something about a test host that the message explains."""


class OutsideSandbox(TesthostError):
    """Hosts are made in a sandbox only."""


class CommandFailed(subprocess.CalledProcessError):
    """A command in a host ended with another status than 0; the message shows what it wrote."""

    def __str__(self):
        written = "\n".join(text.rstrip() for text in (self.stdout, self.stderr) if text)
        return f"{super().__str__()}\n{written}".rstrip()


# The sandbox


def _namespace(pid, kind):
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino


def mark_sandbox(around):
    """:param around: the name of the sandbox that this one is in, "" for none"""
    MARKER.write_text(f"{around}{'-' if around else ''}{_namespace('self', 'net')}\n", encoding="ascii")


def sandbox_name():
    """The name of this sandbox; "" on the machine, in a host, and in other network namespaces of a sandbox."""
    try:
        name = MARKER.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    return name if name.rpartition("-")[2] == str(_namespace("self", "net")) else ""


def in_sandbox():
    return bool(sandbox_name())


def require_sandbox():
    if not in_sandbox():
        raise OutsideSandbox(
            "this is not a sandbox. Test hosts are made only in one, where they cannot touch this machine's network. "
            f"Run it as: {HERE / 'sandbox'} CMD..."
        )


# Cgroups. The tree is the machine's, and killing the processes of a container engine leaves its directories, empty.


def _remove_cgroup(path):
    """Remove a subtree of every hierarchy (cgroup v1 has one for each controller). What is in use stays.

    Where a hierarchy is not mounted Podman makes plain folders with files in them. Files of a cgroup cannot be removed.
    """
    for top in [*CGROUPS.glob(f"*/{path}"), *CGROUPS.glob(path)]:
        for folder, _folders, files in os.walk(top, topdown=False):
            for name in files:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _cgroup_exists(path):
    return any(CGROUPS.glob(f"*/{path}")) or any(CGROUPS.glob(path))


def _cgroup(name):
    """The cgroup of a host, in every hierarchy."""
    return f"mooring-{sandbox_name()}/{name}"


def remove_stale_cgroups():
    """Remove what sandboxes left that live no more; in a sandbox, those that were in it.

    The numbers of namespaces are used again at once. So a sandbox is alive while a program of that name is in its
    network namespace, as its first process is.
    """
    around = sandbox_name()
    mine = f"mooring-{around}{'-' if around else ''}"
    left = {path.name for path in [*CGROUPS.glob(f"*/{mine}*"), *CGROUPS.glob(f"{mine}*")]}
    if not left:
        return
    alive = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text(encoding="ascii") == "sandbox\n":
                alive.add(str(_namespace(process.name, "net")))
    for name in left:
        if name.rpartition("-")[2] not in alive:
            _remove_cgroup(name)


# Processes in hosts


def _children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except FileNotFoundError:
        return []


class HostProcess(subprocess.Popen):
    """A command in a host. nsenter forks to enter the pid namespace and passes no signal on, so this class does."""

    def send_signal(self, sig):
        self.poll()
        if self.returncode is not None:
            return
        inside = _children(self.pid)
        for child in inside:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, sig)
        if not inside:
            super().send_signal(sig)


class Host:
    """A host that is up."""

    def __init__(self, name, pid, starter=None):
        self.name = name
        self.pid = pid
        self._starter = starter  # the process of `unshare`, when it is a child of ours, to be waited for

    @classmethod
    def up(cls, name, layers=(), systemd=False, root=Path("/")):
        """Start a host.

        layers are names from layers.py, packages that the machine does not have. With systemd that is the host's first
        process, up to basic.target; otherwise nothing runs in the host but what is started there. root is that of
        another system, see roots.py, which layers of this machine do not fit.
        """
        require_sandbox()
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
            raise TesthostError(f"{name!r} is no host name: use up to 63 lower case letters, digits and inner hyphens")
        with _locked(name):
            if cls.find(name):
                raise TesthostError(f"host {name} is up already")
            lowers = [str(root)]
            if layers:
                import layers as layer_store

                lowers = [*(str(layer_store.unpack(layer, STATE / ".layers")) for layer in layers), str(root)]
            state = STATE / name
            (state / "fs").mkdir(parents=True)
            try:
                host = cls._start(name, state, lowers, systemd)
            except BaseException:
                shutil.rmtree(state)
                raise
        if systemd:
            host._wait_for_systemd()
        return host

    @classmethod
    def _start(cls, name, state, lowers, systemd):
        namespaces = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        command = [str(HERE / "host-init"), name, str(state), ":".join(lowers), str(CHECKOUT)]
        if systemd:
            command.append(_cgroup(name))
        starter = subprocess.Popen(
            ["unshare", *namespaces, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            start_new_session=True,  # an interrupt at the terminal must not end the host before the test can clean up
        )
        lines = []
        with starter.stdout as output:
            for line in output:
                if line.startswith("ready "):
                    pid = int(line.split()[1])
                    (state / "pid").write_text(f"{pid} {_namespace(pid, 'mnt')}\n", encoding="ascii")
                    return cls(name, pid, starter)
                lines.append(line)
        starter.wait()
        raise TesthostError(f"host {name} did not start: {''.join(lines).strip()}")

    def _wait_for_systemd(self, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            state = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
            if state in ("running", "degraded"):
                return
            if time.monotonic() > deadline or not self._is_alive():
                jobs = self.run(["systemctl", "list-jobs"], check=False).stdout
                self.down()
                raise TesthostError(f"systemd of host {self.name} did not come up: {state or 'no answer'}\n{jobs}")
            time.sleep(0.05)

    @classmethod
    def find(cls, name):
        """The host of this name, or None. What a dead host left is removed."""
        state = STATE / name
        try:
            pid, mount_namespace = map(int, (state / "pid").read_text(encoding="ascii").split())
        except FileNotFoundError:
            shutil.rmtree(state, ignore_errors=True)
            return None
        with contextlib.suppress(FileNotFoundError):
            if _namespace(pid, "mnt") == mount_namespace:  # else the number belongs to another process now
                return cls(name, pid)
        _forget(name)
        return None

    @classmethod
    def get(cls, name):
        """The host of this name, which must be up."""
        require_sandbox()
        host = cls.find(name)
        if not host:
            up = ", ".join(host.name for host in cls.all()) or "none"
            raise TesthostError(f"host {name} is not up; up are: {up}")
        return host

    @classmethod
    def all(cls):
        require_sandbox()
        names = sorted(path.parent.name for path in STATE.glob("*/pid"))
        return [host for name in names if (host := cls.find(name))]

    def down(self):
        """End the host and everything in it. Returns when all of its processes are gone; harmless when it is down."""
        if self._is_alive():
            with contextlib.suppress(ProcessLookupError):
                process = os.pidfd_open(self.pid)
                try:
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    # The init of a pid namespace counts as dead once all processes of the namespace are.
                    if not select.select([process], [], [], 30)[0]:
                        raise TesthostError(f"host {self.name} (pid {self.pid}) does not die")
                finally:
                    os.close(process)
        if self._starter:
            self._starter.wait()
        _forget(self.name)

    def _is_alive(self):
        found = Host.find(self.name)
        return found is not None and found.pid == self.pid

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.down()

    def __repr__(self):
        return f"Host({self.name!r}, {self.pid})"

    @property
    def cgroup(self):
        """The cgroup below which a container engine of this host is to put its containers; down() removes it."""
        return f"/{_cgroup(self.name)}"

    @property
    def enter(self):
        """The start of a command line that runs its rest in the host."""
        # Never `ip netns exec`: it mounts a new /sys, without the cgroups.
        return ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--"]

    def path(self, path):
        """Where a file of the host is seen from the sandbox. (Absolute symbolic links in it lead astray.)"""
        return Path(f"/proc/{self.pid}/root") / str(path).lstrip("/")

    def popen(self, argv, env=None, **options):
        """Start a command in the host, with a clean environment and env added to it."""
        argv = [str(argument) for argument in argv]
        return HostProcess([*self.enter, *argv], env={**ENVIRONMENT, **(env or {})}, **options)

    def run(self, argv, check=True, input=None, timeout=60, env=None):  # pylint: disable=redefined-builtin
        """Run a command in the host to its end. Returns a subprocess.CompletedProcess with text."""
        options = {"stdin": subprocess.DEVNULL if input is None else subprocess.PIPE, "text": True}
        with self.popen(argv, env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
            try:
                stdout, stderr = process.communicate(input, timeout)
            except BaseException:
                process.kill()
                raise
        if check and process.returncode:
            raise CommandFailed(process.returncode, [str(argument) for argument in argv], stdout, stderr)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@contextlib.contextmanager
def _locked(name):
    STATE.mkdir(exist_ok=True)
    with open(STATE / f".{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget(name):
    """Remove what a dead host left: its state and the cgroups of its containers."""
    shutil.rmtree(STATE / name, ignore_errors=True)
    path = _cgroup(name)
    deadline = time.monotonic() + 2
    while _cgroup_exists(path) and time.monotonic() < deadline:  # a cgroup stays busy a moment after its last process
        _remove_cgroup(path)
        time.sleep(0.01)


# Links


def link(a, interface_a, addresses_a, b, interface_b, addresses_b):
    """Make a veth pair between two hosts, up and addressed."""
    # Both ends are born where they belong: moving one into another namespace takes 20 ms. The pid is one of the
    # sandbox's, hence only the network namespace is entered.
    enter = ["nsenter", f"--net=/proc/{a.pid}/ns/net", "--"]
    make = ["ip", "link", "add", interface_a, "type", "veth", "peer", "name", interface_b, "netns", str(b.pid)]
    done = subprocess.run([*enter, *make], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip()
        raise TesthostError(f"cannot link {interface_a} of {a.name} with {interface_b} of {b.name}: {reason}")
    for host, interface, addresses in ((a, interface_a, addresses_a), (b, interface_b, addresses_b)):
        lines = [f"link set {interface} up"]
        for address in addresses:
            # Without nodad an IPv6 address is unusable for its first second.
            lines.append(f"address add {address} dev {interface}{' nodad' if ':' in address else ''}")
        host.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n")


# What a host looks like, to be compared before and after

_COMMANDS = {
    "links": ["ip", "-o", "link"],
    "addresses4": ["ip", "-o", "-4", "address"],
    "addresses6": ["ip", "-o", "-6", "address"],
    "routes4": ["ip", "-o", "-4", "route", "show", "table", "all"],
    "routes6": ["ip", "-o", "-6", "route", "show", "table", "all"],
    "rules4": ["ip", "-o", "-4", "rule"],
    "rules6": ["ip", "-o", "-6", "rule"],
    "netns": ["ip", "netns"],
}
_TABLES = [f"{program}-{backend}" for program in ("iptables", "ip6tables") for backend in ("nft", "legacy")]
# Locks, and what ip(8) and daemons rewrite without being asked to change anything.
_VOLATILE = re.compile(r"/run/((mooring/)?lock/|.*\.lock$|mount/|blkid/|.*\.pid$|docker|containerd|containers|libpod|"
                       r"crun|runc)")


def fingerprint(host):
    """A dict of all that is network about a host and of its files below /etc and /run. Equal dicts: nothing changed."""
    found = {}
    for key, command in _COMMANDS.items():
        text = host.run(command).stdout
        text = re.sub(r" (tentative|dadfailed)\b| (valid|preferred)_lft \S+", "", text)
        found[key] = sorted(line.rstrip() for line in text.splitlines())
    for program in _TABLES:
        saved = host.run([f"{program}-save"], check=False)
        found[program] = _rules(saved.stdout) if saved.returncode == 0 else []
    found["files"] = dict(files_of(host, ["/etc", "/run"]))
    return found


def _rules(saved):
    """Rules, own chains and policies, without counters. Empty tables say nothing: no iptables command removes them."""
    lines, table = [], None
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line[:1] in (":", "-", "["):
            line = re.sub(r"\s*\[\d+:\d+\]\s*", "", line)
            if not re.fullmatch(r":[A-Z]+ ACCEPT", line):
                lines.append(f"{table}: {line}")
    return lines


def files_of(host, folders):
    """Each file below folders of a host, with its mode and what tells its content."""
    root = str(host.path("/")).rstrip("/")
    for top in folders:
        for folder, _folders, names in os.walk(root + top):
            for name in names:
                path = os.path.join(folder, name)
                shown = path.removeprefix(root)
                if not _VOLATILE.match(shown):
                    with contextlib.suppress(FileNotFoundError):
                        yield shown, _content(path)


def _content(path):
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return f"link to {os.readlink(path)}"
    if not stat.S_ISREG(mode):
        return "special"
    try:
        with open(path, "rb") as file:
            return f"{stat.S_IMODE(mode):o} {hashlib.sha256(file.read()).hexdigest()}"
    except OSError:  # the file of a namespace, below /run/netns, can be opened but not read
        return "namespace"


# Container engines. They have a module of their own, which few tests need.


def start_dockerd(host, **daemon_args):
    """Start a real Docker daemon in a host that has the layer docker: see engines.start_dockerd."""
    import engines

    return engines.start_dockerd(host, **daemon_args)


def prepare_podman(host):
    """Let Podman work in a host that has the layer docker: see engines.prepare_podman."""
    import engines

    engines.prepare_podman(host)


def import_busybox_image(host, tag, engine="docker"):
    """Make an image of busybox for docker or podman: see engines.import_busybox_image."""
    import engines

    engines.import_busybox_image(host, tag, engine)
