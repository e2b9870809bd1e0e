#include "crypto/signing_input.h"

#include "crypto/random.h"

#include <algorithm>
#include <array>

namespace clawsigner::crypto {
namespace {

constexpr std::string_view kLegacyReceiptStart = R"({"version":"1.0",)";
constexpr std::string_view kJsonObjectStart = "eyJ";
constexpr std::string_view kRotationStart = R"({"issued_at":")";
constexpr std::string_view kRotationEnd =
    R"(,"rotation_version":"1","signature_new_b64u":"","signature_old_b64u":""})";
constexpr std::string_view kSnapshotStart = R"({"snapshot_version":"1","generated_at":)";
constexpr std::string_view kProbeStart = "clawsigner-probe-v1:";
constexpr std::size_t kPayloadHashLength = 43;
constexpr std::size_t kTreeHashSize = 32;

bool is_base64url(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool is_payload_hash(std::string_view bytes) {
    return bytes.size() == kPayloadHashLength && std::ranges::all_of(bytes, is_base64url);
}

/// Both halves of a compact JWS are objects that begin with a member: '{"' is "eyJ" in base64url.
bool is_jws_input(std::string_view bytes) {
    const std::size_t dot = bytes.find('.');
    if (dot == std::string_view::npos) {
        return false;
    }
    const auto is_half = [](std::string_view half) {
        return half.starts_with(kJsonObjectStart) && std::ranges::all_of(half, is_base64url);
    };
    return is_half(bytes.substr(0, dot)) && is_half(bytes.substr(dot + 1));
}

bool is_tree_hash(std::string_view line) {
    const auto bytes = base::base64_decode(line);
    return bytes.ok() && bytes->size() == kTreeHashSize;
}

/// One line, and not the beginning of an artefact of another family or of a probe.
bool is_origin(std::string_view line) {
    const auto prints = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '\x7f'; };
    return !line.empty() && std::ranges::all_of(line, prints) && !line.starts_with('{') &&
           !line.starts_with(kProbeStart);
}

/// C2SP tlog-checkpoint v1.0.0, "Note text", without extension lines.
bool is_checkpoint_body(std::string_view bytes) {
    const std::size_t size_at = bytes.find('\n') + 1;
    const std::size_t root_at = bytes.find('\n', size_at) + 1;
    if (size_at == 0 || root_at == 0 || !bytes.ends_with('\n')) {
        return false;
    }
    return is_origin(bytes.substr(0, size_at - 1)) &&
           base::decimal_decode(bytes.substr(size_at, root_at - size_at - 1)).ok() &&
           is_tree_hash(bytes.substr(root_at, bytes.size() - root_at - 1));
}

}  // namespace

bool has_signed_form(Family family, std::string_view bytes) noexcept {
    switch (family) {
        case Family::gateway_receipt:
            return is_payload_hash(bytes) || bytes.starts_with(kLegacyReceiptStart);
        case Family::cst:
            return is_jws_input(bytes);
        case Family::work_policy:
            return is_payload_hash(bytes);
        case Family::checkpoint:
            return is_checkpoint_body(bytes);
    }
    return false;
}

bool has_statement_form(KeyStatement statement, std::string_view bytes) noexcept {
    switch (statement) {
        case KeyStatement::rotation:
            return bytes.starts_with(kRotationStart) && bytes.ends_with(kRotationEnd);
        case KeyStatement::snapshot:
            return bytes.starts_with(kSnapshotStart) && bytes.ends_with('}');
    }
    return false;
}

Result<ProbeInput> ProbeInput::fresh() {
    std::array<std::uint8_t, 32> random{};
    CHECK_OK(fill_random(random));
    std::string bytes(kProbeStart);
    bytes.append(reinterpret_cast<const char*>(random.data()), random.size());
    return ProbeInput(std::move(bytes));
}

}  // namespace clawsigner::crypto
