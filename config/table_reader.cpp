#include "config/table_reader.h"

#include <algorithm>

namespace clawsigner::config {

Error located(const std::filesystem::path& file, std::uint32_t line, std::string_view reason) {
    std::string message = file.string();
    message.append(":").append(std::to_string(line)).append(": ").append(reason);
    return {ErrorCode::config_invalid, std::move(message)};
}

TableReader::TableReader(const toml::table* table, std::string path,
                         const std::filesystem::path& file)
    : table_(table), path_(std::move(path)), file_(file) {}

std::uint32_t TableReader::line() const {
    // A file without content has no line, and an error says where to begin.
    return table_ == nullptr ? 1 : std::max<std::uint32_t>(table_->source().begin.line, 1);
}

std::uint32_t TableReader::line_of(std::string_view key) const {
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    return node == nullptr ? line() : node->source().begin.line;
}

Error TableReader::fault_at(std::uint32_t line, std::string_view key,
                            std::string_view reason) const {
    std::string sentence = path_;
    sentence.append(path_.empty() ? "" : ".").append(key).append(" ").append(reason);
    return located(file_, line, sentence);
}

void TableReader::refuse(std::string_view key, std::string_view reason) {
    if (!fault_) {
        fault_ = fault_at(line_of(key), key, reason);
    }
}

const toml::node* TableReader::find(std::string_view key) {
    asked_.emplace_back(key);
    return table_ == nullptr || fault_ ? nullptr : table_->get(key);
}

std::optional<std::string> TableReader::optional_text(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto* text = node->as_string();
    if (text == nullptr || text->get().empty() || text->get().find('\0') != std::string::npos) {
        refuse(key, "must be a string that is not empty");
        return std::nullopt;
    }
    return text->get();
}

std::string TableReader::text(std::string_view key) {
    auto found = optional_text(key);
    if (!found) {
        refuse(key, "is missing");
    }
    return std::move(found).value_or("");
}

Setting TableReader::setting(std::string_view key) {
    return {text(key), line_of(key)};
}

Setting TableReader::setting_or(std::string_view key, std::string_view otherwise) {
    return {optional_text(key).value_or(std::string(otherwise)), line_of(key)};
}

std::int64_t TableReader::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t min,
                                     std::int64_t max) {
    const toml::node* node = find(key);
    if (node == nullptr) {
        return otherwise;
    }
    const auto* number = node->as_integer();
    if (number == nullptr || number->get() < min || number->get() > max) {
        refuse(key,
               "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
        return otherwise;
    }
    return number->get();
}

bool TableReader::flag_or(std::string_view key, bool otherwise) {
    const toml::node* node = find(key);
    if (node == nullptr) {
        return otherwise;
    }
    const auto* flag = node->as_boolean();
    if (flag == nullptr) {
        refuse(key, "must be true or false");
        return otherwise;
    }
    return flag->get();
}

std::filesystem::path TableReader::resolved(const std::string& text) const {
    return (file_.parent_path() / text).lexically_normal();
}

std::filesystem::path TableReader::path(std::string_view key) {
    return resolved(text(key));
}

std::optional<std::filesystem::path> TableReader::optional_path(std::string_view key) {
    const auto found = optional_text(key);
    return found ? std::optional(resolved(*found)) : std::nullopt;
}

std::map<std::string, std::string> TableReader::texts(std::string_view key) {
    std::map<std::string, std::string> found;
    const toml::table* inner = table(key);
    if (inner == nullptr) {
        return found;
    }
    for (const auto& [name, node] : *inner) {
        const auto* text = node.as_string();
        if (text == nullptr) {
            refuse(key, "must hold strings only");
            break;
        }
        found.emplace(name.str(), text->get());
    }
    return found;
}

std::vector<Setting> TableReader::settings(std::string_view key) {
    std::vector<Setting> found;
    const toml::node* node = find(key);
    if (node == nullptr) {
        return found;
    }
    const toml::array* array = node->as_array();
    const auto is_text = [](const toml::node& element) {
        const auto* text = element.as_string();
        return text != nullptr && !text->get().empty() &&
               text->get().find('\0') == std::string::npos;
    };
    if (array == nullptr || !std::all_of(array->begin(), array->end(), is_text)) {
        refuse(key, "must be an array of strings that are not empty");
        return found;
    }
    for (const toml::node& element : *array) {
        found.push_back({element.as_string()->get(), element.source().begin.line});
    }
    return found;
}

const toml::table* TableReader::table(std::string_view key) {
    const toml::node* node = find(key);
    if (node != nullptr && !node->is_table()) {
        refuse(key, "must be a table");
        return nullptr;
    }
    return node == nullptr ? nullptr : node->as_table();
}

void TableReader::each_table(std::string_view key,
                             const std::function<void(std::string_view name, TableReader&)>& read) {
    const toml::table* outer = table(key);
    if (outer == nullptr) {
        return;
    }
    for (const auto& [name, node] : *outer) {
        const std::string path = std::string(key) + "." + std::string(name.str());
        if (!node.is_table()) {
            refuse(key, "must hold tables only");
            return;
        }
        TableReader inner(node.as_table(), path, file_);
        read(name.str(), inner);
        if (Status done = inner.finish(); !done.ok() && !fault_) {
            fault_ = std::move(done).error();
        }
    }
}

Status TableReader::finish() const {
    if (fault_) {
        return *fault_;
    }
    if (table_ == nullptr) {
        return Status::done();
    }
    for (const auto& [key, node] : *table_) {
        if (std::ranges::find(asked_, key.str()) == asked_.end()) {
            return fault_at(node.source().begin.line, key.str(), "is not a setting");
        }
    }
    return Status::done();
}

}  // namespace clawsigner::config
