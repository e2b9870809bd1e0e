#include "pkcs11/softhsm_lock.h"

#include "base/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace clawsigner::pkcs11 {
namespace {

constexpr std::size_t kMaxConf = 64UL * 1024;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t first = text.find_first_not_of(kBlank);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view take_until(std::string_view& text, char end) {
    const std::size_t size = text.find(end);
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
    return taken;
}

}  // namespace

std::optional<std::filesystem::path> softhsm_token_directory(std::string_view conf) {
    std::optional<std::filesystem::path> directory;
    while (!conf.empty()) {
        std::string_view rest = take_until(conf, '\n');
        rest = take_until(rest, '#');
        const std::string_view name = trimmed(take_until(rest, '='));
        const std::string_view value = trimmed(take_until(rest, '='));
        if (name == "directories.tokendir" && !value.empty()) {
            directory = value;
        }
    }
    return directory;
}

Status SoftHsmLock::take(const std::filesystem::path& conf) {
    const auto text = base::read_file(conf, kMaxConf);
    const auto directory = text.ok() ? softhsm_token_directory(*text) : std::nullopt;
    if (!directory) {
        return Status::done();
    }
    base::UniqueFd fd(::open(directory->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0) {
        return Status::done();
    }
    const std::pair identity(info.st_dev, info.st_ino);
    if (std::ranges::find(taken_, identity, &Taken::directory) != taken_.end()) {
        return Status::done();
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? Error(ErrorCode::config_invalid, "the tokens in " + directory->string() +
                                                          " are in use: another daemon has them")
                   : Error::from_errno("cannot lock " + directory->string(), errno);
    }
    taken_.push_back({identity, std::move(fd)});
    return Status::done();
}

}  // namespace clawsigner::pkcs11
