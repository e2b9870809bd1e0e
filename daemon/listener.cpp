#include "daemon/listener.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace clawsigner::daemon {
namespace {

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        return Error(ErrorCode::config_invalid,
                     "the socket path " + text + " is longer than the 107 bytes Linux takes");
    }
    std::ranges::copy(text, address.sun_path);
    return address;
}

std::pair<dev_t, ino_t> file_at(const std::filesystem::path& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0 ? std::pair(info.st_dev, info.st_ino)
                                             : std::pair<dev_t, ino_t>();
}

base::UniqueFd new_socket() {
    return base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// Removes the socket a dead daemon left. Error: config_invalid, when somebody answers, or it is no
/// socket.
Status clear_stale(const std::filesystem::path& path, const sockaddr_un& address) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) {
        return Status::done();
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Error(ErrorCode::config_invalid, path.string() + " exists and is not a socket");
    }
    const base::UniqueFd probe = new_socket();
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
        return Error(ErrorCode::config_invalid,
                     path.string() + " is in use: another daemon is running");
    }
    ::unlink(path.c_str());
    return Status::done();
}

}  // namespace

Result<ListeningSocket> ListeningSocket::at(const std::filesystem::path& path) {
    TRY(const sockaddr_un address, address_of(path));
    CHECK_OK(clear_stale(path, address));
    base::UniqueFd fd = new_socket();
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int bind_errno = errno;
    ::umask(before);
    if (bound != 0) {
        const std::string hint = bind_errno == ENOENT ? " (server.directory must exist)" : "";
        return Error::from_errno("cannot bind " + path.string() + hint, bind_errno);
    }
    ListeningSocket socket(std::move(fd), path);
    if (::listen(socket.fd(), ListeningSocket::kBacklog) != 0) {
        return Error::from_errno("cannot listen on " + path.string(), errno);
    }
    return socket;
}

ListeningSocket::ListeningSocket(base::UniqueFd fd, std::filesystem::path path)
    : fd_(std::move(fd)), path_(std::move(path)), file_(file_at(path_)) {}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)) {}

ListeningSocket::~ListeningSocket() {
    if (!path_.empty() && file_at(path_) == file_) {
        ::unlink(path_.c_str());
    }
}

Status ListeningSocket::set_mode(mode_t mode) const {
    if (file_at(path_) != file_) {
        return Error(ErrorCode::io_failed, path_.string() + " is not the socket that was made");
    }
    return ::chmod(path_.c_str(), mode) == 0
               ? Status::done()
               : Status(Error::from_errno("cannot change " + path_.string(), errno));
}

Result<DirectoryLock> DirectoryLock::take(const std::filesystem::path& directory) {
    const std::string path = directory / "clawsignerd.lock";
    base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        const std::string hint = errno == ENOENT ? " (server.directory must exist)" : "";
        return Error::from_errno("cannot open " + path + hint, errno);
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? Error(ErrorCode::config_invalid,
                           directory.string() + " is in use: another daemon is running")
                   : Error::from_errno("cannot lock " + path, errno);
    }
    return DirectoryLock(std::move(fd));
}

}  // namespace clawsigner::daemon
