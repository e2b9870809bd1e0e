#include "service/issue_token.h"

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "policy/ceiling.h"
#include "service/powers.h"

#include <algorithm>

namespace clawsigner::service {
namespace {

using crypto::Family;

constexpr std::int64_t kDefaultTtl = 600;  // seconds; the ecosystem's

std::int64_t unix_seconds(UnixMillis time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

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

ledger::Item item_of(const claw::LeafCaller& caller, const claw::Token& token,
                     const IssuedToken& issued, ByteView signed_bytes) {
    claw::ArtefactLeaf leaf;
    leaf.family = Family::cst;
    leaf.artefact = "cst";
    leaf.id = token.jti;
    leaf.kid = issued.kid;
    leaf.signed_sha256 = base::base64url_encode(crypto::sha256(signed_bytes));
    leaf.answer_sha256 = crypto::sha256_b64u(issued.token);
    leaf.rule = "ceiling";
    leaf.caller = caller;
    leaf.policy_hash = token.grant.policy_hash_b64u;
    return {std::move(leaf), std::nullopt};
}

}  // namespace

Result<Made<IssuedToken>> issue_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::TokenRequest& request) {
    CHECK_OK(appliance.ledger->ready());
    claw::Token token;
    token.grant = request.grant;
    token.iat = unix_seconds(appliance.clock->now());
    const auto ceiling = appliance.powers->ceiling();
    TRY(token.exp, end_of_life(request, token.iat, ceiling->max_ttl));
    CHECK_OK(expectations_met(request, token.iat));
    CHECK_OK(delegation_lives(token.grant, token.iat));
    CHECK_OK(
        policy::within_ceiling(*ceiling, token.grant, std::chrono::seconds(token.exp - token.iat)));
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
    issued.token_hash = base::hex_encode(crypto::sha256(issued.token));
    issued.scope_hash = unsigned_token.scope_hash();
    ledger::Entry entry{{item_of(caller, token, issued, unsigned_token.input().bytes())}};
    return Made<IssuedToken>{std::move(issued), std::move(entry)};
}

Result<IssuedToken> settled(Made<IssuedToken> made, const ledger::Outcome& outcome) {
    if (outcome.ok()) {
        return std::move(made.artefact);
    }
    std::string& token = made.artefact.token;
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(token.data()), token.size()});
    return outcome.error();
}

}  // namespace clawsigner::service
