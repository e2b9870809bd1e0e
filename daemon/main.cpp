#include "attest/pruned.h"
#include "config/config.h"
#include "daemon/dev_setup.h"
#include "daemon/hardening.h"
#include "daemon/ledger_files.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "daemon/start_memory.h"
#include "daemon/wiring.h"
#include "pkcs11/module_host.h"
#include "service/powers.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace clawsigner;

// The exit codes of the house: docs/api/errors.md.
constexpr int kGood = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;

constexpr auto kLedgerClose = std::chrono::seconds(3);
constexpr unsigned kLongestStop = 20;  // seconds from SIGTERM to the end, come what may

int say(const Error& error) {
    std::fprintf(stderr, "clawsignerd: %s: %s\n", std::string(wire_name(error.code)).c_str(),
                 error.message.c_str());
    return kRefused;
}

/// As `clawsigner --json` prints an error.
int print_error(const Error& error) {
    const std::string text = claw::JsonWriter()
                                 .raw("error", claw::JsonWriter()
                                                   .text("code", wire_name(error.code))
                                                   .text("message", error.message)
                                                   .done())
                                 .done();
    std::printf("%s\n", text.c_str());
    return kRefused;
}

/// A thread whose signature is made in another process, or in a TPM, waits for it, and leaves its
/// core to others meanwhile; for a TPM, so many that its lanes know who waits.
unsigned io_threads(const config::Config& config) {
    if (config.server.io_threads > 0) {
        return config.server.io_threads;
    }
    constexpr unsigned kWaitingForTpm = 16;
    const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
    const auto is_tpm = [](const config::BackendConfig& backend) {
        return backend.kind == config::BackendKind::tpm;
    };
    if (std::ranges::any_of(config.backends, is_tpm)) {
        return std::max(2 * cores, kWaitingForTpm);
    }
    return std::ranges::any_of(config.backends, &config::BackendConfig::own_process) ? 2 * cores
                                                                                     : cores;
}

/// The most descriptors the daemon needs besides its connections.
std::size_t own_files(const config::Config& config) {
    constexpr std::size_t kOthers = 64;    // listening sockets, locks, log, what a module opens
    constexpr std::size_t kLobby = 64;     // of each socket: those who are told to come back
    constexpr std::size_t kPerThread = 3;  // epoll, timer, wake-up
    constexpr std::size_t kMostLanes = 64;
    const std::size_t threads = 2 * io_threads(config) + 2;  // admin and observe have one each
    std::size_t files = kOthers + daemon::kRoles.size() * kLobby + threads * kPerThread;
    for (const config::BackendConfig& backend : config.backends) {
        if (backend.own_process) {  // its channels; while it is started, both their ends
            files += 2 * (std::min(backend.sessions, kMostLanes) + 1);
        }
    }
    return files;
}

/// Every connection is a descriptor, and a daemon without descriptors loses its token, too: so many
/// connections as the limit on open files leaves room for.
daemon::AdmissionLimits bounds(const config::Config& config, const daemon::Log& log) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    constexpr std::size_t kFewest = 16;  // whatever the limit: fewer are no service
    const std::size_t own = own_files(config);
    const std::size_t room = files.rlim_cur > own ? files.rlim_cur - own : 0;
    const std::size_t most = std::max(room / daemon::kRoles.size(), kFewest);
    daemon::AdmissionLimits bounds;
    bounds.connections = std::min(config.server.max_connections, most);
    // No user has all of them, whatever was configured.
    bounds.connections_per_user = std::min(config.server.max_connections_per_user,
                                           std::max<std::size_t>(bounds.connections / 2, 1));
    bounds.requests = config.server.max_requests;
    if (bounds.connections < config.server.max_connections) {
        log.event(
            "limits.lowered", daemon::Log::Level::warning,
            std::move(claw::JsonWriter()
                          .text("reason", "the limit on open files (LimitNOFILE=)")
                          .integer("connections", static_cast<std::int64_t>(bounds.connections))));
    }
    return bounds;
}

daemon::Server::Settings server_settings(const config::Config& config, const daemon::Log& log,
                                         const service::Powers& powers) {
    daemon::Server::Settings settings;
    settings.io_threads = io_threads(config);
    settings.access = [&powers] { return powers.roles(); };
    settings.bounds = bounds(config, log);
    return settings;
}

/// SIGTERM and SIGINT, blocked in every thread from the first moment on, so that one waits for them
/// and none dies of them.
class StopSignals {
public:
    StopSignals() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGTERM);
        sigaddset(&signals_, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }
    void wait() const {
        int signal = 0;
        sigwait(&signals_, &signal);
    }

private:
    sigset_t signals_{};
};

Status serve(const std::string& file) {
    const daemon::StartMemory start_memory;
    const StopSignals stop;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide how a child ended
    CHECK_OK(daemon::harden_process());
    TRY(const config::Config config, config::load(file));
    const daemon::Log log(daemon::Log::Level::info);
    // Before any device is touched: a second daemon must not log in to the first one's token.
    TRY(auto sockets, daemon::Sockets::bind(config.server.directory));
    TRY(const auto wiring, daemon::Wiring::make(config, log));
    const service::Appliance& appliance = wiring->appliance();
    TRY(const auto server, daemon::Server::start(std::move(sockets), appliance, log,
                                                 server_settings(config, log, *appliance.powers)));
    start_memory.release();
    log.event("daemon.started", daemon::Log::Level::info,
              std::move(claw::JsonWriter()
                            .text("version", CLAWSIGNER_VERSION)
                            .text("config", config.file.string())
                            .text("sockets", config.server.directory.string())));
    stop.wait();
    // A module that does not return must not keep the process: SIGALRM's default action ends it.
    ::alarm(kLongestStop);
    server->drain();
    if (const Status closed = wiring->close_ledger(base::deadline_in(kLedgerClose)); !closed.ok()) {
        log.event("ledger.not_closed", daemon::Log::Level::warning,
                  std::move(claw::JsonWriter()
                                .text("code", wire_name(closed.error().code))
                                .text("reason", closed.error().message)));
    }
    log.event("daemon.stopped", daemon::Log::Level::info);
    return Status::done();
}

Status host(std::size_t lanes) {
    CHECK_OK(daemon::harden_process());
    return pkcs11::run_module_host(lanes);
}

Status check(const std::string& file) {
    TRY(const config::Config config, config::load(file));
    CHECK_OK(daemon::Wiring::check(config));
    std::printf("%s: good\n", config.file.c_str());
    return Status::done();
}

Status init(const daemon::DevSetup& setup, bool json) {
    TRY(const auto file, daemon::make_dev_directory(setup));
    if (json) {
        const std::string made = claw::JsonWriter()
                                     .text("directory", file.parent_path().string())
                                     .text("config", file.string())
                                     .done();
        std::printf("%s\n", made.c_str());
        return Status::done();
    }
    std::printf("made %s\nstart the daemon:  clawsignerd --config %s\n", file.parent_path().c_str(),
                file.c_str());
    return Status::done();
}

Status export_copy(const std::string& database, const std::string& directory) {
    TRY(const auto checkpoint, daemon::export_ledger(database, directory));
    std::printf("%s: %llu leaves of %s\n", directory.c_str(),
                static_cast<unsigned long long>(checkpoint.size), checkpoint.origin.c_str());
    attest::LogDirectory made(directory);
    TRY(const std::uint64_t first, attest::first_readable(made, 0, checkpoint.size));
    if (first > 0) {
        std::printf("lacks the bodies of leaves 0 to %llu, which the log has pruned\n",
                    static_cast<unsigned long long>(first - 1));
    }
    return Status::done();
}

/// What was printed must have arrived, too: a full disk is no success.
int exit_code(const Status& status, bool json = false) {
    if (!status.ok()) {
        return json ? print_error(status.error()) : say(status.error());
    }
    return std::fflush(stdout) == 0
               ? kGood
               : say(Error(ErrorCode::io_failed, "the output was not written"));
}

struct Options {
    std::string file = "/etc/clawsigner/clawsigner.toml";
    daemon::DevSetup setup;
    std::string directory;
    std::string algorithm = "ed25519";
    std::string database;
    std::size_t lanes = 0;
    bool json = false;
};

CLI::App* add_check(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand(
        "check", "say whether the configuration is good, without touching a device");
    command->add_option("--config", options.file, "the configuration file")->capture_default_str();
    return command;
}

CLI::App* add_init(CLI::App& app, Options& options) {
    CLI::App* command =
        app.add_subcommand("init", "make a directory with a token, keys and configuration");
    command->add_option("--dev", options.directory, "the directory to make: new or empty")
        ->required();
    command->add_option("--algorithm", options.algorithm, "of the keys: ed25519 or p256")
        ->check(CLI::IsMember({"ed25519", "p256"}))
        ->capture_default_str();
    command->add_flag("--json", options.json, "say what was made as JSON");
    command->add_option("--module", options.setup.module, "SoftHSM2's module")
        ->capture_default_str();
    return command;
}

CLI::App* add_export(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand(
        "export",
        "write the log of a copied database as static files that any C2SP tile client reads,\n"
        "as clawsigner log export does of a running daemon, and hold the copy against itself.\n"
        "The copy is not changed; its directory must be writable, for SQLite's -shm");
    command
        ->add_option("--db", options.database, "the copy of ledger.db, with its -wal if it has one")
        ->required()
        ->check(CLI::ExistingFile);
    command->add_option("DIR", options.directory, "the directory; made when it is not there")
        ->required();
    return command;
}

/// Not for people: a daemon starts it, and gives it its channels.
CLI::App* add_module_host(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand("module-host", "")->group("");
    command->add_option("--lanes", options.lanes)->required()->check(CLI::Range(1, 64));
    return command;
}

int make_directory(Options& options) {
    options.setup.directory = options.directory;
    options.setup.algorithm =
        crypto::algorithm_from_name(options.algorithm).value_or(crypto::Algorithm::ed25519);
    return exit_code(init(options.setup, options.json), options.json);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "clawsignerd keeps the signing keys of the Claw ecosystem in an HSM and signs with them, "
        "over Unix sockets.\n"
        "It runs in the foreground, logs JSON lines to standard error, and stops on SIGTERM after "
        "answering what was asked.");
    Options options;
    app.name("clawsignerd");
    app.set_version_flag("--version", "clawsignerd " CLAWSIGNER_VERSION);
    app.add_option("--config", options.file, "the configuration file")->capture_default_str();
    app.require_subcommand(0, 1);
    const CLI::App* check_command = add_check(app, options);
    const CLI::App* init_command = add_init(app, options);
    const CLI::App* export_command = add_export(app, options);
    const CLI::App* host_command = add_module_host(app, options);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kGood : kUsage;
    }
    if (*init_command) {
        return make_directory(options);
    }
    if (*export_command) {
        return exit_code(export_copy(options.database, options.directory));
    }
    if (*host_command) {
        return exit_code(host(options.lanes));
    }
    return exit_code(*check_command ? check(options.file) : serve(options.file));
}
