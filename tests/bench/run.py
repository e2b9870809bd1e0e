"""Measures everything in rounds, prints the medians and holds them against what is required. Run by scripts/bench."""

import argparse
import collections
import contextlib
import dataclasses
import json
import signal
import statistics
import sys
import time

import machine
from stage import Stage

ROUNDS = 5
FLOODERS = 8
MOST_OF_OTHERS = 5  # percent of the cores


@dataclasses.dataclass
class Bound:
    """figure / peer, or the figure alone, is at least or at most `value`."""

    figure: str
    is_least: bool
    value: float
    peer: str | None = None

    def ratio(self, medians):
        return medians[self.figure] / (medians[self.peer] if self.peer else 1)

    def holds(self, medians):
        ratio = self.ratio(medians)
        return ratio >= self.value if self.is_least else ratio <= self.value


def at_least(figure, value, peer=None):
    return Bound(figure, True, value, peer)


def at_most(figure, value, peer=None):
    return Bound(figure, False, value, peer)


BOUNDS = [
    at_least("daemon_8", 0.82, "limit"),
    at_least("ledger_8", 0.85, "daemon_8"),
    at_least("ledger_64", 0.95, "daemon_64"),
    at_least("p256_ledger_8", 0.72, "p256_daemon_8"),
    at_least("child_8", 0.8, "daemon_8"),
    at_least("batch", 0.95, "limit"),
    at_most("p256_daemon_1_p50_us", 0.5, "ssh_agent_1_p50_us"),
    at_least("p256_daemon_8", 0.62, "p256_limit"),
    at_least("p256_daemon_8_unverified", 5, "ssh_agent_8"),
    at_least("p256_daemon_8_unverified", 1.5, "p11_kit_8"),
    at_least("p256_batch", 0.85, "p256_limit"),
    at_most("rss_mib", 15),
    at_most("ledger_adds_p50_us", 2.5, "fdatasync_p50_us"),
    at_most("ledger_adds_p99_us", 3, "fdatasync_p99_us"),
    at_most("million_start_ms", 1000),
    at_most("million_proof_p50_us", 300),
    at_most("flood_p99_us", 5, "idle_p99_us"),
    at_most("decision_adds_us", 15),
    at_most("decision_seen_us", 15),
]


def flood_p99(stage):
    with stage.flood(stage.ed25519, FLOODERS):
        return stage.tokens(stage.ed25519)["p99_us"]


def daemon_1(stage):
    figures = stage.receipts(stage.ed25519, 1)
    return {"daemon_1": figures["per_second"], "daemon_1_p50_us": figures["p50_us"]}


def daemon_8(stage):
    figures = stage.receipts(stage.ed25519, 8)
    return {"daemon_8": figures["per_second"], "daemon_8_p99_us": figures["p99_us"]}


def idle(stage):
    """What the ledger adds to a request when nothing else is going on, and what its disk takes, with the same pauses."""
    disk, unlogged, logged = stage.fdatasync(), stage.idle(stage.ed25519), stage.idle(stage.ledger)
    figures = {}
    for which in ("p50_us", "p99_us"):
        figures["fdatasync_" + which] = disk[which]
        figures["ledger_adds_" + which] = logged[which] - unlogged[which]
    return figures


def decision(stage):
    """What a decision adds to one signature check, under a token that the process made (whose signature it knows, so that it
    adds less than nothing), and under one made before its start; and what it costs under a token that was seen before."""
    figures = stage.decision()
    return {
        "decision_verify_us": figures["verify_us"],
        "decision_adds_us": figures["first_us"] - figures["verify_us"],
        "decision_anew_adds_us": figures["anew_us"] - figures["verify_us"],
        "decision_seen_us": figures["seen_us"],
    }


def rate(name, measure):
    return lambda stage: {name: measure(stage)["per_second"]}


def time_of(name, which, measure):
    return lambda stage: {name: measure(stage)[which]}


# One round, in this order: what is compared stands together.
MEASUREMENTS = [
    rate("raw_1", lambda stage: stage.sign(stage.ed25519_token, 1)),
    rate("raw_2", lambda stage: stage.sign(stage.ed25519_token, 2)),
    rate("limit", lambda stage: stage.sign(stage.ed25519_token, 2, "--verify")),
    daemon_1,
    daemon_8,
    rate("ledger_8", lambda stage: stage.receipts(stage.ledger, 8)),
    rate("daemon_64", lambda stage: stage.receipts(stage.ed25519, 64)),
    rate("ledger_64", lambda stage: stage.receipts(stage.ledger, 64)),
    rate("child_8", lambda stage: stage.receipts(stage.child, 8)),
    rate("batch", lambda stage: stage.batch(stage.ed25519)),
    rate("p256_raw_2", lambda stage: stage.sign(stage.p256_token, 2)),
    rate("p256_limit", lambda stage: stage.sign(stage.p256_token, 2, "--verify")),
    time_of("p256_daemon_1_p50_us", "p50_us", lambda stage: stage.receipts(stage.p256, 1)),
    rate("p256_daemon_8", lambda stage: stage.receipts(stage.p256, 8)),
    rate("p256_ledger_8", lambda stage: stage.receipts(stage.p256_ledger, 8)),
    rate("p256_daemon_8_unverified", lambda stage: stage.receipts(stage.p256_unverified, 8)),
    rate("p256_batch", lambda stage: stage.batch(stage.p256)),
    time_of("ssh_agent_1_p50_us", "p50_us", lambda stage: stage.ssh_agent_signatures(1)),
    rate("ssh_agent_8", lambda stage: stage.ssh_agent_signatures(8)),
    rate("p11_kit_8", lambda stage: stage.sign_through_p11_kit(8)),
    lambda stage: {"rss_mib": stage.fresh_rss_mib()},
    lambda stage: stage.of_a_million(),
    idle,
    time_of("idle_p99_us", "p99_us", lambda stage: stage.tokens(stage.ed25519)),
    lambda stage: {"flood_p99_us": flood_p99(stage)},
    decision,
]


def measure(stage, rounds):
    """Every measurement once a round, so that what disturbs the machine for a while disturbs all of them."""
    seen = collections.defaultdict(list)
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for measurement in MEASUREMENTS:
            for name, value in measurement(stage).items():
                seen[name].append(value)
    return seen


def unit(name):
    return next((unit for unit in ("us", "mib", "ms") if name.endswith("_" + unit)), "/s")


def print_table(seen, medians):
    line = "{:26}{:>10} {:4}{:>10}{:>10}   {:20}{:>8}   {:9}{}".format
    print(line("figure", "median", "", "lowest", "highest", "against", "ratio", "required", "holds"))
    for name, values in seen.items():
        figure = [name, f"{medians[name]:,.0f}", unit(name), f"{min(values):,.0f}", f"{max(values):,.0f}"]
        for bound in [b for b in BOUNDS if b.figure == name] or [None]:
            judged = ["", "", "", ""]
            if bound is not None:
                required = (">= " if bound.is_least else "<= ") + f"{bound.value:g}"
                ratio = f"{bound.ratio(medians):.2f}"
                judged = [bound.peer or "", ratio, required, "yes" if bound.holds(medians) else "NO"]
            print(line(*figure, *judged).rstrip())
            figure = [""] * len(figure)


def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = parser.parse_args()

    on_signals(lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    share = machine.Share()
    with contextlib.ExitStack() as stack:
        try:
            seen = measure(Stage(stack), wanted.rounds)
        finally:
            on_signals(signal.SIG_IGN)  # an impatient second one would leave processes behind
    others = share.other_percent()
    medians = {name: round(statistics.median(values), 1) for name, values in seen.items()}
    print(machine.describe())
    print_table(seen, medians)
    kept = sum(bound.holds(medians) for bound in BOUNDS)
    took = time.monotonic() - began
    print(
        f"{kept} of {len(BOUNDS)} bounds hold; medians of {wanted.rounds} rounds in {took:.0f} s, "
        f"in which others took {others:.1f} % of the cores"
    )
    if wanted.rounds < ROUNDS:
        print(f"not a result: fewer than {ROUNDS} rounds")
    if others > MOST_OF_OTHERS:
        print("not a result: the machine was not quiet")
    if wanted.json:
        print(json.dumps(medians))


if __name__ == "__main__":
    main()
