#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "policy/policy_acts.h"
#include "service/approvals.h"
#include "service/policies.h"

#include <utility>

namespace clawsigner::daemon {
namespace {

using claw::JsonReader;
using claw::JsonValue;
using claw::JsonWriter;

constexpr std::size_t kMaxWhy = 1024;
constexpr std::size_t kMaxKey = 64;
constexpr std::size_t kHash = 43;

/// A document that cannot be read is refused by the rule of its kind, wherever that was found.
Error by_rule(Error error, std::string_view rule) {
    if (error.rule.empty() &&
        (error.code == ErrorCode::malformed_json || error.code == ErrorCode::invalid_field)) {
        error.rule = rule;
    }
    return error;
}

std::string record_text(const service::PolicySnapshot& known,
                        const service::ContractRecord& record) {
    const auto found = known.contracts.find(record.hash);
    const bool there = found != known.contracts.end();
    JsonWriter out;
    out.text("policy_hash_b64u", record.hash)
        .text("state", policy::policy_state_name(there ? found->second.state : record.state))
        .boolean("available", there)
        .boolean("signed", record.envelope.has_value())
        .optional_text("signer_did", record.signer_did);
    if (there) {
        out.text("policy_id", found->second.policy->terms().policy_id)
            .text("version", found->second.policy->version());
    }
    return out.done();
}

Answer record_answer(const Call& call, const std::string& hash, unsigned status,
                     const std::optional<bool>& existed = std::nullopt) {
    const auto known = call.appliance.policies->snapshot();
    const auto record = known->records.find(hash);
    if (record == known->records.end()) {
        return error_answer(Error(ErrorCode::not_found, "no contract of this hash was added"));
    }
    JsonWriter out;
    if (existed) {
        out.boolean("existed", *existed);
    }
    return good_answer(out.raw("policy", record_text(*known, record->second)).done(), status);
}

/// A document inside a request, and what the change is said to be for.
struct DocumentAsked {
    std::string text;  // as it came, without white space
    std::string why;
};

Result<DocumentAsked> document_asked(const Call& call, std::string_view member) {
    TRY(const JsonValue body, claw::parse_json(call.body, claw::JsonRules::javascript));
    JsonReader in(body, "");
    DocumentAsked asked;
    const JsonValue* document = in.object(member);
    asked.why = in.optional_text("why", kMaxWhy).value_or("");
    CHECK_OK(in.finish());
    asked.text = claw::json_text(*document);
    return asked;
}

Result<policy::ActRequest> mapping_filed(const Call& call) {
    TRY(const auto asked, document_asked(call, "mapping"));
    TRY(const auto mapping, policy::ScopeMapping::parse(asked.text));
    return call.appliance.approvals->file(call.caller, service::GatedAct::set_mapping,
                                          policy::document_arguments(mapping.digest()), asked.why,
                                          mapping.text());
}

Result<policy::ActRequest> oidc_filed(const Call& call) {
    TRY(const auto asked, document_asked(call, "oidc"));
    TRY(const auto trust, policy::parse_oidc_trust(asked.text));
    const std::string text = policy::oidc_trust_text(trust);
    return call.appliance.approvals->file(call.caller, service::GatedAct::set_oidc,
                                          policy::document_arguments(crypto::sha256_b64u(text)),
                                          asked.why, text);
}

/// A contract, and what it is said to be for.
struct PolicyAsked {
    service::ContractAsked contract;
    service::Doing doing;
};

Result<PolicyAsked> read_contract(const Call& call, JsonReader& in) {
    PolicyAsked asked;
    const JsonValue* payload = in.optional_object("wpc");
    const JsonValue* envelope = in.optional_object("envelope");
    asked.doing = {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
    if ((payload == nullptr) == (envelope == nullptr)) {
        in.refuse("wpc", "must be there, or envelope, and not both");
    }
    CHECK_OK(in.finish());
    if (payload != nullptr) {
        TRY(const auto policy, claw::WorkPolicy::of(*payload, "wpc"));
        asked.contract = {policy.hash(), policy.text(), std::nullopt, std::nullopt};
        return asked;
    }
    const auto known = call.appliance.policies->snapshot();
    TRY(auto verified,
        claw::verify_work_policy_envelope(claw::json_text(*envelope), known->trust.wpc_signers));
    asked.contract = {verified.policy.hash(), verified.policy.text(), std::move(verified.envelope),
                      std::move(verified.signer_did)};
    return asked;
}

Result<PolicyAsked> policy_asked(const Call& call) {
    TRY(const JsonValue body, claw::parse_json(call.body, claw::JsonRules::javascript));
    JsonReader in(body, "");
    return read_contract(call, in);
}

struct HashAsked {
    std::string hash;
    service::Doing doing;
};

Result<HashAsked> hash_asked(const Call& call) {
    TRY(const JsonValue body, claw::parse_json(call.body, claw::JsonRules::door));
    JsonReader in(body, "");
    HashAsked asked;
    asked.hash = in.b64u("policy_hash_b64u", kHash, kHash);
    asked.doing = {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
    CHECK_OK(in.finish());
    return asked;
}

struct TrustAsked {
    policy::TrustChange change;
    service::Doing doing;
};

Result<TrustAsked> trust_asked(const Call& call) {
    TRY(const JsonValue body, claw::parse_json(call.body, claw::JsonRules::door));
    JsonReader in(body, "");
    TrustAsked asked;
    asked.change.key = in.text("key", kMaxKey);
    const JsonValue* value = in.optional_any("value");
    if (value == nullptr || !value->is_string()) {
        in.refuse("value", "must be a string");
    }
    asked.doing = {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
    CHECK_OK(in.finish());
    asked.change.value = std::string(value->get_string());
    return asked;
}

std::string fault_text(const service::PolicyFault& fault) {
    return JsonWriter()
        .text("row", fault.row)
        .text("code", wire_name(fault.why.code))
        .text("message", fault.why.message)
        .done();
}

/// A document of the state, null before there is one, or why it cannot be had.
Answer kept_answer(const Call& call, std::string_view row, std::string_view member,
                   const std::optional<std::string>& text) {
    if (text) {
        return good_answer(JsonWriter()
                               .raw(member, *text)
                               .text("document_sha256", crypto::sha256_b64u(*text))
                               .done());
    }
    for (const service::PolicyFault& fault : call.appliance.policies->snapshot()->faults) {
        if (fault.row == row) {
            return error_answer(fault.why);
        }
    }
    return good_answer(JsonWriter().raw(member, "null").done());
}

}  // namespace

Answer get_mapping(const Call& call) {
    const auto known = call.appliance.policies->snapshot();
    const auto& mapping = known->mapping;
    return kept_answer(call, service::kMappingRow, "mapping",
                       mapping ? std::optional(mapping->text()) : std::nullopt);
}

/// Nobody can tell a narrower mapping from a wider one by looking at it, so all of them wait.
Answer set_mapping(const Call& call) {
    auto filed = mapping_filed(call);
    return filed.ok() ? filed_answer(filed)
                      : filed_answer(by_rule(std::move(filed).error(), "mapping.form"));
}

Answer get_oidc(const Call& call) {
    const auto known = call.appliance.policies->snapshot();
    const auto& oidc = known->oidc;
    return kept_answer(call, service::kOidcRow, "oidc",
                       oidc ? std::optional(policy::oidc_trust_text(*oidc)) : std::nullopt);
}

Answer set_oidc(const Call& call) {
    auto filed = oidc_filed(call);
    return filed.ok() ? filed_answer(filed)
                      : filed_answer(by_rule(std::move(filed).error(), "trust.form"));
}

Answer get_trust(const Call& call) {
    const auto known = call.appliance.policies->snapshot();
    return good_answer(JsonWriter()
                           .boolean("claims_mode", known->trust.claims_mode)
                           .boolean("allow_unpinned", known->trust.allow_unpinned)
                           .raw("audiences", claw::json_texts(known->trust.audiences))
                           .raw("wpc_signers", claw::json_texts(known->trust.wpc_signers))
                           .text("receipts_without_cst", policy::exempt_callers_text(known->exempt))
                           .done());
}

/// One admin takes trust away at once; more of it waits for operators.
Answer set_trust(const Call& call) {
    const auto asked = trust_asked(call);
    if (!asked.ok()) {
        return error_answer(asked.error());
    }
    const auto done =
        call.appliance.policies->narrow_trust(asked->doing, asked->change.key, asked->change.value);
    if (!done.ok()) {
        return error_answer(done.error());
    }
    return *done ? get_trust(call)
                 : filed_answer(call.appliance.approvals->file(
                       call.caller, service::GatedAct::set_trust,
                       policy::trust_arguments(asked->change), asked->doing.why.value_or("")));
}

Answer list_policies(const Call& call) {
    const auto known = call.appliance.policies->snapshot();
    return good_answer(JsonWriter()
                           .raw("policies", claw::json_array_of(known->records,
                                                                [&](const auto& entry) {
                                                                    return record_text(
                                                                        *known, entry.second);
                                                                }))
                           .raw("faults", claw::json_array_of(known->faults, fault_text))
                           .done());
}

Answer get_policy(const Call& call) {
    const auto known = call.appliance.policies->snapshot();
    const auto record = known->records.find(call.rest);
    if (record == known->records.end()) {
        return error_answer(Error(ErrorCode::not_found, "no contract of this hash was added"));
    }
    const auto text = call.appliance.policies->document(call.rest);
    if (!text.ok()) {
        return error_answer(text.error());
    }
    return good_answer(
        JsonWriter().raw("policy", record_text(*known, record->second)).raw("wpc", *text).done());
}

/// Not yet a contract that holds: nobody gets a token under it, and it is not signed here, before
/// operators have it activated.
Answer add_policy(const Call& call) {
    const auto asked = policy_asked(call);
    if (!asked.ok()) {
        return error_answer(by_rule(asked.error(), claw::kWorkPolicyForm));
    }
    const auto added = call.appliance.policies->add(asked->doing, asked->contract);
    return added.ok() ? record_answer(call, asked->contract.hash, added->existed ? 200 : 201,
                                      added->existed)
                      : error_answer(added.error());
}

Answer activate_policy(const Call& call) {
    const auto asked = hash_asked(call);
    return asked.ok() ? filed_answer(call.appliance.approvals->file(
                            call.caller, service::GatedAct::activate_policy,
                            policy::contract_arguments(asked->hash), asked->doing.why.value_or("")))
                      : error_answer(asked.error());
}

/// One admin takes it away at once.
Answer withdraw_policy(const Call& call) {
    const auto asked = hash_asked(call);
    if (!asked.ok()) {
        return error_answer(asked.error());
    }
    const Status done = call.appliance.policies->withdraw(asked->doing, asked->hash);
    return done.ok() ? record_answer(call, asked->hash, 200) : error_answer(done.error());
}

/// As the ecosystem's registry serves it, which knows no contract that does not hold.
Answer get_wpc(const Call& call) {
    auto envelope = call.appliance.policies->envelope(call.rest);
    return envelope.ok() ? good_answer(*std::move(envelope)) : error_answer(envelope.error());
}

/// What leaves and rows name by its digest, for whoever reads the log.
Answer get_document(const Call& call) {
    const auto text = call.appliance.policies->document(call.rest);
    if (!text.ok() && text.error().code == ErrorCode::invalid_field) {
        return error_answer(Error(ErrorCode::not_found, "no document has this digest"));
    }
    return text.ok() ? good_answer(JsonWriter().text("text", *text).done())
                     : error_answer(text.error());
}

}  // namespace clawsigner::daemon
