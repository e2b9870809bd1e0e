#include "claw/receipt_request.h"

#include "claw/json_reader.h"

namespace clawsigner::claw {

Result<ReceiptRequest> parse_receipt_request(std::string_view body, bool with_legacy) {
    TRY(const JsonValue document, parse_json(body, JsonRules::door));
    JsonReader in(document, "");
    ReceiptRequest request;
    in.optional_constant("receipt_version", "1");
    in.optional_constant("gateway_id", kGatewayId);
    request.receipt_id = read_receipt_id(in);
    request.timestamp = read_timestamp(in, "timestamp");
    request.content = read_receipt_content(in);
    if (with_legacy) {
        request.legacy = read_legacy_content(in);
    }
    CHECK_OK(in.finish());
    return request;
}

}  // namespace clawsigner::claw
