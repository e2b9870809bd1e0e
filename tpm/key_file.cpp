#include "tpm/key_file.h"

#include "base/handle.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>

namespace clawsigner::tpm {
namespace {

constexpr const char* kPemName = "TSS2 PRIVATE KEY";
constexpr const char* kLoadable = "2.23.133.10.1.3";
constexpr const char* kSealed = "2.23.133.10.1.5";
constexpr int kMembers = 5;
// emptyAuth [0] EXPLICIT BOOLEAN FALSE: tpm2-openssl takes a file without it for one of a key
// without an auth value.
constexpr std::array<unsigned char, 5> kNotEmptyAuth{0xA0, 0x03, 0x01, 0x01, 0x00};

using Bio = base::CPtr<BIO, BIO_free>;
using Oid = base::CPtr<ASN1_OBJECT, ASN1_OBJECT_free>;
using Integer = base::CPtr<ASN1_INTEGER, ASN1_INTEGER_free>;
using Octets = base::CPtr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Value = base::CPtr<ASN1_TYPE, ASN1_TYPE_free>;

struct FreeSequence {
    void operator()(ASN1_SEQUENCE_ANY* sequence) const noexcept {
        sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
    }
};
using Sequence = std::unique_ptr<ASN1_SEQUENCE_ANY, FreeSequence>;

struct FreeBytes {
    void operator()(void* bytes) const noexcept { OPENSSL_free(bytes); }
};
template <class T>
using OpensslPtr = std::unique_ptr<T, FreeBytes>;

Error no_key_file() {
    return {ErrorCode::invalid_field, "is not a TSS2 PRIVATE KEY as it was written here"};
}

void append(ASN1_SEQUENCE_ANY* sequence, int type, void* value) {
    Value element(ASN1_TYPE_new());
    ASN1_TYPE_set(element.get(), type, value);
    sk_ASN1_TYPE_push(sequence, element.release());
}

void append_octets(ASN1_SEQUENCE_ANY* sequence, ByteView bytes) {
    Octets octets(ASN1_OCTET_STRING_new());
    ASN1_OCTET_STRING_set(octets.get(), bytes.data(), static_cast<int>(bytes.size()));
    append(sequence, V_ASN1_OCTET_STRING, octets.release());
}

Bytes der_of(const KeyFile& key) {
    const Sequence sequence(sk_ASN1_TYPE_new_null());
    const char* type = key.kind == KeyFile::Kind::sealed ? kSealed : kLoadable;
    append(sequence.get(), V_ASN1_OBJECT, OBJ_txt2obj(type, 1));
    ASN1_STRING* not_empty = ASN1_STRING_type_new(V_ASN1_OTHER);
    ASN1_STRING_set(not_empty, kNotEmptyAuth.data(), kNotEmptyAuth.size());
    append(sequence.get(), V_ASN1_OTHER, not_empty);
    Integer parent(ASN1_INTEGER_new());
    ASN1_INTEGER_set_uint64(parent.get(), key.parent);
    append(sequence.get(), V_ASN1_INTEGER, parent.release());
    append_octets(sequence.get(), key.public_area);
    append_octets(sequence.get(), key.private_area);
    unsigned char* raw = nullptr;
    const int size = i2d_ASN1_SEQUENCE_ANY(sequence.get(), &raw);
    const OpensslPtr<unsigned char> der(raw);
    return size < 0 ? Bytes() : Bytes(raw, raw + size);
}

Result<KeyFile::Kind> kind_of(const ASN1_OBJECT* type) {
    for (const auto kind : {KeyFile::Kind::loadable, KeyFile::Kind::sealed}) {
        const Oid oid(OBJ_txt2obj(kind == KeyFile::Kind::sealed ? kSealed : kLoadable, 1));
        if (OBJ_cmp(type, oid.get()) == 0) {
            return kind;
        }
    }
    return no_key_file();
}

Bytes bytes_of(const ASN1_TYPE& octets) {
    const ASN1_OCTET_STRING* string = octets.value.octet_string;
    const unsigned char* data = ASN1_STRING_get0_data(string);
    return {data, data + ASN1_STRING_length(string)};
}

Result<KeyFile> key_of(const ASN1_SEQUENCE_ANY* sequence) {
    constexpr int kTypes[kMembers] = {V_ASN1_OBJECT, V_ASN1_OTHER, V_ASN1_INTEGER,
                                      V_ASN1_OCTET_STRING, V_ASN1_OCTET_STRING};
    if (sk_ASN1_TYPE_num(sequence) != kMembers) {
        return no_key_file();
    }
    for (int i = 0; i < kMembers; ++i) {
        if (ASN1_TYPE_get(sk_ASN1_TYPE_value(sequence, i)) != kTypes[i]) {
            return no_key_file();
        }
    }
    KeyFile key;
    TRY(key.kind, kind_of(sk_ASN1_TYPE_value(sequence, 0)->value.object));
    std::uint64_t parent = 0;
    if (ASN1_INTEGER_get_uint64(&parent, sk_ASN1_TYPE_value(sequence, 2)->value.integer) != 1 ||
        parent > UINT32_MAX) {
        return no_key_file();
    }
    key.parent = static_cast<std::uint32_t>(parent);
    key.public_area = bytes_of(*sk_ASN1_TYPE_value(sequence, 3));
    key.private_area = bytes_of(*sk_ASN1_TYPE_value(sequence, 4));
    return key;
}

}  // namespace

std::string key_file_text(const KeyFile& key) {
    const Bytes der = der_of(key);
    const Bio out(BIO_new(BIO_s_mem()));
    PEM_write_bio(out.get(), kPemName, "", der.data(), static_cast<long>(der.size()));
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

Result<KeyFile> parse_key_file(std::string_view text) {
    if (text.size() > kMaxKeyFile) {
        return no_key_file();
    }
    const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    char* raw_name = nullptr;
    char* raw_header = nullptr;
    unsigned char* raw_data = nullptr;
    long size = 0;
    if (PEM_read_bio(in.get(), &raw_name, &raw_header, &raw_data, &size) != 1) {
        return no_key_file();
    }
    const OpensslPtr<char> name(raw_name);
    const OpensslPtr<char> header(raw_header);
    const OpensslPtr<unsigned char> data(raw_data);
    const unsigned char* at = raw_data;
    const Sequence sequence(d2i_ASN1_SEQUENCE_ANY(nullptr, &at, size));
    if (sequence == nullptr) {
        return no_key_file();
    }
    TRY(KeyFile key, key_of(sequence.get()));
    if (key_file_text(key) != text) {
        return no_key_file();
    }
    return key;
}

}  // namespace clawsigner::tpm
