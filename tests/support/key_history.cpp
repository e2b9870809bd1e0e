#include "support/key_history.h"

#include <cstdlib>
#include <utility>

namespace clawsigner::tests {
namespace {

KeyHistory history_of(const claw::JsonValue& row) {
    KeyHistory history;
    history.name = text_of(row, "name");
    history.family.family = crypto::family_from_name(text_of(row, "family")).value();
    history.family.frozen = row.at("frozen").as_bool();
    for (const claw::JsonValue& record : row.at("records").as_array()) {
        const auto version = static_cast<std::uint32_t>(history.family.versions.size() + 1);
        history.family.versions.push_back(
            claw::parse_key_record(claw::key_row_name(history.family.family, version),
                                   std::string_view(record.as_string()))
                .value());
    }
    history.now = base::parse_utc(text_of(row, "now")).value();
    history.overlap =
        std::chrono::seconds(static_cast<std::int64_t>(row.at("overlap_seconds").as_double()));
    history.row = row;
    return history;
}

}  // namespace

std::vector<KeyHistory> key_histories() {
    std::vector<KeyHistory> histories;
    const claw::JsonValue file = vector_file("keys_own.json");
    for (const claw::JsonValue& row : file.at("histories").as_array()) {
        histories.push_back(history_of(row));
    }
    return histories;
}

KeyHistory key_history(std::string_view name) {
    for (KeyHistory& history : key_histories()) {
        if (history.name == name) {
            return std::move(history);
        }
    }
    std::abort();
}

}  // namespace clawsigner::tests
