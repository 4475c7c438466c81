"""Confinement: takes the right to do harm away from this process, by means of the Linux kernel.

This file is loaded by a program of its own that runs what a model wrote, so it imports the standard
library alone. What is taken away never comes back, not even for the superuser:

- the network, other programs, other processes and rights, by a seccomp filter;
- all files but those named, by Landlock;
- capabilities, memory, processor time and the size of files.

https://docs.kernel.org/userspace-api/landlock.html
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_DUMPABLE, SECCOMP_MODE_FILTER = 38, 22, 4, 2

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_VERSION_FLAG, LANDLOCK_RULE_PATH_BENEATH = 1, 1
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""All rights on files that a version of Landlock knows; later ones add none for regular files."""

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
CLONE_THREAD = 0x00010000
X32 = 0x40000000
"""Calls of the x32 interface, which share the architecture of x86_64."""

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {
    "x86_64": (
        # network: socket, connect, accept, sendto, recvfrom, bind, listen, socketpair, accept4
        *(41, 42, 43, 44, 45, 49, 50, 53, 288),
        # processes: fork, vfork, execve(at), kill, ptrace, tkill, tgkill, process_vm_*, pidfd_*
        *(57, 58, 59, 62, 101, 200, 234, 310, 311, 322, 424, 434, 438),
        # rights: chmod, fchmod, chown, fchown, lchown, fchownat, fchmodat, fchmodat2, *xattr
        *(90, 91, 92, 93, 94, 260, 268, 452, 188, 189, 190, 197, 198, 199),
        # identity: set*id, setgroups, capset, setrlimit, prlimit64
        *(105, 106, 113, 114, 116, 117, 119, 122, 123, 126, 160, 302),
        # the system: chroot, mount, umount, pivot_root, unshare, setns, modules, kexec, reboot,
        # bpf, perf, keys, io_uring, userfaultfd, open by handle, the new mount calls
        *(161, 165, 166, 155, 272, 308, 175, 176, 313, 246, 320, 169, 321, 298, 248, 249, 250),
        *(425, 426, 427, 323, 304, 428, 429, 430, 431, 432, 433, 442),
        # files by path, where an old Landlock does not look: truncate, utime, utimes, futimesat,
        # utimensat
        *(76, 132, 235, 261, 280),
        # memory and queues that processes share: shm*, sem*, msg*, mq_open
        *(29, 30, 31, 64, 65, 66, 68, 69, 70, 71, 240),
    ),
    "aarch64": (
        *(198, 199, 200, 201, 202, 203, 206, 207, 242),
        *(221, 129, 117, 130, 131, 270, 271, 281, 424, 434, 438),
        *(52, 53, 54, 55, 452, 5, 6, 7, 14, 15, 16),
        *(143, 144, 145, 146, 147, 149, 151, 152, 159, 91, 164, 261),
        *(51, 40, 39, 41, 97, 268, 105, 106, 273, 104, 294, 142, 280, 241, 217, 218, 219),
        *(425, 426, 427, 282, 265, 428, 429, 430, 431, 432, 433, 442),
        *(45, 88),
        *(194, 195, 196, 190, 191, 193, 186, 187, 188, 189, 180),
    ),
}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
"""Refused as unknown, so that the C library starts threads by `clone`, whose flags can be seen."""


class ConfinementError(Exception):
    """This system cannot confine a process; the message says what is missing."""


@dataclass(frozen=True)
class Limits:
    """What a confined process may use.

    Attributes:
        address_bytes: memory it may address.
        processor_s: seconds of processor time.
        file_bytes: size of a file it writes.
    """

    address_bytes: int
    processor_s: int
    file_bytes: int


def confine(readable: Iterable[str], writable: str, limits: Limits) -> tuple[str, ...]:
    """Confine this process for good; threads must not run yet.

    Args:
        readable: folders and files it may read; those that do not exist are left out.
        writable: the one folder it may also write to.

    Returns:
        What is in force, in words.

    Raises:
        ConfinementError: the system lacks one of the means; nothing should be run then.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in ARCHITECTURES:
        raise ConfinementError(f"{sys.platform} on {machine} has no Landlock and seccomp")
    library = ctypes.CDLL(None, use_errno=True)
    _limit(limits)
    _check(library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")
    _check(library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _confine_files(library, readable, writable)
    _drop_capabilities(library)
    _filter_calls(library, machine)
    return (
        "no network and no other process (seccomp)",
        "no file outside its own folder and the standard library (Landlock)",
        "no capabilities",
        (
            f"{limits.address_bytes >> 20} MB of memory, {limits.processor_s} s of processor time,"
            f" files of at most {limits.file_bytes >> 20} MB"
        ),
    )


def _limit(limits: Limits) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, limits.address_bytes),
        (resource.RLIMIT_CPU, limits.processor_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        ours = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (ours, ours))


def _confine_files(library: ctypes.CDLL, readable: Iterable[str], writable: str) -> None:
    version = library.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION_FLAG)
    if version < 1:
        raise ConfinementError("the kernel has no Landlock, or it is switched off")
    rights = RIGHTS_BY_VERSION[min(version, 3)]
    handled = ctypes.create_string_buffer(struct.pack("=Q", rights))
    ruleset = library.syscall(LANDLOCK_CREATE_RULESET, handled, 8, 0)
    _check(ruleset, "landlock_create_ruleset")
    for path in readable:
        if os.path.exists(path):  # noqa: PTH110 - pathlib is not loaded here
            own = READ_FILE | READ_FOLDER if os.path.isdir(path) else READ_FILE  # noqa: PTH112
            _allow(library, ruleset, path, own)
    _allow(library, ruleset, writable, rights)
    _check(library.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor))
        found = library.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
        _check(found, "landlock_add_rule")
    finally:
        os.close(descriptor)


def _drop_capabilities(library: ctypes.CDLL) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    _check(library.capset(header, ctypes.create_string_buffer(24)), "capset")


def _filter_calls(library: ctypes.CDLL, machine: str) -> None:
    """Refuse what is listed with EPERM; a foreign interface ends the process."""
    statements = [
        _statement(LOAD, ARCHITECTURE_AT),
        _statement(EQUAL, ARCHITECTURES[machine], 1, 0),
        _statement(RETURN, KILL),
        _statement(LOAD, NUMBER_AT),
        _statement(AT_LEAST, X32, 0, 1),
        _statement(RETURN, KILL),
    ]
    for number in REFUSED[machine]:
        statements += [
            _statement(EQUAL, number, 0, 1),
            _statement(RETURN, REFUSE | errno.EPERM),
        ]
    statements += [
        _statement(EQUAL, CLONE3, 0, 1),
        _statement(RETURN, REFUSE | errno.ENOSYS),
        _statement(EQUAL, CLONE[machine], 0, 3),
        _statement(LOAD, FIRST_ARGUMENT_AT),
        _statement(ANY_BIT, CLONE_THREAD, 1, 0),
        _statement(RETURN, REFUSE | errno.EPERM),
        _statement(RETURN, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(statements))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(statements), ctypes.addressof(code))
    )
    done = library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)
    _check(done, "the kernel takes no seccomp filter; prctl")


def _statement(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _check(found: int, what: str) -> None:
    if found < 0:
        raise ConfinementError(f"{what}: {os.strerror(ctypes.get_errno())}")
