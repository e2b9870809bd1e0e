#include "claw/key_snapshot.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <set>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHashChars = 43;
constexpr std::size_t kSignatureChars = 86;
constexpr std::size_t kKidChars = 16;
constexpr std::size_t kMaxText = 256;

struct Signed {
    KeySnapshot snapshot;
    std::string id;
    std::string hash;
    std::string signer_kid;
    std::string signature;
};

std::string message(const KeySnapshot& snapshot) {
    return JsonWriter()
        .text("snapshot_version", "1")
        .integer("generated_at", snapshot.generated_at.time_since_epoch().count())
        .time("generated_at_iso", snapshot.generated_at)
        .text("active_kid", snapshot.kids.active_kid)
        .raw("accepted_kids", json_texts(snapshot.kids.accepted_kids))
        .raw("signing_kids", json_texts(snapshot.kids.signing_kids))
        .raw("verify_only_kids", json_texts(snapshot.kids.verify_only_kids))
        .raw("expiring_kids", expiring_kids_text(snapshot.kids))
        .integer("overlap_seconds", snapshot.overlap.count())
        .done();
}

std::string snapshot_id(const KeySnapshot& snapshot) {
    return "kts_" + std::to_string(snapshot.generated_at.time_since_epoch().count()) + "_" +
           snapshot.kids.active_kid;
}

bool is_kid(std::string_view text) {
    return text.size() == kKidChars && base::hex_decode(text).ok();
}

std::vector<std::string> read_kids(JsonReader& in, std::string_view name) {
    auto kids = in.texts(name, 0, kMaxSnapshotKids, kKidChars);
    if (!std::ranges::all_of(kids, is_kid)) {
        in.refuse(name, "must be kids of 16 hex digits");
    }
    return kids;
}

ExpiringKid read_expiring_kid(const JsonValue& value, JsonReader& parent) {
    JsonReader in(value, "expiring_kids[]");
    ExpiringKid key;
    key.kid = in.text("kid", kKidChars);
    key.not_after_unix = in.integer("not_after_unix", 0, base::kLastSecond);
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return key;
}

std::vector<ExpiringKid> read_expiring(JsonReader& in) {
    const JsonValue* value = in.optional_any("expiring_kids");
    std::vector<ExpiringKid> keys;
    if (value == nullptr || !value->is_array() || value->get_array().size() > kMaxSnapshotKids) {
        in.refuse("expiring_kids", "must be an array of at most 256 keys");
        return keys;
    }
    for (const JsonValue& element : value->get_array()) {
        keys.push_back(read_expiring_kid(element, in));
    }
    return keys;
}

KeySnapshot read_members(JsonReader& in) {
    KeySnapshot snapshot;
    in.constant("snapshot_version", "1");
    snapshot.generated_at = std::chrono::sys_seconds(
        std::chrono::seconds(in.integer("generated_at", 0, base::kLastSecond)));
    in.constant("generated_at_iso", base::format_utc(snapshot.generated_at));
    snapshot.kids.active_kid = in.text("active_kid", kKidChars);
    snapshot.kids.accepted_kids = read_kids(in, "accepted_kids");
    snapshot.kids.signing_kids = read_kids(in, "signing_kids");
    snapshot.kids.verify_only_kids = read_kids(in, "verify_only_kids");
    snapshot.kids.expiring_kids = read_expiring(in);
    snapshot.overlap = std::chrono::seconds(in.integer("overlap_seconds", 0, kMaxOverlapSeconds));
    return snapshot;
}

/// Every accepted key is listed once, and once more by what it does; the active one signs.
bool lists_agree(const PublishedKids& kids) {
    const std::set<std::string> accepted(kids.accepted_kids.begin(), kids.accepted_kids.end());
    std::set<std::string> by_use(kids.signing_kids.begin(), kids.signing_kids.end());
    by_use.insert(kids.verify_only_kids.begin(), kids.verify_only_kids.end());
    std::set<std::string> expiring;
    const auto is_accepted = [&](const ExpiringKid& key) {
        return accepted.contains(key.kid) && expiring.insert(key.kid).second;
    };
    return accepted == by_use && accepted.size() == kids.accepted_kids.size() &&
           accepted.size() == kids.signing_kids.size() + kids.verify_only_kids.size() &&
           std::ranges::find(kids.signing_kids, kids.active_kid) != kids.signing_kids.end() &&
           std::ranges::all_of(kids.expiring_kids, is_accepted);
}

Result<Signed> read_signed(const JsonValue& document) {
    JsonReader in(document, "");
    Signed read;
    read.snapshot = read_members(in);
    read.id = in.text("snapshot_id", kMaxText);
    read.hash = in.b64u("snapshot_hash_b64u", kHashChars, kHashChars);
    read.signer_kid = in.text("signer_kid", kKidChars);
    read.signature = in.b64u("signature_b64u", kSignatureChars, kSignatureChars);
    in.optional_text("r2_object_key", kMaxText);
    CHECK_OK(in.finish());
    if (!lists_agree(read.snapshot.kids)) {
        return Error::at("accepted_kids", "does not agree with the other lists of kids");
    }
    if (read.signer_kid != read.snapshot.kids.active_kid) {
        return Error::at("signer_kid", "must be the active_kid");
    }
    if (read.id != snapshot_id(read.snapshot)) {
        return Error::at("snapshot_id", "must be " + snapshot_id(read.snapshot));
    }
    return read;
}

Verdict check_signed(const Signed& read, std::span<const crypto::PublicKey> keys) {
    const std::string text = message(read.snapshot);
    if (crypto::sha256_b64u(text) != read.hash) {
        return {VerdictCode::hash_mismatch, "snapshot_hash_b64u is not that of the snapshot"};
    }
    const auto signer = std::ranges::find(
        keys, read.signer_kid, [](const crypto::PublicKey& key) { return crypto::kid(key); });
    if (signer == keys.end()) {
        return {VerdictCode::claim_not_found, "signer_kid is none of the keys given"};
    }
    const auto signature = base::base64url_decode(read.signature);
    if (!signature.ok() || !signer->verifies(base::as_bytes(text), *signature)) {
        return {VerdictCode::signature_invalid, "signature_b64u is not the active key's"};
    }
    return {VerdictCode::valid, ""};
}

}  // namespace

KeySnapshot snapshot_of(const FamilyKeys& family, UnixMillis now, std::chrono::seconds overlap) {
    return {std::chrono::floor<std::chrono::seconds>(now), published_kids(family, now), overlap};
}

Result<SnapshotBody> SnapshotBody::of(const KeySnapshot& snapshot) {
    if (snapshot.kids.active_kid.empty()) {
        return Error(ErrorCode::key_missing, "no key is active, so a snapshot cannot be signed");
    }
    std::string text = message(snapshot);
    TRY(auto input, crypto::SnapshotInput::of(text));
    return SnapshotBody(std::move(text), snapshot_id(snapshot), snapshot.kids.active_kid,
                        std::move(input));
}

std::string SnapshotBody::signed_by_active(const crypto::Signature& signature) const {
    const std::string rest = JsonWriter()
                                 .text("snapshot_id", id_)
                                 .text("snapshot_hash_b64u", crypto::sha256_b64u(text_))
                                 .text("signer_kid", active_kid_)
                                 .text("signature_b64u", base::base64url_encode(signature))
                                 .done();
    // The signed members stand in it byte for byte.
    return text_.substr(0, text_.size() - 1) + "," + rest.substr(1);
}

SnapshotVerdict verify_key_snapshot(std::string_view text,
                                    std::span<const crypto::PublicKey> keys) {
    if (text.size() > kMaxSnapshotBytes) {
        return {{VerdictCode::malformed_envelope, "is too long for a snapshot"}, {}};
    }
    const auto document = parse_json(text, JsonRules::javascript);
    if (!document.ok()) {
        return {{VerdictCode::malformed_envelope, document.error().message}, {}};
    }
    auto read = read_signed(*document);
    if (!read.ok()) {
        return {{VerdictCode::schema_validation_failed, read.error().message}, {}};
    }
    Verdict verdict = check_signed(*read, keys);
    if (!verdict.valid()) {
        return {std::move(verdict), {}};
    }
    return {std::move(verdict), std::move(read->snapshot)};
}

}  // namespace clawsigner::claw
