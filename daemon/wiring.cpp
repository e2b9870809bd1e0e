#include "daemon/wiring.h"

#include "base/file.h"
#include "claw/checkpoint.h"
#include "daemon/accounts.h"
#include "hsm/keyring.h"
#include "ledger/log.h"
#include "pkcs11/softhsm_lock.h"
#include "pkcs11/token_backend.h"
#include "policy/allowed_signers.h"
#include "service/approvals.h"
#include "service/checkpointer.h"
#include "service/lifecycle.h"
#include "service/powers.h"
#include "service/prober.h"
#include "service/proofs.h"
#include "service/refusals.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

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

/// Whoever can write there can make the daemon forget that a PIN was refused.
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

std::filesystem::path pin_memory_path(const Config& config, const std::string& backend) {
    return config.server.state_directory / (backend + ".login");
}

/// The module is there, and so is the PIN, unless systemd will pass it.
Status check_files(const Config& config, const BackendConfig& backend) {
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

struct FamilySettings {
    crypto::Family family{};
    std::string backend;
    crypto::Algorithm algorithm{};
};

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
    if (std::ranges::none_of(config.backends, named)) {
        return at_line(config, wanted.backend.line,
                       "there is no [backends." + wanted.backend.value + "]");
    }
    return FamilySettings{*family, wanted.backend.value, *algorithm};
}

/// C_Initialize and C_Finalize are a process's, so two stores cannot share a module in this one.
Status check_modules(const Config& config) {
    std::set<std::filesystem::path> seen;
    for (const BackendConfig& backend : config.backends) {
        if (!backend.own_process && !seen.insert(backend.module).second) {
            return at_line(config, backend.line,
                           "backends." + backend.name +
                               " uses a module that another backend uses; give each its own "
                               "process: isolation = \"process\"");
        }
    }
    return Status::done();
}

struct Plan {
    std::vector<std::pair<std::string, pkcs11::TokenSettings>> tokens;
    std::vector<FamilySettings> families;
};

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

Result<Plan> plan_of(const Config& config) {
    Plan plan;
    CHECK_OK(check_modules(config));
    for (const BackendConfig& backend : config.backends) {
        CHECK_OK(check_name(config, backend));
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

/// Vendors' modules read their settings from the environment; those in a process of their own find
/// it there. Called before the first thread starts.
void set_environment(const Config& config) {
    for (const BackendConfig& backend : config.backends) {
        if (backend.own_process) {
            continue;
        }
        for (const auto& [name, value] : backend.environment) {
            // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet
            ::setenv(name.c_str(), value.c_str(), 1);
        }
    }
}

/// Two daemons on one token undo each other's logins, and whoever finds a PIN refused cannot tell
/// the other. For SoftHSM, whose tokens are a directory; other modules have none to hold.
Result<pkcs11::SoftHsmLock> lock_tokens(const Config& config) {
    pkcs11::SoftHsmLock lock;
    for (const BackendConfig& backend : config.backends) {
        const auto conf = backend.environment.find("SOFTHSM2_CONF");
        if (conf == backend.environment.end()) {
            continue;
        }
        if (const Status taken = lock.take(conf->second); !taken.ok()) {
            return at_line(config, backend.line,
                           "backends." + backend.name + ": " + taken.error().message);
        }
    }
    return lock;
}

void log_state(const Log& log, const std::string& backend, const hsm::BackendStatus& status) {
    const bool good = status.state == hsm::BackendState::ready;
    claw::JsonWriter members;
    members.text("backend", backend).text("state", state_name(status.state));
    if (!status.device.empty()) {
        members.text("device", status.device);
    }
    if (status.why) {
        members.text("code", wire_name(status.why->code)).text("reason", status.why->message);
    }
    log.event("backend.state", good ? Log::Level::info : Log::Level::warning, std::move(members));
}

void log_act(const Log& log, const claw::ActLeaf& act) {
    claw::JsonWriter members;
    members.text("act", act.act).text("subject", act.subject);
    if (act.caller) {
        members.integer("uid", act.caller->uid);
    }
    members.optional_text("why", act.why).optional_text("approved", act.request);
    log.event("state.act", Log::Level::info, std::move(members));
}

void log_ledger(const Log& log, const ledger::LogStatus& status) {
    const bool good = status.health == ledger::Health::good;
    claw::JsonWriter members;
    members.text("state", ledger::health_name(status.health))
        .integer("size", static_cast<std::int64_t>(status.size));
    if (status.why) {
        members.text("code", wire_name(status.why->code)).text("reason", status.why->message);
    }
    log.event("ledger.state", good ? Log::Level::info : Log::Level::error, std::move(members));
}

Result<std::unique_ptr<ledger::Log>> open_ledger(const Config& config, const Clock& clock,
                                                 const Log& log) {
    ledger::Log::Options options;
    options.directory = config.server.state_directory;
    options.clock = &clock;
    options.keep_answers = config.ledger.keep_receipts;
    options.deadline = config.ledger.deadline;
    options.on_change = [&log](const auto& status) { log_ledger(log, status); };
    TRY(auto opened, ledger::Log::open(std::move(options)));
    opened->note(claw::StartLeaf{CLAWSIGNER_VERSION});
    return opened;
}

/// The ledger is at fault, and says so in the status.
bool is_ledgers(const Error& error) {
    return error.code == ErrorCode::ledger_blocked || error.code == ErrorCode::ledger_damaged;
}

/// The operators that the configuration names, where the log knows none yet. What the log says
/// afterwards is not read from a file again.
Status seed_operators(const Config& config, service::Approvals& approvals) {
    if (!config.operators.allowed_signers || approvals.operators().ok()) {
        return Status::done();
    }
    TRY(const std::string text,
        base::read_file(*config.operators.allowed_signers, policy::kMaxAllowedSigners));
    auto people = policy::parse_allowed_signers(text);
    if (!people.ok()) {
        return at_line(config, config.operators.line,
                       "operators.allowed_signers: " + people.error().message);
    }
    auto operators = policy::Operators::of(std::move(people).value(), config.operators.quorum);
    if (!operators.ok()) {
        return at_line(config, config.operators.line, "operators: " + operators.error().message);
    }
    const Status seeded = approvals.seed(*operators);
    // A ledger that cannot be written is named in the status, and stops what needs operators
    // anyway.
    return seeded.ok() || is_ledgers(seeded.error()) ? Status::done() : seeded;
}

void log_not_obeyed(const Log& log, std::string_view table, std::string_view reason) {
    log.event("config.not_obeyed", Log::Level::warning,
              std::move(claw::JsonWriter().text("table", table).text("reason", reason)));
}

/// The ceiling that the configuration names, where the log knows none yet. Where they differ
/// afterwards, that is shown, and the log's holds.
void seed_ceiling(const Config& config, service::Powers& powers, const Log& log) {
    const policy::TokenCeiling named{config.ceiling.max_ttl,
                                     policy::NameSet(config.ceiling.audiences),
                                     policy::NameSet(config.ceiling.scopes)};
    const Status seeded = powers.seed(named);
    if (seeded.ok() && !(*powers.ceiling() == named)) {
        log_not_obeyed(log, "ceiling", "the ceiling is set in the ledger: clawsigner ceiling show");
    }
}

/// The roles that the configuration names, where the log knows none yet: also that it names none.
/// Where they differ afterwards, that is shown, and the log's hold. Errors: as configured_roles, at
/// the first start; as Powers::named_roles.
Status seed_roles(const Config& config, const ledger::Log& ledger, service::Powers& powers,
                  const Log& log) {
    const auto configured = configured_roles(config);
    const auto known = powers.named_roles();
    if (known.ok()) {
        const bool same = config.roles.empty() || (configured.ok() && *configured == *known);
        if (!same) {
            log_not_obeyed(log, "roles", "the roles are set in the ledger: clawsigner roles show");
        }
        return Status::done();
    }
    if (known.error().code != ErrorCode::not_found) {
        return known.error();
    }
    const Status writable = ledger.ready();
    if (!writable.ok() && writable.error().code == ErrorCode::ledger_damaged) {
        return Status::done();  // it may well know roles
    }
    if (!configured.ok()) {
        return configured.error();
    }
    const Status seeded = powers.seed(*configured);
    // Until the ledger can be written, the daemon's own user alone gets in.
    return seeded.ok() || is_ledgers(seeded.error()) ? Status::done() : seeded;
}

class AppliancePlant final : public Wiring {
public:
    AppliancePlant(pkcs11::SoftHsmLock lock, std::unique_ptr<base::SystemClock> clock,
                   std::unique_ptr<ledger::Log> ledger)
        : lock_(std::move(lock)),
          clock_(std::move(clock)),
          ledger_(std::move(ledger)),
          refusals_(*ledger_),
          proofs_(*ledger_) {
        appliance_.clock = clock_.get();
        appliance_.ledger = ledger_.get();
        appliance_.refusals = &refusals_;
        appliance_.proofs = &proofs_;
        appliance_.started = clock_->now();
    }

    /// Once, before anything else. Errors: as Wiring::make.
    Status equip(const Config& config, Plan plan, const Log& log) {
        appliance_.limits = {config.signing.timestamp_skew, config.signing.deadline,
                             config.ledger.deadline};
        open_stores(config, plan, log);
        CHECK_OK(take_up_state(config, log));
        watch(config);
        return Status::done();
    }

    Status close_ledger(Deadline deadline) override {
        refusals_.finish();
        return checkpointer_->close(deadline);
    }

    const service::Appliance& appliance() const override { return appliance_; }

private:
    void open_stores(const Config& config, Plan& plan, const Log& log) {
        std::map<std::string, hsm::Backend*> by_name;
        for (auto& [name, settings] : plan.tokens) {
            pkcs11::TokenBackend::Options options;
            const std::string backend = name;
            options.pin_memory = pin_memory_path(config, name);
            options.on_change = [&log, backend](const auto& status) {
                log_state(log, backend, status);
            };
            backends_.push_back(
                std::make_unique<pkcs11::TokenBackend>(std::move(settings), options, *clock_));
            by_name[name] = backends_.back().get();
            appliance_.backends.push_back({name, backends_.back().get()});
        }
        std::map<crypto::Family, hsm::Keyring::Home> homes;
        for (const FamilySettings& family : plan.families) {
            homes[family.family] = {by_name.at(family.backend), family.algorithm};
            appliance_.families.push_back(family.family);
        }
        keyring_ = std::make_unique<hsm::Keyring>(std::move(homes),
                                                  hsm::VerifyPolicy{config.signing.verify_one_in});
        appliance_.keyring = keyring_.get();
    }

    /// What the ledger says of keys and powers; at the first start, what it is to say.
    Status take_up_state(const Config& config, const Log& log) {
        service::Lifecycle::Options options;
        options.deadline = config.signing.deadline + config.ledger.deadline;
        options.origin = config.ledger.origin.value;
        options.on_act = [&log](const auto& act) { log_act(log, act); };
        TRY(lifecycle_, service::Lifecycle::open(*ledger_, *keyring_, *clock_, std::move(options)));
        appliance_.lifecycle = lifecycle_.get();
        powers_ = std::make_unique<service::Powers>(*ledger_, *lifecycle_, ::geteuid());
        appliance_.powers = powers_.get();
        CHECK_OK(seed_roles(config, *ledger_, *powers_, log));
        seed_ceiling(config, *powers_, log);
        approvals_ = std::make_unique<service::Approvals>(*lifecycle_, *powers_, *ledger_, *clock_);
        appliance_.approvals = approvals_.get();
        return seed_operators(config, *approvals_);
    }

    void watch(const Config& config) {
        service::Prober::Options probing;
        probing.deadline = config.signing.deadline;
        prober_ =
            std::make_unique<service::Prober>(*keyring_, appliance_.families, *clock_, probing);
        appliance_.prober = prober_.get();
        service::Checkpointer::Options checkpoints;
        checkpoints.origin = config.ledger.origin.value;
        checkpointer_ =
            std::make_unique<service::Checkpointer>(*ledger_, *keyring_, std::move(checkpoints));
        appliance_.checkpointer = checkpointer_.get();
    }

    // In the order of their lifetimes.
    pkcs11::SoftHsmLock lock_;
    std::unique_ptr<base::SystemClock> clock_;
    std::unique_ptr<ledger::Log> ledger_;
    service::Refusals refusals_;
    service::Proofs proofs_;
    std::vector<std::unique_ptr<hsm::Backend>> backends_;
    std::unique_ptr<hsm::Keyring> keyring_;
    std::unique_ptr<service::Lifecycle> lifecycle_;
    std::unique_ptr<service::Powers> powers_;
    std::unique_ptr<service::Approvals> approvals_;
    std::unique_ptr<service::Prober> prober_;
    std::unique_ptr<service::Checkpointer> checkpointer_;
    service::Appliance appliance_;
};

}  // namespace

Status Wiring::check(const Config& config) {
    CHECK_OK(plan_of(config));
    CHECK_OK(configured_roles(config));
    CHECK_OK(check_directory(config));
    CHECK_OK(check_state_directory(config));
    for (const BackendConfig& backend : config.backends) {
        CHECK_OK(check_files(config, backend));
    }
    return Status::done();
}

Result<std::unique_ptr<Wiring>> Wiring::make(const Config& config, const Log& log) {
    TRY(Plan plan, plan_of(config));
    CHECK_OK(check_state_directory(config));
    TRY(pkcs11::SoftHsmLock lock, lock_tokens(config));
    set_environment(config);
    auto clock = std::make_unique<base::SystemClock>();
    TRY(auto ledger, open_ledger(config, *clock, log));
    auto plant =
        std::make_unique<AppliancePlant>(std::move(lock), std::move(clock), std::move(ledger));
    CHECK_OK(plant->equip(config, std::move(plan), log));
    return std::unique_ptr<Wiring>(std::move(plant));
}

}  // namespace clawsigner::daemon
