"""Ways to bend a token, or the answer that holds it, that no verifier may overlook; and a signer of what no issuer may sign."""

import copy
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from harness import HASH  # first: it makes the oracle importable

import mutations
import token_oracle
from token_oracle import b64u, unb64u

ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def b64u_text(text):
    return b64u(text.encode())


def parts_of(token):
    """The three parts, decoded: a text, a text, bytes."""
    header, claims, signature = (unb64u(part, "a part") for part in token.split("."))
    return header.decode(), claims.decode(), signature


# ---- A signer in software -------------------------------------------------------------------------------------------------


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Signer:
    """A key of the test's own. It signs everything."""

    def __init__(self, algorithm):
        make = ed25519.Ed25519PrivateKey.generate if algorithm == "ed25519" else lambda: ec.generate_private_key(ec.SECP256R1())
        self.private = make()
        self.jwk = self.make_jwk(algorithm)
        self.public = token_oracle.JwkKey(self.jwk)

    def make_jwk(self, algorithm):
        public = self.private.public_key()
        if algorithm == "ed25519":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            members = {"kty": "OKP", "crv": "Ed25519", "x": b64u(raw), "alg": "EdDSA"}
        else:
            point = public.public_numbers()
            raw = bytes([2 + point.y % 2]) + point.x.to_bytes(32, "big")
            members = {"kty": "EC", "crv": "P-256", "x": b64u(raw[1:]), "y": b64u(point.y.to_bytes(32, "big")), "alg": "ES256"}
        return {**members, "kid": hashlib.sha256(raw).hexdigest()[:16]}

    def signature(self, message):
        if self.public.algorithm == "Ed25519":
            return self.private.sign(message)
        r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        s = min(s, P256_ORDER - s)  # the one spelling of the two
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign_parts(self, header_part, claims_part):
        signed = header_part + "." + claims_part
        return signed + "." + b64u(self.signature(signed.encode()))

    def sign(self, claims, header=None):
        """A token of these claims, an object or a text, under the header of our key unless another text is given."""
        text = claims if isinstance(claims, str) else compact(claims)
        return self.sign_parts(b64u_text(header or self.public.header()), b64u_text(text))


# ---- A token bent, its signature kept -----------------------------------------------------------------------------------------


def bent_headers(header):
    """(name, text) of headers other than this one."""
    members = json.loads(header)

    def with_members(**changed):
        return compact({**members, **changed})

    def without(name):
        return compact({n: v for n, v in members.items() if n != name})

    for name in ("alg", "typ", "kid"):
        yield "without " + name, without(name)
        yield "null " + name, with_members(**{name: None})
        yield "doubled " + name, header[:-1] + ',"%s":"%s"}' % (name, members[name])
    for alg in ("none", "None", "NONE", "", "HS256", "eddsa", "Ed25519", "RS256", "ES256K", "ES384", "ES256", "EdDSA"):
        if alg != members["alg"]:
            yield "alg " + (alg or "empty"), with_members(alg=alg)
    for typ in ("jwt", "JWS", "at+jwt", "CST"):
        yield "typ " + typ, with_members(typ=typ)
    yield "another kid", with_members(kid=mutations.bent(members["kid"]))
    yield "kid of capitals", with_members(kid="ABCDEF" + members["kid"][6:])
    yield "kid of the whole hash", with_members(kid=members["kid"] * 4)
    for name, value in (("crit", ["exp"]), ("b64", False), ("b64", True), ("zip", "DEF"), ("cty", "JWT"), ("jku", "https://x.org"), ("x5c", [])):
        yield "added %s %s" % (name, value), with_members(**{name: value})
    yield "reordered", compact(dict(reversed(members.items())))
    yield "spaced", json.dumps(members)
    yield "escaped", header.replace("JWT", "\\u004aWT")
    yield "an array", "[" + header + "]"
    yield "empty", "{}"
    yield "no JSON", header[:-1]
    yield "trailing bytes", header + " "


def bent_claims(text):
    """(name, text) of claims other than these."""
    claims = json.loads(text)
    for path in mutations.leaves(claims):
        label = ".".join(map(str, path))
        changed = copy.deepcopy(claims)
        holder = mutations.at(changed, path[:-1])
        holder[path[-1]] = mutations.bent(holder[path[-1]])
        yield "bent " + label, compact(changed)
    for name, value in claims.items():
        yield "without " + name, compact({n: v for n, v in claims.items() if n != name})
        yield "null " + name, compact({**claims, name: None})
        yield "doubled " + name, text[:-1] + ',"%s":%s}' % (name, compact(value))
        yield "as an array " + name, compact({**claims, name: [value]})
    for name, value in (("iss", "did:web:clawscope.com"), ("nbf", 1), ("tier", "default"), ("unknown", "x"), ("__proto__", {})):
        yield "added " + name, compact({**claims, name: value})
    yield "a longer life", compact({**claims, "exp": claims["exp"] + 86400})
    yield "exp as a text", compact({**claims, "exp": str(claims["exp"])})
    yield "exp with a fraction", text.replace('"exp":%d' % claims["exp"], '"exp":%d.0' % claims["exp"])
    yield "one more scope", compact({**claims, "scope": claims["scope"] + ["admin"]})
    yield "one more audience", compact({**claims, "aud": [claims["aud"], "x.org"]})
    yield "reordered", compact(dict(reversed(claims.items())))
    yield "spaced", json.dumps(claims, ensure_ascii=False)
    yield "escaped", text.replace("token_version", "\\u0074oken_version")
    yield "a byte order mark", "\ufeff" + text
    yield "an array", "[" + text + "]"
    yield "empty", "{}"
    yield "no JSON", text[:-1]
    yield "trailing bytes", text + " "


def bent_signatures(raw):
    """(name, bytes) of signatures other than this one. (Of ES256, r and order - s would be another good one.)"""
    for bit in (0, 7, 255, 256, 504, 511):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        yield "bit %d flipped" % bit, bytes(flipped)
    first, second = raw[:32], raw[32:]
    yield "empty", b""
    yield "zeros", bytes(64)
    yield "first half zero", bytes(32) + second
    yield "second half zero", first + bytes(32)
    yield "halves swapped", second + first
    yield "a byte less", raw[:-1]
    yield "a byte more", raw + b"\0"
    yield "a byte in front", b"\0" + raw
    yield "half of it", first
    yield "twice", raw + raw
    yield "hexadecimal", raw.hex().encode()
    yield "as DER", utils.encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))
    above = int.from_bytes(second, "little") + ORDER_OF_ED25519
    yield "s above the order", first + (above % 2**256).to_bytes(32, "little")


def next_letter(part, bits):
    """The part with the lowest `bits` of its last letter, which no byte is made of, changed."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    value = alphabet.index(part[-1])
    assert value % 2**bits == 0
    return part[:-1] + alphabet[value + 1]


def respelt(token):
    """(name, text): the same token in letters that should not be taken for it."""
    header, claims, signature = token.split(".")
    yield "padded header", header + "=" * (-len(header) % 4 or 4) + "." + claims + "." + signature
    yield "padded claims", header + "." + claims + "=" * (-len(claims) % 4 or 4) + "." + signature
    yield "padded signature", token + "=="
    yield "half padded signature", token + "="
    yield "spare bits in the signature", header + "." + claims + "." + next_letter(signature, 4)
    yield "the other alphabet in the claims", header + "." + claims.replace("-", "+").replace("_", "/") + "." + signature
    yield "the other alphabet in the signature", header + "." + claims + "." + signature.replace("-", "+").replace("_", "/")
    yield "a line break in the signature", token[:-10] + "\n" + token[-10:]
    yield "four line breaks in the signature", token[:-10] + "\n\n\n\n" + token[-10:]
    yield "spaces before a dot", header + "    ." + claims + "." + signature
    yield "a zero byte behind", token + "\0"
    yield "a letter that looks the same", header + "." + claims.replace("e", "\u0435", 1) + "." + signature
    yield "percent signs", token.replace(".", "%2E")
    yield "in quotes", '"' + token + '"'
    yield "Bearer", "Bearer " + token
    yield "text in place of base64url", ".".join(str(part) for part in parts_of(token))


def recut(token, other):
    """(name, text): cut, joined, and put together with parts of another genuine token of the signer."""
    header, claims, signature = token.split(".")
    other_claims, other_signature = other.split(".")[1:]
    yield "empty", ""
    yield "without signature", header + "." + claims
    yield "without header", claims + "." + signature
    yield "an empty header", "." + claims + "." + signature
    yield "empty claims", header + ".." + signature
    yield "dots alone", ".."
    yield "a dot behind", token + "."
    yield "a dot in front", "." + token
    yield "a double dot", header + ".." + claims + "." + signature
    yield "a fourth part", token + ".e30"
    yield "two more parts", token + ".e30.e30"
    yield "cut short", token[:-1]
    yield "cut in front", token[1:]
    yield "trailing letters", token + "AAAA"
    yield "trailing JSON", token + "{}"
    yield "twice, in lines", token + "\n" + token
    yield "twice, with a comma", token + "," + token
    yield "another's claims", header + "." + other_claims + "." + signature
    yield "another's signature", header + "." + claims + "." + other_signature
    yield "header and claims swapped", claims + "." + header + "." + signature
    yield "claims for a signature", header + "." + claims + "." + claims
    yield "general JSON", compact({"payload": claims, "signatures": [{"protected": header, "signature": signature}]})
    yield "flattened JSON", compact({"payload": claims, "protected": header, "signature": signature})


def forged(token, jwk):
    """(name, text): signed anew by somebody who has the public key."""
    header, claims, _ = parts_of(token)
    public = token_oracle.JwkKey(jwk)
    for alg in ("none", "None", "HS256", public.jws_algorithm):
        part = b64u_text(header.replace(public.jws_algorithm, alg)) + "." + b64u_text(claims)
        yield "%s without a signature" % alg, part + "."
        for name, secret in (("bytes", public.raw), ("kid", public.kid.encode()), ("JWK", compact(jwk).encode())):
            yield "%s with an HMAC by the %s" % (alg, name), part + "." + b64u(hmac.digest(secret, part.encode(), "sha256"))
    for algorithm in ("ed25519", "p256"):
        stranger = Signer(algorithm)
        own = stranger.public.header()
        yield "a stranger's %s signature" % algorithm, stranger.sign(claims, header)
        yield "a stranger's %s token" % algorithm, stranger.sign(claims)
        yield "a stranger's %s key under the kid" % algorithm, stranger.sign(claims, own.replace(stranger.public.kid, public.kid))
        yield "a stranger's %s key in the header" % algorithm, stranger.sign(claims, own[:-1] + ',"jwk":%s}' % compact(stranger.jwk))


def token_mutations(token, other, jwk):
    """(name, text) pairs of what a genuine token may be bent into; `other` is another of the same signer, whose key `jwk` holds."""
    header, claims, signature = parts_of(token)
    first, second, third = token.split(".")
    for name, text in bent_headers(header):
        yield "header: " + name, b64u_text(text) + "." + second + "." + third
    for name, text in bent_claims(claims):
        yield "claims: " + name, first + "." + b64u_text(text) + "." + third
    for name, raw in bent_signatures(signature):
        yield "signature: " + name, first + "." + second + "." + b64u(raw)
    yield "header: not UTF-8", b64u(b"\xff" + header.encode()) + "." + second + "." + third
    yield "claims: not UTF-8", first + "." + b64u(b"\xff" + claims.encode()) + "." + third
    for name, text in respelt(token):
        yield "spelling: " + name, text
    for name, text in recut(token, other):
        yield "parts: " + name, text
    for name, text in forged(token, jwk):
        yield "forged: " + name, text


# ---- An answer bent, its token kept -----------------------------------------------------------------------------------------------


def answer_mutations(answer, other):
    """(name, text) pairs of what a genuine answer may be bent into; `other` is another of the same signer."""
    for name in answer:
        yield "without " + name, compact({n: v for n, v in answer.items() if n != name})
        yield "null " + name, compact({**answer, name: None})
        yield "doubled " + name, compact(answer)[:-1] + ',"%s":%s}' % (name, compact(answer[name]))
        if name != "kid":
            yield "another's " + name, compact({**answer, name: other[name]})
    for path in mutations.leaves(answer):
        changed = copy.deepcopy(answer)
        holder = mutations.at(changed, path[:-1])
        holder[path[-1]] = mutations.bent(holder[path[-1]])
        yield "bent " + ".".join(map(str, path)), compact(changed)
    yield "another kid", compact({**answer, "kid": mutations.bent(answer["kid"])})
    yield "added", compact({**answer, "unknown": "x"})
    yield "added claim", compact({**answer, "claims": {**answer["claims"], "unknown": "x"}})
    yield "lost claim", compact({**answer, "claims": {n: v for n, v in answer["claims"].items() if n != "scope"}})
    yield "reordered claims", compact({**answer, "claims": dict(reversed(answer["claims"].items()))})
    yield "claims as a text", compact({**answer, "claims": compact(answer["claims"])})
    yield "claims as they stand in the token", compact({**answer, "claims": answer["token"].split(".")[1]})
    yield "token_hash in capitals", compact({**answer, "token_hash": answer["token_hash"].upper()})
    yield "token with a space behind", compact({**answer, "token": answer["token"] + " "})
    yield "token in an array", compact({**answer, "token": [answer["token"]]})
    yield "the answer in an answer", compact({**answer, "token": compact(answer)})
    yield "in an array", "[" + compact(answer) + "]"
    yield "trailing bytes", compact(answer) + "{}"
    yield "the token behind", compact(answer) + answer["token"]
    yield "cut short", compact(answer)[:-1]
    yield "empty", "{}"


# ---- Signed all the same: claims and headers that break the contract ---------------------------------------------------------------

AGENT, OWNER, CONTROLLER = "did:key:zAgent", "did:key:zOwner", "did:web:controller.org"
PLAIN = {"sub": AGENT, "aud": "clawproxy.com", "scope": ["proxy:call"], "token_lane": "legacy"}
CHAIN = {**PLAIN, "owner_did": OWNER, "controller_did": CONTROLLER, "agent_did": AGENT, "token_lane": "canonical"}


def complete(grant, now):
    """The claims of this grant as the contract has them."""
    claims = {
        "token_version": "1", "iat": now, "exp": now + 600, "jti": "00000000-0000-4000-8000-000000000001",
        "nonce": "00000000-0000-4000-8000-000000000002", **grant,
    }  # fmt: skip
    if "token_scope_hash_b64u" not in claims:
        claims["token_scope_hash_b64u"] = token_oracle.scope_hash(claims)
    return {name: claims[name] for name in token_oracle.ORDER if name in claims}


def rule_breakers(now):
    """(name, code, claims): what breaks one rule of the contract, and how clawsigner calls it. Only the signature would be good."""
    plain, chain = complete(PLAIN, now), complete(CHAIN, now)
    for name in ("token_version", "sub", "aud", "scope", "iat", "exp"):
        yield "no " + name, "TOKEN_INVALID_CLAIMS", {n: v for n, v in plain.items() if n != name}
    yield "no scope hash", "TOKEN_SCOPE_HASH_REQUIRED", {n: v for n, v in plain.items() if n != "token_scope_hash_b64u"}
    yield "expired", "TOKEN_EXPIRED", complete({**PLAIN, "iat": now - 600, "exp": now - 1}, now)
    for name, value in (("sub", "did:key:zOther"), ("aud", "x.org"), ("scope", ["admin"]), ("owner_did", OWNER), ("spend_cap", 1)):
        claims = {**plain, name: value}
        ordered = {n: claims[n] for n in token_oracle.ORDER if n in claims}
        yield "another hash: " + name, "TOKEN_SCOPE_HASH_MISMATCH", ordered
    for name, value in (("iss", "did:web:clawscope.com"), ("nbf", now), ("tier", "default"), ("unknown", "x"), ("kid", "x")):
        yield "added " + name, "TOKEN_INVALID_CLAIMS", {**plain, name: value}
    grants = {
        "version 2": {**PLAIN, "token_version": "2"},
        "version 1 as a number": {**PLAIN, "token_version": 1},
        "exp at iat": {**PLAIN, "iat": now + 60, "exp": now + 60},
        "exp before iat": {**PLAIN, "iat": now + 60, "exp": now + 30},
        "exp with a fraction": {**PLAIN, "exp": now + 600.5},
        "a blank sub": {**PLAIN, "sub": " \ufeff"},
        "a blank audience": {**PLAIN, "aud": ["clawproxy.com", "\u2003"]},
        "no audiences": {**PLAIN, "aud": []},
        "no scopes": {**PLAIN, "scope": []},
        "65 scopes": {**PLAIN, "scope": ["s%d" % i for i in range(65)]},
        "65 audiences": {**PLAIN, "aud": ["a%d" % i for i in range(65)]},
        "a scope of 129 characters": {**PLAIN, "scope": ["x" * 129]},
        "a scope of 65 emoji": {**PLAIN, "scope": ["\U0001f600" * 65]},
        "an empty owner_ref": {**PLAIN, "owner_ref": ""},
        "a negative spend_cap": {**PLAIN, "spend_cap": -0.5},
        "an owner that is no DID": {**PLAIN, "owner_did": "owner"},
        "a payment account that is no DID": {**PLAIN, "payment_account_did": "did:Key:z"},
        "a policy hash of 42 characters": {**PLAIN, "policy_hash_b64u": HASH[:-1]},
        "a policy hash with spare bits": {**PLAIN, "policy_hash_b64u": next_letter(HASH, 2)},
        "a third lane": {**PLAIN, "token_lane": "express"},
        "canonical without chain": {**PLAIN, "token_lane": "canonical"},
        "canonical without controller": {n: v for n, v in CHAIN.items() if n != "controller_did"},
        "canonical without agent": {n: v for n, v in CHAIN.items() if n != "agent_did"},
        "canonical for another agent": {**CHAIN, "agent_did": "did:key:zOther"},
        "delegation in the legacy lane": {**CHAIN, "token_lane": "legacy", "delegation_id": "d"},
        "delegation without chain": {**PLAIN, "delegate_did": AGENT},
        "delegated to another": {**CHAIN, "delegate_did": "did:key:zOther"},
        "delegated by another": {**CHAIN, "delegator_did": CONTROLLER},
        "a delegated cap that is no digits": {**CHAIN, "delegation_spend_cap_minor": "1.5"},
        "a delegated cap that is a number": {**CHAIN, "token_scope_hash_b64u": HASH, "delegation_spend_cap_minor": 5},
        "a delegation that ended before time": {**CHAIN, "delegation_expires_at": 0},
    }
    for name, grant in grants.items():
        yield name, "TOKEN_INVALID_CLAIMS", complete(grant, now)
    yield "a claim twice", "TOKEN_INVALID_CLAIMS", compact(chain)[:-1] + ',"sub":"%s"}' % AGENT
    yield "half a surrogate pair", "TOKEN_INVALID_CLAIMS", compact(plain).replace("proxy:call", "\\ud800")
    yield "an array", "TOKEN_INVALID_CLAIMS", "[%s]" % compact(plain)
    yield "no JSON", "TOKEN_INVALID_CLAIMS", compact(plain)[:-1]


def header_breakers(signer):
    """(name, code, header) as rule_breakers has them, of the header."""
    good = json.loads(signer.public.header())
    others = {"EdDSA": "ES256", "ES256": "EdDSA"}
    yield "no typ", "TOKEN_MALFORMED", compact({"alg": good["alg"], "kid": good["kid"]})
    yield "no kid", "TOKEN_MALFORMED", compact({"alg": good["alg"], "typ": "JWT"})
    yield "another typ", "TOKEN_MALFORMED", compact({**good, "typ": "JWS"})
    yield "crit", "TOKEN_MALFORMED", compact({**good, "crit": []})
    yield "its own key", "TOKEN_MALFORMED", compact({**good, "jwk": signer.jwk})
    yield "a member twice", "TOKEN_MALFORMED", compact(good)[:-1] + ',"kid":"%s"}' % good["kid"]
    yield "none", "TOKEN_UNSUPPORTED_ALG", compact({**good, "alg": "none"})
    yield "HS256", "TOKEN_UNSUPPORTED_ALG", compact({**good, "alg": "HS256"})
    yield "the other alg", "TOKEN_UNSUPPORTED_ALG", compact({**good, "alg": others[good["alg"]]})
    yield "another kid", "TOKEN_UNKNOWN_KID", compact({**good, "kid": mutations.bent(good["kid"])})


def spelling_breakers(signer, now):
    """(name, token): well-formed, but one part of what is signed is spelt in another way."""
    header = b64u_text(signer.public.header())
    claims = next(part for part in (b64u_text(compact(complete({**PLAIN, "owner_ref": "r" * n}, now))) for n in (1, 2, 3)) if len(part) % 4)
    yield "padded claims", signer.sign_parts(header, claims + "=" * (-len(claims) % 4))
    yield "spare bits in the claims", signer.sign_parts(header, next_letter(claims, 4 if len(claims) % 4 == 2 else 2))
    yield "a line break in the claims", signer.sign_parts(header, claims + "\n")
    yield "a padded header", signer.sign_parts(header + "=" * (-len(header) % 4 or 4), claims)
