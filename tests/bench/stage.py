"""What is measured: daemons and their peers, on SoftHSM tokens, all in one directory that is gone when the stage is."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import BIN, HASH, Daemon, cli, request, wait_until  # noqa: E402

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
# What ssh-agent may load is compared with the path behind every link.
SSH_AGENT_MAY_LOAD = "/usr/lib/softhsm/*,/usr/lib/x86_64-linux-gnu/softhsm/*"
P11_KIT_CLIENT = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so"
TOKEN = "clawsigner-dev"
PROOF = "/v1/log/proof?leaf=654321"
PATIENCE = 25  # seconds; the daemon gives itself 20 to stop

RECEIPT = {
    "provider": "anthropic",
    "model": "claude-sonnet-4",
    "request_hash_b64u": HASH,
    "response_hash_b64u": HASH,
    "tokens_input": 17,
    "tokens_output": 4,
    "latency_ms": 840,
}
BODIES = {
    "receipt": RECEIPT,
    "batch": {"receipts": [RECEIPT] * 1000},
    "token": {"claims": {"sub": "did:key:zAgent", "aud": "clawproxy.com", "scope": ["proxy:call"]}},
}


class Token:
    """A SoftHSM token for processes that run one after another: C_Login rewrites the token's file."""

    def __init__(self, directory, pin_file):
        self.pin_file = pin_file
        self.env = {"SOFTHSM2_CONF": str(directory / "softhsm2.conf")}


class Stage:
    def __init__(self, stack):
        self._stack = stack
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="clawsigner-bench."))
        stack.callback(shutil.rmtree, self.directory)
        for name, body in BODIES.items():
            self.body(name).write_text(json.dumps(body))
        # Tokens are made before any process looks at one.
        self.ed25519 = self._make_unlogged("ed25519", "ed25519")
        self.p256 = self._make_unlogged("p256", "p256")
        self.p256_unverified = self._make_unlogged("p256-unverified", "p256")
        self.p256_unverified.edit_config("[backends.main]", "[signing]\nverify_one_in = 1000000\n\n[backends.main]")
        self.child = self._make_unlogged("child", "ed25519")
        self.child.edit_config("[backends.main]", '[backends.main]\nisolation = "process"')
        self.fresh = self._make_daemon("fresh", "ed25519")
        self.million = self._make_daemon("million", "ed25519")
        self.million_is_filled = False
        self.ledger = self._make_daemon("ledger", "ed25519")
        self.p256_ledger = self._make_daemon("p256-ledger", "p256")
        self.ed25519_token = self._copy_token(self.ed25519)
        self.p256_token = self._copy_token(self.p256)
        # One after another, so that no two log in at once; each has a token of its own besides.
        for daemon in (self.ed25519, self.p256, self.p256_unverified, self.child, self.ledger, self.p256_ledger):
            self.start_daemon(daemon)
        self.ssh_agent = self._start_ssh_agent(self._copy_token(self.p256))
        self.p11_kit = self._start_p11_kit(self._copy_token(self.p256))

    def body(self, name):
        return self.directory / f"{name}.json"

    def _make_daemon(self, name, algorithm):
        daemon = Daemon(self.directory / name)
        made = cli("init", "--dev", daemon.directory, "--algorithm", algorithm)
        assert made.returncode == 0, made.stderr
        return daemon

    def _make_unlogged(self, name, algorithm):
        """A daemon whose ledger records nothing."""
        daemon = self._make_daemon(name, algorithm)
        daemon.program = "clawsignerd_unlogged"
        return daemon

    def _copy_token(self, daemon):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="token.", dir=self.directory))
        shutil.copytree(daemon.directory / "tokens", directory / "tokens")
        conf = (daemon.directory / "softhsm2.conf").read_text()
        (directory / "softhsm2.conf").write_text(conf.replace(str(daemon.directory), str(directory)))
        return Token(directory, daemon.directory / "pin")

    def start_daemon(self, daemon):
        self._stack.callback(self.stop_daemon, daemon)  # by SIGTERM: SIGKILL during a login costs a SoftHSM token
        daemon.start()
        daemon.wait_ready()

    def stop_daemon(self, daemon):
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.process.terminate()
            daemon.process.wait(PATIENCE)

    def _start(self, argv, env, name):
        """A peer in a process group of its own, which ends as a whole: ssh-agent and p11-kit have children."""
        with open(self.directory / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._stack.callback(self._end_group, process)
        return process

    @staticmethod
    def _end_group(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)

    def _start_ssh_agent(self, token):
        socket = self.directory / "agent.sock"
        self._start(["ssh-agent", "-D", "-a", socket, "-P", SSH_AGENT_MAY_LOAD], token.env, "ssh-agent")
        wait_until(socket.exists, "ssh-agent")
        askpass = self.directory / "askpass"
        askpass.write_text(f"#!/bin/sh\ncat '{token.pin_file}'\n")
        askpass.chmod(0o700)
        env = {**os.environ, "SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
        added = subprocess.run(["ssh-add", "-s", SOFTHSM], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert added.returncode == 0, added.stderr
        return socket

    def _start_p11_kit(self, token):
        socket = self.directory / "p11-kit.sock"
        self._start(["p11-kit", "server", "-f", "--provider", SOFTHSM, "-n", socket, "pkcs11:"], token.env, "p11-kit")
        wait_until(socket.exists, "p11-kit server")
        self.p11_kit_pin_file = token.pin_file
        return socket

    # Measurements: each takes about a second and answers per_second, p50_us, p99_us.

    def _bench(self, *words, env=None):
        done = subprocess.run(
            [BIN / "clawsigner_bench", *map(str, words)], env={**os.environ, **(env or {})},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _load(self, command, socket, connections):
        return [command, "--socket", socket, "--connections", connections]

    def sign(self, token, threads, *more):
        return self._bench(
            "sign", "--module", SOFTHSM, "--token", TOKEN, "--pin-file", token.pin_file, "--threads", threads, *more,
            env=token.env,
        )  # fmt: skip

    def sign_through_p11_kit(self, threads):
        return self._bench(
            "sign", "--module", P11_KIT_CLIENT, "--token", TOKEN, "--pin-file", self.p11_kit_pin_file, "--threads", threads,
            env={"P11_KIT_SERVER_ADDRESS": f"unix:path={self.p11_kit}"},
        )  # fmt: skip

    def receipts(self, daemon, connections):
        return self._bench(*self._load("post", daemon.proxy, connections), *self._receipt())

    def decision(self):
        """Inside a process: no socket, no daemon."""
        done = subprocess.run([BIN / "clawsigner_decide_bench"], capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def idle(self, daemon):
        """Requests with pauses between them."""
        return self._bench("idle", "--socket", daemon.proxy, *self._receipt())

    def fdatasync(self):
        return self._bench("fdatasync", self.directory)

    def batch(self, daemon):
        """Receipts, not batches, a second."""
        words = ["--target", "/v1/receipts/batch", "--body", self.body("batch"), "--batch"]
        figures = self._bench(*self._load("post", daemon.proxy, 1), *words)
        return {"per_second": figures["per_second"] * len(BODIES["batch"]["receipts"])}

    def tokens(self, daemon):
        issuer = daemon.directory / "issuer.sock"
        return self._bench(*self._load("post", issuer, 1), "--target", "/v1/tokens", "--body", self.body("token"))

    def of_a_million(self):
        """How long a daemon takes to start on a million leaves, and to prove one of them."""
        if not self.million_is_filled:
            self._bench("fill", self.million.directory / "state", "--leaves", 1_000_000)
            self.start_daemon(self.million)  # once, so that the file is in memory
            self.stop_daemon(self.million)
            self.million_is_filled = True
        began = time.monotonic()
        self.start_daemon(self.million)
        started = time.monotonic() - began
        wait_until(lambda: request(self.million.observe, "GET", PROOF).status == 200, "a checkpoint over a million leaves")
        proof = self._bench(*self._load("get", self.million.observe, 1), "--target", PROOF)
        self.stop_daemon(self.million)
        return {"million_start_ms": started * 1000, "million_proof_p50_us": proof["p50_us"]}

    def _receipt(self):
        return ["--target", "/v1/receipts", "--body", self.body("receipt")]

    @contextlib.contextmanager
    def flood(self, daemon, connections):
        """While it lasts, so many connections ask for receipts as fast as they get them."""
        words = ["--milliseconds", 60_000, *self._load("post", daemon.proxy, connections), *self._receipt()]
        process = subprocess.Popen([BIN / "clawsigner_bench", *map(str, words)], stdout=subprocess.DEVNULL)
        try:
            yield
            assert process.poll() is None, "the flood ended too early"
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def ssh_agent_signatures(self, connections):
        return self._bench(*self._load("agent", self.ssh_agent, connections))

    def fresh_rss_mib(self):
        """Of a daemon that has just started and signed one receipt."""
        self.start_daemon(self.fresh)
        answer = self.fresh.sign(RECEIPT)
        assert answer.status == 200, answer.text
        status = pathlib.Path(f"/proc/{self.fresh.process.pid}/status").read_text()
        self.stop_daemon(self.fresh)
        (kib,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(kib) / 1024
