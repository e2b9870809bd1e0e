#include "daemon/handlers.h"

#include "claw/json_reader.h"
#include "claw/receipt_request.h"
#include "claw/token_request.h"
#include "daemon/answers.h"
#include "daemon/recording.h"
#include "policy/mapped_request.h"
#include "service/decide_call.h"
#include "service/issue_token.h"
#include "service/keys.h"
#include "service/pin.h"
#include "service/readiness.h"
#include "service/sign_receipt.h"
#include "service/status.h"

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxHandle = 8192;

template <class T>
Answer answer_or_error(const Result<T>& result, Answer (*print)(const T&)) {
    return result.ok() ? print(*result) : error_answer(result.error());
}

Result<service::Made<service::SignedReceipt>> made_receipt(const Call& call) {
    TRY(const bool with_legacy, read_legacy_flag(call.query));
    TRY(auto request, claw::parse_receipt_request(call.body, with_legacy));
    return service::sign_receipt(call.appliance, call.caller, std::move(request));
}

/// By an ID token or, where the issuer is trusted with that, by claims.
Result<service::Made<service::IssuedToken>> made_token(const Call& call) {
    TRY(const claw::JsonValue body, claw::parse_json(call.body, claw::JsonRules::door));
    if (policy::is_mapped_request(body)) {
        TRY(const auto request, policy::read_mapped_request(body));
        return service::issue_mapped_token(call.appliance, call.caller, request);
    }
    TRY(const auto request, claw::read_token_request(body));
    return service::issue_token(call.appliance, call.caller, request);
}

Result<service::Made<service::IssuedToken>> narrowed_token(const Call& call) {
    TRY(const auto request, policy::parse_narrow_request(call.body));
    return service::narrow_token(call.appliance, call.caller, request);
}

Result<service::Decided> decided_call(const Call& call) {
    TRY(const auto request, policy::parse_decision_request(call.body));
    return service::decide_call(call.appliance, call.caller, request, call.body);
}

Result<std::vector<service::UnusableKeyView>> discarded_keys(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const std::string handle = in.text("id", kMaxHandle);
    CHECK_OK(in.finish());
    auto discarded = service::discard_key(call.appliance, call.caller, handle);
    if (discarded.ok()) {
        for (const service::UnusableKeyView& view : *discarded) {
            call.log.event("key.discarded", Log::Level::warning,
                           std::move(claw::JsonWriter()
                                         .text("backend", view.backend)
                                         .text("id", view.key.id)
                                         .text("label", view.key.label)
                                         .text("reason", view.key.why.message)));
        }
    }
    return discarded;
}

Result<service::BackendReport> pin_retried(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const auto backend = in.optional_text("backend", kMaxName);
    CHECK_OK(in.finish());
    return service::retry_pin(call.appliance, backend);
}

boost::asio::awaitable<std::vector<ledger::Outcome>> recorded_one(const Call& call,
                                                                  ledger::Entry& entry) {
    std::vector<ledger::Entry> entries;
    entries.push_back(std::move(entry));
    call.on_its_way.leave();
    return recorded(*call.appliance.ledger, std::move(entries), call.appliance.limits.ledger);
}

/// Its key stopped signing while it was on its way to the disk: nothing was recorded, and a key
/// that signs now can be asked.
template <class T>
bool came_too_late(const Result<T>& settled) {
    return !settled.ok() && settled.error().code == ErrorCode::key_not_active;
}

using MakeToken = Result<service::Made<service::IssuedToken>> (*)(const Call&);

boost::asio::awaitable<Answer> issued(const Call& call, MakeToken make) {
    for (int switches = 0;; ++switches) {
        auto made = make(call);
        if (!made.ok()) {
            co_return error_answer(made.error());
        }
        const auto outcomes = co_await recorded_one(call, made->entry);
        const auto token = service::settled(*std::move(made), outcomes.front());
        if (!came_too_late(token) || switches == kMostSwitches) {
            co_return answer_or_error(token, token_answer);
        }
    }
}

}  // namespace

Result<bool> read_legacy_flag(std::string_view query) {
    if (query.empty() || query == "legacy=0") {
        return false;
    }
    if (query == "legacy=1") {
        return true;
    }
    return Error::at("query", "must be empty or legacy=1");
}

boost::asio::awaitable<Answer> sign_receipt(const Call& call) {
    for (int switches = 0;; ++switches) {
        auto made = made_receipt(call);
        if (!made.ok()) {
            co_return error_answer(made.error());
        }
        if (made->entry.items.empty()) {
            co_return receipt_answer(made->artefact);
        }
        const auto outcomes = co_await recorded_one(call, made->entry);
        const auto receipt = service::settled(*std::move(made), outcomes.front());
        if (!came_too_late(receipt) || switches == kMostSwitches) {
            co_return answer_or_error(receipt, receipt_answer);
        }
    }
}

boost::asio::awaitable<Answer> issue_token(const Call& call) {
    return issued(call, made_token);
}

boost::asio::awaitable<Answer> narrow_token(const Call& call) {
    return issued(call, narrowed_token);
}

Answer decide_call(const Call& call) {
    return answer_or_error(decided_call(call), decision_answer);
}

Answer get_healthz(const Call&) {
    return good_answer(R"({"alive":true})");
}

Answer get_readyz(const Call& call) {
    const auto family = family_of(call.role);
    return readiness_answer(family ? service::readiness(call.appliance, *family)
                                   : service::readiness(call.appliance));
}

Answer get_status(const Call& call) {
    return status_answer(service::status(call.appliance));
}

Answer discard_key(const Call& call) {
    return answer_or_error(discarded_keys(call), discarded_answer);
}

Answer retry_pin(const Call& call) {
    return answer_or_error(pin_retried(call), backend_answer);
}

}  // namespace clawsigner::daemon
