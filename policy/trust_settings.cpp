#include "policy/trust_settings.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <set>

namespace clawsigner::policy {
namespace {

constexpr std::string_view kForm = "trust.form";
constexpr std::size_t kMaxText = 256;

using Texts = std::vector<std::string>;

bool is_audience(std::string_view text) {
    return !text.empty() && text.size() <= kMaxText &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

Status check_list(std::string_view name, const Texts& texts, bool (*is_good)(std::string_view),
                  std::string_view otherwise) {
    if (texts.size() > kMaxTrusted) {
        return claw::under_rule(Error::at(std::string(name), "may have at most 64 items"), kForm);
    }
    std::set<std::string_view> seen;
    for (const std::string& text : texts) {
        if (!is_good(text)) {
            return claw::under_rule(Error::at(std::string(name), otherwise), kForm);
        }
        if (!seen.insert(text).second) {
            return claw::under_rule(Error::at(std::string(name), "has an item twice"), kForm);
        }
    }
    return Status::done();
}

bool is_signer(std::string_view text) {
    return crypto::public_key_from_did(text).ok();
}

Status check_settings(const TrustSettings& settings) {
    CHECK_OK(check_list("audiences", settings.audiences, is_audience,
                        "must be printable ASCII of 1 to 256 characters without space and comma"));
    return check_list("wpc_signers", settings.wpc_signers, is_signer,
                      "must be did:keys of Ed25519 or P-256 keys");
}

Result<bool> truth(std::string_view key, std::string_view value) {
    if (value != "true" && value != "false") {
        return claw::under_rule(Error::at(std::string(key), "must be true or false"), kForm);
    }
    return value == "true";
}

Texts split(std::string_view list) {
    Texts texts;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        texts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) {
            break;
        }
        list.remove_prefix(comma + 1);
        if (list.empty()) {
            texts.emplace_back();  // what follows the last comma is an item that is not good
        }
    }
    return texts;
}

bool is_within(const Texts& next, const Texts& current) {
    return std::ranges::all_of(next, [&](const std::string& text) {
        return std::ranges::find(current, text) != current.end();
    });
}

}  // namespace

std::string trust_settings_text(const TrustSettings& settings) {
    return claw::JsonWriter()
        .boolean("allow_unpinned", settings.allow_unpinned)
        .raw("audiences", claw::json_texts(settings.audiences))
        .boolean("claims_mode", settings.claims_mode)
        .integer("v", 1)
        .raw("wpc_signers", claw::json_texts(settings.wpc_signers))
        .done();
}

Result<TrustSettings> parse_trust_settings(std::string_view text) {
    const auto document = claw::parse_json(text, claw::JsonRules::door);
    if (!document.ok()) {
        return claw::under_rule(document.error(), kForm);
    }
    claw::JsonReader in(*document, "", kForm);
    (void)in.integer("v", 1, 1);
    TrustSettings settings;
    settings.claims_mode = in.boolean("claims_mode");
    settings.allow_unpinned = in.boolean("allow_unpinned");
    settings.audiences = in.texts("audiences", 0, kMaxTrusted, kMaxText);
    settings.wpc_signers = in.texts("wpc_signers", 0, kMaxTrusted, kMaxText);
    CHECK_OK(in.finish());
    CHECK_OK(check_settings(settings));
    if (trust_settings_text(settings) != text) {
        return claw::under_rule(
            Error(ErrorCode::malformed_json, "the settings are not in their one form"), kForm);
    }
    return settings;
}

Result<TrustSettings> with_setting(TrustSettings current, std::string_view key,
                                   std::string_view value) {
    if (key == "claims_mode") {
        TRY(current.claims_mode, truth(key, value));
    } else if (key == "allow_unpinned") {
        TRY(current.allow_unpinned, truth(key, value));
    } else if (key == "audiences") {
        current.audiences = split(value);
    } else if (key == "wpc_signers") {
        current.wpc_signers = split(value);
    } else {
        return claw::under_rule(
            Error::at(std::string(key),
                      "is none of: claims_mode allow_unpinned audiences wpc_signers"),
            kForm);
    }
    CHECK_OK(check_settings(current));
    return current;
}

bool is_no_wider(const TrustSettings& next, const TrustSettings& current) {
    return (current.claims_mode || !next.claims_mode) &&
           (current.allow_unpinned || !next.allow_unpinned) &&
           is_within(next.audiences, current.audiences) &&
           is_within(next.wpc_signers, current.wpc_signers);
}

}  // namespace clawsigner::policy
