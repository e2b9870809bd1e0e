#pragma once

#include "base/result.h"
#include "config/config.h"

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::config {

/// Reads one TOML table by name and type. The first fault is kept with its line; finish() returns
/// it, and refuses every key that nobody asked for.
class TableReader {
public:
    /// `path` names the table in errors ("backends.main"). A null table reads as empty.
    TableReader(const toml::table* table, std::string path, const std::filesystem::path& file);

    std::string text(std::string_view key);
    std::optional<std::string> optional_text(std::string_view key);
    Setting setting(std::string_view key);
    Setting setting_or(std::string_view key, std::string_view otherwise);
    std::int64_t integer_or(std::string_view key, std::int64_t otherwise, std::int64_t min,
                            std::int64_t max);
    bool flag_or(std::string_view key, bool otherwise);
    std::filesystem::path path(std::string_view key);
    std::optional<std::filesystem::path> optional_path(std::string_view key);
    std::map<std::string, std::string> texts(std::string_view key);
    /// An array of strings that are not empty; empty when it is absent.
    std::vector<Setting> settings(std::string_view key);

    /// A table inside this one, or null.
    const toml::table* table(std::string_view key);
    /// Calls `read` for each table inside the table `key`, in the order of the file's names.
    void each_table(std::string_view key,
                    const std::function<void(std::string_view name, TableReader&)>& read);

    void refuse(std::string_view key, std::string_view reason);
    std::uint32_t line() const;
    std::uint32_t line_of(std::string_view key) const;
    Status finish() const;

private:
    const toml::node* find(std::string_view key);
    Error fault_at(std::uint32_t line, std::string_view key, std::string_view reason) const;
    std::filesystem::path resolved(const std::string& text) const;

    const toml::table* table_;
    std::string path_;
    const std::filesystem::path& file_;
    std::vector<std::string> asked_;
    std::optional<Error> fault_;
};

/// "FILE:LINE: reason", code config_invalid.
Error located(const std::filesystem::path& file, std::uint32_t line, std::string_view reason);

}  // namespace clawsigner::config
