"""Kills of the daemon at random moments of a rotation. What must hold afterwards: the old state or the new, and a token that holds exactly
the keys the state names."""

import argparse
import collections
import random
import re
import sys
import threading
import time

from harness import Daemon, cli, request

CLAIMS = {"sub": "did:key:z6MkAgent", "aud": "clawproxy.com", "scope": ["proxy:call"], "ttl_sec": 60}
AND_SOME = 1.2  # the latest kill comes after the command's usual time, and some
GONE = ("destroyed",)
PATIENCE = 5.0


def versions(daemon, family):
    listed = request(daemon.admin, "GET", "/v1/keys").json["keys"]
    return {key["version"]: key for key in listed if key["family"] == family}


def ids_on_token(daemon):
    """CKA_IDs of private keys with our labels."""
    listed = daemon.pkcs11_tool("--list-objects", "--type", "privkey")
    return set(re.findall(r"label:\s+clawsigner/\S+\n\s+ID:\s+([0-9a-f]{16})", listed))


def violations(daemon, family, before):
    found = versions(daemon, family)
    active = [key for key in found.values() if key["state"] == "active"]
    listed = request(daemon.admin, "GET", "/v1/keys").json
    named = {key["id"] for key in listed["keys"] if "id" in key and key["state"] not in GONE}
    if len(found) not in (before, before + 1):
        yield f"{before} versions before, {len(found)} now"
    if len(active) != 1:
        yield f"{len(active)} active keys"
    elif daemon.issue(CLAIMS).json.get("kid") != active[0]["kid"]:
        yield "a token is not signed by the active key"
    if listed["unusable"] or any("fault" in key for key in listed["keys"]):
        yield f"state and token differ: {listed}"
    if named != ids_on_token(daemon):
        yield f"the state names {sorted(named)}, the token holds {sorted(ids_on_token(daemon))}"


def lasting(find):
    """What is still wrong when the daemon has had the time to take back what was half made."""
    end = time.monotonic() + PATIENCE
    while (found := find()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def kill_rotations(count, seed, progress=lambda tally: None):
    """Returns (tally, violations)."""
    dice, tally, bad = random.Random(seed), collections.Counter(), []
    with Daemon.fresh() as daemon:
        words = ("keys", "rotate", "cst", "--now", "--yes", "--overlap", "0s", "--socket", daemon.admin)
        begun = time.monotonic()
        assert cli(*words).returncode == 0
        longest = (time.monotonic() - begun) * AND_SOME
        for number in range(count):
            before = len(versions(daemon, "cst"))
            rotation = threading.Thread(target=cli, args=words)
            rotation.start()
            time.sleep(dice.random() * longest)  # the moment
            daemon.kill()
            rotation.join()
            daemon.start()
            daemon.wait_ready()
            bad = [f"kill {number}: {what}" for what in lasting(lambda: list(violations(daemon, "cst", before)))]
            tally["new" if len(versions(daemon, "cst")) > before else "old"] += 1
            progress(tally)
            if bad:
                bad.append("the daemon's last words: " + daemon.log()[-4000:])
                break
        audit = cli("log", "audit", "--socket", daemon.observe)
        if audit.returncode != 0:
            bad.append(audit.stdout + audit.stderr)
    return tally, bad


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Kills of the daemon at random moments of a rotation.")
    parser.add_argument("--rotations", type=int, default=200, help="how many (200)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the moments; another one each time")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    tally, bad = kill_rotations(
        options.rotations, options.seed, lambda tally: print(f"{sum(tally.values())} kills: {dict(tally)}", flush=True)
    )
    print(f"{sum(tally.values())} kills: {tally['old']} left the old state, {tally['new']} the new")
    if bad:
        print(f"violated, seed {options.seed}:", *bad, sep="\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
