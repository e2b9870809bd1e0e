#include "service/issue_token.h"

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "policy/ceiling.h"
#include "policy/contract.h"
#include "policy/id_token.h"
#include "policy/token_decision.h"
#include "service/policies.h"
#include "service/powers.h"
#include "service/presented_token.h"
#include "service/show_token.h"

#include <algorithm>

namespace clawsigner::service {
namespace {

using crypto::Family;

constexpr std::int64_t kDefaultTtl = 600;  // seconds; the ecosystem's

/// When the token ends. Error: invalid_field, when that is not in the future.
Result<std::int64_t> end_of_life(const claw::TokenRequest& request, std::int64_t now,
                                 std::chrono::seconds max_ttl) {
    if (!request.exp) {
        const std::int64_t ttl =
            request.ttl.value_or(std::min<std::int64_t>(kDefaultTtl, max_ttl.count()));
        // Anything that overflows is far above every ceiling, too.
        return ttl > INT64_MAX - now ? INT64_MAX : now + ttl;
    }
    if (*request.exp <= now) {
        return Error::at("claims.exp", "is not in the future");
    }
    return *request.exp;
}

Status delegation_lives(const claw::TokenGrant& grant, std::int64_t now) {
    if (grant.delegation_expires_at && *grant.delegation_expires_at <= now) {
        return Error::at("claims.delegation_expires_at", "is not in the future");
    }
    return Status::done();
}

Status expectations_met(const claw::TokenRequest& request, std::int64_t now) {
    if (request.expected_iat && *request.expected_iat != now) {
        return Error::at("claims.iat",
                         "is not the time here, " + std::to_string(now) + "; leave it out");
    }
    if (request.expected_scope_hash &&
        *request.expected_scope_hash != claw::token_scope_hash(request.grant)) {
        return Error::at("claims.token_scope_hash_b64u", "is not the hash of these claims");
    }
    return Status::done();
}

/// What has been decided of a token, and what its leaf says of why.
struct Decision {
    claw::TokenGrant grant;
    std::int64_t iat = 0;
    std::int64_t exp = 0;
    policy::TokenKind kind{};
    claw::ArtefactLeaf leaf;  // rule, grounds and obligations
};

Decision decision_of(policy::AllowedToken allowed, std::int64_t now, policy::TokenKind kind) {
    Decision decision;
    decision.grant = std::move(allowed.grant);
    decision.iat = now;
    decision.exp = allowed.exp;
    decision.kind = kind;
    return decision;
}

void write_artefact(claw::ArtefactLeaf& leaf, const claw::Token& token, const IssuedToken& issued,
                    ByteView signed_bytes) {
    leaf.family = Family::cst;
    leaf.artefact = "cst";
    leaf.id = token.jti;
    leaf.kid = issued.kid;
    leaf.signed_sha256 = base::base64url_encode(crypto::sha256(signed_bytes));
    leaf.answer_sha256 = crypto::sha256_b64u(issued.token);
    leaf.policy_hash = token.grant.policy_hash_b64u;
}

Result<Made<IssuedToken>> sign(const Appliance& appliance, const claw::LeafCaller& caller,
                               Decision decision) {
    claw::Token token;
    token.grant = std::move(decision.grant);
    token.iat = decision.iat;
    token.exp = decision.exp;
    TRY(token.jti, crypto::uuid_v4());
    TRY(token.nonce, crypto::uuid_v4());

    TRY(const auto signer, appliance.keyring->signer<Family::cst>());
    TRY(const auto unsigned_token, claw::UnsignedToken::of(token, signer.identity()));
    TRY(const auto signature,
        signer.sign(unsigned_token.input(), base::deadline_in(appliance.limits.deadline)));
    IssuedToken issued;
    issued.token = unsigned_token.text(signature);
    issued.claims = unsigned_token.claims();
    issued.kid = signer.identity().kid;
    issued.token_hash = claw::token_hash(issued.token);
    issued.scope_hash = unsigned_token.scope_hash();
    decision.leaf.caller = caller;
    write_artefact(decision.leaf, token, issued, unsigned_token.input().bytes());
    appliance.presented->note_issued(
        issued.token, {std::move(token), decision.kind, {}, issued.scope_hash}, issued.kid);
    ledger::Entry entry{{{std::move(decision.leaf), std::nullopt}}};
    return Made<IssuedToken>{std::move(issued), std::move(entry)};
}

/// A contract that a token names is one that holds here, also where the issuer says what is in it.
Result<std::int64_t> end_under_contract(const PolicySnapshot& policies,
                                        const claw::TokenGrant& grant, std::int64_t now,
                                        std::int64_t exp) {
    if (!grant.policy_hash_b64u) {
        return exp;
    }
    TRY(const claw::WorkPolicy* policy,
        policy::active_policy(policies.contracts, *grant.policy_hash_b64u,
                              "claims.policy_hash_b64u"));
    return policy::within_contract(*policy, grant, now, exp);
}

Error replayed() {
    return Error::denied("oidc.replayed", "id_token",
                         "was used before; have the user log in again");
}

Status not_used_before(const Appliance& appliance, const claw::ArtefactLeaf& leaf) {
    const auto foreseen = appliance.ledger->foresee(leaf, 1);
    if (!foreseen) {
        return Status::done();
    }
    const bool failed = !foreseen->ok() && foreseen->error().code != ErrorCode::nonce_reused;
    return failed ? foreseen->error() : replayed();
}

/// The names of groups are the identity provider's, and a leaf has an end.
Result<claw::UserGrounds> grounds_of(const policy::IdToken& user,
                                     const policy::AllowedToken& allowed) {
    claw::UserGrounds grounds{user.digest, user.issuer, policy::hashed_subject(user),
                              allowed.groups, allowed.mapping_digest};
    std::size_t bytes = 0;
    for (const std::string& group : grounds.groups) {
        bytes += group.size();
    }
    if (bytes > claw::kMaxGroundsBytes) {
        return Error::denied("mapping.groups_size", "id_token",
                             "has mapped groups whose names do not fit into one leaf");
    }
    return grounds;
}

}  // namespace

Result<Made<IssuedToken>> issue_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::TokenRequest& request) {
    CHECK_OK(appliance.ledger->ready());
    const auto policies = appliance.policies->snapshot();
    if (!policies->trust.claims_mode) {
        return Error::denied("claims.off", "claims",
                             "are not taken on the issuer's word: send id_token and request, or "
                             "have operators set trust claims_mode");
    }
    Decision decision;
    decision.kind = policy::TokenKind::claims;
    decision.leaf.rule = "ceiling";
    decision.grant = request.grant;
    decision.iat = unix_seconds(appliance.time->judged());
    const auto ceiling = appliance.powers->ceiling();
    TRY(decision.exp, end_of_life(request, decision.iat, ceiling->max_ttl));
    CHECK_OK(expectations_met(request, decision.iat));
    CHECK_OK(delegation_lives(decision.grant, decision.iat));
    CHECK_OK(policy::within_ceiling(*ceiling, decision.grant,
                                    std::chrono::seconds(decision.exp - decision.iat)));
    TRY(decision.exp, end_under_contract(*policies, decision.grant, decision.iat, decision.exp));
    return sign(appliance, caller, std::move(decision));
}

Result<Made<IssuedToken>> issue_mapped_token(const Appliance& appliance,
                                             const claw::LeafCaller& caller,
                                             const policy::TokenRequestBody& request) {
    CHECK_OK(appliance.ledger->ready());
    const auto policies = appliance.policies->snapshot();
    const auto& oidc = policies->oidc;
    const auto& mapping = policies->mapping;
    if (!oidc || !mapping) {
        return Error::denied("oidc.not_configured", "id_token",
                             "cannot be taken before operators have set OIDC trust and a mapping: "
                             "clawsigner oidc set, clawsigner mappings set");
    }
    const std::int64_t now = unix_seconds(appliance.time->judged());
    TRY(const policy::IdToken user,
        policy::verify_id_token(*oidc, request.id_token, now, request.nonce));
    TRY(policy::AllowedToken allowed,
        policy::decide_token({*mapping, policies->contracts, policies->trust}, user,
                             request.request, now));
    TRY(auto grounds, grounds_of(user, allowed));
    Decision decision = decision_of(std::move(allowed), now, policy::TokenKind::mapped);
    decision.leaf.rule = "mapping";
    decision.leaf.grounds = std::move(grounds);
    decision.leaf.nonce_sha256 = user.use_key;
    CHECK_OK(not_used_before(appliance, decision.leaf));
    return sign(appliance, caller, std::move(decision));
}

Result<Made<IssuedToken>> narrow_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                       const policy::NarrowRequest& request) {
    CHECK_OK(appliance.ledger->ready());
    const UnixMillis moment = appliance.time->judged();
    const std::int64_t now = unix_seconds(moment);
    TRY(const auto live, appliance.presented->verify(request.cst, moment));
    if (live->token.exp <= now) {
        return Error::denied("token.expired", "cst", "has ended");
    }
    const auto policies = appliance.policies->snapshot();
    TRY(policy::AllowedToken allowed,
        policy::decide_narrowing(policies->contracts, live->token, request, now));
    Decision decision = decision_of(std::move(allowed), now, live->kind);
    decision.leaf.rule = live->kind == policy::TokenKind::mapped ? "narrow" : "narrow.claims";
    decision.leaf.parent_sha256 = live->sha256;
    return sign(appliance, caller, std::move(decision));
}

Result<IssuedToken> settled(Made<IssuedToken> made, const ledger::Outcome& outcome) {
    if (outcome.ok() && std::holds_alternative<ledger::Recorded>(*outcome)) {
        return std::move(made.artefact);
    }
    std::string& token = made.artefact.token;
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(token.data()), token.size()});
    // The only name a token's leaf spends beside its own is its ID token's.
    const bool spent = !outcome.ok() && outcome.error().code == ErrorCode::nonce_reused;
    return outcome.ok() || spent ? replayed() : outcome.error();
}

}  // namespace clawsigner::service
