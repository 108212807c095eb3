# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that does what it can to a host that looks at its files. A program for test hosts.

    attacker.py fuse TARGET [open|getattr]   mounts a file of FUSE over TARGET that no longer answers from there on
    attacker.py lease TARGET                 holds a lease on TARGET, and does not give it up when it is asked to
    attacker.py lock TARGET                  locks TARGET

It writes its process id once it is ready. /dev/fuse is looked for at /srv/fuse, where everybody may open it.
"""
import ctypes
import fcntl
import os
import signal
import struct
import sys

LOOKUP, GETATTR, OPEN, READ, STATFS, INIT = 1, 3, 14, 15, 17, 26  # linux/fuse.h
HEADER = struct.Struct("=IIQQIIII")


def answer(opcode):
    if opcode == INIT:
        return struct.pack("=IIIIHHIIHHI", 7, 31, 65536, 0, 0, 0, 65536, 1, 0, 0, 0) + bytes(28)
    if opcode == GETATTR:  # a regular file of the one who mounted it
        return struct.pack("=QII", 1, 0, 0) + struct.pack("=QQQQQQIIIIIIIIII", 1, 20, 1, *[0] * 6, 0o100644, 1,
                                                         0, 0, 0, 4096, 0)
    if opcode == STATFS:
        return struct.pack("=QQQQQIIII", 1000, 1000, 1000, 1000, 1000, 4096, 255, 4096, 0) + bytes(24)
    return None


def serve_fuse(target, last="open"):
    descriptor = os.open("/srv/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={descriptor},rootmode=100644,user_id={os.getuid()},group_id={os.getgid()},allow_other"
    if libc.mount(b"attack", target.encode(), b"fuse", 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    os.open(target, os.O_PATH)  # asks the server for nothing; who looks at what is open here will
    print(os.getpid(), flush=True)
    while True:
        request = os.read(descriptor, 1 << 17)
        _length, opcode, unique, *_rest = HEADER.unpack_from(request)
        found = answer(opcode)
        if found is not None and not (last == "getattr" and opcode == GETATTR):
            os.write(descriptor, struct.pack("=IiQ", 16 + len(found), 0, unique) + found)


def hold_lease(target):
    descriptor = os.open(target, os.O_RDWR)
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    print(os.getpid(), flush=True)
    signal.pause()


def hold_lock(target):
    fcntl.flock(os.open(target, os.O_RDONLY), fcntl.LOCK_EX)
    print(os.getpid(), flush=True)
    signal.pause()


if __name__ == "__main__":
    {"fuse": serve_fuse, "lease": hold_lease, "lock": hold_lock}[sys.argv[1]](*sys.argv[2:])
