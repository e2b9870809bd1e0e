#pragma once

#include "base/result.h"
#include "claw/leaf.h"
#include "policy/mapped_request.h"
#include "service/appliance.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::service {

/// What a proxy is told of a call it is about to make.
struct Decided {
    bool allow = false;
    std::string_view rule;                   // static storage
    std::string reason;                      // a sentence for a person; empty when allowed
    std::optional<std::string> decision_id;  // when allowed: the receipt of the call names it
    std::optional<std::string> policy_hash;
    std::optional<std::string> token_scope_hash;  // of a token that is ours
    std::int64_t valid_until = 0;                 // when allowed, Unix seconds
};

/// May this call be made? An allow writes nothing: its decision_id carries what it allowed, and
/// stands in the leaf of the receipt. A deny is a leaf of its own. Errors: ledger_blocked,
/// ledger_damaged, since no receipt could follow.
Result<Decided> decide_call(const Appliance& appliance, const claw::LeafCaller& caller,
                            const policy::DecisionRequest& request, std::string_view body);

}  // namespace clawsigner::service
