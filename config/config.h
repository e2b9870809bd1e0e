#pragma once

#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// clawsigner.toml as immutable values. docs/configuration.md describes every setting; the file
/// holds no secret; who may do what it says once, at the first start.
namespace clawsigner::config {

/// A text whose meaning somebody else judges (a URI, a family's name), and where it stands, for the
/// error they may have.
struct Setting {
    std::string value;
    std::uint32_t line = 0;
};

enum class BackendKind : std::uint8_t { pkcs11, tpm };

/// [backends.NAME]: a key store.
struct BackendConfig {
    std::string name;
    std::uint32_t line = 0;
    BackendKind kind = BackendKind::pkcs11;

    // type = "tpm"
    std::string tcti;            // "device:…" or "swtpm:…", as tss2-tctildr(3) takes them
    std::vector<unsigned> pcrs;  // 0 to 23, ascending: keys are usable in approved states of these
    std::chrono::milliseconds call_timeout{2'000};  // 50 ms to 1 min: of one signature
    std::size_t queue = 32;  // 1 to 4096: calls that may wait for the TPM in one lane

    // type = "pkcs11"
    std::filesystem::path module;
    Setting token;  // RFC 7512 PKCS#11 URI
    std::optional<std::filesystem::path> pin_file;
    std::optional<std::string>
        pin_credential;        // the name of a systemd credential; exactly one of the two is set
    std::size_t sessions = 8;  // 1 to 1024
    std::map<std::string, std::string> environment;  // set before the module is loaded
    bool own_process = true;  // isolation = "process": the module runs in a child

    // Of both: for a child to open the token, or to open the TPM and make or prove one key.
    std::chrono::milliseconds open_timeout{30'000};
};

/// [families.NAME]: where a key family lives.
struct FamilyConfig {
    Setting family;
    Setting backend;
    Setting algorithm;  // of keys made from here on
    Setting mode;       // in a TPM: "native" or "sealed"; else empty
};

struct SigningConfig {
    std::uint32_t verify_one_in =
        1;  // 1 to 1,000,000: which signatures are verified before they leave
    std::chrono::seconds timestamp_skew{300};  // 1 s to 1 day: how far a caller's clock may be off
    std::chrono::milliseconds deadline{2000};  // 10 ms to 1 min: how long one signature may take
};

struct ServerConfig {
    std::filesystem::path directory;  // of the sockets
    // Of what the daemon must not forget: the daemon's own, of mode 0700.
    std::filesystem::path state_directory = "/var/lib/clawsigner";
    // Of each socket that signs; 0: one per core, or two when a module has a process of its own. At
    // most 64.
    unsigned io_threads = 0;
    // Of one socket's callers, at a time.
    std::size_t max_connections = 1024;          // 1 to 65,536
    std::size_t max_connections_per_user = 512;  // 1 to 65,536
    std::size_t max_requests = 256;              // 1 to 65,536
};

/// [ledger]: the log of everything that was signed.
struct LedgerConfig {
    /// The name of a log that has none yet, as its checkpoints bear it: unique in the world.
    Setting origin;
    std::chrono::milliseconds deadline{2000};  // 10 ms to 1 min: for a leaf to be on disk
    /// 1 s to 1 day: how long a receipt is given again to whoever sends the same request.
    std::chrono::seconds keep_receipts{300};
};

/// [operators]: who approves of what cannot be undone. Read while the log knows none, and never
/// again.
struct OperatorsConfig {
    std::optional<std::filesystem::path> allowed_signers;
    std::uint32_t quorum = 1;  // 1 to 64
    std::uint32_t line = 1;
};

/// [roles.NAME]: who may use a role's socket. Names or numbers.
struct RoleConfig {
    Setting role;
    std::vector<Setting> users;
    std::vector<Setting> groups;
};

/// [ceiling]: the most that may stand in a token. Without it no token is issued.
struct CeilingConfig {
    std::chrono::seconds max_ttl{0};     // 1 s to 1 day
    std::vector<std::string> audiences;  // exact, PREFIX*, or *
    std::vector<std::string> scopes;
};

/// [trust]: whom the appliance believes from its first start on; afterwards the ledger says it.
struct TrustConfig {
    bool claims_mode = false;
    bool allow_unpinned = false;
    std::vector<std::string> audiences;
    std::vector<std::string> wpc_signers;
    std::string receipts_without_cst;  // "all", or numbers of users with commas
    std::uint32_t line = 1;
};

struct Config {
    std::filesystem::path file;
    ServerConfig server;
    SigningConfig signing;
    CeilingConfig ceiling;
    TrustConfig trust;
    LedgerConfig ledger;
    OperatorsConfig operators;
    std::vector<RoleConfig> roles;
    std::vector<BackendConfig> backends;
    std::vector<FamilyConfig> families;
};

/// Reads and checks the whole file. Relative paths are taken from the file's directory. What is
/// unknown, missing, doubled or out of range is refused as "FILE:LINE: table.key …". Errors:
/// config_invalid, io_failed.
Result<Config> load(const std::filesystem::path& file);

/// The text of a file that is not on disk, under the name it would have.
Result<Config> parse(std::string_view toml, const std::filesystem::path& file);

/// An error at a line of the file: "FILE:LINE: reason". Code config_invalid.
Error at_line(const Config& config, std::uint32_t line, std::string_view reason);

}  // namespace clawsigner::config
