#include "crypto/ssh_key.h"

#include "crypto/ssh_wire.h"
#include "support/ssh_signer.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::SshKeyType;
using crypto::SshPublicKey;
using crypto::SshWriter;
using tests::SshSigner;
using tests::text_of;

namespace {

constexpr std::array kTypes{SshKeyType::ed25519, SshKeyType::ecdsa_p256, SshKeyType::sk_ed25519,
                            SshKeyType::sk_ecdsa_p256};

std::string refusal(std::string_view text) {
    const auto key = SshPublicKey::parse(text);
    return key.ok() ? "" : key.error().message;
}

std::string refusal_of_blob(std::string_view type, const Bytes& blob) {
    return refusal(std::string(type).append(" ").append(base::base64_encode(blob)));
}

}  // namespace

TEST_CASE("ssh key: OpenSSH's keys have OpenSSH's fingerprints", "[crypto]") {
    const auto rows = tests::vector_file("sshsig/signatures.json");
    for (const auto& row : rows.at("accepted").as_array()) {
        const std::string text = text_of(row, "key");
        INFO(text);
        const auto key = SshPublicKey::parse(text);
        REQUIRE(key.ok());
        CHECK(key->text() == text);
        CHECK(key->fingerprint() == text_of(row, "fingerprint"));
        CHECK_FALSE(key->is_sk());
        CHECK(key->application().empty());
    }
}

TEST_CASE("ssh key: what is not accepted is refused by its name", "[crypto]") {
    const auto rows = tests::vector_file("sshsig/signatures.json");
    for (const auto& row : rows.at("refused").as_array()) {
        CHECK_THAT(refusal(text_of(row, "key")), Catch::Contains(text_of(row, "name")));
    }
    CHECK_THAT(refusal("ssh-dss AAAA"), Catch::Contains("ssh-dss"));
    CHECK_THAT(refusal("of-a-stranger AAAA"),
               Catch::Contains("an unknown type") && !Catch::Contains("stranger"));
}

TEST_CASE("ssh key: every type is read from its blob and from its text", "[crypto]") {
    for (const SshKeyType type : kTypes) {
        const SshPublicKey key = SshSigner(type, "ssh:clawsigner").key();
        INFO(crypto::ssh_key_type_name(type));
        CHECK(key.type() == type);
        CHECK(SshPublicKey::parse(key.text()).value() == key);
        CHECK(key.text().starts_with(crypto::ssh_key_type_name(type)));
        CHECK(key.is_sk() == !key.application().empty());
        CHECK(key.application() == (key.is_sk() ? "ssh:clawsigner" : ""));
        CHECK_FALSE(SshSigner(type).key() == key);
    }
}

TEST_CASE("ssh key: a blob has nothing behind its end, and its end", "[crypto]") {
    for (const SshKeyType type : kTypes) {
        const SshPublicKey key = SshSigner(type).key();
        Bytes blob(key.blob().begin(), key.blob().end());
        for (std::size_t size = 0; size < blob.size(); ++size) {
            CHECK_FALSE(SshPublicKey::from_blob(ByteView(blob).first(size)).ok());
        }
        blob.push_back(0);
        CHECK_FALSE(SshPublicKey::from_blob(blob).ok());
    }
}

TEST_CASE("ssh key: a text has one spelling", "[crypto]") {
    const std::string text = SshSigner(SshKeyType::ed25519).key().text();
    REQUIRE(refusal(text).empty());
    const std::string base64 = text.substr(text.find(' ') + 1);
    for (const std::string& other :
         {text + " comment", text + "\n", text + "=", " " + text, "ssh-ed25519  " + base64,
          "ssh-ed25519\t" + base64, "SSH-ED25519 " + base64, base64, std::string("ssh-ed25519"),
          std::string("ssh-ed25519 "), "sk-ssh-ed25519@openssh.com " + base64,
          "ecdsa-sha2-nistp256 " + base64}) {
        INFO(other);
        CHECK_FALSE(refusal(other).empty());
    }
    CHECK_FALSE(refusal("ssh-ed25519 " + std::string(600, 'A')).empty());
}

TEST_CASE("ssh key: a point is uncompressed, on its curve, and of the curve that is named",
          "[crypto]") {
    const auto key = tests::SoftwareKey::random(crypto::Algorithm::p256).public_key();
    const auto blob = [](std::string_view curve, ByteView point) {
        return SshWriter().string("ecdsa-sha2-nistp256").string(curve).string(point).done();
    };
    Bytes point{4};
    point.insert(point.end(), key.x().begin(), key.x().end());
    point.insert(point.end(), key.y().begin(), key.y().end());
    CHECK(refusal_of_blob("ecdsa-sha2-nistp256", blob("nistp256", point)).empty());
    CHECK_FALSE(refusal_of_blob("ecdsa-sha2-nistp256", blob("nistp384", point)).empty());
    CHECK_THAT(refusal_of_blob("ecdsa-sha2-nistp256", blob("nistp256", key.raw())),
               Catch::Contains("uncompressed"));
    point.back() ^= 1U;
    CHECK_FALSE(refusal_of_blob("ecdsa-sha2-nistp256", blob("nistp256", point)).empty());
    CHECK_FALSE(refusal_of_blob("ecdsa-sha2-nistp256", blob("nistp256", {})).empty());
}

TEST_CASE("ssh key: a device's key is for an application with a plain name", "[crypto]") {
    const auto raw = tests::SoftwareKey::random(crypto::Algorithm::ed25519).public_key();
    const auto refusal_of = [&](std::string_view application) {
        constexpr std::string_view kType = "sk-ssh-ed25519@openssh.com";
        return refusal_of_blob(
            kType, SshWriter().string(kType).string(raw.raw()).string(application).done());
    };
    CHECK(refusal_of("ssh:").empty());
    CHECK(refusal_of(std::string(128, 'a')).empty());
    for (const std::string& bad :
         {std::string(), std::string(129, 'a'), std::string("ssh: x"), std::string("ssh:\n"),
          std::string("ssh:\0", 5), std::string("ssh:\u00e9")}) {
        CHECK_FALSE(refusal_of(bad).empty());
    }
}

TEST_CASE("ssh key: an Ed25519 key that anybody could sign for is refused", "[crypto]") {
    const Bytes blob = SshWriter().string("ssh-ed25519").string(Bytes(32)).done();
    CHECK_FALSE(refusal_of_blob("ssh-ed25519", blob).empty());
}
