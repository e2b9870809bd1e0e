#include "crypto/sshsig.h"

#include "crypto/ssh_wire.h"
#include "support/ssh_signer.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::SshKeyType;
using crypto::SshSignature;
using tests::SshChoices;
using tests::SshSigner;
using tests::text_of;

namespace {

constexpr std::string_view kNamespace = "clawsigner-approval";
constexpr std::string_view kMessage = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
constexpr std::array kTypes{SshKeyType::ed25519, SshKeyType::ecdsa_p256, SshKeyType::sk_ed25519,
                            SshKeyType::sk_ecdsa_p256};

bool holds(std::string_view armored, std::string_view message = kMessage,
           std::string_view name_space = kNamespace) {
    const auto signature = SshSignature::parse(armored);
    return signature.ok() && signature->verifies(base::as_bytes(message), name_space);
}

std::string refusal(std::string_view armored) {
    const auto signature = SshSignature::parse(armored);
    return signature.ok() ? "" : signature.error().message;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    return text.replace(text.find(what), what.size(), with);
}

}  // namespace

TEST_CASE("sshsig: what ssh-keygen signed holds over its message in its namespace", "[crypto]") {
    const auto rows = tests::vector_file("sshsig/signatures.json");
    for (const auto& row : rows.at("accepted").as_array()) {
        INFO(text_of(row, "name"));
        const auto signature = SshSignature::parse(text_of(row, "signature"));
        REQUIRE(signature.ok());
        const std::string message = text_of(row, "message");
        const std::string name_space = text_of(row, "namespace");
        CHECK(signature->key().text() == text_of(row, "key"));
        CHECK(signature->name_space() == name_space);
        CHECK(signature->verifies(base::as_bytes(message), name_space));
        CHECK_FALSE(signature->verifies(base::as_bytes(message + "\n"), name_space));
        CHECK_FALSE(signature->verifies(base::as_bytes(message), name_space + "x"));
        CHECK_FALSE(signature->verifies(base::as_bytes(message), ""));
    }
}

TEST_CASE("sshsig: a signature of a key that is not accepted is refused by the key's type",
          "[crypto]") {
    const auto rows = tests::vector_file("sshsig/signatures.json");
    int refused = 0;
    for (const auto& row : rows.at("refused").as_array()) {
        if (const std::string signature = text_of(row, "signature"); !signature.empty()) {
            CHECK_THAT(refusal(signature), Catch::Contains(text_of(row, "name")));
            ++refused;
        }
    }
    CHECK(refused == 2);
}

TEST_CASE("sshsig: every type of key signs, with both hashes", "[crypto]") {
    for (const SshKeyType type : kTypes) {
        const SshSigner signer(type);
        for (const std::string hash : {"sha256", "sha512"}) {
            INFO(signer.key().text() << " " << hash);
            SshChoices choices;
            choices.hash = hash;
            CHECK(holds(signer.sign(kMessage, kNamespace, choices)));
            CHECK_FALSE(holds(signer.sign("another", kNamespace, choices)));
            CHECK_FALSE(holds(signer.sign(kMessage, "file", choices)));
        }
    }
}

TEST_CASE("sshsig: either of ECDSA's two signatures holds", "[crypto]") {
    SshChoices high;
    high.high_s = true;
    for (const SshKeyType type : {SshKeyType::ecdsa_p256, SshKeyType::sk_ecdsa_p256}) {
        const SshSigner signer(type);
        for (int i = 0; i < 20; ++i) {  // numbers with and without a leading zero
            CHECK(holds(signer.sign(kMessage, kNamespace)));
            CHECK(holds(signer.sign(kMessage, kNamespace, high)));
        }
    }
}

TEST_CASE("sshsig: a device must have been touched, and may say more than that", "[crypto]") {
    for (const SshKeyType type : {SshKeyType::sk_ed25519, SshKeyType::sk_ecdsa_p256}) {
        const SshSigner signer(type);
        for (const auto& [flags, good] :
             {std::pair{0x00, false}, {0x01, true}, {0x04, false}, {0x05, true}, {0xFE, false}}) {
            SshChoices choices;
            choices.flags = static_cast<std::uint8_t>(flags);
            choices.counter = 0xFFFFFFFF;
            const std::string armored = signer.sign(kMessage, kNamespace, choices);
            CHECK(SshSignature::parse(armored).value().lacks_user_presence() == !good);
            CHECK(holds(armored) == good);
        }
    }
    const std::string plain = SshSigner(SshKeyType::ed25519).sign(kMessage, kNamespace);
    CHECK_FALSE(SshSignature::parse(plain).value().lacks_user_presence());
}

TEST_CASE("sshsig: with any one bit turned it does not hold", "[crypto]") {
    for (const SshKeyType type : kTypes) {
        const SshSigner signer(type);
        Bytes blob = tests::unarmored_ssh(signer.sign(kMessage, kNamespace));
        REQUIRE(holds(tests::armored_ssh(blob)));
        for (std::size_t bit = 0; bit < blob.size() * 8; bit += type == kTypes[0] ? 1U : 5U) {
            const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
            blob[bit / 8] ^= mask;
            INFO(signer.key().text() << " bit " << bit);
            CHECK_FALSE(holds(tests::armored_ssh(blob)));
            blob[bit / 8] ^= mask;
        }
    }
}

TEST_CASE("sshsig: cut short anywhere, or gone on with, it is refused", "[crypto]") {
    for (const SshKeyType type : kTypes) {
        Bytes blob = tests::unarmored_ssh(SshSigner(type).sign(kMessage, kNamespace));
        for (std::size_t size = 0; size < blob.size(); ++size) {
            CHECK_FALSE(refusal(tests::armored_ssh(ByteView(blob).first(size))).empty());
        }
        blob.push_back(0);
        CHECK_FALSE(refusal(tests::armored_ssh(blob)).empty());
    }
}

TEST_CASE("sshsig: each field is as it must be, or the refusal says which is not", "[crypto]") {
    struct Tampering {
        std::string_view why;
        SshChoices choices;
    };
    std::vector<Tampering> table(7);
    table[0].why = "version 1";
    table[0].choices.magic = "SSHSIg";
    table[1].why = "version 1";
    table[1].choices.version = 2;
    table[2].why = "reserved";
    table[2].choices.reserved = "r";
    table[3].why = "neither sha256 nor sha512";
    table[3].choices.hash = "sha384";
    table[4].why = "another type than its key";
    table[4].choices.type = "ecdsa-sha2-nistp256";
    table[5].why = "another type than its key";
    table[5].choices.type = "sk-ssh-ed25519@openssh.com";
    table[6].why = "behind its end";
    table[6].choices.behind = "b";
    const SshSigner signer(SshKeyType::ed25519);
    for (const Tampering& tampering : table) {
        CHECK_THAT(refusal(signer.sign(kMessage, kNamespace, tampering.choices)),
                   Catch::Contains(std::string(tampering.why)));
    }
    CHECK_THAT(refusal(signer.sign(kMessage, "")), Catch::Contains("no namespace"));
    CHECK_FALSE(refusal(signer.sign(kMessage, std::string(129, 'n'))).empty());
    SshChoices cross;
    cross.type = "ssh-ed25519";
    CHECK_FALSE(
        refusal(SshSigner(SshKeyType::sk_ed25519).sign(kMessage, kNamespace, cross)).empty());
}

TEST_CASE("sshsig: the armor is exactly the armor", "[crypto]") {
    const std::string good = SshSigner(SshKeyType::ed25519).sign(kMessage, kNamespace);
    REQUIRE(holds(good));
    CHECK(holds(good.substr(0, good.size() - 1)));
    for (const std::string& bad :
         {" " + good, good + "\n", "\n" + good, good + good, std::string(), std::string("\n"),
          replaced(good, "SSH", "PGP"), replaced(good, "-----END", "----END"),
          replaced(good, "BEGIN SSH SIGNATURE-----\n", "BEGIN SSH SIGNATURE-----\r\n"),
          replaced(good, "BEGIN SSH SIGNATURE-----\n", "BEGIN SSH SIGNATURE-----\n\n"),
          replaced(good, "BEGIN SSH SIGNATURE-----\n", "BEGIN SSH SIGNATURE-----"),
          replaced(good, "\n-----END", "\n\n-----END"), replaced(good, "\n-----END", "-----END"),
          replaced(good, "\n-----END", "=\n-----END"), replaced(good, "\n-----END", " \n-----END"),
          replaced(good, "U1NI", "U1N_"),
          std::string("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"),
          std::string("-----BEGIN SSH SIGNATURE-----\n\n-----END SSH SIGNATURE-----\n")}) {
        INFO(bad);
        CHECK_FALSE(refusal(bad).empty());
    }
    CHECK_THAT(refusal(tests::armored_ssh(Bytes(8192))), Catch::Contains("8192"));
}

TEST_CASE("sshsig: the base64 may be broken into other lines, as others do", "[crypto]") {
    const std::string good = SshSigner(SshKeyType::ed25519).sign(kMessage, kNamespace);
    const std::string base64 = base::base64_encode(tests::unarmored_ssh(good));
    CHECK(holds("-----BEGIN SSH SIGNATURE-----\n" + base64 + "\n-----END SSH SIGNATURE-----\n"));
}

TEST_CASE("sshsig: numbers of zero and of the order hold nothing", "[crypto]") {
    const SshSigner signer(SshKeyType::ecdsa_p256);
    const Bytes order =
        base::hex_decode("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
            .value();
    Bytes beyond = order;
    beyond.back() += 1;
    for (const Bytes& r : {Bytes{}, order, Bytes{1}}) {
        for (const Bytes& s : {Bytes{}, order, beyond}) {
            const Bytes inner = crypto::SshWriter().string(r).string(s).done();
            const Bytes proof =
                crypto::SshWriter().string("ecdsa-sha2-nistp256").string(inner).done();
            const Bytes blob = crypto::SshWriter()
                                   .bytes("SSHSIG")
                                   .uint32(1)
                                   .string(signer.key().blob())
                                   .string(kNamespace)
                                   .string("")
                                   .string("sha256")
                                   .string(proof)
                                   .done();
            const auto signature = SshSignature::parse(tests::armored_ssh(blob));
            REQUIRE(signature.ok());
            CHECK_FALSE(signature->verifies(base::as_bytes(kMessage), kNamespace));
        }
    }
}
