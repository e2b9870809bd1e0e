#!/usr/bin/python3
"""Writes signatures.json with OpenSSH's ssh-keygen and keys of the moment: python3 tests/vectors/sshsig/make.py"""

import base64
import json
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NAMESPACE = "clawsigner-approval"
MESSAGE = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
HALF_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2


def keygen(*arguments, message=None):
    done = subprocess.run(["ssh-keygen", *map(str, arguments)], input=message, capture_output=True, check=True, text=True)
    return done.stdout


def fields(blob):
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        yield blob[4:end]
        blob = blob[end:]


def has_high_s(armored):
    blob = base64.b64decode("".join(armored.split("\n")[1:-2]))
    *_, signature = fields(blob[10:])
    _, inner = fields(signature)
    _, s = fields(inner)
    return int.from_bytes(s, "big") > HALF_ORDER


class Key:
    def __init__(self, folder, name, *kind):
        self.path = folder / name
        keygen("-q", "-t", *kind, "-N", "", "-C", "", "-f", self.path)
        self.public = " ".join(self.path.with_suffix(".pub").read_text().split()[:2])
        self.fingerprint = keygen("-l", "-f", self.path).split()[1]

    def sign(self, name, namespace=NAMESPACE, hashed="sha512", message=MESSAGE, path=None):
        armored = keygen("-Y", "sign", "-q", "-f", path or self.path, "-n", namespace, "-O", "hashalg=" + hashed, message=message)
        return {"name": name, "key": self.public, "fingerprint": self.fingerprint, "namespace": namespace, "hash": hashed,
                "message": message, "signature": armored}  # fmt: skip


def accepted(folder):
    ed25519, ecdsa = Key(folder, "ed25519", "ed25519"), Key(folder, "ecdsa", "ecdsa", "-b", "256")
    yield ed25519.sign("ed25519")
    yield ed25519.sign("ed25519 with sha256", hashed="sha256")
    yield ed25519.sign("ed25519 over nothing", message="")
    yield ed25519.sign("ed25519 in another namespace", namespace="file")
    yield ecdsa.sign("ecdsa with sha256", hashed="sha256")
    for name, high in (("ecdsa with the smaller s", False), ("ecdsa with the larger s", True)):
        row = ecdsa.sign(name)
        while has_high_s(row["signature"]) != high:
            row = ecdsa.sign(name)
        yield row


def refused(folder):
    yield Key(folder, "rsa", "rsa", "-b", "2048").sign("ssh-rsa")
    yield Key(folder, "p384", "ecdsa", "-b", "384").sign("ecdsa-sha2-nistp384")
    authority, person = Key(folder, "authority", "ed25519"), Key(folder, "person", "ed25519")
    keygen("-q", "-s", authority.path, "-I", "id", "-n", "alice", person.path.with_suffix(".pub"))
    # Signing with the certificate needs the agent; its text is refused where the key is read.
    certificate = " ".join((folder / "person-cert.pub").read_text().split()[:2])
    yield {"name": "SSH certificate", "key": certificate, "signature": ""}


with tempfile.TemporaryDirectory() as folder:
    rows = {"accepted": list(accepted(pathlib.Path(folder))), "refused": list(refused(pathlib.Path(folder)))}
(HERE / "signatures.json").write_text(json.dumps(rows, indent=1) + "\n")
