#include "policy/act_request.h"

#include "base/encoding.h"
#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "claw/unicode.h"
#include "crypto/digest.h"
#include "policy/operators.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace clawsigner::policy {
namespace {

using claw::JsonReader;
using claw::JsonValue;
using claw::JsonWriter;

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxAct = 128;
constexpr std::size_t kMaxOrigin = 256;
constexpr std::size_t kMaxRole = 64;
constexpr std::size_t kMaxWhy = 1024;
constexpr std::size_t kTime = 24;
constexpr std::size_t kFingerprint = 50;
constexpr std::string_view kFingerprintStart = "SHA256:";

// The worst case of a request's text: the arguments, texts whose every character needs an escape,
// and approvals of the longest principals. The 1,024 are for names and punctuation.
constexpr std::size_t kMaxApprovalText = kMaxPrincipal + kFingerprint + kTime + 64;
static_assert(kMaxActArguments + 2 * (kMaxId + kMaxAct + kMaxOrigin + kMaxRole + kMaxWhy) +
                  kMaxApprovals * kMaxApprovalText + 1024 <=
              claw::kMaxLeafBytes);

Status check_text(std::string_view name, std::string_view text, std::size_t max) {
    if (text.size() > max || !claw::is_printable_utf8(text) || claw::is_blank(text)) {
        return Error::at(std::string(name),
                         "must be UTF-8 without control characters, not blank, "
                         "and at most " +
                             std::to_string(max) + " bytes long");
    }
    return Status::done();
}

Status check_arguments(std::string_view text) {
    if (text.size() > kMaxActArguments) {
        return Error::at("arguments", "are longer than 32000 bytes");
    }
    TRY(const JsonValue arguments, claw::parse_json(text, claw::JsonRules::door));
    if (!arguments.is_object() || claw::canonical_json_text(arguments) != text) {
        return Error::at("arguments", "must be the canonical JSON of an object");
    }
    return Status::done();
}

bool is_time(UnixMillis time) {
    const auto read = base::parse_utc(base::format_utc(time));
    return read.ok() && *read == time;
}

Status check_times(const ActRequest& request) {
    if (!is_time(request.created)) {
        return Error::at("created", "is no time of the years 0 to 9999");
    }
    if (!is_time(request.expires) || request.expires <= request.created) {
        return Error::at("expires", "must be a time after created");
    }
    return Status::done();
}

bool is_fingerprint(std::string_view text) {
    if (text.size() != kFingerprint || !text.starts_with(kFingerprintStart)) {
        return false;
    }
    const auto digest =
        base::base64_decode(std::string(text.substr(kFingerprintStart.size())) + "=");
    return digest.ok() && digest->size() == std::tuple_size_v<crypto::Sha256>;
}

Status check_approvals(const std::vector<Approval>& approvals) {
    if (approvals.size() > kMaxApprovals) {
        return Error::at("approvals", "are more than 64");
    }
    for (auto one = approvals.begin(); one != approvals.end(); ++one) {
        const bool repeated = std::find_if(approvals.begin(), one, [&](const Approval& earlier) {
                                  return earlier.principal == one->principal;
                              }) != one;
        if (repeated || !is_principal(one->principal) || !is_fingerprint(one->fingerprint) ||
            !is_time(one->at)) {
            return Error::at("approvals",
                             "must each have a principal of its own, a fingerprint "
                             "and a time");
        }
    }
    return Status::done();
}

std::string approvals_text(const std::vector<Approval>& approvals) {
    std::string text("[");
    for (const Approval& approval : approvals) {
        text.append(text.size() > 1 ? "," : "");
        text.append(JsonWriter()
                        .time("at", approval.at)
                        .text("fingerprint", approval.fingerprint)
                        .text("principal", approval.principal)
                        .done());
    }
    return text.append("]");
}

// RFC 8785 sorts members by name: the calls here stand in that order.
void write_rest(JsonWriter& out, const ActRequest& request) {
    out.raw("arguments", request.arguments)
        .time("created", request.created)
        .time("expires", request.expires)
        .text("id", request.id)
        .text("origin", request.log_origin)
        .raw("requester", JsonWriter()
                              .text("role", request.requester.role)
                              .integer("uid", request.requester.uid)
                              .done())
        .integer("v", 1)
        .text("why", request.why);
}

Result<Approval> read_approval(const JsonValue& value, std::string path) {
    JsonReader in(value, std::move(path));
    Approval approval;
    approval.principal = in.text("principal", kMaxPrincipal);
    approval.fingerprint = in.text("fingerprint", kFingerprint);
    approval.at = in.time("at");
    CHECK_OK(in.finish());
    return approval;
}

Result<std::vector<Approval>> read_approvals(const JsonValue* list) {
    if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxApprovals) {
        return Error::at("approvals", "must be an array of at most 64 approvals");
    }
    std::vector<Approval> approvals;
    for (const JsonValue& element : list->get_array()) {
        TRY(approvals.emplace_back(),
            read_approval(element, "approvals[" + std::to_string(approvals.size()) + "]"));
    }
    return approvals;
}

claw::LeafCaller read_requester(JsonReader& in) {
    const JsonValue* value = in.object("requester");
    if (value == nullptr) {
        return {};
    }
    JsonReader inner(*value, "requester");
    claw::LeafCaller requester;
    requester.role = inner.text("role", kMaxRole);
    requester.uid = static_cast<std::uint32_t>(inner.integer("uid", 0, UINT32_MAX));
    if (const Status read = inner.finish(); !read.ok()) {
        in.refuse(read.error());
    }
    return requester;
}

}  // namespace

Status check_request(const ActRequest& request) {
    CHECK_OK(check_text("id", request.id, kMaxId));
    CHECK_OK(check_text("act", request.act, kMaxAct));
    CHECK_OK(check_arguments(request.arguments));
    CHECK_OK(check_text("origin", request.log_origin, kMaxOrigin));
    CHECK_OK(check_times(request));
    CHECK_OK(check_text("requester.role", request.requester.role, kMaxRole));
    CHECK_OK(check_text("why", request.why, kMaxWhy));
    return check_approvals(request.approvals);
}

std::string approval_text(const ActRequest& request) {
    JsonWriter out;
    out.text("act", request.act);
    write_rest(out, request);
    return out.done();
}

std::string approval_message(const ActRequest& request) {
    return crypto::sha256_b64u(approval_text(request));
}

std::string request_text(const ActRequest& request) {
    JsonWriter out;
    out.text("act", request.act).raw("approvals", approvals_text(request.approvals));
    write_rest(out, request);
    return out.done();
}

Result<ActRequest> parse_request(std::string_view text) {
    if (text.size() > claw::kMaxLeafBytes) {
        return Error(ErrorCode::invalid_field, "the text of a request is longer than 65535 bytes");
    }
    TRY(const JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    JsonReader in(document, "");
    ActRequest request;
    (void)in.integer("v", 1, 1);
    request.id = in.text("id", kMaxId);
    request.act = in.text("act", kMaxAct);
    if (const JsonValue* arguments = in.object("arguments")) {
        request.arguments = claw::canonical_json_text(*arguments);
    }
    request.log_origin = in.text("origin", kMaxOrigin);
    request.created = in.time("created");
    request.expires = in.time("expires");
    request.requester = read_requester(in);
    request.why = in.text("why", kMaxWhy);
    const JsonValue* approvals = in.optional_any("approvals");
    CHECK_OK(in.finish());
    TRY(request.approvals, read_approvals(approvals));
    CHECK_OK(check_request(request));
    if (request_text(request) != text) {
        return Error(ErrorCode::malformed_json, "the text of a request is not in its one form");
    }
    return request;
}

}  // namespace clawsigner::policy
