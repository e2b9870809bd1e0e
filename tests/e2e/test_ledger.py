"""The log of everything that was signed: what stands in it, who can check it, and what becomes of a daemon that cannot trust it."""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import BIN, RECEIPT, ROOT, Daemon, DaemonTest, cli, of_its_own, request, wait_until

import log_oracle

SLOWNESS = float(os.environ.get("CLAWSIGNER_SLOWNESS", "1"))  # of a sanitizer's build
CLAIMS = {"sub": "did:key:z6MkAgent", "aud": "clawproxy.com", "scope": ["proxy:call"]}


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha256(text):
    return b64u(hashlib.sha256(text.encode() if isinstance(text, str) else text).digest())


def text_of(value):
    """A JSON text as the daemon prints it, of values that hold no fractions."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def canonical(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def bound(run, nonce, **fields):
    return {"binding": {"run_id": run, "nonce": nonce}, **fields}


def ledger_of(daemon):
    return request(daemon.observe, "GET", "/v1/status").json["ledger"]


def wait_for_checkpoint(daemon):
    """Over everything that is in the log now."""
    size = ledger_of(daemon)["size"]
    wait_until(lambda: ledger_of(daemon)["checkpoint"] >= size, "a checkpoint over %d leaves" % size)


def export(daemon, directory):
    """Writes the log out as the files C2SP tlog-tiles describes, from what observe.sock answers."""

    def fetch(path):
        reply = request(daemon.observe, "GET", "/v1/log/" + path)
        assert reply.status == 200, (path, reply.text)
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(reply.bytes)

    wait_for_checkpoint(daemon)
    fetch("checkpoint")
    nodes, level = int((directory / "checkpoint").read_text().split("\n")[1]), 0
    while nodes > 0:
        for index in range((nodes + 255) // 256):
            width = min(256, nodes - index * 256)
            name = log_oracle.index_path(index) + ("" if width == 256 else ".p/%d" % width)
            fetch("tile/%d/%s" % (level, name))
            if level == 0:
                fetch("tile/entries/" + name)
        nodes, level = nodes // 256, level + 1


class Exported:
    """A log that was written out, held against its checkpoint by the oracle."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        size = int((self.directory / "checkpoint").read_text().split("\n")[1])
        self.bodies = log_oracle.read_entries(self.directory, size)
        self.leaves = [json.loads(body) for body in self.bodies]
        settings = {leaf["name"]: leaf["value"] for leaf in self.leaves if leaf["type"] == "setting"}
        self.origin, self.key = settings["origin"], settings["log_key"]
        self.size, self.root = log_oracle.check_tree(self.directory, log_oracle.NoteKey(self.key), self.origin)

    @classmethod
    @contextlib.contextmanager
    def of(cls, daemon):
        with tempfile.TemporaryDirectory(prefix="cs-") as directory:
            export(daemon, pathlib.Path(directory))
            yield cls(directory)

    def of_type(self, kind):
        return [leaf for leaf in self.leaves if leaf["type"] == kind]

    def artefacts(self):
        """By the digest of what was handed out."""
        return {leaf["answer_sha256"]: leaf for leaf in self.of_type("artefact")}

    def root_of_first(self, size):
        return log_oracle.root_of([log_oracle.leaf_hash(body) for body in self.bodies[:size]])


def state_digests(leaves):
    """(setting_sha256, spent_sha256) as docs/stability.md has them made, from the leaves alone."""
    settings, spent = {}, bytes(32)
    for index, leaf in enumerate(leaves):
        if leaf["type"] == "setting":
            settings[leaf["name"]] = [leaf["name"], leaf["value"], index]
        for name, value in leaf["set"].items() if leaf["type"] == "act" else ():
            settings.pop(name, None)
            if value is not None:
                settings[name] = [name, value, index]
        if leaf["type"] == "manifest":
            settings["manifest/latest"] = ["manifest/latest", leaf["as_of"] + " " + leaf["sha256"], index]
        if leaf["type"] == "artefact" and leaf["artefact"] != "gateway_receipt_v1.0":
            name = hashlib.sha256((leaf["family"] + "\n" + leaf["id"]).encode()).digest()[:16]
            nonce = base64.urlsafe_b64decode(leaf["nonce_sha256"] + "=")[:16] if "nonce_sha256" in leaf else b""
            spent = hashlib.sha256(spent + index.to_bytes(8, "big") + name + nonce).digest()
    return sha256(text_of([settings[name] for name in sorted(settings)])), b64u(spent)


def run_oracle(*words):
    return subprocess.run(
        [sys.executable, ROOT / "tests" / "oracle" / "log_oracle.py", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


class Leaves(DaemonTest):
    def issue(self):
        reply = self.daemon.issue(CLAIMS)
        self.assertEqual(reply.status, 200, reply.text)
        return reply.json

    def test_everything_that_was_handed_out_has_a_leaf_under_a_checkpoint_that_an_oracle_verifies(self):
        # More than one tile's worth, and of every kind.
        batch = request(self.daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": [RECEIPT] * 270}).json["results"]
        both = self.daemon.sign(of_its_own(bound("run", "both", receipt_id="rcpt_both")), "/v1/receipts?legacy=1").json
        token = self.issue()
        with Exported.of(self.daemon) as log:
            self.assertGreater(log.size, 256)
            artefacts = log.artefacts()
            for result in (*batch, both):
                payload = result["envelope"]["payload"]
                leaf = artefacts[sha256(text_of(result["envelope"]))]
                self.assertEqual((leaf["family"], leaf["artefact"]), ("gateway_receipt", "gateway_receipt"))
                self.assertEqual(leaf["id"], payload["receipt_id"])
                self.assertEqual(leaf["signed_sha256"], sha256(result["envelope"]["payload_hash_b64u"]))
                self.assertEqual(leaf["caller"], {"role": "proxy", "uid": os.getuid()})
            leaf = artefacts[sha256(text_of(both["envelope"]))]
            named = both["envelope"]["payload"]["binding"]
            self.assertEqual(leaf["run_id"], "run")
            self.assertEqual(leaf["nonce_sha256"], sha256(text_of(["did:web:clawproxy.com", "run", named["nonce"]])))
            legacy = artefacts[sha256(text_of(both["legacy"]))]
            self.assertEqual((legacy["artefact"], legacy["id"]), ("gateway_receipt_v1.0", leaf["id"]))
            leaf = artefacts[sha256(token["token"])]
            self.assertEqual((leaf["family"], leaf["id"], leaf["kid"]), ("cst", token["claims"]["jti"], token["kid"]))
            self.assertEqual(leaf["signed_sha256"], sha256(token["token"].rpartition(".")[0]))
            done = run_oracle("tree", log.directory, log.key, log.origin)
            self.assertEqual((done.returncode, done.stdout), (0, "%d %s\n" % (log.size, log.root.hex())), done.stderr)
            self.the_oracle_notices_what_is_changed(log)

    def the_oracle_notices_what_is_changed(self, log):
        for name in ("checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"):
            file = log.directory / name
            good = file.read_bytes()
            file.write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
            with self.subTest(name):
                self.assertEqual(run_oracle("tree", log.directory, log.key, log.origin).returncode, 1)
            file.write_bytes(good)

    def test_every_leaf_is_canonical_and_says_no_more_than_digests_and_names(self):
        self.daemon.sign({"model": "a-model-of-mine", "metadata": {"prompt": "a secret of mine"}})
        self.daemon.sign({"model": "", "metadata": {"prompt": "a secret of mine"}})
        with Exported.of(self.daemon) as log:
            for body, leaf in zip(log.bodies, log.leaves):
                self.assertEqual(body.decode(), canonical(leaf))
                self.assertEqual(leaf["v"], 1)
            said = b"".join(log.bodies)
            self.assertNotIn(b"of mine", said)
            self.assertNotIn(b"a-model", said)

    def test_the_proof_of_a_receipt_or_a_token_holds_without_the_log(self):
        receipt = self.daemon.sign().json["envelope"]["payload"]["receipt_id"]
        token = self.issue()["claims"]["jti"]
        with Exported.of(self.daemon) as log, tempfile.TemporaryDirectory(prefix="cs-") as scratch:
            file, entry = pathlib.Path(scratch) / "proof", pathlib.Path(scratch) / "entry"
            for name, query in ((receipt, "receipt_id=" + receipt), (token, "jti=" + token)):
                proof = request(self.daemon.observe, "GET", "/v1/log/proof?" + query)
                self.assertEqual(proof.status, 200, proof.text)
                body = base64.b64decode(proof.text.split("\n")[1].removeprefix("extra "))
                self.assertEqual(json.loads(body)["id"], name)
                file.write_bytes(proof.bytes)
                entry.write_bytes(body)
                done = run_oracle("proof", file, entry, log.key, log.origin)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(log.bodies[int(done.stdout.split()[0])], body)
                entry.write_bytes(body.replace(b'"v":1', b'"v":2'))
                self.assertIn("refused: ", run_oracle("proof", file, entry, log.key, log.origin).stderr)
                entry.write_bytes(body)
                self.assertIn("refused: ", run_oracle("proof", file, entry, log.key, "another/log").stderr)

    def test_a_nonce_gives_its_receipt_again_to_the_same_request_and_to_no_other(self):
        for target in ("/v1/receipts", "/v1/receipts?legacy=1"):
            fields = of_its_own(bound("run", "n"))
            first = self.daemon.sign(fields, target)
            self.assertEqual(first.status, 200, first.text)
            self.assertEqual(self.daemon.sign(fields, target).text, first.text)
            same_members = {name: {**RECEIPT, **fields}[name] for name in reversed({**RECEIPT, **fields})}
            self.assertEqual(request(self.daemon.proxy, "POST", target, same_members).text, first.text)
            for other in ({"tokens_input": 11}, {"receipt_id": "rcpt_other"}, {"metadata": {}}):
                reused = self.daemon.sign({**fields, **other}, target)
                self.assertEqual((reused.status, reused.code), (409, "NONCE_REUSED"), other)
                self.assertEqual(reused.json["error"]["field"], "binding.nonce")
            legacy_too = self.daemon.sign(fields, "/v1/receipts?legacy=%d" % ("legacy" not in target))
            self.assertEqual(legacy_too.code, "NONCE_REUSED")
            for run in ({"run_id": "another"}, {}):
                again = self.daemon.sign({"binding": {**run, "nonce": fields["binding"]["nonce"]}}, target)
                self.assertEqual(again.status, 200, again.text)
                self.assertNotEqual(again.text, first.text)

    def test_a_receipt_id_is_given_once(self):
        for more in ({}, {"binding": {"run_id": "r"}}):
            fields = of_its_own({"receipt_id": "rcpt_mine", **more})
            self.assertEqual(self.daemon.sign(fields).status, 200)
            reused = self.daemon.sign(fields)
            self.assertEqual((reused.status, reused.code, reused.json["error"]["field"]), (409, "ID_REUSED", "receipt_id"))
            fresh_nonce = self.daemon.sign({**fields, **of_its_own({"binding": {"nonce": "fresh"}})})
            self.assertEqual(fresh_nonce.code, "ID_REUSED")

    def test_eight_that_race_with_one_nonce_get_one_receipt(self):
        for _ in range(10):
            fields, start, answers = of_its_own(bound("race", "n")), threading.Barrier(8), []

            def ask():
                start.wait()
                answers.append(self.daemon.sign(fields))

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual({reply.status for reply in answers}, {200}, answers[0].text)
            self.assertEqual(len({reply.text for reply in answers}), 1)
        with Exported.of(self.daemon) as log:
            nonces = [leaf["nonce_sha256"] for leaf in log.of_type("artefact") if leaf.get("run_id") == "race"]
            self.assertEqual((len(nonces), len(set(nonces))), (10, 10))

    def test_a_batch_that_says_one_nonce_twice_holds_one_receipt_twice(self):
        one = {**RECEIPT, **of_its_own(bound("run", "twice"))}
        named = {**RECEIPT, **of_its_own({"receipt_id": "rcpt_twice"})}
        batch = {"receipts": [one, one, {**one, "latency_ms": 31}, named, named]}
        results = request(self.daemon.proxy, "POST", "/v1/receipts/batch", batch).json["results"]
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[2]["error"]["code"], "NONCE_REUSED")
        self.assertEqual(sorted("error" in result for result in results[3:]), [False, True])
        self.assertIn("ID_REUSED", text_of(results[3:]))

    def test_what_was_refused_has_a_leaf_with_the_digest_of_the_request(self):
        refused = [
            ("proxy", "POST /v1/receipts", '{"provider":"%s"}' % os.urandom(8).hex(), "INVALID_FIELD", None),
            ("proxy", "POST /v1/receipts", "x%s" % os.urandom(8).hex(), "MALFORMED_JSON", None),
            ("issuer", "POST /v1/tokens", text_of({"claims": {**CLAIMS, "ttl_sec": 80000}}), "POLICY_DENIED", "ceiling.ttl"),
            ("admin", "POST /v1/keys", text_of({"family": "cst"}), "KEY_EXISTS", None),
        ]
        for role, operation, body, code, _ in refused:
            method, path = operation.split(" ")
            self.assertEqual(request(getattr(self.daemon, role), method, path, body).code, code)
        in_batch = '{"provider":"%s"}' % os.urandom(8).hex()
        request(self.daemon.proxy, "POST", "/v1/receipts/batch", '{"receipts":[%s]}' % in_batch)
        refused.append(("proxy", "POST /v1/receipts/batch", in_batch, "INVALID_FIELD", None))

        def missing():
            with Exported.of(self.daemon) as log:
                leaves = {leaf.get("request_sha256"): leaf for leaf in log.of_type("refusal")}
            return [said for said in refused if not self.tells(leaves.get(sha256(said[2])), said)]

        wait_until(lambda: not missing(), "leaves that nobody waits for")

    def tells(self, leaf, said):
        role, operation, _, code, rule = said
        if leaf is None:
            return False
        self.assertEqual((leaf["operation"], leaf["code"], leaf.get("rule"), leaf["count"]), (operation, code, rule, 1))
        self.assertEqual(leaf["caller"], {"role": role, "uid": os.getuid()})
        return True

    def test_who_signs_sees_hashes_and_checkpoints_and_who_watches_sees_leaves(self):
        wait_for_checkpoint(self.daemon)
        seen = {}
        for role in ("proxy", "issuer", "admin", "observe"):
            for path in ("tile/entries/000.p/1", "proof?leaf=0", "tile/0/000.p/1"):
                seen[role, path] = request(getattr(self.daemon, role), "GET", "/v1/log/" + path)
            self.assertEqual(request(getattr(self.daemon, role), "GET", "/v1/log/checkpoint").status, 200)
        for (role, path), reply in seen.items():
            secret = not path.startswith("tile/0/") and role in ("proxy", "issuer")
            self.assertEqual(reply.status, 404 if secret else 200, (role, path))
            self.assertEqual(reply.bytes, seen["admin", path].bytes if not secret else reply.bytes)


class Lives(unittest.TestCase):
    """One log through several lives of the daemon."""

    def restart(self, daemon):
        daemon.start()
        daemon.wait_ready()
        wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "a checkpoint of this start")

    def test_start_and_stop_have_leaves_and_the_state_is_what_the_leaves_make(self):
        with Daemon.fresh() as daemon:
            daemon.sign(bound("r", "n"), "/v1/receipts?legacy=1")
            daemon.sign({"receipt_id": "rcpt_1"})
            daemon.issue(CLAIMS)
            self.assertEqual(daemon.stop(), 0)
            self.restart(daemon)
            daemon.sign()
            with Exported.of(daemon) as log:
                kinds = [leaf["type"] for leaf in log.leaves]
                self.assertEqual(kinds[0], "start")
                stop = kinds.index("stop")
                self.assertEqual(kinds[stop : stop + 3], ["stop", "state", "start"])
                self.assertEqual(sorted(leaf["name"] for leaf in log.of_type("setting")), ["log_key", "origin"])
                for index, leaf in enumerate(log.leaves):
                    if leaf["type"] == "state":
                        self.assertEqual((leaf["setting_sha256"], leaf["spent_sha256"]), state_digests(log.leaves[:index]))
                status = request(daemon.observe, "GET", "/v1/status").json
                self.assertEqual(log.of_type("start")[-1]["version"], status["version"])
                self.assertEqual((status["ledger"]["origin"], status["ledger"]["checked"]), (log.origin, True))

    def test_a_nonce_gives_its_receipt_again_after_a_restart_and_after_a_kill(self):
        with Daemon.fresh() as daemon:
            plain, both = bound("r", "plain"), bound("r", "both", receipt_id="rcpt_1")
            first = daemon.sign(plain).text, daemon.sign(both, "/v1/receipts?legacy=1").text
            for end in (daemon.stop, daemon.kill):
                end()
                self.restart(daemon)
                self.assertEqual((daemon.sign(plain).text, daemon.sign(both, "/v1/receipts?legacy=1").text), first)
                self.assertEqual(daemon.sign({**plain, "latency_ms": 31}).code, "NONCE_REUSED")
                self.assertEqual(daemon.sign({"receipt_id": "rcpt_1"}).code, "ID_REUSED")

    def test_what_was_handed_out_before_a_kill_is_in_the_log_and_earlier_checkpoints_still_hold(self):
        with Daemon.fresh() as daemon:
            handed_out, checkpoints = [], []
            for _ in range(3):
                for _ in range(20):
                    handed_out.append(daemon.sign().json["envelope"])
                checkpoints.append(request(daemon.proxy, "GET", "/v1/log/checkpoint").bytes)
                daemon.kill()
                self.restart(daemon)
            with Exported.of(daemon) as log:
                artefacts = log.artefacts()
                for envelope in handed_out:
                    self.assertIn(sha256(text_of(envelope)), artefacts)
                for note in checkpoints:
                    size, root = log_oracle.open_checkpoint(note, log_oracle.NoteKey(log.key), log.origin)
                    self.assertEqual(log.root_of_first(size), root)

    def test_an_older_copy_that_is_put_back_shows_to_whoever_has_a_later_checkpoint(self):
        with Daemon.fresh() as daemon:
            daemon.sign()
            self.assertEqual(daemon.stop(), 0)
            file = daemon.directory / "state" / "ledger.db"
            older = file.read_bytes()
            self.restart(daemon)
            lost = daemon.sign(bound("r", "n"))
            wait_for_checkpoint(daemon)
            later = request(daemon.proxy, "GET", "/v1/log/checkpoint").bytes
            self.assertEqual(daemon.stop(), 0)
            file.write_bytes(older)
            self.restart(daemon)  # nothing in the directory itself tells
            self.assertNotEqual(daemon.sign(bound("r", "n")).text, lost.text)
            request(daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": [RECEIPT] * 20})
            with Exported.of(daemon) as log:
                size, root = log_oracle.open_checkpoint(later, log_oracle.NoteKey(log.key), log.origin)
                self.assertGreater(log.size, size)
                self.assertNotEqual(log.root_of_first(size), root)

    def test_a_second_daemon_on_the_same_state_does_not_start(self):
        with Daemon.fresh() as first:
            second = first.beside()
            second.edit_config("state_directory = '%s'" % (second.directory / "state"), "state_directory = '%s'" % (first.directory / "state"))
            conf = second.directory / "softhsm2.conf"
            conf.write_text("directories.tokendir = %s\n" % (second.directory / "tokens"))
            (second.directory / "tokens").mkdir()
            second.edit_config(str(first.directory / "softhsm2.conf"), str(conf))
            ended = second.run_to_its_end()
            self.assertEqual(ended.returncode, 1)
            self.assertIn("another clawsignerd keeps its ledger in", ended.stderr)
            self.assertEqual(first.sign().status, 200)


def is_signed(daemon):
    ledger = request(daemon.admin, "GET", "/v1/status").json["ledger"]
    return ledger["checkpoint"] == ledger["size"]


class Damage(unittest.TestCase):
    def assert_nothing_is_signed(self, daemon):
        for reply in (daemon.sign(), daemon.issue(CLAIMS)):
            self.assertEqual((reply.status, reply.code), (503, "LEDGER_DAMAGED"))
            self.assertNotIn(str(daemon.directory), reply.text)
        self.assertEqual(request(daemon.proxy, "GET", "/readyz").json["reasons"][0]["code"], "LEDGER_DAMAGED")
        self.assertEqual(request(daemon.proxy, "GET", "/healthz").status, 200)

    def test_a_configuration_that_is_out_of_date_does_not_hide_it(self):
        with Daemon.fresh() as daemon:
            daemon.sign()
            self.assertEqual(daemon.stop(), 0)
            with contextlib.closing(sqlite3.connect(daemon.directory / "state" / "ledger.db")) as database:
                database.execute("UPDATE leaf SET body = x'00' WHERE idx = 1")
                database.commit()
            daemon.edit_config("[ceiling]", "[roles.observe]\nusers = [ 'nobody-of-this-name' ]\n\n[ceiling]")
            daemon.start()
            wait_until(lambda: daemon.answers("/healthz"), "the daemon")
            self.assertRegex(self.what_is_found(daemon), r"leaves|leaf 1\b")

    def what_is_found(self, daemon):
        """What `clawsigner status` says is wrong."""
        ledger = json.loads(cli("status", "--json", "--socket", daemon.admin).stdout)["ledger"]
        self.assertEqual((ledger["state"], ledger["why"]["code"]), ("damaged", "LEDGER_DAMAGED"))
        return ledger["why"]["message"]

    def assert_an_audit_names_it(self, daemon, found):
        """Of the daemon that found it, and of a copy that no daemon ever saw."""
        told = cli("log", "audit", "--socket", daemon.observe)
        self.assertEqual(told.returncode, 1, told.stdout)
        self.assertIn(found, told.stderr)
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory)
            for file in (daemon.directory / "state").glob("ledger.db*"):
                shutil.copy(file, copy)
            told = subprocess.run([BIN / "clawsignerd", "export", "--db", copy / "ledger.db", copy / "log"], capture_output=True, text=True, timeout=60)
            self.assertEqual(told.returncode, 1, told.stdout)
            return told.stderr

    def test_what_was_changed_while_the_daemon_was_stopped_is_found_at_the_start_and_named(self):
        with Daemon.fresh() as daemon:
            daemon.sign(bound("r", "n"))
            daemon.sign()
            wait_for_checkpoint(daemon)
            self.assertEqual(daemon.stop(), 0)
            file = daemon.directory / "state" / "ledger.db"
            good = file.read_bytes()
            for change, found in (
                ("UPDATE spent SET id = randomblob(16) WHERE leaf = (SELECT min(leaf) FROM spent)", "table spent"),
                ("UPDATE spent SET nonce = NULL", "table spent"),
                ("DELETE FROM spent WHERE leaf = (SELECT max(leaf) FROM spent)", "table spent"),
                ("INSERT INTO spent VALUES (0, randomblob(16), NULL)", "table spent"),
                ("INSERT INTO spent VALUES (1000000, randomblob(16), NULL)", "table spent"),
                ("INSERT INTO setting VALUES ('other', 'x', 0)", "table setting"),
                ("UPDATE setting SET leaf = leaf + 1 WHERE name = 'origin'", "table setting"),
                ("UPDATE setting SET value = 'other/log' WHERE name = 'origin'", "newest checkpoint"),
                ("DELETE FROM setting", "setting"),
                ("UPDATE progress SET spent_sha256 = zeroblob(32)", "table progress"),
                ("DELETE FROM progress", "table progress"),
                ("UPDATE leaf SET body = CAST(replace(body, 'role.proxy', 'role.admin') AS BLOB)", "newest checkpoint"),
                ("DELETE FROM leaf WHERE idx = 2", "leaf 2"),
                ("DELETE FROM leaf WHERE idx = (SELECT max(idx) FROM leaf)", "newest checkpoint"),
                ("INSERT INTO tile VALUES (2, zeroblob(8192))", "table tile"),
            ):
                with self.subTest(change):
                    with contextlib.closing(sqlite3.connect(file)) as database, database:
                        self.assertGreater(database.execute(change).rowcount, 0)
                    daemon.start()
                    self.assert_nothing_is_signed(daemon)
                    self.assertIn(found, self.what_is_found(daemon))
                    said_of_copy = self.assert_an_audit_names_it(daemon, found)
                    if found.startswith("table"):
                        self.assertIn(found, said_of_copy)
                    self.assertIn('"event":"ledger.state"', daemon.log())
                    self.assertEqual(daemon.stop(), 0)
                    file.write_bytes(good)
            daemon.start()
            daemon.wait_ready()
            self.assertEqual(daemon.sign().status, 200)

    def test_a_change_in_a_full_tile_or_in_a_leaf_under_one_is_found_too(self):
        with Daemon.fresh() as daemon:
            request(daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": [RECEIPT] * 300})
            wait_for_checkpoint(daemon)
            self.assertEqual(daemon.stop(), 0)
            file = daemon.directory / "state" / "ledger.db"
            good = file.read_bytes()
            for change, found in (
                ("UPDATE leaf SET body = CAST(replace(body, 'role.proxy', 'role.admin') AS BLOB) WHERE idx = 100", "leaf 100"),
                ("UPDATE tile SET hashes = zeroblob(8192)", "newest checkpoint"),
                ("DELETE FROM tile", "tile/0/000"),
            ):
                with self.subTest(change):
                    with contextlib.closing(sqlite3.connect(file)) as database, database:
                        database.execute(change)
                    daemon.start()
                    self.assert_nothing_is_signed(daemon)
                    self.assertIn(found, self.what_is_found(daemon))
                    self.assertEqual(daemon.stop(), 0)
                    file.write_bytes(good)

    def test_files_that_vanish_or_shrink_under_the_daemon_stop_it_from_signing_within_a_second(self):
        def unlink(file):
            file.unlink()

        def cut(file):
            os.truncate(file, file.stat().st_size // 2)

        def replace(file):
            copy = file.with_name("copy")
            copy.write_bytes(file.read_bytes())
            copy.rename(file)

        for name in ("ledger.db", "ledger.db-wal"):
            for harm, quiet in itertools.product((unlink, cut, replace), (0, 0.5)):
                with self.subTest(name=name, harm=harm.__name__, quiet=quiet), Daemon.fresh() as daemon:
                    self.assertEqual(daemon.sign().status, 200)
                    wait_until(lambda: is_signed(daemon), "a checkpoint over every leaf")  # nothing is being written then
                    harm(daemon.directory / "state" / name)
                    end = time.monotonic() + SLOWNESS
                    time.sleep(quiet)
                    while daemon.sign().status == 200:
                        self.assertLess(time.monotonic(), end, "it still signs")
                        time.sleep(0.05)
                    self.assert_nothing_is_signed(daemon)
                    self.assertIn(name + " was ", self.what_is_found(daemon))
                    self.assertEqual(daemon.stop(), 0)

    def test_a_hand_that_writes_beside_the_daemon_is_noticed(self):
        with Daemon.fresh() as daemon:
            self.assertEqual(daemon.sign().status, 200)
            with contextlib.closing(sqlite3.connect(daemon.directory / "state" / "ledger.db")) as database, database:
                database.execute("DELETE FROM answer")
                database.execute("UPDATE progress SET probe = probe + 1")
            reply = daemon.sign()
            self.assertEqual((reply.status, reply.code), (503, "LEDGER_DAMAGED"))
            self.assertIn("another program has written", self.what_is_found(daemon))


if __name__ == "__main__":
    unittest.main()
