#include "claw/receipt_request.h"

#include "claw/json_reader.h"
#include "claw/token.h"
#include "crypto/digest.h"

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxDecisionId = 8'192;

std::string digest_of(const JsonValue& document, bool with_legacy) {
    return crypto::sha256_b64u(canonical_json_text(document).append(with_legacy ? "\nlegacy" : ""));
}

}  // namespace

Result<ReceiptRequest> parse_receipt_request(std::string_view body, bool with_legacy) {
    TRY(const JsonValue document, parse_json(body, JsonRules::door));
    JsonReader in(document, "");
    ReceiptRequest request;
    in.optional_constant("receipt_version", "1");
    in.optional_constant("gateway_id", kGatewayId);
    request.receipt_id = read_receipt_id(in);
    request.timestamp = in.optional_time("timestamp");
    request.content = read_receipt_content(in);
    if (with_legacy) {
        request.legacy = read_legacy_content(in);
    }
    request.cst = in.optional_text("cst", kMaxTokenBytes);
    request.decision_id = in.optional_text("decision_id", kMaxDecisionId);
    if (request.decision_id && !request.cst) {
        in.refuse("decision_id", "belongs to a cst, which is missing");
    }
    CHECK_OK(in.finish());
    if (request.content.binding && request.content.binding->nonce) {
        request.request_sha256 = digest_of(document, with_legacy);
    }
    return request;
}

}  // namespace clawsigner::claw
