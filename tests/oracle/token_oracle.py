"""A verifier of capability-scoped tokens that shares no line with clawsigner: another language, another crypto library, written
from the ecosystem's contract. The end-to-end tests ask it about everything the daemon hands out.

    python3 token_oracle.py TOKEN JWKS.json [SECONDS]        exit 0 and "valid", or exit 1 and the reason
"""

import hashlib
import json
import math
import re
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from receipt_oracle import Key, Refused, b64u, js_number, js_string, js_text, parse, require, unb64u

# ---- keys -----------------------------------------------------------------------------------------------------------------


class JwkKey(Key):
    """The public key a JWK holds."""

    def __init__(self, jwk):
        x = unb64u(jwk.get("x"), "x of a JWK")
        if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
            self.algorithm, self.jws_algorithm = "Ed25519", "EdDSA"
            self.key = ed25519.Ed25519PublicKey.from_public_bytes(x)
            self.raw = x
        else:
            require((jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256"), "a JWK of a kind we do not know")
            self.algorithm, self.jws_algorithm = "ES256", "ES256"
            y = unb64u(jwk.get("y"), "y of a JWK")
            point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
            self.key = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
            form = serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
            self.raw = self.key.public_bytes(*form)
        self.kid = hashlib.sha256(self.raw).hexdigest()[:16]
        require(jwk.get("kid") == self.kid, "kid of a JWK")
        require(jwk.get("alg") == self.jws_algorithm, "alg of a JWK")

    def header(self):
        """The one text a header under this key has."""
        return '{"alg":"%s","typ":"JWT","kid":"%s"}' % (self.jws_algorithm, self.kid)


# ---- the scope hash -------------------------------------------------------------------------------------------------------

# String.prototype.trim: ECMA-262 WhiteSpace and LineTerminator.
WHITE = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"

HASHED_TEXTS = [
    "owner_ref", "owner_did", "controller_did", "agent_did", "policy_hash_b64u", "control_plane_policy_hash_b64u",
    "payment_account_did", "mission_id", "delegation_id", "delegator_did", "delegate_did", "delegation_policy_hash_b64u",
]  # fmt: skip


def trim(text):
    return text.strip(WHITE)


def units(text):
    """UTF-16 code units, big-endian: bytes that sort as JavaScript sorts, two for each unit it counts."""
    return text.encode("utf-16-be")


def jcs(value):
    """RFC 8785 of texts, numbers, arrays and objects."""
    if isinstance(value, str):
        return js_string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(js_string(name) + ":" + jcs(value[name]) for name in sorted(value, key=units)) + "}"
    return js_number(value)


def set_of(texts):
    return sorted({trim(text) for text in texts if trim(text) != ""}, key=units)


def scope_hash(claims):
    aud = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    hashed = {"token_version": "1", "sub": trim(claims["sub"]), "aud": set_of(aud), "scope": set_of(claims["scope"])}
    for name in HASHED_TEXTS:
        if trim(claims.get(name, "")) != "":
            hashed[name] = trim(claims[name])
    spend_cap = claims.get("spend_cap")
    if spend_cap is not None and math.isfinite(spend_cap) and spend_cap >= 0:
        hashed["spend_cap"] = spend_cap
    minor = trim(claims.get("delegation_spend_cap_minor", ""))
    if re.fullmatch("[0-9]+", minor):
        hashed["delegation_spend_cap_minor"] = minor
    if claims.get("delegation_expires_at", 0) > 0:
        hashed["delegation_expires_at"] = math.floor(claims["delegation_expires_at"])
    return b64u(hashlib.sha256(jcs(hashed).encode()).digest())


# ---- the claims -----------------------------------------------------------------------------------------------------------

REQUIRED = ["token_version", "sub", "aud", "scope", "iat", "exp", "token_scope_hash_b64u", "token_lane", "jti", "nonce"]
ORDER = [
    "token_version", "sub", "aud", "scope", "iat", "exp", "owner_ref", "owner_did", "controller_did", "agent_did",
    "policy_hash_b64u", "control_plane_policy_hash_b64u", "token_scope_hash_b64u", "payment_account_did", "spend_cap",
    "mission_id", "delegation_id", "delegator_did", "delegate_did", "delegation_policy_hash_b64u",
    "delegation_spend_cap_minor", "delegation_expires_at", "token_lane", "jti", "nonce",
]  # fmt: skip
DELEGATION = [name for name in ORDER if name.startswith("delegat")]
UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
FORMS = {
    "token_version": "1",
    "owner_did": "did:[a-z0-9]+:[a-zA-Z0-9._%-]+",
    "token_scope_hash_b64u": "[A-Za-z0-9_-]{43}",
    "delegation_spend_cap_minor": "[0-9]+",
    "token_lane": "legacy|canonical",
    "jti": UUID4,
    "nonce": UUID4,
}
SAME_FORM = {
    "owner_did": ["controller_did", "agent_did", "payment_account_did", "delegator_did", "delegate_did"],
    "token_scope_hash_b64u": ["policy_hash_b64u", "control_plane_policy_hash_b64u", "delegation_policy_hash_b64u"],
}
FORMS.update({name: FORMS[like] for like, names in SAME_FORM.items() for name in names})
MOST_SECONDS = 253402300799  # the year 9999


def check_text(value, name):
    require(isinstance(value, str) and trim(value) != "", "%s is not a text" % name)


def check_number(value, least, most, name):
    require(isinstance(value, (int, float)) and not isinstance(value, bool), "%s is not a number" % name)
    require(least <= value <= most, "%s is out of range" % name)


def check_seconds(value, most, name):
    check_number(value, 1, most, name)
    require(value == math.floor(value), "%s is not an integer" % name)


def check_texts(value, name):
    require(isinstance(value, list) and 1 <= len(value) <= 64, "%s is not an array of 1 to 64" % name)
    for item in value:
        check_text(item, name)


def check_claim(name, value):
    if name == "scope":
        check_texts(value, name)
        require(all(item == trim(item) and len(units(item)) <= 2 * 128 for item in value), "an item of scope")
    elif name == "aud" and isinstance(value, list):
        check_texts(value, name)
    elif name in ("iat", "exp"):
        check_seconds(value, MOST_SECONDS, name)
    elif name == "delegation_expires_at":
        check_seconds(value, 2**53 - 1, name)
    elif name == "spend_cap":
        check_number(value, 0, sys.float_info.max, name)
    else:
        check_text(value, name)
        require(re.fullmatch(FORMS.get(name, "(?s).*"), value) is not None, "%s has another form" % name)
        if name.endswith("_hash_b64u"):
            unb64u(value, "%s is not base64url" % name)


def check_lane(claims):
    if claims["token_lane"] == "canonical":
        require("owner_did" in claims and "controller_did" in claims, "canonical without its chain")
        require(claims.get("agent_did") == claims["sub"], "agent_did is not sub")
    else:
        require(not any(name in claims for name in DELEGATION), "delegation in the legacy lane")
    require(claims.get("delegate_did", claims["sub"]) == claims["sub"], "delegate_did is not sub")
    if "delegator_did" in claims:
        require(claims["delegator_did"] == claims.get("owner_did"), "delegator_did is not owner_did")


def check_claims(claims):
    require(isinstance(claims, dict), "the claims are not an object")
    require(set(REQUIRED) <= claims.keys() <= set(ORDER), "other claims")
    require(list(claims) == [name for name in ORDER if name in claims], "claims in another order")
    for name, value in claims.items():
        check_claim(name, value)
    require(claims["iat"] < claims["exp"], "exp is not after iat")
    check_lane(claims)
    require(claims["token_scope_hash_b64u"] == scope_hash(claims), "token_scope_hash_b64u")


# ---- the token ------------------------------------------------------------------------------------------------------------

ANSWER = {"token", "claims", "kid", "token_hash", "token_scope_hash_b64u"}


def text_of(part, reason):
    try:
        return unb64u(part, reason).decode()
    except UnicodeDecodeError as error:
        raise Refused(reason) from error


def verify_compact(token, jwks):
    parts = token.split(".")
    require(len(parts) == 3, "not three parts")
    text = text_of(parts[0], "the header")
    key = next((key for key in map(JwkKey, jwks["keys"]) if key.header() == text), None)
    require(key is not None, "the header is that of no key")
    text = text_of(parts[1], "the claims")
    key.verify((parts[0] + "." + parts[1]).encode(), unb64u(parts[2], "the signature"), "the signature")
    claims = parse(text)
    require(js_text(claims) == text, "the claims are spelt in another way")
    check_claims(claims)
    return claims, key


def verify(token_text, jwks, at_seconds):
    """Returns the claims of a token that is valid at that Unix second; raises Refused. `token_text` is the compact token or the
    answer that holds it, `jwks` the parsed key set."""
    answer = None
    token = token_text
    if token_text.startswith("{"):
        answer = parse(token_text)
        require(answer.keys() == ANSWER, "the answer has other members")
        token = answer["token"]
        require(isinstance(token, str), "token is not a text")
    claims, key = verify_compact(token, jwks)
    require(claims["exp"] > at_seconds, "expired")
    if answer is not None:
        require(js_text(answer["claims"]) == js_text(claims), "other claims beside the token")
        require(answer["kid"] == key.kid, "another kid beside the token")
        require(answer["token_hash"] == hashlib.sha256(token.encode()).hexdigest(), "token_hash")
        require(answer["token_scope_hash_b64u"] == claims["token_scope_hash_b64u"], "another scope hash beside the token")
    return claims


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as token_file, open(sys.argv[2], encoding="utf-8") as jwks_file:
            moment = int(sys.argv[3]) if len(sys.argv) > 3 else time.time()
            verify(token_file.read().strip(), json.load(jwks_file), moment)
        print("valid")
    except Refused as refused:
        sys.exit("refused: %s" % refused)
