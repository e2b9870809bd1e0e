#include "service/presented_token.h"

#include "claw/key_record.h"
#include "claw/token_verify.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace clawsigner::service {
namespace {

using crypto::Family;

Error invalid(std::string_view why) {
    return Error::denied("token.invalid", "cst", why);
}

Error unrecorded() {
    return Error::denied("token.unrecorded", "cst", "is in no leaf of this appliance's log");
}

bool had_its_time(claw::KeyState state) {
    return state == claw::KeyState::verify_only || state == claw::KeyState::retired ||
           state == claw::KeyState::destroyed;
}

/// The records of keys that may have signed a token that is shown now.
std::vector<const claw::KeyRecord*> accepted(const claw::FamilyKeys& family, UnixMillis now,
                                             PresentedTokens::Keys keys) {
    std::vector<const claw::KeyRecord*> records;
    for (const claw::KeyRecord& record : family.versions) {
        const bool may = claw::is_published(record, now) ||
                         (keys == PresentedTokens::Keys::past && had_its_time(record.state));
        if (may) {
            records.push_back(&record);
        }
    }
    return records;
}

const claw::KeyRecord* of_kid(const std::vector<const claw::KeyRecord*>& records,
                              std::string_view kid) {
    const auto found = std::ranges::find_if(records, [&](const claw::KeyRecord* record) {
        return crypto::kid(record->public_key) == kid;
    });
    return found == records.end() ? nullptr : *found;
}

/// What a leaf says of how its token came to be.
policy::TokenKind kind_by_rule(std::string_view rule) {
    return rule == "mapping" || rule == "narrow" ? policy::TokenKind::mapped
                                                 : policy::TokenKind::claims;
}

}  // namespace

const PresentedTokens::Known* PresentedTokens::Table::find(const crypto::Sha256& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : &found->second;
}

void PresentedTokens::Table::put(const crypto::Sha256& name, Known value) {
    const std::size_t bytes = value.bytes;
    if (values_.insert_or_assign(name, std::move(value)).second) {
        order_.push_back(name);
        bytes_ += bytes;
    }
    while (order_.size() > kMaxKnown || bytes_ > kMaxKnownBytes) {
        const auto oldest = values_.find(order_.front());
        bytes_ -= oldest->second.bytes;
        values_.erase(oldest);
        order_.pop_front();
    }
}

void PresentedTokens::note_issued(std::string_view cst, PresentedToken token,
                                  std::string_view kid) {
    if (cst.size() > claw::kMaxTokenBytes) {
        return;  // nobody can show it
    }
    const crypto::Sha256 name = crypto::sha256(cst);
    token.sha256 = base::base64url_encode(name);
    auto families = lifecycle_.families();
    const claw::KeyRecord* active = families->at(Family::cst).active();
    if (active == nullptr || crypto::kid(active->public_key) != kid) {
        return;  // it stopped signing in this moment: the token is verified when it is shown
    }
    auto noted = std::make_shared<const PresentedToken>(std::move(token));
    const std::lock_guard lock(mutex_);
    known_.put(name, {std::move(noted), std::move(families), std::nullopt, cst.size()});
}

Result<std::shared_ptr<const PresentedToken>> PresentedTokens::verify(std::string_view cst,
                                                                      UnixMillis now, Keys keys) {
    if (cst.size() > claw::kMaxTokenBytes) {
        return invalid("is larger than a token can be");
    }
    const crypto::Sha256 name = crypto::sha256(cst);
    {
        const std::lock_guard lock(mutex_);
        const Known* known = known_.find(name);
        if (known != nullptr && known->families == lifecycle_.families() &&
            (!known->not_after || now < *known->not_after)) {
            return known->token;
        }
    }
    return verify_anew(cst, name, now, keys);
}

Result<std::shared_ptr<const PresentedToken>> PresentedTokens::verify_anew(
    std::string_view cst, const crypto::Sha256& name, UnixMillis now, Keys keys) {
    const auto families = lifecycle_.families();
    const auto records = accepted(families->at(Family::cst), now, keys);
    claw::TokenTrust trust;
    for (const claw::KeyRecord* record : records) {
        trust.keys.push_back(record->public_key);
    }
    if (trust.keys.empty() || cst.empty() || cst.front() == '{') {
        return invalid("is no token of a key that is accepted here");
    }
    auto verdict = claw::verify_token(cst, trust);
    if (!verdict.token) {
        return invalid(verdict.verdict.message);
    }
    auto presented = std::make_shared<PresentedToken>();
    presented->token = *std::move(verdict.token);
    presented->sha256 = base::base64url_encode(name);
    presented->scope_hash = std::move(verdict.scope_hash);
    TRY(presented->kind, kind_of(*presented, name));
    const bool is_published = keys == Keys::published;
    if (is_published) {
        const claw::KeyRecord* record = of_kid(records, verdict.kid);
        const std::lock_guard lock(mutex_);
        known_.put(name,
                   {presented, families, record != nullptr ? record->not_after : now, cst.size()});
    }
    return std::shared_ptr<const PresentedToken>(std::move(presented));
}

/// A token that is not in the log was not issued by this appliance, whatever key has signed it.
Result<policy::TokenKind> PresentedTokens::kind_of(const PresentedToken& token,
                                                   const crypto::Sha256& name) {
    {
        const std::lock_guard lock(mutex_);
        if (const Known* known = known_.find(name)) {
            return known->token->kind;  // under other keys, and so verified once more, but no other
        }
    }
    const auto body = log_.body_of(Family::cst, token.token.jti);
    if (!body.ok()) {
        return body.error().code == ErrorCode::not_found ? unrecorded() : body.error();
    }
    TRY(const claw::Leaf leaf, claw::parse_leaf(*body));
    const auto* artefact = std::get_if<claw::ArtefactLeaf>(&leaf.content);
    if (artefact == nullptr || artefact->answer_sha256 != token.sha256) {
        return unrecorded();
    }
    return kind_by_rule(artefact->rule);
}

}  // namespace clawsigner::service
