#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <p11-kit/pkcs11.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace clawsigner::pkcs11 {

/// A CK_ATTRIBUTE template that owns its values.
class Template {
public:
    Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
    Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
    Template& bytes(CK_ATTRIBUTE_TYPE type, ByteView value);
    Template& text(CK_ATTRIBUTE_TYPE type, std::string_view value) {
        return bytes(type, base::as_bytes(value));
    }

    /// Points into this template, until it is changed, copied or gone.
    CK_ATTRIBUTE* data();
    CK_ULONG size() const noexcept { return values_.size(); }

private:
    std::vector<std::pair<CK_ATTRIBUTE_TYPE, Bytes>> values_;
    std::vector<CK_ATTRIBUTE> attributes_;
};

/// Reads attributes of one object. An attribute the token does not have, or does not show, reads as
/// nothing.
class AttributeReader {
public:
    AttributeReader(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
        : cryptoki_(&cryptoki), session_(session), object_(object) {}

    /// At most 4 KiB are read. Error: as error_from, for anything but an absent or hidden
    /// attribute.
    Result<std::optional<Bytes>> bytes(CK_ATTRIBUTE_TYPE type) const;
    Result<std::optional<CK_ULONG>> number(CK_ATTRIBUTE_TYPE type) const;
    Result<std::optional<bool>> flag(CK_ATTRIBUTE_TYPE type) const;

private:
    CK_FUNCTION_LIST* cryptoki_;
    CK_SESSION_HANDLE session_;
    CK_OBJECT_HANDLE object_;
};

}  // namespace clawsigner::pkcs11
