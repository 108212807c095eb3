# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection at work: a host's network from one document, and packets that prove it. Run by `./run demo`."""
import argparse
import contextlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
sys.path.insert(0, str(CHECKOUT / "tests" / "hosts"))
import roots  # noqa: E402  # pylint: disable=wrong-import-position
import testhosts  # noqa: E402  # pylint: disable=wrong-import-position

DOCUMENT = CHECKOUT / "playbooks" / "vars" / "demo.yml"
PICTURE = """\
  outside 203.0.113.1 -------- 203.0.113.2 demo 192.168.5.1 ---- bridge0 --+-- web
                                                                           +-- db 192.168.5.20"""
PYTHON = {"demo": sys.executable, "outside": sys.executable}  # of each host
SECONDS = 1.5  # that a packet which is dropped is waited for

# From, to, what that is, and what must come back. DYNAMIC stands for the port that was chosen for web's 443.
DYNAMIC = 0
TRIED = [
    ("outside", "203.0.113.2", 8080, "published", "web:80 saw 203.0.113.1"),
    ("outside", "203.0.113.2", DYNAMIC, "only on loopback", "refused"),
    ("outside", "192.168.5.2", 80, "not through 8080", "no answer"),
    ("outside", "192.168.5.20", 5432, "not published", "no answer"),
    ("demo", "127.0.0.1", 8080, "published", "web:80 saw 192.168.5.1"),
    ("demo", "127.0.0.1", DYNAMIC, "only on loopback", "web:443 saw 192.168.5.1"),
    ("web", "192.168.5.20", 5432, "linked, exposed", "db:5432 saw 192.168.5.2"),
    ("web", "database", 5432, "by its alias", "db:5432 saw 192.168.5.2"),
    ("web", "192.168.5.20", 5433, "not exposed", "no answer"),
    ("db", "127.0.0.1", 5433, "it is listening", "db:5433 saw 127.0.0.1"),
    ("db", "192.168.5.2", 80, "not linked", "no answer"),
    ("web", "203.0.113.1", 9, "as the host", "outside:9 saw 203.0.113.2"),
]


class DemoFailed(Exception):
    """What came out otherwise than it must."""


# Ansible


def play(title, *arguments, verbose=False):
    """Run ansible-playbook on the host. Prints one line, or all when it fails; returns the counts of its recap."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(HERE / "inventory.yml"), *arguments,
               "-e", f"ansible_python_interpreter={PYTHON['demo']}"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_CONNECTION_PLUGINS": str(CHECKOUT / "tests" / "hosts" / "connection_plugins"),
        "ANSIBLE_PIPELINING": "1",
    }
    start = time.monotonic()
    if verbose:
        print(f"\n$ ansible-playbook {' '.join(arguments)}", flush=True)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    took = time.monotonic() - start
    recap = {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])}
    if verbose or done.returncode:
        print(done.stdout)
    if done.returncode or recap.get("failed") != 0:
        raise DemoFailed(f"{title}: ansible-playbook ended with {done.returncode}")
    print(f"  {title:<44} ok={recap['ok']:<3} changed={recap['changed']:<3} failed={recap['failed']}  {took:5.1f} s",
          flush=True)
    return recap


# A host that is another system


def be_another_system(host, legacy):
    """Show what the host has, and let modules run in the Python that it has."""
    if legacy:
        for program in ("iptables", "ip6tables"):
            host.run(["update-alternatives", "--set", program, f"/usr/sbin/{program}-legacy"])
    PYTHON["demo"] = "/usr/bin/python3"
    versions = host.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "iptables", "python3-jinja2",
                         "python3-pyroute2"]).stdout.strip(", ")
    shown = [host.run(["sh", "-ec", ". /etc/os-release; echo $PRETTY_NAME"]).stdout.strip(),
             host.run(["iptables", "--version"]).stdout.strip(), host.run(["python3", "--version"]).stdout.strip()]
    print(f"The host is {', '.join([*shown, versions])}.\n")


def have_no_mirror(host):
    """Let apt find out at once that there is no network. Its cache has what is needed, and nothing recommended."""
    host.path("/etc/apt/apt.conf.d/99-no-mirror").write_text(
        'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::Retries "0";\nAPT::Install-Recommends "false";\n',
        encoding="ascii")


def lose_packages(host):
    """Take away what the role installs, and the package through which Ansible does it on a Debian."""
    present = [name for name in (*roots.OWN, *roots.FETCHED)
               if host.run(["dpkg-query", "-W", name], check=False).returncode == 0]
    host.run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "purge", "--yes", "--auto-remove", *present])
    print(f"It has lost {', '.join(present)}, and what only they need.\n")


# Processes in the hosts and in their containers


def inside(place, hosts):
    """The host of a place, and what enters the container when it is one: ip(8) gives it its own hosts file as well."""
    if place in hosts:
        return hosts[place], []
    return hosts["demo"], ["ip", "netns", "exec", place]


@contextlib.contextmanager
def serving(hosts, place, *ports):
    host, enter = inside(place, hosts)
    command = [*enter, PYTHON[host.name], HERE / "serve.py", place, *ports]
    with host.popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout.readline() != "ready\n":
                raise DemoFailed(f"the server of {place} did not start")
            yield
        finally:
            server.terminate()


def ask(hosts, place, address, port):
    host, enter = inside(place, hosts)
    return host.run([*enter, PYTHON[host.name], HERE / "ask.py", address, port, SECONDS]).stdout.strip()


def settled(host):
    """The host, as soon as the kernel has stopped to change its addresses: IPv6 ones come a second after the link."""
    while "tentative" in host.run(["ip", "-6", "address"]).stdout:
        time.sleep(0.05)
    return testhosts.fingerprint(host)


def dynamic_port(host):
    """The port of 127.0.0.1 that was chosen for web's port 443, as iptables knows it."""
    found = re.search(r"-d 127\.0\.0\.1/32 .*--dport (\d+) .*--to-destination 192\.168\.5\.2:443",
                      host.run(["iptables-save", "-t", "nat"]).stdout)
    if not found:
        raise DemoFailed("no port of 127.0.0.1 is published for web's port 443")
    return int(found.group(1))


# What is printed


def section(title):
    print(f"\n{title}\n", flush=True)


def table(rows):
    """Print rows of texts below each other; the first row is the head. The last column says what is wrong."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in [rows[0], ["-" * width for width in widths], *rows[1:]]:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def prove(hosts, rows):
    """Try everything at once, print the table, and return how many came back otherwise than expected."""
    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(lambda row: ask(hosts, *row[:3]), rows))
    lines = [("from", "to", "which is", "must come back", "came back")]
    wrong = 0
    for (place, address, port, what, expected), answer in zip(rows, answers):
        wrong += answer != expected
        lines.append((place, f"{address}:{port}", what, expected, answer if answer == expected else f"{answer}  WRONG"))
    table(lines)
    return wrong


def differences(before, after):
    """What is in one fingerprint and not in the other, as lines."""
    found = []
    for key, old in before.items():
        old, new = (value.items() if isinstance(value, dict) else value for value in (old, after[key]))
        found += [f"{key}: gone: {item}" for item in old if item not in new]
        found += [f"{key}: new: {item}" for item in new if item not in old]
    return found


def require_same(what, before, after):
    found = differences(before, after)
    if found:
        raise DemoFailed("\n".join([f"{what} differs:", *found]))


def demo(hosts, verbose, bare):
    host, outside = hosts["demo"], hosts["outside"]
    testhosts.link(host, "eth0", ["203.0.113.2/24"], outside, "eth0", ["203.0.113.1/24"])
    host.run(["ip", "route", "add", "default", "via", "203.0.113.1"])
    # Somebody outside who knows the containers' addresses, and sends what is for them to the host.
    outside.run(["ip", "route", "add", "192.168.5.0/24", "via", "203.0.113.2"])
    if bare:
        have_no_mirror(host)
    before = found = settled(host)
    if bare:
        lose_packages(host)
        found = settled(host)
    site = ["mooring.net.site", "-e", f"@{DOCUMENT.relative_to(CHECKOUT)}"]

    print("Two hosts, made of namespaces in a sandbox. This machine's own network is not touched.\n")
    print(PICTURE)
    section(f"One document says it all ({DOCUMENT.relative_to(CHECKOUT)})")
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line != "---":
            print(f"  {line}")

    section("Ansible carries it out")
    play("mooring.net.site --check --diff", *site, "--check", "--diff", verbose=verbose)
    require_same("after a check the host", found, settled(host))
    play("mooring.net.site", *site, verbose=verbose)
    built = settled(host)

    section("Packets prove it (each server says its name, its port, and the address that it saw)")
    with serving(hosts, "web", 80, 443), serving(hosts, "db", 5432, 5433), serving(hosts, "outside", 9):
        chosen = dynamic_port(host)
        rows = [(place, address, port or chosen, *rest) for place, address, port, *rest in TRIED]
        wrong = prove(hosts, rows)

    section("A second run finds nothing to do, and the teardown takes all of it away")
    if play("mooring.net.site, again", *site, verbose=verbose)["changed"]:
        raise DemoFailed("the second run changed something")
    if play("mooring.net.site --check, again", *site, "--check", verbose=verbose)["changed"]:
        raise DemoFailed("check mode would change something on a finished host")
    require_same("after the second run the host", built, settled(host))
    play("mooring.net.teardown", "mooring.net.teardown", verbose=verbose)
    require_same("after the teardown the host", before, settled(host))
    print("\n  Links, addresses, routes, namespaces, rules and files of the host are as before the demo.")
    if wrong:
        raise DemoFailed(f"{wrong} of {len(TRIED)} answers were not as expected")


def main():
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="show the whole output of ansible-playbook")
    parser.add_argument("--root", choices=roots.SUITES, help="let the host be another release of Debian")
    parser.add_argument("--legacy", action="store_true", help="let its iptables be iptables-legacy")
    parser.add_argument("--bare", action="store_true", help="let it lack the packages that the role installs")
    options = parser.parse_args()
    if options.bare and not options.root:
        parser.error("--bare needs --root, in which apt has the packages")
    os.chdir(CHECKOUT)
    start = time.monotonic()
    try:
        testhosts.require_sandbox()
        root = roots.built(options.root) if options.root else Path("/")
        with testhosts.Host.up("demo", root=root) as host, testhosts.Host.up("outside") as outside:
            if options.root:
                be_another_system(host, options.legacy)
            demo({"demo": host, "outside": outside}, options.verbose, options.bare)
    except (DemoFailed, testhosts.TesthostError, testhosts.CommandFailed) as error:
        sys.exit(f"\ndemo: FAILED: {error}")
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted")
    print(f"\ndemo: all {len(TRIED)} answers as expected, {time.monotonic() - start:.0f} s")


main()
