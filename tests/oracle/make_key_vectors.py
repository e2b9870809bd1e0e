"""Writes the vectors of what is published of keys: an independent reading of the contract, by another language and library.

    python3 tests/oracle/make_key_vectors.py tests/vectors
"""

import json
import pathlib
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from keys_oracle import (
    canonical, check_contract, check_well_known, digest_of, parse_jwks, rotation_text, snapshot_text, thumbprint, verify_manifest,
    verify_rotation, verify_snapshot,
)  # fmt: skip
from receipt_oracle import Key, b64u, js_text

# RFC 8032, section 7.1, tests 1 to 3.
SEEDS = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
]
P256 = "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"  # of the did:key specification
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def did_of(seed):
    public = private(seed).public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    number, text = int.from_bytes(b"\xed\x01" + public, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "did:key:z" + text


def private(seed):
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def sign(seed, text):
    return b64u(private(seed).sign(text.encode()))


DIDS = [did_of(seed) for seed in SEEDS]

# ---- rotations -----------------------------------------------------------------------------------------------------------


def rotation(name, old, new, fields):
    document = {"rotation_version": "1", "old_did": DIDS[old], "new_did": DIDS[new], **fields}
    text = rotation_text(document)
    document["signature_old_b64u"] = sign(SEEDS[old], text)
    document["signature_new_b64u"] = sign(SEEDS[new], text)
    verify_rotation(document)
    return {
        "name": name, "old_seed": SEEDS[old], "new_seed": SEEDS[new], **fields, "signed_text": text,
        "certificate": canonical(document), "in_another_layout": json.dumps(document, indent=2),
    }  # fmt: skip


PLAIN = {"rotation_id": "rot_1", "issued_at": "2026-03-01T12:00:00.007Z", "reason": "operator_rotation"}
ROTATIONS = [
    rotation("plain", 0, 1, PLAIN),
    rotation("with metadata", 1, 2, {**PLAIN, "metadata": {"z": 1.5, "a": [1e21, None, True], "\u00e9": {"10": 1, "9": 2}, "A": "\u2028\\"}}),
    rotation("empty metadata, a text that needs escapes", 2, 0, {**PLAIN, "reason": 'why "so"\n\u0001 \U0001f600', "metadata": {}}),
    rotation("seconds only, as others write the time", 0, 2, {**PLAIN, "issued_at": "2026-02-07T00:00:00Z"}),
]

# ---- histories -----------------------------------------------------------------------------------------------------------

DAY = "2026-03-0%dT12:00:00.%03dZ"
NOW = DAY % (4, 500)
NOW_SECONDS = 1772625600
OVERLAP = 3600


def record(family, version, state, did, fields):
    return {"family": family, "version": version, "state": state, "did": did, "created": DAY % (1, version), **fields}


def stored(**fields):
    return {"id": "00000000000000a1", **fields}


PENDING = stored(activate_at=DAY % (5, 0), overlap_seconds=7200)
HISTORIES = {
    "one key": [("active", DIDS[0], stored(active_since=DAY % (1, 1)))],
    "a rotation under way": [
        ("retired", DIDS[2], stored(active_since=DAY % (1, 1), active_until=DAY % (2, 0), not_after=DAY % (3, 0))),
        ("verify_only", DIDS[1], stored(active_since=DAY % (2, 0), active_until=DAY % (4, 0), not_after=DAY % (5, 999))),
        ("active", DIDS[0], stored(active_since=DAY % (4, 0))),
        ("pending", P256, PENDING),
    ],
    "keys that end, and one adopted": [
        ("verify_only", P256, {"not_after": DAY % (6, 0)}),
        ("verify_only", DIDS[2], stored(not_after=DAY % (4, 499))),  # over since a millisecond
        ("verify_only", DIDS[1], stored(not_after=DAY % (4, 500))),  # its last millisecond
        ("active", DIDS[0], stored()),
    ],
    "none active": [
        ("compromised", DIDS[2], stored(compromised_since=DAY % (2, 0), compromised_leaf=12)),
        ("destroyed", DIDS[1], stored(proof="gone")),
        ("pending", DIDS[0], stored()),
    ],
    "a P-256 key": [("active", P256, stored())],
    "nothing published": [("compromised", DIDS[0], stored(compromised_since=DAY % (2, 0)))],
    "no key at all": [],
}


def seconds_of(time):
    """Of the times above."""
    return NOW_SECONDS + (int(time[9]) - int(NOW[9])) * 86400


def published(records):
    by_state = {state: [one for one in records if one["state"] == state] for state in ("active", "pending", "verify_only")}
    lasting = [one for one in by_state["verify_only"] if NOW <= one.get("not_after", NOW)]
    return by_state["active"] + by_state["pending"] + lasting[::-1]


def jwk_of(did):
    key = Key(did)
    if key.algorithm == "Ed25519":
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u(key.raw), "kid": key.kid, "alg": "EdDSA", "use": "sig", "ext": True}
    point = key.key.public_numbers()
    half = [b64u(number.to_bytes(32, "big")) for number in (point.x, point.y)]
    return {"kty": "EC", "crv": "P-256", "x": half[0], "y": half[1], "kid": key.kid, "alg": "ES256", "use": "sig", "ext": True}


def lists_of(keys):
    kid = {one["did"]: Key(one["did"]).kid for one in keys}
    return {
        "active_kid": next((kid[one["did"]] for one in keys if one["state"] == "active"), ""),
        "accepted_kids": [kid[one["did"]] for one in keys],
        "signing_kids": [kid[one["did"]] for one in keys if one["state"] != "verify_only"],
        "verify_only_kids": [kid[one["did"]] for one in keys if one["state"] == "verify_only"],
        "expiring_kids": [
            {"kid": kid[one["did"]], "not_after_unix": seconds_of(one["not_after"])} for one in keys if "not_after" in one
        ],
        "overlap_seconds": OVERLAP,
    }


def contract_of(keys):
    lists = lists_of(keys)
    curve = jwk_of(keys[0]["did"])["crv"] if keys else ""
    head = {"contract_version": "2", "key_algorithm": curve}
    for name in ("active_kid", "accepted_kids", "signing_kids", "verify_only_kids", "overlap_seconds"):
        head[name] = lists[name]
    head["overlap_window_open"] = len(keys) > 1
    return {**head, "expiring_kids": lists["expiring_kids"], "revocation_stream_endpoint": "", "jwks_endpoint": "/v1/jwks"}


def snapshot_of(keys):
    """Of a history whose active key is the first seed's."""
    iso = NOW[:19] + ".000Z"
    document = {"snapshot_version": "1", "generated_at": NOW_SECONDS, "generated_at_iso": iso, **lists_of(keys)}
    text = snapshot_text(document)
    kid = document["active_kid"]
    return text, {
        **document, "snapshot_id": "kts_%d_%s" % (NOW_SECONDS, kid), "snapshot_hash_b64u": digest_of(text), "signer_kid": kid,
        "signature_b64u": sign(SEEDS[0], text),
    }  # fmt: skip


def well_known_of(keys):
    listed = []
    for one in keys:
        key = Key(one["did"])
        said = {"kid": key.kid, "did": one["did"]}
        if key.algorithm == "Ed25519":
            said["algorithm"] = "Ed25519"
        said["use"] = "receipt-signing"
        if "not_after" in one:
            said["expires_at"] = one["not_after"]
        listed.append(said)
    return {"version": "1", "supported_receipt_types": ["gateway"], "public_keys": listed}


def manifest_of(family, frozen, records):
    keys = []
    for one in records:
        key = Key(one["did"])
        held = "id" in one and one["state"] != "destroyed"
        said = {name: value for name, value in one.items() if name not in ("family", "id", "overlap_seconds")}
        said.update(algorithm={"Ed25519": "ed25519", "ES256": "p256"}[key.algorithm], kid=key.kid, jkt=thumbprint(key))
        said.update(custody="pkcs11" if held else "none", assurance="host-asserted")
        keys.append(said)
    families = [{"family": family, "frozen": frozen, "keys": keys}]
    return {"v": 1, "type": "clawsigner-key-manifest", "origin": "log.example.com/1", "time": NOW, "families": families}


def history(name, versions):
    family = "gateway_receipt"
    frozen = name == "none active"
    records = [record(family, number, *version) for number, version in enumerate(versions, 1)]
    keys = published(records)
    jwks = js_text({"keys": [jwk_of(one["did"]) for one in keys]})
    contract, well_known = js_text(contract_of(keys)), js_text(well_known_of(keys))
    manifest = canonical(manifest_of(family, frozen, records))
    read = parse_jwks(jwks)
    check_contract(contract, read)
    check_well_known(well_known, read)
    verify_manifest(manifest)
    row = {
        "name": name, "family": family, "frozen": frozen, "records": [canonical(one) for one in records], "now": NOW,
        "overlap_seconds": OVERLAP, "jwks": jwks, "contract": contract, "well_known": well_known, "manifest": manifest,
        "manifest_digest": digest_of(manifest), "jkts": [key.jkt for key in read],
    }  # fmt: skip
    if any(one["state"] == "active" and one["did"] == DIDS[0] for one in keys):
        row["snapshot_text"], snapshot = snapshot_of(keys)
        verify_snapshot(snapshot, read, NOW_SECONDS + 1)
        row["snapshot"] = js_text(snapshot)
    return row


def main(folder):
    vectors = {"rotations": ROTATIONS, "histories": [history(*item) for item in HISTORIES.items()]}
    text = json.dumps(vectors, indent=1, ensure_ascii=False)
    (pathlib.Path(folder) / "keys_own.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
