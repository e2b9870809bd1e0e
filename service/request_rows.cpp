#include "service/request_rows.h"

#include <algorithm>

namespace clawsigner::service {

std::string request_row(const std::string& id) {
    return std::string(kRequestRows).append(id);
}

std::string approval_row(const std::string& id) {
    return std::string("approval/").append(id);
}

void forget(RowSet& rows, const policy::ActRequest& request) {
    rows[request_row(request.id)] = std::nullopt;
    if (!request.approvals.empty()) {
        rows[approval_row(request.id)] = std::nullopt;
    }
}

Status can_approve(const policy::Operators& operators, UnixMillis now) {
    const auto able = std::ranges::count_if(
        operators.people(), [&](const policy::Operator& one) { return may_approve(one, now); });
    return able >= static_cast<std::int64_t>(operators.quorum())
               ? Status::done()
               : Status(Error(ErrorCode::invalid_field,
                              "fewer of the operators may approve today than must"));
}

}  // namespace clawsigner::service
