# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a process before a system call of its own choice, as SIGKILL in the middle of a run does.

The process is traced (ptrace(2)): it stops before and after each of its system calls, and is killed while it is stopped
before one, which is then not carried out. Only it is traced, not what it starts. Reading changes nothing, and most
calls only read: what is counted are calls by which something on a host may change, or another process may go on.
"""
import contextlib
import ctypes
import os
import platform
import signal

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_TRACESYSGOOD, _EXITKILL = 1, 0x00100000
_ENTRY = 1  # PTRACE_SYSCALL_INFO_ENTRY

# linux/unistd.h: by machine the number of each call. One that a machine does not have is not made there.
_NUMBERS = {
    "x86_64": {
        "write": 1, "pwrite64": 18, "writev": 20, "sendto": 44, "sendmsg": 46, "clone": 56, "fork": 57, "vfork": 58,
        "wait4": 61, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88,
        "fchmod": 91, "fchown": 93, "mount": 165, "umount2": 166, "sethostname": 170, "unlinkat": 263, "mkdirat": 258,
        "renameat": 264, "linkat": 265, "symlinkat": 266, "unshare": 272, "setns": 308, "clone3": 435, "poll": 7,
        "fcntl": 72, "flock": 73, "open": 2, "openat": 257},
    "aarch64": {
        "write": 64, "pwrite64": 68, "writev": 66, "sendto": 206, "sendmsg": 211, "clone": 220, "wait4": 260,
        "ftruncate": 46, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37, "umount2": 39, "mount": 40,
        "renameat": 38, "fchmod": 52, "fchown": 55, "sethostname": 161, "unshare": 97, "setns": 268, "clone3": 435,
        "ppoll": 73, "fcntl": 25, "flock": 32, "openat": 56}}
_CALLS = {number: name for name, number in _NUMBERS.get(platform.machine(), {}).items()}
_CREATING = os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long


class _Info(ctypes.Structure):
    """struct ptrace_syscall_info, as far as it is about the beginning of a call."""

    _fields_ = [("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 3), ("arch", ctypes.c_uint32),
                ("instruction", ctypes.c_uint64), ("stack", ctypes.c_uint64), ("number", ctypes.c_uint64),
                ("arguments", ctypes.c_uint64 * 6)]


def _ptrace(request, pid, address=0, data=0):
    if _libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(address), data) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run_killed(function, before):
    """Run a function in a child, which is killed before its changing system call of this number, counted from 1.

    :param before: 0 to let it end
    :returns: the names of the calls that were counted, that before which it was killed the last one
    """
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            _ptrace(_TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            function()
        os._exit(0)
    os.waitpid(pid, 0)
    _ptrace(_SETOPTIONS, pid, 0, ctypes.c_void_p(_TRACESYSGOOD | _EXITKILL))
    names, info, passed_on = [], _Info(), 0
    while True:
        _ptrace(_SYSCALL, pid, 0, ctypes.c_void_p(passed_on))
        _pid, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return names
        passed_on = os.WSTOPSIG(status)
        if passed_on != signal.SIGTRAP | 0x80:
            continue  # a signal, which it gets
        passed_on = 0
        if name := _changing(pid, info):
            names.append(name)
            if len(names) == before:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return names


def _changing(pid, info):
    """The name of the call that is about to begin, "" for one that does not count."""
    _ptrace(_GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.byref(info))
    name = _CALLS.get(info.number, "") if info.op == _ENTRY else ""
    if name in ("open", "openat"):
        return name if info.arguments[1 if name == "open" else 2] & _CREATING else ""
    return name
