#include "daemon/dev_setup.h"

#include "base/file.h"
#include "crypto/random.h"
#include "hsm/backend.h"
#include "pkcs11/token_backend.h"
#include "pkcs11/token_setup.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <spawn.h>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace clawsigner::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLabel = "clawsigner-dev";
constexpr std::size_t kLongestSocketPath = 107;
constexpr std::string_view kLongestSocketName = "/observe.sock";
constexpr auto kOpeningWait = std::chrono::seconds(10);

/// Whoever owns the directory can replace what we put into it.
Status check_own_and_empty(const fs::path& directory) {
    struct stat info{};
    if (::lstat(directory.c_str(), &info) != 0) {
        return Error::from_errno("cannot look at " + directory.string(), errno);
    }
    std::error_code error;
    if (!S_ISDIR(info.st_mode) || !fs::is_empty(directory, error)) {
        return Error(ErrorCode::config_invalid,
                     directory.string() + " exists and is not an empty directory");
    }
    if (info.st_uid != ::geteuid()) {
        return Error(ErrorCode::config_invalid, directory.string() + " belongs to another user");
    }
    return Status::done();
}

/// The directory, made with mode 0700, or there already, ours and empty.
Status prepare_directory(const fs::path& directory) {
    if (directory.native().size() + kLongestSocketName.size() > kLongestSocketPath) {
        return Error(ErrorCode::config_invalid,
                     directory.string() +
                         " is too long for the sockets in it: Linux takes paths of 107 bytes");
    }
    std::error_code ignored;
    fs::create_directories(directory.parent_path(), ignored);  // mkdir says what is wrong
    if (::mkdir(directory.c_str(), S_IRWXU) != 0) {
        if (errno != EEXIST) {
            return Error::from_errno("cannot create " + directory.string(), errno);
        }
        CHECK_OK(check_own_and_empty(directory));
    }
    if (::chmod(directory.c_str(), S_IRWXU) != 0 ||
        ::mkdir((directory / "tokens").c_str(), S_IRWXU) != 0 ||
        ::mkdir((directory / "state").c_str(), S_IRWXU) != 0) {
        return Error::from_errno("cannot prepare " + directory.string(), errno);
    }
    return Status::done();
}

/// Thirty-two hex digits: within what every module takes as a PIN that we know of.
Result<Secret> random_pin() {
    TRY(Secret random, Secret::zeroed(16));
    CHECK_OK(crypto::fill_random(random.expose_mutable()));
    std::string digits = base::hex_encode(random.expose());
    auto pin = Secret::copy_of(base::as_bytes(digits));
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(digits.data()), digits.size()});
    return pin;
}

std::string softhsm_config(const fs::path& directory) {
    return "directories.tokendir = " + (directory / "tokens").string() +
           "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n";
}

std::string toml_string(const fs::path& path) {
    // A TOML literal string holds every path but one with a quote in it, which prepare() refuses.
    return "'" + path.string() + "'";
}

crypto::Algorithm algorithm_of(crypto::Family family, const DevSetup& setup) {
    return crypto::signs_with(family, setup.algorithm) ? setup.algorithm
                                                       : crypto::Algorithm::ed25519;
}

std::string daemon_config(const DevSetup& setup, const fs::path& directory,
                          const std::string& origin) {
    std::string text;
    text.append(
            "# A development set-up: SoftHSM2 keeps its keys in files, so nothing here is safe "
            "from this user or root.\n"
            "# docs/configuration.md describes every setting.\n\n[server]\n")
        .append("directory = ")
        .append(toml_string(directory))
        .append("\nstate_directory = ")
        .append(toml_string(directory / "state"))
        .append("\n\n[backends.main]\ntype = \"pkcs11\"\n")
        .append("module = ")
        .append(toml_string(setup.module))
        .append("\n")
        .append("token = \"pkcs11:token=")
        .append(kLabel)
        .append("\"\n")
        .append("pin_file = ")
        .append(toml_string(directory / "pin"))
        .append("\n")
        .append("environment = { SOFTHSM2_CONF = ")
        .append(toml_string(directory / "softhsm2.conf"))
        .append(" }\n\n")
        .append("# Any audience, any scope without a wildcard but egress:*.DOMAIN.\n")
        .append("[ceiling]\nmax_ttl_seconds = 3600\naudiences = [\"*\"]\nscopes = [\"*\"]\n")
        .append(
            "\n# An issuer may have tokens by its word alone, a mapping needs no pins, and "
            "receipts "
            "no token.\n")
        .append("[trust]\nclaims_mode = true\nallow_unpinned = true\n")
        .append("audiences = [\"clawproxy.com\"]\nreceipts_without_cst = \"all\"\n")
        .append("\n[ledger]\norigin = \"")
        .append(origin)
        .append("\"\n");
    if (fs::exists(directory / "operators")) {
        text.append(
                "\n# One operator, whose key lies beside this file; read at the first start "
                "only.\n")
            .append("[operators]\nallowed_signers = ")
            .append(toml_string(directory / "operators"))
            .append("\nquorum = 1\n");
    }
    for (const crypto::Family family : crypto::kFamilies) {
        text.append("\n[families.")
            .append(family_name(family))
            .append("]\nbackend = \"main\"\nalgorithm = \"")
            .append(algorithm_name(algorithm_of(family, setup)))
            .append("\"\n");
    }
    return text;
}

/// For who waits until a backend is ready, and hears of it as its observer.
class Readiness {
public:
    void hear(const hsm::BackendStatus& status) {
        const std::lock_guard lock(mutex_);
        is_ready_ = status.state == hsm::BackendState::ready;
        changed_.notify_all();
    }
    bool wait(Deadline deadline) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, deadline, [this] { return is_ready_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_ready_ = false;
};

Status make_keys(const DevSetup& setup, const fs::path& directory) {
    TRY(auto uri, pkcs11::parse_token_uri("pkcs11:token=" + std::string(kLabel)));
    const base::SystemClock clock;
    Readiness readiness;
    pkcs11::TokenBackend::Options options;
    options.pin_memory = directory / "state" / "main.login";
    options.on_change = [&readiness](const hsm::BackendStatus& status) { readiness.hear(status); };
    pkcs11::TokenBackend backend({setup.module, std::move(uri), directory / "pin", 1}, options,
                                 clock);
    if (!readiness.wait(base::deadline_in(kOpeningWait))) {
        return backend.status().why.value_or(
            Error(ErrorCode::hsm_down, "the token did not open in time"));
    }
    for (const crypto::Family family : crypto::kFamilies) {
        CHECK_OK(backend.generate({family, 1}, algorithm_of(family, setup)));
    }
    return Status::done();
}

/// An operator's key, made by ssh-keygen; where that is not installed there is no operator, and
/// what needs one says so.
Status make_operator(const fs::path& directory) {
    const fs::path key = directory / "operator";
    std::array<std::string, 9> words{"ssh-keygen", "-q", "-t",        "ed25519", "-N",
                                     "",           "-C", "developer", "-f"};
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 2);
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    std::string path = key.string();
    arguments.push_back(path.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawnp(&child, "ssh-keygen", nullptr, nullptr, arguments.data(), environ) != 0) {
        return Status::done();
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) {
        return Status::done();
    }
    TRY(const std::string line, base::read_file(key.string() + ".pub", 4096));
    return base::write_file_durably(directory / "operators",
                                    "developer namespaces=\"clawsigner-approval\" " + line, 0600);
}

Status fill_directory(const DevSetup& setup, const fs::path& directory) {
    TRY(const Secret pin, random_pin());
    TRY(const Secret so_pin,
        random_pin());  // thrown away: a development token that needs its officer is made anew
    CHECK_OK(
        base::write_file_durably(directory / "softhsm2.conf", softhsm_config(directory), 0600));
    CHECK_OK(base::write_file_durably(directory / "pin", pin.expose_c_str(), 0400));
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet
    ::setenv("SOFTHSM2_CONF", (directory / "softhsm2.conf").c_str(), 1);
    CHECK_OK(pkcs11::initialise_token(setup.module, std::string(kLabel), so_pin, pin));
    CHECK_OK(make_keys(setup, directory));
    CHECK_OK(make_operator(directory));
    TRY(const std::string name, crypto::uuid_v4());
    return base::write_file_durably(directory / "clawsigner.toml",
                                    daemon_config(setup, directory, "clawsigner-dev/" + name),
                                    0600);
}

void empty_directory(const fs::path& directory) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored)) {
        fs::remove_all(entry.path(), ignored);
    }
}

}  // namespace

Result<fs::path> make_dev_directory(const DevSetup& setup) {
    std::error_code error;
    const fs::path directory = fs::absolute(setup.directory, error).lexically_normal();
    if (directory.native().find_first_of("'\n") != std::string::npos) {
        return Error(
            ErrorCode::config_invalid,
            "a quote or a line break in the directory's name is more than TOML and SoftHSM take");
    }
    CHECK_OK(prepare_directory(directory));
    if (const Status filled = fill_directory(setup, directory); !filled.ok()) {
        empty_directory(directory);
        return filled.error();
    }
    return directory / "clawsigner.toml";
}

}  // namespace clawsigner::daemon
