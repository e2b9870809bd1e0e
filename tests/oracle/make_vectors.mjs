// Writes the vectors of our own kind beside the ecosystem's golden ones: what a JavaScript engine makes of inputs that
// lean on the corners of the contract. An independent reading of the rules, in the language of the verifiers.
//
//     node tests/oracle/make_vectors.mjs tests/vectors
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'); // RFC 8032, test 1
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x, 'base64url');
const sha256 = (data) => createHash('sha256').update(data).digest();
const b64u = (data) => Buffer.from(data).toString('base64url');
const kid = sha256(publicKey).toString('hex').slice(0, 16);

const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 wants it
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
};

const jsonTexts = [
  '-0', '-0.0', '0.5', '1e5', '1e20', '1e21', '123456789012345680000', '1.7976931348623157e308', '2.2250738585072011e-308',
  '4.9406564584124654e-324', '1e-400', '0.0000010', '0.00000099999', '9007199254740992', '-9007199254740992', '18014398509481984',
  '333333333.33333329', '1E-6', '1e-6', '12.50', '100.00', '5e-7', '1.5e300', '9.999999999999999e22', '1e23', '0.30000000000000004',
  '123.456e-3', '-1e-7', '2.0', '4503599627370496.5', '0.1e-6', '1000000000000000000000', '1180591620717411303424',
  '""', '"\\u0000\\u001f\\u007f"', '"\\u2028\\u2029"', '"\\/"', '"\\u00e9 e\\u0301"', '"\\ud83d\\ude00"', '"\\uffff"', '"\\ufeff"',
  '"tab\\there"', '"back\\\\slash \\"quote\\""', '"\\u0008\\u000b\\u000c"', '"\u{1F600} \u00df \u4e2d"',
  '{}', '[ ]', ' [ 1 , 2 ] ', '{"b":1,"a":2}', '{"":0," ":1}', '{"aa":1,"a":2,"A":3,"\\u00e9":4,"z":5}',
  '{"2":0,"1":1,"01":2,"-1":3,"1.0":4,"4294967295":5}', '{"x":{"3":1,"2":[{"1":0,"0":1}]}}',
  '{"\\ud800\\udc00":1,"\\uff61":2,"\\ue000":3}', '{"a\\"b":1,"a\\\\b":2,"a\\nb":3}', '[[[[[[[[1]]]]]]]]', '{"a":[true,false,null]}',
  '{"constructor":1,"toString":2,"hasOwnProperty":3}', '[1e0,10e-1,0.1e1]', '{"ttft_ms":12.10,"itl":0.30,"n":7}',
];
const rows = jsonTexts.map((json) => {
  const value = JSON.parse(json);
  return JSON.stringify({ json, json_stringify: JSON.stringify(value), canonical: canonical(value) });
});

const timestamp = '2026-03-01T12:00:00.007Z';
const hash = (text) => b64u(sha256(text));
const receipt = (name, request) => {
  const { payment, privacyMode, encryptedRequest, encryptedResponse, ...fields } = request;
  const binding = fields.binding && Object.fromEntries(
    ['run_id', 'event_hash_b64u', 'nonce', 'policy_hash', 'token_scope_hash_b64u', 'span_id', 'spanId', 'parent_span_id',
      'parentSpanId', 'tool_span_id', 'toolSpanId', 'phase', 'attribution_confidence']
      .filter((member) => member in fields.binding).map((member) => [member, fields.binding[member]]));
  const payload = {
    receipt_version: '1', receipt_id: fields.receipt_id, gateway_id: 'did:web:clawproxy.com', provider: fields.provider,
    model: fields.model ?? 'unknown', request_hash_b64u: fields.request_hash_b64u, response_hash_b64u: fields.response_hash_b64u,
    tokens_input: fields.tokens_input, tokens_output: fields.tokens_output, latency_ms: fields.latency_ms, timestamp,
    ...(binding && Object.keys(binding).length ? { binding } : {}), ...(fields.metadata ? { metadata: fields.metadata } : {}),
  };
  const payloadText = JSON.stringify(payload);
  const payloadHash = hash(payloadText);
  const hex = (text) => Buffer.from(text, 'base64url').toString('hex');
  const legacyBinding = {};
  for (const [from, to] of [['run_id', 'runId'], ['event_hash_b64u', 'eventHash'], ['nonce', 'nonce'],
    ['policy_hash', 'policyHash'], ['token_scope_hash_b64u', 'tokenScopeHashB64u']]) {
    if (binding?.[from]) legacyBinding[to] = binding[from];
  }
  const legacySigned = JSON.stringify({
    version: '1.0', proxyDid: 'did:web:clawproxy.com', provider: fields.provider, model: fields.model,
    requestHash: hex(fields.request_hash_b64u), responseHash: hex(fields.response_hash_b64u), timestamp,
    latencyMs: fields.latency_ms, kid, binding: Object.keys(legacyBinding).length ? legacyBinding : undefined, payment,
    privacyMode: privacyMode ?? 'hash_only', encryptedRequest, encryptedResponse,
  });
  return {
    name, request: { ...request, timestamp }, payload_text: payloadText, payload_hash_b64u: payloadHash,
    signature_b64u: b64u(sign(null, Buffer.from(payloadHash), privateKey)),
    legacy_signed_text: legacySigned, legacy_signature_b64u: b64u(sign(null, Buffer.from(legacySigned), privateKey)),
  };
};

const base = {
  receipt_id: 'rcpt_00000000-0000-4000-8000-000000000001', provider: 'openai', model: 'gpt-test',
  request_hash_b64u: hash('request'), response_hash_b64u: hash('response'), tokens_input: 1, tokens_output: 2, latency_ms: 3,
};
const blob = { algorithm: 'AES-256-GCM', iv: 'AAAAAAAAAAAAAAAA', ciphertext: 'c2VjcmV0', tag: 'AAAAAAAAAAAAAAAAAAAAAA' };
const receipts = [
  receipt('the least a receipt can say', { ...base, model: undefined }),
  receipt('every limit at its end', { ...base, tokens_input: 10000000, tokens_output: 0, latency_ms: 3600000 }),
  receipt('an empty binding is dropped', { ...base, binding: {} }),
  receipt('binding members in another order', { ...base, binding: { nonce: 'n', run_id: 'r', policy_hash: 'p' } }),
  receipt('spans, phase and confidence', { ...base, binding: { run_id: 'r', attribution_confidence: 0.5, phase: 'planning',
    tool_span_id: 't', spanId: 's', parent_span_id: 'p' } }),
  receipt('text that needs escapes', { ...base, provider: 'a"b\\c', model: 'm\u2028\u00e9\u{1F600}\n', binding: { run_id: '\u0001' } }),
  receipt('metadata keeps its order and prints its numbers', { ...base, metadata: { z: 1.50, a: 1e21, n: [1e-7, 0.1, -0], s: { b: null, a: true } } }),
  receipt('empty metadata stays', { ...base, metadata: {} }),
  receipt('a platform that paid', { ...base, payment: { mode: 'platform', paid: true, ledgerRef: 'led_1',
    accountBinding: { status: 'matched', claimPresent: true }, fundingCheck: { status: 'funded', availableMinor: '10' },
    delegationSpend: { status: 'authorized' } } }),
  receipt('a payment in another order', { ...base, payment: { paid: false, mode: 'user' } }),
  receipt('encrypted content', { ...base, privacyMode: 'encrypted', encryptedRequest: blob, encryptedResponse: blob }),
];

writeFileSync(join(process.argv[2], 'json_own.ndjson'), `${rows.join('\n')}\n`);
writeFileSync(join(process.argv[2], 'receipt_own.json'), `${JSON.stringify(receipts, null, 1)}\n`);
