#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <filesystem>
#include <sys/types.h>
#include <utility>

namespace clawsigner::daemon {

/// The one daemon of a directory: a lock on a file in it, held until this goes, however the process
/// ends.
class DirectoryLock {
public:
    /// Errors: config_invalid, when another daemon holds it; io_failed.
    static Result<DirectoryLock> take(const std::filesystem::path& directory);

private:
    explicit DirectoryLock(base::UniqueFd fd) : fd_(std::move(fd)) {}

    base::UniqueFd fd_;
};

/// A listening Unix socket. It takes its path with it when it goes.
class ListeningSocket {
public:
    static constexpr int kBacklog = 512;

    /// Its file has mode 0600 from the first moment. A socket that a dead daemon left behind is
    /// replaced; one that somebody answers on is not. Errors: config_invalid (path too long, in
    /// use), io_failed.
    static Result<ListeningSocket> at(const std::filesystem::path& path);

    ~ListeningSocket();
    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    /// Gives the descriptor away; the path stays ours.
    int release_fd() noexcept { return fd_.release(); }
    int fd() const noexcept { return fd_.get(); }
    /// Of its file, when that still is the one that was made here. Error: io_failed.
    Status set_mode(mode_t mode) const;

private:
    ListeningSocket(base::UniqueFd fd, std::filesystem::path path);

    base::UniqueFd fd_;
    std::filesystem::path path_;
    std::pair<dev_t, ino_t> file_;  // what we bound: only that is removed
};

}  // namespace clawsigner::daemon
