"""Tokens from socket to signature and back through three verifiers: an oracle, python3-jwcrypto, and clawsigner's own."""

import contextlib
import datetime
import hashlib
import json
import pathlib
import re
import tempfile
import time
import unittest

from harness import HASH, RECEIPT, Daemon, DaemonTest, cli, request, wait_until  # first: it makes the oracle importable

import receipt_oracle
import token_mutations
import token_oracle
from jwcrypto.common import JWException, base64url_decode, base64url_encode
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from test_policies import admin, approve, hash_of
from token_mutations import AGENT, CONTROLLER, OWNER, Signer, complete, compact, parts_of

BASE = {"sub": AGENT, "aud": "clawproxy.com", "scope": ["proxy:call"]}
CHAIN = {"owner_did": OWNER, "controller_did": CONTROLLER}
CANONICAL = {"agent_did": AGENT, "token_lane": "canonical"}
HASH_2 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
ODD = " \u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff\t\r\n\v\f"
EMOJI = "\U0001f600"
CONTRACT = {"policy_version": "1", "policy_id": "anything", "issuer_did": OWNER}
POLICY = hash_of(CONTRACT)
EVERYTHING = {
    **CHAIN,
    "owner_ref": "????? owner",
    "policy_hash_b64u": POLICY,
    "control_plane_policy_hash_b64u": HASH_2,
    "payment_account_did": "did:web:pay.org",
    "spend_cap": 12.5,
    "mission_id": "mission \u00e9 \"1\" \\ /",
    "delegation_id": "delegation-1",
    "delegator_did": OWNER,
    "delegate_did": AGENT,
    "delegation_policy_hash_b64u": HASH,
    "delegation_spend_cap_minor": "1250",
    "delegation_expires_at": 4102444800,
}

# What is asked for beside BASE; how it is written where that is another way (None: not at all); how long it lives.
GOOD = [
    ({}, {}, 600),
    ({"sub": ODD + AGENT + ODD}, {"sub": AGENT}, 600),
    ({"sub": "an agent \u00e9 that is no DID"}, {}, 600),
    ({"aud": ODD + "clawproxy.com "}, {}, 600),
    ({"aud": "\u00e9\U0001f600"}, {}, 600),
    ({"aud": ["clawproxy.com"]}, {}, 600),
    ({"aud": ["z", "a", "z", " a ", "\U0001f600", "\uffff", "\ue000"]}, {}, 600),
    ({"aud": ["a%d" % i for i in range(64)]}, {}, 600),
    ({"scope": ["z", "a", "z", ODD + "a" + ODD, "Z", "a:\u00a0:b"]}, {"scope": ["z", "a", "z", "a", "Z", "a:\u00a0:b"]}, 600),
    ({"scope": [" ", "a", ODD]}, {"scope": ["a"]}, 600),
    ({"scope": ["\U0001f600", "\uffff", "\ue000", "e\u0301", "\u00e9", "\u0001\u007f\u2028x", "\"\\/"]}, {}, 600),
    ({"scope": ["s%d" % i for i in range(64)]}, {}, 600),
    ({"scope": ["x" * 128, "\u00e9" * 128, EMOJI * 64]}, {}, 600),
    ({"scope": ["egress:*.example.com", "egress:*.a-b.example.co.uk", "egress:*.com", "egress:api.example.com"]}, {}, 600),
    ({"owner_ref": ODD + "r"}, {}, 600),
    ({"owner_did": ODD + OWNER + ODD}, {"owner_did": OWNER}, 600),
    ({"controller_did": CONTROLLER}, {}, 600),
    ({"agent_did": "did:key:zOther"}, {}, 600),
    ({"policy_hash_b64u": " " + POLICY + " "}, {"policy_hash_b64u": POLICY}, 600),
    ({"control_plane_policy_hash_b64u": HASH}, {}, 600),
    ({"payment_account_did": "did:pkh:a.b_c%20-1"}, {}, 600),
    ({"mission_id": " m\u0000 "}, {}, 600),
    ({"spend_cap": 0}, {}, 600),
    ({"spend_cap": -0.0}, {"spend_cap": 0}, 600),
    ({"spend_cap": 0.1}, {}, 600),
    ({"spend_cap": 1e21}, {}, 600),
    ({"spend_cap": 1e20}, {}, 600),
    ({"spend_cap": 2**53}, {}, 600),
    ({"spend_cap": 5e-324}, {}, 600),
    ({"spend_cap": 1e-7}, {}, 600),
    ({"spend_cap": 1.7976931348623157e308}, {}, 600),
    ({**CHAIN}, {**CANONICAL}, 600),
    ({**CHAIN, "sub": " " + AGENT}, {**CANONICAL, "sub": AGENT}, 600),
    ({**CHAIN, **CANONICAL}, {}, 600),
    ({**CHAIN, "agent_did": AGENT + " "}, {**CANONICAL}, 600),
    ({**CHAIN, "token_lane": "legacy"}, {}, 600),
    ({**CHAIN, "token_lane": "legacy", "agent_did": "did:key:zOther"}, {}, 600),
    ({"token_lane": "legacy"}, {}, 600),
    ({**EVERYTHING}, {**CANONICAL}, 600),
    ({**CHAIN, "delegation_id": " d "}, {**CANONICAL, "delegation_id": "d"}, 600),
    ({**CHAIN, "delegate_did": AGENT}, {**CANONICAL}, 600),
    ({**CHAIN, "delegator_did": OWNER}, {**CANONICAL}, 600),
    ({**CHAIN, "delegation_spend_cap_minor": " 007 "}, {**CANONICAL, "delegation_spend_cap_minor": "007"}, 600),
    ({**CHAIN, "delegation_expires_at": 4102444800.9}, {**CANONICAL, "delegation_expires_at": 4102444800}, 600),
    ({"token_version": "1", "tier": "default"}, {"tier": None}, 600),
    ({"ttl_sec": 1}, {}, 1),
    ({"ttl_sec": 59.9}, {}, 59),
    ({"ttl_sec": 3600}, {}, 3600),
    ({"ttl_sec": 3600.9}, {}, 3600),
]
OURS = ("iat", "exp", "token_scope_hash_b64u", "jti", "nonce", "ttl_sec")


def grant_of(claims):
    return {name: value for name, value in claims.items() if name not in OURS}


def written_as(asked, written):
    """The claims but ours that a request is to lead to."""
    claims = {"token_version": "1", "token_lane": "legacy", **BASE, **asked, **written}
    return {name: value for name, value in grant_of(claims).items() if value is not None}


# ---- The second verifier ----------------------------------------------------------------------------------------------------

REFUSALS = (JWException, ValueError, TypeError, AttributeError, KeyError)  # how python3-jwcrypto says no


def jwcrypto_claims(token, jwks):
    """The claims as a user of python3-jwcrypto reads them. It checks the signature and exp, and nothing of the contract."""
    return json.loads(JWT(jwt=token, key=JWKSet.from_json(json.dumps(jwks)), algs=["EdDSA", "ES256"]).claims)


def jwcrypto_and_wrapper(text, jwks):
    """python3-jwcrypto's verdict on the signature, and a wrapper of ours around it for what it does not look at: one spelling of
    base64url, header and claims closed, the scope hash (by the oracle's function), and what stands beside the token."""
    answer = json.loads(text, object_pairs_hook=members_once) if text.startswith("{") else None
    token = answer["token"] if answer is not None else text
    claims = jwcrypto_claims(token, jwks)
    parts = [base64url_decode(part) for part in token.split(".")]
    (key,) = jwks["keys"]
    good = ".".join(map(base64url_encode, parts)) == token
    good = good and json.loads(parts[0]) == {"alg": key["alg"], "typ": "JWT", "kid": key["kid"]}
    good = good and set(token_oracle.REQUIRED) <= claims.keys() <= set(token_oracle.ORDER)
    good = good and claims["token_scope_hash_b64u"] == token_oracle.scope_hash(claims)
    good = good and (answer is None or compact(answer) == compact(answer_about(token, claims, key["kid"])))
    if not good:
        raise ValueError("not as the contract has it")
    return claims


def members_once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member stands twice")
    return dict(pairs)


def answer_about(token, claims, kid):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"token": token, "claims": claims, "kid": kid, "token_hash": digest, "token_scope_hash_b64u": claims["token_scope_hash_b64u"]}


# ---- Tokens that are good ---------------------------------------------------------------------------------------------------------


class TokenTest(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wait_until(lambda: request(cls.daemon.issuer, "GET", "/readyz").status == 200, "the issuer's key")
        cls.issuer_jwks = request(cls.daemon.issuer, "GET", "/v1/jwks").json
        (cls.scratch / "issuer.json").write_text(json.dumps(cls.issuer_jwks))
        (cls.scratch / "contract.json").write_text(json.dumps(CONTRACT))
        assert admin(cls.daemon, "policies", "add", cls.scratch / "contract.json").returncode == 0
        assert approve(cls.daemon, admin(cls.daemon, "policies", "activate", POLICY)).returncode == 0

    def issue(self, asked=None):
        """The answer to a good request."""
        reply = self.daemon.issue({**BASE, **(asked or {})})
        self.assertEqual(reply.status, 200, reply.text)
        return reply

    def verify_by_cli(self, text, *words, keys="issuer.json"):
        """What `clawsigner verify token` says of a text: (exit code, standard output)."""
        file = self.scratch / "token"
        file.write_bytes(text.encode())
        done = cli("verify", "token", file, "--keys", self.scratch / keys, *words)
        return done.returncode, done.stdout

    def oracle_claims(self, text):
        return token_oracle.verify(text, self.issuer_jwks, time.time())


class Tokens(TokenTest):
    def check_accepted_by_all(self, reply):
        claims = reply.json["claims"]
        for text in (reply.text, reply.json["token"]):
            self.assertEqual(self.oracle_claims(text), claims)
            self.assertEqual(jwcrypto_and_wrapper(text, self.issuer_jwks), claims)
            code, said = self.verify_by_cli(text)
            self.assertEqual((code, said.splitlines()[0]), (0, "token: valid"), said)
        self.assertEqual(jwcrypto_claims(reply.json["token"], self.issuer_jwks), claims)

    def test_every_token_is_accepted_by_all_verifiers(self):
        for asked, _, life in GOOD:
            if life < 30:
                continue  # would be over before the last verifier has looked
            with self.subTest(asked):
                self.check_accepted_by_all(self.issue(asked))

    def test_claims_stand_in_order_and_as_asked_for(self):
        for asked, written, life in GOOD:
            with self.subTest(asked):
                before = int(time.time())
                claims = self.issue(asked).json["claims"]
                self.assertEqual(list(claims), [name for name in token_oracle.ORDER if name in claims])
                self.assertEqual(grant_of(claims), written_as(asked, written))
                self.assertTrue(before <= claims["iat"] <= time.time())
                self.assertEqual(claims["exp"] - claims["iat"], life)

    def test_what_stands_beside_the_token_is_its_own(self):
        (key,) = self.issuer_jwks["keys"]
        for asked, _, _ in GOOD:
            answer = self.issue(asked).json
            header, claims, _ = parts_of(answer["token"])
            self.assertEqual(list(answer), ["token", "claims", "kid", "token_hash", "token_scope_hash_b64u"])
            self.assertEqual(header, '{"alg":"%s","typ":"JWT","kid":"%s"}' % (key["alg"], key["kid"]))
            self.assertEqual(list(json.loads(claims).items()), list(answer["claims"].items()))
            self.assertEqual(answer["kid"], key["kid"])
            self.assertEqual(answer["token_hash"], hashlib.sha256(answer["token"].encode()).hexdigest())
            self.assertEqual(answer["token_scope_hash_b64u"], token_oracle.scope_hash(answer["claims"]))

    def test_exp_may_be_given_in_place_of_ttl_sec(self):
        for exp in (int(time.time()) + 100, time.time() + 3500.5):
            reply = self.issue({"exp": exp})
            self.assertEqual(reply.json["claims"]["exp"], int(exp))
            self.check_accepted_by_all(reply)

    def test_every_token_is_another(self):
        answers = [self.issue().json for _ in range(50)]
        ids = [answer["claims"][name] for answer in answers for name in ("jti", "nonce")]
        self.assertEqual(len(set(ids)), 100)
        for text in ids:
            self.assertRegex(text, "^%s$" % token_oracle.UUID4)
        self.assertEqual(len({answer["token"] for answer in answers}), 50)
        self.assertEqual(len({answer["token_hash"] for answer in answers}), 50)
        self.assertEqual(len({answer["token_scope_hash_b64u"] for answer in answers}), 1)

    def test_numbers_are_printed_as_javascript_prints_them(self):
        numbers = {"0": "0", "0.10": "0.1", "1E21": "1e+21", "100000000000000000000": "100000000000000000000", "1e-7": "1e-7",
                   "9007199254740992": "9007199254740992", "0.000001": "0.000001", "5e-324": "5e-324", "12.50": "12.5"}  # fmt: skip
        for given, printed in numbers.items():
            body = '{"claims":%s,"spend_cap":%s}}' % (compact(BASE)[:-1], given)
            reply = request(self.daemon.issuer, "POST", "/v1/tokens", body)
            self.assertIn('"spend_cap":%s,' % printed, parts_of(reply.json["token"])[1])
            self.check_accepted_by_all(reply)

    def test_the_largest_grant_fits(self):
        names = ["%02d" % i for i in range(64)]
        self.check_accepted_by_all(self.issue({"aud": [name + "a" * 510 for name in names], "scope": [name + "s" * 126 for name in names]}))

    def test_the_scope_hash_does_not_depend_on_how_a_grant_is_told(self):
        def hash_of(asked):
            return self.issue(asked).json["token_scope_hash_b64u"]

        told = {"scope": ["b", "a"], "ttl_sec": 5, **CHAIN}
        for same in ({"aud": ["clawproxy.com", " clawproxy.com"]}, {"scope": ["a ", "b", "a"]}, {"ttl_sec": 9}, {"agent_did": AGENT}):
            self.assertEqual(hash_of({**told, **same}), hash_of(told))
        for other in ({"aud": "x"}, {"scope": ["a"]}, {"scope": ["a", "B"]}, {"spend_cap": 0}, {"mission_id": "m"}):
            self.assertNotEqual(hash_of({**told, **other}), hash_of(told))

    def test_a_scope_hash_that_was_foretold_is_taken(self):
        for asked, written, _ in GOOD:
            foretold = token_oracle.scope_hash(written_as(asked, written))
            self.assertEqual(self.issue({**asked, "token_scope_hash_b64u": foretold}).json["token_scope_hash_b64u"], foretold)

    def test_an_iat_that_is_the_time_is_taken(self):
        replies = (self.daemon.issue({**BASE, "iat": int(time.time())}) for _ in range(10))  # a second may end under way
        reply = next(reply for reply in replies if reply.status == 200)
        self.check_accepted_by_all(reply)


class P256Tokens(Tokens):
    algorithm = "p256"


# ---- Tokens that are not ------------------------------------------------------------------------------------------------------------


class Mutations(TokenTest):
    # The signature holds for these, and python3-jwcrypto alone takes them: it reads base64 in any spelling.
    SIGNED_ALL_THE_SAME = {
        "spelling: padded header",
        "spelling: padded claims",
        "spelling: padded signature",
        "spelling: half padded signature",
        "spelling: spare bits in the signature",
        "spelling: the other alphabet in the claims",
        "spelling: the other alphabet in the signature",
        "spelling: four line breaks in the signature",
        "spelling: spaces before a dot",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        replies = (cls.daemon.issue({**BASE, **EVERYTHING}).json for _ in range(100))
        # One whose every part reads otherwise in base64's other alphabet.
        cls.answer = next(answer for answer in replies if all(set("-_") & set(part) for part in answer["token"].split(".")[1:]))
        cls.other = cls.daemon.issue({**BASE, **EVERYTHING, "scope": ["proxy:other"]}).json
        (key,) = cls.issuer_jwks["keys"]
        cls.tokens = list(token_mutations.token_mutations(cls.answer["token"], cls.other["token"], key))
        cls.answers = list(token_mutations.answer_mutations(cls.answer, cls.other))

    def check_refused(self, text):
        with self.assertRaises(token_oracle.Refused):
            self.oracle_claims(text)
        with self.assertRaises(REFUSALS):
            jwcrypto_and_wrapper(text, self.issuer_jwks)
        code, said = self.verify_by_cli(text)
        self.assertEqual(code, 1, said)
        self.assertTrue(said.startswith("token: invalid: TOKEN_"), said)

    def test_what_is_bent_is_good(self):
        for answer in (self.answer, self.other):
            for text in (compact(answer), answer["token"]):
                self.oracle_claims(text)
                jwcrypto_and_wrapper(text, self.issuer_jwks)
                self.assertEqual(self.verify_by_cli(text)[0], 0)

    def test_every_mutation_of_a_token_is_refused_by_all(self):
        self.assertGreaterEqual(len(dict(self.tokens)), 200)
        for name, text in self.tokens:
            with self.subTest(name):
                self.assertNotIn(text, (self.answer["token"], self.other["token"]))
                self.check_refused(text)

    def test_every_mutation_of_an_answer_is_refused_by_all(self):
        self.assertGreaterEqual(len(dict(self.answers)), 60)
        for name, text in self.answers:
            with self.subTest(name):
                self.check_refused(text)

    def test_jwcrypto_alone_refuses_all_but_the_named(self):
        taken = set()
        for name, text in self.tokens:
            with contextlib.suppress(*REFUSALS):
                jwcrypto_claims(text, self.issuer_jwks)
                taken.add(name)
        self.assertEqual(taken, self.SIGNED_ALL_THE_SAME)


class P256Mutations(Mutations):
    algorithm = "p256"


class SignedAgainstTheRules(unittest.TestCase):
    """What a key we trust has signed must keep to the contract nevertheless."""

    algorithm = "ed25519"

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="cs-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.signer = Signer(cls.algorithm)
        cls.jwks = {"keys": [cls.signer.jwk]}
        (pathlib.Path(cls.scratch.name) / "jwks.json").write_text(json.dumps(cls.jwks))
        cls.now = int(time.time())

    def cli_says(self, token):
        done = cli("verify", "token", "-", "--keys", self.scratch.name + "/jwks.json", "--json", stdin=token)
        return done.returncode, json.loads(done.stdout)["code"]

    def check_refused(self, token, code):
        with self.assertRaises(token_oracle.Refused):
            token_oracle.verify(token, self.jwks, self.now)
        self.assertEqual(self.cli_says(token), (1, code))

    def test_what_keeps_to_them_is_taken(self):
        for grant in (token_mutations.PLAIN, token_mutations.CHAIN, {**EVERYTHING, **token_mutations.CHAIN}):
            token = self.signer.sign(complete(grant, self.now))
            token_oracle.verify(token, self.jwks, self.now)
            jwcrypto_and_wrapper(token, self.jwks)
            self.assertEqual(self.cli_says(token), (0, "VALID"))

    def test_claims_that_break_a_rule_are_refused_by_name(self):
        for name, code, claims in token_mutations.rule_breakers(self.now):
            with self.subTest(name):
                self.check_refused(self.signer.sign(claims), code)

    def test_headers_that_break_a_rule_are_refused_by_name(self):
        claims = complete(token_mutations.PLAIN, self.now)
        for name, code, header in token_mutations.header_breakers(self.signer):
            with self.subTest(name):
                self.check_refused(self.signer.sign(claims, header), code)

    def test_other_spellings_are_refused(self):
        for name, token in token_mutations.spelling_breakers(self.signer, self.now):
            with self.subTest(name):
                self.check_refused(token, "TOKEN_MALFORMED")


class P256SignedAgainstTheRules(SignedAgainstTheRules):
    algorithm = "p256"


# ---- What is not issued ---------------------------------------------------------------------------------------------------------------

ABSENT = object()
CONTROLLED = {"controller_did": CONTROLLER}


class Refused(TokenTest):
    """What must get a closed code, a fitting status, the claim's name, and no token."""

    # (what is asked for beside BASE, the field under claims)
    INVALID = [
        ({"sub": ABSENT}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": ODD}, "sub"),
        ({"sub": None}, "sub"),
        ({"sub": "x" * 513}, "sub"),
        ({"aud": ABSENT}, "aud"),
        ({"aud": ""}, "aud"),
        ({"aud": ODD}, "aud"),
        ({"aud": 1}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ["a"] * 65}, "aud"),
        ({"aud": ["a", ""]}, "aud[1]"),
        ({"aud": ["a", ODD]}, "aud[1]"),
        ({"aud": ["a", None]}, "aud[1]"),
        ({"aud": [["a"]]}, "aud[0]"),
        ({"scope": ABSENT}, "scope"),
        ({"scope": "proxy:call"}, "scope"),
        ({"scope": []}, "scope"),
        ({"scope": [" "]}, "scope"),
        ({"scope": ["a", ""]}, "scope[1]"),
        ({"scope": ["a", 1]}, "scope[1]"),
        ({"scope": ["a", "x" * 129]}, "scope[1]"),
        ({"scope": ["\u00e9" * 129]}, "scope[0]"),
        ({"scope": [EMOJI * 64 + "x"]}, "scope[0]"),
        ({"owner_ref": ""}, "owner_ref"),
        ({"owner_ref": ODD}, "owner_ref"),
        ({"owner_ref": None}, "owner_ref"),
        ({"owner_did": "owner"}, "owner_did"),
        ({"owner_did": "did:"}, "owner_did"),
        ({"owner_did": "did:key"}, "owner_did"),
        ({"owner_did": "did:key:"}, "owner_did"),
        ({"owner_did": "did::z"}, "owner_did"),
        ({"owner_did": "did:Key:z"}, "owner_did"),
        ({"owner_did": "did:key:z:z"}, "owner_did"),
        ({"owner_did": "did:key:z z"}, "owner_did"),
        ({"owner_did": "did:key:z#1"}, "owner_did"),
        ({"owner_did": "did:key:\u00e9"}, "owner_did"),
        ({"owner_did": "DID:key:z"}, "owner_did"),
        ({"controller_did": "x"}, "controller_did"),
        ({"agent_did": "x"}, "agent_did"),
        ({"payment_account_did": "x"}, "payment_account_did"),
        ({**CHAIN, "delegator_did": "x"}, "delegator_did"),
        ({**CHAIN, "delegate_did": "x"}, "delegate_did"),
        ({"policy_hash_b64u": HASH[:-1]}, "policy_hash_b64u"),
        ({"policy_hash_b64u": HASH + "A"}, "policy_hash_b64u"),
        ({"policy_hash_b64u": HASH + "="}, "policy_hash_b64u"),
        ({"policy_hash_b64u": HASH.replace("-", "+")}, "policy_hash_b64u"),
        ({"policy_hash_b64u": HASH[:-1] + "p"}, "policy_hash_b64u"),
        ({"control_plane_policy_hash_b64u": "x"}, "control_plane_policy_hash_b64u"),
        ({**CHAIN, "delegation_policy_hash_b64u": "x"}, "delegation_policy_hash_b64u"),
        ({"spend_cap": -1}, "spend_cap"),
        ({"spend_cap": -5e-324}, "spend_cap"),
        ({"spend_cap": "1"}, "spend_cap"),
        ({"spend_cap": None}, "spend_cap"),
        ({"spend_cap": True}, "spend_cap"),
        ({"spend_cap": 2**53 + 1}, "spend_cap"),
        ({"mission_id": " "}, "mission_id"),
        ({**CHAIN, "delegation_id": " "}, "delegation_id"),
        ({**CHAIN, "delegation_spend_cap_minor": 5}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_spend_cap_minor": ""}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_spend_cap_minor": "-5"}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_spend_cap_minor": "1.5"}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_spend_cap_minor": "1e3"}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_spend_cap_minor": "\u0661"}, "delegation_spend_cap_minor"),
        ({**CHAIN, "delegation_expires_at": 0}, "delegation_expires_at"),
        ({**CHAIN, "delegation_expires_at": "1"}, "delegation_expires_at"),
        ({**CHAIN, "delegation_expires_at": 1}, "delegation_expires_at"),
        ({"ttl_sec": 0}, "ttl_sec"),
        ({"ttl_sec": 0.5}, "ttl_sec"),
        ({"ttl_sec": -1}, "ttl_sec"),
        ({"ttl_sec": "60"}, "ttl_sec"),
        ({"ttl_sec": 1e300}, "ttl_sec"),
        ({"exp": 0}, "exp"),
        ({"exp": 1}, "exp"),
        ({"exp": -1}, "exp"),
        ({"exp": 1767225600}, "exp"),
        ({"ttl_sec": 60, "exp": 4102444800}, "ttl_sec"),
        ({"iat": 1767225600}, "iat"),
        ({"iat": 4102444800}, "iat"),
        ({"jti": "00000000-0000-4000-8000-000000000001"}, "jti"),
        ({"nonce": "00000000-0000-4000-8000-000000000001"}, "nonce"),
        ({"token_scope_hash_b64u": HASH}, "token_scope_hash_b64u"),
        ({"token_scope_hash_b64u": "x"}, "token_scope_hash_b64u"),
        ({"token_version": "2"}, "token_version"),
        ({"token_version": 1}, "token_version"),
        ({"tier": "gold"}, "tier"),
        ({"token_lane": "express"}, "token_lane"),
        ({"token_lane": "canonical"}, "token_lane"),
        ({"token_lane": "canonical", "owner_did": OWNER}, "token_lane"),
        ({"token_lane": "canonical", **CONTROLLED}, "token_lane"),
        ({"token_lane": "canonical", **CONTROLLED, "agent_did": AGENT}, "token_lane"),
        ({**CHAIN, "sub": "agent"}, "sub"),
        ({**CHAIN, "agent_did": "did:key:zOther"}, "agent_did"),
        ({**CHAIN, "delegate_did": "did:key:zOther"}, "delegate_did"),
        ({**CHAIN, "delegator_did": CONTROLLER}, "delegator_did"),
        ({**CHAIN, "token_lane": "legacy", "delegation_id": "d"}, "token_lane"),
        ({"delegation_id": "d"}, "token_lane"),
        ({"delegator_did": OWNER}, "token_lane"),
        ({"delegate_did": AGENT}, "token_lane"),
        ({"delegation_policy_hash_b64u": HASH}, "token_lane"),
        ({"delegation_spend_cap_minor": "5"}, "token_lane"),
        ({"delegation_expires_at": 4102444800}, "token_lane"),
        ({"owner_did": OWNER, "delegation_id": "d"}, "token_lane"),
        ({"iss": "did:web:clawscope.com"}, "iss"),
        ({"nbf": 1}, "nbf"),
        ({"kid": "21fe31dfa154a261"}, "kid"),
        ({"Scope": ["x"]}, "Scope"),
        ({"unknown": None}, "unknown"),
    ]
    DENIED = [
        ({"ttl_sec": 3601}, "ceiling.ttl", "claims"),
        ({"ttl_sec": 2**53 - 1}, "ceiling.ttl", "claims"),
        ({"exp": 4102444800}, "ceiling.ttl", "claims"),
        ({"exp": 2**53 - 1}, "ceiling.ttl", "claims"),
        ({"scope": ["*"]}, "ceiling.wildcard", "claims.scope[0]"),
        ({"scope": ["a", " * "]}, "ceiling.wildcard", "claims.scope[1]"),
        ({"scope": ["a", "proxy:*"]}, "ceiling.wildcard", "claims.scope[1]"),
    ]
    WILD = ["egress:*", "egress:a.*.com", "egress:*.", "egress:*.-x.com", "egress:*.x-.com", "egress:*.a..com", "egress:*.*.com", "egress:**.com",
            "egress:*com", "egress:.*", "egress:*.com.", "egress:*.ex_ample.com", "egress:*.\u00e9.com", "egress:*.com:443", "egress:*.com/x",
            "Egress:*.com", "EGRESS:*.com", "egress :*.com", "egress:*.a com", "ingress:*.com", "x egress:*.com", "*egress:*.com",
            "egress:*." + "a" * 64 + ".com"]  # fmt: skip

    def refused(self, body, status, **error):
        reply = request(self.daemon.issuer, "POST", "/v1/tokens", body)
        self.assertEqual(reply.status, status, reply.text)
        self.assertEqual(list(reply.json), ["error"])
        self.assertNotIn("eyJ", reply.text)
        said = dict(reply.json["error"])
        message = said.pop("message")
        self.assertEqual(said, error)
        self.assertIn(error.get("field", ""), message)

    def asked(self, beside):
        return {"claims": {name: value for name, value in {**BASE, **beside}.items() if value is not ABSENT}}

    def test_claims_that_are_wrong_are_refused_by_name(self):
        for beside, field in self.INVALID:
            with self.subTest(beside):
                self.refused(self.asked(beside), 400, code="INVALID_FIELD", field="claims." + field)

    def test_claims_over_the_ceiling_are_denied_by_rule(self):
        for beside, rule, field in self.DENIED + [({"scope": ["a", scope]}, "ceiling.wildcard", "claims.scope[1]") for scope in self.WILD]:
            with self.subTest(beside):
                self.refused(self.asked(beside), 403, code="POLICY_DENIED", rule=rule, field=field)

    def test_65_scopes_are_too_many(self):
        for scopes in (["s%d" % i for i in range(65)], ["s"] * 65, [" "] * 65, ["s"] * 10000):
            self.refused(self.asked({"scope": scopes}), 400, code="SCOPE_TOO_LARGE", field="claims.scope")

    def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(self):
        for text in ("\ud800", "\udc00", "a\udc00\ud800", "\ud83d\ud83d\ude00", "a\ud83d"):
            for beside, field in (
                ({"sub": text}, "sub"),
                ({"aud": text}, "aud"),
                ({"aud": ["a", text]}, "aud[1]"),
                ({"scope": ["a", text]}, "scope[1]"),
                ({"owner_ref": text}, "owner_ref"),
                ({"mission_id": text}, "mission_id"),
            ):
                with self.subTest(beside):
                    self.refused(self.asked(beside), 400, code="MALFORMED_JSON", field="claims." + field)

    def test_claims_must_be_there_and_alone(self):
        good = self.asked({})
        for body, field in (
            ({}, "claims"),
            (BASE, "claims"),
            ({"claims": None}, "claims"),
            ({"claims": []}, "claims"),
            ({"claims": compact(BASE)}, "claims"),
            ({"claims": {}}, "claims.sub"),
            ({**good, "header": {"alg": "none"}}, "header"),
            ({**good, "kid": "x"}, "kid"),
            ({**good, "ttl_sec": 5}, "ttl_sec"),
        ):
            self.refused(body, 400, code="INVALID_FIELD", field=field)

    def test_doubled_members_are_refused(self):
        good = compact(self.asked({}))
        self.refused(good[:-2] + ',"sub":"%s"}}' % AGENT, 400, code="INVALID_FIELD", field="claims.sub")
        self.refused(good[:-1] + ',"claims":{}}', 400, code="INVALID_FIELD", field="claims")

    def test_texts_that_are_no_request(self):
        good = compact(self.asked({}))
        for body in ("", good[:-1], good + "x", good + good, "\x00", b"\xff", good.replace("{", "{,", 1)):
            reply = request(self.daemon.issuer, "POST", "/v1/tokens", body)
            self.assertEqual((reply.status, reply.code), (400, "MALFORMED_JSON"), body)
        for body in ("[]", "null", "1", '"%s"' % AGENT):
            self.refused(body, 400, code="INVALID_FIELD")
        self.assertEqual(request(self.daemon.issuer, "POST", "/v1/tokens", " " * 65537).code, "TOO_LARGE")
        self.assertEqual(request(self.daemon.issuer, "POST", "/v1/tokens?tier=x", good).status, 400)
        self.assertEqual(request(self.daemon.issuer, "GET", "/v1/tokens").code, "METHOD_NOT_ALLOWED")


class Ceilings(unittest.TestCase):
    DEV = 'max_ttl_seconds = 3600\naudiences = ["*"]\nscopes = ["*"]\n'

    @contextlib.contextmanager
    def daemon_under(self, ceiling):
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config("[ceiling]\n" + self.DEV, ceiling)
            daemon.start()
            wait_until(lambda: request(daemon.issuer, "GET", "/readyz").status == 200, "the issuer's key")
            yield daemon

    def rule(self, daemon, beside):
        """The rule and the field a request is refused by."""
        reply = daemon.issue({**BASE, **beside})
        self.assertEqual((reply.status, list(reply.json), reply.code), (403, ["error"], "POLICY_DENIED"), reply.text)
        return reply.json["error"]["rule"], reply.json["error"]["field"]

    def test_only_what_it_names_is_granted(self):
        names = '[ceiling]\nmax_ttl_seconds = 300\naudiences = ["clawproxy.com"]\nscopes = ["proxy:*", "clawproxy:*", "exact"]\n'
        with self.daemon_under(names) as daemon:
            self.check_granted(daemon)
            for beside, rule, field in (
                ({"ttl_sec": 301}, "ceiling.ttl", "claims"),
                ({"aud": "x.org"}, "ceiling.audience", "claims.aud"),
                ({"aud": "clawproxy.com.x.org"}, "ceiling.audience", "claims.aud"),
                ({"aud": "Clawproxy.com"}, "ceiling.audience", "claims.aud"),
                ({"aud": "*"}, "ceiling.audience", "claims.aud"),
                ({"aud": ["clawproxy.com", "x.org"]}, "ceiling.audience", "claims.aud[1]"),
                ({"scope": ["egress:x.org"]}, "ceiling.scope", "claims.scope[0]"),
                ({"scope": ["proxy:a", "proxy"]}, "ceiling.scope", "claims.scope[1]"),
                ({"scope": ["proxy:a", "exactly"]}, "ceiling.scope", "claims.scope[1]"),
                ({"scope": ["Proxy:a"]}, "ceiling.scope", "claims.scope[0]"),
                ({"scope": ["egress:*.example.com"]}, "ceiling.scope", "claims.scope[0]"),
                ({"scope": ["proxy:*"]}, "ceiling.wildcard", "claims.scope[0]"),
            ):
                with self.subTest(beside):
                    self.assertEqual(self.rule(daemon, beside), (rule, field))

    def check_granted(self, daemon):
        jwks = request(daemon.issuer, "GET", "/v1/jwks").json
        for beside in ({}, {"aud": ["clawproxy.com"]}, {"scope": ["proxy:", "clawproxy:x", " exact "]}, {"ttl_sec": 300}):
            reply = daemon.issue({**BASE, **beside})
            claims = token_oracle.verify(reply.text, jwks, time.time())
            self.assertEqual(claims["exp"] - claims["iat"], 300)

    def test_without_one_nothing_is_issued(self):
        with self.daemon_under("") as daemon:
            self.assertEqual(self.rule(daemon, {})[0], "ceiling.ttl")
            self.assertEqual(self.rule(daemon, {"ttl_sec": 1})[0], "ceiling.ttl")
            self.assertEqual(self.rule(daemon, {"exp": int(time.time()) + 60})[0], "ceiling.ttl")
            self.assertEqual(daemon.sign().status, 200)


# ---- The command line ---------------------------------------------------------------------------------------------------------------


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Commands(TokenTest):
    def issue_by_cli(self, beside, *words):
        body = compact({"claims": {**BASE, **beside}})
        return cli("issue", "token", "-", "--socket", self.daemon.issuer, *words, stdin=body)

    def test_issue_prints_the_answer_and_exits_with_0(self):
        file = self.scratch / "request.json"
        file.write_text(compact({"claims": {**BASE, **CHAIN}}))
        for done in (cli("issue", "token", file, "--socket", self.daemon.issuer), self.issue_by_cli(CHAIN), self.issue_by_cli(CHAIN, "--json")):
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.oracle_claims(done.stdout)["token_lane"], "canonical")
            self.assertEqual(cli("verify", "token", "-", "--keys", self.scratch / "issuer.json", stdin=done.stdout).returncode, 0)

    def test_a_refusal_is_exit_code_1_and_names_code_and_claim(self):
        for beside, code, field in (({"sub": ""}, "INVALID_FIELD", "claims.sub"), ({"scope": ["*"]}, "POLICY_DENIED", "claims.scope[0]")):
            done = self.issue_by_cli(beside)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("%s: %s " % (code, field), done.stderr)
            machine = self.issue_by_cli(beside, "--json")
            self.assertEqual((machine.returncode, json.loads(machine.stdout)["error"]["field"]), (1, field))

    def test_a_daemon_that_is_not_there_is_exit_code_3(self):
        done = cli("issue", "token", "-", "--socket", self.scratch / "no.sock", stdin="{}")
        self.assertEqual(done.returncode, 3)
        self.assertIn("UNREACHABLE", done.stderr)

    def test_wrong_usage_is_exit_code_2(self):
        keys = self.scratch / "issuer.json"
        for words in (
            ["issue"],
            ["issue", "receipt", "-"],
            ["issue", "token"],
            ["issue", "token", self.scratch / "absent.json", "--socket", self.daemon.issuer],
            ["verify", "token"],
            ["verify", "token", "-"],
            ["verify", "token", self.scratch / "absent.json", "--keys", keys],
            ["verify", "token", "-", "--keys", self.scratch / "absent.json"],
            ["verify", "token", "-", "--keys", keys, "--signer", self.did],
            ["verify", "token", "-", "--signer", "did:web:clawscope.com"],
            ["verify", "token", "-", "--keys", keys, "--at", "now"],
            ["verify", "token", "-", "--keys", keys, "--at", "2026-01-31"],
            ["verify", "token", "-", "--keys", keys, "--legacy"],
        ):
            done = cli(*words, stdin="")
            self.assertEqual(done.returncode, 2, (words, done.stderr))

    def test_a_token_is_valid_until_it_expires(self):
        answer = self.issue().json
        exp = answer["claims"]["exp"]
        for text in (compact(answer), answer["token"]):
            self.assertEqual(self.verify_by_cli(text, "--at", utc(exp - 1))[0], 0)
            for moment in (exp, exp + 1, exp + 10**9):
                code, said = self.verify_by_cli(text, "--at", utc(moment))
                self.assertEqual((code, said), (1, "token: invalid: TOKEN_EXPIRED: it expired at %s\n" % utc(exp)))
                with self.assertRaisesRegex(token_oracle.Refused, "expired"):
                    token_oracle.verify(text, self.issuer_jwks, moment)

    def test_a_token_is_for_its_audiences(self):
        alone, both = self.issue().text, self.issue({"aud": ["clawproxy.com", "b.org"]}).text
        for text, audience in ((alone, "clawproxy.com"), (both, "clawproxy.com"), (both, "b.org")):
            self.assertEqual(self.verify_by_cli(text, "--audience", audience)[0], 0)
        for text, audience in ((alone, "b.org"), (both, "c.org"), (both, "clawproxy"), (both, "B.org"), (both, "clawproxy.com, b.org")):
            code, said = self.verify_by_cli(text, "--audience", audience)
            self.assertEqual((code, said), (1, "token: invalid: TOKEN_BAD_AUDIENCE: it is for another audience\n"))

    def test_a_verdict_is_text_for_people_and_json_for_machines(self):
        answer = self.issue({**EVERYTHING}).json
        code, said = self.verify_by_cli(answer["token"])
        beside = {name: answer[name] for name in ("kid", "token_hash", "token_scope_hash_b64u")}
        for shown in (AGENT, "clawproxy.com", "proxy:call", "canonical", POLICY, utc(answer["claims"]["exp"]), *beside.values()):
            self.assertIn(shown, said)
        code, said = self.verify_by_cli(answer["token"], "--json")
        verdict = {"valid": True, "code": "VALID", "sub": AGENT, "exp": answer["claims"]["exp"], "token_lane": "canonical"}
        self.assertEqual((code, json.loads(said)), (0, {**verdict, **beside}))
        code, said = self.verify_by_cli(answer["token"] + ".", "--json")
        self.assertEqual((code, json.loads(said)["valid"], json.loads(said)["code"]), (1, False, "TOKEN_MALFORMED"))

    def test_a_file_may_end_in_a_line_break(self):
        self.assertEqual(self.verify_by_cli(self.issue().json["token"] + "\n")[0], 0)

    def test_a_valid_token_cannot_steer_the_terminal(self):
        steering = {"sub": "\x1b[2Jagent\ny: valid", "aud": "a\u009b31m"}
        code, said = self.verify_by_cli(self.issue(steering).text)
        self.assertEqual(code, 0)
        for sign in ("\x1b", "\u009b", "\ny"):
            self.assertNotIn(sign, said)


# ---- Each socket its own -------------------------------------------------------------------------------------------------------------


class Doors(TokenTest):
    def test_receipts_and_tokens_have_a_door_each(self):
        for socket in (self.daemon.proxy, self.daemon.admin, self.daemon.observe):
            reply = request(socket, "POST", "/v1/tokens", {"claims": BASE})
            self.assertEqual((reply.status, reply.code), (404, "NOT_FOUND"))
        for socket in (self.daemon.issuer, self.daemon.admin, self.daemon.observe):
            for target in ("/v1/receipts", "/v1/receipts?legacy=1", "/v1/receipts/batch"):
                reply = request(socket, "POST", target, RECEIPT)
                self.assertEqual((reply.status, reply.code), (404, "NOT_FOUND"))
        for target in ("/v1/keys", "/v1/status"):
            self.assertEqual(request(self.daemon.issuer, "GET", target).code, "NOT_FOUND")

    def test_each_speaks_of_its_own_key(self):
        (ours,), (theirs,) = self.issuer_jwks["keys"], self.daemon.jwks()["keys"]
        self.assertNotEqual(ours["kid"], theirs["kid"])
        keys = {key["family"]: key["kid"] for key in request(self.daemon.admin, "GET", "/v1/keys").json["keys"]}
        self.assertEqual(set(keys), {"cst", "gateway_receipt", "work_policy", "checkpoint"})
        self.assertEqual((keys["cst"], keys["gateway_receipt"]), (ours["kid"], theirs["kid"]))
        did = request(self.daemon.issuer, "GET", "/v1/did").json
        raw = token_mutations.b64u(token_oracle.JwkKey(ours).raw)
        self.assertEqual(did, {"did": "did:web:clawscope.com", "kid": ours["kid"], "public_key_b64u": raw})
        theirs_did = request(self.daemon.proxy, "GET", "/v1/did").json
        self.assertEqual(theirs_did["id"], "did:web:clawproxy.com")
        self.assertNotIn(ours["kid"], json.dumps(theirs_did))
        for target in ("/v1/jwks", "/v1/did"):
            self.assertEqual(request(self.daemon.observe, "GET", target).code, "NOT_FOUND")
            self.assertEqual(request(self.daemon.admin, "GET", target).code, "INVALID_FIELD")
            self.assertEqual(request(self.daemon.admin, "GET", target + "?family=cst").text, request(self.daemon.issuer, "GET", target).text)

    def test_a_token_does_not_verify_with_the_proxys_key(self):
        reply = self.issue()
        for text in (reply.text, reply.json["token"]):
            code, said = self.verify_by_cli(text, keys="jwks.json")
            self.assertEqual((code, said.split(": ")[2]), (1, "TOKEN_UNKNOWN_KID"))
            with self.assertRaises(token_oracle.Refused):
                token_oracle.verify(text, self.daemon.jwks(), time.time())
            with self.assertRaises(REFUSALS):
                jwcrypto_and_wrapper(text, self.daemon.jwks())
        done = cli("verify", "token", "-", "--signer", self.did, stdin=reply.text)
        self.assertEqual(done.returncode, 1)

    def test_a_receipt_does_not_verify_with_the_issuers_key(self):
        file = self.scratch / "receipt.json"
        file.write_text(self.daemon.sign().text)
        self.assertEqual(cli("verify", "receipt", file, "--keys", self.scratch / "jwks.json").returncode, 0)
        done = cli("verify", "receipt", file, "--keys", self.scratch / "issuer.json")
        self.assertEqual((done.returncode, done.stdout.split(": ")[2]), (1, "CLAIM_NOT_FOUND"))
        (issuers,) = (key["did"] for key in request(self.daemon.admin, "GET", "/v1/keys").json["keys"] if key["family"] == "cst")
        with self.assertRaises(receipt_oracle.Refused):
            receipt_oracle.verify(file.read_text(), issuers)

    def test_one_is_not_taken_for_the_other(self):
        receipt, token = self.daemon.sign().text, self.issue().text
        both = {"keys": self.issuer_jwks["keys"] + self.daemon.jwks()["keys"]}
        (self.scratch / "both.json").write_text(json.dumps(both))
        code, said = self.verify_by_cli(receipt, keys="both.json")
        self.assertEqual((code, said.split(": ")[2]), (1, "TOKEN_MALFORMED"))
        self.assertEqual(cli("verify", "receipt", "-", "--keys", self.scratch / "both.json", stdin=token).returncode, 1)
        self.assertEqual(cli("verify", "receipt", "-", "--keys", self.scratch / "both.json", stdin=receipt).returncode, 0)
        self.assertEqual(self.verify_by_cli(token, keys="both.json")[0], 0)


class P256Doors(Doors):
    algorithm = "p256"


if __name__ == "__main__":
    unittest.main()
