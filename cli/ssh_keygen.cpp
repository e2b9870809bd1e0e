#include "cli/ssh_keygen.h"

#include "base/file.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace clawsigner::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSignature = 16'384;

/// A directory that is removed with what is in it.
class Workplace {
public:
    static Result<Workplace> make() {
        std::string name = (fs::temp_directory_path() / "clawsigner-approval.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            return Error::from_errno("cannot make a directory in the place of temporary files",
                                     errno);
        }
        return Workplace(std::move(name));
    }
    Workplace(Workplace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Workplace& operator=(Workplace&&) = delete;
    Workplace(const Workplace&) = delete;
    Workplace& operator=(const Workplace&) = delete;
    ~Workplace() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove_all(path_, ignored);
        }
    }
    fs::path file() const { return path_ / "message"; }

private:
    explicit Workplace(std::string name) : path_(std::move(name)) {}

    fs::path path_;
};

/// Runs ssh-keygen with this terminal. What it prints to standard output is not this program's
/// answer, so it goes to standard error.
Status run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 2);
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t child = 0;
    const int spawned =
        ::posix_spawnp(&child, words.front().c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) {
        return Error::from_errno("cannot start ssh-keygen (package openssh-client)", spawned);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? Status::done()
               : Status(Error(ErrorCode::io_failed, "ssh-keygen did not sign"));
}

}  // namespace

Result<std::string> ssh_signature(const fs::path& key, std::string_view name_space,
                                  std::string_view message) {
    std::error_code ignored;
    if (!fs::is_regular_file(key, ignored)) {
        return Error::at("--key", "must name a key's file: " + key.string() + " is none");
    }
    TRY(const Workplace place, Workplace::make());
    CHECK_OK(base::write_file_durably(place.file(), message, 0600));
    CHECK_OK(run({"ssh-keygen", "-Y", "sign", "-q", "-n", std::string(name_space), "-f",
                  key.string(), place.file().string()}));
    return base::read_file(place.file().string() + ".sig", kMaxSignature);
}

}  // namespace clawsigner::cli
