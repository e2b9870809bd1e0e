#include "service/powers.h"

#include <utility>

namespace clawsigner::service {
namespace {

constexpr const char* kCeilingRow = "ceiling/token";
constexpr const char* kRolesRow = "roles/callers";

/// One that allows nothing, where the state says none.
policy::TokenCeiling ceiling_in(const claw::Settings& rows) {
    const auto row = rows.find(kCeilingRow);
    auto ceiling = row == rows.end() ? Result<policy::TokenCeiling>(policy::TokenCeiling())
                                     : policy::parse_ceiling(row->second.value);
    return ceiling.ok() ? *std::move(ceiling) : policy::TokenCeiling();
}

/// As the state says; a role that it does not name is `own_user`'s.
policy::RoleTable roles_in(const claw::Settings& rows, std::uint32_t own_user) {
    const auto row = rows.find(kRolesRow);
    auto roles = row == rows.end() ? Result<policy::RoleTable>(policy::RoleTable())
                                   : policy::parse_roles(row->second.value);
    policy::RoleTable table = roles.ok() ? *std::move(roles) : policy::RoleTable();
    for (const policy::Role role : policy::kRoles) {
        table.try_emplace(role, policy::Callers{{own_user}, {}});
    }
    return table;
}

}  // namespace

Powers::Powers(const ledger::Log& log, Lifecycle& lifecycle, std::uint32_t own_user)
    : log_(log), lifecycle_(lifecycle), own_user_(own_user) {}

/// What was read stays the same object while it says the same. The mutex is held.
void Powers::read() const {
    auto rows = log_.settings();
    if (rows == rows_) {
        return;
    }
    ceiling_ = std::make_shared<const policy::TokenCeiling>(ceiling_in(*rows));
    auto roles = roles_in(*rows, own_user_);
    if (roles_ == nullptr || !(*roles_ == roles)) {
        roles_ = std::make_shared<const policy::RoleTable>(std::move(roles));
    }
    rows_ = std::move(rows);
}

std::shared_ptr<const policy::TokenCeiling> Powers::ceiling() const {
    const std::lock_guard lock(mutex_);
    read();
    return ceiling_;
}

Status Powers::seed(const policy::TokenCeiling& ceiling) {
    // Nothing may be issued without one, so that none is nothing to remember.
    return log_.setting(kCeilingRow) || ceiling.max_ttl.count() == 0 ? Status::done()
                                                                     : set({}, ceiling);
}

Status Powers::set(const Doing& doing, const policy::TokenCeiling& ceiling) {
    Doing whole = doing;
    whole.rows[kCeilingRow] = policy::ceiling_text(ceiling);
    return lifecycle_.act(whole, doing.caller ? "ceiling.set" : "ceiling.seed", "ceiling");
}

std::shared_ptr<const policy::RoleTable> Powers::roles() const {
    const std::lock_guard lock(mutex_);
    read();
    return roles_;
}

Result<policy::RoleTable> Powers::named_roles() const {
    const auto text = log_.setting(kRolesRow);
    if (!text) {
        return Error(ErrorCode::not_found, "the log names nobody's roles yet");
    }
    auto roles = policy::parse_roles(*text);
    return roles.ok()
               ? std::move(roles)
               : Error(ErrorCode::ledger_damaged, "the log's roles: " + roles.error().message);
}

Status Powers::seed(const policy::RoleTable& roles) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    if (log_.setting(kRolesRow)) {
        return Status::done();
    }
    Doing doing;
    doing.rows[kRolesRow] = policy::roles_text(roles);
    return lifecycle_.act(doing, "roles.seed", "roles");
}

Result<bool> Powers::narrow(const Doing& doing, const policy::RoleChange& change) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    CHECK_OK(policy::check_callers(change.role, change.callers));
    if (!policy::is_no_wider(change.callers, roles()->at(change.role))) {
        return false;
    }
    CHECK_OK(set_one(doing, change));
    return true;
}

Status Powers::set(const Doing& doing, const policy::RoleChange& change) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    return set_one(doing, change);
}

Status Powers::set_one(const Doing& doing, const policy::RoleChange& change) {
    CHECK_OK(policy::check_callers(change.role, change.callers));
    auto named = named_roles();
    if (!named.ok() && named.error().code != ErrorCode::not_found) {
        return named.error();
    }
    policy::RoleTable table = named.ok() ? *std::move(named) : policy::RoleTable();
    table[change.role] = change.callers;
    Doing whole = doing;
    whole.rows[kRolesRow] = policy::roles_text(table);
    return lifecycle_.act(whole, "roles.set", std::string(policy::role_name(change.role)));
}

}  // namespace clawsigner::service
