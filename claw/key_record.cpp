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
    out.optional_time("activate_at", record.activate_at);
    out.optional_time("active_since", record.active_since);
    out.optional_time("active_until", record.active_until);
    if (record.compromised_leaf) {
        out.integer("compromised_leaf", static_cast<std::int64_t>(*record.compromised_leaf));
    }
    out.optional_time("compromised_since", record.compromised_since);
    out.time("created", record.created)
        .text("did", crypto::did_key(record.public_key))
        .text("family", crypto::family_name(record.family))
        .optional_text("id", record.id);
    out.optional_time("not_after", record.not_after);
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

KeyRecord KeyRecord::of(crypto::Family family, std::uint32_t version, KeyState state,
                        crypto::PublicKey public_key, UnixMillis created) {
    return {family, version, state, std::move(public_key), {}, created, {}, {}, {}, {}, {},
            {},     {},      {}};
}

Result<KeyRecord> parse_key_record(std::string_view name, std::string_view text) {
    TRY(const JsonValue document, parse_json(text, JsonRules::javascript));
    JsonReader in(document, "");
    auto public_key = crypto::public_key_from_did(in.text("did", kMaxText));
    if (!public_key.ok()) {
        in.refuse("did", public_key.error().message);
        return in.finish().error();
    }
    const auto family = read_family(in);
    const auto version =
        static_cast<std::uint32_t>(in.integer("version", 1, crypto::kMaxKeyVersion));
    const KeyState state = read_state(in);
    auto record = KeyRecord::of(family, version, state, *std::move(public_key), in.time("created"));
    record.id = read_id(in);
    record.activate_at = in.optional_time("activate_at");
    if (in.has("overlap_seconds")) {
        record.overlap = std::chrono::seconds(in.integer("overlap_seconds", 0, kMaxOverlapSeconds));
    }
    record.active_since = in.optional_time("active_since");
    record.active_until = in.optional_time("active_until");
    record.not_after = in.optional_time("not_after");
    record.compromised_since = in.optional_time("compromised_since");
    if (in.has("compromised_leaf")) {
        record.compromised_leaf =
            static_cast<std::uint64_t>(in.integer("compromised_leaf", 0, kMaxLeaf));
    }
    record.proof = in.optional_text("proof", kMaxText);
    CHECK_OK(in.finish());
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
