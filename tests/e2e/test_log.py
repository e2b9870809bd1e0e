"""The log as outsiders meet it: proofs checked offline, copies audited, forgeries refused by name."""

import base64
import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import BIN, RECEIPT, ROOT, Daemon, DaemonTest, cli, request, wait_until

ORACLE = ROOT / "tests" / "oracle" / "log_oracle.py"


def oracle(*words):
    return subprocess.run([sys.executable, ORACLE, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def fill(daemon, receipts):
    """So many more leaves, all under a checkpoint."""
    for start in range(0, receipts, 100):
        some = [RECEIPT] * min(100, receipts - start)
        reply = request(daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": some})
        assert reply.status == 200 and all("envelope" in result for result in reply.json["results"]), reply.text
    settle(daemon)


def settle(daemon):
    def is_signed():
        ledger = request(daemon.admin, "GET", "/v1/status").json["ledger"]
        return ledger["checkpoint"] == ledger["size"]

    wait_until(is_signed, "a checkpoint over every leaf")


class Proofs(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cli("log", "key", "--socket", cls.daemon.observe).stdout.strip()
        cls.receipt = cls.scratch / "receipt.json"
        cls.receipt.write_text(cls.daemon.sign().text)
        for _ in range(5):
            cls.daemon.sign()
        cls.proof = cls.prove(cls.receipt)

    @classmethod
    def prove(cls, receipt, *words):
        file = receipt.with_suffix(".tlog-proof")
        done = cli("log", "prove", *(words or ("--receipt", receipt)), "-o", file, "--socket", cls.daemon.observe)
        assert done.returncode == 0, done.stderr
        return file

    def verify(self, proof=None, key=None, receipt=None, *words):
        return cli("verify", "receipt", receipt or self.receipt, "--keys", self.scratch / "jwks.json",
                   "--proof", proof or self.proof, "--log-key", key or self.key, *words)  # fmt: skip

    def edited(self, edit):
        """A proof whose lines were edited: header, extra, index, path, "", the checkpoint."""
        lines = self.proof.read_text().split("\n")
        edit(lines)
        file = self.scratch / "edited.tlog-proof"
        file.write_text("\n".join(lines))
        return file

    def refused(self, reason, **what):
        done = self.verify(**what)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertTrue(done.stdout.startswith("receipt: valid\n"), done.stdout)
        self.assertIn("log: invalid: PROOF_INVALID: " + reason, done.stdout)

    def test_the_proof_of_a_receipt_checks_offline(self):
        done = self.verify()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^receipt: valid$")
        self.assertRegex(done.stdout, r"(?m)^log: included, leaf [0-9]+ of [0-9]+$")
        machine = json.loads(self.verify(None, None, None, "--json").stdout)
        self.assertEqual((machine["valid"], machine["log"]["included"], machine["log"]["artefact"]), (True, True, "gateway_receipt"))
        self.assertEqual(machine["log"]["origin"], self.key.split("+")[0])

    def test_the_key_may_stand_in_a_file_and_the_receipt_alone(self):
        (self.scratch / "log.key").write_text(self.key + "\n")
        envelope = self.scratch / "envelope.json"
        envelope.write_text(json.dumps(json.loads(self.receipt.read_text())["envelope"], indent=2))
        self.assertEqual(self.verify(None, self.scratch / "log.key", envelope).returncode, 0)

    def test_the_oracle_accepts_the_proof(self):
        leaf = self.scratch / "leaf.json"
        leaf.write_bytes(base64.b64decode(self.proof.read_text().split("\n")[1].split(" ")[1]))
        done = oracle("proof", self.proof, leaf, self.key, self.key.split("+")[0])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_legacy_receipt_has_the_next_leaf(self):
        both = self.scratch / "both.json"
        both.write_text(self.daemon.sign(target="/v1/receipts?legacy=1").text)
        first = json.loads(self.verify(self.prove(both), None, both, "--json").stdout)["log"]
        self.assertEqual(first["artefact"], "gateway_receipt")
        settle(self.daemon)
        second = json.loads(self.verify(self.prove(both, "--leaf", first["leaf"] + 1), None, both, "--json").stdout)["log"]
        self.assertEqual((second["leaf"], second["artefact"]), (first["leaf"] + 1, "gateway_receipt_v1.0"))

    def test_the_proof_of_a_token_checks_offline(self):
        answer = self.daemon.issue({"sub": "agent", "aud": "clawproxy.com", "scope": ["proxy:call"], "ttl_sec": 60})
        keys = self.scratch / "issuer.json"
        keys.write_text(request(self.daemon.issuer, "GET", "/v1/jwks").text)
        for name, text in (("answer", answer.text), ("compact", answer.json["token"])):
            file = self.scratch / name
            file.write_text(text)
            proof = self.prove(file, "--token", file)
            done = cli("verify", "token", file, "--keys", keys, "--proof", proof, "--log-key", self.key)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("log: included, leaf ", done.stdout)
        other = cli("verify", "token", file, "--keys", keys, "--proof", self.proof, "--log-key", self.key)
        self.assertEqual(other.returncode, 1)
        self.assertIn("the leaf is that of another kind of artefact: gateway_receipt", other.stdout)

    def test_another_receipt_has_another_leaf(self):
        other = self.scratch / "other.json"
        other.write_text(self.daemon.sign().text)
        self.refused("the leaf is another artefact's: it has another id", receipt=other)

    def test_a_proof_that_was_edited_is_refused_by_name(self):
        empty = self.proof.read_text().split("\n").index("")
        self.assertGreater(empty, 5)  # a path of two hashes at least

        def swap(lines):
            lines[3], lines[4] = lines[4], lines[3]

        def lie(lines):
            lines[empty + 2] = str(int(lines[empty + 2]) + 1)

        def node(lines):
            lines[1] = "extra " + base64.b64encode(b"".join(map(base64.b64decode, lines[3:5]))).decode()

        self.refused("the inclusion path is too short", proof=self.edited(lambda lines: lines.pop(3)))
        self.refused("the inclusion path is too long", proof=self.edited(lambda lines: lines.insert(empty, lines[3])))
        self.refused("the inclusion path does not lead to the root", proof=self.edited(swap))
        self.refused("the inclusion path does not lead to the root", proof=self.edited(node))
        self.refused("the checkpoint has a forged signature", proof=self.edited(lie))
        self.refused("the proof carries no leaf", proof=self.edited(lambda lines: lines.pop(1)))
        self.refused("the proof is not a proof", proof=self.edited(lambda lines: lines.pop(0)))

    def test_another_key_or_origin_is_refused_by_name(self):
        name, number, key = self.key.split("+", 2)
        self.assertEqual(self.verify(key=f"other.example+{number}+{key}").returncode, 2)  # an id is that of name and key
        with Daemon.fresh() as other:
            theirs = cli("log", "key", "--socket", other.observe).stdout.strip()
            receipt = self.scratch / "theirs.json"
            receipt.write_text(other.sign().text)
            proof = self.scratch / "theirs.tlog-proof"
            self.assertEqual(cli("log", "prove", "--receipt", receipt, "-o", proof, "--socket", other.admin).returncode, 0)
        self.refused("the checkpoint is ", key=theirs)
        self.refused("the checkpoint is ", proof=proof)
        if theirs.split("+")[0] == name:
            self.refused("the checkpoint is signed in the key's name by a key with another id", proof=proof)

    def test_what_was_never_logged_has_no_proof(self):
        forged = self.scratch / "forged.json"
        document = json.loads(self.receipt.read_text())
        document["envelope"]["payload"]["receipt_id"] = "rcpt_never"
        forged.write_text(json.dumps(document))
        done = cli("log", "prove", "--receipt", forged, "--socket", self.daemon.observe)
        self.assertEqual(done.returncode, 1)
        self.assertIn("NOT_FOUND", done.stderr)

    def test_usage(self):
        for words in (
            ["log", "prove"],
            ["log", "prove", "--leaf", "1", "--token", "x"],
            ["log", "prove", "--leaf", "-1"],
            ["log", "export"],
            ["log", "audit", "--log-key", "nonsense"],
            ["verify", "receipt", self.receipt, "--signer", self.did, "--proof", self.proof],
        ):
            self.assertEqual(cli(*words).returncode, 2, words)
        for words in (["log", "key"], ["log", "prove", "--leaf", "0"], ["log", "export", self.scratch / "none"], ["log", "audit"]):
            self.assertEqual(cli(*words, "--socket", self.scratch / "no.sock").returncode, 3, words)
        for words in (["log"], ["log", "key"], ["log", "prove"], ["log", "export"], ["log", "audit"]):
            self.assertEqual(cli(*words, "--help").returncode, 0)

    def test_status_shows_the_log(self):
        shown = cli("status", "--socket", self.daemon.admin).stdout
        self.assertRegex(shown, r"LEDGER .*CHECKPOINT")
        self.assertIn(self.key.split("+")[0], shown)


class Copies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.daemon = cls.stack.enter_context(Daemon.fresh())
        fill(cls.daemon, 600)
        cls.scratch = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="cs-")))
        cls.copy = cls.scratch / "log"
        cls.key = cli("log", "key", "--socket", cls.daemon.observe).stdout.strip()
        cls.exported = cli("log", "export", cls.copy, "--socket", cls.daemon.observe)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def files(self, directory):
        return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}

    def audit(self, directory, *words):
        done = cli("log", "audit", directory, "--log-key", self.key, "--json", *words)
        return done.returncode, json.loads(done.stdout)

    def test_an_exported_directory_audits_clean_and_the_oracle_accepts_it(self):
        self.assertEqual(self.exported.returncode, 0, self.exported.stderr)
        code, audit = self.audit(self.copy)
        self.assertEqual((code, audit["good"], audit["findings"]), (0, True, []))
        self.assertGreater(audit["size"], 600)
        done = oracle("tree", self.copy, self.key, self.key.split("+")[0])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(), [str(audit["size"]), base64.b64decode(audit["root"]).hex()])
        people = cli("log", "audit", self.copy)
        self.assertEqual(people.returncode, 0)
        self.assertIn("log: good", people.stdout)
        self.assertEqual(people.stderr, "")

    def test_the_running_log_audits_clean(self):
        done = cli("log", "audit", "--socket", self.daemon.observe, "--from", self.copy / "checkpoint", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        since = cli("log", "audit", "--socket", self.daemon.admin, "--since", 512, "--json")
        self.assertEqual(since.returncode, 0, since.stdout + since.stderr)
        self.assertEqual(json.loads(since.stdout)["since"], 512)

    def test_one_flipped_byte_in_any_file_is_found(self):
        edited = self.scratch / "edited"
        shutil.copytree(self.copy, edited)
        for name, content in self.files(self.copy).items():
            for at in {0, len(content) // 2, len(content) - 1}:
                bad = bytearray(content)
                bad[at] ^= 1
                (edited / name).write_bytes(bad)
                code, audit = self.audit(edited)
                self.assertEqual((code, audit["good"]), (1, False), (name, at))
            (edited / name).write_bytes(content)
        self.assertEqual(self.audit(edited)[0], 0)

    def test_a_fork_is_refused_by_name(self):
        with Daemon.fresh() as other:
            fill(other, 1)
            fork = cli("log", "export", self.copy, "--socket", other.observe)
            self.assertEqual(fork.returncode, 1)
            self.assertIn("PROOF_INVALID: the directory's checkpoint is ", fork.stderr)
            done = cli("log", "audit", "--socket", other.observe, "--from", self.copy / "checkpoint")
            self.assertEqual(done.returncode, 1)
            self.assertIn("found: the older checkpoint is ", done.stdout)

    def test_the_same_bytes_come_from_a_copied_database_and_an_export_goes_on(self):
        log, again, state = self.scratch / "one", self.scratch / "two", self.scratch / "state"
        self.assertEqual(cli("log", "export", log, "--socket", self.daemon.observe).returncode, 0)
        fill(self.daemon, 200)
        self.assertEqual(cli("log", "export", log, "--socket", self.daemon.observe).returncode, 0)
        state.mkdir()
        for file in (self.daemon.directory / "state").glob("ledger.db*"):
            shutil.copy(file, state)
        done = subprocess.run([BIN / "clawsignerd", "export", "--db", state / "ledger.db", again], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        ours, theirs = self.files(log), self.files(again)
        self.assertEqual({name: ours[name] for name in theirs}, theirs)
        self.assertTrue(all(".p/" in name for name in ours.keys() - theirs.keys()))  # the first export's
        self.assertEqual(self.audit(log, "--from", self.copy / "checkpoint")[0], 0)
        self.assertEqual(self.audit(again)[0], 0)


if __name__ == "__main__":
    unittest.main()
