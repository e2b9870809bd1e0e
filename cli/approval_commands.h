#pragma once

#include "claw/json.h"
#include "cli/commands.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace clawsigner::cli {

struct ApprovalTerms {
    std::string id;
    std::filesystem::path key;  // what ssh-keygen signs with: a private key, or a public one whose
                                // private half an ssh-agent has
    std::string why;
    bool yes = false;
    std::filesystem::path signers;  // an allowed_signers file
    std::uint32_t quorum = 1;
    std::int64_t max_ttl = 0;  // seconds
    std::vector<std::string> audiences;
    std::vector<std::string> scopes;
};

/// Each prints and returns its exit code.
int list_approvals(const Connection& to);
int show_approval(const Connection& to, const ApprovalTerms& terms);
/// Shows the request, makes its digest again from what it shows, has ssh-keygen sign that, and
/// hands the signature in. Refuses a daemon whose digest is another.
int approve_act(const Connection& to, const ApprovalTerms& terms);
int deny_act(const Connection& to, const ApprovalTerms& terms);
int show_operators(const Connection& to);
int set_operators(const Connection& to, const ApprovalTerms& terms);
int show_ceiling(const Connection& to);
int set_ceiling(const Connection& to, const ApprovalTerms& terms);

/// A daemon's answer that says that an act waits for operators; false when it says something else.
bool print_waiting(const claw::JsonObject& answer);

}  // namespace clawsigner::cli
