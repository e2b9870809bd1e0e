#include "service/approvals.h"

#include "crypto/random.h"
#include "policy/approval.h"
#include "policy/policy_acts.h"
#include "service/request_rows.h"

#include <algorithm>
#include <utility>

namespace clawsigner::service {
namespace {

constexpr std::string_view kNoWhy = "no reason was given";

}  // namespace

Result<policy::Operators> Approvals::operators() const {
    const auto text = log_.setting(std::string(kOperatorsRow));
    if (!text) {
        return Error(ErrorCode::no_operators,
                     "this needs operators' approval and none is enrolled: name their "
                     "allowed_signers file in [operators] of the configuration and restart "
                     "clawsignerd");
    }
    return policy::parse_operators(*text);
}

Status Approvals::seed(const policy::Operators& operators) {
    const std::lock_guard lock(mutex_);
    CHECK_OK(lifecycle_.settled());
    if (log_.setting(std::string(kOperatorsRow))) {
        return Status::done();
    }
    CHECK_OK(can_approve(operators, time_.judged()));
    Doing doing;
    doing.rows[std::string(kOperatorsRow)] = policy::operators_text(operators);
    return lifecycle_.act(doing, "operators.seed", "operators");
}

Result<std::optional<std::string>> Approvals::document_of(const policy::ActRequest& request) const {
    TRY(const auto digest, policy::document_named(request.act, request.arguments));
    if (!digest) {
        return std::optional<std::string>();
    }
    TRY(auto text, policies_.document(*digest));
    return std::optional(std::move(text));
}

RowSet Approvals::expired() const {
    RowSet rows;
    const UnixMillis now = time_.judged();
    for (const policy::ActRequest& request : filed()) {
        if (request.expires <= now) {
            forget(rows, request);
        }
    }
    return rows;
}

Result<policy::ActRequest> Approvals::file(const claw::LeafCaller& caller, GatedAct act,
                                           std::string arguments, std::string why,
                                           const std::optional<std::string>& document) {
    const std::lock_guard lock(mutex_);
    CHECK_OK(lifecycle_.settled());
    CHECK_OK(operators());
    CHECK_OK(check(act, arguments, document));
    Doing doing{caller, std::nullopt, std::nullopt, expired()};
    if (document) {
        doing.documents.push_back(*document);
    }
    if (waiting().size() >= kMaxRequests) {
        return Error(ErrorCode::queue_full,
                     "too many requests wait for approval; deny some: clawsigner approvals list");
    }
    TRY(auto id, crypto::uuid_v4());
    policy::ActRequest request;
    request.id = std::move(id);
    request.act = gated_act_name(act);
    request.arguments = std::move(arguments);
    request.log_origin = lifecycle_.origin();
    request.created = time_.judged();
    request.expires = request.created + kPatience;
    request.requester = caller;
    request.why = why.empty() ? std::string(kNoWhy) : std::move(why);
    CHECK_OK(policy::check_request(request));
    doing.rows[request_row(request.id)] = policy::request_text(request);
    CHECK_OK(lifecycle_.act(doing, "approvals.file", request.id));
    return request;
}

std::vector<policy::ActRequest> Approvals::waiting() const {
    auto requests = filed();
    const UnixMillis now = time_.judged();
    std::erase_if(requests, [now](const auto& request) { return request.expires <= now; });
    return requests;
}

/// Also those that have expired: the next one that is filed takes them away.
std::vector<policy::ActRequest> Approvals::filed() const {
    std::vector<policy::ActRequest> requests;
    const auto rows = log_.settings();
    for (auto row = rows->lower_bound(std::string(kRequestRows));
         row != rows->end() && row->first.starts_with(kRequestRows); ++row) {
        if (auto request = policy::parse_request(row->second.value); request.ok()) {
            requests.push_back(*std::move(request));
        }
    }
    std::ranges::sort(requests, {}, &policy::ActRequest::created);
    return requests;
}

Result<policy::ActRequest> Approvals::find(const std::string& id) const {
    for (policy::ActRequest& request : filed()) {
        if (request.id == id) {
            return std::move(request);
        }
    }
    return Error(ErrorCode::not_found,
                 "no request of this id waits for approval; clawsigner approvals list shows them");
}

Result<Approvals::Approved> Approvals::approve(const claw::LeafCaller& caller,
                                               const std::string& id, std::string_view signature) {
    const std::lock_guard lock(mutex_);
    CHECK_OK(lifecycle_.settled());
    TRY(auto request, find(id));
    TRY(const auto people, operators());
    auto approval = policy::approve(people, request, signature, time_.judged());
    // Enough already: whatever kept it from being done then may have passed, and one of those who
    // approved asks again.
    const bool again = !approval.ok() && approval.error().code == ErrorCode::approval_repeated &&
                       policy::is_enough(people, request, time_.judged());
    if (!approval.ok() && !again) {
        return approval.error();
    }
    if (approval.ok()) {
        Doing doing{caller, "by " + approval->principal, id, {}};
        request.approvals.push_back(*std::move(approval));
        doing.rows[request_row(id)] = policy::request_text(request);
        doing.rows[approval_row(id)] = signature;
        CHECK_OK(lifecycle_.act(doing, "approvals.approve", id));
    }
    if (!policy::is_enough(people, request, time_.judged())) {
        return Approved{std::move(request), false};
    }
    CHECK_OK(carry_out(caller, request));
    return Approved{std::move(request), true};
}

Result<policy::ActRequest> Approvals::deny(const claw::LeafCaller& caller, const std::string& id,
                                           std::optional<std::string> why) {
    const std::lock_guard lock(mutex_);
    CHECK_OK(lifecycle_.settled());
    TRY(auto request, find(id));
    Doing doing{caller, std::move(why), id, {}};
    forget(doing.rows, request);
    CHECK_OK(lifecycle_.act(doing, "approvals.deny", id));
    return request;
}

}  // namespace clawsigner::service
