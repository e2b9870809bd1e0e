#include "config/config.h"

#include "base/encoding.h"
#include "base/file.h"
#include "config/table_reader.h"

#include <algorithm>

namespace clawsigner::config {
namespace {

constexpr std::size_t kMaxFile = 1U << 20U;

ServerConfig read_server(TableReader& in) {
    ServerConfig server;
    server.directory = in.path("directory");
    server.state_directory = in.optional_path("state_directory").value_or(server.state_directory);
    server.io_threads = static_cast<unsigned>(in.integer_or("io_threads", 0, 0, 64));
    server.max_connections =
        static_cast<std::size_t>(in.integer_or("max_connections", 1024, 1, 65'536));
    server.max_connections_per_user =
        static_cast<std::size_t>(in.integer_or("max_connections_per_user", 512, 1, 65'536));
    server.max_requests = static_cast<std::size_t>(in.integer_or("max_requests", 256, 1, 65'536));
    return server;
}

std::vector<std::string> values_of(const std::vector<Setting>& settings) {
    std::vector<std::string> values;
    values.reserve(settings.size());
    for (const Setting& setting : settings) {
        values.push_back(setting.value);
    }
    return values;
}

/// A '*' stands for what follows it, so behind it nothing can stand.
std::vector<std::string> read_patterns(TableReader& in, std::string_view key) {
    auto patterns = values_of(in.settings(key));
    for (const std::string& pattern : patterns) {
        const std::size_t star = pattern.find('*');
        if (star != std::string::npos && star + 1 != pattern.size() &&
            !pattern.starts_with("egress:*.")) {
            in.refuse(key, "has a '*' that is not at the end of " + pattern);
        }
    }
    return patterns;
}

CeilingConfig read_ceiling(TableReader& in) {
    CeilingConfig ceiling;
    ceiling.max_ttl = std::chrono::seconds(in.integer_or("max_ttl_seconds", 0, 1, 86'400));
    ceiling.audiences = read_patterns(in, "audiences");
    ceiling.scopes = read_patterns(in, "scopes");
    return ceiling;
}

RoleConfig read_role(std::string_view name, TableReader& in) {
    return {{std::string(name), in.line()}, in.settings("users"), in.settings("groups")};
}

SigningConfig read_signing(TableReader& in) {
    SigningConfig signing;
    signing.verify_one_in =
        static_cast<std::uint32_t>(in.integer_or("verify_one_in", 1, 1, 1'000'000));
    signing.timestamp_skew =
        std::chrono::seconds(in.integer_or("timestamp_skew_seconds", 300, 1, 86'400));
    signing.deadline = std::chrono::milliseconds(in.integer_or("deadline_ms", 2000, 10, 60'000));
    return signing;
}

/// A vendor's module gets a process of its own; SoftHSM, which is for development, the speed of
/// ours.
bool is_softhsm(const std::filesystem::path& module) {
    return module.filename().native().find("softhsm") != std::string::npos;
}

bool read_isolation(TableReader& in, const std::filesystem::path& module) {
    const auto isolation = in.optional_text("isolation");
    if (isolation && *isolation != "process" && *isolation != "inline") {
        in.refuse("isolation", "must be \"process\" or \"inline\"");
    }
    return isolation ? *isolation == "process" : !is_softhsm(module);
}

LedgerConfig read_ledger(TableReader& in) {
    LedgerConfig ledger;
    ledger.origin = in.setting_or("origin", "");
    ledger.deadline = std::chrono::milliseconds(in.integer_or("deadline_ms", 2000, 10, 60'000));
    ledger.keep_receipts =
        std::chrono::seconds(in.integer_or("keep_receipts_seconds", 300, 1, 86'400));
    return ledger;
}

OperatorsConfig read_operators(TableReader& in) {
    OperatorsConfig operators;
    operators.line = in.line();
    operators.allowed_signers = in.optional_path("allowed_signers");
    operators.quorum = static_cast<std::uint32_t>(in.integer_or("quorum", 1, 1, 64));
    return operators;
}

/// "sha256:0,2,7"
std::vector<unsigned> read_pcrs(TableReader& in) {
    constexpr std::string_view kBank = "sha256:";
    constexpr std::uint64_t kPcrs = 24;
    const std::string text = in.optional_text("pcrs").value_or("");
    std::vector<unsigned> pcrs;
    if (text.empty()) {
        return pcrs;
    }
    std::string_view rest = text;
    bool good = rest.starts_with(kBank);
    rest.remove_prefix(good ? kBank.size() : 0);
    while (good && !rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto pcr = base::decimal_decode(rest.substr(0, comma));
        good = pcr.ok() && *pcr < kPcrs && (pcrs.empty() || *pcr > pcrs.back()) &&
               comma + 1 != rest.size();
        pcrs.push_back(good ? static_cast<unsigned>(*pcr) : 0);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    if (!good || pcrs.empty()) {
        in.refuse("pcrs", "must be like \"sha256:0,2,7\": PCRs 0 to 23 in ascending order");
    }
    return pcrs;
}

void read_tpm(TableReader& in, BackendConfig& backend) {
    backend.tcti = in.text("tcti");
    // The loader of TCTIs takes any library's path.
    if (!backend.tcti.starts_with("device:") && !backend.tcti.starts_with("swtpm:")) {
        in.refuse("tcti", "must begin with \"device:\" or \"swtpm:\"");
    }
    backend.pcrs = read_pcrs(in);
    backend.call_timeout =
        std::chrono::milliseconds(in.integer_or("call_timeout_ms", 2'000, 50, 60'000));
    backend.queue = static_cast<std::size_t>(in.integer_or("queue", 32, 1, 4'096));
    backend.own_process = false;
}

void read_pkcs11(TableReader& in, BackendConfig& backend) {
    backend.module = in.path("module");
    backend.token = in.setting("token");
    backend.pin_file = in.optional_path("pin_file");
    backend.pin_credential = in.optional_text("pin_credential");
    if (backend.pin_file.has_value() == backend.pin_credential.has_value()) {
        in.refuse("pin_file", "or pin_credential must be set, and only one of them");
    }
    if (backend.pin_credential && backend.pin_credential->find('/') != std::string::npos) {
        in.refuse("pin_credential", "must be the name of a systemd credential, not a path");
    }
    backend.sessions = static_cast<std::size_t>(in.integer_or("sessions", 8, 1, 1024));
    backend.environment = in.texts("environment");
    backend.own_process = read_isolation(in, backend.module);
}

BackendConfig read_backend(std::string_view name, TableReader& in) {
    BackendConfig backend;
    backend.name = name;
    backend.line = in.line();
    const Setting type = in.setting("type");
    if (type.value == "tpm") {
        backend.kind = BackendKind::tpm;
        read_tpm(in, backend);
    } else if (type.value == "pkcs11") {
        read_pkcs11(in, backend);
    } else {
        in.refuse("type", "must be \"pkcs11\" or \"tpm\"");
    }
    backend.open_timeout =
        std::chrono::milliseconds(in.integer_or("open_timeout_ms", 30'000, 100, 600'000));
    return backend;
}

FamilyConfig read_family(std::string_view name, TableReader& in) {
    return {{std::string(name), in.line()},
            in.setting("backend"),
            in.setting_or("algorithm", "ed25519"),
            in.setting_or("mode", "")};
}

/// toml++ is read with its exceptions: without them 3.3.0 goes on behind some syntax errors.
Result<toml::table> parse_toml(std::string_view text, const std::filesystem::path& file) {
    try {
        return toml::parse(text, file.string());
    } catch (const toml::parse_error& error) {
        return located(file, error.source().begin.line, error.description());
    }
}

/// Reads the table `name` of `root` with `read`, and keeps the first fault in `fault`.
TrustConfig read_trust(TableReader& in) {
    TrustConfig trust;
    trust.line = in.line();
    trust.claims_mode = in.flag_or("claims_mode", false);
    trust.allow_unpinned = in.flag_or("allow_unpinned", false);
    trust.audiences = values_of(in.settings("audiences"));
    trust.wpc_signers = values_of(in.settings("wpc_signers"));
    trust.receipts_without_cst = in.optional_text("receipts_without_cst").value_or("");
    return trust;
}

template <class T>
T section(TableReader& root, std::string_view name, const std::filesystem::path& file,
          T (*read)(TableReader&), Status& fault) {
    // NOLINTNEXTLINE(misc-const-correctness): `read` changes it
    TableReader in(root.table(name), std::string(name), file);
    T value = read(in);
    if (Status done = in.finish(); fault.ok() && !done.ok()) {
        fault = std::move(done);
    }
    return value;
}

}  // namespace

Error at_line(const Config& config, std::uint32_t line, std::string_view reason) {
    return located(config.file, line, reason);
}

Result<Config> parse(std::string_view toml, const std::filesystem::path& file) {
    TRY(const toml::table document, parse_toml(toml, file));
    Config config;
    config.file = file;
    TableReader root(&document, "", file);
    Status fault = Status::done();
    config.server = section(root, "server", file, read_server, fault);
    config.signing = section(root, "signing", file, read_signing, fault);
    config.ceiling = section(root, "ceiling", file, read_ceiling, fault);
    config.trust = section(root, "trust", file, read_trust, fault);
    config.ledger = section(root, "ledger", file, read_ledger, fault);
    config.operators = section(root, "operators", file, read_operators, fault);
    CHECK_OK(std::move(fault));
    root.each_table("roles", [&](std::string_view name, TableReader& in) {
        config.roles.push_back(read_role(name, in));
    });
    root.each_table("backends", [&](std::string_view name, TableReader& in) {
        config.backends.push_back(read_backend(name, in));
    });
    root.each_table("families", [&](std::string_view name, TableReader& in) {
        config.families.push_back(read_family(name, in));
    });
    CHECK_OK(root.finish());
    return config;
}

Result<Config> load(const std::filesystem::path& file) {
    const std::filesystem::path absolute = std::filesystem::absolute(file);
    TRY(const std::string text, base::read_file(absolute, kMaxFile));
    return parse(text, absolute);
}

}  // namespace clawsigner::config
