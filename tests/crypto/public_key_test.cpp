#include "crypto/public_key.h"

#include "support/software_key.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace clawsigner;
using crypto::Algorithm;
using crypto::PublicKey;
using tests::SoftwareKey;

TEST_CASE("public key: verifies its own signatures and no others", "[crypto]") {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        const SoftwareKey key = SoftwareKey::random(algorithm);
        const SoftwareKey other = SoftwareKey::random(algorithm);
        const auto signature = key.sign("message");
        CHECK(key.public_key().verifies(base::as_bytes("message"), signature));
        CHECK_FALSE(key.public_key().verifies(base::as_bytes("massage"), signature));
        CHECK_FALSE(other.public_key().verifies(base::as_bytes("message"), signature));
        CHECK_FALSE(
            key.public_key().verifies(base::as_bytes("message"), ByteView(signature).first(63)));
        for (std::size_t i = 0; i < signature.size(); ++i) {
            auto bent = signature;
            bent[i] ^= 1U;
            CHECK_FALSE(key.public_key().verifies(base::as_bytes("message"), bent));
        }
    }
}

TEST_CASE("public key: threads that verify at once do not mislead each other", "[crypto]") {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        const SoftwareKey key = SoftwareKey::random(algorithm);
        const PublicKey shared = key.public_key();
        std::atomic<int> wrong = 0;
        const auto verify = [&](int number) {
            const std::string message = std::to_string(number);
            const auto signature = key.sign(message);
            for (int i = 0; i < 50; ++i) {
                const bool good = shared.verifies(base::as_bytes(message), signature);
                const bool bad = shared.verifies(base::as_bytes("other"), signature);
                wrong += !good || bad ? 1 : 0;
            }
        };
        {
            std::vector<std::jthread> threads;
            for (int number = 0; number < 4; ++number) {
                threads.emplace_back(verify, number);
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("public key: an all-zero signature is refused, not an error", "[crypto]") {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        CHECK_FALSE(SoftwareKey::random(algorithm).public_key().verifies(base::as_bytes("m"),
                                                                         crypto::Signature{}));
    }
}

TEST_CASE("public key: what is no point on the curve is refused", "[crypto]") {
    CHECK_FALSE(PublicKey::ed25519(Bytes(31)).ok());
    CHECK_FALSE(PublicKey::ed25519(Bytes(33)).ok());
    CHECK_FALSE(PublicKey::p256(Bytes{}).ok());
    CHECK_FALSE(PublicKey::p256(Bytes(65, 4)).ok());
    Bytes beyond_the_field(33, 0xFF);
    beyond_the_field[0] = 2;
    CHECK_FALSE(PublicKey::p256(beyond_the_field).ok());
    CHECK_FALSE(PublicKey::p256(Bytes(1, 0)).ok());  // the point at infinity
}

TEST_CASE("public key: of a P-256 signature and its twin only the one with the smaller s holds",
          "[crypto]") {
    const SoftwareKey key = SoftwareKey::random(Algorithm::p256);
    for (int i = 0; i < 50; ++i) {
        const auto low = key.sign(std::to_string(i));
        // n - s, by another road than the code's: long subtraction of hexadecimal digits.
        static constexpr std::string_view kOrder =
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
        const std::string s = base::hex_encode(ByteView(low).subspan(32));
        std::string twin(64, '0');
        int borrow = 0;
        for (std::size_t k = 64; k-- > 0;) {
            const int difference = digit(kOrder[k]) - digit(s[k]) - borrow;
            borrow = difference < 0 ? 1 : 0;
            twin[k] = "0123456789abcdef"[difference + 16 * borrow];
        }
        auto high = low;
        std::ranges::copy(base::hex_decode(twin).value(), high.begin() + 32);
        const auto message = std::to_string(i);
        CHECK(key.public_key().verifies(base::as_bytes(message), low));
        CHECK_FALSE(key.public_key().verifies(base::as_bytes(message), high));
        crypto::use_low_s(high);
        CHECK(high == low);
    }
}

TEST_CASE("public key: an Ed25519 key that anybody could sign for is refused", "[crypto]") {
    const auto key = [](std::string_view hex) {
        return crypto::PublicKey::ed25519(base::hex_decode(hex).value()).ok();
    };
    const std::string zeros(62, '0');
    CHECK_FALSE(key("00" + zeros));
    CHECK_FALSE(key("01" + zeros));
    CHECK_FALSE(key("01" + zeros.substr(2) + "80"));  // the same point, x said to be negative
    CHECK_FALSE(key("ec" + std::string(60, 'f') + "7f"));
    CHECK_FALSE(key("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"));
    CHECK_FALSE(key("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"));
    CHECK_FALSE(key("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"));
    // y of p + 3 is another spelling of 3.
    CHECK_FALSE(key("f0" + std::string(60, 'f') + "7f"));
    CHECK(key("03" + zeros));
}

TEST_CASE("public key: a P-256 point is the same key compressed or not", "[crypto]") {
    const PublicKey key = SoftwareKey::random(Algorithm::p256).public_key();
    Bytes uncompressed{4};
    uncompressed.insert(uncompressed.end(), key.x().begin(), key.x().end());
    uncompressed.insert(uncompressed.end(), key.y().begin(), key.y().end());
    CHECK(key.raw().size() == 33);
    CHECK(PublicKey::p256(key.raw()).value() == key);
    CHECK(PublicKey::p256(uncompressed).value() == key);
}
