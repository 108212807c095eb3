# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person looks at: the playbook inspect for several hosts, one of which is away, and the page in a browser."""
import json
import re
import subprocess

import pytest
from browser import PROGRAM, Browser
from containers import box, once, playing

pytestmark = once
DOCUMENT = [
    {"name": "bridge0", "bip": "192.168.5.1/24", "bip6": "fd00:5::1/64", "icc": False, "containers": [
        {"name": "web", "published_ports": ["8080:80", "127.0.0.1:8443:443"], "links": ["db:database"]},
        {"name": "db", "address": "192.168.5.20", "exposed_ports": [5432]}]},
    {"name": "back", "bip": "10.2.0.1/16", "containers": [
        {"name": "db", "interface_name": "eth1"}, {"name": "cache"}]}]
PAIRS = [{"name": "A", "bridge": "back", "peer": {"name": "B"}}]
THEIRS = "ip link add virbr0 type bridge; ip link add vnet0 type veth peer vnet1; ip link set vnet0 master virbr0"
HOSTILE = "\x1b[31mred"  # the kernel takes all but blanks, '/' and ':' for an interface (dev_valid_name())


@pytest.fixture(scope="module")
def hosts():
    """A host with all kinds of things, and one without any."""
    with box("chromium") as full, box() as empty:
        full.run("host_network", networks=DOCUMENT)
        full.run("veth_pair", config=PAIRS)
        full.sh(THEIRS)
        full.host.run(["ip", "link", "add", "name", HOSTILE, "type", "bridge"])
        yield full, empty


def inspect(hosts, folder, *arguments, away=(), picture=""):
    """The output of the playbook, started in the folder, its exit status, and by host the counts of its recap."""
    command, environment = playing(hosts[0], "mooring.net.inspect")
    inventory, settings = folder / "inventory.json", json.loads(command.pop())
    # Variables of the hosts, since those of a command line are the controller's as well.
    names = [*(each.host.name for each in hosts), *away]
    inventory.write_text(json.dumps({"all": {"hosts": dict.fromkeys(names, settings)}}), encoding="utf-8")
    command[1:] = [f"--inventory={inventory}", *command[2:], json.dumps({"mooring_picture": str(picture)}),
                   *arguments]
    done = subprocess.run(command, env={**environment, "PWD": str(folder)}, cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    recap = re.findall(r"^(\S+) +: (.*)$", done.stdout.rpartition("PLAY RECAP")[2], re.MULTILINE)
    return done.stdout, done.returncode, {
        name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)} for name, counts in recap}


def test_a_block_for_each_host_and_a_host_that_is_away(hosts, tmp_path):
    full, empty = hosts
    page = tmp_path / "page.html"
    output, status, counts = inspect(hosts, tmp_path, away=["nowhere"], picture=page.name)
    assert f"[Draw the networks of all hosts in {page}]" in output, output
    assert "\x1b" not in output
    for line in ("bridge0      192.168.5.1/24", "back         10.2.0.1/16", "virbr0", r"\x1b[31mred",
                 "web        netns   eth0", "8080/tcp -> web:80", "web -> db  5432/tcp  database",
                 f"ok: [{empty.host.name}]", "no container network is managed here"):
        assert f"\n{line}" in output, output
    assert "of others" in output and "vnet0" in output
    assert status == 4 and counts["nowhere"]["unreachable"] == 1
    assert [counts[each.host.name]["changed"] for each in hosts] == [0, 0]
    assert [counts[each.host.name]["failed"] for each in hosts] == [0, 0]
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*?)</h2>", text) == sorted([full.host.name, empty.host.name, "nowhere"])
    assert "its network could not be read" in text and "\x1b" not in text


def test_one_host_of_the_inventory(hosts, tmp_path):
    full, empty = hosts
    page = tmp_path / "page.html"
    output, status, counts = inspect(hosts, tmp_path, "--limit", full.host.name, "--check", picture=page)
    assert (status, list(counts)) == (0, [full.host.name]) and "8080/tcp -> web:80" in output
    assert not page.exists(), "check mode writes nothing"


@pytest.fixture(scope="module")
def browser(hosts, tmp_path_factory):
    """The page of the inventory in a browser."""
    full, _empty = hosts
    if full.host.run(["which", PROGRAM], check=False).returncode:
        pytest.skip(f"this release has no package {PROGRAM}")
    folder = tmp_path_factory.mktemp("picture")
    inspect(hosts, folder, picture=folder / "page.html")
    full.host.path("/root/page.html").write_bytes((folder / "page.html").read_bytes())
    found = Browser(full.host)
    found.open("/root/page.html")
    yield found
    found.close()


BOXES = "[...document.querySelectorAll('svg .box[data-c]')]"


def names_of(browser, kind):
    """The containers whose boxes are marked so."""
    return set(browser.say(f"{BOXES}.filter(each => each.classList.contains('{kind}'))"
                           ".map(each => each.querySelector('.n').textContent)"))


def middle_of(browser, name):
    return browser.say(f"(() => {{const box = {BOXES}.find(each => each.querySelector('.n').textContent === '{name}');"
                       "box.scrollIntoView({block: 'center'}); const place = box.getBoundingClientRect();"
                       "return [place.x + place.width / 2, place.y + place.height / 2]})()")


def answer(browser):
    return browser.say("document.getElementById('answer').innerText").split("\n")


def test_the_page_has_every_container_and_needs_nothing(hosts, browser):
    containers = {end["container"] for end in hosts[0].run("network_info")["network"]["endpoints"]}
    shown = set(browser.say("[...document.querySelectorAll('tr[data-r]')].map(row => row.cells[0].textContent)"))
    drawn = set(browser.say(f"{BOXES}.map(each => each.querySelector('.n').textContent)"))
    assert shown == drawn == containers == {"web", "db", "cache"}
    assert browser.requests == ["file:///root/page.html"] and browser.complaints == []


@pytest.mark.parametrize("way", ["mouse", "click", "touch", "keyboard"])
def test_choosing_a_container_shows_who_reaches_it_and_whom_it_reaches(browser, way):
    x, y = middle_of(browser, "db")
    if way == "keyboard":
        browser.say(f"{BOXES}[0].focus()")
        for _count in range(browser.say(f"{BOXES}.findIndex(each => each.querySelector('.n').textContent === 'db')")):
            browser.press("Tab")
        browser.press("Enter")
    else:
        {"mouse": browser.mouse, "click": browser.click, "touch": browser.tap}[way](x, y)
    said = answer(browser)
    assert said[0] == "db" and "web: 5432/tcp" in said and "the host, cache: all ports" in said, said
    assert (names_of(browser, "me"), names_of(browser, "in")) == ({"db"}, {"web", "cache"})
    assert names_of(browser, "out") == {"cache", "web"}
    browser.press("Escape")
    browser.mouse(1, 1)
    browser.say("document.activeElement.blur()")
    assert names_of(browser, "me") == set() and answer(browser)[0].startswith("Point at a container")
    assert browser.complaints == []


@pytest.mark.parametrize(("words", "left"), [
    ("cache", {"cache"}), ("bridge0 8080", {"web"}), ("10.2.0", {"db", "cache"}), ("nobody", set()),
    ("", {"web", "db", "cache"})])
def test_the_filter(browser, words, left):
    browser.say(f"document.getElementById('asked').value = '{words}';"
                "document.getElementById('asked').dispatchEvent(new Event('input'))")
    rows = "[...document.querySelectorAll('tr[data-r]')].filter(row => row.offsetParent)"
    assert set(browser.say(f"{rows}.map(row => row.cells[0].textContent)")) == left
    assert names_of(browser, "off") == {"web", "db", "cache"} - left
    count = browser.say("document.getElementById('count').textContent")
    assert count == (f"{len(left)} of 3 containers" if words else "")


def test_light_dark_and_paper(browser):
    colours = {}
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        browser.ask("Emulation.setEmulatedMedia", media=media,
                    features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours[scheme, media] = browser.say("getComputedStyle(document.body).backgroundColor")
    assert colours["light", "screen"] == colours["dark", "print"] == "rgb(255, 255, 255)" != colours["dark", "screen"]
    assert browser.pdf().startswith(b"%PDF-")


def test_nothing_but_its_own_script_runs(browser):
    """Last, since what the page refuses it complains of."""
    browser.say("const more = document.createElement('script'); more.textContent = 'window.ran = 1';"
                "document.body.append(more)")
    assert browser.say("window.ran === undefined")
    browser.say("fetch('http://198.51.100.9/').catch(() => { window.refused = 1 })")
    assert any("Content Security Policy" in json.dumps(each) for each in browser.complaints)
