#include "claw/work_policy.h"

#include "claw/json.h"
#include "crypto/digest.h"
#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::WorkPolicy;
using tests::SoftwareKey;

namespace {

/// A contract with these members besides the mandatory ones.
std::string contract(std::string_view members = "") {
    return R"({"policy_version":"1","policy_id":"p","issuer_did":"did:key:zOwner")" +
           (members.empty() ? "" : "," + std::string(members)) + "}";
}

std::string with_metadata(std::string_view members) {
    return contract(R"("metadata":{)" + std::string(members) + "}");
}

Error refusal(std::string_view text) {
    const auto policy = WorkPolicy::parse(text);
    return policy.ok() ? Error() : policy.error();
}

std::string times(std::size_t count, std::string_view item) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list.append(i == 0 ? "" : ",").append(item);
    }
    return list;
}

constexpr UnixMillis kIssued{std::chrono::milliseconds(1'767'225'600'123)};

}  // namespace

TEST_CASE("work policy: the golden vectors, byte for byte", "[claw][golden]") {
    const auto rows = tests::vector_rows("wpc_vectors.ndjson");
    REQUIRE(rows.size() == 15);
    for (const auto& row : rows) {
        const auto& wpc = row.get_object().at("wpc");
        const std::string text = claw::json_text(wpc);
        INFO(text);
        const std::string hash = tests::text_of(row, "policy_hash_b64u");
        CHECK(crypto::sha256_b64u(claw::canonical_json_text(wpc)) == hash);
        const auto policy = WorkPolicy::parse(text);
        CHECK(policy.ok() == row.get_object().at("shape_ok").get_bool());
        if (policy.ok()) {
            CHECK(policy->hash() == hash);
            CHECK(WorkPolicy::parse(policy->text()).value().hash() == hash);
        }
    }
}

TEST_CASE("work policy: every member is read into its term", "[claw]") {
    const auto policy = WorkPolicy::parse(contract(
        R"("allowed_providers":["openai","google"],"allowed_models":["gpt-*"],)"
        R"("minimum_model_identity_tier":"closed_provider_manifest","required_audit_packs":["AAAAAAAA"],)"
        R"("redaction_rules":[{"path":"$.a","action":"mask"}],"receipt_privacy_mode":"encrypted",)"
        R"("egress_allowlist":["*.okta.com"],"metadata":{"tool_allowlist":["okta.users.read"],)"
        R"("change_window_utc":"09:00-17:00","write_requires_approval":true,)"
        R"("runtime":{"sandbox_mode":"all"},"version":"v3","anything":[null,{"0":1}]})"));
    REQUIRE(policy.ok());
    const auto& terms = policy->terms();
    CHECK(terms.policy_id == "p");
    CHECK(terms.issuer_did == "did:key:zOwner");
    CHECK(terms.allowed_providers == std::vector<std::string>{"openai", "google"});
    CHECK(terms.allowed_models == std::vector<std::string>{"gpt-*"});
    CHECK(terms.minimum_model_identity_tier == claw::ModelIdentityTier::closed_provider_manifest);
    CHECK(terms.required_audit_packs == std::vector<std::string>{"AAAAAAAA"});
    CHECK(terms.redaction_rules.at(0).action == "mask");
    CHECK(terms.receipt_privacy_mode == claw::ReceiptPrivacyMode::encrypted);
    CHECK(terms.egress_allowlist == std::vector<std::string>{"*.okta.com"});
    CHECK(terms.tool_allowlist == std::vector<std::string>{"okta.users.read"});
    CHECK(terms.change_window->contains(10 * 3600));
    CHECK(terms.write_requires_approval);
    CHECK(terms.demands_runtime);
    CHECK(policy->version() == "v3");
}

TEST_CASE("work policy: what is absent limits nothing, and the version is the id", "[claw]") {
    const auto policy = WorkPolicy::parse(contract());
    REQUIRE(policy.ok());
    CHECK_FALSE(policy->terms().allowed_providers);
    CHECK_FALSE(policy->terms().tool_allowlist);
    CHECK_FALSE(policy->terms().change_window);
    CHECK_FALSE(policy->terms().write_requires_approval);
    CHECK_FALSE(policy->terms().demands_runtime);
    CHECK(policy->version() == "p");
    CHECK(WorkPolicy::parse(with_metadata(R"("version":3)")).value().version() == "p");
    CHECK_FALSE(WorkPolicy::parse(with_metadata(R"("write_requires_approval":false)"))
                    .value()
                    .terms()
                    .write_requires_approval);
}

TEST_CASE("work policy: the hash is over the values, not over the layout", "[claw]") {
    const auto policy = WorkPolicy::parse(contract());
    const auto other = WorkPolicy::parse(
        "{ \"issuer_did\" : \"did:key:z\\u004fwner\",\n\"policy_id\":\"p\", "
        "\"policy_version\":\"1\"}");
    CHECK(policy.value().hash() == other.value().hash());
    CHECK(policy.value().text() == other.value().text());
}

TEST_CASE("work policy: a member that nobody knows, or null, is refused", "[claw]") {
    for (const std::string_view name :
         {"policy_version", "policy_id", "issuer_did", "allowed_providers", "allowed_models",
          "minimum_model_identity_tier", "required_audit_packs", "redaction_rules",
          "receipt_privacy_mode", "egress_allowlist", "metadata"}) {
        INFO(name);
        const std::string member = "\"" + std::string(name) + "\":null";
        const bool mandatory = name.starts_with("policy") || name == "issuer_did";
        const std::string text = mandatory ? "{" + member + "}" : contract(member);
        CHECK(refusal(text).rule == "wpc.form");
    }
    for (const std::string_view name : {"tool_allowlist", "write_requires_approval", "runtime"}) {
        INFO(name);
        CHECK(refusal(with_metadata("\"" + std::string(name) + "\":null")).rule == "wpc.form");
    }
    const Error unknown = refusal(contract(R"("allowed_tools":["x"])"));
    CHECK(unknown.code == ErrorCode::invalid_field);
    CHECK(unknown.rule == "wpc.form");
    CHECK(unknown.field == "allowed_tools");
    CHECK(
        refusal(contract(R"("redaction_rules":[{"path":"a","action":"mask","why":"x"}])")).field ==
        "redaction_rules[0].why");
}

TEST_CASE("work policy: what is refused, and by which rule", "[claw]") {
    struct Row {
        std::string text;
        std::string_view rule;
        std::string_view field;
    };
    const std::vector<Row> rows{
        {"", "wpc.form", ""},
        {"[]", "wpc.form", ""},
        {R"({"policy_version":"1","policy_version":"1"})", "wpc.form", "policy_version"},
        {contract(R"("metadata":{"a":"\ud800"})"), "wpc.form", "metadata.a"},
        {contract(R"("metadata":[])"), "wpc.form", "metadata"},
        {contract(R"("allowed_models":"gpt-4o")"), "wpc.form", "allowed_models"},
        {contract("\"allowed_models\":[" + times(257, "\"m\"") + "]"), "wpc.form",
         "allowed_models"},
        {contract(R"("allowed_models":["  "])"), "wpc.form", "allowed_models[0]"},
        {contract("\"egress_allowlist\":[\"" + std::string(257, 'a') + "\"]"), "wpc.form",
         "egress_allowlist[0]"},
        {contract("\"allowed_providers\":[" + times(17, "\"openai\"") + "]"), "wpc.form",
         "allowed_providers"},
        {contract("\"required_audit_packs\":[" + times(65, "\"AAAAAAAA\"") + "]"), "wpc.form",
         "required_audit_packs"},
        {contract(R"("redaction_rules":{})"), "wpc.form", "redaction_rules"},
        {contract(R"("redaction_rules":[{"path":"a","action":"burn"}])"), "wpc.form",
         "redaction_rules[0].action"},
        {contract(R"("minimum_model_identity_tier":"best")"), "wpc.form",
         "minimum_model_identity_tier"},
        {with_metadata(R"("change_window_utc":"25:00-99:00")"), "wpc.window_form",
         "metadata.change_window_utc"},
        {with_metadata(R"("change_window_utc":["09:00-17:00"])"), "wpc.window_form",
         "metadata.change_window_utc"},
        {with_metadata(R"("change_window_utc":null)"), "wpc.window_form",
         "metadata.change_window_utc"},
        {with_metadata(R"("tool_allowlist":"okta")"), "wpc.form", "metadata.tool_allowlist"},
        {with_metadata(R"("tool_allowlist":["okta.*"])"), "wpc.wildcard",
         "metadata.tool_allowlist[0]"},
        {with_metadata(R"("tool_allowlist":["a b"])"), "wpc.form", "metadata.tool_allowlist[0]"},
        {with_metadata(R"("tool_allowlist":["a\u0000"])"), "wpc.form",
         "metadata.tool_allowlist[0]"},
        {with_metadata(R"("write_requires_approval":"true")"), "wpc.form",
         "metadata.write_requires_approval"},
        {with_metadata(R"("write_requires_approval":1)"), "wpc.form",
         "metadata.write_requires_approval"},
        {with_metadata(R"("runtime":"all")"), "wpc.form", "metadata.runtime"},
        {with_metadata(R"("runtime":{"sandbox_mode":1})"), "wpc.form",
         "metadata.runtime.sandbox_mode"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const Error error = refusal(row.text);
        CHECK(error.rule == row.rule);
        CHECK(error.field == row.field);
    }
    const Error large = refusal(with_metadata("\"x\":\"" + std::string(65'536, 'a') + "\""));
    CHECK(large.code == ErrorCode::too_large);
    CHECK(large.rule == "wpc.form");
    std::string numbers = "1e20";
    while (numbers.size() < 20'000) {  // 21 digits each in the canonical text
        numbers += ",1e20";
    }
    const Error grown = refusal(with_metadata("\"x\":[" + numbers + "]"));
    CHECK(grown.code == ErrorCode::too_large);
    CHECK(grown.rule == "wpc.form");
}

TEST_CASE("work policy: an envelope of ours is one that verifies", "[claw]") {
    for (const auto algorithm : {crypto::Algorithm::ed25519, crypto::Algorithm::p256}) {
        const SoftwareKey key = SoftwareKey::random(algorithm);
        const auto signer = crypto::identity_of(key.public_key());
        const auto policy = WorkPolicy::parse(contract(R"("metadata":{"9":2,"10":1})")).value();
        const auto unsigned_policy = claw::UnsignedWorkPolicy::of(policy).value();
        crypto::Signature signature = key.sign(unsigned_policy.input().bytes());
        if (algorithm == crypto::Algorithm::p256) {
            crypto::use_low_s(signature);
        }
        const std::string envelope = unsigned_policy.envelope(signer, signature, kIssued);
        const std::vector<std::string> signers{signer.did};
        const auto verified = claw::verify_work_policy_envelope(envelope, signers);
        REQUIRE(verified.ok());
        CHECK(verified->policy.hash() == policy.hash());
        CHECK(verified->signer_did == signer.did);
        CHECK(claw::verify_work_policy_envelope(verified->envelope, signers).ok());
        CHECK(claw::verify_work_policy_envelope(envelope, {}).error().rule == "wpc.signer");
    }
}

TEST_CASE("work policy: the envelope is the ecosystem's, member for member", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    const auto policy = WorkPolicy::parse(contract()).value();
    const auto unsigned_policy = claw::UnsignedWorkPolicy::of(policy).value();
    const auto signature = key.sign(unsigned_policy.input().bytes());
    const auto signer = crypto::identity_of(key.public_key());
    CHECK(unsigned_policy.envelope(signer, signature, kIssued) ==
          R"({"envelope_version":"1","envelope_type":"work_policy_contract","payload":)" +
              policy.text() +
              R"(,"payload_hash_b64u":"gpiOTv3xuH0lGqOmXw7bLhvcyt_nb01Csta3N31YcHc",)"
              R"("hash_algorithm":"SHA-256","signature_b64u":")" +
              base::base64url_encode(signature) + R"(","algorithm":"Ed25519","signer_did":")" +
              signer.did + R"(","issued_at":"2026-01-01T00:00:00.123Z"})");
    CHECK(base::as_bytes(policy.hash()).size() == unsigned_policy.input().bytes().size());
}

TEST_CASE("work policy: an envelope that was touched is refused by name", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    const auto signer = crypto::identity_of(key.public_key());
    const auto policy = WorkPolicy::parse(contract()).value();
    const auto unsigned_policy = claw::UnsignedWorkPolicy::of(policy).value();
    const std::string good =
        unsigned_policy.envelope(signer, key.sign(unsigned_policy.input().bytes()), kIssued);
    const std::vector<std::string> signers{signer.did};
    const auto rule = [&](std::string_view from, std::string_view to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        const auto verified = claw::verify_work_policy_envelope(text, signers);
        return std::string(verified.ok() ? "valid" : verified.error().rule);
    };
    CHECK(rule(R"("policy_id":"p")", R"("policy_id":"q")") == "wpc.hash");
    CHECK(rule("gpiOTv3x", "gpiOTv3y") == "wpc.hash");
    CHECK(rule(R"("signature_b64u":")", R"("x":1,"signature_b64u":")") == "wpc.form");
    CHECK(rule("work_policy_contract", "gateway_receipt") == "wpc.form");
    CHECK(rule("SHA-256", "BLAKE3") == "wpc.form");
    CHECK(rule(R"("Ed25519")", R"("ES256")") == "wpc.signature");
    CHECK(rule("123Z", "123") == "wpc.form");
    CHECK(rule(R"("policy_version":"1")", R"("policy_version":"1","extra":1)") == "wpc.form");
    const SoftwareKey other = SoftwareKey::of_seed(std::string(64, '7'));
    const std::string forged =
        unsigned_policy.envelope(signer, other.sign(unsigned_policy.input().bytes()), kIssued);
    CHECK(claw::verify_work_policy_envelope(forged, signers).error().rule == "wpc.signature");
    const auto stranger = crypto::identity_of(other.public_key());
    const std::string theirs =
        unsigned_policy.envelope(stranger, other.sign(unsigned_policy.input().bytes()), kIssued);
    CHECK(claw::verify_work_policy_envelope(theirs, signers).error().rule == "wpc.signer");
    CHECK(claw::verify_work_policy_envelope(theirs, signers).error().code ==
          ErrorCode::policy_denied);
}
