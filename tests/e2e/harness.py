"""A daemon of the test's own: its directory, token, sockets and log, gone with the test."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ["CLAWSIGNER_BIN"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "oracle"))

PATIENCE = float(os.environ.get("CLAWSIGNER_PATIENCE", "20"))
HASH = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o"
RECEIPT = {
    "provider": "openai",
    "model": "gpt-test",
    "request_hash_b64u": HASH,
    "response_hash_b64u": HASH,
    "tokens_input": 10,
    "tokens_output": 20,
    "latency_ms": 30,
}


NUMBERS = itertools.count()


def of_its_own(fields):
    """The same members, but for a nonce and a receipt_id that no other request has: each is taken once."""
    own, number = dict(fields), next(NUMBERS)
    if "receipt_id" in own:
        own["receipt_id"] += ".%d" % number
    if "nonce" in own.get("binding", ()):
        own["binding"] = {**own["binding"], "nonce": "%s.%d" % (own["binding"]["nonce"], number)}
    return own


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("clawsigner", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    @property
    def text(self):
        return self.bytes.decode(errors="backslashreplace")

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.json["error"]["code"]


def request(path, method, target, body=None, headers=None):
    """One request over a Unix socket. `body` is sent as it is when it is a text, else as JSON."""
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    connection = UnixConnection(path)
    try:
        connection.request(method, target, body, headers or {})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def cli(*words, stdin=None):
    return subprocess.run(
        [BIN / "clawsigner", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain for: " + what)


class Daemon:
    """`with Daemon.fresh() as daemon:` makes a development directory and runs a daemon on it."""

    program = "clawsignerd"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.environment = {}  # more of it

    @classmethod
    @contextlib.contextmanager
    def fresh(cls, algorithm="ed25519", start=True):
        parent = tempfile.mkdtemp(prefix="cs-")
        daemon = cls(pathlib.Path(parent) / "d")
        try:
            made = cli("init", "--dev", daemon.directory, "--algorithm", algorithm)
            assert made.returncode == 0, made.stderr
            if start:
                daemon.start()
                daemon.wait_ready()
            yield daemon
        finally:
            daemon.kill()
            shutil.rmtree(parent)

    @property
    def proxy(self):
        return self.directory / "proxy.sock"

    @property
    def issuer(self):
        return self.directory / "issuer.sock"

    @property
    def admin(self):
        return self.directory / "admin.sock"

    @property
    def observe(self):
        return self.directory / "observe.sock"

    @property
    def config(self):
        return self.directory / "clawsigner.toml"

    def beside(self):
        """Another daemon with sockets and state of its own, gone with this one's directory, on the same token."""
        other = Daemon(self.directory.parent / "other")
        (other.directory / "state").mkdir(parents=True, mode=0o700)
        other.config.write_text(self.config.read_text())
        other.edit_config(f"[server]\ndirectory = '{self.directory}'", f"[server]\ndirectory = '{other.directory}'")
        other.edit_config(f"state_directory = '{self.directory}/state'", f"state_directory = '{other.directory}/state'")
        return other

    def run_to_its_end(self):
        """For one that will not start."""
        return subprocess.run([BIN / "clawsignerd", "--config", self.config], capture_output=True, text=True, timeout=60, check=False)

    def edit_config(self, old, new):
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def set_pin(self, text):
        """Replaces the PIN file's content, and returns what it was."""
        pin = self.directory / "pin"
        before = pin.read_text()
        pin.chmod(0o600)
        pin.write_text(text)
        pin.chmod(0o400)
        return before

    def bring_token(self):
        """A token without keys, there from one moment to the next: softhsm2-util can fail beside a daemon that looks for one."""
        with tempfile.TemporaryDirectory(dir=self.directory) as making:
            conf = pathlib.Path(making) / "softhsm2.conf"
            made = pathlib.Path(making) / "tokens"
            made.mkdir()
            conf.write_text(f"directories.tokendir = {made}\nobjectstore.backend = file\n")
            subprocess.run(
                ["softhsm2-util", "--init-token", "--free", "--label", "clawsigner-dev", "--so-pin", "12345678",
                 "--pin", (self.directory / "pin").read_text()],
                env={**os.environ, "SOFTHSM2_CONF": str(conf)}, check=True, capture_output=True)  # fmt: skip
            (token,) = made.iterdir()
            token.rename(self.directory / "tokens" / token.name)

    def pkcs11_tool(self, *words):
        """Does something to the token as another program; not while the daemon is starting. Returns what it prints."""
        done = subprocess.run(
            ["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "clawsigner-dev",
             "--login", "--pin", (self.directory / "pin").read_text(), *words],
            env={**os.environ, "SOFTHSM2_CONF": str(self.directory / "softhsm2.conf")}, check=True, capture_output=True)  # fmt: skip
        return done.stdout.decode(errors="replace")

    def start(self, preexec_fn=None):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [BIN / self.program, "--config", self.config], stderr=log, stdin=subprocess.DEVNULL, preexec_fn=preexec_fn,
                env={**os.environ, **self.environment})  # fmt: skip
        wait_until(lambda: self.speaks() or self.process.poll() is not None, "the daemon's sockets")
        assert self.process.poll() is None, self.log()

    def speaks(self):
        """Does it answer at all, if only that we may not ask?"""
        try:
            return request(self.proxy, "GET", "/healthz").status in (200, 403)
        except OSError:
            return False

    def answers(self, target):
        try:
            return request(self.proxy, "GET", target).status == 200
        except OSError:
            return False

    def wait_ready(self):
        wait_until(lambda: self.answers("/readyz"), "readyz: " + self.log())

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def log(self):
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    def sign(self, fields=None, target="/v1/receipts"):
        return request(self.proxy, "POST", target, {**RECEIPT, **(fields or {})})

    def issue(self, claims):
        return request(self.issuer, "POST", "/v1/tokens", {"claims": claims})

    def jwks(self):
        return request(self.proxy, "GET", "/v1/jwks").json

    def did(self):
        return request(self.proxy, "GET", "/v1/did").json["deployment"]["receiptSignerDidKey"]


class DaemonTest(unittest.TestCase):
    """Tests that share one running daemon; none of them may leave it changed."""

    algorithm = "ed25519"

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.daemon = cls.stack.enter_context(Daemon.fresh(cls.algorithm))
        cls.did = cls.daemon.did()
        cls.scratch = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="cs-")))
        (cls.scratch / "jwks.json").write_text(json.dumps(cls.daemon.jwks()))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def cli_verdict(self, text):
        """What `clawsigner verify receipt` says of a text: (exit code, standard output)."""
        file = self.scratch / "artefact.json"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        done = cli("verify", "receipt", file, "--keys", self.scratch / "jwks.json")
        return done.returncode, done.stdout
