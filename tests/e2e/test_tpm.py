"""Keys in a TPM: made, used, verified by others, bound to a boot state, and whatever a TPM does to them."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time
import unittest

import tpms  # first: it knows where the oracle is
import memory
import receipt_oracle
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from harness import cli, request, wait_until

STATE_AFTER = b"\x11" * 32


def b64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_files(daemon, family):
    (pem,) = (daemon.directory / "state" / "chip.tpm").glob(f"{family}.*.pem")
    return pem, pem.with_suffix(".auth")


def public_key(daemon, family):
    """As the appliance publishes it."""
    (jwk,) = request(daemon.issuer if family == "cst" else daemon.proxy, "GET", "/v1/jwks").json["keys"]
    numbers = (int.from_bytes(b64u(jwk[name]), "big") for name in "xy")
    return ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()


def family_status(daemon, family):
    (found,) = (one for one in request(daemon.admin, "GET", "/v1/status").json["families"] if one["family"] == family)
    return found


class Native(unittest.TestCase):
    def test_a_receipt_of_a_key_in_the_tpm_is_verified_by_others(self):
        with tpms.daemon_on_tpm() as (daemon, _):
            answer = daemon.sign()
            self.assertEqual(answer.status, 200, answer.text)
            envelope = answer.json["envelope"]
            signature = b64u(envelope["signature_b64u"])
            der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            key = public_key(daemon, "gateway_receipt")
            signed = envelope["payload_hash_b64u"].encode()
            key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
            with self.assertRaises(InvalidSignature):
                key.verify(der, signed + b"x", ec.ECDSA(hashes.SHA256()))
            pem, sig, data = (daemon.directory / name for name in ("k.pem", "sig", "data"))
            pem.write_bytes(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
            sig.write_bytes(der)
            data.write_bytes(signed)
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", pem, "-signature", sig, data], capture_output=True, text=True, check=False)
            self.assertEqual(done.stdout, "Verified OK\n")

    def test_families_mix_stores_and_tpm2_openssl_signs_with_the_key_file(self):
        with tpms.daemon_with_both() as (daemon, tpm):
            self.assertEqual(daemon.sign().status, 200)
            self.assertEqual(family_status(daemon, "gateway_receipt")["backend"], "main")
            self.assertEqual(family_status(daemon, "cst")["backend"], "chip")
            self.assertEqual(daemon.issue({"sub": "a", "aud": "b", "scope": ["c"], "ttl_sec": 60}).status, 200)
            key = public_key(daemon, "cst")
            pem, auth = key_files(daemon, "cst")
            daemon.stop()
            data, signature = daemon.directory / "data", daemon.directory / "sig"
            data.write_bytes(b"somebody else's message")
            tpm.tool("openssl", "pkeyutl", "-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2", "-sign", "-rawin",
                     "-digest", "sha256", "-inkey", pem, "-passin", f"file:{auth}", "-in", data, "-out", signature)  # fmt: skip
            key.verify(signature.read_bytes(), data.read_bytes(), ec.ECDSA(hashes.SHA256()))

    def test_tpm2_tools_agree_on_attributes_and_name(self):
        with tpms.daemon_on_tpm() as (daemon, tpm):
            pem, auth = key_files(daemon, "gateway_receipt")
            daemon.stop()
            public, private, context = (daemon.directory / name for name in ("pub", "priv", "ctx"))
            areas = der_octets(pem)
            public.write_bytes(areas[0])
            private.write_bytes(areas[1])
            tpm.tool("tpm2_load", "-Q", "-C", "0x81000001", "-u", public, "-r", private, "-c", context)
            said = tpm.tool("tpm2_readpublic", "-c", context).decode()
            self.assertIn("value: fixedtpm|fixedparent|sensitivedataorigin|noda|sign\n", said)
            self.assertIn("name: 000b" + hashlib.sha256(areas[0][2:]).hexdigest(), said)
            self.assertEqual(len(auth.read_bytes()), 32)

    def test_a_token_is_issued_with_a_key_in_the_tpm(self):
        with tpms.daemon_on_tpm() as (daemon, _):
            claims = {"sub": "did:key:z6MkAgent", "aud": "clawproxy.com", "scope": ["proxy:call"], "ttl_sec": 900}
            answer = daemon.issue(claims)
            self.assertEqual(answer.status, 200, answer.text)
            keys, token = daemon.directory / "keys.json", daemon.directory / "token.json"
            keys.write_text(request(daemon.issuer, "GET", "/v1/jwks").text)
            token.write_text(answer.text)
            done = cli("verify", "token", token, "--keys", keys)
            self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (0, "token: valid"))


def der_octets(pem):
    """The two octet strings of a TSS2 PRIVATE KEY, read by somebody else."""
    said = subprocess.run(["openssl", "asn1parse", "-in", pem], capture_output=True, text=True, check=True).stdout
    return [bytes.fromhex(line.split(":")[-1]) for line in said.splitlines() if "OCTET STRING" in line]


class Boot(unittest.TestCase):
    def test_after_a_change_of_the_pcrs_a_bound_key_refuses_at_once_and_a_sealed_one_at_the_next_start(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, tpm):
            tpm.extend(7)
            refused = daemon.issue({"sub": "a", "aud": "b", "scope": ["c"], "ttl_sec": 60})
            self.assertEqual((refused.status, refused.code), (503, "BOOT_NOT_APPROVED"))
            self.assertEqual(daemon.sign().status, 200)
            daemon.stop()
            daemon.start()
            wait_until(lambda: tpms.backend_of(daemon)["state"] == "ready", "the TPM to be open")
            wait_until(lambda: family_status(daemon, "gateway_receipt").get("reasons", [{}])[0].get("code") == "BOOT_NOT_APPROVED",
                       "the sealed key to be refused by name")  # fmt: skip
            refused = daemon.sign()
            self.assertEqual((refused.status, refused.code), (503, "BOOT_NOT_APPROVED"))

    def test_a_state_that_was_approved_beforehand_is_as_good(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, tpm):
            # What the PCRs will be is found out on another TPM.
            other = daemon.directory / "other"
            other.mkdir()
            twin = tpms.Swtpm(other)
            try:
                twin.extend(7, STATE_AFTER)
                state = twin.state(0, 7)
            finally:
                twin.kill()
            filed = cli("tpm", "approve-pcrs", "chip", state, "--why", "the new kernel", "--json", "--socket", daemon.admin)
            self.assertEqual(filed.returncode, 0, filed.stderr + filed.stdout)
            waiting = json.loads(filed.stdout)["request"]["id"]
            tpm.extend(0, STATE_AFTER)  # not the state that waits
            bad = daemon.issue({"sub": "a", "aud": "b", "scope": ["c"], "ttl_sec": 60})
            self.assertEqual(bad.code, "BOOT_NOT_APPROVED")
            tpm.kill()
            tpm.start()  # the PCRs begin anew
            wait_until(lambda: daemon.sign().status == 200, "the TPM to be used again")
            done = cli("approvals", "approve", waiting, "--key", daemon.directory / "operator", "--yes", "--socket", daemon.admin)
            self.assertEqual(done.returncode, 0, done.stderr)
            tpm.extend(7, STATE_AFTER)
            self.assertEqual(tpm.state(0, 7), state)
            # The first call finds that the TPM was reset meanwhile.
            claims = {"sub": "a", "aud": "b", "scope": ["c"], "ttl_sec": 60}
            wait_until(lambda: daemon.issue(claims).status == 200, "the approved state to serve")
            daemon.stop()
            daemon.start()
            daemon.wait_ready()
            self.assertEqual(daemon.sign().status, 200)


class Sealed(unittest.TestCase):
    def test_its_envelopes_pass_the_oracle_and_it_is_published_as_host_asserted(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, _):
            answer = daemon.sign()
            keys = daemon.directory / "jwks.json"
            keys.write_text(json.dumps(daemon.jwks()))
            receipt = daemon.directory / "receipt.json"
            receipt.write_text(answer.text)
            receipt_oracle.verify(answer.text, daemon.did())
            self.assertEqual(cli("verify", "receipt", receipt, "--keys", keys).returncode, 0)
            wait_until(lambda: request(daemon.proxy, "GET", "/v1/keys/manifest").status == 200, "the manifest")
            families = request(daemon.proxy, "GET", "/v1/keys/manifest").json["manifest"]["families"]
            said = {family["family"]: (family["keys"][0]["custody"], family["keys"][0]["assurance"]) for family in families}
            self.assertEqual(said["gateway_receipt"], ("tpm-sealed", "host-asserted"))
            self.assertEqual(said["cst"], ("tpm", "host-asserted"))

    def test_the_daemons_own_user_cannot_look_into_it(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, _):
            daemon.stop()
            daemon.start(preexec_fn=memory.without_capabilities)
            daemon.wait_ready()
            with subprocess.Popen(["sleep", "60"], preexec_fn=memory.without_capabilities) as another:
                try:
                    self.assertEqual(memory.attach(another.pid), ["attached", "opened"])
                    self.assertEqual(memory.attach(daemon.process.pid), ["Operation not permitted", "Permission denied"])
                finally:
                    another.kill()

    @unittest.skipUnless(os.getuid() == 0, "only root can look into the daemon")
    def test_its_seed_is_in_locked_memory_and_in_nothing_that_a_dump_would_hold(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, _):
            daemon.stop()
            daemon.start()  # which unseals it
            daemon.wait_ready()
            self.assertEqual(daemon.sign().status, 200)
            regions = memory.regions(daemon.process.pid)
            self.assertEqual([region for region in regions if region.is_locked and not region.is_left_out_of_dumps], [])
            locked = [region.read() for region in regions if region.is_locked]
            seed = memory.seed_in(locked, b64u(daemon.jwks()["keys"][0]["x"]))
            self.assertIsNotNone(seed, "the seed is looked for where it should be")
            for region in regions:
                if not region.is_left_out_of_dumps:
                    self.assertNotIn(seed, region.read(), region)

    @unittest.skipUnless(os.getuid() == 0, "only root can ask for a dump in spite of the limit")
    def test_even_a_forced_core_is_not_written(self):
        with tpms.daemon_on_tpm(tpms.SEALED) as (daemon, _):
            process = pathlib.Path(f"/proc/{daemon.process.pid}")
            self.assertEqual(int((process / "coredump_filter").read_text(), 16), 0)
            self.assertRegex((process / "limits").read_text(), r"Max core file size +0 +0 ")
            with contextlib.suppress(PermissionError):  # not every root may
                resource.prlimit(daemon.process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            (process / "coredump_filter").write_text("0xff")
            daemon.process.send_signal(signal.SIGABRT)
            _, status = os.waitpid(daemon.process.pid, 0)
            self.assertEqual((os.WTERMSIG(status), os.WCOREDUMP(status)), (signal.SIGABRT, False))
            daemon.process.returncode = -signal.SIGABRT


class Trouble(unittest.TestCase):
    def test_a_tpm_killed_and_started_again_under_load_is_used_again_within_five_seconds(self):
        with tpms.daemon_on_tpm() as (daemon, tpm):
            stop, wrong, good = threading.Event(), [], []
            key = public_key(daemon, "gateway_receipt")

            def load():
                while not stop.is_set():
                    answer = daemon.sign()
                    if answer.status == 200:
                        envelope = answer.json["envelope"]
                        signature = b64u(envelope["signature_b64u"])
                        der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
                        try:
                            key.verify(der, envelope["payload_hash_b64u"].encode(), ec.ECDSA(hashes.SHA256()))
                            good.append(time.monotonic())
                        except InvalidSignature:
                            wrong.append(answer.text)

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(3):
                    before = len(good)
                    wait_until(lambda: len(good) > before + 20, "load")  # noqa: B023
                    tpm.kill()
                    tpm.start()
                    started = time.monotonic()
                    wait_until(lambda: good and good[-1] > started, "service to resume")  # noqa: B023
                    self.assertLess(time.monotonic() - started, 5)
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(wrong, [])

    def test_a_daemon_without_its_tpm_says_so_and_does_not_end(self):
        with tpms.daemon_on_tpm() as (daemon, tpm):
            tpm.kill()
            self.assertEqual((daemon.sign().status, daemon.sign().code), (503, "HSM_DOWN"))
            wait_until(lambda: tpms.backend_of(daemon)["state"] == "absent", "the loss to be noticed")
            self.assertIsNone(daemon.process.poll())
            os.kill(daemon.process.pid, signal.SIGTERM)
            self.assertEqual(daemon.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
