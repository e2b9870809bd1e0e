"""Every fault of a PKCS#11 module, at every function the daemon calls, idle and loaded. What must hold after each: faults.py.

One list makes the cases. A story that fails names its case, and `FAULTS=name python3 -m unittest test_faults` runs the cases whose
names contain that.
"""

import concurrent.futures
import contextlib
import os
import signal
import time
import traceback
import unittest
from dataclasses import dataclass

from harness import PATIENCE, request

from faults import (
    CODES, DEADLINE, ENDS_ITS_PROCESS, RECOVERY, SLACK, FaultModule, FaultyDaemon, Load, Violation, after_fault, backend_of, children,
    every_key_signs, has_ended, nothing_is_left_behind, wait_for,
)  # fmt: skip

# Every Cryptoki function that the daemon calls; the first story counts them.
AT_SIGNING = ["C_SignInit", "C_Sign"]
AT_REOPENING = [
    "C_Initialize", "C_GetInfo", "C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_OpenSession", "C_Login",
    "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetSessionInfo", "C_GetAttributeValue", "C_CloseSession", "C_CloseAllSessions",
    "C_Finalize",
]  # fmt: skip
AT_CREATION = ["C_GenerateKeyPair"]

REFUSALS = [
    "CKR_DEVICE_ERROR", "CKR_DEVICE_MEMORY", "CKR_DEVICE_REMOVED", "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED",
    "CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID", "CKR_HOST_MEMORY", "CKR_TOKEN_NOT_PRESENT",
]  # fmt: skip
DELAY = 0.2
EFFECTS = [
    *(f"return {rv}" for rv in REFUSALS), f"delay {DELAY * 1000:.0f}", "hang", "crash", "drop-sessions", "logout",
]  # fmt: skip
LIES = {"C_SignInit": ["swap"], "C_Sign": ["corrupt", "replay"]}

CONNECTIONS = {"idle": 1, "loaded": 8}
DAEMONS = 3  # that suffer at the same time: most of a case is waiting for the daemon to try again


@dataclass(frozen=True)
class Case:
    function: str
    effect: str
    moment: str  # signing, reopening or creation
    load: str

    def __str__(self):
        return f"{self.function} {self.effect}, {self.moment}, {self.load}"

    @property
    def lines(self):
        """The script. What is called only to open the token is reached by a signature that fails before."""
        fault = f"{self.function} {{}} 1 {self.effect}"
        if self.moment != "reopening":
            return [fault.format(0)]
        before = 1 if self.function == "C_Sign" else 0
        return ["C_Sign 0 1 return CKR_DEVICE_ERROR", fault.format(before)]

    @property
    def lasts(self):
        """Seconds for which the fault is there. A hang is ended by the test, when it has outlasted what it held up."""
        return {"delay": DELAY, "hang": DEADLINE}.get(self.effect.split()[0], 0)

    @property
    def creates(self):
        return self.moment == "creation"


def effects_on(function):
    return [effect for effect in EFFECTS + LIES.get(function, []) if effect not in ENDS_ITS_PROCESS]


def all_cases():
    moments = {"signing": AT_SIGNING, "reopening": AT_REOPENING, "creation": AT_CREATION}
    cases = [
        Case(function, effect, moment, load)
        for moment, functions in moments.items()
        for function in functions
        for effect in effects_on(function)
        for load in CONNECTIONS
    ]
    # The signature that proves a key while its token opens. Under load it could not be told from the others.
    cases += [Case("C_Sign", effect, "reopening", "idle") for effect in effects_on("C_Sign")]
    return [case for case in cases if os.environ.get("FAULTS", "") in str(case)]


def run(daemon, case):
    """Returns what did not hold."""
    daemon.module.write(*case.lines)
    with Load(daemon, CONNECTIONS[case.load]) as load, concurrent.futures.ThreadPoolExecutor(1) as beside:
        creation = beside.submit(create, daemon) if case.creates else None
        try:
            over = let_it_pass(daemon, load, case)
        except Violation as violation:
            daemon.module.write()
            return [str(violation), *load.violations()]
        daemon.module.write()
        violations, _ = after_fault(daemon, load, over)
        if creation:
            violations += creation.result() + create_at_last(daemon)
    return violations + load.violations() + every_key_signs(daemon) + nothing_is_left_behind(daemon)


def let_it_pass(daemon, load, case):
    """Waits until the fault has happened. Returns when it is, or will be, over."""
    wait_for(lambda: daemon.module.fired(len(case.lines)), PATIENCE, "the fault")
    begun = time.monotonic()
    if case.effect == "hang":
        wait_for(lambda: time.monotonic() > begun + case.lasts and load.all_asked_since(begun), PATIENCE, "answers beside the hang")
        return time.monotonic()
    return begun + case.lasts


def create(daemon):
    """A key is made, or refused with a code."""
    reply = request(daemon.admin, "POST", "/v1/keys", {"family": "cst"})
    known = reply.status == 201 or CODES.get(reply.code) == reply.status
    return [] if known else [f"{reply.status} {reply.text}"]


def create_at_last(daemon):
    def made():
        reply = request(daemon.admin, "POST", "/v1/keys", {"family": "cst"})
        return reply.status == 201 or reply.code == "KEY_EXISTS"

    try:
        wait_for(made, PATIENCE, "the key")
    except Violation as violation:
        return [str(violation)]
    return []


def run_all(cases):
    """Runs the cases one after another and returns (case, violations) of each; a daemon that failed is not used again."""
    results = []
    stack = contextlib.ExitStack()
    daemon = None
    with stack:
        for case in cases:
            if daemon is None or case.creates:
                stack.close()
                daemon = stack.enter_context(FaultyDaemon.behind_faults(without_token_key=case.creates))
            try:
                violations = run(daemon, case)
            except Exception:  # whatever it is, the story must name the case
                violations = [traceback.format_exc(), daemon.log()[-2000:]]
            results.append((case, violations))
            if violations or case.creates:
                daemon = None
    return results


class Faults(unittest.TestCase):
    def test_the_list_names_every_function_that_the_daemon_calls(self):
        with FaultyDaemon.behind_faults(without_token_key=True) as daemon:
            self.assertEqual(create(daemon), [])
            self.assertEqual(request(daemon.admin, "GET", "/v1/keys").status, 200)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.module.functions_called(), {*AT_SIGNING, *AT_REOPENING, *AT_CREATION})

    def test_the_daemon_outlives_every_fault_of_its_module(self):
        cases = all_cases()
        began = time.monotonic()
        with concurrent.futures.ProcessPoolExecutor(DAEMONS) as pool:
            results = [result for some in pool.map(run_all, [cases[i::DAEMONS] for i in range(DAEMONS)]) for result in some]
        print(f"{len(results)} faults in {time.monotonic() - began:.0f} s", flush=True)
        self.assertEqual(len(results), len(cases))
        for case, violations in results:
            with self.subTest(str(case)):
                self.assertFalse(violations, "\n".join(["", *violations]))

    def test_a_device_that_vanishes_whole_and_comes_back_is_signed_with_again(self):
        with FaultyDaemon.behind_faults() as daemon, Load(daemon, 8) as load:
            logins = daemon.module.counters()["logins.tried"]
            daemon.module.write("* 0 * return CKR_DEVICE_REMOVED")
            wait_for(lambda: daemon.sign().status == 503, PATIENCE, "the loss to be noticed")
            gone = time.monotonic()
            wait_for(lambda: load.all_asked_since(gone), PATIENCE, "answers")
            self.assertEqual(daemon.module.counters()["logins.tried"], logins)
            daemon.module.write()
            violations, _ = after_fault(daemon, load, time.monotonic())
            self.assertEqual(violations + load.violations() + every_key_signs(daemon), [])

    def test_a_device_with_few_sessions_is_enough_and_some_are_left_to_others(self):
        for limit, most in ((1, 1), (16, 14)):
            with self.subTest(limit), FaultyDaemon.behind_faults() as daemon:
                daemon.stop()
                daemon.edit_config("[backends.main]", "[backends.main]\nsessions = 32")
                daemon.module.state_file.unlink()
                daemon.module.write(f"C_OpenSession 0 * limit {limit}")
                daemon.start()
                daemon.wait_ready_to_sign()
                with Load(daemon, 8) as load:
                    began = time.monotonic()
                    wait_for(lambda: load.all_asked_since(began), PATIENCE, "answers")
                self.assertEqual({answer.status for answer in load.answers()}, {200})
                self.assertEqual(load.violations(), [])
                self.assertEqual(daemon.module.counters()["sessions.most"], most)

    def test_a_wrong_pin_in_twenty_starts_is_tried_once(self):
        with FaultyDaemon.fresh(start=False) as daemon:
            daemon.module = FaultModule(daemon.directory)
            daemon.put_faults_in_between()
            daemon.set_pin("wrong")
            for _ in range(20):
                daemon.start()
                wait_for(lambda: backend_of(daemon)["state"] == "held", PATIENCE, "the token to be held")
                self.assertEqual(daemon.stop(), 0)
            counters = daemon.module.counters()
            self.assertEqual((counters["logins.tried"], counters["pins.refused"]), (1, 1))

    def test_a_child_that_is_killed_or_stopped_under_load_is_replaced(self):
        with FaultyDaemon.behind_faults() as daemon:
            for number in (signal.SIGKILL, signal.SIGSTOP):
                with self.subTest(number.name):
                    with Load(daemon, 8) as load:
                        (child,) = children(daemon.process.pid)
                        os.kill(child, number)
                        # One that was stopped is ended when the first signature's time is over.
                        over = time.monotonic() + (DEADLINE if number == signal.SIGSTOP else 0)
                        violations, _ = after_fault(daemon, load, over)
                    self.assertEqual(violations + load.violations() + nothing_is_left_behind(daemon), [])

    def test_a_device_that_hangs_while_nobody_asks_is_noticed_by_the_next_probe(self):
        with FaultyDaemon.behind_faults() as daemon:
            (child,) = children(daemon.process.pid)
            daemon.module.write("C_Sign 0 1 hang")
            wait_for(lambda: daemon.module.fired(1), PATIENCE, "the next probe")
            wait_for(lambda: has_ended(child), DEADLINE + RECOVERY, "the child's end")
            self.assertEqual(every_key_signs(daemon), [])

    def test_a_child_ends_with_its_daemon_even_while_it_hangs(self):
        for script in ([], ["C_Sign 0 * hang"]):
            with self.subTest(script), FaultyDaemon.behind_faults() as daemon:
                (child,) = children(daemon.process.pid)
                daemon.module.write(*script)
                wait_for(lambda: not script or daemon.module.fired(1), PATIENCE, "the hang")
                daemon.kill()
                wait_for(lambda: has_ended(child), PATIENCE, "the child's end")

    def test_a_daemon_that_is_told_to_stop_does_not_wait_for_an_opening_that_hangs(self):
        for function in ("C_Initialize", "C_GetSlotList", "C_FindObjects"):
            with self.subTest(function), FaultyDaemon.behind_faults() as daemon:
                (child,) = children(daemon.process.pid)
                daemon.module.write(f"{function} 0 * hang")
                os.kill(child, signal.SIGKILL)
                wait_for(lambda: daemon.module.fired(1), PATIENCE, "the hang")
                (child,) = children(daemon.process.pid)
                began = time.monotonic()
                self.assertEqual(daemon.stop(), 0)
                self.assertLess(time.monotonic() - began, 1 + SLACK)
                self.assertTrue(has_ended(child))

    def test_another_program_that_logs_in_and_out_beside_it_costs_no_signature(self):
        with FaultyDaemon.behind_faults() as daemon, Load(daemon, 8) as load:
            began = time.monotonic()
            for _ in range(10):
                daemon.pkcs11_tool("--login", "--pin", (daemon.directory / "pin").read_text(), "--list-objects")
            wait_for(lambda: load.all_asked_since(began), PATIENCE, "answers")
            self.assertEqual({answer.status for answer in load.answers()}, {200})
            self.assertEqual(load.violations(), [])


if __name__ == "__main__":
    unittest.main()
