#include "claw/json_reader.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "policy/allowed_signers.h"
#include "service/approvals.h"
#include "service/powers.h"

#include <utility>

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxWhy = 1024;
constexpr std::size_t kMaxSignature = 16'384;
constexpr std::size_t kMaxPatterns = 256;
constexpr std::size_t kMaxPattern = 256;
constexpr std::int64_t kDay = 86'400;

Result<policy::ActRequest> found(const Call& call) {
    return call.appliance.approvals->find(std::string(call.rest));
}

Result<service::Approvals::Approved> approved(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const std::string id = in.text("id", kMaxId);
    const std::string signature = in.text("signature", kMaxSignature);
    CHECK_OK(in.finish());
    return call.appliance.approvals->approve(call.caller, id, signature);
}

Result<policy::ActRequest> denied(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const std::string id = in.text("id", kMaxId);
    auto why = in.optional_text("why", kMaxWhy);
    CHECK_OK(in.finish());
    return call.appliance.approvals->deny(call.caller, id, std::move(why));
}

Result<policy::ActRequest> operators_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const std::string text = in.text("allowed_signers", policy::kMaxAllowedSigners);
    const auto quorum = static_cast<std::uint32_t>(in.integer("quorum", 1, policy::kMaxOperators));
    const auto why = in.optional_text("why", kMaxWhy);
    CHECK_OK(in.finish());
    auto people = policy::parse_allowed_signers(text);
    if (!people.ok()) {
        return Error::at("allowed_signers", people.error().message);
    }
    auto operators = policy::Operators::of(std::move(people).value(), quorum);
    if (!operators.ok()) {
        return Error::at("allowed_signers", operators.error().message);
    }
    return call.appliance.approvals->file(call.caller, service::GatedAct::set_operators,
                                          policy::operators_text(*operators), why.value_or(""));
}

/// A ceiling, and what its change is said to be for.
struct CeilingAsked {
    policy::TokenCeiling ceiling;
    service::Doing doing;
};

Result<CeilingAsked> ceiling_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    CeilingAsked asked;
    asked.ceiling.max_ttl = std::chrono::seconds(in.integer("max_ttl_seconds", 1, kDay));
    asked.ceiling.audiences = policy::NameSet(in.texts("audiences", 0, kMaxPatterns, kMaxPattern));
    asked.ceiling.scopes = policy::NameSet(in.texts("scopes", 0, kMaxPatterns, kMaxPattern));
    asked.doing = {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
    CHECK_OK(in.finish());
    return asked;
}

}  // namespace

Answer filed_answer(const Result<policy::ActRequest>& request) {
    if (request.ok()) {
        return request_answer(202, *request);
    }
    Answer refused = error_answer(request.error());
    if (request.error().code == ErrorCode::queue_full) {
        refused.headers.clear();  // people are waited for, not a second
    }
    return refused;
}

Answer list_approvals(const Call& call) {
    return requests_answer(call.appliance.approvals->waiting());
}

Answer get_approval(const Call& call) {
    const auto request = found(call);
    if (!request.ok()) {
        return error_answer(request.error());
    }
    const auto document = call.appliance.approvals->document_of(*request);
    return document.ok() ? request_answer(200, *request, *document)
                         : error_answer(document.error());
}

Answer approve_act(const Call& call) {
    const auto outcome = approved(call);
    return outcome.ok() ? approved_answer(*outcome) : error_answer(outcome.error());
}

Answer deny_act(const Call& call) {
    const auto request = denied(call);
    return request.ok() ? request_answer(200, *request) : error_answer(request.error());
}

Answer get_operators(const Call& call) {
    const auto operators = call.appliance.approvals->operators();
    return operators.ok() ? operators_answer(*operators) : error_answer(operators.error());
}

Answer get_ceiling(const Call& call) {
    return good_answer(policy::ceiling_text(*call.appliance.powers->ceiling()));
}

/// One admin lowers it at once; a higher one waits for operators.
Answer set_ceiling(const Call& call) {
    const auto asked = ceiling_asked(call);
    if (!asked.ok()) {
        return error_answer(asked.error());
    }
    if (!policy::is_no_higher(asked->ceiling, *call.appliance.powers->ceiling())) {
        return filed_answer(call.appliance.approvals->file(
            call.caller, service::GatedAct::raise_ceiling, policy::ceiling_text(asked->ceiling),
            asked->doing.why.value_or("")));
    }
    const Status set = call.appliance.powers->set(asked->doing, asked->ceiling);
    return set.ok() ? get_ceiling(call) : error_answer(set.error());
}

Answer set_operators(const Call& call) {
    return filed_answer(operators_asked(call));
}

}  // namespace clawsigner::daemon
