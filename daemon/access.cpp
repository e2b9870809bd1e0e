#include "daemon/access.h"

#include <unistd.h>

namespace clawsigner::daemon {
namespace {

constexpr mode_t kOwnUser = 0600;
constexpr mode_t kEverybody = 0666;  // and the peer's credentials decide

mode_t mode_for(const policy::RoleTable& table, Role role) {
    const auto callers = table.find(role);
    const bool others = callers != table.end() &&
                        !policy::is_no_wider(callers->second, policy::Callers{{::geteuid()}, {}});
    return others ? kEverybody : kOwnUser;
}

}  // namespace

bool Access::allows(Role role, const Peer& peer) const {
    const auto table = source_();
    const auto callers = table->find(role);
    return callers != table->end() && is_one_of(callers->second, peer);
}

void Access::follow() {
    const std::lock_guard lock(mutex_);
    auto table = source_();
    if (table == followed_) {
        return;
    }
    for (const auto& [role, socket] : sockets_) {
        if (const Status set = socket.set_mode(mode_for(*table, role)); !set.ok()) {
            log_.event("socket.mode_not_set", Log::Level::warning,
                       std::move(claw::JsonWriter()
                                     .text("role", role_name(role))
                                     .text("reason", set.error().message)));
        }
    }
    followed_ = std::move(table);
}

}  // namespace clawsigner::daemon
