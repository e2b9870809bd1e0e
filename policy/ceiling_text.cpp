#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "policy/ceiling.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

constexpr std::size_t kMaxPatterns = 256;
constexpr std::size_t kMaxPattern = 256;
constexpr std::int64_t kDay = 86'400;

bool covers(const NameSet& current, const NameSet& next) {
    const auto& known = current.patterns();
    return std::ranges::all_of(next.patterns(), [&](const std::string& pattern) {
        return std::ranges::find(known, pattern) != known.end() ||
               std::ranges::find(known, "*") != known.end();
    });
}

}  // namespace

std::string ceiling_text(const TokenCeiling& ceiling) {
    return claw::JsonWriter()
        .raw("audiences", claw::json_texts(ceiling.audiences.patterns()))
        .integer("max_ttl_seconds", ceiling.max_ttl.count())
        .raw("scopes", claw::json_texts(ceiling.scopes.patterns()))
        .integer("v", 1)
        .done();
}

Result<TokenCeiling> parse_ceiling(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    (void)in.integer("v", 1, 1);
    TokenCeiling ceiling;
    ceiling.max_ttl = std::chrono::seconds(in.integer("max_ttl_seconds", 1, kDay));
    ceiling.audiences = NameSet(in.texts("audiences", 0, kMaxPatterns, kMaxPattern));
    ceiling.scopes = NameSet(in.texts("scopes", 0, kMaxPatterns, kMaxPattern));
    CHECK_OK(in.finish());
    if (ceiling_text(ceiling) != text) {
        return Error(ErrorCode::malformed_json, "the ceiling is not in its one form");
    }
    return ceiling;
}

bool is_no_higher(const TokenCeiling& next, const TokenCeiling& current) {
    return next.max_ttl <= current.max_ttl && covers(current.audiences, next.audiences) &&
           covers(current.scopes, next.scopes);
}

}  // namespace clawsigner::policy
