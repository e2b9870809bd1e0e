"""Disks that fail, hang and fill up under a daemon's ledger."""

import contextlib
import errno
import itertools
import os
import shutil
import subprocess
import unittest

from harness import BIN, Daemon

FAULTDISK = BIN.parent / "lib" / "faultdisk.so"
PAGE = 4096


class FaultDisk:
    """The control file and the log of faultdisk.so (tests/support/README.md), for the ledger's database and its write-ahead log."""

    def __init__(self, directory):
        self.control = directory / "disk"
        self.happened = directory / "disk.log"

    @property
    def environment(self):
        return {
            "LD_PRELOAD": str(FAULTDISK),
            "FAULTDISK_NAME": "ledger.db",
            "FAULTDISK_CONTROL": str(self.control),
            "FAULTDISK_LOG": str(self.happened),
            # A sanitizer's own library would come first otherwise.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def write(self, *lines):
        """The next call obeys these lines, and only them."""
        following = self.control.with_suffix(".next")
        following.write_text("\n".join(lines))
        following.rename(self.control)

    def free(self):
        """Nothing goes wrong any more."""
        self.write()

    def fired(self):
        """How many calls something has befallen."""
        return len(self.happened.read_text().splitlines()) if self.happened.exists() else 0


@contextlib.contextmanager
def on_fault_disk(deadline_ms=2000):
    """A running daemon whose ledger's disk is a FaultDisk, its `disk`."""
    with Daemon.fresh(start=False) as daemon:
        daemon.edit_config("[ledger]\n", f"[ledger]\ndeadline_ms = {deadline_ms}\n")
        daemon.disk = FaultDisk(daemon.directory)
        daemon.environment = daemon.disk.environment
        daemon.start()
        daemon.wait_ready()
        yield daemon


def as_root(*words):
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if before and shutil.which("sudo") is None:
        raise RuntimeError("these stories mount a disk: run them as root, or install sudo")
    subprocess.run([*before, *map(str, words)], check=True, capture_output=True)


class SmallDisk:
    """A disk of a few megabytes."""

    def __init__(self, directory):
        self.directory = directory
        self.fillers = itertools.count()

    def fill(self):
        """To the last page."""
        with open(self.directory / f"filler.{next(self.fillers)}", "wb", buffering=0) as filler:
            for size in (1 << 20, PAGE):
                with contextlib.suppress(NoSpace):
                    while True:
                        write(filler, size)

    def free(self):
        for filler in self.directory.glob("filler.*"):
            filler.unlink()


class NoSpace(Exception):
    pass


def write(file, size):
    try:
        written = file.write(bytes(size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        written = 0
    if written < size:
        raise NoSpace


@contextlib.contextmanager
def on_small_disk(megabytes=12):
    """A running daemon with its state on a SmallDisk, its `disk`."""
    with Daemon.fresh(start=False) as daemon:
        state = daemon.directory / "state"
        size = f"size={megabytes}m,mode=0700,uid={os.geteuid()},gid={os.getegid()}"
        try:
            as_root("mount", "-t", "tmpfs", "-o", size, "tmpfs", state)
        except subprocess.CalledProcessError as error:
            # Root in a container that may not mount; the fault disk's stories of a full disk run all the same.
            if b"permission denied" not in error.stderr.lower():
                raise
            raise unittest.SkipTest("nobody may mount a disk here, not even root") from error
        try:
            daemon.disk = SmallDisk(state)
            daemon.start()
            daemon.wait_ready()
            yield daemon
        finally:
            daemon.kill()
            as_root("umount", state)
