"""The daemon is killed, its disk fills up, fails and hangs: no artefact that a client received lacks its leaf (leaves.py)."""

import contextlib
import pathlib
import random
import shutil
import sqlite3
import tempfile
import time
import unittest

from harness import Daemon, wait_until

from kills import LOST, kill_many, kills_in
from leaves import Clients, Ledger

KILLS = 50


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
                ("UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), 'proxy', 'admin') AS BLOB) WHERE idx = 7", "another root"),
                ("UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), 'proxy', 'admin') AS BLOB) WHERE idx = 7", "tiles"),
                ("DELETE FROM tile", "tiles"),
            ):
                with self.subTest(edit), tempfile.TemporaryDirectory(prefix="cs-") as scratch:
                    shutil.copy(state / "ledger.db", scratch)
                    with contextlib.closing(sqlite3.connect(pathlib.Path(scratch) / "ledger.db")) as database:
                        database.execute(edit)
                        database.commit()
                    violations = Ledger(pathlib.Path(scratch)).violations(artefacts, clients.readings.notes, earlier=before)
                    self.assertIn(told, "\n".join(violations))


if __name__ == "__main__":
    unittest.main()
