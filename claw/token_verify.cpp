#include "claw/token_verify.h"

#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxToken = 262'144;
constexpr std::size_t kKidChars = 16;
constexpr std::size_t kMaxId = 128;
constexpr std::int64_t kMaxSkew = 300;  // seconds an issuer's clock may be ahead

/// The three parts of a compact JWS, decoded.
struct Parts {
    std::string_view signed_text;
    std::string header;
    std::string claims;
    Bytes signature;
};

struct Header {
    std::string alg;
    std::string kid;
};

struct Claims {
    Token token;
    std::string scope_hash;
};

Error malformed(std::string_view what) {
    return {ErrorCode::invalid_field, std::string(what)};
}

Result<std::string> decoded_text(std::string_view b64u, std::string_view what) {
    const auto bytes = base::base64url_decode(b64u);
    if (!bytes.ok()) {
        return malformed(std::string(what) + " " + bytes.error().message);
    }
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

Result<Parts> split(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last) {
        return malformed("a token has three parts between two dots");
    }
    Parts parts;
    parts.signed_text = token.substr(0, last);
    TRY(parts.header, decoded_text(token.substr(0, first), "the header"));
    TRY(parts.claims, decoded_text(token.substr(first + 1, last - first - 1), "the claims part"));
    TRY(parts.signature, base::base64url_decode(token.substr(last + 1)));
    return parts;
}

Result<Header> read_header(std::string_view text) {
    TRY(const JsonValue value, parse_json(text, JsonRules::javascript));
    JsonReader in(value, "header");
    Header header;
    header.alg = in.text("alg", kMaxId);
    in.constant("typ", "JWT");
    header.kid = in.text("kid", kKidChars);
    CHECK_OK(in.finish());
    return header;
}

Result<Claims> read_claims(std::string_view text) {
    TRY(const JsonValue value, parse_json(text, JsonRules::javascript));
    JsonReader in(value, "claims");
    Claims claims;
    Token& token = claims.token;
    in.constant("token_version", "1");
    token.grant = read_token_grant(in);
    token.iat = in.integer("iat", 0, base::kLastSecond);
    token.exp = in.integer("exp", 1, base::kLastSecond);
    claims.scope_hash = in.optional_text("token_scope_hash_b64u", kMaxId).value_or("");
    token.grant.lane = in.optional_one_of("token_lane", {"legacy", "canonical"}) == "canonical"
                           ? TokenLane::canonical
                           : TokenLane::legacy;
    token.jti = in.optional_text("jti", kMaxId).value_or("");
    token.nonce = in.optional_text("nonce", kMaxId).value_or("");
    check_token_grant(token.grant, in);
    if (token.exp <= token.iat) {
        in.refuse("exp", "must be after iat");
    }
    CHECK_OK(in.finish());
    return claims;
}

TokenVerdict refused(VerdictCode code, std::string message) {
    return {{code, std::move(message)}, std::nullopt, {}, {}, {}};
}

const crypto::PublicKey* key_of(const TokenTrust& trust, std::string_view kid) {
    const auto found = std::ranges::find_if(
        trust.keys, [&](const crypto::PublicKey& key) { return crypto::kid(key) == kid; });
    return found == trust.keys.end() ? nullptr : &*found;
}

Verdict judge_time(const Token& token, UnixMillis moment) {
    const auto at = std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
    if (token.iat > at + kMaxSkew) {
        return {VerdictCode::token_invalid_claims, "claims.iat is after that moment"};
    }
    if (token.exp <= at) {
        const UnixMillis exp{std::chrono::seconds(token.exp)};
        return {VerdictCode::token_expired, "it expired at " + base::format_utc(exp)};
    }
    return {VerdictCode::valid, ""};
}

/// What is left when form, key and signature are good: is it bound, is it in time, is it for us?
Verdict judge(const Claims& claims, const TokenTrust& trust) {
    if (claims.scope_hash.empty()) {
        return {VerdictCode::token_scope_hash_required, "token_scope_hash_b64u is missing"};
    }
    if (claims.scope_hash != token_scope_hash(claims.token.grant)) {
        return {VerdictCode::token_scope_hash_mismatch,
                "token_scope_hash_b64u is not the hash of the claims"};
    }
    if (trust.at) {
        const Verdict in_time = judge_time(claims.token, *trust.at);
        if (!in_time.valid()) {
            return in_time;
        }
    }
    if (trust.audience && std::ranges::find(claims.token.grant.aud, *trust.audience) ==
                              claims.token.grant.aud.end()) {
        return {VerdictCode::token_bad_audience, "it is for another audience"};
    }
    return {VerdictCode::valid, ""};
}

TokenVerdict verify_compact(std::string_view token, const TokenTrust& trust) {
    const auto parts = split(token);
    if (!parts.ok()) {
        return refused(VerdictCode::token_malformed, parts.error().message);
    }
    const auto header = read_header(parts->header);
    if (!header.ok()) {
        return refused(VerdictCode::token_malformed, header.error().message);
    }
    if (header->alg != "EdDSA" && header->alg != "ES256") {
        return refused(VerdictCode::token_unsupported_alg, "alg must be EdDSA or ES256");
    }
    auto claims = read_claims(parts->claims);
    if (!claims.ok()) {
        return refused(VerdictCode::token_invalid_claims, claims.error().message);
    }
    const crypto::PublicKey* key = key_of(trust, header->kid);
    if (key == nullptr) {
        return refused(VerdictCode::token_unknown_kid, "its kid is not among the keys given");
    }
    if (crypto::jws_algorithm(key->algorithm()) != header->alg) {
        return refused(VerdictCode::token_unsupported_alg, "alg is not that of the kid's key");
    }
    if (!key->verifies(base::as_bytes(parts->signed_text), parts->signature)) {
        return refused(VerdictCode::token_signature_invalid,
                       "the signature is not the key's over this token");
    }
    Verdict verdict = judge(*claims, trust);
    if (!verdict.valid()) {
        return {std::move(verdict), std::nullopt, {}, {}, {}};
    }
    return {std::move(verdict), std::move(claims->token), header->kid,
            std::move(claims->scope_hash), std::string(token)};
}

/// The answer of POST /v1/tokens.
struct Holder {
    std::string token;
    std::string claims;
    std::string kid;
    std::string token_hash;
    std::string scope_hash;
};

Result<Holder> read_holder(std::string_view text) {
    TRY(const JsonValue value, parse_json(text, JsonRules::javascript));
    JsonReader in(value, "");
    Holder holder;
    holder.token = in.text("token", kMaxToken);
    const JsonValue* claims = in.object("claims");
    holder.kid = in.text("kid", kKidChars);
    holder.token_hash = in.text("token_hash", kMaxId);
    holder.scope_hash = in.text("token_scope_hash_b64u", kMaxId);
    CHECK_OK(in.finish());
    holder.claims = json_text(*claims);
    return holder;
}

TokenVerdict verify_holder(std::string_view text, const TokenTrust& trust) {
    const auto holder = read_holder(text);
    if (!holder.ok()) {
        return refused(VerdictCode::token_malformed, holder.error().message);
    }
    TokenVerdict verdict = verify_compact(holder->token, trust);
    if (!verdict.token) {
        return verdict;
    }
    const auto parts = split(holder->token);
    const bool agrees =
        parts.ok() && parts->claims == holder->claims && verdict.kid == holder->kid &&
        token_hash(verdict.text) == holder->token_hash && verdict.scope_hash == holder->scope_hash;
    return agrees ? verdict
                  : refused(VerdictCode::token_malformed,
                            "what stands beside the token does not agree with it");
}

}  // namespace

TokenVerdict verify_token(std::string_view text, const TokenTrust& trust) {
    const std::string_view token = trim(text);
    if (trust.keys.empty()) {
        return refused(VerdictCode::dependency_not_configured, "no key to trust was given");
    }
    return token.starts_with('{') ? verify_holder(token, trust) : verify_compact(token, trust);
}

std::optional<Recorded> recorded_of(const TokenVerdict& verdict) {
    if (!verdict.token) {
        return std::nullopt;
    }
    const std::string_view text = verdict.text;
    return Recorded{crypto::Family::cst,
                    "cst",
                    verdict.token->jti,
                    verdict.kid,
                    crypto::sha256_b64u(text.substr(0, text.rfind('.'))),
                    crypto::sha256_b64u(text)};
}

}  // namespace clawsigner::claw
