"""Receipts from socket to signature and back through two verifiers that do not know each other."""

import json
import unittest

from harness import HASH, RECEIPT, DaemonTest, cli, of_its_own, request  # first: it makes the oracle importable

import mutations
import receipt_oracle

EVENT = "P3m7e0NbBTIWUdrv03TNxoHcBvqmXjdOODN7iMoEbeo"
GOOD = [
    {},
    {"model": "claude \u00e9 \U0001f600 \u2028 \"quoted\" \\ /"},
    {"tokens_input": 0, "tokens_output": 10_000_000, "latency_ms": 3_600_000},
    {"binding": {"run_id": "r", "event_hash_b64u": EVENT, "nonce": "n"}},
    {"binding": {"nonce": "n", "run_id": "r"}},
    {"binding": {}},
    {"binding": {"span_id": "s", "parentSpanId": "p", "phase": "execution", "attribution_confidence": 0.25}},
    {"metadata": {}},
    {"metadata": {"z": 1.50, "a": 1e21, "small": 1e-7, "neg": -0.0, "n": None, "t": [True, {"deep": [[]]}]}},
    {"metadata": {"big": 9007199254740992, "float": 0.1 + 0.2, "e": 5e-324, "max": 1.7976931348623157e308}},
    {"metadata": {"ttft_ms": 12.1, "itl_p50_ms": 0.3, "__proto__": {"x": 1}, "01": "not an index", "": "empty name"}},
    {"metadata": {"text": "\u0000\u0001\u001f\u007f\u0080\ud7ff\ue000\uffff\U0010ffff"}},
    {"metadata": {"padding": "x" * (16384 - len('{"padding":""}'))}},
    {"receipt_id": "rcpt_00000000-0000-4000-8000-00000000000a"},
    {"receipt_version": "1", "gateway_id": "did:web:clawproxy.com"},
    {"request_hash_b64u": "abcdefgh"},
]


class Receipts(DaemonTest):
    def test_every_receipt_is_accepted_by_the_oracle_and_by_the_cli(self):
        for fields in map(of_its_own, GOOD):
            with self.subTest(fields):
                reply = self.daemon.sign(fields)
                self.assertEqual(reply.status, 200, reply.text)
                payload = receipt_oracle.verify(reply.text, self.did)
                for name, value in fields.items():
                    if value != {} or name != "binding":
                        self.assertEqual(payload[name], value)
                code, said = self.cli_verdict(reply.text)
                self.assertEqual((code, said.splitlines()[0]), (0, "receipt: valid"))

    def test_legacy_receipts_hold_too(self):
        paid = {"mode": "platform", "paid": True, "ledgerRef": "l1", "accountBinding": {"b": 1, "a": [2.50]}, "fundingCheck": {"s": "funded"}}
        more = {"payment": {"paid": False, "mode": "user"}}, {"payment": paid, "privacyMode": "encrypted"}
        for fields in map(of_its_own, (*GOOD, *more)):
            with self.subTest(fields):
                reply = self.daemon.sign(fields, "/v1/receipts?legacy=1")
                self.assertEqual(reply.status, 200, reply.text)
                receipt_oracle.verify(reply.text, self.did)
                self.assertEqual(reply.json["legacy"]["privacyMode"], fields.get("privacyMode", "hash_only"))
                self.assertEqual(self.cli_verdict(reply.text)[0], 0)

    def test_a_missing_model_is_unknown(self):
        fields = {k: v for k, v in RECEIPT.items() if k != "model"}
        reply = request(self.daemon.proxy, "POST", "/v1/receipts?legacy=1", fields)
        self.assertEqual(reply.json["envelope"]["payload"]["model"], "unknown")
        self.assertNotIn("model", reply.json["legacy"])

    def test_every_mutation_is_refused_by_both(self):
        fields = {
            "binding": {"run_id": "run_1", "event_hash_b64u": EVENT, "nonce": "n-1"},
            "metadata": {"ttft_ms": 12.5, "list": [1, "a", None], "flag": True},
            "payment": {"mode": "user", "paid": False},
        }
        answer = self.daemon.sign(fields, "/v1/receipts?legacy=1").json
        receipt_oracle.verify(json.dumps(answer), self.did)
        tried = list(mutations.mutations(answer))
        self.assertGreaterEqual(len(tried), 60)
        for name, text in tried:
            with self.subTest(name):
                with self.assertRaises(receipt_oracle.Refused):
                    receipt_oracle.verify(text, self.did)
                code, said = self.cli_verdict(text)
                self.assertEqual(code, 1, said)
                self.assertTrue(said.startswith("receipt: invalid: "), said)

    def test_a_receipt_of_another_signer_is_refused(self):
        text = self.daemon.sign().text
        other = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"
        file = self.scratch / "receipt.json"
        file.write_text(text)
        self.assertEqual(cli("verify", "receipt", file, "--signer", self.did).returncode, 0)
        done = cli("verify", "receipt", file, "--signer", other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CLAIM_NOT_FOUND", done.stdout)


class P256Receipts(DaemonTest):
    algorithm = "p256"

    def test_es256_receipts_are_accepted_by_the_oracle_and_by_the_cli(self):
        self.assertTrue(self.did.startswith("did:key:zDn"))
        for fields in map(of_its_own, GOOD):
            reply = self.daemon.sign(fields, "/v1/receipts?legacy=1")
            self.assertEqual(reply.json["envelope"]["algorithm"], "ES256")
            receipt_oracle.verify(reply.text, self.did)
            self.assertEqual(self.cli_verdict(reply.text)[0], 0)

    def test_mutations_are_refused_by_both(self):
        answer = self.daemon.sign({"binding": {"run_id": "r"}}, "/v1/receipts?legacy=1").json
        for name, text in mutations.mutations(answer):
            with self.subTest(name):
                with self.assertRaises(receipt_oracle.Refused):
                    receipt_oracle.verify(text, self.did)
                self.assertEqual(self.cli_verdict(text)[0], 1)


class BadInput(DaemonTest):
    """What must get a closed code, a fitting status, the field's name, and no signature."""

    RAW = [
        # (what is put in place of the member, the member, the code)
        ("provider", '""', "INVALID_FIELD"),
        ("provider", '"\\u00a0 \\u2003"', "INVALID_FIELD"),
        ("model", '""', "INVALID_FIELD"),
        ("model", "null", "INVALID_FIELD"),
        ("model", '"\\ud800"', "MALFORMED_JSON"),
        ("model", '"\\udc00\\ud800"', "MALFORMED_JSON"),
        ("request_hash_b64u", '"short"', "INVALID_FIELD"),
        ("request_hash_b64u", '"' + HASH + '="', "INVALID_FIELD"),
        ("request_hash_b64u", '"' + HASH[:-1] + 'p"', "INVALID_FIELD"),
        ("response_hash_b64u", '"' + HASH.replace("-", "+") + '"', "INVALID_FIELD"),
        ("tokens_input", "10000001", "INVALID_FIELD"),
        ("tokens_input", "9007199254740993", "INVALID_FIELD"),
        ("tokens_input", "1e400", "INVALID_FIELD"),
        ("tokens_output", "-1", "INVALID_FIELD"),
        ("tokens_output", "1.5", "INVALID_FIELD"),
        ("tokens_output", '"1"', "INVALID_FIELD"),
        ("latency_ms", "-1", "INVALID_FIELD"),
        ("latency_ms", "3600001", "INVALID_FIELD"),
        ("latency_ms", "0.5", "INVALID_FIELD"),
        ("binding.event_hash_b64u", '"abcdefg"', "INVALID_FIELD"),
        ("binding.nonce", '" "', "INVALID_FIELD"),
        ("binding.phase", '"later"', "INVALID_FIELD"),
        ("binding.colour", '"red"', "INVALID_FIELD"),
        ("metadata.n", "9007199254740993", "INVALID_FIELD"),
        ("metadata.n", "1e400", "INVALID_FIELD"),
        ("metadata.7", "1", "INVALID_FIELD"),
        ("metadata.s", '"\\ud800"', "MALFORMED_JSON"),
        ("timestamp", '"2020-01-01T00:00:00.000Z"', "TIMESTAMP_SKEW"),
        ("timestamp", '"2999-01-01T00:00:00.000Z"', "TIMESTAMP_SKEW"),
        ("timestamp", '"now"', "INVALID_FIELD"),
        ("colour", '"red"', "INVALID_FIELD"),
        ("payment", '{"mode":"user","paid":false}', "INVALID_FIELD"),
    ]

    def body_with(self, path, raw):
        members = {name: json.dumps(value) for name, value in RECEIPT.items()}
        outer, _, inner = path.partition(".")
        members[outer] = '{"%s":%s}' % (inner, raw) if inner else raw
        return "{" + ",".join('"%s":%s' % member for member in members.items()) + "}"

    def test_each_is_refused_by_name(self):
        for path, raw, code in self.RAW:
            with self.subTest(path=path, raw=raw):
                reply = request(self.daemon.proxy, "POST", "/v1/receipts", self.body_with(path, raw))
                self.assertEqual((reply.status, reply.code), (400, code), reply.text)
                self.assertEqual(reply.json["error"]["field"], path)
                self.assertIn(path, reply.json["error"]["message"])
                self.assertNotIn("envelope", reply.text)

    def test_each_is_refused_alone_in_a_batch(self):
        good = json.dumps(RECEIPT)
        bodies = [self.body_with(path, raw) for path, raw, _ in self.RAW]
        batch = '{"receipts":[' + ",".join(good + "," + body for body in bodies) + "]}"
        results = request(self.daemon.proxy, "POST", "/v1/receipts/batch", batch).json["results"]
        self.assertEqual(len(results), 2 * len(bodies))
        for index, (path, _, code) in enumerate(self.RAW):
            receipt_oracle.verify(json.dumps(results[2 * index]), self.did)
            self.assertEqual(results[2 * index + 1]["error"]["code"], code)
            self.assertEqual(results[2 * index + 1]["error"]["field"], path)

    def test_texts_that_are_no_request(self):
        good = json.dumps(RECEIPT)
        nested = '{"metadata":' + '{"a":' * 40 + "1" + "}" * 40 + "}"
        for body in ("", "[]", "null", "1", good[:-1], good + "x", good + good, nested, "\x00", "[" * 60000, good.replace("{", "{,", 1)):
            with self.subTest(body[:40]):
                reply = request(self.daemon.proxy, "POST", "/v1/receipts", body)
                self.assertEqual(reply.status, 400)
                self.assertIn(reply.code, ("MALFORMED_JSON", "INVALID_FIELD"))
        reply = request(self.daemon.proxy, "POST", "/v1/receipts", b'{"provider":"\xff"}')
        self.assertEqual((reply.status, reply.code), (400, "MALFORMED_JSON"))

    def test_doubled_members_are_refused_wherever_they_stand(self):
        good = json.dumps(RECEIPT)
        for body, field in (
            (good[:-1] + ',"model":"x"}', "model"),
            (good[:-1] + ',"binding":{"nonce":"a","nonce":"a"}}', "binding.nonce"),
            (good[:-1] + ',"metadata":{"a":{"b":1,"b":1}}}', "metadata.a.b"),
        ):
            reply = request(self.daemon.proxy, "POST", "/v1/receipts", body)
            self.assertEqual((reply.status, reply.json["error"]["field"]), (400, field))

    def test_metadata_over_16_kib_is_refused(self):
        reply = self.daemon.sign({"metadata": {"padding": "x" * (16385 - len('{"padding":""}'))}})
        self.assertEqual((reply.status, reply.json["error"]["field"]), (400, "metadata"))

    def test_bodies_over_their_limit_are_refused(self):
        self.assertEqual(request(self.daemon.proxy, "POST", "/v1/receipts", " " * 65537).code, "TOO_LARGE")
        self.assertEqual(request(self.daemon.proxy, "POST", "/v1/receipts/batch", " " * (4 * 2**20 + 1)).status, 413)
        many = '{"receipts":[' + ",".join(["{}"] * 1001) + "]}"
        self.assertEqual(request(self.daemon.proxy, "POST", "/v1/receipts/batch", many).code, "TOO_LARGE")

    def test_integers_a_double_holds_are_printed_as_javascript_prints_them(self):
        body = self.body_with("metadata.n", "1000000000000000000000")
        reply = request(self.daemon.proxy, "POST", "/v1/receipts", body)
        self.assertIn('"metadata":{"n":1e+21}', reply.text)
        receipt_oracle.verify(reply.text, self.did)


class Batches(DaemonTest):
    def test_a_thousand_receipts_come_back_in_order_and_hold(self):
        receipts = [{**RECEIPT, "binding": {"nonce": "n%d" % i}} for i in range(1000)]
        reply = request(self.daemon.proxy, "POST", "/v1/receipts/batch", {"receipts": receipts})
        self.assertEqual(reply.status, 200)
        results = reply.json["results"]
        self.assertEqual(len(results), 1000)
        for index, result in enumerate(results):
            payload = receipt_oracle.verify(json.dumps(result), self.did)
            self.assertEqual(payload["binding"]["nonce"], "n%d" % index)

    def test_legacy_receipts_come_in_batches_too(self):
        reply = request(self.daemon.proxy, "POST", "/v1/receipts/batch?legacy=1", {"receipts": [RECEIPT, {}]})
        good, bad = reply.json["results"]
        receipt_oracle.verify(json.dumps(good), self.did)
        self.assertIn("legacy", good)
        self.assertEqual(bad["error"]["code"], "INVALID_FIELD")

    def test_an_empty_batch_is_an_empty_answer(self):
        self.assertEqual(request(self.daemon.proxy, "POST", "/v1/receipts/batch", '{"receipts":[]}').json, {"results": []})


if __name__ == "__main__":
    unittest.main()
