"""What must hold whatever happens to the daemon and its disk: no artefact that a client received lacks its leaf.

`Clients` ask for everything that has a leaf, over 8 connections, and keep what they receive completely. `Ledger` reads the database by
itself, with another SQLite binding and the oracle of tests/oracle, and says what does not hold.
"""

import hashlib
import http.client
import itertools
import json
import pathlib
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass

from harness import RECEIPT, UnixConnection

import log_oracle
import receipt_oracle
from receipt_oracle import b64u, js_text

CLAIMS = {"sub": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "aud": "clawproxy.com", "scope": ["proxy:call"]}
IN_A_BATCH = 10
PAUSE_AFTER_REFUSAL = 0.01


def sha256_b64u(text):
    return b64u(hashlib.sha256(text.encode()).digest())


@dataclass(frozen=True)
class Artefact:
    """What a client holds in its hands, and its leaf must say."""

    artefact: str
    id: str
    answer_sha256: str
    signed_sha256: str


def value_at(text, at):
    """The JSON value that begins there: (what it says, its very text)."""
    value, end = json.JSONDecoder().raw_decode(text, at)
    return value, text[at:end]


def artefacts_of_receipt(text):
    """Of an answer, or of one element of a batch: the envelope, and the receipt of the older format where there is one."""
    envelope, envelope_text = value_at(text, len('{"envelope":'))
    number = envelope["payload"]["receipt_id"]
    yield Artefact("gateway_receipt", number, sha256_b64u(envelope_text), sha256_b64u(envelope["payload_hash_b64u"]))
    behind = len('{"envelope":') + len(envelope_text)
    if text.startswith(',"legacy":', behind):
        legacy, legacy_text = value_at(text, behind + len(',"legacy":'))
        signed = js_text({name: legacy[name] for name in receipt_oracle.LEGACY_ORDER if name in legacy})
        yield Artefact("gateway_receipt_v1.0", number, sha256_b64u(legacy_text), sha256_b64u(signed))


def artefacts_of_batch(text):
    at = len('{"results":[')
    while text[at] != "]":
        value, element = value_at(text, at)
        if "envelope" in value:
            yield from artefacts_of_receipt(element)
        at += len(element) + (text[at + len(element)] == ",")


def artefacts_of_token(text):
    answer = json.loads(text)
    token = answer["token"]
    yield Artefact("cst", answer["claims"]["jti"], sha256_b64u(token), sha256_b64u(token.rpartition(".")[0]))


@dataclass(frozen=True)
class Kind:
    """What a connection asks for, time and again."""

    door: str
    target: str
    body: object  # a function that makes one
    artefacts: object  # what an answer holds


def bound():
    return {**RECEIPT, "binding": {"run_id": "run", "nonce": str(uuid.uuid4())}}


KINDS = {
    "plain": Kind("proxy", "/v1/receipts", lambda: RECEIPT, artefacts_of_receipt),
    "bound": Kind("proxy", "/v1/receipts", bound, artefacts_of_receipt),
    "legacy": Kind("proxy", "/v1/receipts?legacy=1", bound, artefacts_of_receipt),
    "batch": Kind("proxy", "/v1/receipts/batch", lambda: {"receipts": [RECEIPT] * IN_A_BATCH}, artefacts_of_batch),
    "token": Kind("issuer", "/v1/tokens", lambda: {"claims": CLAIMS}, artefacts_of_token),
}
EVERY_KIND = ("plain", "plain", "bound", "bound", "legacy", "batch", "token", "token")


@dataclass(frozen=True)
class Asked:
    """A request and what came of it; no status when no whole answer came."""

    kind: str
    body: str
    begun: float
    ended: float
    status: int | None
    text: str

    @property
    def code(self):
        """Why it was refused; a batch is answered 200, and each of its elements is refused for itself."""
        if self.status == 200 and self.kind == "batch":
            codes = {element["error"]["code"] for element in json.loads(self.text)["results"] if "error" in element}
            return " ".join(sorted(codes))
        return "" if self.status in (200, None) else json.loads(self.text)["error"]["code"]

    @property
    def took(self):
        return self.ended - self.begun


class Client(threading.Thread):
    """One connection that asks for one kind of thing until it is told to stop or the daemon is gone."""

    def __init__(self, daemon, kind):
        super().__init__(daemon=True)
        self.service = daemon
        self.kind = kind
        self.stopping = threading.Event()
        self.asked = []

    def run(self):
        connection = UnixConnection(getattr(self.service, KINDS[self.kind].door))
        while not self.stopping.is_set():
            self.asked.append(ask(connection, self.kind))
            if self.asked[-1].status is None:
                break
            if self.asked[-1].code:
                self.stopping.wait(PAUSE_AFTER_REFUSAL)
        connection.close()


def ask(connection, kind, body=None):
    body = body or json.dumps(KINDS[kind].body())
    begun = time.monotonic()
    try:
        connection.request("POST", KINDS[kind].target, body)
        response = connection.getresponse()
        status, text = response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        status, text = None, ""
    return Asked(kind, body, begun, time.monotonic(), status, text)


class Readings(threading.Thread):
    """Reads the newest checkpoint over and over, as a monitor of the log does, and keeps each one."""

    EVERY = 0.05

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.service = daemon
        self.stopping = threading.Event()
        self.notes = set()

    def run(self):
        connection = UnixConnection(self.service.observe)
        while not self.stopping.wait(self.EVERY):
            try:
                connection.request("GET", "/v1/log/checkpoint")
                response = connection.getresponse()
                status, note = response.status, response.read()
            except (OSError, http.client.HTTPException):
                break
            if status == 200:
                self.notes.add(note)
        connection.close()


class Clients:
    """`with Clients(daemon) as clients:` asks over 8 connections until the end of the block."""

    def __init__(self, daemon, kinds=EVERY_KIND):
        self.clients = [Client(daemon, kind) for kind in kinds]
        self.readings = Readings(daemon)

    def __enter__(self):
        for thread in (*self.clients, self.readings):
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in (*self.clients, self.readings):
            thread.stopping.set()
        for thread in (*self.clients, self.readings):
            thread.join()

    def asked(self):
        return list(itertools.chain.from_iterable(list(client.asked) for client in self.clients))

    def answers(self):
        return [asked for asked in self.asked() if asked.status is not None]

    def artefacts(self):
        """Everything that was received completely."""
        for asked in self.asked():
            if asked.status == 200:
                yield from KINDS[asked.kind].artefacts(asked.text)

    def everybody_asked_since(self, moment, condition=lambda asked: True):
        """Has every connection had such an answer to something that it asked after that moment?"""
        return all(
            client.asked and client.asked[-1].begun > moment and condition(client.asked[-1]) for client in self.clients
        )


class Ledger:
    """The ledger of a daemon that is dead, or has nothing to write, read from a copy of its files."""

    def __init__(self, state_directory):
        with tempfile.TemporaryDirectory(prefix="cs-") as scratch:
            for name in ("ledger.db", "ledger.db-wal"):
                if (state_directory / name).exists():
                    shutil.copy(state_directory / name, scratch)
            database = sqlite3.connect(pathlib.Path(scratch) / "ledger.db")
            try:
                self.sound = [row[0] for row in database.execute("PRAGMA integrity_check")]
                self.indices, self.bodies = [], []
                for index, body in database.execute("SELECT idx, body FROM leaf ORDER BY idx"):
                    self.indices.append(index)
                    self.bodies.append(body)
                self.tiles = dict(database.execute("SELECT id, hashes FROM tile"))
                self.settings = dict(database.execute("SELECT name, value FROM setting"))
                self.notes = [note.encode() for (note,) in database.execute("SELECT note FROM checkpoint ORDER BY size")]
            finally:
                database.close()
        self.hashes = [log_oracle.leaf_hash(body) for body in self.bodies]

    @property
    def size(self):
        return len(self.bodies)

    def violations(self, artefacts=(), notes=(), earlier=None):
        """What does not hold: of the database by itself, of these artefacts, of these checkpoints that somebody has read, and of the
        ledger as it was before."""
        told = [] if self.sound == ["ok"] else [f"SQLite: {self.sound[:3]}"]
        if self.indices != list(range(self.size)):
            told.append("a leaf is missing between others")
        told += self.torn() + self.wrong_tiles()
        for note in {*self.notes, *notes}:
            told += self.wrong_checkpoint(note)
        if earlier is not None and self.bodies[: earlier.size] != earlier.bodies:
            told.append(f"the first {earlier.size} leaves were others before")
        return told + list(self.without_leaf(artefacts))

    def torn(self):
        return [f"leaf {index} is torn: {body!r}" for index, body in enumerate(self.bodies) if not is_canonical(body)]

    def wrong_tiles(self):
        """Exactly the full tiles of the tree are there, and each is the oracle's."""
        expected, level, nodes = {}, 0, self.hashes
        while nodes:
            full = len(nodes) // log_oracle.WIDTH
            tiles = [nodes[at * log_oracle.WIDTH : (at + 1) * log_oracle.WIDTH] for at in range(full)]
            expected.update({level << 56 | at: b"".join(tile) for at, tile in enumerate(tiles)})
            level, nodes = level + 1, [log_oracle.root_of(tile) for tile in tiles]
        return [] if self.tiles == expected else [f"tiles: {len(self.tiles)} there, {len(expected)} in the tree, not the same"]

    def wrong_checkpoint(self, note):
        try:
            origin = self.settings["origin"]
            size, root = log_oracle.open_checkpoint(note, log_oracle.NoteKey(self.settings["log_key"]), origin)
            log_oracle.require(size <= self.size, f"it has {size} leaves, the log {self.size}")
            log_oracle.require(log_oracle.root_of(self.hashes[:size]) == root, f"another root of the first {size} leaves")
        except (log_oracle.Refused, KeyError) as reason:
            return [f"a checkpoint does not hold: {reason!r}: {note!r}"]
        return []

    def without_leaf(self, artefacts):
        leaves = {}
        for body in filter(is_canonical, self.bodies):
            leaf = json.loads(body)
            if leaf["type"] == "artefact":
                leaves[leaf["artefact"], leaf["id"]] = leaf
        for artefact in artefacts:
            leaf = leaves.get((artefact.artefact, artefact.id))
            said = leaf and (leaf["answer_sha256"], leaf["signed_sha256"])
            if said != (artefact.answer_sha256, artefact.signed_sha256):
                yield f"without its leaf: {artefact}; leaf: {leaf}"


def is_canonical(body):
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == body
    except ValueError:
        return False
