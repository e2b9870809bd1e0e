"""The daemon behind a PKCS#11 module that misbehaves (tests/support/README.md), and what must hold whatever that module does:

- a receipt that was handed out verifies;
- a refusal has a code of docs/api/errors.md and comes within the request's deadline;
- when the fault is over, the daemon signs again, soon and by itself;
- nothing is left behind: no session, no descriptor, no process.
"""

import base64
import contextlib
import http.client
import itertools
import json
import mmap
import os
import pathlib
import re
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

from harness import BIN, PATIENCE, RECEIPT, ROOT, Daemon, UnixConnection, request

import receipt_oracle

# Where the daemon runs the module: "inline", in its own process, or "process", in one apart. In its own process a hang or a crash
# of the module is the daemon's.
ISOLATION = "process"
ENDS_ITS_PROCESS = ("hang", "crash") if ISOLATION == "inline" else ()

MODULE = BIN.parent / "lib" / "faultp11.so"
SLOWNESS = float(os.environ.get("CLAWSIGNER_SLOWNESS", "1"))  # above 1 under sanitizers
DEADLINE = 0.5
SLACK = 0.2 * SLOWNESS
RECOVERY = 2.0 * SLOWNESS
MOST_TOLD = 12
MOST_CONNECTIONS = 8
WARM = 200  # answers after which every thread has signed beside every other
PAUSE = 0.01  # between two requests of a connection: load is many connections, not a full processor


def codes():
    """Every code of the documentation with its HTTP status."""
    text = (ROOT / "docs" / "api" / "errors.md").read_text()
    return {code: int(status) for code, status in re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", text, re.M)}


CODES = codes()


class Violation(AssertionError):
    """Something that must hold does not."""


def wait_for(condition, seconds, what, poll=0.002):
    """Returns what the condition gives once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Violation(f"{what}: not within {seconds:.1f} s")
        time.sleep(poll)
    return value


class FaultModule:
    """The script and the counters of faultp11.so."""

    RECORD = struct.Struct("=56sQ")

    def __init__(self, directory):
        self.script_file = directory / "faults"
        self.state_file = directory / "counters"
        self.scripts = itertools.count()
        self.stamp_before = None

    @property
    def environment(self):
        return {
            "FAULTP11_MODULE": "/usr/lib/softhsm/libsofthsm2.so",
            "FAULTP11_SCRIPT": str(self.script_file),
            "FAULTP11_STATE": str(self.state_file),
        }

    def write(self, *lines):
        """The next call obeys these lines, and only them."""
        self.stamp_before = self.counters().get("script.stamp")
        following = self.script_file.with_suffix(".next")
        # The number makes it another script even within the clock's grain.
        following.write_text("\n".join([*lines, f"# {next(self.scripts)}"]))
        following.rename(self.script_file)

    def counters(self):
        if not self.state_file.exists():
            return {}
        with open(self.state_file, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            return {name.rstrip(b"\0").decode(): value for name, value in self.RECORD.iter_unpack(memory[:])}

    def fired(self, line):
        """How often the line of this number has taken effect."""
        return self.fired_by_line(line)[-1]

    def fired_by_line(self, lines):
        """How often each of the first so many lines has taken effect."""
        counters = self.counters()
        if counters.get("script.stamp") == self.stamp_before:
            return [0] * lines  # nobody has read the script yet
        return [counters[f"line.{line}.fired"] for line in range(1, lines + 1)]

    def functions_called(self):
        return {name.removeprefix("calls.") for name, count in self.counters().items() if name.startswith("calls.") and count}


class FaultyDaemon(Daemon):
    """A daemon whose module is faultp11.so over SoftHSM2, with a deadline that tests have time for."""

    @classmethod
    @contextlib.contextmanager
    def behind_faults(cls, without_token_key=False):
        with cls.fresh(start=False) as daemon:
            if without_token_key:
                daemon.delete_key("clawsigner/cst/1")
            daemon.module = FaultModule(daemon.directory)
            daemon.put_faults_in_between()
            daemon.start()
            daemon.wait_ready_to_sign()
            daemon.remember()
            yield daemon

    def kill(self):
        """Waits for the module's process, too: it outlives the daemon by a moment, in which it may still write."""
        hosts = children(self.process.pid) if self.process is not None and self.process.poll() is None else []
        super().kill()
        wait_for(lambda: all(map(has_ended, hosts)), PATIENCE, "the end of the module's process")

    def put_faults_in_between(self):
        self.edit_config("module = '/usr/lib/softhsm/libsofthsm2.so'", f"module = '{MODULE}'")
        more = ", ".join(f"{name} = '{value}'" for name, value in self.module.environment.items())
        isolation = f'isolation = "{ISOLATION}"\n' if ISOLATION != "inline" else ""
        self.edit_config("environment = { ", isolation + "environment = { " + more + ", ")
        self.edit_config("[ceiling]", f"[signing]\ndeadline_ms = {DEADLINE * 1000:.0f}\n\n[ceiling]")

    def delete_key(self, label):
        for kind in ("privkey", "pubkey"):
            self.pkcs11_tool(
                "--login", "--pin", (self.directory / "pin").read_text(), "--delete-object", "--type", kind, "--label", label
            )

    def pkcs11_tool(self, *words):
        subprocess.run(
            ["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", *words],
            env={**os.environ, "SOFTHSM2_CONF": str(self.directory / "softhsm2.conf")}, check=True, capture_output=True,
        )  # fmt: skip

    def wait_ready_to_sign(self):
        wait_for(lambda: self.sign().status == 200, PATIENCE, "the first signature")

    def remember(self):
        """What is trusted, and what is in use, before anything goes wrong."""
        (key,) = self.jwks()["keys"]
        self.trusted = self.did()
        raw = receipt_oracle.Key(self.trusted).raw
        assert key["x"] == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        # What it opens when many sign at once, it keeps: a channel to the module's process for each thread.
        with Load(self, MOST_CONNECTIONS) as load:
            wait_for(lambda: len(load.answers()) > WARM, PATIENCE, "the first answers")
        self.in_use_before = self.in_use()

    def in_use(self):
        """What must not grow."""
        pid = self.process.pid
        return {
            "sessions": self.module.counters()["sessions.open"],
            "refused PINs": self.module.counters()["pins.refused"],
            "descriptors": len(descriptors(pid)),
            "processes": len(children(pid)),
        }

    def grown(self):
        before = self.in_use_before
        return {what: (before[what], now) for what, now in self.in_use().items() if now > before[what]}


def descriptors(pid):
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except PermissionError:  # the daemon hides itself from its user, too
        return subprocess.run(["sudo", "-n", "ls", f"/proc/{pid}/fd"], check=True, capture_output=True).stdout.split()


class Starvation(threading.Thread):
    """How long the daemon and this test were kept from running although they could have run: by other processes, and by other
    guests of the host. What takes that long is not late."""

    EVERY = 0.05

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.service = daemon.process.pid
        self.stopping = threading.Event()
        self.waits = {}  # of every thread, also of those that have ended since
        self.samples = [(time.monotonic(), self.so_far())]

    def run(self):
        while not self.stopping.wait(self.EVERY):
            self.samples.append((time.monotonic(), self.so_far()))

    def so_far(self):
        for pid in (os.getpid(), self.service, *children(self.service)):
            for thread, text in of_every_thread(pid, "schedstat"):
                self.waits[thread] = int(text.split()[1])
        stolen = int(pathlib.Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")
        return sum(self.waits.values()) / 1e9 + stolen

    def between(self, begun, ended):
        before = max((so_far for when, so_far in self.samples if when <= begun), default=self.samples[0][1])
        after = min((so_far for when, so_far in self.samples if when >= ended), default=self.samples[-1][1])
        return max(after - before, 0)


def children(pid):
    """The processes that any thread of this one has started."""
    return [int(child) for _, text in of_every_thread(pid, "children") for child in text.split()]


def has_ended(pid):
    """Also when nobody has asked for its exit code yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def of_every_thread(pid, name):
    """(thread, what the kernel says of it) of a process; threads and processes that end meanwhile have nothing to say."""
    texts = []
    with contextlib.suppress(OSError):
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                texts.append((thread.name, (thread / name).read_text()))
    return texts


@dataclass(frozen=True)
class Answer:
    begun: float
    ended: float
    status: int
    code: str


class Connection(threading.Thread):
    """A client that signs, one request after another, until it is told to stop, and judges every answer."""

    def __init__(self, daemon, pause_after_refusal):
        super().__init__(daemon=True)
        self.service = daemon
        self.pause_after_refusal = pause_after_refusal
        self.stopping = threading.Event()
        self.answers = []
        self.violations = []

    def run(self):
        connection = UnixConnection(self.service.proxy)
        while not self.stopping.is_set():
            self.ask(connection)
            self.stopping.wait(self.pause_after_refusal if self.answers and self.answers[-1].code else PAUSE)
        connection.close()

    def ask(self, connection):
        begun = time.monotonic()
        try:
            connection.request("POST", "/v1/receipts", json.dumps(RECEIPT))
            response = connection.getresponse()
            status, text = response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.violations.append(f"no answer: {error!r}")
            connection.close()
            return
        ended = time.monotonic()
        self.answers.append(Answer(begun, ended, status, self.judge(status, text)))

    def judge(self, status, text):
        """Returns the code of a refusal, and notes what must not be."""
        if status == 200:
            try:
                receipt_oracle.verify(text, self.service.trusted)
            except receipt_oracle.Refused as refused:
                self.violations.append(f"a receipt that does not verify: {refused}: {text}")
            return ""
        code = json.loads(text)["error"]["code"]
        if CODES.get(code) != status:
            self.violations.append(f"{status} {code} is not in docs/api/errors.md")
        return code


class Load:
    """So many connections that sign at the same time."""

    def __init__(self, daemon, connections, pause_after_refusal=PAUSE):
        self.connections = [Connection(daemon, pause_after_refusal) for _ in range(connections)]
        self.starvation = Starvation(daemon)

    def __enter__(self):
        self.starvation.start()
        for connection in self.connections:
            connection.start()
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.stopping.set()
        for connection in self.connections:
            connection.join(PATIENCE)
        self.starvation.stopping.set()
        self.starvation.join(PATIENCE)

    def answers(self):
        return [answer for connection in self.connections for answer in list(connection.answers)]

    def violations(self):
        late = [f"{a.code} after {(a.ended - a.begun) * 1000:.0f} ms" for a in self.answers() if a.code and self.is_late(a)]
        told = late + [violation for connection in self.connections for violation in connection.violations]
        return told[:MOST_TOLD] + [f"and {len(told) - MOST_TOLD} more"] * (len(told) > MOST_TOLD)

    def is_late(self, answer):
        seconds = answer.ended - answer.begun
        return seconds > DEADLINE + SLACK and seconds > DEADLINE + SLACK + self.starvation.between(answer.begun, answer.ended)

    def all_asked_since(self, moment):
        """Has every connection had an answer to something it asked after that moment?"""
        return all(connection.answers and connection.answers[-1].begun > moment for connection in self.connections)

    def signed_since(self, moment):
        """When a signature arrived that was asked for after that moment; 0 for never."""
        return min((a.ended for a in self.answers() if a.status == 200 and a.begun > moment), default=0)

    def recovery(self, over):
        """How long after the fault was over a signature came, asked for when all that the fault had touched had been answered."""
        wait_for(lambda: self.all_asked_since(over), PATIENCE, "answers to the requests under way")
        settled = max(over, time.monotonic())
        signed = wait_for(lambda: self.signed_since(settled), 4 * RECOVERY, "a signature")
        return signed - over


def nothing_is_left_behind(daemon):
    """The daemon notices the end of a connection, and a dead process, a little later."""
    with contextlib.suppress(Violation):
        wait_for(lambda: not daemon.grown(), RECOVERY, "nothing left behind")
    return [f"{what}: {before} before, {now} now" for what, (before, now) in daemon.grown().items()]


def every_key_signs(daemon):
    """A key that is no longer trusted, though nothing is wrong with it, is a fault that has not passed."""
    keys = []

    def all_sign():
        keys[:] = request(daemon.admin, "GET", "/v1/keys").json["keys"]
        return len(keys) == 4 and all(key["signing"] for key in keys)

    try:
        wait_for(all_sign, RECOVERY, "every key signs")
    except Violation as violation:
        return [f"{violation}: {keys}"]
    return []


def backend_of(daemon):
    if daemon.process.poll() is not None:
        raise Violation(f"the daemon has ended with {daemon.process.returncode}")
    return request(daemon.admin, "GET", "/v1/status").json["backends"][0]


def after_fault(daemon, load, over):
    """Everything that must hold now that the fault is over. Returns (violations, seconds until it signed again)."""
    violations = []
    try:
        recovery = load.recovery(over)
        if recovery > RECOVERY + load.starvation.between(over, over + recovery):
            violations.append(f"signed again only after {recovery:.2f} s")
    except Violation as violation:
        recovery = float("inf")
        violations.append(f"{violation}; last answers {[a.code for a in load.answers()[-3:]]}, backend {backend_of(daemon)}")
    return violations, recovery
