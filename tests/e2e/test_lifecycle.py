"""The daemon from its first start to its last: without a token, without a key, with a token that comes and goes, and its end."""

import json
import shutil
import socket
import subprocess
import threading
import time
import unittest

from harness import BIN, RECEIPT, Daemon, UnixConnection, cli, request, wait_until

import receipt_oracle


def backend_state(daemon):
    return request(daemon.admin, "GET", "/v1/status").json["backends"][0]["state"]


class Starting(unittest.TestCase):
    def test_without_a_token_it_answers_hsm_down_and_recovers_when_the_token_comes(self):
        with Daemon.fresh(start=False) as daemon:
            tokens, away = daemon.directory / "tokens", daemon.directory / "away"
            tokens.rename(away)
            tokens.mkdir()
            daemon.start()
            reply = daemon.sign()
            self.assertEqual((reply.status, reply.code), (503, "HSM_DOWN"))
            self.assertNotIn(str(daemon.directory), reply.text)
            self.assertEqual(request(daemon.proxy, "GET", "/healthz").status, 200)
            ready = request(daemon.proxy, "GET", "/readyz")
            self.assertEqual((ready.status, ready.json["ready"]), (503, False))
            self.assertEqual(ready.json["reasons"][0]["code"], "HSM_DOWN")
            self.assertEqual(request(daemon.proxy, "GET", "/v1/jwks").code, "HSM_DOWN")
            self.assertEqual(backend_state(daemon), "absent")
            tokens.rmdir()
            away.rename(tokens)
            daemon.wait_ready()
            receipt_oracle.verify(daemon.sign().text, daemon.did())

    def test_without_a_module_it_starts_and_says_what_is_missing(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config("/usr/lib/softhsm/libsofthsm2.so", "/nowhere/libhsm.so")
            daemon.start()
            self.assertEqual(daemon.sign().code, "HSM_DOWN")
            wait_until(lambda: backend_state(daemon) != "opening", "the end of the first opening, which is in a child")
            status = cli("status", "--socket", daemon.admin)
            self.assertEqual(status.returncode, 0)
            self.assertIn("NOT READY", status.stdout)
            self.assertIn("/nowhere/libhsm.so", status.stdout)

    def test_with_an_empty_token_a_key_is_made_over_the_admin_socket(self):
        with Daemon.fresh(start=False) as daemon:
            shutil.rmtree(daemon.directory / "tokens")
            (daemon.directory / "tokens").mkdir()
            daemon.bring_token()
            daemon.start()
            wait_until(lambda: backend_state(daemon) == "ready", "the token")
            self.assertEqual(daemon.sign().code, "KEY_MISSING")
            self.assertFalse(daemon.answers("/readyz"))
            made = cli("keys", "create", "gateway_receipt", "--algorithm", "p256", "--json", "--socket", daemon.admin)
            self.assertEqual(made.returncode, 0, made.stderr)
            key = json.loads(made.stdout)["key"]
            self.assertTrue(key["signing"])
            self.assertEqual(key["attributes"]["never_extractable"], True)
            daemon.wait_ready()
            receipt_oracle.verify(daemon.sign().text, key["did"])
            again = cli("keys", "create", "gateway_receipt", "--socket", daemon.admin)
            self.assertEqual(again.returncode, 1)
            self.assertIn("KEY_EXISTS", again.stderr)

    def test_halves_of_keys_are_named_and_discarded_and_the_key_can_be_made(self):
        with Daemon.fresh(start=False) as daemon:
            shutil.rmtree(daemon.directory / "tokens")
            (daemon.directory / "tokens").mkdir()
            daemon.bring_token()
            for label, number, lost in (("cst/1", "0102030405060708", "privkey"), ("gateway_receipt/1", "1112131415161718", "pubkey")):
                daemon.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "clawsigner/" + label, "--id", number)
                daemon.pkcs11_tool("--delete-object", "--type", lost, "--id", number)
            (token,) = (daemon.directory / "tokens").iterdir()
            (token / "0a1b2c3d-0000-0000-0000-000000000000.object").touch()  # what SoftHSM leaves when it is killed
            daemon.start()
            wait_until(lambda: backend_state(daemon) == "ready", "the token")
            listed = cli("keys", "list", "--socket", daemon.admin).stdout
            self.assertIn("unusable: 0102030405060708 (clawsigner/cst/1): its private half is missing", listed)
            self.assertIn("unusable: 1112131415161718 (clawsigner/gateway_receipt/1): its public half is missing", listed)
            refused = cli("keys", "create", "cst", "--socket", daemon.admin)
            self.assertIn("KEY_EXISTS: cst has a key that cannot be used", refused.stderr)
            self.assertIn("clawsigner keys discard 0102030405060708", refused.stderr)
            for number in ("0102030405060708", "1112131415161718"):
                discarded = cli("keys", "discard", number, "--socket", daemon.admin)
                self.assertEqual(discarded.returncode, 0, discarded.stderr)
                self.assertIn("discarded: " + number, discarded.stdout)
                again = cli("keys", "discard", number, "--socket", daemon.admin)
                self.assertEqual(again.returncode, 1)
                self.assertIn("INVALID_FIELD: id names no unusable key", again.stderr)
            listed = json.loads(cli("keys", "list", "--json", "--socket", daemon.admin).stdout)
            self.assertEqual((listed["keys"], listed["unusable"]), ([], []))
            self.assertEqual(daemon.log().count('"event":"key.discarded"'), 2)
            for family in ("cst", "gateway_receipt"):
                self.assertEqual(cli("keys", "create", family, "--socket", daemon.admin).returncode, 0)
            daemon.wait_ready()
            usable = json.loads(cli("keys", "list", "--json", "--socket", daemon.admin).stdout)["keys"][0]["id"]
            kept = cli("keys", "discard", usable, "--socket", daemon.admin)
            self.assertEqual(kept.returncode, 1)
            self.assertIn("KEY_IN_USE", kept.stderr)

    def test_keys_survive_a_restart(self):
        with Daemon.fresh() as daemon:
            did = daemon.did()
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            daemon.wait_ready()
            self.assertEqual(daemon.did(), did)
            receipt_oracle.verify(daemon.sign().text, did)

    def test_a_wrong_pin_is_held_and_not_tried_again(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.set_pin("wrong")
            daemon.start()
            wait_until(lambda: backend_state(daemon) == "held", "the refused PIN")
            self.assertEqual(daemon.sign().code, "PIN_HELD")
            self.assertEqual(daemon.log().count('"state":"held"'), 1)

    def test_a_wrong_pin_costs_one_try_in_any_number_of_starts_and_a_person_leads_out(self):
        with Daemon.fresh(start=False) as daemon:
            right = daemon.set_pin("wrong")
            memory = daemon.directory / "state" / "main.login"
            for start in range(4):
                daemon.start()
                wait_until(lambda: backend_state(daemon) == "held", "the refused PIN")
                if start == 0:
                    first = memory.stat()
                self.assertEqual(daemon.stop(), 0)
            # A try is written down before it is made: whoever has not written has not tried.
            self.assertEqual((memory.stat().st_ino, memory.stat().st_mtime_ns), (first.st_ino, first.st_mtime_ns))
            self.assertNotIn("wrong", memory.read_text())
            daemon.start()
            wait_until(lambda: backend_state(daemon) == "held", "the remembered PIN")
            said = cli("status", "--socket", daemon.admin).stdout
            self.assertRegex(said, r"the token refused the PIN on 20.* \(C_Login: CKR_PIN_INCORRECT\); correct .*clawsigner pin retry")
            still_wrong = cli("pin", "retry", "--socket", daemon.admin)
            self.assertEqual(still_wrong.returncode, 1, still_wrong.stdout)
            self.assertIn("PIN_HELD: C_Login: CKR_PIN_INCORRECT", still_wrong.stderr)
            daemon.set_pin(right)
            retried = cli("pin", "retry", "main", "--json", "--socket", daemon.admin)
            self.assertEqual(retried.returncode, 0, retried.stderr)
            self.assertEqual(json.loads(retried.stdout)["backend"]["state"], "ready")
            daemon.wait_ready()
            self.assertFalse(memory.exists())
            again = cli("pin", "retry", "--socket", daemon.admin)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertIn("ready", again.stdout)
            other = cli("pin", "retry", "other", "--socket", daemon.admin)
            self.assertEqual(other.returncode, 1)
            self.assertIn("INVALID_FIELD: backend must be one of: main", other.stderr)

    def test_a_state_directory_that_is_not_the_daemons_own_is_refused_at_the_start(self):
        with Daemon.fresh(start=False) as daemon:
            state = daemon.directory / "state"
            state.chmod(0o755)
            for words in (["check", "--config", daemon.config], ["--config", daemon.config]):
                done = subprocess.run([BIN / "clawsignerd", *words], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"clawsigner\.toml:\d+: server.state_directory .* mode 0700: install -d")
            state.rmdir()
            done = subprocess.run([BIN / "clawsignerd", "check", "--config", daemon.config], capture_output=True, text=True, timeout=60)
            self.assertRegex(done.stderr, "No such file or directory; make it: install -d")

    def test_a_second_daemon_on_the_same_sockets_says_why_it_will_not_start(self):
        with Daemon.fresh() as daemon:
            second = subprocess.run([BIN / "clawsignerd", "--config", daemon.config], capture_output=True, text=True, timeout=60)
            self.assertEqual(second.returncode, 1)
            self.assertIn("another daemon is running", second.stderr)
            self.assertNotIn("backend.state", second.stderr, "it touched the first one's token")
            self.assertEqual(daemon.sign().status, 200)

    def test_a_second_daemon_on_the_same_tokens_says_why_it_will_not_start_until_the_first_has_ended(self):
        for isolation in ("inline", "process"):
            with self.subTest(isolation), Daemon.fresh(start=False) as first:
                first.edit_config("[backends.main]", f'[backends.main]\nisolation = "{isolation}"')
                first.start()
                first.wait_ready()
                second = first.beside()
                refused = second.run_to_its_end()
                self.assertEqual(refused.returncode, 1)
                self.assertRegex(refused.stderr, r"clawsigner\.toml:\d+: backends\.main: the tokens in .*/tokens are in use: another daemon")
                self.assertNotIn("backend.state", refused.stderr, "it touched the first one's token")
                self.assertEqual(first.sign().status, 200)
                self.assertEqual(first.stop(), 0)
                try:
                    second.start()
                    second.wait_ready()
                    self.assertEqual(second.sign().status, 200)
                finally:
                    second.kill()

    def test_a_bad_configuration_is_named_by_file_and_line(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config("[families.gateway_receipt]", "[families.root]")
            for words in (["--config", daemon.config], ["check", "--config", daemon.config]):
                done = subprocess.run([BIN / "clawsignerd", *words], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"clawsigner\.toml:\d+: root is not a key family")

    def test_a_first_start_that_ends_at_the_configuration_has_taken_up_nothing_of_it(self):
        with Daemon.fresh(start=False) as daemon:
            people = daemon.directory / "operators"
            known = people.read_text()
            people.write_text("* namespaces=x")
            daemon.edit_config("max_ttl_seconds = 3600", "max_ttl_seconds = 600")
            ended = daemon.run_to_its_end()
            self.assertEqual(ended.returncode, 1)
            self.assertRegex(ended.stderr, r"clawsigner\.toml:\d+: operators\.allowed_signers: line 1")
            people.write_text(known)
            daemon.edit_config("max_ttl_seconds = 600", "max_ttl_seconds = 1200")
            daemon.start()
            daemon.wait_ready()
            self.assertIn("1200", cli("ceiling", "show", "--socket", daemon.admin).stdout)

    def test_a_checkpoint_key_is_ed25519_and_nothing_else(self):
        with Daemon.fresh(start=False, algorithm="p256") as daemon:
            self.assertIn('[families.checkpoint]\nbackend = "main"\nalgorithm = "ed25519"', daemon.config.read_text())
            daemon.edit_config('[families.checkpoint]\nbackend = "main"\nalgorithm = "ed25519"',
                               '[families.checkpoint]\nbackend = "main"\nalgorithm = "p256"')  # fmt: skip
            done = subprocess.run([BIN / "clawsignerd", "check", "--config", daemon.config], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r'clawsigner\.toml:\d+: algorithm of \[families\.checkpoint\] must be "ed25519"')


    def test_check_finds_what_can_be_seen_without_a_device(self):
        with Daemon.fresh(start=False) as daemon:
            pin, people = daemon.directory / "pin", daemon.directory / "operators"
            known = people.read_text()
            for spoil, mend, said in (
                (lambda: pin.chmod(0o600), lambda: pin.chmod(0o400), "backends.main.pin_file: .* must have mode 0400"),
                (lambda: pin.rename(f"{pin}.gone"), lambda: (daemon.directory / "pin.gone").rename(pin), "backends.main.pin_file: cannot open"),
                (lambda: people.rename(f"{people}.gone"), lambda: (daemon.directory / "operators.gone").rename(people), "operators.allowed_signers: cannot open"),
                (lambda: people.write_text("* namespaces=x"), lambda: people.write_text(known), "operators.allowed_signers: line 1"),
            ):
                spoil()
                done = subprocess.run([BIN / "clawsignerd", "check", "--config", daemon.config], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"clawsigner\.toml:\d+: " + said)
                mend()
            done = subprocess.run([BIN / "clawsignerd", "check", "--config", daemon.config], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (0, f"{daemon.config}: good\n"))


class Running(unittest.TestCase):
    def test_a_token_pulled_out_under_load_comes_back_by_itself(self):
        with Daemon.fresh() as daemon:
            did, stop, outcomes = daemon.did(), threading.Event(), []

            def load():
                while not stop.is_set():
                    reply = daemon.sign()
                    outcomes.append(reply.status)
                    if reply.status == 200:
                        receipt_oracle.verify(reply.text, did)
                    elif reply.code != "HSM_DOWN":
                        outcomes.append(reply.text)

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            tokens, away = daemon.directory / "tokens", daemon.directory / "away"
            wait_until(lambda: outcomes.count(200) > 20, "the load")
            tokens.rename(away)
            wait_until(lambda: backend_state(daemon) == "absent", "the loss to be noticed")
            self.assertEqual(daemon.sign().code, "HSM_DOWN")
            self.assertEqual(len(daemon.jwks()["keys"]), 1)
            away.rename(tokens)
            daemon.wait_ready()
            before = outcomes.count(200)
            wait_until(lambda: outcomes.count(200) > before + 20, "the load to go on")
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual({200, 503}, set(outcomes))

    def test_one_connection_serves_many_requests(self):
        with Daemon.fresh() as daemon:
            connection = UnixConnection(daemon.proxy)
            ids = set()
            for _ in range(20):
                connection.request("POST", "/v1/receipts", json.dumps(RECEIPT))
                response = connection.getresponse()
                ids.add(response.headers["X-Request-Id"])
                receipt_oracle.verify(response.read().decode(), daemon.did())
            connection.close()
            self.assertEqual(len(ids), 20)

    def test_no_secret_and_no_content_reaches_the_log(self):
        with Daemon.fresh() as daemon:
            daemon.sign({"binding": {"nonce": "nonce-7f3a"}})
            daemon.sign({"provider": "", "model": "model-7f3a"})
            daemon.stop()
            pin = (daemon.directory / "pin").read_text()
            for text in (pin, "7f3a"):
                self.assertNotIn(text, daemon.log())
            for line in daemon.log().splitlines():
                self.assertTrue({"time", "level", "event"} <= json.loads(line).keys())


class Stopping(unittest.TestCase):
    def test_sigterm_answers_what_was_asked_and_removes_the_sockets(self):
        with Daemon.fresh() as daemon:
            did = daemon.did()
            idle = socket.socket(socket.AF_UNIX)
            self.addCleanup(idle.close)
            idle.connect(str(daemon.proxy))
            connection = UnixConnection(daemon.proxy)
            self.addCleanup(connection.close)
            connection.request("POST", "/v1/receipts/batch", json.dumps({"receipts": [RECEIPT] * 1000}))
            answers = []
            reader = threading.Thread(target=lambda: answers.append(connection.getresponse().read()))
            reader.start()
            # The batch takes some tenths of a second; a request that overtakes it shows that it is under way.
            self.assertEqual(daemon.sign().status, 200)
            self.assertEqual(answers, [])
            self.assertEqual(daemon.stop(), 0)
            reader.join()
            results = json.loads(answers[0])["results"]
            self.assertEqual(len(results), 1000)
            receipt_oracle.verify(json.dumps(results[999]), did)
            self.assertEqual(idle.recv(1), b"")
            self.assertFalse(daemon.proxy.exists())
            self.assertFalse(daemon.admin.exists())


if __name__ == "__main__":
    unittest.main()
