#include "base/clock.h"
#include "base/file.h"
#include "claw/json_writer.h"
#include "claw/rotation_certificate.h"
#include "cli/approval_commands.h"
#include "cli/conversation.h"
#include "cli/key_commands.h"
#include "crypto/key_forms.h"
#include "crypto/random.h"
#include "crypto/seed_key.h"

#include <cstdio>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;

/// What the daemon says of a family: the did:key that signs for it, and what it knows of the old
/// key.
struct Standing {
    std::optional<std::string> signing;
    std::optional<JsonObject> old_key;
};

/// A key that was never in a token, published for what it signed before. Any other one with this
/// did:key may need its seed yet.
bool is_adopted(const JsonObject& key) {
    const std::string state = cell(key, "state");
    return !key.contains("id") && (state == "verify_only" || state == "retired");
}

Standing standing(const Connection& to, const std::string& family, const std::string& old_did,
                  int& code) {
    Standing found;
    code = talk({to.socket, false}, "GET", "/v1/keys", "", [&](const JsonObject& answer) {
        for (const JsonValue& entry : array_member(answer, "keys")) {
            const JsonObject& key = entry.get_object();
            if (cell(key, "family") == family && cell(key, "signing") == "true") {
                found.signing = cell(key, "did");
            }
            if (cell(key, "family") == family && cell(key, "did") == old_did) {
                found.old_key = key;
            }
        }
    });
    return found;
}

Result<crypto::SeedKey> old_key_in(const std::filesystem::path& seed_file) {
    TRY(const base::Secret text, base::read_secret_file(seed_file));
    return crypto::SeedKey::parse(text);
}

/// What the old key has to say, signed by it.
Result<std::string> statement(const KeyTerms& terms, const crypto::SeedKey& old_key,
                              const std::string& new_did) {
    TRY(const auto new_key, crypto::public_key_from_did(new_did));
    TRY(auto id, crypto::uuid_v4());
    const std::string issued_at = base::format_utc(base::SystemClock().now());
    const std::string reason = terms.why.empty() ? "moved into a key store" : terms.why;
    TRY(const auto body,
        claw::RotationBody::of({id, old_key.public_key(), new_key, issued_at, reason}));
    TRY(const auto signature, old_key.sign(body.input()));
    claw::JsonWriter out;
    out.text("family", terms.family)
        .text("rotation_id", id)
        .text("old_did", crypto::did_key(old_key.public_key()))
        .text("issued_at", issued_at)
        .text("reason", reason)
        .text("signature_old_b64u", base::base64url_encode(signature));
    if (terms.overlap) {
        out.integer("overlap_seconds", terms.overlap->count());
    }
    return out.done();
}

Status wipe(const std::filesystem::path& file) {
    CHECK_OK(base::overwrite_with_zeros(file));
    return base::remove_file_durably(file);
}

/// The operators have approved: the seed has nothing more to say.
int finish(const Connection& to, const KeyTerms& terms, const JsonObject& key) {
    if (const Status wiped = wipe(terms.seed_file); !wiped.ok()) {
        return report(wiped.error(), to.json);
    }
    if (to.json) {
        const std::string text =
            claw::JsonWriter().raw("key", claw::canonical_json_text(JsonValue(key))).done();
        std::printf("%s\n", text.c_str());
    } else {
        std::printf("adopted: %s is %s; its seed is wiped\n", cell(key, "did").c_str(),
                    cell(key, "state").c_str());
    }
    return kGood;
}

}  // namespace

int adopt_key(const Connection& to, const KeyTerms& terms) {
    const auto old_key = old_key_in(terms.seed_file);
    if (!old_key.ok()) {
        return report(old_key.error(), to.json);
    }
    int code = kGood;
    const Standing now = standing(to, terms.family, crypto::did_key(old_key->public_key()), code);
    if (code != kGood) {
        return code;
    }
    if (now.old_key && !is_adopted(*now.old_key)) {
        return report(Error(ErrorCode::key_exists,
                            "the family has this key already, as one that is " +
                                cell(*now.old_key, "state") + "; the file is left as it is"),
                      to.json);
    }
    if (now.old_key) {
        return finish(to, terms, *now.old_key);
    }
    if (!now.signing) {
        return report(Error(ErrorCode::key_missing, "no key signs for " + terms.family +
                                                        "; make one: clawsigner keys create"),
                      to.json);
    }
    const auto body = statement(terms, *old_key, *now.signing);
    if (!body.ok()) {
        return report(body.error(), to.json);
    }
    return talk(to, "POST", "/v1/keys/adopt", *body, [](const JsonObject& answer) {
        if (print_waiting(answer)) {
            std::puts("Afterwards the same command once more wipes the file with the seed.");
        }
    });
}

}  // namespace clawsigner::cli
