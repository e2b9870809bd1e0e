#include "pkcs11/host_protocol.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace clawsigner::pkcs11;

namespace {

const hsm::KeyId kId = hsm::KeyId::parse("0011223344556677").value();

hsm::StoredKey stored_key() {
    const auto public_key =
        crypto::PublicKey::ed25519(
            base::hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                .value())
            .value();
    hsm::KeyAttributes attributes;
    attributes.sensitive = true;
    attributes.extractable = false;
    return {kId, {crypto::Family::cst, 7}, public_key, attributes};
}

Error native_error() {
    Error error(ErrorCode::hsm_down, "C_Sign: CKR_DEVICE_REMOVED");
    error.call = "C_Sign";
    error.native = 0x32;
    error.field = "id";
    return error;
}

template <class T>
T through(const host::Question& question) {
    return std::get<T>(host::decode_question(host::encode(question)).value());
}

template <class T>
T through(const host::Reply& reply) {
    return std::get<T>(host::decode_reply(host::encode(reply)).value());
}

}  // namespace

TEST_CASE("host protocol: what is asked arrives as it was") {
    TokenSettings settings;
    settings.module = "/usr/lib/vendor.so";
    settings.uri.token = "production";
    settings.uri.slot_id = 4;
    settings.pin_file = "/run/pin";
    settings.sessions = 3;
    const auto open = through<host::Open>(host::Open{settings}).settings;
    CHECK(open.module == settings.module);
    CHECK(open.uri.token == settings.uri.token);
    CHECK_FALSE(open.uri.serial.has_value());
    CHECK(open.uri.slot_id == 4UL);
    CHECK(open.pin_file == settings.pin_file);
    CHECK(open.sessions == 3);

    const auto sign =
        through<host::Sign>(host::Sign{{{kId, std::chrono::milliseconds(250), Bytes{1, 2, 3}},
                                        {kId, std::chrono::milliseconds(-1), Bytes{}}}});
    REQUIRE(sign.requests.size() == 2);
    CHECK(sign.requests.front().key == kId);
    CHECK(sign.requests.front().time.count() == 250);
    CHECK(sign.requests.front().message == Bytes{1, 2, 3});
    CHECK(sign.requests.back().time.count() == 0);

    CHECK(through<host::Discard>(host::Discard{"00ff"}).handle == "00ff");

    const auto generate =
        through<host::Generate>(host::Generate{{crypto::Family::cst, 2}, crypto::Algorithm::p256});
    CHECK(generate.name.version == 2);
    CHECK(generate.algorithm == crypto::Algorithm::p256);

    CHECK_FALSE(through<host::LoginAnswer>(host::LoginAnswer{}).refusal.has_value());
    CHECK(through<host::LoginAnswer>(host::LoginAnswer{native_error()}).refusal->native == 0x32);
}

TEST_CASE("host protocol: what is answered arrives as it was") {
    const Error error = through<host::Failed>(host::Failed{native_error()}).error;
    CHECK(error.code == ErrorCode::hsm_down);
    CHECK(error.call == "C_Sign");
    CHECK(error.native == 0x32);
    CHECK(error.field == "id");

    const auto opened = through<host::Opened>(
        host::Opened{"a device", {{stored_key()}, {{"00", "clawsigner/cst/1", native_error()}}}});
    CHECK(opened.description == "a device");
    REQUIRE(opened.keys.keys.size() == 1);
    CHECK(opened.keys.keys.front().name.version == 7);
    CHECK(opened.keys.keys.front().public_key == stored_key().public_key);
    CHECK(opened.keys.keys.front().attributes.sensitive);
    CHECK_FALSE(opened.keys.keys.front().attributes.extractable);
    REQUIRE(opened.keys.unusable.size() == 1);
    CHECK(opened.keys.unusable.front().label == "clawsigner/cst/1");

    host::Signed made;
    made.signature.back() = 9;
    CHECK(through<host::Signed>(made).signature == made.signature);
    through<host::MayLogIn>(host::MayLogIn{});
    CHECK(through<host::LoginAnswered>(host::LoginAnswered{native_error()}).refusal.has_value());
}

TEST_CASE("host protocol: a call that is not ours keeps static storage") {
    Error error = native_error();
    error.call = "C_VendorSpecial";
    CHECK(through<host::Failed>(host::Failed{error}).error.call == "module");
}

TEST_CASE("host protocol: whatever is cut short, too long or unknown is refused") {
    const Bytes whole = host::encode(host::Reply(host::Opened{"a device", {{stored_key()}, {}}}));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(host::decode_reply(ByteView(whole).first(size)).ok());
    }
    Bytes longer = whole;
    longer.push_back(0);
    CHECK_FALSE(host::decode_reply(longer).ok());
    Bytes unknown = whole;
    unknown.front() = 99;
    CHECK_FALSE(host::decode_reply(unknown).ok());
    CHECK_FALSE(host::decode_question(Bytes(8, 0xFF)).ok());
}
