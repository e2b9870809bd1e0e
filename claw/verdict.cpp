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
    }
    return "MALFORMED_ENVELOPE";
}

}  // namespace clawsigner::claw
