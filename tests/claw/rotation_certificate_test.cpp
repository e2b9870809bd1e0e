#include "claw/rotation_certificate.h"

#include "claw/json.h"
#include "crypto/key_forms.h"
#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::VerdictCode;
using tests::SoftwareKey;
using tests::text_of;

namespace {

claw::JsonValue rows() {
    return tests::vector_file("keys_own.json").at("rotations");
}

const SoftwareKey& old_key() {
    static const SoftwareKey key = SoftwareKey::golden();
    return key;
}
const SoftwareKey& new_key() {
    static const SoftwareKey key =
        SoftwareKey::of_seed("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    return key;
}

claw::RotationCertificate plain() {
    return {"rot_1", old_key().public_key(), new_key().public_key(), "2026-03-01T12:00:00.007Z",
            "operator_rotation"};
}

std::string signed_by(const claw::RotationCertificate& certificate, const SoftwareKey& old_one,
                      const SoftwareKey& new_one) {
    const auto body = claw::RotationBody::of(certificate).value();
    return body.signed_by(old_one.sign(body.input().bytes()), new_one.sign(body.input().bytes()));
}

VerdictCode verdict_of(const std::string& text) {
    const auto found = claw::verify_rotation_certificate(text);
    CHECK(found.certificate.has_value() == found.verdict.valid());
    return found.verdict.code;
}

template <class Change>
bool is_refused(Change change) {
    auto certificate = plain();
    change(certificate);
    return !claw::RotationBody::of(certificate).ok();
}

}  // namespace

TEST_CASE("rotation certificate: says what the other language says, byte for byte", "[claw]") {
    const claw::JsonValue all = rows();
    for (const claw::JsonValue& row : all.as_array()) {
        INFO(text_of(row, "name"));
        const auto old_one = SoftwareKey::of_seed(text_of(row, "old_seed"));
        const auto new_one = SoftwareKey::of_seed(text_of(row, "new_seed"));
        claw::RotationCertificate certificate{text_of(row, "rotation_id"), old_one.public_key(),
                                              new_one.public_key(), text_of(row, "issued_at"),
                                              text_of(row, "reason")};
        if (const claw::JsonValue* metadata = row.as_object().if_contains("metadata")) {
            certificate.metadata = claw::canonical_json_text(*metadata);
        }
        CHECK(claw::RotationBody::of(certificate)->text() == text_of(row, "signed_text"));
        CHECK(signed_by(certificate, old_one, new_one) == text_of(row, "certificate"));
        const auto found = claw::verify_rotation_certificate(text_of(row, "in_another_layout"));
        REQUIRE(found.verdict.valid());
        CHECK(found.certificate->rotation_id == certificate.rotation_id);
        CHECK(found.certificate->old_key == certificate.old_key);
        CHECK(found.certificate->new_key == certificate.new_key);
        CHECK(found.certificate->issued_at == certificate.issued_at);
        CHECK(found.certificate->reason == certificate.reason);
        CHECK(found.certificate->metadata == certificate.metadata);
    }
}

TEST_CASE("rotation certificate: what verifiers would refuse is not made", "[claw]") {
    CHECK(claw::RotationBody::of(plain()).ok());
    CHECK(is_refused([](auto& one) { one.new_key = one.old_key; }));
    for (auto member : {&claw::RotationCertificate::old_key, &claw::RotationCertificate::new_key}) {
        CHECK(is_refused([&](auto& one) {
            one.*member = SoftwareKey::random(crypto::Algorithm::p256).public_key();
        }));
    }
    CHECK(is_refused([](auto& one) { one.rotation_id = " "; }));
    CHECK(is_refused([](auto& one) { one.rotation_id.assign(129, 'x'); }));
    CHECK(is_refused([](auto& one) { one.reason = ""; }));
    CHECK(is_refused([](auto& one) { one.reason.assign(257, 'x'); }));
    CHECK(is_refused([](auto& one) { one.reason = "\xff"; }));
    for (const char* time :
         {"", "2026-03-01", "2026-02-30T12:00:00Z", "2026-03-01T12:00:00",
          "2026-03-01T12:00:00+01:00", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00.0000000000Z",
          "2026-03-01T12:00:00.1x7Z", "2026-03-01T12:00:00,007Z", "2026-03-01t12:00:00Z"}) {
        INFO(time);
        CHECK(is_refused([&](auto& one) { one.issued_at = time; }));
    }
    for (const char* metadata :
         {"", "1", "[]", "{", R"({ "a":1})", R"({"b":1,"a":1})", R"({"a":1.0})", R"({"a":1,"a":1})",
          R"({},"reason":"x")", R"({},"more":{})"}) {
        INFO(metadata);
        CHECK(is_refused([&](auto& one) { one.metadata = metadata; }));
    }
    CHECK(is_refused([](auto& one) {
        one.metadata = R"({"a":")" + std::string(claw::kMaxRotationMetadata, 'x') + "\"}";
    }));
}

TEST_CASE("rotation certificate: both keys must have signed it, each in its place", "[claw]") {
    CHECK(verdict_of(signed_by(plain(), old_key(), new_key())) == VerdictCode::valid);
    CHECK(verdict_of(signed_by(plain(), new_key(), old_key())) == VerdictCode::signature_invalid);
    CHECK(verdict_of(signed_by(plain(), old_key(), old_key())) == VerdictCode::signature_invalid);
    CHECK(verdict_of(signed_by(plain(), new_key(), new_key())) == VerdictCode::signature_invalid);
}

TEST_CASE("rotation certificate: one that was changed is refused, by what is wrong with it",
          "[claw]") {
    const std::string good = signed_by(plain(), old_key(), new_key());
    const auto bent = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return verdict_of(text);
    };
    CHECK(bent("{", "[") == VerdictCode::malformed_envelope);
    CHECK(bent("rot_1", "rot_2") == VerdictCode::signature_invalid);
    CHECK(bent("operator_", "operators_") == VerdictCode::signature_invalid);
    CHECK(bent(".007Z", ".008Z") == VerdictCode::signature_invalid);
    CHECK(bent("{", R"({"metadata":{},)") == VerdictCode::signature_invalid);
    CHECK(bent("did:key:z6Mktw", "did:key:z6Mktx") == VerdictCode::signature_invalid);
    CHECK(bent("did:key:z6Mktw", "did:key:z6Mk0w") == VerdictCode::invalid_did_format);
    CHECK(bent(crypto::did_key(old_key().public_key()),
               "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv") ==
          VerdictCode::invalid_did_format);
    CHECK(bent("did:key:z6Mktw", "did:web:z6Mktw") == VerdictCode::invalid_did_format);
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {R"("rotation_version":"1")", R"("rotation_version":"2")"},
             {R"("rotation_version":"1",)", ""},
             {"{", R"({"more":1,)"},
             {"{", R"({"metadata":[],)"},
             {R"("signature_old_b64u":")", R"("signature_old_b64u":"A)"},
             {"2026-03", "2026-13"}}) {
        INFO(from << " to " << to);
        CHECK(bent(from, to) == VerdictCode::schema_validation_failed);
    }
    CHECK(bent("{", R"({"reason":"x",)") != VerdictCode::valid);  // twice
    CHECK(verdict_of(std::string(claw::kMaxRotationBytes + 1, ' ')) ==
          VerdictCode::malformed_envelope);
    CHECK(verdict_of(claw::RotationBody::of(plain())->text()) ==
          VerdictCode::schema_validation_failed);
}

TEST_CASE("rotation certificate: a key cannot hand over to itself, though it signs twice",
          "[claw]") {
    const std::string did = text_of(tests::vector_file("key_golden.json"), "did_key");
    std::string text =
        R"({"issued_at":"2026-03-01T12:00:00.007Z","new_did":")" + did + R"(","old_did":")" + did +
        R"(","reason":"r","rotation_id":"i","rotation_version":"1","signature_new_b64u":"","signature_old_b64u":""})";
    const std::string signature = base::base64url_encode(old_key().sign(text));
    for (const std::string name : {"signature_new_b64u\":\"", "signature_old_b64u\":\""}) {
        text.insert(text.find(name) + name.size(), signature);
    }
    CHECK(verdict_of(text) == VerdictCode::schema_validation_failed);
}
