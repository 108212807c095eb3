# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what Docker's own client makes of ``-p`` strings: ``python3 record.py > docker_client.json``.

Needs the ``docker`` client on PATH and no daemon: a stand-in on a unix socket answers the ping, takes the request that
would create a container, and keeps its port bindings. The client alone parses ``-p``, so they are what Docker means.
"""
from __future__ import annotations

import http.server
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading

CONTAINER_PORTS = """
    80 1 65535 65536 70000 99999999999999999999 0 00080 080 80/tcp 80/udp 80/sctp 80/TCP 80/Udp 80/SCTP 80/icmp 80/tcpp
    80/ 80// 80//tcp 80/tcp/ 80/tcp/udp 80/tcp/80 /tcp / // 80/0 http http/tcp +80 -80 80- - -- 0x50 8_0 8e1 80.0 1,2
    80-80 80-82 80-82/udp 82-80 80-0 0-2 80-82-84 80-82- 65534-65535 65534-65536 80--82 80-abc abc-82 80..82 80/t-p
    80;81 80,81 tcp 80tcp 80:tcp 80/tcp:80 ٨٠ 8٠ 80/ＴＣＰ 127.0.0.1 ::1 [::1] localhost * $PORT ${PORT} {80}
    80#tcp 80?proto=tcp 080-082 80-082/tcp tcp/80 80\\tcp "80" '80'
""".split()
HOST_PORTS = """
    8080:80 8080:80/tcp 8080:80/udp 8080:80/UDP 8080:80/sctp 8080:80/icmp 65535:65535 65536:80 80:65536 70000:80 1:1
    0:80 8080:0 0:0 00:80 08080:080 :80 :80/udp 8080: 8080:/tcp : :: ::: :/ 8080/tcp:80 8080/tcp:80/tcp 53/udp:53/udp
    abc:80 80:abc http:80 8080:http +8080:80 -8080:80 8080:+80 8080-:80 -:80 8080:- 8080:80- 8080:-80 8080--8081:80
    7000-7002:7000-7002 7000-7002:8000-8002 7000-7002:8000-8002/udp 7000-7002:8000-8001 7000-7001:8000-8002
    7000-7002:80 7000-7002:80/udp 7000-7000:80 7000-7000:80-80 8080:80-80 8080:80-82 7002-7000:80 7002-7000:8002-8000
    7000-7002:8002-8000 0-2:80 0-2:80-82 7000-7002-7004:80 7000-7002:80-82-84 7000-7002:0-2 65534-65536:80
    65534-65535:80 7000-abc:80 abc-7002:80 22:22 8022:22 10:10 481342 1319 8080::80 8080:80: 8080:80:80 8080:80:80:80
    8,080:80 8080,8081:80 8080.0:80 localhost:8080:80 example.com::80 eth0:8080:80 *:8080:80 8080:localhost:80
""".split()
HOST_ADDRESSES = """
    127.0.0.1:8080:80 127.0.0.1:8080:80/tcp 127.0.0.1:53:53/udp 127.0.0.1::53/udp 127.0.0.1::80 127.0.0.1:80
    127.0.0.1: 127.0.0.1:: 127.0.0.1::: 127.0.0.1:0:80 127.0.0.1::0 127.0.0.1:7000-7002:80 127.0.0.1::80-82
    127.0.0.1:7000-7002:8000-8002/sctp 127.0.0.1:7000-7001:8000-8002 0.0.0.0:8080:80 0.0.0.0::80 192.0.2.7:443:443
    255.255.255.255:1:1 256.0.0.1:8080:80 127.0.0.01:8080:80 127.1:8080:80 127:8080:80 10.0.0.0/8:8080:80
    127.0.0.1/32:8080:80 0x7f.0.0.1:8080:80 2130706433:8080:80 127.0.0.1.:8080:80 1.2.3:8080:80 1.2.3.4.5:8080:80
    [127.0.0.1]:8080:80 [127.0.0.1]::80 [localhost]:8080:80 127.0.0.1:8080 [::1]:8080:80 [::1]:8080:80/udp [::1]::80
    [::1]:80 [::1]: [::1]:: [::]:8080:80 [::]::80 ::1:8080:80 ::1::80 ::8080:80 :::8080:80 :::80 ::::80 ::1:80
    []:8080:80 []::80
    [2001:db8::1]:8080:80 [2001:DB8::1]:8080:80 [2001:db8:0:0:0:0:0:1]:8080:80 [2001:0db8::0001]:8080:80
    2001:db8::1:8080:80 2001:db8::1::80 [2001:db8::1]:7000-7002:80 [2001:db8::1]:7000-7002:7000-7002/udp
    [2001:db8::g]:8080:80 [2001:db8::1::2]:8080:80 [::ffff:192.0.2.7]:8080:80 ::ffff:192.0.2.7:8080:80
    [::ffff:c000:207]:8080:80 [::192.0.2.7]:8080:80 [fe80::1%eth0]:8080:80 fe80::1%eth0:8080:80 [::1:8080:80
    ::1]:8080:80 [[::1]]:8080:80 [::1]]:8080:80 [::1]x:8080:80 x[::1]:8080:80 [::1]8080:80 [::1]:8080:80:80
    [::1]:0:80 [::1]:8080:0 [::1]:8080: [::1]:65536:80 [::1]:8080:80/icmp [::1/128]:8080:80 (127.0.0.1):8080:80
    http://127.0.0.1:8080:80 127.0.0.1:8080/tcp:80 127.0.0.1,127.0.0.2:8080:80 127.0.0.1-127.0.0.3:8080:80
""".split()
LONG_SYNTAX = """
    target=80 target=80,published=8080 target=80,published=8080,protocol=udp published=8080 published=8080,target=80
    target=80,published=8080,mode=host target=80,published=7000-7002 target=80-82,published=7000-7002 target=0
    target=abc target= = a=b target=80,published target=80,published=8080,protocol=icmp 8080:80,protocol=udp
    target=80,host_ip=127.0.0.1 target=80,published=127.0.0.1:8080 8080:80/tcp=x
""".split()
WITH_SPACES = ["", " ", " 80", "80 ", "\t80", "80\n", "8080: 80", "8080 :80", " 8080:80", "8080:80 ", "80 /tcp",
               "80/ tcp", "80/tcp ", "8080 80", "80 81", "7000 - 7002:80", "7000- 7002:80", "127.0.0.1 :8080:80",
               " 127.0.0.1:8080:80", "127.0.0.1: :80", "[ ::1]:8080:80", "[::1] :8080:80", "target=80, published=8080",
               "80\u00a0", "8080:80\r"]
SPECS = [*CONTAINER_PORTS, *HOST_PORTS, *HOST_ADDRESSES, *LONG_SYNTAX, *WITH_SPACES]


class StandIn(http.server.BaseHTTPRequestHandler):
    """As much of the engine's HTTP interface as ``docker create`` asks for."""

    protocol_version = "HTTP/1.1"
    requests: list[dict] = []

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard output is the table."""

    def answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.50")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.answer(200, "OK")

    def do_GET(self) -> None:
        self.answer(200, "OK")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.partition("?")[0].endswith("/containers/create"):
            self.requests.append(body)
        self.answer(201, {"Id": "0" * 64, "Warnings": []})


def meaning(request: dict) -> list[dict[str, str]]:
    """The port bindings of a request, each value as the client wrote it."""
    return [{"host_ip": binding["HostIp"], "host_port": binding["HostPort"],
             "container_port": port.partition("/")[0], "protocol": port.partition("/")[2]}
            for port, bindings in request["HostConfig"]["PortBindings"].items() for binding in bindings]


def ask(host: str, spec: str) -> dict:
    """What the client does with one string: ``bindings`` that it asked the engine for, or why it ``refused``."""
    StandIn.requests.clear()
    done = subprocess.run(["docker", "-H", host, "create", f"--publish={spec}", "image"], capture_output=True,
                          text=True, check=False, env={"PATH": os.environ["PATH"]})
    if StandIn.requests:
        return {"spec": spec, "bindings": meaning(StandIn.requests[0])}
    lines = done.stderr.strip().splitlines()
    return {"spec": spec, "refused": lines[0] if lines else ""}


def main() -> None:
    version = subprocess.run(["docker", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "engine")
        with socketserver.ThreadingUnixStreamServer(path, StandIn) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            rows = [ask(f"unix://{path}", spec) for spec in dict.fromkeys(SPECS)]
            server.shutdown()
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    sys.stdout.write(f'{{"client": {json.dumps(version)}, "rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
