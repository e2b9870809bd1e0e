"""The daemon is killed, its disk fills up, fails and hangs: no artefact that a client received lacks its leaf (leaves.py)."""

import contextlib
import json
import pathlib
import random
import shutil
import sqlite3
import tempfile
import time
import unittest

from harness import Daemon, UnixConnection, cli, request, wait_until

from disks import on_fault_disk, on_small_disk
from faults import SLACK, SLOWNESS, Starvation
from kills import LOST, kill_many, kills_in
from leaves import Clients, Ledger, ask

KILLS = 50
RECOVERY = 1.0 * SLOWNESS
AT_ONCE = 0.1 * SLOWNESS


def ledger_of(daemon):
    return request(daemon.admin, "GET", "/v1/status").json["ledger"]


def blocked(asked):
    return asked.code == "LEDGER_BLOCKED"


def served(asked):
    return asked.status == 200 and not asked.code


class DiskTest(unittest.TestCase):
    """What must hold whatever the disk did."""

    def check_blocked_state_is_named(self, daemon, why):
        wait_until(lambda: ledger_of(daemon)["state"] == "blocked", "the state")
        status = cli("status", "--json", "--socket", daemon.admin)
        ledger = json.loads(status.stdout)["ledger"]
        self.assertEqual(ledger["state"], "blocked")
        self.assertRegex(json.dumps(ledger), why)
        ready = request(daemon.proxy, "GET", "/readyz")
        self.assertEqual((ready.status, {reason["code"] for reason in ready.json["reasons"]}), (503, {"LEDGER_BLOCKED"}))
        self.assertEqual(request(daemon.proxy, "GET", "/healthz").status, 200)
        wait_until(lambda: '"event":"ledger.state","state":"blocked"' in daemon.log(), "the log's line")
        self.assertNotIn(str(daemon.directory), ready.text)

    def wait_blocked(self, clients, since=None):
        since = since or time.monotonic()
        wait_until(lambda: clients.everybody_asked_since(since, blocked), "LEDGER_BLOCKED for everybody")

    def wait_back(self, daemon, clients):
        """Returns how long it took until everybody was served again."""
        over = time.monotonic()
        starvation = Starvation(daemon)
        starvation.start()
        wait_until(lambda: clients.everybody_asked_since(over, served), "service for everybody")
        back = time.monotonic()
        self.assertEqual(ledger_of(daemon)["state"], "good")
        self.assertLess(back - over, RECOVERY + starvation.between(over, back))
        starvation.stopping.set()
        starvation.join()
        return back - over

    def check_refusals(self, clients, or_unanswered=False):
        """Returns what was not served."""
        refused = [asked for asked in clients.asked() if not served(asked)]
        told = [asked for asked in refused if asked.status is not None or not or_unanswered]
        self.assertEqual({asked.code for asked in told}, {"LEDGER_BLOCKED"})
        self.assertEqual({asked.status for asked in told if asked.kind != "batch"}, {503})
        return refused

    def check_asking_again(self, daemon, refused):
        """Whoever was refused gets what it asked for, with the very same request."""
        connection = UnixConnection(daemon.proxy)
        for before in [asked for asked in refused if asked.kind in ("bound", "legacy")][-5:]:
            self.assertEqual(ask(connection, before.kind, before.body).status, 200)
        connection.close()

    def check_after_kill(self, daemon, clients):
        """What is on disk holds, and with a disk that works again so does everything else."""
        self.check_ledger(daemon, clients, end=Daemon.kill)
        daemon.disk.free()
        daemon.start()
        daemon.wait_ready()
        self.assertEqual(daemon.sign().status, 200)
        self.check_asking_again(daemon, [asked for asked in clients.asked() if not served(asked)])
        self.check_ledger(daemon, clients)

    def check_ledger(self, daemon, clients, end=Daemon.stop):
        end(daemon)
        notes = clients.readings.notes
        self.assertEqual(Ledger(daemon.directory / "state").violations(clients.artefacts(), notes), [])


class Killed(unittest.TestCase):
    def test_a_killed_daemon_loses_no_leaf_of_what_a_client_has(self):
        seed, began = random.randrange(1 << 32), time.monotonic()
        tally, violations = kill_many(KILLS, seed)
        print(f"seed {seed}: {kills_in(tally)} kills in {time.monotonic() - began:.0f} s, {dict(tally)}", flush=True)
        self.assertFalse(violations, "\n".join(["", *violations]))
        self.assertGreaterEqual(kills_in(tally), KILLS)
        self.assertLess(tally[LOST], KILLS / 5)
        self.assertGreater(tally["artefacts received"], KILLS)

    def test_whoever_checks_sees_a_leaf_that_is_missing_torn_or_another(self):
        with Daemon.fresh() as daemon:
            with Clients(daemon) as clients:
                wait_until(lambda: len(clients.asked()) > 300, "the load")
            self.assertEqual(daemon.stop(), 0)
            state, artefacts = daemon.directory / "state", list(clients.artefacts())
            before = Ledger(state)
            self.assertEqual(before.violations(artefacts, clients.readings.notes), [])
            for edit, told in (
                ("DELETE FROM leaf WHERE idx = (SELECT max(leaf) FROM spent)", "without its leaf"),
                ("DELETE FROM leaf WHERE idx = 7", "a leaf is missing"),
                ("UPDATE leaf SET body = CAST(substr(body, 1, 60) AS BLOB) WHERE idx = 7", "leaf 7 is torn"),
                ("UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), '-', '+') AS BLOB) WHERE idx = 7", "another root"),
                ("UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), '-', '+') AS BLOB) WHERE idx = 7", "tiles"),
                ("DELETE FROM tile", "tiles"),
            ):
                with self.subTest(edit), tempfile.TemporaryDirectory(prefix="cs-") as scratch:
                    shutil.copy(state / "ledger.db", scratch)
                    with contextlib.closing(sqlite3.connect(pathlib.Path(scratch) / "ledger.db")) as database:
                        database.execute(edit)
                        database.commit()
                    violations = Ledger(pathlib.Path(scratch)).violations(artefacts, clients.readings.notes, earlier=before)
                    self.assertIn(told, "\n".join(violations))


class Full(DiskTest):
    def test_the_last_record_has_its_space_and_then_nothing_is_signed_until_there_is_space(self):
        with on_small_disk() as daemon:
            reserve = daemon.disk.directory / "ledger.reserve"
            self.assertEqual(daemon.sign().status, 200)
            wait_until(lambda: ledger_of(daemon)["checkpoint"] == ledger_of(daemon)["size"], "the checkpoint")
            self.assertEqual(reserve.stat().st_size, 4 << 20)
            daemon.disk.fill()
            with Clients(daemon, ("bound",)) as clients:
                self.wait_blocked(clients)
            self.assertTrue(served(clients.asked()[0]), clients.asked()[0])
            self.assertFalse(reserve.exists())
            self.check_blocked_state_is_named(daemon, "the disk of .* is full|database or disk is full")
            daemon.disk.fill()
            self.check_blocked_state_is_named(daemon, "cannot keep space|is full")
            daemon.disk.free()
            wait_until(lambda: daemon.answers("/readyz"), "readyz")
            self.assertEqual(daemon.sign().status, 200)
            self.assertEqual(reserve.stat().st_size, 4 << 20)
            self.check_ledger(daemon, clients)

    def test_a_disk_that_fills_up_under_load_loses_nothing(self):
        with on_small_disk() as daemon:
            with Clients(daemon) as clients:
                wait_until(lambda: clients.everybody_asked_since(0), "the load")
                for _ in range(3):
                    daemon.disk.fill()
                    self.wait_blocked(clients)
                    self.check_blocked_state_is_named(daemon, "full|cannot keep space")
                    daemon.disk.free()
                    self.wait_back(daemon, clients)
            self.check_asking_again(daemon, self.check_refusals(clients))
            self.check_ledger(daemon, clients)

    def test_a_daemon_killed_on_a_full_disk_has_lost_nothing_and_serves_when_there_is_space(self):
        with on_small_disk() as daemon:
            with Clients(daemon) as clients:
                wait_until(lambda: clients.everybody_asked_since(0), "the load")
                daemon.disk.fill()
                self.wait_blocked(clients)
                daemon.kill()
            self.check_after_kill(daemon, clients)


class Failing(DiskTest):
    FAULTS = (["sync EIO"], ["write EIO"], ["write ENOSPC"], ["sync EIO", "write EIO"])

    def test_a_disk_that_fails_loses_nothing_and_is_used_again_when_it_works(self):
        with on_fault_disk() as daemon, Clients(daemon) as clients:
            for faults in self.FAULTS:
                with self.subTest(faults):
                    wait_until(lambda: clients.everybody_asked_since(0, served), "the load")
                    daemon.disk.write(*faults)
                    self.wait_blocked(clients)
                    self.check_blocked_state_is_named(daemon, "I/O error|full")
                    daemon.disk.free()
                    self.wait_back(daemon, clients)
            for client in (*clients.clients, clients.readings):
                client.stopping.set()
                client.join()
            self.check_asking_again(daemon, self.check_refusals(clients))
            self.check_ledger(daemon, clients)

    def test_a_daemon_killed_while_its_disk_fails_has_lost_nothing(self):
        for faults in self.FAULTS:
            with self.subTest(faults), on_fault_disk() as daemon:
                with Clients(daemon) as clients:
                    wait_until(lambda: clients.everybody_asked_since(0), "the load")
                    daemon.disk.write(*faults)
                    self.wait_blocked(clients)
                    daemon.kill()
                self.check_after_kill(daemon, clients)

    def test_what_a_killed_daemon_may_not_have_on_disk_is_not_handed_out_until_the_disk_works(self):
        with on_fault_disk() as daemon:
            with Clients(daemon, ("bound",) * 8) as clients:
                wait_until(lambda: clients.everybody_asked_since(0), "the load")
                daemon.disk.write("sync EIO")
                self.wait_blocked(clients)
                daemon.kill()
            refused = self.check_refusals(clients, or_unanswered=True)
            started = len(daemon.log())
            daemon.start()
            self.check_blocked_state_is_named(daemon, "I/O error")
            connection = UnixConnection(daemon.proxy)
            for before in refused:
                self.assertEqual(ask(connection, before.kind, before.body).code, "LEDGER_BLOCKED")
            connection.close()
            self.assertNotIn('"event":"ledger.state","state":"good"', daemon.log()[started:])
            daemon.disk.free()
            daemon.wait_ready()
            self.check_asking_again(daemon, refused)
            self.check_ledger(daemon, clients)


class Acts(DiskTest):
    """What an admin does to the appliance is done whole or not at all, whatever the disk says."""

    ACTS = (
        ("keys", "rotate", "gateway_receipt", "--now", "--overlap", "1h", "--yes"),
        ("keys", "retire", "cst", "2"),
        ("keys", "freeze", "work_policy", "--yes"),
        ("ceiling", "set", "--max-ttl", "30"),
        ("roles", "set", "issuer", "--nobody"),
        ("operators", "set", "SIGNERS", "--quorum", "1"),
    )
    SHOWN = (("keys", "list"), ("ceiling", "show"), ("roles", "show"), ("approvals", "list"))

    def act(self, daemon, *words):
        """(exit code, answer)"""
        words = [str(daemon.directory / "operators") if word == "SIGNERS" else word for word in words]
        done = cli(*words, "--json", "--socket", daemon.admin)
        return done.returncode, json.loads(done.stdout)

    def state(self, daemon):
        return [self.act(daemon, *words) for words in self.SHOWN]

    def check_nothing_is_done(self, daemon):
        for words in self.ACTS:
            with self.subTest(words):
                code, answer = self.act(daemon, *words)
                self.assertEqual((code, answer["error"]["code"]), (1, "LEDGER_BLOCKED"))
                self.assertNotIn(str(daemon.directory), json.dumps(answer))
        # What cannot be recorded is not signed either; what needs no leaf goes on.
        self.assertEqual(daemon.sign().code, "LEDGER_BLOCKED")
        self.assertEqual(request(daemon.proxy, "GET", "/v1/jwks").status, 200)

    def test_an_act_on_a_full_a_failing_or_a_read_only_disk_is_not_done_and_is_done_when_asked_again(self):
        for faults in (["write ENOSPC"], ["sync EIO"], ["write EIO"], ["write EROFS"]):
            with self.subTest(faults), on_fault_disk() as daemon:
                self.assertEqual(self.act(daemon, "keys", "rotate", "cst")[0], 0)  # so that there is one to retire
                self.assertEqual(daemon.sign().status, 200)
                before, objects = self.state(daemon), daemon.pkcs11_tool("--list-objects").count("Private Key")
                daemon.disk.write(*faults)
                self.check_nothing_is_done(daemon)
                self.assertEqual(self.state(daemon), before)
                daemon.disk.free()
                wait_until(lambda: daemon.answers("/readyz"), "readyz")
                self.assertEqual(self.state(daemon), before)
                self.assertEqual(daemon.pkcs11_tool("--list-objects").count("Private Key"), objects)
                for words in self.ACTS:
                    with self.subTest(words):
                        self.assertEqual(self.act(daemon, *words)[0], 0)
                self.assertEqual(daemon.sign().status, 200)
                self.assertEqual(daemon.stop(), 0)
                daemon.start()
                daemon.wait_ready()
                audited = cli("log", "audit", "--socket", daemon.observe)
                self.assertEqual(audited.returncode, 0, audited.stdout + audited.stderr)

    def test_an_act_on_a_disk_without_space_is_not_done_and_is_done_when_there_is_some(self):
        with on_small_disk() as daemon:
            self.assertEqual(self.act(daemon, "keys", "rotate", "cst")[0], 0)
            before = self.state(daemon)
            daemon.disk.fill()
            wait_until(lambda: daemon.sign().status == 503, "the full disk")
            self.check_nothing_is_done(daemon)
            self.assertEqual(self.state(daemon), before)
            daemon.disk.free()
            wait_until(lambda: daemon.answers("/readyz"), "readyz")
            for words in self.ACTS:
                self.assertEqual(self.act(daemon, *words)[0], 0, words)


class Hanging(DiskTest):
    DEADLINE = 0.5

    def test_a_disk_that_hangs_too_long_is_told_in_time_and_used_again_when_it_answers(self):
        for call in ("sync", "write"):
            with self.subTest(call), on_fault_disk(deadline_ms=int(self.DEADLINE * 1000)) as daemon:
                with Clients(daemon) as clients:
                    starvation = Starvation(daemon)
                    starvation.start()
                    wait_until(lambda: clients.everybody_asked_since(0), "the load")
                    daemon.disk.write(f"{call} hang 60000")
                    wait_until(daemon.disk.fired, "the hang")
                    began = time.monotonic()
                    self.wait_blocked(clients)
                    self.check_blocked_state_is_named(daemon, "has not answered for 500 ms")
                    self.wait_blocked(clients, since=began + self.DEADLINE + SLACK)
                    daemon.disk.free()
                    recovery = self.wait_back(daemon, clients)
                refused = self.check_refusals(clients)
                self.check_in_time(refused, began, starvation)
                starvation.stopping.set()
                starvation.join()
                waited = max(asked.took for asked in refused)
                print(f"{call}: refused after {waited:.3f} s at most, back after {recovery:.3f} s", flush=True)
                self.check_asking_again(daemon, refused)
                self.check_ledger(daemon, clients)

    def check_in_time(self, refused, began, starvation):
        """Who waited for the disk is told at the deadline, who came later at once."""
        late = began + self.DEADLINE + SLACK
        self.assertTrue(any(asked.begun < began + self.DEADLINE for asked in refused))
        self.assertTrue(any(asked.begun > late for asked in refused))
        for asked in refused:
            most = AT_ONCE if asked.begun > late else self.DEADLINE + SLACK
            if asked.took > most:
                self.assertLess(asked.took, most + starvation.between(asked.begun, asked.ended), asked)

    def test_a_daemon_killed_while_its_disk_hangs_has_lost_nothing(self):
        for call in ("sync", "write"):
            with self.subTest(call), on_fault_disk() as daemon:
                with Clients(daemon) as clients:
                    wait_until(lambda: clients.everybody_asked_since(0), "the load")
                    daemon.disk.write(f"{call} hang 60000")
                    wait_until(daemon.disk.fired, "the hang")
                    daemon.kill()
                self.check_after_kill(daemon, clients)

    def test_a_disk_that_is_slow_serves_everybody_late_and_nobody_before_it_has_answered(self):
        with on_fault_disk() as daemon:
            with Clients(daemon) as clients:
                wait_until(lambda: clients.everybody_asked_since(0), "the load")
                daemon.disk.write("sync hang 200")
                wait_until(lambda: daemon.disk.fired() >= 2, "the second slow answer")
                slow = time.monotonic()
                wait_until(lambda: daemon.disk.fired() >= 10, "some more of them")
                fast = time.monotonic()
                daemon.disk.free()
            within = [asked for asked in clients.asked() if asked.begun > slow and asked.ended < fast]
            self.assertGreater(len(within), 8)
            self.assertGreater(min(asked.took for asked in within), 0.2)
            self.assertTrue(all(served(asked) for asked in clients.asked()))
            self.assertNotIn('"event":"ledger.state"', daemon.log())
            self.check_ledger(daemon, clients)


class PowerCut(DiskTest):
    CUTS = 20

    def test_a_commit_that_is_torn_takes_nothing_with_it(self):
        """What was synced is on the disk; of what was written after that, any part may be, or something else in its place."""
        dice = random.Random(1)
        with on_fault_disk() as daemon:
            state = daemon.directory / "state"
            log = state / "ledger.db-wal"
            with Clients(daemon) as clients:
                wait_until(lambda: clients.everybody_asked_since(0), "the load")
                daemon.disk.write("write hang 60000")
                wait_until(daemon.disk.fired, "the commit")
                synced = log.stat().st_size
                daemon.disk.write("sync hang 60000")
                wait_until(lambda: "\nsync" in daemon.disk.happened.read_text(), "the end of its writing")
                daemon.kill()
            written = log.read_bytes()
            self.assertGreater(len(written), synced)
            for _ in range(self.CUTS):
                at = dice.randrange(synced, len(written))
                torn = written[:at] + dice.choice((b"", bytes(len(written) - at), dice.randbytes(len(written) - at)))
                log.write_bytes(torn)
                self.check_ledger(daemon, clients, end=Daemon.kill)
            self.check_after_kill(daemon, clients)


if __name__ == "__main__":
    unittest.main()
