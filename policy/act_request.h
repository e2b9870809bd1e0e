#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/leaf.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxActArguments = 32'000;
inline constexpr std::size_t kMaxApprovals = 64;

/// That an operator has said yes; what proved it was verified when it was made.
struct Approval {
    std::string principal;
    std::string fingerprint;  // of the key, as crypto::SshPublicKey has it
    UnixMillis at;
    friend bool operator==(const Approval&, const Approval&) = default;
};

/// Something that is done only when operators have approved of exactly that.
struct ActRequest {
    std::string id;          // up to 64 bytes
    std::string act;         // its name; up to 128 bytes
    std::string arguments;   // canonical JSON (RFC 8785) of an object; up to kMaxActArguments bytes
    std::string log_origin;  // of the appliance it is for; up to 256 bytes
    UnixMillis created;
    UnixMillis expires;               // later; from then on nothing can be approved or done
    claw::LeafCaller requester;       // whose role has up to 64 bytes
    std::string why;                  // for the people who are asked; up to 1,024 bytes
    std::vector<Approval> approvals;  // up to kMaxApprovals, one a principal
    friend bool operator==(const ActRequest&, const ActRequest&) = default;
};

/// Is the request all that the comments above say, its texts UTF-8 without control characters and
/// not blank? Whoever makes one asks. Its request_text is then short enough for a leaf. Errors:
/// invalid_field, malformed_json.
Status check_request(const ActRequest& request);

/// What is to be approved, as canonical JSON: {"act":…,"arguments":{…},"created":…,"expires":…,
/// "id":…,"origin":…,"requester":{"role":…,"uid":…},"v":1,"why":…}. For a request that passes
/// check_request.
std::string approval_text(const ActRequest& request);
/// What operators sign for it, in the namespace kApprovalNamespace: the 43 characters of base64url
/// that the SHA-256 of approval_text has, without a newline.
std::string approval_message(const ActRequest& request);

/// Canonical JSON: approval_text with the member "approvals", [{"at":…,"fingerprint":…,
/// "principal":…}], in the order in which they came.
std::string request_text(const ActRequest& request);
/// Accepts exactly what request_text gives for a request that passes check_request. Errors:
/// malformed_json, invalid_field.
Result<ActRequest> parse_request(std::string_view text);

}  // namespace clawsigner::policy
