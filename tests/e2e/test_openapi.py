"""docs/api says what the daemon does, and the daemon does what docs/api says."""

import collections
import copy
import datetime
import http.client
import json
import re
import shutil
import socket
import unittest

import jsonschema
import yaml

from harness import PATIENCE, RECEIPT, ROOT, Daemon, DaemonTest, Reply, request, wait_until

import test_receipts

API = ROOT / "docs" / "api"
DOCUMENT = yaml.safe_load((API / "openapi.yaml").read_text())
ROLES = ("proxy", "admin")
METHODS = ("GET", "POST")
NO_OPERATION = DOCUMENT["x-no-operation"]["responses"]
HEADERS_OF_HTTP = {"Connection", "Content-Length", "Content-Type"}

# What an answer may do without, as far as these stories get to see it.
OPTIONAL = {
    "legacy",
    "legacy.model",
    "results.0.legacy",
    "results.0.legacy.model",
    "results.1.error.field",
    "error.field",
    "backends.0.device",
    "families.0.last_probe",
}


# ---- The document -----------------------------------------------------------------------------------------------------

Operation = collections.namedtuple("Operation", "method path sockets largest_body")


def operations():
    """Every operation of the document, with what the document says of it."""
    for path, item in DOCUMENT["paths"].items():
        for method, said in item.items():
            yield Operation(method.upper(), path, frozenset(said["x-sockets"]), said["x-max-body-bytes"]), said


def resolved(node):
    """What a node of the document is, or refers to."""
    while set(node) == {"$ref"}:
        node = at_reference(node["$ref"])
    return node


def at_reference(reference):
    node = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def nodes(value):
    """Every object inside a part of the document, this one included."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from nodes(inner)


def responses_to(role, method, target):
    """By status, what may be answered to a request."""
    path = target.partition("?")[0]
    for operation, said in operations():
        if (operation.method, operation.path) == (method, path) and role in operation.sockets:
            return said["responses"]
    return NO_OPERATION


def all_responses():
    """(status, response) of everything that may be answered to anything."""
    for responses in [*(said["responses"] for _, said in operations()), NO_OPERATION]:
        for status, response in responses.items():
            yield int(status), resolved(response)


def schema_of(content):
    return content["content"]["application/json"]["schema"]


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text):
    return not isinstance(text, str) or bool(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ"))


def validator(schema):
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}, format_checker=FORMATS)


def fault_of(schema, value):
    """What is wrong with a value, or None."""
    fault = jsonschema.exceptions.best_match(validator(schema).iter_errors(value))
    return fault and "%s: %s" % (fault.json_path, fault.message)


# ---- The sources ------------------------------------------------------------------------------------------------------


def source(path):
    return (ROOT / path).read_text()


def table_of_operations():
    """The rows of the daemon's own table, with the names of role sets and sizes resolved."""
    text = source("daemon/operations.cpp")
    roles = {name: frozenset(re.findall(r"Role::(\w+)", said)) for name, said in re.findall(r"Roles (k\w+)\((.*?)\);", text)}
    sizes = {
        name: int(number.replace("'", "")) << int(shift or 0)
        for name, number, shift in re.findall(r"size_t (k\w+) = ([\d']+)U?(?: << (\d+)U)?;", text)
    }
    rows = re.findall(r'Operation\{Method::(\w+),\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*\w+\}', text)
    assert len(rows) == text.count("Operation{"), "a row of the table is not understood"
    return {Operation(method.upper(), path, roles[who], sizes[size]) for method, path, who, size in rows}


def wire_names():
    """By enumerator, the names of all codes but `unset`, which never leaves the process."""
    names = dict(re.findall(r'case ErrorCode::(\w+):\s+return "(\w+)";', source("base/error.cpp")))
    names.pop("unset")
    return names


def statuses_of_codes():
    """By wire name, the HTTP status the daemon gives to it."""
    body = source("daemon/answers.cpp").partition("unsigned http_status(")[2].partition("\n}\n")[0]
    statuses, waiting = {}, []
    for code, status in re.findall(r"case ErrorCode::(\w+):|return (\d+);", body):
        if code:
            waiting.append(code)
        else:
            statuses.update(dict.fromkeys(waiting, int(status)))
            waiting = []
    return {name: statuses[code] for code, name in wire_names().items()}


# ---- Talking to the daemon --------------------------------------------------------------------------------------------


def reply_to_bytes(path, raw):
    """What the daemon answers to bytes that need not be a request."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(str(path))
        peer.sendall(raw)
        response = http.client.HTTPResponse(peer)
        response.begin()
        return Reply(response)


def mutations(value, path=()):
    """(kind, where, what to do) of every member that could be added to a value or missing from it."""
    if isinstance(value, dict):
        yield "extra", ".".join(map(str, path + ("unknown",))), lambda copied: at(copied, path).update(unknown="x")
        for name in value:
            yield "missing", ".".join(map(str, path + (name,))), lambda copied, name=name: at(copied, path).pop(name)
    if isinstance(value, (dict, list)):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from mutations(inner, path + (step,))


def at(value, path):
    for step in path:
        value = value[step]
    return value


class Conversation(unittest.TestCase):
    """Asks a daemon, and holds every answer against the document."""

    def assert_described(self, responses, reply):
        self.assertIn(str(reply.status), responses, reply.text)
        response = resolved(responses[str(reply.status)])
        headers = {name: resolved(said) for name, said in response["headers"].items()}
        self.assertLessEqual(set(reply.headers) - HEADERS_OF_HTTP, set(headers))
        for name, said in headers.items():
            self.assertTrue(said["required"])
            self.assertIsNone(fault_of(said["schema"], reply.headers[name]), name)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertIsNone(fault_of(schema_of(response), reply.json), reply.text)

    def assert_mutations_are_refused(self, responses, reply):
        """The schema of this answer would notice a member too many or too few, wherever it stands."""
        schema = schema_of(resolved(responses[str(reply.status)]))
        for kind, where, change in mutations(reply.json):
            with self.subTest(kind=kind, where=where):
                mutated = copy.deepcopy(reply.json)
                change(mutated)
                may_miss = kind == "missing" and where in OPTIONAL
                self.assertEqual(fault_of(schema, mutated) is None, may_miss)

    def ask(self, daemon, role, method, target, body=None):
        """One request, its answer checked."""
        reply = request(getattr(daemon, role), method, target, body)
        with self.subTest(role=role, method=method, target=target):
            self.assert_described(responses_to(role, method, target), reply)
        return reply

    def ask_for(self, daemon, role, method, target, body, status, code=None):
        """As ask(), when only one outcome will do."""
        reply = self.ask(daemon, role, method, target, body)
        with self.subTest(role=role, method=method, target=target):
            self.assertEqual((reply.status, reply.code if code else None), (status, code), reply.text)
        return reply


# ---- The stories ------------------------------------------------------------------------------------------------------


class Documents(unittest.TestCase):
    def test_the_operations_are_those_of_the_daemons_table(self):
        self.assertEqual({operation for operation, _ in operations()}, table_of_operations())

    def test_the_codes_are_those_of_the_daemon(self):
        listed = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(set(listed), set(wire_names().values()))

    def test_the_table_of_errors_lists_the_same_codes_with_their_statuses(self):
        rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", (API / "errors.md").read_text(), re.MULTILINE)
        self.assertEqual(len(rows), len(dict(rows)))
        self.assertEqual({code: int(status) for code, status in rows}, statuses_of_codes())

    def test_every_code_is_answered_with_its_own_status(self):
        statuses = statuses_of_codes()
        errors = 0
        for status, response in all_responses():
            schema = schema_of(response)
            if schema["$ref"] == "#/components/schemas/Error":
                codes = schema["properties"]["error"]["properties"]["code"]["enum"]
                self.assertEqual({statuses[code] for code in codes}, {status}, response["description"])
                errors += 1
        self.assertGreater(errors, 20)

    def test_every_object_is_closed_or_says_that_it_is_open(self):
        for node in nodes(DOCUMENT["components"]["schemas"]):
            if node.get("type") == "object":
                self.assertEqual(node["additionalProperties"], "properties" not in node, node)
                self.assertLessEqual(set(node.get("required", ())), set(node.get("properties", ())))

    def test_every_schema_is_well_formed_and_every_format_is_checked(self):
        for name, schema in DOCUMENT["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
                self.assertTrue(schema["description"])
        formats = {node["format"] for node in nodes(DOCUMENT) if isinstance(node.get("format"), str)}
        self.assertEqual(formats, set(FORMATS.checkers))

    def test_every_reference_leads_somewhere_and_every_component_is_used(self):
        used = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
        for reference in used:
            self.assertIsNotNone(at_reference(reference))
        made = {"#/components/%s/%s" % (kind, name) for kind, named in DOCUMENT["components"].items() for name in named}
        self.assertEqual(used, made)


class Answers(DaemonTest, Conversation):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Begins a request now, so that the one test that must outwait the daemon's 10 s need not do so alone.
        cls.slow = cls.stack.enter_context(socket.socket(socket.AF_UNIX))
        cls.slow.settimeout(PATIENCE + 10)
        cls.slow.connect(str(cls.daemon.proxy))
        cls.slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")

    def test_every_operation_exists_on_its_sockets_and_on_no_other(self):
        for operation, _ in operations():
            for role in ROLES:
                reply = self.ask(self.daemon, role, operation.method, operation.path)
                with self.subTest(operation=operation, role=role):
                    if role in operation.sockets:
                        self.assertNotIn(reply.status, (404, 405))
                    else:
                        self.assertEqual((reply.status, reply.code), (404, "NOT_FOUND"))

    def test_a_path_takes_its_methods_and_no_others(self):
        for path, item in DOCUMENT["paths"].items():
            for role in ROLES:
                taken = {method.upper() for method, said in item.items() if role in said["x-sockets"]}
                for method in {"PUT", "DELETE", "PATCH", "OPTIONS", *METHODS} - taken if taken else ():
                    reply = self.ask_for(self.daemon, role, method, path, None, 405, "METHOD_NOT_ALLOWED")
                    self.assertEqual(set(reply.headers["Allow"].split(", ")), taken)

    def test_paths_are_compared_byte_for_byte(self):
        for role in ROLES:
            for path in ("/", "/v1", "/healthz/", "//healthz", "/Healthz", "/%68ealthz", "/v1/../healthz", "*", "http://x/healthz"):
                self.ask_for(self.daemon, role, "GET", path, None, 404, "NOT_FOUND")

    def test_the_requests_the_document_shows_are_accepted(self):
        shown = 0
        for operation, said in operations():
            content = said.get("requestBody", {"content": {"application/json": {}}})["content"]["application/json"]
            for name, example in content.get("examples", {}).items():
                shown += 1
                self.assertIsNone(fault_of(content["schema"], example["value"]), name)
                if operation.path != "/v1/keys":  # a family's first key cannot be made here: see Beginnings
                    target = "%s?%s" % (operation.path, example.get("x-query", "legacy=0"))
                    for role in operation.sockets:
                        reply = self.ask_for(self.daemon, role, operation.method, target, example["value"], 200)
                        self.assertNotIn('"error"', reply.text)
        self.assertGreater(shown, 4)

    def good_answers(self):
        """(responses, reply) of every operation that can be good while none of its work is to last."""
        batch = {"receipts": [RECEIPT, {}]}
        for role, method, target, body in (
            ("proxy", "POST", "/v1/receipts?legacy=1", RECEIPT),
            ("proxy", "POST", "/v1/receipts/batch?legacy=1", batch),
            ("proxy", "GET", "/v1/jwks", None),
            ("proxy", "GET", "/v1/did", None),
            ("admin", "GET", "/v1/status", None),
            ("admin", "GET", "/v1/keys", None),
            *((role, "GET", path, None) for role in ROLES for path in ("/healthz", "/readyz")),
        ):
            yield responses_to(role, method, target), self.ask_for(self.daemon, role, method, target, body, 200)

    def test_good_answers_are_as_described_and_the_schemas_notice_a_member_too_many_or_too_few(self):
        for responses, reply in self.good_answers():
            self.assert_mutations_are_refused(responses, reply)

    def test_whatever_a_proxy_may_say_is_answered_as_described(self):
        for fields in (*test_receipts.GOOD, {"payment": {"mode": "user", "paid": False}}):
            self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", {**RECEIPT, **fields}, 200)
        without_model = {name: value for name, value in RECEIPT.items() if name != "model"}
        self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", without_model, 200)

    def test_refusals_are_as_described(self):
        good, family = json.dumps(RECEIPT), "gateway_receipt"
        old = {**RECEIPT, "timestamp": "2020-01-01T00:00:00.000Z"}
        for role, method, target, body, status, code in (
            ("proxy", "POST", "/v1/receipts", {}, 400, "INVALID_FIELD"),
            ("proxy", "POST", "/v1/receipts", "", 400, "MALFORMED_JSON"),
            ("proxy", "POST", "/v1/receipts", good[:-1] + ',"x":{"a":}}', 400, "MALFORMED_JSON"),
            ("proxy", "POST", "/v1/receipts", {**RECEIPT, "é" * 500: 1}, 400, "INVALID_FIELD"),
            ("proxy", "POST", "/v1/receipts", old, 400, "TIMESTAMP_SKEW"),
            ("proxy", "POST", "/v1/receipts?legacy=2", good, 400, "INVALID_FIELD"),
            ("proxy", "POST", "/v1/receipts/batch", "[]", 400, "MALFORMED_JSON"),
            ("proxy", "POST", "/v1/receipts/batch?x", '{"receipts":[]}', 400, "INVALID_FIELD"),
            ("proxy", "POST", "/v1/receipts/batch", {"receipts": [{}] * 1001}, 413, "TOO_LARGE"),
            ("proxy", "GET", "/v1/jwks?x", None, 400, "INVALID_FIELD"),
            ("proxy", "GET", "/v1/did?x", None, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys", "", 400, "MALFORMED_JSON"),
            ("admin", "POST", "/v1/keys", {"family": "root"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys", {"family": family, "algorithm": "rsa"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys?x", {"family": family}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys", {"family": family}, 409, "KEY_EXISTS"),
        ):
            reply = self.ask_for(self.daemon, role, method, target, body, status, code)
            self.assert_mutations_are_refused(responses_to(role, method, target), reply)

    def test_every_way_to_fail_alone_in_a_batch_is_as_described(self):
        nested = '{"metadata":' + "[" * 40 + "]" * 40 + "}"
        elements = ["{}", "", "[]", nested, '{"model":"\\ud800"}', "{" + " " * 65535 + "}"]
        elements.append(json.dumps({**RECEIPT, "timestamp": "2020-01-01T00:00:00.000Z"}))
        batch = '{"receipts":[' + ",".join(elements) + "]}"
        reply = self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts/batch", batch, 200)
        codes = [result["error"]["code"] for result in reply.json["results"]]
        self.assertEqual(len(codes), len(elements))
        self.assertEqual(set(codes), {"INVALID_FIELD", "MALFORMED_JSON", "TOO_LARGE", "TIMESTAMP_SKEW"})

    def test_a_body_may_be_as_long_as_described_and_not_a_byte_longer(self):
        for operation, _ in operations():
            for role in operation.sockets:
                fits = self.ask(self.daemon, role, operation.method, operation.path, " " * operation.largest_body or None)
                self.assertNotEqual(fits.status, 413)
                over = " " * (operation.largest_body + 1)
                self.ask_for(self.daemon, role, operation.method, operation.path, over, 413, "TOO_LARGE")

    def test_what_is_no_http_is_answered_as_described(self):
        for role in ROLES:
            path = getattr(self.daemon, role)
            for raw, status in (
                (b"nonsense\r\n\r\n", 400),
                (b"GET /nothing HTTP/1.1\r\n\r\n", 400),
                (b"GET /nothing HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 16384 + b"\r\n\r\n", 413),
            ):
                reply = reply_to_bytes(path, raw)
                self.assertEqual(reply.status, status)
                self.assert_described(NO_OPERATION, reply)

    def test_every_operation_refuses_a_request_without_a_host_or_with_a_header_without_end_as_described(self):
        for operation, said in operations():
            for role in operation.sockets:
                start = ("%s %s HTTP/1.1\r\n" % (operation.method, operation.path)).encode()
                for rest, code in ((b"\r\n", "BAD_REQUEST"), (b"Host: x\r\nX: " + b"x" * 16384, "TOO_LARGE")):
                    reply = reply_to_bytes(getattr(self.daemon, role), start + rest)
                    self.assertEqual(reply.code, code)
                    self.assert_described(said["responses"], reply)

    def test_a_request_that_does_not_arrive_in_time_gets_no_answer(self):
        self.assertEqual(self.slow.recv(1), b"")

    def test_the_daemon_takes_what_the_request_schema_takes(self):
        """The stories of test_receipts, where the daemon's side of this is told."""
        schema = {"$ref": "#/components/schemas/ReceiptRequest"}
        for fields in test_receipts.GOOD:
            self.assertIsNone(fault_of(schema, {**RECEIPT, **fields}))

    def test_the_daemon_refuses_what_the_request_schema_refuses(self):
        """But for what a schema cannot say: depth, doubles, surrogates, numbers of a double, index-like names, skew."""
        schema = {"$ref": "#/components/schemas/ReceiptRequest"}
        judged = 0
        for path, raw, code in test_receipts.BadInput.RAW:
            outer, _, inner = path.partition(".")
            if code == "INVALID_FIELD" and outer not in ("metadata", "payment"):
                value = json.loads(raw)
                request_body = {**RECEIPT, outer: {inner: value} if inner else value}
                self.assertIsNotNone(fault_of(schema, request_body), (path, raw))
                judged += 1
        self.assertGreater(judged, 20)

    def test_members_of_the_legacy_receipt_are_judged_alike_by_the_schema_and_the_daemon(self):
        schema = {"$ref": "#/components/schemas/ReceiptRequest"}
        blob = {"algorithm": "AES-256-GCM", "iv": "AAAA", "ciphertext": "AAAA", "tag": "AAAA"}
        platform = {"mode": "platform", "paid": True, "ledgerRef": "l", "accountBinding": {}, "fundingCheck": "f"}
        for good, fields in (
            (True, {"payment": {"mode": "user", "paid": False}}),
            (True, {"payment": platform}),
            (True, {"payment": {**platform, "delegationSpend": {"a": 1}}}),
            (False, {"payment": {**platform, "delegationSpend": " "}}),
            (False, {"payment": {**platform, "paid": False}}),
            (False, {"payment": {**platform, "ledgerRef": None}}),
            (False, {"payment": {**platform, "mode": "user"}}),
            (False, {"payment": {"mode": "user"}}),
            (False, {"payment": {}}),
            (True, {"privacyMode": "encrypted"}),
            (True, {"privacyMode": "encrypted", "encryptedRequest": blob, "encryptedResponse": blob}),
            (False, {"encryptedRequest": blob}),
            (False, {"privacyMode": "hash_only", "encryptedResponse": blob}),
            (False, {"privacyMode": "encrypted", "encryptedResponse": {**blob, "tag": "A"}}),
            (False, {"privacyMode": "encrypted", "encryptedResponse": {**blob, "x": "AAAA"}}),
            (True, {"binding": {"span_id": "a", "parentSpanId": "b"}}),
            (False, {"binding": {"span_id": "a", "spanId": "a"}}),
            (False, {"receipt_id": "rcpt_"}),
            (True, {"receipt_id": "rcpt_" + "x" * 123}),
            (False, {"receipt_id": "rcpt_" + "x" * 124}),
            (True, {"request_hash_b64u": "A" * 128}),
            (False, {"request_hash_b64u": "A" * 130}),
            (False, {"request_hash_b64u": "A" * 9}),
            (False, {"request_hash_b64u": "AAAAAAAAAB"}),
            (False, {"provider": "x" * 257}),
            (False, {"gateway_id": "did:web:example.com"}),
        ):
            with self.subTest(fields):
                body = {**RECEIPT, **fields}
                self.assertEqual(fault_of(schema, body) is None, good)
                self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", body, 200 if good else 400)


class Beginnings(Conversation):
    def test_from_no_token_over_an_empty_one_to_the_first_key_every_answer_is_as_described(self):
        with Daemon.fresh(start=False) as daemon:
            shutil.rmtree(daemon.directory / "tokens")
            (daemon.directory / "tokens").mkdir()
            daemon.start()
            self.nothing_can_be_signed(daemon, "HSM_DOWN")
            daemon.bring_token()
            wait_until(lambda: self.state(daemon) == "ready", "the token")
            self.nothing_can_be_signed(daemon, "KEY_MISSING")
            for_first_key = DOCUMENT["paths"]["/v1/keys"]["post"]["requestBody"]["content"]["application/json"]["examples"]["p256"]
            made = self.ask_for(daemon, "admin", "POST", "/v1/keys", for_first_key["value"], 201)
            self.assert_mutations_are_refused(responses_to("admin", "POST", "/v1/keys"), made)
            daemon.wait_ready()
            self.a_p256_key_serves(daemon)

    def test_a_key_store_that_refuses_its_pin_is_described_too(self):
        with Daemon.fresh(start=False) as daemon:
            pin = daemon.directory / "pin"
            pin.chmod(0o600)
            pin.write_text("wrong")
            pin.chmod(0o400)
            daemon.start()
            wait_until(lambda: self.state(daemon) == "held", "the refused PIN")
            self.nothing_can_be_signed(daemon, "PIN_HELD")
            self.ask_for(daemon, "admin", "POST", "/v1/keys", {"family": "gateway_receipt"}, 503, "PIN_HELD")

    def nothing_can_be_signed(self, daemon, code):
        for method, target, body in (("POST", "/v1/receipts", RECEIPT), ("GET", "/v1/jwks", None), ("GET", "/v1/did", None)):
            self.ask_for(daemon, "proxy", method, target, body, 503, code)
        batch = self.ask_for(daemon, "proxy", "POST", "/v1/receipts/batch", {"receipts": [RECEIPT]}, 200)
        self.assertEqual(batch.json["results"][0]["error"]["code"], code)
        for role in ROLES:
            ready = self.ask_for(daemon, role, "GET", "/readyz", None, 503)
            self.assertEqual(ready.json["reasons"][0]["code"], code)
            self.assert_mutations_are_refused(responses_to(role, "GET", "/readyz"), ready)
            self.ask_for(daemon, role, "GET", "/healthz", None, 200)
        self.ask_for(daemon, "admin", "GET", "/v1/status", None, 200)
        # A store that was never seen has no list of keys, rather than an empty one.
        unseen = code != "KEY_MISSING"
        self.ask_for(daemon, "admin", "GET", "/v1/keys", None, 503 if unseen else 200, code if unseen else None)

    def a_p256_key_serves(self, daemon):
        for target in ("/v1/jwks", "/v1/did"):
            answer = self.ask_for(daemon, "proxy", "GET", target, None, 200)
            self.assert_mutations_are_refused(responses_to("proxy", "GET", target), answer)
        signed = self.ask_for(daemon, "proxy", "POST", "/v1/receipts?legacy=1", RECEIPT, 200)
        self.assertEqual(signed.json["envelope"]["algorithm"], "ES256")
        for target in ("/v1/status", "/v1/keys"):
            self.ask_for(daemon, "admin", "GET", target, None, 200)

    def state(self, daemon):
        return self.ask(daemon, "admin", "GET", "/v1/status").json["backends"][0]["state"]


if __name__ == "__main__":
    unittest.main()
