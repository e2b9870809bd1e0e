#include "service/decision_seal.h"

#include "base/file.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"

namespace clawsigner::service {
namespace {

constexpr std::size_t kHash = 43;
constexpr std::size_t kMaxName = 256;
constexpr mode_t kOwnerReads = 0400;

/// RFC 8785: members by name.
std::string text_of(const AllowedCall& allowed) {
    return claw::JsonWriter()
        .time("at", allowed.at)
        .text("cst_sha256", allowed.cst_sha256)
        .optional_text("host", allowed.call.host)
        .text("model", allowed.call.model)
        .optional_text("policy_hash", allowed.policy_hash)
        .text("provider", allowed.call.provider)
        .optional_text("tool", allowed.call.tool)
        .integer("v", 1)
        .integer("valid_until", allowed.valid_until)
        .done();
}

Error not_ours() {
    return Error::denied("decision.invalid", "decision_id", "was not made by this appliance");
}

Result<AllowedCall> parse(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    claw::JsonReader in(document, "");
    AllowedCall allowed;
    allowed.at = in.time("at");
    allowed.cst_sha256 = in.b64u("cst_sha256", kHash, kHash);
    allowed.call.host = in.optional_text("host", kMaxName);
    allowed.call.model = in.text("model", kMaxName);
    allowed.policy_hash = in.optional_b64u("policy_hash", kHash, kHash);
    allowed.call.provider = in.text("provider", kMaxName);
    allowed.call.tool = in.optional_text("tool", kMaxName);
    (void)in.integer("v", 1, 1);
    allowed.valid_until = in.integer("valid_until", 0, base::kLastSecond);
    CHECK_OK(in.finish());
    return allowed;
}

}  // namespace

Result<DecisionSeal> DecisionSeal::open(const std::filesystem::path& file) {
    std::error_code failed;
    if (!std::filesystem::exists(file, failed) && !failed) {
        TRY(const auto key, crypto::MacKey::random());
        TRY(const Secret text, key.text());
        CHECK_OK(base::write_file_durably(
            file, {reinterpret_cast<const char*>(text.expose().data()), text.size()}, kOwnerReads));
    }
    TRY(const Secret text, base::read_secret_file(file));
    auto key = crypto::MacKey::parse(text.expose());
    if (!key.ok()) {
        return Error(ErrorCode::config_invalid,
                     file.string() +
                         " holds no MAC key; remove it, and decisions that are on "
                         "their way lose their receipts");
    }
    return DecisionSeal(std::move(key).value());
}

std::string DecisionSeal::seal(const AllowedCall& allowed) const {
    const std::string text = text_of(allowed);
    return base::base64url_encode(base::as_bytes(text)) + "." +
           base::base64url_encode(key_.mac(base::as_bytes(text)));
}

Result<AllowedCall> DecisionSeal::open_id(std::string_view id) const {
    const std::size_t dot = id.find('.');
    if (id.size() > kMaxIdBytes || dot == std::string_view::npos) {
        return not_ours();
    }
    const auto text = base::base64url_decode(id.substr(0, dot));
    const auto mac = base::base64url_decode(id.substr(dot + 1));
    if (!text.ok() || !mac.ok() || !key_.verifies(*text, *mac)) {
        return not_ours();
    }
    auto allowed = parse({reinterpret_cast<const char*>(text->data()), text->size()});
    return allowed.ok() ? std::move(allowed) : not_ours();
}

}  // namespace clawsigner::service
