#include "tpm/templates.h"

#include "crypto/digest.h"
#include "tpm/response.h"

#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>

namespace clawsigner::tpm {
namespace {

constexpr std::size_t kCoordinate = 32;
constexpr TPMA_OBJECT kOfThisTpm =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;

TPM2B_PUBLIC p256_key(TPMA_OBJECT attributes) {
    TPM2B_PUBLIC key{};
    TPMT_PUBLIC& area = key.publicArea;
    area.type = TPM2_ALG_ECC;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = attributes;
    area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    return key;
}

TPMA_OBJECT usable_with(ByteView policy) {
    return policy.empty() ? TPMA_OBJECT_USERWITHAUTH : 0;
}

bool coordinate_into(const TPM2B_ECC_PARAMETER& number, std::span<std::uint8_t> to) {
    if (number.size > to.size()) {
        return false;
    }
    std::copy_n(number.buffer, number.size, to.last(number.size).begin());
    return true;
}

template <class T>
using Marshaller = TSS2_RC (*)(const T*, uint8_t*, size_t, size_t*);
template <class T>
using Unmarshaller = TSS2_RC (*)(const uint8_t*, size_t, size_t*, T*);

template <class T>
Result<Bytes> marshal_with(Marshaller<T> marshaller, const T& object) {
    Bytes bytes(sizeof(T));
    std::size_t size = 0;
    CHECK_OK(check("Tss2_MU_Marshal", marshaller(&object, bytes.data(), bytes.size(), &size)));
    bytes.resize(size);
    return bytes;
}

template <class T>
Result<T> unmarshal_with(Unmarshaller<T> unmarshaller, ByteView bytes) {
    T object{};
    std::size_t offset = 0;
    const TSS2_RC rc = unmarshaller(bytes.data(), bytes.size(), &offset, &object);
    if (rc != TSS2_RC_SUCCESS || offset != bytes.size()) {
        return Error(ErrorCode::key_quarantined, "the key file does not hold what a TPM gave out");
    }
    return object;
}

}  // namespace

TPM2B_PUBLIC srk_template() {
    TPM2B_PUBLIC key = p256_key(kOfThisTpm | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                                TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT);
    TPMT_SYM_DEF_OBJECT& symmetric = key.publicArea.parameters.eccDetail.symmetric;
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
    key.publicArea.unique.ecc.x.size = kCoordinate;
    key.publicArea.unique.ecc.y.size = kCoordinate;
    return key;
}

bool is_storage_key(const TPM2B_PUBLIC& key) noexcept {
    constexpr TPMA_OBJECT kNeeded = kOfThisTpm | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    const TPMA_OBJECT has = key.publicArea.objectAttributes;
    return (has & kNeeded) == kNeeded && (has & TPMA_OBJECT_SIGN_ENCRYPT) == 0;
}

TPM2B_PUBLIC signing_template(ByteView policy) {
    TPM2B_PUBLIC key =
        p256_key(kOfThisTpm | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT | usable_with(policy));
    key.publicArea.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
    key.publicArea.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    fill(key.publicArea.authPolicy, policy);
    return key;
}

bool is_signing_key(const TPM2B_PUBLIC& key) noexcept {
    const TPM2B_PUBLIC wanted = signing_template(
        ByteView(key.publicArea.authPolicy.buffer, key.publicArea.authPolicy.size));
    const TPMS_ECC_PARMS& has = key.publicArea.parameters.eccDetail;
    return key.publicArea.type == TPM2_ALG_ECC && key.publicArea.nameAlg == TPM2_ALG_SHA256 &&
           key.publicArea.objectAttributes == wanted.publicArea.objectAttributes &&
           has.curveID == TPM2_ECC_NIST_P256 && has.scheme.scheme == TPM2_ALG_ECDSA &&
           has.scheme.details.ecdsa.hashAlg == TPM2_ALG_SHA256;
}

TPM2B_PUBLIC sealing_template(ByteView policy) {
    TPM2B_PUBLIC object{};
    TPMT_PUBLIC& area = object.publicArea;
    area.type = TPM2_ALG_KEYEDHASH;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes =
        TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA | usable_with(policy);
    area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    fill(area.authPolicy, policy);
    return object;
}

bool is_sealed_data(const TPM2B_PUBLIC& object) noexcept {
    const TPMT_PUBLIC& area = object.publicArea;
    const TPM2B_PUBLIC wanted =
        sealing_template(ByteView(area.authPolicy.buffer, area.authPolicy.size));
    return area.type == TPM2_ALG_KEYEDHASH && area.nameAlg == TPM2_ALG_SHA256 &&
           area.objectAttributes == wanted.publicArea.objectAttributes;
}

Result<crypto::PublicKey> public_key_of(const TPM2B_PUBLIC& key) {
    std::array<std::uint8_t, 1 + 2 * kCoordinate> point{0x04};  // SEC 1: uncompressed
    const std::span<std::uint8_t> coordinates = std::span(point).subspan(1);
    const TPMS_ECC_POINT& unique = key.publicArea.unique.ecc;
    if (!coordinate_into(unique.x, coordinates.first(kCoordinate)) ||
        !coordinate_into(unique.y, coordinates.last(kCoordinate))) {
        return Error(ErrorCode::unsupported, "the TPM's key is no point of P-256");
    }
    return crypto::PublicKey::p256(point);
}

Result<Bytes> name_of(const TPM2B_PUBLIC& object) {
    TRY(const Bytes sized, marshal(object));
    const auto digest =
        crypto::sha256(ByteView(sized).subspan(2));  // TPMT_PUBLIC, without its size
    Bytes name{TPM2_ALG_SHA256 >> 8U, TPM2_ALG_SHA256 & 0xFFU};
    name.insert(name.end(), digest.begin(), digest.end());
    return name;
}

Result<Bytes> marshal(const TPM2B_PUBLIC& object) {
    return marshal_with<TPM2B_PUBLIC>(Tss2_MU_TPM2B_PUBLIC_Marshal, object);
}

Result<Bytes> marshal(const TPM2B_PRIVATE& object) {
    return marshal_with<TPM2B_PRIVATE>(Tss2_MU_TPM2B_PRIVATE_Marshal, object);
}

Result<TPM2B_PUBLIC> unmarshal_public(ByteView bytes) {
    return unmarshal_with<TPM2B_PUBLIC>(Tss2_MU_TPM2B_PUBLIC_Unmarshal, bytes);
}

Result<TPM2B_PRIVATE> unmarshal_private(ByteView bytes) {
    return unmarshal_with<TPM2B_PRIVATE>(Tss2_MU_TPM2B_PRIVATE_Unmarshal, bytes);
}

}  // namespace clawsigner::tpm
