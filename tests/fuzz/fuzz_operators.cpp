#include "fuzz/fuzz.h"
#include "policy/act_request.h"
#include "policy/allowed_signers.h"

namespace clawsigner::fuzz {
namespace {

/// Each operator as a line of the file, which gives the same again.
void require_same_lines(std::span<const policy::Operator> people) {
    for (const policy::Operator& person : people) {
        if (person.namespaces.empty() && !person.valid_after && !person.valid_before) {
            const auto again =
                policy::parse_allowed_signers(person.principal + " " + person.key.text());
            require(again.ok() && again->size() == 1 && again->front() == person);
        }
    }
}

}  // namespace

// What is read from a person's file can be stored; what is stored has one text.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto people = policy::parse_allowed_signers(text); people.ok()) {
        require(people->size() <= policy::kMaxOperators);
        require_same_lines(*people);
        if (const auto operators = policy::Operators::of(*people, 1); operators.ok()) {
            const auto again = policy::parse_operators(policy::operators_text(*operators));
            require(again.ok() && *again == *operators);
        }
    }
    if (const auto operators = policy::parse_operators(text); operators.ok()) {
        require(policy::operators_text(*operators) == text);
    }
    if (const auto request = policy::parse_request(text); request.ok()) {
        require(policy::request_text(*request) == text);
        require(policy::check_request(*request).ok());
        require(policy::approval_message(*request).size() == 43);
    }
}

}  // namespace clawsigner::fuzz
