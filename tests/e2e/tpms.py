"""A daemon whose keys are in a software TPM of the test's own, and that TPM."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness import Daemon, cli, request, wait_until

CONFIG = """
[server]
directory = '{directory}'
state_directory = '{directory}/state'

[backends.chip]
type = "tpm"
tcti = "swtpm:path={socket}"
{pcrs}

[ceiling]
max_ttl_seconds = 3600
audiences = ["*"]
scopes = ["*"]

[trust]
claims_mode = true
allow_unpinned = true
audiences = ["clawproxy.com"]
receipts_without_cst = "all"

[ledger]
origin = "tpm.test/log"
{operators}
"""
FAMILY = """
[families.{family}]
backend = "{backend}"
algorithm = "{algorithm}"
{mode}
"""


class Swtpm:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "tpm"
        self.process = None
        (self.directory / "tpmstate").mkdir()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.directory}/tpmstate",
             "--server", f"type=unixio,path={self.socket}", "--ctrl", f"type=unixio,path={self.socket}.ctrl",
             "--flags", "not-need-init,startup-clear", "--log", f"file={self.directory}/tpm.log"])  # fmt: skip
        wait_until(lambda: self.socket.exists() and pathlib.Path(f"{self.socket}.ctrl").exists(), "the TPM to start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for path in (self.socket, pathlib.Path(f"{self.socket}.ctrl")):
            path.unlink(missing_ok=True)

    def environment(self):
        return {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={self.socket}", "TSS2_LOG": "all+NONE",
                "TPM2OPENSSL_TCTI": f"swtpm:path={self.socket}"}  # fmt: skip

    def tool(self, *words, stdin=None):
        """A program of tpm2-tools, or of somebody who loads a provider for it. Returns its output."""
        done = subprocess.run(list(map(str, words)), env=self.environment(), input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
        return done.stdout

    def extend(self, pcr, value=b"\0" * 32):
        self.tool("tpm2_pcrextend", f"{pcr}:sha256={value.hex()}")

    def state(self, *pcrs):
        """As the daemon takes it: SHA-256 over the values."""
        path = self.directory / "pcrs"
        self.tool("tpm2_pcrread", "-Q", "-o", path, "sha256:" + ",".join(map(str, pcrs)))
        return hashlib.sha256(path.read_bytes()).hexdigest()


def write_config(daemon, tpm, families, pcrs, operators=""):
    text = CONFIG.format(directory=daemon.directory, socket=tpm.socket, pcrs=f'pcrs = "{pcrs}"' if pcrs else "", operators=operators)
    for family, algorithm in families.items():
        mode = 'mode = "sealed"' if algorithm == "ed25519" else ""
        text += FAMILY.format(family=family, backend="chip", algorithm=algorithm, mode=mode)
    daemon.config.write_text(text)


NATIVE = {"gateway_receipt": "p256", "cst": "p256", "work_policy": "p256", "checkpoint": "ed25519"}
SEALED = {**NATIVE, "gateway_receipt": "ed25519"}


@contextlib.contextmanager
def daemon_on_tpm(families=None, pcrs="sha256:0,7", with_keys=True):
    """A daemon, ready, with a key of each family, and its TPM."""
    parent = pathlib.Path(tempfile.mkdtemp(prefix="cs-"))
    daemon = Daemon(parent / "d")
    (daemon.directory / "state").mkdir(parents=True, mode=0o700)
    tpm = None
    try:
        tpm = Swtpm(parent)
        operator = daemon.directory / "operator"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", operator], check=True)
        public = pathlib.Path(f"{operator}.pub").read_text()
        (daemon.directory / "operators").write_text(f'developer namespaces="clawsigner-approval" {public}')
        operators = f"\n[operators]\nallowed_signers = '{daemon.directory}/operators'\nquorum = 1\n"
        families = families or NATIVE
        write_config(daemon, tpm, families, pcrs, operators)
        daemon.start()
        if with_keys:
            wait_until(lambda: backend_of(daemon)["state"] == "ready", "the TPM to be open")
            for family in families:
                made = cli("keys", "create", family, "--why", "a test", "--socket", daemon.admin)
                assert made.returncode == 0, made.stderr
            daemon.wait_ready()
        yield daemon, tpm
    finally:
        daemon.kill()
        if tpm is not None:
            tpm.kill()
        shutil.rmtree(parent)


@contextlib.contextmanager
def daemon_with_both():
    """Receipts and checkpoints in a SoftHSM2 token, the rest in a TPM, without PCRs."""
    with Daemon.fresh(start=False) as daemon:
        tpm = Swtpm(daemon.directory.parent)
        try:
            daemon.edit_config("[ceiling]", f'[backends.chip]\ntype = "tpm"\ntcti = "swtpm:path={tpm.socket}"\n\n[ceiling]')
            for family in ("cst", "work_policy"):
                daemon.edit_config(
                    f'[families.{family}]\nbackend = "main"\nalgorithm = "ed25519"',
                    f'[families.{family}]\nbackend = "chip"\nalgorithm = "p256"',
                )
            daemon.start()
            wait_until(lambda: backend_of(daemon)["state"] == "ready", "the TPM to be open")
            for family in ("cst", "work_policy"):
                made = cli("keys", "create", family, "--why", "a test", "--socket", daemon.admin)
                assert made.returncode == 0, made.stderr
            daemon.wait_ready()
            yield daemon, tpm
        finally:
            daemon.kill()
            tpm.kill()


def backend_of(daemon, name="chip"):
    try:
        backends = request(daemon.admin, "GET", "/v1/status").json["backends"]
        return next(backend for backend in backends if backend["name"] == name)
    except (FileNotFoundError, ConnectionError):
        return {"state": "not there"}
