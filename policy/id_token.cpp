#include "policy/id_token.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/unicode.h"
#include "crypto/digest.h"

#include <algorithm>
#include <array>

namespace clawsigner::policy {
namespace {

using claw::JsonReader;
using claw::JsonValue;

constexpr std::string_view kField = "id_token";
constexpr std::size_t kMaxText = 512;
constexpr std::size_t kMaxAudiences = 16;
constexpr std::size_t kMaxHeader = 1'024;

Error denied(std::string_view rule, std::string_view reason) {
    return Error::denied(rule, std::string(kField), reason);
}

/// The three parts of a compact JWS (RFC 7515 section 3.1), decoded.
struct Parts {
    std::string_view signing_input;
    std::string header;
    std::string claims;
    Bytes signature;
};

Result<std::string> decoded(std::string_view b64u) {
    TRY(const Bytes bytes, base::base64url_decode(b64u));
    return std::string(bytes.begin(), bytes.end());
}

Result<Parts> split(std::string_view compact) {
    const std::size_t first = compact.find('.');
    const std::size_t last = compact.rfind('.');
    if (std::ranges::count(compact, '.') != 2) {
        return denied("oidc.form", "must have three parts between two dots");
    }
    Parts parts;
    parts.signing_input = compact.substr(0, last);
    auto header = decoded(compact.substr(0, first));
    auto claims = decoded(compact.substr(first + 1, last - first - 1));
    auto signature = base::base64url_decode(compact.substr(last + 1));
    if (!header.ok() || !claims.ok() || !signature.ok() || header->size() > kMaxHeader) {
        return denied("oidc.form", "must have three parts of base64url in its one spelling");
    }
    parts.header = std::move(*header);
    parts.claims = std::move(*claims);
    parts.signature = std::move(*signature);
    return parts;
}

Result<JsonValue> parsed(std::string_view text, std::string_view part) {
    auto value = claw::parse_json(text, claw::JsonRules::javascript);
    if (!value.ok() || !value->is_object()) {
        return denied("oidc.form", "has a " + std::string(part) + " that is no JSON object: " +
                                       (value.ok() ? "" : value.error().message));
    }
    return value;
}

/// The key that the header names, which says how it signs; the header only repeats it.
Result<const claw::OidcKey*> key_of(const OidcTrust& trust, const JsonValue& header) {
    JsonReader in(header, "header");
    const std::string alg = in.text("alg", kMaxText);
    const std::string kid = in.text("kid", kMaxText);
    in.optional_constant("typ", "JWT");
    if (const Status read = in.finish(); !read.ok()) {
        return denied("oidc.header", "has a header in which " + read.error().message);
    }
    const auto algorithm = crypto::jws_algorithm_from_name(alg);
    if (!algorithm) {
        return denied("oidc.alg", "must be signed with RS256, PS256, ES256 or EdDSA");
    }
    const auto found = std::ranges::find(trust.keys, kid, &claw::OidcKey::kid);
    if (found == trust.keys.end()) {
        return denied("oidc.kid", "has a kid that is not among the issuer's keys");
    }
    if (found->key.algorithm() != *algorithm) {
        return denied("oidc.alg", "has an alg that is not its key's");
    }
    return &*found;
}

struct Claims {
    std::string iss;
    std::string sub;
    std::vector<std::string> aud;
    std::optional<std::string> azp;
    std::optional<std::string> nonce;
    std::optional<std::string> jti;
    std::int64_t iat = 0;
    std::int64_t exp = 0;
    std::optional<std::int64_t> nbf;
};

std::string printable(JsonReader& in, std::string_view name) {
    std::string text = in.text(name, kMaxText);
    if (!claw::is_printable_utf8(text)) {
        in.refuse(name, "must have no control characters");
    }
    return text;
}

std::optional<std::string> optional_printable(JsonReader& in, std::string_view name) {
    return in.has(name) ? std::optional(printable(in, name)) : std::nullopt;
}

Result<Claims> read_claims(const JsonValue& value) {
    JsonReader in(value, "claims");
    Claims claims;
    claims.iss = printable(in, "iss");
    claims.sub = printable(in, "sub");
    const JsonValue* aud = in.optional_any("aud");
    claims.aud = aud != nullptr && aud->is_array()
                     ? in.texts("aud", 1, kMaxAudiences, kMaxText)
                     : std::vector<std::string>{in.text("aud", kMaxText)};
    claims.azp = optional_printable(in, "azp");
    claims.nonce = optional_printable(in, "nonce");
    claims.jti = optional_printable(in, "jti");
    claims.iat = in.integer("iat", 0, base::kLastSecond);
    claims.exp = in.integer("exp", 0, base::kLastSecond);
    if (in.has("nbf")) {
        claims.nbf = in.integer("nbf", 0, base::kLastSecond);
    }
    if (const Status read = in.finish_open(); !read.ok()) {
        return denied("oidc.claims", "has claims in which " + read.error().message);
    }
    return claims;
}

/// OpenID Connect Core 1.0 section 3.1.3.7, items 2 to 5.
Status check_parties(const OidcTrust& trust, const Claims& claims) {
    if (claims.iss != trust.issuer) {
        return denied("oidc.issuer", "is not the trusted issuer's");
    }
    if (std::ranges::find(claims.aud, trust.audience) == claims.aud.end()) {
        return denied("oidc.audience", "is for another audience");
    }
    if (claims.aud.size() > 1 && !claims.azp) {
        return denied("oidc.azp", "has several audiences and no azp");
    }
    if (claims.azp && *claims.azp != trust.audience) {
        return denied("oidc.azp", "was issued to another party");
    }
    return Status::done();
}

Status check_times(const Claims& claims, std::int64_t now) {
    const std::int64_t skew = kIdTokenSkew.count();
    if (claims.exp <= now - skew) {
        return denied("oidc.expired", "has expired");
    }
    if (claims.nbf && *claims.nbf > now + skew) {
        return denied("oidc.not_yet_valid", "is not valid yet");
    }
    if (claims.iat > now + skew) {
        return denied("oidc.issued_in_future", "was issued after now; see to the clocks");
    }
    if (now - claims.iat > kMaxIdTokenAge.count()) {
        return denied("oidc.too_old", "was issued more than 300 s ago; log in again");
    }
    return Status::done();
}

Status check_nonce(const OidcTrust& trust, const Claims& claims, std::string_view nonce) {
    if (trust.require_nonce && (nonce.empty() || claims.nonce != nonce)) {
        return denied("oidc.nonce", "was not asked for with the hash of this request as its nonce");
    }
    return Status::done();
}

bool is_group(const JsonValue& value) {
    const auto* text = value.if_string();
    return text != nullptr && text->size() <= kMaxGroupBytes && !claw::is_blank(*text) &&
           claw::is_printable_utf8(*text);
}

Result<std::vector<std::string>> read_groups(const JsonValue& claims, std::string_view name) {
    std::vector<std::string> groups;
    const JsonValue* value = claims.get_object().if_contains(name);
    if (value == nullptr) {
        return groups;
    }
    if (!value->is_array() || value->get_array().size() > kMaxGroups) {
        return denied("oidc.groups", "must have its groups in an array of at most 512");
    }
    for (const JsonValue& element : value->get_array()) {
        if (!is_group(element)) {
            return denied("oidc.groups",
                          "has a group that is no text of 1 to 256 bytes without control "
                          "characters");
        }
        std::string group(element.get_string());
        if (std::ranges::find(groups, group) == groups.end()) {
            groups.push_back(std::move(group));
        }
    }
    return groups;
}

std::string use_key(const Claims& claims, std::string_view signing_input) {
    const std::array<std::string, 3> named =
        claims.jti
            ? std::array<std::string, 3>{claims.iss, "jti", *claims.jti}
            : std::array<std::string, 3>{claims.iss, "input", crypto::sha256_b64u(signing_input)};
    return crypto::sha256_b64u(claw::json_texts(named));
}

}  // namespace

std::string hashed_subject(const IdToken& token) {
    return crypto::sha256_b64u(
        claw::json_texts(std::array<std::string, 2>{token.issuer, token.subject}));
}

Result<IdToken> verify_id_token(const OidcTrust& trust, std::string_view compact,
                                std::int64_t now_unix_seconds, std::string_view nonce) {
    if (compact.size() > kMaxIdTokenBytes) {
        return denied("oidc.size", "may have at most 61440 bytes");
    }
    TRY(const Parts parts, split(compact));
    TRY(const JsonValue header, parsed(parts.header, "header"));
    TRY(const claw::OidcKey* key, key_of(trust, header));
    if (!key->key.verifies(base::as_bytes(parts.signing_input), parts.signature)) {
        return denied("oidc.signature", "is not signed by the issuer");
    }
    TRY(const JsonValue value, parsed(parts.claims, "claims part"));
    TRY(const Claims claims, read_claims(value));
    CHECK_OK(check_parties(trust, claims));
    CHECK_OK(check_times(claims, now_unix_seconds));
    CHECK_OK(check_nonce(trust, claims, nonce));
    IdToken token;
    TRY(token.groups, read_groups(value, trust.groups_claim));
    token.issuer = claims.iss;
    token.subject = claims.sub;
    token.digest = crypto::sha256_b64u(compact);
    token.use_key = use_key(claims, parts.signing_input);
    return token;
}

}  // namespace clawsigner::policy
