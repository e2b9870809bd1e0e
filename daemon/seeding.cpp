#include "daemon/seeding.h"

#include "base/file.h"
#include "claw/json_writer.h"
#include "daemon/accounts.h"
#include "policy/allowed_signers.h"
#include "service/request_rows.h"

#include <string_view>
#include <utility>

namespace clawsigner::daemon {
namespace {

using config::at_line;
using config::Config;

/// The ledger is at fault, and says so in the status.
bool is_ledgers(const Error& error) {
    return error.code == ErrorCode::ledger_blocked || error.code == ErrorCode::ledger_damaged;
}

void log_not_obeyed(const Log& log, std::string_view table, std::string_view reason) {
    log.event("config.not_obeyed", Log::Level::warning,
              std::move(claw::JsonWriter().text("table", table).text("reason", reason)));
}

}  // namespace

Result<service::TrustState> configured_trust(const Config& config) {
    const config::TrustConfig& named = config.trust;
    const auto settings = policy::parse_trust_settings(policy::trust_settings_text(
        {named.claims_mode, named.allow_unpinned, named.audiences, named.wpc_signers}));
    if (!settings.ok()) {
        return at_line(config, named.line, "trust: " + settings.error().message);
    }
    const auto exempt = policy::parse_exempt_callers(named.receipts_without_cst);
    if (!exempt.ok()) {
        return at_line(config, named.line, "trust." + exempt.error().message);
    }
    return service::TrustState{*settings, *exempt};
}

Result<std::optional<policy::Operators>> configured_operators(const Config& config,
                                                              UnixMillis now) {
    const config::OperatorsConfig& named = config.operators;
    if (!named.allowed_signers) {
        return std::optional<policy::Operators>();
    }
    const auto text = base::read_file(*named.allowed_signers, policy::kMaxAllowedSigners);
    auto people = text.ok() ? policy::parse_allowed_signers(*text) : text.error();
    if (!people.ok()) {
        return at_line(config, named.line, "operators.allowed_signers: " + people.error().message);
    }
    auto operators = policy::Operators::of(std::move(people).value(), named.quorum);
    const Status able = operators.ok() ? service::can_approve(*operators, now) : operators.status();
    if (!able.ok()) {
        return at_line(config, named.line, "operators: " + able.error().message);
    }
    return std::optional(std::move(operators).value());
}

Status seed_operators(const Config& config, service::Approvals& approvals, UnixMillis now) {
    if (approvals.operators().ok()) {
        return Status::done();
    }
    TRY(const auto operators, configured_operators(config, now));
    if (!operators) {
        return Status::done();
    }
    const Status seeded = approvals.seed(*operators);
    // A ledger that cannot be written is named in the status, and stops what needs operators
    // anyway.
    return seeded.ok() || is_ledgers(seeded.error()) ? Status::done() : seeded;
}

void seed_ceiling(const Config& config, service::Powers& powers, const Log& log) {
    const policy::TokenCeiling named{config.ceiling.max_ttl,
                                     policy::NameSet(config.ceiling.audiences),
                                     policy::NameSet(config.ceiling.scopes)};
    const Status seeded = powers.seed(named);
    if (seeded.ok() && !(*powers.ceiling() == named)) {
        log_not_obeyed(log, "ceiling", "the ceiling is set in the ledger: clawsigner ceiling show");
    }
}

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

Status seed_trust(const Config& config, service::Policies& policies, const Log& log) {
    TRY(const auto configured, configured_trust(config));
    const Status seeded = policies.seed(configured);
    const auto known = policies.snapshot();
    if (seeded.ok() && !(service::TrustState{known->trust, known->exempt} == configured) &&
        !(configured == service::TrustState())) {
        log_not_obeyed(log, "trust", "trust is set in the ledger: clawsigner trust show");
    }
    return seeded.ok() || is_ledgers(seeded.error()) ? Status::done() : seeded;
}

}  // namespace clawsigner::daemon
