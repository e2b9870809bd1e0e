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
int list_keys(const Connection& to);
/// `algorithm` may be empty: the daemon's configuration decides.
int create_key(const Connection& to, const std::string& family, const std::string& algorithm);
/// `id` as list_keys shows it among the unusable ones; the label of what has no id.
int discard_key(const Connection& to, const std::string& id);
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
