#include "daemon/plan.h"

#include "base/file.h"
#include "claw/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace clawsigner::daemon {
namespace {

using config::at_line;
using config::BackendConfig;
using config::Config;
using config::FamilyConfig;

constexpr std::size_t kLongestName = 64;

/// The file a PIN is read from: one that is named, or a systemd credential (systemd.exec(5),
/// LoadCredential=). Empty when systemd passes none.
std::filesystem::path pin_path(const BackendConfig& backend) {
    if (backend.pin_file) {
        return *backend.pin_file;
    }
    const char* directory =
        std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): no thread yet
    return directory == nullptr
               ? std::filesystem::path()
               : std::filesystem::path(directory) / backend.pin_credential.value_or("");
}

Status check_directory(const Config& config) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(config.server.directory, ignored)) {
        return at_line(config, 1,
                       "server.directory " + config.server.directory.string() +
                           " is not a directory that exists");
    }
    return Status::done();
}

/// A store's name becomes a file's.
Status check_name(const Config& config, const BackendConfig& backend) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (backend.name.empty() || backend.name.size() > kLongestName ||
        backend.name.find_first_not_of(kPlain) != std::string::npos) {
        return at_line(config, backend.line,
                       "backends." + backend.name +
                           ": a name has 1 to 64 letters, digits, hyphens and underscores");
    }
    return Status::done();
}

/// The module is there, and so is the PIN, unless systemd will pass it.
Status check_store_files(const Config& config, const BackendConfig& backend) {
    if (backend.kind == config::BackendKind::tpm) {
        return Status::done();  // a device that is not there now may be later
    }
    const std::string name = "backends." + backend.name;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(backend.module, ignored)) {
        return at_line(config, backend.line,
                       name + ".module " + backend.module.string() + " is not a file that exists");
    }
    if (const auto path = pin_path(backend); !path.empty()) {
        if (const auto pin = base::read_secret_file(path); !pin.ok()) {
            return at_line(config, backend.line, name + ".pin_file: " + pin.error().message);
        }
    }
    return Status::done();
}

Result<pkcs11::TokenSettings> token_settings(const Config& config, const BackendConfig& backend) {
    auto uri = pkcs11::parse_token_uri(backend.token.value);
    if (!uri.ok()) {
        return at_line(config, backend.token.line, uri.error().message);
    }
    pkcs11::TokenSettings settings;
    settings.module = backend.module;
    settings.uri = *std::move(uri);
    settings.pin_file = pin_path(backend);
    settings.sessions = backend.sessions;
    settings.patience = backend.open_timeout;
    if (backend.own_process) {
        settings.host = pkcs11::HostProgram{
            "/proc/self/exe", {backend.environment.begin(), backend.environment.end()}};
    }
    return settings;
}

tpm::TpmSettings tpm_settings(const Config& config, const BackendConfig& backend) {
    tpm::TpmSettings settings;
    settings.tcti = backend.tcti;
    settings.directory = config.server.state_directory / (backend.name + ".tpm");
    settings.pcrs = backend.pcrs;
    settings.call_timeout = backend.call_timeout;
    settings.open_timeout = backend.open_timeout;
    settings.lane = backend.queue;
    return settings;
}

/// A key that is plain in memory is said to be so where it is configured, too.
Result<hsm::Custody> custody_of(const Config& config, const FamilyConfig& family,
                                const BackendConfig& backend, crypto::Algorithm algorithm) {
    const std::string name = "[families." + family.family.value + "]";
    const std::string& mode = family.mode.value;
    if (backend.kind == config::BackendKind::pkcs11) {
        return mode.empty()
                   ? Result(hsm::Custody::pkcs11)
                   : at_line(config, family.mode.line, name + ": mode is for families in a TPM");
    }
    if (algorithm == crypto::Algorithm::p256) {
        return mode.empty() || mode == "native"
                   ? Result(hsm::Custody::tpm)
                   : at_line(config, family.mode.line,
                             name + ": a p256 key in a TPM is \"native\"");
    }
    if (mode != "sealed") {
        return at_line(config, family.algorithm.line,
                       name +
                           ": a TPM has no ed25519; take algorithm = \"p256\", or mode = "
                           "\"sealed\": the key is then plain in the daemon's memory");
    }
    return !backend.pcrs.empty()
               ? Result(hsm::Custody::tpm_sealed)
               : at_line(config, family.mode.line,
                         name + ": a key is sealed under PCRs; name them in [backends." +
                             backend.name + "]: pcrs");
}

Result<FamilySettings> family_settings(const Config& config, const FamilyConfig& wanted) {
    const auto family = crypto::family_from_name(wanted.family.value);
    if (!family) {
        return at_line(
            config, wanted.family.line,
            wanted.family.value + " is not a key family; there are " + crypto::family_names());
    }
    const auto algorithm = crypto::algorithm_from_name(wanted.algorithm.value);
    if (!algorithm) {
        return at_line(config, wanted.algorithm.line, "algorithm must be \"ed25519\" or \"p256\"");
    }
    if (!crypto::signs_with(*family, *algorithm)) {
        return at_line(config, wanted.algorithm.line,
                       "algorithm of [families." + wanted.family.value +
                           "] must be \"ed25519\": what its keys sign is defined for no other");
    }
    const auto named = [&](const BackendConfig& backend) {
        return backend.name == wanted.backend.value;
    };
    const auto backend = std::ranges::find_if(config.backends, named);
    if (backend == config.backends.end()) {
        return at_line(config, wanted.backend.line,
                       "there is no [backends." + wanted.backend.value + "]");
    }
    TRY(const hsm::Custody custody, custody_of(config, wanted, *backend, *algorithm));
    return FamilySettings{*family, wanted.backend.value, *algorithm, custody};
}

/// C_Initialize and C_Finalize are a process's, so two stores cannot share a module in this one.
Status check_modules(const Config& config) {
    std::set<std::filesystem::path> seen;
    for (const BackendConfig& backend : config.backends) {
        if (backend.kind == config::BackendKind::pkcs11 && !backend.own_process &&
            !seen.insert(backend.module).second) {
            return at_line(config, backend.line,
                           "backends." + backend.name +
                               " uses a module that another backend uses; give each its own "
                               "process: isolation = \"process\"");
        }
    }
    return Status::done();
}

/// Every artefact has its leaf in a log, and a log has a name and a key.
Status check_ledger(const Config& config, const Plan& plan) {
    if (std::ranges::find(plan.families, crypto::Family::checkpoint, &FamilySettings::family) ==
        plan.families.end()) {
        return at_line(config, 1,
                       "[families.checkpoint] is missing: the log of everything that is signed "
                       "needs a key for its checkpoints");
    }
    const std::string& origin = config.ledger.origin.value;
    const claw::Checkpoint empty{origin, 0, claw::tree_hash({})};
    if (!claw::CheckpointBody::of(empty).ok() || !claw::is_key_name(origin)) {
        return at_line(config, config.ledger.origin.line,
                       "ledger.origin names the log, like \"signer.example.com/log\": at most 255 "
                       "bytes, without spaces and '+'");
    }
    return Status::done();
}

}  // namespace

Result<Plan> plan_of(const Config& config) {
    Plan plan;
    CHECK_OK(check_modules(config));
    for (const BackendConfig& backend : config.backends) {
        CHECK_OK(check_name(config, backend));
        if (backend.kind == config::BackendKind::tpm) {
            plan.tpms.emplace_back(backend.name, tpm_settings(config, backend));
            continue;
        }
        TRY(auto settings, token_settings(config, backend));
        plan.tokens.emplace_back(backend.name, std::move(settings));
    }
    for (const FamilyConfig& family : config.families) {
        TRY(auto settings, family_settings(config, family));
        plan.families.push_back(std::move(settings));
    }
    if (plan.families.empty()) {
        return at_line(config, 1,
                       "no [families.…] is configured, so there is nothing to sign with");
    }
    CHECK_OK(check_ledger(config, plan));
    return plan;
}

// Whoever can write there can make the daemon forget that a PIN was refused.
Status check_state_directory(const Config& config) {
    const std::string path = config.server.state_directory.string();
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        return at_line(config, 1,
                       Error::from_errno("server.state_directory " + path, errno).message +
                           "; make it: install -d -m 0700 -o USER " + path);
    }
    if (!S_ISDIR(info.st_mode)) {
        return at_line(config, 1, "server.state_directory " + path + " is not a directory");
    }
    if (info.st_uid != ::geteuid() || (info.st_mode & 07777U) != 0700U) {
        return at_line(config, 1,
                       "server.state_directory " + path +
                           " must belong to the daemon's user and have mode 0700: install -d -m "
                           "0700 -o USER " +
                           path);
    }
    return Status::done();
}

Status check_files(const Config& config) {
    CHECK_OK(check_directory(config));
    for (const BackendConfig& backend : config.backends) {
        CHECK_OK(check_store_files(config, backend));
    }
    return Status::done();
}

std::filesystem::path pin_memory_path(const Config& config, const std::string& backend) {
    return config.server.state_directory / (backend + ".login");
}

}  // namespace clawsigner::daemon
