# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to run mooring.net.site, beside playbooks that do nothing: whole runs of ansible-playbook.

Run by `./run benchmark site`, in a sandbox and there in test hosts. Where the commit is at hand that has the site of
two roles and a module for each kind of thing, that one takes its turns as well.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder)
                for folder in ("hosts", "functional", "benchmark/support")]
from containers import CHECKOUT, box, playing  # noqa: E402
from tables import Samples, head, machine, shown, table  # noqa: E402

CONTAINERS, LINKS = 100, 20
REPEATS = 3
OLD = "1608ad6"  # the last commit of the site of two roles
OLD_PAYLOAD, GOAL_OF_PAYLOAD = 377 * 1024, 1.4  # that of its docker_bridge
EMPTY, PINGS = "no task", "two pings"
FIRST, AGAIN = "first run", "unchanged run"
SITE, OLD_SITE = "site", f"site of {OLD}"
PLAIN, SYSTEMD = "", ", with systemd"
WALL, CPU, TASKS, TRIPS, READS = "wall", "CPU", "remote tasks", "round trips", "snapshots"
GOALS = {FIRST: 4.0, AGAIN: 2.0}
GOAL_OF_TASKS = {AGAIN: 2}
PLAYS = {EMPTY: [], PINGS: [{"name": f"Ping {number}", "ansible.builtin.ping": {}} for number in (1, 2)]}
BURNT = 1.0  # seconds of CPU that a task takes on the host, to see that they are counted
PAYLOADS = ("mooring.net.host_network", "mooring.net.docker_bridge", "ansible.builtin.ping")

# In place of iptables-save: a line for each time that all rules are read.
COUNTER = "/run/snapshots"
COUNTING = f"""\
real=$(readlink -f "$(command -v iptables-save)")
printf '#!/bin/sh\\necho >>{COUNTER}\\nexec %s "$@"\\n' "$(command -v iptables-save)" >"/usr/local/lib/${{real##*/}}"
chmod +x "/usr/local/lib/${{real##*/}}"
ln -s "/usr/local/lib/${{real##*/}}" /usr/local/sbin/iptables-save
"""


def document():
    """Containers with a port each, and links from the first ones to their neighbours."""
    return [{"name": "br0", "bip": "172.17.0.1/16", "icc": False, "containers": [
        {"name": f"c{number}", "exposed_ports": [80], "published_ports": [f"{20000 + number}:80"],
         **({"links": [f"c{number + 1}:neighbour"]} if number < LINKS else {})} for number in range(CONTAINERS)]}]


def run(here, playbook, *arguments, **options):
    """A whole run of ansible-playbook: what it wrote, its seconds, and those of CPU of all that took part in it.

    That is ansible-playbook, its workers, and what their connections have started in the host.
    """
    command, environment = playing(here, playbook, *arguments, **options)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        start = time.perf_counter()
        # wait4 instead of a method of the process: it tells what just this one and its children have taken.
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, used = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"{playbook} ended with {process.returncode}\n{text}")
    return text, taken, used.ru_utime + used.ru_stime


class Measured:
    """Runs by their names, and what each of them took."""

    def __init__(self, folder):
        self.samples, self._folder = Samples(), folder

    def playbook(self, name, tasks):
        path = self._folder / f"{name.replace(' ', '_')}.yml"
        path.write_text(json.dumps([{"name": name, "hosts": "all", "become": True, "gather_facts": False,
                                     "tasks": tasks}]), encoding="utf-8")
        return path

    def plain(self, here, name):
        _text, wall, cpu = run(here, self.playbook(name, PLAYS[name]))
        self._add(name, wall, cpu)

    def site(self, here, site, where, what):
        text, wall, cpu = run(here, "mooring.net.site", checkout=site.checkout, container_networks=document())
        if ("changed=0 " in text) != (what == AGAIN):
            raise SystemExit(f"the {what} of the {site.name} was to do something else:\n{text}")
        self._add(f"{site.name}, {what}{where}", wall, cpu)

    def _add(self, name, wall, cpu):
        self.samples.add(WALL, name, wall)
        self.samples.add(CPU, name, cpu)


@dataclass(frozen=True)
class Site:
    """A version of the collection."""

    name: str
    checkout: Path


@contextlib.contextmanager
def old_site():
    """The site of a commit, None where there is no such commit."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-C", CHECKOUT, "archive", OLD], capture_output=True, check=False)
        if archive.returncode:
            yield None
            return
        subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive.stdout, check=True)
        yield Site(OLD_SITE, Path(folder))


def require_counted(measured, here):
    """What a task takes on the host must be in what is measured, else all figures of CPU are too good."""
    busy = f"import time\nwhile time.process_time() < {BURNT}: pass"
    tasks = [{"name": "Be busy", "ansible.builtin.command": {"argv": [sys.executable, "-c", busy]}}]
    _text, _wall, cpu = run(here, measured.playbook("busy", tasks))
    _text, _wall, without = run(here, measured.playbook("no task", []))
    if cpu - without < BURNT:
        raise SystemExit(f"of {BURNT} s of a task on the host only {cpu - without:.2f} s were counted")


def counts_of(here, playbook, **options):
    """A run that is not measured: tasks that reach the host, how often they do, how often rules are read there."""
    text, *_taken = run(here, playbook, "-vvv", **options)
    tasks = [part.count(" EXEC ") for part in re.split(r"^TASK \[", text, flags=re.MULTILINE)[1:]]
    reads = here.sh(f"cat {COUNTER} 2>/dev/null | wc -l; rm -f {COUNTER}")
    return {TASKS: sum(map(bool, tasks)), TRIPS: sum(tasks), READS: int(reads)}


def counted(measured, sites):
    """The counts of all runs, by name."""
    found = {}
    for where, systemd in ((PLAIN, False), (SYSTEMD, True)):
        for site in sites:
            with box(systemd=systemd) as here:
                here.sh(COUNTING)
                for what in (FIRST, AGAIN):
                    found[f"{site.name}, {what}{where}"] = counts_of(
                        here, "mooring.net.site", checkout=site.checkout, container_networks=document())
    with box() as here:
        here.sh(COUNTING)
        for name, tasks in PLAYS.items():
            found[name] = counts_of(here, measured.playbook(name, tasks))
    return found


def runs(measured, sites):
    counts = counted(measured, sites)
    with box() as idle:
        require_counted(measured, idle)
        for _repeat in range(REPEATS):
            with contextlib.ExitStack() as stack:
                cases = [(stack.enter_context(box(systemd=bool(where))), site, where)
                         for where in (PLAIN, SYSTEMD) for site in sites]
                for what in (FIRST, AGAIN):
                    for name in PLAYS:
                        measured.plain(idle, name)
                    for here, site, where in cases:
                        measured.site(here, site, where, what)
    head("Whole runs of ansible-playbook: seconds", machine(f"ansible-core {version('ansible-core')}"),
         f"Medians of {REPEATS} interleaved repeats; those of {EMPTY} and {PINGS} of {2 * REPEATS}. {CPU}: of the",
         "controller and the host together, without what systemd does by itself.",
         f"site: {CONTAINERS} containers of one bridge, each with a published port and names, {LINKS} links. {FIRST}:",
         "on a host with nothing on it. With systemd a unit is there, or is installed, that follows resolv.conf.",
         f"{TASKS}: that reach the host; {TRIPS}: how often they do. {READS}: how often all rules are read. Ratios are",
         f"to {PINGS}.", "")
    rows = []
    for name in (EMPTY, PINGS, *(f"{site.name}, {what}{where}" for what in (FIRST, AGAIN)
                                 for where in (PLAIN, SYSTEMD) for site in sites)):
        wall, cpu = (measured.samples.median(clock, name) for clock in (WALL, CPU))
        what = next((what for what in (FIRST, AGAIN) if what in name and not name.startswith(OLD_SITE)), "")
        rows.append([name, *(f"{counts[name][key]}" for key in (TASKS, TRIPS, READS)),
                     f"<= {GOAL_OF_TASKS[what]} tasks" if what in GOAL_OF_TASKS else "", shown(wall), shown(cpu),
                     *(f"{value / measured.samples.median(clock, PINGS):.2f}x"
                       for clock, value in ((WALL, wall), (CPU, cpu))), f"<= {GOALS[what]}x" if what else ""])
    table(["", TASKS, TRIPS, READS, "goal", f"{WALL}, s", f"{CPU}, s", f"{WALL}, ratio", f"{CPU}, ratio", "goal"], rows)


def packed(site, module):
    """Bytes of what is sent for a module, and the seconds to make it: the first time in a run, and later."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(site.checkout / ".collections"),
                   "ANSIBLE_CONFIG": str(site.checkout / "ansible.cfg"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, CHECKOUT / "tests" / "benchmark" / "support" / "pack.py", module],
                          env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def payloads(sites):
    new, *olds = sites
    cases = [(new, module) for module in PAYLOADS] + [(old, "mooring.net.docker_bridge") for old in olds]
    samples, sizes = Samples(), {}
    for _repeat in range(REPEATS):
        for site, module in cases:
            found = packed(site, module)
            sizes[site, module] = found["bytes"]
            for key in ("first", "again"):
                samples.add(key, (site, module), found[key])
    head("What is sent to a host for a module", machine(f"ansible-core {version('ansible-core')}"),
         f"Medians of {REPEATS} interleaved repeats. CPU of the controller, in milliseconds: to pack it, which happens",
         f"once in a run, and to take it from the cache for a further host or task. Goal and ratio are to {OLD}'s",
         f"docker_bridge, {OLD_PAYLOAD / 1024:.0f} KiB.", "")
    table(["", "KiB", "ratio", "goal", "to pack it", "from the cache"], [
        [module + (f" of {OLD}" if site in olds else ""), shown(sizes[site, module], 1024, 0),
         f"{sizes[site, module] / OLD_PAYLOAD:.2f}x",
         f"<= {GOAL_OF_PAYLOAD}x" if module == PAYLOADS[0] else "",
         shown(samples.median("first", (site, module)), 1e-3, 0),
         shown(samples.median("again", (site, module)), 1e-3, 1)] for site, module in cases])


def main():
    with tempfile.TemporaryDirectory() as folder, old_site() as old:
        sites = [Site(SITE, CHECKOUT), *([old] if old else [])]
        if not old:
            print(f"The repository at hand does not have the commit {OLD}, so its site takes no part.")
        runs(Measured(Path(folder)), sites)
        payloads(sites)


main()
