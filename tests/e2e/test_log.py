"""The log as outsiders meet it: proofs checked offline, copies audited, forgeries refused by name."""

import base64
import contextlib
import datetime
import json
import pathlib
import re
import shutil
import sqlite3
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


def log_key(daemon):
    """The log names its key with its first checkpoint."""
    wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the first checkpoint")
    done = cli("log", "key", "--socket", daemon.observe)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Proofs(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = log_key(cls.daemon)
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
            theirs = log_key(other)
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
            # A variable that a script forgot to set is no option left out.
            ["verify", "receipt", self.receipt, "--signer", self.did, "--proof", self.proof, "--log-key", ""],
            ["verify", "receipt", self.receipt, "--signer", self.did, "--proof", "", "--log-key", ""],
            ["log", "audit", "--from", ""],
            ["log", "audit", "--log-key", ""],
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
        cls.key = log_key(cls.daemon)
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


NOW = "2999-01-01"  # later than every leaf; the daemon takes no such day


def bodies(daemon, until):
    """The leaves before that one whose bodies are in the database's file."""
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/state/ledger.db?mode=ro", uri=True)) as database:
        return {index: json.loads(body)["type"] for index, body in database.execute("SELECT idx, body FROM leaf WHERE idx < ?", (until,))}


def moment():
    """This one, as the daemon's clock has it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Pruning(unittest.TestCase):
    """A log of 600 receipts and a stop, exported; then a new receipt."""

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.daemon = self.stack.enter_context(Daemon.fresh())
        self.scratch = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="cs-")))
        self.first = self.scratch / "first.json"
        self.first.write_text(self.daemon.sign({"receipt_id": "rcpt_first"}).text)
        fill(self.daemon, 600)
        self.proof = self.scratch / "first.proof"
        self.assertEqual(cli("log", "prove", "--receipt", self.first, "-o", self.proof, "--socket", self.daemon.observe).returncode, 0)
        self.restart()
        settle(self.daemon)
        self.key = log_key(self.daemon)
        self.copy = self.scratch / "log"
        self.export(self.copy)

    def export(self, directory):
        done = cli("log", "export", directory, "--socket", self.daemon.observe)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def restart(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.daemon.wait_ready()

    def ask(self, before=None, *words):
        return cli("log", "prune", "--before", before or moment(), "--export", self.copy, "--log-key", self.key, "--json",
                   "--socket", self.daemon.admin, *words)  # fmt: skip

    def approve(self, filed):
        waiting = json.loads(filed.stdout)["request"]
        key = self.daemon.directory / "operator"
        done = cli("approvals", "approve", waiting["id"], "--key", key, "--yes", "--json", "--socket", self.daemon.admin)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return waiting["arguments"]["until"]

    def prune(self):
        filed = self.ask()
        self.assertEqual(filed.returncode, 0, filed.stdout + filed.stderr)
        until = self.approve(filed)
        wait_until(lambda: self.is_pruned(until), "the bodies to go")
        return until

    def is_pruned(self, until):
        return set(bodies(self.daemon, until).values()) <= {"setting", "act", "manifest", "state"}

    def ledger(self):
        return request(self.daemon.admin, "GET", "/v1/status").json["ledger"]

    def audit(self, *words):
        done = cli("log", "audit", "--socket", self.daemon.observe, "--log-key", self.key, "--json", *words)
        return done.returncode, json.loads(done.stdout)

    def damage(self):
        wait_until(lambda: self.ledger()["checked"] or self.ledger()["state"] == "damaged", "the ledger to be gone through")
        return self.ledger().get("why", {}).get("message", "")

    def test_it_waits_for_operators_and_then_bodies_go_and_everything_else_stays(self):
        filed = self.ask(None, "--why", "the archive has them")
        self.assertEqual(filed.returncode, 0, filed.stdout + filed.stderr)
        waiting = json.loads(filed.stdout)["request"]
        self.assertEqual((waiting["act"], waiting["arguments"]["until"]), ("log.prune", 512))
        self.assertEqual(len(bodies(self.daemon, 512)), 512)
        self.assertEqual(self.ledger()["pruned"], 0)
        self.approve(filed)
        wait_until(lambda: self.is_pruned(512), "the bodies to go")
        self.assertEqual((self.ledger()["pruned"], self.ledger()["state"]), (512, "good"))

        gone = request(self.daemon.observe, "GET", "/v1/log/tile/entries/000")
        self.assertEqual((gone.status, gone.code), (404, "NOT_FOUND"))
        self.assertIn("was pruned", gone.json["error"]["message"])
        self.assertEqual(request(self.daemon.observe, "GET", "/v1/log/tile/0/000").status, 200)
        refused = cli("log", "prove", "--receipt", self.first, "--socket", self.daemon.observe)
        (leaf,) = re.findall("leaf ([0-9]+) was pruned", refused.stderr)
        (self.scratch / "jwks.json").write_text(json.dumps(self.daemon.jwks()))
        late = self.scratch / "late.proof"
        self.assertEqual(cli("log", "prove", "--leaf", leaf, "--from", self.copy, "-o", late).returncode, 0)
        for proof in (self.proof, late):
            done = cli("verify", "receipt", self.first, "--keys", self.scratch / "jwks.json", "--proof", proof, "--log-key", self.key)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.daemon.sign({"receipt_id": "rcpt_first"}).code, "ID_REUSED")
        self.assertEqual(request(self.daemon.proxy, "GET", "/v1/keys/manifest").status, 200)

        self.restart()
        self.assertEqual(self.damage(), "")
        self.assertEqual(self.daemon.sign({"receipt_id": "rcpt_first"}).code, "ID_REUSED")
        again = self.ask()
        self.assertEqual((again.returncode, json.loads(again.stdout)["error"]["field"]), (1, "until"))

    def test_what_came_free_is_used_again_or_given_back_offline(self):
        self.prune()
        self.assertEqual(self.daemon.stop(), 0)
        file = self.daemon.directory / "state" / "ledger.db"
        before = file.stat().st_size
        with contextlib.closing(sqlite3.connect(file)) as database:
            (pages,) = database.execute("PRAGMA freelist_count").fetchone()
            self.assertGreater(pages, 40)
            database.execute("VACUUM")
        self.assertLess(file.stat().st_size, before - 40 * 4096)
        self.daemon.start()
        self.daemon.wait_ready()
        self.assertEqual(self.damage(), "")

    def test_an_audit_says_what_it_could_not_see_and_sees_it_with_the_export(self):
        self.prune()
        settle(self.daemon)
        code, audit = self.audit("--from", self.copy / "checkpoint")
        self.assertEqual((code, audit["good"], audit["pruned"]), (0, True, 512), audit)
        self.assertNotIn("spent_sha256", audit)
        people = cli("log", "audit", "--socket", self.daemon.observe)
        self.assertEqual(people.returncode, 0, people.stdout + people.stderr)
        self.assertIn("pruned: leaves 0 to 511 have their hashes here, and no bodies", people.stdout)
        code, audit = self.audit("--with", self.copy)
        self.assertEqual((code, audit["good"], audit["pruned"]), (0, True, 0), audit)
        self.assertIn("spent_sha256", audit)
        bundle = self.copy / "tile" / "entries" / "000"
        bundle.write_bytes(bundle.read_bytes().replace(b"role.proxy", b"role.admin", 1))
        self.assertEqual(self.audit("--with", self.copy)[1]["good"], False)

    def test_an_export_says_what_it_lacks_and_an_old_one_goes_on(self):
        self.prune()
        self.daemon.sign()
        settle(self.daemon)
        new = self.scratch / "new"
        self.assertIn("lacks the bodies of leaves 0 to 511", self.export(new))
        self.assertNotIn("lacks", self.export(self.copy))
        for directory, good in ((self.copy, True), (new, False)):
            done = cli("log", "audit", directory, "--log-key", self.key, "--json")
            self.assertEqual(json.loads(done.stdout)["good"], good, done.stdout)
        done = cli("log", "audit", new, "--log-key", self.key, "--since", 512)
        self.assertEqual(done.returncode, 0, done.stdout)
        refused = cli("log", "prune", "--before", moment(), "--export", new, "--log-key", self.key, "--socket", self.daemon.admin)
        self.assertIn("PROOF_INVALID: the export does not hold", refused.stderr)

    def test_a_copied_database_that_was_pruned_brings_an_export_up_to_date(self):
        self.prune()
        self.daemon.sign()
        settle(self.daemon)
        copy = self.scratch / "state"
        copy.mkdir()
        with contextlib.closing(sqlite3.connect(f"file:{self.daemon.directory}/state/ledger.db?mode=ro", uri=True)) as database:
            database.execute("VACUUM INTO ?", (str(copy / "ledger.db"),))
        for directory, code in ((self.copy, 0), (self.scratch / "new", 1)):
            done = subprocess.run([BIN / "clawsignerd", "export", "--db", copy / "ledger.db", directory], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(cli("log", "audit", directory, "--log-key", self.key).returncode, code)

    def test_a_bundle_of_leaves_that_all_stay_is_no_hole_in_what_is_gone(self):
        ceiling = request(self.daemon.admin, "GET", "/v1/ceiling").json
        terms = {name: ceiling[name] for name in ("max_ttl_seconds", "audiences", "scopes")}
        for _ in range(520):
            self.assertEqual(request(self.daemon.admin, "POST", "/v1/ceiling", terms).status, 200)
        fill(self.daemon, 300)
        self.restart()
        settle(self.daemon)
        self.export(self.copy)
        until = self.prune()
        settle(self.daemon)
        whole = [index for index in range(until // 256) if len(set(bodies(self.daemon, until)) & set(range(256 * index, 256 * index + 256))) == 256]
        self.assertEqual(len(whole), 1)
        self.assertEqual(request(self.daemon.observe, "GET", f"/v1/log/tile/entries/{whole[0]:03}").status, 404)
        self.assertIn("lacks the bodies of leaves 0 to", self.export(self.scratch / "new"))
        code, audit = self.audit("--with", self.copy)
        self.assertEqual((code, audit["good"]), (0, True), audit)

    def test_nothing_goes_before_a_checkpoint_shows_why(self):
        def keys(*words):
            done = cli("keys", *words, "--json", "--socket", self.daemon.admin)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done

        filed = self.ask()
        keys("freeze", "checkpoint", "--yes")
        until = self.approve(filed)
        self.daemon.sign()
        self.assertEqual(len(bodies(self.daemon, until)), until)
        self.assertEqual(self.audit()[0], 0)
        waiting = json.loads(keys("unfreeze", "checkpoint").stdout)["request"]["id"]
        done = cli("approvals", "approve", waiting, "--key", self.daemon.directory / "operator", "--yes", "--socket", self.daemon.admin)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        wait_until(lambda: self.is_pruned(until), "the bodies to go")
        self.assertEqual(self.audit()[1]["good"], True)

    def test_what_does_not_fit_is_refused(self):
        self.assertIn("the export are that old", self.ask("2020-01-01").stdout)
        self.assertEqual(json.loads(self.ask(NOW).stdout)["error"]["field"], "before")
        self.assertEqual(self.ask("yesterday").returncode, 2)
        good = {name: value for name, value in json.loads(self.ask().stdout)["request"]["arguments"].items()}
        for field, value in (
            ("until", 511), ("until", 0), ("until", good["state"] + 256), ("state", good["state"] - 1), ("state", good["size"]),
            ("size", 1 << 40), ("root", base64.b64encode(bytes(32)).decode()), ("before", "2020-01-01T00:00:00.000Z"),
        ):  # fmt: skip
            reply = request(self.daemon.admin, "POST", "/v1/log/prune", good | {field: value})
            self.assertEqual((reply.status, reply.code), (400, "INVALID_FIELD"), (field, value, reply.text))
        with Daemon.fresh() as other:
            fill(other, 700)
            self.assertEqual(other.stop(), 0)
            other.start()
            other.wait_ready()
            settle(other)
            reply = request(other.admin, "POST", "/v1/log/prune", good)
            self.assertEqual((reply.status, reply.json["error"]["field"]), (400, "root"), reply.text)
        bundle = self.copy / "tile" / "entries" / "000"
        bundle.write_bytes(bundle.read_bytes()[:-1])
        self.assertEqual(json.loads(self.ask().stdout)["error"]["code"], "PROOF_INVALID")

    def test_a_kill_right_after_the_approval_leaves_nothing_half_done(self):
        until = self.approve(self.ask())
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_ready()
        wait_until(lambda: self.is_pruned(until), "the bodies to go")
        self.assertEqual(self.damage(), "")

    def test_a_nonce_is_replayed_while_its_receipt_is_kept_and_known_afterwards(self):
        fields = {"binding": {"run_id": "run", "nonce": "once"}}
        receipt = self.daemon.sign(fields)
        fill(self.daemon, 600)
        self.restart()
        settle(self.daemon)
        self.export(self.copy)
        until = self.approve(self.ask())
        wait_until(lambda: len([kind for kind in bodies(self.daemon, until).values() if kind == "artefact"]) == 1, "the bodies to go")
        self.assertEqual(self.daemon.sign(fields).text, receipt.text)
        self.assertEqual(self.daemon.sign(fields | {"model": "other"}).code, "NONCE_REUSED")

    def test_a_state_row_that_was_edited_below_the_point_is_found_by_name(self):
        self.prune()
        self.assertEqual(self.daemon.stop(), 0)
        with contextlib.closing(sqlite3.connect(self.daemon.directory / "state" / "ledger.db")) as database:
            database.execute("DELETE FROM spent WHERE leaf = 300")
            database.commit()
        self.daemon.start()
        self.assertRegex(self.damage(), "table spent: the rows of pruned leaves are not what leaf [0-9]+ states of them")
        self.assertEqual(self.daemon.sign().code, "LEDGER_DAMAGED")


if __name__ == "__main__":
    unittest.main()
