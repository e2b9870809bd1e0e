#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clawsigner::claw {

/// What a verifier says of an artefact, in the ecosystem's own words (its reason code registry).
enum class VerdictCode : std::uint8_t {
    valid,
    malformed_envelope,
    unknown_envelope_version,
    unknown_envelope_type,
    unknown_algorithm,
    unknown_hash_algorithm,
    schema_validation_failed,
    invalid_did_format,
    dependency_not_configured,  // nothing to trust was given
    claim_not_found,            // signed by a key that is not trusted
    hash_mismatch,
    signature_invalid,
    // Of tokens, as clawproxy and clawscope name them.
    token_malformed,
    token_unsupported_alg,
    token_invalid_claims,
    token_unknown_kid,
    token_signature_invalid,
    token_scope_hash_required,
    token_scope_hash_mismatch,
    token_expired,
    token_bad_audience,
};

/// "VALID", "HASH_MISMATCH", … Static storage.
std::string_view verdict_name(VerdictCode code) noexcept;

struct Verdict {
    VerdictCode code = VerdictCode::malformed_envelope;
    /// One sentence on what was found; empty when valid.
    std::string message;

    bool valid() const noexcept { return code == VerdictCode::valid; }
};

}  // namespace clawsigner::claw
