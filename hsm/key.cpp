#include "hsm/key.h"

#include "crypto/random.h"

#include <algorithm>
#include <charconv>

namespace clawsigner::hsm {
namespace {

constexpr std::string_view kLabelStart = "clawsigner/";

}  // namespace

Result<KeyId> KeyId::random() {
    KeyId id;
    CHECK_OK(crypto::fill_random(id.bytes_));
    return id;
}

Result<KeyId> KeyId::of(ByteView bytes) {
    if (bytes.size() != kSize) {
        return Error(ErrorCode::invalid_field, "a key id has 8 bytes");
    }
    KeyId id;
    std::ranges::copy(bytes, id.bytes_.begin());
    return id;
}

Result<KeyId> KeyId::parse(std::string_view text) {
    TRY(const Bytes bytes, base::hex_decode(text));
    return of(bytes);
}

std::string_view custody_name(Custody custody) noexcept {
    switch (custody) {
        case Custody::pkcs11:
            return "pkcs11";
        case Custody::tpm:
            return "tpm";
        case Custody::tpm_sealed:
            return "tpm-sealed";
    }
    return "";
}

std::string_view destruction_proof(Custody custody) noexcept {
    return custody == Custody::pkcs11 ? "gone" : "erased";
}

std::string key_label(const KeyName& name) {
    std::string label(kLabelStart);
    return label.append(crypto::family_name(name.family))
        .append("/")
        .append(std::to_string(name.version));
}

std::optional<KeyName> parse_key_label(std::string_view label) {
    if (!label.starts_with(kLabelStart)) {
        return std::nullopt;
    }
    const std::string_view rest = label.substr(kLabelStart.size());
    const std::size_t slash = rest.find('/');
    const auto family = crypto::family_from_name(rest.substr(0, slash));
    if (!family || slash == std::string_view::npos) {
        return std::nullopt;
    }
    KeyName name{*family, 0};
    const std::string_view digits = rest.substr(slash + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), name.version);
    // Reading is lenient about what the comparison is not: signs, zeros in front, characters
    // behind.
    return name.version > 0 && name.version <= crypto::kMaxKeyVersion && key_label(name) == label
               ? std::optional(name)
               : std::nullopt;
}

}  // namespace clawsigner::hsm
