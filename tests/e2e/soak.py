"""Random faults of the PKCS#11 module, many at a time, for as long as wanted, under 8 connections. What must hold: faults.py.

The daemon suffers in rounds: a script of random faults, then an end of them, then a look at everything that must hold. The scripts
follow from the seed; which call of which thread meets a fault does not.
"""

import argparse
import collections
import random
import sys
import time

from faults import FaultyDaemon, Load, Violation, after_fault, every_key_signs, nothing_is_left_behind, wait_for
from test_faults import AT_REOPENING, AT_SIGNING, effects_on

CONNECTIONS = 8
FAULTS_AT_SIGNING = 24  # the most in one round; a script has 64 lines
FAULTS_AT_REOPENING = 4
SIGNATURES = 400  # over so many the faults of a round are spread
LONGEST_DELAY = 0.05
QUIET = 1.0  # seconds without a fault after which the others of a round are not waited for
LONGEST_ROUND = 120.0
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


def random_effect(dice, function, without):
    effect = dice.choice([effect for effect in effects_on(function) if effect.split()[0] not in without])
    return f"delay {dice.randint(1, int(LONGEST_DELAY * 1000))}" if effect.startswith("delay") else effect


def only_one(faults, condition):
    """The faults without all but the first of which the condition holds."""
    which = [fault for fault in faults if condition(fault)]
    return [fault for fault in faults if fault not in which[1:]]


def random_script(dice, without):
    faults = [Fault("C_Sign", 0, "return CKR_DEVICE_ERROR")]  # so that the token is opened anew at least once
    for _ in range(dice.randint(1, FAULTS_AT_SIGNING)):
        function = dice.choice(AT_SIGNING)
        faults.append(Fault(function, dice.randrange(SIGNATURES), random_effect(dice, function, without)))
    for _ in range(dice.randint(0, FAULTS_AT_REOPENING)):
        function = dice.choice(AT_REOPENING)
        faults.append(Fault(function, dice.randrange(3), random_effect(dice, function, without)))
    return only_one(only_one(faults, lambda fault: fault.may_cost_a_login), lambda fault: fault.is_slow)


class Tally:
    def __init__(self):
        self.effects = collections.Counter()
        self.refusals = collections.Counter()
        self.signed = 0
        self.slowest = 0.0
        self.rounds = 0

    def add(self, fired, answers, recovery):
        self.effects.update(fired)
        self.refusals.update(answer.code for answer in answers if answer.code)
        self.signed += sum(answer.status == 200 for answer in answers)
        self.slowest = max(self.slowest, recovery)
        self.rounds += 1

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

    def __init__(self, daemon, faults):
        self.module = daemon.module
        self.faults = faults
        self.fired = [0] * len(faults)
        self.latest = time.monotonic()

    def is_over(self):
        fired = self.module.fired_by_line(len(self.faults))
        if fired != self.fired:
            self.fired, self.latest = fired, time.monotonic()
        return all(fired) or time.monotonic() > self.latest + QUIET

    def happened(self):
        counts = collections.Counter()
        for fault, fired in zip(self.faults, self.fired):
            counts[fault.kind] += fired
        return counts


def suffer(daemon, faults, tally):
    """One round. Returns what did not hold."""
    daemon.module.write(*map(str, faults))
    watch = Watch(daemon, faults)
    with Load(daemon, CONNECTIONS) as load:
        wait_for(watch.is_over, LONGEST_ROUND, "the round's end", poll=0.02)
        daemon.module.write()
        violations, recovery = after_fault(daemon, load, time.monotonic() + LONGEST_DELAY)
    tally.add(watch.happened(), load.answers(), recovery)
    return violations + load.violations() + every_key_signs(daemon) + nothing_is_left_behind(daemon)


def soak(options):
    dice, tally, told = random.Random(options.seed), Tally(), time.monotonic()
    with FaultyDaemon.behind_faults() as daemon:
        while tally.faults < options.faults:
            faults = random_script(dice, options.without)
            violations = suffer(daemon, faults, tally)
            if violations:
                return tally, [*violations, f"in round {tally.rounds}:", *map(str, faults), daemon.log()[-2000:]]
            if time.monotonic() > told + PROGRESS:
                told = time.monotonic()
                print(tally.line(), flush=True)
    return tally, []


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Random faults of the PKCS#11 module, under load.")
    parser.add_argument("--faults", type=int, default=100_000, help="how many (100,000)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the faults; another one each time")
    parser.add_argument("--without", action="append", default=[], metavar="EFFECT", help="an effect to leave out")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    tally, violations = soak(options)
    print(*tally.table(), sep="\n")
    if violations:
        print(f"violated, seed {options.seed}:", *violations, sep="\n")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    try:
        main()
    except Violation as violation:
        sys.exit(f"violated: {violation}")
