#include "service/powers.h"

#include <utility>

namespace clawsigner::service {
namespace {

constexpr const char* kCeilingRow = "ceiling/token";

}  // namespace

std::shared_ptr<const policy::TokenCeiling> Powers::ceiling() const {
    auto rows = log_.settings();
    const std::lock_guard lock(mutex_);
    if (rows != rows_) {
        const auto row = rows->find(kCeilingRow);
        auto ceiling = row == rows->end() ? Result<policy::TokenCeiling>(policy::TokenCeiling())
                                          : policy::parse_ceiling(row->second.value);
        ceiling_ = std::make_shared<const policy::TokenCeiling>(
            ceiling.ok() ? std::move(ceiling).value() : policy::TokenCeiling());
        rows_ = std::move(rows);
    }
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

}  // namespace clawsigner::service
