"""A checker of what the appliance publishes of its keys that shares no line with clawsigner: another language, other crypto
libraries, written from the ecosystem's contract, RFC 7517, RFC 7638 and RFC 8785.

    python3 keys_oracle.py jwks FILE                       a JWK set; prints the kids
    python3 keys_oracle.py rotation FILE                   a did_rotation certificate
    python3 keys_oracle.py snapshot FILE JWKS [SECONDS]    a key transparency snapshot, at that Unix second
    python3 keys_oracle.py contract FILE JWKS              a rotation contract, held against the JWK set
    python3 keys_oracle.py well-known FILE JWKS            a clawsig.json, held against the receipt keys' JWK set
    python3 keys_oracle.py manifest FILE [DIGEST]          a manifest of keys; prints its digest

Exit 0, or exit 1 and the reason.
"""

import hashlib
import json
import re
import sys

from jwcrypto import jwk as jose
from jwcrypto.common import JWException

from receipt_oracle import Key, Refused, b64u, js_text, parse, require, unb64u
from token_oracle import JwkKey, jcs, units

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ANY_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
KID = re.compile(r"[0-9a-f]{16}")
MOST_AGE = 3600  # what verify-token-control lets a snapshot have


def digest_of(text):
    return b64u(hashlib.sha256(text.encode()).digest())


def canonical(value):
    """RFC 8785 of any JSON value."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(jcs(name) + ":" + canonical(value[name]) for name in sorted(value, key=units)) + "}"
    return jcs(value)


def members(value, required, optional, what):
    require(isinstance(value, dict), "%s is not an object" % what)
    require(set(required) <= value.keys(), "%s lacks %s" % (what, ", ".join(sorted(set(required) - value.keys()))))
    unknown = value.keys() - set(required) - set(optional)
    require(not unknown, "%s has %s" % (what, ", ".join(sorted(unknown))))


def text_member(value, name):
    require(isinstance(value[name], str) and value[name].strip() != "", "%s is not a text" % name)
    return value[name]


def whole(value, least, name):
    require(isinstance(value, int) and not isinstance(value, bool) and value >= least, "%s is not a number" % name)
    return value


def kids_of(value, name):
    require(isinstance(value, list), "%s is not an array" % name)
    for kid in value:
        require(isinstance(kid, str) and KID.fullmatch(kid) is not None, "%s has what is no kid" % name)
    require(len(set(value)) == len(value), "%s names a key twice" % name)
    return value


# ---- JWK sets ------------------------------------------------------------------------------------------------------------


def parse_jwks(text):
    """The keys of a set, each read by two libraries."""
    document = parse(text)
    members(document, {"keys"}, (), "the JWK set")
    require(isinstance(document["keys"], list), "keys is not an array")
    keys = []
    for one in document["keys"]:
        wanted = {"kty", "crv", "x", "kid", "alg", "use", "ext"} | ({"y"} if one.get("kty") == "EC" else set())
        members(one, wanted, (), "a JWK")
        require(one["use"] == "sig" and one["ext"] is True, "use or ext of a JWK")
        key = JwkKey(one)
        try:
            key.jkt = jose.JWK(**{name: value for name, value in one.items() if name != "ext"}).thumbprint()
        except JWException as error:
            raise Refused("jwcrypto: %s" % error) from error
        keys.append(key)
    require(len({key.kid for key in keys}) == len(keys), "a key stands in the set twice")
    return keys


def jwks_kids(jwks):
    """`jwks` is the text of a set, or what parse_jwks gave."""
    return [key.kid for key in (parse_jwks(jwks) if isinstance(jwks, str) else jwks)]


# ---- did_rotation --------------------------------------------------------------------------------------------------------

ROTATION = {
    "rotation_version", "rotation_id", "old_did", "new_did", "issued_at", "reason", "signature_old_b64u", "signature_new_b64u",
}  # fmt: skip


def rotation_text(document):
    """What both keys sign."""
    return canonical({**document, "signature_old_b64u": "", "signature_new_b64u": ""})


def verify_rotation(document):
    """Returns the (old, new) keys of a valid certificate; raises Refused. `document` is its text, or parsed."""
    document = parse(document) if isinstance(document, str) else document
    members(document, ROTATION, {"metadata"}, "the certificate")
    require(document["rotation_version"] == "1", "rotation_version")
    for name in ("rotation_id", "reason"):
        text_member(document, name)
    require(ANY_UTC.fullmatch(text_member(document, "issued_at")) is not None, "issued_at")
    require(isinstance(document.get("metadata", {}), dict), "metadata is not an object")
    require(document["old_did"] != document["new_did"], "both keys are one")
    keys = Key(document["old_did"]), Key(document["new_did"])
    for key, name in zip(keys, ("signature_old_b64u", "signature_new_b64u")):
        require(key.algorithm == "Ed25519", "a key that is not Ed25519")
        key.verify(rotation_text(document).encode(), unb64u(document[name], name), name)
    return keys


# ---- what the lists of kids say ---------------------------------------------------------------------------------------------


def check_lists(document):
    """The members that the contract and the snapshot share."""
    accepted = kids_of(document["accepted_kids"], "accepted_kids")
    signing = kids_of(document["signing_kids"], "signing_kids")
    verify_only = kids_of(document["verify_only_kids"], "verify_only_kids")
    require(accepted == signing + verify_only, "accepted_kids are not the signing ones and then the others")
    whole(document["overlap_seconds"], 0, "overlap_seconds")
    require(isinstance(document["expiring_kids"], list), "expiring_kids is not an array")
    for one in document["expiring_kids"]:
        members(one, {"kid", "not_after_unix"}, (), "an expiring kid")
        require(one["kid"] in accepted, "an expiring kid is not accepted")
        whole(one["not_after_unix"], 0, "not_after_unix")
    kids_of([one["kid"] for one in document["expiring_kids"]], "expiring_kids")
    require(not signing or document["active_kid"] in ("", signing[0]), "active_kid is not the first of signing_kids")
    return accepted


SNAPSHOT = [
    "snapshot_version", "generated_at", "generated_at_iso", "active_kid", "accepted_kids", "signing_kids", "verify_only_kids",
    "expiring_kids", "overlap_seconds",
]  # fmt: skip
BESIDE = {"snapshot_id", "snapshot_hash_b64u", "signer_kid", "signature_b64u"}


def snapshot_text(document):
    """What the active key signs."""
    return js_text({name: document[name] for name in SNAPSHOT})


def verify_snapshot(document, jwks, at_seconds=None):
    """Returns the snapshot as a dict; raises Refused. `jwks` is the text of the set or what parse_jwks gave; without a time its
    age is not looked at."""
    document = parse(document) if isinstance(document, str) else document
    members(document, set(SNAPSHOT) | BESIDE, {"r2_object_key"}, "the snapshot")
    require(document["snapshot_version"] == "1", "snapshot_version")
    generated = whole(document["generated_at"], 0, "generated_at")
    iso = text_member(document, "generated_at_iso")
    require(TIME.fullmatch(iso) is not None and iso.endswith(".000Z"), "generated_at_iso")
    accepted = check_lists(document)
    keys = parse_jwks(jwks) if isinstance(jwks, str) else jwks
    require(set(accepted) <= {key.kid for key in keys}, "a key is accepted that the JWK set has not")
    text = snapshot_text(document)
    require(document["snapshot_hash_b64u"] == digest_of(text), "snapshot_hash_b64u")
    require(document["signer_kid"] == document["active_kid"], "signer_kid is not the active key's")
    require(document["snapshot_id"] == "kts_%d_%s" % (generated, document["active_kid"]), "snapshot_id")
    signer = next((key for key in keys if key.kid == document["signer_kid"]), None)
    require(signer is not None, "signed by a key that the JWK set has not")
    signer.verify(text.encode(), unb64u(document["signature_b64u"], "signature_b64u"), "signature_b64u")
    if at_seconds is not None:
        require(0 <= at_seconds - generated <= MOST_AGE, "too old, or from the future")
    return document


CONTRACT = [
    "contract_version", "key_algorithm", "active_kid", "accepted_kids", "signing_kids", "verify_only_kids", "overlap_seconds",
    "overlap_window_open", "expiring_kids", "revocation_stream_endpoint", "jwks_endpoint",
]  # fmt: skip


def check_contract(document, jwks):
    """Returns the rotation contract as a dict; raises Refused, also when the JWK set of that moment says something else."""
    document = parse(document) if isinstance(document, str) else document
    members(document, set(CONTRACT), (), "the contract")
    require(list(document) == CONTRACT, "the contract's members stand in another order")
    require(document["contract_version"] == "2", "contract_version")
    accepted = check_lists(document)
    keys = parse_jwks(jwks) if isinstance(jwks, str) else jwks
    require(accepted == jwks_kids(keys), "the JWK set has other keys, or another order")
    curve = {"EdDSA": "Ed25519", "ES256": "P-256"}
    require(document["key_algorithm"] == (curve[keys[0].jws_algorithm] if keys else ""), "key_algorithm")
    opened = document["overlap_seconds"] > 0 and len(accepted) > 1
    require(document["overlap_window_open"] is opened, "overlap_window_open")
    require(document["jwks_endpoint"] == "/v1/jwks", "jwks_endpoint")
    require(document["revocation_stream_endpoint"] == "", "a revocation stream that nobody serves")
    return document


# ---- .well-known/clawsig.json ---------------------------------------------------------------------------------------------


def check_well_known(document, jwks):
    """Returns the document as a dict; raises Refused. `jwks` is that of the receipt keys."""
    document = parse(document) if isinstance(document, str) else document
    members(document, {"version"}, {"supported_receipt_types", "public_keys"}, "the document")
    require(document["version"] == "1", "version")
    require(document.get("supported_receipt_types", ["gateway"]) == ["gateway"], "supported_receipt_types")
    dids = []
    for one in document.get("public_keys", []):
        members(one, {"kid", "did", "use"}, {"algorithm", "expires_at"}, "a public key")
        key = Key(one["did"])
        require(one["kid"] == key.kid, "kid of a public key")
        require(one["use"] == "receipt-signing", "use of a public key")
        said = "Ed25519" if key.algorithm == "Ed25519" else None
        require(one.get("algorithm") == said, "algorithm of a public key")
        require("expires_at" not in one or TIME.fullmatch(one["expires_at"]) is not None, "expires_at")
        dids.append(key.kid)
    require(dids == jwks_kids(jwks), "the JWK set has other keys, or another order")
    return document


# ---- the manifest of keys --------------------------------------------------------------------------------------------------

FAMILIES = ["gateway_receipt", "cst", "work_policy", "checkpoint"]
STATES = {"pending", "active", "verify_only", "retired", "destroyed", "compromised"}
KEY = {"version", "state", "algorithm", "kid", "jkt", "did", "custody", "assurance", "created"}
KEY_TIMES = {"active_since", "active_until", "not_after", "activate_at", "compromised_since"}


def check_key(one):
    members(one, KEY, KEY_TIMES | {"compromised_leaf", "proof"}, "a key")
    whole(one["version"], 1, "version")
    require(one["state"] in STATES, "state of a key")
    key = Key(one["did"])
    require(one["algorithm"] == {"Ed25519": "ed25519", "ES256": "p256"}[key.algorithm], "algorithm of a key")
    require(one["kid"] == key.kid, "kid of a key")
    require(one["jkt"] == thumbprint(key), "jkt of a key")
    require(one["assurance"] == "host-asserted", "assurance of a key")
    text_member(one, "custody")
    require(one["state"] != "destroyed" or one["custody"] == "none", "a destroyed key that something holds")
    for name in {"created"} | (KEY_TIMES & one.keys()):
        require(TIME.fullmatch(text_member(one, name)) is not None, name)
    if "compromised_leaf" in one:
        whole(one["compromised_leaf"], 0, "compromised_leaf")


def thumbprint(key):
    """RFC 7638, as jwcrypto works it out."""
    return jose.JWK.from_pyca(key.key).thumbprint()


def verify_manifest(text, digest=None):
    """Returns the manifest as a dict; raises Refused. `digest` is what the log has of it."""
    document = parse(text)
    members(document, {"v", "type", "origin", "time", "families"}, (), "the manifest")
    require(canonical(document) == text, "the manifest is not canonical")
    require(document["v"] == 1 and document["type"] == "clawsigner-key-manifest", "another kind of document")
    text_member(document, "origin")
    require(TIME.fullmatch(text_member(document, "time")) is not None, "time")
    names = []
    for family in document["families"]:
        members(family, {"family", "frozen", "keys"}, (), "a family")
        require(isinstance(family["frozen"], bool), "frozen")
        names.append(family["family"])
        for one in family["keys"]:
            check_key(one)
        versions = [one["version"] for one in family["keys"]]
        require(versions == sorted(set(versions)), "versions do not ascend")
        for state in ("active", "pending"):
            require(sum(one["state"] == state for one in family["keys"]) <= 1, "two keys are %s" % state)
    require(names == [name for name in FAMILIES if name in names], "the families stand in another order")
    require(digest is None or digest == digest_of(text), "the manifest has another digest")
    return document


def main(what, file, *rest):
    def read(path):
        with open(path, encoding="utf-8") as opened:
            return opened.read().strip()

    if what == "jwks":
        return " ".join(jwks_kids(read(file)))
    if what == "rotation":
        return " ".join(key.kid for key in verify_rotation(read(file)))
    if what == "snapshot":
        verify_snapshot(read(file), read(rest[0]), int(rest[1]) if rest[1:] else None)
    elif what == "contract":
        check_contract(read(file), read(rest[0]))
    elif what == "well-known":
        check_well_known(read(file), read(rest[0]))
    elif what == "manifest":
        verify_manifest(read(file), *rest)
        return digest_of(read(file))
    else:
        sys.exit(__doc__)
    return "valid"


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]))
    except Refused as refused:
        sys.exit("refused: %s" % refused)
