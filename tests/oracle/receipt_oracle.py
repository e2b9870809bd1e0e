"""A verifier of gateway receipts that shares no line with clawsigner: another language, another crypto library, written from
the ecosystem's contract. The end-to-end tests ask it about everything the daemon hands out.

    python3 receipt_oracle.py ANSWER.json DID        exit 0 and "valid", or exit 1 and the reason
"""

import base64
import hashlib
import json
import math
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils


class Refused(Exception):
    """The receipt is not valid, and why."""


def require(good, reason):
    if not good:
        raise Refused(reason)


# ---- JSON as JavaScript prints it -------------------------------------------------------------------------------------


def js_number(value):
    number = float(value)
    require(math.isfinite(number), "a number that is not finite")
    if number == 0:
        return "0"
    if number < 0:
        return "-" + js_number(-number)
    mantissa, _, exponent = ("%r" % number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole.strip("0") == "":
        point -= len(whole) + len(fraction) - len(fraction.lstrip("0"))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    sign = "+" if point > 0 else "-"
    head = digits[0] + ("." + digits[1:] if count > 1 else "")
    return "%se%s%d" % (head, sign, abs(point - 1))


def js_string(text):
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(short.get(c) or ("\\u%04x" % ord(c) if ord(c) < 0x20 else c) for c in text) + '"'


def is_index(name):
    return re.fullmatch(r"0|[1-9][0-9]*", name) is not None and int(name) <= 2**32 - 2


def js_text(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return js_number(value)
    if isinstance(value, str):
        return js_string(value)
    if isinstance(value, list):
        return "[" + ",".join(js_text(v) for v in value) + "]"
    indices = sorted((n for n in value if is_index(n)), key=int)
    names = indices + [n for n in value if not is_index(n)]
    return "{" + ",".join(js_string(n) + ":" + js_text(value[n]) for n in names) + "}"


def no_doubles(pairs):
    members = dict(pairs)
    require(len(members) == len(pairs), "a member stands twice")
    return members


def parse(text):
    try:
        return json.loads(text, object_pairs_hook=no_doubles, parse_constant=lambda c: require(False, c))
    except (ValueError, RecursionError) as error:
        raise Refused("not JSON: %s" % error) from error


# ---- keys and signatures ------------------------------------------------------------------------------------------------


def unb64u(text, reason):
    require(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]+", text) is not None, reason)
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused(reason) from error
    require(base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text, reason)
    return raw


def b64u(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def base58_decode(text):
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for c in text:
        require(c in alphabet, "did:key is not base58")
        number = number * 58 + alphabet.index(c)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


class Key:
    """The public key a did:key names."""

    def __init__(self, did):
        require(isinstance(did, str) and did.startswith("did:key:z"), "not a did:key")
        raw = base58_decode(did[len("did:key:z") :])
        self.did = did
        if raw[:2] == b"\xed\x01" and len(raw) == 34:
            self.algorithm = "Ed25519"
            self.raw = raw[2:]
            self.key = ed25519.Ed25519PublicKey.from_public_bytes(self.raw)
        else:
            require(raw[:2] == b"\x80\x24" and len(raw) == 35, "a did:key of a kind we do not know")
            self.algorithm = "ES256"
            self.raw = raw[2:]
            self.key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.raw)
        self.kid = hashlib.sha256(self.raw).hexdigest()[:16]

    def verify(self, message, signature, reason):
        require(len(signature) == 64, reason)
        try:
            if self.algorithm == "Ed25519":
                self.key.verify(signature, message)
            else:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                self.key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise Refused(reason) from error


# ---- the receipt ----------------------------------------------------------------------------------------------------------

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ENVELOPE = {
    "envelope_version", "envelope_type", "payload", "payload_hash_b64u", "hash_algorithm", "signature_b64u", "algorithm",
    "signer_did", "issued_at",
}  # fmt: skip
PAYLOAD = {
    "receipt_version", "receipt_id", "gateway_id", "provider", "model", "request_hash_b64u", "response_hash_b64u",
    "tokens_input", "tokens_output", "latency_ms", "timestamp",
}  # fmt: skip
BINDING_TEXTS = {"run_id", "nonce", "policy_hash", "span_id", "spanId", "parent_span_id", "parentSpanId", "tool_span_id", "toolSpanId"}
PHASES = {"setup", "planning", "reasoning", "execution", "observation", "reflection", "teardown"}
LEGACY_ORDER = [
    "version", "proxyDid", "provider", "model", "requestHash", "responseHash", "timestamp", "latencyMs", "kid", "binding",
    "payment", "privacyMode", "encryptedRequest", "encryptedResponse",
]  # fmt: skip


def check_text(value, name):
    require(isinstance(value, str) and value.strip() != "", "%s is not a text" % name)


def check_hash(value, name):
    unb64u(value, "%s is not base64url" % name)
    require(len(value) >= 8, "%s is too short" % name)


def check_count(value, most, name):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    require(number and value == int(value) and 0 <= value <= most, "%s is out of range" % name)


def check_binding(binding):
    require(isinstance(binding, dict), "binding is not an object")
    for name, value in binding.items():
        if name in ("event_hash_b64u", "token_scope_hash_b64u"):
            check_hash(value, name)
        elif name == "phase":
            require(value in PHASES, "phase is none")
        elif name == "attribution_confidence":
            require(isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1, name)
        else:
            require(name in BINDING_TEXTS, "binding.%s does not belong there" % name)
            check_text(value, name)


def check_payload(payload):
    require(isinstance(payload, dict), "payload is not an object")
    require(PAYLOAD <= payload.keys() <= PAYLOAD | {"binding", "metadata"}, "payload has other members")
    require(payload["receipt_version"] == "1", "receipt_version")
    require(payload["gateway_id"] == "did:web:clawproxy.com", "gateway_id")
    for name in ("receipt_id", "provider", "model"):
        check_text(payload[name], name)
    require(payload["receipt_id"].startswith("rcpt_"), "receipt_id")
    for name in ("request_hash_b64u", "response_hash_b64u"):
        check_hash(payload[name], name)
    check_count(payload["tokens_input"], 10_000_000, "tokens_input")
    check_count(payload["tokens_output"], 10_000_000, "tokens_output")
    check_count(payload["latency_ms"], 3_600_000, "latency_ms")
    require(isinstance(payload["timestamp"], str) and TIME.fullmatch(payload["timestamp"]) is not None, "timestamp")
    if "binding" in payload:
        check_binding(payload["binding"])
    if "metadata" in payload:
        require(isinstance(payload["metadata"], dict), "metadata is not an object")
        require(len(js_text(payload["metadata"]).encode()) <= 16384, "metadata is too large")


def check_legacy(legacy, payload, key):
    require(isinstance(legacy, dict) and legacy.keys() <= set(LEGACY_ORDER) | {"signature"}, "legacy has other members")
    require(legacy.get("version") == "1.0" and legacy.get("proxyDid") == "did:web:clawproxy.com", "legacy is another kind")
    require(legacy.get("kid") == key.kid, "legacy.kid")
    require(legacy.get("provider") == payload["provider"], "legacy.provider")
    require(legacy.get("timestamp") == payload["timestamp"], "legacy.timestamp")
    require(legacy.get("latencyMs") == payload["latency_ms"], "legacy.latencyMs")
    for ours, theirs in (("requestHash", "request_hash_b64u"), ("responseHash", "response_hash_b64u")):
        require(legacy.get(ours) == unb64u(payload[theirs], theirs).hex(), "legacy." + ours)
    signed = js_text({name: legacy[name] for name in LEGACY_ORDER if name in legacy})
    key.verify(signed.encode(), unb64u(legacy.get("signature"), "legacy.signature"), "legacy.signature")


def verify(text, trusted_did):
    """Returns the payload of a valid receipt; raises Refused. `text` is the envelope or the answer that holds it."""
    document = parse(text)
    require(isinstance(document, dict), "not an object")
    legacy = None
    if "envelope" in document:
        require(document.keys() <= {"envelope", "legacy"}, "the answer has other members")
        legacy = document.get("legacy")
        document = document["envelope"]
    require(isinstance(document, dict) and document.keys() == ENVELOPE, "the envelope has other members")
    require(document["envelope_version"] == "1", "envelope_version")
    require(document["envelope_type"] == "gateway_receipt", "envelope_type")
    require(document["hash_algorithm"] == "SHA-256", "hash_algorithm")
    payload = document["payload"]
    check_payload(payload)
    require(document["issued_at"] == payload["timestamp"], "issued_at")
    require(document["signer_did"] == trusted_did, "signer_did is not the one trusted")
    key = Key(trusted_did)
    require(document["algorithm"] == key.algorithm, "algorithm")
    try:
        digest = b64u(hashlib.sha256(js_text(payload).encode()).digest())
    except UnicodeEncodeError as error:
        raise Refused("half of a surrogate pair") from error
    require(document["payload_hash_b64u"] == digest, "payload_hash_b64u")
    key.verify(digest.encode(), unb64u(document["signature_b64u"], "signature_b64u"), "signature_b64u")
    if legacy is not None:
        check_legacy(legacy, payload, key)
    return payload


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            verify(file.read(), sys.argv[2])
        print("valid")
    except Refused as refused:
        sys.exit("refused: %s" % refused)
