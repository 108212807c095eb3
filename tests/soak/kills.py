# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a thousand runs at random, with packets after each kill and after the run that completes it.

A host goes from one document to another, and the run is killed before some system call by which something changes. What
is reached then has to be reached before that run or after it as well; once the next run has ended, exactly what that
document says is reached, and from time to time all that is kept on the host is compared. SEED repeats what a seed has
done, KILLS says how many.
"""
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("functional", "hosts")]

import test_interrupted_hosts as hosts  # noqa: E402
from remains import differences, remains  # noqa: E402
from traffic import PATIENCE  # noqa: E402
from worlds import BACKENDS, BOX, BOX6, bare_world  # noqa: E402

# Containers whose namespaces the runs make and remove as well, with names and links.
MADE = [{"name": "made", "address": "10.20.0.20", "address_v6": "2001:db8:20::20", "dns_servers": ["192.0.2.1"],
         "published_ports": ["9000:90", "127.0.0.1:9001:91"], "links": ["late"]},
        {"name": "late", "address": "10.20.0.21", "address_v6": "2001:db8:20::21", "exposed_ports": ["5432"]}]
LATE = [{**MADE[1], "published_ports": ["9000:90"]}]


def _with(document, containers):
    """A document with more containers on the bridge back."""
    return [{**bridge, "containers": [*bridge["containers"], *containers]} if bridge["name"] == "back" else bridge
            for bridge in document]


DOCUMENTS = {"first": _with(hosts.AT_FIRST, MADE), "turned": _with(hosts.TURNED, LATE), "changed": hosts.CHANGED,
             "elsewhere": _with(hosts.ELSEWHERE, MADE), "nothing": []}
OFTEN, SELDOM = 4, 10  # of how many kills one is followed by a look for what is left to do, or at all that is kept


class Soak:
    def __init__(self, found, backend, seed):
        self.found, self.backend, self.chance = found, backend, random.Random(f"{seed} {backend}")
        self.here = SimpleNamespace(host=found.box)
        everything = [document for document in DOCUMENTS.values() if document]
        places = (found.outside, found.neighbour)
        self.calls = [call for call in hosts.calls(found, *everything)
                      if call[0] in places or call[2] in ("127.0.0.1", BOX, BOX6)]
        self.watch = hosts.Watch(found, self.calls)
        self.lengths, self.reached, self.kept = {}, {}, {}

    def bring(self, name, **more):
        return self.found.pipeline.run("host_network", networks=DOCUMENTS[name], exclusive=True, **more)

    def learn(self):
        """What each document says, seen on a host that nobody kills runs on."""
        for name in (*DOCUMENTS, *DOCUMENTS):
            self.bring(name)
            self.reached[name], self.kept[name] = hosts.anew(self.watch.look_well()), remains(self.here)
        assert len(self.reached["first"]) > 10 and not self.reached["nothing"]

    def kill(self, before, after):
        """Kill a run somewhere; the words for what was done, "" where it ended before."""
        number = self.chance.randint(1, self.lengths.get((before, after), 250))
        calls = self.found.pipeline.kill_at(number, "host_network", networks=DOCUMENTS[after], exclusive=True)
        if len(calls) < number:
            self.lengths[before, after] = len(calls)
            self.bring(before)
            return ""
        self.lengths.setdefault((before, after), 250)
        return f"{before} -> {after}, killed before call {number}, {calls[-1]}"

    def check_killed(self, before, after):
        """What is open although neither of both documents says so."""
        return hosts.anew(self.watch.look(0.05)) - self.reached[before] - self.reached[after]

    def check_completed(self, name):
        """What is open and should not be, and what is lost: the kernel looks for some neighbours for seconds."""
        found, end = hosts.anew(self.watch.look(0.05)), time.monotonic() + PATIENCE
        while not found - self.reached[name] and found != self.reached[name] and time.monotonic() < end:
            found = hosts.anew(self.watch.look_well())
        return found - self.reached[name], self.reached[name] - found

    def run(self, kills):
        """How many kills there were, and what was wrong after them, as sentences."""
        self.learn()
        before, number, wrong = "nothing", 0, []
        while number < kills:
            after = self.chance.choice([name for name in DOCUMENTS if name != before])
            if not (words := self.kill(before, after)):
                continue
            number += 1
            found = [f"open: {hosts.shown({('call', *each) for each in self.check_killed(before, after)})}"]
            self.bring(after)
            opened, lost = self.check_completed(after)
            found += [f"{kind} once it was completed: {hosts.shown({('call', *each) for each in each_kind})}"
                      for kind, each_kind in (("open", opened), ("lost", lost)) if each_kind]
            if number % OFTEN == 0 and (left := self.bring(after, check=True)["actions"]):
                found.append(f"left to do: {left}")
            if number % SELDOM == 0 and (kept := remains(self.here)) != self.kept[after]:
                found.append(f"kept: {differences(self.kept[after], kept)}")
            found = [f"kill {number}, {words}: {each}" for each in found if not each.endswith("open: ")]
            print(*(f"{self.backend}: {each}" for each in found), sep="\n", end="\n" if found else "", flush=True)
            wrong += found
            before = after
            if number % 100 == 0:
                print(f"{self.backend}: {number} kills, {len(wrong)} wrong", flush=True)
        return number, wrong


def soak(backend, seed, kills):
    with bare_world(backend, hosts.PLACES) as found:
        number, wrong = Soak(found, backend, seed).run(kills)
    return number, [f"{backend}: {each}" for each in wrong]


def main():
    seed, kills = os.environ.get("SEED") or f"{time.time():.0f}", int(os.environ.get("KILLS") or 1000)
    print(f"SEED={seed} KILLS={kills}", flush=True)
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(soak, backend, seed, kills // len(BACKENDS) + (place < kills % len(BACKENDS)))
                   for place, backend in enumerate(BACKENDS)]
        done = [each.result() for each in running]
    failures = [each for _number, wrong in done for each in wrong]
    print(f"{sum(number for number, _wrong in done)} kills in {time.monotonic() - began:.0f} s: {len(failures)} times "
          "something was open, lost, left to do or left behind")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
