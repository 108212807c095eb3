# SPDX-License-Identifier: GPL-3.0-or-later
"""ask.py ADDRESS PORT SECONDS: connect, and print what serve.py answers, or "refused", or "no answer"."""
import socket
import sys

address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
try:
    with socket.create_connection((address, port), seconds) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while part := connection.recv(4096):
            received += part
    print(received.decode().splitlines()[-1])
except (TimeoutError, socket.timeout):  # which is one from Python 3.10 on
    print("no answer")
except ConnectionRefusedError:
    print("refused")
except OSError as error:
    print(error.strerror)
