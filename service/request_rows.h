#pragma once

#include "policy/act_request.h"
#include "policy/operators.h"
#include "service/key_rows.h"

#include <string>
#include <string_view>

/// The rows of the state that hold operators and what waits for them.
namespace clawsigner::service {

inline constexpr std::string_view kOperatorsRow = "operators/set";
inline constexpr std::string_view kRequestRows = "request/";

std::string request_row(const std::string& id);
/// The newest approval's signature, as it was handed in: the leaves that set it hold all of them.
std::string approval_row(const std::string& id);
/// The request is done with, and what proved its approvals.
void forget(RowSet& rows, const policy::ActRequest& request);
/// Operators who can never reach their quorum would be the last there are. Error: invalid_field.
Status can_approve(const policy::Operators& operators, UnixMillis now);

}  // namespace clawsigner::service
