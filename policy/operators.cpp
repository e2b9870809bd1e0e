#include "policy/operators.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

constexpr std::size_t kMaxNamespace = 64;

Error refused(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Is it an operator, whoever else is one?
Status is_whole(const Operator& person) {
    if (!is_principal(person.principal)) {
        return refused("has a principal that is not 1 to 128 letters, digits and . _ - + @");
    }
    if (person.namespaces.size() > kMaxNamespaces ||
        !std::ranges::all_of(person.namespaces, is_namespace)) {
        return refused("has a namespace that is no plain name, or more than 16 of them");
    }
    if (person.valid_after && person.valid_before && *person.valid_after >= *person.valid_before) {
        return refused("is never valid: it ends before it begins");
    }
    return Status::done();
}

}  // namespace

bool is_principal(std::string_view name) noexcept {
    constexpr std::string_view kOthers = "._-+@";
    return !name.empty() && name.size() <= kMaxPrincipal && std::ranges::all_of(name, [&](char c) {
        return is_letter_or_digit(c) || kOthers.find(c) != std::string_view::npos;
    });
}

bool is_namespace(std::string_view name) noexcept {
    constexpr std::string_view kMeaningful = "*?!,\"\\";
    return !name.empty() && name.size() <= kMaxNamespace && std::ranges::all_of(name, [&](char c) {
        return c > ' ' && c <= '~' && kMeaningful.find(c) == std::string_view::npos;
    });
}

bool signs_approvals(const Operator& person) noexcept {
    return person.namespaces.empty() ||
           std::ranges::find(person.namespaces, kApprovalNamespace) != person.namespaces.end();
}

bool may_approve(const Operator& person, UnixMillis at) noexcept {
    return signs_approvals(person) && (!person.valid_after || *person.valid_after <= at) &&
           (!person.valid_before || at <= *person.valid_before);
}

Status may_join(std::span<const Operator> others, const Operator& person) {
    CHECK_OK(is_whole(person));
    if (others.size() >= kMaxOperators) {
        return refused("is one operator more than 64");
    }
    if (std::ranges::find(others, person.principal, &Operator::principal) != others.end()) {
        return refused("has a principal that is an operator already");
    }
    const auto has_its_key = [&](const Operator& other) {
        return other.key.public_key() == person.key.public_key();
    };
    if (std::ranges::any_of(others, has_its_key)) {
        return refused("has the key of another operator");
    }
    return Status::done();
}

Result<Operators> Operators::of(std::vector<Operator> people, std::uint32_t quorum) {
    for (std::size_t i = 0; i < people.size(); ++i) {
        CHECK_OK(may_join(std::span(people).first(i), people[i]));
    }
    const auto able = std::ranges::count_if(people, signs_approvals);
    if (quorum < 1 || quorum > static_cast<std::uint64_t>(able)) {
        return refused("has a quorum that is not from 1 to the " + std::to_string(able) +
                       " operators who may sign approvals");
    }
    std::ranges::sort(people, {}, &Operator::principal);
    Operators operators(std::move(people), quorum);
    if (operators_text(operators).size() > kMaxOperatorsText) {
        return refused("has operators whose text is longer than 28672 bytes");
    }
    return operators;
}

const Operator* Operators::with_key(const crypto::SshPublicKey& key) const noexcept {
    const auto found = std::ranges::find(people_, key, &Operator::key);
    return found == people_.end() ? nullptr : &*found;
}

}  // namespace clawsigner::policy
