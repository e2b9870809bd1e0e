#include "bench/exchange.h"

#include <cerrno>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace clawsigner::bench {
namespace {

constexpr std::size_t kFirstBuffer = 65'536;

}  // namespace

Client::Client(base::UniqueFd fd) : fd_(std::move(fd)), buffer_(kFirstBuffer, '\0') {}

Result<Client> Client::connect(const std::filesystem::path& path) {
    base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!fd ||
        path.native().copy(address.sun_path, sizeof address.sun_path - 1) != path.native().size()) {
        return Error(ErrorCode::io_failed, "cannot make a socket for " + path.string());
    }
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Error::from_errno("cannot connect to " + path.string(), errno);
    }
    return Client(std::move(fd));
}

Status Client::send(std::string_view request) {
    received_ = 0;
    while (!request.empty()) {
        const ssize_t sent = ::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            return Error::from_errno("cannot send", errno);
        }
        request.remove_prefix(static_cast<std::size_t>(sent));
    }
    return Status::done();
}

Result<std::string_view> Client::receive(ReplySize reply_size) {
    const ssize_t got =
        ::recv(fd_.get(), buffer_.data() + received_, buffer_.size() - received_, 0);
    if (got <= 0) {
        return Error::from_errno("the connection ended", got == 0 ? ECONNRESET : errno);
    }
    received_ += static_cast<std::size_t>(got);
    const std::string_view received(buffer_.data(), received_);
    TRY(const std::size_t size, reply_size(received));
    if (received_ == buffer_.size() && size != received_) {
        buffer_.resize(buffer_.size() * 2);
    }
    if (size == 0 || size > received_) {
        return std::string_view();
    }
    if (size < received_) {
        return Error(ErrorCode::bad_request, "there is more than the reply");
    }
    return received;
}

}  // namespace clawsigner::bench
