#include "claw/log_keys.h"

#include "claw/key_record.h"

namespace clawsigner::claw {

Result<std::vector<NoteKey>> log_keys(const Settings& state) {
    std::vector<NoteKey> keys;
    const auto origin = state.find("origin");
    const auto first = state.find("log_key");
    if (origin == state.end() || first == state.end()) {
        return keys;
    }
    TRY(NoteKey key, NoteKey::parse(first->second.value));
    keys.push_back(std::move(key));
    const std::string prefix = "key/" + std::string(family_name(crypto::Family::checkpoint)) + "/";
    for (auto row = state.lower_bound(prefix); row != state.end() && row->first.starts_with(prefix);
         ++row) {
        TRY(const KeyRecord record, parse_key_record(row->first, row->second.value));
        TRY(NoteKey other, NoteKey::of(origin->second.value, record.public_key));
        keys.push_back(std::move(other));
    }
    return keys;
}

}  // namespace clawsigner::claw
