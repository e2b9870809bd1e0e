#include "support/softhsm_objects.h"

#include "base/file.h"
#include "pkcs11/attributes.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace clawsigner::tests {
namespace {

void must(CK_RV rv) {
    if (rv != CKR_OK) {
        std::abort();
    }
}

pkcs11::Template named(std::string_view label, ByteView id) {
    pkcs11::Template named;
    named.flag(CKA_TOKEN, true).text(CKA_LABEL, label);
    if (!id.empty()) {
        named.bytes(CKA_ID, id);
    }
    return named;
}

}  // namespace

SoftHsmObjects::SoftHsmObjects(const SoftHsm& hsm)
    : module_(pkcs11::Module::load(SoftHsm::module()).value()) {
    auto& cryptoki = module_->cryptoki();
    PKCS11_SLOT* slot = module_->find(hsm.settings().uri).value();
    must(cryptoki.C_OpenSession(pkcs11::slot_id(*slot), CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                nullptr, nullptr, &session_));
    std::array<CK_UTF8CHAR, 4> pin{'1', '2', '3', '4'};
    must(cryptoki.C_Login(session_, CKU_USER, pin.data(), pin.size()));
}

SoftHsmObjects::~SoftHsmObjects() {
    module_->cryptoki().C_CloseSession(session_);
}

void SoftHsmObjects::make(std::string_view label, ByteView id, Half keep) {
    constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2A, 0x86, 0x48,
                                                 0xCE, 0x3D, 0x03, 0x01, 0x07};
    auto public_half = named(label, id).bytes(CKA_EC_PARAMS, kP256).flag(CKA_VERIFY, true);
    auto private_half =
        named(label, id).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_SIGN, true);
    CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE publics = 0;
    CK_OBJECT_HANDLE privates = 0;
    auto& cryptoki = module_->cryptoki();
    must(cryptoki.C_GenerateKeyPair(session_, &mechanism, public_half.data(), public_half.size(),
                                    private_half.data(), private_half.size(), &publics, &privates));
    if (keep != Half::both) {
        must(cryptoki.C_DestroyObject(session_, keep == Half::public_half ? privates : publics));
    }
}

void SoftHsmObjects::lose_private_values(const SoftHsm& hsm) {
    // SoftHSM's object files are a generation and then attributes: type, kind, length and value,
    // the numbers of 8 bytes with the greatest first. CKA_VALUE is 0x11, a byte string is kind 3.
    const std::string value_begins("\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 23);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(hsm.tokens())) {
        if (entry.path().extension() != ".object") {
            continue;
        }
        std::string object = base::read_file(entry.path(), 65'536).value();
        const auto value = object.find(value_begins);
        if (value == std::string::npos) {
            continue;
        }
        char& length = object.at(value + value_begins.size());
        object.erase(value + value_begins.size() + 1, static_cast<unsigned char>(length));
        length = 0;
        std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << object;
    }
}

std::size_t SoftHsmObjects::count() {
    auto& cryptoki = module_->cryptoki();
    std::size_t counted = 0;
    for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
        auto wanted = pkcs11::Template().number(CKA_CLASS, object_class);
        std::array<CK_OBJECT_HANDLE, 64> found{};
        CK_ULONG some = 0;
        must(cryptoki.C_FindObjectsInit(session_, wanted.data(), wanted.size()));
        must(cryptoki.C_FindObjects(session_, found.data(), found.size(), &some));
        must(cryptoki.C_FindObjectsFinal(session_));
        counted += some;
    }
    return counted;
}

}  // namespace clawsigner::tests
