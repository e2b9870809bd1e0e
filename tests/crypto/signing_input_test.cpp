#include "crypto/signing_input.h"

#include "crypto/public_key.h"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace clawsigner;
using crypto::Family;

namespace {
const std::string kHash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";
const std::string kLegacy = R"({"version":"1.0","proxyDid":"did:web:clawproxy.com"})";
const std::string kToken = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0";
const std::string kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const std::string kCheckpoint = "example.com/behind-the-sofa\n20852163\n" + kRoot + "\n";
const std::string kRotation =
    R"({"issued_at":"2026-03-01T12:00:00.007Z","new_did":"did:key:zB","old_did":"did:key:zA",)"
    R"("reason":"why","rotation_id":"rot_1","rotation_version":"1","signature_new_b64u":"",)"
    R"("signature_old_b64u":""})";
const std::string kSnapshot =
    R"({"snapshot_version":"1","generated_at":1772625600,"accepted_kids":[]})";
const std::string kProbeStart = "clawsigner-probe-v1:";

std::string probe() {
    const auto input = crypto::ProbeInput::fresh().value();
    return {reinterpret_cast<const char*>(input.bytes().data()), input.bytes().size()};
}

/// Every form that bytes can have, by name; the envelopes' hash is one form.
std::vector<std::string> forms_of(const std::string& bytes) {
    std::vector<std::string> forms;
    for (const Family family : crypto::kFamilies) {
        if (crypto::has_signed_form(family, bytes) &&
            (family != Family::work_policy || bytes.size() != kHash.size())) {
            forms.emplace_back(crypto::family_name(family));
        }
    }
    if (crypto::RotationInput::of(bytes).ok()) {
        forms.emplace_back("rotation");
    }
    if (crypto::SnapshotInput::of(bytes).ok()) {
        forms.emplace_back("snapshot");
    }
    if (bytes.starts_with(kProbeStart)) {
        forms.emplace_back("probe");
    }
    return forms;
}

/// One to four small damages: bytes changed, cut out or doubled, and the end of one form put to the
/// beginning of another.
std::string damaged(std::string bytes, const std::vector<std::string>& others, std::mt19937& dice) {
    const auto below = [&](std::size_t end) { return dice() % (end + (end == 0 ? 1 : 0)); };
    for (std::size_t left = 1 + below(4); left > 0; --left) {
        const std::size_t at = below(bytes.size());
        switch (below(4)) {
            case 0:
                bytes.replace(at, 1, 1, static_cast<char>(below(256)));
                break;
            case 1:
                bytes.erase(at, 1 + below(8));
                break;
            case 2:
                bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(16)));
                break;
            default: {
                const std::string& other = others[below(others.size())];
                bytes = bytes.substr(0, at) + other.substr(below(other.size()));
            }
        }
    }
    return bytes;
}
}  // namespace

TEST_CASE("signing input: a receipt key takes a payload hash or a legacy receipt", "[crypto]") {
    CHECK(crypto::SigningInput<Family::gateway_receipt>::of(kHash).ok());
    CHECK(crypto::SigningInput<Family::gateway_receipt>::of(kLegacy).ok());
}

TEST_CASE("signing input: a receipt key takes nothing that is a token, a rotation or a probe",
          "[crypto]") {
    const std::string probe(
        reinterpret_cast<const char*>(crypto::ProbeInput::fresh().value().bytes().data()), 52);
    for (const std::string& bytes :
         {std::string(), kToken, kHash + "x", kHash.substr(1), "." + kHash.substr(1), probe,
          std::string(R"({"snapshot_version":"1"})"), std::string("clawsig:rotate:handoff:a:b:c"),
          std::string(R"({"issued_at":"x"})"), std::string(R"({"version":"1.1","a":1})")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::gateway_receipt>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a token key takes a compact JWS to be signed and nothing else",
          "[crypto]") {
    CHECK(crypto::SigningInput<Family::cst>::of(kToken).ok());
    for (const std::string& bytes :
         {std::string(), kHash, kLegacy, kToken + ".", kToken + ".eyJ", "x" + kToken,
          std::string("eyJhbGciOiJFZERTQSJ9."), std::string(".eyJzdWIiOiJhIn0"),
          std::string("eyJ.WyJhIl0"), std::string("eyJ=.eyJ"), std::string("eyJ.eyJ ")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::cst>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a log's key takes a checkpoint's three lines and nothing else",
          "[crypto]") {
    CHECK(crypto::SigningInput<Family::checkpoint>::of(kCheckpoint).ok());
    CHECK(crypto::SigningInput<Family::checkpoint>::of("a log\n0\n" + kRoot + "\n").ok());
    const std::string probe(
        reinterpret_cast<const char*>(crypto::ProbeInput::fresh().value().bytes().data()), 52);
    for (const std::string& bytes : {std::string(),
                                     kHash,
                                     kLegacy,
                                     kToken,
                                     probe,
                                     std::string("\n"),
                                     std::string("\n\n\n"),
                                     kCheckpoint.substr(0, kCheckpoint.size() - 1),
                                     kCheckpoint + "extension\n",
                                     kCheckpoint + "\n",
                                     "\n0\n" + kRoot + "\n",
                                     "a\tb\n0\n" + kRoot + "\n",
                                     "a\r\n0\n" + kRoot + "\n",
                                     "a\n01\n" + kRoot + "\n",
                                     "a\n\n" + kRoot + "\n",
                                     "a\n-1\n" + kRoot + "\n",
                                     "a\n18446744073709551616\n" + kRoot + "\n",
                                     "a\n1\n" + kRoot.substr(4) + "\n",
                                     "a\n1\n" + kRoot.substr(0, 43) + "\n",
                                     "a\n1\n" + kRoot.substr(0, 42) + "J=\n",
                                     kLegacy + "\n1\n" + kRoot + "\n",
                                     probe.substr(0, 20) + "x\n1\n" + kRoot + "\n"}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::checkpoint>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a policy key takes a payload hash and nothing else", "[crypto]") {
    CHECK(crypto::SigningInput<Family::work_policy>::of(kHash).ok());
    for (const std::string& bytes :
         {std::string(), kLegacy, kToken, kCheckpoint, kHash + "x", kHash.substr(1), kHash + "\n",
          std::string(R"({"policy_version":"1"})")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::work_policy>::of(bytes).ok());
    }
}

TEST_CASE("signing input: only the envelopes' hashes have the form of two families", "[crypto]") {
    const auto families_of = [](const std::string& bytes) {
        std::vector<Family> families;
        for (const Family family : crypto::kFamilies) {
            if (crypto::has_signed_form(family, bytes)) {
                families.push_back(family);
            }
        }
        return families;
    };
    CHECK(families_of(kHash) == std::vector{Family::gateway_receipt, Family::work_policy});
    CHECK(families_of(kLegacy) == std::vector{Family::gateway_receipt});
    CHECK(families_of(kToken) == std::vector{Family::cst});
    CHECK(families_of(kCheckpoint) == std::vector{Family::checkpoint});
}

TEST_CASE("key statement: each takes its own form and nothing else", "[crypto]") {
    CHECK(crypto::RotationInput::of(kRotation).ok());
    CHECK(crypto::SnapshotInput::of(kSnapshot).ok());
    for (const std::string& bytes :
         {std::string(), kHash, kLegacy, kToken, kCheckpoint, probe(), kRotation + " ",
          kRotation.substr(1), kRotation.substr(0, kRotation.size() - 1), kSnapshot + "\n",
          kSnapshot.substr(1), std::string(R"({"issued_at":"x"})"),
          std::string(R"({"snapshot_version":"1"})"),
          std::string(R"({"snapshot_version":"2","generated_at":1})"),
          std::string(R"({"rotation_version":"1","issued_at":"x"})")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::RotationInput::of(bytes).ok());
        CHECK_FALSE(crypto::SnapshotInput::of(bytes).ok());
    }
    CHECK_FALSE(crypto::RotationInput::of(kSnapshot).ok());
    CHECK_FALSE(crypto::SnapshotInput::of(kRotation).ok());
    // A certificate that is signed already is not signed again.
    std::string with_signature = kRotation;
    with_signature.insert(with_signature.size() - 2, "AA");
    CHECK_FALSE(crypto::RotationInput::of(with_signature).ok());
}

TEST_CASE("key statement: no bytes have its form and another's, whatever is done to them",
          "[crypto]") {
    const std::vector<std::string> whole{kHash,     kLegacy,   kToken, kCheckpoint,
                                         kRotation, kSnapshot, probe()};
    for (const std::string& bytes : whole) {
        CHECK(forms_of(bytes).size() == 1);
    }
    std::mt19937 dice(20260301);  // NOLINT(cert-msc51-cpp): the same every time
    std::size_t still_a_form = 0;
    for (int round = 0; round < 60'000; ++round) {
        const std::string bytes = damaged(whole[dice() % whole.size()], whole, dice);
        const auto forms = forms_of(bytes);
        still_a_form += forms.size();
        if (forms.size() > 1) {
            FAIL("has the form of " << forms[0] << " and of " << forms[1] << ": " << bytes);
        }
    }
    CHECK(still_a_form > 5'000);  // else the damages are too large to say anything
}

TEST_CASE("probe: starts as no artefact does and is never the same twice", "[crypto]") {
    const auto one = crypto::ProbeInput::fresh().value();
    const auto two = crypto::ProbeInput::fresh().value();
    CHECK(one.bytes().size() == 52);
    CHECK_FALSE(std::equal(one.bytes().begin(), one.bytes().end(), two.bytes().begin()));
    const std::string text(reinterpret_cast<const char*>(one.bytes().data()), one.bytes().size());
    for (const Family family : crypto::kFamilies) {
        CHECK_FALSE(crypto::has_signed_form(family, text));
    }
}

TEST_CASE("family: checkpoints are Ed25519's alone", "[crypto]") {
    CHECK(crypto::signs_with(Family::checkpoint, crypto::Algorithm::ed25519));
    CHECK_FALSE(crypto::signs_with(Family::checkpoint, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::cst, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::gateway_receipt, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::work_policy, crypto::Algorithm::p256));
}

TEST_CASE("family: its name reads back", "[crypto]") {
    for (const Family family : crypto::kFamilies) {
        CHECK(crypto::family_from_name(crypto::family_name(family)) == family);
    }
    CHECK_FALSE(crypto::family_from_name("root").has_value());
}
