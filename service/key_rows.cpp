#include "service/key_rows.h"

#include "crypto/key_forms.h"

#include <algorithm>
#include <utility>

namespace clawsigner::service {
namespace {

using claw::FamilyKeys;
using claw::KeyRecord;
using claw::KeyState;

constexpr std::string_view kKeyRows = "key/";
constexpr std::string_view kFrozenRows = "frozen/";
constexpr std::string_view kYes = "yes";

std::string row_name(std::string_view kind, crypto::Family family) {
    return std::string(kind).append(crypto::family_name(family));
}

std::string row_name(std::string_view kind, crypto::Family family, std::uint32_t version) {
    return row_name(kind, family).append("/").append(std::to_string(version));
}

Status check(const FamilyKeys& keys) {
    const auto active = std::ranges::count(keys.versions, KeyState::active, &KeyRecord::state);
    return active <= 1 ? Status::done()
                       : Status(Error::at(std::string(crypto::family_name(keys.family)),
                                          "has two active keys"));
}

void add_rows(RowSet& rows, const FamilyKeys& keys) {
    for (const KeyRecord& record : keys.versions) {
        rows[claw::key_row_name(keys.family, record.version)] = claw::key_record_text(record);
    }
    const KeyRecord* active = keys.active();
    rows[claw::signing_row_name(keys.family)] = active == nullptr || keys.frozen
                                                    ? std::string(claw::kNobodySigns)
                                                    : crypto::kid(active->public_key);
    rows[row_name(kFrozenRows, keys.family)] =
        keys.frozen ? std::optional<std::string>(kYes) : std::nullopt;
}

RowSet all_rows(const Families& families) {
    RowSet rows;
    for (const auto& [family, keys] : families) {
        add_rows(rows, keys);
    }
    return rows;
}

}  // namespace

Result<Families> families_of(const claw::Settings& rows) {
    Families families;
    for (const crypto::Family family : crypto::kFamilies) {
        families[family].family = family;
        families[family].frozen = rows.contains(row_name(kFrozenRows, family));
    }
    for (const auto& [name, row] : rows) {
        if (name.starts_with(kKeyRows)) {
            TRY(KeyRecord record, claw::parse_key_record(name, row.value));
            families[record.family].versions.push_back(std::move(record));
        }
    }
    for (auto& [family, keys] : families) {
        std::ranges::sort(keys.versions, {}, &KeyRecord::version);
        CHECK_OK(check(keys));
    }
    return families;
}

RowSet rows_between(const Families& before, const Families& after) {
    const RowSet old_rows = all_rows(before);
    RowSet rows = all_rows(after);
    std::erase_if(rows, [&](const auto& row) {
        const auto old = old_rows.find(row.first);
        return old != old_rows.end() && old->second == row.second;
    });
    return rows;
}

std::string key_subject(const hsm::KeyName& key) {
    return std::string(crypto::family_name(key.family))
        .append("/")
        .append(std::to_string(key.version));
}

hsm::KeyName key_name(const KeyRecord& record) {
    return {record.family, record.version};
}

std::string seeded_row_name(crypto::Family family) {
    return row_name("seeded/", family);
}

std::string making_row_name(crypto::Family family) {
    return row_name("making/", family);
}

std::string ending_row_name(crypto::Family family, std::uint32_t version) {
    return row_name("ending/", family, version);
}

std::string certificate_row_name(crypto::Family family, std::uint32_t version) {
    return row_name("certificate/", family, version);
}

}  // namespace clawsigner::service
