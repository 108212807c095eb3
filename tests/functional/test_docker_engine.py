# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of real engines, Docker and Podman, that were started without a network: the collection gives them one."""
import contextlib

import pytest
import testhosts
from pipeline import Pipeline, PipelineError
from traffic import PATIENCE, Place
from worlds import BOX, OUTSIDE

IMAGE = "mooring/busybox:1"
SERVE = ["sh", "-c", 'mkdir -p /www && echo "page of $0" >/www/index.html && exec httpd -f -p 80 -h /www']
NO_SUCH = "is not a running container"


class Engine:
    """A host with a container engine, a bridge, and another host that looks at it from outside."""

    def __init__(self, name, host, outside, pipeline):
        self.name, self.host, self.outside, self.run_module = name, host, Place(outside), pipeline.run
        pipeline.run("docker_bridge", name="bridge0", bip="192.168.5.1/24")

    def command(self, *words):
        return self.host.run([self.name, *words]).stdout.strip()

    def start(self, container):
        """Run a web server in a new container without a network; its id."""
        parent = [f"--cgroup-parent={self.host.cgroup}"] if self.name == "podman" else []
        return self.command("run", "-d", "--network=none", f"--name={container}", "--stop-timeout=0", *parent, IMAGE,
                            *SERVE, container)

    def page(self, address, port, patience=PATIENCE):
        """What a browser outside gets to see, "" when it cannot connect."""
        with self.outside.socket(2, 1) as client, contextlib.suppress(OSError):
            client.settimeout(patience)
            client.connect((address, port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: client.recv(4096), b"")).decode().partition("\r\n\r\n")[2].strip()
        return ""


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request):
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(testhosts.Host.up(f"engine-{request.param}", ["docker"]))
        outside = stack.enter_context(testhosts.Host.up(f"outside-{request.param}"))
        testhosts.link(host, "eth0", [f"{BOX}/24"], outside, "eth0", [f"{OUTSIDE}/24"])
        if request.param == "docker":
            testhosts.start_dockerd(host, bridge="none")
        else:
            testhosts.prepare_podman(host)
        testhosts.import_busybox_image(host, IMAGE, request.param)
        yield Engine(request.param, host, outside, stack.enter_context(Pipeline(host)))


def test_a_container_is_wired_and_its_page_is_fetched(engine):
    identifier = engine.start("web")
    attached = engine.run_module("netns_attach", container="web")
    assert attached["changed"] and attached["endpoint"]["address"] == "192.168.5.2/24"
    assert engine.page(BOX, 8080, 0.3) == ""
    published = engine.run_module("port_publish", container="web", published_ports=["8080:80"])
    assert published["publication"]["published_ports"] == ["0.0.0.0:8080->192.168.5.2:80/tcp"]
    assert engine.page(BOX, 8080) == "page of web"
    assert "192.168.5.2/24" in engine.command("exec", "web", "ip", "address", "show", "eth0")
    assert engine.host.run(["ip", "-n", "web", "-o", "address", "show", "eth0"]).stdout.count("192.168.5.2/24") == 1
    # By its id, long or short, it is the same container.
    for name in ("web", identifier, identifier[:12]):
        for module, options in (("netns_attach", {}), ("port_publish", {"published_ports": ["8080:80"]})):
            assert engine.run_module(module, container=name, **options)["changed"] is False


def test_two_containers_in_one_task_and_their_link(engine):
    engine.start("db")
    engine.start("worker")
    attached = engine.run_module("netns_attach", config=[{"container": "db", "exposed_ports": [80]},
                                                         {"container": "worker", "bridge": "bridge0"}])
    db, worker = (endpoint["address"].partition("/")[0] for endpoint in attached["endpoints"])
    engine.run_module("icc_policy", config=[{"bridge": "bridge0", "icc": False},
                                            {"container": "worker", "links": ["db:database"]}])

    def fetched(inside, address):
        words = ["exec", inside, "timeout", "1", "wget", "-qO-", f"http://{address}/"]
        return engine.host.run([engine.name, *words], check=False).stdout.strip()

    assert fetched("worker", db) == "page of db"
    assert fetched("db", worker) == ""
    engine.run_module("icc_policy", bridge="bridge0", icc=True)
    assert fetched("db", worker) == "page of worker"


def test_a_container_that_was_restarted_is_wired_again_with_its_address(engine):
    before = engine.run_module("network_info", container="web")["network"]["endpoints"][0]["address"]
    engine.command("restart", "web")
    assert engine.page(BOX, 8080, 0.3) == ""
    again = engine.run_module("netns_attach", container="web")
    assert (again["changed"], again["endpoint"]["address"]) == (True, before)
    assert engine.page(BOX, 8080) == "page of web"
    assert engine.run_module("netns_attach", container="web")["changed"] is False
    pid = engine.command("inspect", "--format", "{{.State.Pid}}", "web")
    assert engine.host.path("/run/netns/web").readlink().parts[-3] == pid


def test_a_container_that_came_back_while_another_one_came_has_its_address(engine):
    """Lowest free address or not: what is published at an address belongs to its container."""
    engine.command("restart", "web")
    engine.start("late")
    attached = engine.run_module("netns_attach", container="late")["endpoint"]["address"]
    again = engine.run_module("netns_attach", container="web")["endpoint"]["address"]
    assert (again, attached != again) == ("192.168.5.2/24", True)
    assert engine.page(BOX, 8080) == "page of web"


def test_a_process_of_a_container_names_it_as_well(engine):
    pid = int(engine.command("inspect", "--format", "{{.State.Pid}}", "late"))
    result = engine.run_module("netns_attach", pid=pid, name="late")
    assert result["endpoint"]["container"] == "late" and not any("create veth" in text for text in result["operations"])


def test_a_stopped_container_is_reported_as_such(engine):
    engine.command("stop", "web")
    with pytest.raises(PipelineError, match=f"container: 'web' is not running, says {engine.name}. Start it with "
                                            f"`{engine.name} start web`"):
        engine.run_module("netns_attach", container="web")
    check = engine.run_module("netns_attach", check=True, container="web")
    assert any("is not running" in text for text in check["assumed"])


def test_a_stopped_container_can_leave(engine):
    result = engine.run_module("netns_attach", container="web", state="absent")
    assert result["endpoint"] is None
    info = engine.run_module("network_info")["network"]
    assert "web" not in [endpoint["container"] for endpoint in info["endpoints"]]
    assert not any(port.startswith("web ") for port in info["published_ports"])
    assert not engine.host.path("/run/netns/web").is_symlink()


def test_an_unknown_container_names_the_engines_that_were_asked(engine):
    with pytest.raises(PipelineError, match=f"container: 'nobody' {NO_SUCH} .*docker.*podman.*") as error:
        engine.run_module("netns_attach", container="nobody")
    if engine.name == "podman":
        assert "docker says: " in str(error.value), "the Docker command line is there, and its daemon is not"
    assert "use netns, pid or netns_path" in str(error.value)


def test_the_engine_keeps_what_is_its_own(engine):
    """Nothing that the engine looks after was touched: it still runs its containers, and removes them."""
    engine.run_module("docker_bridge", name="bridge0", state="absent", force=True)
    names = engine.command("ps", "--all", "--format", "{{.Names}}").split()
    assert sorted(names) == ["db", "late", "web", "worker"]
    engine.command("rm", "--force", *names)
    engine.run_module("docker_bridge", name="bridge0", bip="192.168.5.1/24")
