"""The ceremonies of docs/operations.md, typed as they stand there."""

import base64
import datetime
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import unittest

from harness import BIN, RECEIPT, ROOT, Daemon, cli, request, wait_until

import test_policies
import tpms
from leaves import Ledger

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import keys_oracle
import receipt_oracle

CLAIMS = {"sub": "did:key:z6MkAgent", "aud": "clawproxy.com", "scope": ["proxy:call"], "ttl_sec": 60}
DOCUMENT = (ROOT / "docs" / "operations.md").read_text()
NAMES = "Keys"  # the section whose block defines the names that the others use


def blocks(heading):
    """The ```sh blocks between this heading and the next."""
    (section,) = re.findall(rf"^##+ {re.escape(heading)}$(.*?)(?=^##+ |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


class Person:
    """Types one ceremony's blocks, one after the other, into bash."""

    def __init__(self, daemon, heading, **names):
        self.daemon, self.heading = daemon, heading
        self.left = blocks(heading)
        self.desk = daemon.directory / "desk"
        self.desk.mkdir(exist_ok=True)
        self.names = {"RUN": str(daemon.directory), "KEY": str(daemon.directory / "operator"), **names}

    def types(self, **names):
        """The next block. Returns what it prints."""
        (definitions,) = blocks(NAMES)
        environment = {**os.environ, **self.names, **names, "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", definitions + self.left.pop(0)],
            cwd=self.desk, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"{self.heading}: {done.stdout}{done.stderr}")
        return done.stdout

    def reads(self, name):
        return (self.desk / name).read_text()


def versions(daemon, family):
    listed = request(daemon.admin, "GET", "/v1/keys").json["keys"]
    return {key["version"]: key for key in listed if key["family"] == family}


def states(daemon, family):
    return {version: key["state"] for version, key in versions(daemon, family).items()}


class Document(unittest.TestCase):
    def test_every_block_is_typed_by_a_test(self):
        typed = {heading for heading in re.findall(r"^##+ (.*)$", DOCUMENT, re.MULTILINE) if blocks(heading)}
        source = (ROOT / "tests" / "e2e" / "test_operations.py").read_text()
        self.assertEqual([heading for heading in typed if f'"{heading}"' not in source], [])


class Ceremonies(unittest.TestCase):
    def assert_signs_with(self, daemon, version):
        key = versions(daemon, "gateway_receipt")[version]
        receipt_oracle.verify(daemon.sign().text, key["did"])

    def assert_all_typed(self, person):
        self.assertEqual(person.left, [])


class KeyCeremony(Ceremonies):
    def test_first_operators_and_keys_of_an_empty_token(self):
        with Daemon.fresh(start=False) as daemon:
            shutil.rmtree(daemon.directory / "tokens")
            (daemon.directory / "tokens").mkdir()
            daemon.bring_token()
            person = Person(daemon, "A key ceremony")
            for name in ("anna", "bert", "carl"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", person.desk / name], check=True)
            self.assertEqual(person.types().count("ED25519"), 3)
            daemon.edit_config("quorum = 1", "quorum = 2")
            daemon.edit_config(f"allowed_signers = '{daemon.directory}/operators'", f"allowed_signers = '{person.desk}/operators'")
            daemon.start()
            wait_until(lambda: request(daemon.admin, "GET", "/v1/status").json["backends"][0]["state"] == "ready", "the token")
            person.types()
            self.assert_signs_with(daemon, 1)
            self.assertEqual(daemon.issue(CLAIMS).status, 200)
            self.assertEqual(len(json.loads(person.reads("manifest.json"))["manifest"]["families"]), 4)
            self.assertRegex(person.reads("log.key"), r"^clawsigner-dev/.*\+[0-9a-f]{8}\+\S+\n$")
            people = request(daemon.admin, "GET", "/v1/operators").json
            self.assertEqual(([one["principal"] for one in people["operators"]], people["quorum"]), (["anna", "bert", "carl"], 2))
            self.assertIn("more operators must", person.types())
            self.assertEqual([family for family in request(daemon.admin, "GET", "/v1/keys").json["families"] if family["frozen"]], [])
            self.assert_all_typed(person)


class SettingUpOkta(Ceremonies):
    def test_from_the_providers_keys_over_contract_and_mapping_to_a_withdrawal(self):
        with Daemon.fresh(start=False) as daemon, test_policies.identity_provider() as (issuer, authority, _):
            text = daemon.config.read_text()
            daemon.config.write_text(text[: text.index("[trust]")] + text[text.index("[ledger]") :])  # as in production
            daemon.start()
            daemon.wait_ready()
            person = Person(daemon, "Setting up Okta", OKTA=issuer, CLIENT="0oa1", CA=str(authority))
            self.assertIn(issuer, person.types())
            self.assertIn("active", person.types())
            contract = person.reads("contract.hash").strip()
            self.assertIn(contract, person.types())
            self.assertEqual(request(daemon.proxy, "GET", "/v1/wpc/" + contract).json["payload"], json.loads(person.reads("contract.json")))
            self.assertEqual(request(daemon.admin, "GET", "/v1/mappings").json["mapping"], json.loads(person.reads("mapping.json")))
            person.types()
            trust = request(daemon.admin, "GET", "/v1/trust").json
            self.assertEqual((trust["audiences"], trust["claims_mode"], trust["allow_unpinned"]), (["clawproxy.com"], False, False))
            self.assertIn("withdrawn", person.types())
            self.assertEqual(request(daemon.proxy, "GET", "/v1/wpc/" + contract).status, 404)
            self.assert_all_typed(person)


class PlannedRotation(Ceremonies):
    def test_the_receipts_key_is_announced_then_signs_then_overlaps(self):
        with Daemon.fresh() as daemon:
            person = Person(daemon, "A planned rotation of the receipts' key", LEAD="1s", OVERLAP="30d")
            printed = person.types()
            self.assertIn("every verifier: " + versions(daemon, "gateway_receipt")[2]["did"] + "\n", printed)
            wait_until(lambda: states(daemon, "gateway_receipt") == {1: "verify_only", 2: "active"}, "the hour")
            person.types()
            (certificate,) = json.loads(person.reads("rotations.json"))["rotations"]
            keys_oracle.verify_rotation(certificate)
            self.assertEqual(len(json.loads(person.reads("jwks.json"))["keys"]), 2)
            self.assert_signs_with(daemon, 2)
            self.assert_all_typed(person)

    def test_the_issuers_key_waits_for_the_hour_and_switches(self):
        with Daemon.fresh() as daemon:
            person = Person(daemon, "A planned rotation of the issuer's key", VERSION="2")
            printed = person.types()
            raw = [key["x"] for key in request(daemon.issuer, "GET", "/v1/jwks").json["keys"]]
            self.assertEqual(printed.split()[-2:], raw)
            self.assertEqual(daemon.issue(CLAIMS).json["kid"], versions(daemon, "cst")[1]["kid"])
            person.types()
            self.assertEqual(states(daemon, "cst"), {1: "verify_only", 2: "active"})
            self.assertEqual(daemon.issue(CLAIMS).json["kid"], versions(daemon, "cst")[2]["kid"])
            self.assert_all_typed(person)

    def test_the_logs_new_key_audits_the_log(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: cli("log", "key", "--socket", daemon.observe).returncode == 0, "the log's key")
            first = cli("log", "key", "--socket", daemon.observe).stdout
            rotated = cli("keys", "rotate", "checkpoint", "--now", "--overlap", "30d", "--socket", daemon.admin)
            self.assertEqual(rotated.returncode, 0, rotated.stderr)
            wait_until(lambda: request(daemon.observe, "GET", "/v1/log/checkpoint").text.count("\n\u2014 ") == 2, "both signatures")
            person = Person(daemon, "A planned rotation of the log's key")
            self.assertNotIn("found", person.types())
            self.assertNotEqual(person.reads("log.key.new"), first)
            self.assert_all_typed(person)


class Compromise(Ceremonies):
    def test_the_family_stops_recovers_and_says_since_which_leaf(self):
        with Daemon.fresh() as daemon:
            self.assert_signs_with(daemon, 1)
            person = Person(daemon, "A suspected compromise", VERSION="1", LEAF="7")
            person.types()
            self.assertEqual(daemon.sign().code, "KEY_FROZEN")
            person.types()
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "compromised"})
            self.assertEqual(daemon.sign().code, "KEY_FROZEN")
            person.types()
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "compromised", 2: "active"})
            self.assert_signs_with(daemon, 2)
            manifest = json.loads(person.reads("manifest.json"))["manifest"]
            (receipts,) = (family for family in manifest["families"] if family["family"] == "gateway_receipt")
            self.assertEqual([key.get("compromised_leaf") for key in receipts["keys"]], [7, None])
            self.assertEqual(len(daemon.jwks()["keys"]), 1)
            self.assert_all_typed(person)


class LostToken(Ceremonies):
    def test_keys_that_are_gone_are_named_and_followed_by_new_ones(self):
        with Daemon.fresh() as daemon:
            rotated = cli("keys", "rotate", "gateway_receipt", "--now", "--overlap", "30d", "--socket", daemon.admin)
            self.assertEqual(rotated.returncode, 0, rotated.stderr)
            wait_until(lambda: request(daemon.observe, "GET", "/v1/log/checkpoint").status == 200, "a checkpoint")
            gone = [(family, version) for family in ("gateway_receipt", "cst", "checkpoint") for version in versions(daemon, family)]
            numbers = [versions(daemon, family)[version]["id"] for family, version in gone]
            self.assertEqual(daemon.stop(), 0)
            for number in numbers:
                for kind in ("privkey", "pubkey"):
                    daemon.pkcs11_tool("--delete-object", "--type", kind, "--id", number)
            daemon.start()
            missing = "is not in its store any more"
            wait_until(lambda: cli("keys", "list", "--socket", daemon.admin).stdout.count(missing) == len(gone), "the daemon's look")
            self.assertEqual(daemon.sign().code, "KEY_MISSING")
            person = Person(daemon, "A lost token")
            printed = person.types()
            for (family, version), number in zip(gone, numbers):
                self.assertIn(f"fault: {family}/{version}: key {number} is not in its store any more", printed)
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "compromised", 2: "compromised", 3: "active"})
            self.assertEqual([states(daemon, family) for family in ("cst", "checkpoint")], [{1: "compromised", 2: "active"}] * 2)
            self.assertEqual(states(daemon, "work_policy"), {1: "active"})
            self.assert_signs_with(daemon, 3)
            self.assertEqual(daemon.issue(CLAIMS).status, 200)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            daemon.wait_ready()
            self.assert_signs_with(daemon, 3)
            self.assert_all_typed(person)


class Adoption(Ceremonies):
    def test_the_seed_of_before_is_wiped_and_its_receipts_are_still_known(self):
        with Daemon.fresh() as daemon:
            seed = daemon.directory / "seed"
            seed.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="))
            person = Person(daemon, "Leaving the environment variable", SEED=str(seed))
            person.types()
            self.assertFalse(seed.exists())
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "active", 2: "verify_only"})
            (certificate,) = json.loads(person.reads("rotations.json"))["rotations"]
            keys_oracle.verify_rotation(certificate)
            self.assertEqual(certificate["old_did"], versions(daemon, "gateway_receipt")[2]["did"])
            self.assert_signs_with(daemon, 1)
            self.assert_all_typed(person)


class Operators(Ceremonies):
    def test_todays_let_others_take_their_place(self):
        with Daemon.fresh() as daemon:
            person = Person(daemon, "Changing operators")
            lines = []
            for name in ("anna", "carl"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", person.desk / name], check=True)
                lines.append(f"{name} {person.reads(name + '.pub')}")
            (person.desk / "operators").write_text("".join(lines))
            person.types()
            people = request(daemon.admin, "GET", "/v1/operators").json
            self.assertEqual(([one["principal"] for one in people["operators"]], people["quorum"]), (["anna", "carl"], 2))
            self.assert_all_typed(person)


class BootStates(Ceremonies):
    def test_the_next_one_is_predicted_on_a_twin_and_approved_beforehand(self):
        with tpms.daemon_on_tpm() as (daemon, tpm):
            person = Person(daemon, "Keys in a TPM", TPM2TOOLS_TCTI=f"swtpm:path={tpm.socket}", TSS2_LOG="all+NONE")
            today = person.types().splitlines()[-1].split()[0]
            self.assertEqual(today, tpm.state(0, 7))
            twin = tpms.Swtpm(person.desk)
            try:
                twin.extend(7)
                state = twin.state(0, 7)
            finally:
                twin.kill()
            person.types(STATE=state)
            tpm.extend(7)
            self.assertEqual(tpm.state(0, 7), state)
            self.assertEqual(daemon.sign().status, 200)
            self.assert_all_typed(person)


class Destruction(Ceremonies):
    def test_an_old_key_is_gone_from_the_token(self):
        with Daemon.fresh() as daemon:
            rotated = cli("keys", "rotate", "gateway_receipt", "--now", "--overlap", "30d", "--socket", daemon.admin)
            self.assertEqual(rotated.returncode, 0, rotated.stderr)
            number = versions(daemon, "gateway_receipt")[1]["id"]
            self.assertIn(number, daemon.pkcs11_tool("--list-objects"))
            person = Person(daemon, "Destroying an old key", VERSION="1")
            self.assertRegex(person.types(), r"proof +gone")
            self.assertEqual(states(daemon, "gateway_receipt"), {1: "destroyed", 2: "active"})
            self.assertNotIn(number, daemon.pkcs11_tool("--list-objects"))
            self.assert_signs_with(daemon, 2)
            self.assert_all_typed(person)


class Approvals(Ceremonies):
    def test_an_approval_is_verified_with_nothing_but_the_log_and_the_operators_file(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the log's name")
            filed = cli("operators", "set", daemon.directory / "operators", "--quorum", "1", "--json", "--socket", daemon.admin)
            waiting = json.loads(filed.stdout)["request"]["id"]
            done = cli("approvals", "approve", waiting, "--key", daemon.directory / "operator", "--yes", "--socket", daemon.admin)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(daemon.stop(), 0)
            leaves = [json.loads(body) for body in Ledger(daemon.directory / "state").bodies]
            (number,) = [index for index, leaf in enumerate(leaves) if leaf.get("act") == "approvals.approve"]
            daemon.start()
            daemon.wait_ready()
            signers = daemon.directory / "operators"
            names = {"LEAF": str(number), "SIGNERS": str(signers), "NAME": signers.read_text().split()[0]}
            person = Person(daemon, "Verifying an approval", **names)
            self.assertIn("Good", person.types())
            self.assertEqual(json.loads(person.reads("request.json"))["id"], waiting)
            self.assert_all_typed(person)
            forged = subprocess.run(
                ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", names["NAME"], "-n", "clawsigner-approval", "-s", "approval.sig"],
                cwd=person.desk, input="B" * 43, capture_output=True, text=True, check=False)  # fmt: skip
            self.assertNotEqual(forged.returncode, 0)


class PruningTheLog(Ceremonies):
    def test_old_bodies_are_in_the_archive_only(self):
        with Daemon.fresh() as daemon:
            for _ in range(3):
                self.assertEqual(request(daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": [RECEIPT] * 100}).status, 200)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            daemon.wait_ready()
            wait_until(lambda: request(daemon.admin, "GET", "/v1/status").json["ledger"]["checked"], "the ledger to be gone through")
            wait_until(lambda: cli("log", "key", "--socket", daemon.observe).returncode == 0, "the log's key")
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            person = Person(daemon, "Pruning the log", ARCHIVE="archive", BEFORE=now)
            (person.desk / "log.key").write_text(cli("log", "key", "--socket", daemon.observe).stdout)
            self.assertEqual(person.types().count("log: good"), 2)
            self.assertEqual(request(daemon.admin, "GET", "/v1/status").json["ledger"]["pruned"], 256)
            wait_until(lambda: request(daemon.observe, "GET", "/v1/log/tile/entries/000").status == 404, "a checkpoint that shows why")
            self.assert_all_typed(person)


if __name__ == "__main__":
    unittest.main()
