#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::cli {

/// What a request is held against, offline: the documents an operator would file.
struct ExplainTerms {
    std::filesystem::path request;  // "-" is standard input
    std::optional<std::filesystem::path> mapping;
    std::optional<std::filesystem::path> oidc;
    std::optional<std::filesystem::path> jwks;    // the issuer's, to verify a token that is shown
    std::vector<std::filesystem::path> policies;  // contracts or envelopes; each counts as active
    bool allow_unpinned = false;
    std::string at;  // as base::format_utc prints it; now, when empty
    bool json = false;
};

/// Prints what would happen to the request, and which rule decides. The request is
/// {"groups":[…],"request":{…}} (a token for a user of these groups), {"id_token":…,"request":{…}}
/// (likewise, for who logged in), or {"cst":…,"provider":…,"model":…} (a call). Returns kGood when
/// it would be allowed, kRefused when not.
int explain(const ExplainTerms& terms);

}  // namespace clawsigner::cli
