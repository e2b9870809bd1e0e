#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "policy/operators.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

using claw::JsonReader;
using claw::JsonValue;
using claw::JsonWriter;

constexpr std::size_t kMaxNamespace = 64;

std::string texts(const std::vector<std::string>& values) {
    std::string text("[");
    for (const std::string& value : values) {
        text.append(text.size() > 1 ? "," : "");
        claw::append_json_string(text, value);
    }
    return text.append("]");
}

// RFC 8785 sorts members by name: the calls below stand in that order.
std::string operator_text(const Operator& person) {
    JsonWriter out;
    out.text("key", person.key.text());
    if (!person.namespaces.empty()) {
        out.raw("namespaces", texts(person.namespaces));
    }
    out.text("principal", person.principal);
    out.optional_time("valid_after", person.valid_after);
    out.optional_time("valid_before", person.valid_before);
    return out.done();
}

Result<Operator> read_operator(const JsonValue& value, const std::string& path) {
    JsonReader in(value, path);
    const std::string key_text = in.text("key", crypto::kMaxSshKeyText);
    std::string principal = in.text("principal", kMaxPrincipal);
    const auto valid_after = in.optional_time("valid_after");
    const auto valid_before = in.optional_time("valid_before");
    std::vector<std::string> namespaces;
    if (in.has("namespaces")) {
        namespaces = in.texts("namespaces", 1, kMaxNamespaces, kMaxNamespace);
    }
    CHECK_OK(in.finish());
    auto key = crypto::SshPublicKey::parse(key_text);
    if (!key.ok()) {
        return Error::at(path + ".key", key.error().message);
    }
    return Operator{std::move(principal), std::move(key).value(), valid_after, valid_before,
                    std::move(namespaces)};
}

Result<std::vector<Operator>> read_operators(const JsonValue* list) {
    if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxOperators) {
        return Error::at("operators", "must be an array of at most 64 operators");
    }
    std::vector<Operator> people;
    for (const JsonValue& element : list->get_array()) {
        const std::string path = "operators[" + std::to_string(people.size()) + "]";
        TRY(Operator person, read_operator(element, path));
        people.push_back(std::move(person));
    }
    return people;
}

}  // namespace

std::string operators_text(const Operators& operators) {
    std::string list("[");
    for (const Operator& person : operators.people()) {
        list.append(list.size() > 1 ? "," : "").append(operator_text(person));
    }
    return JsonWriter()
        .raw("operators", list.append("]"))
        .integer("quorum", operators.quorum())
        .integer("v", 1)
        .done();
}

Result<Operators> parse_operators(std::string_view text) {
    if (text.size() > kMaxOperatorsText) {
        return Error(ErrorCode::invalid_field, "the text of operators is longer than 28672 bytes");
    }
    TRY(const JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    JsonReader in(document, "");
    (void)in.integer("v", 1, 1);
    const auto quorum = static_cast<std::uint32_t>(in.integer("quorum", 1, kMaxOperators));
    const JsonValue* list = in.optional_any("operators");
    CHECK_OK(in.finish());
    TRY(std::vector<Operator> people, read_operators(list));
    auto operators = Operators::of(std::move(people), quorum);
    if (!operators.ok()) {
        return Error(operators.error().code, "the text " + operators.error().message);
    }
    if (operators_text(*operators) != text) {
        return Error(ErrorCode::malformed_json, "the text of operators is not in its one form");
    }
    return operators;
}

}  // namespace clawsigner::policy
