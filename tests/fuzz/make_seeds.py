#!/usr/bin/python3
"""Writes the first inputs of every fuzz target, made from the vectors: python3 tests/fuzz/make_seeds.py"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric import ed25519

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


def seed(target, content):
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def rows(name):
    text = (VECTORS / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.split("\n") if line]


def http(method, target, body="", headers=""):
    return "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (method, target, headers, len(body.encode()), body)


for row in rows("jcs_vectors.ndjson") + rows("json_own.ndjson"):
    seed("json", row["json"])
for text in ('{"a":1,"a":2}', "[" * 40, '"\\ud83d"', "1e400", "9007199254740993", '{"0":1}', "[1,]", "\"\xff\""):
    seed("json", text)

requests = [json.dumps(row["request"], separators=(",", ":")) for row in rows("receipt_own.json")]
for request in requests:
    seed("receipt_request", "0" + request)
    seed("receipt_request", "1" + request)
seed("json_array", '{"receipts":[%s]}' % ",".join(requests[:3]))
for text in ('{"receipts":[]}', ' { "receipts" : [ 1 , "a\\"]" , {"x":[]} ] } ', '{"receipts":[[1]', '{"receipts":["]}'):
    seed("json_array", text)

for row in rows("receipt_golden.json"):
    seed("receipt_verify", row["envelope_json"])
    seed("receipt_verify", json.dumps({"envelope": row["envelope"], "legacy": row["legacy"]}))

key = rows("key_golden.json")
ed = {"kty": "OKP", "crv": "Ed25519", "x": key["public_b64u"], "kid": key["kid"], "alg": "EdDSA", "use": "sig", "ext": True}
p256 = {"kty": "EC", "crv": "P-256", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU", "kid": "0000000000000000", "alg": "ES256"}  # fmt: skip
for keys in ([], [ed], [p256], [ed, p256]):
    seed("jwks", json.dumps({"keys": keys}))

own = rows("keys_own.json")
for row in own["rotations"]:
    seed("rotation_certificate", row["certificate"])
seed("rotation_certificate", own["rotations"][0]["signed_text"])
seed("rotation_certificate", own["rotations"][1]["in_another_layout"])
for row in own["histories"][1:4]:
    seed("key_manifest", row["manifest"])
seed("key_manifest", own["histories"][1]["snapshot"])
seed("key_manifest", json.dumps(json.loads(own["histories"][1]["snapshot"]), indent=2))

for text in (key["did_key"], "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv", key["public_b64u"], key["kid"], "Zg",
             "2026-01-01T00:00:00.123Z", "clawsigner/gateway_receipt/1", "11233QC4"):  # fmt: skip
    seed("encodings", text)

seed("config", '[server]\ndirectory = "run"\n[backends.main]\ntype = "pkcs11"\nmodule = "/m.so"\ntoken = "pkcs11:token=t"\n'
     'pin_file = "pin"\nenvironment = { A = "b" }\n[families.gateway_receipt]\nbackend = "main"\nalgorithm = "p256"\n'
     "[signing]\nverify_one_in = 3\n")  # fmt: skip
for text in ("[server", "a = 1\na = 2", "pkcs11:token=a%20b;serial=1", "pkcs11:slot-id=7", "[backends]\nmain = 1"):
    seed("config", text)

good = requests[0].replace('"timestamp":"2026-03-01T12:00:00.007Z"', '"timestamp":"2026-01-01T00:00:00.000Z"')
for text in (
    http("POST", "/v1/receipts", good) + http("GET", "/healthz"),
    http("POST", "/v1/receipts?legacy=1", good, "Expect: 100-continue\r\n"),
    http("POST", "/v1/receipts/batch", '{"receipts":[%s,{},%s]}' % (good, good)),
    "POST /v1/receipts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "GET /healthz HTTP/1.0\r\n\r\n",
    "GET /v1/jwks HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/did HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
):
    seed("connection", "0" + text)
for text in (http("GET", "/v1/keys"), http("GET", "/v1/status"), http("POST", "/v1/keys", '{"family":"gateway_receipt"}')):
    seed("connection", "1" + text)

HASH_OF_NOTHING = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
CHAIN = {"owner_did": "did:key:zO", "controller_did": "did:key:zC", "agent_did": "did:key:zAgent"}
EVERY_CLAIM = {
    "token_version": "1", "tier": "default", "sub": "did:key:zAgent", "aud": ["a", " b "], "scope": ["s", " t ", "egress:*.x.y", "😀"],
    "ttl_sec": 60, "owner_ref": " r ", **CHAIN, "policy_hash_b64u": HASH_OF_NOTHING, "control_plane_policy_hash_b64u": HASH_OF_NOTHING,
    "payment_account_did": "did:key:zP", "spend_cap": 1e21, "mission_id": "m", "delegation_id": "d", "delegator_did": "did:key:zO",
    "delegate_did": "did:key:zAgent", "delegation_policy_hash_b64u": HASH_OF_NOTHING, "delegation_spend_cap_minor": " 007 ",
    "delegation_expires_at": 1767229200.5, "token_lane": "canonical",
}  # fmt: skip
EXPECTED = {"sub": "a", "aud": "b", "scope": ["c"], "exp": 1767229200, "iat": 1, "token_scope_hash_b64u": HASH_OF_NOTHING}
for claims in (EVERY_CLAIM, EXPECTED):
    seed("token_request", json.dumps({"claims": claims}))
for row in json.loads((VECTORS / "cst_golden.json").read_text())["issuance"]:
    seed("token_request", json.dumps({"claims": row["request"]}))
    if row["status"] == 200:
        seed("token_verify", row["token"])
        answer = {name: row[name] for name in ("token", "kid", "token_hash", "token_scope_hash_b64u")}
        seed("token_verify", json.dumps({**answer, "claims": json.loads(row["claims_json"])}))


def ssh_string(value):
    return len(value).to_bytes(4, "big") + value


def armored(blob):
    return "-----BEGIN SSH SIGNATURE-----\n%s-----END SSH SIGNATURE-----\n" % base64.encodebytes(blob).decode()


signed = rows("sshsig/signatures.json")
for row in signed["accepted"] + signed["refused"]:
    seed("sshsig", row["key"])
    seed("sshsig", row["signature"])
ED25519 = signed["accepted"][0]["key"]
POINT = base64.b64decode(signed["accepted"][-1]["key"].split()[1])[-69:]
SK_ED25519, SK_ECDSA = b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"
DEVICES = {
    SK_ED25519: (ssh_string(base64.b64decode(ED25519.split()[1])[-32:]) + ssh_string(b"ssh:"), ssh_string(bytes(64))),
    SK_ECDSA: (ssh_string(b"nistp256") + POINT + ssh_string(b"ssh:"), ssh_string(ssh_string(b"\1") + ssh_string(b"\0\x80"))),
}
for kind, (rest, proof) in DEVICES.items():
    blob = ssh_string(kind) + rest
    seed("sshsig", blob)
    seed("sshsig", "%s %s" % (kind.decode(), base64.b64encode(blob).decode()))
    proof = ssh_string(kind) + proof + b"\1" + bytes(4)
    parts = (blob, b"clawsigner-approval", b"", b"sha512", proof)
    seed("sshsig", armored(b"SSHSIG\0\0\0\1" + b"".join(map(ssh_string, parts))))

ECDSA = signed["accepted"][-1]["key"]
for text in (
    "# operators\n\nalice@example.com %s her laptop\nbob %s\n" % (ED25519, ECDSA),
    'a namespaces="file,clawsigner-approval",valid-after="20260131Z",valid-before="202702031234Z" %s' % ED25519,
    'a valid-before="20270203123456Z"\t%s\n' % ECDSA,
    "a cert-authority %s\n" % ED25519,
    "*@example.com,a %s\n" % ED25519,
    "a %s\n" % signed["refused"][0]["key"],
    '{"operators":[{"key":"%s","namespaces":["clawsigner-approval"],"principal":"alice","valid_after":"2026-01-31T00:00:00.000Z"},'
    '{"key":"%s","principal":"bob","valid_before":"2027-01-31T00:00:00.000Z"}],"quorum":2,"v":1}' % (ED25519, ECDSA),
    '{"act":"keys.destroy","approvals":[{"at":"2026-03-01T12:00:01.000Z","fingerprint":"%s","principal":"alice"}],"arguments":'
    '{"family":"cst","version":3},"created":"2026-03-01T12:00:00.000Z","expires":"2026-03-01T13:00:00.000Z","id":"i","origin":"l.example/1",'
    '"requester":{"role":"admin","uid":1000},"v":1,"why":"its disk was sold"}' % signed["accepted"][0]["fingerprint"],
):
    seed("operators", text)


def number(value):
    return value.to_bytes(8, "little")


def text(value):
    return number(len(value)) + value


EMPTY_ERROR = number(12) + text(b"C_Sign: CKR_DEVICE_REMOVED") + text(b"id") + number(11) + number(0x32)
PUBLIC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
KEY = text(bytes(8)) + number(1) + number(7) + number(0) + text(PUBLIC_KEY) + number(1) * 6
for packet in (
    number(0) + text(b"/m.so") + number(1) + text(b"t") + number(0) * 3 + number(1) + number(4) + text(b"/pin") + number(8),
    number(1) + number(0),
    number(1) + number(1) + EMPTY_ERROR,
    number(2) + number(0) + number(1) + number(1),
    number(3) + text(b"00ff"),
    number(4) + number(1) + text(bytes(8)) + number(250) + text(b"message"),
    number(4) + number(2) + (text(bytes(8)) + number(9) + text(b"m")) * 2,
    number(1) + number(1) + EMPTY_ERROR,
    number(2) + text(b"device") + number(1) + KEY + number(1) + text(b"00") + text(b"label") + EMPTY_ERROR,
    number(3) + KEY + number(0) * 2,
    number(4) + number(0) * 2,
    number(5) + text(bytes(64)),
    number(6) + EMPTY_ERROR,
):
    seed("host_protocol", packet)

# RFC 8032, section 7.1, test 1, signs a checkpoint of a log with one empty entry.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
LEAF = base64.b64encode(hashlib.sha256(b"\0").digest()).decode()
CHECKPOINT = "log.example.com/1\n1\n" + LEAF + "\n\n— log.example.com/1 xy0ps3PDgmpLfcBfKQZI9OQybMkndIXx/EytjVV41D9l5z+a+UelhPlAZVlc2U9THayM4HnYnn3vR2/vzj+If1Vgww0=\n"
for text_of in (PETER, PETERS_NOTE, CHECKPOINT, CHECKPOINT + "— witness.example AAAAAAA=\n", CHECKPOINT.replace("\n1\n", "\n01\n")):
    seed("checkpoint", text_of)
for lines in ("index 0\n", "index 5\n" + (LEAF + "\n") * 3, "extra AQID\nindex 0\n", "index 00\n", "index 0\n" + LEAF[4:] + "\n"):
    seed("tlog_proof", "c2sp.org/tlog-proof@v1\n" + lines + "\n" + CHECKPOINT)
for content in ("tile/0/000", "tile/1/x001/x234/067.p/8", "tile/entries/x001/000.p/255", "tile/63/x018/x446/x744/x073/x709/x551/615",
                bytes([1]) + bytes(64), b"\x01\0\0\0\3one", b"\0\xff\xffx"):  # fmt: skip
    seed("tile", content)

# RFC 8032, section 7.1, test 1, as an identity provider and as somebody who signs contracts.
GOLDEN = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
GOLDEN_DID = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


def b64u(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def id_token(header, **changes):
    claims = {"iss": "https://acme.okta.com", "sub": "00u1alice", "aud": "clawsigner", "iat": 1767225590, "exp": 1767229190,
              "groups": ["platform-engineers"]}  # fmt: skip
    text = b64u(compact(header)) + "." + b64u(compact({**claims, **changes}))
    return text + "." + b64u(GOLDEN.sign(text.encode()))


EDDSA = {"alg": "EdDSA", "kid": "k"}
for token in (id_token(EDDSA), id_token({**EDDSA, "typ": "JWT"}), id_token(EDDSA, jti="ID.1", nonce="n", nbf=1767225590, azp="clawsigner"),
              id_token(EDDSA, aud=["clawsigner", "x"], azp="clawsigner", groups=[]), id_token({"alg": "none", "kid": "k"}),
              id_token({**EDDSA, "crit": ["b64"]}), id_token(EDDSA, exp=1), id_token(EDDSA, groups="x")):  # fmt: skip
    seed("id_token", token)
issued = rows("id_tokens.json")
for row in issued["jwks"][:8] + issued["jwks"][10:14]:
    seed("id_token", compact(row["jwks"]))
for trust in issued["trusts"].values():
    seed("id_token", compact(trust))

CONTRACT = {"issuer_did": "did:key:zOwner", "policy_id": "signed", "policy_version": "1"}
for row in rows("wpc_vectors.ndjson"):
    seed("work_policy", compact(row["wpc"]))
every_term = {
    **CONTRACT, "allowed_providers": ["openai"], "allowed_models": ["gpt-*"], "minimum_model_identity_tier": "closed_opaque",
    "required_audit_packs": ["AAAAAAAA"], "redaction_rules": [{"path": "$.a", "action": "mask"}], "receipt_privacy_mode": "hash_only",
    "egress_allowlist": ["*.okta.com"], "metadata": {"tool_allowlist": ["okta.users.read"], "change_window_utc": "Mon-Fri 09:00-17:00",
    "write_requires_approval": True, "runtime": {"sandbox_mode": "all"}, "version": "v3", "free": [None, {"0": 1e21}]},
}  # fmt: skip
seed("work_policy", compact(every_term))
digest = b64u(hashlib.sha256(compact(CONTRACT).encode()).digest())
envelope = {
    "envelope_version": "1", "envelope_type": "work_policy_contract", "payload": CONTRACT, "payload_hash_b64u": digest,
    "hash_algorithm": "SHA-256", "signature_b64u": b64u(GOLDEN.sign(digest.encode())), "algorithm": "Ed25519", "signer_did": GOLDEN_DID,
    "issued_at": "2026-01-01T00:00:00.000Z",
}  # fmt: skip
seed("work_policy", compact(envelope))
seed("work_policy", compact({**envelope, "payload": {**CONTRACT, "policy_id": "forged"}}))
for window in ("09:00-17:00", "22:00-06:00", "Mon,Wed-Fri 08:00-12:00, Sun 13:00-24:00", "25:00-99:00", "00:00-24:00"):
    seed("work_policy", window)

decisions = json.loads((HERE.parent / "policy" / "decisions.json").read_text().replace('"@', '"').replace('"deploy"', '"%s"' % HASH_OF_NOTHING))
for number in (0, 3, -1, -4):
    entry = {**decisions["mapping"]["scope_mappings"][number]}
    if "policy_pin" in entry:
        entry["policy_pin"] = {"policy_hash_b64u": HASH_OF_NOTHING, "policy_version": "v"}
    entry.get("claims", {}).pop("control_plane_policy_hash_b64u", None)
    seed("scope_mapping", compact({"scope_mappings": [entry]}))
seed("scope_mapping", compact({"scope_mappings": decisions["mapping"]["scope_mappings"][-4:]}))
for ask in [row["ask"] for row in decisions["tokens"] if "ask" in row][::9]:
    seed("scope_mapping", compact({"id_token": "a.b.c", "request": {**decisions["usual"]["ask"], **ask}}))
    seed("scope_mapping", compact({"cst": "a.b.c", "request": ask}))
seed("scope_mapping", compact({"cst": "a.b.c", "provider": "openai", "model": "gpt-4o", "tool": "okta.users.read", "host": "a.okta.com"}))
