"""The command line: what it prints, for people and machines, and how it exits."""

import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

from harness import BIN, HASH, RECEIPT, ROOT, DaemonTest, cli, request


class Commands(DaemonTest):
    def test_sign_and_verify_from_files_and_standard_input(self):
        request_file = self.scratch / "request.json"
        request_file.write_text(json.dumps(RECEIPT))
        signed = cli("sign", "receipt", request_file, "--socket", self.daemon.proxy)
        self.assertEqual(signed.returncode, 0, signed.stderr)
        verified = cli("verify", "receipt", "-", "--signer", self.did, stdin=signed.stdout)
        self.assertEqual(verified.returncode, 0)
        self.assertEqual(verified.stdout.splitlines()[0], "receipt: valid")
        envelope = json.dumps(json.loads(signed.stdout)["envelope"])
        machine = cli("verify", "receipt", "-", "--keys", self.scratch / "jwks.json", "--json", stdin=envelope)
        self.assertEqual(json.loads(machine.stdout)["valid"], True)
        legacy = cli("sign", "receipt", "-", "--legacy", "--socket", self.daemon.proxy, stdin=json.dumps(RECEIPT))
        self.assertIn("legacy", json.loads(legacy.stdout))

    def test_a_refusal_is_exit_code_1_and_names_the_field(self):
        bad = json.dumps({**RECEIPT, "tokens_input": -1})
        done = cli("sign", "receipt", "-", "--socket", self.daemon.proxy, stdin=bad)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("INVALID_FIELD: tokens_input must be an integer", done.stderr)
        machine = cli("sign", "receipt", "-", "--json", "--socket", self.daemon.proxy, stdin=bad)
        self.assertEqual(machine.returncode, 1)
        self.assertEqual(json.loads(machine.stdout)["error"]["field"], "tokens_input")

    def test_an_invalid_receipt_is_exit_code_1(self):
        answer = self.daemon.sign().text.replace("gpt-test", "gpt-best")
        done = cli("verify", "receipt", "-", "--signer", self.did, stdin=answer)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("receipt: invalid: HASH_MISMATCH"), done.stdout)
        machine = cli("verify", "receipt", "-", "--signer", self.did, "--json", stdin=answer)
        self.assertEqual(json.loads(machine.stdout), {"valid": False, "code": "HASH_MISMATCH", "message": "payload_hash_b64u is not the payload's hash"})

    def test_a_daemon_that_is_not_there_is_exit_code_3(self):
        for words in (["status"], ["keys", "list"], ["keys", "create", "gateway_receipt"], ["keys", "discard", "07"], ["pin", "retry"], ["sign", "receipt", "-"]):
            done = cli(*words, "--socket", self.scratch / "no.sock", stdin="{}")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("UNREACHABLE", done.stderr)
            machine = cli(*words, "--json", "--socket", self.scratch / "no.sock", stdin="{}")
            self.assertEqual((machine.returncode, json.loads(machine.stdout)["error"]["code"]), (3, "UNREACHABLE"))

    def test_output_that_is_lost_is_no_success(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [BIN / "clawsigner", "status", "--socket", self.daemon.admin], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not be written", done.stderr)

    def test_wrong_usage_is_exit_code_2(self):
        for words in (
            [],
            ["nonsense"],
            ["verify", "receipt"],
            ["verify", "receipt", "-"],
            ["verify", "receipt", "-", "--signer", self.did, "--keys", "x"],
            ["verify", "receipt", "-", "--signer", "did:web:example.com"],
            ["verify", "receipt", self.scratch / "absent.json", "--signer", self.did],
            ["keys", "create"],
            ["keys", "discard"],
            ["pin", "retry", "main", "1234"],
            ["keys", "create", "gateway_receipt", "--algorithm", "rsa"],
            ["init"],
            ["status", "--colour"],
        ):
            done = cli(*words, stdin="")
            self.assertEqual(done.returncode, 2, (words, done.stderr))

    def test_status_and_keys_are_tables_for_people_and_json_for_machines(self):
        status = cli("status", "--socket", self.daemon.admin)
        self.assertEqual(status.returncode, 0)
        self.assertIn("ready", status.stdout)
        self.assertIn("SoftHSM", status.stdout)
        self.assertEqual(json.loads(cli("--json", "status", "--socket", self.daemon.admin).stdout)["ready"], True)
        keys = cli("keys", "list", "--socket", self.daemon.admin)
        self.assertIn(self.did, keys.stdout)
        self.assertIn("host-asserted", keys.stdout)
        listed = json.loads(cli("keys", "list", "--json", "--socket", self.daemon.admin).stdout)
        self.assertIn((self.did, "gateway_receipt"), [(key["did"], key["family"]) for key in listed["keys"]])

    def test_help_and_version_exit_with_0_everywhere(self):
        for words in (["--help"], ["--version"], ["verify", "receipt", "--help"], ["keys", "create", "--help"], ["keys", "discard", "--help"], ["pin", "retry", "--help"], ["init", "--help"]):
            done = cli(*words)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout)

    def test_a_valid_receipt_cannot_steer_the_terminal(self):
        answer = self.daemon.sign({"provider": "\x1b[2Jopenai", "model": "m\u009b31m"}).text
        done = cli("verify", "receipt", "-", "--signer", self.did, stdin=answer)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("\x1b", done.stdout)
        self.assertNotIn("\u009b", done.stdout)


class Init(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="cs-")
        self.parent = pathlib.Path(self.scratch.name)
        self.addCleanup(self.scratch.cleanup)

    def test_takes_an_empty_directory_and_keeps_others_out_of_it(self):
        made = cli("init", "--dev", self.parent, "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(json.loads(made.stdout)["config"], str(self.parent / "clawsigner.toml"))
        self.assertEqual(stat.S_IMODE(self.parent.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.parent / "pin").stat().st_mode), 0o400)

    def test_takes_a_relative_path(self):
        before = os.getcwd()
        os.chdir(self.parent)
        try:
            self.assertEqual(cli("init", "--dev", "here").returncode, 0)
        finally:
            os.chdir(before)
        self.assertTrue((self.parent / "here" / "clawsigner.toml").exists())

    def test_refuses_a_directory_that_holds_something(self):
        (self.parent / "precious").write_text("x")
        done = cli("init", "--dev", self.parent)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not an empty directory", done.stderr)
        self.assertEqual([entry.name for entry in self.parent.iterdir()], ["precious"])

    def test_refuses_a_directory_of_another_user_and_a_link(self):
        link = self.parent / "link"
        (self.parent / "target").mkdir()
        link.symlink_to(self.parent / "target")
        self.assertIn("not an empty directory", cli("init", "--dev", link).stderr)
        if os.geteuid() == 0:
            os.chown(self.parent / "target", 12345, 12345)
            self.assertIn("belongs to another user", cli("init", "--dev", self.parent / "target").stderr)

    def test_refuses_a_directory_whose_sockets_nobody_could_reach(self):
        done = cli("init", "--dev", self.parent / ("x" * 100))
        self.assertEqual(done.returncode, 1)
        self.assertIn("107 bytes", done.stderr)

    def test_leaves_nothing_behind_when_it_fails(self):
        import subprocess

        done = subprocess.run(
            [BIN / "clawsignerd", "init", "--dev", self.parent / "d", "--module", "/nowhere.so"], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere.so", done.stderr)
        self.assertEqual(list((self.parent / "d").iterdir()), [])


class Completion(unittest.TestCase):
    """What bash completes (packaging/completions) is what --help lists, of every command."""

    ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_clawsigner
printf '%s\\n' "${COMPREPLY[@]}"
"""

    def completed(self, program, *words):
        done = subprocess.run(
            ["bash", "-c", self.ASK, "bash", ROOT / "packaging/completions/clawsigner.bash", BIN / program, *words],
            capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def helped(self, program, path):
        """(commands, options) that --help lists."""
        done = subprocess.run([BIN / program, *path, "--help"], capture_output=True, text=True, timeout=60, check=True)
        _, _, listed = done.stdout.partition("\nSubcommands:\n")
        commands = re.findall(r"^  ([a-z]\S*)", listed.partition("\n\n")[0], re.MULTILINE)
        return commands, set(re.findall(r"^ {2,4}(?:-\w,)?(--[\w-]+)", done.stdout, re.MULTILINE))

    def assert_complete(self, program, path=()):
        """Returns how many commands there are from here on."""
        with self.subTest(program=program, path=path):
            commands, options = self.helped(program, path)
            self.assertEqual(self.completed(program, *path, "") - self.POSITIONALS.get(path, set()), set(commands))
            everywhere = {"--json"} if program == "clawsigner" else set()
            self.assertEqual(self.completed(program, *path, "--"), options | everywhere)
            for option in options:
                self.assertIn(option, self.completed(program, *path, option[:-1]))
        return 1 + sum(self.assert_complete(program, (*path, command)) for command in commands)

    FAMILIES = {"gateway_receipt", "cst", "work_policy", "checkpoint"}
    OF_A_FAMILY = ("show", "create", "rotate", "freeze", "unfreeze", "retire", "destroy", "compromise", "adopt")
    POSITIONALS = {
        ("roles", "set"): {"proxy", "issuer", "admin", "observe"},
        ("trust", "set"): {"claims_mode", "allow_unpinned", "audiences", "wpc_signers", "receipts_without_cst"},
        **dict.fromkeys(zip(("keys",) * 9, OF_A_FAMILY), FAMILIES),
    }

    def test_every_command_and_every_option_is_completed_and_no_other(self):
        self.assertGreater(self.assert_complete("clawsigner"), 40)
        self.assertEqual(self.assert_complete("clawsignerd"), 4)

    def test_what_an_argument_may_be_is_completed(self):
        for path, words in self.POSITIONALS.items():
            self.assertEqual(self.completed("clawsigner", *path, ""), words, path)
            self.assertEqual(self.completed("clawsigner", *path, min(words), ""), set())
        self.assertEqual(self.completed("clawsigner", "keys", "--json", "rotate", "--why", "x", "gate"), {"gateway_receipt"})
        for words in (("--algorithm", ""), ("--algorithm", "=")):
            self.assertEqual(self.completed("clawsigner", "init", *words), {"ed25519", "p256"})
        self.assertEqual(self.completed("clawsigner", "init", "--algorithm", "=", "p"), {"p256"})

    def test_where_nothing_is_known_to_fit_bash_completes_files(self):
        for words in (("verify", "receipt", ""), ("keys", "list", "--socket", ""), ("operators", "set", ""), ("no-such-command", "")):
            expected = self.helped("clawsigner", ())[0] if words[0] == "no-such-command" else ()
            self.assertEqual(self.completed("clawsigner", *words), set(expected))
        loaded = subprocess.run(
            ["bash", "-c", 'source "$1"; complete -p clawsigner clawsignerd', "bash", ROOT / "packaging/completions/clawsigner.bash"],
            capture_output=True, text=True, check=True).stdout  # fmt: skip
        self.assertEqual(loaded.count("-o default -F _clawsigner"), 2)


if __name__ == "__main__":
    unittest.main()
