#include "base/file.h"

#include "base/handle.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clawsigner::base {
namespace {

constexpr std::size_t kMaxSecret = 4096;
constexpr std::size_t kReadChunk = 65536;

ssize_t read_some(int fd, void* to, std::size_t size) {
    ssize_t got = 0;
    do {
        got = ::read(fd, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

Error failed(std::string_view what, const std::filesystem::path& path) {
    return Error::from_errno(std::string(what) + " " + path.string(), errno);
}

Status write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t wrote = ::write(fd, content.data(), content.size());
        if (wrote < 0 && errno != EINTR) {
            return Error::from_errno("cannot write", errno);
        }
        content.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(wrote, 0)));
    }
    return Status::done();
}

Status sync_directory(const std::filesystem::path& directory) {
    const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) {
        return failed("cannot sync directory", directory);
    }
    return Status::done();
}

Result<std::string> read_all(int fd, const std::filesystem::path& path, std::size_t max_bytes) {
    std::string content;
    for (;;) {
        const std::size_t before = content.size();
        content.resize(before + kReadChunk);
        const ssize_t got = read_some(fd, content.data() + before, kReadChunk);
        if (got < 0) {
            return failed("cannot read", path);
        }
        content.resize(before + static_cast<std::size_t>(got));
        if (content.size() > max_bytes) {
            return Error(ErrorCode::too_large,
                         path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
        }
        if (got == 0) {
            return content;
        }
    }
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

/// Nobody but its owner may read it, and the owner is us or root.
Status check_private(int fd, const std::filesystem::path& path) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) {
        return failed("cannot stat", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return Error(ErrorCode::config_invalid, path.string() + " is not a regular file");
    }
    if ((info.st_mode & 07777U) != 0400U) {
        return Error(ErrorCode::config_invalid,
                     path.string() + " must have mode 0400 exactly: chmod 0400 " + path.string());
    }
    if (info.st_uid != ::geteuid() && info.st_uid != 0) {
        return Error(ErrorCode::config_invalid,
                     path.string() + " belongs to another user: chown it to the daemon's");
    }
    return Status::done();
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
    const bool standard_input = path == "-";
    const UniqueFd fd(standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                     : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return failed("cannot open", path);
    }
    return read_all(fd.get(), path, max_bytes);
}

Result<std::optional<std::string>> read_own_file(const std::filesystem::path& path,
                                                 std::size_t max_bytes) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        return errno == ENOENT ? Result<std::optional<std::string>>(std::nullopt)
                               : failed("cannot open", path);
    }
    TRY(auto content, read_all(fd.get(), path, max_bytes));
    return std::optional<std::string>(std::move(content));
}

Result<Secret> read_secret_file(const std::filesystem::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        return failed("cannot open", path);
    }
    CHECK_OK(check_private(fd.get(), path));
    TRY(Secret secret, Secret::zeroed(kMaxSecret + 1));
    std::size_t filled = 0;
    for (ssize_t got = 1; got > 0 && filled < secret.size();
         filled += static_cast<std::size_t>(got)) {
        got = read_some(fd.get(), secret.expose_mutable().data() + filled, secret.size() - filled);
        if (got < 0) {
            return failed("cannot read", path);
        }
    }
    const auto bytes = secret.expose();
    while (filled > 0 && (bytes[filled - 1] == '\n' || bytes[filled - 1] == '\r')) {
        --filled;
    }
    if (filled == 0 || filled > kMaxSecret) {
        return Error(ErrorCode::config_invalid,
                     path.string() + (filled == 0 ? " is empty" : " is larger than 4096 bytes"));
    }
    secret.shrink_to(filled);
    return secret;
}

Status write_file_durably(const std::filesystem::path& path, std::string_view content,
                          mode_t mode) {
    std::string temporary = path.string() + ".XXXXXX";
    const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) {
        return failed("cannot create", temporary);
    }
    Status written = write_all(fd.get(), content);
    if (written.ok() && (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0 ||
                         ::rename(temporary.c_str(), path.c_str()) != 0)) {
        written = failed("cannot write", path);
    }
    if (!written.ok()) {
        ::unlink(temporary.c_str());
        return written;
    }
    return sync_directory(directory_of(path));
}

Status make_directories_durably(const std::filesystem::path& directory) {
    if (directory.empty() || ::access(directory.c_str(), F_OK) == 0) {
        return Status::done();
    }
    CHECK_OK(make_directories_durably(directory.parent_path()));
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
        return failed("cannot make directory", directory);
    }
    return sync_directory(directory_of(directory));
}

Status overwrite_with_zeros(const std::filesystem::path& path) {
    const UniqueFd known(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!known && errno == ENOENT) {
        return Status::done();
    }
    struct stat info{};
    // Its mode may let nobody write to it, its owner neither.
    if (!known || ::fstat(known.get(), &info) != 0 ||
        ::fchmod(known.get(), S_IRUSR | S_IWUSR) != 0) {
        return failed("cannot overwrite", path);
    }
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    const std::string zeros(static_cast<std::size_t>(info.st_size), '\0');
    if (!fd || ::pwrite(fd.get(), zeros.data(), zeros.size(), 0) != info.st_size ||
        ::fsync(fd.get()) != 0) {
        return failed("cannot overwrite", path);
    }
    return Status::done();
}

Status remove_file_durably(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) != 0) {
        return errno == ENOENT ? Status::done() : failed("cannot remove", path);
    }
    return sync_directory(directory_of(path));
}

}  // namespace clawsigner::base
