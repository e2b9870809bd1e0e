#include "claw/verdict.h"

namespace clawsigner::claw {

std::string_view verdict_name(VerdictCode code) noexcept {
    switch (code) {
        case VerdictCode::valid:
            return "VALID";
        case VerdictCode::malformed_envelope:
            return "MALFORMED_ENVELOPE";
        case VerdictCode::unknown_envelope_version:
            return "UNKNOWN_ENVELOPE_VERSION";
        case VerdictCode::unknown_envelope_type:
            return "UNKNOWN_ENVELOPE_TYPE";
        case VerdictCode::unknown_algorithm:
            return "UNKNOWN_ALGORITHM";
        case VerdictCode::unknown_hash_algorithm:
            return "UNKNOWN_HASH_ALGORITHM";
        case VerdictCode::schema_validation_failed:
            return "SCHEMA_VALIDATION_FAILED";
        case VerdictCode::invalid_did_format:
            return "INVALID_DID_FORMAT";
        case VerdictCode::dependency_not_configured:
            return "DEPENDENCY_NOT_CONFIGURED";
        case VerdictCode::claim_not_found:
            return "CLAIM_NOT_FOUND";
        case VerdictCode::hash_mismatch:
            return "HASH_MISMATCH";
        case VerdictCode::signature_invalid:
            return "SIGNATURE_INVALID";
        case VerdictCode::token_malformed:
            return "TOKEN_MALFORMED";
        case VerdictCode::token_unsupported_alg:
            return "TOKEN_UNSUPPORTED_ALG";
        case VerdictCode::token_invalid_claims:
            return "TOKEN_INVALID_CLAIMS";
        case VerdictCode::token_unknown_kid:
            return "TOKEN_UNKNOWN_KID";
        case VerdictCode::token_signature_invalid:
            return "TOKEN_SIGNATURE_INVALID";
        case VerdictCode::token_scope_hash_required:
            return "TOKEN_SCOPE_HASH_REQUIRED";
        case VerdictCode::token_scope_hash_mismatch:
            return "TOKEN_SCOPE_HASH_MISMATCH";
        case VerdictCode::token_expired:
            return "TOKEN_EXPIRED";
        case VerdictCode::token_bad_audience:
            return "TOKEN_BAD_AUDIENCE";
    }
    return "MALFORMED_ENVELOPE";
}

}  // namespace clawsigner::claw
