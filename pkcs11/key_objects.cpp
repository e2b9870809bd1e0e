#include "pkcs11/key_objects.h"

#include "pkcs11/attributes.h"
#include "pkcs11/error.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

using crypto::Algorithm;

// DER of the curve's object identifier: 1.2.840.10045.3.1.7 (RFC 5480) and 1.3.101.112 (RFC 8410).
constexpr std::array<std::uint8_t, 10> kP256Params{0x06, 0x08, 0x2A, 0x86, 0x48,
                                                   0xCE, 0x3D, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 5> kEd25519Params{0x06, 0x03, 0x2B, 0x65, 0x70};
constexpr std::size_t kFindAtOnce = 64;
constexpr std::size_t kMaxKeys = 4096;

/// C_FindObjectsInit … C_FindObjectsFinal; the search is ended on every path.
class Search {
public:
    Search(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session)
        : cryptoki_(&cryptoki), session_(session) {}
    ~Search() {
        if (active_) {
            cryptoki_->C_FindObjectsFinal(session_);
        }
    }
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    Result<std::vector<CK_OBJECT_HANDLE>> run(Template wanted) {
        CHECK_OK(check("C_FindObjectsInit",
                       cryptoki_->C_FindObjectsInit(session_, wanted.data(), wanted.size())));
        active_ = true;
        std::vector<CK_OBJECT_HANDLE> found;
        std::array<CK_OBJECT_HANDLE, kFindAtOnce> some{};
        CK_ULONG count = 0;
        do {
            CHECK_OK(check("C_FindObjects",
                           cryptoki_->C_FindObjects(session_, some.data(), some.size(), &count)));
            found.insert(
                found.end(), some.begin(),
                some.begin() + static_cast<std::ptrdiff_t>(std::min<CK_ULONG>(count, some.size())));
        } while (count > 0 && found.size() < kMaxKeys);
        return found;
    }

private:
    CK_FUNCTION_LIST* cryptoki_;
    CK_SESSION_HANDLE session_;
    bool active_ = false;
};

Result<std::vector<CK_OBJECT_HANDLE>> objects_of_class(CK_FUNCTION_LIST& cryptoki,
                                                       CK_SESSION_HANDLE session,
                                                       CK_OBJECT_CLASS object_class) {
    return Search(cryptoki, session)
        .run(Template().number(CKA_CLASS, object_class).flag(CKA_TOKEN, true));
}

/// The point inside CKA_EC_POINT: a DER OCTET STRING by the standard, the bare point from some
/// tokens.
ByteView bare_point(const Bytes& value) {
    const bool octet_string = value.size() > 2 && value[0] == 0x04 && value[1] == value.size() - 2;
    return octet_string ? ByteView(value).subspan(2) : ByteView(value);
}

std::optional<Algorithm> algorithm_of(std::optional<CK_ULONG> key_type,
                                      const std::optional<Bytes>& params) {
    if (key_type == CKK_EC_EDWARDS) {
        return Algorithm::ed25519;
    }
    const bool p256 = key_type == CKK_EC && params && std::ranges::equal(*params, kP256Params);
    return p256 ? std::optional(Algorithm::p256) : std::nullopt;
}

Result<crypto::PublicKey> read_public_key(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                                          CK_OBJECT_HANDLE object) {
    const AttributeReader read(cryptoki, session, object);
    TRY(const auto key_type, read.number(CKA_KEY_TYPE));
    TRY(const auto params, read.bytes(CKA_EC_PARAMS));
    TRY(const auto point, read.bytes(CKA_EC_POINT));
    const auto algorithm = algorithm_of(key_type, params);
    if (!algorithm || !point) {
        return Error(ErrorCode::unsupported, "is neither an Ed25519 nor a P-256 key");
    }
    return crypto::PublicKey::of(*algorithm, bare_point(*point));
}

Result<hsm::KeyAttributes> read_attributes(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                                           CK_OBJECT_HANDLE object) {
    const AttributeReader read(cryptoki, session, object);
    hsm::KeyAttributes attributes;
    const std::array<std::pair<CK_ATTRIBUTE_TYPE, bool*>, 6> wanted{{
        {CKA_SENSITIVE, &attributes.sensitive},
        {CKA_ALWAYS_SENSITIVE, &attributes.always_sensitive},
        {CKA_EXTRACTABLE, &attributes.extractable},
        {CKA_NEVER_EXTRACTABLE, &attributes.never_extractable},
        {CKA_LOCAL, &attributes.local},
        {CKA_MODIFIABLE, &attributes.modifiable},
    }};
    for (const auto& [type, value] : wanted) {
        TRY(const auto flag, read.flag(type));
        *value = flag.value_or(*value);  // what the token does not say counts as the worse
    }
    return attributes;
}

/// An object and what it says of whose it is.
struct Tagged {
    CK_OBJECT_HANDLE object = 0;
    std::string label;
    Bytes id;
};

bool is_ours(const Tagged& object) {
    return hsm::parse_key_label(object.label).has_value();
}

Result<std::vector<Tagged>> tagged_objects(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                                           CK_OBJECT_CLASS object_class) {
    TRY(const auto handles, objects_of_class(cryptoki, session, object_class));
    std::vector<Tagged> objects;
    for (const CK_OBJECT_HANDLE handle : handles) {
        const AttributeReader read(cryptoki, session, handle);
        TRY(const auto label, read.bytes(CKA_LABEL));
        TRY(auto id, read.bytes(CKA_ID));
        const Bytes& text = label.value_or(Bytes());
        objects.push_back({handle, {text.begin(), text.end()}, std::move(id).value_or(Bytes())});
    }
    return objects;
}

/// Public halves by CKA_ID, whatever their label.
using PublicHalves = std::multimap<Bytes, CK_OBJECT_HANDLE>;

PublicHalves by_id(const std::vector<Tagged>& objects) {
    PublicHalves halves;
    for (const Tagged& object : objects) {
        halves.emplace(object.id, object.object);
    }
    return halves;
}

Error unusable(std::string_view why) {
    return {ErrorCode::key_quarantined, std::string(why)};
}

/// The usable key behind a private object of ours, or why it is none (key_quarantined,
/// invalid_field, unsupported); any other error is the device's.
Result<KeyObject> read_key(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                           CK_OBJECT_HANDLE handle, const hsm::KeyName& name, const Bytes& id_bytes,
                           const PublicHalves& halves) {
    TRY(const hsm::KeyId id, hsm::KeyId::of(id_bytes));
    if (halves.count(id_bytes) != 1) {
        return unusable(halves.count(id_bytes) == 0 ? "its public half is missing"
                                                    : "its id has several public halves");
    }
    TRY(const auto attributes, read_attributes(cryptoki, session, handle));
    if (!attributes.sensitive || attributes.extractable) {
        return unusable(
            "the token would give it away: it must be CKA_SENSITIVE and not CKA_EXTRACTABLE");
    }
    TRY(auto public_key, read_public_key(cryptoki, session, halves.find(id_bytes)->second));
    return KeyObject{{id, name, std::move(public_key), attributes}, handle};
}

bool is_the_keys_own_fault(const Error& error) {
    return error.code == ErrorCode::key_quarantined || error.code == ErrorCode::invalid_field ||
           error.code == ErrorCode::unsupported;
}

/// Two keys of one name, or one id: neither is used, because nothing says which is meant.
void set_aside_doubles(KeyObjects& found) {
    const auto doubled = [&](const KeyObject& one) {
        return std::ranges::count_if(found.usable, [&](const KeyObject& other) {
                   return other.key.name == one.key.name || other.key.id == one.key.id;
               }) > 1;
    };
    std::vector<KeyObject> single;
    for (const KeyObject& object : found.usable) {
        if (doubled(object)) {
            found.unusable.push_back({object.key.id.text(), key_label(object.key.name),
                                      unusable("another key has the same name or id")});
        } else {
            single.push_back(object);
        }
    }
    found.usable = std::move(single);
}

/// What a process leaves that dies in the midst of making a key, or of destroying one.
void name_lone_public_halves(const std::vector<Tagged>& public_objects,
                             const std::vector<Tagged>& private_objects, KeyObjects& found) {
    for (const Tagged& half : public_objects) {
        const auto completes = [&](const Tagged& other) {
            return other.id == half.id && is_ours(other);
        };
        if (is_ours(half) && std::ranges::none_of(private_objects, completes)) {
            found.unusable.push_back(
                {base::hex_encode(half.id), half.label,
                 Error(ErrorCode::key_missing, "its private half is missing")});
        }
    }
}

CK_MECHANISM generation_mechanism(Algorithm algorithm) {
    return {algorithm == Algorithm::ed25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN,
            nullptr, 0};
}

/// What both halves are made with.
struct PairTerms {
    const hsm::KeyName& name;
    hsm::KeyId id;
    Algorithm algorithm{};
    Lifetime lifetime{};
};

Template public_template(const PairTerms& terms) {
    return Template()
        .flag(CKA_TOKEN, terms.lifetime == Lifetime::token)
        .flag(CKA_PRIVATE, false)
        .flag(CKA_VERIFY, true)
        .flag(CKA_ENCRYPT, false)
        .flag(CKA_WRAP, false)
        .text(CKA_LABEL, key_label(terms.name))
        .bytes(CKA_ID, terms.id.bytes())
        .bytes(CKA_EC_PARAMS, terms.algorithm == Algorithm::ed25519 ? ByteView(kEd25519Params)
                                                                    : ByteView(kP256Params));
}

/// `strict` also says what some tokens do not let a caller say.
Template private_template(const PairTerms& terms, bool strict) {
    Template wanted;
    wanted.flag(CKA_TOKEN, terms.lifetime == Lifetime::token)
        .flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, true)
        .flag(CKA_EXTRACTABLE, false)
        .flag(CKA_SIGN, true)
        .flag(CKA_DECRYPT, false)
        .flag(CKA_UNWRAP, false)
        .text(CKA_LABEL, key_label(terms.name))
        .bytes(CKA_ID, terms.id.bytes());
    if (strict) {
        wanted.flag(CKA_MODIFIABLE, false).flag(CKA_COPYABLE, false).flag(CKA_DERIVE, false);
    }
    return wanted;
}

bool is_about_the_template(CK_RV rv) {
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
           rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT;
}

struct HandlePair {
    CK_OBJECT_HANDLE public_half = 0;
    CK_OBJECT_HANDLE private_half = 0;
};

Result<HandlePair> generate_pair(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                                 const PairTerms& terms) {
    CK_MECHANISM mechanism = generation_mechanism(terms.algorithm);
    Template public_half = public_template(terms);
    CK_RV rv = CKR_OK;
    for (const bool strict : {true, false}) {
        Template private_half = private_template(terms, strict);
        HandlePair pair;
        rv = cryptoki.C_GenerateKeyPair(session, &mechanism, public_half.data(), public_half.size(),
                                        private_half.data(), private_half.size(), &pair.public_half,
                                        &pair.private_half);
        if (rv == CKR_OK) {
            return pair;
        }
        if (!is_about_the_template(rv)) {
            break;
        }
    }
    return error_from("C_GenerateKeyPair", rv);
}

/// The new pair as the token now shows it.
Result<KeyObject> read_back(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                            const HandlePair& pair, const hsm::KeyName& name,
                            const hsm::KeyId& id) {
    const Bytes id_bytes(id.bytes().begin(), id.bytes().end());
    return read_key(cryptoki, session, pair.private_half, name, id_bytes,
                    {{id_bytes, pair.public_half}});
}

}  // namespace

Result<KeyObjects> find_keys(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session) {
    TRY(const auto private_halves, tagged_objects(cryptoki, session, CKO_PRIVATE_KEY));
    TRY(const auto public_objects, tagged_objects(cryptoki, session, CKO_PUBLIC_KEY));
    const PublicHalves public_halves = by_id(public_objects);
    KeyObjects found;
    for (const Tagged& half : private_halves) {
        const auto name = hsm::parse_key_label(half.label);
        if (!name) {
            continue;  // somebody else's
        }
        auto key = read_key(cryptoki, session, half.object, *name, half.id, public_halves);
        if (key.ok()) {
            found.usable.push_back(std::move(key).value());
        } else if (is_the_keys_own_fault(key.error())) {
            found.unusable.push_back(
                {base::hex_encode(half.id), half.label, std::move(key).error()});
        } else {
            return std::move(key).error();
        }
    }
    set_aside_doubles(found);
    name_lone_public_halves(public_objects, private_halves, found);
    return found;
}

Status destroy_objects(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                       const std::string& handle) {
    std::size_t destroyed = 0;
    for (const CK_OBJECT_CLASS object_class : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
        TRY(const auto objects, tagged_objects(cryptoki, session, object_class));
        for (const Tagged& object : objects) {
            if (is_ours(object) &&
                hsm::handle_of(base::hex_encode(object.id), object.label) == handle) {
                CHECK_OK(
                    check("C_DestroyObject", cryptoki.C_DestroyObject(session, object.object)));
                ++destroyed;
            }
        }
    }
    return destroyed > 0 ? Status::done()
                         : Error::at("id", "names no key; clawsigner keys list shows them");
}

Result<KeyObject> generate_key(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                               const hsm::KeyName& name, Algorithm algorithm, Lifetime lifetime) {
    TRY(const hsm::KeyId id, hsm::KeyId::random());
    TRY(const HandlePair pair, generate_pair(cryptoki, session, {name, id, algorithm, lifetime}));
    auto made = read_back(cryptoki, session, pair, name, id);
    if (!made.ok()) {
        cryptoki.C_DestroyObject(session, pair.private_half);
        cryptoki.C_DestroyObject(session, pair.public_half);
    }
    return made;
}

}  // namespace clawsigner::pkcs11
