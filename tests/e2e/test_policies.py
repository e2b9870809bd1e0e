"""Who may have which tokens, as state: mappings, trust, identity providers and Work Policy Contracts, under dual control."""

import base64
import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import pathlib
import shutil
import sqlite3
import ssl
import tempfile
import threading
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from harness import Daemon, cli, request
from leaves import Ledger

SOCKETS = ("proxy", "issuer", "admin", "observe")
CONTRACT = {
    "policy_version": "1",
    "policy_id": "deploy-approval",
    "issuer_did": "did:key:z6MkOwner",
    "allowed_models": ["gpt-4o*"],
    "metadata": {"version": "deploy-approval-v3", "tool_allowlist": ["github"]},
}
# As the guide has it, in an operator's own layout.
MAPPING = """
{
  "scope_mappings": [
    {
      "okta_group": "platform-engineers",
      "cst_claims": {
        "allowed_tools": ["github", "argo-cd", "terraform"],
        "allowed_models": ["claude-sonnet-4-20250514", "gpt-4o"],
        "egress_allowlist": ["api.github.com", "*.atlassian.net"],
        "max_ttl_seconds": 3600
      }
    }
  ]
}
"""


def raw(public_key):
    return public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def canonical(value):
    """RFC 8785 of what has only ASCII names and small whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text):
    return b64u(hashlib.sha256(text.encode()).digest())


def hash_of(contract):
    return digest(canonical(contract))


def did_of(public_key):
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(b"\xed\x01" + raw(public_key), "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "did:key:z" + text


def envelope_by(key, contract):
    """The contract as somebody else's registry has signed it."""
    return {
        "envelope_version": "1",
        "envelope_type": "work_policy_contract",
        "payload": contract,
        "payload_hash_b64u": hash_of(contract),
        "hash_algorithm": "SHA-256",
        "signature_b64u": b64u(key.sign(hash_of(contract).encode())),
        "algorithm": "Ed25519",
        "signer_did": did_of(key.public_key()),
        "issued_at": "2026-01-01T00:00:00.000Z",
    }


def admin(daemon, *words, stdin=None):
    return cli(*words, "--json", "--socket", daemon.admin, stdin=stdin)


def approve(daemon, filed):
    """The operator's word on what a command has filed."""
    assert filed.returncode == 0, filed.stderr + filed.stdout
    name = json.loads(filed.stdout)["request"]["id"]
    return admin(daemon, "approvals", "approve", name, "--key", daemon.directory / "operator", "--yes")


def code_of(done):
    return done.returncode, json.loads(done.stdout)["error"]["code"]


class Story(unittest.TestCase):
    def done(self, outcome):
        self.assertEqual(outcome.returncode, 0, outcome.stderr + outcome.stdout)
        return json.loads(outcome.stdout)

    def approved(self, daemon, filed):
        self.assertTrue(self.done(approve(daemon, filed))["done"])

    def file(self, daemon, name, content):
        path = daemon.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def add(self, daemon, contract):
        return admin(daemon, "policies", "add", self.file(daemon, "contract.json", contract))

    def statuses(self, daemon, target):
        return {role: request(getattr(daemon, role), "GET", target).status for role in SOCKETS}

    def everywhere(self, status):
        return dict.fromkeys(SOCKETS, status)


class Contracts(Story):
    def test_a_contract_is_signed_and_served_once_operators_say_so_and_withdrawn_by_one_admin(self):
        with Daemon.fresh() as daemon:
            policy, target = hash_of(CONTRACT), "/v1/wpc/" + hash_of(CONTRACT)
            added = self.done(self.add(daemon, CONTRACT))
            self.assertEqual((added["existed"], added["policy"]["state"], added["policy"]["signed"]), (False, "added", False))
            self.assertEqual(added["policy"]["policy_hash_b64u"], policy)
            self.assertEqual(self.statuses(daemon, target), self.everywhere(404))
            filed = admin(daemon, "policies", "activate", policy, "--why", "deploys")
            shown = cli("approvals", "show", json.loads(filed.stdout)["request"]["id"], "--socket", daemon.admin).stdout
            self.assertIn('"deploy-approval-v3"', shown)
            self.assertEqual(self.statuses(daemon, target), self.everywhere(404))
            self.approved(daemon, filed)
            self.assertEqual(self.statuses(daemon, target), self.everywhere(200))
            envelope = request(daemon.proxy, "GET", target).json
            self.assert_signed_by_us(daemon, envelope)
            self.assertEqual(daemon.stop(), 0)
            artefacts = [leaf for leaf in map(json.loads, Ledger(daemon.directory / "state").bodies) if leaf["type"] == "artefact" and leaf["family"] == "work_policy"]
            daemon.start()
            daemon.wait_ready()
            self.assertEqual([(leaf["family"], leaf["artefact"], leaf["id"], leaf["rule"]) for leaf in artefacts],
                             [("work_policy", "work_policy_contract", policy, "approval")])  # fmt: skip
            self.assertEqual(request(daemon.proxy, "GET", target).json, envelope)
            self.done(admin(daemon, "policies", "withdraw", policy, "--yes"))
            self.assertEqual(self.statuses(daemon, target), self.everywhere(404))
            self.assertEqual(code_of(admin(daemon, "policies", "withdraw", policy, "--yes")), (1, "ILLEGAL_TRANSITION"))
            self.assertEqual(self.done(admin(daemon, "policies", "show", policy))["wpc"], CONTRACT)
            self.approved(daemon, admin(daemon, "policies", "activate", policy))
            self.assertEqual(request(daemon.proxy, "GET", target).json, envelope)  # no second signature
            self.assertEqual(code_of(admin(daemon, "policies", "activate", policy)), (1, "ILLEGAL_TRANSITION"))

    def assert_signed_by_us(self, daemon, envelope):
        self.assertEqual(envelope["payload"], CONTRACT)
        self.assertEqual(envelope["payload_hash_b64u"], hash_of(CONTRACT))
        (key,) = request(daemon.admin, "GET", "/v1/jwks?family=work_policy").json["keys"]
        public = ed25519.Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
        self.assertEqual(envelope["signer_did"], did_of(public))
        public.verify(base64.urlsafe_b64decode(envelope["signature_b64u"] + "=="), hash_of(CONTRACT).encode())

    def test_added_again_it_is_the_same_contract_and_listed_once(self):
        with Daemon.fresh() as daemon:
            self.done(self.add(daemon, CONTRACT))
            again = self.done(self.add(daemon, json.dumps(CONTRACT, indent=4)))
            self.assertTrue(again["existed"])
            listed = self.done(admin(daemon, "policies", "list"))
            self.assertEqual([one["version"] for one in listed["policies"]], ["deploy-approval-v3"])
            self.assertEqual(listed["faults"], [])
            self.assertIn("deploy-approval-v3", cli("policies", "list", "--socket", daemon.admin).stdout)

    def test_signed_elsewhere_it_is_taken_from_trusted_signers_only_and_falls_with_their_trust(self):
        with Daemon.fresh() as daemon:
            key = ed25519.Ed25519PrivateKey.generate()
            signer, target = did_of(key.public_key()), "/v1/wpc/" + hash_of(CONTRACT)
            refused = self.add(daemon, envelope_by(key, CONTRACT))
            self.assertEqual(code_of(refused), (1, "POLICY_DENIED"))
            self.assertEqual(json.loads(refused.stdout)["error"]["rule"], "wpc.signer")
            self.approved(daemon, admin(daemon, "trust", "set", "wpc_signers", signer))
            forged = {**envelope_by(key, CONTRACT), "payload": {**CONTRACT, "policy_id": "other"}}
            self.assertEqual(json.loads(self.add(daemon, forged).stdout)["error"]["rule"], "wpc.hash")
            added = self.done(self.add(daemon, envelope_by(key, CONTRACT)))
            self.assertEqual((added["policy"]["signed"], added["policy"]["signer_did"]), (True, signer))
            self.approved(daemon, admin(daemon, "policies", "activate", hash_of(CONTRACT)))
            self.assertEqual(request(daemon.proxy, "GET", target).json, envelope_by(key, CONTRACT))
            self.done(admin(daemon, "trust", "set", "wpc_signers", ""))  # less trust: at once
            self.assertEqual(self.statuses(daemon, target), self.everywhere(404))
            self.assertEqual(self.done(admin(daemon, "policies", "list"))["policies"][0]["state"], "withdrawn")

    def test_what_is_no_contract_is_refused_by_its_rule_and_leaves_nothing(self):
        with Daemon.fresh() as daemon:
            before = self.done(admin(daemon, "policies", "list"))
            for contract, rule in (
                ({**CONTRACT, "unknown": 1}, "wpc.form"),
                ({**CONTRACT, "metadata": None}, "wpc.form"),
                ({**CONTRACT, "policy_version": "2"}, "wpc.form"),
                ({**CONTRACT, "metadata": {"change_window_utc": "25:00-99:00"}}, "wpc.window_form"),
                ({**CONTRACT, "metadata": {"tool_allowlist": ["git*"]}}, "wpc.wildcard"),
            ):
                refused = request(daemon.admin, "POST", "/v1/policies", {"wpc": contract})
                self.assertEqual((refused.status, refused.json.get("error", {}).get("rule")), (400, rule), refused.text)
            refused = request(daemon.admin, "POST", "/v1/policies", json.dumps({"wpc": CONTRACT})[:-2] + ',"policy_id":"x"}}')
            self.assertEqual((refused.status, refused.json["error"].get("rule")), (400, "wpc.form"), refused.text)
            self.assertEqual(self.done(admin(daemon, "policies", "list")), before)

    def test_an_unknown_hash_is_nothing(self):
        with Daemon.fresh() as daemon:
            for words in (("show",), ("activate",), ("withdraw", "--yes")):
                self.assertEqual(code_of(admin(daemon, "policies", words[0], hash_of({}), *words[1:])), (1, "NOT_FOUND"))
            for target in ("/v1/wpc/", "/v1/wpc/x", "/v1/policies/x", "/v1/documents/x", "/v1/documents/" + hash_of({})):
                self.assertEqual(request(daemon.admin, "GET", target).status, 404)


class Mappings(Story):
    def test_a_mapping_holds_once_operators_have_seen_exactly_it(self):
        with Daemon.fresh() as daemon:
            expected = json.loads(MAPPING)
            self.assertEqual(self.done(admin(daemon, "mappings", "show")), {"mapping": None})
            filed = admin(daemon, "mappings", "set", self.file(daemon, "mapping.json", MAPPING), "--why", "the platform team")
            name = json.loads(filed.stdout)["request"]["id"]
            self.assertEqual(json.loads(filed.stdout)["request"]["arguments"], {"document_sha256": digest(canonical(expected))})
            answer = request(daemon.admin, "GET", "/v1/approvals/" + name).json
            self.assertEqual(answer["document"], canonical(expected))
            self.assertIn('"*.atlassian.net"', cli("approvals", "show", name, "--socket", daemon.admin).stdout)
            self.assertEqual(self.done(admin(daemon, "mappings", "show")), {"mapping": None})
            self.approved(daemon, filed)
            kept = self.done(admin(daemon, "mappings", "show"))
            self.assertEqual((kept["mapping"], kept["document_sha256"]), (expected, digest(canonical(expected))))
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(self.done(admin(daemon, "mappings", "show")), kept)
            document = request(daemon.observe, "GET", "/v1/documents/" + kept["document_sha256"]).json["text"]
            self.assertEqual(document, canonical(expected))

    def test_what_is_no_mapping_is_refused_by_its_rule(self):
        with Daemon.fresh() as daemon:
            (entry,) = json.loads(MAPPING)["scope_mappings"]
            claims = entry["cst_claims"]
            for entries, rule in (
                ([entry, entry], "mapping.duplicate_group"),
                ([{**entry, "unknown": 1}], "mapping.form"),
                ([{**entry, "cst_claims": {**claims, "max_ttl_seconds": 0}}], "mapping.ttl_form"),
                ([{**entry, "cst_claims": {**claims, "allowed_tools": ["*"]}}], "mapping.wildcard"),
                ([{**entry, "policy_pin": {"policy_hash_b64u": "+/" * 21 + "A", "policy_version": "v"}}], "mapping.pin_form"),
            ):
                refused = request(daemon.admin, "POST", "/v1/mappings", {"mapping": {"scope_mappings": entries}})
                self.assertEqual((refused.status, refused.json.get("error", {}).get("rule")), (400, rule), refused.text)
            self.assertEqual(request(daemon.admin, "GET", "/v1/approvals").json["requests"], [])

    def test_a_large_mapping_is_no_larger_than_what_is_shown(self):
        with Daemon.fresh() as daemon:
            (entry,) = json.loads(MAPPING)["scope_mappings"]
            large = {"scope_mappings": [{**entry, "okta_group": "group-%d" % i} for i in range(200)]}
            self.assertGreater(len(canonical(large)), 40_000)
            self.approved(daemon, admin(daemon, "mappings", "set", self.file(daemon, "large.json", large)))
            self.assertEqual(self.done(admin(daemon, "mappings", "show"))["mapping"], large)


class Documents(Story):
    """What somebody with a database shell does to documents and rows while the daemon is down is found by name."""

    @contextlib.contextmanager
    def edited(self, daemon, sql, *values):
        self.assertEqual(daemon.stop(), 0)
        with contextlib.closing(sqlite3.connect(daemon.directory / "state" / "ledger.db")) as database:
            self.assertGreater(database.execute(sql, values).rowcount, 0)
            database.commit()
        daemon.start()
        yield

    def with_mapping(self, daemon):
        path = self.file(daemon, "mapping.json", MAPPING)
        self.approved(daemon, admin(daemon, "mappings", "set", path))
        return path, self.done(admin(daemon, "mappings", "show"))["document_sha256"]

    def test_a_document_that_was_changed_is_not_there_by_name_and_everything_else_is(self):
        with Daemon.fresh() as daemon:
            path, name = self.with_mapping(daemon)
            wider = canonical(json.loads(MAPPING)).replace("3600", "7200").encode()
            key = base64.urlsafe_b64decode(name + "=")
            with self.edited(daemon, "UPDATE document SET body = ? WHERE sha256 = ?", wider, key):
                self.assertIn('"event":"policy.unavailable","row":"mapping/document"', daemon.log())
                refused = request(daemon.admin, "GET", "/v1/mappings")
                self.assertEqual(refused.code, "NOT_FOUND")
                self.assertIn(name + " was changed", refused.json["error"]["message"])
                faults = self.done(admin(daemon, "policies", "list"))["faults"]
                self.assertEqual([fault["row"] for fault in faults], ["mapping/document"])
                daemon.wait_ready()
                self.assertEqual(daemon.sign().status, 200)
                self.approved(daemon, admin(daemon, "mappings", "set", path))  # puts it back
                self.assertEqual(self.done(admin(daemon, "mappings", "show"))["document_sha256"], name)
                self.assertEqual(self.done(admin(daemon, "policies", "list"))["faults"], [])

    def test_a_contract_whose_text_is_gone_is_unknown_until_it_is_added_again(self):
        with Daemon.fresh() as daemon:
            self.done(self.add(daemon, CONTRACT))
            self.approved(daemon, admin(daemon, "policies", "activate", hash_of(CONTRACT)))
            key = base64.urlsafe_b64decode(hash_of(CONTRACT) + "=")
            with self.edited(daemon, "DELETE FROM document WHERE sha256 = ?", key):
                self.assertEqual(self.statuses(daemon, "/v1/wpc/" + hash_of(CONTRACT)), self.everywhere(404))
                (one,) = self.done(admin(daemon, "policies", "list"))["policies"]
                self.assertEqual((one["state"], one["available"]), ("active", False))
                self.assertTrue(self.done(self.add(daemon, CONTRACT))["existed"])
                self.assertEqual(self.statuses(daemon, "/v1/wpc/" + hash_of(CONTRACT)), self.everywhere(200))

    def test_a_document_that_is_changed_while_it_waits_is_not_approved_of(self):
        with Daemon.fresh() as daemon:
            filed = admin(daemon, "mappings", "set", self.file(daemon, "mapping.json", MAPPING))
            with self.edited(daemon, "UPDATE document SET body = CAST('{}' AS BLOB)"):
                self.assertEqual(approve(daemon, filed).returncode, 1)
                self.assertEqual(self.done(admin(daemon, "mappings", "show")), {"mapping": None})

    def test_a_row_that_was_changed_damages_the_ledger_by_its_name(self):
        for sql, name in (
            ("UPDATE setting SET value = replace(value, 'false', 'true') WHERE name = 'trust/settings'", "trust/settings"),
            ("UPDATE setting SET value = 'all' WHERE name = 'trust/exempt'", "trust/exempt"),
            ("UPDATE setting SET value = replace(value, 'added', 'active') WHERE name LIKE 'policy/%'", "policy/"),
        ):
            with self.subTest(name), Daemon.fresh(start=False) as daemon:
                self.without_trust(daemon)
                daemon.start()
                daemon.wait_ready()
                self.done(self.add(daemon, CONTRACT))
                with self.edited(daemon, sql):
                    status = request(daemon.admin, "GET", "/v1/status").json["ledger"]
                    self.assertEqual(status["state"], "damaged")
                    self.assertIn("no leaf explains the row " + name, status["why"]["message"])
                    self.assertEqual(daemon.sign().code, "LEDGER_DAMAGED")

    def without_trust(self, daemon):
        text = daemon.config.read_text()
        begin, end = text.index("[trust]"), text.index("[ledger]")
        daemon.config.write_text(text[:begin] + text[end:])


class Trust(Story):
    OFF = {"claims_mode": False, "allow_unpinned": False, "audiences": [], "wpc_signers": [], "receipts_without_cst": ""}
    DEV = {"claims_mode": True, "allow_unpinned": True, "audiences": ["clawproxy.com"], "wpc_signers": [], "receipts_without_cst": "all"}

    def test_in_development_it_is_on_and_one_admin_takes_it_away_while_more_waits_for_operators(self):
        with Daemon.fresh() as daemon:
            self.assertEqual(self.done(admin(daemon, "trust", "show")), self.DEV)
            self.assertEqual(self.done(admin(daemon, "trust", "set", "receipts_without_cst", "0,1000"))["receipts_without_cst"], "0,1000")
            self.assertFalse(self.done(admin(daemon, "trust", "set", "claims_mode", "false"))["claims_mode"])
            filed = admin(daemon, "trust", "set", "claims_mode", "true", "--why", "the issuer knows them")
            self.assertFalse(self.done(admin(daemon, "trust", "show"))["claims_mode"])
            self.approved(daemon, filed)
            self.assertTrue(self.done(admin(daemon, "trust", "show"))["claims_mode"])
            self.approved(daemon, admin(daemon, "trust", "set", "audiences", "clawproxy.com,proxy.example.com"))
            self.assertEqual(self.done(admin(daemon, "trust", "show"))["audiences"], ["clawproxy.com", "proxy.example.com"])

    def test_without_a_word_of_it_in_the_configuration_nobody_is_believed_and_no_later_word_counts(self):
        with Daemon.fresh(start=False) as daemon:
            text = daemon.config.read_text()
            begin, end = text.index("[trust]"), text.index("[ledger]")
            daemon.config.write_text(text[:begin] + text[end:])
            daemon.start()
            self.assertEqual(self.done(admin(daemon, "trust", "show")), self.OFF)
            self.assertEqual(daemon.stop(), 0)
            daemon.config.write_text(text)
            daemon.start()
            self.assertEqual(self.done(admin(daemon, "trust", "show")), self.OFF)
            self.assertIn('"event":"config.not_obeyed","table":"trust"', daemon.log())

    def test_a_value_that_is_none_is_refused(self):
        with Daemon.fresh() as daemon:
            for key, value in (("claims_mode", "yes"), ("audiences", "a b"), ("wpc_signers", "did:web:x"), ("receipts_without_cst", "65534"),
                               ("receipts_without_cst", "01"), ("receipts_without_cst", "1,1"), ("receipts_without_cst", "1,")):  # fmt: skip
                self.assertEqual(code_of(admin(daemon, "trust", "set", key, value)), (1, "INVALID_FIELD"), (key, value))

    def test_a_configuration_that_says_what_is_no_trust_is_refused_by_its_line(self):
        with Daemon.fresh(start=False) as daemon:
            text = daemon.config.read_text()
            for said in ("claims_mode = 1", 'audiences = ["a b"]', 'receipts_without_cst = "nobody"', "unknown = true"):
                daemon.config.write_text(text[: text.index("[trust]")] + "[trust]\n" + said + "\n\n" + text[text.index("[ledger]") :])
                refused = daemon.run_to_its_end()
                self.assertNotEqual(refused.returncode, 0)
                self.assertRegex(refused.stderr, r"clawsigner.toml:\d+: trust", said)


class Provider(http.server.BaseHTTPRequestHandler):
    """What the identity provider answers, by path."""

    def do_GET(self):
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class ProviderServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *args):
        """Whoever has heard enough hangs up."""


@contextlib.contextmanager
def identity_provider():
    """An https server on the loopback with an authority of its own: (its issuer's URL, the authority's file, what it answers)."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cs-"))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256()))  # fmt: skip
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
    server = ProviderServer(("127.0.0.1", 0), Provider)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.answers = {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        issuer = "https://127.0.0.1:%d/oauth2/default" % server.server_address[1]
        publish(server.answers, issuer, jwk("1"))
        yield issuer, directory / "ca.pem", server.answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(directory)


def jwk(kid):
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": b64u(raw(public))}


def publish(answers, issuer, *keys):
    base = "/oauth2/default"
    answers[base + "/.well-known/openid-configuration"] = (200, {}, json.dumps(
        {"issuer": issuer, "jwks_uri": issuer + "/v1/keys", "authorization_endpoint": issuer + "/v1/authorize"}).encode())  # fmt: skip
    answers[base + "/v1/keys"] = (200, {}, json.dumps({"keys": keys}, indent=2).encode())


class Oidc(Story):
    def fetch(self, daemon, issuer, authority, *words):
        return admin(daemon, "oidc", "fetch", issuer, "--ca-file", authority, "--yes", *words)

    def test_a_providers_keys_are_fetched_shown_and_believed_once_operators_approve(self):
        with Daemon.fresh() as daemon, identity_provider() as (issuer, authority, answers):
            self.assertEqual(self.done(admin(daemon, "oidc", "show")), {"oidc": None})
            self.assertIn("--audience", self.fetch(daemon, issuer, authority).stdout)
            filed = self.fetch(daemon, issuer, authority, "--audience", "0oa1", "--groups-claim", "roles", "--require-nonce")
            name = json.loads(filed.stdout)["request"]["id"]
            self.assertIn('"kid": "1"', cli("approvals", "show", name, "--socket", daemon.admin).stdout)
            self.approved(daemon, filed)
            kept = self.done(admin(daemon, "oidc", "show"))["oidc"]
            self.assertEqual([key["kid"] for key in kept["jwks"]["keys"]], ["1"])
            publish(answers, issuer, jwk("1"), jwk("2"))  # the provider rotates
            self.approved(daemon, self.fetch(daemon, issuer, authority))
            next_kept = self.done(admin(daemon, "oidc", "show"))["oidc"]
            self.assertEqual([key["kid"] for key in next_kept["jwks"]["keys"]], ["1", "2"])
            for member in ("issuer", "audience", "groups_claim", "require_nonce"):
                self.assertEqual(next_kept[member], kept[member])
            self.assertEqual((kept["audience"], kept["groups_claim"], kept["require_nonce"]), ("0oa1", "roles", True))

    def test_from_whom_nobody_vouches_for_nothing_is_taken(self):
        with Daemon.fresh() as daemon, identity_provider() as (issuer, authority, answers):
            base, keys = "/oauth2/default", json.dumps({"keys": [jwk("1")]}).encode()
            unknown = admin(daemon, "oidc", "fetch", issuer, "--audience", "0oa1", "--yes")  # the system's authorities do not know it
            self.assertEqual(code_of(unknown), (3, "UNREACHABLE"))
            elsewhere = issuer.replace("127.0.0.1", "127.0.0.2")
            self.assertEqual(self.fetch(daemon, elsewhere, authority, "--audience", "0oa1").returncode, 3)
            for url in (issuer.replace("https", "http"), "https://user@localhost/", "https://localhost/?x", "ftp://x/"):
                self.assertEqual(code_of(self.fetch(daemon, url, authority, "--audience", "0oa1")), (1, "INVALID_FIELD"), url)
            configuration = {"issuer": issuer, "jwks_uri": issuer + "/v1/keys"}
            for said, path, answer in (
                ("another issuer", "/.well-known/openid-configuration", (200, {}, json.dumps({**configuration, "issuer": "https://evil"}).encode())),
                ("https://", "/.well-known/openid-configuration", (200, {}, json.dumps({**configuration, "jwks_uri": "http://x/"}).encode())),
                ("jwks_uri", "/.well-known/openid-configuration", (200, {}, json.dumps({"issuer": issuer}).encode())),
                ("redirect", "/v1/keys", (302, {"Location": "/elsewhere"}, b"")),
                ("no JSON object", "/v1/keys", (200, {}, b"<html>")),
                ("keys", "/v1/keys", (200, {}, b'{"keys":[]}')),
                ("", "/v1/keys", (200, {}, keys + b" " * 300_000)),
            ):
                with self.subTest(said):
                    publish(answers, issuer, jwk("1"))
                    answers[base + path] = answer
                    refused = self.fetch(daemon, issuer, authority, "--audience", "0oa1")
                    self.assertNotEqual(refused.returncode, 0)
                    self.assertIn(said, refused.stdout)
            self.assertEqual(request(daemon.admin, "GET", "/v1/approvals").json["requests"], [])

    def test_a_providers_document_is_handed_in_as_a_file(self):
        with Daemon.fresh() as daemon:
            document = {"issuer": "https://example.okta.com/oauth2/default", "audience": "0oa1", "jwks": {"keys": [jwk("7")]}}
            self.approved(daemon, admin(daemon, "oidc", "set", self.file(daemon, "oidc.json", document)))
            self.assertEqual(self.done(admin(daemon, "oidc", "show"))["oidc"]["issuer"], document["issuer"])
            private = {**document, "jwks": {"keys": [{**jwk("7"), "d": "AAAA"}]}}
            self.assertEqual(admin(daemon, "oidc", "set", self.file(daemon, "oidc.json", private)).returncode, 1)


if __name__ == "__main__":
    unittest.main()
