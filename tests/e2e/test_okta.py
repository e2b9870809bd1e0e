"""From a user's Okta groups to a receipt an auditor accepts: ID token, mapping, pin, token, decision, call, receipt, proof.

The ID tokens are made by python3-jwcrypto, and so is the check of our tokens: the two sides share no code."""

import json
import threading
import time
import unittest
import uuid

from jwcrypto import jwk, jwt

from harness import Daemon, cli, request, wait_until
from leaves import Ledger
from test_policies import Story, admin, b64u, canonical, digest, hash_of

ISSUER, CLIENT = "https://example.okta.com", "0oaClawscope"
SUBJECT = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
CONTRACT = {
    "policy_version": "1",
    "policy_id": "okta-admin",
    "issuer_did": "did:key:z6MkOwner",
    "allowed_providers": ["openai"],
    "allowed_models": ["gpt-4o*"],
    "egress_allowlist": ["*.okta.com"],
    "receipt_privacy_mode": "hash_only",
    "metadata": {"version": "okta-admin-v1", "tool_allowlist": ["okta.users.read", "okta.groups.read"]},
}
PIN = {"policy_hash_b64u": hash_of(CONTRACT), "policy_version": "okta-admin-v1"}
MAPPING = {
    "scope_mappings": [
        {
            "okta_group": "okta-admins",
            "cst_claims": {
                "allowed_tools": ["okta.users.read", "okta.groups.assign"],
                "allowed_models": ["gpt-4o", "claude-sonnet-4-20250514"],
                "egress_allowlist": ["example.okta.com", "api.github.com"],
                "max_ttl_seconds": 900,
            },
            "policy_pin": PIN,
            "subjects": [SUBJECT],
            "audiences": ["clawproxy.com"],
        }
    ]
}
REQUEST = {"sub": SUBJECT, "aud": "clawproxy.com"}
CALL = {"provider": "openai", "model": "gpt-4o"}
HASH = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o"


class Okta:
    """An identity provider with an RSA key."""

    def __init__(self):
        self.key = jwk.JWK.generate(kty="RSA", size=2048, kid="okta-1", use="sig", alg="RS256")

    def trust(self, **more):
        keys = [json.loads(self.key.export_public())]
        return {"issuer": ISSUER, "audience": CLIENT, "jwks": {"keys": keys}, **more}

    def claims(self, **changed):
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": CLIENT, "sub": "00u1", "iat": now, "exp": now + 3600, "jti": "ID." + str(uuid.uuid4()),
            "groups": ["Everyone", "okta-admins"], "ver": 1, "amr": ["pwd", "mfa"],
        }  # fmt: skip
        claims.update(changed)
        return {name: value for name, value in claims.items() if value is not None}

    def id_token(self, key=None, header=None, **changed):
        token = jwt.JWT(header={"alg": "RS256", "kid": "okta-1", **(header or {})}, claims=self.claims(**changed))
        token.make_signed_token(key or self.key)
        return token.serialize()


class OktaStory(Story):
    """A daemon as production has it: nobody is taken at their word."""

    def setUp(self):
        self.okta = Okta()
        self.daemon = self.enterContext(Daemon.fresh(start=False))
        self.daemon.edit_config("claims_mode = true", "claims_mode = false")
        self.daemon.edit_config("allow_unpinned = true", "allow_unpinned = false")
        self.daemon.edit_config('receipts_without_cst = "all"\n', '')
        self.daemon.start()
        self.daemon.wait_ready()

    def set_up_okta(self, mapping=None, contract=CONTRACT, **trust):
        daemon = self.daemon
        self.done(self.add(contract))
        self.approved(daemon, admin(daemon, "policies", "activate", hash_of(contract)))
        self.approved(daemon, admin(daemon, "oidc", "set", self.file(daemon, "oidc.json", self.okta.trust(**trust))))
        self.approved(daemon, admin(daemon, "mappings", "set", self.file(daemon, "mapping.json", mapping or MAPPING)))

    def add(self, contract):
        return admin(self.daemon, "policies", "add", self.file(self.daemon, "contract.json", contract))

    def ask(self, id_token=None, wanted=None):
        body = {"id_token": id_token or self.okta.id_token(), "request": {**REQUEST, **(wanted or {})}}
        return request(self.daemon.issuer, "POST", "/v1/tokens", body)

    def token(self, **wanted):
        answer = self.ask(wanted=wanted)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    def refused(self, answer, rule, status=403):
        self.assertEqual((answer.status, answer.json["error"].get("rule")), (status, rule), answer.text)

    def decide(self, cst, **call):
        answer = request(self.daemon.proxy, "POST", "/v1/decisions", {"cst": cst, **CALL, **call})
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json

    def receipt(self, **fields):
        body = {
            **CALL, "request_hash_b64u": HASH, "response_hash_b64u": HASH, "tokens_input": 1, "tokens_output": 2, "latency_ms": 3,
            "binding": {"run_id": "run_1", "event_hash_b64u": HASH}, **fields,
        }  # fmt: skip
        return request(self.daemon.proxy, "POST", "/v1/receipts", body)

    def leaves(self):
        """All of them, with the daemon stopped and started again."""
        self.assertEqual(self.daemon.stop(), 0)
        leaves = [json.loads(body) for body in Ledger(self.daemon.directory / "state").bodies]
        self.daemon.start()
        self.daemon.wait_ready()
        return leaves


class Walk(OktaStory):
    def test_a_users_groups_become_a_receipt_that_an_auditor_accepts(self):
        self.set_up_okta()
        id_token = self.okta.id_token()
        token = self.ask(id_token).json
        claims = token["claims"]
        self.assertEqual(claims["scope"], ["proxy:call", "egress:example.okta.com", "model:gpt-4o", "tool:okta.users.read"])
        self.assertEqual(claims["policy_hash_b64u"], PIN["policy_hash_b64u"])
        self.assertLessEqual(claims["exp"] - claims["iat"], 900)
        keys = jwk.JWKSet.from_json(json.dumps(self.jwks("issuer")))
        checked = jwt.JWT(jwt=token["token"], key=keys, algs=["EdDSA"])
        self.assertEqual(json.loads(checked.claims), claims)

        decision = self.decide(token["token"], tool="okta.users.read", host="example.okta.com")
        self.assertTrue(decision["allow"], decision)
        self.assertEqual(decision["policy_hash"], PIN["policy_hash_b64u"])
        answer = self.receipt(cst=token["token"], decision_id=decision["decision_id"])
        self.assertEqual(answer.status, 200, answer.text)
        binding = answer.json["envelope"]["payload"]["binding"]
        self.assertEqual(binding["policy_hash"], PIN["policy_hash_b64u"])
        self.assertEqual(binding["token_scope_hash_b64u"], token["token_scope_hash_b64u"])
        self.audit(id_token, token, decision, answer)

    def audit(self, id_token, token, decision, answer):
        """Offline, from receipt, token, leaves and proofs."""
        directory = self.daemon.directory
        receipt_file, token_file = directory / "receipt.json", directory / "token.jwt"
        receipt_file.write_text(answer.text)
        token_file.write_text(token["token"])
        log_key = self.file(self.daemon, "log.key", cli("log", "key", "--socket", self.daemon.observe).stdout)
        for name, artefact, role in (("receipt", receipt_file, "proxy"), ("token", token_file, "issuer")):
            proof, keys = directory / f"{name}.proof", self.file(self.daemon, f"{role}.json", self.jwks(role))
            wait_until(lambda: self.proved(name, artefact, proof), "a checkpoint over the leaf")
            verdict = cli("verify", name, artefact, "--keys", keys, "--proof", proof, "--log-key", log_key)
            self.assertEqual(verdict.returncode, 0, verdict.stdout + verdict.stderr)
        leaves = [leaf for leaf in self.leaves() if leaf["type"] == "artefact"]
        (issued,) = [leaf for leaf in leaves if leaf["family"] == "cst"]
        (receipted,) = [leaf for leaf in leaves if leaf["family"] == "gateway_receipt"]
        self.assertEqual((issued["rule"], issued["grounds"]["groups"]), ("mapping", ["okta-admins"]))
        self.assertEqual(issued["grounds"]["id_token_sha256"], digest(id_token))
        self.assertEqual(issued["grounds"]["subject_sha256"], digest(canonical([ISSUER, "00u1"])))
        self.assertEqual(issued["grounds"]["mapping_sha256"], digest(canonical(MAPPING)))
        self.assertEqual(receipted["cst_sha256"], issued["answer_sha256"])
        self.assertEqual(receipted["decision_sha256"], digest(decision["decision_id"]))
        self.assertEqual((receipted["rule"], receipted.get("after_expiry")), ("decision", None))

    def jwks(self, role):
        return request(getattr(self.daemon, role), "GET", "/v1/jwks").json

    def proved(self, name, artefact, proof):
        proof.unlink(missing_ok=True)
        return cli("log", "prove", f"--{name}", artefact, "-o", proof, "--socket", self.daemon.observe).returncode == 0


class Attacks(OktaStory):
    """What a compromised issuer and a compromised proxy cannot have."""

    def test_an_issuer_cannot_widen_what_the_groups_give(self):
        self.set_up_okta()
        for wanted, rule in (
            ({"scope": ["tool:okta.groups.assign"]}, "wpc.tool"),  # mapped, but not in the contract
            ({"scope": ["tool:okta.factors.reset"]}, "mapping.scope"),
            ({"scope": ["control:policy:update"]}, "mapping.scope"),
            ({"scope": ["egress:*.okta.com"]}, "mapping.scope"),
            ({"ttl_sec": 901}, "mapping.ttl"),
            ({"sub": "did:key:z6MkSomebodyElse"}, "mapping.subject"),
            ({"aud": "clawbounties.com"}, "mapping.audience"),
            ({"policy_hash_b64u": HASH}, "pin.not_in_mapping"),
        ):
            with self.subTest(rule=rule, wanted=wanted):
                self.refused(self.ask(wanted=wanted), rule)
        self.refused(self.ask(self.okta.id_token(groups=["Everyone"])), "mapping.no_group")
        self.refused(request(self.daemon.issuer, "POST", "/v1/tokens", {"claims": {"sub": "a", "aud": "clawproxy.com", "scope": ["proxy:call"]}}),
                     "claims.off")  # fmt: skip
        refusals = [leaf for leaf in self.leaves() if leaf["type"] == "refusal"]
        self.assertEqual({leaf["rule"] for leaf in refusals} & {"mapping.scope", "wpc.tool", "claims.off"}, {"mapping.scope", "wpc.tool", "claims.off"})

    def test_an_issuer_cannot_make_a_user_log_in(self):
        self.set_up_okta()
        stranger = jwk.JWK.generate(kty="RSA", size=2048, kid="okta-1")
        secret = jwk.JWK(kty="oct", k=b64u(self.okta.key.export_to_pem()))
        now = int(time.time())
        unsigned = ".".join((b64u(b'{"alg":"none","kid":"okta-1"}'), b64u(json.dumps(self.okta.claims()).encode()), ""))
        for token, rule in (
            (self.okta.id_token(key=stranger), "oidc.signature"),
            (self.okta.id_token(header={"kid": "okta-2"}), "oidc.kid"),
            (self.okta.id_token(key=secret, header={"alg": "HS256"}), "oidc.alg"),
            (unsigned, "oidc.alg"),
            (self.okta.id_token(header={"jwk": json.loads(stranger.export_public())}), "oidc.header"),
            (self.okta.id_token(iss="https://evil.okta.com"), "oidc.issuer"),
            (self.okta.id_token(aud="another-client"), "oidc.audience"),
            (self.okta.id_token(exp=now - 120), "oidc.expired"),
            (self.okta.id_token(nbf=now + 600), "oidc.not_yet_valid"),
            (self.okta.id_token(iat=now - 400), "oidc.too_old"),
        ):
            with self.subTest(rule=rule):
                self.refused(self.ask(token), rule)

    def test_one_login_is_one_token_whoever_races_for_it(self):
        self.set_up_okta()
        id_token, answers = self.okta.id_token(), []
        threads = [threading.Thread(target=lambda: answers.append(self.ask(id_token))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answer.status for answer in answers), [200] + [403] * 7)
        for answer in answers:
            if answer.status == 403:
                self.refused(answer, "oidc.replayed")
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.daemon.wait_ready()
        self.refused(self.ask(id_token), "oidc.replayed")  # also after a restart

    def test_a_login_can_be_bound_to_one_request(self):
        self.set_up_okta(require_nonce=True)
        wanted = {**REQUEST, "ttl_sec": 60}
        nonce = digest(canonical(wanted))
        self.refused(self.ask(self.okta.id_token(nonce=nonce)), "oidc.nonce")
        self.assertEqual(self.ask(self.okta.id_token(nonce=nonce), {"ttl_sec": 60}).status, 200)

    def test_a_proxy_gets_no_receipt_for_a_call_that_was_not_allowed(self):
        self.set_up_okta()
        token = self.token()["token"]
        self.refused(self.receipt(), "receipt.cst_required")
        self.refused(self.receipt(cst=token, model="o3"), "wpc.model")
        self.refused(self.receipt(cst=token, provider="anthropic"), "wpc.provider")
        self.refused(self.receipt(cst=token[:-4] + "AAAA"), "token.invalid")
        stated = {"run_id": "run_1", "policy_hash": HASH}
        self.refused(self.receipt(cst=token, binding=stated), "receipt.policy_hash")
        self.refused(self.receipt(cst=token, binding={"token_scope_hash_b64u": HASH}), "receipt.scope_hash")
        decision = self.decide(token)["decision_id"]
        self.refused(self.receipt(cst=token, decision_id=decision, model="gpt-4o-mini"), "decision.mismatch")
        self.refused(self.receipt(cst=self.token()["token"], decision_id=decision), "decision.mismatch")
        forged = decision[:-4] + ("AAAA" if not decision.endswith("AAAA") else "BBBB")
        self.refused(self.receipt(cst=token, decision_id=forged), "decision.invalid")

    def test_a_token_that_was_not_recorded_here_is_none(self):
        self.set_up_okta()
        with Daemon.fresh() as another:
            foreign = another.issue({"sub": "a", "aud": "clawproxy.com", "scope": ["proxy:call"]}).json["token"]
        self.refused(self.receipt(cst=foreign), "token.invalid")
        self.assertEqual(self.decide(foreign)["rule"], "token.invalid")


class Decisions(OktaStory):
    def test_a_call_is_allowed_only_within_scope_and_contract(self):
        self.set_up_okta()
        token = self.token()["token"]
        for call, rule in (
            ({}, "call.allowed"),
            ({"tool": "okta.users.read"}, "call.allowed"),
            ({"host": "example.okta.com"}, "call.allowed"),
            ({"tool": "okta.groups.read"}, "call.tool"),  # in the contract, not in the token
            ({"tool": "okta.groups.assign"}, "wpc.tool"),
            ({"host": "other.okta.com"}, "call.egress"),
            ({"host": "api.github.com"}, "wpc.egress"),
            ({"model": "gpt-4o-mini"}, "call.model"),
            ({"provider": "google"}, "wpc.provider"),
        ):
            with self.subTest(call=call):
                decided = self.decide(token, **call)
                self.assertEqual((decided["rule"], decided["allow"]), (rule, rule == "call.allowed"), decided)
                self.assertEqual(decided["decision_id"] is not None, decided["allow"])

    def test_a_decision_holds_across_a_restart_and_after_the_token_has_ended(self):
        self.set_up_okta()
        token = self.token(ttl_sec=2)["token"]
        decision = self.decide(token)["decision_id"]
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.daemon.wait_ready()
        # A token is looked for in the log under its first checkpoint of this start.
        wait_until(lambda: request(self.daemon.observe, "GET", "/v1/log/checkpoint").status == 200, "a checkpoint")
        wait_until(lambda: self.decide(token)["rule"] == "token.expired", "the token's end")
        answer = self.receipt(cst=token, decision_id=decision, latency_ms=3000)
        self.assertEqual(answer.status, 200, answer.text)
        self.refused(self.receipt(cst=token, latency_ms=1), "token.expired")
        (late,) = [leaf for leaf in self.leaves() if leaf.get("after_expiry")]
        self.assertEqual(late["rule"], "decision")

    def test_a_withdrawn_contract_ends_its_tokens_use_at_once(self):
        self.set_up_okta()
        token = self.token()["token"]
        decision = self.decide(token)["decision_id"]
        self.done(admin(self.daemon, "policies", "withdraw", PIN["policy_hash_b64u"], "--yes"))
        self.assertEqual(self.decide(token)["rule"], "pin.withdrawn")
        self.refused(self.ask(), "pin.withdrawn")
        self.refused(self.receipt(cst=token), "pin.withdrawn")
        self.assertEqual(self.receipt(cst=token, decision_id=decision).status, 200)  # it was allowed when it was made

    def test_deciding_is_the_proxys_and_narrowing_the_issuers(self):
        for path, role in (("/v1/decisions", "issuer"), ("/v1/tokens/narrow", "proxy")):
            self.assertEqual(request(getattr(self.daemon, role), "POST", path, {}).status, 404)


class Narrowing(OktaStory):
    def narrow(self, cst, **wanted):
        return request(self.daemon.issuer, "POST", "/v1/tokens/narrow", {"cst": cst, "request": wanted})

    def test_a_live_token_gives_one_that_may_do_less(self):
        self.set_up_okta()
        token = self.token()
        less = self.narrow(token["token"], scope=["proxy:call", "model:gpt-4o"], ttl_sec=60)
        self.assertEqual(less.status, 200, less.text)
        claims = less.json["claims"]
        self.assertEqual(claims["scope"], ["proxy:call", "model:gpt-4o"])
        self.assertEqual(claims["policy_hash_b64u"], PIN["policy_hash_b64u"])
        self.assertEqual(self.decide(less.json["token"], tool="okta.users.read")["rule"], "call.tool")
        self.refused(self.narrow(less.json["token"], scope=["tool:okta.users.read"]), "narrow.scope")
        self.refused(self.narrow(less.json["token"], ttl_sec=900), "narrow.ttl")
        self.refused(self.narrow(less.json["token"], policy_hash_b64u=HASH), "narrow.pin")
        self.refused(self.narrow(token["token"][:-4] + "AAAA"), "token.invalid")
        leaves = [leaf for leaf in self.leaves() if leaf["type"] == "artefact" and leaf["family"] == "cst"]
        self.assertEqual([leaf["rule"] for leaf in leaves], ["mapping", "narrow"])
        self.assertEqual(leaves[1]["parent_sha256"], leaves[0]["answer_sha256"])


if __name__ == "__main__":
    unittest.main()
