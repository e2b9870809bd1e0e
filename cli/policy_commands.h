#pragma once

#include "cli/commands.h"

#include <filesystem>
#include <optional>
#include <string>

namespace clawsigner::cli {

struct PolicyTerms {
    std::filesystem::path file;  // "-" is standard input
    std::string hash;            // policy_hash_b64u
    std::string key;
    std::string value;
    std::string why;
    bool yes = false;
};

/// Each prints and returns its exit code.
int list_policies(const Connection& to);
int show_policy(const Connection& to, const PolicyTerms& terms);
/// The file holds a contract, or an envelope that somebody else has signed.
int add_policy(const Connection& to, const PolicyTerms& terms);
int activate_policy(const Connection& to, const PolicyTerms& terms);
int withdraw_policy(const Connection& to, const PolicyTerms& terms);
int show_mapping(const Connection& to);
int set_mapping(const Connection& to, const PolicyTerms& terms);
int show_trust(const Connection& to);
int set_trust(const Connection& to, const PolicyTerms& terms);
int show_oidc(const Connection& to);
int set_oidc(const Connection& to, const PolicyTerms& terms);

/// Whose ID tokens are to be believed, and where their keys are.
struct FetchTerms {
    std::string issuer;  // its URL
    std::string audience;
    std::string groups_claim;
    bool require_nonce = false;
    std::optional<std::filesystem::path> ca_file;
    std::string why;
    bool yes = false;
};
/// Gets the issuer's keys over https, from here and not by the daemon, and files them for
/// approval. What is not said stays as the daemon has it, for the same issuer.
int fetch_oidc(const Connection& to, const FetchTerms& terms);

}  // namespace clawsigner::cli
