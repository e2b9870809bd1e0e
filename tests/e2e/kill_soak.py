"""Kills of the daemon at random moments, for as long as wanted, under 8 connections. What must hold: leaves.py; how it dies: kills.py.

Where the kills fall follows from the seed and what the clients had received; what the daemon was doing then does not.
"""

import argparse
import random
import sys
import time

from kills import LOST, kill_many, kills_in


def table(tally):
    yield from (f"  {count:8} {name}" for name, count in sorted(tally.items()))


def progress(tally):
    print(f"{kills_in(tally)} kills, {tally['artefacts received']} artefacts received, {tally[LOST]} {LOST}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Kills of the daemon at random moments, under load.")
    parser.add_argument("--kills", type=int, default=500, help="how many (500)")
    parser.add_argument("--daemons", type=int, default=2, help="how many die at a time (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the moments; another one each time")
    options = parser.parse_args()
    began = time.monotonic()
    print(f"seed {options.seed}, {options.daemons} daemons", flush=True)
    tally, violations = kill_many(options.kills, options.seed, options.daemons, progress)
    print(f"{kills_in(tally)} kills in {time.monotonic() - began:.0f} s", *table(tally), sep="\n")
    if violations:
        print(f"violated, seed {options.seed}:", *violations, sep="\n")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
