"""The sockets' doors: who is let in, how much they may hold, and what happens to them at the end.

Callers of other users are played by processes with their uids, so these stories need root: without it they run again under sudo, and
where there is none they fail and say so.
"""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

from harness import BIN, RECEIPT, Daemon, UnixConnection, cli, request, wait_until

ROLES = ("proxy", "issuer", "admin", "observe")
TOKEN = {"claims": {"sub": "did:key:zAgent", "aud": "x", "scope": ["s"]}}

# Asks one thing over one socket and prints status and body; run as another user.
ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(20)
try:
    s.connect(sys.argv[1])
except OSError as error:
    print(type(error).__name__); raise SystemExit
s.sendall(sys.argv[2].encode())
data = b""
while chunk := s.recv(65536):
    data += chunk
head, _, body = data.partition(b"\\r\\n\\r\\n")
print(head.split()[1].decode(), body.decode())
"""


# Asks one thing twice over one connection and prints both statuses; between them, when its standard input says so. Run as another user.
ASK_TWICE = """
import http.client, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
c = http.client.HTTPConnection("x"); c.sock = s
for _ in range(2):
    c.request("GET", "/healthz"); r = c.getresponse(); r.read()
    print(r.status, flush=True); sys.stdin.readline()
"""


# Opens connections and holds them until its standard input ends.
HOLD = """
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); held.append(s)
print("held", flush=True); sys.stdin.read()
"""


# Connects and leaves, over and over, until nobody is there.
KNOCK = """
import socket, sys
print("knocking", flush=True)
while True:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sys.argv[1])
    except OSError:
        break
    s.close()
"""


def http_bytes(method, target, body=None, close=True):
    text = "" if body is None else json.dumps(body)
    connection = "Connection: close\r\n" if close else ""
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{connection}Content-Length: {len(text)}\r\n\r\n{text}"


def setUpModule():
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        raise RuntimeError("these stories play callers of several users: run them as root, or install sudo")
    again = ["sudo", "-n", "--preserve-env=CLAWSIGNER_BIN,PYTHONDONTWRITEBYTECODE", sys.executable, "-m", "unittest", "-v", "test_doors"]
    sys.exit(subprocess.run(again, check=False).returncode)


class Caller:
    """A process of some user, with its groups."""

    def __init__(self, name, uid, gid, groups=()):
        self.name, self.uid, self.gid, self.groups = name, uid, gid, list(groups)

    def ask(self, path, message):
        """(status, body), or the name of the exception that connecting met."""
        done = subprocess.run(
            ["/usr/bin/python3", "-c", ASK, str(path), message],
            user=self.uid, group=self.gid, extra_groups=self.groups, cwd="/",
            capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
        status, _, body = done.stdout.strip().partition(" ")
        return (int(status), body) if status.isdigit() else (status, "")


PROXY = Caller("the proxy", 41001, 41001)
ISSUER = Caller("the issuer", 41002, 41002)
ROOT = Caller("the security team", 0, 0)
WATCHER = Caller("a watcher by a further group", 41003, 41003, [42000])
WATCHER_TOO = Caller("a watcher by its first group", 41004, 42000)
STRANGER = Caller("a stranger", 41005, 41005)
NOBODY = Caller("the overflow user, in a group that is let in", 65534, 42000, [42000])
CALLERS = (PROXY, ISSUER, ROOT, WATCHER, WATCHER_TOO, STRANGER, NOBODY)
LET_IN = {"proxy": {PROXY}, "issuer": {ISSUER}, "admin": {ROOT}, "observe": {WATCHER, WATCHER_TOO}}
ACCESS = """
[roles.proxy]
users = ["41001"]
[roles.issuer]
users = ["41002"]
[roles.admin]
users = ["root"]
[roles.observe]
groups = ["42000"]
"""


@contextlib.contextmanager
def daemon_with(more):
    """A daemon with more configuration, in a directory that other users can reach."""
    with Daemon.fresh(start=False) as daemon:
        with daemon.config.open("a") as config:
            config.write(more)
        daemon.directory.parent.chmod(0o711)
        daemon.directory.chmod(0o711)
        daemon.start()
        yield daemon


class Access(unittest.TestCase):
    def assert_refused(self, role, status, body):
        if role == "admin":  # the daemon's own user's alone, and the socket's mode says so, too
            self.assertEqual(status, "PermissionError")
        else:
            self.assertEqual((status, json.loads(body)["error"]["code"]), (403, "FORBIDDEN"))

    def test_every_caller_on_every_socket_is_let_in_or_refused_as_the_table_says(self):
        with daemon_with(ACCESS) as daemon:
            for role in ROLES:
                for caller in CALLERS:
                    with self.subTest(role=role, caller=caller.name):
                        status, body = caller.ask(daemon.directory / f"{role}.sock", http_bytes("GET", "/healthz"))
                        if caller in LET_IN[role]:
                            self.assertEqual((status, body), (200, '{"alive":true}'))
                        else:
                            self.assert_refused(role, status, body)

    def test_what_is_refused_at_the_door_is_refused_whatever_is_asked(self):
        with daemon_with(ACCESS) as daemon:
            for role, method, target, body in (
                ("proxy", "POST", "/v1/receipts", RECEIPT),
                ("issuer", "POST", "/v1/tokens", TOKEN),
                ("admin", "POST", "/v1/keys", {"family": "cst"}),
                ("observe", "GET", "/nowhere", None),
            ):
                status, answer = STRANGER.ask(daemon.directory / f"{role}.sock", http_bytes(method, target, body))
                self.assert_refused(role, status, answer)
            self.assertIn('"uid":41005', daemon.log())

    def test_each_role_has_its_work_done_and_no_other(self):
        with daemon_with(ACCESS) as daemon:
            wait_until(lambda: WATCHER.ask(daemon.directory / "observe.sock", http_bytes("GET", "/readyz"))[0] == 200, "the keys")
            asked = {
                PROXY: ("proxy", "POST", "/v1/receipts", RECEIPT),
                ISSUER: ("issuer", "POST", "/v1/tokens", TOKEN),
                ROOT: ("admin", "GET", "/v1/keys", None),
                WATCHER: ("observe", "GET", "/v1/status", None),
            }
            for caller, (role, method, target, body) in asked.items():
                for other in ROLES:
                    with self.subTest(caller=caller.name, socket=other):
                        status, answer = caller.ask(daemon.directory / f"{other}.sock", http_bytes(method, target, body))
                        if other == role:
                            self.assertEqual(status, 200, answer)
                        else:
                            self.assert_refused(other, status, answer)

    def test_without_a_table_the_sockets_are_the_daemons_users_alone(self):
        with daemon_with("") as daemon:
            for role in ROLES:
                path = daemon.directory / f"{role}.sock"
                self.assertEqual(path.stat().st_mode & 0o777, 0o600)
                self.assertEqual(STRANGER.ask(path, http_bytes("GET", "/healthz"))[0], "PermissionError")
                self.assertEqual(ROOT.ask(path, http_bytes("GET", "/healthz"))[0], 200)

    def test_users_groups_and_roles_there_are_not_are_named_with_their_line(self):
        for text, said in (
            ('[roles.proxy]\nusers = ["no-such-user"]\n', "there is no user no-such-user"),
            ('[roles.proxy]\ngroups = ["no-such-group"]\n', "there is no group no-such-group"),
            ('[roles.king]\nusers = ["0"]\n', "king is not a role"),
            ('[roles.proxy]\nusers = ["65534"]\n', "65534, which stands for"),
            ('[roles.proxy]\ngroups = ["65534"]\n', "65534, which stands for"),
            ('[roles.proxy]\nusers = ["4294967295"]\n', "there is no user 4294967295"),
            ("[roles.admin]\n", "roles.admin lets nobody in"),
            ("[roles.proxy]\nusers = [0]\n", "must be an array of strings"),
        ):
            with Daemon.fresh(start=False) as daemon:
                with daemon.config.open("a") as config:
                    config.write(text)
                done = subprocess.run([BIN / "clawsignerd", "check", "--config", daemon.config], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"clawsigner\.toml:\d+: .*" + said)


class Roles(unittest.TestCase):
    """Who has which role is in the ledger: one admin takes it away, operators give it."""

    def roles(self, daemon, *words):
        return cli("roles", *words, "--socket", daemon.admin)

    def shown(self, daemon):
        done = self.roles(daemon, "show", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {entry["role"]: (entry["users"], entry["groups"]) for entry in json.loads(done.stdout)["roles"]}

    def approve(self, daemon, filed):
        self.assertEqual(filed.returncode, 0, filed.stderr)
        name = json.loads(filed.stdout)["request"]["id"]
        done = cli("approvals", "approve", name, "--key", daemon.directory / "operator", "--yes", "--json", "--socket", daemon.admin)
        self.assertEqual((done.returncode, json.loads(done.stdout).get("done")), (0, True), done.stderr)

    def status(self, daemon, caller, role="proxy"):
        return caller.ask(daemon.directory / f"{role}.sock", http_bytes("GET", "/healthz"))[0]

    def test_they_are_seeded_once_and_what_the_file_says_later_is_shown_and_not_obeyed(self):
        with daemon_with(ACCESS) as daemon:
            first = {"proxy": ([41001], []), "issuer": ([41002], []), "admin": ([0], []), "observe": ([], [42000])}
            self.assertEqual(self.shown(daemon), first)
            self.assertEqual(daemon.stop(), 0)
            daemon.edit_config('users = ["41001"]', 'users = ["41001", "41005", "no-such-user"]')
            daemon.start()
            self.assertEqual(self.shown(daemon), first)
            self.assertEqual(self.status(daemon, STRANGER), 403)
            self.assertRegex(daemon.log(), '"event":"config.not_obeyed","table":"roles"')

    def test_that_there_were_none_at_the_first_start_is_remembered(self):
        with daemon_with("") as daemon:
            self.assertEqual(daemon.stop(), 0)
            with daemon.config.open("a") as config:
                config.write(ACCESS)
            daemon.start()
            self.assertEqual(self.shown(daemon), {role: ([0], []) for role in ROLES})
            self.assertEqual(self.status(daemon, PROXY), "PermissionError")

    def test_a_new_caller_waits_for_operators_and_then_finds_the_socket_open(self):
        with daemon_with("") as daemon:
            filed = self.roles(daemon, "set", "proxy", "--user", "root", "--user", "41001", "--why", "the gateway", "--json")
            self.assertEqual(self.status(daemon, PROXY), "PermissionError")
            self.approve(daemon, filed)
            self.assertEqual(self.status(daemon, PROXY), 200)
            self.assertEqual(self.status(daemon, STRANGER), 403)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(self.status(daemon, PROXY), 200)
            self.assertEqual(self.status(daemon, ROOT), 200)

    def test_whoever_loses_a_role_is_refused_at_the_next_request_on_an_open_connection(self):
        with daemon_with(ACCESS) as daemon:
            asking = subprocess.Popen(
                ["/usr/bin/python3", "-c", ASK_TWICE, str(daemon.proxy)], user=PROXY.uid, group=PROXY.gid, extra_groups=[], cwd="/",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
            with asking:
                self.assertEqual(asking.stdout.readline(), "200\n")
                taken = self.roles(daemon, "set", "proxy", "--nobody", "--why", "it was broken into")
                self.assertEqual(taken.returncode, 0, taken.stderr)
                asking.stdin.write("\n\n")
                asking.stdin.flush()
                self.assertEqual(asking.stdout.readline(), "403\n")
            self.assertEqual(self.status(daemon, PROXY), "PermissionError")
            leaf = next(line for line in daemon.log().splitlines() if '"act":"roles.set"' in line)
            self.assertIn('"why":"it was broken into"', leaf)

    def test_the_last_admin_stays_and_unknown_people_are_refused_by_name(self):
        with daemon_with(ACCESS) as daemon:
            for words, said in (
                (("admin", "--nobody"), "nobody could ever change that"),
                (("proxy", "--user", "no-such-user"), "there is no user no-such-user"),
                (("proxy", "--group", "no-such-group"), "there is no group no-such-group"),
                (("proxy", "--user", "65534"), "65534"),
            ):
                refused = self.roles(daemon, "set", *words)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(said, refused.stderr)
            for words in (("proxy",), ("king", "--nobody"), ("proxy", "--nobody", "--user", "0")):
                self.assertEqual(self.roles(daemon, "set", *words).returncode, 2, words)
            self.assertIn("0 (root)", self.roles(daemon, "show").stdout)

    def test_an_admin_who_gave_the_role_away_has_none(self):
        with daemon_with(ACCESS) as daemon:
            both = self.roles(daemon, "set", "admin", "--user", "0", "--user", "41005", "--json")
            self.approve(daemon, both)
            self.assertEqual(self.status(daemon, STRANGER, "admin"), 200)
            self.assertEqual(self.roles(daemon, "set", "admin", "--user", "41005").returncode, 0)
            self.assertEqual(self.roles(daemon, "show").returncode, 1)
            self.assertEqual(self.status(daemon, STRANGER, "admin"), 200)


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def resident_mib(daemon):
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def connected(path):
    client = socket.socket(socket.AF_UNIX)  # blocking: waits while the daemon's backlog is full
    client.connect(str(path))
    client.settimeout(20)
    return client


def all_of(client):
    """Everything until the daemon closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            data += chunk
    return data


class Bounds(unittest.TestCase):
    def test_ten_thousand_idle_connections_are_held_or_refused_and_nobody_else_notices(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertGreater(hard, 11_000, "too few descriptors for ten thousand connections")
        with Daemon.fresh() as daemon, contextlib.ExitStack() as open_ones:
            before = resident_mib(daemon)
            clients = [open_ones.enter_context(connected(daemon.proxy)) for _ in range(10_000)]
            refused = all_of(clients[-1])  # the daemon takes them in order: by now all have been judged
            self.assertTrue(refused.startswith(b"HTTP/1.1 503 "))
            self.assertIn(b"Retry-After: 1\r\n", refused)
            self.assertIn(b"QUEUE_FULL", refused)
            self.assertLess(resident_mib(daemon) - before, 40)
            self.assertLess(descriptors(daemon), 700)  # 512 of one user
            self.assertEqual(request(daemon.issuer, "POST", "/v1/tokens", TOKEN).status, 200)
            self.assertEqual(request(daemon.admin, "GET", "/v1/status").status, 200)
            clients[0].sendall(http_bytes("POST", "/v1/receipts", RECEIPT).encode())
            self.assertTrue(all_of(clients[0]).startswith(b"HTTP/1.1 200 "), "one that is held is served")
            open_ones.close()
            wait_until(lambda: descriptors(daemon) < 100, "the connections to be given back")
            self.assertEqual(daemon.sign().status, 200)

    def test_clients_that_leave_in_the_middle_leave_nothing_behind(self):
        with Daemon.fresh() as daemon:
            before = descriptors(daemon)
            whole = http_bytes("POST", "/v1/receipts", RECEIPT).encode()
            for i in range(600):
                with connected(daemon.proxy) as client:
                    client.sendall(whole[: i * len(whole) // 600])
            wait_until(lambda: descriptors(daemon) <= before, "the connections to be given back")
            self.assertEqual(daemon.sign().status, 200)

    def test_a_flood_on_one_socket_leaves_the_others_answering(self):
        stop = threading.Event()

        def flood(path):
            client = UnixConnection(path)
            while not stop.is_set():
                client.request("POST", "/v1/receipts", json.dumps(RECEIPT))
                client.getresponse().read()
            client.close()

        with Daemon.fresh() as daemon:
            threads = [threading.Thread(target=flood, args=(daemon.proxy,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(100):
                    self.assertEqual(request(daemon.issuer, "POST", "/v1/tokens", TOKEN).status, 200)
                    self.assertEqual(request(daemon.admin, "GET", "/healthz").status, 200)
            finally:
                stop.set()
                for thread in threads:
                    thread.join()

    def test_many_threads_and_sessions_leave_descriptors_for_fewer_connections(self):
        limit = 2000
        of_threads, of_a_child_that_starts = 3 * (2 * 64 + 2), 2 * (64 + 1)
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config("[server]", "[server]\nio_threads = 64")
            daemon.edit_config("[backends.main]", '[backends.main]\nisolation = "process"\nsessions = 64')
            daemon.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
            daemon.wait_ready()
            (lowered,) = (json.loads(line) for line in daemon.log().splitlines() if "limits.lowered" in line)
            self.assertLess(len(ROLES) * lowered["connections"] + of_threads + of_a_child_that_starts, limit)
            self.assertGreater(lowered["connections"], 200)

    def test_with_few_descriptors_it_takes_few_connections_and_keeps_its_token(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)))
            daemon.wait_ready()
            self.assertIn("limits.lowered", daemon.log())
            with contextlib.ExitStack() as open_ones:
                first = open_ones.enter_context(connected(daemon.proxy))
                for _ in range(400):
                    last = open_ones.enter_context(connected(daemon.proxy))
                self.assertIn(b"QUEUE_FULL", all_of(last))
                first.sendall(http_bytes("POST", "/v1/receipts", RECEIPT).encode())
                self.assertTrue(all_of(first).startswith(b"HTTP/1.1 200 "))
            self.assertNotIn('"state":"suspect"', daemon.log())


    def test_whoever_is_turned_away_hears_why(self):
        with daemon_with("") as daemon, contextlib.ExitStack() as open_ones:
            for _ in range(512):
                open_ones.enter_context(connected(daemon.proxy))
            for _ in range(20):
                reply = request(daemon.proxy, "POST", "/v1/receipts", RECEIPT)
                self.assertEqual((reply.status, reply.code, reply.headers["Retry-After"]), (503, "QUEUE_FULL", "1"))

    def test_callers_who_may_not_take_no_place_from_those_who_may(self):
        with daemon_with(ACCESS) as daemon:
            flood = subprocess.Popen(
                ["/usr/bin/python3", "-c", HOLD, str(daemon.proxy), "2000"], user=STRANGER.uid, group=STRANGER.gid, extra_groups=[],
                cwd="/", stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)  # fmt: skip
            self.addCleanup(flood.communicate, "")
            self.assertEqual(flood.stdout.readline(), "held\n")
            self.assertEqual(PROXY.ask(daemon.proxy, http_bytes("GET", "/healthz"))[0], 200)
            self.assertLess(descriptors(daemon), 150)


class Leaving(unittest.TestCase):
    def test_a_stranger_who_keeps_connecting_does_not_keep_it_from_stopping(self):
        with daemon_with(ACCESS) as daemon:
            floods = [
                subprocess.Popen(
                    ["/usr/bin/python3", "-c", KNOCK, str(daemon.observe)], user=STRANGER.uid, group=STRANGER.gid, extra_groups=[],
                    cwd="/", stdout=subprocess.PIPE, text=True)  # fmt: skip
                for _ in range(4)
            ]
            for flood in floods:
                self.assertEqual(flood.stdout.readline(), "knocking\n")
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(12), 0)
            for flood in floods:
                flood.communicate(timeout=30)

    def test_what_had_arrived_before_sigterm_is_answered_whole(self):
        with Daemon.fresh() as daemon, contextlib.ExitStack() as open_ones:
            fresh = [open_ones.enter_context(connected(daemon.proxy)) for _ in range(64)]
            for client in fresh:
                client.sendall(http_bytes("POST", "/v1/receipts", RECEIPT, close=False).encode())
            pipelined = open_ones.enter_context(connected(daemon.issuer))
            pipelined.sendall(http_bytes("POST", "/v1/tokens", TOKEN, close=False).encode() * 50)
            daemon.process.send_signal(signal.SIGTERM)
            for client in fresh:
                answer = all_of(client)
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), (answer[:80], daemon.process.poll(), daemon.log()[-600:]))
                head, _, body = answer.partition(b"\r\n\r\n")
                json.loads(body)
            self.assertEqual(all_of(pipelined).count(b"HTTP/1.1 200 "), 50)
            self.assertEqual(daemon.process.wait(20), 0)
            self.assertFalse(daemon.proxy.exists())


if __name__ == "__main__":
    unittest.main()
