#include "pkcs11/attributes.h"

#include "pkcs11/error.h"

#include <array>
#include <cstring>

namespace clawsigner::pkcs11 {
namespace {

constexpr CK_ULONG kMaxValue = 4096;
constexpr auto kUnavailable = static_cast<CK_ULONG>(-1);  // CK_UNAVAILABLE_INFORMATION

}  // namespace

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL byte = value ? CK_TRUE : CK_FALSE;
    return bytes(type, ByteView(&byte, 1));
}

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    std::array<std::uint8_t, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    return bytes(type, raw);
}

Template& Template::bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
    values_.emplace_back(type, Bytes(value.begin(), value.end()));
    return *this;
}

CK_ATTRIBUTE* Template::data() {
    attributes_.clear();
    for (auto& [type, value] : values_) {
        attributes_.push_back({type, value.data(), value.size()});
    }
    return attributes_.data();
}

Result<std::optional<Bytes>> AttributeReader::bytes(CK_ATTRIBUTE_TYPE type) const {
    CK_ATTRIBUTE attribute{type, nullptr, 0};
    CK_RV rv = cryptoki_->C_GetAttributeValue(session_, object_, &attribute, 1);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
        (rv == CKR_OK && attribute.ulValueLen == kUnavailable)) {
        return std::optional<Bytes>();
    }
    CHECK_OK(check("C_GetAttributeValue", rv));
    if (attribute.ulValueLen > kMaxValue) {
        return error_from("C_GetAttributeValue", CKR_DATA_LEN_RANGE);
    }
    Bytes value(attribute.ulValueLen);
    attribute.pValue = value.data();
    rv = cryptoki_->C_GetAttributeValue(session_, object_, &attribute, 1);
    CHECK_OK(check("C_GetAttributeValue", rv));
    if (attribute.ulValueLen > value.size()) {
        return error_from("C_GetAttributeValue", CKR_DATA_LEN_RANGE);
    }
    value.resize(attribute.ulValueLen);
    return std::optional(std::move(value));
}

Result<std::optional<CK_ULONG>> AttributeReader::number(CK_ATTRIBUTE_TYPE type) const {
    TRY(const auto value, bytes(type));
    if (!value || value->size() != sizeof(CK_ULONG)) {
        return std::optional<CK_ULONG>();
    }
    CK_ULONG number = 0;
    std::memcpy(&number, value->data(), sizeof number);
    return std::optional(number);
}

Result<std::optional<bool>> AttributeReader::flag(CK_ATTRIBUTE_TYPE type) const {
    TRY(const auto value, bytes(type));
    if (!value || value->size() != sizeof(CK_BBOOL)) {
        return std::optional<bool>();
    }
    return std::optional(value->front() != CK_FALSE);
}

}  // namespace clawsigner::pkcs11
