"""What another process can see of a daemon's memory."""

import ctypes
import dataclasses
import os
import pathlib
import re
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PR_CAPBSET_DROP = 24
CAPABILITIES = 64
SEED = 32
ALIGNED = 8

ATTACH = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
attach, detach, any_thread = 16, 17, 0x40000000
if libc.ptrace(attach, pid, None, None) == 0:
    os.waitpid(pid, any_thread)
    libc.ptrace(detach, pid, None, None)
    print("attached")
else:
    print(os.strerror(ctypes.get_errno()))
try:
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    print("opened")
except OSError as refused:
    print(refused.strerror)
"""


def without_capabilities():
    """For a child before it runs its program: also where it is root's, it is no more than a user."""
    for capability in range(CAPABILITIES):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def attach(pid):
    """What a process of the same user gets that tries to trace this one, and to open its memory."""
    done = subprocess.run(["/usr/bin/python3", "-c", ATTACH, str(pid)], preexec_fn=without_capabilities, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@dataclasses.dataclass
class Region:
    pid: int
    start: int
    end: int
    name: str
    flags: set

    @property
    def is_locked(self):
        return "lo" in self.flags

    @property
    def is_left_out_of_dumps(self):
        return "dd" in self.flags

    def read(self):
        """Empty where the kernel lets nobody read it."""
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            try:
                memory.seek(self.start)
                return memory.read(self.end - self.start)
            except OSError:
                return b""


def regions(pid):
    """The readable ones."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)", line)
        if head:
            found.append(Region(pid, int(head[1], 16), int(head[2], 16), head[4], set()))
        elif line.startswith("VmFlags:"):
            found[-1].flags = set(line.split()[1:])
    return [region for region in found if "rd" in region.flags]


def seed_in(texts, public_key):
    """The Ed25519 seed of this public key, if it stands in one of them."""
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    for text in texts:
        for at in range(0, len(text) - SEED + 1, ALIGNED):
            candidate = text[at : at + SEED]
            if candidate.count(0) < SEED // 2 and Ed25519PrivateKey.from_private_bytes(candidate).public_key().public_bytes(*raw) == public_key:
                return candidate
    return None
