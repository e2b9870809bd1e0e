#pragma once

#include "base/clock.h"
#include "claw/key_record.h"

#include <cstdint>
#include <string>
#include <vector>

/// What outsiders are told of a family's keys: which they may accept, in one order everywhere. A
/// frozen family is published as any other: what it has signed still holds.
namespace clawsigner::claw {

/// The versions a verifier may accept at `now` (is_published): the active one, the pending one,
/// then those of verify_only, the newest first. They point into `family`.
std::vector<const KeyRecord*> published_keys(const FamilyKeys& family, UnixMillis now);
std::vector<const KeyRecord*> published_keys(FamilyKeys&& family, UnixMillis now) = delete;

/// Their JWK set (claw/jwks.h), in that order; without a key it is empty.
std::string published_jwks(const FamilyKeys& family, UnixMillis now);

/// A key that will not be accepted for ever. Whole seconds, rounded down: nobody is promised more
/// than holds.
struct ExpiringKid {
    std::string kid;
    std::int64_t not_after_unix = 0;
    friend bool operator==(const ExpiringKid&, const ExpiringKid&) = default;
};

/// The published keys by their kids, as clawscope's rotation contract and snapshots list them.
struct PublishedKids {
    std::string active_kid;                     // empty, when none is active
    std::vector<std::string> accepted_kids;     // all of them
    std::vector<std::string> signing_kids;      // the active one, then the pending one
    std::vector<std::string> verify_only_kids;  // the rest
    std::vector<ExpiringKid> expiring_kids;     // those with a not_after
    friend bool operator==(const PublishedKids&, const PublishedKids&) = default;
};
PublishedKids published_kids(const FamilyKeys& family, UnixMillis now);

/// [{"kid":…,"not_after_unix":…},…]
std::string expiring_kids_text(const PublishedKids& kids);

}  // namespace clawsigner::claw
