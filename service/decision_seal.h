#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/mac.h"
#include "policy/mapped_request.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::service {

/// A call that was allowed: what its decision_id carries.
struct AllowedCall {
    std::string cst_sha256;  // of the token's text, base64url
    policy::Call call;
    std::optional<std::string> policy_hash;
    UnixMillis at;                 // when it was allowed
    std::int64_t valid_until = 0;  // Unix seconds
};

/// Makes and reads decision_ids: base64url of the call as canonical JSON, a dot, and the base64url
/// of its HMAC-SHA-256. Whoever has one can read it; nobody else can make one. Thread-safe.
class DecisionSeal {
public:
    static constexpr std::size_t kMaxIdBytes = 8'192;

    explicit DecisionSeal(crypto::MacKey key) : key_(std::move(key)) {}
    /// With the key in `file`, which is made (mode 0400) where there is none: a decision holds
    /// across restarts for as long as the file stays. Errors: io_failed, config_invalid.
    static Result<DecisionSeal> open(const std::filesystem::path& file);

    std::string seal(const AllowedCall& allowed) const;
    /// Error: policy_denied at "decision_id" by decision.invalid, unless this seal made it.
    Result<AllowedCall> open_id(std::string_view id) const;

private:
    crypto::MacKey key_;
};

}  // namespace clawsigner::service
