#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/ssh_key.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxOperators = 64;
inline constexpr std::size_t kMaxOperatorsText = 28'672;
inline constexpr std::size_t kMaxPrincipal = 128;
inline constexpr std::size_t kMaxNamespaces = 16;

/// What an approval's signature is made for (PROTOCOL.sshsig, "namespace").
inline constexpr std::string_view kApprovalNamespace = "clawsigner-approval";

/// 1 to 128 letters, digits and . _ - + @ of ASCII: one person's name, in one spelling.
bool is_principal(std::string_view name) noexcept;
/// 1 to 64 visible ASCII characters without patterns' * ? !, commas, quotes and backslashes.
bool is_namespace(std::string_view name) noexcept;

/// A person who may approve, and the one key that proves it is them.
struct Operator {
    std::string principal;
    crypto::SshPublicKey key;
    /// Both included.
    std::optional<UnixMillis> valid_after;
    std::optional<UnixMillis> valid_before;
    /// What the key may sign for, by their exact names; empty: everything.
    std::vector<std::string> namespaces;
    friend bool operator==(const Operator&, const Operator&) = default;
};

/// May the key be used for approvals at all?
bool signs_approvals(const Operator& person) noexcept;
/// May an approval be made with it at that time?
bool may_approve(const Operator& person, UnixMillis at) noexcept;

/// Status::done, or invalid_field without a field name when the operator cannot be one, or cannot
/// be one beside `others`: a principal and a key stand in a set once, also where the key would be
/// of another SSH type.
Status may_join(std::span<const Operator> others, const Operator& person);

/// Who may approve, and how many of them must. Immutable.
class Operators {
public:
    /// 1 to kMaxOperators operators, in any order. The quorum is from 1 to how many of them have a
    /// key that signs approvals. Error: invalid_field without a field name.
    static Result<Operators> of(std::vector<Operator> people, std::uint32_t quorum);

    /// By principal, ascending.
    std::span<const Operator> people() const noexcept { return people_; }
    std::uint32_t quorum() const noexcept { return quorum_; }
    /// Null, when the key is nobody's.
    const Operator* with_key(const crypto::SshPublicKey& key) const noexcept;

    friend bool operator==(const Operators&, const Operators&) = default;

private:
    Operators(std::vector<Operator> people, std::uint32_t quorum)
        : people_(std::move(people)), quorum_(quorum) {}

    std::vector<Operator> people_;
    std::uint32_t quorum_ = 0;
};

/// Canonical JSON (RFC 8785), the same for the same set in any order:
/// {"operators":[{"key":…,"namespaces":[…],"principal":…,"valid_after":…,"valid_before":…}],
/// "quorum":2,"v":1}. What an operator does not have is left out.
std::string operators_text(const Operators& operators);
/// Accepts exactly what operators_text gives. Errors: malformed_json, invalid_field.
Result<Operators> parse_operators(std::string_view text);

}  // namespace clawsigner::policy
