# SPDX-License-Identifier: GPL-3.0-or-later
"""serve.py NAME PORT...: answer every connection with the server's name, its port, and the address that it saw.

Port 80 speaks HTTP, the others send one line. Prints "ready" when all ports are open.
"""
import http.server
import socketserver
import sys
import threading


def answer(name, server, client):
    return f"{name}:{server.server_address[1]} saw {client[0]}\n".encode()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = answer(NAME, self.server, self.client_address)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_arguments):
        pass


class Line(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(answer(NAME, self.server, self.client_address))


NAME = sys.argv[1]
socketserver.ThreadingTCPServer.allow_reuse_address = True
for port in map(int, sys.argv[2:]):
    listener = socketserver.ThreadingTCPServer(("0.0.0.0", port), Page if port == 80 else Line)
    threading.Thread(target=listener.serve_forever).start()
print("ready", flush=True)
threading.Event().wait()  # Python 3.12.1 starts no thread any more once the first one has ended
