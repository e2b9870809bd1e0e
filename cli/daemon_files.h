#pragma once

#include "attest/log_files.h"
#include "base/result.h"
#include "cli/client.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::cli {

/// The body of a good reply, else the error it holds.
Result<std::string> body_of(Reply reply);

/// GET: the body of a good reply. Errors: unreachable; the daemon's own.
Result<std::string> get(const std::filesystem::path& socket, std::string_view target);

/// A daemon's log, over its observe or admin socket.
class DaemonFiles final : public attest::LogFiles {
public:
    explicit DaemonFiles(std::filesystem::path socket) : socket_(std::move(socket)) {}

    Result<std::string> read(const std::string& path) override {
        return get(socket_, "/v1/log/" + path);
    }

private:
    std::filesystem::path socket_;
};

}  // namespace clawsigner::cli
