#include "claw/key_record.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <utility>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxText = 128;
constexpr std::size_t kIdLength = 16;
constexpr std::int64_t kMaxLeaf = (1LL << 53) - 1;

constexpr std::array<std::pair<KeyState, std::string_view>, kKeyStates.size()> kNames{{
    {KeyState::pending, "pending"},
    {KeyState::active, "active"},
    {KeyState::verify_only, "verify_only"},
    {KeyState::retired, "retired"},
    {KeyState::destroyed, "destroyed"},
    {KeyState::compromised, "compromised"},
}};

void write_time(JsonWriter& out, std::string_view name, const std::optional<UnixMillis>& time) {
    if (time) {
        out.text(name, base::format_utc(*time));
    }
}

std::optional<UnixMillis> read_time(JsonReader& in, std::string_view name) {
    const auto text = in.optional_text(name, kMaxText);
    if (!text) {
        return std::nullopt;
    }
    const auto time = base::parse_utc(*text);
    if (!time.ok()) {
        in.refuse(name, "is no time");
        return std::nullopt;
    }
    return *time;
}

KeyState read_state(JsonReader& in) {
    const auto state = key_state_from_name(in.text("state", kMaxText));
    if (!state) {
        in.refuse("state", "is none of a key's");
    }
    return state.value_or(KeyState::retired);
}

std::optional<std::string> read_id(JsonReader& in) {
    auto id = in.optional_text("id", kIdLength);
    if (id && (id->size() != kIdLength || !base::hex_decode(*id).ok())) {
        in.refuse("id", "must be 16 hex digits");
    }
    return id;
}

}  // namespace

std::string_view key_state_name(KeyState state) noexcept {
    return std::ranges::find(kNames, state, &decltype(kNames)::value_type::first)->second;
}

std::optional<KeyState> key_state_from_name(std::string_view name) noexcept {
    const auto* found = std::ranges::find(kNames, name, &decltype(kNames)::value_type::second);
    return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

std::string key_row_name(crypto::Family family, std::uint32_t version) {
    std::string name("key/");
    return name.append(crypto::family_name(family)).append("/").append(std::to_string(version));
}

// RFC 8785 sorts members by name: the calls below stand in that order.
std::string key_record_text(const KeyRecord& record) {
    JsonWriter out;
    write_time(out, "activate_at", record.activate_at);
    write_time(out, "active_since", record.active_since);
    write_time(out, "active_until", record.active_until);
    if (record.compromised_leaf) {
        out.integer("compromised_leaf", static_cast<std::int64_t>(*record.compromised_leaf));
    }
    write_time(out, "compromised_since", record.compromised_since);
    out.text("created", base::format_utc(record.created))
        .text("did", crypto::did_key(record.public_key))
        .text("family", crypto::family_name(record.family))
        .optional_text("id", record.id);
    write_time(out, "not_after", record.not_after);
    if (record.overlap) {
        out.integer("overlap_seconds", record.overlap->count());
    }
    return out.optional_text("proof", record.proof)
        .text("state", key_state_name(record.state))
        .integer("version", record.version)
        .done();
}

crypto::Family read_family(JsonReader& in) {
    const auto family = crypto::family_from_name(in.text("family", kMaxText));
    if (!family) {
        in.refuse("family", "must be one of: " + crypto::family_names());
    }
    return family.value_or(crypto::Family::gateway_receipt);
}

Result<KeyRecord> parse_key_record(std::string_view name, std::string_view text) {
    TRY(const JsonValue document, parse_json(text, JsonRules::javascript));
    JsonReader in(document, "");
    const auto family = read_family(in);
    const auto version =
        static_cast<std::uint32_t>(in.integer("version", 1, crypto::kMaxKeyVersion));
    const std::string did = in.text("did", kMaxText);
    const KeyState state = read_state(in);
    auto id = read_id(in);
    const auto created = read_time(in, "created");
    const auto activate_at = read_time(in, "activate_at");
    std::optional<std::chrono::seconds> overlap;
    if (in.has("overlap_seconds")) {
        overlap = std::chrono::seconds(in.integer("overlap_seconds", 0, kMaxOverlapSeconds));
    }
    const auto active_since = read_time(in, "active_since");
    const auto active_until = read_time(in, "active_until");
    const auto not_after = read_time(in, "not_after");
    const auto compromised_since = read_time(in, "compromised_since");
    std::optional<std::uint64_t> compromised_leaf;
    if (in.has("compromised_leaf")) {
        compromised_leaf = static_cast<std::uint64_t>(in.integer("compromised_leaf", 0, kMaxLeaf));
    }
    auto proof = in.optional_text("proof", kMaxText);
    CHECK_OK(in.finish());
    if (!created) {
        return Error::at("created", "is missing");
    }
    TRY(auto public_key, crypto::public_key_from_did(did));
    KeyRecord record{family,           version,         state,       std::move(public_key),
                     std::move(id),    *created,        activate_at, overlap,
                     active_since,     active_until,    not_after,   compromised_since,
                     compromised_leaf, std::move(proof)};
    if (key_record_text(record) != text || key_row_name(record.family, record.version) != name) {
        return Error(ErrorCode::malformed_json, "the record of a key is not in its one form");
    }
    return record;
}

const KeyRecord* FamilyKeys::active() const noexcept {
    const auto found = std::ranges::find(versions, KeyState::active, &KeyRecord::state);
    return found == versions.end() ? nullptr : &*found;
}

const KeyRecord* FamilyKeys::pending() const noexcept {
    const auto found = std::ranges::find(versions, KeyState::pending, &KeyRecord::state);
    return found == versions.end() ? nullptr : &*found;
}

const KeyRecord* FamilyKeys::version(std::uint32_t number) const noexcept {
    const auto found = std::ranges::find(versions, number, &KeyRecord::version);
    return found == versions.end() ? nullptr : &*found;
}

bool is_published(const KeyRecord& record, UnixMillis now) noexcept {
    switch (record.state) {
        case KeyState::pending:
        case KeyState::active:
            return true;
        case KeyState::verify_only:
            return !record.not_after || now <= *record.not_after;
        case KeyState::retired:
        case KeyState::destroyed:
        case KeyState::compromised:
            return false;
    }
    return false;
}

}  // namespace clawsigner::claw
