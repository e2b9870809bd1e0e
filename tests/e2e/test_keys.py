"""The security team's hand on the keys: rotation, freezing, compromise, destruction, and who must approve."""

import base64
import contextlib
import hashlib
import json
import subprocess
import sys
import threading
import time
import unittest

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from harness import RECEIPT, ROOT, Daemon, UnixConnection, Reply, cli, of_its_own, request, wait_until
from rotations import CLAIMS, kill_rotations, versions

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import keys_oracle
import receipt_oracle



def keys(daemon, *words):
    return cli("keys", *words, "--socket", daemon.admin)


def states(daemon, family):
    return {version: key["state"] for version, key in versions(daemon, family).items()}


def rows(daemon, *words):
    done = keys(daemon, *words)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


def approve(daemon, request_id, key=None):
    return cli("approvals", "approve", request_id, "--key", key or daemon.directory / "operator", "--yes", "--json", "--socket", daemon.admin)


def waiting(done):
    """The id of the request that a command has filed."""
    return json.loads(done.stdout)["request"]["id"]


def operator(directory, name):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    return f'{name} namespaces="clawsigner-approval" {(directory / (name + ".pub")).read_text()}'


class Load:
    """Eight connections that ask for receipts until it ends; every answer is kept."""

    def __init__(self, daemon):
        self.daemon, self.answers, self.ending = daemon, [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(8)]

    def run(self):
        with contextlib.closing(UnixConnection(self.daemon.proxy)) as connection:
            while not self.ending.is_set():
                connection.request("POST", "/v1/receipts", json.dumps(of_its_own(RECEIPT)))
                self.answers.append(Reply(connection.getresponse()))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def more(self, count=200):
        goal = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= goal, f"{count} more receipts")


class Rotation(unittest.TestCase):
    def test_under_load_no_request_fails_and_every_signature_verifies(self):
        with Daemon.fresh() as daemon:
            with Load(daemon) as load:
                for _ in range(3):
                    load.more()
                    rows(daemon, "rotate", "gateway_receipt", "--now", "--yes", "--overlap", "1h")
                load.more()
            self.assertEqual([answer.text for answer in load.answers if answer.status != 200], [])
            dids = {key["did"] for key in versions(daemon, "gateway_receipt").values()}
            signers = set()
            for answer in load.answers:
                signer = answer.json["envelope"]["signer_did"]
                receipt_oracle.verify(answer.text, signer)
                signers.add(signer)
            self.assertEqual((signers, len(signers)), (dids, 4))

    def test_a_planned_one_is_published_first_signs_at_its_hour_and_retires_the_old_key(self):
        with Daemon.fresh() as daemon:
            (old,) = versions(daemon, "gateway_receipt").values()
            rows(daemon, "rotate", "gateway_receipt", "--activate-in", "1s", "--overlap", "1s", "--why", "a plan")
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "active", 2: "pending"})
            self.assertEqual([key["kid"] for key in daemon.jwks()["keys"]], [old["kid"], versions(daemon, "gateway_receipt")[2]["kid"]])
            again = keys(daemon, "rotate", "gateway_receipt")
            self.assertEqual((again.returncode, "ROTATION_PENDING" in again.stderr), (1, True))
            wait_until(lambda: states(daemon, "gateway_receipt") == {1: "verify_only", 2: "active"}, "the hour")
            receipt_oracle.verify(daemon.sign().text, versions(daemon, "gateway_receipt")[2]["did"])
            wait_until(lambda: states(daemon, "gateway_receipt") == {1: "retired", 2: "active"}, "the end of the overlap")
            self.assertEqual([key["kid"] for key in daemon.jwks()["keys"]], [versions(daemon, "gateway_receipt")[2]["kid"]])

    def test_the_hour_is_kept_by_the_next_start(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "rotate", "cst", "--activate-in", "1s", "--overlap", "1h")
            daemon.kill()
            time.sleep(1)  # the hour itself
            daemon.start()
            daemon.wait_ready()
            wait_until(lambda: states(daemon, "cst") == {1: "verify_only", 2: "active"}, "the hour")
            self.assertEqual(daemon.issue(CLAIMS).json["kid"], versions(daemon, "cst")[2]["kid"])

    def test_both_keys_sign_the_checkpoints_while_they_overlap_and_the_origin_stays(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: request(daemon.observe, "GET", "/v1/log/checkpoint").status == 200, "a checkpoint")
            first = cli("log", "key", "--socket", daemon.observe).stdout.strip()
            rows(daemon, "rotate", "checkpoint", "--now", "--yes", "--overlap", "1h")
            daemon.sign()

            def signatures():
                return request(daemon.observe, "GET", "/v1/log/checkpoint").text.count("\n\u2014 ")

            wait_until(lambda: signatures() == 2, "a checkpoint with two signatures")
            audit = cli("log", "audit", "--log-key", first, "--socket", daemon.observe)
            self.assertEqual(audit.returncode, 0, audit.stdout + audit.stderr)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            daemon.wait_ready()


    def test_a_log_key_that_is_compromised_does_not_stop_the_log_from_knowing_itself(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "rotate", "checkpoint", "--now", "--yes", "--overlap", "0s")
            daemon.sign()
            wait_until(lambda: states(daemon, "checkpoint") == {1: "retired", 2: "active"}, "the end of the overlap")
            size = request(daemon.admin, "GET", "/v1/status").json["ledger"]["size"]
            wait_until(lambda: request(daemon.admin, "GET", "/v1/status").json["ledger"]["checkpoint"] >= size, "a checkpoint")
            rows(daemon, "compromise", "checkpoint", "2", "--yes")
            daemon.kill()
            daemon.start()
            wait_until(lambda: daemon.sign().status == 200, "receipts")
            filed = keys(daemon, "rotate", "checkpoint", "--now", "--yes", "--json")
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)


class Publication(unittest.TestCase):
    def test_what_verifiers_are_given_holds_in_another_language(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "rotate", "gateway_receipt", "--activate-in", "1h")
            rows(daemon, "rotate", "cst", "--now", "--yes")
            for socket, family in ((daemon.proxy, "gateway_receipt"), (daemon.issuer, "cst"), (daemon.admin, "work_policy")):
                query = "?family=" + family if socket == daemon.admin else ""

                def get(target):
                    reply = request(socket, "GET", target + query)
                    self.assertEqual(reply.status, 200, reply.text)
                    return reply.json

                jwks = keys_oracle.parse_jwks(json.dumps(get("/v1/jwks")))
                keys_oracle.check_contract(get("/v1/keys/rotation-contract"), jwks)
                keys_oracle.verify_snapshot(get("/v1/keys/transparency/latest"), jwks)
                rotations = get("/v1/keys/rotations")["rotations"]
                self.assertEqual(len(rotations), 0 if family == "work_policy" else 1)
                for certificate in rotations:
                    keys_oracle.verify_rotation(certificate)
                    self.assertEqual([certificate["old_did"], certificate["new_did"]], [versions(daemon, family)[v]["did"] for v in (1, 2)])
            keys_oracle.check_well_known(request(daemon.proxy, "GET", "/.well-known/clawsig.json").json, request(daemon.proxy, "GET", "/v1/jwks").text)
            self.assertEqual(request(daemon.admin, "GET", "/v1/jwks").code, "INVALID_FIELD")

    def test_the_manifest_stands_in_the_log(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "rotate", "gateway_receipt", "--now", "--yes")
            wait_until(lambda: request(daemon.proxy, "GET", "/v1/keys/manifest").status == 200, "the manifest under a checkpoint")
            answer = request(daemon.proxy, "GET", "/v1/keys/manifest")
            text = answer.text[len('{"manifest":') : answer.text.index(',"leaf":')]
            extra = next(line for line in answer.json["proof"].split("\n") if line.startswith("extra "))
            body = json.loads(base64.b64decode(extra[len("extra ") :]))
            self.assertEqual(body["type"], "manifest")
            keys_oracle.verify_manifest(text, body["sha256"])
            kids = {key["kid"]: key["state"] for family in answer.json["manifest"]["families"] for key in family["keys"]}
            listed = {key["kid"]: key["state"] for key in request(daemon.admin, "GET", "/v1/keys").json["keys"]}
            self.assertEqual(kids, listed)


class Stopping(unittest.TestCase):
    def test_a_frozen_family_signs_nothing_until_its_operators_let_it(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "freeze", "gateway_receipt", "--why", "an alarm", "--yes")
            self.assertEqual((daemon.sign().status, daemon.sign().code), (503, "KEY_FROZEN"))
            self.assertEqual(daemon.issue(CLAIMS).status, 200)
            self.assertEqual(len(daemon.jwks()["keys"]), 1)
            daemon.kill()
            daemon.start()
            wait_until(lambda: daemon.sign().code == "KEY_FROZEN", "the freeze after a kill")
            filed = keys(daemon, "unfreeze", "gateway_receipt", "--json")
            self.assertEqual(daemon.sign().code, "KEY_FROZEN")
            done = approve(daemon, waiting(filed))
            self.assertEqual((done.returncode, json.loads(done.stdout)["done"]), (0, True), done.stderr)
            self.assertEqual(daemon.sign().status, 200)
            again = approve(daemon, waiting(filed))
            self.assertEqual((again.returncode, "NOT_FOUND" in again.stdout + again.stderr), (1, True))

    def test_a_compromised_key_stops_at_once_and_its_family_recovers_with_its_operators(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "compromise", "gateway_receipt", "1", "--yes", "--why", "a laptop was lost")
            self.assertEqual(daemon.sign().code, "KEY_MISSING")
            filed = keys(daemon, "rotate", "gateway_receipt", "--now", "--yes", "--json")
            self.assertEqual(daemon.sign().code, "KEY_MISSING")
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)
            self.assertEqual(daemon.sign().status, 200)
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "compromised", 2: "active"})

    def test_a_key_is_destroyed_by_its_operators_and_is_gone_from_the_token(self):
        with Daemon.fresh() as daemon:
            refused = keys(daemon, "destroy", "cst", "1", "--yes")
            self.assertEqual((refused.returncode, "ILLEGAL_TRANSITION" in refused.stderr), (1, True))
            rows(daemon, "rotate", "cst", "--now", "--yes")
            rows(daemon, "retire", "cst", "1", "--yes")
            number = versions(daemon, "cst")[1]["id"]
            self.assertIn(number, daemon.pkcs11_tool("--list-objects"))
            filed = keys(daemon, "destroy", "cst", "1", "--yes", "--json")
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)
            self.assertEqual(versions(daemon, "cst")[1]["state"], "destroyed")
            self.assertEqual(versions(daemon, "cst")[1]["proof"], "gone")
            self.assertNotIn(number, daemon.pkcs11_tool("--list-objects"))

    def test_a_key_that_the_token_lost_is_named_and_only_its_family_stops(self):
        with Daemon.fresh() as daemon:
            number = versions(daemon, "cst")[1]["id"]
            self.assertEqual(daemon.stop(), 0)
            for kind in ("privkey", "pubkey"):
                daemon.pkcs11_tool("--delete-object", "--type", kind, "--id", number)
            daemon.start()
            wait_until(lambda: daemon.sign().status == 200, "the others")
            self.assertEqual(daemon.issue(CLAIMS).code, "KEY_MISSING")
            wait_until(lambda: "fault: cst/1: key " + number in rows(daemon, "list"), "the state to be held against the token")


class Approval(unittest.TestCase):
    def test_two_of_three_must_approve_each_counted_once(self):
        with Daemon.fresh() as daemon:
            people = [operator(daemon.directory, name) for name in ("anna", "bert", "carl")]
            (daemon.directory / "three").write_text("".join(people))
            filed = cli("operators", "set", daemon.directory / "three", "--quorum", "2", "--json", "--socket", daemon.admin)
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)
            rows(daemon, "freeze", "cst", "--yes")
            asked = waiting(keys(daemon, "unfreeze", "cst", "--json"))
            self.assertIn("APPROVAL_INVALID", approve(daemon, asked).stdout)  # no operator any more
            first = approve(daemon, asked, daemon.directory / "anna")
            self.assertEqual(json.loads(first.stdout)["done"], False)
            self.assertIn("APPROVAL_REPEATED", approve(daemon, asked, daemon.directory / "anna").stdout)
            self.assertEqual(daemon.issue(CLAIMS).code, "KEY_FROZEN")
            self.assertEqual(json.loads(approve(daemon, asked, daemon.directory / "carl").stdout)["done"], True)
            self.assertEqual(daemon.issue(CLAIMS).status, 200)

    def test_another_namespace_another_digest_and_a_denied_request_are_refused(self):
        with Daemon.fresh() as daemon:
            rows(daemon, "freeze", "cst", "--yes")
            asked = json.loads(keys(daemon, "unfreeze", "cst", "--json").stdout)

            def signature(message, namespace="clawsigner-approval"):
                return subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", daemon.directory / "operator"],
                                      input=message, capture_output=True, text=True, check=True).stdout  # fmt: skip

            def hand_in(text):
                return request(daemon.admin, "POST", "/v1/approvals/approve", {"id": asked["request"]["id"], "signature": text})

            self.assertEqual(hand_in(signature(asked["message"], "file")).code, "APPROVAL_INVALID")
            self.assertEqual(hand_in(signature("A" * 43)).code, "APPROVAL_INVALID")
            self.assertEqual(hand_in("no signature").code, "INVALID_FIELD")
            denied = cli("approvals", "deny", asked["request"]["id"], "--socket", daemon.admin)
            self.assertEqual(denied.returncode, 0, denied.stderr)
            self.assertEqual(hand_in(signature(asked["message"])).code, "NOT_FOUND")
            self.assertEqual(daemon.issue(CLAIMS).code, "KEY_FROZEN")

    def test_without_operators_such_acts_are_refused_and_say_how_to_enrol(self):
        with Daemon.fresh(start=False) as daemon:
            text = daemon.config.read_text()
            daemon.config.write_text(text[: text.index("# One operator")] + text[text.index("[families.gateway_receipt]") :])
            daemon.start()
            daemon.wait_ready()
            rows(daemon, "freeze", "cst", "--yes")
            refused = keys(daemon, "unfreeze", "cst")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("NO_OPERATORS", refused.stderr)
            self.assertIn("[operators]", refused.stderr)


class Ceiling(unittest.TestCase):
    def test_one_admin_lowers_it_and_operators_raise_it_again(self):
        with Daemon.fresh() as daemon:

            def ceiling(*words):
                return cli("ceiling", *words, "--socket", daemon.admin)

            lower = ceiling("set", "--max-ttl", "30", "--audience", "clawproxy.com", "--scope", "proxy:*")
            self.assertEqual(lower.returncode, 0, lower.stderr)
            self.assertEqual((daemon.issue(CLAIMS).status, daemon.issue(CLAIMS).json["error"]["rule"]), (403, "ceiling.ttl"))
            filed = ceiling("set", "--max-ttl", "60", "--audience", "clawproxy.com", "--scope", "proxy:*", "--json")
            self.assertEqual(daemon.issue(CLAIMS).status, 403)
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)
            self.assertEqual(daemon.issue(CLAIMS).status, 200)
            daemon.edit_config("max_ttl_seconds = 3600", "max_ttl_seconds = 7200")
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            daemon.wait_ready()
            self.assertIn('"event":"config.not_obeyed"', daemon.log())
            self.assertEqual(request(daemon.observe, "GET", "/v1/ceiling").json["max_ttl_seconds"], 60)


class Adoption(unittest.TestCase):
    def test_the_seed_of_before_signs_once_more_and_is_wiped(self):
        with Daemon.fresh() as daemon:
            old = ed25519.Ed25519PrivateKey.generate()
            seed = daemon.directory / "seed"
            seed.write_text(base64.urlsafe_b64encode(old.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode().rstrip("=") + "\n")
            seed.chmod(0o400)
            words = ("adopt", "gateway_receipt", "--seed-file", str(seed))
            filed = keys(daemon, *words, "--json")
            self.assertNotIn(seed.read_text().strip(), filed.stdout)
            self.assertEqual(list(versions(daemon, "gateway_receipt")), [1])
            self.assertEqual(len(daemon.jwks()["keys"]), 1)
            self.assertEqual(approve(daemon, waiting(filed)).returncode, 0)
            self.assertTrue(seed.exists())
            self.assertIn("its seed is wiped", rows(daemon, *words))
            self.assertFalse(seed.exists())
            adopted = versions(daemon, "gateway_receipt")[2]
            self.assertEqual(adopted["state"], "verify_only")
            (certificate,) = request(daemon.proxy, "GET", "/v1/keys/rotations").json["rotations"]
            keys_oracle.verify_rotation(certificate)
            self.assertEqual((certificate["old_did"], certificate["new_did"]), (adopted["did"], daemon.did()))
            raw = hashlib.sha256(old.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
            self.assertEqual([key["kid"] for key in daemon.jwks()["keys"]][1], raw)

    def test_the_seed_of_a_key_that_nobody_adopted_is_left_alone(self):
        with Daemon.fresh() as daemon:
            seed = daemon.directory / "seed"
            seed.write_text("ab" * 32)
            seed.chmod(0o400)
            words = ("adopt", "gateway_receipt", "--seed-file", str(seed))
            self.assertEqual(approve(daemon, waiting(keys(daemon, *words, "--json"))).returncode, 0)
            rows(daemon, "compromise", "gateway_receipt", "2", "--yes", "--why", "it was in a backup")
            refused = keys(daemon, *words, "--json")
            self.assertEqual((refused.returncode, json.loads(refused.stdout)["error"]["code"]), (1, "KEY_EXISTS"))
            self.assertEqual(seed.read_text(), "ab" * 32)

    def test_an_adoption_that_was_approved_for_another_key_is_none_and_the_seed_is_still_there(self):
        with Daemon.fresh() as daemon:
            seed = daemon.directory / "seed"
            seed.write_text("ab" * 32)
            seed.chmod(0o400)
            words = ("adopt", "gateway_receipt", "--seed-file", str(seed))
            filed = keys(daemon, *words, "--json")
            rows(daemon, "rotate", "gateway_receipt", "--now", "--yes")
            late = approve(daemon, waiting(filed))
            self.assertEqual((late.returncode, json.loads(late.stdout)["error"]["code"]), (1, "INVALID_FIELD"))
            self.assertEqual(approve(daemon, waiting(keys(daemon, *words, "--json"))).returncode, 0)
            rows(daemon, *words)
            self.assertFalse(seed.exists())
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "verify_only", 2: "active", 3: "verify_only"})


class Kills(unittest.TestCase):
    def test_a_rotation_that_is_killed_at_any_moment_leaves_the_old_state_or_the_new(self):
        tally, violations = kill_rotations(20, 20261122)
        self.assertEqual(violations, [])
        self.assertEqual(sum(tally.values()), 20)


if __name__ == "__main__":
    unittest.main()
