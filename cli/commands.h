#pragma once

#include <filesystem>
#include <string>

namespace clawsigner::cli {

/// What every command that talks to a daemon needs. Each command prints and returns its exit code.
struct Connection {
    std::filesystem::path socket;
    bool json = false;
};

int show_status(const Connection& to);
/// `backend` may be empty where the daemon has only one.
int retry_pin(const Connection& to, const std::string& backend);
/// `file` holds the request's JSON; "-" is standard input.
int sign_receipt(const Connection& to, const std::filesystem::path& file, bool legacy);

/// As sign_receipt, for a token: {"claims":{…}}.
int issue_token(const Connection& to, const std::filesystem::path& file);

/// Replaces this process by `clawsignerd init --dev …`, found beside this program (called as
/// `self`) or in the PATH.
int init_dev(const std::string& self, const std::string& directory, const std::string& algorithm,
             bool json);

}  // namespace clawsigner::cli
