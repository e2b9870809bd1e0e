#!/usr/bin/python3
"""Writes tests/vectors/id_tokens.json: ID tokens of an identity provider that is not ours (python3-jwcrypto), and everything that
could be wrong with one, each with the rule that must refuse it. `pad` more letters A belong to the end of a token. Keys are made anew and thrown away: /usr/bin/python3 make_id_tokens.py"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from jwcrypto import jwk, jws

OUT = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "id_tokens.json"
NOW = 1767225600
ISSUER = "https://acme.okta.com/oauth2/default"
AUDIENCE = "0oa1clawsigner"
NONCE = base64.urlsafe_b64encode(hashlib.sha256(b"{}").digest()).rstrip(b"=").decode()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64u(data):
    data = data if isinstance(data, bytes) else data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def rsa(kid, size=2048, exponent=65537):
    return jwk.JWK.generate(kty="RSA", size=size, public_exponent=exponent, kid=kid)


KEYS = {
    "RS256": rsa("rs"), "PS256": rsa("ps", 3072), "ES256": jwk.JWK.generate(kty="EC", crv="P-256", kid="es"),
    "EdDSA": jwk.JWK.generate(kty="OKP", crv="Ed25519", kid="ed"), "other": rsa("rs"),
}  # fmt: skip
ALGORITHM_OF_KID = {"rs": "RS256", "ps": "PS256", "es": "ES256", "ed": "EdDSA"}


def public(name, **more):
    return {**KEYS[name].export_public(as_dict=True), "alg": name, "use": "sig", **more}


def claims(**changes):
    every = {
        "iss": ISSUER, "sub": "00u1alice", "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 3590, "jti": "ID.one",
        "groups": ["platform-engineers", "Everyone"],
    }  # fmt: skip
    every.update(changes)
    return {name: value for name, value in every.items() if value is not ...}


def honest(alg="RS256", **changes):
    token = jws.JWS(compact(claims(**changes)))
    token.add_signature(KEYS[alg], alg, compact({"alg": alg, "kid": KEYS[alg].kid}))
    return token.serialize(compact=True)


def sign(alg, key, message):
    private = key.get_op_key("sign")
    if alg == "RS256":
        return private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    if alg == "PS256":
        return private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    if alg == "EdDSA":
        return private.sign(message)
    r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def forged(header, body=None, signer="RS256", alg=None):
    """A token with any header and any text as its claims; signed by `signer` as `alg`, whatever the header says."""
    body = body if body is not None else compact(claims())
    header = header if isinstance(header, str) else compact(header)
    text = b64u(header) + "." + b64u(body)
    return text + "." + b64u(sign(alg or signer, KEYS[signer], text.encode()))


def raw_claims(text):
    return forged({"alg": "RS256", "kid": "rs"}, text)


def hmac_with_the_public_key():
    import hmac

    text = b64u(compact({"alg": "HS256", "kid": "rs"})) + "." + b64u(compact(claims()))
    return text + "." + b64u(hmac.new(KEYS["RS256"].export_to_pem(), text.encode(), "sha256").digest())


def parts(token):
    return token.split(".")


def other_s(token):
    head, body, signature = parts(token)
    raw = base64.urlsafe_b64decode(signature + "==")
    s = ORDER - int.from_bytes(raw[32:], "big")
    return head + "." + body + "." + b64u(raw[:32] + s.to_bytes(32, "big"))


def spare_bits(token):
    """The same signature in another spelling: with a spare bit of the last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(parts(token)[2]) % 4 in (2, 3)
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def pss_with_salt(length):
    text = b64u(compact({"alg": "PS256", "kid": "ps"})) + "." + b64u(compact(claims()))
    private = KEYS["PS256"].get_op_key("sign")
    return text + "." + b64u(private.sign(text.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), length), hashes.SHA256()))


JWKS = {"keys": [public(name) for name in ("RS256", "PS256", "ES256", "EdDSA")]}
TRUST = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": JWKS}
TRUSTS = {"okta": TRUST, "nonce": {**TRUST, "require_nonce": True}, "roles": {**TRUST, "groups_claim": "roles"}}

rows = []


def row(name, token, rule="", **more):
    rows.append({"name": name, "token": token, "rule": rule, **more})


GOOD = honest()
ES = honest("ES256")
for alg in ALGORITHM_OF_KID.values():
    row("a token of " + alg, honest(alg))
row("the other s of an ES256 signature is the same token", other_s(ES), use_key_of=ES)
row("signed again, it is the same token", honest("ES256"), use_key_of=ES)
row("without a jti", honest(jti=...))
row("without a jti, the other s", "", use_key_of="")
plain = honest("ES256", jti=...)
rows[-1].update(token=other_s(plain), use_key_of=plain)
row("typ JWT", forged({"alg": "RS256", "kid": "rs", "typ": "JWT"}))
row("no groups claim", honest(groups=...), groups=[])
row("a group twice", honest(groups=["a", "a", "b"]), groups=["a", "b"])
row("groups under another claim's name", honest(roles=["r"]), trust="roles", groups=["r"])
row("512 groups", honest(groups=["g%d" % i for i in range(512)]), groups=["g%d" % i for i in range(512)])
row("several audiences with azp", honest(aud=[AUDIENCE, "other"], azp=AUDIENCE))
row("an audience in an array", honest(aud=[AUDIENCE]))
row("claims nobody looks at", honest(auth_time=1, amr=["mfa"], email="a@b", ver=1, idp="x", at_hash="y"))
row("300 s old", honest(iat=NOW - 300))
row("60 s ahead", honest(iat=NOW + 60))
row("expired 59 s ago", honest(exp=NOW - 59, iat=NOW - 200))
row("valid in 60 s", honest(nbf=NOW + 60))
row("a nonce that nobody asked for", honest(nonce="whatever"))
row("the nonce of this request", honest(nonce=NONCE), trust="nonce")

row("1 MB", GOOD, "oidc.size", pad=1048576)
row("one byte too many", GOOD, "oidc.size", pad=61441 - len(GOOD))
row("as long as it may be", GOOD, "oidc.signature", pad=61440 - len(GOOD))
row("nothing", "", "oidc.form")
row("no dots", "eyJhbGciOiJub25lIn0", "oidc.form")
row("two parts", ".".join(parts(GOOD)[:2]), "oidc.form")
row("four parts", GOOD + ".AAAA", "oidc.form")
row("five parts, as an encrypted one has", GOOD + ".AAAA.AAAA", "oidc.form")
row("padding", GOOD + "==", "oidc.form")
row("white space", " " + GOOD, "oidc.form")
row("a newline", GOOD + "\n", "oidc.form")
row("another spelling of the same signature", spare_bits(GOOD), "oidc.form")
row("standard base64", GOOD[: GOOD.rindex(".") + 1] + base64.b64encode(b"\xff\xfe" * 128).decode().rstrip("="), "oidc.form")
row("a header that is no JSON", forged("alg=RS256"), "oidc.form")
row("a header that is an array", forged("[]"), "oidc.form")
row("a header of 2 KB", forged({"alg": "RS256", "kid": "r" * 2048}), "oidc.form")
row("a header with alg twice", forged('{"alg":"none","alg":"RS256","kid":"rs"}'), "oidc.form")
row("claims that are no JSON", raw_claims("iss"), "oidc.form")
row("claims with sub twice", raw_claims(compact(claims())[:-1] + ',"sub":"00u1bob"}'), "oidc.form")
row("claims with groups twice", raw_claims(compact(claims())[:-1] + ',"groups":["admins"]}'), "oidc.form")
row("a lone surrogate in a group", raw_claims(compact(claims(groups=["@"])).replace("@", "\\ud800")), "oidc.form")
row("claims nested 50 deep", raw_claims(compact(claims())[:-1] + ',"x":' + "[" * 50 + "]" * 50 + "}"), "oidc.form")
row("a number that is none in JavaScript", raw_claims(compact(claims())[:-1] + ',"x":1e999}'), "oidc.form")
row("NaN", raw_claims(compact(claims())[:-1] + ',"x":NaN}'), "oidc.form")

for name in ("jwk", "jku", "x5u", "x5c", "x5t", "crit", "b64", "cty", "zip"):
    value = {"jwk": public("RS256"), "crit": ["b64"], "b64": True}.get(name, "https://evil.example/keys")
    row("a header with " + name, forged({"alg": "RS256", "kid": "rs", name: value}, signer="other", alg="RS256"), "oidc.header")
row("a header without kid", forged({"alg": "RS256"}), "oidc.header")
row("a header without alg", forged({"kid": "rs"}), "oidc.header")
row("a kid that is a number", forged({"alg": "RS256", "kid": 1}), "oidc.header")
row("an access token's typ", forged({"alg": "RS256", "kid": "rs", "typ": "at+jwt"}), "oidc.header")

row("alg none", b64u(compact({"alg": "none", "kid": "rs"})) + "." + parts(GOOD)[1] + ".", "oidc.alg")
row("alg none with a signature", forged({"alg": "none", "kid": "rs"}), "oidc.alg")
row("alg NONE", forged({"alg": "NONE", "kid": "rs"}), "oidc.alg")
row("HS256 with the public key as the secret", hmac_with_the_public_key(), "oidc.alg")
for alg in ("RS384", "RS512", "ES384", "ES256K", "rs256", "Ed25519", "dir"):
    row("alg " + alg, forged({"alg": alg, "kid": "rs"}), "oidc.alg")
row("PS256 with the key for RS256", forged({"alg": "PS256", "kid": "rs"}, alg="PS256"), "oidc.alg")
row("RS256 with the key for PS256", forged({"alg": "RS256", "kid": "ps"}, signer="PS256", alg="RS256"), "oidc.alg")
row("EdDSA with the key for RS256", forged({"alg": "EdDSA", "kid": "rs"}, signer="EdDSA"), "oidc.alg")

row("a kid nobody knows", forged({"alg": "RS256", "kid": "rx"}), "oidc.kid")
row("a kid in another case", forged({"alg": "RS256", "kid": "RS"}), "oidc.kid")
row("a kid that is a path", forged({"alg": "RS256", "kid": "../../dev/null"}), "oidc.kid")

row("another key of the same kid", forged({"alg": "RS256", "kid": "rs"}, signer="other", alg="RS256"), "oidc.signature")
row("a kid of another of the issuer's keys", forged({"alg": "ES256", "kid": "es"}, signer="EdDSA"), "oidc.signature")
row("other claims under the same signature", parts(GOOD)[0] + "." + b64u(compact(claims(sub="00u1root"))) + "." + parts(GOOD)[2], "oidc.signature")
row("another header under the same signature", b64u(compact({"kid": "rs", "alg": "RS256"})) + "." + ".".join(parts(GOOD)[1:]), "oidc.signature")
row("no signature", GOOD[: GOOD.rindex(".") + 1], "oidc.signature")
row("a signature that is one byte short", GOOD[: GOOD.rindex(".") + 1] + b64u(base64.urlsafe_b64decode(parts(GOOD)[2] + "==")[:-1]), "oidc.signature")
row("a signature that is one byte long", GOOD[: GOOD.rindex(".") + 1] + b64u(base64.urlsafe_b64decode(parts(GOOD)[2] + "==") + b"\0"), "oidc.signature")
row("a signature of zeros", GOOD[: GOOD.rindex(".") + 1] + b64u(bytes(256)), "oidc.signature")
row("an ES256 signature of zeros", ES[: ES.rindex(".") + 1] + b64u(bytes(64)), "oidc.signature")
row("an ES256 signature in DER", ES[: ES.rindex(".") + 1] + b64u(KEYS["ES256"].get_op_key("sign").sign(ES[: ES.rindex(".")].encode(), ec.ECDSA(hashes.SHA256()))), "oidc.signature")
row("PS256 with a salt of 0 bytes", pss_with_salt(0), "oidc.signature")
row("PS256 with a salt of 64 bytes", pss_with_salt(64), "oidc.signature")
row("RSA PKCS1 under PS256", forged({"alg": "PS256", "kid": "ps"}, signer="PS256", alg="RS256"), "oidc.signature")

for name in ("iss", "sub", "aud", "iat", "exp"):
    row("without " + name, honest(**{name: ...}), "oidc.claims")
    row(name + " is null", honest(**{name: None}), "oidc.claims")
row("sub is blank", honest(sub=" "), "oidc.claims")
row("NUL in sub", honest(sub="00u1alice\0admin"), "oidc.claims")
row("a newline in sub", honest(sub="a\nb"), "oidc.claims")
row("exp is text", honest(exp=str(NOW + 60)), "oidc.claims")
row("exp has a fraction", honest(exp=NOW + 60.5), "oidc.claims")
row("iat is negative", honest(iat=-1), "oidc.claims")
row("exp is beyond all years", honest(exp=1 << 60), "oidc.claims")
row("nbf is text", honest(nbf="now"), "oidc.claims")
row("jti is a number", honest(jti=7), "oidc.claims")
row("jti is blank", honest(jti=""), "oidc.claims")
row("azp is a list", honest(azp=[AUDIENCE]), "oidc.claims")
row("no audience in the array", honest(aud=[]), "oidc.claims")
row("17 audiences", honest(aud=[AUDIENCE] * 17, azp=AUDIENCE), "oidc.claims")
row("claims that are an array", raw_claims("[]"), "oidc.form")

row("another issuer", honest(iss="https://evil.okta.com"), "oidc.issuer")
row("the issuer with a slash", honest(iss=ISSUER + "/"), "oidc.issuer")
row("the issuer in capitals", honest(iss=ISSUER.upper()), "oidc.issuer")
row("another audience", honest(aud="0oa1other"), "oidc.audience")
row("an audience that begins like ours", honest(aud=AUDIENCE + ".evil"), "oidc.audience")
row("another audience in an array", honest(aud=["0oa1other"]), "oidc.audience")
row("several audiences without azp", honest(aud=[AUDIENCE, "other"]), "oidc.azp")
row("azp of another party", honest(azp="other"), "oidc.azp")
row("several audiences, azp another", honest(aud=[AUDIENCE, "other"], azp="other"), "oidc.azp")
row("expired 60 s ago", honest(exp=NOW - 60, iat=NOW - 200), "oidc.expired")
row("expired years ago", honest(exp=1, iat=0), "oidc.expired")
row("valid in 61 s", honest(nbf=NOW + 61), "oidc.not_yet_valid")
row("issued 61 s ahead", honest(iat=NOW + 61), "oidc.issued_in_future")
row("301 s old", honest(iat=NOW - 301), "oidc.too_old")
row("a nonce is wanted, and there is none", honest(), "oidc.nonce", trust="nonce")
row("the nonce of another request", honest(nonce="A" * 43), "oidc.nonce", trust="nonce")
row("513 groups", honest(groups=["g%d" % i for i in range(513)]), "oidc.groups")
row("10,000 groups", honest(groups=["g"] * 10000), "oidc.groups")
row("groups in a string", honest(groups="platform-engineers"), "oidc.groups")
row("groups are null", honest(groups=None), "oidc.groups")
row("a group that is a number", honest(groups=["a", 1]), "oidc.groups")
row("a group of 257 bytes", honest(groups=["g" * 257]), "oidc.groups")
row("a blank group", honest(groups=[" "]), "oidc.groups")
row("NUL in a group", honest(groups=["platform-engineers\0x"]), "oidc.groups")
row("a newline in a group", honest(groups=["a\nb"]), "oidc.groups")

RS, PS, EC, ED = (public(name) for name in ("RS256", "PS256", "ES256", "EdDSA"))
E3 = rsa("e3", exponent=3).export_public(as_dict=True)
SHORT = rsa("short", 1024).export_public(as_dict=True)
LONG = rsa("long", 4096).export_public(as_dict=True)
NO_ALG = {name: value for name, value in RS.items() if name not in ("alg", "use")}
sets = []


def key_set(name, keys, kids=None, **more):
    sets.append({"name": name, "jwks": {"keys": keys, **more}, "kids": kids})


key_set("all four algorithms", [RS, PS, EC, ED], ["rs", "ps", "es", "ed"])
key_set("members nobody needs", [{**RS, "x5t": "x", "x5c": ["MII"], "status": "ACTIVE"}], ["rs"], expires=1)
key_set("an RSA key without alg", [NO_ALG], ["rs"])
key_set("an RSA key of 4096 bits", [LONG], ["long"])
key_set("keys of other kinds are skipped", [{"kty": "EC", "crv": "P-384", "kid": "a"}, {"kty": "AKP"}, {"kty": "OKP", "crv": "X25519"}, RS], ["rs"])
key_set("keys for other uses are skipped", [{**PS, "use": "enc"}, {**EC, "key_ops": ["deriveKey"]}, {**RS, "key_ops": ["verify"]}], ["rs"])
key_set("keys for other algorithms are skipped", [{**PS, "alg": "RS512"}, {**EC, "alg": "ECDH-ES"}, RS], ["rs"])
key_set("none", [])
key_set("none that can be used", [{"kty": "EC", "crv": "P-384", "kid": "a"}])
key_set("a private key", [RS, KEYS["EdDSA"].export(as_dict=True)])
key_set("a private key that would be skipped", [RS, {"kty": "EC", "crv": "P-384", "kid": "x", "d": "AA"}])
key_set("a symmetric key", [RS, {"kty": "oct", "kid": "x", "k": "AAAA"}])
key_set("a kid twice", [RS, {**EC, "kid": "rs"}])
key_set("a kid twice, one of them skipped", [RS, {"kty": "EC", "crv": "P-384", "kid": "rs"}])
key_set("no kid", [{name: value for name, value in RS.items() if name != "kid"}])
key_set("a blank kid", [{**RS, "kid": " "}])
key_set("a kid with a newline", [{**RS, "kid": "a\nb"}])
key_set("a kid that is a number", [{**RS, "kid": 1}])
key_set("an RSA key of 1024 bits", [SHORT])
key_set("an RSA key with the exponent 3", [E3])
key_set("an even exponent", [{**RS, "e": b64u((65538).to_bytes(3, "big"))}])
key_set("an exponent of 5 bytes", [{**RS, "e": b64u(bytes([1, 0, 0, 0, 1]))}])
key_set("an exponent with a leading zero", [{**RS, "e": b64u(bytes([0, 1, 0, 1]))}])
key_set("an RSA key without modulus", [{name: value for name, value in RS.items() if name != "n"}])
key_set("a modulus with a leading zero", [{**RS, "n": b64u(b"\0" + base64.urlsafe_b64decode(RS["n"] + "=="))}])
key_set("an even modulus", [{**RS, "n": b64u(base64.urlsafe_b64decode(RS["n"] + "==")[:-1] + b"\2")}])
key_set("a modulus of 4104 bits", [{**RS, "n": b64u(b"\xff" * 513)}])
key_set("a modulus in another spelling", [{**RS, "n": RS["n"] + "=="}])
key_set("a point that is on no curve", [{**EC, "y": EC["x"]}])
key_set("an Ed25519 key of small order", [{**ED, "x": b64u(bytes(32))}])
key_set("33 keys", [{**RS, "kid": "k%d" % i} for i in range(33)])
key_set("a key that is text", ["RS256"])

OUT.write_text(
    json.dumps({"now": NOW, "nonce": NONCE, "trusts": TRUSTS, "tokens": rows, "jwks": sets}, indent=1, ensure_ascii=True) + "\n"
)
print("%d tokens, %d key sets, %d bytes" % (len(rows), len(sets), OUT.stat().st_size))
