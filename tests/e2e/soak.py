"""Random faults of the PKCS#11 module, many at a time, for as long as wanted, under 8 connections. What must hold: faults.py.

A daemon suffers in rounds: a script of random faults, then an end of them, then a look at everything that must hold. Most of a round
is waiting for the daemon to try again, so several of them suffer at a time, each with a worker, a process, of its own. The scripts
follow from the seed and the worker's number; which call of which thread meets a fault does not.
"""

import argparse
import collections
import multiprocessing
import multiprocessing.connection
import random
import signal
import sys
import time
import traceback

from faults import FaultyDaemon, Load, after_fault, every_key_signs, nothing_is_left_behind, wait_for
from test_faults import AT_REOPENING, AT_SIGNING, effects_on

CONNECTIONS = 8
FAULTS_AT_SIGNING = 52  # the most in one round; a script has 64 lines, of which the script's number takes one
FAULTS_AT_REOPENING = 10
IN_COMPANY = 0.5  # of them befall the same call as the one before
SIGNATURES = 80  # over so many the faults of a round are spread
LONGEST_DELAY = 0.05
QUIET = 0.6  # seconds without a fault after which the others of a round are not waited for
LONGEST_ROUND = 120.0
PAUSE_AFTER_REFUSAL = 0.2  # a token that is being opened refuses everybody, and who asks without end takes the cores from it
PROGRESS = 5.0


class Fault:
    """A line of a script."""

    def __init__(self, function, skip, effect):
        self.function = function
        self.skip = skip
        self.effect = effect

    def __str__(self):
        return f"{self.function} {self.skip} 1 {self.effect}"

    @property
    def may_cost_a_login(self):
        """The daemon leaves the token to a person after two logins without a clear answer, as it should."""
        return self.function == "C_Login" or (self.effect == "drop-sessions" and self.function in AT_REOPENING)

    @property
    def kind(self):
        """Delays are one kind, however long."""
        return "delay" if self.effect.startswith("delay") else self.effect

    @property
    def is_slow(self):
        return self.effect == "hang"

    @property
    def ends_its_call(self):
        """Nothing else befalls that call afterwards."""
        return self.effect == "crash" or self.effect.startswith("return")

    @property
    def call(self):
        return self.function, self.skip


def random_effect(dice, function, without):
    effect = dice.choice([effect for effect in effects_on(function) if effect.split()[0] not in without])
    return f"delay {dice.randint(1, int(LONGEST_DELAY * 1000))}" if effect.startswith("delay") else effect


def only_one(faults, condition):
    """The faults without all but the first of which the condition holds."""
    which = [fault for fault in faults if condition(fault)]
    return [fault for fault in faults if fault not in which[1:]]


def random_faults(dice, without, most, functions, calls):
    call = None
    for _ in range(most):
        if call is None or dice.random() > IN_COMPANY:
            call = dice.choice(functions), dice.randrange(calls)
        yield Fault(*call, random_effect(dice, call[0], without))


def that_can_all_happen(faults):
    """In an order in which no fault keeps another one from its call, without those that are kept from it in every order."""
    last = {fault.call: fault for fault in reversed(faults) if fault.ends_its_call}
    return [fault for fault in faults if not fault.ends_its_call] + [fault for fault in faults if fault is last.get(fault.call)]


def random_script(dice, without):
    faults = [Fault("C_Sign", 0, "return CKR_DEVICE_ERROR")]  # so that the token is opened anew at least once
    faults += random_faults(dice, without, dice.randint(1, FAULTS_AT_SIGNING), AT_SIGNING, SIGNATURES)
    faults += random_faults(dice, without, dice.randint(0, FAULTS_AT_REOPENING), AT_REOPENING, 3)
    faults = only_one(only_one(faults, lambda fault: fault.may_cost_a_login), lambda fault: fault.is_slow)
    return that_can_all_happen(faults)


class Tally:
    def __init__(self):
        self.effects = collections.Counter()
        self.refusals = collections.Counter()
        self.signed = 0
        self.slowest = 0.0
        self.rounds = 0

    @classmethod
    def of_round(cls, happened, answers, recovery):
        tally = cls()
        tally.effects.update(happened)
        tally.refusals.update(answer.code for answer in answers if answer.code)
        tally.signed = sum(answer.status == 200 for answer in answers)
        tally.slowest = recovery
        tally.rounds = 1
        return tally

    def add(self, other):
        self.effects.update(other.effects)
        self.refusals.update(other.refusals)
        self.signed += other.signed
        self.slowest = max(self.slowest, other.slowest)
        self.rounds += other.rounds

    @property
    def faults(self):
        return self.effects.total()

    def line(self):
        answered = self.signed + self.refusals.total()
        return (f"{self.faults} faults in {self.rounds} rounds, {answered} requests answered, {self.refusals.total()} of them refused, "
                f"slowest recovery {self.slowest:.2f} s")  # fmt: skip

    def table(self):
        yield self.line()
        for title, counts in (("faults", self.effects), ("refusals", self.refusals)):
            yield title
            yield from (f"  {count:8} {name}" for name, count in counts.most_common())


class Watch:
    """Sees when the faults of a round have all happened, or when no more of them do."""

    def __init__(self, daemon, load, faults):
        self.module = daemon.module
        self.load = load
        self.faults = faults
        self.fired = [0] * len(faults)
        self.latest = time.monotonic()

    def is_over(self):
        fired = self.module.fired_by_line(len(self.faults))
        if fired != self.fired:
            self.fired, self.latest = fired, time.monotonic()
        return all(fired) or self.nothing_opens_it() or time.monotonic() > self.latest + QUIET

    def nothing_opens_it(self):
        """The faults that are left wait for the token to be opened anew, while it is open and signs."""
        left = [fault for fault, fired in zip(self.faults, self.fired) if not fired]
        return all(fault.function in AT_REOPENING for fault in left) and self.load.signed_since(self.latest)

    def happened(self):
        counts = collections.Counter()
        for fault, fired in zip(self.faults, self.fired):
            counts[fault.kind] += fired
        return counts


def suffer(daemon, faults):
    """One round. Returns (its tally, what did not hold)."""
    daemon.module.write(*map(str, faults))
    with Load(daemon, CONNECTIONS, PAUSE_AFTER_REFUSAL) as load:
        watch = Watch(daemon, load, faults)
        wait_for(watch.is_over, LONGEST_ROUND, "the round's end", poll=0.05)
        daemon.module.write()
        violations, recovery = after_fault(daemon, load, time.monotonic() + LONGEST_DELAY)
    violations += load.violations() + every_key_signs(daemon) + nothing_is_left_behind(daemon)
    return Tally.of_round(watch.happened(), load.answers(), recovery), violations


def rounds(options, number, share):
    """Yields (tally, violations) of round after round, until a daemon has had its share."""
    dice, had = random.Random(f"{options.seed} {number}"), 0
    with FaultyDaemon.behind_faults() as daemon:
        while had < share:
            faults = random_script(dice, options.without)
            try:
                tally, violations = suffer(daemon, faults)
            except Exception:  # whatever it is, it must be told with its round
                tally, violations = Tally(), [traceback.format_exc()]
            if violations:
                violations += ["the round's faults:", *map(str, faults), daemon.log()[-2000:]]
            had += tally.faults
            yield tally, violations


def stop(*_):
    sys.exit(1)


def work(results, options, number, share):
    """A worker's process: sends what came of each round. However it ends, its daemon ends with it."""
    signal.signal(signal.SIGTERM, stop)
    for result in rounds(options, number, share):
        results.send(result)
    results.send(None)


class Worker:
    def __init__(self, options, number):
        self.number = number
        self.rounds = 0
        self.done = False
        self.results, theirs = multiprocessing.Pipe(duplex=False)
        share = -(-options.faults // options.daemons)
        self.process = multiprocessing.Process(target=work, args=(theirs, options, number, share))
        self.process.start()
        theirs.close()

    def hear(self, tally):
        """Adds the next round to the tally. Returns what did not hold in it."""
        try:
            result = self.results.recv()
        except EOFError:
            return ["the worker has ended"]
        if result is None:
            self.done = True
            return []
        self.rounds += 1
        tally.add(result[0])
        return result[1]

    def end(self):
        if not self.done:
            self.process.terminate()
        self.process.join()


def listen(workers, tally):
    """Until every worker is done. Returns what did not hold, the first time that something did not."""
    told = time.monotonic()
    while listening := {worker.results: worker for worker in workers if not worker.done}:
        for ready in multiprocessing.connection.wait(listening, PROGRESS):
            worker = listening[ready]
            if violations := worker.hear(tally):
                return [f"worker {worker.number}, round {worker.rounds}:", *violations]
        if time.monotonic() > told + PROGRESS:
            told = time.monotonic()
            print(tally.line(), flush=True)
    return []


def soak(options):
    tally, workers = Tally(), []
    try:
        workers += (Worker(options, number) for number in range(1, options.daemons + 1))
        return tally, listen(workers, tally)
    finally:
        for worker in workers:
            worker.end()


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Random faults of the PKCS#11 module, under load.")
    parser.add_argument("--faults", type=int, default=100_000, help="how many (100,000)")
    parser.add_argument("--daemons", type=int, default=12, help="how many suffer at a time (12)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the faults; another one each time")
    parser.add_argument("--without", action="append", default=[], metavar="EFFECT", help="an effect to leave out")
    options = parser.parse_args()
    began = time.monotonic()
    print(f"seed {options.seed}, {options.daemons} daemons", flush=True)
    tally, violations = soak(options)
    print(*tally.table(), f"{tally.faults / (time.monotonic() - began):.1f} faults a second", sep="\n")
    if violations:
        print(f"violated, seed {options.seed}, {options.daemons} daemons:", *violations, sep="\n")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
