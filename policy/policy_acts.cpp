#include "policy/policy_acts.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

namespace clawsigner::policy {
namespace {

constexpr std::string_view kSetMapping = "mappings.set";
constexpr std::string_view kSetOidc = "oidc.set";
constexpr std::string_view kActivatePolicy = "policies.activate";
constexpr std::size_t kDigest = 43;
constexpr std::size_t kMaxKey = 64;
constexpr std::size_t kMaxValue = 30'000;

}  // namespace

std::string document_arguments(std::string_view digest) {
    return claw::JsonWriter().text("document_sha256", digest).done();
}

std::string contract_arguments(std::string_view hash) {
    return claw::JsonWriter().text("policy_hash_b64u", hash).done();
}

Result<std::optional<std::string>> document_named(std::string_view act,
                                                  std::string_view arguments) {
    const bool is_document = act == kSetMapping || act == kSetOidc;
    if (!is_document && act != kActivatePolicy) {
        return std::optional<std::string>();
    }
    TRY(const claw::JsonValue value, claw::parse_json(arguments, claw::JsonRules::door));
    claw::JsonReader in(value, "arguments");
    std::string digest =
        in.b64u(is_document ? "document_sha256" : "policy_hash_b64u", kDigest, kDigest);
    CHECK_OK(in.finish());
    return std::optional(std::move(digest));
}

std::string trust_arguments(const TrustChange& change) {
    return claw::JsonWriter().text("key", change.key).text("value", change.value).done();
}

Result<TrustChange> parse_trust_arguments(std::string_view arguments) {
    TRY(const claw::JsonValue document, claw::parse_json(arguments, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    TrustChange change;
    change.key = in.text("key", kMaxKey);
    const claw::JsonValue* value = in.optional_any("value");
    CHECK_OK(in.finish());
    if (value == nullptr || !value->is_string() || value->get_string().size() > kMaxValue) {
        return Error::at("value", "must be a string of at most 30000 bytes");
    }
    change.value = std::string(value->get_string());
    return change;
}

}  // namespace clawsigner::policy
