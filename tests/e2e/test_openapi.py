"""docs/api says what the daemon does, and the daemon does what docs/api says."""

import base64
import collections
import contextlib
import copy
import datetime
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

import jsonschema
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness import HASH, PATIENCE, RECEIPT, ROOT, Daemon, DaemonTest, Reply, of_its_own, request, wait_until

import test_receipts

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import keys_oracle

API = ROOT / "docs" / "api"
DOCUMENT = yaml.safe_load((API / "openapi.yaml").read_text())
ROLES = ("proxy", "issuer", "admin", "observe")
WATCHERS = ("admin", "observe")
SIGNERS = ("proxy", "issuer")
TELLERS = ("proxy", "issuer", "admin")
PUBLISHED = ("/v1/jwks", "/v1/did", "/v1/keys/rotation-contract", "/v1/keys/transparency/latest", "/v1/keys/rotations")
METHODS = ("GET", "POST")
JSON = "application/json"
NO_OPERATION = DOCUMENT["x-no-operation"]["responses"]
HEADERS_OF_HTTP = {"Connection", "Content-Length", "Content-Type"}

# What an answer may do without, as far as these stories get to see it; N is any index.
OPTIONAL = {
    "legacy",
    "legacy.model",
    "results.N.legacy",
    "results.N.legacy.model",
    "results.N.error.field",
    "error.field",
    "backend.device",
    "backends.N.device",
    "families.N.last_probe",
    "keys.N.backend",
    "keys.N.attributes",
    "key.backend",
    "key.attributes",
    "request.arguments.operators.N.namespaces",
    "request.arguments.operators.N.valid_before",
    "requests.N.arguments.operators.N.namespaces",
    "document",
    "document_sha256",
    "policy.policy_id",
    "policy.version",
    "oidc.groups_claim",
    "oidc.require_nonce",
    "oidc.v",
    *("wpc." + name for name in ("allowed_providers", "allowed_models", "egress_allowlist", "metadata")),
    *("mapping.scope_mappings.N." + name for name in ("policy_pin", "subjects", "audiences")),
    "requests.N.arguments.operators.N.valid_before",
    "operators.N.namespaces",
    "ledger.log_key",
    "ledger.origin",
    "claims.owner_ref",
    "claims.policy_hash_b64u",
    "claims.control_plane_policy_hash_b64u",
    "claims.payment_account_did",
    "claims.spend_cap",
    "claims.mission_id",
    "claims.delegation_id",
    "claims.delegator_did",
    "claims.delegate_did",
    "claims.delegation_policy_hash_b64u",
    "claims.delegation_spend_cap_minor",
    "claims.delegation_expires_at",
}

# A header that does not come with every answer of its status says so; what is in the text of those that it comes with.
CONDITIONAL_HEADERS = {"ETag": ('"verificationMethod"',), "Retry-After": ("too many connections", "too many requests are", '"code":"NOT_YET"', '"code":"KEY_NOT_ACTIVE"')}

# An answer to these is of what has to be made first: see Lives.
MADE_FIRST = ("/v1/keys", "/v1/approvals", "/v1/operators", "/v1/ceiling", "/v1/roles", "/v1/log/prune", "/v1/tpm/approve-pcrs",
              "/v1/mappings", "/v1/oidc", "/v1/trust", "/v1/policies/")  # fmt: skip


# ---- The document -----------------------------------------------------------------------------------------------------

class Operation(collections.namedtuple("Operation", "method path sockets largest_body takes_query")):
    def target(self, role):
        """A request for something that is there: the document's examples in the place of its parameters."""
        target, query = self.path, []
        for parameter in parameters_of(self, role):
            if parameter["in"] == "path":
                target = target.replace("{%s}" % parameter["name"], parameter["example"])
            elif "example" in parameter:
                query.append("%s=%s" % (parameter["name"], parameter["example"]))
        return target + ("?" if query else "") + "&".join(query)


def said_of(operation):
    return DOCUMENT["paths"][operation.path][operation.method.lower()]


def parameters_of(operation, role):
    """What an operation takes on a role's socket."""
    parameters = map(resolved, said_of(operation).get("parameters", ()))
    return [parameter for parameter in parameters if role in parameter.get("x-sockets", ROLES)]


def takes(path, target):
    """Is a target's path one of the document's? A parameter at the end of one takes slashes, too."""
    wanted, given = path.partition("{")[0], target.partition("?")[0]
    return given.startswith(wanted) if wanted != path else given == path


def operations():
    """Every operation of the document, with what the document says of it."""
    for path, item in DOCUMENT["paths"].items():
        for method, said in item.items():
            sockets = frozenset(said["x-sockets"])
            takes_query = any(resolved(parameter)["in"] == "query" for parameter in said.get("parameters", ()))
            yield Operation(method.upper(), path, sockets, said["x-max-body-bytes"], takes_query), said


def operations_of(role):
    """(operation, responses) of all that exists on a role's socket."""
    return [(operation, said["responses"]) for operation, said in operations() if role in operation.sockets]


def example(method, path, name):
    """The value of an example request of the document."""
    content = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
    return content["examples"][name]["value"]


EXAMPLE_ID = DOCUMENT["paths"]["/v1/approvals/{id}"]["get"]["parameters"][0]["example"]
TOKEN = example("POST", "/v1/tokens", "least")
OLD_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")  # of the key that an example adopts
DELEGATION = example("POST", "/v1/tokens", "delegated")


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
    for operation, said in operations():
        if operation.method == method and takes(operation.path, target) and role in operation.sockets:
            return said["responses"]
    return NO_OPERATION


def all_responses():
    """(status, response) of everything that may be answered to anything."""
    for responses in [*(said["responses"] for _, said in operations()), NO_OPERATION]:
        for status, response in responses.items():
            yield int(status), resolved(response)


def schema_of(response, role):
    """The schema of a response's body on a role's socket."""
    (content,) = response["content"].values()
    schema = content.get("schema", {})  # bytes have none
    if "oneOf" not in schema:
        return schema
    return {"oneOf": [branch for branch in schema["oneOf"] if role in branch.get("x-sockets", ROLES)]}


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
    row = r'Operation\{Method::(\w+),\s*"([^"]+)",\s*(\w+),\s*(\w+),\s*Query::(none|taken),\s*\w+\}'
    rows = re.findall(row, text)
    assert len(rows) == text.count("Operation{"), "a row of the table is not understood"
    return {
        Operation(method.upper(), path, roles[who], sizes[size], query == "taken")
        for method, path, who, size, query in rows
    }


def wire_names():
    """By enumerator, the names of all codes but `unset`, which never leaves the process."""
    codes = re.findall(r"^    (\w+),$", source("base/error.h").partition("enum class ErrorCode")[2].partition("};")[0], re.M)
    table = re.findall(r'"(\w+)"', source("base/error.cpp").partition("kWireNames{")[2].partition("};")[0])
    assert len(codes) == len(table), (codes, table)
    names = dict(zip(codes, table, strict=True))
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


def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(PATIENCE + 10)  # as long as the daemon waits for a request, and patience
    peer.connect(str(path))
    return peer


def answer_from(peer):
    response = http.client.HTTPResponse(peer)
    response.begin()
    return Reply(response)


def reply_to_bytes(path, raw):
    """What the daemon answers to bytes that need not be a request."""
    with connect(path) as peer:
        peer.sendall(raw)
        return answer_from(peer)


def all_bytes_from(path, raw):
    """Everything the daemon sends until it closes."""
    with connect(path) as peer:
        peer.sendall(raw)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def header_of(operation, *fields):
    """The bytes of a request's header, whole."""
    lines = ("%s %s HTTP/1.1" % (operation.method, operation.path), "Host: x", *fields, "", "")
    return "\r\n".join(lines).encode()


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


def ask_operators(daemon, body):
    """The id of a request that waits from here on: new operators."""
    return request(daemon.admin, "POST", "/v1/operators", body).json["request"]["id"]


def activate_example(daemon):
    """The contract that the document shows holds from here on."""
    request(daemon.admin, "POST", "/v1/policies", example("POST", "/v1/policies", "payload"))
    asked = request(daemon.admin, "POST", "/v1/policies/activate", example("POST", "/v1/policies/activate", "one")).json
    signature = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-q", "-n", "clawsigner-approval", "-f", daemon.directory / "operator"],
        input=asked["message"], capture_output=True, text=True, check=True).stdout  # fmt: skip
    approved = request(daemon.admin, "POST", "/v1/approvals/approve", {"id": asked["request"]["id"], "signature": signature})
    assert approved.json["done"], approved.text


class Conversation(unittest.TestCase):
    """Asks a daemon, and holds every answer against the document."""

    def assert_described(self, role, responses, reply):
        self.assertIn(str(reply.status), responses, reply.text)
        response = resolved(responses[str(reply.status)])
        (content_type,) = response["content"]
        self.assertEqual(reply.headers["Content-Type"], content_type)
        self.assertIsNone(fault_of(schema_of(response, role), reply.json if content_type == JSON else reply.text), reply.text)
        due = {name: resolved(said) for name, said in response["headers"].items()}
        for name, said in list(due.items()):
            self.assertEqual(said["required"], name not in CONDITIONAL_HEADERS)
            comes = any(text in reply.text for text in CONDITIONAL_HEADERS.get(name, ("",)))
            if role not in said.get("x-sockets", ROLES) or not comes:
                del due[name]
        self.assertEqual(set(reply.headers) - HEADERS_OF_HTTP, set(due))
        for name, said in due.items():
            self.assertIsNone(fault_of(said["schema"], reply.headers[name]), name)

    def assert_mutations_are_refused(self, role, responses, reply):
        """The schema of this answer would notice a member too many or too few, wherever it stands."""
        schema = schema_of(resolved(responses[str(reply.status)]), role)
        for kind, where, change in mutations(reply.json):
            with self.subTest(kind=kind, where=where):
                mutated = copy.deepcopy(reply.json)
                change(mutated)
                may_miss = kind == "missing" and re.sub(r"\.\d+\.", ".N.", where) in OPTIONAL
                self.assertEqual(fault_of(schema, mutated) is None, may_miss)

    def ask(self, daemon, role, method, target, body=None):
        """One request, its answer checked."""
        reply = request(getattr(daemon, role), method, target, body)
        with self.subTest(role=role, method=method, target=target):
            self.assert_described(role, responses_to(role, method, target), reply)
        return reply

    def ask_for(self, daemon, role, method, target, body, status, code=None):
        """As ask(), when only one outcome will do."""
        reply = self.ask(daemon, role, method, target, body)
        with self.subTest(role=role, method=method, target=target):
            self.assertEqual((reply.status, reply.code if code else None), (status, code), reply.text)
        return reply

    def ask_and_mutate(self, *asked):
        """As ask_for(), and the answer's schema is tried, too."""
        reply = self.ask_for(*asked)
        role, method, target = asked[1:4]
        self.assert_mutations_are_refused(role, responses_to(role, method, target), reply)
        return reply

    def assert_parts_agree(self, reply):
        """A token's answer says what the token says."""
        said = reply.json
        header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in said["token"].split("."))
        self.assertEqual(json.loads(header)["kid"], said["kid"])
        self.assertIn(',"claims":%s,' % claims.decode(), reply.text)
        self.assertEqual(said["claims"]["token_scope_hash_b64u"], said["token_scope_hash_b64u"])
        self.assertEqual(hashlib.sha256(said["token"].encode()).hexdigest(), said["token_hash"])


# ---- The stories ------------------------------------------------------------------------------------------------------


class Documents(unittest.TestCase):
    def test_the_operations_are_those_of_the_daemons_table(self):
        def starred(path):
            return re.sub(r"\{\w+\}$", "*", path)

        self.assertEqual({operation._replace(path=starred(operation.path)) for operation, _ in operations()}, table_of_operations())

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
        answered = set()
        for status, response in all_responses():
            for node in nodes(response):
                if node.get("$ref") == "#/components/schemas/Error":
                    codes = node["properties"]["error"]["properties"]["code"]["enum"]
                    self.assertEqual({statuses[code] for code in codes}, {status}, response["description"])
                    answered.update(codes)
        self.assertEqual(set(statuses) - answered, {"APPROVAL_REQUIRED", "PROOF_INVALID", "CONFIG_INVALID", "IO_FAILED", "UNREACHABLE"})

    def test_what_any_operation_may_answer_every_operation_says(self):
        statuses = statuses_of_codes()
        for operation, said in operations():
            for code in ("BAD_REQUEST", "FORBIDDEN", "TIMEOUT", "TOO_LARGE", "QUEUE_FULL"):
                response = resolved(said["responses"][str(statuses[code])])
                for role in operation.sockets:
                    fault = fault_of(schema_of(response, role), {"error": {"code": code, "message": "x"}})
                    self.assertIsNone(fault, operation)

    def test_roles_families_and_rules_are_those_of_the_daemon(self):
        schemas = DOCUMENT["components"]["schemas"]
        (said,) = re.findall(r"enum class Role .*?\{(.*?)\}", source("policy/roles.h"))
        self.assertEqual(said.split(), [role + "," for role in ROLES[:-1]] + [ROLES[-1]])
        self.assertEqual([server["url"].split("%2F")[-1] for server in DOCUMENT["servers"]], [role + ".sock" for role in ROLES])
        families = re.findall(r'case Family::\w+:\s+return "(\w+)";', source("crypto/family.h"))
        self.assertEqual(schemas["Family"]["enum"], families)
        states = re.findall(r'KeyState::\w+, "(\w+)"', source("claw/key_record.cpp"))
        self.assertEqual(schemas["KeyState"]["enum"], states)
        acts = re.findall(r'GatedAct::\w+, "([\w.]+)"', source("service/gated_act.cpp"))
        self.assertEqual(set(schemas["ActRequest"]["properties"]["act"]["enum"]), set(acts))
        rules = set(re.findall(r'Error::denied\(\s*"([\w.]+)"', source("policy/ceiling.cpp")))
        rules |= set(re.findall(r'^    "([\w.]+)",', source("policy/rules.h"), re.MULTILINE))
        self.assertEqual(set(schemas["PolicyRule"]["enum"]), rules)
        self.assertEqual(set(re.findall(r"^\| `(\w+\.\w+)` \|", (API / "errors.md").read_text(), re.MULTILINE)), rules)

    def test_a_rule_comes_with_a_denial_or_with_what_cannot_be_read_and_with_nothing_else(self):
        body = {"code": "POLICY_DENIED", "rule": "ceiling.ttl", "message": "x"}
        self.assertIsNone(fault_of({"$ref": "#/components/schemas/ErrorBody"}, body))
        self.assertIsNotNone(fault_of({"$ref": "#/components/schemas/ErrorBody"}, {**body, "code": "FORBIDDEN"}))
        unread = {"code": "INVALID_FIELD", "rule": "mapping.form", "message": "x"}
        self.assertIsNone(fault_of({"$ref": "#/components/schemas/ErrorBody"}, unread))

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
        wait_until(lambda: cls.daemon.answers("/v1/keys/manifest"), "the first checkpoint, and the manifest under it")
        cls.waiting = ask_operators(cls.daemon, example("POST", "/v1/operators", "two"))
        activate_example(cls.daemon)

    def target(self, operation, role):
        """Of what is there: the request that waits has an id of its own."""
        return operation.target(role).replace(EXAMPLE_ID, self.waiting)

    def test_every_operation_exists_on_its_sockets_and_on_no_other(self):
        for operation, _ in operations():
            for role in ROLES:
                reply = self.ask(self.daemon, role, operation.method, self.target(operation, role))
                with self.subTest(operation=operation, role=role):
                    if role in operation.sockets:
                        self.assertNotIn(reply.status, (404, 405))
                    elif self.has_other_methods(operation, role):
                        self.assertEqual((reply.status, reply.code), (405, "METHOD_NOT_ALLOWED"))
                    else:
                        self.assertEqual((reply.status, reply.code), (404, "NOT_FOUND"))

    def has_other_methods(self, operation, role):
        """Is this path of another role's there on this role's socket, perhaps as a name below another, but not with this method?"""
        taken = {other.method for other, _ in operations_of(role) if takes(other.path, operation.path)}
        return taken and operation.method not in taken

    def test_a_path_takes_its_methods_and_no_others(self):
        for path in DOCUMENT["paths"]:
            for role in ROLES:
                taken = {operation.method for operation, _ in operations_of(role) if takes(operation.path, path)}
                for method in {"PUT", "DELETE", "PATCH", "OPTIONS", *METHODS} - taken if taken else ():
                    reply = self.ask_for(self.daemon, role, method, path, None, 405, "METHOD_NOT_ALLOWED")
                    self.assertEqual(set(reply.headers["Allow"].split(", ")), taken)

    def test_an_answer_to_head_is_a_header(self):
        for role in ROLES:
            for path, status in (("/healthz", 405), ("/nothing", 404)):
                said = all_bytes_from(getattr(self.daemon, role), b"HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
                self.assertTrue(said.startswith(b"HTTP/1.1 %d " % status), said)
                self.assertEqual(said.find(b"\r\n\r\n"), len(said) - 4, said)

    def test_a_query_is_taken_where_the_document_has_one_and_nowhere_else(self):
        for operation, _ in operations():
            for role in operation.sockets:
                target = self.target(operation, role)
                if not any(parameter["in"] == "query" for parameter in parameters_of(operation, role)):
                    for query in ("x=1", "family=cst"):
                        asked = (self.daemon, role, operation.method, target + "?" + query, None, 400, "INVALID_FIELD")
                        self.assertEqual(self.ask_for(*asked).json["error"]["field"], "query")
                empty = target + ("" if "?" in target else "?")
                self.assertNotIn('"field":"query"', self.ask(self.daemon, role, operation.method, empty).text)

    def test_on_the_admin_socket_a_family_is_named_and_nothing_else(self):
        for path in PUBLISHED:
            for query in ("", "x", "family=", "family=root", "family=cst&x=1", "x=1&family=cst", "family=cst&family=cst", "Family=cst", "family=%63st"):
                refused = self.ask_for(self.daemon, "admin", "GET", path + "?" + query, None, 400, "INVALID_FIELD")
                self.assertEqual(refused.json["error"]["field"], "query")
            for family in DOCUMENT["components"]["schemas"]["Family"]["enum"]:
                has_none = path == "/v1/did" and family in ("work_policy", "checkpoint")
                outcome = (404, "NOT_FOUND") if has_none else (200,)
                self.ask_and_mutate(self.daemon, "admin", "GET", path + "?family=" + family, None, *outcome)

    def test_paths_are_compared_byte_for_byte(self):
        for role in ROLES:
            for path in ("/", "/v1", "/healthz/", "//healthz", "/Healthz", "/%68ealthz", "/v1/../healthz", "*", "http://x/healthz"):
                self.ask_for(self.daemon, role, "GET", path, None, 404, "NOT_FOUND")

    def test_the_requests_the_document_shows_are_accepted(self):
        shown = 0
        for operation, said in operations():
            content = said.get("requestBody", {"content": {"application/json": {}}})["content"]["application/json"]
            for name, shown_request in content.get("examples", {}).items():
                shown += 1
                self.assertIsNone(fault_of(content["schema"], shown_request["value"]), name)
                if not operation.path.startswith(MADE_FIRST):
                    target = "%s?%s" % (operation.path, shown_request.get("x-query", ""))
                    for role in operation.sockets:
                        reply = self.ask_for(self.daemon, role, operation.method, target, shown_request["value"], 200)
                        self.assertNotIn('"error"', reply.text)
        self.assertGreater(shown, 20)

    def test_good_answers_are_as_described_and_the_schemas_notice_a_member_too_many_or_too_few(self):
        """Of every operation that can be good while none of its work is to last."""
        for role, method, target, body in (
            ("proxy", "POST", "/v1/receipts?legacy=1", RECEIPT),
            ("proxy", "POST", "/v1/receipts/batch?legacy=1", {"receipts": [RECEIPT, {}]}),
            ("issuer", "POST", "/v1/tokens", TOKEN),
            ("issuer", "POST", "/v1/tokens", DELEGATION),
            ("admin", "POST", "/v1/pin/retry", {}),
            *((role, "GET", path, None) for role in SIGNERS for path in PUBLISHED),
            *((role, "GET", "/.well-known/clawsig.json", None) for role in TELLERS),
            *((role, "GET", path, None) for role in WATCHERS for path in ("/v1/status", "/v1/keys", "/v1/ceiling", "/v1/roles", "/v1/mappings", "/v1/oidc", "/v1/trust")),
            *((role, "GET", path, None) for role in ROLES for path in ("/v1/keys/manifest", "/healthz", "/readyz")),
            *(("admin", "GET", path, None) for path in ("/v1/approvals", "/v1/approvals/" + self.waiting, "/v1/operators")),
        ):
            self.ask_and_mutate(self.daemon, role, method, target, body, 200)
        for operation, _ in operations():
            if operation.path.startswith("/v1/log/") and operation.method == "GET":
                for role in operation.sockets:
                    self.ask_for(self.daemon, role, operation.method, self.target(operation, role), None, 200)

    def test_the_name_of_an_operation_is_no_request_that_waits(self):
        for name in ("approve", "deny", "", "x", self.waiting + "/", self.waiting[:-1]):
            self.ask_for(self.daemon, "admin", "GET", "/v1/approvals/" + name, None, 404, "NOT_FOUND")

    def test_a_proof_is_had_by_the_name_of_its_artefact_too(self):
        receipt = self.daemon.sign().json["envelope"]["payload"]["receipt_id"]
        token = self.ask_for(self.daemon, "issuer", "POST", "/v1/tokens", TOKEN, 200).json["claims"]["jti"]
        for query in ("receipt_id=" + receipt, "jti=" + token):
            target = "/v1/log/proof?" + query
            wait_until(lambda: self.ask(self.daemon, "observe", "GET", target).status == 200, "a checkpoint over the leaf")

    def test_each_signing_socket_publishes_the_keys_it_signs_with(self):
        kids = {}
        for role in SIGNERS:
            keys = self.ask_for(self.daemon, role, "GET", "/v1/jwks", None, 200).json["keys"]
            (kids[role],) = (key["kid"] for key in keys)
            family = {"proxy": "gateway_receipt", "issuer": "cst"}[role]
            for path in ("/v1/jwks", "/v1/did", "/v1/keys/rotations", "/v1/keys/rotation-contract"):
                mine = self.ask_for(self.daemon, role, "GET", path, None, 200)
                admins = self.ask_for(self.daemon, "admin", "GET", path + "?family=" + family, None, 200)
                self.assertEqual(mine.text, admins.text)
        did = self.ask_for(self.daemon, "issuer", "GET", "/v1/did", None, 200).json
        token = self.ask_for(self.daemon, "issuer", "POST", "/v1/tokens", TOKEN, 200).json
        receipt = self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", RECEIPT, 200).json
        self.assertEqual({did["kid"], token["kid"]}, {kids["issuer"]})
        self.assertEqual(receipt["legacy"]["kid"], kids["proxy"])
        self.assertNotEqual(kids["issuer"], kids["proxy"])

    def test_the_schema_of_claims_has_no_member_too_many_and_keeps_the_lanes_apart(self):
        schema = {"$ref": "#/components/schemas/TokenClaims"}
        claims = self.ask_for(self.daemon, "issuer", "POST", "/v1/tokens", DELEGATION, 200).json["claims"]
        # The contract that a token is held to must be active here, and this one names none.
        self.assertEqual(set(at_reference(schema["$ref"])["properties"]) - {"policy_hash_b64u"}, set(claims))
        self.assertIsNotNone(fault_of(schema, {**claims, "token_lane": "legacy"}))

    def test_admin_and_observe_see_the_same(self):
        for path in ("/v1/keys", "/readyz"):
            seen = {self.ask_for(self.daemon, role, "GET", path, None, 200).text for role in WATCHERS}
            self.assertEqual(len(seen), 1)

    def test_whatever_a_proxy_may_say_is_answered_as_described(self):
        for fields in map(of_its_own, (*test_receipts.GOOD, {"payment": {"mode": "user", "paid": False}})):
            self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", {**RECEIPT, **fields}, 200)
        without_model = {name: value for name, value in RECEIPT.items() if name != "model"}
        self.ask_for(self.daemon, "proxy", "POST", "/v1/receipts?legacy=1", without_model, 200)

    def test_refusals_are_as_described(self):
        good, family = json.dumps(RECEIPT), "gateway_receipt"
        old = {**RECEIPT, "timestamp": "2020-01-01T00:00:00.000Z"}
        self.daemon.sign({"receipt_id": "rcpt_once", "binding": {"nonce": "once"}})
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
            ("issuer", "POST", "/v1/tokens", "", 400, "MALFORMED_JSON"),
            ("issuer", "POST", "/v1/tokens", {}, 400, "INVALID_FIELD"),
            ("issuer", "POST", "/v1/tokens", self.claims(scope=["a"] * 65), 400, "SCOPE_TOO_LARGE"),
            ("issuer", "POST", "/v1/tokens", self.claims(ttl_sec=3601), 403, "POLICY_DENIED"),
            ("issuer", "POST", "/v1/tokens", self.claims(scope=["a", "b*"]), 403, "POLICY_DENIED"),
            ("proxy", "POST", "/v1/receipts", {**RECEIPT, "receipt_id": "rcpt_once"}, 409, "ID_REUSED"),
            ("proxy", "POST", "/v1/receipts", {**RECEIPT, "binding": {"nonce": "once"}}, 409, "NONCE_REUSED"),
            ("observe", "GET", "/v1/log/proof", None, 400, "INVALID_FIELD"),
            ("observe", "GET", "/v1/log/proof?leaf=x", None, 400, "INVALID_FIELD"),
            ("observe", "GET", "/v1/log/proof?receipt_id=rcpt_never", None, 404, "NOT_FOUND"),
            ("observe", "GET", "/v1/log/proof?leaf=1000000", None, 503, "NOT_YET"),
            ("observe", "GET", "/v1/log/tile/0/000.p/0", None, 404, "NOT_FOUND"),
            ("observe", "GET", "/v1/log/tile/0/00", None, 404, "NOT_FOUND"),
            ("proxy", "GET", "/v1/log/tile/0/x001/000", None, 404, "NOT_FOUND"),
            ("observe", "GET", "/v1/log/tile/entries/999", None, 404, "NOT_FOUND"),
            ("issuer", "POST", "/v1/receipts", good, 404, "NOT_FOUND"),
            ("proxy", "POST", "/v1/tokens", TOKEN, 404, "NOT_FOUND"),
            ("observe", "POST", "/v1/keys", {"family": family}, 405, "METHOD_NOT_ALLOWED"),
            ("admin", "POST", "/v1/keys", "", 400, "MALFORMED_JSON"),
            ("admin", "POST", "/v1/keys", {"family": "root"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys", {"family": family, "algorithm": "rsa"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys", {"family": family}, 409, "KEY_EXISTS"),
            ("admin", "POST", "/v1/keys", {"family": "cst"}, 409, "KEY_EXISTS"),
            ("observe", "POST", "/v1/keys/discard", {"id": "07"}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/keys/discard", {"id": "07"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/discard", {"id": ""}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/discard", {}, 400, "INVALID_FIELD"),
            *(
                ("admin", "POST", "/v1/keys/" + what, body, 400, code)
                for what in ("rotate", "freeze", "unfreeze", "retire", "destroy", "compromise", "adopt")
                for body, code in (("", "MALFORMED_JSON"), ({"family": "root"}, "INVALID_FIELD"), ({"family": "cst", "why": " "}, "INVALID_FIELD"))
            ),
            ("admin", "POST", "/v1/keys", {"family": family, "why": "x" * 1025}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/rotate", {"family": "cst", "now": True, "activate_in_seconds": 1}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/rotate", {"family": "cst", "overlap_seconds": 366 * 86400 + 1}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/unfreeze", {"family": "cst"}, 409, "ILLEGAL_TRANSITION"),
            ("admin", "POST", "/v1/keys/retire", {"family": "cst", "version": 1}, 409, "ILLEGAL_TRANSITION"),
            ("admin", "POST", "/v1/keys/retire", {"family": "cst", "version": 2}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/keys/destroy", {"family": "cst", "version": 1}, 409, "ILLEGAL_TRANSITION"),
            ("admin", "POST", "/v1/keys/destroy", {"family": "cst", "version": 2}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/keys/compromise", {"family": "cst", "version": 2}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/keys/compromise", {"family": "cst", "version": 1, "leaf": 1 << 53}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/compromise", {"family": "cst", "version": 1, "leaf": 1 << 50}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/compromise", {"family": "cst", "version": 1, "since": "2999-01-01T00:00:00.000Z"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/keys/adopt", example("POST", "/v1/keys/adopt", "seed"), 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/approvals/approve", {"id": EXAMPLE_ID, "signature": "x"}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/approvals/approve", {"id": self.waiting, "signature": "x"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/approvals/approve", {"id": self.waiting}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/approvals/deny", {"id": EXAMPLE_ID}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/approvals/deny", {}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/operators", {"allowed_signers": "anna", "quorum": 1}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/operators", {"allowed_signers": "# nobody", "quorum": 1}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/operators", {**example("POST", "/v1/operators", "two"), "quorum": 3}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/operators", {**example("POST", "/v1/operators", "two"), "why": "a\nb"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/ceiling", {"max_ttl_seconds": 0, "audiences": [], "scopes": []}, 400, "INVALID_FIELD"),
            ("observe", "POST", "/v1/ceiling", {}, 405, "METHOD_NOT_ALLOWED"),
            ("admin", "POST", "/v1/roles", {"role": "admin", "users": [], "groups": []}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/roles", {"role": "king", "users": ["0"], "groups": []}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/roles", {"role": "proxy", "users": ["no-such-user"], "groups": []}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/roles", {"role": "proxy", "users": [], "groups": ["no-such-group"]}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/roles", {"role": "proxy", "users": ["65534"], "groups": []}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/roles", {"role": "proxy", "users": ["root"]}, 400, "INVALID_FIELD"),
            ("observe", "POST", "/v1/roles", {}, 405, "METHOD_NOT_ALLOWED"),
            ("admin", "POST", "/v1/log/prune", "", 400, "MALFORMED_JSON"),
            ("admin", "POST", "/v1/log/prune", {}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/log/prune", example("POST", "/v1/log/prune", "year"), 400, "INVALID_FIELD"),
            ("observe", "POST", "/v1/log/prune", {}, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/tpm/approve-pcrs", "", 400, "MALFORMED_JSON"),
            ("admin", "POST", "/v1/tpm/approve-pcrs", {"backend": "main", "state": "00"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/tpm/approve-pcrs", example("POST", "/v1/tpm/approve-pcrs", "update"), 400, "INVALID_FIELD"),
            ("observe", "POST", "/v1/tpm/approve-pcrs", {}, 404, "NOT_FOUND"),
            ("observe", "GET", "/v1/approvals", None, 404, "NOT_FOUND"),
            ("observe", "GET", "/v1/jwks", None, 404, "NOT_FOUND"),
            ("admin", "POST", "/v1/pin/retry", {"backend": "other"}, 400, "INVALID_FIELD"),
            ("admin", "POST", "/v1/pin/retry", {"backend": "main", "pin": "1234"}, 400, "INVALID_FIELD"),
        ):
            self.ask_and_mutate(self.daemon, role, method, target, body, status, code)

    def claims(self, **claims):
        return {"claims": {**TOKEN["claims"], **claims}}

    def test_what_is_asked_of_a_token_is_judged_alike_by_the_schema_and_the_daemon(self):
        """But for what a schema cannot say: bytes, UTF-16, one member equal to another, and what the daemon knows."""
        chain = {"owner_did": "did:a:owner", "controller_did": "did:a:controller"}
        delegation = {
            "delegation_id": "d",
            "delegator_did": "did:a:owner",
            "delegate_did": TOKEN["claims"]["sub"],
            "delegation_policy_hash_b64u": HASH,
            "delegation_spend_cap_minor": "1",
            "delegation_expires_at": 4102444800,
        }
        for good, fields in (
            *((True, {**chain, name: value}) for name, value in delegation.items()),
            *((False, {name: value}) for name, value in delegation.items()),
            *((False, {**chain, "token_lane": "legacy", name: value}) for name, value in delegation.items()),
            (True, {**chain, "token_lane": "legacy"}),
            (True, {**chain, "token_lane": "legacy", "sub": "not a DID"}),
            (False, {**chain, "sub": "not a DID"}),
            (True, {**chain, "sub": " did:a:b\n", "agent_did": "\tdid:a:b"}),
            (False, {"token_lane": "canonical"}),
            (False, {"token_lane": "canonical", "owner_did": "did:a:b", "agent_did": TOKEN["claims"]["sub"]}),
            (False, {"token_lane": "other"}),
            (True, {"owner_did": "did:a:b", "agent_did": "did:a:somebody.else"}),
            (True, {"sub": " x "}),
            (False, {"sub": " "}),
            (False, {"sub": None}),
            (True, {"sub": "x" * 512}),
            (False, {"sub": "x" * 513}),
            (True, {"aud": ["a", "a"]}),
            (True, {"aud": ["a"] * 64}),
            (False, {"aud": ["a"] * 65}),
            (False, {"aud": []}),
            (False, {"aud": ["a", " "]}),
            (False, {"aud": 1}),
            (True, {"scope": ["a", " a ", "\t", "egress:*.example.com"]}),
            (True, {"scope": ["x" * 128] * 64}),
            (False, {"scope": ["x" * 129]}),
            (False, {"scope": ["x"] * 65}),
            (False, {"scope": ["a", ""]}),
            (False, {"scope": [" "]}),
            (False, {"scope": []}),
            (False, {"scope": "a"}),
            (True, {"ttl_sec": 1.9}),
            (False, {"ttl_sec": 0.9}),
            (False, {"ttl_sec": "600"}),
            (False, {"ttl_sec": 1, "exp": 4102444800}),
            (False, {"iat": 0}),
            (True, {"spend_cap": 0}),
            (False, {"spend_cap": -0.5}),
            (False, {"spend_cap": None}),
            (False, {"policy_hash_b64u": "%s=" % HASH}),
            (False, {"policy_hash_b64u": HASH[:-1]}),
            (False, {"policy_hash_b64u": HASH[:-1] + "p"}),
            (False, {"token_scope_hash_b64u": " %s " % HASH}),
            (False, {"payment_account_did": "did:A:b"}),
            (False, {"payment_account_did": "did:a:b/c"}),
            (True, {"owner_ref": " padded ", "mission_id": " padded "}),
            (False, {"mission_id": ""}),
            (True, {**chain, "delegation_spend_cap_minor": " 007 ", "delegation_expires_at": 4102444800.5, "delegation_id": " d "}),
            (False, {**chain, "delegation_spend_cap_minor": "-1"}),
            (False, {**chain, "delegation_spend_cap_minor": 1}),
            (False, {**chain, "delegation_expires_at": 0}),
            (True, {"token_version": "1", "tier": "default"}),
            (False, {"token_version": "2"}),
            (False, {"tier": "gold"}),
            (False, {"jti": "x"}),
            (False, {"nonce": "x"}),
            (False, {"x": 1}),
        ):
            with self.subTest(fields):
                body = self.claims(**fields)
                self.assertEqual(fault_of({"$ref": "#/components/schemas/TokenRequest"}, body) is None, good)
                reply = self.ask_for(self.daemon, "issuer", "POST", "/v1/tokens", body, 200 if good else 400)
                if good:
                    self.assert_parts_agree(reply)

    def test_what_a_schema_cannot_say_of_a_token_is_refused_as_described(self):
        for fields in (
            {"sub": "é" * 257},
            {"scope": ["\U0001f600" * 65]},
            {"exp": 1},
            {"iat": 1},
            {"token_scope_hash_b64u": HASH},
            {"delegate_did": "did:a:b", "owner_did": "did:a:o", "controller_did": "did:a:c"},
            {"delegator_did": "did:a:b", "owner_did": "did:a:o", "controller_did": "did:a:c"},
            {"agent_did": "did:a:b", "owner_did": "did:a:o", "controller_did": "did:a:c"},
        ):
            self.ask_for(self.daemon, "issuer", "POST", "/v1/tokens", self.claims(**fields), 400, "INVALID_FIELD")

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
                target = self.target(operation, role)
                fits = self.ask(self.daemon, role, operation.method, target, " " * operation.largest_body or None)
                self.assertNotEqual(fits.status, 413)
                over = " " * (operation.largest_body + 1)
                self.ask_for(self.daemon, role, operation.method, target, over, 413, "TOO_LARGE")

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
                self.assert_described(role, NO_OPERATION, reply)

    def test_every_operation_refuses_a_request_without_a_host_or_with_a_header_without_end_as_described(self):
        for operation, said in operations():
            for role in operation.sockets:
                start = ("%s %s HTTP/1.1\r\n" % (operation.method, operation.path)).encode()
                for rest, code in ((b"\r\n", "BAD_REQUEST"), (b"Host: x\r\nX: " + b"x" * 16384, "TOO_LARGE")):
                    reply = reply_to_bytes(getattr(self.daemon, role), start + rest)
                    self.assertEqual(reply.code, code)
                    self.assert_described(role, said["responses"], reply)

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
    def test_from_no_token_over_an_empty_one_to_the_first_keys_every_answer_is_as_described(self):
        with Daemon.fresh(start=False) as daemon:
            shutil.rmtree(daemon.directory / "tokens")
            (daemon.directory / "tokens").mkdir()
            daemon.start()
            self.nothing_can_be_signed(daemon, "HSM_DOWN")
            daemon.bring_token()
            wait_until(lambda: self.state(daemon) == "ready", "the token")
            self.nothing_can_be_signed(daemon, "KEY_MISSING")
            self.half_of_a_key_is_discarded(daemon)
            first = example("POST", "/v1/keys", "p256")
            made = self.ask_and_mutate(daemon, "admin", "POST", "/v1/keys", first, 201).json["key"]["id"]
            self.ask_and_mutate(daemon, "admin", "POST", "/v1/keys/discard", {"id": made}, 409, "KEY_IN_USE")
            daemon.wait_ready()
            self.only_tokens_cannot_be_signed(daemon)
            self.ask_and_mutate(daemon, "admin", "POST", "/v1/keys", {**first, "family": "cst"}, 201)
            self.ask_for(daemon, "admin", "POST", "/v1/keys", {**first, "family": "checkpoint"}, 400, "INVALID_FIELD")
            self.ask_for(daemon, "admin", "POST", "/v1/keys", {"family": "checkpoint"}, 201)
            self.ask_for(daemon, "admin", "POST", "/v1/keys", {**first, "family": "work_policy"}, 201)
            wait_until(lambda: self.ask(daemon, "observe", "GET", "/readyz").status == 200, "the other keys")
            self.p256_keys_serve(daemon)

    def test_a_key_store_that_refuses_its_pin_is_described_too(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.set_pin("wrong")
            daemon.start()
            wait_until(lambda: self.state(daemon) == "held", "the refused PIN")
            self.nothing_can_be_signed(daemon, "PIN_HELD")
            self.ask_for(daemon, "admin", "POST", "/v1/keys", {"family": "gateway_receipt"}, 503, "PIN_HELD")
            self.ask_and_mutate(daemon, "admin", "POST", "/v1/pin/retry", {"backend": "main"}, 503, "PIN_HELD")

    def half_of_a_key_is_discarded(self, daemon):
        half = example("POST", "/v1/keys/discard", "by_id")
        daemon.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "clawsigner/cst/1", "--id", half["id"])
        daemon.pkcs11_tool("--delete-object", "--type", "privkey", "--id", half["id"])
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        wait_until(lambda: self.state(daemon) == "ready", "the token again")
        self.ask_and_mutate(daemon, "admin", "POST", "/v1/keys/discard", half, 200)
        self.ask_for(daemon, "admin", "POST", "/v1/keys/discard", half, 400, "INVALID_FIELD")

    def nothing_can_be_signed(self, daemon, code):
        self.ask_and_mutate(daemon, "proxy", "POST", "/v1/receipts", RECEIPT, 503, code)
        self.ask_and_mutate(daemon, "issuer", "POST", "/v1/tokens", TOKEN, 503, code)
        batch = self.ask_for(daemon, "proxy", "POST", "/v1/receipts/batch", {"receipts": [RECEIPT]}, 200)
        self.assertEqual(batch.json["results"][0]["error"]["code"], code)
        for role in SIGNERS:
            for target in PUBLISHED:
                self.ask_and_mutate(daemon, role, "GET", target, None, 503, code)
        for target in PUBLISHED:
            self.ask_and_mutate(daemon, "admin", "GET", target + "?family=cst", None, 503, code)
        for role in TELLERS:
            self.ask_and_mutate(daemon, role, "GET", "/.well-known/clawsig.json", None, 503, code)
        self.ask_and_mutate(daemon, "admin", "POST", "/v1/keys/rotate", {"family": "cst"}, 503, code)
        for role in ROLES:
            self.ask_and_mutate(daemon, role, "GET", "/v1/keys/manifest", None, 503, "NOT_YET")
            ready = self.ask_and_mutate(daemon, role, "GET", "/readyz", None, 503)
            self.assertEqual([reason["code"] for reason in ready.json["reasons"]], [code] * (4 if role in WATCHERS else 1))
            self.ask_for(daemon, role, "GET", "/healthz", None, 200)
        # A store that was never seen has no list of keys, rather than an empty one.
        unseen = code != "KEY_MISSING"
        for role in WATCHERS:
            self.ask_for(daemon, role, "GET", "/v1/status", None, 200)
            self.ask_for(daemon, role, "GET", "/v1/keys", None, 503 if unseen else 200, code if unseen else None)

    def only_tokens_cannot_be_signed(self, daemon):
        self.ask_for(daemon, "proxy", "POST", "/v1/receipts", RECEIPT, 200)
        self.ask_for(daemon, "issuer", "POST", "/v1/tokens", TOKEN, 503, "KEY_MISSING")
        self.ask_for(daemon, "issuer", "GET", "/readyz", None, 503)
        for role in WATCHERS:
            reasons = self.ask_for(daemon, role, "GET", "/readyz", None, 503).json["reasons"]
            self.assertEqual([reason["message"].split(": ")[0] for reason in reasons], ["checkpoint", "cst", "work_policy"])

    def p256_keys_serve(self, daemon):
        for role in SIGNERS:
            for target in PUBLISHED:
                self.ask_and_mutate(daemon, role, "GET", target, None, 200)
        for role in TELLERS:
            self.ask_and_mutate(daemon, role, "GET", "/.well-known/clawsig.json", None, 200)
        receipt = self.ask_for(daemon, "proxy", "POST", "/v1/receipts?legacy=1", RECEIPT, 200)
        self.assertEqual(receipt.json["envelope"]["algorithm"], "ES256")
        token = self.ask_for(daemon, "issuer", "POST", "/v1/tokens", DELEGATION, 200)
        self.assert_parts_agree(token)
        for role in WATCHERS:
            for target in ("/v1/status", "/v1/keys"):
                self.ask_for(daemon, role, "GET", target, None, 200)

    def state(self, daemon):
        return self.ask(daemon, "admin", "GET", "/v1/status").json["backends"][0]["state"]


class Lives(Conversation):
    """Of keys, and of what waits for operators. Whatever is answered on the way is as described."""

    def test_from_a_plan_to_destruction_every_answer_is_as_described(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/keys/manifest"), "the manifest under a checkpoint")
            planned = self.do(daemon, "/v1/keys/rotate", example("POST", "/v1/keys/rotate", "planned"), 201)
            self.assertEqual((planned["key"]["state"], planned["key"]["signing"]), ("pending", False))
            self.do(daemon, "/v1/keys/rotate", {"family": "gateway_receipt"}, 409, "ROTATION_PENDING")
            self.everything_is_published(daemon)
            made = self.do(daemon, "/v1/keys/rotate", example("POST", "/v1/keys/rotate", "now") | {"family": "gateway_receipt"}, 201)
            self.assertEqual((made["key"]["kid"], made["key"]["signing"]), (planned["key"]["kid"], True))
            self.everything_is_published(daemon)
            old = example("POST", "/v1/keys/retire", "old")
            self.do(daemon, "/v1/keys/destroy", old, 409, "ILLEGAL_TRANSITION")
            self.do(daemon, "/v1/keys/retire", old, 200)
            self.do(daemon, "/v1/keys/retire", old, 409, "ILLEGAL_TRANSITION")
            asked = self.do(daemon, "/v1/keys/destroy", example("POST", "/v1/keys/destroy", "old"), 202)
            self.assertTrue(self.approved(daemon, asked)["done"])
            self.assertEqual(self.states(daemon), ["destroyed", "active"])
            self.do(daemon, "/v1/keys/compromise", example("POST", "/v1/keys/compromise", "since"), 200, mutate=False)
            self.do(daemon, "/v1/keys/compromise", example("POST", "/v1/keys/compromise", "now"), 409, "ILLEGAL_TRANSITION")
            self.everything_is_published(daemon)

    def test_a_frozen_family_is_published_as_described(self):
        with Daemon.fresh() as daemon:
            self.do(daemon, "/v1/keys/freeze", example("POST", "/v1/keys/freeze", "alarm"), 200)
            self.do(daemon, "/v1/keys/freeze", example("POST", "/v1/keys/freeze", "alarm"), 409, "ILLEGAL_TRANSITION")
            self.ask_and_mutate(daemon, "proxy", "POST", "/v1/receipts", RECEIPT, 503, "KEY_FROZEN")
            self.ask_and_mutate(daemon, "proxy", "GET", "/v1/keys/transparency/latest", None, 503, "KEY_FROZEN")
            self.ask_for(daemon, "proxy", "GET", "/readyz", None, 503)
            batch = self.ask_for(daemon, "proxy", "POST", "/v1/receipts/batch", {"receipts": [RECEIPT]}, 200)
            self.assertEqual(batch.json["results"][0]["error"]["code"], "KEY_FROZEN")
            self.do(daemon, "/v1/keys/adopt", example("POST", "/v1/keys/adopt", "seed"), 503, "KEY_FROZEN")
            for path in ("/v1/jwks", "/v1/keys/rotation-contract", "/v1/keys/rotations", "/.well-known/clawsig.json"):
                self.ask_and_mutate(daemon, "proxy", "GET", path, None, 200)
            families = self.ask_and_mutate(daemon, "observe", "GET", "/v1/keys", None, 200).json["families"]
            self.assertEqual([one["family"] for one in families if one["frozen"]], ["gateway_receipt"])
            self.do(daemon, "/v1/keys/rotate", {"family": "gateway_receipt", "now": True}, 201)
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            asked = self.do(daemon, "/v1/keys/unfreeze", example("POST", "/v1/keys/unfreeze", "over"), 202)
            self.assertTrue(self.approved(daemon, asked)["done"])
            self.ask_for(daemon, "proxy", "POST", "/v1/receipts", RECEIPT, 200)

    def test_the_answers_of_a_family_that_is_compromised_and_recovers_are_as_described(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            self.do(daemon, "/v1/keys/compromise", example("POST", "/v1/keys/compromise", "now"), 200)
            self.ask_and_mutate(daemon, "proxy", "POST", "/v1/receipts", RECEIPT, 503, "KEY_MISSING")
            for path in (*PUBLISHED, "/.well-known/clawsig.json"):
                self.ask_and_mutate(daemon, "proxy", "GET", path, None, 503, "KEY_MISSING")
            self.do(daemon, "/v1/keys/rotate", {"family": "gateway_receipt", "why": "a\nb"}, 400, "INVALID_FIELD")
            asked = self.do(daemon, "/v1/keys/rotate", {"family": "gateway_receipt", "now": True, "overlap_seconds": 0}, 202)
            self.assertEqual(asked["request"]["arguments"], {"family": "gateway_receipt", "overlap_seconds": 0})
            too_many = self.do(daemon, "/v1/keys/rotate", {"family": "gateway_receipt"}, 202)
            self.assertTrue(self.approved(daemon, asked)["done"])
            self.assertEqual(self.states(daemon), ["compromised", "active"])
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, too_many), 409, "ILLEGAL_TRANSITION")
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, too_many), 409, "ILLEGAL_TRANSITION")
            denial = example("POST", "/v1/approvals/deny", "denied") | {"id": too_many["request"]["id"]}
            self.assertEqual(len(self.do(daemon, "/v1/approvals/deny", denial, 200)["request"]["approvals"]), 1)
            self.do(daemon, "/v1/approvals/deny", denial, 404, "NOT_FOUND")

    def test_the_answers_of_an_adoption_are_as_described(self):
        with Daemon.fresh() as daemon:
            body = self.adoption(daemon)
            self.assertIsNone(fault_of({"$ref": "#/components/schemas/AdoptionRequest"}, body))
            for fields in (
                {"reason": "another"},
                {"rotation_id": "x" * 129},
                {"issued_at": "2026-03-01T12:00:00+00:00"},
                {"signature_old_b64u": "A" * 85},
            ):
                self.do(daemon, "/v1/keys/adopt", {**body, **fields}, 400, "INVALID_FIELD")
            asked = self.do(daemon, "/v1/keys/adopt", body, 202)
            self.assertEqual(self.ask_and_mutate(daemon, "proxy", "GET", "/v1/keys/rotations", None, 200).json["rotations"], [])
            self.assertTrue(self.approved(daemon, asked)["done"])
            (certificate,) = self.ask_and_mutate(daemon, "proxy", "GET", "/v1/keys/rotations", None, 200).json["rotations"]
            keys_oracle.verify_rotation(certificate)
            self.do(daemon, "/v1/keys/adopt", body, 409, "KEY_EXISTS")
            self.everything_is_published(daemon)
            self.do(daemon, "/v1/keys/retire", {"family": "gateway_receipt", "version": 2}, 200)

    def test_who_approves_and_who_does_not_is_answered_as_described(self):
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            names = ("anna", "bert")
            for name in names:
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", daemon.directory / name], check=True)
            lines = ['%s valid-before="20991231Z" %s' % (name, (daemon.directory / (name + ".pub")).read_text()) for name in names]
            two = self.do(daemon, "/v1/operators", {"allowed_signers": "".join(lines), "quorum": 2, "why": "two"}, 202)
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, two, key="anna"), 403, "APPROVAL_INVALID")
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, two, namespace="file"), 403, "APPROVAL_INVALID")
            strangers = example("POST", "/v1/approvals/approve", "ssh") | {"id": two["request"]["id"]}
            self.do(daemon, "/v1/approvals/approve", strangers, 403, "APPROVAL_INVALID")
            self.assertTrue(self.approved(daemon, two)["done"])
            self.do(daemon, "/v1/keys/freeze", {"family": "cst"}, 200)
            asked = self.do(daemon, "/v1/keys/unfreeze", {"family": "cst"}, 202)
            self.assertFalse(self.approved(daemon, asked, key="anna")["done"])
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, asked, key="anna"), 409, "APPROVAL_REPEATED")
            self.assertTrue(self.approved(daemon, asked, key="bert")["done"])
            self.do(daemon, "/v1/approvals/approve", self.approval(daemon, asked, key="bert"), 404, "NOT_FOUND")

    def test_a_ceiling_is_lowered_at_once_and_raised_by_operators_as_described(self):
        narrow, raised = (example("POST", "/v1/ceiling", name) for name in ("narrow", "raised"))
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            lowered = self.do(daemon, "/v1/ceiling", narrow, 200)
            self.assertEqual(lowered, {name: value for name, value in narrow.items() if name != "why"} | {"v": 1})
            self.ask_and_mutate(daemon, "issuer", "POST", "/v1/tokens", {"claims": {**TOKEN["claims"], "ttl_sec": 601}}, 403, "POLICY_DENIED")
            asked = self.do(daemon, "/v1/ceiling", raised, 202)
            self.assertEqual(self.ask_for(daemon, "observe", "GET", "/v1/ceiling", None, 200).json, lowered)
            self.assertTrue(self.approved(daemon, asked)["done"])
            self.assertEqual(self.ask_for(daemon, "observe", "GET", "/v1/ceiling", None, 200).json, raised | {"v": 1})

    def test_the_policy_is_widened_by_operators_and_narrowed_at_once_as_described(self):
        with Daemon.fresh() as daemon:
            for path, name in (("/v1/mappings", "pinned"), ("/v1/oidc", "okta")):
                asked = self.do(daemon, path, example("POST", path, name), 202)
                self.ask_for(daemon, "admin", "GET", "/v1/approvals/" + asked["request"]["id"], None, 200)
                self.assertTrue(self.approved(daemon, asked)["done"])
                for role in WATCHERS:
                    kept = self.ask_for(daemon, role, "GET", path, None, 200).json
                    self.ask_and_mutate(daemon, role, "GET", "/v1/documents/" + kept["document_sha256"], None, 200)
            self.do(daemon, "/v1/trust", example("POST", "/v1/trust", "less"), 200)
            self.assertTrue(self.approved(daemon, self.do(daemon, "/v1/trust", example("POST", "/v1/trust", "more"), 202))["done"])
            self.do(daemon, "/v1/trust", {"key": "claims_mode", "value": "perhaps"}, 400, "INVALID_FIELD", mutate=False)
            contract, by_hash = example("POST", "/v1/policies", "payload"), example("POST", "/v1/policies/activate", "one")
            self.do(daemon, "/v1/policies/activate", by_hash, 404, "NOT_FOUND")
            self.do(daemon, "/v1/policies", contract, 201)
            self.do(daemon, "/v1/policies", contract, 200)
            self.assertTrue(self.approved(daemon, self.do(daemon, "/v1/policies/activate", by_hash, 202))["done"])
            self.do(daemon, "/v1/policies/activate", by_hash, 409, "ILLEGAL_TRANSITION")
            for role in ROLES:
                self.ask_for(daemon, role, "GET", "/v1/wpc/" + by_hash["policy_hash_b64u"], None, 200)
            for role in WATCHERS:
                self.ask_for(daemon, role, "GET", "/v1/policies/" + by_hash["policy_hash_b64u"], None, 200)
                self.ask_for(daemon, role, "GET", "/v1/policies", None, 200)
            forged = request(daemon.admin, "GET", "/v1/wpc/" + by_hash["policy_hash_b64u"]).json
            self.do(daemon, "/v1/policies", {"envelope": forged}, 403, "POLICY_DENIED", mutate=False)  # ours, but not trusted for others'
            self.do(daemon, "/v1/policies/withdraw", by_hash, 200)
            self.do(daemon, "/v1/policies/withdraw", by_hash, 409, "ILLEGAL_TRANSITION")
            self.do(daemon, "/v1/policies/withdraw", {"policy_hash_b64u": HASH}, 404, "NOT_FOUND")

    def test_callers_are_taken_away_at_once_and_new_ones_come_by_operators_as_described(self):
        nobody, another = (example("POST", "/v1/roles", name) for name in ("nobody", "another"))
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            closed = self.do(daemon, "/v1/roles", nobody, 200)
            self.ask_and_mutate(daemon, "issuer", "POST", "/v1/tokens", TOKEN, 403, "FORBIDDEN")
            asked = self.do(daemon, "/v1/roles", another, 202)
            self.assertEqual(self.ask_for(daemon, "observe", "GET", "/v1/roles", None, 200).json, closed)
            self.assertTrue(self.approved(daemon, asked)["done"])
            roles = {entry["role"]: entry for entry in self.ask_for(daemon, "observe", "GET", "/v1/roles", None, 200).json["roles"]}
            self.assertEqual(roles["proxy"], {"role": "proxy", "users": [0], "groups": [42000]})
            self.assertEqual(roles["issuer"], {"role": "issuer", "users": [], "groups": []})

    def test_without_operators_nothing_waits_and_too_much_does_not_either(self):
        body = example("POST", "/v1/operators", "two")
        with Daemon.fresh(start=False) as daemon:
            text = daemon.config.read_text()
            daemon.config.write_text(text[: text.index("# One operator")] + text[text.index("[families.gateway_receipt]") :])
            daemon.start()
            daemon.wait_ready()
            self.ask_and_mutate(daemon, "admin", "GET", "/v1/operators", None, 409, "NO_OPERATORS")
            self.do(daemon, "/v1/operators", body, 409, "NO_OPERATORS")
            self.do(daemon, "/v1/keys/unfreeze", {"family": "cst"}, 409, "NO_OPERATORS")
            self.do(daemon, "/v1/keys/destroy", {"family": "cst", "version": 1}, 409, "NO_OPERATORS")
            self.do(daemon, "/v1/keys/compromise", {"family": "cst", "version": 1}, 200)
            self.do(daemon, "/v1/keys/rotate", {"family": "cst"}, 409, "NO_OPERATORS")
            self.assertEqual(self.ask_for(daemon, "admin", "GET", "/v1/approvals", None, 200).json["requests"], [])
        with Daemon.fresh() as daemon:
            wait_until(lambda: daemon.answers("/v1/log/checkpoint"), "the name of the log")
            for _ in range(32):
                self.do(daemon, "/v1/operators", body, 202, mutate=False)
            self.do(daemon, "/v1/operators", body, 503, "QUEUE_FULL")  # and no Retry-After: people are waited for
            self.assertEqual(len(self.ask_for(daemon, "admin", "GET", "/v1/approvals", None, 200).json["requests"]), 32)

    def test_what_is_asked_of_keys_and_operators_is_judged_alike_by_the_schema_and_the_daemon(self):
        """But for what a schema cannot say: bytes, control characters, times to come, signatures, lines of OpenSSH's."""
        key, signers = {"family": "work_policy", "version": 1}, example("POST", "/v1/operators", "two")
        with Daemon.fresh() as daemon:
            for good, path, body in (
                (False, "/v1/keys", {"family": "cst", "why": ""}),
                (False, "/v1/keys/rotate", {}),
                (False, "/v1/keys/rotate", {"family": "cst", "now": 1}),
                (False, "/v1/keys/rotate", {"family": "cst", "now": True, "activate_in_seconds": 0}),
                (False, "/v1/keys/rotate", {"family": "cst", "activate_in_seconds": -1}),
                (False, "/v1/keys/rotate", {"family": "cst", "activate_in_seconds": 0.5}),
                (False, "/v1/keys/rotate", {"family": "cst", "overlap_seconds": 31622401}),
                (False, "/v1/keys/rotate", {"family": "cst", "algorithm": "p256"}),
                (True, "/v1/keys/rotate", {"family": "cst", "now": False, "activate_in_seconds": 31622400, "overlap_seconds": 31622400}),
                (False, "/v1/keys/freeze", {"family": "cst", "version": 1}),
                (False, "/v1/keys/freeze", {"family": "cst", "why": None}),
                (True, "/v1/keys/freeze", {"family": "cst", "why": "x" * 1024}),
                (False, "/v1/keys/unfreeze", {"family": "cst", "why": "x" * 1025}),
                (False, "/v1/keys/retire", {"family": "cst"}),
                (False, "/v1/keys/retire", {"family": "cst", "version": 0}),
                (False, "/v1/keys/retire", {"family": "cst", "version": 1000001}),
                (False, "/v1/keys/retire", {"family": "cst", "version": "2"}),
                (True, "/v1/keys/retire", {"family": "cst", "version": 2.0}),
                (False, "/v1/keys/destroy", {"family": "cst", "version": 1.5}),
                (False, "/v1/keys/compromise", {**key, "since": "2026-01-01"}),
                (False, "/v1/keys/compromise", {**key, "since": 0}),
                (False, "/v1/keys/compromise", {**key, "leaf": -1}),
                (False, "/v1/keys/compromise", {**key, "leaf": "0"}),
                (True, "/v1/keys/compromise", {**key, "leaf": 0}),
                (False, "/v1/keys/adopt", {"family": "cst"}),
                (False, "/v1/approvals/approve", {"id": " ", "signature": "x"}),
                (False, "/v1/approvals/approve", {"id": "x", "signature": ""}),
                (False, "/v1/approvals/approve", {"id": "x", "signature": "x" * 16385}),
                (False, "/v1/approvals/deny", {"id": "x" * 65}),
                (False, "/v1/approvals/deny", {"id": EXAMPLE_ID, "signature": "x"}),
                (False, "/v1/operators", {**signers, "quorum": 0}),
                (False, "/v1/operators", {**signers, "quorum": 65}),
                (False, "/v1/operators", {"allowed_signers": signers["allowed_signers"]}),
                (False, "/v1/operators", {**signers, "allowed_signers": " "}),
                (False, "/v1/roles", {"role": "proxy", "users": [0], "groups": []}),
                (False, "/v1/roles", {"role": "proxy", "users": ["0"] * 65, "groups": []}),
                (False, "/v1/roles", {"role": "proxy", "users": "0", "groups": []}),
                (True, "/v1/roles", {"role": "proxy", "users": ["0"], "groups": [], "why": "it is so"}),
            ):
                with self.subTest(path=path, body=body):
                    schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"][JSON]["schema"]
                    self.assertEqual(fault_of(schema, body) is None, good)
                    reply = self.ask(daemon, "admin", "POST", path, body)
                    self.assertEqual((reply.status < 300, reply.status == 400), (good, not good), reply.text)

    def do(self, daemon, path, body, status, code=None, mutate=True):
        """An admin does something; what he is answered."""
        ask = self.ask_and_mutate if mutate else self.ask_for
        return ask(daemon, "admin", "POST", path, body, status, code).json

    def approval(self, daemon, asked, key="operator", namespace="clawsigner-approval"):
        words = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", daemon.directory / key]
        signed = subprocess.run(words, input=asked["message"], capture_output=True, text=True, check=True)
        return {"id": asked["request"]["id"], "signature": signed.stdout}

    def approved(self, daemon, asked, key="operator"):
        """An operator looks at what waits, and approves of it."""
        shown = self.ask_and_mutate(daemon, "admin", "GET", "/v1/approvals/" + asked["request"]["id"], None, 200).json
        self.assertEqual(shown["message"], asked["message"])
        self.assertIn(shown["request"], self.ask_and_mutate(daemon, "admin", "GET", "/v1/approvals", None, 200).json["requests"])
        bare = {name: value for name, value in shown["request"].items() if name != "approvals"}
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        self.assertEqual(digest, shown["message"])
        return self.do(daemon, "/v1/approvals/approve", self.approval(daemon, asked, key), 200)

    def adoption(self, daemon):
        """The example, as the holder of its old key signs it for this daemon."""
        body = dict(example("POST", "/v1/keys/adopt", "seed"))
        names = ("issued_at", "old_did", "reason", "rotation_id")
        unsigned = {name: body[name] for name in names} | {"new_did": daemon.did(), "rotation_version": "1"}
        unsigned |= {"signature_new_b64u": "", "signature_old_b64u": ""}
        text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"))
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(OLD_SEED).sign(text.encode())
        return body | {"signature_old_b64u": base64.urlsafe_b64encode(signature).decode().rstrip("=")}

    def everything_is_published(self, daemon):
        """As described, and the lists of kids agree with the keys."""
        for path in (*PUBLISHED, "/.well-known/clawsig.json"):
            self.ask_for(daemon, "proxy", "GET", path, None, 200)
        published = [key["kid"] for key in self.ask(daemon, "proxy", "GET", "/v1/jwks").json["keys"]]
        self.assertEqual(self.ask(daemon, "proxy", "GET", "/v1/keys/rotation-contract").json["accepted_kids"], published)
        listed = self.ask_for(daemon, "observe", "GET", "/v1/keys", None, 200).json["keys"]
        states = ("pending", "active", "verify_only")
        self.assertEqual({key["kid"] for key in listed if key["family"] == "gateway_receipt" and key["state"] in states}, set(published))
        wait_until(lambda: self.ask(daemon, "observe", "GET", "/v1/keys/manifest").status == 200, "the manifest under a checkpoint")

    def states(self, daemon):
        listed = self.ask_for(daemon, "admin", "GET", "/v1/keys", None, 200).json["keys"]
        return [key["state"] for key in listed if key["family"] == "gateway_receipt"]


class Limits(Conversation):
    """What a configuration does not let through."""

    def test_every_rule_of_the_ceiling_denies_as_described(self):
        rules = set()
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config('audiences = ["*"]', 'audiences = ["clawproxy.com"]')
            daemon.edit_config('scopes = ["*"]', 'scopes = ["proxy:*", "egress:*"]')
            daemon.start()
            daemon.wait_ready()
            wait_until(lambda: self.ask(daemon, "issuer", "GET", "/readyz").status == 200, "the token key")
            self.ask_for(daemon, "issuer", "POST", "/v1/tokens", TOKEN, 200)
            for rule, field, fields in (
                ("ceiling.ttl", "claims", {"exp": 4102444800}),
                ("ceiling.audience", "claims.aud", {"aud": "clawproxy.org"}),
                ("ceiling.audience", "claims.aud[1]", {"aud": ["clawproxy.com", "clawproxy.com "]}),
                ("ceiling.wildcard", "claims.scope[0]", {"scope": ["egress:*"]}),
                ("ceiling.scope", "claims.scope[1]", {"scope": ["egress:*.example.com", "Proxy:call"]}),
            ):
                body = {"claims": {**TOKEN["claims"], **fields}}
                denied = self.ask_and_mutate(daemon, "issuer", "POST", "/v1/tokens", body, 403, "POLICY_DENIED")
                self.assertEqual((denied.json["error"]["rule"], denied.json["error"]["field"]), (rule, field))
                rules.add(rule)
        listed = DOCUMENT["components"]["schemas"]["PolicyRule"]["enum"]
        self.assertEqual(rules, {rule for rule in listed if rule.startswith("ceiling.")})

    def test_whoever_is_not_let_in_is_told_so_whatever_he_asks(self):
        with Daemon.fresh(start=False) as daemon, open(daemon.config, "a", encoding="utf-8") as config:
            config.writelines('\n[roles.%s]\nusers = ["%d"]\n' % (role, os.getuid() + 1) for role in ROLES)
            config.flush()
            daemon.start()
            for role in ROLES:
                for operation, _ in operations():
                    self.ask_and_mutate(daemon, role, operation.method, operation.path + "?x", None, 403, "FORBIDDEN")
                self.ask_for(daemon, role, "DELETE", "/healthz", None, 403, "FORBIDDEN")
                self.ask_for(daemon, role, "GET", "/nothing", None, 403, "FORBIDDEN")

    def test_a_socket_at_its_bounds_says_so_to_every_request_and_every_connection(self):
        with Daemon.fresh(start=False) as daemon:
            daemon.edit_config("[server]\n", "[server]\nmax_requests = 1\nmax_connections = %d\n" % self.CONNECTIONS)
            daemon.start()
            for role in ROLES:
                with contextlib.ExitStack() as held:
                    self.a_full_socket_says_so(daemon, role, held)

    CONNECTIONS = 64

    def a_full_socket_says_so(self, daemon, role, held):
        with_body = [operation for operation, _ in operations_of(role) if operation.method == "POST"]
        if with_body:
            wait_until(lambda: self.holds_a_request(daemon, role, held, with_body[0]), "a request under way")
        for operation in with_body:
            full = self.ask_and_mutate(daemon, role, operation.method, operation.path, None, 503, "QUEUE_FULL")
            self.assertEqual(full.headers["Retry-After"], "1")
        self.ask_for(daemon, role, "GET", "/healthz", None, 200)  # what has no body is answered all the same
        *_, one_too_many = [held.enter_context(connect(getattr(daemon, role))) for _ in range(self.CONNECTIONS)]
        turned_away = answer_from(one_too_many)
        self.assertEqual(turned_away.code, "QUEUE_FULL")
        self.assert_described(role, NO_OPERATION, turned_away)

    def holds_a_request(self, daemon, role, held, operation):
        """Is a request of ours being read now, and kept so?"""
        peer = held.enter_context(connect(getattr(daemon, role)))
        peer.sendall(header_of(operation, "Transfer-Encoding: chunked", "Expect: 100-continue"))
        return peer.recv(65536).startswith(b"HTTP/1.1 100 ")


class Timeouts(Conversation):
    """Last, and begun first: see setUpModule."""

    def test_what_does_not_arrive_in_time_is_answered_as_described(self):
        for role, responses, peer in SLOW:
            reply = answer_from(peer)
            self.assertEqual((reply.status, reply.code), (408, "TIMEOUT"))
            self.assert_described(role, responses, reply)


SLOW = []  # (role, responses, connection) of requests that were begun and will not be finished


def setUpModule():
    """Begins the requests that take the daemon's 10 s, so that they take them while the other stories are told."""
    daemon = unittest.enterModuleContext(Daemon.fresh())
    for role in ROLES:
        begun = [(NO_OPERATION, b"GET /healthz HTTP/1.1\r\nHost: ")]
        for operation, responses in operations_of(role):
            begun.append((responses, header_of(operation, "Transfer-Encoding: chunked")))
        for responses, raw in begun:
            peer = unittest.enterModuleContext(connect(getattr(daemon, role)))
            peer.sendall(raw)
            SLOW.append((role, responses, peer))


if __name__ == "__main__":
    unittest.main()
