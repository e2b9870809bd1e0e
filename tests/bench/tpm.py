"""Measures a software TPM, or soaks the key store on one. Run by scripts/bench --tpm and scripts/soak --tpm."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path(os.environ["CLAWSIGNER_BIN"]) / "clawsigner_tpm_bench"
LEAST = 0.8  # of a bare loop
ROWS = (
    ("bare", "Esys_Sign alone, password"),
    ("store", "through the key store, password"),
    ("hmac", "bare, an HMAC session for each"),
    ("salted", "bare, a salted session that encrypts, for each"),
    ("store_with_pcrs", "through the key store, a policy session for each"),
)


class Swtpm:
    def __init__(self, directory):
        self.socket = pathlib.Path(directory) / "tpm"
        state = pathlib.Path(directory) / "state"
        state.mkdir()
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--server", f"type=unixio,path={self.socket}",
             "--ctrl", f"type=unixio,path={self.socket}.ctrl", "--flags", "not-need-init,startup-clear",
             "--log", f"file={directory}/log"])  # fmt: skip
        end = time.monotonic() + 20
        while not (self.socket.exists() and pathlib.Path(f"{self.socket}.ctrl").exists()):
            assert time.monotonic() < end, "swtpm did not start"
            time.sleep(0.01)

    @property
    def tcti(self):
        return f"swtpm:path={self.socket}"

    def hold_a_session(self, directory):
        """As a process does that was ended, or forgot it."""
        subprocess.run(["tpm2_startauthsession", "-S", f"{directory}/held", "--policy-session"], check=True,
                       env={**os.environ, "TPM2TOOLS_TCTI": self.tcti, "TSS2_LOG": "all+NONE"})  # fmt: skip

    def end(self):
        self.process.kill()
        self.process.wait()


def measure(rounds, seconds, as_json):
    figures = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="cs-") as directory:
            tpm = Swtpm(directory)
            try:
                done = subprocess.run([PROGRAM, tpm.tcti, directory, str(seconds)], check=True, capture_output=True, text=True)
            finally:
                tpm.end()
        figures.append(json.loads(done.stdout))
    medians = {name: statistics.median(one[name] for one in figures) for name in figures[0]}
    for name, about in ROWS:
        print(f"{medians[name]:8.0f}/s  {medians[name] / medians['bare']:5.2f}  {about}")
    holds = medians["ratio"] >= LEAST
    print(f"through the key store / bare: {medians['ratio']:.2f}, at least {LEAST}: {'holds' if holds else 'DOES NOT HOLD'}")
    if as_json:
        print(json.dumps(medians))


def soak(count, bound):
    with tempfile.TemporaryDirectory(prefix="cs-") as directory:
        tpm = Swtpm(directory)
        try:
            words = [PROGRAM, tpm.tcti, directory, "soak", str(count)] + (["pcrs"] if bound else [])
            running = subprocess.Popen(words)
            while not list(pathlib.Path(directory).glob("soak/gateway_receipt.*.pem")) and running.poll() is None:
                time.sleep(0.01)
            tpm.hold_a_session(directory)
            code = running.wait()
        finally:
            tpm.end()
    sys.exit(code)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--soak", type=int)
    parser.add_argument("--pcrs", action="store_true", help="soak with keys that are bound to PCRs")
    options = parser.parse_args()
    if options.soak:
        soak(options.soak, options.pcrs)
    else:
        measure(options.rounds, options.seconds, options.json)


main()
