"""A daemon that is killed, and its ledger afterwards. What must hold: leaves.py.

A life is a copy of a prepared directory, token and all, and some kills in succession: each restarts the daemon on what the one before
left behind. Where the kill falls follows from dice.
"""

import collections
import concurrent.futures
import contextlib
import itertools
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass

from harness import Daemon, UnixConnection, request, wait_until

from leaves import Clients, Ledger, ask

ON_DISK = "/var/tmp"  # /tmp may be in memory
PREPARED_LEAVES = 200  # a full tile is near
MOST_ANSWERS = 250  # before a kill
MOST_BEHIND = 0.02  # seconds after an answer
STARTING = 0.15  # about as long as a start takes
STOPPING = 0.05
ASKED_AGAIN = 5  # requests with a nonce, after each kill
KILLS_IN_A_LIFE = 5
SHARE = 25  # kills that one process sees to in one piece
LOST = "tokens lost to SoftHSM"
SLOWEST = "slowest start, ms"
MOMENTS = ("load",) * 8 + ("starting", "stopping")


class TokenLost(Exception):
    """A daemon that is killed while it logs in can cost SoftHSM its token."""


@dataclass(frozen=True)
class Prepared:
    """A directory to copy lives from."""

    directory: pathlib.Path
    did: str

    @contextlib.contextmanager
    def copy(self):
        with tempfile.TemporaryDirectory(prefix="cs-", dir=ON_DISK) as parent:
            daemon = Daemon(pathlib.Path(parent) / "d")
            shutil.copytree(self.directory, daemon.directory)
            for file in (daemon.config, daemon.directory / "softhsm2.conf"):
                file.write_text(file.read_text().replace(str(self.directory), str(daemon.directory)))
            try:
                yield daemon
            finally:
                daemon.kill()


@contextlib.contextmanager
def prepared():
    with Daemon.fresh() as daemon:
        connection = UnixConnection(daemon.proxy)
        while request(daemon.admin, "GET", "/v1/status").json["ledger"]["size"] < PREPARED_LEAVES:
            answer = ask(connection, "batch")
            assert answer.status == 200 and not answer.code, answer
        connection.close()
        did = daemon.did()
        assert daemon.stop() == 0
        yield Prepared(daemon.directory, did)


class Life:
    def __init__(self, daemon, dice, did):
        self.daemon = daemon
        self.dice = dice
        self.did = did
        self.artefacts = []  # all that was received in this life
        self.notes = set()
        self.bound = []  # what was asked with a nonce before the latest kill
        self.ledger = Ledger(daemon.directory / "state")
        self.tally = collections.Counter()

    def kill(self):
        """One kill. Returns what does not hold."""
        moment = self.dice.choice(MOMENTS)
        self.tally[f"killed: {moment}"] += 1
        told = {"load": self.under_load, "starting": self.while_it_starts, "stopping": self.while_it_stops}[moment]()
        ledger = Ledger(self.daemon.directory / "state")
        told += ledger.violations(self.artefacts, self.notes, earlier=self.ledger)
        self.tally["leaves"] += ledger.size - self.ledger.size
        self.ledger = ledger
        return [f"killed ({moment}): {violation}" for violation in told]

    def under_load(self):
        told = self.start()
        with Clients(self.daemon) as clients:
            self.wait_for_answers(clients)
            self.daemon.kill()
        refused = [asked for asked in clients.answers() if asked.code]
        self.remember(clients)
        return told + [f"refused before the kill: {asked}" for asked in refused[:3]]

    def while_it_stops(self):
        told = self.start()
        with Clients(self.daemon) as clients:
            self.wait_for_answers(clients)
            self.daemon.process.send_signal(signal.SIGTERM)
            pause(self.dice.uniform(0, STOPPING))
            self.daemon.kill()
        self.remember(clients)
        return told

    def while_it_starts(self):
        starting = threading.Timer(self.dice.uniform(0, STARTING), lambda: self.daemon.process and self.daemon.process.kill())
        starting.start()
        with contextlib.suppress(AssertionError):  # it is not there any more
            self.daemon.start()
        starting.join()
        self.daemon.kill()
        return []

    def wait_for_answers(self, clients):
        """The moment: so many answers, and a little more."""
        wait_until(lambda: clients.everybody_asked_since(0), "an answer to everybody")
        wanted = len(clients.asked()) + self.dice.randint(0, MOST_ANSWERS)
        wait_until(lambda: len(clients.asked()) >= wanted, "the load")
        pause(self.dice.uniform(0, MOST_BEHIND))

    def remember(self, clients):
        received = list(clients.artefacts())
        self.artefacts += received
        self.notes |= clients.readings.notes
        self.bound = [asked for asked in clients.asked() if asked.kind in ("bound", "legacy")]
        self.tally["artefacts received"] += len(received)
        self.tally["requests without an answer"] += sum(asked.status is None for asked in clients.asked())

    def start(self):
        """Again, on what the kill left behind. Returns what does not hold."""
        began = time.monotonic()
        self.daemon.start()
        self.wait_ready()
        self.tally["starts"] += 1
        self.tally[SLOWEST] = max(self.tally[SLOWEST], round((time.monotonic() - began) * 1000))
        told = [] if self.daemon.did() == self.did else ["another key signs"]
        wait_until(lambda: self.status()["ledger"]["checked"], "every leaf to be checked")
        status = self.status()["ledger"]
        if status["state"] != "good" or status["size"] < self.ledger.size:
            told.append(f"the ledger after a start: {status}, {self.ledger.size} leaves before")
        return told + self.ask_again()

    def ask_again(self):
        """Who asks again with its nonce gets what it had, and who got no answer gets one now."""
        told, self.bound = [], self.dice.sample(self.bound, min(ASKED_AGAIN, len(self.bound))) + self.unanswered()
        connection = UnixConnection(self.daemon.proxy)
        for before in self.bound:
            answer = ask(connection, before.kind, before.body)
            if answer.status != 200 or (before.status == 200 and answer.text != before.text):
                told.append(f"asked again: {answer}; before: {before}")
        connection.close()
        self.tally["asked again"] += len(self.bound)
        self.bound = []
        return told

    def unanswered(self):
        return [asked for asked in self.bound if asked.status is None]

    def status(self):
        return request(self.daemon.admin, "GET", "/v1/status").json

    def wait_ready(self):
        try:
            wait_until(lambda: self.daemon.answers("/readyz") or self.token_is_lost(), "readyz")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.status()}: {self.daemon.log()[-2000:]}") from None
        if not self.daemon.answers("/readyz"):
            raise TokenLost

    def token_is_lost(self):
        """SoftHSM shows none, and the token's own file is empty or gone; it is empty for a moment at each login, too."""
        files = list((self.daemon.directory / "tokens").glob("*/token.object"))
        return self.status()["backends"][0]["state"] == "absent" and (not files or files[0].stat().st_size == 0)


def pause(seconds):
    """The moment of a kill: nothing waits for this to have happened."""
    time.sleep(seconds)


def live(template, seed, kills):
    """One life of so many kills, or fewer when its token is lost. Returns (tally, what does not hold)."""
    with template.copy() as daemon:
        life = Life(daemon, random.Random(seed), template.did)
        try:
            for _ in range(kills):
                if violations := life.kill():
                    return life.tally, [*violations, daemon.log()[-2000:]]
            return life.tally, life.start()  # it serves after the last kill, too
        except TokenLost:
            life.tally[LOST] += 1
            return life.tally, []
        except Exception:  # whatever it is, it must be told with its seed
            return life.tally, [traceback.format_exc(), daemon.log()[-2000:]]


def lives(template, seed, kills):
    """One life after another until there were so many kills, or something did not hold. Returns (tally, what did not hold)."""
    total = collections.Counter()
    for number in itertools.count():
        if kills_in(total) >= kills:
            return total, []
        tally, violations = live(template, f"{seed}.{number}", min(KILLS_IN_A_LIFE, kills - kills_in(total)))
        total = added(total, tally)
        if violations:
            return total, [f"life {seed}.{number}:", *violations]


def added(tally, other):
    return collections.Counter({**(tally + other), SLOWEST: max(tally[SLOWEST], other[SLOWEST])})


def kills_in(tally):
    return sum(count for name, count in tally.items() if name.startswith("killed: "))


def kill_many(kills, seed, daemons=2, said=lambda tally: None):
    """So many kills, of so many daemons at a time; after every share of some lives `said` is called. Returns (tally, what did not hold)."""
    total, shares = collections.Counter(), [SHARE] * (kills // SHARE) + [kills % SHARE] * (kills % SHARE > 0)
    with prepared() as template, concurrent.futures.ProcessPoolExecutor(daemons) as pool:
        under_way = [pool.submit(lives, template, f"{seed}.{number}", share) for number, share in enumerate(shares)]
        for done in concurrent.futures.as_completed(under_way):
            tally, violations = done.result()
            total = added(total, tally)
            said(total)
            if violations:
                pool.shutdown(wait=True, cancel_futures=True)
                return total, violations
    return total, []
