#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace clawsigner::bench {

/// How large the reply at the beginning of `received` is; 0 while that cannot be said yet. Error:
/// bad_request, when it is not the reply of a request that went well.
using ReplySize = Result<std::size_t> (*)(std::string_view received);

/// One request, the same every time, and how its reply is told from the next one's.
struct Exchange {
    std::string request;
    ReplySize reply_size;
};

/// A connection to a Unix socket with at most one request under way. Blocking.
class Client {
public:
    /// Error: io_failed.
    static Result<Client> connect(const std::filesystem::path& path);

    int fd() const noexcept { return fd_.get(); }

    /// Error: io_failed.
    Status send(std::string_view request);

    /// Reads once. The reply, when it is all there: good until the next send. Empty when not.
    /// Errors: io_failed; as reply_size.
    Result<std::string_view> receive(ReplySize reply_size);

private:
    explicit Client(base::UniqueFd fd);

    base::UniqueFd fd_;
    std::string buffer_;
    std::size_t received_ = 0;
};

}  // namespace clawsigner::bench
